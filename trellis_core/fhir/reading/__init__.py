"""FHIR R4 of other systems, as they really write it: Bundles, single resources and NDJSON.

What is met in practice and must not stop an import: conditions in SNOMED CT only, references as
``Patient/id``, ``urn:uuid:``, whole addresses or ``Patient?identifier=system|value``, one value where a
list is due, and partial dates. Social Security numbers, licences and passports are passed over and
never kept. Every resource is accounted for: what became of it, and why. Nothing here knows the store.

Example:
    >>> from datetime import date
    >>> from zoneinfo import ZoneInfo
    >>> from trellis_core.fhir.reading.document import entries_of_document
    >>> from trellis_core.fhir.reading.records import read_records
    >>> entries = entries_of_document(b'{"resourceType": "Bundle", "type": "collection"}')
    >>> read_records(entries, zone=ZoneInfo("UTC"), today=date(2026, 11, 20)).patients
    ()
"""
