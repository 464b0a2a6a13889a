"""Page 2: the time, records and rules that a superbill's lines rest on."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from trellis_core.care.records import CaseloadReview, Enrollment
from trellis_core.care.vocabulary import Credential, Program
from trellis_core.ledger.entries import TimeEntry
from trellis_core.rules.determination import NotCounted, ServiceLine
from trellis_core.rules.reason_texts import title
from trellis_core.rules.rulebook import RuleBook
from trellis_core.rules.sources import by_authority, source_id
from trellis_core.rules.trace import Check, cited, flattened
from trellis_core.superbill.bill import (
    NotBilled,
    RecordedTime,
    RecordOnFile,
    RuleApplied,
    SourceCited,
    SuperbillLine,
    TrackTime,
    activity_label,
    day_text,
    known,
)
from trellis_core.superbill.material import BEHAVIORAL, Material
from trellis_core.superbill.rule_values import reading_of
from trellis_core.values.periods import local_day

REDUCED_FEE: Final = frozenset({Credential.NP, Credential.PA, Credential.CNS})
"""Whom Medicare pays a share of the physician amount (42 CFR 414.52 and 414.56)."""


OTHER_SERVICE: Final = "Other service of the month"
"""The kind of a record that says what else was reported, beside which a line must be able to stand."""


def recorded_time(
    of: Material, programs: set[Program], services: Sequence[ServiceLine]
) -> tuple[RecordedTime, ...]:
    """Return the entries of the programs, counted and not counted, by their start."""
    counted = dict(of.determination.counted_seconds)
    reasons: dict[str, list[NotCounted]] = {}
    for each in of.determination.not_counted:
        reasons.setdefault(each.entry, []).append(each)
    of_lines = {entry for line in services for entry in line.entries}
    shown = [
        entry
        for entry in of.facts.time_entries
        if entry.program in programs or entry.id in of_lines
    ]
    shown.sort(key=lambda entry: (entry.started_at, entry.seq or 0, entry.id))
    zone, signed, mark = of.zone, of.common.signed, of.common.late_after
    supervised = {program: _supervised(of, program) for program in {row.program for row in shown}}
    return tuple(
        RecordedTime(
            entry_id=entry.id,
            number=entry.seq,
            code=entry.code or of.receipts.get(entry.seq or 0, ""),
            program=entry.program,
            started_at=entry.started_at.astimezone(zone),
            seconds=entry.seconds,
            counted_seconds=counted.get(entry.id, 0),
            activity=of.common.once(activity_label, entry.activity),
            person=signed(entry.staff_id)[0],
            credential=signed(entry.staff_id)[1],
            is_estimated=entry.is_estimated,
            is_reversed=entry.is_reversed,
            replaces=entry.replaces,
            reasons=tuple((title(each.reason), each.message) for each in reasons[entry.id])
            if entry.id in reasons
            else (),
            supervised_by=_supervisor_of(of, entry, supervised[entry.program]),
            mode=entry.mode.value,
            recorded_at=None if entry.recorded_at is None else entry.recorded_at.astimezone(zone),
            is_late=entry.recorded_at is not None
            and entry.recorded_at - (entry.started_at + timedelta(seconds=entry.seconds)) > mark,
        )
        for entry in shown
    )


def track_time(of: Material, programs: set[Program]) -> tuple[TrackTime, ...]:
    """Return what counted on the meters of the programs."""
    return tuple(
        TrackTime(
            program=meter.program,
            track="" if meter.track is None else meter.track.value,
            seconds=meter.seconds,
            minutes=meter.minutes,
        )
        for meter in of.determination.meters
        if meter.program in programs and meter.seconds
    )


def _supervised(of: Material, program: Program) -> Enrollment | None:
    """Return the enrollment of whose month two people supervised; None where one did all of it."""
    enrollment = of.enrollment(program)
    if enrollment is None:
        return None
    in_month = {
        enrollment.practitioners_on(each).supervisor
        for each in (of.month.first_day, of.month.last_day)
    } | {
        each.supervisor
        for each in enrollment.practitioners
        if (since := known(each.from_day)) is not None and since in of.month
    }
    return enrollment if len(in_month) > 1 else None


def _supervisor_of(of: Material, entry: TimeEntry, enrollment: Enrollment | None) -> str:
    """Name who supervised on an entry's day, where that changed in the month."""
    if enrollment is None:
        return ""
    day = local_day(entry.started_at, of.zone)
    supervisor = known(enrollment.practitioners_on(day).supervisor)
    return of.signature(supervisor) if supervisor else ""


