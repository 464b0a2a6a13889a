"""What holds of the ledger for any entries, in any order, with any text."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.empty_store import empty_store
from tests.support.ledger_case import NURSE, fill, work
from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.ledger.chain import (
    GENESIS,
    EntryBody,
    EntryKind,
    canonical_body,
    entry_hash,
    parse_body,
)
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import CorrectTime, correct_time, entries_of, log_time
from trellis_core.store.engine import open_store
from trellis_core.store.tables import MONTH_ROLL
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
IDS = st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)
SECONDS = st.integers(1, 86_400)
INSTANTS = st.integers(0, 4_102_444_800)

BODIES = st.builds(
    EntryBody,
    practice_id=IDS,
    seq=st.integers(1, 2**53),
    entry_id=IDS,
    kind=st.sampled_from(EntryKind),
    program=st.sampled_from(Program),
    patient_id=TEXT,
    staff_id=st.none() | TEXT,
    author_id=st.none() | TEXT,
    started_at=INSTANTS,
    seconds=SECONDS,
    service_day=st.dates().map(str),
    ym=st.integers(190001, 220012),
    activity=st.sampled_from(Activity),
    mode=st.sampled_from(EntryMode),
    condition=st.none() | TEXT,
    patients_sharing=st.integers(1, 50),
    billed_elsewhere=st.booleans(),
    separate_from_visit=st.none() | st.booleans(),
    contact=st.none() | st.sampled_from(ContactState),
    is_estimated=st.booleans(),
    reverses=st.none() | IDS,
    replaces=st.none() | IDS,
    parent=st.none() | IDS,
    note_hmac=st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    recorded_at=INSTANTS,
)


@given(BODIES)
def test_a_body_read_back_writes_the_same_bytes(body):
    written = canonical_body(body)
    assert written.isascii()
    assert canonical_body(parse_body(written)) == written


@given(BODIES, st.data())
def test_any_changed_character_changes_the_hash(body, data):
    written = canonical_body(body)
    place = data.draw(st.integers(0, len(written) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != written[place]))
    changed = written[:place] + other + written[place + 1 :]
    assert entry_hash(GENESIS, changed) != entry_hash(GENESIS, written)


@given(BODIES, st.sampled_from(["seconds", "recorded_at", "started_at", "seq"]))
def test_two_entries_that_differ_have_two_bodies(body, name):
    assert canonical_body(replace(body, **{name: getattr(body, name) + 1})) != canonical_body(body)


@pytest.mark.parametrize("name", ["America/New_York", "America/Phoenix", "Asia/Kolkata"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_dividing_at_months_end_keeps_every_second_in_its_own_month(name, data):
    zone = ZoneInfo(name)
    month = ServiceMonth(2026, data.draw(st.integers(1, 12)))
    start = month.ends_at(zone) - timedelta(seconds=data.draw(st.integers(1, 90_000)))
    seconds = data.draw(SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(empty_store(Path(folder) / "one.db"))
        fill(store, time_zone=name)
        receipt = log_time(
            work(started_at=start, seconds=seconds),
            store=store,
            actor=NURSE,
            clock=FixedClock(datetime(2027, 2, 1, tzinfo=UTC)),
        )
        store.close()
    parts = [receipt.entry, *receipt.also]
    assert sum(part.seconds for part in parts) == seconds == receipt.seconds
    assert parts[0].started_at == start
    for part in parts:
        first, last = (
            part.started_at.astimezone(zone),
            (part.started_at + timedelta(seconds=part.seconds - 1)).astimezone(zone),
        )
        assert (first.year, first.month) == (last.year, last.month)
        assert part.service_day == first.date()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("log"), st.integers(1, 3), st.sampled_from(Program), SECONDS),
        st.tuples(st.just("correct"), st.integers(0, 20), st.just(Program.CCM), SECONDS),
        st.tuples(st.just("void"), st.integers(0, 20), st.just(Program.CCM), st.just(1)),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_is_done_totals_agree_and_nothing_is_found(steps):
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(empty_store(Path(folder) / "one.db"))
        fill(store)
        clock = FixedClock(datetime(2026, 11, 20, tzinfo=UTC))
        standing: dict[str, int] = {}
        for step, number, program, seconds in steps:
            if step == "log":
                receipt = log_time(
                    work(patient_id=f"pt-{number}", program=program, seconds=seconds),
                    store=store,
                    actor=NURSE,
                    clock=clock,
                )
            elif standing:
                target = sorted(standing)[number % len(standing)]
                if step == "correct" and standing[target] == seconds:
                    continue
                receipt = correct_time(
                    CorrectTime(
                        entry_id_new=new_entry_id(),
                        entry_id=target,
                        seconds=seconds if step == "correct" else None,
                        reason="because",
                    ),
                    store=store,
                    actor=NURSE,
                    clock=clock,
                )
                del standing[target]
            else:
                continue
            if step != "void":
                standing[receipt.entry.id] = receipt.entry.seconds
        entries = entries_of(month=None, store=store, actor=NURSE)
        assert {entry.id: entry.seconds for entry in entries if not entry.is_reversed} == standing
        with store.reading() as unit:
            rolled = unit.connection.execute(MONTH_ROLL.select()).all()
        assert sum(row.seconds for row in rolled) == sum(standing.values())
        assert sum(row.entries for row in rolled) == len(standing)
        assert check_store(store).findings == ()
        store.close()
