"""Which seconds of work count, and why the others do not.

Time is kept in whole seconds; every second of an entry either counts or is lost for exactly one
reason. Where several apply the first of this order is named:

1. the whole entry: not known yet, corrected, outside the month, nobody named, clerical work, a role
   that does not count, billed elsewhere, another condition;
2. its seconds outside the month, after death, before consent or enrollment, after a revocation,
   after enrollment, in a facility, on the day of a visit;
3. what is left of it: the same person with another patient (all of it), another entry for the
   patient (the shared part), the share of other patients.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Final, NamedTuple

from trellis_core.care.records import Enrollment
from trellis_core.care.vocabulary import ContactState, Program, StaffRole
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.gaps import Gaps, UndatedStay, UnplacedEntry
from trellis_core.rules.month_facts import DAY, MonthFacts, Problem, ProgramMonth, unknown
from trellis_core.rules.reasons import Reason
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

_BEHAVIORAL: Final = frozenset({Program.BHI, Program.COCM})
_LONGITUDINAL: Final = frozenset({Program.CCM, Program.PCM})
_DAY_SECONDS: Final = int(DAY.total_seconds())
"""The longest that one entry may be."""

_EVER: Final = int(datetime.max.replace(tzinfo=UTC).timestamp())
"""A second after every entry."""

Piece = tuple[int, int]
Cut = tuple[int, int, Reason]


class Span(NamedTuple):
    """Seconds that count: half open, in POSIX seconds.

    Attributes:
        sharing: Patients among whom the activity is divided.
    """

    start: int
    end: int
    entry: str
    staff: str
    sharing: int = 1


@dataclass(slots=True)
class CleanTime:
    """What counts, by program and in order of time, and what does not.

    Attributes:
        spans: What counts, by program and in order of time.
        lost: Entry id, seconds, reason.
        doubts: Missing facts that decide whether some seconds count.
        before_consent: Programs with time before consent or enrollment.
        facility: Programs whose counted time lies in a facility.
        no_contact: Programs whose counted entries state contacts, and none that was reached.
    """

    spans: dict[Program, list[Span]] = field(default_factory=dict)
    lost: list[tuple[str, int, Reason]] = field(default_factory=list)
    doubts: dict[Program, list[Problem]] = field(default_factory=dict)
    before_consent: set[Program] = field(default_factory=set)
    facility: set[Program] = field(default_factory=set)
    no_contact: set[Program] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Stay:
    """Days of a facility stay, and what is not known of them."""

    start: int
    end: int
    doubts: tuple[Problem, ...]


@dataclass(slots=True, kw_only=True)
class _Window:
    """Where and whose time one program counts.

    Attributes:
        counts_stays: Whether time in a facility counts.
        is_plain: Whether nothing but the window's ends can take time away.
    """

    lo: int
    hi: int
    cuts: list[Cut]
    visit_days: list[Piece]
    roles: frozenset[str]
    idle_roles: frozenset[str]
    idle_activities: frozenset[str]
    only: str | None
    consultant: Reason
    condition: str | None
    stays: list[_Stay]
    counts_stays: bool
    is_plain: bool


@dataclass(slots=True)
class _Work:
    """One entry on its way through the rules."""

    entry: TimeEntry
    program: Program
    start: int
    pieces: list[Piece]


def total_seconds(spans: Iterable[Span]) -> int | Fraction:
    """Return the exact sum of counted seconds; a fraction only where an activity was shared."""
    total: int | Fraction = 0
    for start, end, _, _, sharing in spans:
        total += end - start if sharing == 1 else Fraction(end - start, sharing)
    return total


def reached_at(spans: Sequence[Span], seconds: int) -> int | None:
    """Return the POSIX second at which counted time reached so much; None where it did not.

    Example:
        >>> reached_at([Span(0, 600, "a", "rn"), Span(900, 1800, "b", "rn")], 1200)
        1500
    """
    counted: int | Fraction = 0
    for start, end, _, _, sharing in spans:
        gain = end - start if sharing == 1 else Fraction(end - start, sharing)
        if counted + gain >= seconds:
            missing = (seconds - counted) * sharing
            return start - int(-missing // 1)
        counted += gain
    return None


def clean_time(month: MonthFacts, programs: Mapping[Program, ProgramMonth]) -> CleanTime:
    """Return which seconds of every logged program count in the month."""
    clean = CleanTime()
    windows: dict[Program, _Window] = {}
    works: list[_Work] = []
    aside = month.late | month.replaced
    starts, ends = month.starts, month.ends
    for program, entries in month.entries.items():
        window: _Window | None = None
        for entry in entries:
            start = int(entry.started_at.timestamp())
            end = start + entry.seconds
            if start >= ends or end <= starts or entry.is_reversed or (aside and entry.id in aside):
                clean.lost.append((entry.id, entry.seconds, _not_of_the_month(entry, month)))
                continue
            if window is None:
                window = windows[program] = _window(month, program, programs[program])
            whole = _nobody_counts(entry, month, window)
            if whole is not None:
                clean.lost.append((entry.id, entry.seconds, whole))
                continue
            work = _Work(entry, program, start, [(start, end)])
            if not (window.is_plain and window.lo <= start and end <= window.hi):
                _cut_to_window(work, window, month, clean)
            if work.pieces:
                works.append(work)
    if month.facts.other_patient_entries:
        works = [work for work in works if not _is_staff_elsewhere(work, month, clean)]
    if month.facts.gaps is not None:
        _cut_and_ask(works, windows, month.facts.gaps, month, clean)
    elif len(works) > 1:
        _cut_overlaps(works, clean)
    _collect(works, clean)
    _note_facility_time(windows, clean)
    if len(clean.lost) > 1:
        clean.lost = _in_order(clean.lost, month)
    return clean


def _in_order(
    lost: Iterable[tuple[str, int, Reason]], month: MonthFacts
) -> list[tuple[str, int, Reason]]:
    """Return each entry's losses, one of a kind, the earlier entry first."""
    seconds: dict[tuple[str, Reason], int] = {}
    for entry, some, reason in lost:
        seconds[entry, reason] = seconds.get((entry, reason), 0) + some
    starts = {entry.id: entry.started_at for entry in month.facts.time_entries}
    return sorted(
        ((entry, some, reason) for (entry, reason), some in seconds.items()),
        key=lambda each: (starts[each[0]], each[0]),
    )


