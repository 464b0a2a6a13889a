"""Drawing superbills up: who bills what, and one superbill for each who does."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import Determination, ServiceLine
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import RuleBook
from trellis_core.superbill.bill import Attestation, Superbill, SuperbillStatus, digest
from trellis_core.superbill.charges import NO_CHARGES, Charges
from trellis_core.superbill.common import Common
from trellis_core.superbill.evidence import (
    data_as_of,
    not_billed,
    notes_on,
    recorded_time,
    records_on_file,
    rules_applied,
    sources_cited,
    track_time,
)
from trellis_core.superbill.lines import lettered_diagnoses, service_line, withheld_lines
from trellis_core.superbill.material import Material
from trellis_core.superbill.preflight import what_is_missing, what_to_look_at
from trellis_core.values.periods import ServiceMonth

PROGRAM_ORDER: Final = {program: at for at, program in enumerate(Program)}


def build_superbills(
    *,
    practice: Practice,
    patient: Patient,
    staff: Sequence[StaffMember],
    facts: Facts,
    determination: Determination,
    rule_book: RuleBook,
    ledger_head: str | None = None,
    charges: Charges = NO_CHARGES,
    attestations: Sequence[Attestation] = (),
    elsewhere: Collection[Program] = (),
    receipts: Mapping[int, str] = MappingProxyType({}),
    common: Common | None = None,
) -> tuple[Superbill, ...]:
    """Draw up a patient-month's superbills, one for each billing practitioner.

    A month without a billable line and without an open choice has none.

    Args:
        practice: Who bills, with NPI, TIN and address.
        patient: Whose month, with the coverage to bill.
        staff: Everyone whose name may appear.
        facts: What the determination was made from.
        determination: The answer; asked for with its trace where page 2 is to cite rules.
        rule_book: The rule book that the determination used.
        ledger_head: Hash of the newest ledger row about this month of the patient.
        charges: The practice's own lists.
        attestations: What practitioners attested about the month's diagnoses.
        elsewhere: Programs in which another practice has the patient, as far as is known.
        receipts: The codes of entries that do not bear theirs, by their number in the ledger.
        common: What the month's other patients left of the same people and rules; None for nothing.

    Returns:
        In the order of the billing practitioners' first lines.
    """
    material = Material(
        practice=practice,
        patient=patient,
        common=common
        or Common(staff, rule_book=rule_book, on=determination.service_month.last_day),
        facts=facts,
        determination=determination,
        rule_book=rule_book,
        ledger_head=ledger_head,
        charges=charges,
        attestations=attestations,
        receipts=receipts,
        elsewhere=frozenset(elsewhere),
    )
    return _superbills(material)


def build_withdrawal(
    previous: Superbill,
    *,
    staff: Sequence[StaffMember],
    facts: Facts,
    determination: Determination,
    rule_book: RuleBook,
    ledger_head: str | None = None,
    receipts: Mapping[int, str] = MappingProxyType({}),
) -> Superbill:
    """Draw up what takes an issued superbill back: the same parties, no line, and why not.

    Args:
        previous: The superbill as it was issued; practice, patient and payer stay as they were.
        staff: Everyone whose name may appear.
        facts: The month as it is on record now.
        determination: The answer of now, which bills nothing of it.
        rule_book: The rule book that the determination used.
        ledger_head: Hash of the newest ledger row about this month of the patient.
        receipts: The codes of entries that do not bear theirs, by their number in the ledger.
    """
    of = Material(
        practice=previous.practice,
        patient=previous.patient,
        common=Common(staff, rule_book=rule_book, on=determination.service_month.last_day),
        facts=facts,
        determination=determination,
        rule_book=rule_book,
        ledger_head=ledger_head,
        charges=NO_CHARGES,
        attestations=(),
        receipts=receipts,
    )
    programs = {line.program for line in previous.lines} | {row.program for row in previous.time}
    blocked = not_billed(of, programs)
    return replace(
        previous,
        number=None,
        status=SuperbillStatus.DRAFT,
        checkpoint=None,
        closed=None,
        diagnoses=(),
        diagnoses_left_out=0,
        lines=(),
        withheld=(),
        time=recorded_time(of, programs, ()),
        records=records_on_file(of, programs, ()),
        rules=(),
        sources=sources_cited(of, (), blocked),
        not_billed=blocked,
        warnings=(),
        notes=(),
        rule_book_version=determination.rule_book_version,
        rule_book_fingerprint=determination.rule_book_fingerprint,
        ledger_head=ledger_head,
        data_as_of=data_as_of(of),
        missing=(),
        attestations=(),
        approval=None,
        cautions=(),
        track_time=track_time(of, programs),
        replaced_by=None,
    )


def superbill_id(
    *, practice_id: str, patient_id: str, month: ServiceMonth, practitioner: str, payer: str
) -> str:
    """Return the id that the same practice, patient, month, practitioner and payer always get.

    Example:
        >>> superbill_id(
        ...     practice_id="p", patient_id="x", month=ServiceMonth(2026, 11), practitioner="s", payer="m"
        ... )
        'sb-6acf29748858'
    """
    return f"sb-{digest(practice_id, patient_id, str(month), practitioner, payer)}"


def _superbills(of: Material) -> tuple[Superbill, ...]:
    open_programs = {each.program for each in of.determination.decisions_needed}
    billers: dict[str, list[ServiceLine]] = {}
    for line in sorted(of.determination.lines, key=_claim_order):
        billers.setdefault(line.by or of.biller_of(line.program), []).append(line)
    for program in sorted(open_programs):
        billers.setdefault(of.biller_of(program), [])
    programs = _programs_by_biller(of, billers)
    return tuple(
        _superbill(of, biller, lines, open_programs, programs[biller])
        for biller, lines in billers.items()
    )


def _superbill(
    of: Material,
    biller: str,
    proposed: Sequence[ServiceLine],
    open_programs: set[Program],
    programs: set[Program],
) -> Superbill:
    own_id = superbill_id(
        practice_id=of.practice.id,
        patient_id=of.patient.id,
        month=of.month,
        practitioner=biller,
        payer=of.patient.coverage.payer_name if of.patient.coverage else "",
    )
    services = [line for line in proposed if line.program not in open_programs]
    diagnoses, left_out = lettered_diagnoses(of, services)
    billing = of.practitioner(biller)
    lines = tuple(service_line(of, own_id, line, diagnoses, billing) for line in services)
    rules = rules_applied(of, services)
    blocked = not_billed(of, programs)
    time = recorded_time(of, programs, services)
    return Superbill(
        id=own_id,
        number=None,
        version=1,
        replaces=None,
        status=SuperbillStatus.DRAFT,
        service_month=of.month,
        practice=of.practice,
        patient=of.patient,
        payer=of.patient.coverage,
        billing=billing,
        diagnoses=diagnoses,
        diagnoses_left_out=left_out,
        lines=lines,
        withheld=withheld_lines(of, proposed, programs),
        time=time,
        records=records_on_file(of, programs, services),
        rules=rules,
        sources=sources_cited(of, rules, blocked),
        not_billed=blocked,
        warnings=tuple(
            each.message for each in of.determination.warnings if each.program in programs
        ),
        notes=notes_on(of, lines),
        rule_book_version=of.determination.rule_book_version,
        rule_book_fingerprint=of.determination.rule_book_fingerprint,
        ledger_head=of.ledger_head,
        data_as_of=data_as_of(of),
        missing=what_is_missing(
            of,
            services=services,
            lines=lines,
            diagnoses=diagnoses,
            billing=billing,
            programs=programs,
        ),
        attestations=tuple(
            each for each in of.attestations if any(each.program is line.program for line in lines)
        ),
        cautions=what_to_look_at(of, lines=lines, diagnoses=diagnoses, left_out=left_out),
        track_time=track_time(of, programs),
    )


def _programs_by_biller(
    of: Material, billers: Mapping[str, Sequence[ServiceLine]]
) -> dict[str, set[Program]]:
    """Give every program of the month to one superbill; what nobody bills goes to the first."""
    of_biller = {biller: {line.program for line in lines} for biller, lines in billers.items()}
    touched = {entry.program for entry in of.facts.time_entries}
    touched |= {each.program for each in of.determination.blocked}
    touched |= {each.program for each in of.determination.warnings}
    touched |= {each.program for each in of.determination.decisions_needed}
    for program in sorted(touched):
        if any(program in programs for programs in of_biller.values()):
            continue
        biller = of.biller_of(program)
        owner = biller if biller in of_biller else next(iter(of_biller), None)
        if owner is not None:
            of_biller[owner].add(program)
    return of_biller


def _claim_order(line: ServiceLine) -> tuple[int, bool, float, str]:
    """Order lines as claims list them: a base before the add-ons that its minutes reach later."""
    met_at = line.threshold_met_at
    reached = met_at.timestamp() if met_at is not None else 0.0
    return PROGRAM_ORDER[line.program], met_at is None, reached, line.code
