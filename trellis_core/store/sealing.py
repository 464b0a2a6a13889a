"""Sealing a file so that only a key or a passphrase opens it, in the age format.

Files go through in pieces, so that a large store needs no large memory. A file for public keys is
a plain age file. A file for a passphrase is two age files one after the other: the first, in
letters, is a fresh key sealed by the passphrase; the second is sealed to that key. Both are opened
by the program ``age`` alone as well (``docs/guide/backup.md``).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

import pyrage
from pyrage import passphrase, x25519

from trellis_core.errors import CommandRefusedError

SHORTEST_PASSPHRASE: Final = 12
"""Fewest characters of a passphrase that seals."""

PRIVATE: Final = 0o600
"""Mode of every file that is made here."""

_AGE: Final = b"age-encryption.org/v1\n"
_ARMORED: Final = b"-----BEGIN AGE ENCRYPTED FILE-----\n"
_ARMOR_ENDS: Final = b"-----END AGE ENCRYPTED FILE-----\n"
_LONGEST_ARMOR: Final = 8_192
_SECRET: Final = "AGE-SECRET-KEY-"  # noqa: S105 - how every private key begins
_NOT_OPENED: Final = "Nothing was changed."


class SealedFor(StrEnum):
    """Who can open a sealed file."""

    KEYS = "keys"
    PASSPHRASE = "passphrase"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Public keys that a file is sealed to; any one of their identities opens it.

    Attributes:
        recipients: Texts ``age1…``.
    """

    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identities:
    """Private keys that open a file.

    Attributes:
        secrets: Texts ``AGE-SECRET-KEY-1…``.
    """

    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Passphrase:
    """A passphrase, which seals and opens.

    Attributes:
        text: Its words.
    """

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A file that was written or read.

    Attributes:
        size: Its bytes.
        sha256: Its digest, hex.
    """

    size: int
    sha256: str


# --- keys ------------------------------------------------------------------------------------


def keys(recipients: Sequence[str]) -> Keys:
    """Return public keys after a look at each.

    Raises:
        CommandRefusedError: One is no public key of age. It is not repeated in the message: it
            could be a private one.
    """
    for number, text in enumerate(recipients, 1):
        try:
            x25519.Recipient.from_str(text)
        except pyrage.RecipientError as error:
            what = (
                "is a private key: keep that one secret, and name its public key"
                if text.upper().startswith(_SECRET)
                else "is no public key of age"
            )
            raise CommandRefusedError(
                "NOT_A_RECIPIENT",
                f"Recipient {number} {what}. One looks like age1 and 58 more letters and digits; "
                "'trellis backup --new-key FILE' makes one.",
            ) from error
    return Keys(recipients=tuple(dict.fromkeys(recipients)))


def new_identity(path: Path) -> str:
    """Write a fresh private key into a new file for its owner alone; return its public key.

    Raises:
        CommandRefusedError: There is a file of that name, or it cannot be written.
    """
    identity = x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"# public key: {public}\n{identity}\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise CommandRefusedError(
            "FILE_EXISTS",
            f"There is a file '{path.name}' already. It may hold a key that opens earlier backups, "
            "so it is never overwritten. Name another.",
        ) from error
    except OSError as error:
        raise CommandRefusedError(
            "NOT_WRITTEN", f"The key cannot be written to '{path.name}' ({error.strerror})."
        ) from error
    return public


def read_identities(path: Path) -> Identities:
    """Read the private keys of an identity file, as age writes them.

    Raises:
        CommandRefusedError: The file cannot be read or holds no private key.
    """
    found = tuple(
        line
        for line in (each.strip() for each in _text_of(path).splitlines())
        if line and not line.startswith("#")
    )
    try:
        for line in found:
            x25519.Identity.from_str(line)
    except pyrage.IdentityError as error:
        raise _no_identity(path) from error
    if not found:
        raise _no_identity(path)
    return Identities(secrets=found)


def _no_identity(path: Path) -> CommandRefusedError:
    return CommandRefusedError(
        "NOT_AN_IDENTITY",
        f"The file '{path.name}' is no identity file of age: lines that start with "
        f"{_SECRET}1 are needed. {_NOT_OPENED}",
    )


def read_passphrase(path: Path) -> Passphrase:
    """Read a passphrase from the first line of a file.

    Raises:
        CommandRefusedError: The file cannot be read or its first line is empty.
    """
    text = next(iter(_text_of(path).splitlines()), "")
    if not text:
        raise CommandRefusedError(
            "NO_PASSPHRASE",
            f"The first line of '{path.name}' is empty. Write the passphrase there.",
        )
    return Passphrase(text=text)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandRefusedError(
            "FILE_MISSING", f"The file '{path.name}' cannot be read. {_NOT_OPENED}"
        ) from error


# --- sealing and opening ---------------------------------------------------------------------


def refuse_weak(to: Keys | Passphrase) -> None:
    """Refuse a passphrase that could be guessed.

    Raises:
        CommandRefusedError: The passphrase is too short.
    """
    if isinstance(to, Passphrase) and len(to.text) < SHORTEST_PASSPHRASE:
        raise CommandRefusedError(
            "PASSPHRASE_TOO_SHORT",
            f"A passphrase needs {SHORTEST_PASSPHRASE} characters or more; several words are "
            "best. Nothing was written.",
        )


def seal(source: Path, target: Path, *, to: Keys | Passphrase) -> Sealed:
    """Write a sealed copy of a file, and return when its bytes are on the disk.

    Args:
        source: What to seal.
        target: A new file.
        to: Who may open it.

    Raises:
        CommandRefusedError: The passphrase is too short.
        OSError: It cannot be written, as on a full disk.
    """
    lock: bytes = b""
    refuse_weak(to)
    if isinstance(to, Passphrase):
        identity = x25519.Identity.generate()
        lock = bytes(passphrase.encrypt(f"{identity}\n".encode(), to.text, armored=True))
        recipients = [identity.to_public()]
    else:
        recipients = [x25519.Recipient.from_str(text) for text in to.recipients]
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with source.open("rb") as plain, os.fdopen(descriptor, "wb") as file:
        reader, writer = _Passing(plain), _Passing(file)
        writer.write(lock)
        try:
            pyrage.encrypt_io(reader, writer, recipients)
        except (pyrage.EncryptError, OSError) as error:
            raise _cause(reader, writer) or OSError(str(error)) from error
        file.flush()
        os.fsync(file.fileno())
    return writer.passed()


def sealed_for(path: Path) -> SealedFor | None:
    """Say who can open a file; None when it is not a sealed one.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        begin = file.read(len(_ARMORED))
    if begin == _ARMORED:
        return SealedFor.PASSPHRASE
    return SealedFor.KEYS if begin.startswith(_AGE) else None


