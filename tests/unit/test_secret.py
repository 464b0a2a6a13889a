"""The server's secret: what is taken, what is refused, and that nothing shows it."""

import os
import secrets
from pathlib import Path

import pytest

from trellis_core.secret import SHORTEST_SECRET, SecretRefusedError, read_secret, seal
from trellis_core.settings import load_settings

GOOD = "7fQ2-xk9vLmR4tYw8ZbN1cJd6HgS3pEa"
OTHER = "qW5-eRt8yU2iOp1aSd4fGh7jKl0zXc9v"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in ("TRELLIS_SECRET", "TRELLIS_SECRET_FILE", "TRELLIS_SECRET_PREVIOUS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch) -> Path:
    path = tmp_path / "trellis.secret"
    path.write_text(f"{GOOD}\n")
    path.chmod(0o600)
    monkeypatch.setenv("TRELLIS_SECRET_FILE", str(path))
    return path


def read():
    return read_secret(load_settings())


def refused(monkeypatch, text: str) -> str:
    monkeypatch.setenv("TRELLIS_SECRET", text)
    with pytest.raises(SecretRefusedError) as caught:
        read()
    assert text not in str(caught.value)
    return str(caught.value)


def test_without_one_there_is_none():
    assert read() is None


def test_a_secret_of_thirty_two_bytes_is_enough_and_one_less_is_not(monkeypatch):
    assert len(GOOD) == SHORTEST_SECRET
    monkeypatch.setenv("TRELLIS_SECRET", GOOD)
    assert read().current == GOOD.encode()
    assert "has 31 bytes; 32 or more" in refused(monkeypatch, GOOD[:-1])


def test_bytes_count_not_letters(monkeypatch):
    text = "".join(chr(0x100 + index) for index in range(16))
    monkeypatch.setenv("TRELLIS_SECRET", text)
    assert len(read().current) == SHORTEST_SECRET


def test_what_openssl_makes_is_taken(monkeypatch):
    for _ in range(200):
        monkeypatch.setenv("TRELLIS_SECRET", secrets.token_hex(32))
        assert read() is not None


@pytest.mark.parametrize(
    "text",
    [
        "changeme" * 4,
        "ChangeMe-please-0123456789-secret!",
        "a" * 64,
        "ab" * 32,
        "abcdefg1" * 5,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "secretsecretpasswordsecretpasswordsecret",
    ],
)
def test_a_secret_that_can_be_guessed_is_refused(monkeypatch, text):
    assert "can be guessed" in refused(monkeypatch, text)


def test_a_file_of_its_owner_alone_is_read(file):
    assert read().current == GOOD.encode()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o644])
def test_a_file_that_others_may_open_is_refused(file, mode):
    file.chmod(mode)
    with pytest.raises(SecretRefusedError, match="chmod 600"):
        read()
    file.chmod(0o400)
    assert read() is not None


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away"
)
def test_a_file_of_somebody_else_is_refused(file):
    os.chown(file, 12345, -1)
    with pytest.raises(SecretRefusedError, match="another user"):
        read()


def test_a_folder_a_missing_file_and_three_lines_are_refused(file, monkeypatch, tmp_path):
    file.write_text(f"{GOOD}\n{OTHER}\n{GOOD}\n")
    with pytest.raises(SecretRefusedError, match="first line"):
        read()
    file.write_text("\n")
    with pytest.raises(SecretRefusedError, match="first line"):
        read()
    file.write_bytes(b"\xff\xfe" * 40)
    with pytest.raises(SecretRefusedError, match="not a line of text"):
        read()
    monkeypatch.setenv("TRELLIS_SECRET_FILE", str(tmp_path))
    with pytest.raises(SecretRefusedError):
        read()
    monkeypatch.setenv("TRELLIS_SECRET_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SecretRefusedError, match="cannot be read"):
        read()


def test_two_places_for_one_secret_are_refused(file, monkeypatch):
    monkeypatch.setenv("TRELLIS_SECRET", GOOD)
    with pytest.raises(SecretRefusedError, match="not both"):
        read()


def test_the_one_before_is_accepted_and_not_used(file, monkeypatch):
    file.write_text(f"{OTHER}\n{GOOD}\n")
    from_file = read()
    monkeypatch.delenv("TRELLIS_SECRET_FILE")
    monkeypatch.setenv("TRELLIS_SECRET", OTHER)
    monkeypatch.setenv("TRELLIS_SECRET_PREVIOUS", GOOD)
    assert read() == from_file
    monkeypatch.delenv("TRELLIS_SECRET_PREVIOUS")
    alone = read()
    assert from_file.key("a") == alone.key("a")
    assert from_file.accepted_keys("a")[0] == alone.key("a")
    assert len(from_file.accepted_keys("a")) == 2
    assert len(alone.accepted_keys("a")) == 1
    monkeypatch.setenv("TRELLIS_SECRET_PREVIOUS", "short")
    with pytest.raises(SecretRefusedError, match="TRELLIS_SECRET_PREVIOUS has 5 bytes"):
        read()


def test_each_purpose_has_a_key_of_its_own_and_nothing_shows_the_secret(monkeypatch):
    monkeypatch.setenv("TRELLIS_SECRET", GOOD)
    secret = read()
    assert secret.key("one") != secret.key("two")
    assert secret.cookie_secret == secret.key("streamlit cookies").hex()
    assert GOOD not in repr(secret) + str(secret) + repr(load_settings())


def test_a_seal_depends_on_text_and_key():
    assert seal("a", b"k") == seal("a", b"k")
    assert len({seal("a", b"k"), seal("b", b"k"), seal("a", b"l")}) == 3
    assert len(seal("a", b"k")) == 43
