"""The journal, closed months and issued documents are guarded as the ledger is, in both databases."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tests.support.ledger_case import NURSE, OWNER, fill, work
from trellis_core.errors import NotFoundError, StoreError
from trellis_core.ledger.chain import GENESIS, note_hmac
from trellis_core.ledger.journal import EventKind, canonical_event, event_hash, parse_event
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    CHECKPOINT,
    EVENT,
    EVENT_TEXT,
    JOURNAL_HEAD,
    LEDGER_HEAD,
    MONTH_DETERMINATION,
    MONTH_MARK,
    SUPERBILL,
    SUPERBILL_LINE,
    WITHHELD_NOTE,
    ConsentRow,
    StaffRow,
)
from trellis_core.store.unit_of_work import EventDraft, UnitOfWork, head_of

PRACTICE = "practice-1"
NOVEMBER = 202611
REFUSED = (IntegrityError, ProgrammingError)
TABLES = (
    "entry",
    "entry_note",
    "withheld_note",
    "event",
    "event_text",
    "month_mark",
    "superbill",
    "superbill_line",
    "month_determination",
    "checkpoint",
    "store_identity",
)
CHANGES = [
    *(f"DELETE FROM {table}" for table in (*TABLES, "ledger_head", "journal_head", "month_roll")),
    "UPDATE event SET body = body",
    "UPDATE event SET seq = seq + 1",
    "UPDATE event_text SET text = 'x'",
    "UPDATE withheld_note SET event_seq = event_seq",
    "UPDATE month_mark SET number = 2",
    "UPDATE superbill SET replaces = NULL",
    "UPDATE superbill SET sha256 = ''",
    "UPDATE superbill_line SET units = 9",
    "UPDATE month_determination SET sha256 = ''",
    "UPDATE checkpoint SET body = ''",
    "UPDATE store_identity SET id = 'other'",
    "UPDATE journal_head SET seq = seq - 1",
    "UPDATE journal_head SET seq = seq + 1",
    "UPDATE month_roll SET seconds = seconds + 60",
    "UPDATE month_roll SET entries = 0",
    "UPDATE month_roll SET patient_id = 'pt-2'",
    "INSERT INTO month_roll VALUES ('practice-1', 202610, 'pt-1', 'CCM', 1200, 1)",
    "INSERT INTO store_identity VALUES ('second')",
    "INSERT INTO withheld_note VALUES ('practice-1', 1, 2)",
    "INSERT INTO withheld_note VALUES ('practice-1', 2, 1)",
    "INSERT INTO withheld_note VALUES ('practice-1', 99, 1)",
]


def append(unit: UnitOfWork, kind: EventKind, **fields: object) -> int:
    """Append an event about November and return its number."""
    named = {"subject_kind": "month", "subject_id": "2026-11"} | fields
    (happened,) = unit.journal.append([EventDraft(practice_id=PRACTICE, kind=kind, **named)])
    return happened.body.seq


def mark(unit: UnitOfWork, number: int, *, ledger_seq: int | None = None, ym: int = NOVEMBER):
    """Close November, or reopen it, with an event of the fitting kind."""
    kind = EventKind.MONTH_CLOSED if number % 2 else EventKind.MONTH_REOPENED
    event_seq = append(unit, kind)
    if ledger_seq is None:
        ledger_seq, _ = head_of(unit.connection, LEDGER_HEAD, PRACTICE)
    write_mark(unit, number, event_seq=event_seq, ledger_seq=ledger_seq, ym=ym)


def write_mark(unit: UnitOfWork, number: int, *, event_seq: int, ledger_seq: int, ym=NOVEMBER):
    unit.connection.execute(
        insert(MONTH_MARK).values(
            practice_id=PRACTICE,
            ym=ym,
            number=number,
            event_seq=event_seq,
            ledger_seq=ledger_seq,
            recorded_at=1,
        )
    )


def superbill(unit: UnitOfWork, number: int, **changes: object) -> None:
    """Issue a superbill of November's first close, changed as asked."""
    row: dict[str, object] = {
        "practice_id": PRACTICE,
        "number": number,
        "superbill_id": f"bill-{number}",
        "version": 1,
        "replaces": None,
        "ym": NOVEMBER,
        "period": 0,
        "patient_id": "pt-1",
        "changes_claim": 0,
        "document": b"x",
        "sha256": "0" * 64,
        "issued_at": 1,
    }
    unit.connection.execute(insert(SUPERBILL).values(**(row | changes)))


