"""What each reason says to a biller, its short title, and the documents behind it.

A sentence names the numbers where there are any and what to do next. It never holds a name, a
birth date or note text.

Example:
    >>> sentence(Reason.TIME_NOT_MET, minutes=17, needed=20, missing=3)
    '17 of 20 minutes recorded; 3 to go.'
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from trellis_core.care.vocabulary import Program
from trellis_core.rules.reasons import Reason


class ReasonText(NamedTuple):
    """The words of one reason.

    Attributes:
        title: Two to four words for a badge.
        plain: The sentence where no numbers are given.
        filled: The sentence with numbers; empty where ``plain`` always serves.
        citations: Documents behind it.
    """

    title: str
    plain: str
    filled: str = ""
    citations: tuple[str, ...] = ()


_CCM: Final = ("cms-faq-ccm", "mln-ccm")
_BHI: Final = ("pfs-2017-final-rule", "mln-bhi")
_TCM: Final = ("mln-tcm", "cms-faq-tcm")
_APCM: Final = ("pfs-2025-final-rule#p97866-97897",)
_APCM_ADD_ONS: Final = ("pfs-2026-final-rule#p49470-49471",)
_NCCI: Final = ("ncci-mue",)
_R: Final = Reason

BY_PROGRAM: Final[Mapping[Program, tuple[str, ...]]] = {
    Program.CCM: _CCM,
    Program.PCM: ("pfs-2020-final-rule", "mln-ccm"),
    Program.BHI: _BHI,
    Program.COCM: _BHI,
    Program.TCM: _TCM,
    Program.APCM: _APCM,
}
"""Documents behind what every program asks for in its own way."""

_SHARED: Final = frozenset(
    {
        _R.NOT_ENROLLED,
        _R.CONSENT_MISSING,
        _R.CONSENT_INCOMPLETE,
        _R.CONSENT_UNDOCUMENTED,
        _R.CONSENT_REVOKED,
        _R.CONSENT_OTHER_PRACTITIONER,
        _R.INITIATING_VISIT_MISSING,
        _R.CARE_PLAN_MISSING,
        _R.CARE_PLAN_COPY_MISSING,
        _R.CONDITIONS_NOT_MET,
        _R.TIME_NOT_MET,
        _R.PRACTITIONER_NOT_ELIGIBLE,
        _R.ACCESS_24_7_MISSING,
        _R.CERTIFIED_EHR_MISSING,
        _R.DECEASED,
        _R.ONCE_PER_PRACTITIONER,
        _R.DATE_OF_SERVICE_TOO_EARLY,
        _R.EXCLUSIVE_SAME_MONTH,
        _R.BILLED_BY_OTHER_PRACTITIONER,
    }
)

_TEXTS: Final[dict[Reason, ReasonText]] = {
    _R.NOT_ENROLLED: ReasonText(
        "Not enrolled",
        "No enrollment covers this month. Enroll the patient, or move the time to the right program.",
        citations=_CCM,
    ),
    _R.CONSENT_MISSING: ReasonText(
        "No consent",
        "No consent is on record for this month. Ask the patient, and record the day and how it was given.",
        citations=_CCM,
    ),
    _R.CONSENT_INCOMPLETE: ReasonText(
        "Consent incomplete",
        "The consent does not show everything the patient must be told. Explain the rest and record it.",
        "The consent does not show that the patient was told about: {missing}. Explain it and record it.",
        citations=_CCM,
    ),
    _R.CONSENT_UNDOCUMENTED: ReasonText(
        "Consent not documented",
        "A consent was given but is not documented in the record. Document it.",
        citations=_CCM,
    ),
    _R.CONSENT_REVOKED: ReasonText(
        "Consent revoked",
        "The patient stopped the program before this month. A new consent is needed to resume.",
        "The patient stopped the program on {day}; it ended with that month. A new consent is needed to resume.",
        citations=_CCM,
    ),
    _R.CONSENT_OTHER_PRACTITIONER: ReasonText(
        "Consent names another",
        "The consent names another billing practitioner. A new consent is needed for this one.",
        citations=_CCM,
    ),
    _R.INITIATING_VISIT_MISSING: ReasonText(
        "No initiating visit",
        "An initiating visit is due and none is on record that qualifies: the right kind of visit, by the billing practitioner, with the program discussed.",
        citations=_CCM,
    ),
    _R.CARE_PLAN_MISSING: ReasonText(
        "No care plan",
        "No care plan is on record for this month. Establish one and record the day.",
        citations=_CCM,
    ),
    _R.CARE_PLAN_COPY_MISSING: ReasonText(
        "Plan copy not given",
        "The patient or caregiver has not been given a copy of the care plan. Give one and record the day.",
        citations=_CCM,
    ),
    _R.ACCESS_24_7_MISSING: ReasonText(
        "No 24/7 access",
        "The practice does not answer urgent needs at any hour. The program asks for it; see Settings.",
        citations=_CCM,
    ),
    _R.CERTIFIED_EHR_MISSING: ReasonText(
        "No certified EHR",
        "The practice does not record in certified EHR technology. The program asks for it; see Settings.",
        citations=_CCM,
    ),
    _R.CONDITIONS_NOT_MET: ReasonText(
        "Conditions not met",
        "The conditions on record do not meet what the program asks for.",
        "{found} of {needed} lasting conditions with a documented significant risk are on record.",
        citations=_CCM,
    ),
    _R.TIME_NOT_MET: ReasonText(
        "Time not met",
        "The minutes recorded do not reach the first threshold.",
        "{minutes} of {needed} minutes recorded; {missing} to go.",
        citations=_CCM,
    ),
    _R.PRACTITIONER_NOT_ELIGIBLE: ReasonText(
        "May not bill",
        "The practitioner's credential does not allow billing this service. Name one who may.",
        "{code} is not a code that this kind of practice may report for the month.",
        citations=_CCM,
    ),
    _R.DECEASED: ReasonText(
        "Patient has died",
        "The patient died before the service could be completed.",
        "The patient died on {day}; the service cannot be billed.",
        citations=_TCM,
    ),
    _R.ADD_ON_WITHOUT_BASE: ReasonText(
        "Add-on without base",
        "This code is billed only together with its base code, by the same practitioner.",
        "{code} is billed only together with {base}, by the same practitioner.",
        citations=("cpt-care-management",),
    ),
    _R.ONCE_PER_PRACTITIONER: ReasonText(
        "Billed already",
        "This practitioner has billed this code already; it may be billed once.",
        "{code} was billed already by this practitioner; it may be billed once.",
        citations=("cpt-care-management",),
    ),
    _R.CODE_ENDED: ReasonText(
        "Code has ended",
        "This code is no longer valid on the date of service.",
        "{code} ended before {day}.",
        citations=("pfs-2025-final-rule", "pfs-2026-final-rule"),
    ),
    _R.CODE_NOT_IN_FORCE: ReasonText(
        "Code not in force",
        "The rule book holds no such code for the date of service.",
        "The rule book holds no code {code} for {day}.",
        citations=("pfs-2026-final-rule",),
    ),
    _R.DATE_OF_SERVICE_TOO_EARLY: ReasonText(
        "Date too early",
        "It is too early: the date of service may not lie before the day on which everything was met.",
        "Everything was met on {day}; the date of service may not be earlier.",
        citations=_CCM,
    ),
    _R.EXCLUSIVE_SAME_MONTH: ReasonText(
        "Excluded this month",
        "One practitioner may not report these codes together in one month.",
        "{code} may not be reported together with {other} in one month by one practitioner.",
        citations=("cms-faq-ccm", "pfs-2017-final-rule", "cpt-care-management"),
    ),
    _R.BILLED_BY_OTHER_PRACTITIONER: ReasonText(
        "Billed by another",
        "Another practitioner bills this program for the patient this month; only one may.",
        citations=_CCM,
    ),
    _R.APCM_SAME_MONTH: ReasonText(
        "APCM this month",
        "Advanced primary care management is billed this month; it includes this service.",
        citations=_APCM,
    ),
    _R.ESRD_SAME_MONTH: ReasonText(
        "ESRD this month",
        "The same practitioner reports monthly services for end-stage renal disease this month.",
        citations=_CCM,
    ),
    _R.CARE_PLAN_OVERSIGHT_SAME_MONTH: ReasonText(
        "Oversight this month",
        "The same practitioner reports home health or hospice care plan oversight this month.",
        citations=_CCM,
    ),
    _R.MDM_NOT_DOCUMENTED: ReasonText(
        "Decision making missing",
        "Complex care management needs moderate or high medical decision making, documented this month by the billing practitioner.",
        citations=("pfs-2017-final-rule", "cms-faq-ccm"),
    ),
    _R.RATING_SCALE_MISSING: ReasonText(
        "No rating scale",
        "No validated rating scale is on file for the month. Administer one and record its score.",
        citations=_BHI,
    ),
    _R.REGISTRY_MISSING: ReasonText(
        "Not in registry",
        "The patient is not in the registry. Enter the patient and record the day.",
        citations=_BHI,
    ),
    _R.PSYCHIATRIC_CONSULTANT_MISSING: ReasonText(
        "No consultant",
        "No psychiatric consultant who may prescribe is on record for the review.",
        citations=_BHI,
    ),
    _R.CASELOAD_REVIEW_MISSING: ReasonText(
        "No caseload review",
        "No caseload review with the psychiatric consultant is dated in this month.",
        citations=_BHI,
    ),
    _R.REPEAT_INITIAL_MONTH: ReasonText(
        "Not a first month",
        "The first month of this episode has passed; a later month has its own code.",
        "The first month of this episode was {month}; a later month has its own code.",
        citations=("mln-bhi", "cpt-care-management"),
    ),
    _R.NO_BEHAVIORAL_CONDITION: ReasonText(
        "No behavioral condition",
        "No behavioral or psychiatric condition is on record.",
        citations=_BHI,
    ),
    _R.APCM_CAPABILITIES_MISSING: ReasonText(
        "APCM capabilities missing",
        "The practice does not attest every element of advanced primary care management, or its documentation is missing.",
        citations=_APCM,
    ),
    _R.APCM_BASE_REQUIRED: ReasonText(
        "APCM base required",
        "This add-on needs the month's advanced primary care code from the same practitioner.",
        citations=_APCM_ADD_ONS,
    ),
    _R.MIRROR_CODE_SAME_MONTH: ReasonText(
        "Add-on bills it",
        "The add-on to advanced primary care management stands for this service; both may not be billed.",
        "{other} stands for this service this month; {code} may not be billed beside it.",
        citations=_APCM_ADD_ONS,
    ),
    _R.TCM_FACILITY: ReasonText(
        "Facility not eligible",
        "No discharge from a facility that opens transitional care is on record.",
        "A discharge from {facility} does not open transitional care.",
        citations=_TCM,
    ),
    _R.TCM_DESTINATION: ReasonText(
        "Destination not eligible",
        "The patient did not go home or to a comparable place.",
        "Transitional care does not follow a discharge to {destination}.",
        citations=_TCM,
    ),
    _R.TCM_GLOBAL_PERIOD: ReasonText(
        "Global period",
        "The practitioner is within a surgical global period for this patient.",
        citations=_TCM,
    ),
    _R.TCM_DUPLICATE_30_DAYS: ReasonText(
        "Second within 30 days",
        "Transitional care is billed once in 30 days; another discharge or claim falls within them.",
        citations=_TCM,
    ),
    _R.TCM_CONTACT: ReasonText(
        "No timely contact",
        "The patient was not reached within two business days, nor were two attempts documented.",
        "The patient was not reached by {day}, nor were enough separate attempts documented by then.",
        citations=_TCM,
    ),
    _R.TCM_VISIT: ReasonText(
        "No timely visit",
        "No face-to-face visit took place in time.",
        "No qualifying face-to-face visit took place from {first} through {day}.",
        citations=_TCM,
    ),
    _R.TCM_VISIT_ON_DISCHARGE_MANAGEMENT_DAY: ReasonText(
        "Visit on discharge day",
        "The visit is on the day on which the same practitioner managed the discharge.",
        citations=_TCM,
    ),
    _R.TCM_MEDICATION_RECONCILIATION: ReasonText(
        "No medication reconciliation",
        "Medications were not reconciled on or before the day of the visit.",
        "Medications were not reconciled on or before {day}.",
        citations=_TCM,
    ),
    _R.TCM_MDM: ReasonText(
        "Decision making too low",
        "Transitional care needs medical decision making of at least moderate complexity.",
        "This code needs medical decision making of {needed} complexity.",
        citations=_TCM,
    ),
    _R.NON_CLINICAL_TIME: ReasonText(
        "Not clinical time",
        "Clerical, administrative and automated work does not count.",
        citations=("cms-faq-ccm",),
    ),
    _R.CONSULTANT_TIME: ReasonText(
        "Consultant's time",
        "The psychiatric consultant's time does not count toward the month.",
        citations=_BHI,
    ),
    _R.BEFORE_CONSENT: ReasonText(
        "Before consent",
        "Time before enrollment and before the day of consent does not count.",
        citations=_CCM,
    ),
    _R.AFTER_REVOCATION: ReasonText(
        "After revocation",
        "The patient had stopped the program; time after that month does not count.",
        citations=_CCM,
    ),
    _R.AFTER_ENROLLMENT: ReasonText(
        "After enrollment",
        "Time after the last day of the enrollment does not count.",
        citations=_CCM,
    ),
    _R.AFTER_DEATH: ReasonText(
        "After death",
        "Time after the day of death does not count.",
        citations=_CCM,
    ),
    _R.AFTER_AS_OF: ReasonText(
        "Recorded later",
        "The entry was not yet on record at the instant asked about.",
    ),
    _R.OUTSIDE_MONTH: ReasonText(
        "Outside the month",
        "It lies outside the month in the practice's time zone.",
        "{day} lies outside the month; judge the line in the month of its date of service.",
        citations=("mln-ccm",),
    ),
    _R.OVERLAP_SAME_PATIENT: ReasonText(
        "Counted once",
        "Another entry for this patient covers the same time; it is counted once.",
        citations=("cpt-care-management",),
    ),
    _R.OVERLAP_SAME_STAFF: ReasonText(
        "Two patients at once",
        "The same person has an earlier record with another patient at this time. Correct one of the two.",
        citations=("cpt-care-management",),
    ),
    _R.FACILITY_STAY: ReasonText(
        "Facility stay",
        "Time during an inpatient or skilled nursing stay does not count; the day of discharge does.",
        citations=_CCM,
    ),
    _R.BILLED_ELSEWHERE: ReasonText(
        "Billed elsewhere",
        "The time is part of a separately billed service.",
        citations=_CCM,
    ),
    _R.SAME_DAY_VISIT: ReasonText(
        "Day of a visit",
        "Staff time on the day of a visit counts only where it is stated to be separate from the visit.",
        citations=("cpt-care-management",),
    ),
    _R.OTHER_CONDITION: ReasonText(
        "Other condition",
        "The work was about a condition other than the one of principal care management.",
        citations=("pfs-2020-final-rule",),
    ),
    _R.OTHER_PROGRAM_TRACK: ReasonText(
        "Other track",
        "The month is billed from the other track, which does not use this time.",
        citations=_CCM,
    ),
    _R.ROLE_NOT_COUNTED: ReasonText(
        "Role not counted",
        "This program does not count the time of a person in this role.",
        citations=_BHI,
    ),
    _R.SHARED_ACTIVITY: ReasonText(
        "Shared activity",
        "The activity served several patients; each counts an equal share.",
        citations=_CCM,
    ),
    _R.NO_STAFF: ReasonText(
        "Nobody named",
        "No staff member is named for this time.",
        citations=_CCM,
    ),
    _R.REPLACED: ReasonText("Corrected", "The entry was corrected or voided."),
    _R.UNIT_CAP: ReasonText(
        "Unit cap",
        "The time earned more units than may be billed.",
        "{code}: the time earned {earned} units; {units} may be billed.",
        citations=_NCCI,
    ),
    _R.TCM_BOUNDARY_DAY: ReasonText(
        "Last counted day",
        "The visit is on the last day that counts; some payers count one day less.",
        "The visit is on day {day} after discharge, the last that counts; some payers count one day less.",
        citations=("mln-tcm",),
    ),
    _R.TCM_OBSERVED_HOLIDAY: ReasonText(
        "Observed holiday",
        "An observed federal holiday moves the contact deadline.",
        "An observed federal holiday moves the contact deadline to {day}; without it the deadline is {earlier}.",
        citations=("usc-5-6103",),
    ),
    _R.TCM_KEEP_TRYING: ReasonText(
        "Keep trying",
        "Attempts suffice for billing where all else is met; keep trying to reach the patient.",
        citations=_TCM,
    ),
    _R.TCM_NURSING_FACILITY: ReasonText(
        "Nursing facility",
        "The patient went to a nursing facility; Medicare's list has it, CPT's has not. Ask the payer.",
        citations=("mln-tcm", "cpt-care-management"),
    ),
    _R.TCM_DEATH_ON_LAST_DAY: ReasonText(
        "Died on last day",
        "The patient died on the last of the 30 days; check with the payer before billing.",
        citations=("cms-faq-tcm",),
    ),
    _R.TCM_AUDIO_ONLY: ReasonText(
        "Telephone visit",
        "The visit was by telephone because the patient could not or would not use video; document it.",
        citations=("cfr-410-78",),
    ),
    _R.SCALE_OLD: ReasonText(
        "Scale is old",
        "The newest rating scale is old.",
        "The newest rating scale is {days} days before the date of service.",
        citations=_BHI,
    ),
    _R.SCALE_NOT_APPLICABLE: ReasonText(
        "Scale not applicable",
        "A documented reason stands in for a rating scale.",
        citations=_BHI,
    ),
    _R.SCALE_NOT_ACTED_ON: ReasonText(
        "Scale not acted on",
        "The record does not say how the rating scale informed care.",
        citations=_BHI,
    ),
    _R.CASELOAD_REVIEW_WEEK_MISSED: ReasonText(
        "Review week missed",
        "A week of the month passed without a caseload review.",
        "No caseload review in the weeks that ended on {weeks}.",
        citations=_BHI,
    ),
    _R.CARE_PLAN_NOT_REVIEWED: ReasonText(
        "Plan not reviewed",
        "The care plan was neither made nor revised within a year.",
        "The care plan was last made or revised on {day}, more than a year before the date of service.",
        citations=("mln-ccm",),
    ),
    _R.NO_PATIENT_CONTACT: ReasonText(
        "Patient not reached",
        "No entry of the month says that the patient or caregiver was reached.",
        citations=("mln-ccm",),
    ),
    _R.CARE_PLAN_OVERSIGHT_ELSEWHERE: ReasonText(
        "Oversight elsewhere",
        "Another practitioner reports care plan oversight this month; the services must not overlap.",
        citations=("cms-faq-ccm",),
    ),
    _R.PCM_VISIT_OVER_A_YEAR: ReasonText(
        "Visit over a year",
        "The initiating visit is more than a year old; the booklet asks for another to continue.",
        "The initiating visit was on {day}, more than a year ago; the booklet asks for another to continue.",
        citations=("mln-ccm",),
    ),
    _R.PAYER_MAY_DENY: ReasonText(
        "Payer may deny",
        "Payers other than Medicare are known to refuse this. Ask the payer, and state its policy.",
        "Payers other than Medicare are known to refuse {what}. Ask the payer, and state its policy.",
        citations=("cpt-care-management",),
    ),
    _R.ONE_DIAGNOSIS: ReasonText(
        "One diagnosis",
        "Only one diagnosis is coded; some payers refuse the claim without a second.",
        citations=_CCM,
    ),
    _R.CONSENT_PARTIAL_MONTH: ReasonText(
        "Part of month only",
        "A part of the month lies before consent or enrollment; its time was left out.",
        citations=_CCM,
    ),
    _R.COMPLEX_PAYS_LESS: ReasonText(
        "Complex pays less",
        "The documented decision making makes the month complex, although the other code would pay more.",
        "The documented decision making makes the month complex: {complex} where the other code would pay {plain}.",
        citations=("pfs-2017-final-rule",),
    ),
    _R.EPISODE_INTERPRETATION: ReasonText(
        "Episode continues",
        "A new referral, or care after the end, within six months continues the old episode; payers may read this otherwise.",
        citations=("mln-bhi", "cpt-care-management"),
    ),
    _R.TCM_RECLAIM: ReasonText(
        "Claim to revisit",
        "A claim was sent for this discharge that the record no longer supports. Correct or withdraw it.",
        citations=("cms-faq-tcm",),
    ),
}

_FACTS: Final[dict[str, str]] = {
    "LAST_SEEN": "when the patient was last seen",
    "CREDENTIAL": "the practitioner's credential",
    "ENROLLMENTS": "which programs the patient is enrolled in",
    "CONSENTS": "whether the patient consented",
    "DOCUMENTED": "whether the consent is documented",
    "ELEMENTS": "what the patient was told before consenting",
    "CONDITIONS": "the patient's conditions",
    "EXPECTED_MONTHS": "how long a condition is expected to last",
    "SIGNIFICANT_RISK": "whether a condition carries a significant risk",
    "CARE_PLANS": "whether there is a care plan",
    "AROUND_THE_CLOCK_ACCESS": "whether urgent needs are answered at any hour",
    "CERTIFIED_EHR": "whether the practice uses certified EHR technology",
    "APCM_CAPABILITIES": "whether the practice attests every APCM element",
    "QUALIFIED_MEDICARE_BENEFICIARY": "whether the patient is a qualified Medicare beneficiary",
    "RATING_SCALES": "which rating scales were taken",
    "REGISTRY_ENTERED_ON": "when the patient was entered in the registry",
    "CASELOAD_REVIEWS": "when the caseload was reviewed",
    "STARTED_ON": "when the enrollment began",
    "ENDED_ON": "whether the enrollment has ended",
    "BILLING_PRACTITIONER": "who the billing practitioner is",
    "OBTAINED_ON": "when the consent was given",
    "REVOKED_ON": "whether the consent was revoked",
    "CONDITION": "which one condition the program is for",
    "TRACK": "which track was chosen",
    "BEHAVIORAL": "whether a condition is behavioral",
    "COPY_GIVEN_ON": "whether the patient has a copy of the care plan",
    "ESTABLISHED_ON": "when the care plan was established",
    "INITIATING_VISITS": "whether there was an initiating visit",
    "CODE": "the code of an initiating visit or of another service",
    "BY": "who did it",
    "PROGRAM_DISCUSSED": "whether the visit spoke of the program",
    "DECEASED_ON": "whether the patient is alive",
    "BIRTH_DATE": "the patient's birth date",
    "FROM": "which kind of facility discharged the patient",
    "TO": "where the patient went",
    "CONTACTS": "which contacts followed the discharge",
    "VISIT": "whether a visit followed the discharge",
    "MDM": "the level of medical decision making",
    "MEDICATIONS_RECONCILED_ON": "when medications were reconciled",
    "OUTCOME": "whether a contact reached the patient",
    "MODALITY": "how the visit took place",
    "PERFORMANCE_REPORTING": "whether the practice reports performance",
    "APCM_SERVICES_DOCUMENTED": "whether the month's services are documented",
    "CONSULTANT": "who the psychiatric consultant of a review was",
    "COCM_REFERRED_ON": "when the collaborative care episode began",
    "COCM_ENDED": "whether the collaborative care episode ended",
    "SAME_PRACTICE": "whether another service was by this practice",
    "LEVEL": "the level of medical decision making",
    "ON": "the day of a visit, of another service or of the medical decision making",
    "DISCHARGED_ON": "when the patient was discharged, or which discharge another claim was for",
    "KIND": "the kind of the facility stay",
    "SCALE_NOT_APPLICABLE": "whether a rating scale does not apply",
    "REVISED_ON": "when the care plan was revised",
    "VIDEO_DECLINED": "whether the patient declined video",
    "SCORE": "the rating scale's score",
    "CARE_PLANNING_BY_PRACTITIONER": "whether the practitioner planned care beyond the visit",
    "DISCHARGE_DAY_MANAGEMENT_ON": "when discharge management was reported",
    "DISCHARGE_DAY_MANAGEMENT_BY": "who reported discharge management",
    "ROLE": "the role of a person of the practice",
    "STAFF": "who was with another patient",
    "STARTED_AT": "when time with another patient began",
    "SECONDS": "how long time with another patient lasted",
    "MONTH": "the month of an earlier service",
    "ADMITTED_ON": "when the facility stay began",
    "AT": "when a contact after the discharge took place",
    "ICD10": "the ICD-10-CM code of a condition",
    "PROGRAM": "which program the medical decision making was for",
}
_UNKNOWN: Final = "UNKNOWN_"
_SHORT: Final[Mapping[str, str]] = {
    "APCM_CAPABILITIES": "APCM elements",
    "ADMITTED_ON": "admission day",
    "APCM_SERVICES_DOCUMENTED": "APCM services",
    "AROUND_THE_CLOCK_ACCESS": "24/7 access",
    "AT": "time of contact",
    "BEHAVIORAL": "behavioral condition",
    "BY": "by whom",
    "CARE_PLANNING_BY_PRACTITIONER": "care planning",
    "CERTIFIED_EHR": "certified EHR",
    "COCM_ENDED": "end of CoCM",
    "COCM_REFERRED_ON": "CoCM referral",
    "CODE": "service code",
    "CONDITION": "the one condition",
    "COPY_GIVEN_ON": "plan copy",
    "DECEASED_ON": "whether alive",
    "DISCHARGED_ON": "discharge day",
    "DISCHARGE_DAY_MANAGEMENT_BY": "discharge management",
    "DISCHARGE_DAY_MANAGEMENT_ON": "discharge management",
    "DOCUMENTED": "consent documented",
    "ELEMENTS": "what was explained",
    "ENDED_ON": "enrollment end",
    "ESTABLISHED_ON": "plan date",
    "FROM": "discharged from",
    "ICD10": "ICD-10-CM code",
    "KIND": "kind of stay",
    "LEVEL": "decision making",
    "MDM": "decision making",
    "MEDICATIONS_RECONCILED_ON": "reconciliation",
    "MODALITY": "kind of visit",
    "MONTH": "month of service",
    "OBTAINED_ON": "consent date",
    "ON": "day",
    "OUTCOME": "contact outcome",
    "QUALIFIED_MEDICARE_BENEFICIARY": "QMB status",
    "REGISTRY_ENTERED_ON": "registry",
    "REVISED_ON": "plan revision",
    "REVOKED_ON": "whether revoked",
    "ROLE": "staff role",
    "SECONDS": "length of time",
    "STAFF": "whose time",
    "STARTED_AT": "start of time",
    "STARTED_ON": "enrollment start",
    "TO": "discharged to",
}
"""Words of a badge where the key's own would not tell."""


