"""``trellis init``: a practice from a file of answers."""

import io
import json
import os
import select
import sys
from pathlib import Path

import pytest

from tests.support.commands import TRELLIS
from trellis_core.access import AccessRole
from trellis_core.cli import main
from trellis_core.services.practice import has_practice, staff, the_practice
from trellis_core.services.sign_in import sign_in
from trellis_core.store.engine import open_store
from trellis_core.values.clock import SystemClock

PASSWORD = "a long and private phrase"
ANSWERS = {
    "practice": {
        "name": "Fernbank Practice",
        "npi": "1000001002",
        "state": "NY",
        "locality": "01",
        "time_zone": "America/New_York",
    },
    "owner": {
        "given_name": "Wren",
        "family_name": "Hollyhock",
        "credential": "MD",
        "npi": "1234567893",
        "sign_in_name": "wren",
        "password": PASSWORD,
    },
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'practice.db'}"


def init(tmp_path: Path, url: str, answers: object, *more: str) -> int:
    file = tmp_path / "answers.json"
    file.write_text(answers if isinstance(answers, str) else json.dumps(answers))
    return main(["init", "--answers", str(file), "--store", url, *more])


def test_a_practice_is_set_up_whose_owner_can_sign_in(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, url, ANSWERS, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    store = open_store(url)
    _, actor = sign_in("wren", PASSWORD, store=store, clock=SystemClock())
    assert (actor.practice_id, actor.person_id) == (told["practice"], told["owner"])
    assert actor.role is AccessRole.OWNER
    assert actor.is_billing_practitioner
    practice = the_practice(store=store, actor=actor)
    assert (practice.state, practice.locality, practice.is_sample) == ("NY", "01", False)
    assert [member.signature for member in staff(store=store, actor=actor)] == [
        "Wren Hollyhock, MD"
    ]
    store.close()
    assert init(tmp_path, url, ANSWERS) == 2
    assert "sign-in name is taken" in capsys.readouterr().err


def changed(where: str, **facts: object) -> dict[str, object]:
    return ANSWERS | {where: ANSWERS[where] | facts}


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ("{", "NOT_JSON"),
        ({}, "MISSING_KEY at practice"),
        (ANSWERS | {"colour": 1}, "UNKNOWN_KEY at colour"),
        (changed("owner", colour="blue"), "UNKNOWN_KEY at owner.colour"),
        (changed("owner", password=""), "MISSING_KEY at owner.password"),
        (changed("owner", password="short"), "12 characters"),
        (changed("owner", credential="Doctor"), "UNKNOWN_VALUE at owner.credential"),
        (changed("owner", given_name=7), "WRONG_TYPE at owner.given_name"),
        (changed("owner", npi="1234567890"), "check digit"),
        (changed("practice", name=""), "MISSING_KEY at name"),
        (changed("practice", time_zone="Mars/Olympus"), "not a time zone"),
        (changed("practice", locality=None), "Give state and locality"),
        (changed("practice", locality="77"), "No Medicare locality NY 77"),
    ],
)
def test_answers_that_cannot_be_are_refused_and_nothing_is_set_up(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    answers: object,
    told: str,
) -> None:
    assert init(tmp_path, url, answers) == 2
    error = capsys.readouterr().err
    assert told in error
    assert PASSWORD not in error
    store = open_store(url)
    assert not has_practice(store=store)
    store.close()


@pytest.mark.parametrize(
    ("credential", "role"),
    [("NP", "billing_practitioner"), ("RN", "clinical_staff"), ("", "non_clinical")],
)
def test_the_owners_role_follows_the_credential(
    tmp_path: Path, url: str, credential: str, role: str
) -> None:
    assert init(tmp_path, url, changed("owner", credential=credential)) == 0
    store = open_store(url)
    _, actor = sign_in("wren", PASSWORD, store=store, clock=SystemClock())
    assert staff(store=store, actor=actor)[0].role == role
    store.close()


