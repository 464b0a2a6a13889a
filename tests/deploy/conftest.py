"""Several Trellis processes on PostgreSQL behind nginx, as an administrator sets them up."""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pytest

from tests.support.nginx import NAME, Nginx, program_or_skip
from tests.support.page_socket import Visitor
from tests.support.postgres import Databases, NoServerError, skip_or_fail
from tests.support.served import Running, free_port
from tests.support.two_practices import HOME, PASSWORD, actor, fill
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id

PROCESSES: Final = 2
_BACK_WITHIN: Final = 60.0
_SCRIPT: Final = "/auth/idle.js"


@dataclass
class Deployment:
    """What an administrator has set up.

    Attributes:
        url: Of the store.
        nginx: In front.
        processes: The running commands by their ports.
    """

    url: str
    nginx: Nginx
    processes: dict[int, Running]

    def visitor(self, port: int | None = None) -> Visitor:
        """Return a browser that has asked for the sign-in page; of a process, where one is named."""
        for _ in range(100):
            found = Visitor(self.nginx.port, self.nginx.cert, NAME)
            assert found.ask("/auth/sign-in").status == 200
            if port in {None, self.process_of(found)}:
                return found
        raise AssertionError(f"none of a hundred browsers came to port {port}")

    def signed_in(self, port: int | None = None, *, practice: str = HOME) -> Visitor:
        """Return the browser of a practice's owner, signed in."""
        found = self.visitor(port)
        assert found.sign_in(f"{practice}-owner-signs-in", PASSWORD).status == 303
        return found

    def process_of(self, visitor: Visitor) -> int:
        """Return the port of the process that answers a browser's requests."""
        asked = len(self.nginx.answered(_SCRIPT, times=0))
        assert visitor.ask(_SCRIPT).status == 200
        return self.nginx.answered(_SCRIPT, times=asked + 1)[-1][1][-1]

    def start(self, *ports: int) -> None:
        """Start processes, all at once, and wait until each answers."""
        words = ("serve", "--public", "--behind-proxy", f"https://{NAME}")
        started = {port: Running(*words, port=port) for port in ports}
        self.processes |= started
        for running in started.values():
            running.__enter__()

    def wait_for(self, visitor: Visitor, port: int) -> None:
        """Wait until a browser's requests go to a process that came back."""
        until = time.monotonic() + _BACK_WITHIN
        while self.process_of(visitor) != port:
            assert time.monotonic() < until, "nginx did not ask it again"
            time.sleep(0.1)

    def kill(self, port: int) -> None:
        """End a process at once, command and dashboard, without a word."""
        self.processes.pop(port).kill()


def record(store: Store, *, practice: str, at: datetime, seconds: int) -> None:
    """Let a practice's owner record work for its second patient, past every process."""
    owner = actor(practice, "owner")
    log_time(
        LogTime(
            entry_id=new_entry_id(),
            patient_id=f"{practice}-pt-2",
            program=Program.CCM,
            staff_id=owner.person_id,
            started_at=at,
            seconds=seconds,
            activity=Activity.CARE_COORDINATION,
        ),
        store=store,
        actor=owner,
        clock=FixedClock(at + timedelta(hours=1)),
    )


@pytest.fixture(scope="module")
def deployment(
    _server: Databases | NoServerError, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Two practices on PostgreSQL, two processes and nginx; skips where one of them is missing."""
    program_or_skip()
    if isinstance(_server, NoServerError):
        skip_or_fail(_server)
    folder = tmp_path_factory.mktemp("deployment")
    name = _server.lend()
    url = _server.url(name)
    secret = folder / "secret"
    secret.write_text(secrets.token_hex(32))
    secret.chmod(0o600)
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in {
            "DATABASE_URL": url,
            "TRELLIS_SECRET_FILE": str(secret),
            "TRELLIS_DATA_FOLDER": str(folder / "data"),
        }.items():
            patched.setenv(variable, value)
        with closing(open_store(url)) as store:
            fill(store)
        ports = [free_port() for _ in range(PROCESSES)]
        found = Deployment(url, Nginx(folder, processes=ports), {})
        try:
            found.start(*ports)
            found.nginx.start()
            yield found
        finally:
            found.nginx.stop()
            for running in found.processes.values():
                running.__exit__()
    _server.take_back(name)
