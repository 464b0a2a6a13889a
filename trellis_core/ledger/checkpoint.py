"""Signed checkpoints: where both chains of a practice stood, in a form that leaves the machine.

``trellis-checkpoint-v1``: a JSON array in a fixed order, written as ledger entries are (see
``chain.py``). ``signature = Ed25519("trellis-checkpoint-v1" NUL body)``. Each checkpoint names the
SHA-256 of the one before, so that none can be left out in the middle. Published vectors are in
``docs/decisions/0017-signed-checkpoints.md`` and never change.

A checkpoint holds numbers, hashes and opaque ids: nothing about a person.
"""

import json
import re
from dataclasses import dataclass, fields
from enum import StrEnum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trellis_core.errors import InvalidValueError
from trellis_core.ledger.chain import ENCODER, checked_text

CHECKPOINT_VERSION: Final = 1
CHECKPOINT_DOMAIN: Final = b"trellis-checkpoint-v1\x00"
"""What is hashed and signed begins with this."""

NO_CHECKPOINT: Final = "0" * 64
"""What the first checkpoint of a practice names as the one before."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}", re.ASCII)
_LONGEST_LINE: Final = 10_000
_SHOWN_DIGITS: Final = 8


class CheckpointReason(StrEnum):
    """Why a checkpoint was made."""

    CLOSE = "close"
    DAILY = "daily"
    ASKED = "asked"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a checkpoint says. The order of the fields is the order of the canonical form.

    Attributes:
        number: Its place among the practice's checkpoints, from 1 without gaps.
        ledger_seq: Number of the last time entry; 0 for none.
        ledger_head: Its hash, hex; zeros for none.
        journal_seq: Number of the journal's last event; 0 for none.
        journal_head: Its hash, hex; zeros for none.
        made_at: Seconds since 1970-01-01T00:00Z, by the server's clock.
        previous_sha256: Digest of the checkpoint before; ``NO_CHECKPOINT`` for the first.
        public_key: The signer's Ed25519 key, hex.
    """

    store_id: str
    practice_id: str
    number: int
    ledger_seq: int
    ledger_head: str
    journal_seq: int
    journal_head: str
    made_at: int
    why: CheckpointReason
    previous_sha256: str
    public_key: str


CHECKPOINT_FIELDS: Final = ("version", *(field.name for field in fields(Checkpoint)))
"""The names of the canonical array's places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint with its signature. That it is genuine is for ``is_genuine`` to say.

    Attributes:
        body: The canonical text that was signed.
        signature: Ed25519, hex.
        checkpoint: What the body says.
    """

    body: str
    signature: str
    checkpoint: Checkpoint

    @property
    def sha256(self) -> str:
        """What the next checkpoint names: the digest of the body, hex."""
        return checkpoint_sha256(self.body)

    @property
    def code(self) -> str:
        """The first eight digits of the digest: what people read and compare."""
        return self.sha256[:_SHOWN_DIGITS]


