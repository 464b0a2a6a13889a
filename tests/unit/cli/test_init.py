"""``trellis init``: a practice from a file of answers."""

import json
from pathlib import Path

import pytest

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
    assert "already holds a practice" in capsys.readouterr().err


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
