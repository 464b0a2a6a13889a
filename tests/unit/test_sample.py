"""The sample practice: what it promises on whatever day it is loaded."""

import csv
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Credential, Program
from trellis_core.errors import CommandRefusedError
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.sample import app_folder, demo_day, load_sample, sample_today
from trellis_core.services.board import month_determinations
from trellis_core.services.caseload import chart, patients
from trellis_core.services.integrity import check_store
from trellis_core.services.practice import the_practice
from trellis_core.services.practice_files import PracticeFiles, read_practice_files
from trellis_core.services.sign_in import demo_actors
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.codes import is_npi
from trellis_core.values.periods import ServiceMonth

FOLDER = app_folder() / "sample_data"
ZONE = ZoneInfo("America/New_York")
DAYS = [
    *(date(2026, 11, number) for number in range(1, 31)),
    date(2026, 3, 1),  # February before
    date(2026, 3, 31),
    date(2026, 1, 1),  # the year turns
    date(2028, 2, 29),
]


def local(entry: TimeEntry) -> datetime:
    return entry.started_at.astimezone(ZONE)


def end(entry: TimeEntry) -> datetime:
    return entry.started_at + timedelta(seconds=entry.seconds)


@cache
def files(day: date) -> PracticeFiles:
    return read_practice_files(FOLDER, day=day)


def worked(found: PracticeFiles, *, running: ServiceMonth) -> Counter[tuple[bool, str, Program]]:
    """Return seconds by running or last month, patient and program."""
    seconds: Counter[tuple[bool, str, Program]] = Counter()
    for entry in found.entries:
        is_running = local(entry).date() in running
        seconds[is_running, entry.patient_id, entry.program] += entry.seconds
    return seconds


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_nothing_lies_after_the_given_day_and_no_file_has_a_problem(day: date) -> None:
    found = files(day)
    assert found.problems == ()
    assert max(end(entry).astimezone(ZONE).date() for entry in found.entries) <= day
    dated = [
        *(one.scale.on for _, one in found.scales),
        *(one.on for _, one in found.visits),
        *(one.review.on for _, one in found.caseload_reviews),
        *(one.began_at.date() for one in found.caseload_sessions),
        *(one.obtained_on for _, one in found.consents),
        *(contact.at.date() for _, one in found.discharges for contact in one.contacts),
    ]
    assert max(dated) <= day


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_nobody_does_two_things_at_once_but_where_that_is_shown(day: date) -> None:
    meant = {"p-214", "p-113", "p-114", "p-115", "p-218", "p-219"}
    for whose in ("staff_id", "patient_id"):
        by = defaultdict(list)
        for entry in files(day).entries:
            by[getattr(entry, whose)].append(entry)
        for entries in by.values():
            entries.sort(key=lambda entry: entry.started_at)
            for first, second in pairwise(entries):
                overlaps = end(first) > second.started_at
                assert not overlaps or {first.patient_id, second.patient_id} <= meant


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_each_month_holds_the_same_work_whatever_the_day(day: date) -> None:
    month = ServiceMonth.of(day)
    expected = worked(files(date(2026, 11, 22)), running=ServiceMonth(2026, 11))
    assert worked(files(day), running=month) == expected
    assert {ServiceMonth.of(local(entry).date()) for entry in files(day).entries} == {
        month,
        month.previous,
    }


def test_on_the_first_of_a_month_the_running_months_work_is_done_before_eight() -> None:
    running = [entry for entry in files(date(2026, 12, 1)).entries if local(entry).month == 12]
    assert running
    assert max(end(entry) for entry in running).astimezone(ZONE).hour < 8


def test_fifteen_patients_were_at_exactly_the_ccm_base_unit_last_month() -> None:
    found = files(date(2026, 11, 22))
    fifteen = {who.id for who, _ in found.patients if who.shows.startswith("One of fifteen")}
    minutes: Counter[str] = Counter()
    for entry in found.entries:
        if entry.patient_id in fifteen and local(entry).month == 10:
            assert entry.program is Program.CCM
            minutes[entry.patient_id] += entry.seconds // entry.patients_sharing
    assert len(fifteen) == len(minutes) == 15
    assert all(20 * 60 <= seconds < 40 * 60 for seconds in minutes.values())


