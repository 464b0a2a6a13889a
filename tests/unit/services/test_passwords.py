"""Passwords: how long, how hashed, how many at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import extract_parameters

from trellis_core.errors import CommandRefusedError
from trellis_core.services import passwords
from trellis_core.services.passwords import matches, password_hash

PASSWORD = "a long and private phrase"
pytestmark = pytest.mark.usefixtures("costly_passwords")


@pytest.mark.parametrize("characters", [0, 11])
def test_a_password_of_less_than_twelve_characters_is_refused(characters):
    with pytest.raises(CommandRefusedError, match="12 characters"):
        password_hash("x" * characters)


def test_twelve_characters_are_enough_and_only_they_match():
    stored = password_hash("x" * 12)
    assert matches(stored, "x" * 12)
    assert not matches(stored, "x" * 13)
    assert not matches(stored, "")


def test_the_same_password_is_stored_differently_each_time():
    assert password_hash(PASSWORD) != password_hash(PASSWORD)


def test_a_hash_takes_64_megabytes_and_three_rounds():
    cost = extract_parameters(password_hash(PASSWORD))
    assert (cost.memory_cost, cost.time_cost) == (65_536, 3)


def test_nobodys_hash_costs_what_everybodys_does_and_never_matches():
    assert extract_parameters(passwords._NOBODY) == extract_parameters(password_hash(PASSWORD))
    assert not matches(None, PASSWORD)
    assert not matches(None, "")


def test_a_letter_is_the_same_however_a_keyboard_puts_it_together():
    assert matches(
        password_hash("caf\N{LATIN SMALL LETTER E WITH ACUTE} au lait"), "cafe\u0301 au lait"
    )


@pytest.mark.parametrize(
    "typed", ["\x00" * 12, "\ud800" * 12, "\N{PILE OF POO}" * 12, "x" * 10_000]
)
def test_whatever_can_be_typed_can_be_checked(typed):
    assert matches(password_hash(typed), typed)
    assert not matches(None, typed)


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$m=65536,t=3,p=4$AAAA"])
def test_a_damaged_hash_matches_nothing(stored):
    assert not matches(stored, PASSWORD)


def test_two_are_computed_at_once_and_no_more(monkeypatch):
    """Each takes 64 MB: a crowd of strangers must not take the server's memory."""
    inside, most, lock, both = 0, 0, threading.Lock(), threading.Barrier(2)

    class Counting:
        def verify(self, stored, password):
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            both.wait(10)  # until two are inside
            with lock:
                inside -= 1
            return True

        def hash(self, password):
            self.verify("", password)
            return ""

    monkeypatch.setattr(passwords, "_hasher", Counting())
    with ThreadPoolExecutor(8) as pool:
        checks = [pool.submit(matches, "x", PASSWORD) for _ in range(4)]
        hashes = [pool.submit(password_hash, PASSWORD) for _ in range(4)]
        for each in (*checks, *hashes):
            each.result(20)
    assert most == 2
