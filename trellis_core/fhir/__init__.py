"""Trellis and other systems: FHIR R4 out (``export``) and in (``import_``).

Reading takes what records and test systems really send and keeps only what Trellis needs; it never
keeps a Social Security number. Nothing here knows the store.

Example:
    >>> from trellis_core.fhir.import_ import read_bundle
    >>> read_bundle(b'{"resourceType": "Bundle", "type": "collection"}').patients
    ()
"""

from typing import Final

MEDIA_TYPE: Final = "application/fhir+json"
