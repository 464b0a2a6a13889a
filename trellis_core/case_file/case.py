"""The case: one patient-month as a JSON document, read into the facts that rules ask for."""

from collections.abc import Iterator
from dataclasses import dataclass

from trellis_core.case_file.records import CASE
from trellis_core.case_file.references import check_locality, check_references
from trellis_core.case_file.shapes import Schema
from trellis_core.case_file.strict_json import decoded, is_list, read_each
from trellis_core.rules.amounts import AmountTables
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import load_rule_book


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """What a document asks.

    Attributes:
        facts: One patient-month each, in the document's order.
        is_list: The document was a list; so must the answer be.
    """

    facts: tuple[Facts, ...]
    is_list: bool


def read_cases(data: bytes, *, amounts: AmountTables | None = None) -> Cases:
    """Read a case, or a list of cases, from a JSON document.

    One bad case refuses the whole document.

    Args:
        data: The document as it came.
        amounts: Tables whose localities are known; the shipped rule book's where absent.

    Raises:
        InputRefusedError: With the code, the place and the reason.

    Example:
        >>> read_cases(b'{"service_month": "2026-11"}').facts[0].service_month
        ServiceMonth(year=2026, month=11)
    """
    cases = each_case(data, amounts=amounts)
    return Cases(facts=tuple(cases.facts), is_list=cases.is_list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStream:
    """What a document asks, one patient-month at a time.

    Attributes:
        facts: Read as they are taken; taking one raises ``InputRefusedError`` where the document
            is refused. Nothing may be answered before all are taken.
        is_list: The document is a list; so must the answer be.
    """

    facts: Iterator[Facts]
    is_list: bool


def each_case(data: bytes, *, amounts: AmountTables | None = None) -> CaseStream:
    """Read the cases of a document one after another, so that a long list needs little memory.

    Args:
        data: The document as it came.
        amounts: Tables whose localities are known; the shipped rule book's where absent.

    Raises:
        InputRefusedError: The document is not text, or empty.
    """
    known = amounts or load_rule_book().amounts
    text = decoded(data)
    return CaseStream(
        facts=read_each(text, lambda case: _read_case(case, known)), is_list=is_list(text)
    )


def case_schema() -> Schema:
    """Return the JSON Schema of a case file: one case, or a list of them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trellis case file",
        "description": "One patient-month, or a list of them. An absent key is unknown unless it "
        "has a default; null is known to be none. Ids must resolve; see docs/case-format.md.",
        "anyOf": [{"$ref": "#/$defs/case"}, {"type": "array", "items": {"$ref": "#/$defs/case"}}],
        "$defs": {"case": CASE.schema()},
    }


def _read_case(document: object, amounts: AmountTables) -> Facts:
    facts = CASE.read(document)
    check_locality(facts.practice, amounts)
    if isinstance(document, dict):
        check_references(document)
    return facts
