"""The register before several superbills: one row for each, the sums, and on which page each begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from trellis_core.documents.layout import ACCENT, QUIET, Page, Text, width_of, wrapped
from trellis_core.documents.superbill_sheet import MARGIN, WIDTH, Sheet
from trellis_core.documents.superbill_words import NOT_A_CLAIM, money_text
from trellis_core.superbill import NOTHING, Superbill, SuperbillStatus
from trellis_core.superbill.totals import charged, current, expected
from trellis_core.values.periods import ServiceMonth

RIGHT: Final = MARGIN + WIDTH

COLUMNS: Final = (
    ("No.", 0.0, "left"),
    ("Patient", 52.0, "left"),
    ("Payer", 184.0, "left"),
    ("Codes", 284.0, "left"),
    ("Units", 386.0, "right"),
    ("Charge", 442.0, "right"),
    ("Expected allowed", 504.0, "right"),
    ("Page", 528.0, "right"),
)
NUMBER_WIDTH: Final = 46.0
PATIENT_WIDTH: Final = 124.0
PAYER_WIDTH: Final = 94.0
CODES_WIDTH: Final = 76.0
SIZE: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a register and an archive's manifest say of a superbill, the superbill itself put away.

    Attributes:
        practice: Its name; ``npi`` and ``tin`` are the practice's too.
        payer: None where no coverage is on record.
        codes: Of each line, with its units.
        uncharged: How many lines have no charge.
        unpriced: How many lines have no expected amount.
        missing: How many things it still needs.
    """

    id: str
    version: int
    number: int | None
    status: SuperbillStatus
    is_withdrawn: bool
    replaces: int | None
    replaced_by: int | None
    service_month: ServiceMonth
    data_as_of: datetime
    practice: str
    npi: str | None
    tin: str | None
    patient: str
    mrn: str
    payer: str | None
    codes: tuple[str, ...]
    lines: int
    units: int
    charge_total: Decimal | None
    allowed_total: Decimal | None
    uncharged: int
    unpriced: int
    missing: int


def listed(bill: Superbill) -> Listed:
    """Return what is listed of a superbill."""
    return Listed(
        id=bill.id,
        version=bill.version,
        number=bill.number,
        status=bill.status,
        is_withdrawn=bill.is_withdrawn,
        replaces=bill.replaces,
        replaced_by=bill.replaced_by,
        service_month=bill.service_month,
        data_as_of=bill.data_as_of,
        practice=bill.practice.name,
        npi=bill.practice.npi,
        tin=bill.practice.tin,
        patient=bill.patient.name,
        mrn=bill.patient.mrn,
        payer=bill.payer.payer_name if bill.payer else None,
        codes=tuple(
            f"{line.code} x {line.units}" if line.units > 1 else line.code for line in bill.lines
        ),
        lines=len(bill.lines),
        units=sum(line.units for line in bill.lines),
        charge_total=bill.charge_total,
        allowed_total=bill.allowed_total,
        uncharged=sum(line.charge is None for line in bill.lines),
        unpriced=sum(line.allowed is None for line in bill.lines),
        missing=len(bill.missing),
    )


@dataclass(frozen=True, slots=True)
class Sums:
    """What the superbills of a file amount to, as the screen says it.

    Attributes:
        counted: How many superbills the sums are of: each claim once.
        charge: None where no superbill has a charge for each of its lines.
    """

    counted: int
    lines: int
    units: int
    charge: Decimal | None
    allowed: Decimal


def sums_of(bills: Sequence[Listed]) -> Sums:
    """Add superbills up, without those that another among them replaces or would replace."""
    numbers = {bill.number for bill in bills} - {None}
    once = [bill for bill in current(bills) if bill.replaced_by not in numbers]
    return Sums(
        counted=len(once),
        lines=sum(bill.lines for bill in once),
        units=sum(bill.units for bill in once),
        charge=charged(once),
        allowed=expected(once),
    )


def register_pages(bills: Sequence[Listed], starts: Sequence[int]) -> tuple[Page, ...]:
    """Lay the register out; its feet are written with those of the whole file.

    Args:
        bills: In the order of their pages.
        starts: On which page after the register each begins, the first after it being 1.
    """
    sheet = _Register(bills)
    sheet.opening()
    numbered = [_row(sheet, bill) for bill in bills]
    _sums(sheet, bills)
    for (page, at, y), start in zip(numbered, starts, strict=True):
        words = str(len(sheet.pages) + start)
        page.items[at] = Text(RIGHT - width_of(words, SIZE), y, words, SIZE)
    return tuple(sheet.pages)


def months_of(bills: Sequence[Listed]) -> str:
    """Name the months of superbills."""
    months = sorted({bill.service_month for bill in bills})
    return ", ".join(f"{month.first_day:%B} {month.year}" for month in months)


