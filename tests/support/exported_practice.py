"""The sample practice with a past: a closed month, time corrected and voided, a restricted chart."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlmodel import col, select

from trellis_core.access import AccessRole, Actor
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.sample import load_sample
from trellis_core.services.fhir_export import ExportForm, FhirExport, FhirWanted, export_fhir
from trellis_core.services.month_close import CloseMonth, ReopenMonth, close_month, reopen_month
from trellis_core.services.restricted import restrict_chart
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.ledger_query import read_entries
from trellis_core.store.tables import PracticeRow, StaffRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

Json = Mapping[str, Any]

DAY: Final = date(2026, 11, 20)
OCTOBER: Final = ServiceMonth(2026, 10)
NOVEMBER: Final = ServiceMonth(2026, 11)
CLOCK: Final = FixedClock(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))
SOME_MINUTES: Final = 300


def owner_of(store: Store) -> Actor:
    """Return the owner of a store's one practice."""
    with store.reading() as unit:
        practice_id = unit.session.exec(select(PracticeRow.id)).one()
        people = select(StaffRow.id).where(StaffRow.access == AccessRole.OWNER.value)
        owner = unit.session.exec(people.order_by(col(StaffRow.id))).first()
    return Actor(practice_id=practice_id, person_id=str(owner), role=AccessRole.OWNER)


def entries_of(store: Store, month: ServiceMonth) -> tuple[TimeEntry, ...]:
    """Return a month's entries that stand, in the ledger's order."""
    practice_id = owner_of(store).practice_id
    with store.reading() as unit:
        found = read_entries(unit, practice_id, month=month)
    return tuple(each for each in found if not each.is_reversed)


def correct(store: Store, entry: TimeEntry, seconds: int | None, number: int = 1) -> None:
    """Change an entry's length, or take it back."""
    correct_time(
        CorrectTime(
            entry_id_new=f"correction-{entry.id}-{number}",
            entry_id=entry.id,
            seconds=seconds,
            reason="The clock of the phone says otherwise.",
        ),
        store=store,
        actor=owner_of(store),
        clock=CLOCK,
    )


def with_a_past(store: Store) -> tuple[TimeEntry, TimeEntry, str]:
    """Give a sample practice a past; return the corrected entry, the voided one, who is restricted.

    October is closed, reopened for one correction, and closed again.
    """
    rules = load_rule_book()
    given: dict[str, Any] = {"store": store, "actor": owner_of(store), "clock": CLOCK}
    close_month(CloseMonth(month=OCTOBER, form_id="close-1"), rule_book=rules, **given)
    reopen_month(ReopenMonth(month=OCTOBER, form_id="open-1", reason="A late call."), **given)
    late = next(each for each in entries_of(store, OCTOBER) if each.seconds > SOME_MINUTES)
    correct(store, late, late.seconds - 60)
    close_month(CloseMonth(month=OCTOBER, form_id="close-2"), rule_book=rules, **given)
    corrected, voided = entries_of(store, NOVEMBER)[3:5]
    correct(store, corrected, corrected.seconds + 60)
    correct(store, voided, None)
    restrict_chart(corrected.patient_id, readers=(), **given)
    return corrected, voided, corrected.patient_id


@dataclass(frozen=True, slots=True)
class Exported:
    """An export on the disk, read back.

    Attributes:
        resources: Every resource, as JSON says it; numbers with a point are decimals.
    """

    folder: Path
    made: FhirExport
    resources: Sequence[Json]

    def of(self, kind: str) -> list[Json]:
        """Return the resources of one type."""
        return [each for each in self.resources if each["resourceType"] == kind]

    @property
    def files(self) -> list[Path]:
        """Return the files but the manifest."""
        return [self.folder / name for name, _ in self.made.files if name != "manifest.json"]


def exported(store: Store, folder: Path, form: ExportForm, **more: Any) -> Exported:
    """Export a store's practice as its owner."""
    made = export_fhir(
        FhirWanted(form=form, **more),
        folder,
        store=store,
        actor=owner_of(store),
        clock=CLOCK,
        rule_book=load_rule_book(),
    )
    return Exported(folder, made, list(resources_in(folder, made)))


def resources_in(folder: Path, made: FhirExport) -> Iterator[Json]:
    """Read every resource of an export's files."""
    for name, _ in made.files:
        text = (folder / name).read_text("utf-8")
        if name.endswith(".ndjson"):
            yield from (json.loads(line, parse_float=Decimal) for line in text.splitlines())
        elif name != "manifest.json":
            entries = json.loads(text, parse_float=Decimal)["entry"]
            yield from (each["resource"] for each in entries)


def walk(node: object) -> Iterator[tuple[str, Any]]:
    """Go through every key and value of a document."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield key, value
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


def sample_at(path: Path) -> Store:
    """Load the sample practice into a new file."""
    store = open_store(f"sqlite:///{path}")
    load_sample(store, day=DAY)
    return store


def copied(source: Path, target: Path) -> Store:
    """Open a copy of a store's file, to be changed."""
    shutil.copy(source, target)
    return open_store(f"sqlite:///{target}")
