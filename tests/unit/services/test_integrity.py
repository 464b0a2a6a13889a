"""Whatever is changed behind Trellis's back is found, and named."""

import random
from collections.abc import Callable
from pathlib import Path

import pysqlite3
import pytest

from tests.support.ledger_case import (
    AUDITOR,
    BILLER,
    NURSE,
    OTHER_NURSE,
    OWNER,
    STRANGER,
    fill,
    work,
)
from tests.support.tampering import codes, tamper
from trellis_core.care.vocabulary import Program
from trellis_core.errors import PermissionDeniedError
from trellis_core.ledger.chain import GENESIS, canonical_body, entry_hash, parse_body
from trellis_core.services.integrity import REMEDIES, check_ledger, check_store
from trellis_core.services.time_log import CorrectTime, correct_time, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.guards_sqlite import SQLITE_TRIGGERS
from trellis_core.values.findings import Severity

ENTRIES = 8


@pytest.fixture
def ledger(store: Store, clock) -> Store:
    """A store with eight entries, one of them a reversal and one without a note."""
    fill(store)
    for number in range(6):
        entry = log_time(
            work(patient_id=f"pt-{number % 3 + 1}", note=f"Note {number}", seconds=600 + number),
            store=store,
            actor=NURSE,
            clock=clock,
        ).entry
    correct_time(
        CorrectTime(entry_id_new="new-1", entry_id=entry.id, seconds=700, reason="wrong", note=""),
        store=store,
        actor=NURSE,
        clock=clock,
    )
    return store


def test_an_untouched_ledger_has_no_findings(ledger: Store, clock):
    report = check_store(ledger, clock=clock)
    assert report.ok
    assert report.findings == ()
    assert report.entries == ENTRIES
    assert report.checked_at == clock.now()
    assert [(end.practice_id, end.entries) for end in report.heads] == [
        ("practice-1", ENTRIES),
        ("practice-2", 0),
    ]


def test_an_empty_store_is_sound(store: Store):
    report = check_store(store)
    assert (report.ok, report.entries, report.head) == (True, 0, GENESIS.hex())


def test_putting_the_guards_back_is_no_finding(ledger: Store):
    tamper(ledger)
    assert check_store(ledger).ok


def test_a_changed_byte_and_a_missing_guard_are_both_named(ledger: Store):
    other = pysqlite3.connect(ledger.path, isolation_level=None)
    other.execute("DROP TRIGGER guard_entry_update")
    other.execute("UPDATE entry SET body = replace(body, '\"CCM\"', '\"PCM\"') WHERE seq = 3")
    other.close()
    report = check_store(ledger)
    assert not report.ok
    assert ("L001", 3) in codes(report)
    (guard,) = [finding for finding in report.findings if finding.code == "L008"]
    assert guard.message == "The guard 'guard_entry_update' is missing."
    assert guard.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE entry SET body = replace(body, ',601,', ',661,') WHERE seq = 2", ("L001", 2)),
        ("UPDATE entry SET body = body || ' ' WHERE seq = 2", ("L001", 2)),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 2", ("L001", 2)),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 2", ("L003", 3)),
        ("UPDATE entry SET prev = zeroblob(32) WHERE seq = 2", ("L003", 2)),
        ("DELETE FROM entry WHERE seq = 4", ("L002", 5)),
        ("DELETE FROM entry WHERE seq = 1", ("L002", 2)),
        (f"DELETE FROM entry WHERE seq = {ENTRIES}", ("L004", ENTRIES - 1)),
        ("UPDATE entry SET seq = 100 WHERE seq = 8", ("L002", 100)),
        ("UPDATE entry SET seq = 100 WHERE seq = 8", ("L005", 100)),
        ("UPDATE ledger_head SET seq = 7 WHERE practice_id = 'practice-1'", ("L004", 8)),
        ("UPDATE ledger_head SET hash = zeroblob(32)", ("L004", 8)),
        ("DELETE FROM ledger_head WHERE practice_id = 'practice-1'", ("L004", 8)),
        ("UPDATE month_roll SET seconds = seconds + 60", ("L006", None)),
        ("UPDATE month_roll SET entries = 0", ("L006", None)),
        ("DELETE FROM month_roll WHERE patient_id = 'pt-2'", ("L006", None)),
        (
            "INSERT INTO month_roll VALUES ('practice-1', 202611, 'pt-9', 'CCM', 60, 1)",
            ("L006", None),
        ),
        (
            ("UPDATE entry_note SET text = 'Else' WHERE seq = 4"),
            ("L007", 4),
        ),
        (
            ("UPDATE entry_note SET salt = zeroblob(16) WHERE seq = 4"),
            ("L007", 4),
        ),
        (
            "DELETE FROM entry_note WHERE seq = 4",
            ("L007", 4),
        ),
        (
            ("INSERT INTO entry_note SELECT practice_id, seq, zeroblob(16), 'x' FROM entry "
            "WHERE seq = 8"),
            ("L007", 8),
        ),
        (
            "INSERT INTO entry_note VALUES ('practice-1', 99, zeroblob(16), 'x')",
            ("L007", 99),
        ),
        ("DROP INDEX ix_entry_month", ("L008", None)),
        ("CREATE TRIGGER theirs AFTER INSERT ON practice BEGIN SELECT 1; END", ("L009", None)),
        ("CREATE VIEW theirs AS SELECT 1", ("L009", None)),
        ("CREATE TABLE theirs (x)", ("L009", None)),
    ],
)  # fmt: skip
def test_each_kind_of_change_is_found_at_its_place(ledger: Store, statement, expected):
    tamper(ledger, statement)
    report = check_store(ledger)
    assert not report.ok
    assert expected in codes(report)
    assert all(finding.code in REMEDIES for finding in report.findings)


