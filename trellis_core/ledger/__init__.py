"""Minutes of work as an append-only record: entries, and the chain that proves them.

Entries are added, never changed. A correction is a reversal and, unless the entry is only
voided, a replacement. Pure: no database here.
"""
