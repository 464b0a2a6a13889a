"""What the access log says in plain words: one sentence for each way in which something happened."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from trellis_core.errors import InvalidPeriodError
from trellis_core.ledger.journal import EventKind
from trellis_core.services.record_words import KINDS, SESSIONS
from trellis_core.values.periods import ServiceMonth

OTHER_PAGE: Final = "other"
"""Stands for a page that the dashboard does not have."""

_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "superbill_pdf": "superbills as PDF",
        "consent_form": "a consent form",
        "care_plan": "a care plan",
        "superbill_zip": "superbills as ZIP",
        "superbill_csv": "superbills as CSV",
        "superbill_xlsx": "superbills as XLSX",
        "superbill_json": "superbills as JSON",
        "entries_csv": "the time behind superbills as CSV",
        "fhir": "a FHIR document",
        "fhir_export": "records as FHIR files",
        "audit_packet": "an audit packet",
        "access_log_csv": "the access log as CSV",
        "roi_csv": "a calculation as CSV",
        "roi_pdf": "a calculation as PDF",
        "performance_csv": "figures of performance as CSV",
        "import_report_csv": "the report of an import as CSV",
        "import_template_csv": "a template for an import as CSV",
        "fee_list_csv": "a fee list as CSV",
    }
)
_REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_permitted": "the role does not allow it",
        "not_found": "not of this practice",
        "restricted": "the chart is restricted",
        "refused": "refused",
    }
)
_PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ccm": "CCM",
        "pcm": "PCM",
        "bhi": "BHI",
        "cocm": "CoCM",
        "tcm": "TCM",
        "roi": "ROI calculator",
    }
)
_Words = Callable[[str, Mapping[str, object], str], str]


def _session(kind: EventKind) -> _Words:
    def words(_subject: str, details: Mapping[str, object], _text: str) -> str:
        called = KINDS[kind]
        said = SESSIONS.get(str(details.get("why", details.get("how"))), "")
        return f"{called[:1].upper()}{called[1:]}{f', {said}' if said else ''}"

    return words


def _locked(_subject: str, details: Mapping[str, object], _text: str) -> str:
    refused = details.get("refused")
    return f"Sign-in locked, {refused} refusals in a row" if refused else "Sign-in locked"


def _ended(_subject: str, details: Mapping[str, object], _text: str) -> str:
    why = SESSIONS.get(str(details.get("why")), "")
    return f"Every sign-in ended{f', {why}' if why else ''}"


def _invited(_subject: str, details: Mapping[str, object], _text: str) -> str:
    what = "Link to set a new password made" if details.get("kind") == "reset" else "Invited"
    hours = details.get("hours")
    return f"{what}, with a link for {hours} hours" if hours else what


def _viewed(_subject: str, details: Mapping[str, object], _text: str) -> str:
    return "Chart seen in an emergency" if "emergency" in details else "Chart seen"


def _searched(_subject: str, details: Mapping[str, object], _text: str) -> str:
    found = details.get("found")
    if not isinstance(found, int):
        return "Searched for patients"
    return f"Searched for patients, {found:,} found"


def _downloaded(_subject: str, details: Mapping[str, object], _text: str) -> str:
    form = str(details.get("form", "file"))
    what = _FILES.get(form, form.replace("_", " "))
    month = _month(details.get("month"))
    size = details.get("bytes")
    much = f", {size:,} bytes" if isinstance(size, int) else ""
    return f"Downloaded {what}{f' of {month}' if month else ''}{much}"


def _printed(subject: str, _details: Mapping[str, object], _text: str) -> str:
    if subject == OTHER_PAGE:
        return "Printed a page"
    return f"Printed the page {_PAGES.get(subject, subject.replace('-', ' '))}"


def _refused(subject: str, details: Mapping[str, object], text: str) -> str:
    why = _REFUSALS.get(str(details.get("why")), _REFUSALS["refused"])
    about = f" ({text})" if text else ""
    return f"Refused, {why}: {subject.replace('_', ' ')}{about}"


def _command(subject: str, details: Mapping[str, object], _text: str) -> str:
    more = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in details.items())
    return f"Ran the command {subject}{f' ({more})' if more else ''}"


def _closed(subject: str, details: Mapping[str, object], _text: str) -> str:
    period = details.get("period")
    which = f", adjustment {period}" if isinstance(period, int) and period else ""
    return f"Closed {_month(subject) or subject}{which}"


def _reopened(subject: str, _details: Mapping[str, object], text: str) -> str:
    return f"Reopened {_month(subject) or subject}{f': {text}' if text else ''}"


def _exported(_subject: str, details: Mapping[str, object], _text: str) -> str:
    size = details.get("bytes")
    much = f", {size:,} bytes" if isinstance(size, int) else ""
    return f"Exported the {details.get('what', 'records')}{much}"


_SAID: Final[Mapping[EventKind, _Words]] = MappingProxyType(
    {
        EventKind.SIGNED_IN: _session(EventKind.SIGNED_IN),
        EventKind.SIGN_IN_REFUSED: _session(EventKind.SIGN_IN_REFUSED),
        EventKind.SIGNED_OUT: _session(EventKind.SIGNED_OUT),
        EventKind.SIGN_IN_LOCKED: _locked,
        EventKind.SIGN_INS_ENDED: _ended,
        EventKind.SECOND_FACTOR_SET: _session(EventKind.SECOND_FACTOR_SET),
        EventKind.SECOND_FACTOR_REMOVED: _session(EventKind.SECOND_FACTOR_REMOVED),
        EventKind.INVITED: _invited,
        EventKind.VIEWED: _viewed,
        EventKind.SEARCHED: _searched,
        EventKind.DOWNLOADED: _downloaded,
        EventKind.PRINTED: _printed,
        EventKind.DENIED: _refused,
        EventKind.COMMAND_RUN: _command,
        EventKind.MONTH_CLOSED: _closed,
        EventKind.MONTH_REOPENED: _reopened,
        EventKind.EXPORTED: _exported,
        EventKind.BACKED_UP: lambda *_: "Backed up the store",
        EventKind.RESTORED: lambda *_: "Restored the store from a backup",
    }
)


def access_words(
    kind: EventKind, subject_id: str, details: Mapping[str, object], text: str = ""
) -> str:
    """Say what happened.

    Args:
        kind: How.
        subject_id: What the event is about.
        details: What it says openly.
        text: What is kept beside it: a reason, or what was not found.

    Example:
        >>> access_words(EventKind.SEARCHED, "patients", {"found": 3})
        'Searched for patients, 3 found'
        >>> access_words(EventKind.MONTH_CLOSED, "2026-11", {"period": 0})
        'Closed November 2026'
        >>> access_words(EventKind.DENIED, "chart", {"why": "restricted"})
        'Refused, the chart is restricted: chart'
    """
    said = _SAID.get(kind)
    if said is not None:
        return said(subject_id, details, text)
    called = KINDS[kind]
    return f"{called[:1].upper()}{called[1:]}"


def says(kind: EventKind) -> bool:
    """Say whether the access log has words of its own for a kind of event."""
    return kind in _SAID


def _month(value: object) -> str:
    try:
        return ServiceMonth.parse(str(value)).in_words
    except InvalidPeriodError:
        return ""
