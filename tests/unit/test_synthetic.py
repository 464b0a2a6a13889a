"""A synthetic practice: the size asked for, the same each time, and with a bit of everything."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, LargeBinary, select

from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import ContactState, EntryMode, Program, StaffRole
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import board, month_determinations
from trellis_core.services.board_rows import BoardState
from trellis_core.services.caseload import patients
from trellis_core.services.integrity import check_store
from trellis_core.services.review import ReviewState, review_month
from trellis_core.services.sign_in import demo_actors
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import ENTRY, ENTRY_NOTE, MONTH_ROLL, TrellisTable
from trellis_core.synthetic import Made, Size, load_synthetic
from trellis_core.synthetic.calendar import calendar_of
from trellis_core.synthetic.dealing import Deck
from trellis_core.synthetic.names import medicare_number, npi_number
from trellis_core.values.clock import FixedClock
from trellis_core.values.codes import is_mbi, is_npi
from trellis_core.values.periods import ServiceMonth, zone_named

DAY = date(2026, 11, 20)
NOW = FixedClock(datetime(2026, 11, 20, 17, tzinfo=UTC))
OWNER = Actor(practice_id="synthetic", person_id="md-1", role=AccessRole.OWNER)
SIZE = Size(patients=300, entries=9_000, months=4, seed=7)
SMALL = Size(patients=30, entries=400, months=3, seed=7)
ZONE = zone_named("America/New_York")
MIDNIGHT = datetime(2026, 11, 20, 5, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Made]]:
    """A practice of 300, which no test changes but by looking at it."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('synthetic') / 'trellis.db'}")
    yield store, load_synthetic(store, size=SIZE, day=DAY, clock=NOW)
    store.close()


@pytest.fixture(scope="module")
def practice(made):
    return made[0]


@pytest.fixture(scope="module")
def entries(practice):
    with practice.reading() as unit:
        return unit.connection.execute(select(ENTRY).order_by(ENTRY.c.seq)).all()


@pytest.fixture(scope="module")
def standing(entries):
    """The entries that no reversal took back."""
    reversed_ids = {entry.reverses for entry in entries}
    return [e for e in entries if e.kind == "time" and e.entry_id not in reversed_ids]