def test_without_answers_and_without_a_terminal_nothing_is_asked(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--store", url]) == 2
    assert "--answers" in capsys.readouterr().err


def test_by_asking_a_practice_is_set_up_too(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = iter(
        ["", "Fernbank", "", "", "", "ny", "", "01", "Wren", "Hollyhock", "RN", "", "wren"]
    )  # fmt: skip
    passwords = iter(["short", PASSWORD, "another", PASSWORD, PASSWORD])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: next(given))
    monkeypatch.setattr("getpass.getpass", lambda _: next(passwords))
    assert main(["init", "--store", url]) == 0
    told = capsys.readouterr().out
    assert "An answer is needed here." in told
    assert "That is too short." in told
    assert "The two differ." in told
    assert PASSWORD not in told
    store = open_store(url)
    _, actor = sign_in("wren", PASSWORD, store=store, clock=SystemClock())
    practice = the_practice(store=store, actor=actor)
    assert (practice.name, practice.state, practice.locality) == ("Fernbank", "NY", "01")
    store.close()


def without_password() -> dict[str, object]:
    owner = {key: value for key, value in ANSWERS["owner"].items() if key != "password"}
    return ANSWERS | {"owner": owner}


def can_sign_in(url: str, password: str = PASSWORD) -> bool:
    store = open_store(url)
    try:
        return has_practice(store=store) and bool(
            sign_in("wren", password, store=store, clock=SystemClock())
        )
    finally:
        store.close()


def test_the_owners_password_comes_from_a_file_or_standard_input_and_never_from_an_argument(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = tmp_path / "password"
    kept.write_text(f"{PASSWORD}\nmore\n")
    first, second = (f"sqlite:///{tmp_path / name}" for name in ("one.db", "two.db"))
    assert init(tmp_path, first, without_password(), "--password-file", str(kept)) == 0
    assert can_sign_in(first)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert init(tmp_path, second, without_password(), "--password-file", "-") == 0
    assert can_sign_in(second)
    told = capsys.readouterr()
    assert PASSWORD not in told.out + told.err
    assert "delete the file" not in told.err
    with pytest.raises(SystemExit):
        main(["init", "--password", PASSWORD])


def test_answers_come_from_standard_input_too(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(ANSWERS)))
    assert main(["init", "--answers", "-", "--store", url]) == 0
    assert can_sign_in(url)
    assert "delete the file" not in capsys.readouterr().err


def test_a_file_that_still_holds_the_password_is_named_for_deletion(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, url, ANSWERS) == 0
    assert "answers.json' still holds the owner's password" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "more", "told"),
    [
        (None, ["--password-file", "nowhere"], "FILE_MISSING at the password's file"),
        ("\nsecond line\n", [], "The first line"),
        ("too short\n", [], "12 characters"),
    ],
)
def test_a_password_file_that_gives_none_sets_nothing_up(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    more: list[str],
    told: str,
) -> None:
    if content is not None:
        (tmp_path / "password").write_text(content)
        more = ["--password-file", str(tmp_path / "password")]
    assert init(tmp_path, url, without_password(), *more) == 2
    assert told in capsys.readouterr().err
    assert not can_sign_in(url)


def test_one_password_and_one_standard_input_are_enough(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, url, ANSWERS, "--password-file", "-") == 2
    assert main(["init", "--answers", "-", "--password-file", "-", "--store", url]) == 2
    assert "Standard input is one thing" in capsys.readouterr().err


def test_without_password_and_terminal_the_way_to_give_one_is_told(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, url, without_password()) == 2
    assert "--password-file" in capsys.readouterr().err


def test_a_terminal_never_shows_the_password_that_is_typed(tmp_path: Path, url: str) -> None:
    pty = pytest.importorskip("pty")
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(without_password()))
    child, terminal = pty.fork()
    if child == 0:  # the command, with the terminal as its own
        words = [*TRELLIS, "init", "--answers", str(answers), "--store", url]
        os.execv(sys.executable, words)  # noqa: S606 - our own interpreter
    shown = b""
    for typed in (
        b"short",
        PASSWORD.encode(),
        b"another one",
        PASSWORD.encode(),
        PASSWORD.encode(),
    ):
        shown += read_until(terminal, b": ")
        os.write(terminal, typed + b"\n")
    shown += read_until(terminal, b"sign in.")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert b"That is too short." in shown
    assert b"The two differ." in shown
    for typed in (PASSWORD.encode(), b"another one"):
        assert typed not in shown
    assert can_sign_in(url)


def read_until(terminal: int, end: bytes) -> bytes:
    """Return what is shown until it ends with something, or fail within a minute."""
    found = b""
    while not found.strip().endswith(end.strip()):
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, found
        found += os.read(terminal, 1024)
    return found
