"""Processes that write to one store until they are done or killed, and what they were told.

Each process notes every acknowledgement in a file of its own with one system call, as soon as it
has it: what is in the file was acknowledged, also when the process was killed the moment after.
They are started by a server that has loaded everything but opened no store, so a start is cheap.
"""

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from tests.support.ledger_case import work
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.errors import StoreError
from trellis_core.services.time_log import CorrectTime, Receipt, correct_time, drafts_of, log_time
from trellis_core.services.timers import (
    RunningTimer,
    StopTimer,
    running_timer,
    start_timer,
    stop_timer,
)
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import ConsentRow, StaffRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

CLOCK: Final = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
IS_LONG: Final = os.environ.get("TRELLIS_FAULTS") == "long"
"""Whether the tests run as long as it takes to believe them."""

LOG: Final = ("log",)
EVERYTHING: Final = ("log", "correct", "timer", "record", "bulk")
AT_ONCE: Final = 25
"""Entries of one bulk append."""
READY_WITHIN: Final = 120.0
"""Seconds, on a machine that does much else."""
DONE_WITHIN: Final = 3_600.0 if IS_LONG else 240.0
"""Seconds for everything that a process has to do."""

_PATIENTS: Final = 3
_FOR_EVER: Final = 10**9
_TRIES_AGAIN_FOR: Final = 60.0

_Told = TypeVar("_Told")
CONTEXT: Final[ForkServerContext] = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.support.fault_writers", "psycopg"])


def start(process: ForkServerProcess) -> None:
    """Start a process without the program that we are: it needs none of it, and starts at once."""
    main = sys.modules["__main__"]
    kept = main.__spec__, main.__dict__.pop("__file__", None)
    main.__spec__ = None
    try:
        process.start()
    finally:
        main.__spec__ = kept[0]
        if kept[1] is not None:
            main.__file__ = kept[1]


def writer(number: int) -> Actor:
    """Return the person whom a writing process acts for."""
    return Actor(
        practice_id="practice-1", person_id=f"staff-w{number}", role=AccessRole.COORDINATOR
    )


