"""Letting many superbills of a practice hold equal parts only once."""

from dataclasses import replace
from typing import TypeVar

from trellis_core.superbill.bill import Superbill

_T = TypeVar("_T")


class SharedParts:
    """Parts that were seen before: the practice, who bills, rules, sources, what is missing.

    At ten thousand superbills they are a third of the memory.
    """

    def __init__(self) -> None:
        self._parts: dict[object, object] = {}

    def sharing(self, bill: Superbill) -> Superbill:
        """Return an equal superbill that holds what was seen before instead of its own copies."""
        return replace(
            bill,
            practice=self._one(bill.practice),
            billing=self._one(bill.billing),
            rules=self._each(bill.rules),
            sources=self._each(bill.sources),
            not_billed=self._each(bill.not_billed),
            missing=self._each(bill.missing),
            warnings=self._each(bill.warnings),
            notes=self._each(bill.notes),
        )

    def _each(self, parts: tuple[_T, ...]) -> tuple[_T, ...]:
        return self._one(tuple(self._one(part) for part in parts))

    def _one(self, part: _T) -> _T:
        return self._parts.setdefault(part, part)  # type: ignore[return-value] # equal to it
