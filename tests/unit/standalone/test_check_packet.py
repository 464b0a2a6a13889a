"""The packet's own checker: it accepts what was made, and says so of nothing that was changed."""

import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.month_case import MonthCase
from tests.support.packet_case import changed, closed_month, make_packet, told_in
from trellis_core.access import AccessRole
from trellis_core.services.ledger_export import export_ledger
from trellis_core.standalone import check_packet, verify_ledger
from trellis_core.store.engine import open_store

KINDS_OF_KEYS = ("ed25519_holds", "add", "double", "point_of", "bytes_of")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[bytes, Path]:
    """A packet of one of two patients, and the exported ledger."""
    folder = tmp_path_factory.mktemp("packet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRELLIS_DATA_FOLDER", str(folder / "data"))
        store = open_store(f"sqlite:///{folder / 'store.db'}")
        case: MonthCase = closed_month(store)
        content = make_packet(case).content
        others = make_packet(case, patient_ids=["p-2"]).content
        owner = case.actor(AccessRole.OWNER)
        export_ledger(folder / "ledger.zip", store=store, actor=owner, clock=case.clock)
        store.close()
    (folder / "others.zip").write_bytes(others)
    return content, folder


def bare(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a checker as an auditor does: a bare Python, nothing else in the folder."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "check_packet.py", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )


def test_an_unpacked_packet_is_accepted_by_a_bare_python(made, tmp_path):
    content, folder = made
    (tmp_path / "packet.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "packet.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    done = bare(tmp_path / "unpacked")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Everything fits." in done.stdout
    assert "give the exported ledger with --ledger" in done.stdout
    shutil.copy(folder / "ledger.zip", tmp_path / "unpacked")
    done = bare(tmp_path / "unpacked", "../packet.zip", "--ledger", "ledger.zip")
    assert done.returncode == 0, done.stdout
    assert "none of these patients' month is left out" in done.stdout
    done = bare(tmp_path / "unpacked", "ledger.zip")
    assert (done.returncode, done.stdout) == (2, "")


def bill_of(told):
    return told["patients"][0]["superbills"][0]


def in_document(told, change) -> None:
    """Change a superbill's document, and write its digests anew wherever they stand."""
    bill = bill_of(told)
    inside = json.loads(bill["document"])
    change(inside["superbill"])
    old = bill["sha256"]
    bill["document"] = json.dumps(inside, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    bill["sha256"] = hashlib.sha256(bill["document"].encode()).hexdigest()
    told["closes"][0]["rest"] = told["closes"][0]["rest"].replace(old, bill["sha256"])
    for line, shown in zip(inside["superbill"]["lines"], bill["lines"], strict=True):
        shown.update({key: line[key] for key in shown})


def in_body(told, place, value) -> None:
    """Change an entry's body and give it the hash that fits."""
    entry = told["patients"][0]["entries"][0]
    body = json.loads(entry["body"])
    body[place] = value
    entry["body"] = json.dumps(body, separators=(",", ":"))
    entry["seconds"] = body[10]
    prev = bytes.fromhex(entry["prev"])
    digest = hashlib.sha256(check_packet.ENTRY_DOMAIN + prev + entry["body"].encode())
    entry["hash"] = digest.hexdigest()
    entry["receipt"] = entry["hash"][:8]


def in_event(told, old, new) -> None:
    """Change a close's event and give it the hash that fits."""
    event = told["closes"][0]["event"]
    event["body"] = event["body"].replace(old, new)
    digest = hashlib.sha256(
        check_packet.EVENT_DOMAIN + bytes.fromhex(event["prev"]) + event["body"].encode()
    )
    event["hash"] = digest.hexdigest()


def entry_of(told, at=0):
    return told["patients"][0]["entries"][at]


def decided(told, old, new) -> None:
    found = told["patients"][0]["decided"]
    found["document"] = found["document"].replace(old, new)
    found["sha256"] = hashlib.sha256(found["document"].encode()).hexdigest()


CHANGES = {
    "an entry's length": lambda told: entry_of(told).update(seconds=1),
    "an entry's length inside": lambda told: entry_of(told).update(
        body=entry_of(told)["body"].replace(",780,", ",840,")
    ),
    "an entry's length inside with a new hash": lambda told: in_body(told, 10, 840),
    "an entry's start inside with a new hash": lambda told: in_body(told, 9, 1),
    "a counted second": lambda told: entry_of(told).update(counted_seconds=779),
    "an entry's hash": lambda told: entry_of(told).update(hash="0" * 64),
    "an entry's receipt": lambda told: entry_of(told).update(receipt="00000000"),
    "an entry that is gone": lambda told: told["patients"][0]["entries"].pop(0),
    "a reversal that is gone": lambda told: told["patients"][0]["entries"].pop(2),
    "a correction that is gone": lambda told: told["patients"][0]["entries"].pop(),
    "an entry that stands twice": lambda told: told["patients"][0]["entries"].append(
        entry_of(told)
    ),
    "a reversal that is hidden": lambda told: entry_of(told, 1).update(is_reversed=False),
    "a note": lambda told: entry_of(told, 1).update(note="spoke about money"),
    "a note that is gone": lambda told: entry_of(told, 1).update(note=None, salt=None),
    "a line's minutes": lambda told: bill_of(told)["lines"][0].update(minutes=25),
    "a line's units": lambda told: bill_of(told)["lines"][0].update(units=2),
    "a line that is gone": lambda told: bill_of(told)["lines"].pop(),
    "a document": lambda told: bill_of(told).update(
        document=bill_of(told)["document"].replace('"minutes":24', '"minutes":25', 1)
    ),
    "a document's line with new digests": lambda told: in_document(
        told, lambda bill: bill["lines"][0].update(minutes=40, units=2)
    ),
    "a document's counted time with new digests": lambda told: in_document(
        told, lambda bill: bill["time"][0].update(counted_seconds=1)
    ),
    "a superbill's number": lambda told: bill_of(told).update(number=2),
    "the list of superbills": lambda told: told["closes"][0].update(
        rest=told["closes"][0]["rest"] + f"S 9 {'0' * 64}\n"
    ),
    "the state before it": lambda told: told["closes"][0].update(state="0" * 64),
    "the close's digest with a new hash": lambda told: in_event(
        told, '\\"digest\\":\\"', '\\"digest\\":\\"0'
    ),
    "the close's event": lambda told: told["closes"][0]["event"].update(hash="0" * 64),
    "the ledger's end": lambda told: told["closes"][0].update(ledger_seq=9),
    "the signature": lambda told: told["closes"][0]["checkpoint"].update(signature="0" * 128),
    "the checkpoint": lambda told: told["closes"][0]["checkpoint"].update(
        body=told["closes"][0]["checkpoint"]["body"].replace('"close"', '"daily"')
    ),
    "what was decided": lambda told: decided(told, '"minutes":24', '"minutes":25'),
    "seconds decided": lambda told: decided(told, '"seconds":1440', '"seconds":1441'),
    "the month": lambda told: told.update(month="2026-10"),
    "the patient": lambda told: told["patients"][0]["patient"].update(id="p-2"),
    "a part that is missing": lambda told: told["patients"][0].pop("entries"),
    "the PDF's digest": lambda told: told["files"].update({"packet.pdf": "0" * 64}),
}


def test_no_change_passes(made, tmp_path, capsys):
    for name, change in CHANGES.items():
        path = changed(made[0], change, tmp_path / "packet.zip")
        assert check_packet.main([str(path)]) == 1, name
        said = capsys.readouterr().out
        assert said.startswith("1. "), name
        assert "Everything fits" not in said, name


def test_an_entry_of_another_patient_and_a_month_without_one_are_found(made, tmp_path, capsys):
    content, folder = made
    other = told_in((folder / "others.zip").read_bytes())["patients"][0]["entries"][0]

    def swap(told):
        told["patients"][0]["entries"][0] = other

    assert check_packet.main([str(changed(content, swap, tmp_path / "swapped.zip"))]) == 1
    assert "another practice, patient or month" in capsys.readouterr().out

    def without(told):
        told["patients"][0].update(superbills=[], decided=None)
        told["patients"][0]["entries"].pop()

    path = changed(content, without, tmp_path / "without.zip")
    ledger = ["--ledger", str(folder / "ledger.zip")]
    assert check_packet.main([str(path), *ledger]) == 1
    assert "not in the packet as it is in the ledger" in capsys.readouterr().out


def test_another_key_than_the_noted_one_is_found(made, tmp_path, capsys):
    path = tmp_path / "packet.zip"
    path.write_bytes(made[0])
    told = told_in(made[0])
    key = json.loads(told["closes"][0]["checkpoint"]["body"])[-1]
    assert check_packet.main([str(path), "--key", key]) == 0
    assert "Compare it with one you noted" not in capsys.readouterr().out
    assert check_packet.main([str(path), "--key", "0" * 64]) == 1


def test_its_arithmetic_is_the_standards_and_the_ledgers_checkers():
    for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 200):
        text = bytes(range(length))
        whole = length // check_packet.BLOCK * check_packet.BLOCK
        state = check_packet.state_after(text[:whole])
        found = check_packet.finished(state, whole, text[whole:])
        assert found == hashlib.sha256(text).hexdigest()
    for name in KINDS_OF_KEYS:
        one, two = getattr(check_packet, name), getattr(verify_ledger, name)
        assert inspect.getsource(one) == inspect.getsource(two)
