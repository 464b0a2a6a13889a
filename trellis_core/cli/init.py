"""``trellis init``: a new store with a practice and the owner who may do everything."""

import argparse
import getpass
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.cli.common import (
    Subparsers,
    add_store_options,
    open_store_of,
    print_json,
    print_message,
)
from trellis_core.errors import (
    CommandRefusedError,
    InputRefusedError,
    UnknownLocalityError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.by_hand import cli_actor, note_command, system_user
from trellis_core.services.passwords import SHORTEST_PASSWORD
from trellis_core.services.practice import (
    CreatePractice,
    create_practice,
    is_sample,
    practices_held,
)
from trellis_core.services.practice_files import practice_from_json
from trellis_core.values.clock import SystemClock
from trellis_core.values.ids import new_id

SCHEMA_NAME: Final = "trellis.init/1"
"""Name and version of the answer's form."""

_OWNER_KEYS: Final = frozenset(
    {"given_name", "family_name", "role", "credential", "npi", "sign_in_name", "password"}
)
_BILLING: Final = frozenset({"MD", "DO", "NP", "PA", "CNS", "CNM"})


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "init",
        help="set up a new practice: its name, its owner, its time zone",
        allow_abbrev=False,  # --password would be --password-file, and a password an argument
        description="Set up a practice, in an empty store or beside the practices that it holds. Asks a few questions, or takes the "
        'answers from a JSON file: {"practice": {"name": …, "npi": …, "tin": …, "time_zone": …, '
        '"state": …, "locality": …}, "owner": {"given_name": …, "family_name": …, "credential": …, '
        '"npi": …, "sign_in_name": …}}. The owner\'s password is asked for twice and not shown, or '
        "read from a file; it is never an argument, which everybody on the machine could see.",
    )
    parser.add_argument(
        "--answers", metavar="FILE", help="a JSON file with the answers; - for standard input"
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="the owner's password is its first line; - for standard input",
    )
    add_store_options(parser)


@dataclass(frozen=True, slots=True)
class _Answers:
    practice: Practice
    owner: StaffMember
    sign_in_name: str
    password: str
    file_with_password: str | None = None


def run(args: argparse.Namespace) -> int:
    """Set up the practice."""
    store = open_store_of(args)
    try:
        if is_sample(store=store):
            raise CommandRefusedError(
                "SAMPLE_STORE",
                "This store holds the sample practice, which is for trying out only. Nothing was "
                "changed. Name another with --store.",
            )
        answers = _answers(args)
        _check_locality(answers.practice)
        practice = create_practice(
            CreatePractice(
                practice=answers.practice,
                owner=answers.owner,
                sign_in_name=answers.sign_in_name,
                password=answers.password,
                is_beside_others=True,
            ),
            store=store,
            clock=SystemClock(),
            system_user=system_user(),
        )
        note_command("init", store=store, actor=cli_actor(store, answers.owner.id))
        url, held = store.url, practices_held(store=store)
    finally:
        store.close()
    if args.json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "practice": practice.id,
                "owner": answers.owner.id,
                "store": url,
            }
        )
    else:
        print(f"The practice is set up in {url}.")
        if held > 1:
            print(f"The store holds {held} practices; the people of each see their own alone.")
        print(f"Its owner is person {answers.owner.id}: commands take --as {answers.owner.id}.")
        print("Open the dashboard with 'trellis serve' and sign in.")
    if answers.file_with_password is not None:
        print_message(
            f"'{answers.file_with_password}' still holds the owner's password: delete the file."
        )
    return 0


def _answers(args: argparse.Namespace) -> "_Answers":
    if args.answers == "-" and args.password_file == "-":  # noqa: S105 - a place, not a password
        raise InputRefusedError(
            "USAGE", "", "Standard input is one thing: give answers or password by a file."
        )
    password = None if args.password_file is None else _first_line(args.password_file)
    return _ask(password) if args.answers is None else _from_file(args.answers, password)


def _first_line(named: str) -> str:
    """Return a password from a file or standard input, without its end of line."""
    line = next(iter(_text(named, "the password's file").splitlines()), "")
    if not line:
        raise InputRefusedError(
            "MISSING_KEY", "owner.password", "The first line of the password's file is empty."
        )
    return line


def _text(named: str, shown: str) -> str:
    try:
        if named == "-":
            return sys.stdin.read()
        return Path(named).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefusedError("FILE_MISSING", shown, "The file cannot be read.") from error


def _check_locality(practice: Practice) -> None:
    if (practice.state is None) != (practice.locality is None):
        raise InputRefusedError(
            "MISSING_KEY", "practice.locality", "Give state and locality, or neither of them."
        )
    if practice.state is None or practice.locality is None:
        return
    if not load_rule_book().amounts.has_locality(practice.state, practice.locality):
        raise UnknownLocalityError(practice.state, practice.locality, SystemClock().now().year)


