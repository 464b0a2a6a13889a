"""What a synthetic practice is like: every share and every size of it, in one place.

Shares are numbers of cards in a deck, or cases in a thousand where a name says so. None of it is
measured in a real practice; it is there to show every state of a board, with most of the work in order.
"""

from decimal import Decimal
from enum import Enum, auto
from typing import Final, NamedTuple

from trellis_core.care.vocabulary import (
    Activity,
    ContactState,
    Credential,
    DischargedFrom,
    DischargedTo,
    EntryMode,
    MdmLevel,
    PayerKind,
    Program,
)

# --- the practice and its people -----------------------------------------------------------------

PATIENTS_A_PRACTITIONER: Final = 600
PATIENTS_A_SITE: Final = 1_800
SITES_MAX: Final = 6
PATIENTS_WITH_TWO_SITES: Final = 100
PATIENTS_A_STAFF_MEMBER: Final = 150
PATIENTS_A_CARE_MANAGER: Final = 70
PATIENTS_A_CONSULTANT: Final = 4_000
PATIENTS_A_BILLER: Final = 2_500
ENTRIES_A_PERSON_AND_DAY: Final = 55

PRACTITIONERS: Final = (Credential.MD, Credential.NP, Credential.DO, Credential.PA)
STAFF: Final = (Credential.RN, Credential.LPN, Credential.RN, Credential.MA)
CARE_MANAGERS: Final = (Credential.LCSW, Credential.LPC, Credential.LMFT)

# --- the patients --------------------------------------------------------------------------------

PROGRAMS: Final = (
    ((Program.CCM,), 37),
    ((Program.PCM,), 6),
    ((Program.BHI,), 4),
    ((Program.COCM,), 3),
    ((Program.APCM,), 5),
    ((Program.CCM, Program.BHI), 4),
    ((Program.APCM, Program.BHI), 1),
)
"""The programs of one patient; those together may be billed together."""


class Payer(NamedTuple):
    """Who pays.

    Attributes:
        member: What its member ids begin with; empty for Medicare, whose ids have a form of their own.
    """

    name: str
    kind: PayerKind
    member: str = ""


PAYERS: Final = (
    (Payer("Medicare Part B", PayerKind.MEDICARE), 76),
    (Payer("Heron Lake Advantage", PayerKind.MEDICARE_ADVANTAGE, "HLA"), 15),
    (Payer("Juniper Mutual", PayerKind.COMMERCIAL, "JM"), 6),
    (Payer("Larch Valley Medicaid", PayerKind.MEDICAID, "LV"), 3),
)
QUALIFIED_PER_THOUSAND: Final = 90
UNDER_65_PER_THOUSAND: Final = 110

STARTED_BEFORE: Final = ((True, 3), (False, 1))
"""Enrolled before the first of the months, or in one of them."""
STARTED_DAYS_BEFORE: Final = (30, 1_100)
LEFT_PER_THOUSAND: Final = 60
REVISED_PER_THOUSAND: Final = 850
VISITED_PER_THOUSAND: Final = 20
"""Of the patients in a month: seen for something that is billed by itself."""
COMPLEX_PER_THOUSAND: Final = 45
APCM_DOCUMENTED_PER_THOUSAND: Final = 960
APCM_DOCUMENTED_SO_FAR_PER_THOUSAND: Final = 500
DIALYSIS_PER_THOUSAND: Final = 2
DISCHARGED_PER_THOUSAND: Final = 12
"""Of the patients in a month."""


class Obstacle(Enum):
    """Something in the way of a patient's months."""

    CONSENT_MISSING = auto()
    CONSENT_UNDOCUMENTED = auto()
    CONSENT_REVOKED = auto()
    PLAN_COPY_MISSING = auto()
    PLAN_MISSING = auto()
    INITIATING_VISIT_MISSING = auto()
    CONDITION_UNCODED = auto()
    CONDITION_MISSING = auto()
    DECEASED = auto()
    ELSEWHERE = auto()
    MEMBER_ID_MISSING = auto()
    ADDRESS_MISSING = auto()


PATIENTS_AN_OBSTACLE: Final = 24
"""One patient among so many has one: every kind in turn, so that small practices show them as well."""
SCALE_MISSING_PER_THOUSAND: Final = 30
"""Of the patients in a behavioral program."""

