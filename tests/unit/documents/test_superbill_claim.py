"""What page 1 and page 2 say of charges, attestations, approvals, replacements and how time came in."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.support.superbill_case import (
    CASE,
    CCM_CHECK,
    DOCTOR,
    TRACE,
    Case,
    crowded,
    finished_bill,
)
from tests.unit.documents.test_superbill_pdf import no_overlap
from trellis_core.care.records import Condition, OtherService
from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.documents.layout import width_of, wrapped
from trellis_core.documents.superbill_pages import superbill_pages
from trellis_core.documents.superbill_words import charge_words, recording_words, remarks_on
from trellis_core.fees import read_schedule
from trellis_core.rules.trace import Check, ParameterUse
from trellis_core.superbill import EVERY_PAYER, Charges, Missing, Superbill, SuperbillStatus
from trellis_core.superbill.rule_values import reading_of

SIGN_HERE = "The billing practitioner may sign for them here"


def page_text(bill: Superbill, number: int | None = None) -> str:
    pages = superbill_pages(bill)
    chosen = pages if number is None else (pages[number - 1],)
    return " ".join(text.words for page in chosen for text in page.texts)


def test_page_one_names_the_lists_of_charges_and_of_allowed_amounts() -> None:
    text = page_text(finished_bill(), 1)

    assert "$95.00 1 $66.13" in text
    assert "28 Total $250.50 3 $170.17" in text
    assert "Charge: the practice's own list \u201cOffice list 2026\u201d." in text
    assert "Expected allowed: medicare-2026, RVU26C, national, nonfacility." in text
    assert all(line.id in text for line in finished_bill().lines)


def test_codes_without_a_charge_are_named_and_lists_told_apart() -> None:
    own = read_schedule("code,amount,effective_from\n99490,95.00,2026-01-01\n", name="Office")
    payers = read_schedule("code,amount,effective_from\n99439,70.00,2026-01-01\n", name="Part B")
    both = {EVERY_PAYER: own, "Medicare Part B": payers}

    one = replace(CASE, charges=Charges({EVERY_PAYER: own})).only()
    two = replace(CASE, charges=Charges(both)).only()
    assert charge_words(one.lines).endswith(
        "\u201cOffice\u201d; no charge on file for 99439, 99484"
    )
    assert "99490 the practice's own list \u201cOffice\u201d; 99439 " in charge_words(two.lines)
    assert one.charge_total is None
    assert "28 Total — 3 $170.17" in page_text(one, 1)


def test_who_attested_which_diagnoses_stands_where_nobody_needs_to_sign() -> None:
    text = page_text(finished_bill(), 1)

    assert "CCM: A E11.22, B I50.32 attested by Ingrid Vale, MD on 12/01/2026 09:00 EST." in text
    assert "BHI: C F33.1 attested by Ingrid Vale, MD" in text
    assert SIGN_HERE not in text


def test_where_nobody_attested_the_billing_practitioner_may_sign() -> None:
    done = finished_bill()
    some = page_text(replace(done, attestations=done.attestations[:1]), 1)
    none = page_text(CASE.only(), 1)

    assert f"Nobody has attested the diagnoses of BHI; they are the chart's. {SIGN_HERE}" in some
    assert "Nobody has attested the diagnoses of CCM and BHI" in none
    assert "Billing practitioner: Ingrid Vale, MD" in none


def test_the_whole_reason_of_a_decision_stands_on_page_one() -> None:
    bill = finished_bill()
    assert bill.approval is not None
    text = page_text(bill, 1)

    assert text.count("in her paper diary.") == bill.approval.reason.count("in her paper diary.")
    assert "Approved by Beatriz Cuenta on 12/01/2026 09:00 EST. Accepted though late" in text
    assert ".." not in text.replace("…", "")


@pytest.mark.parametrize(
    ("status", "words", "mark"),
    [
        (SuperbillStatus.DRAFT, "Nobody has approved it yet.", "DRAFT"),
        (SuperbillStatus.APPROVED, "Approved by Beatriz Cuenta", ""),
        (SuperbillStatus.ISSUED, "Nobody approved it beforehand; the month's close issued it.", ""),
    ],
)
def test_only_what_nobody_approved_is_marked_as_a_draft(
    status: SuperbillStatus, words: str, mark: str
) -> None:
    done = finished_bill()
    approval = done.approval if status is SuperbillStatus.APPROVED else None
    bill = replace(done, status=status, approval=approval)

    assert words in page_text(bill, 1)
    assert {page.watermark for page in superbill_pages(bill)} == {mark}


def test_a_replaced_superbill_says_so_on_every_page() -> None:
    pages = superbill_pages(finished_bill())

    for page in pages:
        shown = " ".join(text.words for text in page.texts)
        assert "Replaced by No. 15: send no claim from this one." in shown
    assert "replaces No. 7" in page_text(finished_bill(), 1)
    assert "Replaced by" not in page_text(CASE.only())


def test_what_to_look_at_stands_apart_from_what_is_missing() -> None:
    bill = replace(finished_bill(), missing=(Missing(code="SEX", message="Record the sex."),))
    text = page_text(bill, 1)

    assert text.index("Before this can be submitted") < text.index("Record the sex.")
    assert text.index("Record the sex.") < text.index("To look at before a claim is sent")
    assert "A charge is below the allowed amount." in text
    assert "To look at" not in page_text(replace(bill, cautions=()), 1)


def test_a_list_longer_than_a_page_goes_on() -> None:
    many = tuple(
        Missing(code="X", message=f"Thing number {at:02d} that somebody should look at. " * 3)
        for at in range(60)
    )
    bill = replace(CASE.only(), cautions=many)
    text = page_text(bill)

    assert "To look at before a claim is sent, continued" in text
    assert all(f"Thing number {at:02d}" in text for at in range(60))
    no_overlap(superbill_pages(bill))


@pytest.mark.parametrize(("count", "words"), [(12, ""), (13, "1 more on the chart is left out")])
def test_twelve_diagnoses_are_lettered_and_more_are_told(count: int, words: str) -> None:
    conditions = tuple(
        Condition(
            id=f"d{at}",
            icd10=f"E11.{at + 10}",
            expected_months=120,
            significant_risk=True,
            behavioral=at % 2 == 0,
            text="A condition with more words than its column has room for on one line",
        )
        for at in range(count)
    )
    patient = replace(CASE.facts.patient, conditions=conditions)
    bill = CASE.with_facts(patient=patient).only()
    text = page_text(bill, 1)

    assert "L E11.21" in text
    assert ("left out" in text) == bool(words)
    assert words in text
    assert " ".join(text.split()).count("than its column has room for on one line") == 12


def test_lines_that_run_over_repeat_their_head() -> None:
    first, second, *_ = superbill_pages(crowded().only())

    for page in (first, second):
        assert sum(text.words == "F Charge" for text in page.texts) == 1
    assert "24 Services, continued" in [text.words for text in second.texts]
    assert "28 Total" in [text.words for text in second.texts]
    assert "28 Total" not in [text.words for text in first.texts]


@pytest.mark.parametrize(
    ("family", "given"),
    [
        ("\u0110\u1ed7 Nguy\u1ec5n-\u0141ukasz", "Zo\u00eb"),
        ('O\u2019Brien "Mae"', "J.-P."),
        ("Suryani", ""),
        ("Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewiss", "X"),
        ("Anna-Maria-Theresia-Wilhelmina-Friederike-von-Hohenlohe-Jagst", "Maximilian"),
    ],
)
def test_a_name_of_any_kind_is_written_in_full(family: str, given: str) -> None:
    bill = CASE.with_patient(family_name=family, given_name=given).only()
    squeezed = page_text(bill).replace(" ", "")

    name = bill.patient.name.replace(" ", "")
    assert squeezed.count(name) == len(superbill_pages(bill))
    no_overlap(superbill_pages(bill))


def test_a_long_word_breaks_after_a_hyphen() -> None:
    assert wrapped("Featherstonehaugh-Oyelaran, CMA", 80, 7.5) == [
        "Featherstonehaugh-",
        "Oyelaran, CMA",
    ]
    assert all(width_of(line, 7.5) <= 30 for line in wrapped("a-" + "b" * 40, 30, 7.5))


def with_use(use: ParameterUse) -> Case:
    check = replace(CCM_CHECK, parameters=(use,))
    tree = replace(TRACE[0][1], children=(check,))
    return CASE.with_determination(trace=((Program.CCM, tree),))


def test_page_two_writes_values_in_plain_words_and_no_path() -> None:
    use = ParameterUse(
        "ccm.clinical_staff.initial.minutes",
        20,
        date(2015, 1, 1),
        (),
        unit="minute",
        description="Staff time of a month before its first code.",
    )
    text = page_text(with_use(use).only())

    assert "Staff time of a month before its first code: 20 minutes, since 01/01/2015." in text
    assert not re.search(r"\b[a-z]+\.[a-z_]+\.[a-z_.]+", text)
    plain = replace(use, path="ccm.access.requires_phone", value=True, unit="switch")
    assert "the second. Since 01/01/2015." in page_text(with_use(plain).only())


def test_a_superbill_of_before_its_values_in_words_still_says_since_when() -> None:
    bill = CASE.only()
    old = replace(bill, rules=tuple(replace(rule, readings=()) for rule in bill.rules))

    assert "the second. Since 01/01/2015. [1]" in page_text(old)


def test_a_long_list_of_values_is_cut_at_an_item() -> None:
    use = ParameterUse("a.hcpcs", tuple(f"9920{at}" for at in range(9)) * 3, date(2020, 1, 1), ())

    assert re.fullmatch(r"(\d{5}, )+and more, since 01/01/2020\.", reading_of(use))


@pytest.mark.parametrize(
    ("changes", "how", "remark"),
    [
        ({"mode": "timed"}, "timed", ""),
        ({"mode": "typed", "is_late": True}, "typed, late", "written down 11/03/2026 11:00 EST"),
        ({"mode": "imported", "is_estimated": True}, "imported, estimated", ""),
        ({"mode": "suggested"}, "suggested", "measured by Trellis and confirmed"),
        ({"mode": "", "is_late": False}, "", ""),
    ],
)
def test_how_an_entry_came_in(changes: dict[str, object], how: str, remark: str) -> None:
    row = replace(CASE.only().time[0], **changes)  # type: ignore[arg-type]

    assert recording_words(row) == how
    assert remarks_on(row) == remark


def test_late_and_typed_entries_are_told_in_the_table() -> None:
    first, *others = CASE.facts.time_entries
    late = replace(first, mode=EntryMode.TIMED, recorded_at=first.started_at + timedelta(days=9))
    text = page_text(CASE.with_facts(time_entries=(late, *others)).only(), 2)

    assert "timed, late" in text
    assert "written down 11/12/2026 10:00 EST" in text
    assert "CCM staff 42:15, 42 minutes" in text
    assert "entries 101, 102, 103" in text


def test_conflicts_name_the_other_services_of_the_month() -> None:
    other = OtherService(on=date(2026, 11, 9), code="99214", by=DOCTOR.id)
    elsewhere = OtherService(on=date(2026, 11, 12), code="G0181", same_practice=False)
    early = OtherService(on=date(2026, 10, 9), code="99213")
    text = page_text(CASE.with_facts(other_services=(other, elsewhere, early)).only(), 2)

    assert "99214 on 11/09/2026, Ingrid Vale, MD; G0181 on 11/12/2026, another practice" in text
    assert "99213" not in text
    assert "recorded for the month: none recorded." in page_text(CASE.only(), 2)


def test_different_supervisors_are_told_with_their_codes() -> None:
    bill = CASE.only()
    first, *rest = bill.lines
    assert first.supervising is not None
    second = replace(first.supervising, staff_id="s2", signature="Tom\u00e1s Ibarra, NP", npi=None)
    text = page_text(replace(bill, lines=(replace(first, supervising=second), *rest)), 1)

    assert (
        "Tom\u00e1s Ibarra, NP · NPI — (99490); Ingrid Vale, MD · NPI 1245319599 (99439, 99484)"
        in text
    )


def test_a_check_without_values_has_no_reading() -> None:
    tree = Check(rule_id="ccm", outcome=CCM_CHECK.outcome, message="CCM", children=(CCM_CHECK,))
    bare = replace(tree, children=(replace(CCM_CHECK, parameters=()),))
    bill = CASE.with_determination(trace=((Program.CCM, bare),)).only()

    assert bill.rules[0].readings == ()
    assert "since" not in page_text(bill, 2)
