"""What analysts are shown runs: the notebook, and the examples of the guide."""

import ast
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from trellis_core.services.board import board
from trellis_core.values.money import cents_of

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "panel.ipynb"
GUIDE = ROOT / "docs" / "guide" / "analysis.md"


def run(source: str, names: dict[str, Any], place: str) -> object:
    """Run a cell; return what its last expression is, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, place, "exec"), names)  # noqa: S102 - our own file
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), place, "eval"), names)  # noqa: S307


def cells() -> dict[str, Any]:
    document = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return {each["id"]: each for each in document["cells"] if each["cell_type"] == "code"}


def test_the_notebook_is_kept_without_what_it_showed() -> None:
    found = cells()
    assert len(found) >= 8
    assert not [name for name, each in found.items() if each["outputs"] or each["execution_count"]]


def test_the_notebook_runs_and_its_totals_are_those_of_the_board() -> None:
    names: dict[str, Any] = {"__name__": "notebook"}
    shown = {}
    *before, (last, closing) = cells().items()
    try:
        for name, cell in before:
            shown[name] = run("".join(cell["source"]), names, f"{NOTEBOOK.name}: {name}")
        rows = board(month=names["month"], **names["asking"]).rows
        assert len(names["board"]) == len(rows) > 0
        expected = cents_of(sum(row.expected for row in rows))
        assert names["board"]["expected_cents"].sum() == expected > 0
        by_state = shown["board"]
        assert isinstance(by_state, pd.DataFrame)
        assert round(by_state["expected"].sum() * 100) == expected
        time = names["time"]
        now = time[time["month"] == str(names["month"])]
        assert now["minutes"].sum() == sum(row.minutes for row in rows if row.ticks) > 0
        assert names["distribution"].sum() == len(names["chronic"]) > 0
        (drawn,) = names["figure"].data
        assert sum(drawn.y) == len(names["chronic"])
        assert names["near"]["dollars_per_minute"].is_monotonic_decreasing
        assert len(names["rates"]) == 2 * len(names["places"]) > 2
        assert names["rates"]["allowed_cents"].notna().all()
        assert names["model"]["month"].tolist() == list(range(1, 37))
    finally:
        run("".join(closing["source"]), names, f"{NOTEBOOK.name}: {last}")
    assert not names["folder"].exists()


def test_the_examples_of_the_guide_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    examples = re.findall(
        r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(examples) >= 3
    names: dict[str, Any] = {"__name__": "guide"}
    for number, source in enumerate(examples, start=1):
        run(source, names, f"{GUIDE.name}: example {number}")
    assert len(names["board"]) > 0
    assert (names["time"]["worked_seconds"] > 0).any()
    assert names["rates"]["allowed_cents"].tolist() == [6613, 5044]
    assert len(names["model"]) == 36
    assert names["lines"].empty  # the sample has closed no month