def _note_facility_time(windows: Mapping[Program, _Window], clean: CleanTime) -> None:
    """Note the programs whose counted time lies in a facility."""
    for program, window in windows.items():
        if window.counts_stays and any(
            span.start < stay.end and stay.start < span.end
            for stay in window.stays
            for span in clean.spans.get(program, ())
        ):
            clean.facility.add(program)


def _not_of_the_month(entry: TimeEntry, month: MonthFacts) -> Reason:
    if entry.id in month.late:
        return Reason.AFTER_AS_OF
    if entry.is_reversed or entry.id in month.replaced:
        return Reason.REPLACED
    return Reason.OUTSIDE_MONTH


def _nobody_counts(entry: TimeEntry, month: MonthFacts, window: _Window) -> Reason | None:
    """Say why an entry counts for nobody: no person, clerical work, a role, another service."""
    member = month.staff.get(entry.staff_id) if entry.staff_id is not None else None
    if member is None:
        has_no_role = month.without_role(entry.staff_id) is not None
        return _no_role_would_count(entry, window) if has_no_role else Reason.NO_STAFF
    if member.role in window.idle_roles or entry.activity in window.idle_activities:
        return Reason.NON_CLINICAL_TIME
    if member.role not in window.roles or window.only not in {None, member.id}:
        is_consultant = member.role is StaffRole.PSYCHIATRIC_CONSULTANT
        return window.consultant if is_consultant else Reason.ROLE_NOT_COUNTED
    if entry.billed_elsewhere:
        return Reason.BILLED_ELSEWHERE
    if entry.condition is not None and window.condition not in {None, entry.condition}:
        return Reason.OTHER_CONDITION
    return None


def _no_role_would_count(entry: TimeEntry, window: _Window) -> Reason | None:
    """Say why an entry of a person without a role counts whatever the role is.

    Where the role decides the time is counted, and nothing is billed before the role is known.
    """
    if entry.activity in window.idle_activities:
        return Reason.NON_CLINICAL_TIME
    if window.only not in {None, entry.staff_id}:
        return Reason.ROLE_NOT_COUNTED
    if entry.billed_elsewhere:
        return Reason.BILLED_ELSEWHERE
    if entry.condition is not None and window.condition not in {None, entry.condition}:
        return Reason.OTHER_CONDITION
    return None


