"""A door before a FHIR server, or one without a server behind it, that answers as it is told to.

It listens on a real socket of this machine and keeps what came in.
"""

import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self


@dataclass(frozen=True, slots=True, eq=False)
class Says:
    """What the door answers itself.

    Attributes:
        status: The status of HTTP.
        headers: Its headers.
        body: Its body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


CUT: Final = "cut"
"""End the connection without an answer."""
PASS: Final = "pass"
"""Ask the server behind, and hand on what it answers."""
PASS_AND_CUT: Final = "pass and cut"
"""Ask the server behind, keep its answer, and end the connection."""
Step = Says | str


@dataclass(frozen=True, slots=True)
class Came:
    """A request that came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Gate:
    """The door: takes one step for each request, and the last one for all that follow.

    Attributes:
        url: Its address.
        came: What came in, in order.
    """

    def __init__(
        self, *steps: Step, behind: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.came: Final[list[Came]] = []
        self._steps: Sequence[Step] = steps
        self._behind = behind
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                gate._answer(self)

            def do_GET(self) -> None:
                gate._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url: Final = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        step = self._steps[min(len(self.came), len(self._steps) - 1)]
        self.came.append(Came(handler.path, dict(handler.headers.items()), body))
        says = self._ask(handler.path, body) if step in {PASS, PASS_AND_CUT} else step
        if step in {CUT, PASS_AND_CUT}:
            handler.close_connection = True
            with suppress(OSError):
                handler.connection.shutdown(2)
            return
        assert isinstance(says, Says)
        handler.send_response(says.status)
        for name, value in says.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(says.body)))
        handler.end_headers()
        handler.wfile.write(says.body)

    def _ask(self, path: str, body: bytes) -> Says:
        headers = {
            name: value
            for name, value in self.came[-1].headers.items()
            if name not in {"Host", "Connection", "Content-Length", "Accept-Encoding"}
        }
        asked = urllib.request.Request(f"{self._behind}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(asked) as answer:
                return Says(answer.status, {}, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Says(refused.code, {}, refused.read())
