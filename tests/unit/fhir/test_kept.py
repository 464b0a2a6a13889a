"""The record inside a resource: every field comes back as it was, and none leaves that is not named."""

from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from trellis_core.errors import InputRefusedError
from trellis_core.fhir.checking import checked
from trellis_core.fhir.kept import KEPT, key_of, record_extension, record_of
from trellis_core.fhir.shapes import Resource
from trellis_core.store.chart_query import read_charts, read_practice
from trellis_core.store.engine import Store
from trellis_core.store.tables import ConsentRow, PracticeRow, TrellisTable, VisitRow

CONSENT = ConsentRow(
    practice_id="p",
    id="c-1",
    patient_id="pt-1",
    program="CCM",
    obtained_on=date(2026, 3, 1),
    documented=False,
    elements="",
    recorded_at=datetime(2026, 3, 1, 14, 5, 6, 789, tzinfo=UTC),
)

STAYS = {
    "access_setting", "background_job", "background_job_part", "claim_payment", "claim_submission",
    "column_profile", "emergency_access",
    "import_batch", "import_row", "invitation", "kept_rule_book", "medicare_table", "note_draft",
    "patient_merge", "patient_note", "restricted_chart", "roi_scenario", "running_timer",
    "second_factor", "sign_in", "sign_in_attempt", "sign_in_step", "suggested_time",
    "superbill_approval", "task", "timer_part",
}  # fmt: skip


def resource_with(extension: Resource) -> Resource:
    return {
        "resourceType": "Basic",
        "extension": [extension],
        "code": {"text": "record"},
    }


def parts_of(extension: Resource) -> list[Resource]:
    return cast("list[Resource]", extension["extension"])


def test_a_record_comes_back_with_every_field_and_the_empty_one_stays_empty() -> None:
    resource = checked(resource_with(record_extension("consent", CONSENT)))
    kind, fields = record_of(resource) or ("", {})
    assert kind == "consent"
    assert fields == {
        "id": "c-1",
        "patient_id": "pt-1",
        "program": "CCM",
        "obtained_on": date(2026, 3, 1),
        "documented": False,
        "elements": "",
        "recorded_at": datetime(2026, 3, 1, 14, 5, 6, 789, tzinfo=UTC),
    }
    assert (
        ConsentRow.model_validate({"practice_id": "p", **fields}).model_dump()
        == CONSENT.model_dump()
    )


def test_every_row_of_the_sample_practice_comes_back(sample_store: Store) -> None:
    with sample_store.reading() as unit:
        practice_id = unit.session.connection().exec_driver_sql("select id from practice").scalar()
        practice = read_practice(unit, str(practice_id))
        ids = unit.session.connection().exec_driver_sql("select id from patient").scalars().all()
        charts = read_charts(unit, str(practice_id), ids)
    seen = set()
    for kind, kept in KEPT.items():
        of_practice: list[Any] = list(practice.of(kept.row))
        if kept.row is PracticeRow:
            of_practice = [practice.practice]
        of_patients = [row for chart in charts for row in chart.of(kept.row)]
        if kind == "patient":
            of_patients = [chart.patient for chart in charts]
        keys = set()
        for row in (*of_practice, *of_patients):
            found, fields = record_of(resource_with(record_extension(kind, row))) or ("", {})
            assert found == kind
            for name in kept.columns:
                default = kept.row.model_fields[name].default
                assert fields.get(name, default) == getattr(row, name), (kind, name)
            keys.add(key_of(kind, row))
            seen.add(kind)
        assert len(keys) == len(of_practice) + len(of_patients)
    assert {"practice", "staff", "patient", "condition", "enrollment", "consent"} <= seen


def test_of_every_table_and_column_somebody_decided_whether_it_leaves() -> None:
    tables = {
        mapper.class_.__tablename__: mapper.class_ for mapper in TrellisTable._sa_registry.mappers
    }
    kept = {each.row.__tablename__: each for each in KEPT.values()}
    assert set(tables) - set(kept) == STAYS
    for each in kept.values():
        assert set(each.columns) | set(each.left_out) == {*each.row.model_fields, "practice_id"}
        assert not set(each.columns) & set(each.left_out)
    assert "password_hash" in KEPT["staff"].left_out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"url": "obtained_on", "valueDate": "2026-02-30"}, "'obtained_on' of a consent"),
        ({"url": "documented", "valueString": "false"}, "'documented' of a consent"),
        ({"url": "password_hash", "valueString": "x"}, "does not know"),
        ({"url": "id", "valueString": "c-1"}, "stands twice"),
        ({"url": "given_by", "valueCode": "Rosa Delgado"}, "'given_by' of a consent"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_and_not_repeated(change: Resource, says: str) -> None:
    extension = record_extension("consent", CONSENT)
    parts = [each for each in parts_of(extension) if each["url"] != change["url"]]
    if change["url"] == "id":
        parts.append({"url": "id", "valueString": "c-0"})
    extension["extension"] = [*parts, change]
    with pytest.raises(InputRefusedError, match=says) as refused:
        record_of(resource_with(extension))
    assert "Rosa" not in str(refused.value)


def test_a_record_without_a_needed_field_or_of_an_unknown_kind_is_refused() -> None:
    row = VisitRow(practice_id="p", id="v", patient_id="pt", on_day=date(2026, 1, 5))
    extension = record_extension("visit", row)
    extension["extension"] = [each for each in parts_of(extension) if each["url"] != "on_day"]
    with pytest.raises(InputRefusedError, match="needs the field 'on_day'"):
        record_of(resource_with(extension))
    odd = {"url": extension["url"], "extension": [{"url": "record-kind", "valueCode": "sign-in"}]}
    with pytest.raises(InputRefusedError, match="unknown to this edition"):
        record_of(resource_with(odd))
    assert record_of({"resourceType": "Basic"}) is None
