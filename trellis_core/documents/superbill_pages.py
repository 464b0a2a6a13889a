"""A superbill laid out on pages: what stands where, before any PDF is drawn."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.documents.layout import (
    ACCENT,
    CARE,
    CARE_SHADE,
    INK,
    LINE,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    QUIET,
    Box,
    Colour,
    Page,
    Rule,
    Text,
    at_most,
    clipped,
    printable,
    width_of,
    wrapped,
)
from trellis_core.superbill import (
    NOTHING,
    Approval,
    Closing,
    Practitioner,
    RecordedTime,
    Superbill,
    SuperbillLine,
    SuperbillStatus,
    day_text,
)
from trellis_core.values.money import to_cents

MARGIN: Final = 42.0
WIDTH: Final = PAGE_WIDTH - 2 * MARGIN
FLOOR: Final = PAGE_HEIGHT - 66.0
"""Nothing but the footer stands below."""


def moment_text(moment: datetime | None) -> str:
    """Write an instant of the practice's zone with its zone's name."""
    if moment is None:
        return NOTHING
    return f"{day_text(moment.date())} {moment:%H:%M %Z}".strip()


def money_text(amount: Decimal | None) -> str:
    """Write an amount with its currency sign, or a dash where there is none.

    Example:
        >>> money_text(Decimal("1066.13"))
        '$1,066.13'
    """
    return NOTHING if amount is None else f"${to_cents(amount):,.2f}"


def length_text(seconds: int) -> str:
    """Write a length of time as minutes and seconds.

    Example:
        >>> length_text(754)
        '12:34'
    """
    return f"{seconds // 60}:{seconds % 60:02d}"


def close_text(closed: Closing, *, digits: int = 64) -> str:
    """Name the close that issued a superbill, and the end of the ledger that it counted to.

    Args:
        closed: The close.
        digits: How many hex digits of the ledger's end.
    """
    adjusted = f", adjustment {closed.period}" if closed.period else ""
    head = closed.ledger_head[:digits] + ("…" if digits < len(closed.ledger_head) else "")
    return (
        f"Issued by the month's close on {moment_text(closed.at)}{adjusted}, event {closed.event:,}. "
        f"Ledger to entry {closed.ledger_seq:,}, {head}"
    )


def approval_text(approval: Approval) -> str:
    """Say who found a superbill right, and why units that weak time earns stand."""
    words = f"Approved by {approval.by} on {moment_text(approval.at)}"
    if not approval.is_decided:
        return words
    return f"{words}. Accepted though late, estimated or typed time earns a unit: {approval.reason}"


def superbill_pages(superbill: Superbill) -> tuple[Page, ...]:
    """Lay a superbill out: page 1 in claim-form order, then why each line bills."""
    sheet = _Sheet(superbill)
    _first_page(sheet, superbill)
    sheet.new_page()
    _reasons(sheet, superbill)
    return sheet.finished()


class _Sheet:
    """A cursor that moves down pages and starts the next one when something does not fit."""

    def __init__(self, superbill: Superbill) -> None:
        self.superbill = superbill
        self.pages: list[Page] = []
        self.y = 0.0
        self._open_page()

    # Drawing

    def text(
        self,
        x: float,
        words: str,
        *,
        size: float = 8.5,
        is_bold: bool = False,
        colour: Colour = INK,
        width: float | None = None,
        dy: float = 0.0,
    ) -> None:
        """Write one line at the cursor; cut it at a width if one is given."""
        shown = printable(words) if width is None else clipped(words, width, size, is_bold=is_bold)
        if shown:
            self.pages[-1].items.append(Text(x, self.y + dy, shown, size, is_bold, colour))

    def text_right(
        self,
        right: float,
        words: str,
        *,
        size: float = 8.5,
        is_bold: bool = False,
        colour: Colour = INK,
        dy: float = 0.0,
    ) -> None:
        """Write one line that ends at a place."""
        x = right - width_of(printable(words), size, is_bold=is_bold)
        self.text(x, words, size=size, is_bold=is_bold, colour=colour, dy=dy)

    def rule(self, *, dy: float = 0.0, colour: Colour = LINE, width: float = 0.6) -> None:
        """Draw a line across the page."""
        self.pages[-1].items.append(
            Rule(MARGIN, self.y + dy, MARGIN + WIDTH, self.y + dy, colour, width)
        )

    def box(
        self, height: float, *, fill: Colour | None = None, outline: Colour | None = None
    ) -> None:
        """Draw a box across the page, its top at the cursor."""
        self.pages[-1].items.append(Box(MARGIN, self.y, WIDTH, height, fill, outline))

    def paragraph(
        self,
        words: str,
        *,
        x: float = MARGIN,
        width: float | None = None,
        size: float = 8.0,
        colour: Colour = INK,
        leading: float = 11.0,
    ) -> None:
        """Write wrapped text, a line at a time, over pages where needed."""
        for line in wrapped(words, width or MARGIN + WIDTH - x, size):
            self.need(leading)
            self.y += leading
            self.text(x, line, size=size, colour=colour)

    def heading(self, words: str, *, keep: float = 40.0) -> None:
        """Write a section's heading, with room for what follows it."""
        self.need(24 + keep)
        self.y += 20
        self.text(MARGIN, words, size=9.5, is_bold=True, colour=ACCENT)
        self.y += 4
        self.rule(colour=LINE)
        self.y += 2

    # Pages

    def need(self, height: float) -> bool:
        """Start a new page unless a height fits; say whether one was started."""
        if self.y + height <= FLOOR:
            return False
        self.new_page()
        return True

    def new_page(self) -> None:
        """Start the next page with the patient's identification on it."""
        self._open_page()
        bill = self.superbill
        self.y = MARGIN + 4
        self.text(MARGIN, bill.practice.name, size=8.5, is_bold=True, width=WIDTH * 0.6)
        called = bill.id if bill.number is None else f"No. {bill.number}"
        self.text_right(
            MARGIN + WIDTH, f"Superbill {called}, version {bill.version}", size=8, colour=QUIET
        )
        self.y += 12
        born = day_text(bill.patient.birth_date)
        who = f"{bill.patient.name} · MRN {bill.patient.mrn} · born {born}"
        month = f"Service month {bill.service_month}"
        self.text_right(MARGIN + WIDTH, month, size=8, colour=QUIET)
        room = WIDTH - width_of(month, 8) - 12
        for at, line in enumerate(wrapped(who, room, 8)):
            self.y += 11 if at else 0
            self.text(MARGIN, line, size=8)
        if bill.billing is not None:
            self.y += 12
            billing = f"Billing practitioner {bill.billing.signature}"
            self.text(MARGIN, billing, size=8, colour=QUIET, width=WIDTH)
        if bill.approval is not None:
            self.y += 11
            words = approval_text(bill.approval)
            self.text(MARGIN, words, size=7, colour=QUIET, width=WIDTH)
        if bill.closed is not None:
            self.y += 11
            words = close_text(bill.closed, digits=16)
            self.text(MARGIN, words, size=7, colour=QUIET, width=WIDTH)
        self.y += 6
        self.rule(colour=ACCENT, width=1.0)
        self.y += 2

    def _open_page(self) -> None:
        is_draft = self.superbill.status is SuperbillStatus.DRAFT
        self.pages.append(Page(watermark="DRAFT" if is_draft else ""))
        self.y = MARGIN

    def finished(self) -> tuple[Page, ...]:
        """Write the footers, now that the pages are counted."""
        count = len(self.pages)
        notice = wrapped(DISCLAIMER, WIDTH, 6.5)
        for number, page in enumerate(self.pages, start=1):
            y = PAGE_HEIGHT - MARGIN - 8 * (len(notice) - 1) - 4
            page.items.append(Rule(MARGIN, y - 10, MARGIN + WIDTH, y - 10))
            for at, line in enumerate(notice):
                page.items.append(Text(MARGIN, y + 8 * at, line, 6.5, colour=QUIET))
            words = f"Page {number} of {count}"
            x = MARGIN + WIDTH - width_of(words, 7)
            page.items.append(Text(x, PAGE_HEIGHT - 26, words, 7, colour=QUIET))
            standing = f"Superbill, not a claim · {self.superbill.status}"
            if self.superbill.checkpoint is not None:
                standing += f" · {self.superbill.checkpoint}"
            page.items.append(Text(MARGIN, PAGE_HEIGHT - 26, standing, 7, colour=QUIET))
        return tuple(self.pages)


