"""Two ways to bill a month of chronic or principal care: staff time, or the practitioner's own.

The practitioner's own minutes count as staff time unless the practitioner's track uses them;
never both. Where both could bill and nobody has chosen, the practitioner's track is shown and a
person is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trellis_core.care.vocabulary import Program, Track
from trellis_core.rules import rural
from trellis_core.rules.claims import (
    Claim,
    Offer,
    ProgramResult,
    alternative,
    climb,
    time_check,
    time_not_met,
    whole_seconds,
)
from trellis_core.rules.clean_time import Span
from trellis_core.rules.dated_rules import DatedRules
from trellis_core.rules.determination import DecisionNeeded, Meter, Tick
from trellis_core.rules.month_facts import ProgramMonth
from trellis_core.rules.units import MINUTE, Ladder, meter_of, plain_ladder, ticks_of
from trellis_core.values.unknown import UNKNOWN

_TRACKED: Final = frozenset({Program.CCM, Program.PCM})


@dataclass(frozen=True, slots=True)
class TrackLadders:
    """The ladders of a program's tracks on one day; None where one is not in force."""

    staff: Ladder
    practitioner: Ladder | None
    complex: Ladder | None = None


def ladders_of(rules: DatedRules, name: str) -> TrackLadders | None:
    """Return the ladders of a program with two tracks; None before its first day."""

    def make(dated: DatedRules) -> TrackLadders | None:
        staff = plain_ladder(dated, f"{name}.clinical_staff")
        if staff is None:
            return None
        has_complex = f"{name}.complex.initial.hcpcs" in dated.rule_book.parameters
        return TrackLadders(
            staff=staff,
            practitioner=plain_ladder(dated, f"{name}.practitioner"),
            complex=plain_ladder(dated, f"{name}.complex") if has_complex else None,
        )

    return rules.keep(("tracks", name), make)


def proposed(owner: ProgramMonth, ladders: TrackLadders | None) -> TrackLadders | None:
    """Return the ladders that a practice stands on: a rural clinic's bundled code has no tracks."""
    if not rural.is_bundled(owner.month):
        return ladders
    staff = rural.bundle(owner.rules, f"{owner.name}.rural")
    return TrackLadders(staff=staff, practitioner=None) if staff is not None else None


def offers(owner: ProgramMonth, spans: Sequence[Span], ladders: TrackLadders) -> list[Offer]:
    """Return what a claim may ask for on each track that is in force."""
    found = [Offer(ladder=ladders.staff, spans=spans)]
    if ladders.practitioner is not None:
        own = [span for span in spans if span.staff == owner.biller_id]
        found.append(Offer(ladder=ladders.practitioner, spans=own))
    return found


