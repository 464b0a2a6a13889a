"""Small FHIR bundles as another system would send them."""

import json
from pathlib import Path


def snomed_only_bundle(folder: Path) -> Path:
    """Write a patient with two conditions that have SNOMED CT codes and no ICD-10-CM code."""
    patient = {
        "resourceType": "Patient",
        "id": "s-1",
        "identifier": [{"system": "urn:example:mrn", "value": "SYN-1"}],
        "name": [{"family": "Thornapple", "given": ["Isolde"]}],
        "gender": "female",
        "birthDate": "1950-04-05",
    }
    conditions = [
        {
            "resourceType": "Condition",
            "id": f"c-{code}",
            "subject": {"reference": "Patient/s-1"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}], "text": text},
        }
        for code, text in (("44054006", "Diabetes"), ("59621000", "Hypertension"))
    ]
    entries = [{"resource": resource} for resource in (patient, *conditions)]
    path = folder / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return path
