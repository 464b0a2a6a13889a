"""What records and their fields are called in plain words, for whoever reads the journal.

A column that is not named here is called by its own name with blanks: nothing is left out because
somebody forgot to name it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from trellis_core.ledger.journal import EventKind

NOT_RECORDED: Final = "not recorded"
"""Stands for a field that nobody filled in."""

KINDS: Final[Mapping[EventKind, str]] = MappingProxyType(
    {
        EventKind.RECORDED: "recorded",
        EventKind.CHANGED: "changed",
        EventKind.REMOVED: "removed",
        EventKind.SIGNED_IN: "signed in",
        EventKind.SIGN_IN_REFUSED: "sign-in refused",
        EventKind.SIGNED_OUT: "signed out",
        EventKind.APPROVED: "approved",
        EventKind.APPROVAL_ENDED: "approval taken back",
        EventKind.MONTH_CLOSED: "month closed",
        EventKind.MONTH_REOPENED: "month reopened",
        EventKind.NOTE_WITHHELD: "note withheld",
        EventKind.KEY_NAMED: "signing key named",
        EventKind.EXPORTED: "exported",
        EventKind.BACKED_UP: "backed up",
        EventKind.RESTORED: "restored",
        EventKind.VIEWED: "viewed",
        EventKind.SEARCHED: "searched",
        EventKind.DOWNLOADED: "downloaded",
        EventKind.PRINTED: "printed",
        EventKind.DENIED: "refused",
        EventKind.COMMAND_RUN: "command run",
        EventKind.SIGN_IN_LOCKED: "sign-in locked",
        EventKind.SECOND_FACTOR_SET: "one-time codes set up",
        EventKind.SECOND_FACTOR_REMOVED: "one-time codes removed",
        EventKind.INVITED: "link made",
        EventKind.SIGN_INS_ENDED: "every sign-in ended",
    }
)
"""What each kind of event is called."""

RECORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "practice": "practice",
        "staff": "person of the practice",
        "patient": "patient",
        "condition": "condition",
        "enrollment": "enrollment",
        "track_election": "choice of track",
        "consent": "consent",
        "care_plan": "care plan",
        "visit": "visit",
        "decision_making": "medical decision making",
        "rating_scale": "rating scale",
        "caseload_review": "caseload review",
        "other_service": "service elsewhere",
        "facility_stay": "facility stay",
        "discharge": "discharge",
        "discharge_contact": "contact after discharge",
        "access_setting": "sign-in settings",
        "restricted_chart": "restricted chart",
        "emergency_access": "emergency access",
        "patient_note": "note on a patient",
        "task": "task",
        "past_coverage": "earlier coverage",
        "site": "site",
        "elsewhere": "enrollment elsewhere",
        "enrollment_practitioner": "practitioners of an enrollment",
        "consent_declined": "declined consent",
        "care_plan_version": "version of a care plan",
        "caseload_session": "caseload review session",
        "registry_mark": "registry mark",
        "apcm_month": "month of advanced primary care",
        "apcm_capability": "capability for advanced primary care",
        "practice_option": "options of the practice",
        "patient_merge": "merge of two records",
        "import_batch": "import of a file",
        "diagnosis_attestation": "attested diagnoses",
        "claim_submission": "claim sent",
        "claim_payment": "payment of a claim",
        "fee_list": "list of amounts",
        "fee_list_amount": "amount on a list",
        "column_profile": "column profile",
        "roi_scenario": "scenario of the ROI calculator",
        "medicare_table": "published Medicare table",
        "entry": "time entry",
        "month": "month",
        "session": "sign-in",
        "key": "signing key",
        "file": "file",
    }
)
"""What each kind of subject is called."""

SESSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sample": "in the sample practice, without a password",
        "no_access": "without access to the practice",
        "password": "with a password",
        "wrong_password": "the password was wrong",
        "code": "with a one-time code",
        "wrong_code": "the one-time code was wrong",
        "waiting": "the name has to wait",
        "unlock": "again after a pause",
        "role_changed": "the role was changed",
        "deactivated": "access was ended",
        "password_changed": "the password was changed",
        "reset": "a new password is to be set",
    }
)
"""What the details of signing in, and of its end, say."""

PEOPLE_FIELDS: Final = frozenset(
    {
        "answered_by",
        "asked_by",
        "attested_by",
        "recorded_by",
        "assigned_to",
        "done_by",
        "led_by",
        "made_by",
        "merged_by",
        "stated_by",
        "to_staff",
        "undone_by",
        "billing_practitioner",
        "supervising_practitioner",
        "obtained_by",
        "elected_by",
        "by",
        "consultant",
        "readers",
        "restricted_by",
        "reviewed_by",
        "staff_id",
        "visit_by",
        "discharge_day_management_by",
    }
)
"""Fields whose value is the id of a person of the practice."""

_TITLE_FIELDS: Final = ("program", "instrument", "icd10", "code", "kind")
NOT_SHOWN: Final = frozenset(
    {"practice_id", "id", "patient_id", "discharge_id", "created_at", "recorded_at", "is_sample"}
)
"""Fields that are never a difference: keys, and when a row was made."""
_MONTHS: Final = frozenset({"ym", "asks_ym"})
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?\+00:00")
_WORDS: Final = re.compile(r"[a-z]+(_[a-z]+)+")
_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "npi": "NPI",
        "tin": "tax number",
        "address_line": "street",
        "postal_code": "ZIP code",
        "qualifying_apm": "qualifying APM participant",
        "kind": "kind",
        "tcm_hold_until_day_30": "hold transitional claims until day 30",
        "around_the_clock_access": "access around the clock",
        "certified_ehr": "certified EHR",
        "apcm_capabilities": "APCM capabilities",
        "offers_apcm": "bills APCM",
        "access": "role",
        "role": "profession",
        "is_active": "active",
        "sign_in_name": "sign-in name",
        "mrn": "record number",
        "birth_date": "birth date",
        "deceased_on": "died on",
        "qualified_medicare_beneficiary": "qualified Medicare beneficiary",
        "is_never_seen": "never seen",
        "best_time": "best time to call",
        "member_id": "member number",
        "payer_kind": "kind of payer",
        "payer_name": "payer",
        "cocm_referred_on": "referred for CoCM on",
        "cocm_ended_on": "CoCM ended on",
        "cocm_ended_because": "CoCM ended because",
        "registry_entered_on": "entered in the registry on",
        "scale_not_applicable": "scale not applicable",
        "source_identifier": "identifier in the other system",
        "icd10": "ICD-10-CM code",
        "snomed": "SNOMED code",
        "text": "words",
        "is_short_term": "short-term",
        "significant_risk": "significant risk",
        "onset_on": "began on",
        "ym": "month",
        "asks_ym": "asks about the month",
        "elements": "what was explained",
        "copy_given_on": "copy given on",
        "on_day": "day",
        "is_initiating": "initiating visit",
        "program_discussed": "programs discussed",
        "care_planning_by_practitioner": "care planning by the practitioner",
        "acted_on": "how it was used",
        "same_practice": "by this practice",
        "mdm": "decision making",
        "video_declined": "video declined",
        "given_by": "answered for the patient by",
        "backdating_reason": "why it was recorded later",
        "visit_on": "visited on",
        "visit_by": "visit by",
        "discharge_day_management_on": "discharge day management on",
        "discharge_day_management_by": "discharge day management by",
        "global_period": "within a global period",
        "at": "time",
        "staff_id": "person",
        "ended_at": "ended early at",
        "policy": "payer policy",
        "amount_cents": "amount in cents",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of a record that became another.

    Attributes:
        field: The field's name in the store.
        words: What it is called.
        before: What it said; None where nobody had filled it in, or the record is new.
        after: What it says; None where it is empty, or the record is gone.
    """

    field: str
    words: str
    before: str | None
    after: str | None

    @property
    def is_person(self) -> bool:
        """Its values are ids of people of the practice."""
        return self.field in PEOPLE_FIELDS

    def sentence(self, people: Mapping[str, str] = MappingProxyType({})) -> str:
        """Say it in words.

        Args:
            people: Names by staff id, for fields that name somebody.

        Example:
            >>> Change(
            ...     field="obtained_on", words="obtained on", before="2026-11-03", after="2026-10-27"
            ... ).sentence()
            'obtained on changed from 2026-11-03 to 2026-10-27'
        """
        before, after = (
            ", ".join(people.get(each, each) for each in value.split())
            if self.is_person and value
            else value
            for value in (self.before, self.after)
        )
        if before is None:
            return f"{self.words}: {after}"
        if after is None:
            return f"{self.words} taken out, it was {before}"
        return f"{self.words} changed from {before} to {after}"


