"""Every command that opens a store is in the access log, also one that only reads or is refused."""

import argparse
import importlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pysqlite3
import pytest
from sqlalchemy import select

from tests.support.ledger_case import NURSE, OWNER, STRANGER, fill, work
from tests.support.signing_in import events
from trellis_core.cli import COMMANDS, _server_process, main
from trellis_core.cli import demo as demo_command
from trellis_core.cli import serve as serve_command
from trellis_core.ledger.journal import EventKind, parse_event
from trellis_core.services.by_hand import COMMAND, system_user
from trellis_core.services.job_worker import Worker
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import EVENT

OPENS_NO_STORE = {"determine", "schema"}
"""These answer from files, rules and tables alone."""
FILLS_AN_EMPTY_STORE = {"sample"}
"""There is nobody yet, and every row it writes is an event of its own."""
HAS_AN_EVENT_OF_ITS_OWN = {"restore": EventKind.RESTORED}
"""What was there is gone; the store that stands says that it was restored, by whom and from what."""

WHO = ("--as", OWNER.person_id)
PHI = "pt-1"
RUN: dict[str, tuple[str, ...]] = {
    "board": ("--month", "2026-11", *WHO),
    "log": (
        *("--patient", PHI, "--program", "CCM", "--start", "2026-11-03T10:00:00-05:00"),
        *("--minutes", "5", "--activity", "care_coordination", "--note", f"Told {PHI}", *WHO),
    ),
    "correct": ("no-such-entry", "--void", "--reason", f"Not {PHI}", *WHO),
    "superbills": ("2026-11", "--format", "csv", "--out", "-", "--patient", PHI, *WHO),
    "packet": ("2026-11", "--patient", PHI, "--out", "{folder}/packet.zip", *WHO),
    "month show": ("2026-11", *WHO),
    "month approve": ("2026-11", "--superbill", "sb-1", "--reason", f"For {PHI}", *WHO),
    "month review": ("2026-11", *WHO),
    "month submitted": ("2026-11", "--superbill", "1", "--on", "2026-12-01", "--claim", PHI, *WHO),
    "month close": ("2026-11", *WHO),
    "month reopen": ("2026-11", "--reason", f"For {PHI}", *WHO),
    "import fhir": ("{folder}/no-such-file", *WHO),
    "import patients": ("{folder}/no-such-file", *WHO),
    "import time": ("{folder}/no-such-file", *WHO),
    "import fees": ("{folder}/no-such-file", "--payer", PHI, *WHO),
    "import medicare": ("--year", "2027", "--rvu", "{folder}/no-such-file", "--release", PHI, *WHO),
    "import practice": ("{sample}",),
    "rates": ("99490", "--on", "2026-11-03", "--schedule", PHI, *WHO),
    "roi": ("--scenario", PHI, *WHO),
    "check": (),
    "checkpoint": WHO,
    "export ledger": ("--out", "{folder}/ledger.zip", *WHO),
    "backup": (
        *("--out", "{folder}/backup.age", "--passphrase-file", "{folder}/passphrase"),
        *(*WHO, "--as", STRANGER.person_id),
    ),
    "export fhir": (
        *("--form", "bundle", "--month", "2026-11", "--patient", PHI, "--out", "{folder}/fhir"),
        *WHO,
    ),
    "people list": WHO,
    "people add": ("--family-name", PHI, "--staff-role", "clinical_staff", *WHO),
    "people change": (NURSE.person_id, "--given-name", PHI, *WHO),
    "people deactivate": (NURSE.person_id, *WHO),
    "people reactivate": (NURSE.person_id, *WHO),
    "people reset": (NURSE.person_id, *WHO),
    "init": ("--answers", "{folder}/answers.json"),
    "serve": (),
    "work": (),
    "demo": ("--no-browser",),
}
"""One way to run each command, refused or not, with a patient's id wherever one can be typed."""
IN_AN_EMPTY_STORE = {"import practice", "demo"}

ANSWERS = {
    "practice": {"name": PHI},
    "owner": {
        "given_name": "Wren",
        "family_name": PHI,
        "sign_in_name": "wren",
        "password": "a long and private phrase",
    },
}


def every_command() -> Iterator[str]:
    """Return each command that is registered, and each part of one that has parts."""
    for name, command in COMMANDS.items():
        module = importlib.import_module(f"trellis_core.cli.{command.module}")
        subparsers = argparse.ArgumentParser().add_subparsers()
        module.add_parser(subparsers)
        parts = [
            part
            for action in subparsers.choices[name]._actions
            if isinstance(action, argparse._SubParsersAction)
            for part in action.choices
        ]
        yield from (f"{name} {part}" for part in parts) if parts else (name,)


