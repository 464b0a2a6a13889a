"""Time as Procedures: once for each piece of work, whatever became of it, and back exactly."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.fhir_case import Charts, extension, of_type, read, referred
from tests.support.month_case import MonthCase
from tests.support.superbill_case import entry
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import OTHER, Activity, ContactState, EntryMode, Program
from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.time import entry_of, root_of
from trellis_core.ledger.entries import TimeEntry
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import CarePlanRow, ConditionRow, EnrollmentRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

NOON = datetime(2026, 11, 10, 17, 0, tzinfo=UTC)


@pytest.fixture
def case(sqlite_store: Store) -> MonthCase:
    made = MonthCase(sqlite_store, clock=FixedClock(datetime(2026, 12, 1, 14, tzinfo=UTC)))
    made.enrolled("p1", "p2")
    return made


def charts_of(case: MonthCase) -> Charts:
    return read(case.store)


def correct(case: MonthCase, entry_id: str, seconds: int | None, **more: object) -> str:
    receipt = correct_time(
        CorrectTime(
            entry_id_new=new_entry_id(),
            entry_id=entry_id,
            seconds=seconds,
            reason="A secret reason",
            **more,
        ),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )
    return receipt.entry.id


def as_it_leaves(version: TimeEntry, root: str) -> TimeEntry:
    return replace(
        version, id=root, note="", reason="", code="", service_day=None, replaces=None,
        is_note_withheld=False,
    )  # fmt: skip


def alone(charts: Charts, *entries: TimeEntry) -> list[dict[str, object]]:
    """The first chart as if these were its entries."""
    return charts.time(replace(charts.all[0], entries=entries), {e.id: 60 for e in entries})


def test_every_entry_of_the_sample_practice_leaves_valid_and_comes_back_exactly(
    sample_store: Store,
) -> None:
    charts = read(sample_store)
    count = 0
    for chart in charts.all:
        procedures = of_type(charts.time(chart), "Procedure")
        back = [entry_of(each, patient_id=chart.patient.id) for each in procedures]
        count += len(back)

        assert back == [as_it_leaves(each, each.id) for each in chart.entries]
    assert count > 100


def test_a_correction_gives_the_same_procedure_other_words_and_never_a_note(
    case: MonthCase,
) -> None:
    first = case.log("p1", 20, at=NOON).entry.id
    (before,) = of_type(charts_of(case).time(charts_of(case).of("p1")), "Procedure")
    second = correct(case, first, 25 * 60)
    third = correct(case, second, 26 * 60)
    charts = charts_of(case)
    (after,) = of_type(charts.time(charts.of("p1"), {third: 1560}), "Procedure")

    assert after["id"] == before["id"] == charts.names.id("time-entry", first)
    assert before["performedPeriod"]["end"] == "2026-11-10T12:20:00-05:00"
    assert after["performedPeriod"]["end"] == "2026-11-10T12:26:00-05:00"
    assert after["status"] == "completed"
    assert extension(after, profiles.COUNTED_TIME)["valueDuration"]["value"] == 1560
    (standing,) = (each for each in charts.of("p1").entries if each.id == third)
    assert entry_of(after, patient_id="p1") == as_it_leaves(standing, first)
    assert "diet" not in json.dumps(after)
    assert "secret" not in json.dumps(after)


def test_what_was_taken_back_is_entered_in_error_and_never_missing(case: MonthCase) -> None:
    first = case.log("p1", 20, at=NOON).entry.id
    correct(case, correct(case, first, 25 * 60), None)
    charts = charts_of(case)
    (gone,) = of_type(charts.time(charts.of("p1")), "Procedure")

    assert gone["id"] == charts.names.id("time-entry", first)
    assert gone["status"] == "entered-in-error"
    assert extension(gone, profiles.COUNTED_TIME) is None
    assert entry_of(gone, patient_id="p1") is None


def test_time_that_moved_to_another_patient_is_an_error_here_and_begins_anew_there(
    case: MonthCase,
) -> None:
    first = case.log("p1", 20, at=NOON).entry.id
    moved = correct(case, first, 20 * 60, patient_id="p2")
    charts = charts_of(case)
    (here,) = of_type(charts.time(charts.of("p1")), "Procedure")
    (there,) = of_type(charts.time(charts.of("p2")), "Procedure")

    assert here["status"] == "entered-in-error"
    assert there["id"] == charts.names.id("time-entry", moved)
    assert first not in json.dumps(there)


def test_a_correction_that_month_end_divides_goes_on_with_its_earlier_part(
    case: MonthCase,
) -> None:
    midnight = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
    first = case.log("p1", 20, at=midnight - timedelta(hours=1)).entry.id
    correct(case, first, 30 * 60, started_at=midnight - timedelta(minutes=10))
    chart = charts_of(case).of("p1")
    earlier, later = (each for each in chart.entries if not each.is_reversed)

    assert root_of(chart.entries) == {first: first, earlier.id: first, later.id: later.id}
    shown = of_type(charts_of(case).time(chart), "Procedure")
    assert [each["performedPeriod"]["start"] for each in shown] == [
        "2026-10-31T23:50:00-04:00",
        "2026-11-01T00:00:00-04:00",
    ]
    assert entry_of(shown[1], patient_id="p1").parent == later.parent is not None


CONTACTS = [
    ((ContactState.REACHED,), "finished"),
    ((ContactState.ATTEMPTED,), None),
    ((ContactState.NONE,), None),
    ((None,), None),
    ((ContactState.ATTEMPTED, ContactState.REACHED), "finished"),
    ((ContactState.REACHED, ContactState.ATTEMPTED), "entered-in-error"),
]


def test_a_contact_is_an_encounter_only_where_somebody_was_reached(
    case: MonthCase,
) -> None:
    charts = charts_of(case)
    for contacts, status in CONTACTS:
        check_contact(charts, contacts, status)


def check_contact(
    charts: Charts, contacts: tuple[ContactState | None, ...], status: str | None
) -> None:
    *before, last = (
        replace(
            entry(f"t{number}", 20),
            staff_id="rn-1",
            contact=contact,
            replaces=f"t{number - 1}" if number else None,
        )
        for number, contact in enumerate(contacts)
    )
    found = alone(charts, *(replace(each, is_reversed=True) for each in before), last)
    (procedure,), encounters = of_type(found, "Procedure"), of_type(found, "Encounter")

    assert [each["status"] for each in encounters] == ([status] if status else [])
    assert ("encounter" in procedure) is bool(status)
    for each in encounters:
        assert referred(procedure["encounter"]) == each["id"]
        assert each["class"]["code"] == "VR"
        assert each["period"] == procedure["performedPeriod"]
        assert referred(each["participant"][0]["individual"]) == charts.names.id("staff", "rn-1")


def test_every_field_that_no_element_holds_comes_back_and_usual_ones_are_left_out(
    case: MonthCase,
) -> None:
    charts = charts_of(case)
    odd = TimeEntry(
        id="t1", program=Program.COCM, staff_id="rn-1", started_at=NOON, seconds=86_400,
        activity=Activity.AUTOMATED_CALL, patient_id="p1", condition="I10", patients_sharing=3,
        billed_elsewhere=True, separate_from_visit=False, contact=ContactState.ATTEMPTED,
        recorded_at=NOON + timedelta(days=2), is_estimated=True, mode=EntryMode.TIMED,
        author_id="dr-1", parent="form-1", seq=7,
    )  # fmt: skip
    plain = TimeEntry(
        id="t2", program=Program.CCM, staff_id=None, started_at=NOON, seconds=1,
        activity=Activity.RECORD_REVIEW, patient_id="p1",
    )  # fmt: skip
    first, second = alone(charts, odd, plain)

    assert entry_of(first, patient_id="p1") == odd
    assert entry_of(second, patient_id="p1") == plain
    assert [each["url"] for each in extension(second, profiles.ENTRY)["extension"]] == ["entry"]
    assert "performer" not in second
    assert "recorder" not in second


def test_a_procedure_says_who_for_whom_why_and_under_which_plan(case: MonthCase) -> None:
    charts = charts_of(case)
    chart = charts.of("p1")
    (enrollment,) = chart.of(EnrollmentRow)
    codes = {each.icd10: each.id for each in chart.of(ConditionRow)}
    work = replace(entry("t1", 20), staff_id="rn-1", author_id="dr-1", condition="I10")
    (found,) = alone(charts, work)
    person = found["performer"][0]

    assert person["function"]["coding"][0] == {
        "system": profiles.STAFF_ROLE,
        "code": "clinical_staff",
    }
    assert referred(person["actor"]) == charts.names.id("staff", "rn-1")
    assert referred(person["onBehalfOf"]) == charts.names.id("practice", "prac-1")
    assert referred(found["recorder"]) == charts.names.id("staff", "dr-1")
    assert referred(found["reasonReference"][0]) == charts.names.id("condition", codes["I10"])
    assert referred(extension(found, profiles.TIME_PROGRAM)["valueReference"]) == charts.names.id(
        "enrollment", enrollment.id
    )
    assert ("enrollment", enrollment.id) in charts.names.used
    (unnamed,) = alone(charts, replace(work, staff_id=OTHER, author_id=OTHER, condition="Z99.9"))
    assert not {"performer", "recorder", "reasonReference"} & set(unnamed)


def test_plan_and_enrollment_are_those_of_the_day(case: MonthCase) -> None:
    charts = charts_of(case)
    chart = charts.of("p1")
    (enrollment,), (plan,) = chart.of(EnrollmentRow), chart.of(CarePlanRow)
    for day, is_enrolled, is_planned in [
        (date(2026, 11, 3), True, True),
        (enrollment.started_on, True, plan.established_on <= enrollment.started_on),
        (enrollment.started_on - timedelta(days=1), False, False),
    ]:
        at = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
        (found,) = alone(charts, replace(entry("t1", 5), started_at=at))
        assert (extension(found, profiles.TIME_PROGRAM) is not None) is is_enrolled
        assert ("basedOn" in found) is is_planned
    (other,) = alone(charts, entry("t1", 5, program=Program.BHI))
    assert "basedOn" not in other


def test_the_clock_going_back_adds_no_hour(case: MonthCase) -> None:
    work = replace(
        entry("t1", 20), started_at=datetime(2026, 11, 1, 5, 50, tzinfo=UTC), note="", code=""
    )
    (found,) = alone(charts_of(case), work)

    assert found["performedPeriod"] == {
        "start": "2026-11-01T01:50:00-04:00",
        "end": "2026-11-01T01:10:00-05:00",
    }
    assert entry_of(found, patient_id=work.patient_id) == work


MALFORMED = [
    ("status", "preparation", "status"),
    ("category", {"coding": [{"system": profiles.PROGRAM, "code": "secret"}]}, "category"),
    ("category", {"coding": [{"system": "http://other", "code": "CCM"}]}, "category"),
    ("code", {"text": "secret"}, "code"),
    ("performedPeriod", {"start": "2026-11-10"}, "performedPeriod.start"),
    (
        "performedPeriod",
        {"start": "2026-11-10T12:00:00Z", "end": "2026-11-10T12:00:00Z"},
        "performedPeriod.end",
    ),
    ("extension", [], "extension"),
    ("extension", [{"url": "seq", "valueString": "secret"}], "seq"),
    ("extension", [{"url": "mode", "valueCode": "secret"}], "mode"),
    ("extension", [{"url": "billed_elsewhere", "valueBoolean": 1}], "billed_elsewhere"),
    ("extension", [{"url": "recorded_at", "valueInstant": "secret"}], "recorded_at"),
    ("extension", [{"url": "secret", "valueString": "secret"}], "extension"),
]


def test_what_was_not_written_here_is_refused_by_the_name_of_its_field(case: MonthCase) -> None:
    (found,) = alone(charts_of(case), entry("t1", 20))
    for element, wrong, named in MALFORMED:
        value = wrong
        if element == "extension" and wrong:
            root = {"url": "entry", "valueString": "t1"}
            value = [{"url": profiles.ENTRY, "extension": [root, *wrong]}]
        with pytest.raises(InputRefusedError) as refused:
            entry_of({**found, element: value}, patient_id="p1")
        assert refused.value.path == named
        assert "secret" not in str(refused.value)