CHRONIC: Final = (
    ("E11.9", "Type 2 diabetes"),
    ("I10", "High blood pressure"),
    ("J44.9", "Chronic obstructive pulmonary disease"),
    ("I48.91", "Atrial fibrillation"),
    ("N18.31", "Chronic kidney disease, stage 3a"),
    ("M17.0", "Osteoarthritis of both knees"),
    ("E78.5", "High cholesterol"),
    ("I25.10", "Coronary artery disease"),
    ("I50.9", "Heart failure"),
    ("M81.0", "Osteoporosis"),
    ("E03.9", "Hypothyroidism"),
    ("I35.0", "Aortic stenosis"),
)
PRINCIPAL: Final = (
    ("G20.A1", "Parkinson's disease"),
    ("I50.9", "Heart failure"),
    ("C61", "Prostate cancer"),
    ("K74.60", "Cirrhosis"),
    ("J45.50", "Severe asthma"),
    ("G30.9", "Alzheimer's disease"),
)
BEHAVIORAL: Final = (
    ("F33.1", "Recurrent depression, moderate"),
    ("F41.1", "Generalized anxiety"),
    ("F32.1", "Depression, moderate"),
    ("F43.10", "Post-traumatic stress disorder"),
)
CHRONIC_CONDITIONS: Final = ((2, 5), (3, 3), (4, 1))

# --- transitions and collaborative care ----------------------------------------------------------

DISCHARGED_FROM: Final = (
    (DischargedFrom.INPATIENT_ACUTE, 8),
    (DischargedFrom.OBSERVATION, 1),
    (DischargedFrom.SNF, 1),
)
DISCHARGED_TO: Final = (
    (DischargedTo.HOME, 17),
    (DischargedTo.ASSISTED_LIVING, 2),
    (DischargedTo.NURSING_FACILITY, 1),
)


class Reached(Enum):
    """How a patient was reached after a discharge."""

    AT_ONCE = auto()
    AFTER_TWO_ATTEMPTS = auto()
    NEVER_TRIED = auto()


CONTACTS: Final = ((Reached.AT_ONCE, 16), (Reached.AFTER_TWO_ATTEMPTS, 3), (Reached.NEVER_TRIED, 1))
SEEN_AFTER_DAYS: Final = ((5, 4), (7, 4), (11, 6), (14, 2), (17, 1), (None, 2))
"""The visit after a discharge; None for none."""
COMPLEXITY: Final = ((MdmLevel.MODERATE, 3), (MdmLevel.HIGH, 2))
RECONCILED_PER_THOUSAND: Final = 960
REVIEWED_PER_THOUSAND: Final = 930
"""Of the patients of a caseload whose turn it is in a week's session."""
RELAPSE_PREVENTION_PER_THOUSAND: Final = 150
SCALE_LEFT_OUT_PER_THOUSAND: Final = 30
SCALE_NOT_ACTED_ON_PER_THOUSAND: Final = 40

# --- the work ------------------------------------------------------------------------------------


class Pace(Enum):
    """How far the work of one program's month comes."""

    NONE = auto()
    SHORT = auto()
    NEAR = auto()
    REACHED = auto()
    PLENTY = auto()


PACES: Final = (
    (Pace.NONE, 3),
    (Pace.SHORT, 8),
    (Pace.NEAR, 8),
    (Pace.REACHED, 63),
    (Pace.PLENTY, 18),
)
"""Of whole months; the running one comes as far as its days."""

BASE_MINUTES: Final = {
    Program.CCM: 20,
    Program.PCM: 30,
    Program.BHI: 20,
    Program.COCM: 36,
    Program.APCM: 12,
}
"""About where the month's first service lies; APCM has none, and gets so much time."""
COMPLEX_MINUTES: Final = 60
TRACK_MINUTES: Final = 30
BUSY: Final = {
    Program.CCM: 1.0,
    Program.PCM: 1.1,
    Program.BHI: 0.9,
    Program.COCM: 1.6,
    Program.APCM: 0.5,
}
"""How many entries a program's month has, beside those of one of chronic care."""
SHORTEST_SECONDS: Final = 20
OPENS_HOUR, CLOSES_HOUR, LAST_HOUR = 7, 18, 22
GAP_SECONDS: Final = (15, 170)
WEEKDAY_CARDS, WEEKEND_CARDS = 40, 1

