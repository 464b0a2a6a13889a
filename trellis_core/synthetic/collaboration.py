"""Scales of behavioral programs, and the registry and weekly sessions of collaborative care."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from trellis_core.care.records import CaseloadReview, RatingScale
from trellis_core.care.registry import RegistryStatus
from trellis_core.care.vocabulary import Program, ScaleUse
from trellis_core.services.caseload_sessions import CaseloadSession
from trellis_core.services.practice_files import Of, RegistryMark, SessionReview
from trellis_core.services.scale_results import ScaleResult
from trellis_core.synthetic import shares
from trellis_core.synthetic.calendar import Calendar
from trellis_core.synthetic.charts import Care
from trellis_core.synthetic.dealing import happens, within
from trellis_core.synthetic.team import Team

_WEEK: Final = timedelta(weeks=1)
_SESSION_MINUTES: Final = 3
_USES: Final = (ScaleUse.PLAN_KEPT, ScaleUse.PLAN_CHANGED, ScaleUse.CONSULTANT_ASKED)
_INSTRUMENTS: Final = (("PHQ-9", 27), ("GAD-7", 21))
_ADVICE: Final = (
    "Continue; next look in two weeks.",
    "Raise the dose if there is no change by week four.",
    "Add sleep steps; keep the dose.",
)


@dataclass(slots=True)
class Collaboration:
    """What is kept of behavioral care besides charts and time."""

    scales: list[Of[ScaleResult]] = field(default_factory=list)
    reviews: list[Of[SessionReview]] = field(default_factory=list)
    sessions: list[CaseloadSession] = field(default_factory=list)
    marks: list[Of[RegistryMark]] = field(default_factory=list)


def collaborate(
    *, cares: list[Care], team: Team, calendar: Calendar, chance: Random
) -> Collaboration:
    """Return the scales, reviews and registry marks of everybody in a behavioral program."""
    found = Collaboration()
    caseloads: dict[int, list[Care]] = defaultdict(list)
    for care in cares:
        if care.has_scales:
            _measure(care, team, calendar, chance, found)
        if care.program is Program.COCM:
            caseloads[care.coordinator].append(care)
            is_late = happens(shares.RELAPSE_PREVENTION_PER_THOUSAND, chance)
            status = RegistryStatus.RELAPSE_PREVENTION if is_late else RegistryStatus.ACTIVE
            mark = RegistryMark(
                status=status,
                relapse_plan_on=calendar.last_day if is_late else None,
                next_appointment_on=calendar.today + timedelta(days=within(1, 20, chance)),
            )
            found.marks.append((care.patient_id, mark))
    for manager in sorted(caseloads):
        _meet(manager, caseloads[manager], team, calendar, chance, found)
    return found


def _measure(
    care: Care, team: Team, calendar: Calendar, chance: Random, found: Collaboration
) -> None:
    instrument, most = _INSTRUMENTS[care.number % 5 // 4]
    by = team.managers[care.coordinator].id
    for number, month in enumerate(calendar.months):
        is_first = month.first_day <= care.first <= month.last_day or not number
        is_left_out = happens(shares.SCALE_LEFT_OUT_PER_THOUSAND, chance) and not is_first
        on = max(month.first_day + timedelta(days=within(1, 11, chance)), care.first)
        if is_left_out or on > min(calendar.last_of(month), care.last):
            continue
        is_open = happens(shares.SCALE_NOT_ACTED_ON_PER_THOUSAND, chance)
        score = max(0, min(most, 17 - number + within(-4, 4, chance)))
        scale = RatingScale(
            instrument=instrument,
            on=on,
            score=score,
            acted_on=None if is_open else _USES[within(0, 2, chance)],
        )
        found.scales.append((care.patient_id, ScaleResult(scale=scale, by=by)))


def _meet(
    manager: int,
    caseload: list[Care],
    team: Team,
    calendar: Calendar,
    chance: Random,
    found: Collaboration,
) -> None:
    """Hold a manager's weekly sessions: every patient comes up in every other one."""
    consultant = team.consultants[manager % len(team.consultants)].id
    leader = team.managers[manager].id
    for number, on in enumerate(_meeting_days(manager, calendar)):
        discussed = [
            care.patient_id
            for care in caseload
            if care.first <= on <= care.last
            and (care.number + number) % 2 == 0
            and happens(shares.REVIEWED_PER_THOUSAND, chance)
        ]
        if not discussed:
            continue
        began = calendar.at(on, 16)
        lasted = timedelta(minutes=_SESSION_MINUTES * len(discussed))
        session = CaseloadSession(
            id=f"cs-{manager + 1}-{number + 1}",
            led_by=leader,
            consultant=consultant,
            began_at=began,
            ended_at=began + lasted,
            seconds=int(lasted.total_seconds()),
        )
        found.sessions.append(session)
        for patient_id in discussed:
            review = CaseloadReview(
                on=on, consultant=consultant, recommendation=_ADVICE[within(0, 2, chance)]
            )
            found.reviews.append((patient_id, SessionReview(review=review, session_id=session.id)))


def _meeting_days(manager: int, calendar: Calendar) -> list[date]:
    """Return one weekday of every week."""
    first = calendar.first_day
    day = first + timedelta(days=(manager % 5 - first.weekday()) % 7)
    days = []
    while day <= calendar.last_day:
        days.append(day)
        day += _WEEK
    return days