def _cut_to_window(work: _Work, window: _Window, month: MonthFacts, clean: CleanTime) -> None:
    entry = work.entry
    start, end = work.pieces[0]
    if start < window.lo or end > window.hi:
        for lo, hi, reason in window.cuts:
            _lose(work, lo, hi, reason, clean)
    if window.stays and not window.counts_stays:
        for stay in window.stays:
            if _lose(work, stay.start, stay.end, Reason.FACILITY_STAY, clean):
                _doubt(work.program, stay, clean)
    if window.visit_days and _is_visit_time(entry, month):
        for lo, hi in window.visit_days:
            _lose(work, lo, hi, Reason.SAME_DAY_VISIT, clean)


def _doubt(program: Program, stay: _Stay, clean: CleanTime) -> None:
    """Ask once for what is not known of a stay that takes time away."""
    _ask_once(program, stay.doubts, clean)


def _ask_once(program: Program, asked: Iterable[Problem], clean: CleanTime) -> None:
    doubts = clean.doubts.setdefault(program, [])
    doubts.extend(each for each in asked if each not in doubts)


def _is_visit_time(entry: TimeEntry, month: MonthFacts) -> bool:
    """Say whether staff time on the day of a visit is taken as part of the visit.

    Time of a person without a role stays; the role is asked for.
    """
    if entry.staff_id is None or month.has_role(entry.staff_id, StaffRole.BILLING_PRACTITIONER):
        return False
    if month.without_role(entry.staff_id) is not None:
        return False
    if month.facts.policy.same_day_visit_time == "attest":
        return entry.separate_from_visit is False
    return entry.separate_from_visit is not True


def _lose(work: _Work, lo: int, hi: int, reason: Reason, clean: CleanTime) -> int:
    """Take a range out of an entry's pieces; note and return the seconds lost."""
    lost = 0
    kept: list[Piece] = []
    for start, end in work.pieces:
        if hi <= start or end <= lo:
            kept.append((start, end))
            continue
        lost += min(end, hi) - max(start, lo)
        if start < lo:
            kept.append((start, lo))
        if hi < end:
            kept.append((hi, end))
    if lost:
        work.pieces = kept
        clean.lost.append((work.entry.id, lost, reason))
        if reason is Reason.BEFORE_CONSENT:
            clean.before_consent.add(work.program)
    return lost


def _window(month: MonthFacts, program: Program, owner: ProgramMonth) -> _Window:
    cuts: list[Cut] = [
        (-_EVER, month.starts, Reason.OUTSIDE_MONTH),
        (month.ends, _EVER, Reason.OUTSIDE_MONTH),
    ]
    died = month.deceased_on
    if died is not None and died < month.last_day:
        cuts.append((month.day_ends(died), _EVER, Reason.AFTER_DEATH))
    cuts.extend(_agreed_days(month, owner))
    lo = max(hi for start, hi, _ in cuts if start == -_EVER)
    hi = min(start for start, _, _ in cuts if start != -_EVER)
    is_behavioral = program in _BEHAVIORAL
    visit_days, stays = _visit_days(month, program), _stays(month, program)
    texts = month.rules.texts
    return _Window(
        lo=lo,
        hi=hi,
        cuts=cuts,
        visit_days=visit_days,
        idle_roles=texts("common.clinical_time.excluded_roles"),
        idle_activities=texts("common.clinical_time.excluded_activities"),
        roles=texts("cocm.time.roles")
        if program is Program.COCM
        else texts("common.clinical_time.roles"),
        only=_only_own_time(month, program, owner),
        consultant=Reason.CONSULTANT_TIME if is_behavioral else Reason.ROLE_NOT_COUNTED,
        condition=_one_condition(owner),
        stays=stays,
        is_plain=not visit_days and not stays,
        counts_stays=is_behavioral and month.facts.policy.count_facility_time,
    )


