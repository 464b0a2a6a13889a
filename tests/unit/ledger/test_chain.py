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

DECISION = Path(__file__).parents[3] / "docs" / "decisions" / "0016-the-ledgers-final-form.md"

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
    note_hmac=note_hmac(bytes(range(16)), "Jos\u00e9 called \u2014 caf\u00e9"),
    recorded_at=1780282300,
)
SECOND = replace(
    FIRST,
    seq=2,
    entry_id="3f2b1c8e-0000-4000-8000-000000000002",
    kind=EntryKind.REVERSAL,
    author_id="staff-1",
    seconds=-1200,
    reverses=FIRST.entry_id,
    note_hmac=note_hmac(bytes(range(16, 32)), "wrong patient: Zo\u00eb"),
    recorded_at=1780285900,
)
THIRD = replace(
    FIRST,
    seq=3,
    entry_id="3f2b1c8e-0000-4000-8000-000000000003",
    patient_id="pt-78",
    author_id="staff-1",
    mode=EntryMode.TYPED,
    condition="c-9",
    patients_sharing=2,
    billed_elsewhere=True,
    separate_from_visit=False,
    contact=None,
    is_estimated=True,
    replaces=FIRST.entry_id,
    parent="3f2b1c8e-0000-4000-8000-000000000003",
    note_hmac=None,
    recorded_at=1780285900,
)
HASHES = (
    "b103329c9d6aa740f457f891b5794de8dee8184c55b0560f476a36d2bb906164",
    "5dde02529cf75fa643e69fe62f55335d5acedfa390a443942448ea24326bb3c4",
    "3e5f5969b8efa967f757d530d92d18b637b9efc907fad58063b1a08d8fc3b4fc",
)
FIRST_BODY = canonical_body(FIRST)
SECOND_BODY = canonical_body(SECOND)


def published(name: str) -> list[str]:
    """Return the lines of a block of vectors in the decision record."""
    _, block = DECISION.read_text(encoding="utf-8").split(f"```{name}\n", 1)
    return block.split("```", 1)[0].splitlines()


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
    lines, prev = [], GENESIS
    for body in (FIRST, SECOND, THIRD):
        text = canonical_body(body)
        prev = entry_hash(prev, text)
        lines += [text, prev.hex()]
        assert parse_body(text) == body
    assert tuple(lines[1::2]) == HASHES
    assert lines == published("trellis-entry-v1")


def test_the_body_has_its_fields_in_the_published_order():
    assert len(json.loads(FIRST_BODY)) == len(BODY_FIELDS) == 26
    assert BODY_FIELDS[:4] == ("version", "practice_id", "seq", "entry_id")
    assert BODY_FIELDS[-3:] == ("parent", "note_hmac", "recorded_at")


def test_one_letter_written_in_two_ways_gives_one_body():
    composed, decomposed = (
        replace(SECOND, condition="Zo\u00eb"),
        replace(SECOND, condition="Zoe\u0308"),
    )
    assert canonical_body(composed) == canonical_body(decomposed)
    assert canonical_body(composed) != canonical_body(replace(SECOND, condition="Zoe"))


@pytest.mark.parametrize("condition", ["a\x00b", "\ud83d", "e\u0301\x00"])
def test_text_that_no_database_keeps_is_refused(condition):
    with pytest.raises(InvalidValueError):
        canonical_body(replace(FIRST, condition=condition))


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
        canonical_body(replace(SECOND, condition="Zo\u00eb")).replace("\\u00eb", "\u00eb"),
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
