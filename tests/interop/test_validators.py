"""The validators that others wrote say no to what is wrong, each in its own way, and yes to what is right."""

from copy import deepcopy

import pytest

from tests.support import node
from tests.support.node import FHIR, US_CORE
from trellis_core.fhir.profiles import us_core

needs_node = pytest.mark.node

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"profile": [us_core("us-core-patient")]},
    "identifier": [{"system": "https://ehr.example/mrn", "value": "42"}],
    "name": [{"family": "Ñandú", "given": ["Ana"]}],
    "gender": "female",
    "birthDate": "1951-02-03",
}
PROCEDURE = {
    "resourceType": "Procedure",
    "id": "w1",
    "meta": {"profile": [us_core("us-core-procedure")]},
    "status": "completed",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "711069006"}]},
    "subject": {"reference": "Patient/p1"},
    "performedPeriod": {
        "start": "2026-11-20T12:00:00-05:00",
        "end": "2026-11-20T12:20:00-05:00",
    },
}


def bundle(*resources):
    base = "https://trellis-care.example/fhir"
    entries = [
        {"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each}
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def with_change(resource, **changes):
    changed = deepcopy(resource) | changes
    return {key: value for key, value in changed.items() if value is not None}


@needs_node
@pytest.mark.parametrize("version", US_CORE)
def test_a_good_bundle_passes_under_every_version_of_us_core(fhir_check, version):
    found = fhir_check([bundle(PATIENT, PROCEDURE)], us_core=version)
    assert found.errors == ()
    assert found.resources == 3
    assert found.checks["invariants"] >= 40
    wanted = {"schema": 3, "medplum": 3, "profile": 2, "lantana": 2, "refs": 3}
    assert {key: found.checks[key] for key in wanted} == wanted


BAD = {
    "a code that its list does not have": (
        with_change(PATIENT, gender="banana"), "lantana", "gender",
    ),
    "an element that R4 does not have": (
        with_change(PROCEDURE, occurrencePeriod={"start": "2026-11-20"}), "schema", "occurrencePeriod",
    ),
    "an end before its beginning": (
        with_change(PROCEDURE, performedPeriod={"start": "2026-11-21", "end": "2026-11-20"}),
        "invariants", "per-1",
    ),
    "no identifier, which US Core wants": (
        with_change(PATIENT, identifier=None), "medplum:us-core-patient", "identifier",
    ),
    "a reference to nothing": (
        bundle(PATIENT, with_change(PROCEDURE, subject={"reference": "Patient/other"})),
        "refs", "Patient/other",
    ),
    "a profile that there is not": (
        with_change(PATIENT, meta={"profile": [us_core("us-core-patients")]}), "medplum", "not loaded",
    ),
}  # fmt: skip


@needs_node
def test_each_validator_finds_what_is_its_to_find(fhir_check):
    found = fhir_check([each for each, _, _ in BAD.values()])
    for number, (name, (_, engine, words)) in enumerate(BAD.items()):
        errors = [each for each in found.errors if f"checked-{number}.json" in each.where]
        said = [f"{each.path} {each.words}" for each in errors if each.engine == engine]
        assert any(words in each for each in said), (name, errors)


@pytest.fixture
def version_said(monkeypatch, tmp_path):
    """Put a program in the place of Node.js, or take it away."""

    def say(version):
        program = tmp_path / "node"
        program.unlink(missing_ok=True)
        if version:
            program.write_text(f"#!/bin/sh\necho {version}\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return say


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "apt install nodejs npm, then npm ci --prefix tests/data/fhir/without"),
        ("v16.20.2", "Node.js v16.20.2 is too old: 18 or newer is needed"),
        ("v20.20.2", "not installed: npm ci --prefix tests/data/fhir/without"),
    ],
)
def test_a_test_without_node_skips_with_what_to_install_or_fails_where_it_is_required(
    monkeypatch, version_said, version, message
):
    version_said(version)
    monkeypatch.delenv("TRELLIS_REQUIRE_NODE", raising=False)
    with pytest.raises(pytest.skip.Exception, match=message):
        node.node_or_skip(FHIR / "without")
    monkeypatch.setenv("TRELLIS_REQUIRE_NODE", "1")
    with pytest.raises(pytest.fail.Exception, match=f"{message}.*TRELLIS_REQUIRE_NODE=1"):
        node.node_or_skip(FHIR / "without")
