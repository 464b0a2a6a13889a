"""Deciding a closed patient-month again, by the rules under which it was closed.

The records are those of the store as it is now; time is taken up to the ledger's end that the close
names. Where the answer is another one, what came after the close is listed: it may be why.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from trellis_core import __version__
from trellis_core.access import Actor, Operation, require
from trellis_core.case_file.answer import determination_json
from trellis_core.documents.packet_parts import ReplayResult
from trellis_core.errors import CommandRefusedError, InvalidValueError, NotFoundError, StoreError
from trellis_core.ledger.journal import EventKind
from trellis_core.panel import panel_facts
from trellis_core.rules.determination import Determination
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.chart_guard import guard
from trellis_core.services.kept_rule_books import rule_book_of
from trellis_core.store.engine import Store
from trellis_core.store.journal_query import EventFilter, read_events
from trellis_core.store.mapping import instant_of
from trellis_core.store.month_query import Mark, marks_of
from trellis_core.store.packet_query import DecidedRow, decided_of, month_links
from trellis_core.store.panel_query import read_panel
from trellis_core.store.tables import PatientRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.superbill.issued import unpacked
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, local_day, zone_named

RULE_BOOK_NOT_KEPT: Final = "The rule book of this close was not kept; it cannot be decided again."
NOT_DECIDED: Final = "This close decided nothing of this patient."

_SHOWN_AT_MOST: Final = 40
_EVENTS_READ: Final = 500
_OF_RECORDS: Final = (EventKind.RECORDED, EventKind.CHANGED, EventKind.REMOVED)
_OF_THE_PRACTICE: Final = frozenset({"practice", "staff", "site"})

_Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A month decided again.

    Attributes:
        answer: With its trees; None where it cannot be decided again.
    """

    result: ReplayResult
    answer: Determination | None