def _only_own_time(month: MonthFacts, program: Program, owner: ProgramMonth) -> str | None:
    """Return the behavioral professional whose own minutes alone count; None where staff time does."""
    if program is not Program.BHI or owner.biller is None:
        return None
    own = month.rules.texts("bhi.behavioral_professional.initial.credentials")
    return owner.biller_id if owner.biller.credential in own else None


def agreed_part(owner: ProgramMonth, spans: Iterable[Span], clean: CleanTime) -> list[Span]:
    """Return what of another program's time lies on the days that this program may count.

    What lies before its own consent or enrollment, or after their end, is noted as lost.
    """
    cuts = list(_agreed_days(owner.month, owner))
    kept: list[Span] = []
    lost: dict[tuple[str, Reason], int] = {}
    for span in spans:
        start, end = span.start, span.end
        for lo, hi, reason in cuts:
            gone = min(end, hi) - max(start, lo)
            if gone > 0:
                key = (span.entry, reason)
                lost[key] = lost.get(key, 0) + gone // span.sharing
                start, end = (max(start, hi), end) if lo < start else (start, min(end, lo))
        if start < end:
            kept.append(span._replace(start=start, end=end))
    for (entry, reason), seconds in lost.items():
        clean.lost.append((entry, seconds, reason))
        if reason is Reason.BEFORE_CONSENT:
            clean.before_consent.add(owner.program)
    return kept


def _agreed_days(month: MonthFacts, owner: ProgramMonth) -> Iterable[Cut]:
    """Yield what lies before consent and enrollment, and after their end."""
    consent = owner.consent
    firsts: list[date] = []
    if owner.started_on is not None:
        firsts.append(owner.started_on)
    if consent is not None and consent.obtained_on is not UNKNOWN:
        firsts.append(consent.obtained_on)
    if firsts and max(firsts) > month.first_day:
        yield -_EVER, month.day_starts(max(firsts)), Reason.BEFORE_CONSENT
    revoked = consent.revoked_on if consent is not None else None
    if revoked is not UNKNOWN and revoked is not None:
        last = ServiceMonth.of(revoked).last_day
        if last < month.last_day:
            yield month.day_ends(last), _EVER, Reason.AFTER_REVOCATION
    ended = _ended_on(owner.enrollment)
    for again in sorted(owner.resumed, key=_first_day):
        if ended is None:
            return
        until = _ended_on(again)
        if _first_day(again) > ended + DAY:
            yield (
                month.day_ends(ended),
                month.day_starts(_first_day(again)),
                Reason.AFTER_ENROLLMENT,
            )
        ended = None if until is None else max(ended, until)
    if ended is not None and ended < month.last_day:
        yield month.day_ends(ended), _EVER, Reason.AFTER_ENROLLMENT


def _first_day(enrollment: Enrollment) -> date:
    return date.min if enrollment.started_on is UNKNOWN else enrollment.started_on


def _ended_on(enrollment: Enrollment | None) -> date | None:
    if enrollment is None or enrollment.ended_on is UNKNOWN:
        return None
    return enrollment.ended_on


def _one_condition(owner: ProgramMonth) -> str | None:
    if owner.program is not Program.PCM or owner.condition is UNKNOWN:
        return None
    return owner.condition


def _stays(month: MonthFacts, program: Program) -> list[_Stay]:
    """Return the days of the month's stays whose minutes a program may have to leave out."""
    if not month.facts.facility_stays or program in {Program.TCM, Program.APCM}:
        return []
    kinds = month.rules.texts("common.facility_stay.kinds")
    found: list[_Stay] = []
    for stay in month.facts.facility_stays:
        if stay.admitted_on > month.last_day:
            continue
        until = stay.discharged_on
        if until is not UNKNOWN and until is not None:
            if until <= max(month.first_day, stay.admitted_on):
                continue
            end = month.day_starts(until)
        else:
            end = month.ends
        if stay.kind is not UNKNOWN and stay.kind not in kinds:
            continue
        doubts = [unknown("kind")] if stay.kind is UNKNOWN else []
        if until is UNKNOWN:
            doubts.append(unknown("discharged_on"))
        found.append(_Stay(month.day_starts(stay.admitted_on), end, tuple(doubts)))
    return sorted(found, key=_known_first)


def _known_first(stay: _Stay) -> tuple[int, int, int]:
    """Order stays so that a doubtful one takes only what no certain one does."""
    return len(stay.doubts), stay.start, stay.end