def test_the_work_of_every_credential_that_care_management_knows_is_shown() -> None:
    found = files(date(2026, 11, 22))
    credentials = {member.id: member.credential for member in found.staff}
    worked = {credentials[entry.staff_id] for entry in found.entries if entry.staff_id}
    assert worked >= {
        Credential.RN,
        Credential.LPN,
        Credential.LCSW,
        Credential.BCBA,
        Credential.OT,
        Credential.SLP,
        Credential.LPC,
        Credential.MD,
        Credential.NP,
    }


def test_people_are_fictional_but_their_numbers_are_well_formed() -> None:
    found = files(date(2026, 11, 22))
    assert is_npi(found.practice.npi or "")
    assert {member.npi for member in found.staff} >= {"1234567893"}
    assert len({who.mrn for who, _ in found.patients}) == len(found.patients)
    for who, _ in found.patients:
        assert re.fullmatch(r"518-555-01\d\d", who.phone)
        assert who.shows
        assert who.coverage is not None
        if who.coverage.payer_name == "Medicare Part B":
            assert re.fullmatch(r"1EG4TE5MK\d\d", who.coverage.member_id or "")
    assert found.practice.state == "NY", "a claim needs the address; amounts stay national"
    assert found.practice.locality is None


def test_the_readme_names_every_patient_and_what_they_show() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    with (FOLDER / "patients.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert f"| {row['id']} |" in readme
            assert row["shows"] in readme


def test_the_sample_loads_through_the_importer_and_its_ledger_is_intact(store: Store) -> None:
    load_sample(store, day=date(2026, 11, 22))
    owner = demo_actors(store=store)[0][1]
    assert owner.role is AccessRole.OWNER
    assert owner.is_billing_practitioner
    assert the_practice(store=store, actor=owner).is_sample
    assert patients(store=store, actor=owner).total == 43
    report = check_store(store)
    assert report.ok
    assert report.entries == len(files(date(2026, 11, 22)).entries)
    ward = chart("p-221", month=ServiceMonth(2026, 10), store=store, actor=owner)
    assert ward.discharges[0].contacts[0].at == datetime(2026, 10, 6, 14, 15, tzinfo=UTC)


def test_the_sample_is_not_loaded_over_another_practice(store: Store) -> None:
    load_sample(store, day=date(2026, 11, 22))
    with pytest.raises(CommandRefusedError, match="already holds a practice"):
        load_sample(store, day=date(2026, 11, 22))


def test_a_demonstration_takes_place_today_or_on_the_last_day_with_amounts() -> None:
    rule_book = load_rule_book()
    last = rule_book.amounts.last_priced_day
    assert last is not None
    assert demo_day(date(2026, 11, 22), rule_book) == date(2026, 11, 22)
    assert demo_day(last, rule_book) == last
    assert demo_day(last + timedelta(days=1), rule_book) == last


def test_the_samples_day_is_new_yorks() -> None:
    late = FixedClock(datetime(2026, 12, 1, 2, 0, tzinfo=UTC))
    assert sample_today(late) == date(2026, 11, 30)


def test_the_apps_folder_holds_the_dashboard_and_the_sample() -> None:
    assert (app_folder() / "dashboard.py").is_file()
    assert Path(app_folder() / "sample_data" / "practice.json").is_file()


LAST_MONTH: dict[str, tuple[set[str], set[str]]] = {
    "p-201": ({"99490x1", "99439x2"}, set()),
    "p-202": (set(), {"TIME_NOT_MET"}),
    "p-203": ({"99490x1"}, set()),
    "p-204": ({"99426x1"}, set()),
    "p-205": ({"99484x1"}, set()),
    "p-206": (set(), {"CONSENT_MISSING"}),
    "p-207": ({"99490x1"}, set()),
    "p-208": (set(), {"CONSENT_INCOMPLETE"}),
    "p-209": ({"99490x1"}, set()),
    "p-210": (set(), {"CARE_PLAN_COPY_MISSING"}),
    "p-211": (set(), {"INITIATING_VISIT_MISSING"}),
    "p-212": ({"99487x1"}, set()),
    "p-213": ({"99491x1"}, set()),
    "p-214": ({"99490x1"}, set()),
    "p-215": (set(), {"TIME_NOT_MET"}),
    "p-216": ({"99490x1"}, set()),
    "p-217": ({"99490x1"}, set()),
    "p-219": ({"99492x1"}, set()),
    "p-220": ({"99492x1"}, set()),
    "p-221": ({"99496x1"}, set()),
    "p-225": ({"99490x1", "99484x1"}, set()),
    "p-226": (set(), {"ESRD_SAME_MONTH"}),
    "p-227": (set(), {"BILLED_BY_OTHER_PRACTITIONER"}),
    "p-228": ({"99424x1"}, set()),
} | {f"p-{number}": ({"99490x1"}, set()) for number in range(101, 116)}
"""What each patient was put there to show: lines and blocks of the month before."""

THIS_MONTH: dict[str, tuple[set[str], set[str]]] = {
    "p-205": (set(), {"RATING_SCALE_MISSING"}),
    "p-207": (set(), {"CONSENT_REVOKED", "TIME_NOT_MET"}),
    "p-217": (set(), {"DECEASED", "TIME_NOT_MET"}),
    "p-218": ({"99492x1"}, set()),
    "p-219": ({"G2214x1"}, set()),
    "p-220": (set(), {"CASELOAD_REVIEW_MISSING"}),
}
"""What shows in the running month alone."""

NOT_COUNTED = {
    "p-113": "SHARED_ACTIVITY",
    "p-209": "BEFORE_CONSENT",
    "p-213": "OTHER_PROGRAM_TRACK",
    "p-214": "OVERLAP_SAME_PATIENT",
    "p-215": "NON_CLINICAL_TIME",
    "p-216": "FACILITY_STAY",
    "p-217": "AFTER_DEATH",
}


@pytest.mark.parametrize("day", [date(2026, 11, number) for number in (1, 2, 22, 30)], ids=str)
def test_every_patient_shows_their_one_thing_whatever_the_day(store: Store, day: date) -> None:
    load_sample(store, day=day)
    owner = demo_actors(store=store)[0][1]
    clock = FixedClock(datetime(day.year, day.month, day.day, 20, tzinfo=UTC))
    running = ServiceMonth.of(day)
    for month, wanted in ((running.previous, LAST_MONTH), (running, THIS_MONTH)):
        found = month_determinations(
            month=month, store=store, actor=owner, clock=clock, rule_book=load_rule_book()
        )
        for patient_id, (lines, blocks) in wanted.items():
            answer = found[patient_id]
            assert {f"{line.code}x{line.units}" for line in answer.lines} == lines, patient_id
            assert {str(block.reason) for block in answer.blocked} == blocks, patient_id
        if month == running.previous:
            base = [line for number in range(101, 116) for line in found[f"p-{number}"].lines]
            assert sum(line.allowed or 0 for line in base) == Decimal("991.95")
            assert sum(line.allowed or 0 for line in found["p-201"].lines) == Decimal("167.01")
            for patient_id, reason in NOT_COUNTED.items():
                assert reason in {str(one.reason) for one in found[patient_id].not_counted}
            assert [one.question for one in found["p-213"].decisions_needed] == ["track"]


def test_discharges_show_contacts_that_were_made_missed_and_still_due(store: Store) -> None:
    load_sample(store, day=date(2026, 11, 20))
    owner = demo_actors(store=store)[0][1]
    found = month_determinations(
        month=ServiceMonth(2026, 11),
        store=store,
        actor=owner,
        clock=FixedClock(datetime(2026, 11, 20, 20, tzinfo=UTC)),
        rule_book=load_rule_book(),
    )
    assert [line.code for line in found["p-222"].lines] == ["99495"]
    assert {str(one.reason) for one in found["p-222"].warnings} == {"TCM_KEEP_TRYING"}
    assert {str(one.reason) for one in found["p-223"].blocked} == {"TCM_CONTACT"}
    assert found["p-224"].blocked == ()
    assert {str(one.step) for one in found["p-224"].pending} == {
        "contact",
        "visit",
        "medication_reconciliation",
    }
