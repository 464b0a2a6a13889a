"""Reading the rule book's TOML files, with a sentence for every mistake."""

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError


def read_toml(file: Path, problems: list[str]) -> dict[str, object] | None:
    """Read a file; None with a sentence in ``problems`` where it cannot be read."""
    try:
        return tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except OSError:
        problems.append(f"{file.name}: the file is missing; add it.")
    except UnicodeDecodeError:
        problems.append(f"{file.name}: the file is not UTF-8; save it as UTF-8.")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{file.name}: not TOML: {error}.")
    return None


def take_reviewed_on(file: Path, content: dict[str, object], problems: list[str]) -> date:
    """Take the day of the last check out of a file's content; say where it is missing."""
    reviewed_on = content.pop("reviewed_on", None)
    if type(reviewed_on) is date:
        return reviewed_on
    problems.append(
        f"{file.name}: 'reviewed_on' is missing or not a day; "
        "state the day on which somebody checked the file against its sources."
    )
    return date.min


def sentences(file: str, name: str, error: ValidationError) -> list[str]:
    """Return a validation's mistakes as sentences that name the file, the entry and the key."""
    problems: list[str] = []
    for detail in error.errors(include_url=False):
        place = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in detail["loc"]
        ).lstrip(".")
        where = f"{file}, '{name}'" + (f", {place}" if place else "")
        match detail["type"]:
            case "missing":
                problems.append(f"{where}: missing; add it.")
            case "extra_forbidden" | "unexpected_keyword_argument":
                problems.append(f"{where}: not a known key; remove it or correct its spelling.")
            case "value_error":
                problems.append(f"{where}: {detail['msg'].removeprefix('Value error, ')}.")
            case _:
                said = detail["msg"]
                problems.append(f"{where}: {said[:1].lower()}{said[1:]}.")
    return problems
