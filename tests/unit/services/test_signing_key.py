"""The signing key's file: made once, for its owner alone, never overwritten, nothing else accepted."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from trellis_core.errors import SigningKeyError
from trellis_core.ledger.checkpoint import public_key_hex
from trellis_core.services.signing_key import signing_key, signing_key_path
from trellis_core.settings import Settings, load_settings


def pem(key: object, encryption: object = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def private_file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_it_is_made_at_first_need_and_then_kept(tmp_path):
    path = tmp_path / "new" / "folder" / "key.pem"
    first = signing_key(path)
    content = path.read_bytes()
    assert public_key_hex(signing_key(path)) == public_key_hex(first)
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["key.pem"]


def test_several_that_make_it_at_once_have_the_same(tmp_path):
    path = tmp_path / "key.pem"
    with ThreadPoolExecutor(max_workers=8) as pool:
        keys = {public_key_hex(key) for key in pool.map(signing_key, [path] * 32)}
    assert len(keys) == 1
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["key.pem"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o602, 0o644, 0o700 | 0o001])
def test_a_key_that_others_may_touch_is_refused(tmp_path, mode):
    path = private_file(tmp_path / "key.pem", pem(Ed25519PrivateKey.generate()))
    path.chmod(mode)
    with pytest.raises(SigningKeyError, match=r"other users.*chmod 600"):
        signing_key(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_key_that_only_its_owner_may_touch_is_taken(tmp_path, mode):
    key = Ed25519PrivateKey.generate()
    path = private_file(tmp_path / "key.pem", pem(key))
    path.chmod(mode)
    assert public_key_hex(signing_key(path)) == public_key_hex(key)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(ed448.Ed448PrivateKey.generate()),
        pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret")),
        Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["empty", "text", "broken", "other curve", "ed448", "with password", "public half"],
)
def test_what_is_no_such_key_is_refused_and_left_as_it_is(tmp_path, content):
    path = private_file(tmp_path / "key.pem", content)
    with pytest.raises(SigningKeyError, match=r"key\.pem"):
        signing_key(path)
    assert path.read_bytes() == content


def test_a_folder_or_a_pipe_is_no_key(tmp_path):
    with pytest.raises(SigningKeyError, match="plain file"):
        signing_key(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(SigningKeyError, match="plain file"):
        signing_key(pipe)


def test_a_place_where_none_can_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SigningKeyError, match=r"file/key\.pem"):
        signing_key(tmp_path / "file" / "key.pem")


def test_the_environment_says_where_it_is(tmp_path, monkeypatch, data_folder):
    assert signing_key_path(load_settings()) == data_folder / "signing-key.pem"
    monkeypatch.setenv("TRELLIS_SIGNING_KEY", str(tmp_path / "elsewhere.pem"))
    assert signing_key_path(load_settings()) == tmp_path / "elsewhere.pem"
    monkeypatch.setenv("TRELLIS_SIGNING_KEY", "")
    assert signing_key_path(load_settings()) == data_folder / "signing-key.pem"
    assert signing_key_path(Settings(signing_key=Path("~/k"))) == Path.home() / "k"
