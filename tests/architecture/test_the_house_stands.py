"""The shape of the project: layers, purity, and what may never be in a file."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "trellis_core").rglob("*.py"))
PAGES = sorted((ROOT / "pages").rglob("*.py"))
EVERYTHING = [*CORE, *PAGES, ROOT / "dashboard.py"]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_imports_point_one_way():
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_keeps_the_rules_of_the_house(path):
    names = _imports(path)
    r5 = [
        n for n in names if re.match(r"fhir\.resources\.(?!R4B)", n) and n != "fhir.resources.R4B"
    ]
    assert not r5, f"R5 classes imported: {r5}"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            hides = not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
            if hides:
                assert caught not in {"everything", "Exception", "BaseException"}, node.lineno
    assert ast.get_docstring(tree), "a module says what it is for"


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_never_draws_raw_html(path):
    text = path.read_text(encoding="utf-8")
    assert "unsafe_allow_html" not in text
    assert not re.search(r"\bst\.html\(", text)


def test_no_form_forgets_what_was_typed_when_it_is_refused():
    """Fields that empty themselves on sending lose it; ``state.form_key`` empties them on success."""
    found = [path.name for path in PAGES if "clear_on_submit=True" in path.read_text("utf-8")]
    assert found == ["own_sign_in.py"]  # passwords


def test_no_page_file_lies_directly_in_pages():
    assert not list((ROOT / "pages").glob("*.py"))


def test_pages_and_the_dashboard_stay_short():
    assert len((ROOT / "dashboard.py").read_text().splitlines()) < 80
    long = [
        str(p.relative_to(ROOT))
        for p in PAGES
        if p.parent.name != "shared" and len(p.read_text().splitlines()) >= 150
    ]
    assert not long


def _tracked_text_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode()
    names = [n for n in listed.split("\0") if n] or [str(p.relative_to(ROOT)) for p in EVERYTHING]
    kinds = {".py", ".md", ".toml", ".txt", ".csv", ".json", ".yaml", ".yml", ".sh", ""}
    return [
        ROOT / n
        for n in names
        if Path(n).suffix in kinds and not n.startswith("tests/data/") and (ROOT / n).is_file()
    ]


def test_no_file_names_a_machine_or_a_package_index():
    bad = re.compile(r"(index-url|find-links|/home/[a-z]+/|/root/|file:///(?!tmp))")
    me = Path(__file__).resolve()
    found = [
        f"{p.relative_to(ROOT)}: {m[0]}"
        for p in _tracked_text_files()
        if p.resolve() != me and (m := bad.search(p.read_text(encoding="utf-8")))
    ]
    assert not found


def test_every_page_that_must_carries_the_disclaimer():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for phrase in ("not billing, coding or legal advice", "vary by region", "does not determine"):
        assert phrase in readme
    wanted = ["insight/roi_calculator.py", "insight/rule_book.py", "billing/superbills.py"]
    for name in wanted:
        assert "disclaimer" in (ROOT / "pages" / name).read_text(encoding="utf-8").lower(), name
