"""The private key that signs checkpoints: a file of its own, made at first need, never in the store.

Whoever has the file can sign. It is readable by its owner alone, is never overwritten, and is
backed up apart from the store; without it nothing is lost but the right to sign in its name.
"""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from trellis_core.errors import SigningKeyError
from trellis_core.settings import Settings

FILE_NAME: Final = "signing-key.pem"
"""Name of the key's file in the data folder."""

_LONGEST_FILE: Final = 10_000
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def signing_key_path(settings: Settings) -> Path:
    """Return where the signing key is, or will be.

    Example:
        >>> signing_key_path(Settings(data_folder=Path("/srv/trellis")))
        PosixPath('/srv/trellis/signing-key.pem')
    """
    named = settings.signing_key or settings.data_folder / FILE_NAME
    return named.expanduser().absolute()


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file; make the file where there is none.

    Several programs that make it at once get the same key.

    Raises:
        SigningKeyError: The file cannot be read or made, others may read it, or it holds something
            else than an Ed25519 key.
    """
    try:
        return _loaded(path)
    except FileNotFoundError:
        _make(path)
    try:
        return _loaded(path)
    except FileNotFoundError as error:
        raise SigningKeyError(
            f"The signing key '{path}' was removed while it was made. Try again."
        ) from error


def _loaded(path: Path) -> Ed25519PrivateKey:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            mode = os.fstat(handle).st_mode
            content = os.read(handle, _LONGEST_FILE) if stat.S_ISREG(mode) else b""
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SigningKeyError(
            f"The signing key '{path}' cannot be read ({error.strerror}). Nothing was signed. "
            "Check the file's owner, or name another with TRELLIS_SIGNING_KEY."
        ) from error
    if not stat.S_ISREG(mode):
        raise SigningKeyError(
            f"The signing key '{path}' is not a plain file. Name another with TRELLIS_SIGNING_KEY."
        )
    if os.name == "posix" and mode & _OTHERS:
        raise SigningKeyError(
            f"The signing key '{path}' can be read or changed by other users of this machine, who "
            f"could sign with it. Nothing was signed. Run: chmod 600 '{path}'"
        )
    return _parsed(content, path)


def _parsed(content: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(
            f"'{path}' holds no private key that can be read without a password. Nothing was "
            "signed. Restore the file from its backup, or name another with TRELLIS_SIGNING_KEY."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(
            f"'{path}' holds a key of another kind; checkpoints are signed with Ed25519. Nothing "
            "was signed. Name another file with TRELLIS_SIGNING_KEY, or a new one to be made."
        )
    return key


def _make(path: Path) -> None:
    """Write a new key whole under its name, unless another program did so first."""
    content = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(8).hex()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with os.fdopen(
                os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
            ) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(draft)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        return
    except OSError as error:
        raise SigningKeyError(
            f"The signing key '{path}' cannot be made ({error.strerror}). Nothing was signed. "
            "Check the folder's permissions, or name another file with TRELLIS_SIGNING_KEY."
        ) from error
