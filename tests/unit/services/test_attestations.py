"""Attested diagnoses: what is taken, what takes its place, and the order on the superbill."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select as select_columns
from sqlmodel import select

from tests.support.month_case import NOVEMBER, MonthCase
from trellis_core.access import AccessRole, Actor
from trellis_core.care.vocabulary import EntryMode, Program
from trellis_core.errors import CommandRefusedError, NotFoundError, PermissionDeniedError
from trellis_core.services.attestations import AttestDiagnoses, attest_diagnoses, attested_in
from trellis_core.services.merging import MergePatients, merge_patients
from trellis_core.store.engine import Store
from trellis_core.store.tables import EVENT, ConditionRow, RatingScaleRow
from trellis_core.superbill import Attestation
from trellis_core.values.periods import ServiceMonth

TENTH = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)
IN_ORDER = ["E11.9", "I10", "F32.1"]


@pytest.fixture
def case(store: Store) -> MonthCase:
    made = MonthCase(store)
    made.enrolled("p1", "p2")
    made.panel.log("p1", 25, at=TENTH, mode=EntryMode.TIMED)
    return made


def doctor(case: MonthCase) -> Actor:
    return Actor(
        practice_id=case.practice_id, person_id="dr-1", role=AccessRole.OWN_WORK,
        is_billing_practitioner=True,
    )  # fmt: skip


def ids(case: MonthCase, *codes: str, patient_id: str = "p1") -> list[str]:
    with case.store.reading() as unit:
        rows = {
            row.icd10: row.id
            for row in unit.session.exec(
                select(ConditionRow).where(ConditionRow.patient_id == patient_id)
            )
        }
    return [rows[code] for code in codes]


def attest(case: MonthCase, conditions: list[str], **more: object) -> Attestation:
    actor = more.pop("actor", doctor(case))
    given = {"patient_id": "p1", "program": Program.CCM, "month": NOVEMBER}
    return attest_diagnoses(
        AttestDiagnoses(conditions=conditions, **(given | more)),  # type: ignore[arg-type]
        store=case.store,
        actor=actor,  # type: ignore[arg-type]
        clock=case.clock,
    )


def attested(case: MonthCase, patient_id: str = "p1") -> tuple[Attestation, ...]:
    return attested_in(patient_id, NOVEMBER, store=case.store, actor=doctor(case), clock=case.clock)


def lettered(case: MonthCase) -> tuple[list[str], tuple[str, ...]]:
    (bill,) = case.bills()
    return [each.icd10 for each in bill.diagnoses], bill.lines[0].diagnosis_pointers


def test_the_superbill_names_what_was_attested_in_that_order(case: MonthCase) -> None:
    assert lettered(case) == (IN_ORDER, ("A", "B", "C"))
    said = attest(case, ids(case, "F32.1", "E11.9"))
    assert said.by == "dr-1, MD"
    assert lettered(case) == (["F32.1", "E11.9"], ("A", "B"))
    (bill,) = case.bills()
    assert bill.attestations == (said,) == attested(case)


def test_programs_share_letters_and_point_in_their_own_order(case: MonthCase) -> None:
    case.panel.add(
        *(row for row in case.panel.chart("p1", program=Program.BHI)
          if not isinstance(row, ConditionRow))
    )  # fmt: skip
    case.panel.add(
        RatingScaleRow(
            practice_id=case.practice_id, id="s-1", patient_id="p1", instrument="PHQ-9",
            on_day=TENTH.date(), score=8,
        )
    )  # fmt: skip
    case.panel.log("p1", 25, at=TENTH.replace(day=11), program=Program.BHI, mode=EntryMode.TIMED)
    attest(case, ids(case, "I10", "F32.1"))
    attest(case, ids(case, "F32.1", "I10"), program=Program.BHI)
    (bill,) = case.bills()
    assert [each.icd10 for each in bill.diagnoses] == ["I10", "F32.1"]
    assert {line.program: line.diagnosis_pointers for line in bill.lines} == {
        Program.CCM: ("A", "B"), Program.BHI: ("B", "A"),
    }  # fmt: skip


def test_a_new_attestation_takes_the_place_of_the_old_and_the_journal_keeps_both(
    case: MonthCase,
) -> None:
    first, second = ids(case, "E11.9", "I10"), ids(case, "I10", "E11.9")
    attest(case, first)
    attest(case, second)
    (now,) = attested(case)
    assert now.conditions == tuple(second)
    with case.store.reading() as unit:
        told = unit.connection.execute(
            select_columns(EVENT.c.kind, EVENT.c.subject_id)
            .where(EVENT.c.subject_kind == "diagnosis_attestation")
            .order_by(EVENT.c.seq)
        ).all()
    assert [row.kind for row in told] == ["recorded", "changed"]
    assert len({row.subject_id for row in told}) == 1


REFUSED: tuple[tuple[list[str], dict[str, object], str], ...] = (
    ([], {}, "CONDITIONS_MISSING"),
    (["E11.9"], {}, "CONDITIONS_MISSING"),
    ([], {"program": Program.PCM}, "CONDITIONS_MISSING"),
    (["E11.9", "E11.9"], {}, "CONDITION_TWICE"),
    (["E11.9", "I10"], {"month": ServiceMonth(2027, 1)}, "MONTH_AHEAD"),
)


def test_what_is_refused(case: MonthCase) -> None:
    for codes, more, code in REFUSED:
        with pytest.raises(CommandRefusedError) as refused:
            attest(case, ids(case, *codes), **more)
        assert refused.value.code == code
    assert attested(case) == ()


def test_one_condition_is_enough_where_the_program_is_for_one(case: MonthCase) -> None:
    assert attest(case, ids(case, "E11.9"), program=Program.PCM).program is Program.PCM
    assert attest(case, ids(case, "E11.9", "I10"), month=ServiceMonth(2026, 12))


def test_only_coded_conditions_of_this_chart_are_attested(case: MonthCase) -> None:
    case.panel.add(
        ConditionRow(practice_id=case.practice_id, id="uncoded", patient_id="p1", text="Tired")
    )
    with pytest.raises(CommandRefusedError) as refused:
        attest(case, [*ids(case, "E11.9"), "uncoded"])
    assert refused.value.code == "CONDITION_UNCODED"
    with pytest.raises(NotFoundError):
        attest(case, [*ids(case, "E11.9"), *ids(case, "I10", patient_id="p2")])
    with pytest.raises(PermissionDeniedError):
        attest(case, ids(case, "E11.9", "I10"), actor=case.actor(AccessRole.OWNER))


def test_a_closed_month_is_attested_and_what_was_issued_stays_until_it_is_closed_again(
    case: MonthCase,
) -> None:
    (issued,) = case.close().issued
    attest(case, ids(case, "I10", "E11.9"))
    (bill,) = case.bills()
    assert [each.icd10 for each in bill.diagnoses] == IN_ORDER
    case.reopen()
    case.close()
    (bill,) = case.bills()
    assert [each.icd10 for each in bill.diagnoses] == ["I10", "E11.9"]
    assert bill.replaces == issued.number


def test_a_merged_record_brings_its_attestation_along_under_the_conditions_that_stay(
    case: MonthCase,
) -> None:
    case.panel.add(
        ConditionRow(practice_id=case.practice_id, id="own", patient_id="p2", icd10="N18.31")
    )
    attest(case, [*ids(case, "I10", patient_id="p2"), "own"], patient_id="p2")
    merge_patients(
        MergePatients(
            merge_id="m-1", patient_id="p1", merged_patient_id="p2", reason="The same person twice"
        ),
        store=case.store, actor=case.actor(AccessRole.OWNER, "dr-1"), clock=case.clock,
    )  # fmt: skip
    (now,) = attested(case)
    assert list(now.conditions) == ids(case, "I10", "N18.31")
    assert now.by == "dr-1, MD"
