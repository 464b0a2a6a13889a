"""Ids are opaque and new each time; a derived one is the same each time."""

from uuid import UUID

import pytest

from trellis_core.values.ids import (
    derived_entry_id,
    is_form_id,
    new_entry_id,
    new_id,
    random_uuid,
)


def test_new_ids_differ_and_say_only_their_kind():
    ids = {new_id("pt") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(each.startswith("pt-") and len(each) == 15 for each in ids)
    assert UUID(new_entry_id()).version == 4


def test_ids_of_a_made_up_practice_come_from_where_they_are_told():
    given = iter([bytes(range(16)), bytes(16)])
    first, second = (random_uuid(lambda count: next(given)[:count]) for _ in range(2))
    assert (UUID(first).version, first != second) == (4, True)
    assert random_uuid(lambda count: bytes(range(count))) == first
    assert new_id("pt", bytes) == "pt-000000000000"
    assert UUID(random_uuid()).version == 4


def test_derived_ids_depend_on_form_and_part_alone():
    assert derived_entry_id("a", "reversal") == derived_entry_id("a", "reversal")
    assert len({derived_entry_id(form, part) for form in "ab" for part in ("x", "y")}) == 4


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("a", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("5d0f-a.b:c_d", True),
        ("-a", False),
        ("a b", False),
        ("a\n", False),
        ("\u00e9", False),
    ],
)
def test_a_forms_id_is_up_to_64_plain_characters(text: str, may_be: bool):
    assert is_form_id(text) is may_be
