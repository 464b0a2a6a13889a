"""Which credential may bill, earn staff time or advise, from the dated parameters."""

from datetime import date
from typing import TYPE_CHECKING, Final

from trellis_core.care.vocabulary import Credential
from trellis_core.rules.labels import credential_label
from trellis_core.rules.points import CredentialRow

if TYPE_CHECKING:
    from trellis_core.rules.rulebook import DatedValue, RuleBook

_BILLS: Final = "common.billing_practitioner.credentials"
_BILLS_BEHAVIORAL: Final = "bhi.behavioral_professional.initial.credentials"
_CONSULTS: Final = "cocm.psychiatric_consultant.credentials"
_EARNS: Final = ("credentials.earning_time.licensed", "credentials.earning_time.unlicensed")
_SUPERVISION: Final = "credentials.earning_time.supervision"


def credential_rows(book: "RuleBook", on: date) -> tuple[CredentialRow, ...]:
    """Return a row for every credential of the closed list as it stands on a day."""
    return tuple(_row(book, on, each) for each in Credential if each)


def _row(book: "RuleBook", on: date, credential: Credential) -> CredentialRow:
    paths = (_BILLS, _BILLS_BEHAVIORAL, _CONSULTS, *_EARNS)
    held = {path: dated for path in paths if (dated := _holding(book, path, on, credential))}
    earns = any(path in held for path in _EARNS)
    supervision = _dated(book, _SUPERVISION, on) if earns else None
    used = [*held.values(), *([supervision] if supervision else [])]
    return CredentialRow(
        credential=credential.value,
        title=credential_label(credential),
        bills_care_management=_BILLS in held,
        bills_behavioral=_BILLS_BEHAVIORAL in held,
        earns_time=earns,
        is_prescribing_consultant=_CONSULTS in held,
        note=" ".join(dict.fromkeys(each.note for each in used if each.note)),
        citations=tuple(dict.fromkeys(cited for each in used for cited in each.citations)),
    )


def _holding(book: "RuleBook", path: str, on: date, credential: Credential) -> "DatedValue | None":
    dated = _dated(book, path, on)
    if dated is None or not isinstance(dated.value, tuple):
        return None
    return dated if credential.value in dated.value else None


def _dated(book: "RuleBook", path: str, on: date) -> "DatedValue | None":
    past = [each for each in book.parameters[path].values if each.effective_from <= on]
    return past[-1] if past and not past[-1].ended else None
