"""Attesting diagnoses: a billing practitioner says which conditions a program's month was for.

Superbills name the diagnoses of a program in the order that was attested; without that, those that
fit the program. An attestation names conditions of the chart, never codes of its own, so a condition
that is coded anew keeps its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.access_events import note_view
from trellis_core.services.access_log import audited
from trellis_core.services.billing_records import attestations_of
from trellis_core.services.caseload import patient_row_of
from trellis_core.services.chart_edit import ChartEdit, editing
from trellis_core.services.chart_guard import guard
from trellis_core.store.engine import Store
from trellis_core.store.mapping import staff_of
from trellis_core.store.tables import (
    ConditionRow,
    DiagnosisAttestationRow,
    PracticeRow,
    StaffRow,
)
from trellis_core.superbill import DIAGNOSES_MAX, Attestation
from trellis_core.superbill.preflight import LEAST_DIAGNOSES
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.periods import ServiceMonth, zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestDiagnoses:
    """Which conditions a program's month was for.

    Attributes:
        patient_id: Whose month.
        program: Which program's services.
        month: The service month, which has begun.
        conditions: Ids of conditions on the chart, the one that counts most first.
    """

    patient_id: str
    program: Program
    month: ServiceMonth
    conditions: Sequence[str]


@audited
def attest_diagnoses(
    command: AttestDiagnoses, *, store: Store, actor: Actor, clock: Clock
) -> Attestation:
    """Attest which conditions a program's month was for; it takes the place of what was attested before.

    A month that is closed is taken as well: what was issued for it stays until it is reopened.

    Args:
        command: Which conditions, in order.
        store: The store.
        actor: The billing practitioner.
        clock: When.

    Raises:
        PermissionDeniedError: The actor is not a billing practitioner.
        NotFoundError: No such patient in the practice, or no such condition on the chart.
        ChartRestrictedError: The chart is not open to the actor.
        CommandRefusedError: No condition, too few for the program or more than a claim holds, one
            twice, one without an ICD-10-CM code, or the month has not begun.
    """
    with editing(store, actor, clock, Operation.DOCUMENT_DECISION) as edit:
        edit.patient(command.patient_id)
        if command.month.first_day > edit.today:
            raise CommandRefusedError(
                "MONTH_AHEAD",
                f"{command.month.in_words} has not begun. Attest its diagnoses when it has.",
            )
        _refuse(edit, command)
        row = edit.unit.session.exec(
            select(DiagnosisAttestationRow).where(
                DiagnosisAttestationRow.practice_id == edit.practice_id,
                DiagnosisAttestationRow.patient_id == command.patient_id,
                DiagnosisAttestationRow.program == command.program.value,
                DiagnosisAttestationRow.ym == command.month.ym,
            )
        ).first()
        conditions = " ".join(command.conditions)
        if row is None:
            row = DiagnosisAttestationRow(
                practice_id=edit.practice_id,
                id=new_id("da"),
                patient_id=command.patient_id,
                program=command.program.value,
                ym=command.month.ym,
                conditions=conditions,
                attested_by=actor.person_id,
                attested_at=edit.now,
            )
        else:
            row.conditions = conditions
            row.attested_by, row.attested_at = actor.person_id, edit.now
        edit.save(row)
        person = edit.unit.session.get(StaffRow, (edit.practice_id, actor.person_id))
        member = None if person is None else staff_of(person)
        return Attestation(
            program=command.program,
            conditions=tuple(command.conditions),
            by=actor.person_id if member is None else member.signature or member.id,
            at=edit.now.replace(microsecond=0).astimezone(zone_named(edit.practice.time_zone)),
        )


@audited
def attested_in(
    patient_id: str, month: ServiceMonth, *, store: Store, actor: Actor, clock: Clock
) -> tuple[Attestation, ...]:
    """Return what was attested about a patient's month, one for each program at most.

    Args:
        patient_id: Whose month.
        month: The service month.
        store: The store.
        actor: Who asks.
        clock: When.

    Raises:
        PermissionDeniedError: The actor may not read charts.
        NotFoundError: No such patient in the practice.
        ChartRestrictedError: The chart is not open to the actor.
    """
    require(actor, Operation.READ_REGISTRY)
    with store.reading() as unit:
        guard(unit, actor, patient_id, now=clock.now())
        patient_row_of(unit, patient_id, actor=actor)
        practice = unit.session.get_one(PracticeRow, actor.practice_id)
        rows = unit.session.exec(select(StaffRow).where(StaffRow.practice_id == actor.practice_id))
        found = attestations_of(
            unit,
            actor.practice_id,
            month,
            zone=zone_named(practice.time_zone),
            staff={row.id: staff_of(row) for row in rows},
            patient_ids=[patient_id],
        )
    note_view(patient_id, store=store, actor=actor, clock=clock)
    return found.get(patient_id, ())


def _refuse(edit: ChartEdit, command: AttestDiagnoses) -> None:
    """Refuse conditions that cannot stand for the program's month on a claim."""
    wanted = list(command.conditions)
    least = LEAST_DIAGNOSES.get(command.program, 1)
    if len(wanted) < least:
        raise CommandRefusedError(
            "CONDITIONS_MISSING",
            f"{command.program} is for {least} or more conditions. Choose them; nothing was saved."
            if least > 1
            else "Choose at least one condition that the services were for. Nothing was saved.",
        )
    if len(wanted) > DIAGNOSES_MAX:
        raise CommandRefusedError(
            "CONDITIONS_TOO_MANY", f"A claim holds {DIAGNOSES_MAX} diagnoses. Choose fewer."
        )
    if len(set(wanted)) < len(wanted):
        raise CommandRefusedError(
            "CONDITION_TWICE", "A condition is named twice. Name each one once, in order."
        )
    rows = edit.unit.session.exec(
        select(ConditionRow).where(
            ConditionRow.practice_id == edit.practice_id,
            ConditionRow.patient_id == command.patient_id,
            col(ConditionRow.id).in_(wanted),
        )
    ).all()
    on_chart = {row.id: row.icd10 for row in rows}
    for each in wanted:
        if each not in on_chart:
            raise NotFoundError("condition", each)
        if on_chart[each] is None:
            raise CommandRefusedError(
                "CONDITION_UNCODED",
                f"Condition '{each}' has no ICD-10-CM code, and a claim needs one. Code it first.",
            )