def line(unit: UnitOfWork, number: int) -> None:
    unit.connection.execute(
        insert(SUPERBILL_LINE).values(
            practice_id=PRACTICE,
            number=number,
            line_id=f"line-{number}",
            patient_id="pt-1",
            program="CCM",
            code="99490",
            units=1,
            date_of_service="2026-11-30",
            ym=NOVEMBER,
        )
    )


def determination(unit: UnitOfWork, *, period: int) -> None:
    unit.connection.execute(
        insert(MONTH_DETERMINATION).values(
            practice_id=PRACTICE,
            ym=NOVEMBER,
            period=period,
            patient_id="pt-1",
            document=b"x",
            sha256="0" * 64,
        )
    )


def checkpoint(unit: UnitOfWork, number: int) -> None:
    unit.connection.execute(
        insert(CHECKPOINT).values(
            practice_id=PRACTICE, number=number, body="[]", signature=bytes(64)
        )
    )


@pytest.fixture
def kept(any_store: Store, clock) -> Store:
    """A store in which every guarded table holds a row: November is closed."""
    fill(any_store)
    log_time(work(note="Called"), store=any_store, actor=NURSE, clock=clock)
    with any_store.writing() as unit:
        withheld = append(unit, EventKind.NOTE_WITHHELD, subject_kind="entry", subject_id="e")
        unit.connection.execute(
            insert(WITHHELD_NOTE).values(practice_id=PRACTICE, seq=1, event_seq=withheld)
        )
        mark(unit, 1)
        superbill(unit, 1)
        line(unit, 1)
        determination(unit, period=0)
        checkpoint(unit, 1)
    return any_store


@pytest.mark.parametrize("statement", CHANGES, ids=lambda one: re.sub(r"\W+", "_", one)[:60])
def test_nothing_that_is_kept_can_be_changed(kept: Store, statement: str):
    with pytest.raises(REFUSED), kept.writing() as unit:
        unit.connection.execute(text(statement))


def test_no_time_enters_a_closed_month_and_any_enters_a_reopened_one(kept: Store, clock):
    other_month = datetime(2026, 10, 30, 15, 0, tzinfo=UTC)
    assert log_time(work(started_at=other_month), store=kept, actor=NURSE, clock=clock).created
    with pytest.raises(Exception, match="closed"):
        log_time(work(), store=kept, actor=NURSE, clock=clock)
    with kept.writing() as unit:
        mark(unit, 2)
    assert log_time(work(), store=kept, actor=NURSE, clock=clock).created


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("closed twice", lambda unit: mark(unit, 1)),
        ("a number left out", lambda unit: mark(unit, 3)),
        (
            "without its event",
            lambda unit: write_mark(unit, 2, event_seq=1, ledger_seq=1),
        ),
        (
            "with an event of the other kind",
            lambda unit: write_mark(
                unit, 2, event_seq=append(unit, EventKind.MONTH_CLOSED), ledger_seq=1
            ),
        ),
        ("at another end of the ledger", lambda unit: mark(unit, 2, ledger_seq=0)),
        ("opened before it was closed", lambda unit: mark(unit, 2, ym=202610)),
        ("a superbill's number left out", lambda unit: superbill(unit, 3)),
        ("a superbill's number taken", lambda unit: superbill(unit, 1, superbill_id="other")),
        ("a superbill number zero", lambda unit: superbill(unit, 0)),
        ("a superbill of another period", lambda unit: superbill(unit, 2, period=1)),
        ("a superbill of an open month", lambda unit: superbill(unit, 2, ym=202610)),
        ("a second version of nothing", lambda unit: superbill(unit, 2, version=2)),
        (
            "a version that skips one",
            lambda unit: superbill(unit, 2, superbill_id="bill-1", version=3, replaces=1),
        ),
        (
            "a version of another patient",
            lambda unit: superbill(
                unit, 2, superbill_id="bill-1", version=2, replaces=1, patient_id="pt-2"
            ),
        ),
        (
            "the same version again",
            lambda unit: superbill(unit, 2, superbill_id="bill-1"),
        ),
        ("a decision of another period", lambda unit: determination(unit, period=1)),
        ("a decision twice", lambda unit: determination(unit, period=0)),
        ("a checkpoint left out", lambda unit: checkpoint(unit, 3)),
        ("a checkpoint again", lambda unit: checkpoint(unit, 1)),
        ("a checkpoint number zero", lambda unit: checkpoint(unit, 0)),
    ],
)
def test_what_does_not_follow_is_refused(kept: Store, what: str, change):
    with pytest.raises(REFUSED), kept.writing() as unit:
        change(unit)


