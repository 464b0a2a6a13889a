"""The calculation as files: a two-page PDF to hand on, and a CSV for a spreadsheet."""

from collections.abc import Callable

from pages.shared import store, widgets
from trellis_core import roi
from trellis_core.access import Operation
from trellis_core.care.people import Practice
from trellis_core.documents.roi_csv import scenario_csv
from trellis_core.documents.roi_pdf import scenario_pdf
from trellis_core.roi import Contracts, RoiResult
from trellis_core.rules.amounts import AmountTables
from trellis_core.services.downloads import FileForm
from trellis_core.services.scenarios import Scenario


def draw(
    result: RoiResult,
    tables: AmountTables,
    contracts: Contracts,
    *,
    scenario: Scenario | None,
    practice: Practice | None,
) -> None:
    """Draw a button for each file.

    Args:
        result: What is entered now.
        tables: The fee tables.
        contracts: Payers' contracted amounts.
        scenario: The one that was opened or saved last; the file has its name while the inputs are its.
        practice: Whose name the file has; None before there is one.
    """
    is_it = scenario is not None and scenario.inputs == result.inputs
    name = scenario.name if scenario is not None and is_it else ""

    def as_pdf() -> bytes:
        return scenario_pdf(
            result,
            name=name,
            practice_name="" if practice is None else practice.name,
            swings=roi.swings(result.inputs, tables, contracts),
            floors=roi.floors(result.inputs, tables),
            made_on=store.clock().now().date(),
        )

    _button("PDF", as_pdf, FileForm.ROI_PDF, "application/pdf", result)
    _button("CSV", lambda: scenario_csv(result, name=name), FileForm.ROI_CSV, "text/csv", result)


def _button(
    label: str, make: Callable[[], bytes], form: FileForm, media_type: str, result: RoiResult
) -> None:
    widgets.download(
        label,
        lambda _person: make(),
        operation=Operation.READ_ROI,
        form=form,
        file_name=f"roi-{result.inputs.year}.{label.lower()}",
        media_type=media_type,
        key=f"roi_{label.lower()}",
        without_practice=make,
    )
