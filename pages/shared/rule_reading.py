"""The rules of a program on a day as a biller reads them: sections of sentences with their values.

Every sentence is a parameter's, so that its value, first day and sources stand under it. What no
pattern words falls back to the parameter's own description.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

from pages.shared import formats
from pages.shared.rule_codes import age_words, cap_table, codes_on
from pages.shared.rule_exclusions import Exclusion, exclusions
from trellis_core.care.vocabulary import Program
from trellis_core.rules.labels import program_label
from trellis_core.rules.rulebook import DatedValue, Parameter, RuleBook
from trellis_core.rules.sources import Source, source_id
from trellis_core.superbill.rule_values import value_words

BILLS: Final = "Who may bill"
EARNS: Final = "Who may earn time"
PATIENTS: Final = "Which patients"
RECORD: Final = "What must be on record"
MINUTES: Final = "Minutes and codes"
EXCLUDES: Final = "What excludes what"
CAPS: Final = "Caps"
ALSO: Final = "Also"
SECTIONS: Final = (BILLS, EARNS, PATIENTS, RECORD, MINUTES, EXCLUDES, CAPS, ALSO)

_SECTION_OF: Final[tuple[tuple[str, str], ...]] = (
    ("*.psychiatric_consultant.*", RECORD),
    ("*.contact.*", RECORD),
    ("credentials.*", EARNS),
    ("common.billing_practitioner.*", BILLS),
    ("*.initial.credentials", BILLS),
    ("*.supervision*", EARNS),
    ("*.roles", EARNS),
    ("*clinical_time.*", EARNS),
    ("*.time.*", EARNS),
    ("*.facility_stay.*", EARNS),
    ("*.conditions.*", PATIENTS),
    ("*.discharge.*", PATIENTS),
    ("*.consent.*", RECORD),
    ("*.initiating_visit.*", RECORD),
    ("*.care_plan.*", RECORD),
    ("*.access.*", RECORD),
    ("*.record.*", RECORD),
    ("*.rating_scale.*", RECORD),
    ("*.visit.*", RECORD),
    ("*.episode.*", MINUTES),
    ("*.units_max", CAPS),
    ("*.care_plan_oversight.*", EXCLUDES),
    ("*.esrd_monthly.*", EXCLUDES),
    ("*exclu*", EXCLUDES),
    ("*beside*", EXCLUDES),
    ("*bundle*", EXCLUDES),
    ("*.hcpcs", MINUTES),
    ("*minutes*", MINUTES),
    ("*.mdm_levels", MINUTES),
    ("*.within_days", MINUTES),
    ("tcm.period.*", MINUTES),
)

_RECORD_ORDER: Final = (
    "consent", "initiating_visit", "care_plan", "access", "record", "rating_scale",
    "psychiatric_consultant", "contact", "visit",
)  # fmt: skip

_LONG: Final = frozenset({"ccm", "pcm"})
_BEHAVIORAL: Final = frozenset({"bhi", "cocm"})
_TIMED: Final = _LONG | _BEHAVIORAL
_SHARED_BY: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("common.clinical_time.roles", _LONG | {"bhi"}),
    ("common.clinical_time.*", _TIMED),
    ("common.facility_stay.*", _LONG),
    ("common.initiating_visit.*", _TIMED | {"apcm"}),
    ("common.consent.*", _LONG | {"apcm"}),
    ("common.care_plan.*", _TIMED | {"apcm"}),
    ("common.care_plan_oversight.*", frozenset({"ccm"})),
    ("common.esrd_monthly.*", _LONG),
    ("credentials.*", _TIMED),
    ("bhi.rating_scale.*", _BEHAVIORAL),
    ("bhi.behavioral_professional.initiating_visit.*", frozenset({"bhi"})),
)
"""Rules that several programs share, and whose they are; other common rules are everybody's."""

