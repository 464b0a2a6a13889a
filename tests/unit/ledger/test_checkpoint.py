"""Checkpoints: the canonical form, signatures, the line of the file, and the published vectors."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trellis_core.errors import InvalidValueError
from trellis_core.ledger.checkpoint import (
    NO_CHECKPOINT,
    Checkpoint,
    CheckpointReason,
    canonical_checkpoint,
    checkpoint_line,
    follows,
    is_genuine,
    parse_checkpoint,
    parse_line,
    public_key_hex,
    sign_checkpoint,
)

KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
"""The first test key of RFC 8032, section 7.1: public, and so good for examples only."""

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PAPER = Path(__file__).parents[3] / "docs" / "decisions" / "0017-signed-checkpoints.md"

FIRST = Checkpoint(
    store_id="5d0e2f6a-0000-4000-8000-000000000001",
    practice_id="practice-1",
    number=1,
    ledger_seq=2,
    ledger_head="11" * 32,
    journal_seq=5,
    journal_head="22" * 32,
    made_at=1795352400,
    why=CheckpointReason.ASKED,
    previous_sha256=NO_CHECKPOINT,
    public_key=public_key_hex(KEY),
)
SIGNED = sign_checkpoint(FIRST, KEY)
SECOND = replace(
    FIRST,
    number=2,
    journal_seq=6,
    journal_head="33" * 32,
    made_at=1795438800,
    why=CheckpointReason.DAILY,
    previous_sha256=SIGNED.sha256,
)
NEXT = sign_checkpoint(SECOND, KEY)


def test_the_published_vectors_stand():
    """Paper and program agree to the byte; neither may change."""
    published = [
        line
        for line in PAPER.read_text(encoding="utf-8").splitlines()
        if line.startswith('{"body"')
    ]
    assert published == [checkpoint_line(SIGNED), checkpoint_line(NEXT)]
    digests = ["b0cf05a43055a79a5d53fd0f9ec19603e5d80674e6380aac72c38cb00f73e816"]
    digests.append("ed51bf8c09e1d4f1db9c1edb924cf5b53a97627559696dc97286401712c1b7b8")
    assert [SIGNED.sha256, NEXT.sha256] == digests
    assert all(digest in PAPER.read_text(encoding="utf-8") for digest in digests)
    assert SIGNED.code == "b0cf05a4"


@pytest.mark.parametrize("signed", [SIGNED, NEXT], ids=["first", "second"])
def test_what_was_written_is_read_back(signed):
    assert parse_checkpoint(signed.body) == signed.checkpoint
    assert parse_line(checkpoint_line(signed)) == signed
    assert is_genuine(signed)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": -1},
        {"ledger_seq": -1},
        {"journal_seq": -1},
        {"ledger_head": "11" * 31},
        {"ledger_head": "AA" * 32},
        {"journal_head": "zz" * 32},
        {"previous_sha256": ""},
        {"public_key": "11" * 32 + "\n"},
        {"practice_id": "a\x00b"},
        {"store_id": "\ud800"},
    ],
)
def test_a_value_that_is_none_is_not_written(changes):
    with pytest.raises(InvalidValueError):
        canonical_checkpoint(replace(FIRST, **changes))


def test_ends_of_empty_chains_are_zero():
    empty = replace(FIRST, ledger_seq=0, ledger_head="00" * 32)
    assert parse_checkpoint(canonical_checkpoint(empty)) == empty


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "7",
        "[" * 5_000,
        SIGNED.body[:-1],
        SIGNED.body + " ",
        " " + SIGNED.body,
        SIGNED.body.replace(",", ", ", 1),
        SIGNED.body.replace("[1,", "[2,", 1),
        SIGNED.body.replace("[1,", "[1.0,", 1),
        SIGNED.body.replace("[1,", "[true,", 1),
        SIGNED.body.replace('"practice-1",1,', '"practice-1",1.0,'),
        SIGNED.body.replace('"practice-1",1,', '"practice-1",true,'),
        SIGNED.body.replace('"practice-1",1,', '"practice-1","1",'),
        SIGNED.body.replace('"practice-1"', "null"),
        SIGNED.body.replace('"practice-1"', '"practice\\u002d1"'),
        SIGNED.body.replace('"practice-1"', '"e\\u0301"'),
        SIGNED.body.replace('"asked"', '"because"'),
        SIGNED.body.replace("11" * 32, "AA" * 32),
        SIGNED.body.replace("1795352400", "1" * 5_000),
        json.dumps([*json.loads(SIGNED.body), 0], separators=(",", ":")),
        "[1," + '"x",' * 5_000 + "1]",
    ],
)
def test_nothing_else_is_read(text):
    with pytest.raises(InvalidValueError):
        parse_checkpoint(text)


LINE = checkpoint_line(SIGNED)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        '"body"',
        "{}",
        LINE[:-1],
        LINE[: len(LINE) // 2],
        LINE + " ",
        LINE + LINE,
        LINE.replace('": "', '":"'),
        LINE.replace('"signature"', '"Signature"'),
        LINE[:-1] + ', "more": 1}',
        LINE[:-2] + '0"}',
        LINE[:-3] + '"}',
        LINE.replace(SIGNED.signature, SIGNED.signature.upper()),
        json.dumps({"body": 7, "signature": SIGNED.signature}),
        json.dumps({"body": SIGNED.body, "signature": None}),
        json.dumps({"signature": SIGNED.signature, "body": SIGNED.body}),
        json.dumps({"body": "é", "signature": SIGNED.signature}),
        "[" * 9_000,
        "x" * 20_000,
    ],
)
def test_no_other_line_is_read(line):
    with pytest.raises(InvalidValueError):
        parse_line(line)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 2},
        {"ledger_seq": 3},
        {"ledger_head": "12" * 32},
        {"journal_seq": 4},
        {"journal_head": "12" * 32},
        {"made_at": 1795352401},
        {"why": CheckpointReason.CLOSE},
        {"previous_sha256": "11" * 32},
        {"practice_id": "practice-2"},
        {"store_id": "other"},
        {"public_key": public_key_hex(OTHER_KEY)},
    ],
)
def test_a_signature_holds_for_its_own_words_only(changes):
    other = replace(FIRST, **changes)
    forged = replace(SIGNED, body=canonical_checkpoint(other), checkpoint=other)
    assert not is_genuine(forged)


def test_a_key_that_is_none_is_no_signer():
    nobody = replace(FIRST, public_key="02" + "00" * 31)
    assert not is_genuine(replace(SIGNED, body=canonical_checkpoint(nobody), checkpoint=nobody))


def test_a_key_signs_in_its_own_name_only():
    with pytest.raises(InvalidValueError, match="another key"):
        sign_checkpoint(FIRST, OTHER_KEY)


class Faulty:
    """A key in a machine that computes wrongly: it signs as another than it says it is."""

    public_key = KEY.public_key
    sign = OTHER_KEY.sign


def test_a_signature_that_came_out_wrong_is_never_handed_on():
    with pytest.raises(InvalidValueError, match="does not verify"):
        sign_checkpoint(FIRST, Faulty)


def test_each_follows_the_one_before():
    assert follows(SIGNED, None)
    assert follows(NEXT, SIGNED)
    assert not follows(NEXT, None)
    assert not follows(SIGNED, SIGNED)
    assert not follows(SIGNED, NEXT)


@pytest.mark.parametrize(
    ("changes", "does"),
    [
        ({}, True),
        ({"number": 3}, False),
        ({"previous_sha256": "44" * 32}, False),
        ({"store_id": "other"}, False),
        ({"practice_id": "practice-2"}, False),
        ({"ledger_seq": 1}, False),
        ({"ledger_seq": 2}, True),
        ({"journal_seq": 4}, False),
        ({"journal_seq": 5}, True),
        ({"made_at": 1}, True),
    ],
)
def test_a_checkpoint_that_goes_back_does_not_follow(changes, does):
    assert follows(sign_checkpoint(replace(SECOND, **changes), KEY), SIGNED) is does