def test_two_entries_that_changed_places_are_found(ledger: Store):
    tamper(
        ledger,
        "UPDATE entry SET seq = 100 WHERE seq = 2",
        "UPDATE entry SET seq = 2 WHERE seq = 3",
        "UPDATE entry SET seq = 3 WHERE seq = 100",
    )
    found = codes(check_store(ledger))
    assert {("L003", 2), ("L003", 3), ("L005", 2), ("L005", 3)} <= found


def test_an_entry_rewritten_with_a_right_hash_breaks_the_next_link(ledger: Store):
    with ledger.reading() as unit:
        prev, body = unit.connection.exec_driver_sql(
            "SELECT prev, body FROM entry WHERE seq = 5"
        ).one()
    text = body.replace(",604,", ",664,")
    tamper(
        ledger,
        ("UPDATE entry SET body = ?, hash = ? WHERE seq = 5", (text, entry_hash(prev, text))),
    )
    assert ("L003", 6) in codes(check_store(ledger))


def test_a_reversal_of_something_else_is_found(ledger: Store):
    """Rewritten with right hashes to the end, the reversal still contradicts its entry."""
    with ledger.reading() as unit:
        rows = unit.connection.exec_driver_sql(
            "SELECT seq, prev, hash, body FROM entry WHERE seq >= 7 ORDER BY seq"
        ).all()
    changes: list[str | tuple[str, tuple[object, ...]]] = []
    prev = rows[0].prev
    for row in rows:
        text = row.body.replace(",-605,", ",-65,")
        digest = entry_hash(prev, text)
        changes.append(
            (
                "UPDATE entry SET prev = ?, hash = ?, body = ? WHERE seq = ?",
                (prev, digest, text, row.seq),
            )
        )
        prev = digest
    changes.append(("UPDATE ledger_head SET hash = ? WHERE practice_id = 'practice-1'", (prev,)))
    tamper(ledger, *changes)
    found = codes(check_store(ledger))
    assert ("L010", 7) in found
    assert ("L006", None) in found
    assert not {code for code, _ in found} & {"L001", "L003", "L004"}


def test_a_column_changed_inside_the_file_is_found(ledger: Store):
    """The database computes these columns; only an edit of the file's bytes can change one."""
    ledger.close()
    store_path = ledger.path
    raw = store_path.read_bytes()
    # The cut column of an entry's program follows its kind in the row: "timeCCMpt-1".
    store_path.write_bytes(raw.replace(b"timeCCMpt-1", b"timePCMpt-1"))
    reopened = open_store(f"sqlite:///{store_path}")
    found = {code for code, _ in codes(check_store(reopened))}
    assert "L005" in found
    reopened.close()


def test_a_changed_guard_is_named(ledger: Store):
    other = pysqlite3.connect(ledger.path, isolation_level=None)
    other.execute("DROP TRIGGER guard_entry_delete")
    other.execute("CREATE TRIGGER guard_entry_delete BEFORE DELETE ON entry BEGIN SELECT 1; END")
    other.close()
    (finding,) = check_store(ledger).findings
    assert finding.code == "L008"
    assert finding.message == "The guard 'guard_entry_delete' is not the one Trellis made."


def test_every_single_guard_is_missed(ledger: Store):
    for name, text in SQLITE_TRIGGERS.items():
        other = pysqlite3.connect(ledger.path, isolation_level=None)
        other.execute(f"DROP TRIGGER {name}")
        (finding,) = check_store(ledger).findings
        assert f"'{name}' is missing" in finding.message
        other.execute(text.strip())
        other.close()
    assert check_store(ledger).ok


