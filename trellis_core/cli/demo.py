"""``trellis demo`` and ``trellis serve``: the dashboard, on this machine only."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from sqlalchemy import make_url

from trellis_core.cli.common import (
    Subparsers,
    day_argument,
    open_store_of,
    print_json,
    print_message,
    store_url_of,
)
from trellis_core.errors import CommandRefusedError, StoreError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.sample import app_folder, demo_day, load_sample, sample_today
from trellis_core.services.practice import has_practice, is_sample
from trellis_core.settings import load_settings, sqlite_url
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import SystemClock

SCHEMA_NAME: Final = "trellis.serving/1"
"""Name and version of the answer's form."""

DEFAULT_PORT: Final = 8501
"""The port that is taken when nobody names one."""

_PORTS_TRIED: Final = 100
_HIGHEST_PORT: Final = 65_535
_LOOPBACK: Final = ("127.0.0.1", "localhost")
_STARTS_WITHIN: Final = 90.0
_STOPS_WITHIN: Final = 10.0
_LOOK_AGAIN: Final = 0.2
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal", ".lock", ".checkpoints.jsonl")


def add_parser(subparsers: Subparsers) -> None:
    """Add both commands."""
    demo = subparsers.add_parser(
        "demo",
        help="open the dashboard on a made-up sample practice",
        description="Open the dashboard on a sample practice in a store of its own. What you enter "
        "is kept for the next time; --fresh starts over.",
    )
    demo.add_argument(
        "--fresh", action="store_true", help="delete the demonstration's own store and start over"
    )
    demo.add_argument(
        "--day",
        type=day_argument,
        metavar="DATE",
        help="the day it takes place on; today if absent",
    )
    demo.add_argument(
        "--store", metavar="URL", help="another store for the demonstration; empty or its own"
    )
    serve = subparsers.add_parser(
        "serve",
        help="open the dashboard on the practice's own store",
        description="Open the dashboard on the practice's own store, for this machine only.",
    )
    serve.add_argument(
        "--host", default=_LOOPBACK[0], metavar="HOST", help="127.0.0.1 or localhost"
    )
    serve.add_argument(
        "--store",
        metavar="URL",
        help="the practice's store; else DATABASE_URL, else a file in your data folder",
    )
    for parser in (demo, serve):
        parser.add_argument(
            "--port", type=_port, metavar="N", help=f"else {DEFAULT_PORT} or the next free one"
        )
        parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
        parser.add_argument("--json", action="store_true", help="answer in JSON")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"'{text}' is not a port; 1 to {_HIGHEST_PORT} are.")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Serving:
    """What is served, and where.

    Attributes:
        url: Of the store, for the server alone: it may hold a password.
    """

    url: str
    host: str
    port: int
    day: date | None
    is_demo: bool

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"


def run(args: argparse.Namespace) -> int:
    """Serve the dashboard until it is stopped."""
    serving = _demo(args) if args.command == "demo" else _serve(args)
    return _run_server(serving, opens_browser=not args.no_browser, is_json=args.json)


# --- what is served --------------------------------------------------------------------------


def _demo(args: argparse.Namespace) -> _Serving:
    port = _free_port(args.port)
    today = sample_today(SystemClock())
    priced = demo_day(args.day or today, load_rule_book())
    if args.day is not None and priced < args.day:
        print_message(
            f"There are no amounts after {priced.isoformat()}; the demonstration takes place then."
        )
    own = load_settings().data_folder.expanduser().absolute() / "demo" / "trellis.db"
    url = args.store or sqlite_url(own)
    if args.fresh:
        _start_over(url, own)
    store = open_store(url)
    try:
        if not has_practice(store=store):
            print_message("Loading the sample practice …")
            load_sample(store, day=priced)
        elif not is_sample(store=store):
            raise CommandRefusedError("NOT_A_SAMPLE", _OTHER_DATA)
    finally:
        store.close()
    return _Serving(
        url=url,
        host=_LOOPBACK[0],
        port=port,
        day=None if priced == today else priced,
        is_demo=True,
    )


_OTHER_DATA: Final = (
    "This store holds a practice of real people, not the sample. Nothing was changed. "
    "Open it with 'trellis serve', or leave --store out."
)

_ON_A_SERVER: Final = (
    "A demonstration on a database server is not deleted from here. Make an empty database and name "
    "it with --store, or leave --fresh out."
)


