"""Records that may be of one person, told before saving."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.care.people import Coverage, Patient
from trellis_core.errors import PermissionDeniedError
from trellis_core.services.same_person import may_be_same
from trellis_core.store.tables import RestrictedChartRow
from trellis_core.values.clock import FixedClock

CLOCK = FixedClock(datetime(2026, 11, 20, 17, tzinfo=UTC))
BORN = date(1948, 3, 14)
TYPED = Patient(
    id="",
    mrn="NEW",
    family_name="Munoz",
    given_name="Ana",
    birth_date=BORN,
    phone="(518) 555-0101",
    coverage=Coverage(payer_name="Medicare", member_id="1eg4-te5-mk73"),
)


@pytest.fixture
def panel(store) -> SmallPanel:
    made = SmallPanel(store)
    row = made.patient(
        "p-1",
        family_name="Muñoz-Vega",
        birth_date=BORN,
        phone="518-555-0101",
        payer_name="Medicare",
        member_id="1EG4-TE5-MK73",
    )
    row.given_name = "Anna"
    made.add(row)
    return made


def because(panel, **changed):
    found = may_be_same(
        replace(TYPED, **changed), store=panel.store, actor=panel.actor(), clock=CLOCK
    )
    assert all(each.patient.id == "p-1" for each in found)
    return [each.because for each in found]


NOBODYS = Coverage(payer_name="Medicare", member_id=None)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, ["same member id"]),
        ({"family_name": "Birch"}, ["same member id"]),
        ({"coverage": NOBODYS}, ["same birth date and a similar name"]),
        ({"coverage": None, "birth_date": None}, ["same phone and a similar name"]),
        (
            {"coverage": None, "birth_date": None, "phone": "+1 518.555.0101"},
            ["same phone and a similar name"],
        ),
        ({"coverage": None, "birth_date": None, "phone": "555-0101"}, []),
        ({"coverage": None, "family_name": "Birch", "given_name": "Olu"}, []),
        ({"coverage": None, "birth_date": date(1948, 3, 15), "phone": ""}, []),
        (
            {"coverage": None, "family_name": "Anna", "given_name": "Vega Munoz"},
            ["same birth date and a similar name"],
        ),
        ({"coverage": None, "given_name": ""}, ["same birth date and a similar name"]),
        ({"id": "p-1"}, []),
    ],
)
def test_what_two_records_have_in_common_is_told(panel, changed, wanted):
    assert because(panel, **changed) == wanted


def test_merged_records_and_closed_charts_are_left_out(panel):
    panel.add(panel.patient("p-2", family_name="Munoz", birth_date=BORN, merged_into="p-1"))
    assert len(because(panel)) == 1
    panel.add(
        RestrictedChartRow(
            practice_id=panel.practice_id,
            patient_id="p-1",
            restricted_by="rn-1",
            restricted_at=CLOCK.now(),
        )
    )
    assert because(panel) == []
    with pytest.raises(PermissionDeniedError):
        may_be_same(TYPED, store=panel.store, actor=panel.actor(AccessRole.BILLER), clock=CLOCK)
