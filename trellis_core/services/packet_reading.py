"""Reading what an audit packet holds: closed patient-months with everything that proves them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import col, select

from trellis_core import __version__
from trellis_core.documents.packet_parts import (
    Link,
    PacketClose,
    PacketContents,
    PacketEntry,
    PacketPatient,
    PacketSuperbill,
    WithheldWords,
)
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.ledger.chain import EntryKind, parse_body
from trellis_core.rules.reason_texts import title
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.issued_superbills import first_sealing, read_issued
from trellis_core.services.replays import MonthAgain, Replayed, closes_of
from trellis_core.standalone.check_packet import BLOCK, state_after
from trellis_core.store.care_mapping import patient_of
from trellis_core.store.journal_query import read_numbered
from trellis_core.store.mapping import instant_of, practice_of, staff_of
from trellis_core.store.month_query import IssuedRow, Mark, issued_of
from trellis_core.store.packet_query import (
    DecidedRow,
    EntryRow,
    LinkRow,
    decided_of,
    event_links,
    month_links,
    sealed_by,
)
from trellis_core.store.tables import LEDGER_HEAD, PatientRow, PracticeRow, StaffRow
from trellis_core.store.unit_of_work import UnitOfWork, head_of
from trellis_core.superbill.issued import unpacked
from trellis_core.values.periods import ServiceMonth

_FOLLOWING_AT_MOST: Final = 20
"""Events between a close and its checkpoint that a packet shows; more are left to the whole ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a packet is asked for.

    Attributes:
        patient_ids: Patients whose month is wanted, with every superbill of it.
        numbers: Superbills that are wanted, whichever version.
    """

    patient_ids: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What of a month a packet shows.

    Attributes:
        closes: The month's closes.
        bills: The superbills of each patient, by patient id in the packet's order.
        decided: What closes decided of each patient.
    """

    closes: tuple[Mark, ...]
    bills: Mapping[str, tuple[IssuedRow, ...]]
    decided: Mapping[str, tuple[DecidedRow, ...]]


def chosen_of(unit: UnitOfWork, practice_id: str, month: ServiceMonth, sample: Sample) -> Chosen:
    """Find what a sample names.

    Args:
        unit: A unit of work.
        practice_id: Whose month.
        month: The service month.
        sample: What is asked for.

    Raises:
        CommandRefusedError: The month was never closed, or no close of it decided anything of a patient.
        NotFoundError: A patient is not one of the practice, or a superbill not of the month.
    """
    closes = closes_of(unit, practice_id, month)
    issued = issued_of(unit, practice_id, month=month, with_documents=False)
    by_number = {row.number: row for row in issued}
    unknown = [number for number in sample.numbers if number not in by_number]
    if unknown:
        raise NotFoundError("superbill", ", ".join(str(each) for each in unknown))
    wanted = {row.number for row in issued if row.patient_id in sample.patient_ids}
    wanted |= set(sample.numbers)
    patients = dict.fromkeys(
        [row.patient_id for row in issued if row.number in wanted] + sorted(sample.patient_ids)
    )
    decided: dict[str, list[DecidedRow]] = {}
    for row in decided_of(unit, practice_id, month, list(patients)):
        decided.setdefault(row.patient_id, []).append(row)
    for patient_id in sample.patient_ids:
        if unit.session.get(PatientRow, (practice_id, patient_id)) is None:
            raise NotFoundError("patient", patient_id)
        if patient_id not in decided:
            raise CommandRefusedError(
                "NOT_IN_MONTH",
                f"The close of {month.in_words} decided nothing of patient '{patient_id}': not "
                "enrolled, no time, no discharge. Leave them out of the list.",
            )
    return Chosen(
        closes=closes,
        bills={
            each: tuple(row for row in issued if row.patient_id == each and row.number in wanted)
            for each in patients
        },
        decided={each: tuple(rows) for each, rows in decided.items()},
    )


