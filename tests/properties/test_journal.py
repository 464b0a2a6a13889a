"""Whatever is done to records in whatever order, the journal alone can write every row again."""

import json
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import Boolean, Date, DateTime, Integer, TypeDecorator, inspect, select

from tests.support.ledger_case import NURSE, OWNER, fill
from trellis_core.ledger.chain import GENESIS
from trellis_core.ledger.journal import EventKind, event_hash, parse_event
from trellis_core.services.exchange import add_in_bulk
from trellis_core.services.journal import journal
from trellis_core.services.record_words import NOT_SHOWN
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    EVENT,
    EVENT_TEXT,
    CarePlanRow,
    ConditionRow,
    ConsentRow,
    DischargeContactRow,
    DischargeRow,
    PatientRow,
    RatingScaleRow,
    SignInRow,
    StaffRow,
    TrackElectionRow,
    TrellisTable,
    VisitRow,
)

SEEDS = range(4)
STEPS = 60
KINDS = (
    CarePlanRow, ConditionRow, ConsentRow, DischargeContactRow, DischargeRow, PatientRow,
    RatingScaleRow, StaffRow, TrackElectionRow, VisitRow,
)  # fmt: skip
TEXTS = (
    "",
    "plain",
    "Zoë — café",
    '"quoted" \\ {"a": 1}',
    "line\nbreak\ttab",
    "=1+1",
    "日本",
    "null",
)
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


def columns(kind):
    return inspect(kind).local_table.columns


def stored_as(column):
    """Return a column's type, also where a type of its own wraps it."""
    return column.type.impl if isinstance(column.type, TypeDecorator) else column.type


def a_value(column, chance):
    """Return something that a column takes; null where it may be."""
    if column.nullable and chance.random() < 0.3:
        return None
    if isinstance(stored_as(column), DateTime):
        return START + timedelta(seconds=chance.randrange(10**6))
    if isinstance(stored_as(column), Date):
        return date(2026, 1, 1) + timedelta(days=chance.randrange(400))
    if isinstance(stored_as(column), Boolean):
        return chance.random() < 0.5
    if isinstance(stored_as(column), Integer):
        return chance.randrange(-5, 10**6)
    return chance.choice(TEXTS)


def a_row(kind, number, chance):
    made = {column.name: a_value(column, chance) for column in columns(kind)}
    keys = {column.name: f"k{number}" for column in columns(kind) if column.primary_key}
    if "ym" in keys:
        keys["ym"] = 202600 + number % 12
    made |= keys | {"practice_id": "practice-1"}
    if kind is StaffRow:
        made |= {"sign_in_name": f"n{number}", "password_hash": chance.choice((None, "secret"))}
    return kind(**made)


def edit(store, kept, number, chance):
    """Do one thing to one record, in one of the ways in which services do it."""
    known = [row for rows in kept.values() for row in rows.values()]
    what = chance.choice(("add", "add", "bulk", "change", "change", "merge", "remove", "together"))
    with store.writing(actor=chance.choice((OWNER, NURSE))) as unit:
        if what in {"add", "bulk"} or not known:
            kind = chance.choice(KINDS)
            made = [a_row(kind, number * 10 + each, chance) for each in range(2)]
            if what == "bulk":
                add_in_bulk(unit, made)
            else:
                unit.session.add_all(made)
        else:
            for _ in range(3 if what == "together" else 1):
                row = chance.choice(known)
                key = inspect(row).identity
                found = unit.session.get(type(row), key)
                if found is None or what == "remove":
                    if found is not None:
                        unit.session.delete(found)
                    continue
                names = [c.name for c in columns(type(row)) if not c.primary_key]
                changed = {
                    name: a_value(columns(type(row))[name], chance)
                    for name in chance.sample(names, min(2, len(names)))
                    if name != "sign_in_name"
                }
                if what == "merge":
                    same = {c.name: getattr(found, c.name) for c in columns(type(row))}
                    unit.session.merge(type(row)(**(same | changed)))
                else:
                    for name, value in changed.items():
                        setattr(found, name, value)
                    unit.session.add(found)


