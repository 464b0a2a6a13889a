"""Working on what people have the server do: one process takes a job, says that it still works, ends it.

A process that is killed leaves its job behind, and another takes it over from where it was. Who asked
is looked up again each time: what is done is done with the rights that the person has now.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, Final

from sqlalchemy.exc import SQLAlchemyError

from trellis_core.access import Actor
from trellis_core.errors import InputRefusedError, StoreError, TrellisError
from trellis_core.services.job_kinds import GivenUpError, do_job
from trellis_core.services.job_wanted import JobKind, result_text, wanted_of
from trellis_core.services.jobs import LIFETIME
from trellis_core.services.rule_books import rule_book_in_force
from trellis_core.services.sign_in import actor_of_row
from trellis_core.store import job_rows
from trellis_core.store.engine import Store
from trellis_core.store.job_rows import JobKey, TakenJob
from trellis_core.store.tables import StaffRow
from trellis_core.values.clock import Clock

TAKEN_AT_MOST: Final = 5
"""How often a job is taken before it counts as one that ends every process that works on it."""

_BEAT_SECONDS: Final = 5.0
_TELL_SECONDS: Final = 1.0
_PIECE: Final = 1 << 20
_WENT_WRONG: Final = "It could not be done. Nothing was kept; try again."
_NO_ROOM: Final = (
    "The server has no room for the file. Tell whoever looks after it; nothing was kept."
)
_NOBODY: Final = "You have no access any more, so it was not done. Nothing was kept."
_ENDS_SERVERS: Final = (
    "The server ended each time it worked on this. Tell whoever looks after it; nothing was kept."
)
_log: Final = logging.getLogger("trellis.jobs")


def never() -> bool:
    """Say that the process does not end."""
    return False


def has_due_jobs(*, store: Store) -> bool:
    """Say whether a job waits for a process."""
    with store.reading() as unit:
        return job_rows.has_due(unit.connection)


def work_on_next(
    *, store: Store, runner: str, clock: Clock, is_ending: Callable[[], bool] = never
) -> bool:
    """Take the job that has waited longest and work on it until it is over; False where none waits.

    Args:
        store: The store.
        runner: Names the process, and differs from every other's.
        clock: When.
        is_ending: Asked between pieces: a process that ends gives its job back.
    """
    with store.writing(at=clock.now()) as unit:
        taken = job_rows.take_next(unit.connection, runner)
    if taken is None:
        return False
    job = HeldJob(store, taken, runner, clock=clock, is_ending=is_ending)
    if taken.taken > TAKEN_AT_MOST:
        job.fail(_ENDS_SERVERS)
        return True
    with job.beating():
        _work(job, taken, store=store, clock=clock)
    return True


def drop_old_jobs(*, store: Store, clock: Clock) -> int:
    """Drop what ended a quarter of an hour ago; return how many."""
    before = clock.now() - LIFETIME
    with store.reading() as unit:
        old = job_rows.ended_before(unit.connection, before)
    for key in old:
        with store.writing(at=clock.now()) as unit:
            job_rows.drop(unit.connection, key)
    return len(old)


def _work(job: "HeldJob", taken: TakenJob, *, store: Store, clock: Clock) -> None:
    """Work on a job to its end; whatever ends the work, the job is not left as if it went on."""
    end: Callable[[], None] = partial(job.fail, _WENT_WRONG)
    try:
        actor = _person(store, taken)
        if actor is None:
            end = partial(job.fail, _NOBODY)
            return
        result = do_job(
            wanted_of(taken.kind, taken.wanted),
            job,
            store=store,
            actor=actor,
            clock=clock,
            rule_book=rule_book_in_force(store, actor.practice_id),
        )
        end = partial(job.succeed, result_text(JobKind(taken.kind), result))
    except GivenUpError:
        end = job.give_back
    except InputRefusedError as error:
        end = partial(job.fail, error.message)
    except TrellisError as error:
        end = partial(job.fail, str(error))
    except OSError as error:
        end = partial(job.fail, _NO_ROOM)
        _log.error("A %s job failed: %s", taken.kind, type(error).__name__)
    finally:
        end()


def _person(store: Store, taken: TakenJob) -> Actor | None:
    with store.reading() as unit:
        row = unit.session.get(StaffRow, (taken.key.practice_id, taken.asked_by))
        return None if row is None else actor_of_row(row)


class HeldJob:
    """A job that this process works on: says how far it is, and keeps its pieces.

    How far it is comes into the store from a thread of its own, which also says that the process still
    works while a step takes long, and notices when the job was cancelled or taken over.
    """

    def __init__(
        self,
        store: Store,
        taken: TakenJob,
        runner: str,
        *,
        clock: Clock,
        is_ending: Callable[[], bool],
    ) -> None:
        self._store = store
        self._key: Final[JobKey] = taken.key
        self._runner = runner
        self._clock = clock
        self._is_ending = is_ending
        self._is_lost = threading.Event()
        self._is_over = threading.Event()
        self._progress = ("", 0, 0)

    # --- how far it is ---------------------------------------------------------------------

    def told(self, step: str, done: int, of: int) -> None:
        """Take down how far it is.

        Raises:
            GivenUpError: It was cancelled or taken over, or the process ends.
        """
        self._progress = (step, done, of)
        if self._is_lost.is_set() or self._is_ending():
            raise GivenUpError

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Say every few seconds that this process still works on it."""
        thread = threading.Thread(target=self._beat, name="trellis-job-beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join()

    def _beat(self) -> None:
        said, silent = self._progress, 0.0
        while not self._is_over.wait(_TELL_SECONDS):
            silent += _TELL_SECONDS
            now = self._progress
            if now == said and silent < _BEAT_SECONDS:
                continue
            try:
                self._say()
            except (StoreError, SQLAlchemyError) as error:  # it is tried again in a moment
                _log.warning("A job could not say that it goes on: %s", type(error).__name__)
            else:
                said, silent = now, 0.0

    def _say(self) -> None:
        step, done, of = self._progress
        with self._store.writing(at=self._clock.now()) as unit:
            is_held = job_rows.still_held(
                unit.connection, self._key, self._runner, step=step, done=done, of=of
            )
        if not is_held:
            self._is_lost.set()

    # --- pieces ----------------------------------------------------------------------------

    def kept(self) -> list[tuple[int, list[str]]]:
        """Return number and digests of what is kept of it, from this process or one before."""
        with self._store.reading() as unit:
            return job_rows.kept_parts(unit.connection, self._key, job_rows.DRAWN)

    def part(self, number: int) -> bytes:
        """Return one kept part's bytes."""
        with self._store.reading() as unit:
            return job_rows.part_content(unit.connection, self._key, job_rows.DRAWN, number)

    def keep(self, number: int, content: bytes, made_of: Sequence[str]) -> None:
        """Keep a part, so that whoever takes the job over need not make it again.

        Raises:
            GivenUpError: The job is not this process's any more.
        """
        self._add(job_rows.DRAWN, number, content, made_of)

    def keep_file(self, file: BinaryIO) -> int:
        """Keep the finished file in pieces, from where it stands; return its bytes.

        Raises:
            GivenUpError: The job is not this process's any more.
        """
        with self._store.writing(at=self._clock.now()) as unit:
            job_rows.drop_parts(unit.connection, self._key, job_rows.FILE)
        size = number = 0
        while piece := file.read(_PIECE):
            self._add(job_rows.FILE, number, piece, ())
            size, number = size + len(piece), number + 1
        return size

    def _add(self, purpose: str, number: int, content: bytes, made_of: Sequence[str]) -> None:
        step, done, of = self._progress
        with self._store.writing(at=self._clock.now()) as unit:
            if not job_rows.still_held(
                unit.connection, self._key, self._runner, step=step, done=done, of=of
            ):
                raise GivenUpError
            job_rows.add_part(unit.connection, self._key, purpose, number, content, made_of=made_of)

    # --- its end ---------------------------------------------------------------------------

    def succeed(self, result: str) -> None:
        """End it with what came of it."""
        self._end(job_rows.READY, result=result)

    def fail(self, refusal: str) -> None:
        """End it with why nothing came of it."""
        self._end(job_rows.FAILED, refusal=refusal)

    def give_back(self) -> None:
        """Let another process go on with it; nothing happens where it is not this one's any more."""
        with self._store.writing(at=self._clock.now()) as unit:
            job_rows.give_back(unit.connection, self._key, self._runner)

    def _end(self, state: str, *, result: str = "{}", refusal: str = "") -> None:
        with self._store.writing(at=self._clock.now()) as unit:
            job_rows.end(
                unit.connection,
                self._key,
                self._runner,
                state=state,
                at=self._clock.now(),
                result=result,
                refusal=refusal,
            )