def read_contents(
    unit: UnitOfWork,
    practice_id: str,
    month: ServiceMonth,
    chosen: Chosen,
    *,
    check_problems: Sequence[str],
    rule_book: RuleBook,
) -> PacketContents:
    """Read everything that a packet says.

    Args:
        unit: The unit of work in which it was chosen.
        practice_id: Whose month.
        month: The service month.
        chosen: What is shown.
        check_problems: What the check of the store found.
        rule_book: The rules in use.

    Raises:
        StoreError: A document, a decision or a rule book is not as it was kept.
    """
    rows: dict[str, list[EntryRow]] = {each: [] for each in chosen.bills}
    for row in month_links(unit, practice_id, month, list(chosen.bills)):
        rows[row.patient_id].append(row)
    withheld = _withheld(unit, practice_id, [one for each in rows.values() for one in each])
    again = MonthAgain(unit, practice_id, month, list(chosen.bills), rule_book=rule_book)
    bills = _superbills(unit, practice_id, month, chosen)
    people = unit.session.exec(
        select(PatientRow).where(
            col(PatientRow.practice_id) == practice_id, col(PatientRow.id).in_(chosen.bills)
        )
    ).all()
    known = {row.id: row for row in people}
    patients = tuple(
        _patient(
            known[patient_id],
            chosen=chosen,
            bills=bills[patient_id],
            rows=rows[patient_id],
            withheld=withheld,
            again=again,
        )
        for patient_id in chosen.bills
    )
    periods = {bill.period for each in patients for bill in each.superbills}
    periods |= {each.period for each in patients}
    practice = unit.session.get(PracticeRow, practice_id)
    if practice is None:
        raise NotFoundError("practice", practice_id)
    staff = unit.session.exec(
        select(StaffRow).where(col(StaffRow.practice_id) == practice_id)
    ).all()
    seq, head = head_of(unit.connection, LEDGER_HEAD, practice_id)
    named = _people_named(patients, chosen.closes)
    return PacketContents(
        practice=practice_of(practice),
        month=month,
        made_by=__version__,
        people={row.id: staff_of(row) for row in staff if row.id in named},
        closes=tuple(
            _close(unit, practice_id, month, chosen.closes[period]) for period in sorted(periods)
        ),
        patients=patients,
        check_problems=tuple(check_problems),
        ledger_seq=seq,
        ledger_head=head.hex(),
    )


def _people_named(patients: Iterable[PacketPatient], closes: Iterable[Mark]) -> set[str | None]:
    found: set[str | None] = {mark.author_id for mark in closes}
    for patient in patients:
        for entry in patient.entries:
            found |= {entry.body.staff_id, entry.body.author_id}
            if entry.withheld is not None:
                found.add(entry.withheld.by)
    return found


# --- one patient's month --------------------------------------------------------------------------


def _patient(
    row: PatientRow,
    *,
    chosen: Chosen,
    bills: tuple[PacketSuperbill, ...],
    rows: Sequence[EntryRow],
    withheld: Mapping[int, WithheldWords],
    again: MonthAgain,
) -> PacketPatient:
    decided = {each.period: each for each in chosen.decided.get(row.id, ())}
    periods = sorted({bill.period for bill in bills}) or [max(decided, default=0)]
    replayed = [
        again.decided(row.id, close=chosen.closes[period], decided=decided.get(period))
        for period in periods
    ]
    shown = decided.get(periods[-1])
    return PacketPatient(
        patient=patient_of(row),
        superbills=bills,
        entries=_entries(rows, withheld, bills, replayed[-1]),
        period=periods[-1],
        decided=None if shown is None else unpacked(shown.document, shown.sha256),
        decided_sha256="" if shown is None else shown.sha256,
        explained=replayed[-1].answer,
        replays=tuple(each.result for each in replayed),
    )


def _superbills(
    unit: UnitOfWork, practice_id: str, month: ServiceMonth, chosen: Chosen
) -> dict[str, tuple[PacketSuperbill, ...]]:
    """Return the superbills that are shown, by patient."""
    patients = list(chosen.bills)
    wanted = {row.number for rows in chosen.bills.values() for row in rows}
    stored = {
        row.number: row for row in issued_of(unit, practice_id, month=month, patient_ids=patients)
    }
    found: dict[str, list[PacketSuperbill]] = {each: [] for each in patients}
    for each in read_issued(unit, practice_id, month=month, patient_ids=patients):
        if each.number in wanted:
            row = stored[each.number]
            found[row.patient_id].append(
                PacketSuperbill(
                    number=each.number,
                    document=unpacked(row.document, row.sha256),
                    sha256=row.sha256,
                    bill=each.bill,
                    period=each.period,
                    superseded_by=each.superseded_by,
                )
            )
    return {patient_id: tuple(bills) for patient_id, bills in found.items()}


