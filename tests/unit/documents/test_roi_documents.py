"""A scenario on paper and as CSV: two pages whatever is entered, and sums that agree with the answer."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from pypdf import PdfReader

from trellis_core.care.vocabulary import Program, Setting
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.documents.layout import PAGE_HEIGHT, PAGE_WIDTH, Page, Text, width_of
from trellis_core.documents.roi_csv import MONTH_COLUMNS, scenario_csv
from trellis_core.documents.roi_pdf import scenario_pages, scenario_pdf
from trellis_core.documents.roi_words import amounts_line, choices, shown, span, summary
from trellis_core.fees import ListedAmount, ListedSchedule
from trellis_core.roi import (
    ASSUMPTIONS,
    NO_CONTRACTS,
    Contracts,
    RoiInputs,
    RoiResult,
    ScheduleChoice,
    Worker,
    assumption,
    floors,
    simulate,
    swings,
)
from trellis_core.rules.rulebook import load_rule_book

D = Decimal
AMOUNTS = load_rule_book().amounts
ON = date(2026, 11, 22)
ALL = frozenset({Program.CCM, Program.PCM, Program.BHI, Program.COCM, Program.TCM})
ENTERED: dict[str, Any] = {
    "pcm_share": D("0.12"),
    "bhi_share": D("0.09"),
    "cocm_caseload": D(40),
    "cocm_minutes": D(70),
    "cocm_consultant_minutes": D(12),
    "cocm_consultant_hourly": D(210),
    "tcm_discharges": D(9),
    "tcm_minutes": D(45),
}
LOSING = RoiInputs(reach=D("0.3"), fixed_cost=D(600))
LONG_PAYERS = {
    "contract_advantage": "Juniper Mutual Medicare Advantage Preferred of the Upper Valley",
    "contract_medicaid": "Statewide Medicaid Managed Care Organization",
    "contract_commercial": "The Commercial Payer of the Large Employers",
}


def every_input_changed() -> tuple[RoiInputs, Contracts]:
    """Return inputs of which none is at its default, with long payers' names and many digits."""
    changes: dict[str, Any] = {}
    for row in ASSUMPTIONS:
        start = D("0.1") if row.default is None else row.default
        if row.name == "ramp_months":
            changes[row.name] = start + 1
        elif row.unit == "share":
            changes[row.name] = start * D("0.9") + D("0.000123")
        else:
            changes[row.name] = start + D("1.000001")
    changes |= ENTERED
    mix = ("0.3", "0.2", "0.1", "0.2", "0.2")
    names = ("original", "advantage", "dual", "medicaid", "commercial")
    changes |= {f"payer_{name}": D(part) for name, part in zip(names, mix, strict=True)}
    codes = "99490 99439 99487 99489 G0506 99426 99427 99484 99492 99493 99494 G2214 99495 99496"
    held = tuple(
        ListedAmount(code=code, amount=D("71.23"), effective_from=date(2026, 1, 1))
        for code in codes.split()
    )
    inputs = RoiInputs(
        **changes,
        **LONG_PAYERS,
        programs=ALL,
        worker=Worker.RN,
        state="NY",
        locality="01",
        setting=Setting.FACILITY,
        qualifying_apm=True,
    )
    return inputs, {
        payer: ListedSchedule(name=f"Agreed with {payer}", release="a letter", amounts=held)
        for payer in LONG_PAYERS.values()
    }


EXTREMES = {
    "defaults": (RoiInputs(), NO_CONTRACTS),
    "every input changed": every_input_changed(),
    "nothing entered": (
        RoiInputs(
            programs=ALL, payer_original=D(0), payer_medicaid=D("0.5"), payer_commercial=D("0.5")
        ),
        NO_CONTRACTS,
    ),
    "nobody": (RoiInputs(panel=D(0)), NO_CONTRACTS),
    "losing": (LOSING, NO_CONTRACTS),
    "beyond any practice": (RoiInputs(panel=D(10) ** 9, wage_lpn=D(10) ** 9), NO_CONTRACTS),
}


def details(inputs: RoiInputs, contracts: Contracts, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Next year",
        "practice_name": "Juniper Falls",
        "swings": swings(inputs, AMOUNTS, contracts),
        "floors": floors(inputs, AMOUNTS),
        "made_on": ON,
    } | changes


