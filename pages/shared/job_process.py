"""The server's own worker: a process that does what people have the server do by itself.

It is started when something waits, has its own interpreter, so that nobody's page waits for a file that
is drawn, and ends when nothing was to be done for a minute, or with the server. Of several servers the
one that was asked starts it at once; the others only where nobody has taken the job for some seconds.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import trellis_core
from pages.shared import store
from pages.shared.rounds import Rounds
from trellis_core.errors import TrellisError
from trellis_core.services.job_running import has_due_jobs
from trellis_core.settings import sqlite_url
from trellis_core.values.clock import ShiftedClock

LOOK_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 6.0
"""How long a server that was not asked leaves a job to the one that was."""

_ENDS_WITHIN: Final = 10.0
_PROGRAM: Final = "import sys; from trellis_core.cli import main; sys.exit(main())"
_log: Final = logging.getLogger("trellis.jobs")
_is_asked_here: Final = threading.Event()


def asked() -> None:
    """Say that somebody asked this server for something: its worker begins at once."""
    _is_asked_here.set()


class JobProcess(Rounds):
    """Looks whether something waits, and keeps the worker while it does."""

    def __init__(self, *, every: float = LOOK_SECONDS) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waits_since: float | None = None
        super().__init__(
            "trellis-job-process",
            look=self._keep_one,
            every=every,
            expected=(TrellisError, OSError),
            words=str,
            tell=lambda _, sentence: _log.error("No worker: %s", sentence),
        )

    def stop(self) -> None:
        """End the worker, which gives back what it works on."""
        super().stop()
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _keep_one(self) -> Mapping[str, str]:
        if self._process is not None and self._process.poll() is None:
            _is_asked_here.clear()
            return {}
        if store.is_empty() or not has_due_jobs(store=store.store()):
            self._waits_since = None
            return {}
        now = time.monotonic()
        self._waits_since = self._waits_since or now
        if _is_asked_here.is_set() or now - self._waits_since >= PATIENCE_SECONDS:
            _is_asked_here.clear()
            self._waits_since = None
            self._process = _started()
        return {}


def _started() -> "subprocess.Popen[bytes]":
    """Start a worker for the store that the pages show, by the same clock."""
    found, clock = store.store(), store.clock()
    shift = clock.days if isinstance(clock, ShiftedClock) else 0
    code = str(Path(trellis_core.__file__).parents[1])
    paths = [code, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return subprocess.Popen(  # noqa: S603 - our own program, by its full path
        [sys.executable, "-c", _PROGRAM, "work", "--for-server", "--shift-days", str(shift)],
        # The address may hold a password: the environment is this user's alone, a command line is not.
        env=os.environ
        | {
            "DATABASE_URL": store.own_store_url() if found.path is None else sqlite_url(found.path),
            "PYTHONPATH": os.pathsep.join(paths),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
