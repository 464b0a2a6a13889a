"""The dashboard as a process of its own: a free port for it, its start, its end with the command."""

import argparse
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from sqlalchemy import make_url

from trellis_core.cli.common import print_json, print_message
from trellis_core.errors import CommandRefusedError
from trellis_core.sample import app_folder
from trellis_core.serving import LOOPBACK, PUBLIC_VARIABLES, Public

SCHEMA_NAME: Final = "trellis.serving/1"
"""Name and version of the answer's form."""

DEFAULT_PORT: Final = 8501
"""The port that is taken when nobody names one."""

LOCAL_ADDRESS: Final = "127.0.0.1"
"""Where a dashboard for this machine only listens."""

_PORTS_TRIED: Final = 100
_HIGHEST_PORT: Final = 65_535
_STARTS_WITHIN: Final = 90.0
_STOPS_WITHIN: Final = 10.0
_LOOK_AGAIN: Final = 0.2
_NOT_STARTED: Final = 3
_ADDRESS_VARIABLE: Final = "STREAMLIT_SERVER_ADDRESS"
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where the command itself asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is served, and where.

    Attributes:
        url: Of the store, for the server alone: it may hold a password.
        listen: The address that the server listens at.
        day: The day it takes place on; None for the calendar's.
        is_demo: One click signs in.
        public: How other machines reach it; None for this machine only.
        cert: The certificate of a server that speaks TLS itself, with its key.
        extra: Further variables of the server's environment.
    """

    url: str
    listen: str
    port: int
    day: date | None = None
    is_demo: bool = False
    public: Public | None = None
    cert: tuple[Path, Path] | None = None
    extra: Mapping[str, str] | None = None

    @property
    def address(self) -> str:
        """What people open."""
        return self.public.url if self.public else f"http://{self.listen}:{self.port}"


# --- options ---------------------------------------------------------------------------------


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that opens a dashboard."""
    parser.add_argument(
        "--port", type=_port, metavar="N", help=f"else {DEFAULT_PORT} or the next free one"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"'{text}' is not a port; 1 to {_HIGHEST_PORT} are.")
    return int(text)


def refuse_other_machines(host: str | None) -> None:
    """Refuse an address that other machines reach, from an option or from Streamlit's variable.

    Raises:
        CommandRefusedError: It was named; the message has the way to encrypted serving.
    """
    for named, where in (
        (host, "--host"),
        (os.environ.get(_ADDRESS_VARIABLE), f"the environment variable {_ADDRESS_VARIABLE}"),
    ):
        if named and named not in LOOPBACK:
            raise CommandRefusedError(
                "NOT_LOOPBACK",
                f"'{named}' ({where}) would open patients' records to the network without encryption. "
                "To serve other machines, encrypted and with sign-in: 'trellis serve --public' "
                "(docs/guide/public.md). For this machine alone, leave it out.",
            )


# --- ports -----------------------------------------------------------------------------------


def free_port(asked: int | None, *, at: str, may_move: bool = True) -> int:
    """Return the port asked for, or the next free one when nobody asked for any.

    Args:
        asked: The port that was named; None for the usual one.
        at: The address that is listened at.
        may_move: Another one will do where the usual one is taken.

    Raises:
        CommandRefusedError: The port asked for is taken; the message names a free one.
    """
    wanted = asked or DEFAULT_PORT
    if _is_free(wanted, at):
        return wanted
    last = min(wanted + _PORTS_TRIED, _HIGHEST_PORT)
    free = next((port for port in range(wanted + 1, last + 1) if _is_free(port, at)), None)
    if free is None:
        raise CommandRefusedError(
            "NO_PORT", f"Ports {wanted} to {last} are taken. Name another with --port."
        )
    if asked is not None or not may_move:
        raise CommandRefusedError(
            "PORT_TAKEN",
            f"Port {wanted} is taken by another program. Port {free} is free: --port {free}",
        )
    print_message(f"Port {wanted} is taken; using {free}.")
    return free


def _is_free(port: int, at: str) -> bool:
    family = socket.AF_INET6 if ":" in at else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((at, port))
        except PermissionError as error:
            raise CommandRefusedError(
                "PORT_CLOSED",
                f"This user may not listen at port {port}. Name one above 1023 with --port, or give "
                "the service the right to (docs/guide/public.md).",
            ) from error
        except OSError:
            return False
    return True


# --- the server process ----------------------------------------------------------------------


class _StopAsked(BaseException):
    """Somebody asked the command to end."""


class _ServerEnded(Exception):  # noqa: N818 - not an error of the practice's
    """The server ended by itself."""


class _ServerRefused(Exception):  # noqa: N818 - its own sentences are above
    """The server was told to start in a way that it does not."""