def test_what_follows_is_taken(kept: Store):
    with kept.writing() as unit:
        checkpoint(unit, 2)
        superbill(unit, 2)
        line(unit, 2)
        superbill(unit, 3, superbill_id="bill-1", version=2, replaces=1)
        mark(unit, 2)
        mark(unit, 3)
        determination(unit, period=1)
        superbill(unit, 4, superbill_id="bill-1", version=3, replaces=3, period=1)
    with pytest.raises(REFUSED), kept.writing() as unit:
        line(unit, 3)  # a line of a superbill that is not the newest


def forged(unit: UnitOfWork, **changes: object) -> dict[str, object]:
    """Return a row that follows the journal's head, with fields of its body changed."""
    seq, prev = head_of(unit.connection, JOURNAL_HEAD, PRACTICE)
    last = unit.connection.execute(
        select(EVENT.c.body).where(EVENT.c.practice_id == PRACTICE, EVENT.c.seq == seq)
    ).scalar_one()
    body = last
    fields = {"seq": seq + 1, "event_id": "forged"} | changes
    body = canonical_event(replace(parse_event(last), **fields))
    return {
        "practice_id": PRACTICE,
        "seq": seq + 1,
        "prev": prev,
        "hash": event_hash(prev, body),
        "body": body,
    }


@pytest.mark.parametrize(
    ("what", "body", "row"),
    [
        ("another number in the body", {"seq": 99}, {}),
        ("another practice in the body", {"practice_id": "practice-2"}, {}),
        ("an id that is taken", {"event_id": "taken"}, {}),
        ("an end of the ledger that was not reached", {"ledger_seq": 99}, {}),
        ("an end before the beginning", {"ledger_seq": -1}, {}),
        ("another link before", {}, {"prev": GENESIS}),
        ("a number left out", {}, {"seq": 99}),
        ("a short hash", {}, {"hash": b"short"}),
        ("a body that is no list", {}, {"body": "{}"}),
    ],
)
def test_a_forged_event_is_refused(kept: Store, what: str, body, row):
    with kept.writing() as unit:
        append(unit, EventKind.EXPORTED, event_id="taken")
    with pytest.raises(REFUSED), kept.writing() as unit:
        unit.connection.execute(insert(EVENT).values(**(forged(unit, **body) | row)))


def test_an_event_that_follows_is_taken_and_only_with_its_own_hash(kept: Store):
    with kept.writing() as unit:
        unit.connection.execute(insert(EVENT).values(**forged(unit)))
    if kept.dialect == "postgresql":
        with kept.reading() as unit:
            row = forged(unit, event_id="again") | {"hash": bytes(32)}
        with pytest.raises(IntegrityError, match="hash"), kept.writing() as unit:
            unit.connection.execute(insert(EVENT).values(**row))


def consent(**changes: object) -> ConsentRow:
    fields = {"practice_id": PRACTICE, "id": "consent-1", "patient_id": "pt-1", "program": "CCM"}
    return ConsentRow(**(fields | changes))


def events_of(store: Store, subject_kind: str) -> list[tuple[str, str, str | None, str, int]]:
    with store.reading() as unit:
        rows = unit.connection.execute(
            select(
                EVENT.c.kind,
                EVENT.c.subject_id,
                EVENT.c.author_id,
                EVENT_TEXT.c.text,
                EVENT.c.recorded_at,
            )
            .join(
                EVENT_TEXT,
                (EVENT_TEXT.c.practice_id == EVENT.c.practice_id)
                & (EVENT_TEXT.c.seq == EVENT.c.seq),
            )
            .where(EVENT.c.practice_id == PRACTICE, EVENT.c.subject_kind == subject_kind)
            .order_by(EVENT.c.seq)
        )
        return [tuple(row) for row in rows]