_SAY: Final[tuple[tuple[str, str], ...]] = (
    ("common.billing_practitioner.credentials", "Billed by {value}."),
    ("bhi.behavioral_professional.initial.credentials", "{code} is billed by {value}, and by nobody else."),
    ("common.clinical_time.roles", "Staff time is that of {value}."),
    ("common.clinical_time.excluded_roles", "No minute of {value} counts."),
    ("common.clinical_time.excluded_activities", "No minute of {value} counts, whoever does it."),
    ("common.facility_stay.kinds", "No minute counts while the patient is in a stay of this kind: {value}."),
    ("cocm.time.roles", "Only minutes of {value} count."),
    ("credentials.earning_time.licensed", "Given a clinical role by the practice, these earn time: {value}."),
    ("credentials.earning_time.unlicensed", "So do these, where state law and the practice's policy allow the work: {value}."),
    ("credentials.earning_time.supervision", "Supervision by the billing practitioner is {value}; nobody need be on site."),
    ("pcm.conditions.initial.expected_months", "The patient has one condition that is expected to last at least {value} and carries a significant risk."),
    ("apcm.conditions.initial.count_min", "The higher levels are for patients with at least {value}."),
    ("*.conditions.initial.count_min", "The patient has at least {value}."),
    ("*.conditions.initial.expected_months", "Each is expected to last at least {value}, or until death, and carries a significant risk."),
    ("tcm.discharge.from_facilities", "The patient comes from {value}."),
    ("tcm.discharge.to_settings_disputed", "Some authorities leave out {value}."),
    ("tcm.discharge.to_settings", "The patient goes to {value}."),
    ("*.consent.elements", "A documented consent, verbal or written. It says {value}."),
    ("pcm.initiating_visit.within_years", "An initiating visit, always. After {value} the booklet asks for another."),
    ("*.initiating_visit.within_years", "An initiating visit, where the patient is new or was not seen for {value} before the start."),
    ("bhi.behavioral_professional.initiating_visit.hcpcs", "Where a behavioral professional bills, these visits open the program too: {value}."),
    ("common.initiating_visit.hcpcs", "Visits that may open the program: {value}."),
    ("*.care_plan.requires_copy", "A care plan, with a copy for the patient or caregiver: {value}."),
    ("common.care_plan.review_within_years", "A care plan not revised for {value} is pointed out; that blocks nothing."),
    ("*.access.requires_around_the_clock", "Someone with access to the record answers urgent needs at any hour: {value}."),
    ("*.record.requires_certified_ehr", "The record is kept in certified EHR technology: {value}."),
    ("bhi.rating_scale.instruments", "A validated rating scale. These count: {value}."),
    ("bhi.rating_scale.within_days", "A newest scale older than {value} is pointed out."),
    ("cocm.psychiatric_consultant.credentials", "A psychiatric consultant who may prescribe every medicine: {value}."),
    ("cocm.episode.break_months", "A new episode, and so another first month, begins only after {value} without a service."),
    ("tcm.contact.initial.within_business_days", "Patient or caregiver is reached within {value} after discharge."),
    ("tcm.contact.attempts.count_min", "Where nobody is reached, {value} in that time stand in for it."),
    ("tcm.contact.roles", "The contact is made by {value}."),
    ("tcm.visit.audio_only.requires_video_declined", "A visit by telephone counts only where the patient cannot or will not use video: {value}."),
    ("tcm.period.within_days", "The period lasts {value} after the day of discharge."),
    ("*.mdm_levels", "{code} needs {value} decision making, documented."),
    ("*.within_days", "{code} needs the visit within {value} of discharge."),
    ("*.additional.units_max", "{code}: at most {value} a month, by the code's own rule."),
    ("*.additional.minutes_each", "{code} needs each further {value} in full."),
    ("cocm.additional.minutes_each", "{code} stands for {value}."),
    ("cocm.additional.midpoint_minutes", "{code} is reached once {value} of its block are done, where the midpoint decides."),
    ("cocm.*.midpoint_minutes", "{code} is reached at {value}, where the midpoint decides."),
    ("cocm.*.minutes", "{code} stands for {value}."),
    ("*.initial.minutes", "{code} needs {value} in the calendar month."),
    ("claims.timely_filing.months", "Original Medicare takes a claim for {value} after the date of service; no other payer's limit is on file."),
)  # fmt: skip
"""Patterns of paths, the narrow ones first where two fit, and the sentence for each."""

