"""Page 1 of a superbill: what a claim asks for, in the order of the CMS-1500 form."""

from collections.abc import Sequence
from typing import Final

from trellis_core.documents.layout import (
    ACCENT,
    CARE,
    QUIET,
    at_most,
    width_of,
    wrapped,
)
from trellis_core.documents.superbill_sheet import FLOOR, MARGIN, WIDTH, Sheet
from trellis_core.documents.superbill_words import (
    ALLOWED_IS,
    BEFORE_SUBMITTING,
    NOT_A_CLAIM,
    TO_LOOK_AT,
    allowed_words,
    approval_words,
    attestation_text,
    charge_words,
    close_text,
    money_text,
    performers,
    replaced_text,
    sentence,
    unattested,
    unattested_text,
)
from trellis_core.superbill import (
    NOTHING,
    Practitioner,
    Superbill,
    SuperbillLine,
    SuperbillStatus,
    day_text,
)

RIGHT: Final = MARGIN + WIDTH
FIELD_LINES: Final = 8
"""Lines of a field; a longer text ends with an ellipsis."""

COLUMNS: Final = (
    ("A Date of service", 0.0, "left"),
    ("B POS", 62.0, "left"),
    ("D Code", 88.0, "left"),
    ("Modifier", 130.0, "left"),
    ("Service", 168.0, "left"),
    ("E Pointer", 316.0, "left"),
    ("Min", 372.0, "right"),
    ("F Charge", 424.0, "right"),
    ("G Units", 458.0, "right"),
    ("Expected allowed", 528.0, "right"),
)
LABEL_WIDTH: Final = 142.0
MODIFIERS_WIDTH: Final = 36.0


def claim_page(sheet: Sheet, bill: Superbill) -> None:
    """Write page 1, and on to another where its lines do not fit."""
    _title(sheet, bill)
    _fields(sheet, bill)
    _diagnoses(sheet, bill)
    _lines(sheet, bill)
    _totals(sheet, bill)
    _preflight(sheet, bill)
    _attested(sheet, bill)
    _signature(sheet, bill)


def _title(sheet: Sheet, bill: Superbill) -> None:
    sheet.y = MARGIN + 14
    sheet.text(MARGIN, "Superbill", size=19, is_bold=True, colour=ACCENT)
    number = f"No. {bill.number}" if bill.number is not None else "No number until the month closes"
    sheet.text_right(RIGHT, number, size=8.5, is_bold=True, dy=-7)
    identity = f"{bill.id} · version {bill.version}"
    if bill.replaces is not None:
        identity += f" · replaces No. {bill.replaces}"
    sheet.text_right(RIGHT, identity, size=8, colour=QUIET, dy=5)
    sheet.y += 13
    standing = f"{NOT_A_CLAIM} · {bill.status} · item numbers are the CMS-1500 form's"
    sheet.text(MARGIN, standing, size=8.5, colour=QUIET)
    sheet.text_right(RIGHT, f"Service month {bill.service_month}", size=8, colour=QUIET, dy=4)
    sheet.y += 10
    sheet.rule(colour=ACCENT, width=1.2)
    if bill.replaced_by is not None:
        sheet.y += 14
        sheet.text(MARGIN, f"{replaced_text(bill)}.", size=9.5, is_bold=True, colour=CARE)
    practice = bill.practice
    ids = f"NPI {practice.npi or NOTHING} · TIN {practice.tin or NOTHING}"
    sheet.y += 15
    room = WIDTH - width_of(ids, 8.5) - 14
    for at, line in enumerate(wrapped(practice.name, room, 10.5, is_bold=True)):
        sheet.y += 13 if at else 0
        sheet.text(MARGIN, line, size=10.5, is_bold=True)
        if at == 0:
            sheet.text_right(RIGHT, ids, size=8.5)
    sheet.y += 1
    where = " · ".join(part for part in (_practice_address(bill), practice.phone) if part)
    sheet.paragraph(where or "No address recorded", size=8, colour=QUIET)
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


def _supervising(bill: Superbill) -> str:
    """Name who supervised; where that differs from line to line, each with the codes."""
    of_person: dict[str, list[str]] = {}
    for line in bill.lines:
        codes = of_person.setdefault(_person(line.supervising or bill.billing), [])
        codes.extend(each for each in (line.code,) if each not in codes)
    if len(of_person) < 2:  # noqa: PLR2004 - one person, or nobody
        return next(iter(of_person), _person(bill.billing))
    return "; ".join(f"{person} ({', '.join(codes)})" for person, codes in of_person.items())


