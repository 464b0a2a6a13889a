"""The practice's places: each with its own Medicare locality, setting and place of service."""

from dataclasses import replace

from sqlmodel import select

from trellis_core.access import Actor, Operation, require
from trellis_core.care.people import Site
from trellis_core.errors import CommandRefusedError, NotFoundError, UnknownLocalityError
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.store.care_mapping import site_of, write_site
from trellis_core.store.engine import Store
from trellis_core.store.tables import SiteRow
from trellis_core.values.clock import Clock
from trellis_core.values.codes import is_place_of_service
from trellis_core.values.folding import folded
from trellis_core.values.ids import new_id


@audited
def sites(*, store: Store, actor: Actor) -> tuple[Site, ...]:
    """Return the practice's sites by name, also those that take no patients any more."""
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        rows = unit.session.exec(
            select(SiteRow).where(SiteRow.practice_id == actor.practice_id)
        ).all()
    return tuple(sorted(map(site_of, rows), key=lambda each: (folded(each.name), each.id)))


@audited
def save_site(
    command: Site, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Site:
    """Add a site, or change one: amounts and place of service of its patients follow in open months.

    Args:
        command: The site as it shall be; with an empty id a new one.
        store: The store.
        actor: Who edits.
        clock: When.
        rule_book: Its tables say which Medicare localities there are.

    Raises:
        PermissionDeniedError: The actor may not change settings.
        NotFoundError: No such site.
        CommandRefusedError: The name is missing or taken, a locality has no state, or the place of
            service is none.
        UnknownLocalityError: The tables list no such locality.
    """
    require(actor, Operation.EDIT_SETTINGS)
    made = replace(command, name=command.name.strip(), id=command.id or new_id("si"))
    _check(made, rule_book, year=clock.now().year)
    with store.writing(actor=actor, at=clock.now()) as unit:
        rows = unit.session.exec(
            select(SiteRow).where(SiteRow.practice_id == actor.practice_id)
        ).all()
        if any(row.id != made.id and folded(row.name) == folded(made.name) for row in rows):
            raise CommandRefusedError(
                "SITE_NAME_TAKEN", "Another site has this name. Give a different one."
            )
        row = next((row for row in rows if row.id == made.id), None)
        if command.id and row is None:
            raise NotFoundError("site", command.id)
        row = row or SiteRow(practice_id=actor.practice_id, id=made.id, name=made.name)
        unit.session.add(write_site(made, row))
    return made


def _check(site: Site, rule_book: RuleBook, *, year: int) -> None:
    if not site.name:
        raise CommandRefusedError("NAME_NEEDED", "A site needs a name. Give one.")
    if not is_place_of_service(site.place_of_service):
        raise CommandRefusedError(
            "PLACE_OF_SERVICE",
            "A place of service is one of the two-digit codes, for example 11 for an office. Correct it.",
        )
    if site.locality is None:
        return
    if site.state is None:
        raise CommandRefusedError(
            "STATE_NEEDED", "A Medicare locality belongs to a state. Give the state too."
        )
    if not rule_book.amounts.has_locality(site.state, site.locality):
        raise UnknownLocalityError(site.state, site.locality, year)
