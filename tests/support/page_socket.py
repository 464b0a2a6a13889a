"""A browser without a window: cookies, requests, and a page's socket as the frontend speaks on it."""

import http.client
import socket
import ssl
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

import pandas as pd
import pyarrow as pa
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

_WAITS: Final = 60.0
_LARGEST: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()


@dataclass
class Visitor:
    """Somebody's browser, which asks 127.0.0.1 for a name over TLS that it verifies.

    Attributes:
        cookies: What the server gave it, by name.
    """

    port: int
    cert: Path
    name: str
    cookies: dict[str, str] = field(default_factory=dict)

    def line(self) -> socket.socket:
        """Open a line, before any word of TLS."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=_WAITS)

    def trusting(self) -> ssl.SSLContext:
        """Return what trusts the server's certificate and no other."""
        return ssl.create_default_context(cafile=str(self.cert))

    def ask(self, path: str, *, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """Ask once, without following where it leads to; keep the cookies that come."""
        asked = http.client.HTTPConnection(self.name)
        asked.sock = self._secured()
        sent = {"Accept": "text/html"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if self.cookies:
            sent["Cookie"] = self.cookie_header()
        body = None
        if form is not None:
            body = urlencode(form)
            sent |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{self.name}",
            }
        try:
            asked.request("GET" if form is None else "POST", path, body=body, headers=sent)
            got = asked.getresponse()
            answer = Answer(got.status, got.headers, got.read())
        finally:
            asked.close()
        for said in answer.headers.get_all("set-cookie") or ():
            for morsel in SimpleCookie(said).values():
                self.cookies[morsel.key] = morsel.value
        return answer

    def ask_plainly(self, port: int, path: str) -> Answer:
        """Ask another port without encryption."""
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=_WAITS)
        try:
            asked.request("GET", path, headers={"Host": self.name})
            got = asked.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            asked.close()

    def _secured(self) -> ssl.SSLSocket:
        line = self.line()
        try:
            return self.trusting().wrap_socket(line, server_hostname=self.name)
        except OSError:
            line.close()
            raise

    def cookie_header(self) -> str:
        """Return what a request says of the cookies."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def sign_in(self, name: str, password: str) -> Answer:
        """Type a name and a password."""
        return self.ask("/auth/sign-in", form={"name": name, "password": password, "next": "/"})


class Page:
    """An open page: its socket, and what was drawn.

    Attributes:
        tables: The tables of the newest run, in the order in which they came.
        deferred: The ids of the downloads that are made on a click, by the buttons' words.
    """

    def __init__(self, visitor: Visitor, page: str, query: str = "") -> None:
        self._visitor: Final = visitor
        self._page, self._query = page, query
        self._session = ""
        self._open = ExitStack()
        self.tables: list[pd.DataFrame] = []
        self.deferred: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Open the socket and let the page be drawn."""
        name = self._visitor.name
        self._line = self._open.enter_context(
            connect(
                f"wss://{name}/_stcore/stream",
                sock=self._visitor.line(),
                ssl=self._visitor.trusting(),
                server_hostname=name,
                origin=f"https://{name}",  # type: ignore[arg-type] # a NewType of str
                subprotocols=["streamlit"],  # type: ignore[list-item] # a NewType of str
                additional_headers={"Cookie": self._visitor.cookie_header()},
                max_size=_LARGEST,
            )
        )
        self.run()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        """Close the page."""
        self._open.close()

    def run(self) -> None:
        """Let the page's script run once, and wait until it has."""
        self.tables.clear()
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_name = self._query, self._page
        asked.context_info.timezone = "America/New_York"
        asked.context_info.url = f"https://{self._visitor.name}/{self._page}"
        self._line.send(message.SerializeToString())
        while (kind := self._take()[0]) != "script_finished":
            assert kind != "page_not_found"

    def cell(self, column: str, *, row: str) -> str:
        """Return a column's cell of the one row, of whichever table, whose first cell begins so."""
        found = [
            str(table.loc[at, column])
            for table in self.tables
            for at in table.index
            if str(table.iloc[at, 0]).startswith(row)
        ]
        assert len(found) == 1, (row, [list(table.iloc[:, 0]) for table in self.tables])
        return found[0]

    def download(self, label: str) -> str:
        """Click a button that makes a file; return the file's path."""
        message = BackMsg()
        asked = message.backend_operation_request
        asked.request_id, asked.session_id = "click", self._session
        asked.deferred_file.file_id = self.deferred[label]
        self._line.send(message.SerializeToString())
        while True:
            kind, got = self._take()
            if kind == "backend_operation_response":
                said = got.backend_operation_response
                assert not said.error_msg, said.error_msg
                return str(said.deferred_file.url)

    def _take(self) -> tuple[str, Any]:
        message = ForwardMsg.FromString(self._line.recv(_WAITS, decode=False))
        kind = str(message.WhichOneof("type"))
        if kind == "new_session":
            self._session = message.new_session.initialize.session_id
        elif kind == "delta":
            self._draw(message.delta.new_element)
        return kind, message

    def _draw(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        assert kind != "exception", element.exception.type
        if kind == "download_button":
            self.deferred[element.download_button.label] = element.download_button.deferred_file_id
        elif kind == "dataframe":
            with pa.ipc.open_stream(element.dataframe.arrow_data.data) as stream:
                self.tables.append(stream.read_all().to_pandas())
