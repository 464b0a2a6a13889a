"""What documents and the screen say of a superbill, in the same words."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.superbill import (
    NOTHING,
    Approval,
    Attestation,
    Closing,
    RecordedTime,
    Superbill,
    SuperbillLine,
    SuperbillStatus,
    TrackTime,
    day_text,
)
from trellis_core.values.money import to_cents

NOT_A_CLAIM = "Not a claim"

TO_LOOK_AT = "To look at before a claim is sent"
"""Stands over a superbill's cautions."""

BEFORE_SUBMITTING = "Before this can be submitted"
"""Stands over what a superbill still needs."""

ALLOWED_IS = (
    "The schedule's full amount, the patient's share included; an approximation, not the "
    "practice's charge."
)


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


def sentence(words: str) -> str:
    """End words with a period, where they do not end with a mark of their own.

    Example:
        >>> sentence("Ledger to entry 7, 9f9f…"), sentence("As agreed")
        ('Ledger to entry 7, 9f9f…', 'As agreed.')
    """
    words = words.rstrip()
    return words if words.endswith((".", "…", "!", "?")) else f"{words}."


def approval_text(approval: Approval) -> str:
    """Say who found a superbill right, and why units that weak time earns stand."""
    words = f"Approved by {approval.by} on {moment_text(approval.at)}"
    if not approval.is_decided:
        return words
    return f"{words}. Accepted though late, estimated or typed time earns a unit: {approval.reason}"


def approval_words(bill: Superbill) -> str:
    """Say who approved a superbill, or that nobody did."""
    if bill.approval is not None:
        return approval_text(bill.approval)
    if bill.status is SuperbillStatus.ISSUED:
        return "Nobody approved it beforehand; the month's close issued it"
    return "Nobody has approved it yet"


def attestation_text(bill: Superbill, attestation: Attestation) -> str:
    """Say which of a superbill's diagnoses a practitioner attested, and when."""
    letters = {each.condition_id: each for each in bill.diagnoses}
    named = [letters[each] for each in attestation.conditions if each in letters]
    what = ", ".join(f"{each.letter} {each.icd10}" for each in named) or "the diagnoses"
    return f"{attestation.program}: {what} attested by {attestation.by} on {moment_text(attestation.at)}"


def unattested(bill: Superbill) -> tuple[Program, ...]:
    """Return the programs that bill and whose diagnoses nobody attested, in the lines' order."""
    attested = {each.program for each in bill.attestations}
    programs = dict.fromkeys(line.program for line in bill.lines)
    return tuple(each for each in programs if each not in attested)


def unattested_text(programs: Iterable[Program]) -> str:
    """Say whose diagnoses nobody attested."""
    return f"Nobody has attested the diagnoses of {' and '.join(programs)}; they are the chart's"


def replaced_text(bill: Superbill) -> str:
    """Say that another superbill stands in an issued one's place; empty where none does."""
    if bill.replaced_by is None:
        return ""
    return f"Replaced by No. {bill.replaced_by}: send no claim from this one"


def charge_words(lines: Iterable[SuperbillLine]) -> str:
    """Name the practice's own lists that the charges are from, and the codes that no list has."""
    listed, bare = _by_source((line.code, line.charge_schedule, line.charge) for line in lines)
    if not listed:
        return "no list of the practice has a charge for these codes and days"
    named = {f"the practice's own list “{name}”": codes for name, codes in listed.items()}
    return _sourced(named, bare, "no charge on file")


def allowed_words(lines: Iterable[SuperbillLine]) -> str:
    """Name the fee tables that the allowed amounts are from, and the codes that no table has."""
    listed, bare = _by_source(
        (line.code, line.fee_source.text if line.fee_source else "", line.allowed) for line in lines
    )
    if not listed:
        return "no amount on file for these codes and days"
    return _sourced(listed, bare, "no amount on file")


def recording_words(row: RecordedTime) -> str:
    """Say how an entry came in: timed, typed, late, estimated; empty where that was not kept."""
    words = [row.mode] if row.mode else []
    if row.is_late:
        words.append("late")
    if row.is_estimated:
        words.append("estimated")
    return ", ".join(words)


def remarks_on(row: RecordedTime) -> str:
    """Say what is to be known of an entry: why it did not count, and what became of it."""
    remarks = [title for title, _ in row.reasons]
    if row.is_late and row.recorded_at is not None:
        remarks.append(f"written down {moment_text(row.recorded_at)}")
    if row.mode == EntryMode.SUGGESTED:
        remarks.append("measured by Trellis and confirmed")
    remarks += ["corrects an earlier entry"] if row.replaces else []
    remarks += [f"supervised by {row.supervised_by}"] if row.supervised_by else []
    if row.is_reversed and not row.reasons:
        remarks.append("replaced or voided")
    return "; ".join(remarks)


def track_words(each: TrackTime) -> str:
    """Say what counted on a meter."""
    track = f" {each.track}" if each.track else ""
    minutes = "minute" if each.minutes == 1 else "minutes"
    return f"{each.program}{track} {length_text(each.seconds)}, {each.minutes} {minutes}"


def performers(line: SuperbillLine) -> str:
    """Name who did a line's work, with each person's minutes."""
    return "; ".join(f"{each.signature} {each.minutes} min" for each in line.performed_by)


class Numbered(Protocol):
    """What has an id and, once it is issued, a number."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def number(self) -> int | None:
        """Its number."""


def called(bill: Numbered) -> str:
    """Name a superbill by its number, or by its id until it has one."""
    return bill.id if bill.number is None else f"No. {bill.number}"


def _by_source(
    found: Iterable[tuple[str, str, Decimal | None]],
) -> tuple[dict[str, list[str]], list[str]]:
    listed: dict[str, list[str]] = {}
    bare: list[str] = []
    for code, source, amount in found:
        codes = bare if amount is None else listed.setdefault(source or "list not named", [])
        if code not in codes:
            codes.append(code)
    return listed, bare


def _sourced(listed: dict[str, list[str]], bare: list[str], none: str) -> str:
    if len(listed) == 1:
        words = list(listed)
    else:
        words = [f"{', '.join(codes)} {source}" for source, codes in listed.items()]
    return "; ".join([*words, *([f"{none} for {', '.join(bare)}"] if bare else [])])
