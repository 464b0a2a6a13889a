"""What is in the way, in words: a consent that was never recorded, declined, or revoked is told apart."""

from typing import Final

from pages.shared import formats
from trellis_core.care.records import DeclinedConsent
from trellis_core.rules.reason_texts import title
from trellis_core.rules.reasons import Reason
from trellis_core.services.board import BoardRow

_ASKED: Final = frozenset(
    {Reason.CONSENT_MISSING, Reason.CONSENT_REVOKED, Reason.CONSENT_OTHER_PRACTITIONER}
)
"""Reasons for which a patient is asked; the answer may have been no."""


def titles(row: BoardRow) -> list[str]:
    """Return the short name of each thing that is in a row's way, each once, in order."""
    return list(dict.fromkeys(short(each.reason, row.declined) for each in row.blocked))


def short(reason: Reason, declined: DeclinedConsent | None) -> str:
    """Return the short name of a reason.

    Args:
        reason: What is in the way.
        declined: The patient's answer to the program that stands, where it was no.

    Example:
        >>> short(Reason.CONSENT_MISSING, None)
        'No consent'
    """
    return "Consent declined" if declined and reason in _ASKED else title(reason)


def sentence(reason: Reason, message: str, declined: DeclinedConsent | None) -> str:
    """Return the sentence on a reason: that and when the patient said no, else what the rules say.

    Args:
        reason: What is in the way.
        message: What the rules say of it.
        declined: The patient's answer to the program that stands, where it was no.
    """
    if declined is None or reason not in _ASKED:
        return message
    on = formats.day(declined.declined_on)
    if reason is not Reason.CONSENT_MISSING:
        return f"{message} It was declined on {on}."
    return f"The consent was declined on {on}. You may ask again; a consent then takes its place."
