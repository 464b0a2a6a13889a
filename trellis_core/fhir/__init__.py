"""Trellis and other systems: FHIR R4 out, and in (``reading``).

Reading takes what records and test systems really send and keeps only what Trellis needs; it never
keeps a Social Security number. Nothing here reads or writes the store.
"""

from typing import Final

MEDIA_TYPE: Final = "application/fhir+json"
