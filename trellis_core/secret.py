"""The server's secret: where it is read from, what is refused, and the keys made from it.

Two things are done with it, each with a key of its own: the browser's session cookie is sealed, so that
a session cannot be made by whoever can only write to the store, and Streamlit signs its own cookies.
It is read from the environment or from a file, never from a command line, which every user of the
machine can see.
"""

import hmac
import os
import stat
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from trellis_core.errors import TrellisError
from trellis_core.settings import Settings

SHORTEST_SECRET: Final = 32
"""Fewest bytes of a secret."""

_FEWEST_CHARACTERS: Final = 8
_MOST_BYTES: Final = 4096
_LINES: Final = 2
_DEFAULTS: Final = (
    *("changeme", "change-me", "change_me", "secret", "password", "example", "default"),
    *("insecure", "trellis", "development", "0123456789", "abcdefghij", "qwerty"),
)
_HOW: Final = "Make one with: openssl rand -hex 32"


class SecretRefusedError(TrellisError):
    """A secret is missing, can be guessed, or others can read it. It is never in the message."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret in use, and the one before it while browsers still hold what it sealed.

    Attributes:
        current: What is used for everything new.
        previous: What is still accepted; None outside a rotation.
    """

    current: bytes
    previous: bytes | None = None

    def key(self, purpose: str) -> bytes:
        """Return the key for one purpose; nothing is used for two."""
        return _key(self.current, purpose)

    def accepted_keys(self, purpose: str) -> tuple[bytes, ...]:
        """Return every key that is accepted for a purpose, the newest first."""
        return tuple(_key(each, purpose) for each in (self.current, self.previous) if each)

    @property
    def cookie_secret(self) -> str:
        """What Streamlit signs its own cookies with: for its environment, never a command line."""
        return self.key("streamlit cookies").hex()

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Secret(…)"


def _key(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, f"trellis-secret-v1\0{purpose}".encode(), "sha256")


def seal(token: str, key: bytes) -> str:
    """Return a text's seal: 43 letters and digits that only a holder of the key can make."""
    return urlsafe_b64encode(hmac.digest(key, token.encode(), sha256)).decode().rstrip("=")


def read_secret(settings: Settings) -> Secret | None:
    """Read the secret that the settings name; None where they name none.

    ``TRELLIS_SECRET``, or the first line of the file that ``TRELLIS_SECRET_FILE`` names. The second
    line of the file, or ``TRELLIS_SECRET_PREVIOUS``, is the one before.

    Raises:
        SecretRefusedError: It can be guessed, or others can read it.
    """
    if settings.secret is not None and settings.secret_file is not None:
        raise SecretRefusedError("Give TRELLIS_SECRET or TRELLIS_SECRET_FILE, not both.")
    if settings.secret_file is not None:
        return _from_file(settings.secret_file.expanduser())
    if settings.secret is None:
        return None
    previous = settings.secret_previous
    return Secret(
        _checked(settings.secret.get_secret_value(), "TRELLIS_SECRET"),
        None
        if previous is None
        else _checked(previous.get_secret_value(), "TRELLIS_SECRET_PREVIOUS"),
    )


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            if os.name == "posix":
                _check_mode(os.fstat(file.fileno()))
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SecretRefusedError(
            f"The file that TRELLIS_SECRET_FILE names cannot be read ({error.strerror})."
        ) from error
    try:
        lines = content.decode("utf-8").split()
    except UnicodeDecodeError as error:
        raise SecretRefusedError(
            f"The file that TRELLIS_SECRET_FILE names is not a line of text. {_HOW}"
        ) from error
    if not lines or len(lines) > _LINES or len(content) > _MOST_BYTES:
        raise SecretRefusedError(
            "The file that TRELLIS_SECRET_FILE names needs the secret on its first line and nothing "
            "more, save the one before it on the second."
        )
    named = "The secret in TRELLIS_SECRET_FILE"
    return Secret(
        _checked(lines[0], named),
        _checked(lines[1], f"{named}, second line,") if lines[1:] else None,
    )


def _check_mode(found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise SecretRefusedError(
            "The file that TRELLIS_SECRET_FILE names belongs to another user, who could change it. "
            "Give it to the user that runs the server (chown)."
        )
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretRefusedError(
            "Others on this machine may open the file that TRELLIS_SECRET_FILE names. Close it to "
            "them (chmod 600), and make a new secret if it was open for long."
        )


def _checked(text: str, named: str) -> bytes:
    secret = text.encode()
    if len(secret) < SHORTEST_SECRET:
        raise SecretRefusedError(
            f"{named} has {len(secret)} bytes; {SHORTEST_SECRET} or more are needed. {_HOW}"
        )
    rest = text.casefold()
    for word in _DEFAULTS:
        rest = rest.replace(word, "")
    if (
        len(rest.encode()) < SHORTEST_SECRET
        or len(set(text)) < _FEWEST_CHARACTERS
        or _repeats(text)
    ):
        raise SecretRefusedError(
            f"{named} can be guessed: it is made of known words or repeats itself. {_HOW}"
        )
    return secret


def _repeats(text: str) -> bool:
    """Say whether a text is a shorter one written again and again."""
    return any(
        text == (text[:length] * (len(text) // length + 1))[: len(text)]
        for length in range(1, len(text) // 2 + 1)
    )
