"""The journal's canonical form."""

import json
from dataclasses import replace

import pytest

from tests.unit.ledger.test_chain import HASHES, published
from trellis_core.errors import InvalidValueError
from trellis_core.ledger.chain import GENESIS, note_hmac
from trellis_core.ledger.journal import (
    EVENT_FIELDS,
    EventBody,
    EventKind,
    canonical_event,
    details_text,
    event_hash,
    parse_event,
)

CONSENT = EventBody(
    practice_id="practice-1",
    seq=1,
    event_id="3f2b1c8e-0000-4000-8000-0000000000e1",
    kind=EventKind.RECORDED,
    subject_kind="consent",
    subject_id="consent-5",
    patient_id="pt-77",
    author_id="staff-4",
    system_user=None,
    details=None,
    text_hmac=note_hmac(bytes(range(16)), '{"obtained_on":"2026-05-04","program":"CCM"}'),
    ledger_seq=0,
    ledger_head=GENESIS.hex(),
    recorded_at=1780281000,
)
CLOSE = EventBody(
    practice_id="practice-1",
    seq=2,
    event_id="3f2b1c8e-0000-4000-8000-0000000000e2",
    kind=EventKind.MONTH_CLOSED,
    subject_kind="month",
    subject_id="2026-05",
    patient_id=None,
    author_id="staff-1",
    system_user="jos\u00e9",
    details=details_text({"period": 0, "ym": 202605}),
    text_hmac=None,
    ledger_seq=3,
    ledger_head=HASHES[2],
    recorded_at=1780372800,
)


def test_events_give_the_vectors_of_the_decision_record():
    lines, prev = [], GENESIS
    for body in (CONSENT, CLOSE):
        text = canonical_event(body)
        prev = event_hash(prev, text)
        lines += [text, prev.hex()]
        assert parse_event(text) == body
    assert lines[1::2] == [
        "e778b1c5e6521f09ab56ef3dd4b231a8156686829951e02363d88480ace6ad59",
        "8a77ce95143a20b419c962be1ab16292298291d6d6da210bd0e63190f37f7ef8",
    ]
    assert lines == published("trellis-event-v1")


def test_an_event_has_its_fields_in_the_published_order():
    assert len(json.loads(canonical_event(CLOSE))) == len(EVENT_FIELDS) == 15
    assert EVENT_FIELDS[:5] == ("version", "practice_id", "seq", "event_id", "kind")
    assert EVENT_FIELDS[-3:] == ("ledger_seq", "ledger_head", "recorded_at")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[1]",
        canonical_event(CLOSE) + " ",
        canonical_event(CLOSE).replace("[1,", "[2,"),
        canonical_event(CLOSE).replace('"month_closed"', '"month_opened"'),
        canonical_event(CLOSE).replace(",3,", ",3.0,"),
        canonical_event(CLOSE).replace("\\u00e9", "\u00e9"),
    ],
)
def test_what_would_not_be_written_so_is_refused(text: str):
    with pytest.raises(InvalidValueError):
        parse_event(text)


def test_one_letter_written_in_two_ways_gives_one_event():
    decomposed = replace(CLOSE, system_user="jose\u0301")
    assert canonical_event(decomposed) == canonical_event(CLOSE)


def test_details_are_compact_sorted_and_whole():
    assert details_text({"b": 1, "a": "x"}) == '{"a":"x","b":1}'
    with pytest.raises(InvalidValueError, match="whole"):
        details_text({"share": 0.5})
