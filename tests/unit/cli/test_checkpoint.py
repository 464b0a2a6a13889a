"""``trellis checkpoint`` and ``trellis export ledger``: what they print, write and refuse."""

import json
import stat
from pathlib import Path

import pytest

from tests.support.empty_store import empty_store
from tests.support.ledger_case import AUDITOR, NURSE, OWNER, STRANGER, fill, work
from trellis_core.cli import main
from trellis_core.ledger.journal import parse_event
from trellis_core.services.by_hand import system_user
from trellis_core.services.checkpoints import checkpoints_of, read_checkpoint_file
from trellis_core.services.time_log import log_time
from trellis_core.standalone import verify_ledger
from trellis_core.store.engine import open_store
from trellis_core.store.tables import EVENT


@pytest.fixture
def url(tmp_path: Path, clock) -> str:
    """A store with three entries."""
    url = empty_store(tmp_path / "trellis.db")
    store = open_store(url)
    fill(store)
    for _ in range(3):
        log_time(work(note="Called"), store=store, actor=NURSE, clock=clock)
    store.close()
    return url


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_checkpoint_is_made_and_told(url, tmp_path, capsys, data_folder):
    words = ("checkpoint", "--store", url, "--as", OWNER.person_id)
    first = told(capsys, *words)
    assert (first["number"], first["ledger"]["entries"], first["is_new_key"]) == (1, 3, True)
    assert first["file"] == str(tmp_path / "trellis.db.checkpoints.jsonl")
    assert Path(first["file"]).read_text() == first["line"] + "\n"
    assert (data_folder / "signing-key.pem").is_file()
    second = told(capsys, *words)
    assert (second["number"], second["is_new_key"]) == (2, False)
    assert main(list(words)) == 0
    text = capsys.readouterr().out
    assert text.startswith("Checkpoint 3, code ")
    assert f"head {first['ledger']['head']}" in text
    assert f"Public key: {first['public_key']}" in text
    assert first["file"] in text


def test_where_a_key_is_new_the_person_is_asked_to_note_it(url, capsys):
    assert main(["checkpoint", "--store", url, "--as", AUDITOR.person_id]) == 0
    assert "Note the public key" in capsys.readouterr().err


def test_the_environment_names_both_files(url, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TRELLIS_SIGNING_KEY", str(tmp_path / "k" / "key.pem"))
    monkeypatch.setenv("TRELLIS_CHECKPOINTS", str(tmp_path / "c" / "lines.jsonl"))
    found = told(capsys, "checkpoint", "--store", url, "--as", OWNER.person_id)
    assert found["file"] == str(tmp_path / "c" / "lines.jsonl")
    assert stat.S_IMODE((tmp_path / "k" / "key.pem").stat().st_mode) == 0o600


def test_a_copy_of_the_lines_grows_and_nothing_else_is_overwritten(url, tmp_path, capsys):
    out = tmp_path / "copy.jsonl"
    words = ("checkpoint", "--store", url, "--as", OWNER.person_id, "--out", str(out))
    told(capsys, "checkpoint", "--store", url, "--as", STRANGER.person_id)
    first = told(capsys, *words)
    second = told(capsys, *words)
    assert second["out"] == str(out)
    assert out.read_text() == f"{first['line']}\n{second['line']}\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert not read_checkpoint_file(out).problems

    for other in ("my notes\n", out.read_text() + "more\n", first["line"].replace("1", "2") + "\n"):
        out.write_text(other)
        assert main(list(words)) == 2
        assert "Nothing was made" in capsys.readouterr().err
        assert out.read_text() == other
    store = open_store(url)
    with store.reading() as unit:
        assert len(checkpoints_of(unit, "practice-1")) == 2
    store.close()


def test_a_copy_that_cannot_be_written_is_named(url, tmp_path, capsys):
    words = ["checkpoint", "--store", url, "--as", OWNER.person_id, "--out"]
    assert main([*words, str(tmp_path / "none" / "copy.jsonl")]) == 2
    assert "copy.jsonl' cannot be written" in capsys.readouterr().err
    assert main([*words, str(tmp_path)]) == 2


@pytest.mark.parametrize("words", [["checkpoint"], ["export", "ledger", "--out", "x.zip"]])
def test_a_coordinator_may_neither_sign_nor_export(url, capsys, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--store", url, "--as", NURSE.person_id]) == 2
    assert "may not do this" in capsys.readouterr().err
    assert not (tmp_path / "x.zip").exists()


def test_a_key_that_others_can_read_is_refused_in_one_sentence(url, capsys, data_folder):
    words = ["checkpoint", "--store", url, "--as", OWNER.person_id]
    assert main(words) == 0
    (data_folder / "signing-key.pem").chmod(0o644)
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr()
    assert "chmod 600" in said.err
    assert said.out == ""


def test_an_exported_ledger_is_checked_with_what_the_command_says(url, tmp_path, capsys):
    out = tmp_path / "ledger.zip"
    words = ("export", "ledger", "--out", str(out), "--store", url, "--as", AUDITOR.person_id)
    found = told(capsys, *words)
    assert found["file"] == str(out)
    assert (found["entries"], found["bytes"]) == (3, out.stat().st_size)
    store = open_store(url)
    with store.reading() as unit:
        newest = EVENT.select().where(EVENT.c.kind == "exported").order_by(EVENT.c.seq.desc())
        event = parse_event(unit.connection.execute(newest).first().body)
    store.close()
    assert (event.author_id, event.system_user) == (AUDITOR.person_id, system_user())
    sealed = found["checkpoint"]
    key, noted = sealed["public_key"], f"{sealed['number']}={sealed['code']}"
    assert verify_ledger.main([str(out), "--key", key, "--checkpoint", noted]) == 0
    capsys.readouterr()
    assert main(list(words)) == 2
    assert "already" in capsys.readouterr().err
    out.unlink()
    assert main(list(words)) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"--key {key}" in said.err


def test_what_to_export_must_be_said(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["export"])
    assert ended.value.code == 2
    assert "WHAT" in capsys.readouterr().err