def _visit_days(month: MonthFacts, program: Program) -> list[Piece]:
    if program not in _LONGITUDINAL or not month.facts.visits:
        return []
    days = {visit.on for visit in month.facts.visits if month.first_day - DAY <= visit.on}
    return [(month.day_starts(day), month.day_ends(day)) for day in sorted(days)]


# --- records without their place --------------------------------------------------------------


def _cut_and_ask(
    works: list[_Work],
    windows: Mapping[Program, _Window],
    gaps: Gaps,
    month: MonthFacts,
    clean: CleanTime,
) -> None:
    """Cut overlaps, and ask for what could take counted time away; it stays until that is known."""
    elsewhere = _ask_elsewhere(works, gaps)
    if gaps.staff:
        _ask_role_of_overlaps(works, month, clean)
    _cut_overlaps(works, clean)
    for work, doubts in elsewhere:
        if work.pieces:
            _ask_once(work.program, doubts, clean)
    for work in works:
        if not work.pieces:
            continue
        if gaps.person(work.entry.staff_id) is not None:
            _ask_once(work.program, [unknown("role")], clean)
        has_visits = bool(gaps.visits) and work.program in _LONGITUDINAL
        if has_visits and _is_visit_time(work.entry, month):
            _ask_once(work.program, [unknown("on")], clean)
        for stay in gaps.facility_stays:
            if _could_be_in(stay, work, month):
                _ask_of_stay(stay, work.program, windows[work.program], clean)


def _ask_of_stay(stay: UndatedStay, program: Program, window: _Window, clean: CleanTime) -> None:
    if window.counts_stays:
        clean.facility.add(program)
        return
    doubts = [unknown("admitted_on")]
    if stay.kind is UNKNOWN:
        doubts.append(unknown("kind"))
    if stay.discharged_on is UNKNOWN:
        doubts.append(unknown("discharged_on"))
    _ask_once(program, doubts, clean)


def _could_be_in(stay: UndatedStay, work: _Work, month: MonthFacts) -> bool:
    """Say whether work may lie in a stay that began on any day."""
    kinds = month.rules.texts("common.facility_stay.kinds")
    if stay.kind is not UNKNOWN and stay.kind not in kinds:
        return False
    until = stay.discharged_on
    if until is UNKNOWN or until is None:
        return True
    end = month.day_starts(until)
    return any(lo < end for lo, _ in work.pieces)


def _ask_elsewhere(works: Iterable[_Work], gaps: Gaps) -> list[tuple[_Work, list[Problem]]]:
    """Return what to ask of the same people's time on other patients, by the work that it may cost."""
    found: list[tuple[_Work, list[Problem]]] = []
    for other in gaps.other_patient_entries:
        facts = (
            ("staff", other.staff),
            ("started_at", other.started_at),
            ("seconds", other.seconds),
        )
        doubts = [unknown(key) for key, fact in facts if fact is UNKNOWN]
        found.extend((work, doubts) for work in works if _could_cost(other, work))
    return found


def _could_cost(other: UnplacedEntry, work: _Work) -> bool:
    """Say whether time on another patient, placed as badly as it may be, takes an entry away."""
    entry = work.entry
    if other.staff is not UNKNOWN and other.staff != entry.staff_id:
        return False
    start = -_EVER if other.started_at is UNKNOWN else int(other.started_at.timestamp())
    recorded = other.recorded_at
    stamp = recorded.timestamp() if recorded is not None else 0.0
    if (recorded is None, stamp, start) > _precedence(work)[:-1]:
        return False
    if other.started_at is UNKNOWN:
        return True
    end = start + (_DAY_SECONDS if other.seconds is UNKNOWN else other.seconds)
    is_shared = start == work.start and other.seconds == entry.seconds
    if entry.patients_sharing > 1 and is_shared:
        return False
    return any(start < hi and lo < end for lo, hi in work.pieces)


