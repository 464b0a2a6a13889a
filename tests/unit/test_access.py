"""The policy table: what each role may do, to the letter of the screens' table of roles."""

from dataclasses import replace

import pytest

from trellis_core.access import POLICY, AccessRole, Actor, Operation, may, require
from trellis_core.errors import PermissionDeniedError

WRITES = {
    Operation.EDIT_CHART: {"owner", "coordinator"},
    Operation.WRITE_NOTE: {"owner", "coordinator", "biller"},
    Operation.MERGE_PATIENTS: {"owner"},
    Operation.LOG_OWN_TIME: {"owner", "coordinator"},
    Operation.IMPORT_RECORDS: {"owner", "coordinator"},
    Operation.CORRECT_OTHERS_TIME: {"owner"},
    Operation.EDIT_SETTINGS: {"owner"},
    Operation.WITHHOLD_NOTE: {"owner"},
    Operation.DRAFT_SUPERBILL: {"owner", "coordinator", "biller"},
    Operation.EXPORT_FHIR: {"owner", "biller"},
    Operation.CLOSE_MONTH: {"owner", "biller"},
    Operation.REOPEN_MONTH: {"owner", "biller"},
    Operation.MAKE_CHECKPOINT: {"owner", "biller", "auditor"},
    Operation.MAKE_BACKUP: {"owner"},
    Operation.RESTORE_BACKUP: {"owner"},
}


def actor(role):
    return Actor(practice_id="p", person_id="s", role=AccessRole(role))


@pytest.mark.parametrize("operation", Operation)
def test_every_operation_has_a_row(operation):
    assert POLICY[operation]


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("role", AccessRole)
def test_whoever_is_not_named_may_not_change_anything(operation, role):
    assert may(actor(role), operation) is (role in WRITES[operation])


@pytest.mark.parametrize("operation", Operation)
def test_own_work_alone_gives_no_right(operation):
    assert not may(actor("own_work"), operation)


def test_what_a_person_is_comes_on_top_of_a_role_and_takes_nothing_away():
    plain = actor("auditor")
    more = replace(plain, is_billing_practitioner=True, is_psychiatric_consultant=True)
    gained = {o for o in Operation if may(more, o) and not may(plain, o)}
    assert gained == {
        Operation.DOCUMENT_DECISION,
        Operation.LOG_OWN_TIME,
        Operation.RECORD_RECOMMENDATION,
        Operation.WRITE_NOTE,
    }
    assert not {o for o in Operation if may(plain, o) and not may(more, o)}


@pytest.mark.parametrize(
    ("attribute", "own"),
    [
        ("is_billing_practitioner", {Operation.DOCUMENT_DECISION, Operation.READ_BOARD}),
        ("is_psychiatric_consultant", {Operation.RECORD_RECOMMENDATION}),
    ],
)
def test_own_work_is_what_a_person_is_and_nothing_of_the_other(attribute, own):
    both = {Operation.DOCUMENT_DECISION, Operation.READ_BOARD, Operation.RECORD_RECOMMENDATION}
    person = replace(actor("own_work"), **{attribute: True})
    assert {o for o in both if may(person, o)} == own


def test_an_auditor_only_reads_and_signs_where_the_chains_stand():
    changes = WRITES.keys() - {Operation.MAKE_CHECKPOINT}
    assert not {o for o in changes if may(actor("auditor"), o)}
    assert may(actor("auditor"), Operation.CHECK_LEDGER)


def test_a_refusal_names_operation_and_role_and_no_person():
    with pytest.raises(PermissionDeniedError, match=r"auditor.*log_own_time|log_own_time"):
        require(actor("auditor"), Operation.LOG_OWN_TIME)


def test_an_operation_without_a_row_is_denied(monkeypatch):
    monkeypatch.delitem(POLICY, Operation.READ_BOARD)
    assert not may(actor("owner"), Operation.READ_BOARD)
