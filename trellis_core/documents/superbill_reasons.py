"""Page 2 of a superbill and on: why each line bills, and what it rests on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from trellis_core.documents.layout import ACCENT, CARE, INK, QUIET, width_of, wrapped
from trellis_core.documents.superbill_sheet import MARGIN, WIDTH, Sheet
from trellis_core.documents.superbill_words import (
    close_text,
    length_text,
    moment_text,
    performers,
    recording_words,
    remarks_on,
    track_words,
)
from trellis_core.superbill import (
    NOTHING,
    RecordedTime,
    RuleApplied,
    Superbill,
    SuperbillLine,
    day_text,
)
from trellis_core.superbill.evidence import OTHER_SERVICE

RIGHT: Final = MARGIN + WIDTH

ACTIVITY_AT: Final = 180.0
HOW_AT: Final = 280.0
HOW_WIDTH: Final = 58.0
BY_AT: Final = 340.0
BY_WIDTH: Final = 112.0
TIME_COLUMNS: Final = (
    ("Date", 0.0, 48.0, "left"),
    ("Start", 48.0, 28.0, "left"),
    ("Length", 106.0, 32.0, "right"),
    ("Counted", 142.0, 36.0, "right"),
    ("Program", 148.0, 30.0, "left"),
    ("Activity", ACTIVITY_AT, 98.0, "left"),
    ("Came in", HOW_AT, HOW_WIDTH, "left"),
    ("By", BY_AT, BY_WIDTH, "left"),
    ("Ledger", 456.0, 72.0, "left"),
)

ROUNDING: Final = "Seconds count as worked; they are rounded down to minutes once a month."
ELSEWHERE: Final = (
    "Claims of another practice are known only where they are recorded here as a service."
)


def reasons_pages(sheet: Sheet, bill: Superbill) -> None:
    """Write why each line bills, from a new page on."""
    sheet.new_page()
    sheet.y += 18
    sheet.text(MARGIN, "Why each line bills", size=14, is_bold=True, colour=ACCENT)
    marks = {source.id: at for at, source in enumerate(bill.sources, start=1)}
    shown: dict[str, str] = {}
    rested: dict[tuple[str, ...], str] = {}
    for line in bill.lines:
        _why(sheet, bill, line, marks, shown, rested)
    if not bill.lines:
        none = "No line bills any more." if bill.is_withdrawn else "No line bills yet."
        sheet.paragraph(none, colour=QUIET)
    _not_billed(sheet, bill, marks)
    _time_table(sheet, bill)
    _on_file(sheet, bill)
    _conflicts(sheet, bill)
    _small_print(sheet, bill, marks)


def _marks(citations: Sequence[str], marks: dict[str, int]) -> str:
    found = sorted({marks[c.partition("#")[0]] for c in citations if c.partition("#")[0] in marks})
    return f" [{', '.join(map(str, found))}]" if found else ""


def _why(
    sheet: Sheet,
    bill: Superbill,
    line: SuperbillLine,
    marks: dict[str, int],
    shown: dict[str, str],
    rested: dict[tuple[str, ...], str],
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
    room = RIGHT - label_at - width_of(when, 8) - 10
    sheet.text(label_at, line.label, size=8.5, width=room)
    sheet.text_right(RIGHT, when, size=8, colour=QUIET)
    facts = []
    if line.minutes is not None:
        needed = f", {line.needed_minutes} needed" if line.needed_minutes is not None else ""
        facts.append(f"{line.minutes} minutes counted{needed}")
    if line.performed_by:
        facts.append(performers(line))
    if line.earned_units != line.units:
        facts.append(f"time earned {line.earned_units} units, {line.units} may be billed")
    if line.entries:
        facts.append(_rests_on(bill, line, rested))
    if facts:
        sheet.paragraph(" · ".join(facts), colour=QUIET, size=7.5, leading=11)
    _rules(sheet, bill, line, marks, shown)


def _rests_on(bill: Superbill, line: SuperbillLine, rested: dict[tuple[str, ...], str]) -> str:
    """Name the entries that a line rests on by their numbers in the ledger, once."""
    if line.entries in rested:
        return f"the same entries as {rested[line.entries]}"
    rested[line.entries] = line.code
    of_line = set(line.entries)
    rows = [row for row in bill.time if row.entry_id in of_line]
    rows.sort(key=lambda row: row.number or 0)
    named = [row.code if row.number is None else str(row.number) for row in rows]
    return f"entr{'y' if len(named) == 1 else 'ies'} {', '.join(named)}" if named else "no entry"


def _rules(
    sheet: Sheet,
    bill: Superbill,
    line: SuperbillLine,
    marks: dict[str, int],
    shown: dict[str, str],
) -> None:
    of_line = set(line.rules)
    for earlier in dict.fromkeys(shown[rule] for rule in line.rules if rule in shown):
        sheet.bullet(f"Rests on what is said under {earlier}.", mark="✓")
    for rule in bill.rules:
        if rule.rule_id in of_line and rule.rule_id not in shown:
            sheet.bullet(f"{rule.message}{_since(rule)}{_marks(rule.citations, marks)}", mark="✓")
            if rule.readings and not _is_plain(rule):
                words = " ".join(rule.readings)
                sheet.paragraph(words, x=MARGIN + 14, size=7, colour=QUIET, leading=9)
            shown[rule.rule_id] = line.code


def _since(rule: RuleApplied) -> str:
    """Say since when a rule holds, where its values in words do not."""
    if rule.in_force_since is None or (rule.readings and not _is_plain(rule)):
        return ""
    return f" Since {day_text(rule.in_force_since)}."


def _is_plain(rule: RuleApplied) -> bool:
    """Say whether a rule's values only say that it holds, which its message says already."""
    return all(" = True " in value for value in rule.values)