# Page 1


def _first_page(sheet: _Sheet, bill: Superbill) -> None:
    _title(sheet, bill)
    _fields(sheet, bill)
    _diagnoses(sheet, bill)
    _lines(sheet, bill)
    _totals(sheet, bill)
    _preflight(sheet, bill)
    _signature(sheet, bill)


def _title(sheet: _Sheet, bill: Superbill) -> None:
    right = MARGIN + WIDTH
    sheet.y = MARGIN + 14
    sheet.text(MARGIN, "Superbill", size=19, is_bold=True, colour=ACCENT)
    number = f"No. {bill.number}" if bill.number is not None else "No number until the month closes"
    sheet.text_right(right, number, size=8.5, is_bold=True, dy=-7)
    identity = f"{bill.id} · version {bill.version}"
    if bill.replaces is not None:
        identity += f" · replaces No. {bill.replaces}"
    sheet.text_right(right, identity, size=8, colour=QUIET, dy=5)
    sheet.y += 13
    sheet.text(
        MARGIN,
        f"Not a claim · {bill.status} · item numbers are the CMS-1500 form's",
        size=8.5,
        colour=QUIET,
    )
    sheet.text_right(right, f"Service month {bill.service_month}", size=8, colour=QUIET, dy=4)
    sheet.y += 10
    sheet.rule(colour=ACCENT, width=1.2)
    practice = bill.practice
    sheet.y += 15
    sheet.text(MARGIN, practice.name, size=10.5, is_bold=True, width=WIDTH - 220)
    ids = f"NPI {practice.npi or NOTHING} · TIN {practice.tin or NOTHING}"
    sheet.text_right(right, ids, size=8.5)
    sheet.y += 12
    where = " · ".join(part for part in (_practice_address(bill), practice.phone) if part)
    sheet.text(MARGIN, where or "No address recorded", size=8, colour=QUIET, width=WIDTH)
    sheet.y += 10


