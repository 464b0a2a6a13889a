"""What decides the answer: each input over its range, where the dollars go, one program against another."""

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from trellis_core.care.vocabulary import Program
from trellis_core.roi.assumptions import ASSUMPTIONS, Assumption
from trellis_core.roi.inputs import EXACT, RoiInputs, changed, most_with_conditions
from trellis_core.roi.model import first_year_net, simulate
from trellis_core.roi.rates import NO_CONTRACTS, Amounts, Contracts, Rates
from trellis_core.roi.results import RoiResult, Total


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """How far one input moves the first year's net, from one end of its range to the other."""

    name: str
    label: str
    low: Decimal
    high: Decimal
    net_at_low: Decimal
    net_at_high: Decimal

    @property
    def width(self) -> Decimal:
        """Dollars between the two ends."""
        return abs(self.net_at_high - self.net_at_low)


def swings(
    inputs: RoiInputs, amounts: Amounts, contracts: Contracts = NO_CONTRACTS
) -> tuple[Swing, ...]:
    """Return what moves the first year's net, widest first: the bars of a tornado plot.

    Inputs that move nothing are left out, and so are those without a range and those that a
    practice knows or decides, such as its panel. An end that the other inputs do not allow is the
    last one that they do.

    Raises:
        InputRefusedError: As ``simulate``.
    """
    found = []
    with localcontext(EXACT):
        rates = Rates(inputs, amounts, contracts)
        for row in ASSUMPTIONS:
            ends = _ends(inputs, row)
            if ends is None:
                continue
            nets = [first_year_net(_moved(inputs, row.name, end), rates) for end in ends]
            if nets[0] != nets[1]:
                found.append(
                    Swing(
                        name=row.name,
                        label=row.label,
                        low=ends[0],
                        high=ends[1],
                        net_at_low=nets[0],
                        net_at_high=nets[1],
                    )
                )
    return tuple(sorted(found, key=lambda swing: (-swing.width, swing.name)))


def _ends(inputs: RoiInputs, row: Assumption) -> tuple[Decimal, Decimal] | None:
    """Return the ends between which an input moves; None for one that is not moved."""
    if row.low is None or row.high is None or row.is_known or inputs.value(row.name) is None:
        return None
    if row.name == "conditions_share":
        most = most_with_conditions(inputs)
        return min(row.low, most), min(row.high, most)
    return row.low, row.high


def _moved(inputs: RoiInputs, name: str, end: Decimal) -> RoiInputs:
    """Return the inputs with one moved; months of 60 minutes stay among those of 40."""
    changes = {name: end}
    if name == "add_on_40":
        changes["add_on_60"] = min(inputs.add_on_60, end)
    elif name == "add_on_60":
        changes["add_on_40"] = max(inputs.add_on_40, end)
    return changed(inputs, changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallStep:
    """One step from what is allowed to what is left.

    Attributes:
        label: In words.
        dollars: What it adds; below 0 for what it takes. For a level, the level itself.
        is_level: A sum of what stands before it: allowed, received, left.
    """

    label: str
    dollars: Decimal
    is_level: bool = False


def waterfall(total: Total) -> tuple[WaterfallStep, ...]:
    """Return the steps from allowed to net; they add up to the cent. Steps of 0 are left out."""
    steps = (
        WaterfallStep(label="Allowed by payers", dollars=total.allowed, is_level=True),
        WaterfallStep(label="Sequestration", dollars=-total.sequestered),
        WaterfallStep(label="Coinsurance not collected", dollars=-total.uncollected),
        WaterfallStep(label="Denied for good", dollars=-total.denied),
        WaterfallStep(label="Received", dollars=total.cash, is_level=True),
        WaterfallStep(label="Staff", dollars=-total.staff_cost),
        WaterfallStep(label="Software", dollars=-total.software_cost),
        WaterfallStep(label="Consultant and retainer", dollars=-total.consultant_cost),
        WaterfallStep(label="Fixed cost", dollars=-total.fixed_cost),
        WaterfallStep(label="Net", dollars=total.net, is_level=True),
    )
    return tuple(step for step in steps if step.is_level or step.dollars)


def ccm_against_apcm(
    inputs: RoiInputs, amounts: Amounts, contracts: Contracts = NO_CONTRACTS
) -> tuple[RoiResult, RoiResult]:
    """Return the same practice with CCM (and PCM where it is on), and with APCM instead.

    TCM and the behavioral programs stay as they are in both.

    Raises:
        InputRefusedError: As ``simulate``.
    """
    others = inputs.programs - {Program.CCM, Program.PCM, Program.APCM}
    with_ccm = others | {Program.CCM} | (inputs.programs & {Program.PCM})
    return (
        simulate(replace(inputs, programs=frozenset(with_ccm)), amounts, contracts),
        simulate(replace(inputs, programs=frozenset(others | {Program.APCM})), amounts, contracts),
    )
