"""Answers to a program: who gave them, when they were written down, and what was declined."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import Actor
from trellis_core.care.records import Consent, DeclinedConsent, stands_declined
from trellis_core.care.vocabulary import ConsentElement, Program
from trellis_core.errors import CommandRefusedError
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import caseload, consents
from trellis_core.store.engine import Store
from trellis_core.store.tables import ConsentRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

NOVEMBER = ServiceMonth(2026, 11)
TODAY = date(2026, 11, 20)
REASON = "Signed on paper"


class Desk:
    """The services for one patient, with the clock at noon in New York."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.panel = SmallPanel(store)
        self.panel.add(self.panel.patient("fern"))
        self.store, self.clock, self.actor = store, clock, self.panel.actor()

    def consent(self, obtained_on: date, **more: object) -> Consent:
        return consents.record_consent(
            "fern", program=Program.CCM, obtained_on=obtained_on, **self.services, **more
        )  # type: ignore[arg-type]

    def decline(self, declined_on: date, **more: object) -> DeclinedConsent:
        return consents.decline_consent(
            "fern", program=Program.CCM, declined_on=declined_on, **self.services, **more
        )  # type: ignore[arg-type]

    @property
    def services(self) -> dict[str, object]:
        return {"store": self.store, "actor": self.actor, "clock": self.clock}

    def chart(self) -> caseload.Chart:
        actor: Actor = self.actor
        return caseload.chart("fern", month=NOVEMBER, store=self.store, actor=actor)


@pytest.fixture
def desk(store: Store, clock: FixedClock) -> Desk:
    return Desk(store, clock)


def refused(code: str, attempt: Callable[[], object]) -> str:
    with pytest.raises(CommandRefusedError) as caught:
        attempt()
    assert caught.value.code == code
    return str(caught.value)


def test_a_consent_of_today_needs_no_reason_and_keeps_none(desk: Desk) -> None:
    made = desk.consent(TODAY, backdating_reason="Not needed at all")
    assert (made.backdating_reason, made.recorded_at) == (None, desk.clock.now())
    assert desk.chart().consents == (made,)


@pytest.mark.parametrize("days_ago", [1, 7, 8, 300])
def test_every_earlier_day_needs_a_reason_and_shows_when_it_was_recorded(
    desk: Desk, days_ago: int
) -> None:
    day = TODAY - timedelta(days=days_ago)
    said = refused("BACKDATING_NEEDS_REASON", lambda: desk.consent(day))
    assert day.isoformat() in said
    made = desk.consent(day, backdating_reason=f"  {REASON}  in the clinic ")
    assert made.obtained_on == day
    assert made.backdating_reason == f"{REASON} in the clinic"
    assert made.recorded_at == desk.clock.now()


@pytest.mark.parametrize(
    ("words", "is_enough"), [("too short", False), ("ten chars.", True), ("x" * 501, False)]
)
def test_a_reason_says_something_and_not_too_much(desk: Desk, words: str, is_enough: bool) -> None:
    yesterday = TODAY - timedelta(days=1)
    if is_enough:
        assert desk.consent(yesterday, backdating_reason=words).backdating_reason == words
    else:
        refused("BACKDATING_NEEDS_REASON", lambda: desk.consent(yesterday, backdating_reason=words))


def test_today_is_the_practices_day_not_the_worlds(desk: Desk) -> None:
    desk.clock.instant = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)  # 23:30 on the 20th in New York
    assert desk.consent(TODAY).backdating_reason is None
    refused("DAY_IN_FUTURE", lambda: desk.consent(date(2026, 11, 21)))


def test_a_consent_from_elsewhere_says_nothing_of_when_it_was_recorded(desk: Desk) -> None:
    desk.panel.add(
        ConsentRow(
            practice_id="prac-1", id="old", patient_id="fern", program="CCM", obtained_on=TODAY
        )
    )
    (found,) = desk.chart().consents
    assert (found.recorded_at, found.given_by, found.backdating_reason) == (None, None, None)


def test_a_representative_is_named_with_the_relation(desk: Desk) -> None:
    named = consents.named_representative(" Ana Lark ", "daughter")
    assert desk.consent(TODAY, representative=named).given_by == "Ana Lark (daughter)"
    for name, relation in (("", "daughter"), ("Ana Lark", " ")):
        refused(
            "REPRESENTATIVE_NEEDED",
            lambda name=name, relation=relation: consents.named_representative(name, relation),
        )


def test_the_copy_is_given_on_the_day_or_later(desk: Desk) -> None:
    made = desk.consent(TODAY)
    assert made.copy_given_on is None
    give = lambda day: consents.give_consent_copy(  # noqa: E731
        made.id, copy_given_on=day, **desk.services
    )
    refused("END_BEFORE_START", lambda: give(TODAY - timedelta(days=1)))
    refused("DAY_IN_FUTURE", lambda: give(TODAY + timedelta(days=1)))
    assert give(TODAY).copy_given_on == TODAY
    refused(
        "END_BEFORE_START",
        lambda: desk.consent(TODAY, copy_given_on=TODAY - timedelta(days=1)),
    )


def test_a_refusal_is_kept_with_who_asked_and_why(desk: Desk) -> None:
    made = desk.decline(TODAY, asked_by="rn-1", reason=" Does not  want the cost ")
    assert desk.chart().declined == (made,)
    assert (made.asked_by, made.reason) == ("rn-1", "Does not want the cost")
    refused("DAY_IN_FUTURE", lambda: desk.decline(TODAY + timedelta(days=1)))


def consent_of(day: date, **more: object) -> Consent:
    return Consent(program=Program.CCM, obtained_on=day, **{"revoked_on": None} | more)


@pytest.mark.parametrize(
    ("agreed", "stands"),
    [
        ((), True),
        ((consent_of(TODAY - timedelta(days=1)),), True),  # agreed before, then said no
        ((consent_of(TODAY),), False),  # asked again the same day
        ((consent_of(TODAY + timedelta(days=1)),), False),
        ((consent_of(TODAY, revoked_on=TODAY),), True),
        ((consent_of(TODAY, revoked_on=TODAY + timedelta(days=1)),), False),  # revoked is the last
        ((Consent(program=Program.CCM, revoked_on=None),), False),  # day not recorded
        ((Consent(program=Program.BHI, obtained_on=TODAY, revoked_on=None),), True),
    ],
)
def test_a_refusal_stands_until_a_consent_takes_its_place(
    agreed: tuple[Consent, ...], stands: bool
) -> None:
    said_no = DeclinedConsent(program=Program.CCM, declined_on=TODAY)
    assert (stands_declined((said_no,), agreed, Program.CCM) == said_no) is stands
    assert stands_declined((said_no,), agreed, Program.PCM) is None


def test_the_rule_book_says_what_has_to_be_told() -> None:
    told = {
        program: consents.elements_asked(program, on=TODAY, rule_book=load_rule_book())
        for program in (Program.CCM, Program.COCM)
    }
    assert ConsentElement.RIGHT_TO_STOP in told[Program.CCM]
    assert ConsentElement.CONSULT_SPECIALISTS not in told[Program.CCM]
    assert told[Program.COCM] == {
        ConsentElement.CONSULT_SPECIALISTS,
        ConsentElement.COST_SHARING,
    }
    assert UNKNOWN not in told[Program.CCM]
