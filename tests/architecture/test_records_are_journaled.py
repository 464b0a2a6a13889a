"""No record is written past the journal: statements that would are found by reading the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = sorted(
    path
    for folder in ("services", "cli", "superbill", "fhir", "documents")
    for path in (ROOT / "trellis_core" / folder).rglob("*.py")
) + sorted((ROOT / "trellis_core").glob("*.py")) + sorted((ROOT / "pages").rglob("*.py"))  # fmt: skip
WRITES = {"insert", "update", "delete"}
CHAINED = {
    "ENTRY", "ENTRY_NOTE", "EVENT", "EVENT_TEXT", "WITHHELD_NOTE", "MONTH_MARK", "SUPERBILL",
    "SUPERBILL_LINE", "MONTH_DETERMINATION", "CHECKPOINT", "STORE_IDENTITY",
}  # fmt: skip
"""Tables that only grow and have a proof of their own."""


def writes_of(path: Path) -> list[tuple[int, str, str]]:
    """Return line, statement and table of what a module writes past the session."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("sqlalchemy", "sqlmodel"))
        for alias in node.names
    }  # fmt: skip
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in WRITES & imported and node.args:
            found.append((node.lineno, called.id, ast.unparse(node.args[0])))
        elif isinstance(called, ast.Attribute) and called.attr in {
            "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings",
        }:  # fmt: skip
            found.append((node.lineno, called.attr, ast.unparse(called.value)))
    return found


@pytest.mark.parametrize("path", SERVICES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_service_writes_records_through_the_session_or_tells_the_journal(path):
    for line, statement, table in writes_of(path):
        if table in CHAINED:
            assert statement == "insert", f"{path.name}:{line}"
            continue
        text = path.read_text(encoding="utf-8").splitlines()
        after = " ".join(text[line - 1 : line + 2])
        assert statement == "insert", f"{path.name}:{line} writes {table} past the session"
        assert "journal.recorded(" in after, f"{path.name}:{line} does not tell the journal"


def test_the_bulk_path_of_imports_is_the_only_one_past_the_session():
    past = [
        (path.name, table)
        for path in SERVICES
        for _, _, table in writes_of(path)
        if table not in CHAINED
    ]
    assert past == [("exchange.py", "type(made[0])")]


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


WITHOUT_EVENTS = {"practice.py": {"store.writing()"}, "backup.py": {"target.writing()"}}
"""Units of work that write no event: a request of a signed-in person is noted; a copy is filled."""
