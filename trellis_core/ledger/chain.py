"""The canonical form of a ledger entry, and the hash that chains it to the one before.

``trellis-entry-v1``: a JSON array in a fixed order, separators ``,`` and ``:``, ASCII escapes,
integers only, text in Unicode's NFC form. ``hash = SHA-256("trellis-entry-v1" NUL prev body)``; the
first ``prev`` is 32 zero bytes. The bytes that are hashed are the bytes that are stored. Published
vectors are in ``docs/decisions/0016-the-ledgers-final-form.md`` and never change.

What a person typed is never in the body, only its keyed digest: the words lie beside the chain and
can be withheld without breaking it. The note of a reversal is its reason.
"""

import hmac
import json
from dataclasses import dataclass, fields
from enum import StrEnum
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Final
from unicodedata import normalize

from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import InvalidValueError

GENESIS: Final = bytes(32)
"""The hash that the first entry of every practice follows."""

BODY_VERSION: Final = 1
ENTRY_DOMAIN: Final = b"trellis-entry-v1\x00"
"""What an entry's hash begins with."""
ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)
"""Writes a canonical array."""
quoted: Final = encode_basestring_ascii
"""Writes a text as that does."""

_RECEIPT_DIGITS: Final = 8


class EntryKind(StrEnum):
    """What an entry does to the total: adds time, or takes an earlier entry's time back."""

    TIME = "time"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBody:
    """Everything an entry says. The order of the fields is the order of the canonical form.

    Attributes:
        seq: Its place in the practice's ledger, from 1 without gaps.
        kind: Adds time, or takes it back.
        started_at: Seconds since 1970-01-01T00:00Z.
        seconds: 1 to 86,400; negative in a reversal.
        service_day: ``YYYY-MM-DD`` in the practice's zone, as it stood when recorded.
        ym: The service month, for example 202611.
        reverses: The entry whose time this one takes back.
        replaces: The entry that this one corrects.
        parent: The form's id, where month's end divided one piece of work in two.
        note_hmac: HMAC-SHA256 of the note, hex; the note itself is kept apart. A reversal's note
            says why.
        recorded_at: Seconds since 1970-01-01T00:00Z, by the server's clock.
    """

    practice_id: str
    seq: int
    entry_id: str
    kind: EntryKind
    program: Program
    patient_id: str
    staff_id: str | None
    author_id: str | None
    started_at: int
    seconds: int
    service_day: str
    ym: int
    activity: Activity
    mode: EntryMode
    condition: str | None
    patients_sharing: int
    billed_elsewhere: bool
    separate_from_visit: bool | None
    contact: ContactState | None
    is_estimated: bool
    reverses: str | None
    replaces: str | None
    parent: str | None
    note_hmac: str | None
    recorded_at: int


BODY_FIELDS: Final = ("version", *(field.name for field in fields(EntryBody)))
"""The names of the canonical array's places."""


def checked_text(value: str) -> str:
    """Return a text in NFC; refuse what no database keeps faithfully.

    Raises:
        InvalidValueError: It holds a NUL character or an unpaired surrogate.
    """
    if value.isascii():
        if "\x00" in value:
            raise InvalidValueError("A text holds a NUL character. Remove it.")
        return str(value)
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise InvalidValueError("A text holds a NUL or half a character. Type it again.")
    return normalize("NFC", value)


def optional_text(value: str | None) -> str | None:
    """Return a text in NFC; None stays None."""
    return None if value is None else checked_text(value)


def written(value: str | None) -> str:
    """Return a text, or none, as a canonical array holds it; plain ASCII only (see ``is_plain``)."""
    return _NULL if value is None else quoted(value)


def is_plain(array: str) -> bool:
    """Say whether every text of a canonical array was plain ASCII, the same in every form of Unicode.

    Anything else is written with an escape of four hex digits; so is what has to be refused.
    """
    return _HEX_ESCAPE not in array


def canonical_body(body: EntryBody) -> str:
    """Write an entry in the canonical form; equal entries have equal bytes.

    Raises:
        InvalidValueError: A text holds a NUL character or an unpaired surrogate.
    """
    return canonical_in_place(body, seq=body.seq, note_hmac=body.note_hmac)


