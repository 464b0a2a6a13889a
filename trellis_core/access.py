"""Who may do what: roles and attributes, the actor of a request, and one policy table.

Hiding a button is not access control: every service asks here first. An operation without a row
for the actor's role, or for what the actor is on top of it, is denied.
"""

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final, TypeAlias

from trellis_core.errors import PermissionDeniedError


class AccessRole(StrEnum):
    """What a person may see and do.

    ``OWN_WORK`` gives nothing by itself: whoever signs in with it sees and does what being a
    billing practitioner or a psychiatric consultant allows.
    """

    OWNER = "owner"
    COORDINATOR = "coordinator"
    BILLER = "biller"
    AUDITOR = "auditor"
    OWN_WORK = "own_work"


class Attribute(StrEnum):
    """What a person is on top of a role."""

    BILLING_PRACTITIONER = "billing_practitioner"
    PSYCHIATRIC_CONSULTANT = "psychiatric_consultant"


Grant: TypeAlias = AccessRole | Attribute
"""What a row of the policy table names."""


class Operation(StrEnum):
    """Everything a person can ask a service to do."""

    READ_PRACTICE = auto()
    READ_BOARD = auto()
    READ_CHART = auto()
    READ_TIME = auto()
    EDIT_CHART = auto()
    WRITE_NOTE = auto()
    MERGE_PATIENTS = auto()
    LOG_OWN_TIME = auto()
    CORRECT_OTHERS_TIME = auto()
    IMPORT_RECORDS = auto()
    DRAFT_SUPERBILL = auto()
    APPROVE_SUPERBILL = auto()
    READ_SUPERBILL = auto()
    RECORD_CLAIM = auto()
    EDIT_PROFILES = auto()
    READ_PACKET = auto()
    READ_PERFORMANCE = auto()
    EXPORT_FHIR = auto()
    CLOSE_MONTH = auto()
    REOPEN_MONTH = auto()
    READ_LEDGER = auto()
    READ_JOURNAL = auto()
    WITHHOLD_NOTE = auto()
    CHECK_LEDGER = auto()
    MAKE_CHECKPOINT = auto()
    MAKE_BACKUP = auto()
    RESTORE_BACKUP = auto()
    EDIT_SETTINGS = auto()
    MANAGE_PEOPLE = auto()
    READ_ACCESS_LOG = auto()
    RESTRICT_CHART = auto()
    OPEN_IN_EMERGENCY = auto()
    REVIEW_EMERGENCY = auto()
    READ_REGISTRY = auto()
    RECORD_RECOMMENDATION = auto()
    DOCUMENT_DECISION = auto()
    KEEP_DRAFT = auto()
    CHANGE_OWN_SIGN_IN = auto()
    READ_ROI = auto()
    SAVE_SCENARIO = auto()
    READ_RULE_BOOK = auto()


_O, _C, _B, _A = AccessRole.OWNER, AccessRole.COORDINATOR, AccessRole.BILLER, AccessRole.AUDITOR
_P, _PC = Attribute.BILLING_PRACTITIONER, Attribute.PSYCHIATRIC_CONSULTANT