def rows_of(store: Store) -> dict[type[TrellisTable], dict[str, TrellisTable]]:
    with store.reading() as unit:
        return {
            kind: {"/".join(map(str, inspect(row).identity[1:])): row for row in found}
            for kind in KINDS
            if (found := unit.session.execute(select(kind)).scalars().all())
        }


def from_journal(column, value):
    """Return a column's value from what the journal kept of it."""
    if value is None:
        return None
    if isinstance(stored_as(column), DateTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(stored_as(column), Date) else value


@pytest.mark.parametrize("seed", SEEDS)
def test_every_present_row_can_be_rebuilt_from_the_journal(any_store, seed):
    chance = Random(seed)  # noqa: S311 - a test's choice
    fill(any_store)
    for number in range(1, STEPS):
        edit(any_store, rows_of(any_store), number, chance)
    present = rows_of(any_store)
    with any_store.reading() as unit:
        events = unit.connection.execute(
            select(EVENT.c.prev, EVENT.c.hash, EVENT.c.body, EVENT_TEXT.c.text)
            .outerjoin(
                EVENT_TEXT,
                (EVENT_TEXT.c.practice_id == EVENT.c.practice_id)
                & (EVENT_TEXT.c.seq == EVENT.c.seq),
            )
            .where(EVENT.c.practice_id == "practice-1")
            .order_by(EVENT.c.seq)
        ).all()
    newest: dict[tuple[str, str], dict[str, object] | None] = {}
    prev = GENESIS
    for found in events:
        body = parse_event(found.body)
        assert bytes(found.prev) == prev
        assert bytes(found.hash) == (prev := event_hash(prev, found.body))
        key = (body.subject_kind, body.subject_id)
        assert (body.kind is EventKind.RECORDED) == (newest.get(key) is None)
        newest[key] = None if body.kind is EventKind.REMOVED else json.loads(found.text)
    for kind in KINDS:
        table = inspect(kind).local_table
        told = {key: row for (name, key), row in newest.items() if name == table.name and row}
        here = {
            key: row
            for key, row in present.get(kind, {}).items()
            if row.practice_id == "practice-1"
        }
        assert told.keys() == here.keys(), table.name
        for key, row in here.items():
            rebuilt = {
                column.name: from_journal(column, told[key][column.name])
                for column in table.columns
                if column.name != "password_hash"
            }
            assert rebuilt == {name: getattr(row, name) for name in rebuilt}, (table.name, key)
            assert "password_hash" not in told[key]
    assert "secret" not in "".join(found.text or "" for found in events)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_differences_that_are_shown_lead_from_each_version_to_the_next(any_store, seed):
    chance = Random(1000 + seed)  # noqa: S311 - a test's choice
    fill(any_store)
    for number in range(1, STEPS // 2):
        edit(any_store, rows_of(any_store), number, chance)
    shown = list(journal(store=any_store, actor=OWNER).events)
    while len(shown) < journal(store=any_store, actor=OWNER).total:
        shown += journal(store=any_store, actor=OWNER, offset=len(shown)).events
    state: dict[tuple[str, str], dict[str, str]] = {}
    for told in reversed(shown):
        key = (told.subject_kind, told.subject_id)
        before = {} if told.kind is EventKind.RECORDED else state.get(key, {})
        for change in told.changes:
            assert before.get(change.field) == change.before
            assert change.before != change.after
            assert change.field not in NOT_SHOWN
            assert change.words in told.sentence()
        gone = {change.field for change in told.changes if change.after is None}
        state[key] = {name: value for name, value in before.items() if name not in gone} | {
            change.field: change.after for change in told.changes if change.after is not None
        }


def test_sign_ins_and_timers_are_no_records(any_store, clock):
    fill(any_store)
    before = journal(store=any_store, actor=OWNER).total
    with any_store.writing(actor=OWNER) as unit:
        unit.session.add(
            SignInRow(
                token_sha256="0" * 64,
                practice_id="practice-1",
                staff_id="staff-owner",
                created_at=clock.now(),
                last_seen_at=clock.now(),
            )
        )
    assert journal(store=any_store, actor=OWNER).total == before