def _fields(sheet: Sheet, bill: Superbill) -> None:
    patient, payer = bill.patient, bill.payer
    address = _address(patient.address_line, patient.city, patient.state, patient.postal_code)
    places = dict.fromkeys(line.place_of_service for line in bill.lines)
    rows = (
        (
            ("1 Payer", payer.payer_name if payer else NOTHING, 0.36),
            ("1a Member id", bill.member_id or NOTHING, 0.24),
            ("3 Birth date", day_text(patient.birth_date), 0.20),
            ("3 Sex", _sex(patient.sex), 0.20),
        ),
        (
            ("2 Patient", patient.name, 0.36),
            ("Record number (MRN)", patient.mrn, 0.24),
            ("5 Patient's address", address or NOTHING, 0.40),
        ),
        (
            ("24J Rendering practitioner", _person(bill.billing), 0.42),
            ("17 Supervising practitioner", _supervising(bill), 0.42),
            ("24B Place of service", ", ".join(places) or bill.practice.place_of_service, 0.16),
        ),
    )
    for row in rows:
        _field_row(sheet, row)


def _sex(recorded: str | None) -> str:
    return recorded.capitalize() if recorded else NOTHING


def _field_row(sheet: Sheet, row: Sequence[tuple[str, str, float]]) -> None:
    size = 9.0
    placed = []
    x = MARGIN
    for label, value, share in row:
        room = WIDTH * share - 8
        placed.append((x, label, at_most(wrapped(value, room, size), FIELD_LINES, room, size)))
        x += WIDTH * share
    height = 10 + 11.5 * max(len(lines) for _, _, lines in placed)
    sheet.need(height)
    top = sheet.y
    for x, label, lines in placed:
        sheet.y = top + 11
        sheet.text(x, label, size=6.5, colour=QUIET)
        for line in lines:
            sheet.y += 11.5
            sheet.text(x, line, size=size)
    sheet.y = top + height + 7
    sheet.rule()


def _diagnoses(sheet: Sheet, bill: Superbill) -> None:
    sheet.heading("21 Diagnoses (ICD-10-CM)")
    if not bill.diagnoses:
        sheet.paragraph("None recorded for these services.", colour=QUIET)
        return
    room = WIDTH / 2 - 76
    texts = [at_most(wrapped(each.text, room, 8), 4, room, 8) for each in bill.diagnoses]
    for first in range(0, len(bill.diagnoses), 2):
        both = range(first, min(first + 2, len(bill.diagnoses)))
        height = 3 + 10 * max(len(texts[at]) for at in both)
        sheet.need(height)
        top = sheet.y
        for at in both:
            diagnosis, x = bill.diagnoses[at], MARGIN + (WIDTH / 2 if at > first else 0)
            sheet.y = top + 12
            sheet.text(x, diagnosis.letter, size=8.5, is_bold=True, colour=ACCENT)
            sheet.text(x + 14, diagnosis.icd10, size=8.5, is_bold=True)
            for line in texts[at]:
                sheet.text(x + 66, line, size=8, colour=QUIET)
                sheet.y += 10
        sheet.y = top + height
    if bill.diagnoses_left_out:
        more = bill.diagnoses_left_out
        sheet.paragraph(
            f"{more} more on the chart {'is' if more == 1 else 'are'} left out; a claim form takes "
            "twelve.",
            colour=CARE,
        )


def _column_heads(sheet: Sheet) -> None:
    sheet.y += 10
    for label, x, side in COLUMNS:
        if side == "left":
            sheet.text(MARGIN + x, label, size=6.5, colour=QUIET)
        else:
            sheet.text_right(MARGIN + x, label, size=6.5, colour=QUIET)
    sheet.y += 4
    sheet.rule()


def _lines(sheet: Sheet, bill: Superbill) -> None:
    sheet.heading("24 Services", keep=60)
    if not bill.lines:
        none = "No billable line. See what stands in the way below."
        sheet.paragraph("Nothing is billed." if bill.is_withdrawn else none, colour=QUIET)
        sheet.y += 4
        return
    _column_heads(sheet)
    last = bill.lines[-1]
    for line in bill.lines:
        labels = wrapped(line.label, LABEL_WIDTH, 8.5)
        modifiers = wrapped(" ".join(line.modifiers) or NOTHING, MODIFIERS_WIDTH, 8.5)
        words = f"Performed by {performers(line)}" if line.performed_by else ""
        by = wrapped(words, WIDTH - 88, 7.5)
        rows = max(len(labels), len(modifiers))
        total = 22.0 if line is last else 0.0
        if sheet.need(8 + 11 * rows + 10 * len(by) + total):
            sheet.heading("24 Services, continued", keep=60)
            _column_heads(sheet)
        _line(sheet, line, labels, modifiers, by)


