"""What the server can do by itself for a person, how it is written down, and what comes of it.

What is written down holds ids, months and forms: a name, a note or a file's bytes never.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias, cast

from pydantic import TypeAdapter, ValidationError

from trellis_core.access import Operation
from trellis_core.care.vocabulary import Program
from trellis_core.errors import StoreError
from trellis_core.services import billing
from trellis_core.services.fhir_export import FhirExport, FhirWanted
from trellis_core.services.integrity import CheckReport
from trellis_core.services.month_close import ClosedMonth, CloseMonth
from trellis_core.values.periods import ServiceMonth


class JobKind(StrEnum):
    """What a job does."""

    CLOSE = "close"
    SUPERBILLS = "superbills"
    FHIR = "fhir"
    CHECK = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperbillsWanted:
    """A file of many superbills of a month.

    Attributes:
        form: What kind of file.
        count: How many it will hold, as the page showed them.
        program: Only those on which this program bills or waits for a choice.
        only: Only those of these ids; None for all that the other words leave.
        profile: The name of a column profile for the table of lines.
    """

    form: billing.Form
    month: ServiceMonth
    count: int
    program: Program | None = None
    only: tuple[str, ...] | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class CheckWanted:
    """The check of the practice's whole ledger."""


Wanted: TypeAlias = CloseMonth | SuperbillsWanted | FhirWanted | CheckWanted
"""What a person may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedAs:
    """What a close did.

    Attributes:
        numbers: Of the superbills that it issued, in their order.
        event: The close's number in the journal.
        code: First eight hex digits of its hash.
        problem: Why no checkpoint seals it yet; empty where one does.
    """

    month: ServiceMonth
    numbers: tuple[int, ...]
    event: int
    code: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMade:
    """A file that waits to be taken.

    Attributes:
        file_name: Ids, numbers and days only; nothing about a person.
        sha256: Of its bytes, in hex.
        size: Its bytes.
        exported: What is in it, where it is FHIR.
    """

    file_name: str
    media_type: str
    sha256: str
    size: int
    exported: FhirExport | None = None


Result: TypeAlias = ClosedAs | FileMade | CheckReport
"""What comes of a job."""

_KINDS: Final[Mapping[type[Wanted], JobKind]] = {
    CloseMonth: JobKind.CLOSE,
    SuperbillsWanted: JobKind.SUPERBILLS,
    FhirWanted: JobKind.FHIR,
    CheckWanted: JobKind.CHECK,
}
_WANTED: Final[Mapping[JobKind, TypeAdapter[Any]]] = {
    kind: TypeAdapter(wanted) for wanted, kind in _KINDS.items()
}
_RESULTS: Final[Mapping[JobKind, TypeAdapter[Any]]] = {
    JobKind.CLOSE: TypeAdapter(ClosedAs),
    JobKind.SUPERBILLS: TypeAdapter(FileMade),
    JobKind.FHIR: TypeAdapter(FileMade),
    JobKind.CHECK: TypeAdapter(CheckReport),
}


def closed_as(closed: ClosedMonth) -> ClosedAs:
    """Return of a close what the person is told."""
    return ClosedAs(
        month=closed.month,
        numbers=tuple(each.number for each in closed.issued),
        event=closed.event,
        code=closed.code,
        problem=closed.checkpoint_problem,
    )


def kind_of(wanted: Wanted) -> JobKind:
    """Return which kind of job does what is wanted."""
    return _KINDS[type(wanted)]


def operation_of(wanted: Wanted) -> Operation:
    """Return what a person must be allowed to do in order to have it done."""
    match wanted:
        case CloseMonth():
            return Operation.CLOSE_MONTH
        case SuperbillsWanted():
            return billing.operation_of(wanted.form)
        case FhirWanted():
            return Operation.EXPORT_FHIR
        case CheckWanted():
            return Operation.CHECK_LEDGER


def wanted_text(wanted: Wanted) -> str:
    """Write down what is wanted."""
    return _WANTED[kind_of(wanted)].dump_json(wanted).decode()


def wanted_of(kind: str, text: str) -> Wanted:
    """Read what was written down.

    Raises:
        StoreError: This version of Trellis does not read it.

    Example:
        >>> wanted_of("check", wanted_text(CheckWanted()))
        CheckWanted()
    """
    try:
        return cast("Wanted", _WANTED[JobKind(kind)].validate_json(text))
    except (ValueError, ValidationError) as error:
        raise StoreError(
            "What was asked for was written down by another version of Trellis. Ask for it again."
        ) from error


def result_text(kind: JobKind, result: Result) -> str:
    """Write down what came of a job."""
    return _RESULTS[kind].dump_json(result).decode()


def result_of(kind: JobKind, text: str) -> Result | None:
    """Read what came of a job; None for what another version of Trellis wrote."""
    try:
        return cast("Result", _RESULTS[kind].validate_json(text))
    except ValidationError:
        return None