_ITEMS: Final[Mapping[str, str]] = {
    "availability": "that the service is available",
    "cost_sharing": "that cost sharing applies",
    "one_practitioner": "that only one practitioner is paid in a month",
    "right_to_stop": "that the patient may stop at the end of any month",
    "consult_specialists": "that specialists may be consulted",
    "clinical_staff": "clinical staff",
    "behavioral_care_manager": "behavioral care managers",
    "billing_practitioner": "the billing practitioner",
    "non_clinical": "non-clinical staff",
    "administrative": "clerical work",
    "automated_call": "automated calls",
    "inpatient": "inpatient",
    "snf_part_a": "skilled nursing facility under Part A",
    "inpatient_acute": "an acute hospital",
    "inpatient_psychiatric": "a psychiatric hospital",
    "long_term_care_hospital": "a long-term care hospital",
    "snf": "a skilled nursing facility",
    "irf": "an inpatient rehabilitation facility",
    "observation": "hospital observation",
    "partial_hospitalization": "partial hospitalization",
    "cmhc": "a community mental health center",
    "home": "home",
    "domiciliary": "a domiciliary",
    "rest_home": "a rest home",
    "assisted_living": "assisted living",
    "nursing_facility": "a nursing facility",
}
_EITHER: Final = frozenset(
    {"low", "moderate", "high", *(key for key, words in _ITEMS.items() if words.startswith("a"))}
    - {"availability", "automated_call"}
    | {
        "home",
        "observation",
        "partial_hospitalization",
        "assisted_living",
        "inpatient",
        "snf_part_a",
    }
)
"""Lists of these hold where one of them does."""
_NOUNS: Final = {"condition": "chronic condition", "attempt": "attempt"}
_RUN: Final = 3
_CAP_SOURCE: Final = "ncci-mue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One rule in words.

    Attributes:
        text: Markdown, its value in bold.
        since: First day on which it reads so.
        words: Everything that a search looks through.
        path: The parameter's path; empty where the sentence is not one parameter's.
    """

    text: str
    since: date
    citations: tuple[str, ...]
    note: str = ""
    words: str = ""
    path: str = ""


def sections(
    book: RuleBook, program: Program, on: date, text: str = ""
) -> dict[str, list[Sentence]]:
    """Return a program's rules on a day by section; only those that hold every word of a search."""
    found: dict[str, list[Sentence]] = {name: [] for name in SECTIONS}
    prefix = program.value.lower()
    for path, parameter in book.parameters.items():
        if not _concerns(path, prefix):
            continue
        dated = _dated(parameter, on)
        if dated is not None and not _is_without_code(book, path, on):
            found[_section(path)].append(_sentence(book, parameter, dated, on))
    found[RECORD].sort(key=lambda each: _place(each.path))
    found[EXCLUDES][:0] = _exclusion_sentences(book, program, on)
    found[CAPS] += _cap_sentences(book, prefix, on)
    wanted = text.lower().split()
    return {
        name: kept
        for name, sentences in found.items()
        if (kept := [each for each in sentences if _holds(each, wanted, book.sources)])
    }


def _place(path: str) -> int:
    """Return where a rule stands among those of the record: as a month is prepared."""
    return next((place for place, word in enumerate(_RECORD_ORDER) if word in path), 99)


def _concerns(path: str, prefix: str) -> bool:
    for pattern, programs in _SHARED_BY:
        if fnmatchcase(path, pattern):
            return prefix in programs
    first = path.partition(".")[0]
    return first in {prefix, "common", "claims"}


def _is_without_code(book: RuleBook, path: str, on: date) -> bool:
    """Say whether a value belongs to a code that is not in force on the day."""
    own = f"{path.rpartition('.')[0]}.hcpcs"
    return own in book.parameters and not _is_in_force(book, own, on)


def _is_in_force(book: RuleBook, path: str, on: date) -> bool:
    return _dated(book.parameters[path], on) is not None


def _section(path: str) -> str:
    return next((name for pattern, name in _SECTION_OF if fnmatchcase(path, pattern)), ALSO)


def resting_on(book: RuleBook, unit: str, on: date) -> list[Sentence]:
    """Return every rule of one unit on a day, whichever program it is of."""
    found = []
    for parameter in book.parameters.values():
        dated = _dated(parameter, on)
        if parameter.unit == unit and dated is not None:
            found.append(_sentence(book, parameter, dated, on))
    return found


def _dated(parameter: Parameter, on: date) -> DatedValue | None:
    begun = [each for each in parameter.values if each.effective_from <= on]
    return begun[-1] if begun and not begun[-1].ended else None


def _sentence(book: RuleBook, parameter: Parameter, dated: DatedValue, on: date) -> Sentence:
    text = _wording(book, parameter, dated, on)
    return Sentence(
        text=text,
        since=dated.effective_from,
        citations=dated.citations,
        note=dated.note,
        words=f"{parameter.path} {parameter.description} {text} {dated.note}",
        path=parameter.path,
    )


def _wording(book: RuleBook, parameter: Parameter, dated: DatedValue, on: date) -> str:
    path = parameter.path
    value = _value(dated, parameter.unit)
    pattern = _pattern(path)
    if parameter.unit == "hcpcs" and isinstance(dated.value, str):
        return f"{_bold(dated.value)} is the {_lower(parameter.description)}"
    if pattern is None:
        if isinstance(dated.value, bool):
            value = "yes" if dated.value else "no"
        return f"{formats.plain(parameter.description.rstrip('.'))}: {_bold(value)}."
    code = book.find(f"{path.rpartition('.')[0]}.hcpcs", on=on) if "{code}" in pattern else None
    before, _, after = pattern.replace("{code}", str(code.value) if code else "The code").partition(
        "{value}"
    )
    return (
        f"{formats.plain(before)}{' ' if before.endswith(' ') else ''}{_bold(value)}{_after(after)}"
    )


def _pattern(path: str) -> str | None:
    """Return the sentence of a path: the one that names most of it."""
    fitting = [(len(pattern), words) for pattern, words in _SAY if fnmatchcase(path, pattern)]
    return max(fitting)[1] if fitting else None


