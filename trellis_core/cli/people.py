"""``trellis people``: who works for the practice, what each may do, and the links they sign in with."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.cli.common import (
    Subparsers,
    acting_person,
    add_store_options,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.services.invitations import Link, link_path, make_link
from trellis_core.services.people import (
    Person,
    add_person,
    change_person,
    deactivate,
    people,
    reactivate,
)
from trellis_core.services.practice import is_sample
from trellis_core.settings import load_settings
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock, SystemClock
from trellis_core.values.unknown import UNKNOWN

SCHEMA_NAME: Final = "trellis.people/1"
"""Name and version of the answer's form: of ``list`` everybody, else the person it was about."""

_NOBODY: Final = "none"
_HERE: Final = "http://localhost:8501"
_HEADINGS: Final = ("id", "name", "role", "profession", "signs in as", "sign-in")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command with one command for each thing that can be done."""
    parser = subparsers.add_parser(
        "people",
        help="who works here: add people, end access, make sign-in links",
        description="List the practice's people, add one, change what one may do, end access, or "
        "make a link with which somebody sets a password. For the practice's owners. A link is shown "
        "once: hand it over yourself, whoever opens it first sets the password.",
    )
    parts = parser.add_subparsers(title="what to do", metavar="DO", dest="what", required=True)
    listed = parts.add_parser("list", help="everybody, also those who left")
    add = parts.add_parser("add", help="add a person; with --role also a link for 72 hours")
    change = parts.add_parser(
        "change", help="change what is on record; another role ends what is open at once"
    )
    leave = parts.add_parser("deactivate", help="end a person's access at once; their work stays")
    back = parts.add_parser("reactivate", help="let a person back in, with a link for 72 hours")
    reset = parts.add_parser(
        "reset",
        help="make a new link: the old password, the codes and every session end at once",
    )
    for part in (change, leave, back, reset):
        part.add_argument("person", metavar="PERSON", help="the person's id or sign-in name")
    _add_facts(add, is_new=True)
    _add_facts(change, is_new=False)
    for part in (add, back, reset):
        part.add_argument(
            "--address",
            metavar="URL",
            help="where people reach the dashboard, for the link; else TRELLIS_PUBLIC_URL, else "
            f"{_HERE}",
        )
    for part in (listed, add, change, leave, back, reset):
        add_store_options(part)


def _add_facts(parser: argparse.ArgumentParser, *, is_new: bool) -> None:
    parser.add_argument("--given-name", metavar="NAME")
    parser.add_argument("--family-name", required=is_new, metavar="NAME")
    parser.add_argument(
        "--staff-role",
        required=is_new,
        type=StaffRole,
        choices=list(StaffRole),
        metavar="P",
        help=f"the profession, which decides whose minutes count: {', '.join(StaffRole)}",
    )
    parser.add_argument(
        "--role",
        choices=[*AccessRole, _NOBODY],
        metavar="R",
        help=f"what they may do: {', '.join(AccessRole)}; {_NOBODY} for somebody who never signs in",
    )
    parser.add_argument(
        "--credential",
        choices=[*(each.value for each in Credential if each), _NOBODY],
        metavar="C",
        help=f"{', '.join(each for each in Credential if each)}; {_NOBODY} for nobody's licence",
    )
    parser.add_argument("--npi", metavar="N")
    parser.add_argument("--sign-in-name", metavar="NAME", help="needed with --role")


def run(args: argparse.Namespace) -> int:
    """Do what was asked and say it."""
    clock, store = SystemClock(), open_store_of(args)
    try:
        actor = acting_person(args, store)
        if args.what == "list":
            found = people(store=store, actor=actor, clock=clock)
            if args.json:
                print_json({"schema": SCHEMA_NAME, "people": [_object(one) for one in found]})
            else:
                _print_table(found)
            return 0
        _change(args, store=store, actor=actor, clock=clock)
    finally:
        store.close()
    return 0


class _Done(StrEnum):
    """What is said of each command."""

    ADD = "was added"
    CHANGE = "was changed"
    DEACTIVATE = "has no access any more"
    REACTIVATE = "is active again"
    RESET = "signs in with the link from now on"


def _change(args: argparse.Namespace, *, store: Store, actor: Actor, clock: Clock) -> None:
    """Change one person, make their link where there is one, and say both."""
    link, address = None, _address(args)
    if args.what == "add":
        made = add_person(
            _with_facts(StaffMember(id="", role=args.staff_role), args),
            sign_in_name=args.sign_in_name,
            store=store,
            actor=actor,
            clock=clock,
        )
        person_id = made.id
    else:
        person_id = _whom(args.person, store=store, actor=actor, clock=clock).member.id
    match args.what:
        case "change":
            person = _whom(person_id, store=store, actor=actor, clock=clock)
            change_person(
                _with_facts(person.member, args),
                sign_in_name=args.sign_in_name,
                store=store,
                actor=actor,
                clock=clock,
            )
        case "deactivate":
            deactivate(person_id, store=store, actor=actor, clock=clock)
        case "reactivate":
            reactivate(person_id, store=store, actor=actor, clock=clock)
    person = _whom(person_id, store=store, actor=actor, clock=clock)
    if args.what == "reset" or _needs_link(args, person, store=store):
        link = make_link(person_id, store=store, actor=actor, clock=clock)
        person = _whom(person_id, store=store, actor=actor, clock=clock)
    if args.json:
        print_json(
            {"schema": SCHEMA_NAME, "people": [_object(person)], "link": _link(link, address)}
        )
        return
    print(f"Person {person_id} {_Done[args.what.upper()]}.")
    if link is not None:
        print(f"{address}{link_path(link.token)}")
        print_message(
            f"The link is good once, until {link.expires_at:%Y-%m-%d %H:%M} UTC. It is shown only "
            "now: hand it over yourself."
        )


def _needs_link(args: argparse.Namespace, person: Person, *, store: Store) -> bool:
    """Say whether somebody who was added or let back in is to sign in; nobody does in the sample."""
    return (
        args.what in {"add", "reactivate"}
        and person.member.access is not None
        and not person.can_sign_in
        and not is_sample(store=store)
    )


def _whom(named: str, *, store: Store, actor: Actor, clock: Clock) -> Person:
    """Return a person of the actor's practice by id or sign-in name.

    Raises:
        NotFoundError: There is none.
    """
    everybody = people(store=store, actor=actor, clock=clock)
    found = [one for one in everybody if one.member.id == named] or [
        one for one in everybody if one.sign_in_name == named.strip().casefold()
    ]
    if not found:
        raise NotFoundError("person", named)
    return found[0]


def _with_facts(member: StaffMember, args: argparse.Namespace) -> StaffMember:
    """Return a person with what the options say, and the rest as it was."""
    changed = {
        "given_name": args.given_name,
        "family_name": args.family_name,
        "role": args.staff_role,
        "npi": args.npi,
    }
    member = replace(
        member, **{name: value for name, value in changed.items() if value is not None}
    )
    if args.role is not None:
        access = None if args.role == _NOBODY else AccessRole(args.role)
        member = replace(member, access=access)
    if args.credential is not None:
        held = Credential.NONE if args.credential == _NOBODY else Credential(args.credential)
        member = replace(member, credential=held)
    return member


# --- answers ---------------------------------------------------------------------------------


def _object(person: Person) -> dict[str, object]:
    member = person.member
    seen = person.last_seen_at
    return {
        "id": member.id,
        "name": member.name,
        "role": None if member.access is None else member.access.value,
        "staff_role": member.role.value,
        "credential": None if member.credential is UNKNOWN else member.credential.value,
        "npi": member.npi,
        "active": member.is_active,
        "sign_in_name": person.sign_in_name,
        "can_sign_in": person.can_sign_in and member.is_active and member.access is not None,
        "has_codes": person.has_codes,
        "is_locked": person.is_locked,
        "has_link": person.has_link,
        "last_seen_at": None if seen is None else seen.isoformat(timespec="seconds"),
    }


def _link(link: Link | None, address: str) -> dict[str, object] | None:
    if link is None:
        return None
    return {
        "kind": link.kind.value,
        "address": f"{address}{link_path(link.token)}",
        "expires_at": link.expires_at.isoformat(timespec="seconds"),
    }


def _address(args: argparse.Namespace) -> str:
    address = str(getattr(args, "address", None) or load_settings().public_url or _HERE).rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise CommandRefusedError(
            "NO_ADDRESS", "--address begins with https:// and the name in people's browsers."
        )
    return address


def _standing(person: Person) -> str:
    if not person.member.is_active:
        return "left"
    if person.member.access is None:
        return "-"
    if person.is_locked:
        return "locked"
    if person.has_link:
        return "link not used yet"
    return "ready" if person.can_sign_in else "needs a link"


def _print_table(found: Sequence[Person]) -> None:
    lines = [
        _HEADINGS,
        *(
            (
                one.member.id,
                one.member.signature,
                one.member.access.value if one.member.access else "-",
                one.member.role.value,
                one.sign_in_name or "-",
                _standing(one),
            )
            for one in found
        ),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
