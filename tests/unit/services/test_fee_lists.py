"""Lists of amounts: read row by row, kept as a whole, and followed by open months at once."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.month_case import NOVEMBER, MonthCase
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import EntryMode
from trellis_core.cli import main
from trellis_core.errors import CommandRefusedError, NotFoundError
from trellis_core.roi import PayerClass
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import fee_lists
from trellis_core.services.approvals import (
    ApproveSuperbills,
    PassedOverBecause,
    approve_superbills,
)
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.contracts import contract_schedules, payer_class_lists, payer_classes
from trellis_core.services.fee_files import MAX_BYTES, MAX_ROWS, MOST, read_fee_file
from trellis_core.services.fee_lists import ChangeAmounts, FeePreview, What
from trellis_core.services.fee_rows import rows_to_type
from trellis_core.store.engine import Store
from trellis_core.store.tables import PastCoverageRow, PatientRow, PracticeRow, StaffRow
from trellis_core.superbill import EVERY_PAYER

HEAD = "code,amount,effective_from,effective_through\n"
CHARGES = FeeListKind.CHARGES
YEAR, MIDDLE = date(2026, 1, 1), date(2026, 7, 1)


@pytest.fixture
def case(store: Store) -> MonthCase:
    made = MonthCase(store)
    made.enrolled("p1")
    made.panel.log("p1", 20, at=datetime(2026, 11, 10, 15, tzinfo=UTC), mode=EntryMode.TIMED)
    return made


def services(case: MonthCase, *, is_writing: bool = True) -> dict[str, Any]:
    given = {"store": case.store, "actor": case.actor(AccessRole.OWNER)}
    return given | ({"clock": case.clock} if is_writing else {})


def imported(case: MonthCase, rows: str, payer: str = EVERY_PAYER, **more: Any) -> FeePreview:
    return fee_lists.import_fee_list(
        (HEAD + rows).encode(), **({"kind": CHARGES} | more), payer_name=payer, **services(case)
    )


def kept(case: MonthCase, payer: str = EVERY_PAYER) -> str:
    content = fee_lists.fee_list_csv(CHARGES, payer_name=payer, **services(case, is_writing=False))
    return content.decode().replace("\r\n", "\n").removeprefix(HEAD)


def approve(case: MonthCase, **more: Any):
    return approve_superbills(
        ApproveSuperbills(month=NOVEMBER, **more),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
        rule_book=load_rule_book(),
    )


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("9949,1.00,2026-01-01,", "code"),
        ("99490,one,2026-01-01,", "amount"),
        ("99490,1.005,2026-01-01,", "amount"),
        ("99490,-1,2026-01-01,", "amount"),
        ("99490,1e3,2026-01-01,", "amount"),
        ("99490,0.00,2026-01-01,", "more than nothing"),
        ("99490,0.01,2026-01-01,", None),
        (f"99490,{MOST},2026-01-01,", None),
        (f"99490,{MOST + Decimal('0.01')},2026-01-01,", "more than $"),
        ("99490,1.00,soon,", "effective_from"),
        ("99490,1.00,2026-02-29,", "effective_from"),
        ("99490,$1.00,2/28/2026,", None),
        ("99490,1.00,2026-01-02,2026-01-01", "ends before it begins"),
        ("99490,1.00,2026-01-01,2026-01-01", None),
        ("g0556,1,2026-01-01,", None),
        ("99490,1.00", "number of cells"),
    ],
)
def test_each_row_is_read_or_named_with_what_is_wrong(row: str, wrong: str | None):
    found = read_fee_file(f"{HEAD}{row}\n".encode())
    assert found.rows == 1
    if wrong is None:
        assert (len(found.amounts), found.refused) == (1, ())
    else:
        ((number, text),) = [(each.number, each.text) for each in found.refused]
        assert number == 2
        assert wrong in text
        assert "soon" not in text


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("2026-01-01,2026-06-30", "2026-07-01,", []),
        ("2026-01-01,2026-07-01", "2026-07-01,", [3]),
        ("2026-01-01,", "2026-07-01,", [3]),
        ("2026-01-01,2026-06-30", "2026-01-01,2026-06-30", [3]),
        ("2026-07-01,", "2026-01-01,2026-06-30", []),
        ("2026-07-01,", "2026-01-01,2026-07-01", [2]),
    ],
)
def test_spans_of_a_code_may_follow_one_another_and_not_overlap(
    first: str, second: str, refused: list[int]
):
    text = f"{HEAD}99490,95,{first}\n99490,97,{second}\n99439,60,2026-01-01,\n"
    assert [each.number for each in read_fee_file(text.encode()).refused] == refused


def test_a_file_that_is_no_list_or_too_large_is_refused_as_a_whole():
    rows = "".join(
        f"99490,1,{YEAR + timedelta(days=n)},{YEAR + timedelta(days=n)}\n" for n in range(MAX_ROWS)
    )
    assert len(read_fee_file((HEAD + rows).encode()).amounts) == MAX_ROWS
    for content, code in (
        (b"code,amount\n99490,1\n", "COLUMNS_MISSING"),
        (b"PK\x03\x04", "NOT_CSV"),
        (f"{HEAD}{rows}99439,1,2026-01-01,\n".encode(), "TOO_LARGE"),
        (b" " * (MAX_BYTES + 1), "TOO_LARGE"),
    ):
        with pytest.raises(CommandRefusedError) as caught:
            read_fee_file(content)
        assert caught.value.code == code


def test_the_guides_example_reads_and_says_that_it_is_invented():
    content = (Path(__file__).parents[3] / "docs" / "guide" / "fees.csv").read_bytes()
    found = read_fee_file(content)
    assert (found.rows, found.refused) == (5, ())
    assert content.count(b"invented") == found.rows


# --- keeping ------------------------------------------------------------------------------------


def test_a_file_takes_the_place_of_the_list_and_comes_back_as_it_went_in(case: MonthCase):
    first = "99439,60.00,2026-01-01,\n99490,95.00,2026-01-01,2026-06-30\n99490,99.00,2026-07-01,\n"
    assert {each.what for each in imported(case, first).changes} == {What.ADDED}
    assert kept(case) == first
    second = "99439,60.00,2026-01-01,\n99490,96.00,2026-01-01,\n"
    seen = fee_lists.preview_fee_list(
        (HEAD + second).encode(), kind=CHARGES, payer_name="", **services(case, is_writing=False)
    )
    assert [(each.what, each.either.effective_from) for each in seen.changes] == [
        (What.CHANGED, YEAR),
        (What.REMOVED, MIDDLE),
    ]
    assert kept(case) == first
    assert imported(case, second) == seen
    assert kept(case) == second
    with pytest.raises(CommandRefusedError) as caught:
        imported(case, "99490,1,soon,\n")
    assert caught.value.code == "ROWS_REFUSED"
    assert kept(case) == second


def test_a_list_is_of_a_payer_as_coverages_name_it_and_of_one_kind(case: MonthCase):
    payers = fee_lists.payers_on_file(**services(case, is_writing=False))
    assert payers == ("Medicare Part B",)
    imported(case, "99490,90.00,2026-01-01,\n", "medicare part b ")
    imported(case, "99490,66.13,2026-01-01,\n", "Medicare Part B", kind=FeeListKind.CONTRACT)
    with pytest.raises(CommandRefusedError) as caught:
        imported(case, "99490,1.00,2026-01-01,\n", "Medicare Part C")
    assert caught.value.code == "PAYER_UNKNOWN"
    with pytest.raises(CommandRefusedError) as caught:
        imported(case, "99490,1.00,2026-01-01,\n", kind=FeeListKind.CONTRACT)
    assert caught.value.code == "PAYER_MISSING"
    for kind, amount in ((CHARGES, "90.00"), (FeeListKind.CONTRACT, "66.13")):
        (one,) = fee_lists.lists_on_file(kind, **services(case, is_writing=False))
        assert (one.payer_name, one.holding(YEAR)) == (payers[0], {"99490": Decimal(amount)})
    assert case.bills()[0].charge_total == Decimal("90.00")


def test_a_contract_is_of_every_class_that_a_coverage_of_its_payer_has(case: MonthCase):
    given = services(case, is_writing=False)
    assert contract_schedules(**given) == {}
    assert set(payer_class_lists(**given).values()) == {()}
    for number, (payer, kind) in enumerate(
        (
            ("Fernbank Mutual", "commercial"),
            ("Fernbank Mutual", "medicare_advantage"),
            ("Juniper Plan", "medicaid"),
            ("Aspen Plan", "commercial"),
        )
    ):
        case.panel.add(
            PastCoverageRow(
                practice_id=case.practice_id, id=f"c{number}", patient_id="p1", payer_name=payer,
                payer_kind=kind, ended_on=YEAR,
            )
        )  # fmt: skip
    imported(case, "99490,99.00,2026-01-01,\n", "Aspen Plan")
    for payer in ("Juniper Plan", "Fernbank Mutual", "Medicare Part B"):
        imported(case, "99490,70.00,2026-01-01,\n", payer, kind=FeeListKind.CONTRACT)
    schedules = contract_schedules(**given)
    assert list(schedules) == ["Fernbank Mutual", "Juniper Plan", "Medicare Part B"]
    rate = schedules["Juniper Plan"].rate("99490", on=MIDDLE)
    assert rate is not None
    assert (rate.amount, rate.schedule) == (Decimal("70.00"), "Contract, Juniper Plan")
    assert payer_class_lists(**given) == {
        PayerClass.ORIGINAL: ("Medicare Part B",),
        PayerClass.ADVANTAGE: ("Fernbank Mutual",),
        PayerClass.DUAL: (),
        PayerClass.MEDICAID: ("Juniper Plan",),
        PayerClass.COMMERCIAL: ("Fernbank Mutual",),
    }
    assert payer_classes(**given)["Aspen Plan"] == (PayerClass.COMMERCIAL,)


def test_typed_amounts_end_what_holds_and_leave_what_begins_later(case: MonthCase):
    imported(
        case,
        "99439,60.00,2026-01-01,\n99490,95.00,2026-01-01,2026-09-30\n99490,99.00,2026-10-01,\n",
    )
    changes = fee_lists.change_amounts(
        ChangeAmounts(
            kind=CHARGES,
            payer_name="",
            from_day=MIDDLE,
            amounts={"99490": Decimal("97.00"), "99439": None, "99487": Decimal("200.00")},
        ),
        **services(case),
    )
    assert len(changes) == 4
    assert kept(case) == (
        "99439,60.00,2026-01-01,2026-06-30\n99487,200.00,2026-07-01,\n"
        "99490,95.00,2026-01-01,2026-06-30\n99490,97.00,2026-07-01,2026-09-30\n"
        "99490,99.00,2026-10-01,\n"
    )
    again = ChangeAmounts(
        kind=CHARGES, payer_name="", from_day=MIDDLE, amounts={"99490": Decimal("97.00")}
    )
    assert fee_lists.change_amounts(again, **services(case)) == ()


def test_a_list_ends_on_a_day_or_is_removed(case: MonthCase):
    imported(case, "99490,95.00,2026-01-01,2026-06-30\n99490,99.00,2026-07-01,\n")
    with pytest.raises(CommandRefusedError):
        fee_lists.end_fee_list(
            CHARGES, payer_name="", last_day=date(2025, 12, 31), **services(case)
        )
    fee_lists.end_fee_list(CHARGES, payer_name="", last_day=date(2026, 7, 1), **services(case))
    assert kept(case).endswith("99490,99.00,2026-07-01,2026-07-01\n")
    fee_lists.end_fee_list(CHARGES, payer_name="", last_day=date(2026, 6, 30), **services(case))
    assert kept(case) == "99490,95.00,2026-01-01,2026-06-30\n"
    fee_lists.remove_fee_list(CHARGES, payer_name="", **services(case))
    with pytest.raises(NotFoundError):
        kept(case)
    assert case.bills()[0].charge_total is None


def test_rows_to_type_have_medicares_amount_beside_the_lists(case: MonthCase):
    imported(case, "99490,95.00,2026-01-01,\n99214,180.00,2026-01-01,\n")
    rows = {
        each.code: each
        for each in rows_to_type(
            CHARGES, payer_name="", on=YEAR, rule_book=load_rule_book(),
            **services(case, is_writing=False),
        )
    }  # fmt: skip
    assert (rows["99490"].amount, rows["99490"].allowed) == (Decimal("95.00"), Decimal("66.13"))
    assert (rows["99214"].amount, rows["99439"].amount) == (Decimal("180.00"), None)
    assert "G2058" not in rows, "billed only in earlier years"


# --- what follows -------------------------------------------------------------------------------


def test_a_change_of_charges_ends_the_approval_of_what_it_changed(case: MonthCase):
    imported(case, "99490,95.00,2026-01-01,\n99439,60.00,2026-01-01,\n")
    assert len(approve(case).superbills) == 1
    imported(case, "99490,95.00,2026-01-01,\n99439,61.00,2026-01-01,\n")
    (bill,) = case.bills()
    assert bill.approval is not None, "another code's charge is no change of this one"
    imported(case, "99490,96.00,2026-01-01,\n")
    (bill,) = case.bills()
    assert (bill.approval, bill.charge_total) == (None, Decimal("96.00"))


def test_what_is_malformed_is_never_approved(case: MonthCase):
    (ready,) = case.bills()
    assert ready.is_clean
    for kind, key, field, value, code in (
        (PracticeRow, (), "npi", "1234567890", "PRACTICE_NPI_MALFORMED"),
        (PracticeRow, (), "tin", "000000000", "PRACTICE_TIN_MALFORMED"),
        (PracticeRow, (), "postal_code", "1", "PRACTICE_ADDRESS_MALFORMED"),
        (PracticeRow, (), "place_of_service", "30", "PLACE_OF_SERVICE"),
        (StaffRow, ("dr-1",), "npi", "1234567890", "RENDERING_NPI_MALFORMED"),
        (PatientRow, ("p1",), "birth_date", date(2027, 1, 1), "BIRTH_DATE_MALFORMED"),
        (PatientRow, ("p1",), "sex", "w", "SEX_MALFORMED"),
        (PatientRow, ("p1",), "address_line", "", "PATIENT_ADDRESS"),
        (PatientRow, ("p1",), "state", "N", "PATIENT_ADDRESS_MALFORMED"),
        (PatientRow, ("p1",), "member_id", "W-1", "MBI_MALFORMED"),
    ):
        with case.store.reading() as unit:
            full = (case.practice_id, *key)
            row = unit.session.get(kind, full if key else full[0])
            was = getattr(row, field)
        case.change(kind, *full, **{field: value})
        (bill,) = case.bills()
        assert [each.code for each in bill.missing] == [code]
        done = approve(case, seen={bill.id: None})
        assert [each.because for each in done.passed_over] == [PassedOverBecause.NOT_READY]
        case.change(kind, *full, **{field: was})


def test_the_command_rehearses_refuses_and_stores(case: MonthCase, tmp_path, capsys):
    case.change(StaffRow, case.practice_id, "dr-1", access=AccessRole.OWNER.value)
    file = tmp_path / "fees.csv"
    words = ["import", "fees", str(file), "--store", f"sqlite:///{case.store.path}", "--as", "dr-1"]
    file.write_text(HEAD + "99490,95,2026-01-01,\n99490,96,2026-02-01,\n")
    assert main(words) == 2
    assert "Row 3: 99490 has another amount" in capsys.readouterr().out
    file.write_text(HEAD + "99490,95,2026-01-01,\n")
    assert main([*words, "--dry-run"]) == 0
    assert "99490 from 2026-01-01: would be added, 95.00" in capsys.readouterr().out
    assert not fee_lists.lists_on_file(CHARGES, **services(case, is_writing=False))
    assert main([*words, "--payer", "Medicare Part B", "--name", "Ours"]) == 0
    (one,) = fee_lists.lists_on_file(CHARGES, **services(case, is_writing=False))
    assert (one.name, one.payer_name) == ("Ours", "Medicare Part B")
    capsys.readouterr()
    contract = [*words, "--kind", "contract", "--json"]
    assert main(contract) == 2
    assert "A contract is with one payer" in capsys.readouterr().err
    assert main([*contract, "--payer", "medicare part b"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["payer"], told["stored"]) == ("contract", "Medicare Part B", True)
