"""Sends an export to a FHIR server: whole transactions, or documents by themselves.

Everything that is sent is found again by its identifier, so that sending it twice changes nothing.
What fails stops the sending; a report says what, by code and place, and never in the server's words.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import quote, urlencode

from trellis_core.errors import InvalidValueError
from trellis_core.fhir.alone import related_ids, standing_alone
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.writing import json_line
from trellis_core.services.fhir_wire import (
    FORM,
    NoAnswerError,
    Patience,
    Reply,
    Wire,
    checked_address,
    issues_of,
    objects_in,
)

__all__ = ["PushReport", "checked_address", "push", "push_documents"]

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_ENTRY: Final = re.compile(r"Bundle\.entry\[(\d+)\]")
_RECORD_NUMBER: Final = "MR"
_USUAL: Final = Patience()
_NOTHING_BACK: Final = {"Prefer": "return=minimal"}
_MEANINGS: Final = {
    400: "it does not accept what was sent",
    401: "it asks for a token, or does not accept the one it got",
    403: "the token does not allow this",
    404: "it does not know this address",
    405: "it does not take this kind of request",
    409: "this contradicts what it holds",
    412: "several of its records match one that was sent; have them merged there",
    413: "this is more at once than it takes",
    415: "it does not take FHIR R4 as JSON",
    422: "its rules do not allow what was sent",
    429: "it is busy",
    503: "it is busy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What came of sending.

    Attributes:
        what: What was sent one by one: ``transaction`` or ``document``.
        transactions: How many of them the server took.
        created: Records that the server did not have.
        updated: Records that it had and that were sent again; whether that made a new version is the
            server's to know.
        unchanged: Records that it had and kept as they were.
        retried: How often the same was sent again.
        failures: What was not taken and why, a sentence each, by number and id.
    """

    what: str
    transactions: int
    created: int
    updated: int
    unchanged: int
    retried: int
    failures: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything was taken."""
        return not self.failures

    @property
    def lines(self) -> tuple[str, ...]:
        """The report in sentences."""
        several = "" if self.transactions == 1 else "s"
        again = f" Sent again after a pause: {self.retried}." if self.retried else ""
        taken = (
            f"{self.transactions:,} {self.what}{several} taken by the server: {self.created:,} records "
            f"made, {self.updated:,} brought up to date, {self.unchanged:,} already there.{again}"
        )
        return (
            taken,
            *self.failures,
            *(() if self.is_complete else ("Sending everything again is safe.",)),
        )


def tell_nobody(done: int) -> None:
    """Say nothing of how far it got."""


@dataclass(slots=True)
class _Tally:
    what: str
    taken: int = 0
    retried: int = 0
    records: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def report(self) -> PushReport:
        return PushReport(
            what=self.what,
            transactions=self.taken,
            created=self.records["created"],
            updated=self.records["updated"],
            unchanged=self.records["unchanged"],
            retried=self.retried,
            failures=tuple(self.failures),
        )


class _StoppedError(Exception):
    """Nothing more is to be sent; the reason is a sentence for the report."""


def push(
    transactions: Iterable[Resource],
    *,
    to: str,
    token: str | None,
    told: Callable[[int], None] = tell_nobody,
    patience: Patience = _USUAL,
) -> PushReport:
    """Send transactions one after the other; the first that is not taken is the last that is sent.

    Args:
        transactions: Bundles that stand by themselves; each entry is found again by the server.
        to: The server's base address: https, or http on this machine.
        token: The bearer token; None for none.
        told: Told how many were taken.
        patience: How long to go on with a server that is busy.

    Raises:
        CommandRefusedError: The address or the token cannot be used.
        InvalidValueError: An entry would be made twice if it were sent twice.
    """
    tally = _Tally("transaction")
    with Wire(to, token, patience) as wire:
        for number, bundle in enumerate(transactions, start=1):
            place = f"Transaction {number}"
            entries = _repeatable(place, objects_in(bundle, "entry"))
            try:
                reply = wire.post("", json_line(bundle), _NOTHING_BACK)
                tally.retried += reply.retried
                tally.records += _results(place, reply, entries)
            except NoAnswerError as problem:
                tally.failures.append(f"{place} was not taken: {problem}.")
            except _StoppedError as problem:
                tally.failures.append(str(problem))
            else:
                tally.taken += 1
                told(tally.taken)
                continue
            break
    return tally.report()


def _repeatable(place: str, entries: list[Resource]) -> list[Resource]:
    for number, entry in enumerate(entries):
        request = cast("Mapping[str, str]", entry.get("request") or {})
        if request.get("method") not in {"PUT", "POST"} or (
            request["method"] == "POST" and not request.get("ifNoneExist")
        ):
            raise InvalidValueError(
                f"{place}, entry {number} would be made twice if it were sent twice: it needs a PUT, or "
                "a POST with ifNoneExist."
            )
    return entries


def _results(place: str, reply: Reply, entries: list[Resource]) -> Counter[str]:
    """Count what became of the entries.

    Raises:
        _StoppedError: The transaction was not taken, or not as a whole.
    """
    if not reply.is_taken:
        raise _StoppedError(_refusal(place, reply, entries))
    answers = [
        cast("Resource", each.get("response") or {}) for each in objects_in(reply.document, "entry")
    ]
    if len(answers) != len(entries):
        raise _StoppedError(
            f"{place}: the server's answer does not tell what became of its {len(entries)} records."
        )
    found: Counter[str] = Counter()
    for number, (entry, answer) in enumerate(zip(entries, answers, strict=True)):
        status = str(answer.get("status"))[:3]
        method = cast("Mapping[str, str]", entry["request"])["method"]
        if status not in {"200", "201", "204", "304"}:
            shown = status if status.isdigit() else "no status"
            raise _StoppedError(
                f"{place} was not taken as a whole: entry {number}, {_record(entry)}: {shown}."
            )
        is_kept = status == "304" or (method == "POST" and status != "201")
        found["created" if status == "201" else "unchanged" if is_kept else "updated"] += 1
    return found


def _record(entry: Resource) -> str:
    """Name a record by type and id."""
    resource = cast("Resource", entry.get("resource") or {})
    identity = str(entry.get("fullUrl") or resource.get("id") or "").removeprefix("urn:uuid:")
    return f"{resource.get('resourceType')} {identity}".strip()


def _refusal(place: str, reply: Reply, entries: list[Resource]) -> str:
    meaning = _MEANINGS.get(reply.status)
    if 300 <= reply.status < 400:  # noqa: PLR2004 - the statuses of redirects
        meaning = "it is somewhere else; give the address that it has there"
    if reply.busy_for is not None:
        meaning = f"{meaning} and asks to wait {reply.busy_for:.0f} seconds"
    said = f"{place} was not taken: the server answered {reply.status}"
    said += f", {meaning}." if meaning else "."
    for issue in issues_of(reply.document):
        where = [_where(each, entries) for each in issue.places]
        said += f" {issue.code}{' at ' if where else ''}{', '.join(where)}."
    return said


def _where(path: str, entries: list[Resource]) -> str:
    found = _ENTRY.match(path)
    if not found or int(found.group(1)) >= len(entries):
        return path
    return f"{path} ({_record(entries[int(found.group(1))])})"


def push_documents(
    documents: Iterable[tuple[Resource, Resource]],
    *,
    to: str,
    token: str | None,
    told: Callable[[int], None] = tell_nobody,
    patience: Patience = _USUAL,
) -> PushReport:
    """Send documents by themselves, each to the server's own record of its patient.

    The patient is the one that bears the same record number there, or else another identifier of his,
    and is of the same birth date. Where the server has none or several, the document is left out and
    the report says so. A document that replaces an earlier one of these says so there too.

    Args:
        documents: Each with its patient; those that are replaced before those that replace them.
        to: The server's base address: https, or http on this machine.
        token: The bearer token; None for none.
        told: Told how many were taken.
        patience: How long to go on with a server that is busy.

    Raises:
        CommandRefusedError: The address or the token cannot be used.
        InvalidValueError: A document has no identifier, so that it would be made twice.
    """
    tally = _Tally("document")
    with Wire(to, token, patience) as wire:
        sender = _Documents(wire, tally)
        for patient, document in documents:
            place = f"Document {document.get('id')}"
            try:
                sender.send(place, patient, document)
            except NoAnswerError as problem:
                tally.failures.append(f"{place} was not taken: {problem}.")
                break
            except _StoppedError as problem:
                tally.failures.append(str(problem))
                break
            told(tally.taken)
    return tally.report()


class _Documents:
    """Sends documents over one connection, and remembers what a patient is called there."""

    def __init__(self, wire: Wire, tally: _Tally) -> None:
        self._wire = wire
        self._tally = tally
        self._patients: dict[str, str | None] = {}
        self._identifiers: dict[str, Resource] = {}

    def send(self, place: str, patient: Resource, document: Resource) -> None:
        """Send one document, or note why its patient cannot be told."""
        key = str(patient.get("id"))
        if key not in self._patients:
            self._patients[key] = self._patient(place, patient)
        subject = self._patients[key]
        if subject is None:
            self._tally.failures.append(
                f"{place} was left out: the server has no one record that is surely Patient {key}."
            )
            return
        identifier = next(iter(_record_number_first(objects_in(document, "identifier"))), None)
        if identifier is None:
            raise InvalidValueError(f"{place} has no identifier that it could be found again by.")
        alone = standing_alone(document, subject=subject, targets=self._targets(place, document))
        reply = self._wire.post(
            "DocumentReference",
            json_line(alone),
            {
                "If-None-Exist": f"identifier={quote(_token(identifier), safe=':/|')}",
                **_NOTHING_BACK,
            },
        )
        self._tally.retried += reply.retried
        if not reply.is_taken:
            raise _StoppedError(_refusal(place, reply, []))
        self._identifiers[str(document.get("id"))] = identifier
        self._tally.taken += 1
        self._tally.records["created" if reply.status == 201 else "unchanged"] += 1  # noqa: PLR2004

    def _targets(self, place: str, document: Resource) -> dict[str, str]:
        found = {}
        for identity in related_ids(document):
            identifier = self._identifiers.get(identity)
            there = self._bearers(place, "DocumentReference", identifier) if identifier else []
            if len(there) == 1:
                found[identity] = f"DocumentReference/{there[0]['id']}"
        return found

    def _patient(self, place: str, patient: Resource) -> str | None:
        """Return the patient's address on the server; None where that is not certain."""
        for identifier in _record_number_first(objects_in(patient, "identifier")):
            there = self._bearers(place, "Patient", identifier)
            if there:
                born = {each["birthDate"] for each in (patient, there[0]) if each.get("birthDate")}
                is_certain = len(there) == 1 and len(born) <= 1
                return f"Patient/{there[0]['id']}" if is_certain else None
        return None

    def _bearers(self, place: str, resource_type: str, identifier: Resource) -> list[Resource]:
        """Return the server's records that bear an identifier.

        Asked for by a form, because an address with a record number in it would be kept in logs. A record
        that does not bear it is passed over: some servers answer what they do not understand with all.
        """
        asked = urlencode({"identifier": _token(identifier), "_count": "2"})
        reply = self._wire.post(f"{resource_type}/_search", asked.encode(), {"Content-Type": FORM})
        self._tally.retried += reply.retried
        if not reply.is_taken:
            raise _StoppedError(_refusal(place, reply, []))
        found = [
            cast("Resource", each["resource"])
            for each in objects_in(reply.document, "entry")
            if isinstance(each.get("resource"), dict)
        ]
        return [
            each
            for each in found
            if each.get("resourceType") == resource_type
            and _ID.fullmatch(str(each.get("id")))
            and any(_same(identifier, other) for other in objects_in(each, "identifier"))
        ]


def _record_number_first(identifiers: list[Resource]) -> list[Resource]:
    whole = [each for each in identifiers if each.get("system") and each.get("value")]
    return sorted(whole, key=lambda each: not _is_record_number(each))


def _is_record_number(identifier: Resource) -> bool:
    kind = cast("Resource | None", identifier.get("type"))
    return any(each.get("code") == _RECORD_NUMBER for each in objects_in(kind, "coding"))


def _same(one: Resource, other: Resource) -> bool:
    return (one["system"], one["value"]) == (other.get("system"), other.get("value"))


def _token(identifier: Resource) -> str:
    """Return an identifier as a search asks for it."""
    value = re.sub(r"([\\,$|])", r"\\\1", str(identifier["value"]))
    return f"{identifier['system']}|{value}"