def _ask_role_of_overlaps(works: Sequence[_Work], month: MonthFacts, clean: CleanTime) -> None:
    """Ask for a role where time of a person without one takes some of a program's other time."""
    certain = [work for work in works if month.without_role(work.entry.staff_id) is None]
    if len(certain) == len(works):
        return
    together = [replace(work) for work in works]
    alone = [replace(work) for work in certain]
    _cut_overlaps(together, CleanTime())
    _cut_overlaps(alone, CleanTime())
    kept = {work.entry.id: work.pieces for work in together}
    for work in alone:
        if kept[work.entry.id] != work.pieces:
            _ask_once(work.program, [unknown("role")], clean)


def _precedence(work: _Work) -> tuple[bool, float, int, str]:
    """Order entries by who was recorded first, then the earlier start, then the lower id."""
    recorded = work.entry.recorded_at
    stamp = recorded.timestamp() if recorded is not None else 0.0
    return recorded is None, stamp, work.start, work.entry.id


def _is_staff_elsewhere(work: _Work, month: MonthFacts, clean: CleanTime) -> bool:
    """Say whether the same person was with another patient by an entry recorded first.

    Of two recorded and begun at once neither is the first: neither counts until one is corrected.
    """
    entry = work.entry
    for other in month.facts.other_patient_entries:
        if other.staff_id != entry.staff_id:
            continue
        start = int(other.started_at.timestamp())
        end = start + other.seconds
        if not any(start < hi and lo < end for lo, hi in work.pieces):
            continue
        if entry.patients_sharing > 1 and start == work.start and other.seconds == entry.seconds:
            continue
        recorded = other.recorded_at
        stamp = recorded.timestamp() if recorded is not None else 0.0
        if (recorded is None, stamp, start) <= _precedence(work)[:-1]:
            lost = sum(hi - lo for lo, hi in work.pieces)
            clean.lost.append((entry.id, lost, Reason.OVERLAP_SAME_STAFF))
            return True
    return False


def _cut_overlaps(works: list[_Work], clean: CleanTime) -> None:
    """Leave the union of all intervals on the patient; the entry recorded first keeps its part."""
    until = -_EVER
    for lo, hi in sorted([piece for work in works for piece in work.pieces]):
        if lo < until:
            break
        until = hi
    else:
        return
    taken: list[Piece] = []
    for work in sorted(works, key=_precedence):
        before = work.pieces
        for lo, hi in before:
            at = bisect_right(taken, lo, key=_end)
            while at < len(taken) and taken[at][0] < hi:
                _lose(work, *taken[at], Reason.OVERLAP_SAME_PATIENT, clean)
                at += 1
        for piece in before:
            _take(taken, *piece)


def _end(piece: Piece) -> int:
    return piece[1]


def _take(taken: list[Piece], lo: int, hi: int) -> None:
    """Add a piece to the time that is taken, which stays in order and without overlaps."""
    first = bisect_left(taken, lo, key=_end)
    last = first
    while last < len(taken) and taken[last][0] <= hi:
        lo, hi = min(lo, taken[last][0]), max(hi, taken[last][1])
        last += 1
    taken[first:last] = [(lo, hi)]


def seconds_by_entry(spans: Iterable[Span]) -> dict[str, int]:
    """Return whole seconds per entry; each entry's share of a shared activity is floored once."""
    lengths: dict[str, int] = {}
    shared: dict[str, int] = {}
    for start, end, entry, _, sharing in spans:
        lengths[entry] = lengths.get(entry, 0) + end - start
        if sharing != 1:
            shared[entry] = sharing
    for entry, sharing in shared.items():
        lengths[entry] //= sharing
    return lengths


def _collect(works: list[_Work], clean: CleanTime) -> None:
    reached: set[Program] = set()
    for work in works:
        entry, program, sharing = work.entry, work.program, work.entry.patients_sharing
        if not work.pieces or entry.staff_id is None:
            continue
        if sharing > 1:
            length = sum([hi - lo for lo, hi in work.pieces])
            lost = length - length // sharing
            clean.lost.append((entry.id, lost, Reason.SHARED_ACTIVITY))
        spans = clean.spans.setdefault(program, [])
        for lo, hi in work.pieces:
            spans.append(Span(lo, hi, entry.id, entry.staff_id, sharing))
        if entry.contact is ContactState.REACHED:
            reached.add(program)
        elif entry.contact is not None:
            clean.no_contact.add(program)
    for spans in clean.spans.values():
        spans.sort()
    clean.no_contact -= reached
