"""Every page of the dashboard: its file, address and right, each role's menu, and links between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from pages.shared import formats, state
from trellis_core.access import AccessRole, Actor, Attribute, Operation

ROOT: Final = Path(__file__).resolve().parents[2]
"""The project's folder, which holds ``dashboard.py``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSpec:
    """A page of the dashboard.

    Attributes:
        name: Its word in the URL and in ``page(name)``.
        path: File under the project's root.
        title: As in the menu and the browser's tab.
        operation: The right that opens it.
    """

    name: str
    path: str
    title: str
    icon: str
    operation: Operation


PAGES: Final[tuple[PageSpec, ...]] = tuple(
    PageSpec(name=name, path=path, title=title, icon=f":material/{icon}:", operation=operation)
    for name, path, title, icon, operation in (
        ("thresholds", "coordinate/thresholds", "Thresholds", "timelapse", Operation.READ_BOARD),
        ("patients", "coordinate/patients", "Patients", "group", Operation.READ_CHART),
        ("import", "coordinate/import_file", "Import", "upload_file", Operation.IMPORT_RECORDS),
        (
            "chart",
            "coordinate/patient_chart",
            "Patient chart",
            "folder_shared",
            Operation.READ_REGISTRY,
        ),
        (
            "consents",
            "coordinate/consents",
            "Consents and enrollment",
            "handshake",
            Operation.READ_CHART,
        ),
        ("ccm", "programs/ccm", "Chronic care (CCM)", "favorite", Operation.READ_BOARD),
        ("pcm", "programs/pcm", "Principal care (PCM)", "adjust", Operation.READ_BOARD),
        ("bhi", "programs/bhi", "Behavioral health (BHI)", "psychology", Operation.READ_BOARD),
        (
            "cocm",
            "programs/cocm",
            "Collaborative care (CoCM)",
            "diversity_3",
            Operation.READ_REGISTRY,
        ),
        ("tcm", "programs/tcm", "Transitional care (TCM)", "home_health", Operation.READ_BOARD),
        (
            "apcm",
            "programs/apcm",
            "Primary care (APCM)",
            "medical_information",
            Operation.READ_BOARD,
        ),
        (
            "month-review",
            "billing/month_review",
            "Month review",
            "fact_check",
            Operation.READ_SUPERBILL,
        ),
        (
            "superbills",
            "billing/superbills",
            "Superbills",
            "receipt_long",
            Operation.READ_SUPERBILL,
        ),
        ("roi", "insight/roi_calculator", "ROI calculator", "calculate", Operation.READ_ROI),
        (
            "performance",
            "insight/performance",
            "Performance",
            "monitoring",
            Operation.READ_PERFORMANCE,
        ),
        ("rule-book", "insight/rule_book", "Rule book", "menu_book", Operation.READ_RULE_BOOK),
        ("ledger", "insight/ledger", "Ledger", "history_edu", Operation.READ_LEDGER),
        (
            "audit-packet",
            "insight/audit_packet",
            "Audit packet",
            "folder_zip",
            Operation.READ_PACKET,
        ),
        ("access-log", "insight/access_log", "Access log", "policy", Operation.READ_ACCESS_LOG),
        ("settings", "practice/settings", "Settings", "settings", Operation.READ_PRACTICE),
        ("exchange", "practice/exchange", "Exchange", "swap_horiz", Operation.EXPORT_FHIR),
        ("people", "practice/people", "People and sign-in", "badge", Operation.MANAGE_PEOPLE),
        (
            "emergency",
            "practice/emergency",
            "Emergency access",
            "emergency",
            Operation.REVIEW_EMERGENCY,
        ),
        (
            "own-sign-in",
            "practice/own_sign_in",
            "Your sign-in",
            "key",
            Operation.CHANGE_OWN_SIGN_IN,
        ),
    )
)
ICON: Final = ROOT / "pages" / "shared" / "static" / "trellis.png"
"""The page icon; a local file, so that no browser asks another server for one."""
PROGRAM_PAGES: Final = ("ccm", "pcm", "bhi", "cocm", "tcm")
_SWITCHED_ON: Final = "apcm"
"""A program's page that is there where the practice switched it on."""