def _start_over(url: str, own: Path) -> None:
    """Delete the demonstration's store; a store that somebody named must be a sample's."""
    path = own
    if url != sqlite_url(own):
        store = open_store(url)
        try:
            if has_practice(store=store) and not is_sample(store=store):
                raise CommandRefusedError("NOT_A_SAMPLE", _OTHER_DATA)
            if store.path is None:
                raise CommandRefusedError("NOT_A_FILE", _ON_A_SERVER)
            path = store.path
        finally:
            store.close()
    try:
        for suffix in _SUFFIXES:
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"The demonstration's store cannot be deleted ({error.strerror}). "
            "Stop the demonstration that is using it, then try again."
        ) from error


def _serve(args: argparse.Namespace) -> _Serving:
    if args.host not in _LOOPBACK:
        raise CommandRefusedError(
            "NOT_LOOPBACK",
            f"'{args.host}' would open patients' records to the network without encryption; "
            "encrypted serving to other machines is not offered yet. Use 127.0.0.1, and reach it "
            "from elsewhere through a tunnel of your own.",
        )
    port = _free_port(args.port)
    store: Store = open_store_of(args)
    store.close()
    url = store_url_of(args) if store.path is None else sqlite_url(store.path)
    return _Serving(url=url, host=args.host, port=port, day=None, is_demo=False)


# --- ports -----------------------------------------------------------------------------------


def _free_port(asked: int | None) -> int:
    """Return the port asked for, or the next free one when nobody asked for any.

    Raises:
        CommandRefusedError: The port asked for is taken; the message names a free one.
    """
    wanted = asked or DEFAULT_PORT
    if _is_free(wanted):
        return wanted
    last = min(wanted + _PORTS_TRIED, _HIGHEST_PORT)
    free = next((port for port in range(wanted + 1, last + 1) if _is_free(port)), None)
    if free is None:
        raise CommandRefusedError(
            "NO_PORT", f"Ports {wanted} to {last} are taken. Name another with --port."
        )
    if asked is not None:
        raise CommandRefusedError(
            "PORT_TAKEN",
            f"Port {asked} is taken by another program. Port {free} is free: --port {free}",
        )
    print_message(f"Port {wanted} is taken; using {free}.")
    return free


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK[0], port))
        except OSError:
            return False
    return True


# --- the server process ----------------------------------------------------------------------


class _StopAsked(BaseException):
    """Somebody asked the command to end."""


class _ServerEnded(Exception):  # noqa: N818 - not an error of the practice's
    """The server ended by itself."""


def _environment(serving: _Serving) -> dict[str, str]:
    """Return the server's environment: ours, with the store and the day that are served."""
    folder = app_folder()
    ours: Mapping[str, str] = {
        key: value
        for key, value in os.environ.items()
        if key not in {"TRELLIS_DEMO", "TRELLIS_TODAY", "TRELLIS_DATABASE_URL"}
    }
    paths = [str(folder), str(Path(__file__).resolve().parents[2]), ours.get("PYTHONPATH", "")]
    set_for_it = {
        "DATABASE_URL": serving.url,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "STREAMLIT_SERVER_PORT": str(serving.port),
        "STREAMLIT_SERVER_ADDRESS": serving.host,
        "STREAMLIT_SERVER_HEADLESS": "true",
        "STREAMLIT_LOGGER_LEVEL": "error",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    }
    if serving.is_demo:
        set_for_it["TRELLIS_DEMO"] = "1"
    if serving.day is not None:
        set_for_it["TRELLIS_TODAY"] = serving.day.isoformat()
    return {**ours, **set_for_it}


def _run_server(serving: _Serving, *, opens_browser: bool, is_json: bool) -> int:
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
            env=_environment(serving),
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


def _wait_until_up(server: "subprocess.Popen[bytes]", serving: _Serving) -> None:
    ends_at = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < ends_at:
        status = server.poll()
        if status is not None:
            raise _ServerEnded(f"status {status}")
        if _is_up(serving):
            return
        time.sleep(_LOOK_AGAIN)
    raise _ServerEnded(f"it did not answer within {_STARTS_WITHIN:.0f} seconds")


def _is_up(serving: _Serving) -> bool:
    try:
        with urllib.request.urlopen(f"{serving.address}/healthz", timeout=5) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False


def _announce(serving: _Serving, *, is_json: bool) -> None:
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