def unseal(source: Path, target: Path, *, by: Identities | Passphrase) -> Sealed:
    """Write the contents of a sealed file into a new file; return what the sealed one is.

    Nothing of the new file may be used when this raises.

    Raises:
        CommandRefusedError: It cannot be opened so, or it was changed or cut off.
        OSError: It cannot be read, or the contents cannot be written.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with source.open("rb") as file, os.fdopen(descriptor, "wb") as plain:
        reader, writer = _Passing(file), _Passing(plain)
        identities = (
            [x25519.Identity.from_str(text) for text in by.secrets]
            if isinstance(by, Identities)
            else [_behind_passphrase(reader, by)]
        )
        try:
            pyrage.decrypt_io(reader, writer, identities)
        except (pyrage.DecryptError, OSError) as error:
            cause = _cause(reader, writer)
            if cause is not None:
                raise cause from error
            if "No matching keys" in str(error):
                raise CommandRefusedError(
                    "WRONG_KEY",
                    "The backup was made for other keys than the ones in the identity file. "
                    f"{_NOT_OPENED}",
                ) from error
            raise damaged() from error
        plain.flush()
        os.fsync(plain.fileno())
    return reader.passed()


def _behind_passphrase(reader: "_Passing", by: Passphrase) -> x25519.Identity:
    """Read the first part of a file that a passphrase opens; return the key of the second."""
    armor = b""
    while not armor.endswith(_ARMOR_ENDS):
        byte = reader.read(1)
        if not byte or len(armor) > _LONGEST_ARMOR:
            raise damaged()
        armor += byte
    try:
        secret = bytes(passphrase.decrypt(armor, by.text)).decode("ascii").strip()
        return x25519.Identity.from_str(secret)
    except pyrage.DecryptError as error:
        if "Decryption failed" in str(error):
            raise CommandRefusedError(
                "WRONG_PASSPHRASE", f"The passphrase does not open this backup. {_NOT_OPENED}"
            ) from error
        raise damaged() from error
    except (pyrage.IdentityError, OSError, UnicodeDecodeError) as error:
        raise damaged() from error


def damaged() -> CommandRefusedError:
    """Return the refusal of a file that is not whole."""
    return CommandRefusedError(
        "DAMAGED",
        f"The backup was cut off or changed after it was made. {_NOT_OPENED} Use another backup.",
    )


class _Passing:
    """A file that digests what passes, and keeps the error that the other side would rename."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = sha256()
        self._size = 0
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        return self._pass(lambda: self._file.read(size))

    def write(self, piece: bytes) -> int:
        def write() -> bytes:
            self._file.write(piece)
            return piece

        return len(self._pass(write))

    def flush(self) -> None:
        """Leave it to the end: the file is flushed and synchronised there."""

    def passed(self) -> Sealed:
        """Return what has passed."""
        return Sealed(size=self._size, sha256=self._digest.hexdigest())

    def _pass(self, do: Callable[[], bytes]) -> bytes:
        try:
            piece = do()
        except BaseException as error:
            self.error = error
            raise
        self._digest.update(piece)
        self._size += len(piece)
        return piece


def _cause(*files: _Passing) -> BaseException | None:
    """Return what really happened: a full disk, or somebody who stopped the command."""
    return next((each.error for each in files if each.error is not None), None)
