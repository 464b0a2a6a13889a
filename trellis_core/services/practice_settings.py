"""Changing what the practice says about itself: identifiers, address, place, attested facts."""

from dataclasses import replace

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import Practice
from trellis_core.errors import CommandRefusedError, NotFoundError, UnknownLocalityError
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.store.care_mapping import known
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of, practice_row
from trellis_core.store.tables import PracticeRow
from trellis_core.values.clock import Clock
from trellis_core.values.codes import is_place_of_service, is_tin, npi
from trellis_core.values.periods import zone_named


@audited
def edit_practice(
    command: Practice, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Practice:
    """Change what is on record about the actor's practice and return it as stored.

    The id, whether it is the sample practice, and what was attested element by element for advanced
    primary care stay as they are.

    Args:
        command: The practice as it shall be.
        store: The store.
        actor: Who edits.
        clock: When.
        rule_book: Its tables say which Medicare localities there are.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        CommandRefusedError: The name is missing, a locality has no state, or the tax id or the place of
            service is none.
        InvalidNpiError: The NPI is not one.
        InvalidPeriodError: The time zone is not one.
        UnknownLocalityError: The tables list no such locality.
    """
    require(actor, Operation.EDIT_SETTINGS)
    name = command.name.strip()
    if not name:
        raise CommandRefusedError("NAME_NEEDED", "A practice needs a name. Give one.")
    if command.npi is not None:
        npi(command.npi)
    if command.tin is not None and not is_tin(command.tin):
        raise CommandRefusedError(
            "TIN_MALFORMED", "A tax id (TIN) has nine digits, such as 12-3456789. Correct it."
        )
    if not is_place_of_service(command.place_of_service):
        raise CommandRefusedError(
            "PLACE_OF_SERVICE",
            "A place of service is one of the two-digit codes, for example 11 for an office. Correct it.",
        )
    zone_named(command.time_zone)
    if command.locality is not None:
        if command.state is None:
            raise CommandRefusedError(
                "STATE_NEEDED", "A Medicare locality belongs to a state. Give the state too."
            )
        if not rule_book.amounts.has_locality(command.state, command.locality):
            raise UnknownLocalityError(command.state, command.locality, clock.now().year)
    with store.writing(actor=actor, at=clock.now()) as unit:
        row = unit.session.get(PracticeRow, actor.practice_id)
        if row is None:
            raise NotFoundError("practice", actor.practice_id)
        made = replace(
            command,
            id=row.id,
            name=name,
            is_sample=row.is_sample,
            apcm_capabilities=known(row.apcm_capabilities),
        )
        unit.session.add(practice_row(made, created_at=row.created_at, row=row))
        return practice_of(row)
