"""Superbills as charges, documents and, where asked for, draft claims.

A line is a ChargeItem, whatever version it stands on: versions share the ids of their lines. A program's
time is under its first line that time earned; the program's other lines are part of that one, so that
no minute stands behind two charges. A superbill is a DocumentReference with its PDF and, once issued,
with its own words as JSON, from which another Trellis has it again unchanged.
"""

import base64
import hashlib
from binascii import Error as NotBase64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, cast

from trellis_core.care.vocabulary import Program
from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.claim import CARE_TEAM_ROLE, draft_claim, people_of, person_on_claim
from trellis_core.fhir.courses import Courses
from trellis_core.fhir.names import Names
from trellis_core.fhir.shapes import JsonValue, Resource, concept, money, period, service_code
from trellis_core.fhir.time import KIND as TIME
from trellis_core.store.chart_query import ChartRows
from trellis_core.superbill import Superbill, SuperbillLine
from trellis_core.superbill.issued import superbill_text

LINE: Final = "superbill-line"
DOCUMENT: Final = "superbill"
JSON_TYPE: Final = "application/json"
PDF_TYPE: Final = "application/pdf"
NOTE_CODE: Final = "51851-4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A superbill and what became of it.

    Attributes:
        superseded_by: Number of the version that replaced it; None while it stands.
        is_submitted: A claim was sent from it.
        pdf: The superbill as a PDF; None to leave it out.
    """

    bill: Superbill
    superseded_by: int | None = None
    is_submitted: bool = False
    pdf: bytes | None = None

    @property
    def is_issued(self) -> bool:
        """It has a number."""
        return self.bill.number is not None

    @property
    def has_document(self) -> bool:
        """There is something to read of it."""
        return self.is_issued or self.pdf is not None


def document_key(bill: Superbill) -> str:
    """Return a superbill's key: its number, or its id until it has one."""
    return bill.id if bill.number is None else str(bill.number)


def charge_resources(
    names: Names,
    chart: ChartRows,
    charged: Sequence[Charged],
    roots: Mapping[str, str],
    *,
    with_claims: bool = False,
) -> Iterator[Resource]:
    """Write superbills.

    A draft that would replace what stands as issued changes no charge until it is issued.

    Args:
        names: How records are called.
        chart: Whose superbills.
        charged: Every version of what was issued, and drafts.
        roots: The key of the Procedure that shows each time entry; those of other patients are not in it.
        with_claims: Add a draft Claim for each superbill that is ready or issued, and stands.
    """
    if not charged:
        return
    writer = _Writer(names, chart, charged, roots)
    for each in charged:
        if each.has_document:
            yield writer.document(each)
    for each in writer.standing:
        yield from writer.charges(each)
    yield from writer.aborted()
    if with_claims:
        for each in writer.standing:
            claim = draft_claim(names, chart, each.bill, key=document_key(each.bill))
            if claim is not None:
                yield claim


