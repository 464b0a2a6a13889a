"""A process's threads that work on what people have the server do, one job each, until they are ended."""

import logging
import os
import secrets
import socket
import threading
import time
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from trellis_core.errors import TrellisError
from trellis_core.services.job_running import drop_old_jobs, has_due_jobs, work_on_next
from trellis_core.store.engine import Store
from trellis_core.values.clock import Clock

THREADS: Final = 2
"""Jobs that a process works on at once: a long one does not keep a short one of another kind waiting."""

_LOOK_SECONDS: Final = 1.0
_ENDS_WITHIN: Final = 8.0
_log: Final = logging.getLogger("trellis.jobs")


class Worker:
    """The threads.

    Args:
        store: The store.
        clock: When.
        idle_seconds: After how long without a job they end by themselves; None for never.
    """

    def __init__(self, store: Store, *, clock: Clock, idle_seconds: float | None = None) -> None:
        self._store = store
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._is_ending = threading.Event()
        self._lock = threading.Lock()
        self._busy = 0
        self._idle_since = time.monotonic()
        self._runner: Final = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._threads: Final[dict[int, threading.Thread]] = {}

    def start(self) -> None:
        """Begin to look for jobs; a thread that an error ended is replaced."""
        for number in range(THREADS):
            thread = self._threads.get(number)
            if thread is None or not thread.is_alive():
                self._threads[number] = threading.Thread(
                    target=self._run, args=(number,), name="trellis-job", daemon=True
                )
                self._threads[number].start()

    def end(self) -> None:
        """Give back what is worked on at the next piece, and end."""
        self._is_ending.set()

    def wait(self) -> None:
        """Wait until they have ended; what takes too long then is left for another process."""
        while not self._is_ending.wait(_LOOK_SECONDS):
            if self._is_idle():
                self._is_ending.set()
            else:
                self.start()
        until = time.monotonic() + _ENDS_WITHIN
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _is_idle(self) -> bool:
        if self._idle_seconds is None:
            return False
        with self._lock:
            return not self._busy and time.monotonic() - self._idle_since > self._idle_seconds

    def _run(self, number: int) -> None:
        while not self._is_ending.is_set():
            try:
                has_worked = self._look(f"{self._runner}-{number}")
            except (TrellisError, SQLAlchemyError) as error:  # the database comes back, or not
                _log.warning("No job could be taken: %s", type(error).__name__)
                has_worked = False
            if not has_worked:
                self._is_ending.wait(_LOOK_SECONDS)

    def _look(self, runner: str) -> bool:
        drop_old_jobs(store=self._store, clock=self._clock)
        if not has_due_jobs(store=self._store):
            return False
        with self._lock:
            self._busy += 1
        try:
            return work_on_next(
                store=self._store,
                runner=runner,
                clock=self._clock,
                is_ending=self._is_ending.is_set,
            )
        finally:
            with self._lock:
                self._busy -= 1
                self._idle_since = time.monotonic()