def records_on_file(
    of: Material, programs: set[Program], services: Sequence[ServiceLine]
) -> tuple[RecordOnFile, ...]:
    """Return the consents, plans, visits and other records that the programs rest on."""
    wanted = sorted(programs)
    found: list[RecordOnFile] = []
    for program in wanted:
        found.extend(_consents(of, program))
        found.extend(_plans(of, program))
        found.extend(_decisions(of, program))
    found.extend(_visits(of))
    if programs & BEHAVIORAL:
        found.extend(_scales(of))
    if Program.COCM in programs:
        found.extend(_reviews(of))
    if any(line.program is Program.TCM for line in services):
        found.extend(_discharges(of))
    found.extend(_other_services(of))
    return tuple(found)


def _consents(of: Material, program: Program) -> Iterable[RecordOnFile]:
    for each in known(of.facts.consents) or ():
        if each.program is not program:
            continue
        on = known(each.obtained_on)
        method, taker = known(each.method), known(each.obtained_by)
        words = [f"obtained {day_text(on)}" if on else "date not recorded"]
        words += [str(method)] if method else []
        words += [f"by {of.signature(taker)}"] if taker else []
        words += ["documented"] if each.documented is True else []
        words += _revocation(known(each.revoked_on))
        yield RecordOnFile(
            program=program, kind="Consent", text=", ".join(words), record_id=each.id
        )


def _plans(of: Material, program: Program) -> Iterable[RecordOnFile]:
    for each in known(of.facts.care_plans) or ():
        if each.program is not program:
            continue
        words = _dated(
            ("established", known(each.established_on)),
            ("revised", known(each.revised_on)),
            ("copy given", known(each.copy_given_on)),
        )
        yield RecordOnFile(program=program, kind="Care plan", text=words, record_id=each.id)


def _decisions(of: Material, program: Program) -> Iterable[RecordOnFile]:
    for each in of.facts.medical_decision_making:
        on = known(each.on)
        if each.program is not program or (on is not None and on not in of.month):
            continue
        words = [str(known(each.level) or "level not recorded")]
        words += [day_text(on)] if on else []
        by = known(each.by)
        words += [of.signature(by)] if by else []
        yield RecordOnFile(
            program=program, kind="Decision making", text=", ".join(words), record_id=each.id
        )


def _visits(of: Material) -> Iterable[RecordOnFile]:
    for each in known(of.facts.initiating_visits) or ():
        words = [day_text(each.on)]
        code, by = known(each.code), known(each.by)
        words += [code] if code else []
        words += [of.signature(by)] if by else []
        discussed = known(each.program_discussed)
        words += [f"discussed {', '.join(sorted(discussed))}"] if discussed else []
        yield RecordOnFile(
            program=None, kind="Initiating visit", text=", ".join(words), record_id=each.id
        )


def _scales(of: Material) -> Iterable[RecordOnFile]:
    for each in known(of.facts.rating_scales) or ():
        if each.on not in of.month:
            continue
        score = known(each.score)
        words = f"{each.instrument} {day_text(each.on)}, " + (
            f"score {score}" if score is not None else "no score recorded"
        )
        yield RecordOnFile(program=None, kind="Rating scale", text=words, record_id=each.id)


def _reviews(of: Material) -> Iterable[RecordOnFile]:
    entered = known(of.facts.registry_entered_on)
    if entered:
        yield RecordOnFile(
            program=Program.COCM, kind="Registry", text=f"entered {day_text(entered)}"
        )
    reviews: dict[str | None, list[CaseloadReview]] = {}
    for each in known(of.facts.caseload_reviews) or ():
        if each.on in of.month:
            reviews.setdefault(known(each.consultant), []).append(each)
    for consultant, held in reviews.items():
        words = ", ".join(day_text(each.on) for each in held)
        yield RecordOnFile(
            program=Program.COCM,
            kind="Caseload review",
            text=f"{words}, {of.signature(consultant)}" if consultant else words,
            record_id=held[-1].id,
        )


def _discharges(of: Material) -> Iterable[RecordOnFile]:
    for each in of.facts.discharges:
        visit = known(each.visit)
        if visit is None or visit.on not in of.month:
            continue
        contacts = sorted(known(each.contacts) or (), key=lambda contact: contact.at)
        days = [day_text(local_day(contact.at, of.zone)) for contact in contacts]
        reconciled = known(each.medications_reconciled_on)
        words = [f"discharged {day_text(each.discharged_on)}"]
        words += [f"contact {', '.join(days)}"] if days else []
        words += [f"visit {day_text(visit.on)}"]
        words += [f"medications reconciled {day_text(reconciled)}"] if reconciled else []
        level = known(each.mdm)
        words += [f"decision making {level}"] if level else []
        yield RecordOnFile(
            program=Program.TCM, kind="Discharge", text="; ".join(words), record_id=each.id
        )