class _Writer:
    """Writes one patient's superbills."""

    def __init__(
        self,
        names: Names,
        chart: ChartRows,
        charged: Sequence[Charged],
        roots: Mapping[str, str],
    ) -> None:
        self._names = names
        self._charged = charged
        self._courses = Courses(chart)
        self._subject = names.reference("patient", chart.patient.id)
        self._practice = names.reference("practice", names.practice_id)
        self._numbers = {each.bill.number for each in charged}
        issued = {each.bill.id for each in charged if each.is_issued and each.superseded_by is None}
        self.standing: Final = [
            each
            for each in charged
            if each.superseded_by is None and (each.is_issued or each.bill.id not in issued)
        ]
        self._roots = roots
        newest = {roots[each.id]: each for each in chart.entries if each.id in roots}
        self._days = {root: each.service_day for root, each in newest.items()}
        self._behind: set[str] = set()
        self._written: set[str] = set()

    # Charges

    def charges(self, of: Charged) -> Iterator[Resource]:
        """Write the lines of a superbill that stands."""
        bases: dict[Program, str] = {}
        for line in of.bill.lines:
            if line.entries:
                bases.setdefault(line.program, line.id)
        for line in of.bill.lines:
            bases.setdefault(line.program, line.id)
        status = self._status(of)
        for line in of.bill.lines:
            if line.id in self._written:
                continue
            self._written.add(line.id)
            resource = self._charge(of, line, status)
            base = bases[line.program]
            if base != line.id:
                resource["partOf"] = [self._names.reference(LINE, base)]
            else:
                service = self._service(of.bill, line)
                if service:
                    resource["service"] = service
            yield resource

    def aborted(self) -> Iterator[Resource]:
        """Write lines that only replaced versions have: as the newest of them said."""
        replaced = [each for each in self._charged if each.superseded_by is not None]
        for each in sorted(replaced, key=lambda one: -(one.bill.number or 0)):
            for line in each.bill.lines:
                if line.id not in self._written:
                    self._written.add(line.id)
                    yield self._charge(each, line, "aborted")

    @staticmethod
    def _status(of: Charged) -> str:
        if of.is_submitted:
            return "billed"
        return "billable" if of.is_issued or of.bill.is_ready else "planned"

    def _charge(self, of: Charged, line: SuperbillLine, status: str) -> Resource:
        month = of.bill.service_month
        resource = self._names.head(LINE, line.id)
        if line.allowed is not None:
            resource["extension"] = [
                {"url": profiles.ALLOWED_AMOUNT, "valueMoney": money(line.allowed)}
            ]
        resource |= {
            "identifier": [self._names.identifier(LINE, line.id)],
            "status": status,
            "code": service_code(line.code, line.label),
            "subject": self._subject,
            "occurrencePeriod": period(month.first_day, month.last_day),
            "performingOrganization": self._practice,
            "quantity": {"value": line.units},
        }
        if of.bill.closed is not None:
            resource["enteredDate"] = self._names.moment(of.bill.closed.at)
        performers = [
            {
                "function": concept(CARE_TEAM_ROLE, role),
                "actor": person_on_claim(self._names, person),
            }
            for role, person in people_of(of.bill, line)
        ]
        if performers:
            resource["performer"] = performers
        enrollment = self._courses.enrollment(line.program.value, month.first_day, month.last_day)
        if enrollment is not None:
            resource["context"] = self._names.reference("enrollment", enrollment.id)
        if line.charge is not None:
            resource["priceOverride"] = money(line.charge)
        codes = {each.letter: each.icd10 for each in of.bill.diagnoses}
        reasons = [concept(profiles.ICD10, codes[each]) for each in line.diagnosis_pointers]
        if reasons:
            resource["reason"] = reasons
        supporting = self._supporting(of, line, month.first_day, month.last_day)
        if supporting:
            resource["supportingInformation"] = supporting
        return resource

    def _service(self, bill: Superbill, line: SuperbillLine) -> list[Resource]:
        """Return the Procedures that earned a program's lines, as far as they are of the month."""
        month = bill.service_month
        found = []
        for entry_id in line.entries:
            root = self._roots.get(entry_id)
            if root is None or root in self._behind:
                continue
            day = self._days.get(root)
            if day is None or month.first_day <= day <= month.last_day:
                self._behind.add(root)
                found.append(self._names.reference(TIME, root))
        return found

    def _supporting(
        self, of: Charged, line: SuperbillLine, first: date, last: date
    ) -> list[Resource]:
        program = line.program.value
        found = [
            self._names.reference("consent", each.id)
            for each in self._courses.consents(program, first, last)
        ]
        plan = self._courses.plan(program, last)
        if plan is not None:
            found.append(self._names.reference("care-plan", plan.id))
        if of.has_document:
            found.append(self._names.reference(DOCUMENT, document_key(of.bill)))
        return found

    # Documents

    def document(self, of: Charged) -> Resource:
        """Write a superbill as a document."""
        bill, key = of.bill, document_key(of.bill)
        resource = self._names.head(DOCUMENT, key, "us-core-documentreference")
        resource |= {
            "identifier": [self._names.identifier(DOCUMENT, key)],
            "status": "current" if of.superseded_by is None else "superseded",
            "docStatus": "final" if of.is_issued else "preliminary",
            "type": concept(profiles.LOINC, NOTE_CODE, "Superbill"),
            "category": [concept(profiles.DOCUMENT, "superbill", "Superbill")],
            "subject": self._subject,
            "date": self._names.moment(_said_at(bill)),
            "author": [self._practice],
            "custodian": self._practice,
            "description": f"{_title(bill)}, version {bill.version}, {bill.service_month}",
            "content": _contents(of, key),
            "context": {
                "period": period(bill.service_month.first_day, bill.service_month.last_day)
            },
        }
        if of.is_issued and bill.replaces is not None:
            resource["relatesTo"] = [{"code": "replaces", "target": self._version(bill.replaces)}]
        return resource

    def _version(self, number: int) -> Resource:
        """Refer to an earlier version; to one that does not go along by its identifier alone."""
        if number in self._numbers:
            return self._names.reference(DOCUMENT, str(number))
        return {
            "type": "DocumentReference",
            "identifier": self._names.identifier(DOCUMENT, str(number)),
        }