def _practice_address(bill: Superbill) -> str:
    practice = bill.practice
    return _address(
        practice.address_line, practice.city, practice.state or "", practice.postal_code
    )


def _address(line: str, city: str, state: str, postal_code: str) -> str:
    town = " ".join(part for part in (state, postal_code) if part)
    return ", ".join(part for part in (line, city, town) if part)


def _person(person: Practitioner | None) -> str:
    if person is None:
        return "Not recorded"
    return f"{person.signature} · NPI {person.npi or NOTHING}"


def _fields(sheet: _Sheet, bill: Superbill) -> None:
    patient, payer = bill.patient, bill.payer
    address = _address(patient.address_line, patient.city, patient.state, patient.postal_code)
    supervising = next((line.supervising for line in bill.lines if line.supervising), bill.billing)
    rows = (
        (
            ("1 Payer", payer.payer_name if payer else NOTHING, 0.36),
            ("1a Member id", (payer.member_id if payer else None) or NOTHING, 0.24),
            ("3 Birth date", day_text(patient.birth_date), 0.20),
            ("3 Sex", _sex(patient.sex), 0.20),
        ),
        (
            ("2 Patient", patient.name, 0.36),
            ("Record number (MRN)", patient.mrn, 0.24),
            ("5 Patient's address", address or NOTHING, 0.40),
        ),
        (
            ("24J Rendering practitioner", _person(bill.billing), 0.50),
            ("17 Supervising practitioner", _person(supervising), 0.50),
        ),
    )
    for row in rows:
        _field_row(sheet, row)


def _sex(recorded: str | None) -> str:
    return recorded.capitalize() if recorded else NOTHING


def _field_row(sheet: _Sheet, row: Sequence[tuple[str, str, float]]) -> None:
    size = 9.0
    placed = []
    x = MARGIN
    for label, value, share in row:
        room = WIDTH * share - 8
        placed.append((x, label, at_most(wrapped(value, room, size), 4, room, size)))
        x += WIDTH * share
    height = 21 + 11 * max(len(lines) for _, _, lines in placed)
    top = sheet.y
    for x, label, lines in placed:
        sheet.y = top + 11
        sheet.text(x, label, size=6.5, colour=QUIET)
        for line in lines:
            sheet.y += 11.5
            sheet.text(x, line, size=size)
    sheet.y = top + height - 2
    sheet.rule()


