"""How each program's enrolled months become units, minutes and cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from trellis_core.care.vocabulary import Program
from trellis_core.roi.assumptions import PayerClass, Worker
from trellis_core.roi.inputs import RoiInputs
from trellis_core.roi.rates import CCM_BASE

# Codes by service element. A code without an amount in the chosen year brings 0.
_CCM_MORE, _CCM_COMPLEX, _CCM_COMPLEX_MORE, _CCM_PLANNING = "99439", "99487", "99489", "G0506"
_PCM_BASE, _PCM_MORE = "99426", "99427"
_BHI: Final = "99484"
_COCM_FIRST, _COCM_NEXT, _COCM_MORE, _COCM_SHORT = "99492", "99493", "99494", "G2214"
_TCM_MODERATE, _TCM_HIGH = "99495", "99496"
_APCM_ONE, _APCM_TWO, _APCM_QMB, _APCM_BEHAVIORAL = "G0556", "G0557", "G0558", "G0570"

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_TWO: Final = Decimal(2)
MINUTES_AN_HOUR: Final = Decimal(60)

Units = Mapping[str, Decimal]
"""Units of each code."""


@dataclass(frozen=True, slots=True)
class Level:
    """Enrollment of one program in one month: patients so far, now, and new this month."""

    recruited: Decimal
    enrolled: Decimal
    added: Decimal

    @property
    def share_of_new(self) -> Decimal:
        """Part of the enrolled who are new this month."""
        return self.added / self.enrolled if self.enrolled else _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a program's months hold.

    Attributes:
        recruits: Patients recruited over the ramp; for TCM, discharges each month.
        reach: Share of enrolled months that are billed.
        units: Units of each code in a billed month, by payer, for a month's enrollment.
        worker: Who works.
        minutes: Staff minutes in a billed month.
        idle_minutes: In an enrolled month that is not billed.
        fee: Software, for each enrolled month.
        consultant: Consultant's dollars for each enrolled month.
        consultant_minutes: And the minutes for them.
        retainer: Dollars a month, whatever the enrollment.
        is_by_discharge: Nobody stays enrolled from month to month.
    """

    recruits: Decimal
    reach: Decimal
    units: Callable[[PayerClass, Level], Units]
    worker: Worker
    minutes: Decimal
    idle_minutes: Decimal = _ZERO
    fee: Decimal = _ZERO
    consultant: Decimal = _ZERO
    consultant_minutes: Decimal = _ZERO
    retainer: Decimal = _ZERO
    is_by_discharge: bool = False


def medicare_seen(inputs: RoiInputs) -> Decimal:
    """Return the panel's Medicare patients who were seen within a year."""
    return inputs.panel * inputs.medicare_share * inputs.seen_share


def _staff_program(
    inputs: RoiInputs, share: Decimal, units: Callable[[PayerClass, Level], Units]
) -> Work:
    return Work(
        recruits=medicare_seen(inputs) * share * inputs.consent_share,
        reach=inputs.reach,
        units=units,
        worker=inputs.worker,
        minutes=inputs.billable_minutes * (_ONE + inputs.overhead),
        idle_minutes=inputs.idle_minutes,
        fee=inputs.software_fee,
    )


def _more(inputs: RoiInputs) -> Decimal:
    """Return further units in a billed month: one from 40 minutes, a second from 60."""
    return inputs.add_on_40 + inputs.add_on_60


def _ccm(inputs: RoiInputs) -> Work:
    plain = _ONE - inputs.complex_share

    def units(_: PayerClass, level: Level) -> Units:
        return {
            CCM_BASE: plain,
            _CCM_MORE: plain * _more(inputs),
            _CCM_COMPLEX: inputs.complex_share,
            _CCM_COMPLEX_MORE: inputs.complex_share * inputs.complex_more_share,
            _CCM_PLANNING: level.share_of_new * inputs.initiating_share,
        }

    return _staff_program(inputs, inputs.conditions_share, units)


