"""The verifier's own Ed25519: the standard's vectors, broken signatures, and agreement with another."""

import json
import random
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trellis_core.standalone.verify_ledger import (
    BASE,
    L,
    P,
    bytes_of,
    double,
    ed25519_holds,
    point_of,
)

FILE = Path(__file__).parents[2] / "data" / "ed25519_rfc8032.json"
VECTORS = [
    pytest.param(
        *(bytes.fromhex(each[name]) for name in ("public", "message", "signature")), id=each["name"]
    )
    for each in json.loads(FILE.read_text(encoding="utf-8"))["vectors"]
]


def other_says(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_standards_vectors_hold(key, message, signature):
    assert ed25519_holds(key, message, signature)
    assert other_says(key, message, signature)


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_no_vector_holds_with_a_bit_changed(key, message, signature):
    chance = random.Random(8032)  # noqa: S311 - repeatable, nothing secret
    for bit in chance.sample(range(512), 24):
        assert not ed25519_holds(key, message, flipped(signature, bit)), bit
    for bit in chance.sample(range(256), 12):
        assert not ed25519_holds(flipped(key, bit), message, signature), bit
    assert not ed25519_holds(key, message + b"\x00", signature)
    if message:
        assert not ed25519_holds(key, flipped(message, 0), signature)


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_second_number_must_lie_below_the_order(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    again = signature[:32] + (s + L).to_bytes(32, "little")
    assert not ed25519_holds(key, message, again)
    assert not other_says(key, message, again)


def test_a_point_has_one_spelling():
    assert point_of((1).to_bytes(32, "little")) == (0, 1, 1, 0)
    assert point_of((P + 1).to_bytes(32, "little")) is None
    assert point_of((1 | 1 << 255).to_bytes(32, "little")) is None  # x = 0 has no negative
    assert point_of((P - 1).to_bytes(32, "little")) is not None
    assert point_of((2).to_bytes(32, "little")) is None  # no x for this y
    assert point_of(P.to_bytes(32, "little")) is None


def test_a_key_that_is_written_otherwise_is_refused():
    """With the neutral point as key, R = S·B holds for every message: only its spelling differs."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signature = bytes_of(double(BASE)) + (2).to_bytes(32, "little")
    assert ed25519_holds((1).to_bytes(32, "little"), b"x", signature)
    assert not ed25519_holds((P + 1).to_bytes(32, "little"), b"x", signature)
    assert not ed25519_holds(key.public_key().public_bytes_raw(), b"x", signature)


@pytest.mark.parametrize(
    ("key", "signature"),
    [(b"", bytes(64)), (bytes(31), bytes(64)), (bytes(33), bytes(64)), (bytes(32), bytes(63))],
)
def test_wrong_lengths_are_refused(key, signature):
    assert not ed25519_holds(key, b"", signature)


def test_it_agrees_with_another_program_on_signatures_good_and_broken():
    chance = random.Random(20261122)  # noqa: S311 - repeatable, nothing secret
    answers = []
    for number in range(200):
        private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        key = private.public_key().public_bytes_raw()
        message = chance.randbytes(chance.randrange(0, 300))
        signature = private.sign(message)
        match number % 5:
            case 1:
                signature = flipped(signature, chance.randrange(512))
            case 2:
                key = flipped(key, chance.randrange(256))
            case 3:
                message += b"!"
            case 4:
                signature = chance.randbytes(64)
        ours = ed25519_holds(key, message, signature)
        assert ours == other_says(key, message, signature), number
        answers.append(ours)
    assert answers.count(True) == 40