def _diagnoses(sheet: _Sheet, bill: Superbill) -> None:
    sheet.heading("21 Diagnoses (ICD-10-CM)")
    if not bill.diagnoses:
        sheet.paragraph("None recorded for these services.", colour=QUIET)
        return
    rows = (len(bill.diagnoses) + 1) // 2
    top = sheet.y
    for at, diagnosis in enumerate(bill.diagnoses):
        column, row = divmod(at, rows)
        x = MARGIN + column * WIDTH / 2
        sheet.y = top + 12 * (row + 1)
        sheet.text(x, diagnosis.letter, size=8.5, is_bold=True, colour=ACCENT)
        sheet.text(x + 14, diagnosis.icd10, size=8.5, is_bold=True)
        sheet.text(x + 66, diagnosis.text, size=8, colour=QUIET, width=WIDTH / 2 - 76)
    sheet.y = top + 12 * rows
    if bill.diagnoses_left_out:
        sheet.paragraph(
            f"{bill.diagnoses_left_out} more on the chart; a claim form takes twelve.", colour=QUIET
        )


COLUMNS: Final = (
    ("A Date of service", 0.0, "left"),
    ("B POS", 62.0, "left"),
    ("D Code", 88.0, "left"),
    ("Modifier", 130.0, "left"),
    ("Service", 168.0, "left"),
    ("E Pointer", 316.0, "left"),
    ("Min", 372.0, "right"),
    ("F Charge", 420.0, "right"),
    ("G Units", 454.0, "right"),
    ("Allowed", 528.0, "right"),
)
LABEL_WIDTH: Final = 142.0


def _column_heads(sheet: _Sheet) -> None:
    sheet.y += 10
    for label, x, side in COLUMNS:
        if side == "left":
            sheet.text(MARGIN + x, label, size=6.5, colour=QUIET)
        else:
            sheet.text_right(MARGIN + x, label, size=6.5, colour=QUIET)
    sheet.y += 4
    sheet.rule()


def _lines(sheet: _Sheet, bill: Superbill) -> None:
    sheet.heading("24 Services", keep=60)
    if not bill.lines:
        none = "Nothing is billed." if bill.is_withdrawn else "No billable line."
        sheet.paragraph(f"{none} See what stands in the way below.", colour=QUIET)
        sheet.y += 4
        return
    _column_heads(sheet)
    for line in bill.lines:
        labels = wrapped(line.label, LABEL_WIDTH, 8.5)
        by = wrapped(f"Performed by {_performers(line)}", WIDTH - 88, 7.5) if line.entries else []
        if sheet.need(8 + 11 * len(labels) + 10 * len(by)):
            _column_heads(sheet)
        _line(sheet, line, labels, by)


def _line(sheet: _Sheet, line: SuperbillLine, labels: list[str], by: list[str]) -> None:
    sheet.y += 13
    cells = (
        day_text(line.date_of_service),
        line.place_of_service,
        line.code,
        " ".join(line.modifiers) or NOTHING,
        labels[0],
        "".join(line.diagnosis_pointers) or NOTHING,
        NOTHING if line.minutes is None else str(line.minutes),
        money_text(line.charge),
        str(line.units),
        money_text(line.allowed),
    )
    for (name, x, side), words in zip(COLUMNS, cells, strict=True):
        is_bold = name in {"D Code", "G Units"}
        if side == "left":
            sheet.text(MARGIN + x, words, is_bold=is_bold)
        else:
            sheet.text_right(MARGIN + x, words, is_bold=is_bold)
    for more in labels[1:]:
        sheet.y += 11
        sheet.text(MARGIN + 168, more)
    for words in by:
        sheet.y += 10
        sheet.text(MARGIN + 88, words, size=7.5, colour=QUIET)
    sheet.y += 5
    sheet.rule()


def _performers(line: SuperbillLine) -> str:
    return "; ".join(f"{each.signature} {each.minutes} min" for each in line.performed_by)


def _totals(sheet: _Sheet, bill: Superbill) -> None:
    if bill.lines:
        sheet.need(30)
        sheet.y += 14
        sheet.text(MARGIN + 168, "28 Total", is_bold=True)
        sheet.text_right(MARGIN + 420, money_text(bill.charge_total), is_bold=True)
        units = str(sum(line.units for line in bill.lines))
        sheet.text_right(MARGIN + 454, units, is_bold=True)
        sheet.text_right(MARGIN + 528, money_text(bill.allowed_total), is_bold=True)
        sheet.y += 2
        schedules = dict.fromkeys(line.fee_source.text for line in bill.lines if line.fee_source)
        if schedules:
            sheet.paragraph(
                f"Allowed: {'; '.join(schedules)}. The schedule's full amount, the patient's share "
                "included; an approximation, not the practice's charge.",
                size=7,
                colour=QUIET,
                leading=9.5,
            )
        if all(line.charge is None for line in bill.lines):
            sheet.paragraph(
                "Charge: the practice has no charge schedule on file.",
                size=7,
                colour=QUIET,
                leading=9.5,
            )
    for note in bill.notes:
        sheet.paragraph(note, size=7.5, leading=10)