def canonical_in_place(body: EntryBody, *, seq: int, note_hmac: str | None) -> str:
    """Write an entry in the canonical form, in its place and with its note's digest.

    Args:
        body: The entry; its own place and digest do not matter.
        seq: Its place in the ledger.
        note_hmac: The digest of its note; None for no note.

    Raises:
        InvalidValueError: A text holds a NUL character or an unpaired surrogate.
    """
    separate = body.separate_from_visit
    text = _FORM % (
        quoted(body.practice_id),
        seq,
        quoted(body.entry_id),
        quoted(body.kind),
        quoted(body.program),
        quoted(body.patient_id),
        written(body.staff_id),
        written(body.author_id),
        body.started_at,
        body.seconds,
        quoted(body.service_day),
        body.ym,
        quoted(body.activity),
        quoted(body.mode),
        written(body.condition),
        body.patients_sharing,
        body.billed_elsewhere,
        _NULL if separate is None else _DIGIT[separate],
        written(body.contact),
        body.is_estimated,
        written(body.reverses),
        written(body.replaces),
        written(body.parent),
        written(note_hmac),
        body.recorded_at,
    )
    return text if is_plain(text) else _canonical_of_any_text(body, seq, note_hmac)


_NULL: Final = "null"
_HEX_ESCAPE: Final = "\\u"
_DIGIT: Final = ("0", "1")
_FORM: Final = (
    f"[{BODY_VERSION},%s,%d,%s,%s,%s,%s,%s,%s,%d,%d,%s,%d,%s,%s,%s,%d,%d,%s,%s,%d,%s,%s,%s,%s,%d]"
)


def _canonical_of_any_text(body: EntryBody, seq: int, note_hmac: str | None) -> str:
    """Write an entry in the canonical form, whatever its texts hold."""
    return ENCODER.encode(
        (
            BODY_VERSION,
            checked_text(body.practice_id),
            int(seq),
            checked_text(body.entry_id),
            body.kind.value,
            body.program.value,
            checked_text(body.patient_id),
            optional_text(body.staff_id),
            optional_text(body.author_id),
            int(body.started_at),
            int(body.seconds),
            body.service_day,
            int(body.ym),
            body.activity.value,
            body.mode.value,
            optional_text(body.condition),
            int(body.patients_sharing),
            int(body.billed_elsewhere),
            None if body.separate_from_visit is None else int(body.separate_from_visit),
            None if body.contact is None else body.contact.value,
            int(body.is_estimated),
            optional_text(body.reverses),
            optional_text(body.replaces),
            optional_text(body.parent),
            note_hmac,
            int(body.recorded_at),
        )
    )


def parse_body(text: str) -> EntryBody:
    """Read a canonical body back; refuse anything that would not be written the same way.

    Raises:
        InvalidValueError: Not a canonical body of this version.
    """
    try:
        version, *values = json.loads(text)
        named = dict(zip(BODY_FIELDS[1:], values, strict=True))
        separate, contact = named["separate_from_visit"], named["contact"]
        body = EntryBody(
            **named
            | {
                "kind": EntryKind(named["kind"]),
                "program": Program(named["program"]),
                "activity": Activity(named["activity"]),
                "mode": EntryMode(named["mode"]),
                "billed_elsewhere": bool(named["billed_elsewhere"]),
                "separate_from_visit": None if separate is None else bool(separate),
                "contact": None if contact is None else ContactState(contact),
                "is_estimated": bool(named["is_estimated"]),
            }
        )
        is_canonical = version == BODY_VERSION and canonical_body(body) == text
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidValueError("A ledger entry's body cannot be read.") from error
    if not is_canonical:
        raise InvalidValueError("A ledger entry's body is not in the canonical form.")
    return body


def chained_hash(domain: bytes, prev: bytes, body: str) -> bytes:
    """Return the hash of a link that follows another one, in the ledger or in the journal.

    Args:
        domain: Which of the two, and its version.
        prev: The hash before; ``GENESIS`` for the first.
        body: The canonical body.
    """
    return sha256(domain + prev + body.encode("ascii")).digest()


def entry_hash(prev: bytes, body: str) -> bytes:
    """Return the hash of an entry that follows another.

    Args:
        prev: The hash before; ``GENESIS`` for the first.
        body: The canonical body.

    Example:
        >>> entry_hash(GENESIS, "[1]").hex()[:8]
        'd2fe9aed'
    """
    return chained_hash(ENTRY_DOMAIN, prev, body)


def receipt_code(digest: bytes) -> str:
    """Return the first eight hex digits of an entry's hash: what the person notes down."""
    return digest.hex()[:_RECEIPT_DIGITS]


def note_hmac(salt: bytes, note: str) -> str:
    """Return what the body says of a note: its keyed digest, which reveals nothing without the salt.

    Args:
        salt: The random bytes kept beside the note.
        note: The note as stored, in NFC.
    """
    return hmac.digest(salt, note.encode(), "sha256").hex()


def stored_text(text: str) -> str:
    """Return a note as it is stored: NFC, and nothing that a database would cut.

    Raises:
        InvalidValueError: It holds a NUL character or an unpaired surrogate.
    """
    return checked_text(text)
