"""Finding patients, reading charts, registering and editing."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import event

from tests.support.small_panel import SmallPanel, counted_statements
from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Coverage, Patient
from trellis_core.care.vocabulary import Program, Track
from trellis_core.errors import CommandRefusedError, NotFoundError, PermissionDeniedError
from trellis_core.services.caseload import (
    chart,
    charts_of_list,
    edit_patient,
    patient,
    patients,
    register_patient,
)
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.unknown import UNKNOWN

DAY = date(2026, 11, 20)
NOVEMBER = ServiceMonth(2026, 11)
OWNER = Actor(
    practice_id="trellis-sample",
    person_id="md-1",
    role=AccessRole.OWNER,
    is_billing_practitioner=True,
)
STRANGER = replace(OWNER, practice_id="another-practice")


@pytest.fixture
def sample(sample_store: Store) -> Store:
    return sample_store


def found(store: Store, text: str) -> list[str]:
    page = patients(text=text, store=store, actor=OWNER)
    assert page.total == len(page.rows)
    return [row.id for row in page.rows]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("larkspur", ["p-201"]),
        ("LARKSPUR, ottilie", ["p-201"]),
        ("o'briarly", ["p-102"]),
        ("peñaflor", ["p-103"]),
        ("PEÑAFLOR", ["p-103"]),
        ("zöller", ["p-109"]),
        ("ZÖLLER", ["p-109"]),
        ("björn", ["p-115"]),
        ("suryani", ["p-104"]),
        ("hartwell-boggs", ["p-204"]),
        ("jf-1003", ["p-103"]),
        ("1941-11-02", ["p-102"]),
        ("11/2/1941", ["p-102"]),
        ("11/31/1941", []),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("ottilie marigold", []),
        ("'; DROP TABLE patient; --", []),
    ],
)
def test_a_patient_is_found_by_name_number_or_birth_date_whatever_the_case(
    sample: Store, text: str, ids: list[str]
) -> None:
    assert found(sample, text) == ids


def test_pages_follow_each_other_and_count_everyone(sample: Store) -> None:
    everyone = patients(limit=500, store=sample, actor=OWNER)
    assert everyone.total == len(everyone.rows) == 43
    pages = [
        patients(limit=10, offset=first, store=sample, actor=OWNER) for first in range(0, 50, 10)
    ]
    assert all(page.total == 43 for page in pages)
    assert [row.id for page in pages for row in page.rows] == [row.id for row in everyone.rows]
    assert patients(limit=-1, offset=-5, store=sample, actor=OWNER).rows == ()


def test_another_practices_patients_do_not_exist(sample: Store) -> None:
    assert patients(store=sample, actor=STRANGER).total == 0
    with pytest.raises(NotFoundError, match="'p-201'"):
        patient("p-201", store=sample, actor=STRANGER)
    with pytest.raises(NotFoundError):
        chart("p-201", month=NOVEMBER, store=sample, actor=STRANGER)
    assert patient("p-201", store=sample, actor=OWNER).name == "Larkspur, Ottilie"


def test_a_chart_holds_every_kind_of_record_and_the_months_track(sample: Store) -> None:
    view = chart("p-228", month=NOVEMBER, store=sample, actor=OWNER)
    assert view.enrollments[0].program is Program.PCM
    assert view.enrollments[0].condition == "G20.A1"
    assert view.enrollments[0].track is Track.PRACTITIONER
    assert view.enrollments[0].ended_on is None
    later = chart("p-228", month=NOVEMBER.following, store=sample, actor=OWNER)
    assert later.enrollments[0].track is None
    cocm = chart("p-219", month=NOVEMBER, store=sample, actor=OWNER)
    assert cocm.cocm_referred_on == date(2026, 10, 2)
    assert cocm.cocm_ended is None
    assert [scale.score for scale in cocm.rating_scales] == [15, 9]
    assert cocm.caseload_reviews[0].consultant == "psy-1"
    complex_ = chart("p-212", month=NOVEMBER, store=sample, actor=OWNER)
    assert len(complex_.decision_making) == len(complex_.visits) == 2
    assert complex_.initiating_visits[0].care_planning_by_practitioner is False
    assert complex_.care_plans[0].established_on == date(2026, 5, 5)
    assert (
        chart("p-226", month=NOVEMBER, store=sample, actor=OWNER).other_services[0].code == "90960"
    )
    assert chart("p-204", month=NOVEMBER, store=sample, actor=OWNER).stays[0].discharged_on
    tcm = chart("p-222", month=NOVEMBER, store=sample, actor=OWNER).discharges[0]
    assert [contact.outcome for contact in tcm.contacts] == ["attempted", "attempted"]
    assert chart("p-206", month=NOVEMBER, store=sample, actor=OWNER).consents == ()


def test_a_chart_takes_one_statement_for_each_table(sample: Store) -> None:
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    chart("p-212", month=NOVEMBER, store=sample, actor=OWNER)  # the journal is told of this one
    event.listen(sample.engine, "before_cursor_execute", note)
    chart("p-212", month=NOVEMBER, store=sample, actor=OWNER)
    selects = [one for one in statements if one.startswith("SELECT")]
    assert 10 < len(selects) <= 24


NEW = Patient(
    id="",
    mrn=" JF-2001 ",
    family_name=" Ñandú-O'Fern ",
    given_name="Ilse",
    birth_date=date(1950, 1, 2),
    last_seen_on=None,
    coverage=Coverage(payer_name="Medicare Part B", member_id="1EG4TE5MK73"),
)


def test_a_registered_patient_is_stored_as_given(sample: Store, clock: FixedClock) -> None:
    made = register_patient(NEW, store=sample, actor=OWNER, clock=clock)
    assert made.mrn == "JF-2001"
    assert made.family_name == "Ñandú-O'Fern"
    kept = patient(made.id, store=sample, actor=OWNER)
    assert kept == made
    assert kept.last_seen_on is None
    assert kept.qualified_medicare_beneficiary is UNKNOWN
    assert "Ilse" not in made.id


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"mrn": " "}, "NAME_NEEDED"),
        ({"family_name": ""}, "NAME_NEEDED"),
        ({"mrn": "JF-1001"}, "MRN_TAKEN"),
        ({"deceased_on": date(1949, 1, 1)}, "DEATH_BEFORE_BIRTH"),
        (
            {
                "coverage": Coverage(
                    payer_name="X", started_on=date(2026, 2, 1), ended_on=date(2026, 1, 1)
                )
            },
            "END_BEFORE_START",
        ),
    ],
)
def test_what_cannot_be_is_refused_without_repeating_it(
    sample: Store, clock: FixedClock, change: dict[str, object], code: str
) -> None:
    with pytest.raises(CommandRefusedError) as caught:
        register_patient(replace(NEW, **change), store=sample, actor=OWNER, clock=clock)
    assert caught.value.code == code
    for private in ("Ñandú", "Ilse", "1950", "JF-"):
        assert private not in str(caught.value)


def test_an_edit_changes_the_person_and_keeps_the_rest(sample: Store, clock: FixedClock) -> None:
    before = patient("p-219", store=sample, actor=OWNER)
    edit_patient(
        replace(before, phone="518-555-0199", last_seen_on=UNKNOWN, shows="ignored"),
        store=sample,
        actor=OWNER,
        clock=clock,
    )
    after = patient("p-219", store=sample, actor=OWNER)
    assert after == replace(before, phone="518-555-0199", last_seen_on=UNKNOWN)
    assert chart("p-219", month=NOVEMBER, store=sample, actor=OWNER).cocm_referred_on is not None
    with pytest.raises(CommandRefusedError, match="already has this record number"):
        edit_patient(replace(after, mrn="JF-1001"), store=sample, actor=OWNER, clock=clock)
    with pytest.raises(NotFoundError):
        edit_patient(after, store=sample, actor=STRANGER, clock=clock)


@pytest.mark.parametrize("role", [AccessRole.BILLER, AccessRole.AUDITOR])
def test_billers_and_auditors_read_but_do_not_write(
    sample: Store, clock: FixedClock, role: AccessRole
) -> None:
    reader = replace(OWNER, role=role)
    assert patients(store=sample, actor=reader).total == 43
    with pytest.raises(PermissionDeniedError):
        register_patient(NEW, store=sample, actor=reader, clock=clock)
    with pytest.raises(PermissionDeniedError):
        edit_patient(
            patient("p-101", store=sample, actor=reader), store=sample, actor=reader, clock=clock
        )


def test_the_charts_of_a_table_are_read_with_as_many_statements_as_one(store: Store) -> None:
    panel = SmallPanel(store)
    many = [f"pt-{number}" for number in range(30)]
    panel.enrolled(*many)
    counts = []
    for whose in (many[:1], list(reversed(many))):
        with counted_statements(store) as said:
            found = charts_of_list(whose, month=NOVEMBER, store=store, actor=panel.actor())
        counts.append(len(said))
        assert [each.patient.id for each in found] == whose
        assert all(len(each.conditions) == 3 and each.care_plans for each in found)
    assert counts[0] == counts[1]
    assert charts_of_list([], month=NOVEMBER, store=store, actor=panel.actor()) == ()