def field_words(name: str) -> str:
    """Return what a field is called.

    Example:
        >>> field_words("obtained_on"), field_words("mrn"), field_words("policy.unit_caps")
        ('obtained on', 'record number', 'payer policy: unit caps')
    """
    top, _, rest = name.partition(".")
    if top == "elements" and rest:
        return f"what it says: {rest.replace('_', ' ')}"
    called = _FIELDS.get(top, top.replace("_", " "))
    return f"{called}: {rest.replace('_', ' ')}" if rest else called


def subject_words(kind: str, columns: Mapping[str, object]) -> str:
    """Return what a record is called, with its program, code or instrument where it has one.

    Example:
        >>> subject_words("consent", {"program": "CCM", "obtained_on": "2026-11-03"})
        'Consent of CCM'
        >>> subject_words("rating_scale", {"instrument": "PHQ-9"}), subject_words("practice", {})
        ('Rating scale PHQ-9', 'Practice')
    """
    called = RECORDS.get(kind, kind.replace("_", " "))
    called = called[:1].upper() + called[1:]
    for name in _TITLE_FIELDS:
        value = columns.get(name)
        if isinstance(value, str) and value and kind not in {"practice", "staff", "patient"}:
            shown = value if name != "kind" else value.replace("_", " ")
            return f"{called} of {shown}" if name == "program" else f"{called} {shown}"
    return called


