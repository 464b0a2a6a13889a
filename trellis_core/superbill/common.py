"""What the superbills of a whole month have in common, found once and not once for each patient."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeVar

from trellis_core.care.people import StaffMember
from trellis_core.rules.marks import late_after
from trellis_core.rules.rulebook import RuleBook
from trellis_core.superbill.bill import Practitioner, known

_T = TypeVar("_T")


class Common:
    """One practice's people and one edition of the rules, asked about many patients of a month.

    Ask it from one thread at a time. It holds what was answered, nothing of a patient.

    Args:
        staff: Everyone whose name may appear.
        rule_book: The rules.
        on: The month's last day, by which the rules are read.

    Attributes:
        people: By staff id.
        late_after: From when on after the work an entry is recorded late.
    """

    def __init__(self, staff: Iterable[StaffMember], *, rule_book: RuleBook, on: date) -> None:
        self.people: Final[Mapping[str, StaffMember]] = {person.id: person for person in staff}
        self.late_after: Final = late_after(rule_book, on)
        self._practitioners: Final = {
            person.id: Practitioner(
                staff_id=person.id, name=person.name, signature=person.signature, npi=person.npi
            )
            for person in self.people.values()
        }
        self._signed: Final = {
            person.id: (person.name or person.id, str(known(person.credential) or ""))
            for person in self.people.values()
        }
        self._found: Final[dict[tuple[object, ...], Any]] = {}

    def practitioner(self, staff_id: str) -> Practitioner | None:
        """Return a person as a claim names one; None for nobody of the practice."""
        return self._practitioners.get(staff_id)

    def signed(self, staff_id: str | None) -> tuple[str, str]:
        """Return a person's name and credential; empty where none is recorded."""
        return self._signed.get(staff_id or "", ("Not recorded", ""))

    def once(self, find: Callable[..., _T], *of: object) -> _T:
        """Return what a function of some values finds; equal values are asked about once.

        Args:
            find: A pure function, the same object each time.
            of: What it is given.
        """
        key = (find, *of)
        try:
            found: _T = self._found[key]
        except KeyError:
            found = self._found[key] = find(*of)
        return found

    def once_of(self, find: Callable[[Sequence[object]], _T], parts: Sequence[object]) -> _T:
        """Return the same of parts that are themselves shared: known again without being compared.

        Args:
            find: A pure function of the parts, the same object each time.
            parts: Values that this or whoever asks keeps for as long as this lives.
        """
        key = (find, *map(id, parts))
        kept = self._found.get(key)
        if kept is None:
            kept = self._found[key] = (find(parts), tuple(parts))
        found: _T = kept[0]
        return found
