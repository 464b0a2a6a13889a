"""What keys of a case say of each other: ids given once, people and entries that are there, a real locality."""

from typing import Final

from trellis_core.care.vocabulary import OTHER
from trellis_core.case_file.strict_json import RefusedHereError, Step, shown
from trellis_core.rules.amounts import AmountTables
from trellis_core.rules.facts import PracticeFacts

_STAFF_REFERENCES: Final = (
    ("time_entries", "staff"),
    ("other_patient_entries", "staff"),
    ("requested", "by"),
)
"""Where only a person of the practice may stand."""

_ANYONE_REFERENCES: Final = (
    ("enrollments", "billing_practitioner"),
    ("consents", "billing_practitioner"),
    ("consents", "obtained_by"),
    ("initiating_visits", "by"),
    ("visits", "by"),
    ("medical_decision_making", "by"),
    ("caseload_reviews", "consultant"),
    ("prior_services", "by"),
    ("other_services", "by"),
    ("discharges", "discharge_day_management_by"),
)
"""Where ``other`` may stand for anyone outside the practice."""


def name_by_place(name: str, place: int) -> str:
    """Return what a record without an id is called; no reference can mean it."""
    return f"{name}[{place}]"


def check_references(case: dict[str, object]) -> None:
    """Refuse a duplicate id and a reference to one that is not there."""
    staff = _ids(case, "staff")
    entries = _ids(case, "time_entries")
    _ids(case, "discharges")
    if "staff" not in case:
        for entry in _items(case, "time_entries"):
            if entry["staff"] is not None:
                raise RefusedHereError(
                    "MISSING_KEY",
                    "A time entry names staff, but the list is missing. Add it, with that person; "
                    "null in the entry says that nobody is named.",
                    "staff",
                )
    anyone = staff | {OTHER}
    _check_reference(case, "billing_practitioner", staff)
    for name, key in _STAFF_REFERENCES:
        for place, record in enumerate(_items(case, name)):
            if isinstance(record, dict):
                _check_reference(record, key, staff, name, place)
    for name, key in _ANYONE_REFERENCES:
        for place, record in enumerate(_items(case, name)):
            _check_reference(record, key, anyone, name, place)
    for place, discharge in enumerate(_items(case, "discharges")):
        for number, contact in enumerate(_items(discharge, "contacts")):
            _check_reference(contact, "by", anyone, "discharges", place, "contacts", number)
        visit = discharge.get("visit")
        if isinstance(visit, dict):
            _check_reference(visit, "by", anyone, "discharges", place, "visit")
    _check_corrections(_items(case, "time_entries"), entries)


def _items(record: dict[str, object], name: str) -> list[dict[str, object]]:
    """Return the records of a list that was read; of ``requested`` some may be texts."""
    found = record.get(name)
    return found if isinstance(found, list) else []


def _ids(case: dict[str, object], name: str) -> set[object]:
    records = _items(case, name)
    reserved: set[object] = {OTHER} if name == "staff" else set()
    reserved.update(
        name_by_place(name, place) for place, each in enumerate(records) if "id" not in each
    )
    seen: set[object] = set()
    for place, record in enumerate(records):
        identifier = record.get("id")
        if identifier is None:
            continue
        if identifier in seen or identifier in reserved:
            raise RefusedHereError("DUPLICATE_ID", _taken(str(identifier), seen), name, place, "id")
        seen.add(identifier)
    return seen


def _taken(identifier: str, seen: set[object]) -> str:
    if identifier in seen:
        return f"The id '{shown(identifier)}' is given twice. Give each its own."
    if identifier == OTHER:
        return f"'{OTHER}' stands for anyone outside the practice. Choose another id."
    return f"The id '{shown(identifier)}' names the one without an id. Choose another."


def _check_reference(record: dict[str, object], key: str, known: set[object], *steps: Step) -> None:
    named = record.get(key)
    if named is None or named in known:
        return
    outside = f", or write '{OTHER}' for anyone outside the practice" if OTHER in known else ""
    raise RefusedHereError(
        "UNKNOWN_REFERENCE",
        f"'{shown(str(named))}' is not the id of anyone in staff of this case. "
        f"Add the person there{outside}.",
        *steps,
        key,
    )


def _check_corrections(entries: list[dict[str, object]], known: set[object]) -> None:
    """Refuse a correction of an entry that is not there, or in the end of itself."""
    corrects: dict[object, object] = {}
    for place, entry in enumerate(entries):
        replaced = entry.get("replaces")
        if replaced is None:
            continue
        if replaced not in known:
            raise RefusedHereError(
                "UNKNOWN_REFERENCE",
                f"'{shown(str(replaced))}' is not the id of a time entry of this case. Add the "
                "entry that is corrected, or leave the key out.",
                *("time_entries", place, "replaces"),
            )
        corrects[entry["id"]] = replaced
    sound: set[object] = set()
    for place, entry in enumerate(entries):
        chain: set[object] = set()
        each: object = entry["id"]
        while each in corrects and each not in sound:
            if each in chain:
                raise RefusedHereError(
                    "UNKNOWN_REFERENCE",
                    f"The entry '{shown(str(entry['id']))}' corrects itself, at once or through "
                    "others. Name the earlier entry that it corrects.",
                    *("time_entries", place, "replaces"),
                )
            chain.add(each)
            each = corrects[each]
        sound |= chain


def check_locality(practice: PracticeFacts, amounts: AmountTables) -> None:
    """Refuse a locality without its state, and one that is not in the tables."""
    if practice.locality is None:
        return
    if practice.state is None:
        raise RefusedHereError(
            "BAD_LOCALITY",
            "A locality's number means nothing without its state. Give both, or neither for "
            "national amounts.",
            "practice",
            "locality",
        )
    if not amounts.has_locality(practice.state, practice.locality):
        raise RefusedHereError(
            "BAD_LOCALITY",
            "The tables have no such Medicare locality. Write state and locality as Medicare "
            "does, for example NY and 01, or leave both out for national amounts.",
            "practice",
            "locality",
        )