def paper(inputs: RoiInputs, contracts: Contracts = NO_CONTRACTS, **changes: Any) -> bytes:
    result = simulate(inputs, AMOUNTS, contracts)
    return scenario_pdf(result, **details(inputs, contracts, **changes))


def pages(content: bytes) -> list[str]:
    found = PdfReader(io.BytesIO(content)).pages
    return [" ".join(page.extract_text().split()) for page in found]


@pytest.mark.parametrize("extreme", EXTREMES)
def test_a_scenario_takes_two_pages_and_nothing_of_it_is_cut(extreme: str) -> None:
    inputs, contracts = EXTREMES[extreme]
    result = simulate(inputs, AMOUNTS, contracts)
    told = details(inputs, contracts, name="W" * 60, practice_name="M" * 120)
    see_that_no_words_meet(scenario_pages(result, **told))
    front, back = pages(scenario_pdf(result, **told))
    assert "…" not in front + back
    bare = front.replace(" ", "")
    assert "W" * 60 in bare
    assert "M" * 120 in bare
    assert f"{result.first_year.net:,.2f}" in front
    assert summary(result).replace(" ", "") in bare
    assert amounts_line(result).replace(" ", "") in bare
    assert DISCLAIMER in front
    assert DISCLAIMER in back
    bare = back.replace(" ", "")
    for row in ASSUMPTIONS:
        assert row.label.replace(" ", "") in bare
        assert shown(row, inputs.value(row.name)).replace(" ", "") in bare
    for line in result.not_counted:
        assert line.replace(" ", "") in bare
    for rate in result.rates:
        assert rate.amount is None or f"{rate.code}${rate.amount:,.2f}" in bare


def see_that_no_words_meet(drawn: Sequence[Page]) -> None:
    """Fail where words run into others, or off the page."""
    for page in drawn:
        places = [place(text) for text in page.texts]
        assert len(places) > 100
        for left, top, right, bottom in places:
            assert 41 < left < right < PAGE_WIDTH - 41
            assert 41 < top < bottom < PAGE_HEIGHT - 20
        for one, other in combinations(places, 2):
            apart = one[2] < other[0] + 0.1 or other[2] < one[0] + 0.1
            assert apart or one[3] < other[1] + 0.1 or other[3] < one[1] + 0.1


def place(text: Text) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom edges of a text's capitals and digits."""
    wide = width_of(text.words, text.size, is_bold=text.is_bold)
    return text.x, text.y - 0.73 * text.size, text.x + wide, text.y


def test_the_paper_says_whose_it_is_of_when_and_from_what() -> None:
    inputs = replace(LOSING, state="NY", locality="01")
    front, back = pages(paper(inputs))
    for said in (
        "Next year",
        "Juniper Falls · Care management: a scenario · made November 22, 2026",
        "Amounts: medicare-2026 RVU26C, NY 01, nonfacility.",
        "Low: 42% of months reach a unit",
        "15 patients x $74.57 = $1,118.55 a month",
        "Coinsurance not collected",
        "First year",
    ):
        assert said in front
    for said in (
        "What decides it",
        "Inputs that differ from their defaults",
        "[1] Medical Group Management Association (MGMA), 2013",
        "In month 36 a licensed practical nurse works",
    ):
        assert said in back
    assert pages(paper(inputs, name=""))[0].startswith("Care management: a scenario Juniper Falls")


def test_equal_scenarios_give_equal_bytes_and_the_file_is_called_nothing_of_its_own() -> None:
    content = paper(LOSING)
    assert content == paper(LOSING)
    assert content != paper(LOSING, made_on=date(2026, 11, 23))
    told = PdfReader(io.BytesIO(content)).metadata
    assert told is not None
    assert told.title == "Care management: a scenario"


def rows_of(result: RoiResult, **more: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(scenario_csv(result, **more).decode(), newline="")))