def _preflight(sheet: _Sheet, bill: Superbill) -> None:
    if not bill.missing:
        return
    width = WIDTH - 34
    wrapped_items = [("☐", wrapped(each.message, width, 8)) for each in bill.missing]
    for each in bill.withheld:
        units = f"{each.units} unit{'' if each.units == 1 else 's'}"
        words = f"{each.program} {each.code}, {units}: proposed, waits for the choice."
        wrapped_items.append(("•", wrapped(words, width, 8)))
    height = 24 + sum(10.5 * len(lines) + 2 for _, lines in wrapped_items)
    sheet.need(height + 10)
    sheet.y += 10
    sheet.box(height, fill=CARE_SHADE, outline=CARE)
    sheet.y += 14
    sheet.text(MARGIN + 10, "Before this can be submitted", size=8.5, is_bold=True, colour=CARE)
    for mark, lines in wrapped_items:
        sheet.y += 2
        for at, words in enumerate(lines):
            sheet.y += 10.5
            if at == 0:
                sheet.text(MARGIN + 10, mark, size=8, colour=CARE)
            sheet.text(MARGIN + 24, words, size=8)
    sheet.y += 10


def _signature(sheet: _Sheet, bill: Superbill) -> None:
    height = 92.0
    sheet.need(height)
    sheet.y = max(sheet.y + 8, FLOOR - height)
    top = sheet.y
    half = WIDTH / 2 - 10
    practice = bill.practice
    address = _practice_address(bill)
    sheet.rule(dy=-2)
    blocks = (
        (
            "32 Service location",
            (practice.name, address, f"Place of service {practice.place_of_service}"),
        ),
        (
            "33 Billing provider",
            (
                practice.name,
                address,
                f"33a NPI {practice.npi or NOTHING} · 25 TIN {practice.tin or NOTHING}",
            ),
        ),
    )
    for at, (label, lines) in enumerate(blocks):
        x = MARGIN + at * (WIDTH / 2 + 10)
        sheet.y = top + 9
        sheet.text(x, label, size=6.5, colour=QUIET)
        for words in lines:
            if words:
                sheet.y += 10.5
                sheet.text(x, words, size=8, width=half)
    sheet.y = top + height - 14
    for label, x, width in (
        ("31 Signature of practitioner or representative", MARGIN, half + 40),
        ("Date", MARGIN + half + 60, WIDTH - half - 60),
    ):
        sheet.pages[-1].items.append(Rule(x, sheet.y, x + width, sheet.y, QUIET, 0.6))
        sheet.text(x, label, size=6.5, colour=QUIET, dy=9)
    sheet.y += 12


# Page 2 and on


def _reasons(sheet: _Sheet, bill: Superbill) -> None:
    sheet.y += 18
    sheet.text(MARGIN, "Why each line bills", size=14, is_bold=True, colour=ACCENT)
    marks = {source.id: at for at, source in enumerate(bill.sources, start=1)}
    shown: dict[str, str] = {}
    for line in bill.lines:
        _why(sheet, bill, line, marks, shown)
    if not bill.lines:
        none = "No line bills any more." if bill.is_withdrawn else "No line bills yet."
        sheet.paragraph(none, colour=QUIET)
    _not_billed(sheet, bill, marks)
    _time_table(sheet, bill)
    _on_file(sheet, bill)
    _small_print(sheet, bill, marks)


def _marks(citations: Sequence[str], marks: dict[str, int]) -> str:
    found = sorted({marks[c.partition("#")[0]] for c in citations if c.partition("#")[0] in marks})
    return f" [{', '.join(map(str, found))}]" if found else ""