def _pcm(inputs: RoiInputs) -> Work:
    units = {_PCM_BASE: _ONE, _PCM_MORE: _more(inputs)}
    return _staff_program(inputs, inputs.pcm_share or _ZERO, lambda _, __: units)


def _bhi(inputs: RoiInputs) -> Work:
    return _staff_program(inputs, inputs.bhi_share or _ZERO, lambda _, __: {_BHI: _ONE})


def _cocm(inputs: RoiInputs) -> Work:
    full = _ONE - inputs.cocm_short_share
    minutes = inputs.cocm_consultant_minutes or _ZERO

    def units(_: PayerClass, level: Level) -> Units:
        return {
            _COCM_FIRST: full * level.share_of_new,
            _COCM_NEXT: full * (_ONE - level.share_of_new),
            _COCM_MORE: full * inputs.cocm_more_share,
            _COCM_SHORT: inputs.cocm_short_share,
        }

    return Work(
        recruits=inputs.cocm_caseload or _ZERO,
        reach=inputs.reach,
        units=units,
        worker=Worker.SOCIAL_WORKER,
        minutes=(inputs.cocm_minutes or _ZERO) * (_ONE + inputs.overhead),
        idle_minutes=inputs.idle_minutes,
        fee=inputs.software_fee,
        consultant=minutes / MINUTES_AN_HOUR * (inputs.cocm_consultant_hourly or _ZERO),
        consultant_minutes=minutes,
        retainer=inputs.cocm_retainer or _ZERO,
    )


def _tcm(inputs: RoiInputs) -> Work:
    units = {_TCM_MODERATE: _ONE - inputs.tcm_high_share, _TCM_HIGH: inputs.tcm_high_share}
    return Work(
        recruits=inputs.tcm_discharges or _ZERO,
        reach=_ONE,
        units=lambda _, __: units,
        worker=inputs.worker,
        minutes=(inputs.tcm_minutes or _ZERO) * (_ONE + inputs.overhead),
        is_by_discharge=True,
    )


def _apcm(inputs: RoiInputs) -> Work:
    one = inputs.apcm_level_one_share or _ZERO
    share = inputs.conditions_share + one
    first_level = one / share if share else _ZERO

    def units(payer: PayerClass, _: Level) -> Units:
        upper = _APCM_QMB if payer is PayerClass.DUAL else _APCM_TWO
        return {
            _APCM_ONE: first_level,
            upper: _ONE - first_level,
            _APCM_BEHAVIORAL: inputs.apcm_behavioral_share or _ZERO,
        }

    return Work(
        recruits=medicare_seen(inputs) * share * inputs.consent_share,
        reach=inputs.apcm_share or _ZERO,
        units=units,
        worker=inputs.worker,
        minutes=(inputs.apcm_minutes or _ZERO) * (_ONE + inputs.overhead),
        fee=inputs.software_fee,
    )


@dataclass(frozen=True, slots=True)
class ProgramModel:
    """A program with the inputs without which it brings nothing."""

    program: Program
    work: Callable[[RoiInputs], Work]
    needs: tuple[str, ...] = ()

    def missing(self, inputs: RoiInputs) -> tuple[str, ...]:
        """Return the needed inputs that nobody has entered."""
        return tuple(name for name in self.needs if inputs.value(name) is None)


PROGRAMS: Final = (
    ProgramModel(Program.CCM, _ccm),
    ProgramModel(Program.PCM, _pcm, ("pcm_share",)),
    ProgramModel(Program.BHI, _bhi, ("bhi_share",)),
    ProgramModel(
        Program.COCM,
        _cocm,
        ("cocm_caseload", "cocm_minutes", "cocm_consultant_minutes", "cocm_consultant_hourly"),
    ),
    ProgramModel(Program.APCM, _apcm, ("apcm_share", "apcm_minutes")),
    ProgramModel(Program.TCM, _tcm, ("tcm_discharges", "tcm_minutes")),
)
"""Every program, in the order of the results."""