def _entries(
    rows: Sequence[EntryRow],
    withheld: Mapping[int, WithheldWords],
    bills: Sequence[PacketSuperbill],
    replayed: Replayed,
) -> tuple[PacketEntry, ...]:
    """Return a patient's rows of the ledger with what became of each."""
    counted: dict[str, int] = {}
    why: dict[str, tuple[str, ...]] = {}
    answer = replayed.answer
    if answer is not None:
        known = dict(answer.counted_seconds)
        reasons: dict[str, list[str]] = {}
        for each in answer.not_counted:
            reasons.setdefault(each.entry, []).append(f"{title(each.reason)}: {each.message}")
        why |= {entry: tuple(said) for entry, said in reasons.items()}
        counted |= known
    for bill in bills:
        for row in bill.bill.time:
            counted[row.entry_id] = row.counted_seconds
            why[row.entry_id] = tuple(f"{name}: {said}" for name, said in row.reasons)
    bodies = [parse_body(row.link.body) for row in rows]
    reversed_ids = {body.reverses for body in bodies if body.kind is EntryKind.REVERSAL}
    return tuple(
        PacketEntry(
            link=_link(row.link),
            body=body,
            note=row.note,
            salt=row.salt,
            withheld=withheld.get(row.withheld_by) if row.withheld_by is not None else None,
            counted_seconds=counted.get(
                body.entry_id, None if answer is None or body.kind is EntryKind.REVERSAL else 0
            ),
            not_counted=why.get(body.entry_id, ()),
            is_reversed=body.entry_id in reversed_ids,
        )
        for row, body in zip(rows, bodies, strict=True)
    )


def _withheld(
    unit: UnitOfWork, practice_id: str, rows: Sequence[EntryRow]
) -> dict[int, WithheldWords]:
    """Return since when and why notes are withheld, by the event that withheld each."""
    numbers = sorted({row.withheld_by for row in rows if row.withheld_by is not None})
    if not numbers:
        return {}
    return {
        event.body.seq: WithheldWords(
            at=instant_of(event.body.recorded_at), by=event.body.author_id, reason=event.text
        )
        for event in read_numbered(unit, practice_id, numbers)
    }


def _link(row: LinkRow) -> Link:
    return Link(seq=row.seq, prev=row.prev, hash=row.hash, body=row.body)


# --- closes ---------------------------------------------------------------------------------------


def _close(unit: UnitOfWork, practice_id: str, month: ServiceMonth, mark: Mark) -> PacketClose:
    period = mark.number // 2
    checkpoint = first_sealing(unit, practice_id, mark.event)
    (event,) = event_links(unit, practice_id, mark.event, mark.event, at_most=1)
    following: tuple[LinkRow, ...] = ()
    if checkpoint is not None:
        last = checkpoint.checkpoint.journal_seq
        if 0 < last - mark.event <= _FOLLOWING_AT_MOST:
            between = event_links(
                unit, practice_id, mark.event + 1, last, at_most=_FOLLOWING_AT_MOST
            )
            following = between if _is_about_nobody(between) else ()
    decided, issued = sealed_by(unit, practice_id, month, period)
    state, hashed, rest = _sealed_text(decided, issued)
    return PacketClose(
        period=period,
        at=mark.recorded_at,
        by=mark.author_id,
        ledger_seq=mark.ledger_seq,
        ledger_head=str(mark.details["ledger_head"]),
        event=_link(event),
        state=state,
        hashed=hashed,
        rest=rest,
        following=tuple(_link(row) for row in following),
        checkpoint=checkpoint,
    )


_PATIENT_AT: Final = 7  # place of an event's body


def _is_about_nobody(rows: Collection[LinkRow]) -> bool:
    """Say whether no event concerns a patient: what others did with a chart is not shown."""
    return all(json.loads(row.body)[_PATIENT_AT] is None for row in rows)


def _sealed_text(
    decided: Sequence[tuple[str, str]], issued: Sequence[tuple[int, str]]
) -> tuple[str, int, str]:
    """Return the state, its bytes and the rest of the text whose digest a close's event names.

    The lines of patients come first. What is left of the last of them after whole blocks is a part
    of its digest, so that no patient is named.
    """
    of_patients = "".join(sorted(f"D {patient_id} {sha}\n" for patient_id, sha in decided))
    of_bills = "".join(sorted(f"S {number} {sha}\n" for number, sha in issued))
    hidden = of_patients.encode()
    whole = len(hidden) // BLOCK * BLOCK
    return state_after(hidden[:whole]), whole, hidden[whole:].decode() + of_bills
