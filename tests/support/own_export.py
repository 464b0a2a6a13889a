"""An own whole export as files by type, written with as little as a return needs."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from trellis_core.fhir.charges import Charged, charge_resources
from trellis_core.fhir.kept import KEPT, key_of, record_extension
from trellis_core.fhir.names import TYPES, Names, Style
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.time import root_of, time_resources
from trellis_core.fhir.whole import whole_statement
from trellis_core.fhir.writing import json_line
from trellis_core.services.issued_superbills import read_issued
from trellis_core.store.chart_query import ChartRows, PracticeRows, read_charts, read_practice
from trellis_core.store.engine import Store
from trellis_core.store.month_query import closed_months
from trellis_core.store.tables import PatientRow, PracticeRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import zone_named

WRITTEN_AT = datetime.fromisoformat("2026-12-24T18:00:00+00:00")


def whole_export(store: Store) -> list[Resource]:
    """Return every resource of a store's one practice that a return reads, the statement last."""
    with store.reading() as unit:
        (practice_id,) = unit.connection.execute(select(PracticeRow.__table__.c.id)).scalars()
        practice = read_practice(unit, practice_id)
        names = Names(
            practice_id=practice_id,
            zone=zone_named(practice.practice.time_zone),
            style=Style.RELATIVE,
        )
        people = select(PatientRow.__table__.c.id)
        charts = read_charts(unit, practice_id, set(unit.connection.execute(people).scalars()))
        found = list(_records(names, practice, charts))
        for chart in charts:
            found += _work(unit, names, chart)
        counts = Counter(str(each["resourceType"]) for each in found)
        closed = closed_months(unit, practice_id)
    return [*found, whole_statement(names, counts, closed)]


def _records(
    names: Names, practice: PracticeRows, charts: tuple[ChartRows, ...]
) -> Iterator[Resource]:
    for kind, kept in KEPT.items():
        rows = [practice.practice] if kind == "practice" else [*practice.of(kept.row)]
        rows += [row for chart in charts for row in chart.of(kept.row)]
        if kind == "patient":
            rows = [chart.patient for chart in charts]
        for row in rows:
            resource: Resource = {
                **names.head(kind, key_of(kind, row)),
                "extension": [record_extension(kind, row)],
            }
            if kind == "patient" and row.source_identifier:
                system, _, value = row.source_identifier.partition("|")
                resource["identifier"] = [{"system": system, "value": value}]
            yield resource


def _work(unit: UnitOfWork, names: Names, chart: ChartRows) -> Iterator[Resource]:
    roots = root_of(chart.entries)
    yield from time_resources(names, chart, chart.entries, {})
    charged = [
        Charged(bill=each.bill, superseded_by=each.superseded_by)
        for each in read_issued(unit, names.practice_id, patient_ids=[chart.patient.id])
    ]
    yield from charge_resources(names, chart, charged, roots)


def write_files(resources: list[Resource], folder: Path) -> Path:
    """Write resources as files by type with a manifest, and return their folder."""
    lines: dict[str, list[bytes]] = defaultdict(list)
    for each in resources:
        lines[str(each["resourceType"])].append(json_line(each))
    folder.mkdir()
    for kind, found in lines.items():
        (folder / f"{kind}.ndjson").write_bytes(b"".join(line + b"\n" for line in found))
    write_manifest(folder)
    return folder


def write_manifest(folder: Path) -> None:
    """Write the manifest of the files that are in a folder."""
    output = [
        {"type": path.stem, "url": path.name, "count": len(path.read_bytes().splitlines())}
        for path in sorted(folder.glob("*.ndjson"))
    ]
    (folder / "manifest.json").write_text(json.dumps({"output": output}))


def change_line(
    folder: Path, kind: str, line: int, change: Callable[[Resource], Resource | str | None]
) -> None:
    """Change one line of a file, or take it away where nothing is returned; the manifest follows."""
    path = folder / f"{kind}.ndjson"
    lines = path.read_text("utf-8").splitlines()
    changed = change(json.loads(lines[line - 1]))
    text = changed if isinstance(changed, str) else changed and json.dumps(changed)
    lines[line - 1 : line] = [text] if text is not None else []
    path.write_text("".join(f"{each}\n" for each in lines), "utf-8")
    write_manifest(folder)


__all__ = ["TYPES", "change_line", "whole_export", "write_files", "write_manifest"]
