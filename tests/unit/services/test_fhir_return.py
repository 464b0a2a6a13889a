"""An own export brought into an empty store: the same practice again, or nothing."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from tests.support.empty_store import empty_store
from tests.support.month_case import DECEMBER, NOVEMBER, MonthCase
from tests.support.own_export import change_line, whole_export, write_files, write_manifest
from tests.support.small_panel import at
from trellis_core.access import AccessRole, Actor
from trellis_core.errors import CommandRefusedError, InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.kept import KEPT
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.writing import json_line
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import returned_files, returned_records
from trellis_core.services.exchange import ImportReport
from trellis_core.services.fhir_export import ExportForm, FhirWanted, export_fhir
from trellis_core.services.fhir_return import is_whole_export, return_practice
from trellis_core.services.integrity import check_store
from trellis_core.services.issued_superbills import read_issued
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.months import Standing, month_state
from trellis_core.services.practice import has_practice
from trellis_core.services.superbill_drafts import month_bills
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import MONTH_ROLL, SUPERBILL, SUPERBILL_LINE, PatientRow
from trellis_core.superbill import Superbill
from trellis_core.superbill.issued import claim_of
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

SEPTEMBER = ServiceMonth(2026, 9)
OCTOBER = ServiceMonth(2026, 10)
OWNER = Actor(practice_id="trellis-sample", person_id="md-1", role=AccessRole.OWNER)
LATER = FixedClock(datetime(2027, 1, 8, 15, tzinfo=UTC))
Change = Callable[[Resource], Resource | str | None]


@pytest.fixture
def target(tmp_path: Path) -> Store:
    """Another empty store."""
    return open_store(empty_store(tmp_path / "target" / "trellis.db"))


def bring(
    folder: Path, store: Store, clock: FixedClock = LATER, *, dry_run: bool = False
) -> ImportReport:
    return return_practice([folder], store=store, clock=clock, dry_run=dry_run)


def kept_rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return every kept column of every kept row."""
    found = {}
    with store.reading() as unit:
        for kind, kept in KEPT.items():
            table = kept.row.__table__
            rows = unit.connection.execute(select(*(table.c[name] for name in kept.columns)))
            found[kind] = sorted((tuple(row) for row in rows), key=repr)
    return found


def seconds(store: Store) -> set[tuple[object, ...]]:
    """Return the time of every patient, program and month; none is as good as no row."""
    columns = (MONTH_ROLL.c[name] for name in ("ym", "patient_id", "program", "seconds", "entries"))
    with store.reading() as unit:
        return {tuple(row) for row in unit.connection.execute(select(*columns)) if row[3]}


def billed(store: Store, practice_id: str, month: ServiceMonth, now: datetime) -> list[object]:
    """Return what a month's drafts would claim, with their amounts."""
    with store.reading() as unit:
        bills = month_bills(
            unit, practice_id, month, as_of=now, rule_book=load_rule_book()
        ).drafts.superbills
    return [(bill.id, claim_of(bill), *_lines(bill)) for bill in bills if bill.lines]


def _lines(bill: Superbill) -> tuple[object, ...]:
    return tuple(
        (line.id, line.program, line.minutes, line.units, line.allowed, line.charge)
        for line in bill.lines
    )


def issued(store: Store) -> list[Superbill]:
    """Return every version that was issued, without the close, which is each store's own."""
    with store.reading() as unit:
        (practice_id,) = unit.connection.execute(
            select(SUPERBILL.c.practice_id).distinct()
        ).scalars()
        found = read_issued(unit, practice_id)
        lines = [tuple(row) for row in unit.connection.execute(select(SUPERBILL_LINE))]
    return [
        *(
            (each.number, each.superseded_by, each.changes_claim, each.issued_at)
            for each in found
        ),
        *(replace(each.bill, closed=None, checkpoint=None) for each in found),
        *sorted(lines),
    ]  # fmt: skip


def without_closes(resources: list[Resource]) -> dict[str, Resource]:
    """Return resources by id; of documents what the close does not seal."""
    return {
        str(each["id"]): {name: value for name, value in each.items() if name != "content"}
        for each in resources
    }


def assert_whole(store: Store) -> None:
    found = check_store(store, is_full=True, is_anchored=False)
    assert found.ok, found.findings


# --- everything ----------------------------------------------------------------------------------


@pytest.fixture
def closed_sample(sample_store: Store, clock: FixedClock) -> Store:
    """The sample practice with October closed, and a patient whom another system knows."""
    with sample_store.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.exec(select(PatientRow)).scalars().first()
        assert row is not None
        row.source_identifier = "urn:ehr|JF-1001"
        unit.session.add(row)
    close_month(
        CloseMonth(month=OCTOBER, form_id="close"),
        store=sample_store, actor=OWNER, clock=clock, rule_book=load_rule_book(),
    )  # fmt: skip
    return sample_store


