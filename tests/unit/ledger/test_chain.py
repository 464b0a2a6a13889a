"""The canonical form and the hash: published vectors never change."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from trellis_core.care.vocabulary import Activity, ContactState, EntryMode, Program
from trellis_core.errors import InvalidValueError
from trellis_core.ledger.chain import (
    BODY_FIELDS,
    GENESIS,
    EntryBody,
    EntryKind,
    canonical_body,
    entry_hash,
    note_hmac,
    parse_body,
    receipt_code,
    stored_text,
)

DECISION = Path(__file__).parents[3] / "docs" / "decisions" / "0002-append-only-ledger.md"

FIRST = EntryBody(
    practice_id="practice-1",
    seq=1,
    entry_id="3f2b1c8e-0000-4000-8000-000000000001",
    kind=EntryKind.TIME,
    program=Program.CCM,
    patient_id="pt-77",
    staff_id="staff-4",
    author_id="staff-4",
    started_at=1780281000,
    seconds=1200,
    service_day="2026-05-31",
    ym=202605,
    activity=Activity.PATIENT_CONTACT,
    mode=EntryMode.TIMED,
    condition=None,
    patients_sharing=1,
    billed_elsewhere=False,
    separate_from_visit=None,
    contact=ContactState.REACHED,
    is_estimated=False,
    reverses=None,
    replaces=None,
    parent=None,
    reason="",
    note_hmac=note_hmac(bytes(range(16)), "Jos\u00e9 called \u2014 caf\u00e9"),
    recorded_at=1780282300,
)
FIRST_BODY = (
    '[1,"practice-1",1,"3f2b1c8e-0000-4000-8000-000000000001","time","CCM","pt-77","staff-4",'
    '"staff-4",1780281000,1200,"2026-05-31",202605,"patient_contact","timed",null,1,0,null,'
    '"reached",0,null,null,null,"",'
    '"NOTE_HMAC",1780282300]'
)
SECOND_BODY = (
    '[1,"practice-1",2,"3f2b1c8e-0000-4000-8000-000000000002","reversal","CCM","pt-77","staff-4",'
    '"staff-1",1780281000,-1200,"2026-05-31",202605,"patient_contact","timed",null,1,0,null,'
    '"reached",0,"3f2b1c8e-0000-4000-8000-000000000001",null,null,'
    '"wrong patient: Zo\\u00eb",null,1780285900]'
)


def test_the_hash_rule_gives_the_two_published_vectors():
    first = entry_hash(
        GENESIS,
        '[1,1,"3f2b1c8e-0000-4000-8000-000000000001",77,4,"CCM","time",null,1780281000,1200,'
        '"2026-05-31",202605,"Jos\\u00e9 called \\u2014 caf\\u00e9",1780282300]',
    )
    assert first.hex() == "7abbf6e22ea0b42c1bc5f1b8b98f8d3aaaac72df8c3782d78b35327173e1bdb8"
    second = entry_hash(
        first,
        '[1,2,"3f2b1c8e-0000-4000-8000-000000000002",77,4,"CCM","reversal",'
        '"3f2b1c8e-0000-4000-8000-000000000001",1780281000,-1200,"2026-05-31",202605,'
        '"wrong patient",1780285900]',
    )
    assert second.hex() == "0a10c6a07d554aee36670228e07781475f817b0b5af97d2dcc79dbfc0f926b41"
    assert receipt_code(first) == "7abbf6e2"


def test_full_bodies_give_the_vectors_of_the_decision_record():
    body = canonical_body(FIRST)
    assert body == FIRST_BODY.replace(
        "NOTE_HMAC", "93e70c07ef92a91c4805cd33a7aef6f2bab5f1ffd8a950a45c99df4aaf7537cd"
    )
    first = entry_hash(GENESIS, body)
    assert first.hex() == "8ac6271ba1461a7309e985df778da1a829ca5aeb9c926bcddfc6c551052e201f"
    second_body = canonical_body(parse_body(SECOND_BODY))
    assert second_body == SECOND_BODY
    second = entry_hash(first, second_body)
    assert second.hex() == "a59995966c87ef9920b5ca98eedb3d4b506eb908c33fbcd45598d0a9a0643300"
    published = DECISION.read_text(encoding="utf-8").splitlines()
    assert [body, first.hex(), second_body, second.hex()] == [
        line for line in published if line.startswith(("[1,", "8ac6", "a599"))
    ]


def test_the_body_has_its_fields_in_the_published_order():
    assert len(json.loads(FIRST_BODY)) == len(BODY_FIELDS) == 27
    assert BODY_FIELDS[:4] == ("version", "practice_id", "seq", "entry_id")
    assert BODY_FIELDS[-3:] == ("reason", "note_hmac", "recorded_at")


def test_one_letter_written_in_two_ways_gives_one_body():
    composed = parse_body(SECOND_BODY)
    decomposed = parse_body(SECOND_BODY.replace("Zo\\u00eb", "Zo"))
    assert canonical_body(composed) != canonical_body(decomposed)
    assert canonical_body(replace(composed, reason="wrong patient: Zoe\u0308")) == SECOND_BODY


@pytest.mark.parametrize("reason", ["a\x00b", "\ud83d", "e\u0301\x00"])
def test_text_that_no_database_keeps_is_refused(reason):
    with pytest.raises(InvalidValueError):
        canonical_body(replace(FIRST, reason=reason))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "not json",
        SECOND_BODY[:-1],
        SECOND_BODY.replace(",", ", "),
        SECOND_BODY.replace("[1,", "[2,", 1),
        SECOND_BODY.replace('"CCM"', '"XYZ"'),
        SECOND_BODY.replace('"reversal"', "null"),
        SECOND_BODY.replace("\\u00eb", "\u00eb"),
        SECOND_BODY.replace("-1200", "-1200.0"),
        SECOND_BODY.replace("]", ",0]"),
    ],
)
def test_a_body_that_is_not_canonical_is_refused(text):
    with pytest.raises(InvalidValueError):
        parse_body(text)


def test_a_notes_digest_needs_its_salt():
    assert note_hmac(b"a" * 16, "Called") != note_hmac(b"b" * 16, "Called")
    assert note_hmac(b"a" * 16, "Called") != note_hmac(b"a" * 16, "Called.")


def test_a_note_is_stored_composed_and_nothing_in_it_can_be_cut() -> None:
    assert stored_text("Cafe\u0301, 10 min") == "Caf\u00e9, 10 min"
    for text in ("before\0after", "half \ud800 a pair"):
        with pytest.raises(InvalidValueError):
            stored_text(text)
