"""What excludes what on a day, asked of the same function that settles a real month."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import combinations
from typing import Final

from pages.shared.rule_codes import codes_on
from trellis_core.care.vocabulary import Program
from trellis_core.rules.claims import Claim
from trellis_core.rules.concurrency import exclusion
from trellis_core.rules.dated_rules import program_of_codes
from trellis_core.rules.facts import DEFAULT_POLICY, Facts
from trellis_core.rules.month_facts import MonthFacts, month_facts
from trellis_core.rules.reason_texts import citations
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import RuleBook
from trellis_core.values.periods import ServiceMonth

_STRICT: Final = replace(DEFAULT_POLICY, ccm_pcm_different_practitioner=False, ccm_with_tcm=False)
_ONE, _OTHER = "one", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Codes of a program that may not stand with other codes in one month.

    Attributes:
        codes: The program's own codes.
        others: Codes that they exclude.
        is_barred: One practitioner may not bill both by default.
        whoever: Nor may two practitioners of the practice.
        is_policy: A payer's policy may bar more than the default does.
        since: First day on which codes of both sides were in force.
    """

    codes: tuple[str, ...]
    others: tuple[str, ...]
    program: Program
    is_barred: bool
    whoever: bool
    is_policy: bool
    since: date
    citations: tuple[str, ...]


@lru_cache(maxsize=64)
def exclusions(book: RuleBook, program: Program, on: date) -> tuple[Exclusion, ...]:
    """Return what a program's codes exclude on a day under the default policy and a strict one."""
    months = {
        is_strict: month_facts(
            Facts(
                service_month=ServiceMonth.of(on), policy=_STRICT if is_strict else DEFAULT_POLICY
            ),
            rule_book=book,
            explain=False,
        )
        for is_strict in (False, True)
    }
    found: list[Exclusion] = []
    own = _claims(book, program, on)
    for other in Program:
        theirs = own if other is program else _claims(book, other, on)
        pairs = _pairs(own, theirs, is_same=other is program)
        found.extend(_grouped(pairs, months, other, book, on))
    return tuple(found)


def _claims(book: RuleBook, program: Program, on: date) -> list[Claim]:
    known = program_of_codes(book)
    return [
        Claim(
            program=program,
            code=code,
            units=1,
            element=known[code][1],
            by=_ONE,
            base=("-",) if known[code][1].endswith(".additional") else (),
        )
        for code in codes_on(book, program.value.lower(), on)
        if code in known and not known[code][1].startswith(f"{program.value.lower()}.rural")
    ]


def _pairs(
    own: Sequence[Claim], theirs: Sequence[Claim], *, is_same: bool
) -> list[tuple[Claim, Claim]]:
    """Return the pairs to ask about; add-ons go with their base, those of APCM have rules of their own."""

    def stands(claim: Claim) -> bool:
        return not claim.is_additional or claim.program is Program.APCM

    if is_same:
        bases = [claim for claim in own if not claim.is_additional]
        return list(combinations(bases, 2))
    return [(one, two) for one in own if stands(one) for two in theirs if stands(two)]


def _grouped(
    pairs: Iterable[tuple[Claim, Claim]],
    months: Mapping[bool, MonthFacts],
    other: Program,
    book: RuleBook,
    on: date,
) -> Iterable[Exclusion]:
    """Yield one exclusion for all of a program's codes that exclude the same others alike."""
    rows: dict[tuple[bool, bool, bool], dict[str, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    reasons: dict[tuple[bool, bool, bool], set[Reason]] = defaultdict(set)
    for one, two in pairs:
        same, apart = _asked(one, two, months[False])
        strict_same, strict_apart = _asked(one, two, months[True])
        reason = same or apart or strict_same or strict_apart
        if reason is None:
            continue
        is_policy = (same is None) != (strict_same is None) or (apart is None) != (
            strict_apart is None
        )
        kind = (same is not None, apart is not None, is_policy)
        rows[kind][one.code].append(two.code)
        reasons[kind].add(reason)
    for kind, by_code in rows.items():
        alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for code, others in by_code.items():
            alike[tuple(others)].append(code)
        for theirs, codes in alike.items():
            cited = [each for reason in sorted(reasons[kind]) for each in citations(reason, other)]
            yield Exclusion(
                codes=tuple(codes),
                others=theirs,
                program=other,
                is_barred=kind[0],
                whoever=kind[1],
                is_policy=kind[2],
                since=max(_begun(book, codes, on), _begun(book, theirs, on)),
                citations=tuple(dict.fromkeys(cited)),
            )


def _asked(one: Claim, two: Claim, month: MonthFacts) -> tuple[Reason | None, Reason | None]:
    """Return why two claims exclude each other, billed by one practitioner and by two."""

    def reason(two: Claim) -> Reason | None:
        found = exclusion(one, two, month) or exclusion(two, one, month)
        return found.reason if found is not None else None

    return reason(two), reason(replace(two, by=_OTHER))


def _begun(book: RuleBook, codes: Iterable[str], on: date) -> date:
    """Return when the first of some codes came into force."""
    known = program_of_codes(book)
    return min(book.use(f"{known[code][1]}.hcpcs", on=on).effective_from for code in codes)
