"""For analysts: determinations, amounts and a model's months as pandas frames, without a store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import pandas as pd

from trellis_core.case_file import read_cases
from trellis_core.fees import NATIONAL, MedicareSchedule, Place
from trellis_core.roi import RoiResult
from trellis_core.rules.determination import Determination, Meter
from trellis_core.rules.determine import determine
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.frame_columns import (
    CENTS,
    DAY,
    MONTH,
    PROGRAM,
    RATIO,
    TEXT,
    TRACK,
    WHOLE,
    Columns,
    cents,
    frame_of,
    period_of,
    words,
)
from trellis_core.values.money import ZERO

_DETERMINED: Final[Columns] = {
    "month": MONTH,
    "program": PROGRAM,
    "track": TRACK,
    "minutes": WHOLE,
    "seconds": WHOLE,
    "reached": TEXT,
    "next_code": TEXT,
    "minutes_to_next": WHOLE,
    "codes": TEXT,
    "allowed_cents": CENTS,
    "blocked": TEXT,
}

DETERMINATION_COLUMNS: Final[Columns] = {"patient_id": TEXT, **_DETERMINED}
"""What ``determination_frame`` has of each patient and program."""

CASE_COLUMNS: Final[Columns] = {"case": TEXT, **_DETERMINED}
"""What ``case_frame`` has of each case and program."""

RATE_COLUMNS: Final[Columns] = {
    "code": TEXT,
    "on": DAY,
    "locality": TEXT,
    "setting": TEXT,
    "schedule": TEXT,
    "release": TEXT,
    "allowed_cents": CENTS,
    "formula": TEXT,
}
"""What ``rates_frame`` has of each code and place."""

ROI_COLUMNS: Final[Columns] = {
    "month": WHOLE,
    "recruited": RATIO,
    "enrolled": RATIO,
    "billed": RATIO,
    "minutes": RATIO,
    "fte": RATIO,
    "allowed_cents": CENTS,
    "cash_cents": CENTS,
    "cost_cents": CENTS,
    "net_cents": CENTS,
    "cumulative_cents": CENTS,
}
"""What ``roi_frame`` has of each month."""


def determination_frame(determinations: Mapping[str, Determination]) -> pd.DataFrame:
    """Return determinations as one row for each patient and program, without names.

    ``codes`` are what bills, each with its units (``99439x1``). Of a program with two tracks the row has the minutes of
    the one that bills, else of the one with more time. ``allowed_cents`` is ``<NA>`` where a line has no amount
    on file, and 0 where nothing bills.

    Args:
        determinations: By patient id, of one month or several.
    """
    return frame_of(_determined(determinations.items()), DETERMINATION_COLUMNS)


def case_frame(data: bytes, *, rule_book: RuleBook) -> pd.DataFrame:
    """Return what a case file's months may be billed for, as ``determination_frame`` does.

    ``case`` is the case's own label; of a case without one its place in the file, from 1.

    Args:
        data: One case or a list of cases, as ``trellis determine`` reads them.
        rule_book: The rules.

    Raises:
        InputRefusedError: The document is not a case file; nothing of it is used.
    """
    cases = read_cases(data, amounts=rule_book.amounts).facts
    found = (
        (facts.case or str(place), determine(facts, rule_book=rule_book))
        for place, facts in enumerate(cases, start=1)
    )
    return frame_of(_determined(found), CASE_COLUMNS)


def _determined(found: Iterable[tuple[str, Determination]]) -> Iterator[tuple[object, ...]]:
    for name, one in found:
        named = {each.program for each in one.meters}
        named |= {each.program for each in one.lines}
        named |= {each.program for each in one.blocked}
        for program in sorted(named):
            lines = [line for line in one.lines if line.program is program]
            meter = _meter(
                [each for each in one.meters if each.program is program],
                {line.code for line in lines},
            )
            amounts = [line.allowed for line in lines]
            known = [amount for amount in amounts if amount is not None]
            yield (
                name,
                period_of(one.service_month),
                program.value,
                None if meter is None or meter.track is None else meter.track.value,
                None if meter is None else meter.minutes,
                None if meter is None else meter.seconds,
                "" if meter is None else words(meter.reached),
                None if meter is None else meter.next_code,
                None if meter is None else meter.minutes_to_next,
                " ".join(f"{line.code}x{line.units}" for line in lines),
                cents(sum(known, ZERO) if len(known) == len(amounts) else None),
                words(each.reason.value for each in one.blocked if each.program is program),
            )


def _meter(meters: Sequence[Meter], codes: set[str]) -> Meter | None:
    return max(
        meters,
        key=lambda meter: (not codes.isdisjoint(meter.reached), meter.seconds),
        default=None,
    )


def rates_frame(
    codes: Iterable[str],
    *,
    on: date,
    places: Iterable[Place] = (NATIONAL,),
    rule_book: RuleBook,
) -> pd.DataFrame:
    """Return Medicare's full allowed amount of one unit: one row for each code and place.

    ``locality`` is missing for national amounts. A code without an amount on file has a row whose amount is
    ``<NA>``; an unknown code is such a one.

    Args:
        codes: Codes.
        on: The date of service.
        places: Where; national amounts outside a facility if absent.
        rule_book: Its amount tables.

    Raises:
        UnknownLocalityError: The year's table has no such locality.
    """
    wanted = list(codes)
    return frame_of(
        (
            _rate_cells(code, on, place, MedicareSchedule(rule_book.amounts, place))
            for place in places
            for code in wanted
        ),
        RATE_COLUMNS,
    )


def _rate_cells(
    code: str, on: date, place: Place, schedule: MedicareSchedule
) -> tuple[object, ...]:
    rate = schedule.rate(code, on=on)
    locality = None if place.locality is None else f"{place.state}-{place.locality}"
    if rate is None:
        return code, on, locality, place.setting.value, None, None, None, None
    return (
        code,
        on,
        locality,
        place.setting.value,
        rate.schedule,
        rate.release,
        cents(rate.amount),
        rate.formula,
    )


def roi_frame(result: RoiResult) -> pd.DataFrame:
    """Return the months of the ROI model: one row for each, from 1.

    Patients, minutes and positions are what the model makes of its inputs, so they have fractions.

    Args:
        result: Of ``trellis_core.roi.simulate``.
    """
    return frame_of(
        (
            (
                month.month,
                *(
                    float(figure)
                    for figure in (
                        month.recruited,
                        month.enrolled,
                        month.billed,
                        month.minutes,
                        month.fte,
                    )
                ),
                cents(month.allowed),
                cents(month.cash),
                cents(month.cost),
                cents(month.net),
                cents(month.cumulative),
            )
            for month in result.months
        ),
        ROI_COLUMNS,
    )