def test_no_changed_byte_of_an_entry_or_note_goes_unseen(ledger: Store):
    """Two hundred changes of one bit, anywhere in the stored rows of the ledger."""
    ledger.close()
    good, wanted = ledger.path.read_bytes(), rows_of(ledger.path)
    places = sorted(
        {
            place + offset
            for row in wanted
            for piece in row
            if piece != GENESIS
            for found in _all(good, piece)
            for place, offset in ((found, each) for each in range(len(piece)))
        }
    )
    seen = 0
    for place in random.Random(20261120).sample(places, 200):  # noqa: S311 - a sample to test
        changed = bytearray(good)
        changed[place] ^= 1 << (place % 7)
        ledger.path.write_bytes(bytes(changed))
        if rows_of(ledger.path) == wanted:
            continue  # bytes that an earlier version of a row left behind
        store = open_store(f"sqlite:///{ledger.path}")
        assert not check_store(store).ok, place
        store.close()
        seen += 1
    assert seen > 100


def rows_of(path: Path) -> list[tuple[bytes, ...]]:
    """Return what the ledger says, read around Trellis, as raw bytes."""
    other = pysqlite3.connect(path)
    other.text_factory = bytes
    rows = [
        row
        for query in (
            "SELECT prev, hash, body FROM entry ORDER BY seq",
            "SELECT salt, text FROM entry_note ORDER BY seq",
            "SELECT hash FROM ledger_head ORDER BY practice_id",
        )
        for row in other.execute(query)
    ]
    other.close()
    return rows


def _all(where: bytes, what: bytes) -> list[int]:
    places, start = [], where.find(what)
    while start >= 0:
        places.append(start)
        start = where.find(what, start + 1)
    return places


def test_a_file_damaged_past_reading_is_a_finding_not_a_crash(ledger: Store):
    ledger.close()
    other = pysqlite3.connect(ledger.path)
    (root,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'entry'").fetchone()
    (size,) = other.execute("PRAGMA page_size").fetchone()
    other.close()
    broken = bytearray(ledger.path.read_bytes())
    broken[(root - 1) * size : root * size] = b"\xff" * size
    ledger.path.write_bytes(bytes(broken))
    store = open_store(f"sqlite:///{ledger.path}")
    report = check_store(store)
    store.close()
    assert not report.ok
    damaged = [finding.message for finding in report.findings if finding.code == "L011"]
    assert any(message.startswith("The ledger's chain cannot be read") for message in damaged)


def test_a_long_list_of_one_kind_is_cut_and_counted(store: Store, clock):
    fill(store)
    with store.writing() as unit:
        template = log_draft(clock)
        unit.ledger.append([template(number) for number in range(130)])
    tamper(store, "UPDATE entry SET body = body || ' '")
    report = check_store(store)
    changed = [finding for finding in report.findings if finding.code == "L001"]
    assert len(changed) == 101
    assert changed[-1].message == "30 more of this kind are not listed."


def log_draft(clock) -> Callable[[int], object]:
    from dataclasses import replace

    from trellis_core.store.unit_of_work import Draft

    text = (
        '[1,"practice-1",1,"e","time","CCM","pt-1","staff-nurse","staff-nurse",1780281000,1200,'
        '"2026-05-31",202605,"patient_contact","typed",null,1,0,null,null,0,null,null,null,null,'
        "1780282300]"
    )
    body = parse_body(text)
    assert canonical_body(body) == text
    assert body.program is Program.CCM
    return lambda number: Draft(body=replace(body, entry_id=f"e-{number}"))


def test_messages_hold_no_names_and_no_notes(ledger: Store):
    tamper(
        ledger, "UPDATE entry_note SET text = 'Jane Canary'", "UPDATE month_roll SET seconds = 1"
    )
    for finding in check_store(ledger).findings:
        assert "Canary" not in finding.message
        assert "Note" not in finding.message


@pytest.mark.parametrize("actor", [OWNER, BILLER, AUDITOR])
def test_owner_biller_and_auditor_check_their_own_practice(ledger: Store, clock, actor):
    report = check_ledger(store=ledger, actor=actor, clock=clock)
    assert report.ok
    assert [end.practice_id for end in report.heads] == ["practice-1"]
    assert report.head == report.heads[0].head


@pytest.mark.parametrize("actor", [NURSE, OTHER_NURSE])
def test_coordinators_do_not_check_the_ledger(ledger: Store, clock, actor):
    with pytest.raises(PermissionDeniedError):
        check_ledger(store=ledger, actor=actor, clock=clock)


def test_another_practices_findings_are_not_shown(ledger: Store, clock):
    tamper(
        ledger,
        "UPDATE entry SET body = body || ' ' WHERE seq = 2",
        "UPDATE month_roll SET seconds = 1",
        "UPDATE ledger_head SET hash = zeroblob(32) WHERE practice_id = 'practice-1'",
        "DELETE FROM entry_note",
    )
    assert check_ledger(store=ledger, actor=STRANGER, clock=clock).ok
    assert not check_ledger(store=ledger, actor=OWNER, clock=clock).ok