def canonical_checkpoint(checkpoint: Checkpoint) -> str:
    """Write a checkpoint in the canonical form; equal checkpoints have equal bytes.

    Raises:
        InvalidValueError: A number, digest, key or text is not one.
    """
    numbers = (checkpoint.number - 1, checkpoint.ledger_seq, checkpoint.journal_seq)
    digests = (
        checkpoint.ledger_head,
        checkpoint.journal_head,
        checkpoint.previous_sha256,
        checkpoint.public_key,
    )
    if any(number < 0 for number in numbers):
        raise InvalidValueError(
            "A checkpoint's numbers count from 1, and its ends of chains from 0."
        )
    if not all(_DIGEST.fullmatch(each) for each in digests):
        raise InvalidValueError("A checkpoint's digests and key are 64 hexadecimal digits each.")
    return ENCODER.encode(
        (
            CHECKPOINT_VERSION,
            checked_text(checkpoint.store_id),
            checked_text(checkpoint.practice_id),
            int(checkpoint.number),
            int(checkpoint.ledger_seq),
            checkpoint.ledger_head,
            int(checkpoint.journal_seq),
            checkpoint.journal_head,
            int(checkpoint.made_at),
            checkpoint.why.value,
            checkpoint.previous_sha256,
            checkpoint.public_key,
        )
    )


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a canonical checkpoint back; refuse anything that would not be written the same way.

    Raises:
        InvalidValueError: Not a canonical checkpoint of this version.
    """
    if len(text) > _LONGEST_LINE:
        raise InvalidValueError("A checkpoint is far longer than one can be.")
    try:
        version, *values = json.loads(text)
        named = dict(zip(CHECKPOINT_FIELDS[1:], values, strict=True))
        checkpoint = Checkpoint(**named | {"why": CheckpointReason(named["why"])})
        is_canonical = version == CHECKPOINT_VERSION and canonical_checkpoint(checkpoint) == text
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InvalidValueError("A checkpoint cannot be read.") from error
    if not is_canonical:
        raise InvalidValueError("A checkpoint is not in the canonical form.")
    return checkpoint


def checkpoint_sha256(body: str) -> str:
    """Return the digest by which the next checkpoint names this one, hex.

    Args:
        body: The canonical body.
    """
    return sha256(CHECKPOINT_DOMAIN + body.encode("ascii")).hexdigest()


def public_key_hex(key: Ed25519PrivateKey) -> str:
    """Return the public half of a signing key: what an auditor notes down, 64 hex digits."""
    return key.public_key().public_bytes_raw().hex()


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> SignedCheckpoint:
    """Sign a checkpoint, and see that the signature holds.

    Raises:
        InvalidValueError: The checkpoint names another key, a value of it is not one, or the
            signature that was made does not verify.
    """
    if checkpoint.public_key != public_key_hex(key):
        raise InvalidValueError("The checkpoint names another key than the one that would sign it.")
    body = canonical_checkpoint(checkpoint)
    signature = key.sign(CHECKPOINT_DOMAIN + body.encode("ascii")).hex()
    signed = SignedCheckpoint(body=body, signature=signature, checkpoint=checkpoint)
    if not is_genuine(signed):
        raise InvalidValueError("The signature that was just made does not verify.")
    return signed


def signed_checkpoint(body: str, signature: str) -> SignedCheckpoint:
    """Return a checkpoint read from its two texts; the signature's form is checked, not its truth.

    Raises:
        InvalidValueError: The body is not canonical, or the signature is not 128 hex digits.
    """
    if not _SIGNATURE.fullmatch(signature):
        raise InvalidValueError("A checkpoint's signature is not 128 hexadecimal digits.")
    return SignedCheckpoint(body=body, signature=signature, checkpoint=parse_checkpoint(body))


def is_genuine(signed: SignedCheckpoint) -> bool:
    """Say whether the key that a checkpoint names did sign it.

    Whether that key is the practice's is another question: compare it with the one noted before.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.checkpoint.public_key))
        key.verify(bytes.fromhex(signed.signature), CHECKPOINT_DOMAIN + signed.body.encode("ascii"))
    except (InvalidSignature, ValueError):
        return False
    return True


def follows(signed: SignedCheckpoint, before: SignedCheckpoint | None) -> bool:
    """Say whether a checkpoint is the next of its practice after another, or the first.

    The next has the next number, names the digest of the one before, and neither chain has become
    shorter.
    """
    this = signed.checkpoint
    if before is None:
        return this.number == 1 and this.previous_sha256 == NO_CHECKPOINT
    last = before.checkpoint
    return (
        (this.store_id, this.practice_id) == (last.store_id, last.practice_id)
        and this.number == last.number + 1
        and this.previous_sha256 == before.sha256
        and this.ledger_seq >= last.ledger_seq
        and this.journal_seq >= last.journal_seq
    )


def checkpoint_line(signed: SignedCheckpoint) -> str:
    """Return the line of a checkpoint file, without its line end.

    Example:
        >>> parse_line('{"body": "[]", "signature": ""}')
        Traceback (most recent call last):
        trellis_core.errors.InvalidValueError: A checkpoint's signature is not 128 hexadecimal digits.
    """
    return json.dumps({"body": signed.body, "signature": signed.signature}, ensure_ascii=True)


def parse_line(line: str) -> SignedCheckpoint:
    """Read a line of a checkpoint file back; refuse anything that would be written otherwise.

    Args:
        line: Without its line end.

    Raises:
        InvalidValueError: Not a canonical line.
    """
    if len(line) > _LONGEST_LINE:
        raise InvalidValueError("The line is far longer than a checkpoint can be.")
    try:
        named = json.loads(line)
        body, signature = named["body"], named["signature"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidValueError("The line holds no checkpoint, or a part of one only.") from error
    if not (isinstance(body, str) and isinstance(signature, str)):
        raise InvalidValueError("The line's body and signature are not texts.")
    signed = signed_checkpoint(body, signature)
    if checkpoint_line(signed) != line:
        raise InvalidValueError("The line is not in the canonical form.")
    return signed
