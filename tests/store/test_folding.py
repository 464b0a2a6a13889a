"""Names are found without case and accents, by the same table on both databases."""

import unicodedata
from datetime import UTC, datetime

import pytest
from sqlalchemy import literal, select

from trellis_core.access import AccessRole, Actor
from trellis_core.services.caseload import patients
from trellis_core.store.folding import folded as in_database
from trellis_core.store.tables import PatientRow, PracticeRow
from trellis_core.values.folding import FROM, folded

OWNER = Actor(practice_id="p", person_id="o", role=AccessRole.OWNER)
NAMES = ["Muñoz", "Munoz", "Nguyễn", "Ørsted", "O\u2019Brien", "Dvořák-Łuk", "Øzdemir", "Zoe"]
WORDS = [*FROM, "ABC def", "", "Жуков", "%_", "x'y", "日本", unicodedata.normalize("NFD", "Muñoz")]


def test_the_database_folds_as_python_does(any_store):
    with any_store.reading() as unit:
        said = [
            unit.connection.execute(select(in_database(literal(each)))).scalar_one()
            for each in WORDS
        ]
        assert unit.connection.execute(select(in_database(literal(None)))).scalar_one() is None
    assert [each.lower() for each in said] == [folded(each) for each in WORDS]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("munoz", {"Muñoz", "Munoz"}),
        ("MUÑOZ", {"Muñoz", "Munoz"}),
        ("nguyen", {"Nguyễn"}),
        ("orsted", {"Ørsted"}),
        ("o'brien", {"O\u2019Brien"}),
        ("dvorak-luk", {"Dvořák-Łuk"}),
        ("zö", {"Zoe"}),
        ("жуков", set()),
    ],
)
def test_accents_do_not_matter_to_a_search(store, typed, wanted):
    with store.writing() as unit:
        unit.session.add(PracticeRow(id="p", name="P", created_at=datetime.now(UTC)))
        unit.session.flush()
        unit.session.add_all(
            PatientRow(
                practice_id="p",
                id=f"i{at}",
                mrn=f"m{at}",
                family_name=name,
                created_at=datetime.now(UTC),
            )
            for at, name in enumerate(NAMES)
        )
    found = patients(text=typed, store=store, actor=OWNER)
    assert {row.family_name for row in found.rows} == wanted
