"""An audit packet on paper: a cover with what was found, then each patient's month with its proof."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import EntryMode
from trellis_core.documents.drawing import pdf_of
from trellis_core.documents.layout import QUIET, Page
from trellis_core.documents.packet_parts import (
    PacketClose,
    PacketContents,
    PacketEntry,
    PacketPatient,
    PacketSuperbill,
    ReplayResult,
)
from trellis_core.documents.paper import BLANK, Paper, day_words, identity
from trellis_core.documents.superbill_pages import superbill_pages
from trellis_core.ledger.chain import EntryKind, receipt_code
from trellis_core.rules.determination import Determination
from trellis_core.rules.labels import program_label, source_kind_label
from trellis_core.rules.sources import source_id
from trellis_core.rules.trace import Check, Outcome, cited
from trellis_core.superbill import day_text
from trellis_core.values.periods import zone_named

_TITLE: Final = "Audit packet"
_SMALL: Final = 8.0
_STEP: Final = 12.0
_DEEPEST: Final = 8
_MODES: Final[Mapping[EntryMode, str]] = {
    EntryMode.TIMED: "measured by a timer",
    EntryMode.TYPED: "typed in",
    EntryMode.SUGGESTED: "suggested by the chart's activity and confirmed",
    EntryMode.IMPORTED: "imported from another system",
}
_MARKS: Final[Mapping[Outcome, str]] = {
    Outcome.MET: "✓",
    Outcome.NOT_MET: "✗",
    Outcome.UNKNOWN: "?",
    Outcome.NOT_APPLICABLE: "·",
}


def packet_pdf(contents: PacketContents) -> bytes:
    """Draw a packet. The same contents give the same bytes; its title names nobody."""
    return pdf_of(
        packet_pages(contents),
        title=f"{_TITLE} {contents.month}",
        made_at=contents.made_at,
    )


def packet_pages(contents: PacketContents) -> Iterator[Page]:
    """Lay a packet out: the cover, then of each patient a summary, the superbills, and the proof."""
    yield from _cover(contents)
    for each in contents.patients:
        yield from _summary(each, contents)
        for bill in each.superbills:
            yield from superbill_pages(bill.bill)
        yield from _proof(each, contents)


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%m/%d/%Y %H:%M %Z}"


def _length(seconds: int) -> str:
    sign = "-" if seconds < 0 else ""
    return f"{sign}{abs(seconds) // 60}:{abs(seconds) % 60:02d}"


def _who(staff_id: str | None, people: Mapping[str, StaffMember]) -> str:
    person = people.get(staff_id or "")
    return person.signature if person is not None else staff_id or "the system"


# --- the cover ------------------------------------------------------------------------------------


def _cover(contents: PacketContents) -> tuple[Page, ...]:
    zone = zone_named(contents.practice.time_zone)
    paper = Paper(_TITLE, practice=contents.practice, patient=None, standing=_standing(contents))
    bills = contents.superbills()
    entries = sum(len(each.entries) for each in contents.patients)
    paper.fields(
        [
            ("Service month", contents.month.in_words),
            (
                "Practice NPI · TIN",
                f"{contents.practice.npi or BLANK} · {contents.practice.tin or BLANK}",
            ),
            (
                "Patients · superbills · entries",
                f"{len(contents.patients)} · {len(bills)} · {entries}",
            ),
            ("Made by", f"Trellis {contents.made_by}"),
        ]
    )
    paper.heading("What was found when this packet was made")
    if contents.check_problems:
        paper.paragraph("The check of the practice's store found problems, by their codes:")
        for problem in contents.check_problems[:20]:
            paper.paragraph(problem, size=_SMALL, indent=_STEP)
    else:
        paper.paragraph(
            f"The practice's whole ledger holds: {contents.ledger_seq:,} entries, each fits its hash "
            "and follows the one before; closes, superbills and records agree with the journal."
        )
    same = sum(result.is_same is True for each in contents.patients for result in each.replays)
    of = sum(len(each.replays) for each in contents.patients)
    paper.paragraph(
        f"Decided again from the records, by the rules kept with the close: {same} of {of} the same.",
        gap=3,
    )
    paper.heading("What is in it")
    for each in contents.patients:
        numbers = ", ".join(f"No. {bill.number}" for bill in each.superbills) or "no superbill"
        lines = ", ".join(
            f"{line.code} x {line.units}" for bill in each.superbills for line in bill.bill.lines
        )
        paper.paragraph(
            f"{each.patient.name} · record {each.patient.mrn} · {numbers}",
            gap=4,
            is_bold=True,
            size=9,
        )
        if lines:
            paper.paragraph(lines, size=_SMALL, indent=_STEP)
        for result in each.replays:
            paper.paragraph(result.words, size=_SMALL, indent=_STEP, colour=QUIET)
    for close in contents.closes:
        _close(paper, close, contents, zone)
    paper.heading("How to check it")
    paper.paragraph(
        "The file packet.json beside this one holds everything that was hashed and signed; "
        "check_packet.py checks it with nothing but Python: python3 check_packet.py"
    )
    return paper.finished()


def _standing(contents: PacketContents) -> str:
    return f"{_TITLE}, {contents.month}"


def _close(paper: Paper, close: PacketClose, contents: PacketContents, zone: ZoneInfo) -> None:
    name = "The close" if not close.period else f"The close of adjustment {close.period}"
    paper.heading(name)
    paper.paragraph(
        f"{_moment(close.at, zone)}, by {_who(close.by, contents.people)}. Event {close.event.seq:,} "
        f"of the journal, {close.event.hash}",
        size=_SMALL,
    )
    paper.paragraph(
        f"It counted the ledger to entry {close.ledger_seq:,}, {close.ledger_head}", size=_SMALL
    )
    if close.checkpoint is None:
        paper.paragraph("No signed checkpoint seals it yet.", size=_SMALL)
        return
    signed = close.checkpoint.checkpoint
    paper.paragraph(
        f"Sealed by checkpoint {signed.number:,} ({close.checkpoint.code}), signed with the key "
        f"{signed.public_key}",
        size=_SMALL,
    )


# --- one patient's month --------------------------------------------------------------------------


def _summary(each: PacketPatient, contents: PacketContents) -> tuple[Page, ...]:
    zone = zone_named(contents.practice.time_zone)
    paper = Paper(
        f"{_TITLE}: one patient's month",
        practice=contents.practice,
        patient=each.patient,
        standing=_standing(contents),
    )
    paper.fields(
        [
            *identity(each.patient),
            ("Service month", contents.month.in_words),
            (
                "Superbills that follow",
                ", ".join(f"No. {bill.number}" for bill in each.superbills) or "None was issued",
            ),
        ]
    )
    for bill in each.superbills:
        _who_stood_for_it(paper, bill, zone)
    paper.heading("Decided again")
    for result in each.replays:
        _replay(paper, result)
    paper.heading(f"Every entry of the month ({len(each.entries)})")
    if not each.entries:
        paper.paragraph("No time is on record for this month.", colour=QUIET)
    for entry in each.entries:
        _entry(paper, entry, contents, zone)
    return paper.finished()


def _who_stood_for_it(paper: Paper, bill: PacketSuperbill, zone: ZoneInfo) -> None:
    issued = bill.bill
    paper.heading(f"Superbill No. {bill.number}, version {issued.version}")
    if bill.superseded_by is not None:
        paper.paragraph(f"Replaced by No. {bill.superseded_by}.", size=_SMALL)
    if issued.replaces is not None:
        paper.paragraph(f"Replaces No. {issued.replaces}.", size=_SMALL)
    for each in issued.attestations:
        paper.paragraph(
            f"Diagnoses attested for {each.program} by {each.by} on {_moment(each.at, zone)}.",
            size=_SMALL,
        )
    if issued.approval is None:
        paper.paragraph("Issued by the close; nobody approved it before.", size=_SMALL)
    else:
        why = f" Weak time accepted: {issued.approval.reason}" if issued.approval.is_decided else ""
        paper.paragraph(
            f"Approved by {issued.approval.by} on {_moment(issued.approval.at, zone)}.{why}",
            size=_SMALL,
        )
    for record in issued.records:
        program = f", {record.program}" if record.program is not None else ""
        paper.paragraph(f"{record.kind}{program}: {record.text}", size=_SMALL)
    paper.paragraph(f"SHA-256 of the document as stored: {bill.sha256}", size=_SMALL, colour=QUIET)


def _replay(paper: Paper, result: ReplayResult) -> None:
    paper.paragraph(result.words)
    if result.rule_book_version:
        paper.paragraph(
            f"Rule book {result.rule_book_version}, {result.fingerprint}", size=_SMALL, colour=QUIET
        )
    for difference in result.differences:
        paper.paragraph(f"• {difference}", size=_SMALL, indent=_STEP)
    if result.recorded_later:
        paper.paragraph("Recorded after the close, and perhaps why:", size=_SMALL, gap=2)
        for later in result.recorded_later:
            paper.paragraph(f"• {later}", size=_SMALL, indent=_STEP)


def _entry(paper: Paper, entry: PacketEntry, contents: PacketContents, zone: ZoneInfo) -> None:
    body, people = entry.body, contents.people
    receipt = receipt_code(bytes.fromhex(entry.link.hash))
    paper.paragraph(
        f"{entry.link.seq:,} · {receipt} · {program_label(body.program)} · {_length(body.seconds)} · "
        f"{_moment(datetime.fromtimestamp(body.started_at, zone), zone)}",
        gap=5,
        is_bold=True,
        size=8.5,
    )
    for said in _entry_words(entry, people, zone):
        paper.paragraph(said, size=_SMALL, indent=_STEP)
    paper.paragraph(entry.link.hash, size=6.5, indent=_STEP, colour=QUIET)


def _entry_words(
    entry: PacketEntry, people: Mapping[str, StaffMember], zone: ZoneInfo
) -> Iterator[str]:
    body = entry.body
    recorded = _moment(datetime.fromtimestamp(body.recorded_at, zone), zone)
    activity = body.activity.value.replace("_", " ")
    if body.kind is EntryKind.REVERSAL:
        yield f"Takes entry {body.reverses} back, recorded {recorded} by {_who(body.author_id, people)}."
    else:
        estimated = ", its length estimated" if body.is_estimated else ""
        yield (
            f"{activity.capitalize()} by {_who(body.staff_id, people)}; {_MODES[body.mode]}{estimated}, "
            f"recorded {recorded} by {_who(body.author_id, people)}. Id {body.entry_id}."
        )
        if body.replaces is not None:
            yield f"Replaces entry {body.replaces}."
        if body.patients_sharing > 1:
            yield f"Shared among {body.patients_sharing} patients."
        if entry.is_reversed:
            yield "Taken back later: it does not count."
        elif entry.counted_seconds is None:
            yield "What of it counts is not on file."
        else:
            yield f"{_length(entry.counted_seconds)} count."
    yield from entry.not_counted
    words = "Reason" if body.kind is EntryKind.REVERSAL else "Note"
    if entry.withheld is not None:
        yield (
            f"{words} withheld on {_moment(entry.withheld.at, zone)} by "
            f"{_who(entry.withheld.by, people)}: {entry.withheld.reason}"
        )
    elif entry.note:
        yield f"{words}: {entry.note}"


# --- why ------------------------------------------------------------------------------------------


def _proof(each: PacketPatient, contents: PacketContents) -> tuple[Page, ...]:
    answer = each.explained
    if answer is None or not answer.trace:
        return ()
    paper = Paper(
        f"{_TITLE}: how it was decided",
        practice=contents.practice,
        patient=each.patient,
        standing=_standing(contents),
    )
    paper.paragraph(
        f"Every rule that was asked, decided again by rule book {answer.rule_book_version}. "
        "✓ met   ✗ not met   ? not known   · does not apply",
        size=_SMALL,
        colour=QUIET,
        gap=4,
    )
    notes = {source.id: place for place, source in enumerate(answer.sources, start=1)}
    for program, root in answer.trace:
        paper.heading(program_label(program))
        _check(paper, root, notes, depth=0)
    _dates(paper, answer)
    if answer.sources:
        paper.heading("Sources, the strongest first")
    for source in answer.sources:
        published = f", {day_words(source.published_on)}" if source.published_on else ""
        paper.paragraph(
            f"[{notes[source.id]}] {source.title}. {source.publisher}{published}. "
            f"{source_kind_label(source.kind)}. {source.locator} {source.url}",
            size=7.5,
            gap=1,
        )
    return paper.finished()


def _check(paper: Paper, check: Check, notes: Mapping[str, int], *, depth: int) -> None:
    places = sorted({notes[name] for name in map(source_id, cited(check)) if name in notes})
    marks = "".join(f" [{place}]" for place in places)
    seen = f" Found: {check.observed}." if check.observed else ""
    paper.paragraph(
        f"{_MARKS[check.outcome]} {check.message}{seen}{marks}",
        size=_SMALL,
        indent=_STEP * min(depth, _DEEPEST),
        gap=1,
        is_bold=depth == 0,
    )
    for child in check.children:
        _check(paper, child, notes, depth=depth + 1)


def _dates(paper: Paper, answer: Determination) -> None:
    """Write the days that a discharge set."""
    if not answer.deadlines:
        return
    paper.heading("Days to keep after discharge")
    for each in answer.deadlines:
        paper.paragraph(
            f"Contact by {day_text(each.contact_by)}, visit by {day_text(each.high_visit_by)} (high) "
            f"or {day_text(each.moderate_visit_by)} (moderate), last day {day_text(each.last_day)}",
            size=_SMALL,
        )
