"""No record is written past the journal: statements that would are found by reading the code."""

import ast
from pathlib import Path

import pytest

from trellis_core.services import address_tries, sign_in_attempts
from trellis_core.store.tables import SignInAttemptRow
from trellis_core.store.unit_of_work import NOT_JOURNALED

ROOT = Path(__file__).parents[2]
SERVICES = sorted(
    path
    for folder in ("services", "cli", "superbill", "fhir", "documents", "synthetic")
    for path in (ROOT / "trellis_core" / folder).rglob("*.py")
) + sorted((ROOT / "trellis_core").glob("*.py")) + sorted((ROOT / "pages").rglob("*.py"))  # fmt: skip
WRITING = {
    "insert": "insert", "update": "update", "delete": "delete",
    "insert_or_change": "insert_or_change",
}  # fmt: skip
CHAINED = {
    "ENTRY", "ENTRY_NOTE", "EVENT", "EVENT_TEXT", "WITHHELD_NOTE", "MONTH_MARK", "SUPERBILL",
    "SUPERBILL_LINE", "MONTH_DETERMINATION", "CHECKPOINT", "STORE_IDENTITY",
}  # fmt: skip
"""Tables that only grow and have a proof of their own."""
BOOKKEEPING = {
    "SignInStepRow": "sign_in.py",
    "SignInAttemptRow": "sign_in_attempts.py",
    "_ATTEMPTS": "sign_in_attempts.py",
    "_BUCKETS": "address_tries.py",
}
"""Of signing in, no records, each in the one module that may write it past the session.

A refusal is counted in one statement, so that two at once are two; what has run out is swept away.
The events of signing in are written beside it: ``test_what_is_no_record_is_named``.
"""


def writes_of(path: Path) -> list[tuple[int, str, str]]:
    """Return line, statement and table of what a module writes past the session."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name: WRITING[alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(
            ("sqlalchemy", "sqlmodel", "trellis_core.store.dialects")
        )
        for alias in node.names
        if alias.name in WRITING
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in imported and node.args:
            table = node.args[1 if imported[called.id] == "insert_or_change" else 0]
            found.append((node.lineno, imported[called.id], ast.unparse(table)))
        elif isinstance(called, ast.Attribute) and called.attr in {
            "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings",
        }:  # fmt: skip
            found.append((node.lineno, called.attr, ast.unparse(called.value)))
    return found


@pytest.mark.parametrize("path", SERVICES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_service_writes_records_through_the_session_or_the_journal(path):
    for line, statement, table in writes_of(path):
        if table in CHAINED:
            assert statement == "insert", f"{path.name}:{line}"
            continue
        if BOOKKEEPING.get(table) == path.name:
            continue
        pytest.fail(
            f"{path.name}:{line} has a statement that {statement}s {table} past the session"
        )


def test_no_service_writes_past_the_session_and_the_journal():
    """The bulk path of imports is the journal's own: ``JournalWriter.record_in_bulk``."""
    past = [
        (path.name, table)
        for path in SERVICES
        for _, _, table in writes_of(path)
        if table not in CHAINED and BOOKKEEPING.get(table) != path.name
    ]
    assert past == []


def test_what_is_no_record_is_named():
    """The exceptions are needed, and none of them is a record that the journal keeps."""
    written = {(table, path.name) for path in SERVICES for _, _, table in writes_of(path)}
    assert BOOKKEEPING.items() <= written
    no_records = {kind.__name__ for kind in NOT_JOURNALED}
    assert BOOKKEEPING.keys() - {"_ATTEMPTS", "_BUCKETS"} <= no_records
    assert sign_in_attempts._ATTEMPTS is SignInAttemptRow.__table__
    assert address_tries._BUCKETS is SignInAttemptRow.__table__


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("from sqlalchemy import update as change\nchange(PatientRow)", ("update", "PatientRow")),
        ("from sqlalchemy.dialects.sqlite import insert\ninsert(PatientRow)", ("insert", "PatientRow")),
        (
            "from trellis_core.store.dialects import insert_or_change\ninsert_or_change(c, PATIENT)",
            ("insert_or_change", "PATIENT"),
        ),
        ("session.bulk_save_objects(rows)", ("bulk_save_objects", "session")),
    ],
)  # fmt: skip
def test_a_way_past_the_session_is_seen_under_any_name(tmp_path, words, found):
    (tmp_path / "way.py").write_text(words)
    assert [each[1:] for each in writes_of(tmp_path / "way.py")] == [found]


@pytest.mark.parametrize("path", SERVICES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_service_that_writes_names_who_and_when(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr != "writing":
            continue
        named = {word.arg for word in node.keywords}
        where = f"{path.name}:{node.lineno} {ast.unparse(node)}"
        if where.split(" ", 1)[1] in WITHOUT_EVENTS.get(path.name, ()):
            continue
        assert named & {"actor", "at"}, where


def test_each_unit_of_work_without_events_is_still_there():
    for name, units in WITHOUT_EVENTS.items():
        path = ROOT / "trellis_core" / "services" / name
        calls = {
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        assert units <= calls, name


WITHOUT_EVENTS = {"sign_in.py": {"store.writing()"}, "backup.py": {"target.writing()"}}
"""Units of work that write no event: a request of a signed-in person is noted; a copy is filled."""
