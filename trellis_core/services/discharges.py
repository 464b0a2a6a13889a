"""Discharges with the steps after them, facility stays, and services that others reported."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlmodel import col, select

from trellis_core.access import Actor
from trellis_core.care.records import (
    Discharge,
    DischargeContact,
    DischargeVisit,
    FacilityStay,
    OtherService,
)
from trellis_core.care.vocabulary import (
    ContactOutcome,
    DischargedFrom,
    DischargedTo,
    MdmLevel,
    StayKind,
    VisitModality,
)
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing, in_order
from trellis_core.store.care_mapping import (
    discharge_of,
    discharge_row,
    facility_stay_of,
    facility_stay_row,
    known,
    other_service_row,
    stored,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    DischargeContactRow,
    DischargeRow,
    FacilityStayRow,
)
from trellis_core.values import codes
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.periods import local_day, zone_named
from trellis_core.values.unknown import UNKNOWN, Maybe


@audited
def record_discharge(
    patient_id: str,
    *,
    discharged_on: date,
    discharged_from: Maybe[DischargedFrom] = UNKNOWN,
    discharged_to: Maybe[DischargedTo] = UNKNOWN,
    facility_name: str = "",
    global_period: bool = False,
    discharge_day_management_on: date | None = None,
    discharge_day_management_by: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Discharge:
    """Record a discharge; a 30-day transitional period begins."""
    made = Discharge(
        id=new_id("di"),
        discharged_on=discharged_on,
        discharged_from=discharged_from,
        discharged_to=discharged_to,
        contacts=(),
        visit=None,
        mdm=None,
        medications_reconciled_on=None,
        discharge_day_management_on=discharge_day_management_on,
        discharge_day_management_by=discharge_day_management_by,
        global_period=global_period,
        facility_name=facility_name,
    )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(discharged_on, discharge_day_management_on)
        if discharge_day_management_by is not None:
            edit.person(discharge_day_management_by, is_other_allowed=True)
        _refuse_same_day(edit, patient_id, discharged_on)
        edit.save(discharge_row(edit.practice_id, patient_id, made))
    return made


@audited
def record_discharge_contact(
    discharge_id: str,
    *,
    at: datetime,
    outcome: Maybe[ContactOutcome] = UNKNOWN,
    by: Maybe[str] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> DischargeContact:
    """Record an attempt to reach the patient or caregiver after a discharge.

    The same attempt sent twice is one.
    """
    made = _contact(at, outcome, by)
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        _check_contact(edit, row, made)
        if any(_contact_of(each) == made for each in _contacts(edit, discharge_id)):
            return made
        edit.save(
            DischargeContactRow(
                practice_id=edit.practice_id,
                id=new_id("dc"),
                discharge_id=discharge_id,
                patient_id=row.patient_id,
                at=made.at,
                outcome=stored(outcome),
                by=stored(by),
            )
        )
    return made


@audited
def record_discharge_visit(
    discharge_id: str,
    *,
    on: date,
    by: Maybe[str] = UNKNOWN,
    modality: Maybe[VisitModality] = UNKNOWN,
    video_declined: Maybe[bool] = UNKNOWN,
    mdm: MdmLevel | None = None,
    medications_reconciled_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Discharge:
    """Record the visit after a discharge; recording it again corrects it.

    A reconciliation that is left out stays as it is on record; ``record_reconciliation`` takes it back.
    """
    visit = DischargeVisit(on=on, by=by, modality=modality, video_declined=video_declined)
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        edit.not_future(on, medications_reconciled_on)
        edit.person(by, is_other_allowed=True)
        in_order(row.discharged_on, on, what="The visit")
        in_order(row.discharged_on, medications_reconciled_on, what="The reconciliation")
        held = discharge_of(row, _contacts(edit, discharge_id))
        made = replace(
            held,
            visit=visit,
            mdm=mdm,
            medications_reconciled_on=held.medications_reconciled_on
            if medications_reconciled_on is None
            else medications_reconciled_on,
        )
        return _changed(edit, row, made)


@audited
def take_back_visit(discharge_id: str, *, store: Store, actor: Actor, clock: Clock) -> Discharge:
    """Take back the visit after a discharge that was recorded by mistake, with its decision making."""
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        held = discharge_of(row, _contacts(edit, discharge_id))
        return _changed(edit, row, replace(held, visit=None, mdm=None))


@audited
def record_reconciliation(
    discharge_id: str, *, on: date | None, store: Store, actor: Actor, clock: Clock
) -> Discharge:
    """Record the day on which medications were reconciled; None takes it back."""
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        edit.not_future(on)
        in_order(row.discharged_on, on, what="The reconciliation")
        held = discharge_of(row, _contacts(edit, discharge_id))
        return _changed(edit, row, replace(held, medications_reconciled_on=on))


@audited
def record_discharge_management(
    discharge_id: str,
    *,
    on: date | None,
    by: str | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Discharge:
    """Record on which day the discharge itself was managed and billed, and by whom.

    Args:
        discharge_id: Of which discharge.
        on: The day; None where nobody of interest managed it.
        by: The practitioner, of this practice or of another.
        store: The store.
        actor: Who records.
        clock: When.
    """
    if on is not None and by is None:
        raise CommandRefusedError(
            "PRACTITIONER_NEEDED", "Say who managed the discharge that day, or leave the day out."
        )
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        edit.not_future(on)
        if by is not None:
            edit.person(by, is_other_allowed=True)
        held = discharge_of(row, _contacts(edit, discharge_id))
        made = replace(
            held,
            discharge_day_management_on=on,
            discharge_day_management_by=None if on is None else by,
        )
        return _changed(edit, row, made)


@audited
def record_readmission(
    discharge_id: str, *, on: date | None, store: Store, actor: Actor, clock: Clock
) -> Discharge:
    """Record that the patient went back to a facility after a discharge; None takes it back."""
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        edit.not_future(on)
        in_order(row.discharged_on, on, what="The readmission")
        held = discharge_of(row, _contacts(edit, discharge_id))
        return _changed(edit, row, replace(held, readmitted_on=on))


@audited
def record_death(
    patient_id: str, *, on: date | None, store: Store, actor: Actor, clock: Clock
) -> date | None:
    """Record the day of a patient's death; None takes it back."""
    with editing(store, actor, clock) as edit:
        row = edit.patient(patient_id)
        edit.not_future(on)
        in_order(row.birth_date, on, what="The death")
        row.deceased_on = on
        edit.save(row)
    return on


