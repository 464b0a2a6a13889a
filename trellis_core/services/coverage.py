"""Who pays for a patient and since when: a new coverage takes the place of the one before.

The present coverage stands with the patient; those before it keep their dates, and a month's facts
and superbills take the one that was in force in that month.
"""

from dataclasses import replace
from datetime import date, timedelta

from sqlmodel import col, select

from trellis_core.access import Actor
from trellis_core.care.coverage import PastCoverage
from trellis_core.care.people import Coverage
from trellis_core.errors import CommandRefusedError
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing, in_order
from trellis_core.store.care_mapping import past_coverage_of, present_coverage_of
from trellis_core.store.engine import Store
from trellis_core.store.tables import PastCoverageRow
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id

_ORDER = "The coverage"


@audited
def change_coverage(
    patient_id: str, *, coverage: Coverage, store: Store, actor: Actor, clock: Clock
) -> Coverage:
    """Let a new coverage begin; the one before ends the day before, unless it had ended already.

    The first day may lie ahead: until then the one before is in force.

    Args:
        patient_id: Whose.
        coverage: The new one, with its first day.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        CommandRefusedError: No first day or no payer is given, or the day is not after the first
            day of the coverage before.
    """
    made = _named(coverage)
    started_on = made.started_on
    if started_on is None:
        raise CommandRefusedError(
            "COVERAGE_START_NEEDED", "A new coverage needs its first day. Give it."
        )
    in_order(started_on, made.ended_on, what=_ORDER)
    with editing(store, actor, clock) as edit:
        row = edit.patient(patient_id)
        before = present_coverage_of(row)
        if before is not None:
            if before.started_on is not None and before.started_on >= started_on:
                raise CommandRefusedError(
                    "COVERAGE_NOT_LATER",
                    f"The present coverage began on {before.started_on.isoformat()}. Give the new "
                    "one a later first day, or correct the present one.",
                )
            day_before = started_on - timedelta(days=1)
            ended_on = min(before.ended_on or day_before, day_before)
            edit.save(_past_row(edit, patient_id, new_id("cv"), before, ended_on=ended_on))
        _refuse_overlap(made, _past(edit, patient_id))
        row.payer_name = made.payer_name
        row.payer_kind = made.kind.value
        row.member_id = made.member_id
        row.coverage_started_on = made.started_on
        row.coverage_ended_on = made.ended_on
        edit.save(row)
    return made


@audited
def correct_past_coverage(
    coverage_id: str, *, coverage: Coverage, store: Store, actor: Actor, clock: Clock
) -> PastCoverage:
    """Correct a coverage that a later one took the place of.

    Args:
        coverage_id: Which.
        coverage: As it shall be, with its last day.
        store: The store.
        actor: Who corrects it.
        clock: When.

    Raises:
        NotFoundError: No such coverage.
        CommandRefusedError: No last day or no payer is given, or it would overlap another.
    """
    made = _named(coverage)
    with editing(store, actor, clock) as edit:
        row = edit.own(PastCoverageRow, "coverage", coverage_id)
        if made.ended_on is None:
            raise CommandRefusedError(
                "COVERAGE_END_NEEDED", "An earlier coverage needs its last day. Give it."
            )
        in_order(made.started_on, made.ended_on, what=_ORDER)
        others = _past(edit, row.patient_id, but=coverage_id)
        present = present_coverage_of(edit.patient(row.patient_id))
        if present is not None and present.started_on is not None:
            others.append(present)
        _refuse_overlap(made, others)
        edit.unit.session.merge(
            _past_row(edit, row.patient_id, coverage_id, made, ended_on=made.ended_on)
        )
    return PastCoverage(id=coverage_id, coverage=made)


@audited
def remove_past_coverage(coverage_id: str, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Take an earlier coverage off the list, because it never was; the journal keeps it.

    Raises:
        NotFoundError: No such coverage.
    """
    with editing(store, actor, clock) as edit:
        edit.unit.session.delete(edit.own(PastCoverageRow, "coverage", coverage_id))


def _named(coverage: Coverage) -> Coverage:
    name = coverage.payer_name.strip()
    if not name:
        raise CommandRefusedError("PAYER_NEEDED", "A coverage needs the payer's name. Give it.")
    member_id = (coverage.member_id or "").strip() or None
    return replace(coverage, payer_name=name, member_id=member_id)


def _past(edit: ChartEdit, patient_id: str, *, but: str = "") -> list[Coverage]:
    rows = edit.unit.session.exec(
        select(PastCoverageRow).where(
            PastCoverageRow.practice_id == edit.practice_id,
            PastCoverageRow.patient_id == patient_id,
            col(PastCoverageRow.id) != but,
        )
    ).all()
    return [past_coverage_of(row) for row in rows]


def _past_row(
    edit: ChartEdit, patient_id: str, coverage_id: str, coverage: Coverage, *, ended_on: date
) -> PastCoverageRow:
    return PastCoverageRow(
        practice_id=edit.practice_id,
        id=coverage_id,
        patient_id=patient_id,
        payer_name=coverage.payer_name,
        payer_kind=coverage.kind.value,
        member_id=coverage.member_id,
        started_on=coverage.started_on,
        ended_on=ended_on,
    )


def _refuse_overlap(made: Coverage, others: list[Coverage]) -> None:
    """Refuse a coverage that is in force on a day on which another one is."""

    def span(each: Coverage) -> tuple[date, date]:
        return each.started_on or date.min, each.ended_on or date.max

    first, last = span(made)
    for begins, ends in map(span, others):
        if begins <= last and first <= ends:
            raise CommandRefusedError(
                "COVERAGE_OVERLAPS",
                f"Another coverage is in force from {_said(begins)} through {_said(ends)}. "
                "Correct the days of one of them.",
            )


def _said(day: date) -> str:
    return "an unknown day" if day in {date.min, date.max} else day.isoformat()