class _Register(Sheet):
    """Sheets that name the practice and the month, and repeat the table's head."""

    def __init__(self, bills: Sequence[Listed]) -> None:
        self.bills = bills
        super().__init__()

    def opening(self) -> None:
        """Write the first page's head."""
        first = self.bills[0]
        self.y = MARGIN + 14
        self.text(
            MARGIN, f"Superbills, {months_of(self.bills)}", size=17, is_bold=True, colour=ACCENT
        )
        self.y += 15
        self.text(MARGIN, f"{NOT_A_CLAIM} · register of what follows", size=8.5, colour=QUIET)
        self.y += 9
        self.rule(colour=ACCENT, width=1.2)
        ids = f"NPI {first.npi or NOTHING} · TIN {first.tin or NOTHING}"
        self.y += 15
        room = WIDTH - width_of(ids, 8.5) - 14
        for at, line in enumerate(wrapped(first.practice, room, 10.5, is_bold=True)):
            self.y += 13 if at else 0
            self.text(MARGIN, line, size=10.5, is_bold=True)
            if at == 0:
                self.text_right(RIGHT, ids, size=8.5)
        self.paragraph(_counted(self.bills), size=8, colour=QUIET)
        self.y += 8
        _heads(self)

    def head(self) -> None:
        """Write the head of a page after the first."""
        self.y = MARGIN + 4
        words = f"Superbills, {months_of(self.bills)}, register continued"
        self.text(MARGIN, words, size=8.5, is_bold=True, width=WIDTH * 0.6)
        self.text_right(RIGHT, _short(self.bills[0].practice), size=8, colour=QUIET)
        self.y += 6
        self.rule(colour=ACCENT, width=1.0)
        self.y += 6
        _heads(self)


def _short(name: str) -> str:
    return wrapped(name, WIDTH * 0.38, SIZE)[0]


def _counted(bills: Sequence[Listed]) -> str:
    """Say how many superbills there are of each standing."""
    by_status: dict[str, int] = {}
    for status in (SuperbillStatus.ISSUED, SuperbillStatus.APPROVED, SuperbillStatus.DRAFT):
        by_status[status.value] = sum(bill.status is status for bill in bills)
    words = [f"{count} {name}" for name, count in by_status.items() if count]
    return f"{len(bills)} superbills: {', '.join(words)}"


def _heads(sheet: Sheet) -> None:
    sheet.y += 10
    for label, x, side in COLUMNS:
        if side == "left":
            sheet.text(MARGIN + x, label, size=6.5, colour=QUIET)
        else:
            sheet.text_right(MARGIN + x, label, size=6.5, colour=QUIET)
    sheet.y += 4
    sheet.rule()


def _number(bill: Listed) -> str:
    if bill.number is None:
        return str(bill.status)
    return f"{bill.number} withdrawn" if bill.is_withdrawn else str(bill.number)


def _row(sheet: Sheet, bill: Listed) -> tuple[Page, int, float]:
    """Write a row; return its page, which item of it waits for the page's number, and its height."""
    under = wrapped(_under(bill), PATIENT_WIDTH, 6.5)
    cells = (
        wrapped(_number(bill), NUMBER_WIDTH, SIZE),
        wrapped(bill.patient, PATIENT_WIDTH, SIZE),
        wrapped(bill.payer or "no coverage", PAYER_WIDTH, SIZE),
        wrapped(", ".join(bill.codes) or NOTHING, CODES_WIDTH, SIZE),
        [str(bill.units) if bill.lines else NOTHING],
        [money_text(bill.charge_total if bill.lines else None)],
        [money_text(bill.allowed_total if bill.lines else None)],
    )
    name = 10 * len(cells[1])
    height = max(name + 8 * len(under), *(10 * len(lines) for lines in cells))
    sheet.need(height + 8)
    top = sheet.y + 2
    for (_, x, side), lines in zip(COLUMNS[:-1], cells, strict=True):
        for at, words in enumerate(lines, start=1):
            sheet.y = top + 10 * at
            if side == "left":
                sheet.text(MARGIN + x, words, size=SIZE)
            else:
                sheet.text_right(MARGIN + x, words, size=SIZE)
    page = sheet.pages[-1]
    waiting = len(page.items)
    number_at = top + 10
    page.items.append(Text(RIGHT, number_at, "", SIZE))
    for at, words in enumerate(under, start=1):
        sheet.y = top + name + 8 * at
        sheet.text(MARGIN + 52, words, size=6.5, colour=QUIET)
    sheet.y = top + height + 4
    sheet.rule()
    return page, waiting, number_at


def _under(bill: Listed) -> str:
    """Say under a patient's name what is to be known of the superbill."""
    said = [f"MRN {bill.mrn}"]
    if bill.replaces is not None:
        verb = "replaces" if bill.number is not None else "would replace"
        said.append(f"{verb} No. {bill.replaces}")
    if bill.replaced_by is not None:
        said.append(f"replaced by No. {bill.replaced_by}")
    if bill.missing:
        said.append(f"{bill.missing} still missing")
    return " · ".join(said)


def _sums(sheet: Sheet, bills: Sequence[Listed]) -> None:
    sums = sums_of(bills)
    sheet.need(34)
    sheet.y += 14
    lines = f"{sums.lines} line{'' if sums.lines == 1 else 's'}"
    sheet.text(MARGIN, f"Total of {sums.counted}: {lines}", size=SIZE, is_bold=True)
    for words, x in (
        (str(sums.units), 386.0),
        (money_text(sums.charge), 442.0),
        (money_text(sums.allowed), 504.0),
    ):
        sheet.text_right(MARGIN + x, words, size=SIZE, is_bold=True)
    sheet.y += 2
    notes = []
    if sums.counted < len(bills):
        notes.append("What another one here replaces is not added: each claim is counted once.")
    uncharged = sum(bill.uncharged for bill in bills)
    if 0 < uncharged < sum(bill.lines for bill in bills):
        notes.append("A superbill without a charge for each of its lines adds no charge.")
    if any(bill.unpriced for bill in bills):
        notes.append("A superbill with a line that has no amount on file adds nothing expected.")
    for words in notes:
        sheet.paragraph(words, size=7, colour=QUIET, leading=9.5)
