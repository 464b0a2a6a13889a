"""Papers a practice files or sends: drawn from values, never deciding anything.

A document gets a finished ``Superbill`` and writes it down. Unchanged data gives the same bytes.

Example:
    >>> from trellis_core.documents.disclaimer import DISCLAIMER
    >>> DISCLAIMER.startswith("General information")
    True
"""
