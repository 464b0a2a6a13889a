"""Runs every benchmark at two sizes and prints one Markdown table: ``python -m benchmarks``.

Practices of a thousand and of ten thousand patients are made once, with a hundred entries each in twelve months,
in a folder that is removed afterwards or in one that is kept (``--store-folder``). Each benchmark runs in a process
of its own. Progress is said on standard error. It needs Linux, and some 5 GB of disk.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.made import MONTHS, SEED, url_of
from benchmarks.measure import machine, table
from benchmarks.parts import PARTS
from benchmarks.rows import Row, from_json, load, one_table, said

SIZES: Final = (1_000, 10_000)
SMALLEST: Final = 15
"""Patients of the practice that is looked at in the browser besides."""

QUICK_SIZES: Final = (5, SMALLEST)
_LONGEST: Final = 1_800
_ROOT: Final = Path(__file__).parents[1]


@dataclass
class _Whole:
    """A run of everything.

    Attributes:
        sizes: Patients of the small and of the large practice.
        folder: Where the practices are kept.
        work: For everything else; it is removed.
    """

    sizes: tuple[int, int]
    folder: Path
    work: Path
    is_quick: bool
    rows: dict[int, dict[str, Row]] = field(default_factory=dict)
    details: list[tuple[str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def run(self, names: Sequence[str]) -> None:
        """Run the parts that were asked for, each at both sizes."""
        for size in dict.fromkeys(self.sizes):
            self._make(size, is_wanted="sample" in names)
        for name in names:
            if name == "sample":
                continue
            missing = PARTS[name].missing()
            if missing is not None:
                self.failed.append(f"{name}: not measured; {missing}.")
                continue
            if name == "browser" and SMALLEST not in self.sizes:
                self._make(SMALLEST, is_wanted=False)
                self._part(name, SMALLEST)
            for size in dict.fromkeys(self.sizes):
                self._part(name, size)

    def _make(self, size: int, *, is_wanted: bool) -> None:
        place = _file_of(self.folder, size)
        if place.exists():
            if is_wanted:
                self.failed.append(f"sample of {size:,}: not measured; it was there.")
            return
        making = self.work / "making"
        making.mkdir(exist_ok=True)
        if self._part("sample", size, url=url_of(making, size)):
            _move(_file_of(making, size), place)
        else:
            raise SystemExit(f"The practice of {size:,} was not made: {self.failed[-1]}")

    def _part(self, name: str, size: int, *, url: str | None = None) -> bool:
        """Run one part; say whether it ended well."""
        folder = self.work / f"{name}-{size}"
        folder.mkdir(parents=True)
        if url is None and PARTS[name].changes:
            shutil.copyfile(_file_of(self.folder, size), _file_of(folder, size))
            url = url_of(folder, size)
        self._say(f"{name}, {size:,} patients …")
        began = time.monotonic()
        asked = {
            "part": name,
            "patients": size,
            "url": url or url_of(self.folder, size),
            "folder": str(folder),
            "is_quick": self.is_quick,
        }
        try:
            found = self._found(asked, folder)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            self.failed.append(f"{name} with {size:,} patients: did not end well; {error}")
            self._say(self.failed[-1])
            return False
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        kept = self.rows.setdefault(size, {})
        kept.update({row.what: row for row in map(from_json, found["rows"])})
        if found["detail"]:
            self.details.append((f"{name}, {size:,} patients", found["detail"]))
        self._say(f"{name}, {size:,} patients: {time.monotonic() - began:,.0f} s")
        return True

    @staticmethod
    def _found(asked: Mapping[str, object], folder: Path) -> dict[str, Any]:
        done = subprocess.run(  # noqa: S603 - this package's own module
            [sys.executable, "-m", "benchmarks.part", json.dumps(asked)],
            cwd=_ROOT,
            env=os.environ | {"TRELLIS_DATA_FOLDER": str(folder / "data")},
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else "silently")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def _say(self, words: str) -> None:
        passed = time.monotonic() - self._began
        print(f"[{passed / 60:5.1f} min] {words}", file=sys.stderr, flush=True)

    def report(self) -> str:
        """Return what was found as Markdown."""
        small, large = (self.rows.get(size, {}) for size in self.sizes)
        names = f"{self.sizes[0]:,}", f"{self.sizes[1]:,}"
        small = {name: row for name, row in small.items() if self.sizes[0] != self.sizes[1]}
        parts = [
            (
                f"{self.sizes[0]:,} and {self.sizes[1]:,} patients, {MONTHS} months, a hundred entries each, "
                f"seed {SEED}, on SQLite; {datetime.now(UTC):%Y-%m-%d}. {machine()}, {os.cpu_count()} "
                f"processors; load {load()} at the end. Each benchmark in a process of its own. Growth is the "
                "large practice's figure by the small one's; floors are of the same run."
            ),
            one_table(small, large, names),
            "\n".join(
                [
                    *(f"- {each}" for each in self.failed),
                    *(f"- {what}: {told}" for what, told in self.details if "\n" not in told),
                ]
            ),
            self._in_the_browser(),
            *(f"### {what}\n\n{told}" for what, told in self.details if "\n" in told),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _in_the_browser(self) -> str:
        """Return the browser's figures at every size, the smallest included."""
        sizes = sorted(size for size in self.rows if any(map(_is_browser, self.rows[size])))
        if not sizes or SMALLEST in self.sizes:
            return ""
        names = [name for name in self.rows[sizes[-1]] if _is_browser(name)]
        lines = [
            [
                name.partition(": ")[2],
                *(
                    said(row.figure, row.unit) if (row := self.rows[size].get(name)) else ""
                    for size in sizes
                ),
            ]
            for name in names
        ]
        headings = ["in Chromium, by the clock", *(f"{size:,} patients" for size in sizes)]
        return f"### The board in Chromium\n\n{table(headings, lines)}"


def _is_browser(name: str) -> bool:
    return name.startswith("browser: ")


def _file_of(folder: Path, size: int) -> Path:
    return Path(url_of(folder, size).removeprefix("sqlite:///"))


def _move(made: Path, place: Path) -> None:
    """Keep a practice that was made, in one file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, place)


def run(
    names: Sequence[str] = tuple(PARTS),
    *,
    sizes: tuple[int, int] = SIZES,
    store_folder: Path | None = None,
    is_quick: bool = False,
) -> str:
    """Run parts and return the report.

    Args:
        names: Of the parts.
        sizes: Patients of the small and of the large practice.
        store_folder: Where practices are kept for the next run; None for nowhere.
        is_quick: Only see that everything runs.
    """
    with tempfile.TemporaryDirectory(prefix="trellis-bench-") as place:
        work = Path(place)
        folder = (store_folder or work / "practices").absolute()
        whole = _Whole(sizes=sizes, folder=folder, work=work, is_quick=is_quick)
        whole.run(names)
        return whole.report()


def main() -> None:
    """Run with the command's options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="one part; again")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs")
    parser.add_argument("--store-folder", type=Path, help="where practices are kept for next time")
    parser.add_argument("--out", type=Path, help="write the report here; else it is printed")
    given = parser.parse_args()
    report = run(
        given.only or tuple(PARTS),
        sizes=QUICK_SIZES if given.quick else SIZES,
        store_folder=given.store_folder,
        is_quick=given.quick,
    )
    if given.out is None:
        print(report, end="")
    else:
        given.out.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