POLICY: Final[dict[Operation, frozenset[Grant]]] = {
    Operation.READ_PRACTICE: frozenset({_O, _C, _B, _A, _P, _PC}),
    Operation.READ_BOARD: frozenset({_O, _C, _B, _A, _P}),
    Operation.READ_CHART: frozenset({_O, _C, _B, _A, _P}),
    Operation.READ_TIME: frozenset({_O, _C, _B, _A, _P}),
    Operation.EDIT_CHART: frozenset({_O, _C}),
    Operation.WRITE_NOTE: frozenset({_O, _C, _B, _P, _PC}),
    Operation.MERGE_PATIENTS: frozenset({_O}),
    Operation.DOCUMENT_DECISION: frozenset({_P}),
    Operation.READ_REGISTRY: frozenset({_O, _C, _B, _A, _P, _PC}),
    Operation.RECORD_RECOMMENDATION: frozenset({_O, _C, _PC}),
    Operation.LOG_OWN_TIME: frozenset({_O, _C, _P}),
    Operation.CORRECT_OTHERS_TIME: frozenset({_O}),
    Operation.IMPORT_RECORDS: frozenset({_O, _C}),
    Operation.DRAFT_SUPERBILL: frozenset({_O, _C, _B}),
    Operation.APPROVE_SUPERBILL: frozenset({_O, _B}),
    Operation.READ_SUPERBILL: frozenset({_O, _C, _B, _A}),
    Operation.RECORD_CLAIM: frozenset({_O, _B}),
    Operation.EDIT_PROFILES: frozenset({_O, _B}),
    Operation.READ_PACKET: frozenset({_O, _B, _A}),
    Operation.READ_PERFORMANCE: frozenset({_O, _B, _A}),
    Operation.EXPORT_FHIR: frozenset({_O, _B}),
    Operation.CLOSE_MONTH: frozenset({_O, _B}),
    Operation.REOPEN_MONTH: frozenset({_O, _B}),
    Operation.READ_LEDGER: frozenset({_O, _B, _A}),
    Operation.READ_JOURNAL: frozenset({_O, _C, _B, _A}),
    Operation.READ_ACCESS_LOG: frozenset({_O, _C, _B, _A}),
    Operation.WITHHOLD_NOTE: frozenset({_O}),
    Operation.CHECK_LEDGER: frozenset({_O, _B, _A}),
    Operation.MAKE_CHECKPOINT: frozenset({_O, _B, _A}),
    Operation.MAKE_BACKUP: frozenset({_O}),
    Operation.RESTORE_BACKUP: frozenset({_O}),
    Operation.EDIT_SETTINGS: frozenset({_O}),
    Operation.MANAGE_PEOPLE: frozenset({_O}),
    Operation.RESTRICT_CHART: frozenset({_O}),
    Operation.OPEN_IN_EMERGENCY: frozenset({_O, _C, _B, _A, _P, _PC}),
    Operation.REVIEW_EMERGENCY: frozenset({_O}),
    Operation.KEEP_DRAFT: frozenset({_O, _C, _B, _A, _P, _PC}),
    Operation.CHANGE_OWN_SIGN_IN: frozenset({_O, _C, _B, _A, _P, _PC}),
    Operation.READ_ROI: frozenset({_O, _C, _B, _A}),
    Operation.SAVE_SCENARIO: frozenset({_O, _B}),
    Operation.READ_RULE_BOOK: frozenset({_O, _C, _B, _A, _P, _PC}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The signed-in person of one request.

    Attributes:
        practice_id: The practice whose data the actor may reach.
        person_id: The person's staff id.
        role: What the person may do.
        is_billing_practitioner: May document decision making and elect a track.
        is_psychiatric_consultant: May record caseload recommendations.
        system_user: The operating system's user, where a command is run by hand.
    """

    practice_id: str
    person_id: str
    role: AccessRole
    is_billing_practitioner: bool = False
    is_psychiatric_consultant: bool = False
    system_user: str | None = None

    @property
    def grants(self) -> frozenset[Grant]:
        """The role and what the person is on top of it."""
        found: list[Grant] = [self.role]
        if self.is_billing_practitioner:
            found.append(Attribute.BILLING_PRACTITIONER)
        if self.is_psychiatric_consultant:
            found.append(Attribute.PSYCHIATRIC_CONSULTANT)
        return frozenset(found)


def may(actor: Actor, operation: Operation) -> bool:
    """Say whether the policy table allows an operation."""
    return not POLICY.get(operation, frozenset()).isdisjoint(actor.grants)


def require(actor: Actor, operation: Operation) -> None:
    """Refuse an operation that the policy table does not allow.

    Raises:
        PermissionDeniedError: The actor's role has no such right.
    """
    if not may(actor, operation):
        raise PermissionDeniedError(operation, actor.role)