def changes_between(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[Change, ...]:
    """Return the fields that differ between two versions of a record, by their names.

    An empty mapping stands for a record that was not there. Ids that never change are left out.
    """
    old, new = _flat(before), _flat(after)
    return tuple(
        Change(field=name, words=field_words(name), before=old.get(name), after=new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def columns_of(text: str | None) -> Mapping[str, object]:
    """Return a record's columns from what the journal kept; nothing where it kept no record."""
    if not text or not text.startswith("{"):
        return MappingProxyType({})
    try:
        found = json.loads(text)
    except ValueError:
        return MappingProxyType({})
    return found if isinstance(found, dict) else MappingProxyType({})


def _flat(columns: Mapping[str, object]) -> dict[str, str]:
    """Return what is filled in, in words; a field that holds an object becomes one for each key."""
    flat: dict[str, str] = {}
    for name, value in columns.items():
        if name in NOT_SHOWN:
            continue
        inner = columns_of(value) if isinstance(value, str) else {}
        if inner or value == "{}":
            flat |= {f"{name}.{key}": _words(each) for key, each in inner.items()}
        elif value is not None and value != "":
            flat[name] = _month_words(value) if name in _MONTHS else _words(value)
    return flat


def _words(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    said = str(value)
    if _WORDS.fullmatch(said):
        return said.replace("_", " ")
    instant = _INSTANT.fullmatch(said)
    return f"{instant[1]} {instant[2]} UTC" if instant else said


def _month_words(value: object) -> str:
    return f"{value // 100}-{value % 100:02d}" if isinstance(value, int) else str(value)