def _not_billed(sheet: Sheet, bill: Superbill, marks: dict[str, int]) -> None:
    if bill.not_billed:
        sheet.heading("Not billed this month, and why")
        for each in bill.not_billed:
            codes = " ".join(each.codes)
            what = f"{each.program} {codes}".strip()
            cited = _marks(each.citations, marks)
            sheet.bullet(f"{what}: {each.title}. {each.message}{cited}", mark="•")
    if bill.warnings:
        sheet.heading("Worth a look")
        for warning in bill.warnings:
            sheet.bullet(warning, mark="•")


def _time_heads(sheet: Sheet) -> None:
    sheet.y += 10
    for label, x, _, side in TIME_COLUMNS:
        if side == "left":
            sheet.text(MARGIN + x, label, size=6.5, colour=QUIET)
        else:
            sheet.text_right(MARGIN + x, label, size=6.5, colour=QUIET)
    sheet.y += 4
    sheet.rule()


def _time_table(sheet: Sheet, bill: Superbill) -> None:
    sheet.heading("Time recorded in the month (minutes:seconds)", keep=50)
    if not bill.time:
        sheet.paragraph("No time entry.", colour=QUIET)
        return
    _time_heads(sheet)
    for row in bill.time:
        remarks = remarks_on(row)
        lines = wrapped(remarks, RIGHT - MARGIN - ACTIVITY_AT, 7) if remarks else []
        by = wrapped(_worker(row), BY_WIDTH, 7.5)
        how = wrapped(recording_words(row) or NOTHING, HOW_WIDTH, 7.5)
        if sheet.need(14 + 9 * (len(lines) + max(len(by), len(how)) - 1)):
            sheet.heading("Time recorded in the month, continued", keep=50)
            _time_heads(sheet)
        _time_row(sheet, row, by, how, lines)
    sheet.need(16)
    sheet.y += 13
    counted = sum(row.counted_seconds for row in bill.time)
    sheet.text(MARGIN, "Counted in all", size=8, is_bold=True)
    sheet.text_right(MARGIN + 142, length_text(counted), size=8, is_bold=True)
    words = " · ".join(map(track_words, bill.track_time)) or _by_program(bill)
    if words:
        sheet.y -= 11
        sheet.paragraph(words, x=MARGIN + 148, size=7.5, colour=QUIET)


def _by_program(bill: Superbill) -> str:
    """Say what counted for each program, where the meters were not kept."""
    shares: dict[str, int] = {}
    for row in bill.time:
        shares[row.program] = shares.get(row.program, 0) + row.counted_seconds
    if len(shares) < 2:  # noqa: PLR2004 - one program's share is the sum
        return ""
    return " · ".join(f"{name} {length_text(shares[name])}" for name in sorted(shares))


def _worker(row: RecordedTime) -> str:
    return f"{row.person}, {row.credential}" if row.credential else row.person


def _time_row(
    sheet: Sheet, row: RecordedTime, by: list[str], how: list[str], remarks: list[str]
) -> None:
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
        how[0],
        by[0],
        number,
    )
    for (name, x, width, side), words in zip(TIME_COLUMNS, cells, strict=True):
        if side == "left":
            mark = CARE if name == "Came in" and row.is_weak else colour
            sheet.text(MARGIN + x, words, size=7.5, colour=mark, width=width)
        else:
            sheet.text_right(MARGIN + x, words, size=7.5, colour=colour)
    for at in range(1, max(len(by), len(how))):
        sheet.y += 9
        if at < len(by):
            sheet.text(MARGIN + BY_AT, by[at], size=7.5, colour=colour)
        if at < len(how):
            mark = CARE if row.is_weak else colour
            sheet.text(MARGIN + HOW_AT, how[at], size=7.5, colour=mark)
    for words in remarks:
        sheet.y += 9
        sheet.text(MARGIN + ACTIVITY_AT, words, size=7, colour=CARE)
    sheet.y += 3
    sheet.rule()


def _on_file(sheet: Sheet, bill: Superbill) -> None:
    records = [each for each in bill.records if each.kind != OTHER_SERVICE]
    if not records:
        return
    sheet.heading("On file")
    for each in records:
        name = f"{each.kind}, {each.program}" if each.program is not None else each.kind
        lines = wrapped(each.text, WIDTH - 130, 8)
        sheet.need(10.5 * min(len(lines), 40))
        for at, words in enumerate(lines):
            sheet.need(10.5)
            sheet.y += 10.5
            if at == 0:
                sheet.text(MARGIN, name, size=8, colour=QUIET, width=124)
            sheet.text(MARGIN + 130, words, size=8)


def _conflicts(sheet: Sheet, bill: Superbill) -> None:
    """Say beside what the lines were checked; what gave way stands under what is not billed."""
    if not bill.lines:
        return
    others = [each.text for each in bill.records if each.kind == OTHER_SERVICE]
    codes = list(dict.fromkeys(line.code for line in bill.lines))
    are_several = len(codes) > 1
    sheet.heading("Conflicts checked", keep=24)
    sheet.paragraph(
        f"{', '.join(codes)} {'against one another and ' if are_several else ''}against other services "
        f"recorded for the month: {'; '.join(others) or 'none recorded'}. Nothing on record excludes "
        f"{'them' if are_several else 'it'}; what gave way stands under what is not billed. {ELSEWHERE}",
        size=8,
    )


def _small_print(sheet: Sheet, bill: Superbill, marks: dict[str, int]) -> None:
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
