"""Whatever happens to a month between two closes: what did not change is not issued again."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.empty_store import empty_store
from tests.support.month_case import MonthCase
from tests.support.small_panel import at
from trellis_core.services.integrity import check_store
from trellis_core.services.issued_superbills import read_issued
from trellis_core.store.engine import open_store
from trellis_core.superbill import Superbill
from trellis_core.superbill.issued import content_of, superbill_text


def as_issued(bill: Superbill) -> str:
    """Return what a close wrote; which later one took its place is laid over it when it is read."""
    return superbill_text(replace(bill, replaced_by=None))


PATIENTS = ("p-1", "p-2", "p-3", "p-4")

CHANGES = st.one_of(
    st.tuples(st.just("log"), st.sampled_from(PATIENTS), st.integers(1, 45)),
    st.tuples(
        st.just("member_id"),
        st.sampled_from(PATIENTS),
        st.sampled_from([None, "9AC8TE5MK73", "9AC8TE5MK74", "B2"]),
    ),
    st.tuples(st.just("phone"), st.sampled_from(PATIENTS), st.sampled_from(["", "555-0100"])),
    st.tuples(st.just("payer_name"), st.sampled_from(PATIENTS), st.sampled_from(["A", "B"])),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closes")


@given(rounds=st.lists(st.lists(CHANGES, max_size=4), min_size=1, max_size=3))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_only_what_changed_is_issued_and_nothing_issued_changes(folder, rounds):
    store = open_store(empty_store(folder / f"{uuid4()}.db"))
    case = MonthCase(store)
    case.enrolled(*PATIENTS)
    minute = 0
    known: dict[int, str] = {}
    for changes in rounds:
        for what, patient, value in changes:
            if what == "log":
                minute += 50
                case.log(patient, value, at=at(2 + minute // 500, minute=0).replace(
                    hour=13 + minute % 500 // 60, minute=minute % 60
                ))  # fmt: skip
            else:
                case.change_patient(patient, **{what: value})
        closed = case.close()
        with store.reading() as unit:
            issued = read_issued(unit, case.practice_id)
        now = {each.number: as_issued(each.bill) for each in issued}
        assert {number: now[number] for number in known} == known
        assert sorted(now) == list(range(1, len(now) + 1))
        assert set(now) - set(known) == {each.number for each in closed.issued}
        by_number = {each.number: each for each in issued}
        for each in closed.issued:
            if each.replaces is not None:
                before = by_number[each.replaces].bill
                assert content_of(before) != content_of(by_number[each.number].bill)
        standing = [each for each in issued if each.is_standing]
        assert len({each.bill.id for each in standing}) == len(standing)
        known = now
        case.reopen()
        assert case.close().issued == ()
        case.reopen()
    assert check_store(store).ok
    store.close()