def propose(
    result: ProgramResult,
    spans: Sequence[Span],
    ladders: TrackLadders,
    *,
    is_complex: bool,
    gate_ids: tuple[str, ...],
) -> None:
    """Choose the track, and fill in claims, meters, alternatives and the question to a person."""
    owner = result.owner
    own_spans = [span for span in spans if span.staff == owner.biller_id]
    pooled, own = whole_seconds(spans), whole_seconds(own_spans)
    staff = _staff_ladder(ladders, is_complex=is_complex, minutes=pooled // MINUTE)
    staff_claims = climb(staff, owner, spans, minutes=pooled // MINUTE, gate_ids=gate_ids)
    practitioner = ladders.practitioner
    own_claims = (
        climb(practitioner, owner, own_spans, minutes=own // MINUTE, gate_ids=gate_ids)
        if practitioner and own_spans
        else []
    )
    elected = elected_track(owner)
    is_own = practitioner is not None and (
        elected is Track.PRACTITIONER or (elected is None and bool(own_claims))
    )
    chosen = practitioner if practitioner is not None and is_own else staff
    minutes = (own if is_own else pooled) // MINUTE
    result.claims = own_claims if is_own else staff_claims
    if is_own:
        result.unused = [span for span in spans if span.staff != owner.biller_id]
        _offer_staff(result, staff_claims, is_open=elected is None and bool(own_claims))
    result.base_codes = (chosen.initial,)
    if not result.claims:
        result.time_problem = time_not_met(chosen, minutes)
    if result.checks is not None:
        result.checks.append(time_check(chosen, owner, minutes=minutes))
    marks = _staff_ticks(result, ladders, is_complex=is_complex, reached=pooled // MINUTE)
    meters = [meter_of(owner.program, Track.STAFF, seconds=pooled, ticks=marks)]
    if practitioner is not None and (is_own or (elected is None and own)):
        mine = _own_meter(result, practitioner, own)
        meters = (
            [mine]
            if elected is Track.PRACTITIONER
            else [mine, *meters]
            if is_own
            else [
                *meters,
                mine,
            ]
        )
    result.meters = meters


def elected_track(owner: ProgramMonth) -> Track | None:
    """Return the track that a person chose for the month; None where nobody did."""
    enrollment = owner.enrollment
    if enrollment is None or enrollment.track is UNKNOWN:
        return None
    return enrollment.track


def _staff_ladder(ladders: TrackLadders, *, is_complex: bool, minutes: int) -> Ladder:
    complex_ladder = ladders.complex
    if is_complex and complex_ladder is not None and minutes >= complex_ladder.initial_at:
        return complex_ladder
    return ladders.staff


def _offer_staff(result: ProgramResult, claims: list[Claim], *, is_open: bool) -> None:
    if not claims:
        return
    result.alternatives.append(
        alternative(
            result.program,
            claims,
            "The practitioner's minutes may count as staff time instead.",
        )
    )
    if is_open:
        result.decisions.append(
            DecisionNeeded(
                program=result.program,
                question="track",
                options=(Track.STAFF.value, Track.PRACTITIONER.value),
            )
        )


def withdraw(result: ProgramResult) -> None:
    """Take back what could be made instead, and the question, where a gate lets nothing be billed."""
    if not result.is_open:
        take_back(result)


def take_back(result: ProgramResult) -> None:
    """Take back the question of the track, and what the other track would come to."""
    if result.program in _TRACKED:
        result.alternatives.clear()
        result.decisions.clear()


def _own_meter(result: ProgramResult, ladder: Ladder, seconds: int) -> Meter:
    caps, rules = result.owner.month.caps, result.owner.rules
    minutes = seconds // MINUTE
    if caps.payer or ladder.additional is None or rules.cap(ladder.additional) is None:
        ticks = ticks_of(ladder, caps, reached=minutes)
    else:
        key = ("ticks", result.program, ladder.element)
        ticks = rules.keep(key, lambda _: ticks_of(ladder, caps, reached=minutes))
    return meter_of(result.program, Track.PRACTITIONER, seconds=seconds, ticks=ticks)


def _staff_ticks(
    result: ProgramResult, ladders: TrackLadders, *, is_complex: bool, reached: int
) -> tuple[Tick, ...]:
    """Return the marks of staff time; documented decision making puts complex care after them."""
    caps = result.owner.month.caps
    rules = result.owner.rules

    def make(_: DatedRules) -> tuple[Tick, ...]:
        marks = ticks_of(ladders.staff, caps, reached=reached)
        if not is_complex or ladders.complex is None:
            return marks
        start = ladders.complex.initial_at
        return (
            *(mark for mark in marks if mark.minutes < start),
            *ticks_of(ladders.complex, caps, reached=reached),
        )

    capped = ("capped", ladders.staff.element)
    if caps.payer or not rules.keep(capped, lambda dated: _are_capped(ladders, dated)):
        return make(rules)
    return rules.keep(("ticks", result.program, is_complex, ladders.staff.element), make)


def _are_capped(ladders: TrackLadders, rules: DatedRules) -> bool:
    return all(
        ladder is None or ladder.additional is None or rules.cap(ladder.additional) is not None
        for ladder in (ladders.staff, ladders.complex)
    )