def _other_services(of: Material) -> Iterable[RecordOnFile]:
    for each in of.facts.other_services:
        if each.on not in of.month:
            continue
        words = [f"{each.code} on {day_text(each.on)}"]
        same_practice, by = known(each.same_practice), known(each.by)
        if same_practice is False:
            words.append("another practice")
        elif by is not None and by in of.common.people:
            words.append(of.signature(by))
        yield RecordOnFile(program=None, kind=OTHER_SERVICE, text=", ".join(words))


def rules_applied(of: Material, services: Sequence[ServiceLine]) -> tuple[RuleApplied, ...]:
    """Return the rules that the lines met, as the trace explains them."""
    found: dict[str, RuleApplied] = {}
    trees: dict[Program, dict[str, Check]] = {}
    checks: dict[str, Check] = {}
    for program, tree in of.determination.trace or () if services else ():
        trees[program] = {check.rule_id: check for check in flattened(tree)}
        checks |= trees[program]
    for line in services:
        own = trees.get(line.program, {})
        for rule_id in line.checks:
            check = own.get(rule_id) or checks.get(rule_id)
            if check is None or rule_id in found:
                continue
            found[rule_id] = of.common.once(
                _applied,
                of.rule_book,
                line.program,
                Check(
                    rule_id=rule_id,
                    outcome=check.outcome,
                    message=check.message,
                    parameters=check.parameters,
                    citations=check.citations,
                ),
            )
    return tuple(found.values())


def _applied(rule_book: RuleBook, program: Program, check: Check) -> RuleApplied:
    """Return what a superbill says of a check; a tree in brief leaves its citations unordered."""
    uses = check.parameters
    ordered = replace(check, citations=by_authority(check.citations, rule_book.sources))
    return RuleApplied(
        rule_id=check.rule_id,
        program=program,
        outcome=str(check.outcome),
        message=check.message,
        in_force_since=max((use.effective_from for use in uses), default=None),
        values=tuple(
            f"{use.path} = {use.value} since {use.effective_from.isoformat()}" for use in uses
        ),
        citations=cited(ordered),
        readings=tuple(reading_of(use) for use in uses),
    )


def not_billed(of: Material, programs: set[Program]) -> tuple[NotBilled, ...]:
    """Return the codes of the programs that the determination blocks."""
    return tuple(
        NotBilled(
            program=each.program,
            codes=each.codes,
            reason=str(each.reason),
            title=title(each.reason),
            message=each.message,
            citations=each.citations,
        )
        for each in of.determination.blocked
        if each.program in programs
    )


def sources_cited(
    of: Material, rules: Sequence[RuleApplied], not_billed: Sequence[NotBilled]
) -> tuple[SourceCited, ...]:
    """Return the documents behind the rules, each once."""
    every = (*(rule.citations for rule in rules), *(each.citations for each in not_billed))
    return of.common.once(_sources, of.rule_book, every)


def _sources(rule_book: RuleBook, every: Iterable[Sequence[str]]) -> tuple[SourceCited, ...]:
    cited = dict.fromkeys(source_id(citation) for citations in every for citation in citations)
    listed = rule_book.sources
    return tuple(
        SourceCited(
            id=name,
            title=listed[name].title,
            locator=listed[name].locator,
            url=listed[name].url,
        )
        for name in cited
        if name in listed
    )


def notes_on(of: Material, lines: Sequence[SuperbillLine]) -> tuple[str, ...]:
    """Return what a biller should know beside the lines."""
    notes: list[str] = []
    if of.patient.qualified_medicare_beneficiary is True:
        notes.append(
            "Qualified Medicare Beneficiary: the patient may not be charged deductible or "
            "coinsurance for these services."
        )
    biller = (
        of.common.people.get(lines[0].rendering.staff_id) if lines and lines[0].rendering else None
    )
    if biller is not None and known(biller.credential) in REDUCED_FEE:
        notes.append(
            "Allowed is a physician's amount. Medicare pays a smaller share of it to nurse "
            "practitioners, physician assistants and clinical nurse specialists."
        )
    if any(line.allowed is None for line in lines):
        notes.append("No amount is on file for a line's date of service; none is shown.")
    return tuple(notes)


def data_as_of(of: Material) -> datetime:
    """Return when the last of the month's entries was recorded, in the practice's zone."""
    recorded = [entry.recorded_at or entry.started_at for entry in of.facts.time_entries]
    latest = max(recorded, default=of.month.ends_at(of.zone))
    return latest.astimezone(of.zone)


def _revocation(on: date | None) -> list[str]:
    return [f"revoked {day_text(on)}"] if on else []


def _dated(*facts: tuple[str, date | None]) -> str:
    words = [f"{name} {day_text(on)}" for name, on in facts if on is not None]
    return ", ".join(words) or "date not recorded"