def _said_at(bill: Superbill) -> datetime:
    return bill.data_as_of if bill.closed is None else bill.closed.at


def _title(bill: Superbill) -> str:
    return "Superbill draft" if bill.number is None else f"Superbill {bill.number}"


def _contents(of: Charged, key: str) -> list[JsonValue]:
    contents: list[JsonValue] = []
    if of.pdf is not None:
        contents.append({"attachment": _attachment(of.pdf, PDF_TYPE, f"superbill-{key}.pdf")})
    if of.is_issued:
        text = superbill_text(replace(of.bill, checkpoint=None, replaced_by=None))
        contents.append(
            {"attachment": _attachment(text.encode(), JSON_TYPE, f"superbill-{key}.json")}
        )
    return contents


def _attachment(content: bytes, content_type: str, title: str) -> Resource:
    return {
        "contentType": content_type,
        "data": base64.b64encode(content).decode("ascii"),
        "size": len(content),
        "hash": _sha1(content),
        "title": title,
    }


def _sha1(content: bytes) -> str:
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


# --- reading issued superbills back -------------------------------------------------------------


def issued_text_of(resource: Mapping[str, object]) -> str | None:
    """Return the text of the issued superbill that a document holds; None where it holds none.

    Raises:
        InputRefusedError: It holds one that is not as it was written; the message names the place.
    """
    contents = resource.get("content")
    found = [
        each.get("attachment")
        for each in (contents if isinstance(contents, Sequence) else ())
        if isinstance(each, Mapping)
    ]
    texts = [
        each for each in found if isinstance(each, Mapping) and each.get("contentType") == JSON_TYPE
    ]
    if not _is_superbill(resource) or not texts:
        return None
    if len(texts) > 1:
        raise _refused("content", "It holds two texts of one superbill.")
    try:
        content = base64.b64decode(cast("str", texts[0].get("data")), validate=True)
        text = content.decode("utf-8")
    except (TypeError, ValueError, NotBase64Error):
        raise _refused("content.attachment.data", "The superbill cannot be read.") from None
    if texts[0].get("hash") != _sha1(content) or texts[0].get("size") != len(content):
        raise _refused("content.attachment.hash", "The superbill was changed after its export.")
    return text


def _is_superbill(resource: Mapping[str, object]) -> bool:
    wanted = concept(profiles.DOCUMENT, "superbill")["coding"]
    categories = resource.get("category")
    return any(
        isinstance(each, Mapping) and each.get("coding") == wanted
        for each in (categories if isinstance(categories, Sequence) else ())
    )


def _refused(path: str, message: str) -> InputRefusedError:
    return InputRefusedError("SUPERBILL", path, message)
