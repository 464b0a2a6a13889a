"""The case file: one patient-month as JSON in, its determination as JSON or text out.

The contract is ``docs/case-format.md``. Reading is strict and decides nothing; writing draws a
determination and decides nothing either.

Example:
    >>> cases = read_cases(b'[{"service_month": "2026-11"}]')
    >>> cases.is_list, len(cases.facts)
    (True, 1)
"""

from trellis_core.case_file.answer import (
    determination_json,
    determination_schema,
    determination_text,
)
from trellis_core.case_file.case import Cases, CaseStream, case_schema, each_case, read_cases

__all__ = [
    "CaseStream",
    "Cases",
    "case_schema",
    "determination_json",
    "determination_schema",
    "determination_text",
    "each_case",
    "read_cases",
]