def _value(dated: DatedValue, unit: str) -> str:
    match dated.value:
        case None:
            return ""
        case bool(value):
            return "required" if value else "not required"
        case tuple(value):
            return listed(value)
        case Decimal() as value if unit == "part":
            return f"{value:.0%}"
        case int(value) if unit in _NOUNS:
            return formats.count(value, _NOUNS[unit])
        case value:
            return value_words(value, unit)


def listed(items: Sequence[str]) -> str:
    """Write a list in words, with runs of codes as ranges.

    Example:
        >>> listed(("90951", "90952", "90953", "G0181")), listed(("moderate", "high"))
        ('90951 to 90953 and G0181', 'moderate or high')
    """
    words = [_ITEMS.get(each, each) for each in _ranges(items)]
    joiner = " or " if set(items) <= _EITHER else " and "
    return joiner.join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _ranges(items: Sequence[str]) -> list[str]:
    runs: list[list[str]] = []
    for item in items:
        last = runs[-1][-1] if runs else ""
        if item.isdigit() and last.isdigit() and int(item) == int(last) + 1:
            runs[-1].append(item)
        else:
            runs.append([item])
    found: list[str] = []
    for run in runs:
        found.extend([f"{run[0]} to {run[-1]}"] if len(run) >= _RUN else run)
    return found


def _bold(text: str) -> str:
    return f"**{formats.plain(text)}**"


def _after(text: str) -> str:
    return f"{' ' if text.startswith(' ') else ''}{formats.plain(text)}"


def _lower(text: str) -> str:
    return formats.plain(text[:1].lower() + text[1:])


def _holds(sentence: Sentence, wanted: Iterable[str], sources: Mapping[str, Source]) -> bool:
    titles = (sources[source_id(each)].title for each in sentence.citations)
    words = " ".join((sentence.words, sentence.text, *titles)).replace("\\", "").lower()
    return all(each in words for each in wanted)


def _cap_sentences(book: RuleBook, prefix: str, on: date) -> list[Sentence]:
    """Return the units that the dated table pays of every add-on, and how old the table is."""
    table = cap_table(book, on)
    if table is None:
        return []
    age = age_words(table, on)
    note = f"The newest table on file is {age}." if age else ""
    found = []
    for code, path in codes_on(book, prefix, on).items():
        cap = book.unit_caps(code, on)
        if cap is not None and ".additional." in path:
            units = _bold(formats.count(cap.units, "unit"))
            text = f"{code}: at most {units} by CMS's table of {formats.day(table.effective_from)}."
            found.append(
                Sentence(
                    text=text,
                    since=table.effective_from,
                    citations=(_CAP_SOURCE,),
                    note=note,
                    words=f"{text} cap units mue",
                )
            )
    return found


# --- what excludes what -----------------------------------------------------------------------


def _exclusion_sentences(book: RuleBook, program: Program, on: date) -> list[Sentence]:
    own = [
        code
        for code, path in codes_on(book, program.value.lower(), on).items()
        if path.endswith(".initial.hcpcs") and ".rural." not in path
    ]
    found: list[Sentence] = []
    within = [each for each in exclusions(book, program, on) if each.program is program]
    if within:
        codes = sorted({code for each in within for code in (*each.codes, *each.others)})
        once = "for a discharge" if program is Program.TCM else "in a month, with its add-ons"
        text = f"Only one of these {once}: {_bold(listed_or(codes))}."
        found.append(_excluded(text, within[-1]))
    found += [
        _excluded(_exclusion_words(each, own), each)
        for each in exclusions(book, program, on)
        if each.program is not program
    ]
    return found


def _exclusion_words(each: Exclusion, own: Sequence[str]) -> str:
    whose = "" if set(each.codes) >= set(own) - {"G0506"} else f"{listed_or(each.codes)}: "
    other = f"{_bold(program_label(each.program))} ({formats.plain(listed_or(each.others))})"
    lead = formats.plain(whose) + (" " if whose else "")
    if not each.is_barred:
        return f"{lead}{'stands' if whose else 'Stands'} beside {other}, unless the payer's policy bars it."
    never = "never" if whose else "Never"
    if each.whoever:
        return f"{lead}{never} with {other} in one month, whichever practitioner of the practice bills."
    more = (
        ", and by two practitioners only where the payer's policy allows it"
        if each.is_policy
        else ""
    )
    return f"{lead}{never} with {other} by the same practitioner in one month{more}."


def listed_or(codes: Sequence[str]) -> str:
    """Write codes in words.

    Example:
        >>> listed_or(("99490", "99487"))
        '99490, 99487'
    """
    return ", ".join(_ranges(codes))


def _excluded(text: str, each: Exclusion) -> Sentence:
    return Sentence(text=text, since=each.since, citations=each.citations, words=text)