ACTIVITIES: Final = {
    False: (
        (Activity.PATIENT_CONTACT, 26),
        (Activity.FAMILY_CAREGIVER_CONTACT, 7),
        (Activity.RECORD_REVIEW, 15),
        (Activity.MEDICATION_RECONCILIATION, 12),
        (Activity.PHARMACY_COMMUNICATION, 7),
        (Activity.PROVIDER_COMMUNICATION, 10),
        (Activity.CARE_COORDINATION, 11),
        (Activity.REFERRAL_OR_TRANSITION, 4),
        (Activity.COMMUNITY_RESOURCE, 3),
        (Activity.PLAN_CHECK_IN, 3),
        (Activity.CARE_PLAN_UPDATE, 1),
        (Activity.ADMINISTRATIVE, 1),
    ),
    True: (
        (Activity.PATIENT_CONTACT, 40),
        (Activity.FAMILY_CAREGIVER_CONTACT, 6),
        (Activity.RECORD_REVIEW, 12),
        (Activity.SCALE_ADMINISTRATION, 10),
        (Activity.PROVIDER_COMMUNICATION, 10),
        (Activity.CARE_COORDINATION, 10),
        (Activity.MEDICATION_ADJUSTMENT, 3),
        (Activity.CASELOAD_REVIEW, 5),
        (Activity.REGISTRY_UPDATE, 4),
    ),
}
"""What is done, in general and in behavioral programs."""
CONTACTS_OF: Final = ((ContactState.REACHED, 8), (ContactState.ATTEMPTED, 2))
WITH_PATIENT: Final = frozenset({Activity.PATIENT_CONTACT, Activity.FAMILY_CAREGIVER_CONTACT})

TYPED_PER_THOUSAND: Final = 140
"""Of the months of one program: written down afterward for the most part."""
MODES: Final = {
    False: (
        ((EntryMode.TIMED, False), 91),
        ((EntryMode.TYPED, False), 5),
        ((EntryMode.TIMED, True), 1),
        ((EntryMode.SUGGESTED, False), 3),
    ),
    True: (
        ((EntryMode.TIMED, False), 25),
        ((EntryMode.TYPED, False), 65),
        ((EntryMode.TIMED, True), 8),
        ((EntryMode.SUGGESTED, False), 2),
    ),
}
"""How an entry came to be, and whether its length was estimated: in a measured and in a typed month."""


class Hand(Enum):
    """Whose hand an entry is."""

    COORDINATOR = auto()
    COLLEAGUE = auto()
    PRACTITIONER = auto()


HANDS: Final = ((Hand.COORDINATOR, 88), (Hand.COLLEAGUE, 9), (Hand.PRACTITIONER, 3))
OWN_MONTH_PER_THOUSAND: Final = 12
"""Of the months of CCM and PCM: the practitioner's own time reaches a service too."""
NOTED_PER_THOUSAND: Final = 80
LATE_PER_THOUSAND: Final = 20
CORRECTED_PER_THOUSAND: Final = 10
SHARED_PER_THOUSAND: Final = 3
OVERLAPPING_PER_THOUSAND: Final = 1
BILLED_ELSEWHERE_PER_THOUSAND: Final = 2

NOTES: Final = (
    "Went through the medicines; all taken as listed.",
    "Asked about swelling and weight; diary brought up to date.",
    "Left word with the answering machine; will try again tomorrow.",
    "Pharmacy has the refill ready for Thursday.",
    "Sleep a little better; walks to the corner and back.",
    "Transport to the next visit arranged with the county van.",
    "Discussed the home readings with the practitioner.",
    "Caregiver asks for the exercise sheet again; sent.",
)
REASONS: Final = (
    "The length was mistyped.",
    "The timer ran on after the call.",
    "The activity was another one.",
)

# --- what it charges -----------------------------------------------------------------------------

CHARGES: Final = {
    code: Decimal(amount)
    for code, amount in (
        *(("99490", 95), ("99439", 75), ("99487", 215), ("99489", 115), ("99491", 130)),
        *(("99437", 90), ("99424", 130), ("99425", 90), ("99426", 100), ("99427", 80)),
        *(("99484", 85), ("99492", 240), ("99493", 215), ("99494", 90), ("G2214", 90)),
        *(("99495", 330), ("99496", 445), ("G0556", 20), ("G0557", 80), ("G0558", 175)),
        *(("G0568", 240), ("G0569", 215), ("G0570", 85)),
    )
}
"""Dollars by code, for every payer."""
