"""``trellis import medicare``: a year's Medicare physician fee schedule from the files of cms.gov."""

import argparse
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trellis_core.cli.common import (
    acting_person,
    add_store_options,
    day_argument,
    open_store_of,
    print_json,
)
from trellis_core.errors import CommandRefusedError
from trellis_core.values.money import amount_text

if TYPE_CHECKING:
    from trellis_core.services.medicare_year import CodeAmounts, MedicarePreview, MedicareYear

SCHEMA_NAME: Final = "trellis.import-medicare/1"
"""Name and version of the answer's form."""

_NEEDED: Final = ("relative_values", "indices", "conversion_factor", "source")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "--year",
        type=int,
        required=True,
        metavar="YEAR",
        help="January 1 to December 31 of which year",
    )
    parser.add_argument(
        "--rvu", dest="relative_values", type=Path, metavar="FILE.csv",
        help="CMS's relative value file, PPRRVU (nonQPP)",
    )  # fmt: skip
    parser.add_argument(
        "--gpci", dest="indices", type=Path, metavar="FILE.csv",
        help="CMS's geographic indices of the same release, Addendum E",
    )  # fmt: skip
    parser.add_argument(
        "--conversion-factor", type=_factor, metavar="DOLLARS", help="as in the final rule"
    )
    parser.add_argument(
        "--qualifying-factor", type=_factor, metavar="DOLLARS",
        help="of qualifying participants in an advanced alternative payment model",
    )  # fmt: skip
    parser.add_argument("--source", metavar="URL", help="the page of cms.gov the files came from")
    parser.add_argument("--release", default="", metavar="NAME", help="for example RVU27A")
    parser.add_argument(
        "--retrieved",
        type=day_argument,
        metavar="DATE",
        help="when they were downloaded; else today",
    )
    parser.add_argument(
        "--work-floor", action=argparse.BooleanOptionalAction, default=None,
        help="use the work indices with, or without, the floor of 1.0; else with it where there are both",
    )  # fmt: skip
    parser.add_argument(
        "--retired",
        action="append",
        default=[],
        metavar="CODE",
        help="a code that CMS ended; repeatable",
    )
    parser.add_argument(
        "--allow-ended-localities",
        action="store_true",
        help="localities of the last year may be absent",
    )
    parser.add_argument(
        "--allow-large-change", action="store_true",
        help="a conversion factor may differ by more than 15 percent from the last one",
    )  # fmt: skip
    parser.add_argument(
        "--replace", action="store_true", help="in place of what is on file for the year"
    )
    does = parser.add_mutually_exclusive_group()
    does.add_argument("--dry-run", action="store_true", help="say what would happen; store nothing")
    does.add_argument(
        "--remove", action="store_true", help="remove the year that was loaded instead"
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Load a year, say what that would bring, or remove one."""
    from trellis_core.services.medicare_tables import (
        load_medicare,
        preview_medicare,
        remove_medicare,
    )
    from trellis_core.values.clock import SystemClock

    clock, store = SystemClock(), open_store_of(args)
    try:
        actor = acting_person(args, store)
        if args.remove:
            remove_medicare(args.year, store=store, actor=actor, clock=clock)
            return _tell_removed(args)
        does = preview_medicare if args.dry_run else load_medicare
        found = does(_given(args), store=store, actor=actor, clock=clock)
    finally:
        store.close()
    if args.json:
        print_json(_object(found, is_stored=not args.dry_run))
    else:
        print("\n".join(_lines(found, is_stored=not args.dry_run)))
    return 0


def _given(args: argparse.Namespace) -> "MedicareYear":
    from trellis_core.services.medicare_year import MedicareYear

    lacking = [name for name in _NEEDED if getattr(args, name) is None]
    if lacking:
        options = {"relative_values": "--rvu", "indices": "--gpci"}
        told = ", ".join(options.get(name, f"--{name.replace('_', '-')}") for name in lacking)
        raise CommandRefusedError("OPTION_MISSING", f"To load a year, add {told}.")
    return MedicareYear(
        year=args.year,
        relative_values=_read(args.relative_values, "--rvu"),
        indices=_read(args.indices, "--gpci"),
        conversion_factor=args.conversion_factor,
        qualifying_factor=args.qualifying_factor,
        url=args.source,
        release=args.release,
        retrieved=args.retrieved,
        with_floor=args.work_floor,
        retired=frozenset(code.strip().upper() for code in args.retired),
        replace=args.replace,
        allow_large_change=args.allow_large_change,
        allow_ended_localities=args.allow_ended_localities,
    )


def _read(path: Path, option: str) -> bytes:
    """Read a file, a little over what one may have at most."""
    from trellis_core.services.medicare_cells import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandRefusedError(
            "FILE_MISSING",
            f"The file of {option} cannot be read: {error.strerror}. Check its name.",
        ) from error


def _factor(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(
            "a number of dollars is needed, such as 33.4009"
        ) from error


def _tell_removed(args: argparse.Namespace) -> int:
    if args.json:
        print_json({"schema": SCHEMA_NAME, "year": args.year, "removed": True})
    else:
        print(f"The tables of {args.year} are removed. Nothing in that year is priced from now on.")
    return 0


def _object(found: "MedicarePreview", *, is_stored: bool) -> dict[str, object]:
    return {
        "schema": SCHEMA_NAME,
        "year": found.year,
        "schedule": found.schedule,
        "release": found.release,
        "source": found.url,
        "retrieved": found.retrieved.isoformat(),
        "effective_from": f"{found.year}-01-01",
        "effective_through": f"{found.year}-12-31",
        "conversion_factor": str(found.conversion_factor),
        "conversion_factor_before": _text(found.conversion_factor_before),
        "qualifying_factor": _text(found.qualifying_factor),
        "qualifying_factor_before": _text(found.qualifying_factor_before),
        "work_floor": found.floor,
        "locality": found.locality,
        "localities": found.localities,
        "localities_before": found.localities_before,
        "new_localities": list(found.new_localities),
        "missing_localities": list(found.missing_localities),
        "new_codes": list(found.new_codes),
        "missing_codes": list(found.missing_codes),
        "files": dict(found.file_digests),
        "warnings": list(found.warnings),
        "amounts": [_amount_object(each) for each in found.amounts],
        "replaces": found.replaces,
        "stored": is_stored,
        "rules_reviewed": False,
    }


def _amount_object(each: "CodeAmounts") -> dict[str, object]:
    return {
        "code": each.code,
        "before": _money(each.before),
        "after": _money(each.after),
        "change_percent": _text(each.change),
        "here_before": _money(each.here_before),
        "here_after": _money(each.here_after),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _money(value: Decimal | None) -> str | None:
    return None if value is None else amount_text(value)


def _was(factor: Decimal | None, before: Decimal | None) -> str:
    return f"{factor or 'not given'} (was {before or 'not on file'})"


def _lines(found: "MedicarePreview", *, is_stored: bool) -> list[str]:
    from trellis_core.services.medicare_year import NOT_REVIEWED

    before = found.year - 1
    here = found.locality
    heading = ["code", f"{before}", f"{found.year}", "change"]
    heading += [f"{here} {before}", f"{here} {found.year}"] if here else []
    rows = [heading]
    for each in found.amounts:
        cells = [each.code, _money(each.before) or "-", _money(each.after) or "-"]
        cells.append("-" if each.change is None else f"{each.change:+}%")
        if here:
            cells += [_money(each.here_before) or "-", _money(each.here_after) or "-"]
        rows.append(cells)
    lines = [
        f"Medicare {found.year}, release {found.release}, retrieved {found.retrieved.isoformat()}.",
        (
            f"Conversion factor {_was(found.conversion_factor, found.conversion_factor_before)}, of "
            f"qualifying participants {_was(found.qualifying_factor, found.qualifying_factor_before)}."
        ),
        f"{found.floor} {found.localities} localities (were {found.localities_before}).",
        "National amounts are of a nonfacility setting.",
        "",
        *_table(rows),
        "",
    ]
    lines += [
        f"{what}: {', '.join(names)}."
        for what, names in (
            ("New codes", found.new_codes),
            ("New localities", found.new_localities),
        )
        if names
    ]
    lines += [f"Look at this: {each}" for each in found.warnings]
    lines += [
        f"sha256 of the file of {name}: {digest}" for name, digest in found.file_digests.items()
    ]
    lines.append(NOT_REVIEWED)
    if is_stored:
        lines.append(f"Stored. Dates of service in {found.year} are priced from now on.")
    else:
        lines.append(
            "Nothing was stored: this was a rehearsal. Compare some amounts with published ones."
        )
    return lines


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]