_MENUS: Final[Mapping[AccessRole, Mapping[str, tuple[str, ...]]]] = {
    AccessRole.COORDINATOR: {
        "Coordinate": ("thresholds", "patients"),
        "Programs": PROGRAM_PAGES,
    },
    AccessRole.BILLER: {
        "Bill": ("month-review", "superbills"),
        "Care": ("thresholds", "patients", "programs"),
        "See": ("rule-book",),
        "Audit": ("ledger",),
    },
    AccessRole.OWNER: {
        "See": ("roi", "performance"),
        "Care": ("thresholds", "patients"),
        "Bill": ("superbills",),
        "Practice": ("settings",),
        "Audit": ("ledger",),
    },
    AccessRole.AUDITOR: {
        "Audit": ("ledger", "superbills", "audit-packet"),
        "Care": ("thresholds", "patients", "programs"),
        "See": ("rule-book",),
    },
}
"""Menu entries per role, at most seven; the first is the role's home.

``programs`` stands for the first program page under a shorter title: the other programs are one
click away on it. Pages that a role may open but that are not listed keep their address.
"""

_MENUS_OF_OWN_WORK: Final[Mapping[Attribute, Mapping[str, tuple[str, ...]]]] = {
    Attribute.BILLING_PRACTITIONER: {"Coordinate": ("thresholds", "patients")},
    Attribute.PSYCHIATRIC_CONSULTANT: {"Programs": ("cocm",)},
}
"""Menus of people who sign in for their own clinical work alone."""


def program_pages(*, offers_apcm: bool) -> tuple[str, ...]:
    """Return the names of the program pages that a practice has.

    Example:
        >>> program_pages(offers_apcm=True)[-1]
        'apcm'
    """
    return (*PROGRAM_PAGES, _SWITCHED_ON) if offers_apcm else PROGRAM_PAGES


def spec(name: str) -> PageSpec:
    """Return a page's description by its name."""
    return next(page for page in PAGES if page.name == name)


def page_path(name: str) -> str:
    """Return a page's file, as ``st.switch_page`` and ``st.page_link`` want it.

    Example:
        >>> page_path("ccm")
        'pages/programs/ccm.py'
    """
    return f"pages/{spec(name).path}.py"


def open_page(name: str, *, patient_id: str | None = None, section: str | None = None) -> None:
    """Go to a page, with, if given, a patient in its address."""
    st.switch_page(page_path(name), query_params=address(patient_id=patient_id, section=section))


def link(
    name: str,
    label: str,
    *,
    patient_id: str | None = None,
    section: str | None = None,
    icon: str | None = None,
) -> None:
    """Draw a link to a page, with, if given, a patient in its address."""
    st.page_link(
        page_path(name),
        label=formats.plain(label),
        icon=icon,
        query_params=address(patient_id=patient_id, section=section),
    )


def address(*, patient_id: str | None = None, section: str | None = None) -> dict[str, str]:
    """Return the query parameters of a link: ids and the month, never names."""
    found = {}
    if (chosen := st.query_params.get(state.MONTH_KEY)) is not None:
        found[state.MONTH_KEY] = chosen
    if patient_id:
        found[state.PATIENT_KEY] = patient_id
    if section:
        found[state.SECTION_KEY] = str(section)
    return found


def menu(person: Actor) -> Mapping[str, tuple[str, ...]]:
    """Return a person's menu: section to page names, the first entry being home."""
    if person.role is not AccessRole.OWN_WORK:
        return _MENUS[person.role]
    if person.is_billing_practitioner:
        return _MENUS_OF_OWN_WORK[Attribute.BILLING_PRACTITIONER]
    return _MENUS_OF_OWN_WORK[Attribute.PSYCHIATRIC_CONSULTANT]


def home_of(person: Actor) -> str:
    """Return the name of the page on which a person's day begins."""
    return next(iter(menu(person).values()))[0]
