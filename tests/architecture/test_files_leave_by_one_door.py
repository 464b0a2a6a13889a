"""What a person takes away goes through one button and one service; the toolbar offers nothing."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "pages").rglob("*.py"))


def called(path: Path) -> set[str]:
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name))
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_shared_download_draws_a_download_button(path):
    if path.relative_to(ROOT).as_posix() != "pages/shared/widgets.py":
        assert not called(path) & {"download_button"}


def test_the_shared_download_asks_the_service():
    text = (ROOT / "pages/shared/widgets.py").read_text(encoding="utf-8")
    assert text.count("st.download_button(") == 1
    assert text.count("downloads.deliver(") == 1


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_shows_no_file_in_another_way(path):
    """Pictures, sound and papers of patients would be files of the server outside of the log."""
    assert not called(path) & {"audio", "video", "pdf", "to_csv", "to_excel"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".image"):
            assert ast.unparse(node.args[0]).startswith(("meters.", "str(routes.ICON)"))


def test_the_toolbar_of_a_table_exports_nothing():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["client"]["disableDataExport"] is True
    assert config["client"]["toolbarMode"] == "minimal"