def _why(
    sheet: _Sheet,
    bill: Superbill,
    line: SuperbillLine,
    marks: dict[str, int],
    shown: dict[str, str],
) -> None:
    """Write a line's reasons; those that stand under an earlier line are only referred to."""
    sheet.need(56)
    sheet.y += 20
    units = f" x {line.units}" if line.units != 1 else ""
    sheet.text(MARGIN, f"{line.code}{units}", size=9.5, is_bold=True)
    label_at = MARGIN + width_of(f"{line.code}{units}", 9.5, is_bold=True) + 8
    reached = line.threshold_met_at or line.threshold_met_on
    when = ""
    if isinstance(reached, datetime):
        when = f"reached {moment_text(reached)}"
    elif reached is not None:
        when = f"{'reached' if line.entries else 'complete'} {day_text(reached)}"
    room = MARGIN + WIDTH - label_at - width_of(when, 8) - 10
    sheet.text(label_at, line.label, size=8.5, width=room)
    sheet.text_right(MARGIN + WIDTH, when, size=8, colour=QUIET)
    facts = []
    if line.minutes is not None:
        needed = f", {line.needed_minutes} needed" if line.needed_minutes is not None else ""
        facts.append(f"{line.minutes} minutes counted{needed}")
    if line.performed_by:
        facts.append(_performers(line))
    if line.earned_units != line.units:
        facts.append(f"time earned {line.earned_units} units, {line.units} may be billed")
    if facts:
        sheet.paragraph(" · ".join(facts), colour=QUIET, size=7.5, leading=11)
    of_line = set(line.rules)
    for earlier in dict.fromkeys(shown[rule] for rule in line.rules if rule in shown):
        _bullet(sheet, f"Rests on what is said under {earlier}.", mark="✓")
    for rule in bill.rules:
        if rule.rule_id in of_line and rule.rule_id not in shown:
            since = f" Since {day_text(rule.in_force_since)}." if rule.in_force_since else ""
            _bullet(sheet, f"{rule.message}{since}{_marks(rule.citations, marks)}", mark="✓")
            shown[rule.rule_id] = line.code


def _bullet(sheet: _Sheet, words: str, *, mark: str) -> None:
    lines = wrapped(words, WIDTH - 14, 8)
    for at, line in enumerate(lines):
        sheet.need(10.5)
        sheet.y += 10.5
        if at == 0:
            sheet.text(MARGIN, mark, size=8, colour=ACCENT)
        sheet.text(MARGIN + 14, line, size=8)


def _not_billed(sheet: _Sheet, bill: Superbill, marks: dict[str, int]) -> None:
    if bill.not_billed:
        sheet.heading("Not billed this month, and why")
        for each in bill.not_billed:
            codes = " ".join(each.codes)
            what = f"{each.program} {codes}".strip()
            _bullet(
                sheet,
                f"{what}: {each.title}. {each.message}{_marks(each.citations, marks)}",
                mark="•",
            )
    if bill.warnings:
        sheet.heading("Worth a look")
        for warning in bill.warnings:
            _bullet(sheet, warning, mark="•")


BY_AT: Final = 308.0
BY_WIDTH: Final = 122.0
TIME_COLUMNS: Final = (
    ("Date", 0.0, 54.0, "left"),
    ("Start", 54.0, 32.0, "left"),
    ("Length", 118.0, 32.0, "right"),
    ("Counted", 156.0, 36.0, "right"),
    ("Program", 164.0, 36.0, "left"),
    ("Activity", 204.0, 100.0, "left"),
    ("By", BY_AT, BY_WIDTH, "left"),
    ("Ledger", 434.0, 94.0, "left"),
)


def _time_heads(sheet: _Sheet) -> None:
    sheet.y += 10
    for label, x, _, side in TIME_COLUMNS:
        if side == "left":
            sheet.text(MARGIN + x, label, size=6.5, colour=QUIET)
        else:
            sheet.text_right(MARGIN + x, label, size=6.5, colour=QUIET)
    sheet.y += 4
    sheet.rule()


