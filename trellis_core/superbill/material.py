"""What superbills are drawn up from, and the questions that every part of one asks of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from trellis_core.care.people import Patient, Practice
from trellis_core.care.records import Condition, Enrollment
from trellis_core.care.vocabulary import Program
from trellis_core.rules.determination import Determination
from trellis_core.rules.facts import Facts
from trellis_core.rules.rulebook import RuleBook
from trellis_core.superbill.bill import Attestation, Practitioner, known
from trellis_core.superbill.charges import Charges
from trellis_core.superbill.common import Common
from trellis_core.values.periods import ServiceMonth, zone_named

CHRONIC_MONTHS: Final = {
    Program.CCM: "ccm.conditions.initial.expected_months",
    Program.APCM: "apcm.conditions.initial.expected_months",
}
"""Rule-book values that say how long a chronic condition is expected to last."""

BEHAVIORAL: Final = frozenset({Program.BHI, Program.COCM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that one patient-month's superbills are drawn up from.

    Attributes:
        common: What the practice's patients have in common in the month.
        charges: The practice's own lists.
        attestations: What practitioners attested about the month's diagnoses.
        receipts: The codes of entries that do not bear theirs, by their number in the ledger.
        elsewhere: Programs in which another practice has the patient, as far as is known.
    """

    practice: Practice
    patient: Patient
    common: Common
    facts: Facts
    determination: Determination
    rule_book: RuleBook
    ledger_head: str | None
    charges: Charges
    attestations: Sequence[Attestation]
    receipts: Mapping[int, str] = field(default_factory=dict)
    elsewhere: frozenset[Program] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        """The practice's zone."""
        return zone_named(self.practice.time_zone)

    @property
    def month(self) -> ServiceMonth:
        """The service month."""
        return self.determination.service_month

    def enrollment(self, program: Program) -> Enrollment | None:
        """Return the enrollment in a program that holds in the month."""
        month = self.month
        for each in reversed(known(self.facts.enrollments) or ()):
            started, ended = known(each.started_on), known(each.ended_on)
            if (
                each.program is program
                and (started is None or started <= month.last_day)
                and (ended is None or ended >= month.first_day)
            ):
                return each
        return None

    def biller_of(self, program: Program) -> str:
        """Return who bills a program: the enrollment's practitioner, else the month's."""
        enrollment = self.enrollment(program)
        named = known(enrollment.billing_practitioner) if enrollment else None
        return named or self.facts.billing_practitioner or ""

    def practitioner(self, staff_id: str) -> Practitioner | None:
        """Return a person as a claim names one; None for nobody of the practice."""
        return self.common.practitioner(staff_id)

    def signature(self, staff_id: str) -> str:
        """Return a person's name and credential."""
        person = self.common.people.get(staff_id)
        return person.signature or person.id if person else "someone outside the practice"

    def attested(self, program: Program) -> Attestation | None:
        """Return what was attested about a program's diagnoses; None for nothing."""
        return next((each for each in self.attestations if each.program is program), None)

    def conditions(self, program: Program) -> tuple[Condition, ...]:
        """Return the conditions that a program's service is for.

        Those a practitioner attested come as attested; without that, those that fit the program, in
        the chart's order.
        """
        attested = self.attested(program)
        if attested is not None:
            on_chart = {each.id: each for each in known(self.facts.patient.conditions) or ()}
            return tuple(on_chart[each] for each in attested.conditions if each in on_chart)
        return self._fitting(program)

    def _fitting(self, program: Program) -> tuple[Condition, ...]:
        conditions = known(self.facts.patient.conditions) or ()
        if program is Program.PCM:
            enrollment = self.enrollment(program)
            the_one = known(enrollment.condition) if enrollment else None
            return tuple(each for each in conditions if the_one and each.icd10 == the_one)
        if program in BEHAVIORAL:
            return tuple(each for each in conditions if each.behavioral is True)
        if program is Program.CCM:
            return self._chronic(conditions, program)
        if program is Program.APCM:
            return self._chronic(conditions, program) or conditions
        return conditions

    def _chronic(self, conditions: Sequence[Condition], program: Program) -> tuple[Condition, ...]:
        least = self.common.once(_least_months, self.rule_book, program, self.month)
        return tuple(
            each
            for each in conditions
            if each.significant_risk is True and (known(each.expected_months) or 0) >= least
        )


def _least_months(rule_book: RuleBook, program: Program, month: ServiceMonth) -> int:
    return rule_book.integer(CHRONIC_MONTHS[program], on=month.last_day)