def test_saving_a_record_writes_what_it_says_to_the_journal(any_store: Store, clock):
    fill(any_store)
    now = clock.now()
    with any_store.writing(actor=OWNER, at=now) as unit:
        unit.session.add(consent(method="verbal"))
    with any_store.writing(actor=NURSE, at=now) as unit:
        row = unit.session.get(ConsentRow, (PRACTICE, "consent-1"))
        row.method = "verbal"  # the same again is no change
        unit.session.add(row)
    with any_store.writing(actor=NURSE, at=now) as unit:
        row = unit.session.get(ConsentRow, (PRACTICE, "consent-1"))
        row.method = "written"
        unit.session.add(row)
    with any_store.writing(actor=OWNER, at=now) as unit:
        unit.session.delete(unit.session.get(ConsentRow, (PRACTICE, "consent-1")))
    found = events_of(any_store, "consent")
    assert [row[:3] for row in found] == [
        ("recorded", "consent-1", "staff-owner"),
        ("changed", "consent-1", "staff-nurse"),
        ("removed", "consent-1", "staff-owner"),
    ]
    assert '"method":"verbal"' in found[0][3]
    assert '"method":"written"' in found[1][3]
    assert {row[4] for row in found} == {int(now.timestamp())}


def test_an_events_text_is_proved_by_its_digest(any_store: Store):
    fill(any_store)
    with any_store.reading() as unit:
        rows = unit.connection.execute(
            select(EVENT.c.body, EVENT.c.text_hmac, EVENT_TEXT.c.salt, EVENT_TEXT.c.text).join(
                EVENT_TEXT,
                (EVENT_TEXT.c.practice_id == EVENT.c.practice_id)
                & (EVENT_TEXT.c.seq == EVENT.c.seq),
            )
        ).all()
    assert len(rows) == 11  # two practices, six people, three patients
    for row in rows:
        assert note_hmac(bytes(row.salt), row.text) == row.text_hmac
        assert parse_event(row.body).text_hmac == row.text_hmac


def test_a_secret_never_reaches_the_journal(any_store: Store):
    fill(any_store)
    with any_store.writing() as unit:
        row = unit.session.get(StaffRow, (PRACTICE, "staff-owner"))
        row.password_hash = "argon2-canary"
        unit.session.add(row)
    last = events_of(any_store, "staff")[-1]
    assert last[:2] == ("changed", "staff-owner")
    assert "canary" not in last[3]


def test_what_is_not_saved_is_not_in_the_journal(any_store: Store):
    fill(any_store)
    with any_store.reading() as unit:
        before = head_of(unit.connection, JOURNAL_HEAD, PRACTICE)

    def save_and_fail() -> None:
        with any_store.writing() as unit:
            unit.session.add(consent())
            unit.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()
    with any_store.reading() as unit:
        assert head_of(unit.connection, JOURNAL_HEAD, PRACTICE) == before


def test_each_event_names_the_end_of_the_ledger_then(any_store: Store, clock):
    fill(any_store)
    receipt = log_time(work(), store=any_store, actor=NURSE, clock=clock)
    with any_store.writing() as unit:
        unit.session.add(consent())
    with any_store.reading() as unit:
        body = unit.connection.execute(
            select(EVENT.c.body).where(EVENT.c.subject_kind == "consent")
        ).scalar_one()
    event = parse_event(body)
    assert event.ledger_seq == receipt.number == 1
    assert event.ledger_head.startswith(receipt.code)


def test_events_are_appended_by_a_writing_unit_of_one_practice_only(any_store: Store):
    fill(any_store)
    draft = EventDraft(
        practice_id=PRACTICE, kind=EventKind.EXPORTED, subject_kind="file", subject_id="x"
    )
    elsewhere = EventDraft(
        practice_id="practice-9", kind=EventKind.EXPORTED, subject_kind="file", subject_id="x"
    )
    with any_store.reading() as unit, pytest.raises(StoreError, match="writing"):
        unit.journal.append([draft])
    with any_store.writing() as unit:
        with pytest.raises(StoreError, match="practice by practice"):
            unit.journal.append([draft, elsewhere])
        with pytest.raises(NotFoundError):
            unit.journal.append([elsewhere])
        assert unit.journal.append([]) == ()
