"""The wire to a FHIR server: where records may be sent, how often to try, what of an answer is read.

A server's own words may repeat what was sent, so nothing of them is kept but codes and places. The
token is never part of a message.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Final, Self, cast
from urllib.parse import SplitResult, urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from trellis_core.errors import CommandRefusedError, TrellisError
from trellis_core.fhir.names import TYPES
from trellis_core.fhir.shapes import Resource

CONTENT_TYPE: Final = "application/fhir+json; fhirVersion=4.0"
FORM: Final = "application/x-www-form-urlencoded"

_CONNECT_WITHIN: Final = 10.0
_SILENT_AT_MOST: Final = 120.0
_LARGEST_ANSWER: Final = 64 * 1024 * 1024
_PIECE: Final = 64 * 1024
_ENDED: Final = (
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
)
_BUSY: Final = {429, 503}
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_PLACE: Final = re.compile(r"([A-Z][A-Za-z]*)(\.[a-z][A-Za-z0-9]*(\[\d{1,6}\])?)*", re.ASCII)
_TYPES: Final = {"Bundle", "CodeSystem", "StructureDefinition", "ValueSet", *TYPES.values()}
_SEVERITIES: Final = {"fatal", "error", "warning"}
_CODES: Final = set(
    re.findall(
        r"\S+",
        """
        invalid structure required value invariant security login unknown expired forbidden suppressed
        processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid
        extension too-costly business-rule conflict transient lock-error no-store exception timeout
        incomplete throttled
        """,
    )
)


class NoAnswerError(TrellisError):
    """A server gave no answer that could be read; the message says why, without its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to go on with a server that is busy or cuts the connection.

    Attributes:
        tries: How often the same is sent at most.
        longest_wait: The longest time in seconds that a server may ask to wait.
        pause: Seconds before sending again what got no answer.
    """

    tries: int = 4
    longest_wait: float = 120.0
    pause: float = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    Attributes:
        status: The status of HTTP.
        document: The JSON object of the body; None where there is none.
        retried: How often the same was sent before.
        busy_for: For how many seconds the server asked not to be asked; None where it did not say.
    """

    status: int
    document: Resource | None
    retried: int
    busy_for: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the server did what it was asked to."""
        return self.status in {200, 201}


def checked_address(url: str) -> str:
    """Return a server's base address, without a slash at its end.

    Records go over https only. This machine itself may be reached by http.

    Raises:
        CommandRefusedError: It is no such address, or it holds a name, a password or a query.

    Example:
        >>> checked_address("https://ehr.example/fhir/")
        'https://ehr.example/fhir'
    """
    parts = _split(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts)):
        raise _refused("Records are sent by https only; http is for a server on this machine.")
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    if not url.isascii() or not url.isprintable() or re.search(r"[\s\\?#]", url):
        raise _refused("It may hold no blank, no query and no fragment.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise _refused("It cannot be read.") from None
    if not host or port == 0 or not re.fullmatch(r"[a-z0-9.:\-]+", host):
        raise _refused("Its host cannot be read.")
    if "@" in parts.netloc:
        raise _refused("It may hold no name and no password; a token goes beside it.")
    return parts


def _is_here(parts: SplitResult) -> bool:
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _refused(why: str) -> CommandRefusedError:
    return CommandRefusedError(
        "SERVER_ADDRESS",
        f"That is no address of a FHIR server that records may be sent to. {why} "
        "Give its base address, for example https://ehr.example/fhir.",
    )


class _Bearer(AuthBase):
    """Puts the token on a request; without one, nothing else on this machine may put a login there."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Wire:
    """A connection to one FHIR server.

    Redirects are not followed, so that neither records nor token go anywhere else, and a certificate
    is always checked.

    Args:
        to: The base address.
        token: The bearer token; None for none.
        patience: How long to go on.

    Raises:
        CommandRefusedError: The address or the token cannot be used.
    """

    def __init__(self, to: str, token: str | None, patience: Patience) -> None:
        self._base: Final = checked_address(to)
        if token is not None and not _TOKEN.fullmatch(token):
            raise CommandRefusedError(
                "SERVER_TOKEN", "That is no bearer token: letters, digits and . _ ~ + / - only."
            )
        self._patience: Final = patience
        self._session: Final = requests.Session()
        self._session.auth = _Bearer(token)
        # A proxy is for https, where it sees nothing; what stays on this machine goes through none.
        self._session.trust_env = self._base.startswith("https:")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body that may safely be sent again, and return the answer.

        It is sent again where the server is busy and says for how long, and where the connection ends
        before an answer; never after any other answer.

        Args:
            path: Below the base address; empty for that itself. It holds nothing about a patient.
            body: JSON, or a form, in UTF-8.
            headers: Beside those of every request.

        Raises:
            NoAnswerError: There was no answer, or none that can be read.
        """
        retried = 0
        while True:
            is_last = retried + 1 >= self._patience.tries
            try:
                reply = self._post_once(path, body, headers, retried)
            except requests.exceptions.RequestException as error:
                if is_last or not _has_ended(error):
                    raise NoAnswerError(_why(error)) from None
                time.sleep(self._patience.pause)
            else:
                wait = reply.busy_for
                if is_last or wait is None or wait > self._patience.longest_wait:
                    return reply
                time.sleep(wait)
            retried += 1

    def _post_once(self, path: str, body: bytes, headers: Mapping[str, str], retried: int) -> Reply:
        with self._session.post(
            f"{self._base}/{path}" if path else self._base,
            data=body,
            headers={"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE, **headers},
            timeout=(_CONNECT_WITHIN, _SILENT_AT_MOST),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return Reply(answer.status_code, _document(answer), retried, _busy_for(answer))


def _document(answer: requests.Response) -> Resource | None:
    """Read the body, as much as is allowed."""
    pieces, size = [], 0
    for piece in answer.iter_content(_PIECE):
        size += len(piece)
        if size > _LARGEST_ANSWER:
            raise NoAnswerError("the answer is longer than can be read")
        pieces.append(piece)
    try:
        found = json.loads(b"".join(pieces))
    except (ValueError, RecursionError):
        return None
    return cast("Resource", found) if isinstance(found, dict) else None


def _busy_for(answer: requests.Response) -> float | None:
    said = answer.headers.get("Retry-After", "").strip()
    if answer.status_code not in _BUSY or not said:
        return None
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        until, asked = map(parsedate_to_datetime, (said, answer.headers.get("Date", "")))
        return max((until - asked).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def _cause(error: Exception) -> object:
    first = error.args[0] if error.args else None
    return getattr(first, "reason", first)


def _is_late(error: Exception) -> bool:
    return isinstance(error, requests.exceptions.Timeout) or isinstance(
        _cause(error), urllib3.exceptions.ReadTimeoutError
    )


def _has_ended(error: Exception) -> bool:
    """Tell whether a connection was there and ended, so that the next one may hold."""
    other = (requests.exceptions.SSLError, requests.exceptions.ProxyError)
    never = isinstance(_cause(error), urllib3.exceptions.NewConnectionError)
    return isinstance(error, _ENDED) and not (isinstance(error, other) or never or _is_late(error))


def _why(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not one that this machine trusts"
    if _is_late(error):
        return "it did not answer in time; what was sent last may have been kept"
    if _has_ended(error):
        return "the connection ended before an answer; what was sent last may have been kept"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "it could not be reached"
    return "its answer could not be read"


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that a server found wrong, without its words.

    Attributes:
        code: FHIR's code for its kind; ``unknown`` where the server's is none of FHIR's.
        places: Paths of elements.
    """

    code: str
    places: tuple[str, ...]


def issues_of(outcome: Resource | None) -> tuple[Issue, ...]:
    """Return what an OperationOutcome finds wrong: only FHIR's codes and plain paths of elements.

    A path ends where it says more than which element.
    """
    found: list[Issue] = []
    for issue in objects_in(outcome, "issue"):
        if issue.get("severity") not in _SEVERITIES:
            continue
        said, code = issue.get("expression"), issue.get("code")
        places = (
            [_PLACE.match(each) for each in said if isinstance(each, str)]
            if isinstance(said, list)
            else []
        )
        plain = [each.group() for each in places if each and each.group(1) in _TYPES]
        found.append(Issue(str(code) if code in _CODES else "unknown", tuple(plain)))
    return tuple(found)


def objects_in(holder: Resource | None, key: str) -> list[Resource]:
    """Return the objects that an answer lists under a key; none where it lists none."""
    listed = (holder or {}).get(key)
    if not isinstance(listed, list):
        return []
    return [cast("Resource", each) for each in listed if isinstance(each, dict)]
