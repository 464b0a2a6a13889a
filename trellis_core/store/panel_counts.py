"""A month's panel in numbers, from the totals that the ledger keeps up: quick at any size.

They say how a month stands while it is not worked out yet. No bill ever rests on them.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Date, Select, Text, bindparam, func, or_, select

from trellis_core.store.prepared import prepared
from trellis_core.store.tables import MONTH_ROLL, EnrollmentRow
from trellis_core.store.unit_of_work import UnitOfWork
from trellis_core.values.periods import ServiceMonth


@dataclass(frozen=True, slots=True)
class PanelCounts:
    """How many patients a month is about, and how much time.

    Attributes:
        enrolled: Patients with an enrollment on some day of it.
        timed: Patients with time in it.
        seconds: Of all their time.
    """

    enrolled: int
    timed: int
    seconds: int


def read_counts(unit: UnitOfWork, practice_id: str, month: ServiceMonth) -> PanelCounts:
    """Return a month's numbers, in one statement.

    Args:
        unit: The unit of work.
        practice_id: Whose.
        month: The service month.
    """
    found = prepared(unit.connection, "panel_counts", _parts).read(
        unit.connection,
        {
            "practice_id": practice_id,
            "first": month.first_day,
            "last": month.last_day,
            "ym": month.ym,
        },
    )
    (enrolled,), (time,) = found["enrolled"], found["time"]
    return PanelCounts(enrolled.patients, time.patients, time.seconds)


_PRACTICE_ID: Final = bindparam("practice_id", type_=Text())


def _parts(_dialect: str) -> dict[str, Select[Any]]:
    roll, enrollment = MONTH_ROLL.c, EnrollmentRow.__table__.c  # type: ignore[attr-defined]
    return {
        "enrolled": select(func.count(enrollment.patient_id.distinct()).label("patients")).where(
            enrollment.practice_id == _PRACTICE_ID,
            enrollment.started_on <= bindparam("last", type_=Date()),
            or_(
                enrollment.ended_on.is_(None),
                enrollment.ended_on >= bindparam("first", type_=Date()),
            ),
        ),
        "time": select(
            func.count(roll.patient_id.distinct()).label("patients"),
            func.coalesce(func.sum(roll.seconds), 0).label("seconds"),
        ).where(
            roll.practice_id == _PRACTICE_ID,
            roll.ym == bindparam("ym", type_=BigInteger()),
            roll.seconds > 0,
        ),
    }