def environment(serving: Serving) -> dict[str, str]:
    """Return the server's environment: ours, with the store and the day that are served."""
    folder = app_folder()
    dropped = {"TRELLIS_DEMO", "TRELLIS_TODAY", "TRELLIS_DATABASE_URL", *PUBLIC_VARIABLES}
    ours = {key: value for key, value in os.environ.items() if key not in dropped}
    paths = [str(folder), str(Path(__file__).resolve().parents[2]), ours.get("PYTHONPATH", "")]
    set_for_it = {
        "DATABASE_URL": serving.url,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "STREAMLIT_SERVER_PORT": str(serving.port),
        "STREAMLIT_SERVER_ADDRESS": serving.listen,
        "STREAMLIT_SERVER_HEADLESS": "true",
        "STREAMLIT_LOGGER_LEVEL": "error",
        "STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE": "true",  # its making asks another host for our address
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    }
    if serving.is_demo:
        set_for_it["TRELLIS_DEMO"] = "1"
    if serving.day is not None:
        set_for_it["TRELLIS_TODAY"] = serving.day.isoformat()
    if serving.public is not None:
        set_for_it |= serving.public.environment()
        set_for_it["STREAMLIT_BROWSER_SERVER_ADDRESS"] = serving.public.name
        set_for_it["STREAMLIT_SERVER_ALLOWED_HOSTS"] = " ".join(serving.public.hosts)
        set_for_it["FORWARDED_ALLOW_IPS"] = ""  # the dashboard itself reads what a proxy says
    if serving.cert is not None:
        cert, key = serving.cert
        set_for_it["STREAMLIT_SERVER_SSL_CERT_FILE"] = str(cert)
        set_for_it["STREAMLIT_SERVER_SSL_KEY_FILE"] = str(key)
    return {**ours, **set_for_it, **(serving.extra or {})}


def run_server(serving: Serving, *, opens_browser: bool, is_json: bool) -> int:
    """Start the server, say where it is, and end it with the command."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _StopAsked

    before = {number: signal.signal(number, stop) for number in _stopping_signals()}
    folder = app_folder()
    server: subprocess.Popen[bytes] | None = None
    try:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            [sys.executable, "-m", "streamlit", "run", str(folder / "dashboard.py")],
            cwd=folder,
            env=environment(serving),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_until_up(server, serving)
        _announce(serving, is_json=is_json)
        if opens_browser:
            webbrowser.open(serving.address)
        _watch(server)
    except _StopAsked:
        print_message("Stopping …")
        return 0
    except _ServerRefused:
        return 2
    except _ServerEnded as ended:
        print_message(
            f"trellis: the dashboard ended by itself ({ended}); its messages are above. "
            "Nothing that was saved is lost. Start the command again."
        )
        return 1
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        if server is not None:
            _end(server)
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopping_signals() -> Sequence[signal.Signals]:
    """Return the signals that end the server too: the keyboard, a service manager, a closed window.

    A command that was told to outlive its window does.
    """
    found = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        found.append(signal.SIGHUP)
    return found


def _watch(server: "subprocess.Popen[bytes]") -> NoReturn:
    """Wait for the server's end, which nobody asked for."""
    status = server.wait()
    raise _ServerEnded(f"status {status}")


def _wait_until_up(server: "subprocess.Popen[bytes]", serving: Serving) -> None:
    ends_at = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < ends_at:
        status = server.poll()
        if status == _NOT_STARTED:
            raise _ServerRefused
        if status is not None:
            raise _ServerEnded(f"status {status}")
        if _is_up(serving):
            return
        time.sleep(_LOOK_AGAIN)
    raise _ServerEnded(f"it did not answer within {_STARTS_WITHIN:.0f} seconds")


def _is_up(serving: Serving) -> bool:
    """Ask the server itself, as its proxy or a browser would: nothing leaves this machine."""
    at = _EVERYWHERE.get(serving.listen, serving.listen)
    headers: dict[str, str] = {}
    asked: http.client.HTTPConnection
    if serving.cert is None:
        asked = http.client.HTTPConnection(at, serving.port, timeout=5)
    else:
        anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anything.check_hostname = False
        anything.verify_mode = ssl.CERT_NONE
        asked = http.client.HTTPSConnection(at, serving.port, timeout=5, context=anything)
    if serving.public is not None:
        headers["Host"] = serving.public.host_header
    if serving.public is not None and serving.public.proxies is not None:
        headers["X-Forwarded-Proto"] = "https"
    try:
        with closing(asked):
            asked.request("GET", "/healthz", headers=headers)
            return asked.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _announce(serving: Serving, *, is_json: bool) -> None:
    if is_json:
        print_json(
            {
                "schema": SCHEMA_NAME,
                "address": serving.address,
                "store": make_url(serving.url).render_as_string(hide_password=True),
                "day": serving.day and serving.day.isoformat(),
            }
        )
    else:
        day = "" if serving.day is None else f", on {serving.day.isoformat()}"
        what = "the sample practice" if serving.is_demo else "your practice"
        if serving.public is not None and serving.public.proxies is not None:
            print(f"The proxy finds it at {serving.listen}, port {serving.port}.")
        print(f"Trellis is open on {what}{day}: {serving.address}")
        print("Stop it with Ctrl-C.")
    sys.stdout.flush()


def _end(server: "subprocess.Popen[bytes]") -> None:
    """End the server with everything that it started."""
    if server.poll() is None:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(_STOPS_WITHIN)
    if server.poll() is None:
        server.kill()
        server.wait()