def test_a_new_command_is_named_here_or_fails():
    named = RUN.keys() | OPENS_NO_STORE | FILLS_AN_EMPTY_STORE | HAS_AN_EVENT_OF_ITS_OWN.keys()
    assert set(every_command()) == named


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two practices with an entry."""
    path = tmp_path_factory.mktemp("filled") / "practice.db"
    store = open_store(f"sqlite:///{path}")
    fill(store)
    log_time(work(), store=store, actor=NURSE, clock=serve_command.SystemClock())
    store.close()
    return path


@pytest.fixture
def folder(tmp_path: Path, filled: Path) -> Path:
    (tmp_path / "answers.json").write_text(json.dumps(ANSWERS))
    (tmp_path / "passphrase").write_text("a long enough passphrase for a backup\n")
    shutil.copy(filled, tmp_path / "practice.db")
    return tmp_path


def run(name: str, folder: Path, monkeypatch) -> Store:
    """Run a command on a store; return the store afterwards."""
    for module in (demo_command, serve_command, _server_process):
        monkeypatch.setattr(module, "run_server", lambda *_, **__: 0)
    monkeypatch.setattr(Worker, "wait", Worker.end)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    url = f"sqlite:///{folder / ('new.db' if name in IN_AN_EMPTY_STORE else 'practice.db')}"
    sample = Path(__file__).parents[3] / "sample_data"
    words = [word.format(folder=folder, sample=sample) for word in RUN[name]]
    main([*name.split(), *words, "--store", url])
    return open_store(url)


def commands_of(store: Store, practice_id: str | None = None):
    with store.reading() as unit:
        wanted = select(EVENT.c.body).where(EVENT.c.kind == EventKind.COMMAND_RUN.value)
        if practice_id is not None:
            wanted = wanted.where(EVENT.c.practice_id == practice_id)
        return [parse_event(body) for body in unit.connection.execute(wanted).scalars()]


@pytest.mark.parametrize("name", RUN)
def test_a_command_is_in_the_access_log_with_its_name_and_nothing_that_was_typed(
    name, folder, monkeypatch, capsys
):
    store = run(name, folder, monkeypatch)
    found = commands_of(store)
    store.close()
    assert found, capsys.readouterr().err
    assert {(each.subject_kind, each.subject_id) for each in found} == {(COMMAND, name)}
    assert {each.system_user for each in found} == {system_user()}
    assert {(each.details, each.text_hmac, each.patient_id) for each in found} == {
        (None, None, None)
    }
    if OWNER.person_id in RUN[name]:
        assert OWNER.person_id in {each.author_id for each in found}
        assert {each.practice_id for each in found} <= {
            "practice-1",
            *({"practice-2"} if name == "backup" else ()),
        }


def test_a_command_of_nobody_is_in_every_practices_log(folder, monkeypatch):
    store = run("check", folder, monkeypatch)
    found = commands_of(store)
    store.close()
    assert [(each.practice_id, each.author_id) for each in found] == [
        ("practice-1", None),
        ("practice-2", None),
    ]


def test_a_command_that_its_person_may_not_run_is_there_with_the_refusal(folder, capsys):
    url = f"sqlite:///{folder / 'practice.db'}"
    assert main(["people", "list", "--store", url, "--as", NURSE.person_id]) == 2
    store = open_store(url)
    told = events(store, "practice-1")[-2:]
    store.close()
    assert told == [
        (EventKind.COMMAND_RUN, "people list", None),
        (EventKind.DENIED, "people", '{"why":"not_permitted"}'),
    ]


def test_a_restored_store_says_so_itself(folder, monkeypatch, capsys):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    run("backup", folder, monkeypatch).close()
    url = f"sqlite:///{folder / 'restored.db'}"
    words = ["restore", str(folder / "backup.age"), "--passphrase-file", str(folder / "passphrase")]
    people = ["--as", OWNER.person_id, "--as", STRANGER.person_id]
    assert main([*words, "--store", url, *people]) == 0, capsys.readouterr().err
    store = open_store(url)
    for practice_id in ("practice-1", "practice-2"):
        assert events(store, practice_id)[-1][0] is HAS_AN_EVENT_OF_ITS_OWN["restore"]
    with store.reading() as unit:
        bodies = unit.connection.execute(select(EVENT.c.body)).scalars().all()
    store.close()
    assert not [body for body in bodies if "somebody-else" in body]
    assert parse_event(bodies[-1]).system_user == system_user()


def test_a_store_that_takes_nothing_any_more_is_checked_all_the_same(folder, capsys):
    url = f"sqlite:///{folder / 'practice.db'}"
    other = pysqlite3.connect(folder / "practice.db", isolation_level=None)
    other.execute(
        "CREATE TRIGGER stuck BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'stuck'); END"
    )
    other.close()
    assert main(["check", "--store", url]) == 1
    told = capsys.readouterr()
    assert "stuck" in told.out
    assert "its journal lacks this check" in told.err