@audited
def replay(
    month: ServiceMonth,
    patient_id: str,
    *,
    period: int | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> ReplayResult:
    """Decide a closed patient-month again and compare it with what its close decided.

    Args:
        month: The service month.
        patient_id: Whose.
        period: Which close: 0 for the first; None for the last.
        store: The store.
        actor: Who asks.
        clock: When the chart is looked at.
        rule_book: The rules in use; taken where the close was decided by the same.

    Raises:
        PermissionDeniedError: The actor may not read packets.
        NotFoundError: The patient is not one of the practice.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: The month was never closed, or has no such close.
        StoreError: What was kept is not what its digest says.
    """
    require(actor, Operation.READ_PACKET)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
        if unit.session.get(PatientRow, (actor.practice_id, patient_id)) is None:
            raise NotFoundError("patient", patient_id)
        closes = closes_of(unit, actor.practice_id, month)
        if period is not None and not 0 <= period < len(closes):
            raise CommandRefusedError(
                "NO_SUCH_CLOSE", f"{month.in_words} has no close with the number {period}."
            )
        chosen = len(closes) - 1 if period is None else period
        decided = {
            row.period: row for row in decided_of(unit, actor.practice_id, month, [patient_id])
        }
        again = MonthAgain(unit, actor.practice_id, month, [patient_id], rule_book=rule_book)
        found = again.decided(patient_id, close=closes[chosen], decided=decided.get(chosen))
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return found.result


def closes_of(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> tuple[Mark, ...]:
    """Return a month's closes; the place of each is its period.

    Raises:
        CommandRefusedError: It was never closed.
    """
    closes = tuple(mark for mark in marks_of(unit, practice_id, month) if mark.is_close)
    if not closes:
        raise CommandRefusedError(
            "NOT_CLOSED",
            f"{month.in_words} was never closed, so nothing of it was issued. Close it first.",
        )
    return closes


class MonthAgain:
    """A month of some patients, read once and decided again as each of its closes did."""

    def __init__(
        self,
        unit: UnitOfWork,
        practice_id: str,
        month: ServiceMonth,
        patient_ids: Collection[str],
        *,
        rule_book: RuleBook,
    ) -> None:
        """Read the month.

        Args:
            unit: A unit of work, which stays open.
            practice_id: Whose month.
            month: The service month.
            patient_ids: Patients of the practice.
            rule_book: The rules in use.
        """
        self._unit, self._practice_id, self._month = unit, practice_id, month
        self._patient_ids = sorted(patient_ids)
        self._rule_book = rule_book
        self._rows = read_panel(unit, practice_id, month, self._patient_ids)
        self._facts: dict[int, dict[str, Facts]] = {}
        self._books: dict[str, RuleBook | None] = {}

    def decided(self, patient_id: str, *, close: Mark, decided: DecidedRow | None) -> Replayed:
        """Decide a patient's month again as a close did.

        Args:
            patient_id: One of the patients.
            close: The close.
            decided: What it decided of the patient; None for nothing.

        Raises:
            StoreError: What was kept is not what its digest says.
        """
        period = close.number // 2
        if decided is None:
            result = ReplayResult(period=period, is_same=None, why_not=NOT_DECIDED)
            return Replayed(result=result, answer=None)
        then = decided_text(decided)
        version, fingerprint = then["rule_book"]["version"], then["rule_book"]["fingerprint"]
        book = self._book(fingerprint)
        named = ReplayResult(
            period=period,
            is_same=None,
            why_not=RULE_BOOK_NOT_KEPT,
            rule_book_version=version,
            fingerprint=fingerprint,
            program_version=__version__,
        )
        if book is None:
            return Replayed(result=named, answer=None)
        answer = determine(self._facts_at(close)[patient_id], rule_book=book, explain=True)
        now = json.loads(json.dumps(determination_json(answer, explain=False)))
        different = differences(then, now)
        return Replayed(
            result=replace(
                named,
                is_same=not different,
                why_not="",
                differences=different,
                recorded_later=self._later(patient_id, close) if different else (),
            ),
            answer=answer,
        )

    def _book(self, fingerprint: str) -> RuleBook | None:
        if fingerprint not in self._books:
            self._books[fingerprint] = rule_book_of(
                self._unit, self._practice_id, fingerprint, in_use=self._rule_book
            )
        return self._books[fingerprint]

    def _facts_at(self, close: Mark) -> dict[str, Facts]:
        """Return every patient's facts with the time up to a close."""
        if close.number not in self._facts:
            at = int(close.recorded_at.timestamp())
            rows = replace(
                self._rows,
                entries=[row for row in self._rows.entries if row.seq <= close.ledger_seq],
                elsewhere=[row for row in self._rows.elsewhere if row.recorded_at <= at],
            )
            self._facts[close.number] = panel_facts(
                rows, as_of=close.recorded_at, also=self._patient_ids
            )
        return self._facts[close.number]

    def _later(self, patient_id: str, close: Mark) -> tuple[str, ...]:
        """Say what came after a close that may have changed the answer, the first one first."""
        said = [
            f"Entry {row.link.seq} of the ledger"
            for row in month_links(self._unit, self._practice_id, self._month, [patient_id])
            if row.link.seq > close.ledger_seq
        ]
        of_patient, of_practice = (
            read_events(
                self._unit,
                self._practice_id,
                EventFilter(kinds=_OF_RECORDS, patient_id=whose, since=close.recorded_at),
                limit=_EVENTS_READ,
            )
            for whose in (patient_id, None)
        )
        events = {row.body.seq: row.body for row in of_patient} | {
            row.body.seq: row.body
            for row in of_practice
            if row.body.patient_id is None and row.body.subject_kind in _OF_THE_PRACTICE
        }
        zone = zone_named(self._rows.practice.time_zone)
        said += [
            f"Event {seq}: {body.subject_kind.replace('_', ' ')} {body.kind.value} on "
            f"{local_day(instant_of(body.recorded_at), zone).isoformat()}"
            for seq, body in sorted(events.items())
            if seq > close.event
        ]
        return tuple(said[:_SHOWN_AT_MOST])


def decided_text(decided: DecidedRow) -> _Json:
    """Return what a close decided as an object.

    Raises:
        StoreError: It is not what its digest says.
    """
    try:
        found: _Json = json.loads(unpacked(decided.document, decided.sha256))
    except (InvalidValueError, ValueError) as error:
        raise StoreError(
            "What the close decided is not as it was written: the store was changed around Trellis. "
            "Keep the store as it is and run 'trellis check'."
        ) from error
    return found


# --- what differs -------------------------------------------------------------------------------

_NAMED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "lines": ("line", ("program", "code")),
    "meters": ("time", ("program", "track")),
    "blocked": ("reason not billed", ("program", "codes", "reason")),
    "not_counted": ("time not counted", ("entry", "reason")),
    "warnings": ("warning", ("program", "reason")),
    "decisions_needed": ("open decision", ("program", "question")),
    "alternatives": ("alternative", ("program",)),
    "deadlines": ("deadlines", ("discharge",)),
    "pending": ("step to come", ("discharge", "step")),
}
"""What an answer lists: in words, and by which keys two items are the same one."""


def differences(then: _Json, now: _Json) -> tuple[str, ...]:
    """Say in sentences how two answers differ; keys that came with a later version say nothing.

    Args:
        then: What was decided.
        now: What is decided now.
    """
    said: list[str] = []
    for name, (word, keys) in _NAMED.items():
        if name in then:
            said += _list_differences(word, keys, then[name], now.get(name, ()))
    known = {*_NAMED, "trace"}
    said += [
        f"{key.replace('_', ' ')}: {_words(then[key])}, now {_words(now.get(key))}"
        for key in then
        if key not in known and then[key] != now.get(key)
    ]
    if len(said) > _SHOWN_AT_MOST:
        said = [*said[:_SHOWN_AT_MOST], f"and {len(said) - _SHOWN_AT_MOST} more"]
    return tuple(said)


def _list_differences(
    word: str, keys: Sequence[str], then: Sequence[_Json], now: Sequence[_Json]
) -> Iterable[str]:
    before, after = _by_key(keys, then), _by_key(keys, now)
    for key in sorted(before.keys() | after.keys()):
        called = f"{word} {' '.join(part for part in key[:-1] if part)}"
        if key not in after:
            yield f"{called}: decided then, not now"
        elif key not in before:
            yield f"{called}: not decided then, decided now"
        else:
            yield from _item_differences(called, before[key], after[key])


def _item_differences(called: str, then: _Json, now: _Json) -> Iterable[str]:
    changed = [key for key in then if then[key] != now.get(key)]
    if changed:
        yield f"{called}: " + "; ".join(
            f"{key.replace('_', ' ')} {_words(then[key])}, now {_words(now.get(key))}"
            for key in changed
        )


def _by_key(keys: Sequence[str], items: Sequence[_Json]) -> dict[tuple[str, ...], _Json]:
    """Return items by their keys; what has the same keys again is told apart by its place."""
    found: dict[tuple[str, ...], _Json] = {}
    for item in items:
        key = tuple(_words(item.get(name)) if item.get(name) is not None else "" for name in keys)
        place = 0
        while (*key, str(place)) in found:
            place += 1
        found[*key, str(place)] = item
    return found


def _words(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "none"
    return str(value)