def _line(
    sheet: Sheet, line: SuperbillLine, labels: list[str], modifiers: list[str], by: list[str]
) -> None:
    sheet.y += 13
    cells = (
        day_text(line.date_of_service),
        line.place_of_service,
        line.code,
        modifiers[0],
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
    for at in range(1, max(len(labels), len(modifiers))):
        sheet.y += 11
        for x, more in ((168, labels), (130, modifiers)):
            if at < len(more):
                sheet.text(MARGIN + x, more[at])
    for at, words in enumerate(by):
        sheet.y += 10
        if at == 0:
            sheet.text(MARGIN, line.id, size=6.5, colour=QUIET)
        sheet.text(MARGIN + 88, words, size=7.5, colour=QUIET)
    sheet.y += 5
    sheet.rule()


def _totals(sheet: Sheet, bill: Superbill) -> None:
    if bill.lines:
        sheet.y += 14
        sheet.text(MARGIN + 168, "28 Total", is_bold=True)
        sheet.text_right(MARGIN + 424, money_text(bill.charge_total), is_bold=True)
        units = str(sum(line.units for line in bill.lines))
        sheet.text_right(MARGIN + 458, units, is_bold=True)
        sheet.text_right(MARGIN + 528, money_text(bill.allowed_total), is_bold=True)
        sheet.y += 3
        for words in (
            f"Charge: {charge_words(bill.lines)}.",
            f"Expected allowed: {allowed_words(bill.lines)}. {ALLOWED_IS}",
        ):
            sheet.paragraph(words, size=7, colour=QUIET, leading=9.5)
    for note in bill.notes:
        sheet.paragraph(note, size=7.5, leading=10)


def _preflight(sheet: Sheet, bill: Superbill) -> None:
    needed = [("☐", each.message) for each in bill.missing]
    for each in bill.withheld:
        units = f"{each.units} unit{'' if each.units == 1 else 's'}"
        needed.append(
            ("•", f"{each.program} {each.code}, {units}: proposed, waits for the choice.")
        )
    sheet.listed(BEFORE_SUBMITTING, needed, is_urgent=True)
    sheet.listed(TO_LOOK_AT, [("•", each.message) for each in bill.cautions], is_urgent=False)


def _attested(sheet: Sheet, bill: Superbill) -> None:
    """Write who attested the diagnoses and who approved; a line to sign where nobody attested."""
    sheet.heading("Attested and approved", keep=36)
    for each in bill.attestations:
        sheet.bullet(f"{attestation_text(bill, each)}.", mark="✓")
    bare = unattested(bill)
    if bare:
        sheet.bullet(
            f"{unattested_text(bare)}. The billing practitioner may sign for them here:", mark="•"
        )
        sheet.need(40)
        sheet.y += 26
        who = bill.billing.signature if bill.billing else "not recorded"
        sheet.sign(
            sheet.y,
            (
                (
                    f"The services were for these diagnoses. Billing practitioner: {who}",
                    MARGIN + 14,
                    WIDTH / 2 + 16,
                ),
                ("Date", MARGIN + WIDTH / 2 + 50, WIDTH / 2 - 50),
            ),
        )
        sheet.y += 12
    sheet.bullet(sentence(approval_words(bill)), mark="•" if bill.approval is None else "✓")
    if bill.status is SuperbillStatus.ISSUED and bill.closed is not None:
        sheet.bullet(sentence(close_text(bill.closed, digits=16)), mark="✓")


def _signature(sheet: Sheet, bill: Superbill) -> None:
    half = WIDTH / 2 - 10
    practice = bill.practice
    address = _practice_address(bill)
    place = ", ".join(dict.fromkeys(line.place_of_service for line in bill.lines))
    blocks = (
        (
            "32 Service location",
            (practice.name, address, f"Place of service {place or practice.place_of_service}"),
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
    placed = [
        (label, [line for words in lines if words for line in wrapped(words, half, 8)])
        for label, lines in blocks
    ]
    height = 60.0 + 10.5 * max(len(lines) for _, lines in placed)
    sheet.need(height + 8)
    sheet.y = max(sheet.y + 8, FLOOR - height)
    top = sheet.y
    sheet.rule(dy=-2)
    for at, (label, lines) in enumerate(placed):
        x = MARGIN + at * (WIDTH / 2 + 10)
        sheet.y = top + 9
        sheet.text(x, label, size=6.5, colour=QUIET)
        for words in lines:
            sheet.y += 10.5
            sheet.text(x, words, size=8)
    sheet.y = top + height - 14
    sheet.sign(
        sheet.y,
        (
            ("31 Signature of practitioner or representative", MARGIN, half + 40),
            ("Date", MARGIN + half + 60, WIDTH - half - 60),
        ),
    )
    sheet.y += 12
