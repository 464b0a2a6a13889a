"""Ids are opaque and new each time; a derived one is the same each time."""

from uuid import UUID

from trellis_core.values.ids import derived_entry_id, new_entry_id, new_id


def test_new_ids_differ_and_say_only_their_kind():
    ids = {new_id("pt") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(each.startswith("pt-") and len(each) == 15 for each in ids)
    assert UUID(new_entry_id()).version == 4


def test_derived_ids_depend_on_form_and_part_alone():
    assert derived_entry_id("a", "reversal") == derived_entry_id("a", "reversal")
    assert len({derived_entry_id(form, part) for form in "ab" for part in ("x", "y")}) == 4
