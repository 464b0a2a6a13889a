"""Whose a file is that the server holds for a browser, and how long it may be fetched.

Streamlit names a file by a fingerprint of its content, answers anybody who names it, keeps it beyond
the person's sign-in and, above a megabyte, looks at parts of it only. Here a file's name is made of
its whole content, the sign-in that had it made and a secret of this server: nobody can compute it,
and two people's files of equal bytes have two names. Only the sign-in that had a file made may fetch
it (the gate asks ``refusal``), and a download only for ``LIFETIME``.
"""

import hashlib
import hmac
import secrets
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakSet

from streamlit.runtime import memory_media_file_storage
from streamlit.runtime.media_file_storage import MediaFileKind
from streamlit.runtime.memory_media_file_storage import MemoryFile, MemoryMediaFileStorage
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared import store

PREFIX: Final = "/media/"
"""Where the server answers with such files."""

LIFETIME: Final = timedelta(minutes=5)
"""How long a download may be fetched, and is kept for it."""

NOT_YOURS: Final = 403
NOT_THERE: Final = 404

_NAME_LENGTH: Final = 40
_SECRET: Final = secrets.token_bytes(32)
_maker: Final[ContextVar[str | None]] = ContextVar("sign_in_that_makes_a_file", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """Whose a file is, and since when.

    Attributes:
        owner: Fingerprint of the sign-in; None where the file was made for none.
        lasts: Whether it is part of a page, and may be fetched as long as the page shows it.
    """

    owner: str | None
    made_at: datetime
    lasts: bool


_lock: Final = threading.Lock()
_held: Final[dict[str, _Held]] = {}


class OwnedFiles(MemoryMediaFileStorage):
    """Streamlit's files in memory, each named for the sign-in that had it made."""

    def __init__(self, media_endpoint: str) -> None:
        """Begin without a file."""
        super().__init__(media_endpoint)
        _storages.add(self)

    def load_and_get_id(
        self,
        path_or_data: str | bytes,
        mimetype: str,
        kind: MediaFileKind,
        filename: str | None = None,
    ) -> str:
        """Keep a file and return its name."""
        content = (
            self._read_file(path_or_data) if isinstance(path_or_data, str) else bytes(path_or_data)
        )
        owner = _owner_here()
        name = _name(owner, content, mimetype, filename)
        held = _Held(
            owner=owner, made_at=store.clock().now(), lasts=kind is not MediaFileKind.DOWNLOADABLE
        )
        forget_old()
        with _lock:
            _held[name] = held
            self._files_by_id[name] = MemoryFile(content, mimetype, kind, filename)
        return name

    def delete_file(self, file_id: str) -> None:
        """Drop a file that no page shows any more; a download stays for its lifetime.

        Streamlit would drop a download after the next two reruns of anybody, which may come before
        the browser that asked for it has fetched it.
        """
        with _lock:
            held = _held.get(file_id)
            if held is None or held.lasts:
                _drop(file_id)


_storages: Final[WeakSet[OwnedFiles]] = WeakSet()


def forget_old() -> None:
    """Drop the downloads whose lifetime is over."""
    now = store.clock().now()
    with _lock:
        for name in [name for name, held in _held.items() if _is_over(held, now)]:
            _drop(name)


def _drop(name: str) -> None:
    _held.pop(name, None)
    for storage in _storages:
        storage._files_by_id.pop(name, None)  # noqa: SLF001 - it is what the class extends


def keep_owners() -> None:
    """Let the server hold files as ``OwnedFiles``: to be called before it is made."""
    memory_media_file_storage.MemoryMediaFileStorage = OwnedFiles  # type: ignore[misc]  # it is looked up there


def belongs_to(token: str | None) -> None:
    """Say whose the file is that the running thread makes outside of a page's script.

    Args:
        token: The sign-in; None for nobody, whose files only a store without a practice gives.
    """
    _maker.set(owner_of(token))


def owner_of(token: str | None) -> str:
    """Return what a sign-in is known by here: a fingerprint of its token."""
    return hmac.new(_SECRET, (token or "").encode(), hashlib.sha256).hexdigest()


def refusal(path: str, token: str | None) -> int | None:
    """Return the status with which a request for a file is refused; None where it is not.

    Args:
        path: The request's path, below ``PREFIX``.
        token: The sign-in of the browser that asks; the gate has seen that it is a current one.
    """
    with _lock:
        held = _held.get(path.removeprefix(PREFIX).partition(".")[0])
    if held is None or _is_over(held, store.clock().now()):
        return NOT_THERE
    if held.owner is None or not hmac.compare_digest(held.owner, owner_of(token)):
        return NOT_YOURS
    return None


def _is_over(held: _Held, now: datetime) -> bool:
    return not held.lasts and now - held.made_at > LIFETIME


def _owner_here() -> str | None:
    """Return whose file is being made: the page's that runs, or the download's that was asked for."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        return owner_of(store.session_token())
    return _maker.get()


def _name(owner: str | None, content: bytes, mimetype: str, filename: str | None) -> str:
    parts = (owner or "", hashlib.sha256(content).hexdigest(), mimetype, filename or "")
    made = hmac.new(_SECRET, "\x00".join(parts).encode("utf-8", "replace"), hashlib.sha256)
    return made.hexdigest()[:_NAME_LENGTH]
