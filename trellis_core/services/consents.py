"""A patient's answer to a program: agreed with its true day, declined, or taken back."""

from datetime import date
from typing import Final

from trellis_core.access import Actor
from trellis_core.care.records import (
    Consent,
    DeclinedConsent,
)
from trellis_core.care.vocabulary import (
    ConsentElement,
    ConsentMethod,
    Program,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.dated_rules import rules_on
from trellis_core.rules.gates import consent_elements
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.chart_edit import ChartEdit, editing, in_order
from trellis_core.store.care_mapping import (
    consent_of,
    consent_row,
    declined_consent_row,
)
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ConsentRow,
)
from trellis_core.values.clock import Clock
from trellis_core.values.ids import new_id
from trellis_core.values.unknown import UNKNOWN, Maybe

SHORTEST_REASON: Final = 10
"""Characters that the reason for a backdated consent has at least."""

LONGEST_REASON: Final = 500
"""Characters that a reason takes."""


def elements_asked(program: Program, *, on: date, rule_book: RuleBook) -> frozenset[ConsentElement]:
    """Return what a patient has to be told before agreeing to a program on a day."""
    asked = consent_elements(rules_on(rule_book, on), program.value.lower())
    return frozenset(ConsentElement(each) for each in asked)


def named_representative(name: str, relation: str) -> str:
    """Name whoever answered for a patient, with what they are to the patient.

    Raises:
        CommandRefusedError: Name or relation is missing.

    Example:
        >>> named_representative(" Ana Lark ", "daughter")
        'Ana Lark (daughter)'
    """
    name, relation = name.strip(), relation.strip()
    if not name or not relation:
        raise CommandRefusedError(
            "REPRESENTATIVE_NEEDED",
            "Somebody else answered for the patient. Give the name and the relation, for example "
            "daughter or health care proxy.",
        )
    return f"{name} ({relation})"


@audited
def record_consent(
    patient_id: str,
    *,
    program: Program,
    obtained_on: date,
    method: Maybe[ConsentMethod] = UNKNOWN,
    documented: Maybe[bool] = UNKNOWN,
    billing_practitioner: Maybe[str] = UNKNOWN,
    obtained_by: Maybe[str] = UNKNOWN,
    elements: Maybe[frozenset[ConsentElement]] = UNKNOWN,
    representative: str | None = None,
    copy_given_on: date | None = None,
    backdating_reason: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
) -> Consent:
    """Record a consent with its true day; minutes before that day never count.

    Args:
        patient_id: Whose.
        program: To what.
        obtained_on: The day on which the patient agreed.
        method: How.
        documented: Whether the agreement stands in the medical record.
        billing_practitioner: For whose services.
        obtained_by: Who asked.
        elements: What the patient was told.
        representative: Name and relation of whoever agreed for the patient; None for the patient.
        copy_given_on: When the patient got a copy.
        backdating_reason: Why it is recorded on a later day; needed for every day before today.
        store: The store.
        actor: Who records it.
        clock: When.

    Raises:
        CommandRefusedError: The day lies ahead, or before today without a reason.
    """
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(obtained_on, copy_given_on)
        in_order(obtained_on, copy_given_on, what="The day the copy was given")
        edit.practitioner(billing_practitioner)
        edit.person(obtained_by)
        made = Consent(
            id=new_id("co"),
            program=program,
            obtained_on=obtained_on,
            method=method,
            documented=documented,
            billing_practitioner=billing_practitioner,
            obtained_by=obtained_by,
            elements=elements,
            revoked_on=None,
            given_by=representative,
            copy_given_on=copy_given_on,
            recorded_at=edit.now,
            backdating_reason=_reason_for(edit, obtained_on, backdating_reason),
        )
        edit.save(consent_row(edit.practice_id, patient_id, made))
    return made


def _reason_for(edit: ChartEdit, obtained_on: date, reason: str) -> str | None:
    """Return the reason for an earlier day; None for today, which needs none."""
    if obtained_on >= edit.today:
        return None
    reason = " ".join(reason.split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise CommandRefusedError(
            "BACKDATING_NEEDS_REASON",
            f"{obtained_on.isoformat()} lies before today. Say in {SHORTEST_REASON} to "
            f"{LONGEST_REASON} characters why the consent is recorded only now; it shows beside it.",
        )
    return reason


@audited
def revoke_consent(
    consent_id: str, *, revoked_on: date, store: Store, actor: Actor, clock: Clock
) -> Consent:
    """Record that a patient took a consent back."""
    with editing(store, actor, clock) as edit:
        row = edit.own(ConsentRow, "consent", consent_id)
        if row.revoked_on is not None:
            raise CommandRefusedError(
                "ALREADY_REVOKED", f"Consent '{consent_id}' was revoked already."
            )
        edit.not_future(revoked_on)
        in_order(row.obtained_on, revoked_on, what="The revocation")
        row.revoked_on = revoked_on
        edit.save(row)
        return consent_of(row)


@audited
def give_consent_copy(
    consent_id: str, *, copy_given_on: date, store: Store, actor: Actor, clock: Clock
) -> Consent:
    """Record that the patient got a copy of what was agreed."""
    with editing(store, actor, clock) as edit:
        row = edit.own(ConsentRow, "consent", consent_id)
        edit.not_future(copy_given_on)
        in_order(row.obtained_on, copy_given_on, what="The day the copy was given")
        row.copy_given_on = copy_given_on
        edit.save(row)
        return consent_of(row)


@audited
def decline_consent(
    patient_id: str,
    *,
    program: Program,
    declined_on: date,
    method: Maybe[ConsentMethod] = UNKNOWN,
    representative: str | None = None,
    asked_by: Maybe[str] = UNKNOWN,
    reason: str = "",
    store: Store,
    actor: Actor,
    clock: Clock,
) -> DeclinedConsent:
    """Record that a patient said no to a program. The patient may be asked again.

    Args:
        patient_id: Whose answer.
        program: To what.
        declined_on: The day of the answer.
        method: How it was given.
        representative: Name and relation of whoever answered for the patient; None for the patient.
        asked_by: Who asked.
        reason: Why, in the patient's words; may be empty.
        store: The store.
        actor: Who records it.
        clock: When.
    """
    made = DeclinedConsent(
        id=new_id("dc"),
        program=program,
        declined_on=declined_on,
        method=method,
        given_by=representative,
        asked_by=asked_by,
        reason=" ".join(reason.split())[:LONGEST_REASON],
    )
    with editing(store, actor, clock) as edit:
        edit.patient(patient_id)
        edit.not_future(declined_on)
        edit.person(asked_by)
        edit.save(declined_consent_row(edit.practice_id, patient_id, made))
    return made
