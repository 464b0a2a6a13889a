"""Advanced primary care from a real store: it bills with every fact, and without any of them not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from tests.support.small_panel import STARTED, SmallPanel, counted_statements
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import Program
from trellis_core.errors import CommandRefusedError, PermissionDeniedError
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import apcm, practice_settings
from trellis_core.services.apcm import ApcmElement, ApcmPatient
from trellis_core.services.board import board, month_determinations
from trellis_core.services.practice import the_practice
from trellis_core.store.engine import Store
from trellis_core.store.tables import ApcmMonthRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

NOVEMBER = ServiceMonth(2026, 11)
BOOK = load_rule_book()
ALL_IN_PLACE = dict.fromkeys(ApcmElement, True)


@dataclass
class Office:
    """One patient in advanced primary care with every fact on record."""

    panel: SmallPanel
    clock: FixedClock

    @property
    def owner(self) -> Actor:
        return self.panel.actor(AccessRole.OWNER)

    @property
    def as_owner(self) -> dict[str, object]:
        return {"store": self.panel.store, "actor": self.owner, "clock": self.clock}

    def state(self, **answers: bool | object) -> apcm.Capabilities:
        stated = {ApcmElement(name): answer for name, answer in answers.items()}
        return apcm.state_capabilities(stated, **self.as_owner)

    def document(self, **more: object) -> None:
        apcm.document_month(
            "pt-1",
            **{
                "month": NOVEMBER,
                "is_documented": True,
                "elements": {ApcmElement.CARE_PLAN},
            }
            | more,
            **self.as_owner,
        )

    def sql(self, statement: str) -> None:
        with self.panel.store.writing() as unit:
            unit.session.connection().execute(text(statement))

    def codes(self) -> list[str]:
        found = month_determinations(month=NOVEMBER, rule_book=BOOK, **self.as_owner)
        return [line.code for line in found["pt-1"].lines]

    def reasons(self) -> set[Reason]:
        found = month_determinations(month=NOVEMBER, rule_book=BOOK, **self.as_owner)
        return {each.reason for each in found["pt-1"].blocked}

    def steps(self) -> dict[str, bool]:
        (row,) = board(month=NOVEMBER, program=Program.APCM, rule_book=BOOK, **self.as_owner).rows
        return {step.step: step.is_done for step in row.steps}

    def patient(self) -> ApcmPatient:
        (found,) = apcm.apcm_patients(["pt-1"], month=NOVEMBER, rule_book=BOOK, **self.as_owner)
        return found


@pytest.fixture
def office(store: Store) -> Office:
    panel = SmallPanel(store)
    panel.enrolled("pt-1", program=Program.APCM)
    made = Office(panel, FixedClock(datetime(2026, 11, 20, 17, tzinfo=UTC)))
    apcm.state_capabilities(ALL_IN_PLACE, **made.as_owner)
    apcm.attest_capabilities(**made.as_owner)
    made.sql("UPDATE practice SET performance_reporting = true")
    made.document()
    return made


def test_a_month_with_every_fact_bills_its_level(office: Office) -> None:
    assert office.codes() == ["G0557"]
    assert set(office.steps().values()) == {True}
    found = office.patient()
    assert (found.level, found.is_billable, found.conditions, found.is_beneficiary) == (
        "G0557", True, 3, False,
    )  # fmt: skip
    assert found.stated is not None
    assert found.stated.elements == (ApcmElement.CARE_PLAN,)
    office.document(is_documented=False)
    assert not office.steps()["services_documented"]  # the board that is kept is told of both
    office.state(transitions=False)
    assert not office.steps()["capabilities"]


_MISSING: list[tuple[str, Callable[[Office], object], Reason, str | None]] = [
    (
        "an element is not in place",
        lambda office: office.state(transitions=False),
        Reason.APCM_CAPABILITIES_MISSING,
        "capabilities",
    ),
    (
        "an element is not stated any more",
        lambda office: office.state(transitions=UNKNOWN),
        Reason.UNKNOWN_APCM_CAPABILITIES,
        "capabilities",
    ),
    (
        "performance is not reported",
        lambda office: office.sql("UPDATE practice SET performance_reporting = false"),
        Reason.APCM_CAPABILITIES_MISSING,
        "performance_reporting",
    ),
    (
        "whether performance is reported is not known",
        lambda office: office.sql("UPDATE practice SET performance_reporting = null"),
        Reason.UNKNOWN_PERFORMANCE_REPORTING,
        "performance_reporting",
    ),
    (
        "the month is not documented",
        lambda office: office.document(is_documented=False),
        Reason.APCM_CAPABILITIES_MISSING,
        "services_documented",
    ),
    (
        "nobody said whether it is",
        lambda office: office.document(is_documented=UNKNOWN),
        Reason.UNKNOWN_APCM_SERVICES_DOCUMENTED,
        "services_documented",
    ),
    (
        "it is another month that is documented",
        lambda office: office.sql("UPDATE apcm_month SET ym = 202610"),
        Reason.UNKNOWN_APCM_SERVICES_DOCUMENTED,
        "services_documented",
    ),
    (
        "there is no consent",
        lambda office: office.sql("DELETE FROM consent"),
        Reason.CONSENT_MISSING,
        "consent",
    ),
    (
        "no visit opened it for a patient who was never seen",
        lambda office: (
            office.sql("DELETE FROM visit"),
            office.sql("UPDATE patient SET last_seen_on = null, is_never_seen = true"),
        ),
        Reason.INITIATING_VISIT_MISSING,
        "initiating_visit",
    ),
    (
        "whether the state shares the costs is not known",
        lambda office: office.sql("UPDATE patient SET qualified_medicare_beneficiary = null"),
        Reason.UNKNOWN_QUALIFIED_MEDICARE_BENEFICIARY,
        None,
    ),
    (
        "the conditions are not coded",
        lambda office: office.sql("UPDATE condition SET icd10 = null, text = 'x'"),
        Reason.UNKNOWN_CONDITIONS,
        None,
    ),
    (
        "the practitioner is of no profession that may bill",
        lambda office: office.sql("UPDATE staff SET credential = 'RN' WHERE id = 'dr-1'"),
        Reason.PRACTITIONER_NOT_ELIGIBLE,
        None,
    ),
]


@pytest.mark.parametrize(
    ("take_away", "reason", "step"),
    [case[1:] for case in _MISSING],
    ids=[case[0] for case in _MISSING],
)
def test_without_any_one_fact_it_does_not_bill_and_says_which(
    office: Office, take_away: Callable[[Office], object], reason: Reason, step: str | None
) -> None:
    take_away(office)
    assert office.codes() == []
    assert reason in office.reasons()
    assert [name for name, is_done in office.steps().items() if not is_done] == (
        [step] if step else []
    )
    assert not office.patient().is_billable


@pytest.mark.parametrize(
    ("started_on", "ended_on", "is_billed"),
    [
        (date(2026, 11, 20), None, True),  # the day of asking
        (date(2026, 11, 21), None, False),
        (STARTED, date(2026, 10, 31), False),
        (STARTED, date(2026, 11, 1), True),
    ],
)
def test_an_enrollment_covers_the_month_on_one_of_its_days(
    office: Office, started_on: date, ended_on: date | None, is_billed: bool
) -> None:
    ends = "null" if ended_on is None else f"'{ended_on}'"
    office.sql(f"UPDATE enrollment SET started_on = '{started_on}', ended_on = {ends}")
    found = month_determinations(month=NOVEMBER, rule_book=BOOK, **office.as_owner)
    assert bool("pt-1" in found and found["pt-1"].lines) is is_billed


@pytest.mark.parametrize(
    ("statement", "level"),
    [
        ("UPDATE patient SET qualified_medicare_beneficiary = true", "G0558"),
        ("UPDATE condition SET significant_risk = false WHERE icd10 <> 'I10'", "G0556"),
        ("DELETE FROM condition WHERE icd10 = 'I10'", "G0557"),
    ],
)
def test_the_level_follows_conditions_and_help_with_costs(
    office: Office, statement: str, level: str
) -> None:
    office.sql(statement)
    assert office.codes() == [level]
    assert office.patient().level == level


def test_nothing_is_attested_before_every_element_is_in_place(office: Office) -> None:
    store = office.panel.store
    assert office.state(population=UNKNOWN, care_plan=False).is_attested is False
    with pytest.raises(CommandRefusedError, match="2 of 12"):
        apcm.attest_capabilities(**office.as_owner)
    assert office.state(care_plan=True).is_attested is UNKNOWN
    found = office.state(population=True)
    assert found.is_complete
    assert found.is_attested is UNKNOWN  # stated, not attested
    held = the_practice(store=store, actor=office.owner)
    practice_settings.edit_practice(
        replace(held, apcm_capabilities=True), rule_book=BOOK, **office.as_owner
    )
    assert the_practice(store=store, actor=office.owner).apcm_capabilities is UNKNOWN
    assert apcm.attest_capabilities(**office.as_owner).is_attested is True
    (stated,) = {(each.stated_by, each.stated_on) for each in found.listed}
    assert stated == ("rn-1", date(2026, 11, 20))
    assert apcm.capabilities(store=store, actor=office.owner).is_attested is True


@pytest.mark.parametrize("role", [AccessRole.COORDINATOR, AccessRole.BILLER, AccessRole.AUDITOR])
def test_only_the_owner_states_and_attests(office: Office, role: AccessRole) -> None:
    own = office.as_owner | {"actor": office.panel.actor(role)}
    with pytest.raises(PermissionDeniedError):
        apcm.state_capabilities({ApcmElement.CONSENT: False}, **own)
    with pytest.raises(PermissionDeniedError):
        apcm.attest_capabilities(**own)


def test_a_month_is_documented_from_its_first_day_and_names_the_work(office: Office) -> None:
    december = ServiceMonth(2026, 12)
    with pytest.raises(CommandRefusedError) as early:
        office.document(month=december)
    assert early.value.code == "DAY_IN_FUTURE"
    office.clock.instant = datetime(2026, 12, 1, 5, tzinfo=UTC)  # midnight in New York
    office.document(month=december)
    with pytest.raises(CommandRefusedError) as empty:
        office.document(elements=())
    assert empty.value.code == "ELEMENTS_NEEDED"
    found = apcm.month_stated("pt-1", month=december, **office.as_owner)
    assert found is not None
    assert found.is_documented is True
    assert apcm.month_stated("pt-1", month=ServiceMonth(2026, 10), **office.as_owner) is None


def test_a_table_of_patients_is_one_bulk_read(office: Office) -> None:
    more = [f"pt-{number}" for number in range(2, 22)]
    office.panel.enrolled(*more, program=Program.APCM)
    office.panel.add(
        ApcmMonthRow(
            practice_id="prac-1", patient_id="pt-2", ym=202611, is_documented=True,
            elements="consent care_plan", stated_by="rn-1", stated_at=office.clock.now(),
        )
    )  # fmt: skip
    counts = []
    for whose in (["pt-1"], ["pt-1", *more]):
        with counted_statements(office.panel.store) as said:
            found = apcm.apcm_patients(whose, month=NOVEMBER, rule_book=BOOK, **office.as_owner)
        counts.append(len(said))
        assert [each.patient_id for each in found] == whose
    assert counts[0] == counts[1]
    assert [each.is_billable for each in found[:3]] == [True, True, False]
