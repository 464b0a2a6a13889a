"""Issued superbills as values: kept whole, given back equal, and compared."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.support.superbill_case import CASE, crowded
from trellis_core.documents.superbill_csv import superbill_csv
from trellis_core.documents.superbill_json import superbills_json
from trellis_core.documents.superbill_pdf import superbill_pdf
from trellis_core.errors import InvalidValueError
from trellis_core.fees import read_schedule
from trellis_core.superbill import EVERY_PAYER, Charges, Closing, Superbill, SuperbillStatus
from trellis_core.superbill.issued import (
    claim_of,
    content_of,
    issued,
    packed,
    superbill_of,
    superbill_text,
    unpacked,
)
from trellis_core.values.unknown import UNKNOWN

CHARGED = read_schedule("code,amount,effective_from\n99490,95.00,2026-01-01\n", name="own")
CLOSING = Closing(
    period=0,
    at=datetime(2026, 12, 1, 9, 0, tzinfo=ZoneInfo("America/New_York")),
    event=57,
    ledger_seq=5012,
    ledger_head="9f" * 32,
)


def made(**changes: object) -> Superbill:
    bill = issued(CASE.only(), number=12, version=1, replaces=None, closed=CLOSING)
    return replace(bill, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bill",
    [
        CASE.only(),
        made(),
        crowded().only(),
        replace(CASE, charges=Charges({EVERY_PAYER: CHARGED})).only(),
        CASE.with_patient(qualified_medicare_beneficiary=UNKNOWN, last_seen_on=UNKNOWN).only(),
        CASE.with_patient(qualified_medicare_beneficiary=True, last_seen_on=None).only(),
        CASE.with_patient(coverage=None, birth_date=None, sex=None).only(),
        replace(CASE, ledger_head=None).only(),
    ],
    ids=["draft", "issued", "crowded", "charges", "unknown", "known", "nothing", "no head"],
)
def test_a_superbill_comes_back_equal_and_draws_the_same(bill: Superbill):
    text = superbill_text(bill)
    again = superbill_of(unpacked(*packed(text)))
    assert again == bill
    assert repr(again) == repr(bill)  # zones by name, too
    assert superbill_text(again) == text
    assert superbill_pdf([again], made_at=again.data_as_of) == superbill_pdf(
        [bill], made_at=bill.data_as_of
    )
    assert superbill_csv([again]) == superbill_csv([bill])
    month = bill.service_month
    assert superbills_json([again], month=month) == superbills_json([bill], month=month)


def test_moments_around_a_change_of_clocks_keep_their_offset():
    twice = [datetime(2026, 11, 1, 5, 30, tzinfo=UTC) + timedelta(hours=h) for h in (0, 1)]
    zone = ZoneInfo("America/New_York")
    for at in twice:
        bill = made(data_as_of=at.astimezone(zone))
        again = superbill_of(superbill_text(bill)).data_as_of
        assert (again.utcoffset(), again.tzname()) == (
            at.astimezone(zone).utcoffset(),
            at.astimezone(zone).tzname(),
        )


def test_keys_that_came_later_are_absent_in_what_was_kept_before():
    content = json.loads(superbill_text(CASE.only()))
    del content["superbill"]["closed"]
    del content["superbill"]["checkpoint"]
    content["superbill"]["added_one_day"] = 1
    assert superbill_of(json.dumps(content)) == CASE.only()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": "other/1", "superbill": {}}',
     '{"schema": "trellis.issued-superbill/1", "superbill": {"id": 1}}'],
)  # fmt: skip
def test_what_is_no_superbill_is_refused(text: str):
    with pytest.raises(InvalidValueError):
        superbill_of(text)


def test_a_packed_document_that_was_changed_is_refused():
    document, sha256 = packed("{}")
    assert unpacked(document, sha256) == "{}"
    for broken in (document[:-1], packed("[]")[0], b""):
        with pytest.raises(InvalidValueError):
            unpacked(broken, sha256)


def test_an_issued_superbill_is_no_draft():
    bill = made()
    assert (bill.status, bill.number, bill.version) == (SuperbillStatus.ISSUED, 12, 1)
    assert bill.is_ready
    assert not bill.is_withdrawn
    gone = issued(replace(CASE.only(), lines=()), number=13, version=2, replaces=12, closed=CLOSING)
    assert gone.is_withdrawn
    assert gone.notes[0] == "Replaces 12. Nothing is billed."


@pytest.mark.parametrize(
    "change",
    [
        {"rule_book_version": "2027.1", "rule_book_fingerprint": "sha256:00"},
        {"data_as_of": datetime(2027, 1, 1, tzinfo=UTC)},
        {"ledger_head": "00" * 32},
        {"rules": (), "sources": (), "records": (), "warnings": ("x",), "not_billed": ()},
        {"checkpoint": "Checkpoint 3", "closed": None, "number": 99, "version": 7},
        {"lines": tuple(replace(each, allowed=None, label="x", rules=(), fee_source=None,
                                unit_allowed=None, needed_minutes=1) for each in made().lines)},
        {"time": tuple(replace(each, reasons=(("x", "y"),)) for each in made().time)},
    ],
    ids=["book", "moment", "head", "wording", "issue", "amounts", "reasons"],
)  # fmt: skip
def test_what_the_rule_book_says_is_no_other_content(change: dict[str, object]):
    assert content_of(made(**change)) == content_of(made())


def line(**changes: object) -> dict[str, object]:
    first, *rest = made().lines
    return {"lines": (replace(first, **changes), *rest)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "is_claim"),
    [
        (line(units=2), True),
        (line(code="99487"), True),
        (line(modifiers=("25",)), True),
        (line(date_of_service=datetime(2026, 11, 29).date()), True),  # noqa: DTZ001
        (line(place_of_service="02"), True),
        (line(charge=Decimal("95.00")), True),
        (line(diagnosis_pointers=("B",)), True),
        (line(supervising=None), True),
        ({"lines": made().lines[:1]}, True),
        ({"diagnoses": made().diagnoses[:1]}, True),
        (line(minutes=43), False),
        (line(entries=("t1",)), False),
        (line(performed_by=()), False),
        ({"time": made().time[:1]}, False),
        ({"time": tuple(replace(each, seconds=1) for each in made().time)}, False),
        ({"time": tuple(replace(each, person="Another") for each in made().time)}, False),
    ],
)
def test_what_differs_is_said_and_whether_the_claim_does(change, is_claim: bool):
    assert content_of(made(**change)) != content_of(made())
    assert (claim_of(made(**change)) != claim_of(made())) is is_claim
