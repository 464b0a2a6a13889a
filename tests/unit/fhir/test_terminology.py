"""Own codes and extensions: each has its meaning in the export, and nothing else has."""

import json
from uuid import UUID

from tests.support.fhir_case import extension, of_type, read, written
from trellis_core.care.vocabulary import Activity, ConsentMethod, Credential, Program, StaffRole
from trellis_core.fhir import profiles
from trellis_core.fhir.kept import KEPT, record_extension
from trellis_core.fhir.names import TYPES
from trellis_core.fhir.terminology import terminology
from trellis_core.store.engine import Store
from trellis_core.store.tables import PatientRow


def own_addresses(part: str) -> set[str]:
    return {
        value
        for value in vars(profiles).values()
        if isinstance(value, str) and value.startswith(f"{profiles.BASE}/{part}/")
    }


def test_every_own_address_has_one_resource_that_says_what_it_means() -> None:
    found = written(terminology())
    urls = [each["url"] for each in found]
    systems = of_type(found, "CodeSystem")

    assert {each["url"] for each in systems} == own_addresses("CodeSystem")
    assert {each["url"] for each in of_type(found, "StructureDefinition")} == own_addresses(
        "StructureDefinition"
    )
    assert {each["compose"]["include"][0]["system"] for each in of_type(found, "ValueSet")} == {
        each["url"] for each in systems
    }
    assert {each["valueSet"] for each in systems} == {
        each["url"] for each in of_type(found, "ValueSet")
    }
    assert len(set(urls)) == len(urls) == len({UUID(each["id"]) for each in found})
    assert len({each["name"] for each in systems}) == len(systems)
    assert {each["status"] for each in found} == {"active"}
    assert {each["publisher"] for each in found} == {"Trellis"}
    for each in systems:
        assert each["count"] == len({one["code"] for one in each["concept"]})
        assert all(one["definition"].endswith(".") for one in each["concept"])
    assert json.dumps(found) == json.dumps(written(terminology.__wrapped__()))


def test_every_word_of_the_field_has_a_code() -> None:
    codes = {
        each["url"]: {one["code"] for one in each["concept"]}
        for each in of_type(terminology(), "CodeSystem")
    }

    assert codes[profiles.ACTIVITY] == set(Activity)
    assert codes[profiles.PROGRAM] == set(Program)
    assert codes[profiles.STAFF_ROLE] == set(StaffRole)
    assert codes[profiles.CONSENT_METHOD] == set(ConsentMethod)
    assert codes[profiles.CREDENTIAL] == {each for each in Credential if each}
    assert codes[profiles.RECORD_KIND] == {kind for kind, of in TYPES.items() if of == "Basic"}
    assert "PHQ-9" in codes[profiles.SCALE]


def test_every_field_that_leaves_is_a_part_of_its_extension(sample_store: Store) -> None:
    parts = {
        each["url"]: {
            element["id"].split(":")[1].removesuffix(".value[x]"): {
                f"value{of['code'][:1].upper()}{of['code'][1:]}" for of in element["type"]
            }
            for element in each["differential"]["element"]
            if element["id"].count(":") == 1 and element["id"].endswith(".value[x]")
            if "type" in element
        }
        for each in of_type(terminology(), "StructureDefinition")
    }
    charts = read(sample_store)
    written_ones = []
    for chart in charts.all:
        written_ones += [
            extension(each, profiles.ENTRY) for each in of_type(charts.time(chart), "Procedure")
        ]
        for kind, kept in KEPT.items():
            rows = [chart.patient] if kept.row is PatientRow else chart.of(kept.row)
            written_ones += [record_extension(kind, row) for row in rows]

    assert len(written_ones) > 400
    for each in written_ones:
        known = parts[each["url"]]
        for part in each["extension"]:
            (element,) = set(part) - {"url"}
            assert element in known[part["url"]]
