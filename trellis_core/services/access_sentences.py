"""One sentence for each event of the access log, also for records that say who may do what.

A changed record of a person is told by what it changes for their access; who may see a restricted
chart, and who opened one in an emergency and why, in words of its own.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from trellis_core.ledger.journal import EventKind
from trellis_core.services.access_words import access_words, says
from trellis_core.services.journal import JournalEvent
from trellis_core.services.record_words import Change

_People = Mapping[str, str]
_ACCESS_FIELDS: Final = frozenset({"access", "is_active", "sign_in_name"})


def sentence(event: JournalEvent, people: _People = MappingProxyType({})) -> str:
    """Say what an event of the access log is about.

    Args:
        event: The event, as the journal shows it.
        people: Names by staff id.
    """
    if says(event.kind):
        return access_words(event.kind, event.subject_id, event.details, event.reason)
    words = _RECORDS.get(event.subject_kind)
    return event.sentence(people) if words is None else words(event, people)


def _person(event: JournalEvent, people: _People) -> str:
    changed = _by_field(event)
    if event.kind is EventKind.REMOVED:
        return "Person taken out"
    if event.kind is EventKind.RECORDED:
        role = _after(changed, "access")
        return f"Person added, as {role}" if role else "Person added, without access"
    said = [change.sentence(people) for name, change in changed.items() if name in _ACCESS_FIELDS]
    if event.details.get("password") == "set":
        said.insert(0, "password set")
    if said:
        return _capital("; ".join(said))
    fields = ", ".join(change.words for change in changed.values())
    return f"Person's details changed: {fields}" if fields else "Person saved again"


def _restriction(event: JournalEvent, people: _People) -> str:
    if event.kind is EventKind.REMOVED:
        return "Chart not restricted any more"
    what = "Chart restricted" if event.kind is EventKind.RECORDED else "Readers of a chart changed"
    readers = [people.get(one, one) for one in _after(_by_field(event), "readers").split()]
    return f"{what}, open to owners and {', '.join(readers)}" if readers else what


def _emergency(event: JournalEvent, _people: _People) -> str:
    changed = _by_field(event)
    if event.kind is EventKind.RECORDED:
        reason = _after(changed, "reason")
        return f"Opened a chart in an emergency{f': {reason}' if reason else ''}"
    if "reviewed_by" in changed:
        return "Reviewed an emergency access"
    return "Ended an emergency access" if "ended_at" in changed else "Emergency access changed"


_RECORDS: Final[Mapping[str, Callable[[JournalEvent, _People], str]]] = MappingProxyType(
    {"staff": _person, "restricted_chart": _restriction, "emergency_access": _emergency}
)


def _by_field(event: JournalEvent) -> Mapping[str, Change]:
    return {change.field: change for change in event.changes}


def _after(changed: Mapping[str, Change], name: str) -> str:
    change = changed.get(name)
    return "" if change is None else change.after or ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