@pytest.mark.parametrize("extreme", ["every input changed", "nobody", "beyond any practice"])
def test_the_sums_of_the_csv_are_those_of_its_months_to_the_cent(extreme: str) -> None:
    result = simulate(*[EXTREMES[extreme][0], AMOUNTS, EXTREMES[extreme][1]])
    rows = rows_of(result)
    assert tuple(rows[0]) == MONTH_COLUMNS
    months = [dict(zip(rows[0], row, strict=True)) for row in rows[1:37]]
    start = next(at for at, row in enumerate(rows) if row[:1] == ["sums"])
    sums = [dict(zip(rows[start], row, strict=False)) for row in rows[start + 1 : start + 5]]
    for name in ("allowed", "sequestered", "uncollected", "denied", "cash", "cost", "net"):
        whole = [D(month[name]) for month in months]
        years = [sum(whole[at : at + 12], D(0)) for at in (0, 12, 24)]
        assert [D(each[name]) for each in sums] == [*years, sum(whole, D(0))]
    assert D(sums[0]["net"]) == result.first_year.net
    assert D(months[-1]["cumulative"]) == sum(D(month["net"]) for month in months)
    steps = dict(row[:2] for row in rows if row[2:] in (["level"], ["step"]))
    taken = [D(dollars) for label, dollars in steps.items() if D(dollars) < 0 and label != "Net"]
    assert D(steps["Allowed by payers"]) + sum(taken) == D(steps["Net"])


def test_the_csv_has_every_input_with_its_source_and_every_amount() -> None:
    rows = rows_of(simulate(LOSING, AMOUNTS), name='=HYPERLINK("x")')
    assert next(row for row in rows if row[:1] == ["medicare_share"])[2:9] == [
        "0.22", "0.22", "share", "0.1", "0.5", assumption("medicare_share").source, "2013",
    ]  # fmt: skip
    assert [row[2:4] for row in rows if row[:1] == ["reach"]] == [["0.3", "0.7"]]
    assert [row[2] for row in rows if row[:1] == ["bhi_share"]] == ["enter yours"]
    assert [row[2] for row in rows if row[:1] == ["programs"]] == ["CCM"]
    assert ["99490", "66.13", "", "medicare-2026 RVU26C, national, nonfacility"] in rows
    assert ["scenario", '\'=HYPERLINK("x")'] in rows
    assert rows[-1] == [DISCLAIMER]
    assert {row.name for row in ASSUMPTIONS} <= {row[0] for row in rows if row}


def test_the_summary_says_what_the_result_holds() -> None:
    for inputs, said in (
        (LOSING, "more than comes in: the net is -$"),
        (LOSING, "does not come to stay at zero or above within 36 months"),
        (RoiInputs(fixed_cost=D(800)), "The cumulative net stays at zero or above from month 30."),
        (RoiInputs(programs=frozenset()), "No program is on, so nothing comes in."),
        (RoiInputs(programs=frozenset({Program.COCM})), "CoCM is on, by a social worker."),
        (
            RoiInputs(programs=frozenset({Program.PCM})),
            "PCM brings nothing until this is entered: share of Medicare patients with one cond",
        ),
        (
            RoiInputs(payer_original=D(0), payer_medicaid=D(1)),
            "Medicaid brings nothing: no rate is entered.",
        ),
    ):
        assert said in summary(simulate(inputs, AMOUNTS))


def test_amounts_are_named_for_what_they_are() -> None:
    estimate = RoiInputs(
        schedule=ScheduleChoice.PUBLISHED_ESTIMATE, programs=frozenset({Program.CCM, Program.BHI})
    )
    line = amounts_line(simulate(estimate, AMOUNTS))
    assert "an estimate, no fee schedule" in line
    assert line.endswith("None on file for 99484.")
    own = replace(estimate, base_amount=D(70), schedule=ScheduleChoice.MEDICARE)
    assert "your own amount for 99490" in amounts_line(simulate(own, AMOUNTS))
    inputs, contracts = every_input_changed()
    line = amounts_line(simulate(inputs, AMOUNTS, contracts))
    assert "NY 01, facility, qualifying APM participant" in line
    assert all(payer in line for payer in LONG_PAYERS.values())
    told = ListedSchedule(name="Ours", release="2026", amounts=())
    bare = replace(RoiInputs(payer_original=D(0), payer_medicaid=D(1)), contract_medicaid="Fern")
    line = amounts_line(simulate(bare, AMOUNTS, {"Fern": told}))
    assert line == "Amounts: none used. None on file for 99490 and 99439."


def test_values_are_written_exactly_and_with_their_unit() -> None:
    assert shown(assumption("ramp_months"), D(1)) == "1 month"
    assert shown(assumption("panel"), D("1234567.5")) == "1,234,567.5 patients"
    assert shown(assumption("wage_lpn"), D("0.005")) == "$0.005"
    assert shown(assumption("load"), D("1.424242")) == "142.4242%"
    assert span(assumption("base_amount")) == "—"
    assert re.search("contract", str(choices(RoiInputs())), re.IGNORECASE)
