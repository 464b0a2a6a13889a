"""A real nginx in front of real processes, from the configuration that is shipped in ``deploy/``.

Only what is this machine's is put in its place: ports, the certificate, folders. As root its workers
stay root, so that they may read the test's folder. ``TRELLIS_REQUIRE_NGINX=1`` makes a missing nginx a
failure.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.support.certificates import certificate, write
from trellis_core.values.clock import SystemClock

NAME: Final = "trellis.example.org"
"""What the shipped files call the dashboard."""
SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "nginx"

_ANSWERS_WITHIN: Final = 20.0
_MAIN: Final = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log warn;
{user}
worker_processes 2;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/trellis.conf;
}}
"""


class NoNginxError(Exception):
    """There is no nginx on this machine."""


def program() -> str:
    """Find nginx: on the path, or where Debian puts it.

    Raises:
        NoNginxError: It is not there; the message says what to install.
    """
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NoNginxError("nginx is not installed: apt install nginx-light")
    return found


def program_or_skip() -> str:
    """Return where nginx is; skip for want of it, or fail where it was asked for."""
    try:
        return program()
    except NoNginxError as problem:
        if os.environ.get("TRELLIS_REQUIRE_NGINX") == "1":
            pytest.fail(f"{problem} (TRELLIS_REQUIRE_NGINX=1)")
        pytest.skip(str(problem))


def put_in_place(text: str, given: Sequence[tuple[str, str]]) -> str:
    """Put this machine's words in the place of the shipped ones, each of which must be there."""
    for shipped, ours in given:
        assert shipped in text, f"the shipped file does not say: {shipped}"
        text = text.replace(shipped, ours)
    return text


class Nginx:
    """nginx on ports of 127.0.0.1, with a certificate that it alone has.

    Attributes:
        port: Of TLS.
        plain_port: That sends browsers to TLS.
        cert: The certificate, to be trusted.
        log: Where it writes who asked for what and which process answered.
    """

    def __init__(self, folder: Path, *, processes: Sequence[int]) -> None:
        self.port, self.plain_port = _free_port(), _free_port()
        self.log: Final = folder / "access.log"
        self._folder: Final = folder
        pair = certificate(NAME, at=SystemClock().now())
        self.cert, key = write(folder, pair)
        servers = [f"server 127.0.0.1:{port} max_fails=1 fail_timeout=5s;" for port in processes]
        first, *further = (
            f"server 127.0.0.1:{port} max_fails=1 fail_timeout=5s;" for port in (8501, 8502)
        )
        text = put_in_place(
            (SHIPPED / "trellis.conf").read_text(encoding="utf-8"),
            (
                (first, "\n    ".join(servers)),
                *((each, "") for each in further),
                ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
                ("listen [::]:80;", ""),
                ("listen [::]:443 ssl http2 default_server;", ""),
                ("listen [::]:443 ssl http2;", ""),
                ("listen 443 ssl http2", f"listen 127.0.0.1:{self.port} ssl http2"),
                ("/etc/ssl/trellis/fullchain.pem", str(self.cert)),
                ("/etc/ssl/trellis/privkey.pem", str(key)),
                ("/etc/nginx/trellis-proxy.conf;", f"{SHIPPED}/trellis-proxy.conf;"),
                ("/var/log/nginx/trellis.log", str(self.log)),
                ("/var/log/nginx/trellis-error.log", str(folder / "errors.log")),
            ),
        )
        (folder / "trellis.conf").write_text(text, encoding="utf-8")
        main = _MAIN.format(folder=folder, user="user root;" if os.geteuid() == 0 else "")
        (folder / "nginx.conf").write_text(main, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [program_or_skip(), "-p", self._folder, "-c", self._folder / "nginx.conf"],
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _ANSWERS_WITHIN
        while True:
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError((self._folder / "error.log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End it with its workers."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_ANSWERS_WITHIN)

    def answered(self, path: str, *, times: int = 1) -> list[tuple[int, list[int]]]:
        """Return, for each request of a path so far: its status, and the ports asked in turn.

        Args:
            path: Without its query.
            times: Wait until it was asked for so often: a line is written when a request is over,
                for a socket when it closes.
        """
        until = time.monotonic() + _ANSWERS_WITHIN
        while len(found := self._asked(path)) < times:
            assert time.monotonic() < until, f"{len(found)} requests of {path}, not {times}"
            time.sleep(0.01)
        return found

    def _asked(self, path: str) -> list[tuple[int, list[int]]]:
        found = []
        for line in self.log.read_text().splitlines():
            asked, _, rest = line.partition('" ')
            if asked.rpartition(" ")[2] == path:
                status, _, _, *upstream = rest.split()
                ports = [int(each.strip(",").rpartition(":")[2]) for each in upstream]
                found.append((int(status), ports))
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
