"""What each kind of job does, with the services that people use, in pieces that survive the process."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest, sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, Protocol

from trellis_core.access import Actor
from trellis_core.documents.superbill_parts import PART_FORM
from trellis_core.errors import CommandRefusedError
from trellis_core.fhir.checking import CheckedBefore
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services import billing
from trellis_core.services.fhir_export import FhirWanted, export_fhir, write_zipped
from trellis_core.services.integrity import check_ledger
from trellis_core.services.job_wanted import (
    CheckWanted,
    ClosedAs,
    FileMade,
    Result,
    SuperbillsWanted,
    Wanted,
    closed_as,
)
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.store.engine import Store
from trellis_core.superbill import Superbill
from trellis_core.values.clock import Clock

AT_A_TIME: Final = 100
"""Superbills that are drawn and kept together."""
PATIENTS_AT_A_TIME: Final = 100
"""Patients of whom is kept together that they were found valid."""

DRAWN: Final = "drawn"
"""The step in which superbills are drawn, or patients are written."""
JOINED: Final = "joined"
"""The step in which the pieces become one file."""


class GivenUpError(Exception):
    """The job was cancelled, another process has taken it over, or this one ends."""


class Progress(Protocol):
    """What a kind of job tells and keeps; see ``HeldJob``."""

    def told(self, step: str, done: int, of: int) -> None:
        """Take down how far it is."""

    def kept(self) -> list[tuple[int, list[str]]]:
        """Return number and digests of each kept part."""

    def part(self, number: int) -> bytes:
        """Return one kept part."""

    def keep(self, number: int, content: bytes, made_of: Sequence[str]) -> None:
        """Keep a part."""

    def keep_file(self, file: BinaryIO) -> int:
        """Keep the finished file, and return its bytes."""


def do_job(
    wanted: Wanted, job: Progress, *, store: Store, actor: Actor, clock: Clock, rule_book: RuleBook
) -> Result:
    """Do what is wanted, and say what came of it.

    Args:
        wanted: What.
        job: Told how far it is; keeps pieces and the file.
        store: The store.
        actor: Who asked for it, with the rights of now.
        clock: When.
        rule_book: The rules.

    Raises:
        GivenUpError: It is not to go on.
        TrellisError: What the service refuses.
    """
    match wanted:
        case CloseMonth():
            return _close(wanted, job, store=store, actor=actor, clock=clock, rule_book=rule_book)
        case SuperbillsWanted():
            return _superbills(
                wanted, job, store=store, actor=actor, clock=clock, rule_book=rule_book
            )
        case FhirWanted():
            return _fhir(wanted, job, store=store, actor=actor, clock=clock, rule_book=rule_book)
        case CheckWanted():
            return check_ledger(store=store, actor=actor, clock=clock)


def _close(
    wanted: CloseMonth,
    job: Progress,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> ClosedAs:
    closed = close_month(
        wanted, store=store, actor=actor, clock=clock, rule_book=rule_book, told=job.told
    )
    return closed_as(closed)


def _superbills(
    wanted: SuperbillsWanted,
    job: Progress,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> FileMade:
    with tempfile.TemporaryFile() as out:
        written = billing.write_superbills(
            out,
            month=wanted.month,
            form=wanted.form,
            program=wanted.program,
            only=wanted.only,
            profile=wanted.profile,
            in_parts=_InParts(job),
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book,
        )
        out.seek(0)
        size = job.keep_file(out)
    return FileMade(
        file_name=written.file_name, media_type=written.media_type, sha256=written.sha256, size=size
    )


class _InParts:
    """Draws superbills some at a time; what a process before drew of unchanged ones is not drawn again."""

    def __init__(self, job: Progress) -> None:
        self._job = job

    def __call__(
        self,
        bills: Sequence[Superbill],
        draw: Callable[[Sequence[Superbill]], bytes],
        *,
        look: str,
    ) -> Iterable[bytes]:
        """Draw what is missing first, then return every part in the order of the superbills."""
        digests = [digest_of(bill, look) for bill in bills]
        kept = self._job.kept()
        numbers = []
        number = max((each for each, _ in kept), default=-1)
        begin = 0
        self._job.told(DRAWN, 0, len(bills))
        for first, last, known in cut(digests, kept):
            if known is None:
                number += 1
                self._job.keep(number, draw(bills[first:last]), digests[first:last])
                numbers.append(number)
            else:
                numbers.append(known)
            begin = last
            self._job.told(DRAWN, begin, len(bills))
        return self._parts(numbers)

    def _parts(self, numbers: Sequence[int]) -> Iterator[bytes]:
        for done, number in enumerate(numbers, 1):
            yield self._job.part(number)
            self._job.told(JOINED, done, len(numbers))


def digest_of(bill: Superbill, look: str) -> str:
    """Return a digest of everything that decides how a superbill is drawn."""
    return sha256(f"{PART_FORM} {look} {bill!r}".encode("utf-8", "surrogatepass")).hexdigest()


def cut(
    digests: Sequence[str], kept: Sequence[tuple[int, Sequence[str]]]
) -> Iterator[tuple[int, int, int | None]]:
    """Cut a row of superbills into pieces: those that are kept, and new ones for what is missing.

    Args:
        digests: Of each superbill, in order.
        kept: Number and digests of each kept part.

    Yields:
        Where each piece begins and ends, and the number of the kept part that it is; None for none.

    Example:
        >>> list(cut(["a", "b", "new", "c", "d"], [(0, ["a", "b"]), (1, ["c", "d"])]))
        [(0, 2, 0), (2, 3, None), (3, 5, 1)]
    """
    begins = {made_of[0]: (number, list(made_of)) for number, made_of in kept if made_of}
    first = at = 0
    while at < len(digests):
        number, made_of = begins.get(digests[at], (None, []))
        end = at + len(made_of)
        if number is not None and list(digests[at:end]) == made_of:
            if first < at:
                yield first, at, None
            yield at, end, number
            first = at = end
            continue
        at += 1
        if at - first == AT_A_TIME:
            yield first, at, None
            first = at
    if first < at:
        yield first, at, None


def _fhir(
    wanted: FhirWanted,
    job: Progress,
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
    rule_book: RuleBook,
) -> FileMade:
    kept = job.kept()
    check = CheckedBefore(job.part(number) for number, _ in kept)
    numbers = count(max((number for number, _ in kept), default=-1) + 1)

    def told(done: int, of: int) -> None:
        job.told(DRAWN, done, of)
        if not done % PATIENTS_AT_A_TIME and (found := check.taken()):
            job.keep(next(numbers), found, ())

    with TemporaryDirectory(prefix="trellis-fhir-") as folder, tempfile.TemporaryFile() as out:
        with _without_a_path():
            exported = export_fhir(
                wanted,
                Path(folder),
                store=store,
                actor=actor,
                clock=clock,
                rule_book=rule_book,
                told=told,
                check=check,
            )
        job.told(JOINED, 0, 0)
        write_zipped(out, Path(folder), exported)
        out.seek(0)
        digest = file_digest(out, "sha256").hexdigest()
        out.seek(0)
        size = job.keep_file(out)
    return FileMade(
        file_name=f"trellis-fhir-{digest[:8]}.zip",
        media_type="application/zip",
        sha256=digest,
        size=size,
        exported=exported,
    )


@contextmanager
def _without_a_path() -> Iterator[None]:
    """Let a folder that cannot be written to fail as such: its refusal names a place of the server."""
    try:
        yield
    except CommandRefusedError as refused:
        if isinstance(refused.__cause__, OSError):
            raise refused.__cause__ from None
        raise