def assert_same_practice(source: Store, target: Store, clock: FixedClock) -> None:
    assert kept_rows(target) == kept_rows(source)
    assert seconds(target) == seconds(source)
    assert issued(target) == issued(source)
    for store in (source, target):
        state = month_state(OCTOBER, store=store, actor=OWNER, clock=clock)
        assert (state.standing, len(state.issued)) == (Standing.CLOSED, 30)
    drafts = [billed(each, OWNER.practice_id, NOVEMBER, clock.now()) for each in (source, target)]
    assert drafts[0]
    assert drafts[0] == drafts[1]
    with target.reading() as unit:
        known = unit.session.exec(select(PatientRow.source_identifier)).scalars().all()
    assert [each for each in known if each] == ["urn:ehr|JF-1001"]
    assert_whole(target)


def test_the_sample_practice_comes_back_as_it_was(
    closed_sample: Store, target: Store, clock: FixedClock, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    export_fhir(
        FhirWanted(form=ExportForm.NDJSON), folder,
        store=closed_sample, actor=OWNER, clock=clock, rule_book=load_rule_book(),
    )  # fmt: skip
    assert is_whole_export([folder])
    report = bring(folder, target, clock)
    assert report.is_stored
    assert (report.read, report.added, report.refused) == (565, 565, 0)
    assert {"patient: 43", "superbill: 30", "October 2026 is closed, and what was issued stands."
            } <= set(report.lines)  # fmt: skip
    assert_same_practice(closed_sample, target, clock)
    exported, again = whole_export(closed_sample), whole_export(target)
    assert [each["id"] for each in again] == [each["id"] for each in exported]
    assert without_closes(again) == without_closes(exported)


def test_a_bundle_is_as_good_and_postgresql_too(
    closed_sample: Store, postgres_store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    path = bundle(whole_export(closed_sample), tmp_path)
    assert is_whole_export([path])
    assert bring(path, postgres_store, clock).is_stored
    assert_same_practice(closed_sample, postgres_store, clock)


def bundle(resources: list[Resource], folder: Path, kind: str = "collection") -> Path:
    path = folder / "bundle.json"
    entries = [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in resources]
    path.write_bytes(json_line({"resourceType": "Bundle", "type": kind, "entry": entries}))
    return path


# --- a practice of real people -------------------------------------------------------------------


@pytest.fixture
def case(sqlite_store: Store) -> MonthCase:
    """Fern's time was corrected, Reed's superbill replaced, Moss's withdrawn, Ivy's time overlaps."""
    case = MonthCase(sqlite_store)
    case.enrolled("fern", "reed", "moss", "ivy")
    case.panel.log("fern", 22, at=at(3), entry_id="t-fern")
    case.panel.log("reed", 25, at=at(5), entry_id="t-reed")
    case.panel.log("moss", 30, at=at(6), entry_id="t-moss")
    case.panel.log("ivy", 21, at=at(9), entry_id="t-ivy")
    correct(case, "t-fern", minutes=24)
    case.close()
    case.reopen()
    correct(case, "t-moss", minutes=None)
    case.log("reed", 20, at=at(12))
    case.close()
    case.close(SEPTEMBER)
    # Reed's call began first, but Ivy's was recorded first and keeps the nurse's time.
    december = datetime(2026, 12, 3, 15, tzinfo=UTC)
    case.clock.advance(hours=24 * 10)
    case.panel.log("ivy", 25, at=december, recorded_after=timedelta(hours=1))
    case.panel.log(
        "reed", 25, at=december - timedelta(minutes=5), recorded_after=timedelta(hours=9)
    )
    return case


def correct(case: MonthCase, entry_id: str, *, minutes: int | None) -> None:
    correct_time(
        CorrectTime(
            entry_id_new=str(uuid4()),
            entry_id=entry_id,
            seconds=None if minutes is None else minutes * 60,
            reason="As she says",
        ),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )


def test_corrections_versions_and_overlaps_bill_the_same(
    case: MonthCase, target: Store, tmp_path: Path
) -> None:
    assert bring(write_files(whole_export(case.store), tmp_path / "files"), target).is_stored
    assert kept_rows(target) == kept_rows(case.store)
    assert seconds(target) == {
        (*row[:4], 2 if row[1:4] == ("reed", "CCM", 2700) else 1) for row in seconds(case.store)
    }
    assert issued(target) == issued(case.store)
    now = LATER.now()
    drafts = [billed(each, "prac-1", DECEMBER, now) for each in (case.store, target)]
    assert len(drafts[0]) == 1  # Ivy's; nothing is left of Reed's
    assert drafts[0] == drafts[1]
    assert_whole(target)


def test_a_returned_month_stays_closed_and_bills_nothing_again(
    case: MonthCase, target: Store, tmp_path: Path
) -> None:
    bring(write_files(whole_export(case.store), tmp_path / "files"), target)
    back = MonthCase(target, clock=LATER, is_there=True)
    state = back.state()
    assert (state.standing, state.marks, state.by_name) == (Standing.CLOSED, 1, "the system")
    assert len(back.numbers()) == len(case.numbers()) == 6
    assert (back.state(SEPTEMBER).standing, back.state(SEPTEMBER).issued) == (Standing.CLOSED, ())
    assert back.state(DECEMBER).standing is Standing.OPEN
    standing = len(state.issued)
    back.reopen()
    again = back.close()
    assert len(again.issued) == standing - 1  # what was withdrawn stays so
    assert not [one for one in again.issued if one.changes_claim or one.replaces is None]
    assert_whole(target)


def test_a_month_that_was_open_for_an_adjustment_is_closed_and_named(
    case: MonthCase, target: Store, tmp_path: Path
) -> None:
    case.reopen()
    case.log("fern", 20, at=at(17))
    report = bring(write_files(whole_export(case.store), tmp_path / "files"), target)
    assert any("November 2026 was open for an adjustment" in line for line in report.lines)
    back = MonthCase(target, clock=LATER, is_there=True)
    assert back.state().standing is Standing.CLOSED
    back.reopen()
    (changed,) = [one for one in back.close().issued if one.changes_claim]
    assert changed.patient_id == "fern"
    assert changed.replaces is not None
    assert_whole(target)


def test_a_rehearsal_stores_nothing_and_a_store_with_a_practice_is_refused(
    case: MonthCase, target: Store, tmp_path: Path
) -> None:
    folder = write_files(whole_export(case.store), tmp_path / "files")
    rehearsed = bring(folder, target, dry_run=True)
    assert not rehearsed.is_stored
    assert not has_practice(store=target)
    done = bring(folder, target)
    assert (done.read, done.lines) == (rehearsed.read, rehearsed.lines)
    with pytest.raises(CommandRefusedError, match="already holds a practice"):
        bring(folder, target)


# --- what is refused -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """The export of a small practice with two superbills, written once."""
    store = open_store(empty_store(tmp_path_factory.mktemp("small") / "trellis.db"))
    case = MonthCase(store)
    case.enrolled("fern", "reed")
    case.panel.log("fern", 22, at=at(3))
    case.panel.log("reed", 25, at=at(5))
    case.close()
    made = whole_export(store)
    store.close()
    return made


def field(name: str, value: Resource | None) -> Change:
    """Return what gives a record's field another value, or takes it away."""

    def change(resource: Resource) -> Resource:
        (extension,) = resource["extension"]  # type: ignore[misc]
        parts = [each for each in extension["extension"] if each["url"] != name]
        extension["extension"] = [*parts, *([{"url": name, **value}] if value else [])]
        return resource

    return change


def another(name: str) -> Change:
    return field(name, {"valueString": "secret-nobody"})


def changed_text(resource: Resource) -> Resource:
    """Return a document whose superbill somebody changed."""
    attachment = resource["content"][-1]["attachment"]  # type: ignore[index]
    attachment["data"] = b64encode(b64decode(attachment["data"]) + b" ").decode()
    return resource


UNREADABLE: dict[tuple[str, int], tuple[Change, str]] = {
    ("Patient", 1): (lambda _: "{secret", "Patient.ndjson line 1: This is not JSON"),
    ("Patient", 2): (lambda _: '{"resourceType":"Secret"}', "line 2: This is no Patient."),
    ("Consent", 1): (lambda _: "", "Consent.ndjson line 1: This is not JSON"),
    ("Consent", 2): (lambda _: "[]", "Consent.ndjson line 2: This is no resource."),
    ("Practitioner", 4): (
        lambda _: None,
        "There are 3 resources of the type Practitioner; the export has 4.",
    ),
}
RECORDS: dict[tuple[str, int], tuple[Change, str]] = {
    ("Organization", 1): (field("time_zone", {"valueString": "secret"}), "A word of the record"),
    ("Patient", 1): (field("family_name", None), "line 1: A patient needs the field 'family_name'"),
    ("Patient", 2): (field("birth_date", {"valueDate": "secret"}), "'birth_date' of a patient"),
    ("Condition", 1): (
        field("secret", {"valueString": "x"}),
        "Condition.ndjson line 1: A condition",
    ),
    ("Practitioner", 1): (field("role", {"valueString": "secret"}), "A word of the record"),
    ("Practitioner", 2): (field("id", {"valueString": "rn-1"}), "The record is there twice."),
    ("DocumentReference", 1): (changed_text, "was changed after its export"),
}
TIME: dict[tuple[str, int], tuple[Change, str]] = {
    ("Basic", 1): (lambda _: None, "The export does not say that it is whole."),
    ("Procedure", 1): (lambda one: {**one, "status": "secret"}, "A time entry cannot be read"),
    ("Procedure", 2): (lambda one: {**one, "subject": {}}, "The patient is not in the export."),
}
REFERENCES: dict[tuple[str, int], tuple[Change, str]] = {
    ("Consent", 1): (
        another("obtained_by"),
        "1: The field 'obtained_by' names a staff that is not",
    ),
    ("Consent", 2): (another("billing_practitioner"), "Consent.ndjson line 2: The field"),
    ("Encounter", 1): (another("patient_id"), "'patient_id' names a patient that is not"),
    ("Practitioner", 1): (field("id", {"valueString": "x"}), "names a staff that"),
}
GAP: dict[tuple[str, int], tuple[Change, str]] = {
    ("DocumentReference", 1): (lambda one: one["content"].pop() and one, "have gaps: 1 not there"),
}


@pytest.mark.parametrize("changes", [UNREADABLE, RECORDS, TIME, REFERENCES, GAP])
def test_what_is_wrong_is_named_by_file_and_line_and_nothing_is_stored(
    exported: list[Resource],
    sqlite_store: Store,
    tmp_path: Path,
    changes: dict[tuple[str, int], tuple[Change, str]],
) -> None:
    folder = write_files(exported, tmp_path / "files")
    for (kind, line), (change, _) in changes.items():
        change_line(folder, kind, line, change)
    report = bring(folder, sqlite_store)
    assert not report.is_stored
    assert not has_practice(store=sqlite_store)
    assert report.refused == len(report.lines) - 1
    for _, said in changes.values():
        assert any(said in each for each in report.lines), (said, report.lines)
    assert not [each for each in report.lines if "secret" in each.lower() or "fern" in each.lower()]


def test_files_that_are_missing_too_many_or_of_another_form_are_refused(
    exported: list[Resource], sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(InputRefusedError) as caught:
            bring(path, sqlite_store)
        assert not has_practice(store=sqlite_store)
        return f"{caught.value.path}: {caught.value.message}"

    folder = write_files(exported, tmp_path / "files")
    (folder / "Consent.ndjson").rename(tmp_path / "Consent.ndjson")
    assert refused(folder).startswith("Consent.ndjson: The file is missing.")
    write_manifest(folder)
    assert "the export has 2" in " ".join(bring(folder, sqlite_store).lines)
    (folder / "Old.ndjson").touch()
    assert "1 files that it does not name" in refused(folder)
    (folder / "manifest.json").write_text(json.dumps({"output": [{"url": "../x", "count": 1}]}))
    assert refused(folder).startswith("manifest.json output 1")
    for nothing in (tmp_path / "nowhere", tmp_path):
        assert not is_whole_export([nothing])
        assert refused(nothing)

    transaction = bundle(exported, tmp_path, "transaction")
    assert "as NDJSON files" in refused(transaction)
    collection = bundle(exported, tmp_path)
    assert bring(tmp_path, sqlite_store, dry_run=True).refused == 0
    monkeypatch.setattr(returned_files, "MAX_BUNDLE_BYTES", collection.stat().st_size - 1)
    assert "as NDJSON files" in refused(collection)


def test_two_exports_in_one_are_refused_and_many_problems_are_counted(
    exported: list[Resource], sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bundle([*exported, *exported], tmp_path)
    report = bring(path, sqlite_store)
    assert report.lines[-1].startswith("The export says twice that it is whole")
    monkeypatch.setattr(returned_files, "MOST_NAMED", 2)
    short = bring(path, sqlite_store)
    assert short.lines == (*report.lines[:3], f"There are {report.refused - 2} more problems.")


def test_a_part_is_not_taken_for_a_whole(exported: list[Resource], tmp_path: Path) -> None:
    definition: Resource = {"resourceType": "StructureDefinition", "id": "x", "url": profiles.WHOLE}
    assert not is_whole_export([bundle([*exported[:-1], definition], tmp_path)])
    assert not is_whole_export([write_files([*exported[:-1], definition], tmp_path / "files")])


def test_every_column_that_names_a_person_is_looked_at() -> None:
    columns = {name for kept in KEPT.values() for name in kept.columns}
    people = {
        name
        for name in columns
        if name in {"by", "consultant"} or name.endswith(("_by", "_practitioner"))
    }
    named = {name for name in columns if name.endswith("_id")}
    looked_at = set(returned_records.REFERS)
    assert people - looked_at == {"care_planning_by_practitioner", "given_by"}
    assert named - looked_at == {
        "care_plan_id",
        "discharge_id",
        "member_id",
        "session_id",
        "site_id",
    }
