"""What one determination costs, with and without its trace, beside a bare loop over the entries.

Run it with ``python -m benchmarks.determination [--cases N] [--rounds N]``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import case
from benchmarks.measure import machine, table, take_turns
from trellis_core.case_file import determination_json, read_cases
from trellis_core.rules.determine import determine
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import load_rule_book

_COMMAND = "from trellis_core.cli import main; raise SystemExit(main())"


def bare_loop(panel: Sequence[Facts]) -> dict[str, int]:
    """Add up each patient's seconds by program: the least that any answer has to look at."""
    totals: dict[str, int] = {}
    for facts in panel:
        seconds: dict[str, int] = {}
        for entry in facts.time_entries:
            seconds[entry.program] = seconds.get(entry.program, 0) + entry.seconds
        totals[facts.patient.id] = sum(seconds.values())
    return totals


def run(cases: int, rounds: int) -> str:
    """Measure and return the report as Markdown."""
    book = load_rule_book()
    raw = json.dumps([case(number) for number in range(cases)]).encode()
    panel = read_cases(raw).facts
    explained = panel[: max(1, cases // 10)]

    def decide() -> list[object]:
        return [determine(facts, rule_book=book) for facts in panel]

    def explain() -> list[object]:
        return [determine(facts, rule_book=book, explain=True) for facts in explained]

    def draw() -> list[object]:
        return [
            determination_json(determine(facts, rule_book=book), explain=False) for facts in panel
        ]

    taken = take_turns(
        {
            "loop": lambda: bare_loop(panel),
            "decide": decide,
            "explain": explain,
            "draw": draw,
            "read": lambda: read_cases(raw),
        },
        rounds=rounds,
    )
    share = cases / len(explained)
    floor = taken["loop"].median
    rows = [
        _row("bare loop over the entries", floor, floor, cases),
        _row("determine", taken["decide"].median, floor, cases),
        _row("determine with its trace", taken["explain"].median * share, floor, cases),
        _row("determine and write as JSON", taken["draw"].median, floor, cases),
        _row("read the case file", taken["read"].median, floor, cases),
    ]
    lines = Counter(
        line.code for facts in panel[:1000] for line in determine(facts, rule_book=book).lines
    )
    entries = sum(len(facts.time_entries) for facts in panel)
    whole, size = _command(raw)
    return "\n".join(
        (
            "## Determination",
            "",
            (
                f"{cases:,} patient-months with {entries:,} entries, {rounds} rounds in turn, median of "
                f"processor time. {machine()}."
            ),
            "",
            table(("what", f"{cases:,} cases", "one case", "ratio to the loop"), rows),
            "",
            (
                f"`trellis determine` on the same file ({size / 1e6:.1f} MB), from start to the last "
                f"byte: {whole:.1f} s by the clock."
            ),
            "",
            "Lines of the first thousand: "
            + ", ".join(f"{code} {count}" for code, count in sorted(lines.items()))
            + ".",
        )
    )


def _row(name: str, seconds: float, floor: float, cases: int) -> tuple[str, str, str, str]:
    return (
        name,
        f"{seconds:.3f} s",
        f"{seconds / cases * 1e6:.1f} µs",
        f"{seconds / floor:.1f}",
    )


def _command(raw: bytes) -> tuple[float, int]:
    """Answer the whole file through the command, as another system would."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cases.json"
        file.write_bytes(raw)
        began = time.perf_counter()
        subprocess.run(  # noqa: S603 - this package's own command
            [sys.executable, "-c", _COMMAND, "determine", str(file)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - began, len(raw)


def main() -> None:
    """Read the size from the command line and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(run(asked.cases, asked.rounds))


if __name__ == "__main__":
    main()
