"""Two practices in one store: each command is about that of the person who acts."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.signing_in import events
from tests.support.two_practices import AWAY, HOME, make_store
from trellis_core.cli import main
from trellis_core.errors import CommandRefusedError
from trellis_core.sample import load_sample
from trellis_core.services.practice import practices_held, staff
from trellis_core.services.sign_in import sign_in
from trellis_core.store.engine import open_store
from trellis_core.store.sealing import new_identity
from trellis_core.values.clock import SystemClock

PASSWORD = "a long and private phrase"
READS = {
    "board": ("board", "--month", "2026-11"),
    "month": ("month", "show", "2026-10"),
    "superbills": ("superbills", "2026-10", "--format", "json", "--out", "-"),
    "lines": ("superbills", "2026-10", "--format", "csv", "--out", "-"),
    "people": ("people", "list"),
    "check": ("check",),
    "checkpoint": ("checkpoint",),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("two") / "two.db"
    make_store(path)
    return path


@pytest.fixture
def url(made: Path, tmp_path: Path) -> str:
    shutil.copy(made, tmp_path / "two.db")
    return f"sqlite:///{tmp_path / 'two.db'}"


def run(capsys, url, who, *words):
    status = main([*words, "--store", url, "--as", f"{who}-owner"])
    told = capsys.readouterr()
    return status, told.out, told.err


@pytest.mark.parametrize(("who", "other"), [(HOME, AWAY), (AWAY, HOME)])
@pytest.mark.parametrize("name", READS)
def test_what_is_read_is_of_the_own_practice_alone(url, capsys, name, who, other):
    status, out, err = run(capsys, url, who, *READS[name], "--json")
    assert status == 0, err
    # One practice has a patient of its own with the id of one of the other's.
    assert f"{other}-owner" not in out
    for words in ("practice", "family", "town", "street", "note", "hospital", "telephone"):
        assert f"{other} {words}" not in out
    if name in {"superbills", "lines", "people", "check", "checkpoint"}:
        assert who in out


def test_the_other_practices_ids_are_not_there(url, capsys):
    entry = ("--program", "CCM", "--start", "2026-11-03T10:00:00-05:00", "--minutes", "5")
    for words in (
        ("log", "--patient", f"{AWAY}-pt-1", *entry, "--activity", "care_coordination"),
        ("correct", f"{AWAY}-entry-owner", "--void", "--reason", "A slip"),
        ("superbills", "2026-10", "--format", "fhir", "--out", "-", "--patient", f"{AWAY}-pt-1"),
        ("people", "deactivate", f"{AWAY}-colleague"),
        ("people", "reset", f"{AWAY}-colleague-signs-in"),
    ):
        status, out, err = run(capsys, url, HOME, *words)
        assert (status, out) == (2, ""), words
        assert "in this practice" in err, err


def test_each_practice_closes_and_numbers_its_own_months(url, capsys):
    for who in (HOME, AWAY):
        _, out, _ = run(
            capsys, url, who, "month", "reopen", "2026-10", "--reason", "A slip", "--json"
        )
        assert json.loads(out)["adjustment"] == 1
    _, out, _ = run(capsys, url, HOME, "month", "close", "2026-10", "--json")
    assert json.loads(out)["period"] == 1
    _, out, _ = run(capsys, url, AWAY, "month", "show", "2026-10", "--json")
    assert json.loads(out)["state"] == "reopened"


def test_an_export_is_of_one_practice(url, capsys, tmp_path):
    file = tmp_path / "ledger.zip"
    status, _, err = run(capsys, url, HOME, "export", "ledger", "--out", str(file))
    assert status == 0, err
    assert AWAY.encode() not in file.read_bytes()


def test_nobody_acts_for_both_and_a_backup_needs_an_owner_of_each(url, capsys, tmp_path):
    sealed, key = tmp_path / "both.age", tmp_path / "key.txt"
    words = ("backup", "--out", str(sealed), "--recipient", new_identity(key))
    assert main(["board", "--month", "2026-11", "--store", url]) == 2
    assert "--as" in capsys.readouterr().err
    status, _, err = run(capsys, url, HOME, *words)
    assert status == 2
    assert f"Practice '{AWAY}' is in the store too" in err
    status, _, err = run(capsys, url, HOME, *words, "--as", f"{AWAY}-owner")
    assert status == 0, err
    again = f"sqlite:///{tmp_path / 'again.db'}"
    words = ("restore", str(sealed), "--identity", str(key))
    assert run(capsys, again, HOME, *words)[0] == 2
    status, _, err = run(capsys, again, HOME, *words, "--as", f"{AWAY}-owner")
    assert status == 0, err
    assert run(capsys, again, AWAY, "check")[0] == 0


# --- setting up --------------------------------------------------------------------------------


def answers(tmp_path: Path, name: str) -> list[str]:
    file = tmp_path / f"{name}.json"
    owner = {"given_name": name, "family_name": name, "sign_in_name": name, "password": PASSWORD}
    file.write_text(json.dumps({"practice": {"name": f"{name} practice"}, "owner": owner}))
    return ["init", "--answers", str(file)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, on either database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


def test_a_second_practice_is_set_up_beside_the_first(empty, tmp_path, capsys):
    told = []
    for name in ("fernbank", "harbor"):
        assert main([*answers(tmp_path, name), "--store", empty, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert main([*answers(tmp_path, "fernbank"), "--store", empty]) == 2
    assert "sign-in name is taken" in capsys.readouterr().err
    store = open_store(empty)
    assert practices_held(store=store) == 2
    for name, one in zip(("fernbank", "harbor"), told, strict=True):
        actor = sign_in(name, PASSWORD, store=store, clock=SystemClock()).actor
        assert (actor.practice_id, actor.person_id) == (one["practice"], one["owner"])
        assert [each.id for each in staff(store=store, actor=actor)] == [one["owner"]]
        assert {each[0].value for each in events(store, one["practice"])} >= {"command_run"}
    store.close()
    assert main(["people", "list", "--store", empty, "--as", "harbor", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["people"]] == ["harbor harbor"]  # fmt: skip
    assert main(["check", "--store", empty]) == 0


def test_people_are_told_that_the_store_holds_another(tmp_path, capsys):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    main([*answers(tmp_path, "fernbank"), "--store", url])
    assert "The store holds" not in capsys.readouterr().out
    main([*answers(tmp_path, "harbor"), "--store", url])
    assert "The store holds 2 practices" in capsys.readouterr().out


def test_the_sample_shares_its_store_with_nobody(tmp_path, capsys):
    url = f"sqlite:///{tmp_path / 'sample.db'}"
    store = open_store(url)
    load_sample(store, day=SystemClock().now().date())
    store.close()
    assert main([*answers(tmp_path, "fernbank"), "--store", url]) == 2
    assert "sample practice" in capsys.readouterr().err
    real = f"sqlite:///{tmp_path / 'real.db'}"
    assert main([*answers(tmp_path, "fernbank"), "--store", real]) == 0
    assert main(["sample", "--patients", "1", "--entries", "1", "--store", real]) == 2
    sample = Path(__file__).parents[3] / "sample_data"
    assert main(["import", "practice", str(sample), "--store", real]) == 2
    store = open_store(real)
    with pytest.raises(CommandRefusedError):
        load_sample(store, day=SystemClock().now().date())
    assert practices_held(store=store) == 1
    store.close()
