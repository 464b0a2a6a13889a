"""The rule book as it stands on one day, read once and kept.

A determination asks for a few dozen values; a panel of thousands asks for the same ones. This
view resolves each once per day of service and edition.
"""

from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from typing import Final, TypeVar

from trellis_core.care.vocabulary import Program, Setting
from trellis_core.errors import UnknownLocalityError
from trellis_core.rules.amounts import Allowed
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.trace import ParameterUse

T = TypeVar("T")


class DatedRules:
    """Every value of the rule book on one day of service.

    Attributes:
        on: The day.
    """

    def __init__(self, rule_book: RuleBook, on: date) -> None:
        self.rule_book: Final = rule_book
        self.on: Final = on
        self._kept: dict[object, object] = {}
        self._found: dict[str, ParameterUse | None] = {}
        self._sets: dict[str, frozenset[str]] = {}
        self._caps: dict[str, int | None] = {}
        self._allowed: dict[tuple[str, str | None, str | None, Setting, bool], Allowed | None] = {}

    def find(self, path: str) -> ParameterUse | None:
        """Return a value with its date and citations; None where it is not in force."""
        try:
            return self._found[path]
        except KeyError:
            found = self._found[path] = self.rule_book.find(path, on=self.on)
            return found

    def integer(self, path: str) -> int:
        """Return a whole number that is in force."""
        found = self.find(path)
        if found is not None and type(found.value) is int:
            return found.value
        return self.rule_book.integer(path, on=self.on)

    def code(self, path: str) -> str | None:
        """Return an element's code; None where the element is not in force."""
        found = self.find(path)
        return str(found.value) if found is not None else None

    def texts(self, path: str) -> frozenset[str]:
        """Return a list of texts as a set; empty where it is not in force."""
        try:
            return self._sets[path]
        except KeyError:
            found = self.find(path)
            value = found.value if found is not None else ()
            texts = frozenset(value if isinstance(value, tuple) else ())
            self._sets[path] = texts
            return texts

    def flag(self, path: str) -> bool:
        """Return a switch; off where it is not in force."""
        found = self.find(path)
        return found is not None and found.value is True

    def cap(self, code: str) -> int | None:
        """Return the most units payable, from the dated table; None where none is known."""
        if code not in self._caps:
            cap = self.rule_book.unit_caps(code, self.on)
            self._caps[code] = cap.units if cap is not None else None
        return self._caps[code]

    def keep(self, key: object, make: Callable[["DatedRules"], T]) -> T:
        """Return what ``make`` builds from this day's rules, built once per key."""
        kept = self._kept.get(key)
        if kept is None:
            kept = make(self)
            self._kept[key] = kept
        return kept  # type: ignore[return-value]  # one key is always made by one function

    def allowed(
        self,
        code: str,
        *,
        state: str | None,
        locality: str | None,
        setting: Setting,
        qualifying_apm: bool,
    ) -> Allowed | None:
        """Return one unit's allowed amount on this day; None where none is on file."""
        key = (code, state, locality, setting, qualifying_apm)
        try:
            return self._allowed[key]
        except KeyError:
            pass
        try:
            found = self.rule_book.amounts.allowed(
                code,
                on=self.on,
                state=state,
                locality=locality,
                setting=setting,
                qualifying_apm=qualifying_apm,
            )
        except UnknownLocalityError:
            found = None
        self._allowed[key] = found
        return found


@lru_cache(maxsize=512)
def rules_on(rule_book: RuleBook, on: date) -> DatedRules:
    """Return the rules of one day, built once per edition and day."""
    return DatedRules(rule_book, on)


@lru_cache(maxsize=16)
def program_of_codes(rule_book: RuleBook) -> dict[str, tuple[Program, str]]:
    """Return every code that any element ever had, with its first program and element path."""
    known: dict[str, tuple[Program, str]] = {}
    for code, program, element in sorted(_codes(rule_book), key=_in_program_order):
        known.setdefault(code, (program, element))
    return known


@lru_cache(maxsize=16)
def programs_of_code(rule_book: RuleBook) -> dict[str, tuple[Program, ...]]:
    """Return the programs of every code; only a rural clinic's code has several."""
    found: dict[str, dict[Program, None]] = {}
    for code, program, _ in sorted(_codes(rule_book), key=_in_program_order):
        found.setdefault(code, {})[program] = None
    return {code: tuple(programs) for code, programs in found.items()}


def _codes(rule_book: RuleBook) -> Iterator[tuple[str, Program, str]]:
    programs = {program.value.lower(): program for program in Program}
    for path, parameter in rule_book.parameters.items():
        program = programs.get(path.partition(".")[0])
        if program is None or not path.endswith(".hcpcs"):
            continue
        for dated in parameter.values:
            if isinstance(dated.value, str):
                yield dated.value, program, path.removesuffix(".hcpcs")


def _in_program_order(code: tuple[str, Program, str]) -> int:
    return tuple(Program).index(code[1])