def everything(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table but what makes a store that store."""
    return {
        table.name: [
            tuple(bytes(v) if isinstance(c.type, LargeBinary) and v is not None else v
                  for c, v in zip(table.columns, row, strict=True))
            for row in connection.execute(select(table).order_by(*table.primary_key))
        ]
        for table in TrellisTable.metadata.sorted_tables
        if table.name != "store_identity"
    }  # fmt: skip


# --- the size, and the same each time ------------------------------------------------------------


def test_it_has_the_size_asked_for_and_an_intact_ledger(made):
    store, told = made
    report = check_store(store, is_full=True)
    assert (report.ok, report.findings, report.entries) == (True, (), SIZE.entries)
    assert patients(store=store, actor=OWNER).total == SIZE.patients
    assert (told.patients, told.entries, told.months) == (300, 9_000, 4)


def test_it_says_what_it_made(made, standing):
    _, told = made
    assert told.programs.keys() == set(Program)
    assert told.minutes == sum(entry.seconds for entry in standing) // 60
    assert told.people >= 8


def test_every_month_has_its_share_of_the_work(entries):
    count = Counter(entry.ym for entry in entries)
    assert count.keys() == {202608, 202609, 202610, 202611}
    assert min(count[ym] for ym in (202608, 202609, 202610)) > 2_000
    assert 1_000 < count[202611] < 2_000, "it is not over"


def test_the_same_seed_and_day_give_the_same_practice_byte_for_byte(tmp_path: Path) -> None:
    found = []
    for number, hours in enumerate((0, 50)):
        store = open_store(f"sqlite:///{tmp_path / f'{number}.db'}")
        clock = FixedClock(NOW.now() + timedelta(hours=hours))
        load_synthetic(store, size=SMALL, day=DAY, clock=clock)
        with store.reading() as unit:
            found.append(everything(unit.connection))
        store.close()
    assert found[0] == found[1]
    assert {"patient", "entry", "entry_note", "event", "event_text", "month_roll"} <= {
        name for name, rows in found[0].items() if rows
    }


def test_another_seed_gives_another_practice(store: Store, tmp_path: Path) -> None:
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}")
    load_synthetic(store, size=SMALL, day=DAY, clock=NOW)
    load_synthetic(other, size=Size(patients=30, entries=400, months=3, seed=8), day=DAY, clock=NOW)
    heads = {report.head for report in (check_store(store), check_store(other))}
    other.close()
    assert len(heads) == 2


@pytest.mark.parametrize(
    ("size", "day"),
    [
        (Size(patients=3, entries=50, months=1, seed=1), date(2026, 11, 1)),
        (Size(patients=1, entries=1, months=1, seed=1), date(2026, 11, 20)),
        (Size(patients=1, entries=1, months=3, seed=1), date(2026, 11, 1)),
        (Size(patients=2, entries=900, months=2, seed=1), date(2026, 11, 3)),
        (Size(patients=40, entries=3, months=2, seed=1), date(2026, 11, 20)),
    ],
)
def test_any_size_has_exactly_its_entries(size, day, store):
    load_synthetic(store, size=size, day=day, clock=NOW)
    report = check_store(store)
    assert (report.ok, report.entries) == (True, size.entries)


def test_it_is_not_poured_over_another_practice(store: Store) -> None:
    load_synthetic(store, size=SMALL, day=DAY, clock=NOW)
    before = check_store(store)
    with pytest.raises(CommandRefusedError, match="already holds a practice"):
        load_synthetic(store, size=SMALL, day=DAY, clock=NOW)
    after = check_store(store)
    assert (after.head, after.journal_head) == (before.head, before.journal_head)


def test_its_progress_is_told_up_to_the_end(store: Store) -> None:
    told: list[tuple[int, int]] = []
    load_synthetic(
        store,
        size=SMALL,
        day=DAY,
        clock=NOW,
        progress=lambda done, whole: told.append((done, whole)),
    )
    assert told[-1] == (400, 400)


# --- its people and patients ---------------------------------------------------------------------


def test_everybody_can_be_used_without_a_password_as_in_the_sample(practice):
    actors = [actor for _, actor in demo_actors(store=practice)]
    assert (actors[0].person_id, actors[0].role) == (OWNER.person_id, OWNER.role)
    assert {actor.role for actor in actors} == set(AccessRole)
    roles = {member.role for member, _ in demo_actors(store=practice)}
    assert roles == set(StaffRole)


def test_numbers_have_their_forms_and_are_one_persons_each():
    assert all(is_npi(npi_number(number)) for number in range(100, 1_000))
    ids = [medicare_number(number) for number in range(1, 20_000)]
    assert all(is_mbi(each) for each in ids)
    assert len(set(ids)) == len(ids)


# --- its work ------------------------------------------------------------------------------------


def test_nothing_lies_after_the_day(entries, practice):
    for entry in entries:
        assert entry.started_at + abs(entry.seconds) < MIDNIGHT
        assert entry.recorded_at < MIDNIGHT
        assert entry.service_day < DAY.isoformat()
    with practice.reading() as unit:
        found = everything(unit.connection)
    ahead = {
        name
        for name, rows in found.items()
        for row in rows
        for value in row
        if (isinstance(value, datetime) and value.timestamp() > MIDNIGHT)
        or (type(value) is date and DAY <= value < date.max)
    }
    assert ahead <= {"registry_mark"}, "only the next appointment is ahead"


def test_an_entry_is_recorded_after_the_work_and_in_the_ledgers_order(entries):
    assert all(first.recorded_at <= second.recorded_at for first, second in pairwise(entries))
    assert all(e.recorded_at >= e.started_at + e.seconds for e in entries if e.kind == "time")


def test_only_a_reversal_takes_time_away_and_no_total_is_below_zero(entries, practice):
    assert all((entry.seconds > 0) == (entry.kind == "time") for entry in entries)
    with practice.reading() as unit:
        rolls = unit.connection.execute(select(MONTH_ROLL.c.seconds, MONTH_ROLL.c.entries)).all()
    assert all(seconds >= 0 and count >= 0 for seconds, count in rolls)


def test_a_person_does_one_thing_after_the_other_but_for_a_few(standing):
    mine = defaultdict(list)
    for entry in standing:
        if entry.patients_sharing == 1:
            mine[entry.staff_id].append((entry.started_at, entry.started_at + entry.seconds))
    overlaps = sum(
        first[1] > second[0] for spans in mine.values() for first, second in pairwise(sorted(spans))
    )
    assert 0 < overlaps < len(standing) / 250


def test_a_shared_activity_is_one_hour_of_one_person_for_two_patients(standing):
    shared = defaultdict(list)
    for entry in standing:
        if entry.patients_sharing > 1:
            shared[entry.staff_id, entry.started_at].append(entry)
    assert shared
    for both in shared.values():
        assert len({entry.patient_id for entry in both}) == 2 == both[0].patients_sharing
        assert len({(entry.seconds, entry.activity) for entry in both}) == 1


def test_it_works_on_weekdays_by_day_with_a_weekend_now_and_then(standing):
    at = [datetime.fromtimestamp(entry.started_at, ZONE) for entry in standing]
    weekends = sum(each.weekday() >= 5 for each in at) / len(at)
    assert 0 < weekends < 0.05
    assert all(7 <= each.hour < 22 for each in at)


def test_there_is_a_bit_of_everything(entries, standing, practice):
    share = len(standing) / 100
    modes = Counter((entry.mode, bool(entry.is_estimated)) for entry in standing)
    assert modes[EntryMode.TIMED, False] > 70 * share
    assert modes[EntryMode.TYPED, False] > 8 * share
    assert modes[EntryMode.TIMED, True] > share
    assert modes[EntryMode.SUGGESTED, False] > share
    assert {entry.contact for entry in standing} == {
        None, ContactState.REACHED, ContactState.ATTEMPTED,
    }  # fmt: skip
    late = sum(e.recorded_at - e.started_at - e.seconds > 43_200 for e in standing)
    assert share < late < 5 * share
    assert any(entry.billed_elsewhere for entry in standing)
    assert {entry.staff_id.split("-")[0] for entry in standing} >= {"md", "rn", "lpn", "lcsw"}
    with practice.reading() as unit:
        notes = unit.connection.execute(select(ENTRY_NOTE.c.text)).scalars().all()
    assert 5 * share < len(notes) < 12 * share


def test_about_one_entry_in_a_hundred_is_corrected_with_a_reason(entries):
    by_id = {entry.entry_id: entry for entry in entries}
    reversals = [entry for entry in entries if entry.kind == "reversal"]
    assert 0.005 < len(reversals) / len(entries) < 0.02
    assert all(entry.note_hmac for entry in reversals)
    assert {entry.replaces for entry in entries if entry.replaces} == {
        e.reverses for e in reversals
    }
    for entry in reversals:
        assert by_id[entry.reverses].seconds == -entry.seconds
        assert entry.seq > by_id[entry.reverses].seq


# --- what the rules make of it -------------------------------------------------------------------


def test_a_board_shows_every_state_of_every_program(practice):
    rows = board(
        month=ServiceMonth(2026, 10), store=practice, actor=OWNER, clock=NOW,
        rule_book=load_rule_book(),
    ).rows  # fmt: skip
    states = Counter(row.state for row in rows)
    assert states.keys() == set(BoardState)
    assert states[BoardState.BILLABLE] > len(rows) / 2
    assert {row.program for row in rows} == set(Program)


def test_most_of_what_can_be_in_the_way_is_in_somebodys_way(practice):
    found = [
        month_determinations(
            month=ServiceMonth(2026, number), store=practice, actor=OWNER, clock=NOW,
            rule_book=load_rule_book(),
        )
        for number in (9, 10, 11)
    ]  # fmt: skip
    all_of = [answer for month in found for answer in month.values()]
    assert {each.reason for answer in all_of for each in answer.blocked} >= {
        Reason.TIME_NOT_MET, Reason.CONSENT_MISSING, Reason.CONSENT_UNDOCUMENTED,
        Reason.CONSENT_REVOKED, Reason.CARE_PLAN_MISSING, Reason.CARE_PLAN_COPY_MISSING,
        Reason.INITIATING_VISIT_MISSING, Reason.RATING_SCALE_MISSING, Reason.DECEASED,
        Reason.BILLED_BY_OTHER_PRACTITIONER, Reason.UNKNOWN_APCM_SERVICES_DOCUMENTED,
    }  # fmt: skip
    assert {each.reason for answer in all_of for each in answer.not_counted} >= {
        Reason.SHARED_ACTIVITY, Reason.OVERLAP_SAME_STAFF, Reason.BILLED_ELSEWHERE,
        Reason.NON_CLINICAL_TIME,
    }  # fmt: skip
    assert {line.code for answer in all_of for line in answer.lines} >= {
        "99490", "99439", "99487", "99491", "99426", "99427", "99484", "99493", "G0557", "99495",
    }  # fmt: skip


def test_most_of_what_can_be_billed_is_ready_to_be(practice):
    review = review_month(
        ServiceMonth(2026, 10), store=practice, actor=OWNER, clock=NOW, rule_book=load_rule_book()
    )
    counts = review.counts
    assert counts[ReviewState.READY] > len(review.rows) / 2
    assert all(counts[state] for state in set(ReviewState) - {ReviewState.BILLED})
    blocked = counts[ReviewState.BLOCKED] / len(review.rows)
    assert 0.01 < blocked < 0.1


# --- drawing by lot ------------------------------------------------------------------------------


def test_a_deck_is_dealt_whole_before_it_is_shuffled_again():
    deck = Deck((("a", 3), ("b", 1)), Random(1))  # noqa: S311 - no secret
    for _ in range(5):
        assert Counter(deck.deal() for _ in range(4)) == {"a": 3, "b": 1}
    assert {deck.draw() for _ in range(50)} == {"a", "b"}


def test_the_running_month_ends_the_day_before_today():
    calendar = calendar_of(months=3, day=DAY, zone=ZONE)
    assert [str(month) for month in calendar.months] == ["2026-09", "2026-10", "2026-11"]
    assert calendar.last_day == date(2026, 11, 19)
    first = calendar_of(months=3, day=date(2026, 11, 1), zone=ZONE)
    assert [str(month) for month in first.months] == ["2026-09", "2026-10"]
    only = calendar_of(months=1, day=date(2026, 11, 1), zone=ZONE)
    assert (only.last_day, [str(month) for month in only.months]) == (
        date(2026, 11, 1),
        ["2026-11"],
    )