# --- from a file -----------------------------------------------------------------------------


def _from_file(named: str, password: str | None) -> _Answers:
    name = "standard input" if named == "-" else Path(named).name
    try:
        data = json.loads(_text(named, name))
    except ValueError as error:
        raise InputRefusedError("NOT_JSON", name, "The file is not JSON.") from error
    practice, owner = _object(data, "practice"), _object(data, "owner")
    for key in data:
        if key not in {"practice", "owner"}:
            raise InputRefusedError("UNKNOWN_KEY", key, "Known keys: owner, practice.")
    for key in owner:
        if key not in _OWNER_KEYS:
            raise InputRefusedError(
                "UNKNOWN_KEY", f"owner.{key}", f"Known keys: {', '.join(sorted(_OWNER_KEYS))}."
            )
    texts = {key: _owner_text(owner, key) for key in _OWNER_KEYS}
    for key in ("given_name", "family_name", "sign_in_name"):
        if not texts[key]:
            raise InputRefusedError("MISSING_KEY", f"owner.{key}", "The owner needs it.")
    if texts["password"] and password is not None:
        raise InputRefusedError(
            "USAGE", "owner.password", "The password is in the answers and in a file: give one."
        )
    read = _Answers(
        practice=practice_from_json({**practice, "id": new_id("pr"), "is_sample": False}),
        owner=_owner(texts),
        sign_in_name=texts["sign_in_name"],
        password=password or texts["password"],
        file_with_password=named if texts["password"] and named != "-" else None,
    )
    return read if read.password else replace(read, password=_asked_password())


def _asked_password() -> str:
    if not sys.stdin.isatty():
        raise InputRefusedError(
            "MISSING_KEY",
            "owner.password",
            "The owner needs it, and there is nobody to ask. Name its file with --password-file.",
        )
    return ask_password()


def _object(data: object, key: str) -> dict[str, object]:
    found = data.get(key) if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise InputRefusedError("MISSING_KEY", key, "An object is needed there.")
    return found


def _owner_text(owner: dict[str, object], key: str) -> str:
    value = owner.get(key)
    if value is not None and not isinstance(value, str):
        raise InputRefusedError("WRONG_TYPE", f"owner.{key}", "It must be a text.")
    return (value or "").strip() if key != "password" else (value or "")


def _owner(texts: dict[str, str]) -> StaffMember:
    try:
        credential = Credential(texts["credential"])
        role = StaffRole(
            texts["role"]
            or (
                StaffRole.BILLING_PRACTITIONER
                if credential in _BILLING
                else StaffRole.CLINICAL_STAFF
                if credential
                else StaffRole.NON_CLINICAL
            )
        )
    except ValueError as error:
        listed = ", ".join(item.value for item in Credential if item.value)
        raise InputRefusedError(
            "UNKNOWN_VALUE", "owner.credential", f"One of: {listed}; empty for none."
        ) from error
    return StaffMember(
        id=new_id("st"),
        role=role,
        credential=credential,
        npi=texts["npi"] or None,
        given_name=texts["given_name"],
        family_name=texts["family_name"],
    )


# --- by asking -------------------------------------------------------------------------------


def _ask(password: str | None) -> _Answers:
    if not sys.stdin.isatty():
        raise InputRefusedError(
            "MISSING_KEY", "", "There is nobody to ask. Give the answers with --answers FILE.json."
        )
    print("A few questions. Leave an answer empty to use what stands in brackets.")
    practice: dict[str, object] = {
        "id": new_id("pr"),
        "name": _question("Name of the practice", needed=True),
        "npi": _question("NPI of the practice [none]") or None,
        "tin": _question("Tax number of the practice [none]") or None,
        "time_zone": _question("Time zone [America/New_York]") or "America/New_York",
        "state": _question("State of the Medicare locality, like NY [national amounts]").upper()
        or None,
    }
    if practice["state"] is not None:
        practice["locality"] = _question("Number of the locality, like 01", needed=True)
    texts = {
        "given_name": _question("Your given name", needed=True),
        "family_name": _question("Your family name", needed=True),
        "credential": _question("Your credential, like MD, NP or RN [none]"),
        "npi": _question("Your own NPI [none]"),
        "role": "",
    }
    name = _question("The name you will sign in with", needed=True)
    return _Answers(practice_from_json(practice), _owner(texts), name, password or ask_password())


def _question(words: str, *, needed: bool = False) -> str:
    while True:
        answer = input(f"{words}: ").strip()
        if answer or not needed:
            return answer
        print("An answer is needed here.")


def ask_password() -> str:
    """Ask for a new password twice, without showing it."""
    while True:
        password = getpass.getpass(f"Password ({SHORTEST_PASSWORD} characters or more): ")
        if len(password) < SHORTEST_PASSWORD:
            print("That is too short.")
        elif password != getpass.getpass("The same again: "):
            print("The two differ.")
        else:
            return password