@audited
def correct_discharge(
    discharge_id: str,
    *,
    discharged_on: date,
    discharged_from: Maybe[DischargedFrom] = UNKNOWN,
    discharged_to: Maybe[DischargedTo] = UNKNOWN,
    facility_name: str = "",
    global_period: bool = False,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Discharge:
    """Correct what was recorded of a discharge; the steps after it stay, and are judged anew.

    Raises:
        CommandRefusedError: A step was recorded on a day before the new one, or another discharge
            is of that day.
    """
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        edit.not_future(discharged_on)
        if discharged_on != row.discharged_on:
            _refuse_same_day(edit, row.patient_id, discharged_on)
        held = discharge_of(row, _contacts(edit, discharge_id))
        zone = zone_named(edit.practice.time_zone)
        for each in () if held.contacts is UNKNOWN else held.contacts:
            in_order(discharged_on, local_day(each.at, zone), what="A contact")
        in_order(discharged_on, row.visit_on, what="The visit")
        in_order(discharged_on, row.medications_reconciled_on, what="The reconciliation")
        in_order(discharged_on, row.readmitted_on, what="The readmission")
        made = replace(
            held,
            discharged_on=discharged_on,
            discharged_from=discharged_from,
            discharged_to=discharged_to,
            facility_name=facility_name,
            global_period=global_period,
        )
        return _changed(edit, row, made)


@audited
def correct_discharge_contact(
    discharge_id: str,
    *,
    was_at: datetime,
    at: datetime,
    outcome: Maybe[ContactOutcome] = UNKNOWN,
    by: Maybe[str] = UNKNOWN,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> DischargeContact:
    """Correct an attempt or contact after a discharge.

    Args:
        discharge_id: After which discharge.
        was_at: The time under which it is on record.
        at: The right time.
        outcome: What came of it.
        by: Who tried.
        store: The store.
        actor: Who corrects.
        clock: When.
    """
    made = _contact(at, outcome, by)
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        found = _contact_at(edit, discharge_id, was_at)
        _check_contact(edit, row, made)
        found.at, found.outcome, found.by = made.at, stored(outcome), stored(by)
        edit.save(found)
    return made


@audited
def take_back_contact(
    discharge_id: str, *, at: datetime, store: Store, actor: Actor, clock: Clock
) -> DischargeContact:
    """Take back an attempt or contact that was recorded by mistake."""
    with editing(store, actor, clock) as edit:
        edit.own(DischargeRow, "discharge", discharge_id)
        found = _contact_at(edit, discharge_id, at)
        taken = _contact_of(found)
        edit.unit.session.delete(found)
    return taken


@audited
def take_back_discharge(
    discharge_id: str, *, store: Store, actor: Actor, clock: Clock
) -> Discharge:
    """Take back a discharge that was recorded by mistake, for example on the wrong chart.

    Raises:
        CommandRefusedError: Contacts or a visit are on record for it, or a claim was sent.
    """
    with editing(store, actor, clock) as edit:
        row = edit.own(DischargeRow, "discharge", discharge_id)
        contacts = _contacts(edit, discharge_id)
        if contacts or row.visit_on is not None or row.billed_on is not None:
            raise CommandRefusedError(
                "DISCHARGE_IN_USE",
                "Contacts, a visit or a claim are on record for this discharge. Correct the "
                "discharge instead, or take those back first.",
            )
        taken = discharge_of(row, ())
        edit.unit.session.delete(row)
    return taken


@audited
def record_facility_stay(
    patient_id: str,
    *,
    admitted_on: date,
    kind: StayKind,
    discharged_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> FacilityStay:
    """Record a stay in a facility; without a discharge it lasts."""
    made = FacilityStay(
        id=new_id("st"), admitted_on=admitted_on, discharged_on=discharged_on, kind=kind
    )
    in_order(admitted_on, discharged_on, what="The discharge")
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(admitted_on, discharged_on)
        edit.save(facility_stay_row(edit.practice_id, patient_id, made))
    return made


@audited
def end_facility_stay(
    stay_id: str, *, discharged_on: date, store: Store, actor: Actor, clock: Clock
) -> FacilityStay:
    """Record the end of a stay."""
    with editing(store, actor, clock) as edit:
        row = edit.own(FacilityStayRow, "facility stay", stay_id)
        edit.not_future(discharged_on)
        in_order(row.admitted_on, discharged_on, what="The discharge")
        row.discharged_on = discharged_on
        edit.save(row)
        return facility_stay_of(row)


@audited
def correct_facility_stay(
    stay_id: str,
    *,
    admitted_on: date,
    kind: StayKind,
    discharged_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> FacilityStay:
    """Correct what was recorded of a stay; without a discharge it lasts."""
    in_order(admitted_on, discharged_on, what="The discharge")
    with editing(store, actor, clock) as edit:
        row = edit.own(FacilityStayRow, "facility stay", stay_id)
        edit.not_future(admitted_on, discharged_on)
        row.admitted_on, row.discharged_on, row.kind = admitted_on, discharged_on, kind.value
        edit.save(row)
        return facility_stay_of(row)


@audited
def take_back_facility_stay(
    stay_id: str, *, store: Store, actor: Actor, clock: Clock
) -> FacilityStay:
    """Take back a stay that was recorded by mistake."""
    with editing(store, actor, clock) as edit:
        row = edit.own(FacilityStayRow, "facility stay", stay_id)
        taken = facility_stay_of(row)
        edit.unit.session.delete(row)
    return taken


@audited
def record_other_service(
    patient_id: str,
    *,
    on: date,
    code: str,
    by: Maybe[str] = UNKNOWN,
    same_practice: Maybe[bool] = UNKNOWN,
    discharged_on: date | None = None,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> OtherService:
    """Record a service that somebody reported for the patient, here or elsewhere."""
    made = OtherService(
        on=on,
        code=codes.hcpcs(code),
        by=by,
        same_practice=same_practice,
        discharged_on=discharged_on,
    )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(on)
        edit.person(by, is_other_allowed=True)
        edit.save(other_service_row(edit.practice_id, patient_id, made, record_id=new_id("os")))
    return made


# --- what several of them share -------------------------------------------------------------------


def _refuse_same_day(edit: ChartEdit, patient_id: str, on: date) -> None:
    same = edit.unit.session.exec(
        select(DischargeRow.id).where(
            DischargeRow.practice_id == edit.practice_id,
            DischargeRow.patient_id == patient_id,
            DischargeRow.discharged_on == on,
        )
    ).first()
    if same is not None:
        raise CommandRefusedError(
            "DISCHARGE_RECORDED", f"Discharge '{same}' is of the same day. Use that one."
        )


def _contact(at: datetime, outcome: Maybe[ContactOutcome], by: Maybe[str]) -> DischargeContact:
    if at.tzinfo is None:
        raise CommandRefusedError("TIME_WITHOUT_ZONE", "A contact's time needs its time zone.")
    return DischargeContact(at=at.astimezone(UTC), outcome=outcome, by=by)


def _check_contact(edit: ChartEdit, row: DischargeRow, made: DischargeContact) -> None:
    day = local_day(made.at, zone_named(edit.practice.time_zone))
    edit.not_future(day)
    if made.at > edit.now:
        raise CommandRefusedError(
            "TIME_IN_FUTURE", "That time lies ahead. Record the contact when it was made."
        )
    in_order(row.discharged_on, day, what="The contact")
    edit.person(made.by, is_other_allowed=True)


def _contacts(edit: ChartEdit, discharge_id: str) -> Sequence[DischargeContactRow]:
    return edit.unit.session.exec(
        select(DischargeContactRow)
        .where(
            DischargeContactRow.practice_id == edit.practice_id,
            DischargeContactRow.discharge_id == discharge_id,
        )
        .order_by(col(DischargeContactRow.at), col(DischargeContactRow.id))
    ).all()


def _contact_at(edit: ChartEdit, discharge_id: str, at: datetime) -> DischargeContactRow:
    found = next((each for each in _contacts(edit, discharge_id) if each.at == at), None)
    if found is None:
        raise NotFoundError("contact after discharge", at.isoformat())
    return found


def _contact_of(row: DischargeContactRow) -> DischargeContact:
    outcome = UNKNOWN if row.outcome is None else ContactOutcome(row.outcome)
    return DischargeContact(at=row.at, outcome=outcome, by=known(row.by))


def _changed(edit: ChartEdit, row: DischargeRow, made: Discharge) -> Discharge:
    edit.unit.session.merge(discharge_row(edit.practice_id, row.patient_id, made))
    return made
