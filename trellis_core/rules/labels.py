"""Trellis's own short labels for codes and programs.

Example:
    >>> code_label("99490")
    'CCM staff, first 20 min'
"""

from typing import Final

from trellis_core.care.vocabulary import Credential, Program
from trellis_core.rules.sources import SourceKind

_PROGRAMS: Final[dict[Program, str]] = {
    Program.CCM: "Chronic care management",
    Program.PCM: "Principal care management",
    Program.BHI: "Behavioral health integration",
    Program.COCM: "Collaborative care",
    Program.APCM: "Advanced primary care management",
    Program.TCM: "Transitional care management",
}

_CODES: Final[dict[str, str]] = {
    "99490": "CCM staff, first 20 min",
    "G2058": "CCM staff, each further 20 min",
    "99439": "CCM staff, each further 20 min",
    "99487": "Complex CCM, first 60 min",
    "99489": "Complex CCM, each further 30 min",
    "99491": "CCM practitioner, first 30 min",
    "99437": "CCM practitioner, each further 30 min",
    "G0506": "CCM care planning at start",
    "G0511": "Rural general care management",
    "G2064": "PCM practitioner, first 30 min",
    "G2065": "PCM staff, first 30 min",
    "99424": "PCM practitioner, first 30 min",
    "99425": "PCM practitioner, each further 30 min",
    "99426": "PCM staff, first 30 min",
    "99427": "PCM staff, each further 30 min",
    "G0507": "BHI month, 20 min",
    "99484": "BHI month, 20 min",
    "G0323": "BHI by psychologist or social worker, 20 min",
    "G0502": "CoCM first month",
    "G0503": "CoCM later month",
    "G0504": "CoCM, each further 30 min",
    "99492": "CoCM first month",
    "99493": "CoCM later month",
    "99494": "CoCM, each further 30 min",
    "G2214": "CoCM short month",
    "G0512": "Rural collaborative care",
    "99495": "TCM, visit within 14 days",
    "99496": "TCM, high complexity, visit within 7 days",
    "G0556": "APCM level 1",
    "G0557": "APCM level 2",
    "G0558": "APCM level 3, QMB",
    "G0568": "APCM add-on, CoCM first month",
    "G0569": "APCM add-on, CoCM later month",
    "G0570": "APCM add-on, BHI",
}

_CREDENTIALS: Final[dict[Credential, str]] = {
    Credential.MD: "Doctor of medicine",
    Credential.DO: "Doctor of osteopathic medicine",
    Credential.NP: "Nurse practitioner",
    Credential.PA: "Physician assistant",
    Credential.CNS: "Clinical nurse specialist",
    Credential.CNM: "Certified nurse-midwife",
    Credential.DPM: "Podiatrist",
    Credential.DDS: "Dentist",
    Credential.RN: "Registered nurse",
    Credential.LPN: "Licensed practical nurse",
    Credential.CMA: "Certified medical assistant",
    Credential.MA: "Medical assistant",
    Credential.LCSW: "Licensed clinical social worker",
    Credential.LMFT: "Licensed marriage and family therapist",
    Credential.LPC: "Licensed professional counselor",
    Credential.PHD: "Psychologist, PhD",
    Credential.PSYD: "Psychologist, PsyD",
    Credential.PHARMD: "Pharmacist",
    Credential.RD: "Registered dietitian",
    Credential.BCBA: "Board certified behavior analyst",
    Credential.OT: "Occupational therapist",
    Credential.SLP: "Speech-language pathologist",
    Credential.CHW: "Community health worker",
    Credential.NONE: "No credential",
}

_SOURCE_KINDS: Final[dict[SourceKind, str]] = {
    SourceKind.STATUTE: "statute",
    SourceKind.CFR: "regulation (CFR)",
    SourceKind.FEDERAL_REGISTER: "Federal Register",
    SourceKind.CMS_MANUAL: "CMS manual",
    SourceKind.TRANSMITTAL: "CMS transmittal",
    SourceKind.NCCI: "NCCI edits",
    SourceKind.MLN: "CMS booklet",
    SourceKind.FAQ: "CMS questions and answers",
    SourceKind.AMA_CPT: "CPT guidance",
}


def code_label(code: str) -> str:
    """Return a code's short label; the code itself where Trellis does not bill it."""
    return _CODES.get(code, code)


def labelled_codes() -> tuple[str, ...]:
    """Return every code with a label, also those that were billed only in earlier years."""
    return tuple(_CODES)


def program_label(program: Program) -> str:
    """Return a program's name in words."""
    return _PROGRAMS[program]


def credential_label(credential: Credential) -> str:
    """Return a credential in words."""
    return _CREDENTIALS[credential]


def source_kind_label(kind: SourceKind) -> str:
    """Return a kind of document in words."""
    return _SOURCE_KINDS[kind]
