"""The closed lists of the field. Spelling and case are the case file's."""

from enum import StrEnum


class Program(StrEnum):
    """A care-management program Medicare pays for by the month."""

    CCM = "CCM"
    PCM = "PCM"
    BHI = "BHI"
    COCM = "CoCM"
    APCM = "APCM"
    TCM = "TCM"


class StaffRole(StrEnum):
    """What a person does in care management; decides whose minutes count."""

    BILLING_PRACTITIONER = "billing_practitioner"
    CLINICAL_STAFF = "clinical_staff"
    BEHAVIORAL_CARE_MANAGER = "behavioral_care_manager"
    PSYCHIATRIC_CONSULTANT = "psychiatric_consultant"
    NON_CLINICAL = "non_clinical"


class Credential(StrEnum):
    """A person's licence or certificate; empty where there is none."""

    MD = "MD"
    DO = "DO"
    NP = "NP"
    PA = "PA"
    CNS = "CNS"
    CNM = "CNM"
    DPM = "DPM"
    DDS = "DDS"
    RN = "RN"
    LPN = "LPN"
    CMA = "CMA"
    MA = "MA"
    LCSW = "LCSW"
    LMFT = "LMFT"
    LPC = "LPC"
    PHD = "PhD"
    PSYD = "PsyD"
    PHARMD = "PharmD"
    RD = "RD"
    BCBA = "BCBA"
    OT = "OT"
    SLP = "SLP"
    CHW = "CHW"
    NONE = ""


class Activity(StrEnum):
    """What was done in a time entry."""

    RECORD_REVIEW = "record_review"
    PROVIDER_COMMUNICATION = "provider_communication"
    PHARMACY_COMMUNICATION = "pharmacy_communication"
    MEDICATION_RECONCILIATION = "medication_reconciliation"
    MEDICATION_ADJUSTMENT = "medication_adjustment"
    CARE_PLAN_UPDATE = "care_plan_update"
    PATIENT_CONTACT = "patient_contact"
    FAMILY_CAREGIVER_CONTACT = "family_caregiver_contact"
    COMMUNITY_RESOURCE = "community_resource"
    REFERRAL_OR_TRANSITION = "referral_or_transition"
    SCALE_ADMINISTRATION = "scale_administration"
    PLAN_CHECK_IN = "plan_check_in"
    CARE_COORDINATION = "care_coordination"
    CASELOAD_REVIEW = "caseload_review"
    REGISTRY_UPDATE = "registry_update"
    AUTOMATED_CALL = "automated_call"
    OTHER_CLINICAL = "other_clinical"
    ADMINISTRATIVE = "administrative"


class Track(StrEnum):
    """Whose minutes a CCM or PCM month is billed from."""

    STAFF = "staff"
    PRACTITIONER = "practitioner"


class ConsentMethod(StrEnum):
    """How a patient agreed."""

    VERBAL = "verbal"
    WRITTEN = "written"


class ConsentElement(StrEnum):
    """What a patient was told before agreeing."""

    AVAILABILITY = "availability"
    COST_SHARING = "cost_sharing"
    ONE_PRACTITIONER = "one_practitioner"
    RIGHT_TO_STOP = "right_to_stop"
    CONSULT_SPECIALISTS = "consult_specialists"


class MdmLevel(StrEnum):
    """Level of medical decision making."""

    STRAIGHTFORWARD = "straightforward"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


class ScaleUse(StrEnum):
    """How a score informed care."""

    PLAN_KEPT = "plan_kept"
    PLAN_CHANGED = "plan_changed"
    CONSULTANT_ASKED = "consultant_asked"


class ContactState(StrEnum):
    """Whether the patient or caregiver was spoken to during an entry."""

    NONE = "none"
    ATTEMPTED = "attempted"
    REACHED = "reached"


class StayKind(StrEnum):
    """Kind of facility stay."""

    INPATIENT = "inpatient"
    SNF_PART_A = "snf_part_a"
    OBSERVATION = "observation"


class DischargedFrom(StrEnum):
    """Where a patient was discharged from."""

    INPATIENT_ACUTE = "inpatient_acute"
    INPATIENT_PSYCHIATRIC = "inpatient_psychiatric"
    LONG_TERM_CARE_HOSPITAL = "long_term_care_hospital"
    SNF = "snf"
    IRF = "irf"
    OBSERVATION = "observation"
    PARTIAL_HOSPITALIZATION = "partial_hospitalization"
    INTENSIVE_OUTPATIENT = "intensive_outpatient"
    CMHC = "cmhc"
    EMERGENCY_DEPARTMENT = "emergency_department"
    OUTPATIENT = "outpatient"


class DischargedTo(StrEnum):
    """Where a patient went."""

    HOME = "home"
    DOMICILIARY = "domiciliary"
    REST_HOME = "rest_home"
    ASSISTED_LIVING = "assisted_living"
    NURSING_FACILITY = "nursing_facility"
    SNF = "snf"
    IRF = "irf"
    LONG_TERM_CARE_HOSPITAL = "long_term_care_hospital"
    HOSPITAL = "hospital"


class ContactOutcome(StrEnum):
    """Outcome of a contact after discharge."""

    REACHED = "reached"
    ATTEMPTED = "attempted"


class VisitModality(StrEnum):
    """How a visit took place."""

    IN_PERSON = "in_person"
    AUDIO_VIDEO = "audio_video"
    AUDIO_ONLY = "audio_only"


class CocmEndReason(StrEnum):
    """Why a CoCM episode ended."""

    GOAL_MET = "goal_met"
    REFERRED_OUT = "referred_out"


class PayerKind(StrEnum):
    """Kind of payer."""

    MEDICARE = "medicare"
    MEDICARE_ADVANTAGE = "medicare_advantage"
    MEDICAID = "medicaid"
    COMMERCIAL = "commercial"


class PracticeKind(StrEnum):
    """Kind of practice, as Medicare enrolls it."""

    PHYSICIAN_PRACTICE = "physician_practice"
    RURAL_HEALTH_CLINIC = "rural_health_clinic"
    FEDERALLY_QUALIFIED_HEALTH_CENTER = "federally_qualified_health_center"


class Setting(StrEnum):
    """Which fee-schedule amount applies."""

    NONFACILITY = "nonfacility"
    FACILITY = "facility"


class DateOfServiceRule(StrEnum):
    """A practice's convention for a monthly service's date."""

    MONTH_END = "month_end"
    THRESHOLD_MET = "threshold_met"


class EntryMode(StrEnum):
    """How a time entry came to be."""

    TIMED = "timed"
    TYPED = "typed"
    SUGGESTED = "suggested"
    IMPORTED = "imported"


OTHER = "other"
"""The id that stands for anyone outside the practice."""
