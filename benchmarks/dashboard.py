"""The dashboard as a process of its own, to be measured: started, entered as its people, watched.

It is the server that ``trellis demo`` starts, on a sample's store: people sign in with one click.
"""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.made import NOW
from trellis_core.cli._server_process import LOCAL_ADDRESS, Serving, environment
from trellis_core.sample import app_folder
from trellis_core.services.sign_in import demo_actors
from trellis_core.store.engine import open_store

_STARTS_WITHIN = 120.0
_ENDS_WITHIN = 15.0
_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A server that runs.

    Attributes:
        process: Its number.
        port: Where it listens, on this machine alone.
        store_url: Of the sample that it shows.
    """

    process: int
    port: int
    store_url: str

    @property
    def host(self) -> str:
        """What a browser says whom it asks."""
        return f"{LOCAL_ADDRESS}:{self.port}"

    @property
    def url(self) -> str:
        """Of its first page; also what a browser says where it comes from."""
        return f"http://{self.host}"

    def memory(self) -> int:
        """Return the bytes that it holds now."""
        return self._status("VmRSS")

    def peak(self) -> int:
        """Return the most bytes that it has held."""
        return self._status("VmHWM")

    def processor(self) -> float:
        """Return the processor seconds that it has taken, with those of its kernel calls."""
        said = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(") ")[2]
        user, kernel = said.split()[11:13]
        return (int(user) + int(kernel)) / os.sysconf("SC_CLK_TCK")

    def people(self, many: int) -> list[str]:
        """Return the ids of so many who may use it, the owner last; again from the first if need be."""
        store = open_store(self.store_url)
        try:
            owner, *ids = [member.id for member, _ in demo_actors(store=store)]
        finally:
            store.close()
        ordered = [*ids, owner]
        return [ordered[place % len(ordered)] for place in range(many)]

    def sign_in(self, person: str, *, place: int = 1) -> str:
        """Sign somebody in; return the cookie.

        Args:
            person: Staff id.
            place: The last part of the address that they come from: one address may try so often only.
        """
        for _ in range(_TRIES):
            asked = http.client.HTTPConnection(
                LOCAL_ADDRESS, self.port, timeout=60, source_address=(f"127.0.0.{place}", 0)
            )
            with closing(asked):
                form = urlencode({"person": person, "next": "/"})
                kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
                asked.request("POST", "/auth/sign-in", body=form, headers=kind)
                answer = asked.getresponse()
                answer.read()
                if answer.status == HTTPStatus.SEE_OTHER:
                    return str(answer.headers["Set-Cookie"]).partition(";")[0]
                if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise RuntimeError(f"the sign-in was answered with {answer.status}")
                time.sleep(float(answer.headers.get("Retry-After", "3")))
        raise RuntimeError("the sign-in was put off again and again")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.process}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@contextmanager
def dashboard(
    store_url: str, folder: Path, *, extra: Mapping[str, str] | None = None
) -> Iterator[Dashboard]:
    """Start a server, wait until it answers, and end it.

    Args:
        store_url: A sample's store.
        folder: For its files and its log.
        extra: Further variables of its environment.
    """
    port = _free_port()
    folder.mkdir(parents=True, exist_ok=True)
    asked = Serving(
        url=store_url,
        listen=LOCAL_ADDRESS,
        port=port,
        day=NOW.date(),
        is_demo=True,
        extra={"TRELLIS_DATA_FOLDER": str(folder / "data"), **(extra or {})},
    )
    script = app_folder() / "dashboard.py"
    with _served(
        script, environment(asked), port=port, folder=folder, healthy="/healthz"
    ) as server:
        yield Dashboard(process=server, port=port, store_url=store_url)


@contextmanager
def bare_page(folder: Path) -> Iterator[Dashboard]:
    """Start a server on a page with nothing behind it, with the dashboard's settings, and end it."""
    port = _free_port()
    folder.mkdir(parents=True, exist_ok=True)
    extra = {"TRELLIS_DATA_FOLDER": str(folder / "data")}
    asked = Serving(url="", listen=LOCAL_ADDRESS, port=port, extra=extra)
    script = Path(__file__).parent / "bare_page.py"
    with _served(
        script, environment(asked), port=port, folder=folder, healthy="/_stcore/health"
    ) as server:
        yield Dashboard(process=server, port=port, store_url="")


@contextmanager
def _served(
    script: Path, variables: Mapping[str, str], *, port: int, folder: Path, healthy: str
) -> Iterator[int]:
    """Start Streamlit on a script, wait until it answers, give its process' number, and end it."""
    log = folder / "server.log"
    with log.open("ab") as out:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            [sys.executable, "-m", "streamlit", "run", str(script)],
            cwd=app_folder(),
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        _wait(server, port, log, healthy)
        yield server.pid
    finally:
        server.terminate()
        try:
            server.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder / "data", ignore_errors=True)


def _free_port() -> int:
    """Return a port that nobody listens at, and that nobody who starts at the same time is given."""
    with socket.socket() as probe:
        probe.bind((LOCAL_ADDRESS, 0))
        return int(probe.getsockname()[1])


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path, healthy: str) -> None:
    until = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < until and server.poll() is None:
        asked = http.client.HTTPConnection(LOCAL_ADDRESS, port, timeout=10)
        try:
            with closing(asked):
                asked.request("GET", healthy)
                if asked.getresponse().status == HTTPStatus.OK:
                    return
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
    raise RuntimeError(f"the dashboard did not start: {log.read_text(encoding='utf-8')[-2000:]}")