def _time_table(sheet: _Sheet, bill: Superbill) -> None:
    sheet.heading("Time recorded in the month (minutes:seconds)", keep=50)
    if not bill.time:
        sheet.paragraph("No time entry.", colour=QUIET)
        return
    _time_heads(sheet)
    for row in bill.time:
        remarks = _remarks(row)
        lines = wrapped(remarks, WIDTH - 168, 7) if remarks else []
        by = wrapped(_worker(row), BY_WIDTH, 7.5)
        if sheet.need(14 + 9 * (len(lines) + len(by) - 1)):
            _time_heads(sheet)
        _time_row(sheet, row, by, lines)
    counted = sum(row.counted_seconds for row in bill.time)
    sheet.need(16)
    sheet.y += 13
    sheet.text(MARGIN, "Counted in all", size=8, is_bold=True)
    sheet.text_right(MARGIN + 156, length_text(counted), size=8, is_bold=True)
    shares: dict[str, int] = {}
    for row in bill.time:
        shares[row.program] = shares.get(row.program, 0) + row.counted_seconds
    if len(shares) > 1:
        words = " · ".join(f"{name} {length_text(shares[name])}" for name in sorted(shares))
        sheet.text(MARGIN + 164, words, size=7.5, colour=QUIET, width=WIDTH - 164)


def _remarks(row: RecordedTime) -> str:
    remarks = [title for title, _ in row.reasons]
    remarks += ["length estimated"] if row.is_estimated else []
    remarks += ["corrects an earlier entry"] if row.replaces else []
    remarks += [f"supervised by {row.supervised_by}"] if row.supervised_by else []
    if row.is_reversed and not row.reasons:
        remarks.append("replaced or voided")
    return "; ".join(remarks)


def _worker(row: RecordedTime) -> str:
    return f"{row.person}, {row.credential}" if row.credential else row.person


def _time_row(sheet: _Sheet, row: RecordedTime, by: list[str], remarks: list[str]) -> None:
    sheet.y += 11
    colour = INK if row.counted_seconds else QUIET
    number = f"{row.number} · {row.code}" if row.number is not None else row.code
    cells = (
        day_text(row.started_at.date()),
        row.started_at.strftime("%H:%M"),
        length_text(row.seconds),
        length_text(row.counted_seconds) if row.counted_seconds else NOTHING,
        str(row.program),
        row.activity,
        by[0],
        number,
    )
    for (_, x, width, side), words in zip(TIME_COLUMNS, cells, strict=True):
        if side == "left":
            sheet.text(MARGIN + x, words, size=7.5, colour=colour, width=width)
        else:
            sheet.text_right(MARGIN + x, words, size=7.5, colour=colour)
    for words in by[1:]:
        sheet.y += 9
        sheet.text(MARGIN + BY_AT, words, size=7.5, colour=colour)
    for words in remarks:
        sheet.y += 9
        sheet.text(MARGIN + 164, words, size=7, colour=CARE)
    sheet.y += 3
    sheet.rule()


def _on_file(sheet: _Sheet, bill: Superbill) -> None:
    if not bill.records:
        return
    sheet.heading("On file")
    for each in bill.records:
        name = f"{each.kind}, {each.program}" if each.program is not None else each.kind
        lines = wrapped(each.text, WIDTH - 130, 8)
        sheet.need(10.5 * len(lines))
        for at, words in enumerate(lines):
            sheet.y += 10.5
            if at == 0:
                sheet.text(MARGIN, name, size=8, colour=QUIET, width=124)
            sheet.text(MARGIN + 130, words, size=8)


ROUNDING: Final = "Seconds count as worked; they are rounded down to minutes once a month."


def _small_print(sheet: _Sheet, bill: Superbill, marks: dict[str, int]) -> None:
    if bill.sources:
        sheet.heading("Sources of the rules")
        for source in bill.sources:
            locator = "" if source.locator in source.title else f", {source.locator}"
            words = f"[{marks[source.id]}] {source.title}{locator}"
            sheet.paragraph(words, size=7, colour=QUIET, leading=9.5)
    sheet.heading("How this was decided", keep=30)
    facts = [f"Rule book {bill.rule_book_version}, {bill.rule_book_fingerprint}"]
    if bill.ledger_head is not None:
        facts.append(f"Ledger, newest row of this month, sealing all before it: {bill.ledger_head}")
    if bill.closed is not None:
        facts.append(f"{close_text(bill.closed)}.")
    if bill.checkpoint is not None:
        facts.append(f"{bill.checkpoint}: signed by the practice's key; it seals that row too.")
    if bill.time:
        recorded, zone = moment_text(bill.data_as_of), bill.practice.time_zone
        facts.append(f"Time recorded up to {recorded}. Times and months are {zone}'s. {ROUNDING}")
    for words in facts:
        sheet.paragraph(words, size=7, colour=QUIET, leading=9.5)
