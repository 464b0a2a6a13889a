"""The journal: everything but time that must be proved, in a second chain of the same kind.

Consents, enrollments, care plans, scales and every other record, people and their roles, sign-ins,
closes and reopenings of a month, withheld notes, exports. ``trellis-event-v1`` is written as
``trellis-entry-v1`` is (see ``chain.py``). What a record says after the change lies beside the
chain; the event holds its keyed digest. Each event also names the end of the time ledger as it
stood: whoever rewrites the ledger must rewrite the journal as well.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from trellis_core.errors import InvalidValueError
from trellis_core.ledger.chain import (
    ENCODER,
    chained_hash,
    checked_text,
    is_plain,
    optional_text,
    quoted,
    written,
)

EVENT_VERSION: Final = 1
EVENT_DOMAIN: Final = b"trellis-event-v1\x00"
"""What an event's hash begins with."""


class EventKind(StrEnum):
    """What happened."""

    RECORDED = "recorded"
    CHANGED = "changed"
    REMOVED = "removed"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    APPROVED = "approved"
    APPROVAL_ENDED = "approval_ended"
    MONTH_CLOSED = "month_closed"
    MONTH_REOPENED = "month_reopened"
    NOTE_WITHHELD = "note_withheld"
    KEY_NAMED = "key_named"
    EXPORTED = "exported"
    BACKED_UP = "backed_up"
    RESTORED = "restored"
    VIEWED = "viewed"
    SEARCHED = "searched"
    DOWNLOADED = "downloaded"
    PRINTED = "printed"
    DENIED = "denied"
    COMMAND_RUN = "command_run"
    SIGN_IN_LOCKED = "sign_in_locked"
    SECOND_FACTOR_SET = "second_factor_set"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    INVITED = "invited"
    SIGN_INS_ENDED = "sign_ins_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBody:
    """Everything an event says. The order of the fields is the order of the canonical form.

    Attributes:
        seq: Its place in the practice's journal, from 1 without gaps.
        subject_kind: What it is about: a record's table, or ``month``, ``session``, ``entry``,
            ``key``, ``file``.
        subject_id: Which one.
        patient_id: Whom it concerns; None for nobody.
        author_id: Who did it; None for the system itself.
        system_user: The operating system's user, where a command was run by hand.
        details: A compact JSON object with sorted keys and nothing about a person; None for none.
        text_hmac: HMAC-SHA256 of the text kept apart, hex.
        ledger_seq: Number of the practice's last time entry then; 0 for none.
        ledger_head: Its hash, hex.
        recorded_at: Seconds since 1970-01-01T00:00Z, by the server's clock.
    """

    practice_id: str
    seq: int
    event_id: str
    kind: EventKind
    subject_kind: str
    subject_id: str
    patient_id: str | None
    author_id: str | None
    system_user: str | None
    details: str | None
    text_hmac: str | None
    ledger_seq: int
    ledger_head: str
    recorded_at: int


EVENT_FIELDS: Final = ("version", *(field.name for field in fields(EventBody)))
"""The names of the canonical array's places."""


def canonical_event(body: EventBody) -> str:
    """Write an event in the canonical form; equal events have equal bytes.

    Raises:
        InvalidValueError: A text holds a NUL character or an unpaired surrogate.
    """
    text = _FORM % (
        quoted(body.practice_id),
        body.seq,
        quoted(body.event_id),
        quoted(body.kind),
        quoted(body.subject_kind),
        quoted(body.subject_id),
        written(body.patient_id),
        written(body.author_id),
        written(body.system_user),
        written(body.details),
        written(body.text_hmac),
        body.ledger_seq,
        quoted(body.ledger_head),
        body.recorded_at,
    )
    return text if is_plain(text) else _canonical_of_any_text(body)


_FORM: Final = f"[{EVENT_VERSION},%s,%d,%s,%s,%s,%s,%s,%s,%s,%s,%s,%d,%s,%d]"


def _canonical_of_any_text(body: EventBody) -> str:
    """Write an event in the canonical form, whatever its texts hold."""
    return ENCODER.encode(
        (
            EVENT_VERSION,
            checked_text(body.practice_id),
            int(body.seq),
            checked_text(body.event_id),
            body.kind.value,
            checked_text(body.subject_kind),
            checked_text(body.subject_id),
            optional_text(body.patient_id),
            optional_text(body.author_id),
            optional_text(body.system_user),
            optional_text(body.details),
            body.text_hmac,
            int(body.ledger_seq),
            body.ledger_head,
            int(body.recorded_at),
        )
    )


def parse_event(text: str) -> EventBody:
    """Read a canonical event back; refuse anything that would not be written the same way.

    Raises:
        InvalidValueError: Not a canonical event of this version.
    """
    try:
        version, *values = json.loads(text)
        named = dict(zip(EVENT_FIELDS[1:], values, strict=True))
        body = EventBody(**named | {"kind": EventKind(named["kind"])})
        is_canonical = version == EVENT_VERSION and canonical_event(body) == text
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidValueError("An event's body cannot be read.") from error
    if not is_canonical:
        raise InvalidValueError("An event's body is not in the canonical form.")
    return body


def event_hash(prev: bytes, body: str) -> bytes:
    """Return the hash of an event that follows another.

    Args:
        prev: The hash before; ``GENESIS`` for the first.
        body: The canonical body.
    """
    return chained_hash(EVENT_DOMAIN, prev, body)


def details_text(details: Mapping[str, object]) -> str:
    """Write details as an event holds them: compact JSON with sorted keys, whole numbers only.

    Raises:
        InvalidValueError: A number is not whole.

    Example:
        >>> details_text({"ym": 202611, "period": 0})
        '{"period":0,"ym":202611}'
    """
    if any(isinstance(value, float) for value in details.values()):
        raise InvalidValueError("An event's details hold whole numbers and texts only.")
    return json.dumps(details, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