def _text(reason: Reason) -> ReasonText:
    if reason.startswith(_UNKNOWN):
        fact = _FACTS[reason.removeprefix(_UNKNOWN)]
        name = reason.removeprefix(_UNKNOWN)
        short = _SHORT.get(name, name.replace("_", " ").lower())
        return ReasonText(f"Unknown: {short}", f"The record does not say {fact}. Add it.")
    return _TEXTS[reason]


_ALL: Final[dict[Reason, ReasonText]] = {reason: _text(reason) for reason in Reason}


def sentence(reason: Reason, **values: object) -> str:
    """Return what a reason says; without its numbers it says the general thing."""
    text = _ALL[reason]
    if not values or not text.filled:
        return text.plain
    try:
        return text.filled.format_map(values)
    except KeyError:
        return text.plain


def citations(reason: Reason, program: Program | None = None) -> tuple[str, ...]:
    """Return the documents behind a reason, the program's own where every program asks for it."""
    if program is not None and (reason in _SHARED or reason.startswith(_UNKNOWN)):
        return BY_PROGRAM[program]
    return _ALL[reason].citations


def title(reason: Reason) -> str:
    """Return a reason's short title for a badge."""
    return _ALL[reason].title


def question(name: str, options: Sequence[str]) -> str:
    """Return a question that only a person may answer.

    Example:
        >>> question("track", ("staff", "practitioner"))
        'Which track: staff or practitioner?'
    """
    return f"Which {name.replace('_', ' ')}: {' or '.join(options)}?"