def add_writers(store: Store, number: int) -> None:
    """Write the people of so many processes."""
    with store.writing() as unit:
        for each in range(number):
            unit.session.add(
                StaffRow(
                    practice_id="practice-1",
                    id=writer(each).person_id,
                    role="clinical_staff",
                    access=AccessRole.COORDINATOR.value,
                )
            )


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What writers were told: every line that was noted whole.

    Attributes:
        entries: Id, number and code of each entry.
        records: Ids of consents.
        timers: Entry ids of timers that were started.
        refusals: Sentences, with how often each was said.
        raw: Errors that were no sentence of Trellis.
        waits: Seconds from the form to its acknowledgement, in order.
    """

    entries: frozenset[tuple[str, int, str]]
    records: frozenset[str]
    timers: frozenset[str]
    refusals: tuple[str, ...]
    raw: tuple[str, ...]
    waits: tuple[float, ...] = field(default=(), compare=False)


def read_told(files: Iterable[Path]) -> Acknowledged:
    """Read what writers noted."""
    entries, records, timers = set(), set(), set()
    refusals, raw, waits = [], [], []
    for file in files:
        for line in file.read_text().split("\n")[:-1]:
            kind, _, rest = line.partition(" ")
            if kind == "entry":
                entry_id, number, code, wait = rest.split()
                entries.add((entry_id, int(number), code))
                waits.append(float(wait))
            elif kind == "record":
                records.add(rest)
            elif kind == "timer":
                timers.add(rest)
            elif kind == "refused":
                refusals.append(rest)
            elif kind == "raw":
                raw.append(rest)
    return Acknowledged(
        entries=frozenset(entries),
        records=frozenset(records),
        timers=frozenset(timers),
        refusals=tuple(refusals),
        raw=tuple(raw),
        waits=tuple(waits),
    )


class Writing:
    """A process that writes.

    Attributes:
        told: The file of what was acknowledged to it.
    """

    def __init__(
        self,
        url: str,
        number: int,
        told: Path,
        *,
        kinds: Sequence[str] = LOG,
        count: int = _FOR_EVER,
        per_second: float = 0.0,
        is_patient: bool = False,
        gate: Event | None = None,
    ) -> None:
        self.told: Final = told
        told.touch()
        self.process: Final[ForkServerProcess] = CONTEXT.Process(
            target=_write,
            args=(url, number, str(told), tuple(kinds), count, per_second, is_patient, gate),
            daemon=True,
        )
        start(self.process)

    def wait_until(self, word: str, *, times: int = 1) -> None:
        """Wait until it has noted so many lines that begin with a word."""
        until = time.monotonic() + READY_WITHIN
        while sum(line.startswith(word) for line in self.told.read_text().splitlines()) < times:
            if time.monotonic() > until or not self.process.is_alive():
                noted = self.told.read_text()[-2000:]
                raise AssertionError(f"The writer did not come so far. It noted:\n{noted}")
            time.sleep(0.005)

    def kill(self) -> None:
        """Kill it as ``kill -9`` does."""
        self.process.kill()
        self.process.join()

    def finish(self) -> None:
        """Wait until it is done."""
        self.process.join(DONE_WITHIN)
        assert self.process.exitcode == 0, self.told.read_text()[-2000:]


@contextmanager
def all_killed(writings: list[Writing]) -> Iterator[list[Writing]]:
    """Leave no process behind, however a test ends."""
    try:
        yield writings
    finally:
        for each in writings:
            each.kill()


def _write(
    url: str,
    number: int,
    told: str,
    kinds: tuple[str, ...],
    count: int,
    per_second: float,
    is_patient: bool,
    gate: Event | None,
) -> None:
    noting = os.open(told, os.O_WRONLY | os.O_APPEND)

    def note(line: str) -> None:
        os.write(noting, f"{line}\n".encode())

    try:
        store = open_store(url)
        note("ready")
        if gate is not None:
            gate.wait(READY_WITHIN)
        pieces = _Pieces(store, writer(number), note, is_patient=is_patient)
        chance = random.Random(f"{number} {told}")  # noqa: S311 - only moments
        next_at = time.monotonic() + (chance.random() / per_second if per_second else 0.0)
        for _ in range(count):
            if per_second:
                time.sleep(max(0.0, next_at - time.monotonic()))
                next_at += 1 / per_second
            pieces.do(chance.choice(kinds))
        store.close()
    except StoreError as error:
        note(f"refused {error}")
    except BaseException as error:
        note(f"raw {type(error).__name__}: {error}".replace("\n", " "))
        raise
    note("done")


class _Pieces:
    """One person's pieces of work, each noted when it is acknowledged."""

    def __init__(
        self, store: Store, actor: Actor, note: Callable[[str], None], *, is_patient: bool
    ) -> None:
        self._store = store
        self._actor = actor
        self._note = note
        self._is_patient = is_patient
        self._done = 0

    def do(self, kind: str) -> None:
        """Do one piece of work."""
        self._done += 1
        getattr(self, f"_{kind}")()

    def _log(self) -> Receipt:
        form = work(
            staff_id=self._actor.person_id,
            patient_id=f"pt-{self._done % _PATIENTS + 1}",
            note="Called",
        )
        return self._saved(
            lambda: log_time(form, store=self._store, actor=self._actor, clock=CLOCK)
        )

    def _correct(self) -> None:
        entry = self._log().entry
        form = CorrectTime(
            entry_id_new=new_entry_id(), entry_id=entry.id, seconds=600, reason="shorter"
        )
        self._saved(lambda: correct_time(form, store=self._store, actor=self._actor, clock=CLOCK))

    def _timer(self) -> None:
        running = self._again(self._started)
        self._note(f"timer {running.entry_id}")
        form = StopTimer(
            activity=Activity.CARE_COORDINATION, seconds_override=300, entry_id=running.entry_id
        )
        self._saved(lambda: stop_timer(form, store=self._store, actor=self._actor, clock=CLOCK))

    def _started(self) -> RunningTimer:
        """Return the timer that runs, also where it was started without an acknowledgement."""
        running = running_timer(store=self._store, actor=self._actor)
        return running or start_timer(
            patient_id="pt-1",
            program=Program.CCM,
            store=self._store,
            actor=self._actor,
            clock=CLOCK,
        )

    def _record(self) -> None:
        consent_id = f"consent-{new_entry_id()}"

        def save() -> None:
            with self._store.writing(actor=self._actor, at=CLOCK.now()) as unit:
                if unit.session.get(ConsentRow, ("practice-1", consent_id)) is None:
                    unit.session.add(
                        ConsentRow(
                            practice_id="practice-1",
                            id=consent_id,
                            patient_id="pt-1",
                            program="CCM",
                            obtained_on=date(2026, 5, 4),
                        )
                    )

        self._again(save)
        self._note(f"record {consent_id}")

    def _bulk(self) -> None:
        zone = ZoneInfo("America/New_York")
        drafts = [
            draft
            for _ in range(AT_ONCE)
            for draft in drafts_of(
                work(staff_id=self._actor.person_id, note="Sent"),
                zone=zone,
                practice_id="practice-1",
                author_id=self._actor.person_id,
                now=CLOCK.now(),
            )
        ]
        with self._store.writing() as unit:
            appended = unit.ledger.append(drafts)
        for one in appended:
            self._note(f"entry {one.body.entry_id} {one.body.seq} {one.hash.hex()[:8]} 0")

    def _saved(self, send: Callable[[], Receipt]) -> Receipt:
        began = time.monotonic()
        receipt = self._again(send)
        wait = time.monotonic() - began
        self._note(f"entry {receipt.entry.id} {receipt.number} {receipt.code} {wait:.6f}")
        return receipt

    def _again(self, send: Callable[[], _Told]) -> _Told:
        """Send the same form until it is acknowledged, where the writer is a patient one."""
        until = time.monotonic() + _TRIES_AGAIN_FOR
        while True:
            try:
                return send()
            except StoreError as error:
                if not self._is_patient or time.monotonic() > until:
                    raise
                self._note(f"refused {error}")
                time.sleep(0.02)
