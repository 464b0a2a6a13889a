"""The worklist of consents and enrollment, and the papers that it prints."""

from datetime import date
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlmodel import select

from tests.support.small_panel import STARTED, SmallPanel, at, counted_statements
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotFoundError
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import care_plans, consents, enrollments, paperwork, visits
from trellis_core.services.paperwork import Missing, PaperRow, Worklist
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    CarePlanRow,
    ConsentRow,
    EnrollmentRow,
    PracticeRow,
    VisitRow,
)
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
TODAY = date(2026, 11, 20)


class Desk:
    """A small practice and the services of this room."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.panel = SmallPanel(store)
        self.store, self.clock = store, clock
        self.services = {"store": store, "actor": self.panel.actor(), "clock": clock}

    def enrolled(self, patient_id: str, *, without: type | None = None, **more: object) -> None:
        self.panel.add(self.panel.patient(patient_id, patient_id.title()))
        rows = self.panel.chart(patient_id, **more)  # type: ignore[arg-type]
        self.panel.add(*(row for row in rows if without is None or not isinstance(row, without)))

    def change(self, kind: type, patient_id: str, **changes: object) -> None:
        with self.store.writing() as unit:
            row = next(
                each
                for each in unit.session.exec(select(kind)).all()
                if each.patient_id == patient_id
            )
            for name, value in changes.items():
                setattr(row, name, value)
            unit.session.add(row)

    def list(self, **more: object) -> Worklist:
        return paperwork.worklist(
            month=NOVEMBER, rule_book=load_rule_book(), **self.services, **more
        )  # type: ignore[arg-type]

    def row(self, patient_id: str) -> PaperRow | None:
        return next((row for row in self.list().rows if row.patient_id == patient_id), None)


@pytest.fixture
def desk(store: Store, clock: FixedClock) -> Desk:
    return Desk(store, clock)


def test_each_kind_of_missing_paper_is_named_by_the_form_that_clears_it(desk: Desk) -> None:
    desk.enrolled("whole")
    desk.enrolled("consent", has_consent=False)
    desk.enrolled("plan", without=CarePlanRow)
    desk.enrolled("copy")
    desk.change(CarePlanRow, "copy", copy_given_on=None)
    desk.enrolled("element")
    desk.change(ConsentRow, "element", elements="availability")
    desk.enrolled("revoked")
    desk.change(ConsentRow, "revoked", revoked_on=date(2026, 10, 5))
    desk.enrolled("other")
    desk.change(ConsentRow, "other", billing_practitioner="dr-9")
    desk.enrolled("visit", program=Program.PCM, without=VisitRow)
    desk.enrolled("nobody")
    desk.change(EnrollmentRow, "nobody", billing_practitioner=None)
    found = desk.list()
    assert {row.patient_id: row.missing for row in found.rows} == {
        "consent": (Missing.CONSENT,),
        "plan": (Missing.PLAN,),
        "copy": (Missing.COPY,),
        "element": (Missing.ELEMENT,),
        "revoked": (Missing.REVOKED,),
        "other": (Missing.RE_CONSENT,),
        "visit": (Missing.VISIT,),
    }
    assert found.total == 7
    assert {kind: number for kind, number in found.counts.items() if number} == {
        Missing.CONSENT: 1,
        Missing.RE_CONSENT: 1,
        Missing.REVOKED: 1,
        Missing.ELEMENT: 1,
        Missing.VISIT: 1,
        Missing.PLAN: 1,
        Missing.COPY: 1,
    }
    assert dict(found.programs) == {Program.CCM: 6, Program.PCM: 1}
    assert [row.patient_id for row in desk.list(kind=Missing.RE_CONSENT).rows] == ["other"]
    pcm = desk.list(program=Program.PCM)
    assert ([row.patient_id for row in pcm.rows], pcm.counts[Missing.CONSENT]) == (["visit"], 0)


def test_most_minutes_come_first_and_pages_follow_one_another(desk: Desk) -> None:
    for name in ("anna", "bert", "cleo"):
        desk.enrolled(name, without=CarePlanRow)
    desk.panel.log("cleo", 12, at=at(3))
    desk.panel.log("bert", 25, at=at(4))
    assert [row.patient_id for row in desk.list().rows] == ["bert", "cleo", "anna"]
    second = desk.list(limit=2, offset=2)
    assert ([row.patient_id for row in second.rows], second.total) == (["anna"], 3)


def test_whoever_said_no_is_declined_not_missing_until_asked_again(desk: Desk) -> None:
    desk.enrolled("anna", has_consent=False)
    desk.enrolled("bert", without=CarePlanRow)
    consents.decline_consent(
        "anna",
        program=Program.CCM,
        declined_on=TODAY,
        reason="The cost",
        **desk.services,  # type: ignore[arg-type]
    )
    found = desk.list()
    assert [row.patient_id for row in found.rows] == ["bert", "anna"]  # declined ones last
    anna = found.rows[1]
    assert anna.missing == (Missing.DECLINED,)
    assert anna.declined is not None
    assert anna.declined.reason == "The cost"
    assert (found.counts[Missing.CONSENT], found.counts[Missing.DECLINED]) == (0, 1)
    consents.record_consent(
        "anna",
        program=Program.CCM,
        obtained_on=TODAY,
        documented=True,
        billing_practitioner="dr-1",
        elements=consents.elements_asked(Program.CCM, on=TODAY, rule_book=load_rule_book()),
        **desk.services,  # type: ignore[arg-type]
    )
    assert desk.row("anna") is None


def test_what_the_practice_lacks_is_told_once_for_all(desk: Desk) -> None:
    desk.enrolled("anna")
    desk.enrolled("bert", without=CarePlanRow)
    with desk.store.writing() as unit:
        row = unit.session.get(PracticeRow, "prac-1")
        assert row is not None
        row.certified_ehr = None
        unit.session.add(row)
    found = desk.list()
    assert dict(found.practice) == {Reason.UNKNOWN_CERTIFIED_EHR: 2}
    assert [row.patient_id for row in found.rows] == ["bert"]


def test_a_page_is_read_from_the_boards_rows_in_few_statements(desk: Desk) -> None:
    desk.enrolled("anna", has_consent=False)
    desk.list()
    with counted_statements(desk.store) as statements:
        desk.list()
    assert sum("SELECT" in each for each in statements) <= 4


def test_an_enrollment_that_names_nobody_is_named_from_its_first_day(desk: Desk) -> None:
    desk.panel.add(desk.panel.staff("dr-2", "billing_practitioner", "MD"))
    desk.enrolled("anna")
    desk.change(EnrollmentRow, "anna", billing_practitioner=None)
    row = desk.row("anna")
    assert row is not None
    assert Missing.PRACTITIONER in row.missing
    with desk.store.reading() as unit:
        enrollment_id = unit.session.exec(select(EnrollmentRow)).one().id
    made = enrollments.change_practitioners(
        enrollment_id, from_day=STARTED, billing_practitioner="dr-1", **desk.services
    )  # type: ignore[arg-type]
    assert (made.billing_practitioner, made.practitioners) == ("dr-1", ())
    assert desk.row("anna") is None


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_the_form_to_sign_names_who_bills_on_the_day(desk: Desk) -> None:
    desk.panel.add(desk.panel.staff("dr-2", "billing_practitioner", "DO"))
    desk.enrolled("anna")

    def form(**more: object) -> str:
        return text_of(
            paperwork.consent_form(
                "anna",
                program=Program.CCM,
                rule_book=load_rule_book(),
                **desk.services,
                **more,
            )  # type: ignore[arg-type]
        )

    assert "dr-1, MD" in form()
    assert "dr-2, DO" in form(practitioner="dr-2")
    with desk.store.reading() as unit:
        consent_id = unit.session.exec(select(ConsentRow)).one().id
    assert "January 5, 2026" in form(consent_id=consent_id)
    for wrong in ({"practitioner": "dr-9"}, {"consent_id": "no-such"}):
        with pytest.raises(NotFoundError):
            form(**wrong)


def test_a_plan_is_printed_in_its_newest_version_or_an_earlier_one(desk: Desk) -> None:
    desk.enrolled("anna", without=CarePlanRow)
    made = care_plans.record_care_plan(
        "anna", program=Program.CCM, established_on=TODAY, goals="Walk", **desk.services
    )  # type: ignore[arg-type]
    care_plans.revise_care_plan(made.id, revised_on=TODAY, goals="Swim", **desk.services)  # type: ignore[arg-type]

    def printed(version: int | None = None) -> str:
        return text_of(
            paperwork.care_plan_document(made.id, version=version, **desk.services)  # type: ignore[arg-type]
        )

    assert "Swim" in printed()
    assert "Walk" in printed(1)
    with pytest.raises(NotFoundError):
        printed(3)


@pytest.mark.parametrize(
    ("program", "years", "planning", "has_more"),
    [
        (Program.CCM, 1, "G0506", False),
        (Program.PCM, None, None, False),
        (Program.BHI, 1, None, True),
        (Program.COCM, 1, None, False),
    ],
)
def test_the_rule_book_says_which_visits_open_a_program(
    program: Program, years: int | None, planning: str | None, has_more: bool
) -> None:
    found = visits.opening_visits(program, on=TODAY, rule_book=load_rule_book())
    assert {"99214", "G0439"} <= set(found.codes)
    assert "99211" not in found.codes
    assert (found.within_years, found.planning_code) == (years, planning)
    assert ("90791" in found.professional_codes) is has_more
