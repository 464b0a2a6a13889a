"""Superbills as charges, documents and claims: each minute once, each version there, each cent kept."""

import base64
import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.support.fhir_case import (
    Charts,
    Month,
    extension,
    months_of,
    of_type,
    read,
    referred,
)
from tests.support.month_case import MonthCase
from tests.support.superbill_case import finished_bill
from trellis_core.access import AccessRole
from trellis_core.errors import InputRefusedError
from trellis_core.fhir import profiles
from trellis_core.fhir.charges import Charged, charge_resources, issued_text_of
from trellis_core.fhir.writing import json_line
from trellis_core.services.claims import MarkSubmitted, mark_submitted
from trellis_core.services.time_log import CorrectTime, correct_time
from trellis_core.store.chart_query import ChartRows
from trellis_core.store.engine import Store
from trellis_core.store.tables import SUPERBILL, PastCoverageRow, PatientRow
from trellis_core.superbill.issued import superbill_of, unpacked
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
NOON = datetime(2026, 11, 10, 17, 0, tzinfo=UTC)


@pytest.fixture
def case(sqlite_store: Store) -> MonthCase:
    made = MonthCase(sqlite_store, clock=FixedClock(datetime(2026, 12, 1, 14, tzinfo=UTC)))
    made.enrolled("p1")
    return made


def correct(case: MonthCase, entry_id: str, seconds: int | None) -> None:
    correct_time(
        CorrectTime(
            entry_id_new=new_entry_id(), entry_id=entry_id, seconds=seconds, reason="It was so"
        ),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )


def month_of(case: MonthCase) -> tuple[Charts, Month]:
    charts = read(case.store)
    return charts, months_of(case.store, charts, NOVEMBER, as_of=case.now())["p1"]


def charges_of(case: MonthCase, *, with_claims: bool = False) -> list[dict[str, object]]:
    charts, month = month_of(case)
    return charts.charges(charts.of("p1"), month.charged, with_claims=with_claims)


def items(resources: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    return {each["code"]["coding"][0]["code"]: each for each in of_type(resources, "ChargeItem")}


def with_issued(case: MonthCase) -> str:
    """Sixty-two minutes, closed; return the entry that earns the second unit."""
    case.log("p1", 25, at=NOON)
    second = case.log("p1", 37, at=NOON + timedelta(days=1)).entry.id
    case.close()
    return second


def test_each_minute_of_the_sample_practice_stands_behind_one_charge(sample_store: Store) -> None:
    charts = read(sample_store)
    months = months_of(sample_store, charts, NOVEMBER)
    sums = {}
    behind = []
    for chart in charts.all:
        month = months[chart.patient.id]
        seconds = {
            each["id"]: extension(each, profiles.COUNTED_TIME)["valueDuration"]["value"]
            for each in of_type(charts.time(chart, month.counted), "Procedure")
        }
        lines = {
            charts.names.id("superbill-line", line.id): line
            for each in month.charged
            for line in each.bill.lines
        }
        found = charts.charges(chart, month.charged)
        assert {each["id"] for each in found} == set(lines)
        for each in found:
            line = lines[each["id"]]
            service = [referred(link) for link in each.get("service", ())]
            behind += service
            assert bool(service) == (line.minutes is not None and "partOf" not in each)
            if service:
                sums[each["id"]] = sum(seconds[one] for one in service) // 60
                assert sums[each["id"]] == line.minutes
            for base in each.get("partOf", ()):
                assert lines[referred(base)].program is line.program
                assert referred(base) in sums
    assert len(sums) > 10
    assert len(set(behind)) == len(behind)


def test_an_edit_that_earns_the_same_changes_no_charge(case: MonthCase) -> None:
    entry_id = case.log("p1", 45, at=NOON).entry.id
    before = charges_of(case, with_claims=True)
    correct(case, entry_id, 46 * 60)

    assert charges_of(case, with_claims=True) == before
    assert len(before) == 3


def test_a_charge_says_what_for_whom_by_whom_and_when(case: MonthCase) -> None:
    case.log("p1", 45, at=NOON)
    charts, month = month_of(case)
    found = items(charts.charges(charts.of("p1"), month.charged))
    first, more = found["99490"], found["99439"]
    (line, *_) = month.charged[0].bill.lines

    assert first["status"] == "billable"
    assert first["occurrencePeriod"] == {"start": "2026-11-01", "end": "2026-11-30"}
    assert first["quantity"] == {"value": 1}
    assert first["code"] == {"coding": [{"system": profiles.CPT, "code": "99490"}],
                             "text": line.label}  # fmt: skip
    (biller,) = first["performer"]
    assert biller["actor"]["identifier"] == {"system": profiles.NPI, "value": "1234567893"}
    assert referred(biller["actor"]) == charts.names.id("staff", "dr-1")
    assert {each["coding"][0]["system"] for each in first["reason"]} == {profiles.ICD10}
    assert "priceOverride" not in first
    assert referred(more["partOf"][0]) == first["id"]
    assert "service" not in more
    kinds = {each["type"] for each in first["supportingInformation"]}
    assert kinds == {"Consent", "CarePlan"}
    assert first["context"]["type"] == "EpisodeOfCare"
    assert "enteredDate" not in first
    case.close()
    assert items(charges_of(case))["99490"]["enteredDate"] == "2026-12-01T09:00:00-05:00"


def test_a_charge_is_planned_until_its_draft_is_ready_and_billed_once_it_was_sent(
    case: MonthCase,
) -> None:
    case.log("p1", 25, at=NOON)
    case.change_patient("p1", sex=None)
    assert items(charges_of(case))["99490"]["status"] == "planned"
    case.change_patient("p1", sex="female")
    assert items(charges_of(case))["99490"]["status"] == "billable"
    case.close()
    assert items(charges_of(case))["99490"]["status"] == "billable"
    submit(case, 1)
    assert items(charges_of(case))["99490"]["status"] == "billed"


def submit(case: MonthCase, number: int) -> None:
    mark_submitted(
        MarkSubmitted(number=number, on=date(2026, 12, 1)),
        store=case.store,
        actor=case.actor(),
        clock=case.clock,
    )


def test_a_replaced_superbill_stays_and_what_it_alone_billed_is_aborted(case: MonthCase) -> None:
    second = with_issued(case)
    (before,) = of_type(charges_of(case), "DocumentReference")
    assert before["status"] == "current"
    assert "relatesTo" not in before
    case.reopen()
    correct(case, second, None)
    changed = charges_of(case)
    assert items(changed)["99439"]["status"] == "billable"
    case.close()
    found = charges_of(case)
    first, new = of_type(found, "DocumentReference")
    lines = items(found)

    assert first == {**before, "status": "superseded", "content": first["content"]}
    assert first["content"][1] == before["content"][1]
    assert (new["status"], new["docStatus"]) == ("current", "final")
    assert new["relatesTo"] == [
        {
            "code": "replaces",
            "target": {"reference": f"urn:uuid:{first['id']}", "type": "DocumentReference"},
        }
    ]
    assert {code: each["status"] for code, each in lines.items()} == {
        "99490": "billable",
        "99439": "aborted",
    }
    assert not {"service", "partOf"} & set(lines["99439"])
    documents = [
        referred(each)
        for code in ("99490", "99439")
        for each in lines[code]["supportingInformation"]
        if each["type"] == "DocumentReference"
    ]
    assert documents == [new["id"], first["id"]]


def test_a_document_holds_the_pdf_whole_and_what_was_issued_letter_by_letter(
    case: MonthCase,
) -> None:
    second = with_issued(case)
    (document,) = of_type(charges_of(case), "DocumentReference")
    pdf, text = (each["attachment"] for each in document["content"])
    content = base64.b64decode(pdf["data"])
    outside = json.dumps({**document, "content": [pdf["title"], text["title"]]})

    assert pdf["contentType"] == "application/pdf"
    assert pdf["size"] == len(content)
    assert base64.b64decode(pdf["hash"]) == hashlib.sha1(content, usedforsecurity=False).digest()
    assert "99490" in PdfReader(io.BytesIO(content)).pages[0].extract_text()
    assert document["type"]["coding"] == [{"system": profiles.LOINC, "code": "51851-4"}]
    assert document["category"][0]["coding"][0]["code"] == "superbill"
    assert "Fern" not in outside
    assert "Ada" not in outside

    case.reopen()
    correct(case, second, 10 * 60)
    case.close()
    documents = of_type(charges_of(case), "DocumentReference")
    with case.store.reading() as unit:
        stored = [
            unpacked(row.document, row.sha256)
            for row in unit.connection.execute(select(SUPERBILL).order_by(SUPERBILL.c.number))
        ]

    assert [issued_text_of(each) for each in documents] == stored
    assert len(stored) == 2
    assert superbill_of(stored[1]).replaces == 1


def test_a_document_alone_names_the_version_before_and_is_refused_once_it_was_changed(
    case: MonthCase,
) -> None:
    charts, _ = month_of(case)
    bill = finished_bill()
    (issued, *_) = charts.charges(charts.of("p1"), [Charged(bill=bill)])
    (attachment,) = (each["attachment"] for each in issued["content"])
    draft = replace(bill, number=None, closed=None, replaces=None)
    (drawn, *_) = charts.charges(charts.of("p1"), [Charged(bill=draft, pdf=b"%PDF")])

    assert issued["relatesTo"][0]["target"] == {
        "type": "DocumentReference",
        "identifier": {"system": profiles.identifier_system("superbill"), "value": "prac-1/7"},
    }
    assert issued_text_of(issued) is not None
    assert issued_text_of(drawn) is None
    assert drawn["docStatus"] == "preliminary"
    assert issued_text_of({**issued, "category": []}) is None
    assert issued_text_of({"resourceType": "DocumentReference"}) is None
    for changed in (
        {"data": base64.b64encode(b"{}").decode()},
        {"data": "no base64"},
        {"data": None},
        {"hash": None},
        {"size": 1},
    ):
        with pytest.raises(InputRefusedError) as refused:
            issued_text_of({**issued, "content": [{"attachment": attachment | changed}]})
        assert refused.value.path.startswith("content")
    with pytest.raises(InputRefusedError):
        issued_text_of({**issued, "content": issued["content"] * 2})


def test_time_that_moved_into_another_month_stands_behind_no_charge_of_this_one(
    case: MonthCase,
) -> None:
    second = with_issued(case)
    case.reopen()
    correct_time(
        CorrectTime(
            entry_id_new=new_entry_id(),
            entry_id=second,
            seconds=37 * 60,
            started_at=datetime(2026, 12, 1, 13, tzinfo=UTC),
            reason="It was the first",
        ),
        store=case.store,
        actor=case.actor(AccessRole.OWNER),
        clock=case.clock,
    )
    charts = read(case.store)
    (standing,) = (
        each
        for each in months_of(case.store, charts, NOVEMBER, as_of=case.now())["p1"].charged
        if each.is_issued
    )
    (base, *_) = of_type(charts.charges(charts.of("p1"), [standing]), "ChargeItem")

    assert len(standing.bill.lines[0].entries) == 2
    assert len(base["service"]) == 1
    assert referred(base["service"][0]) != charts.names.id("time-entry", second)


def test_amounts_keep_their_cents_and_a_claim_totals_only_what_is_charged(case: MonthCase) -> None:
    charts, _ = month_of(case)
    chart = charts.of("p1")
    bill = finished_bill()
    chart = paid_by(chart, bill.payer.payer_name)
    partly = replace(bill, lines=(replace(bill.lines[0], charge=None), *bill.lines[1:]))
    for each, is_charged in ((bill, True), (partly, False)):
        resources = [
            json_line(one)
            for one in charge_resources(
                charts.names, chart, [Charged(bill=each)], {}, with_claims=True
            )
        ]
        (claim,) = (
            json.loads(one, parse_float=Decimal) for one in resources if b'"Claim"' in one[:30]
        )
        assert ("total" in claim) is is_charged
        if is_charged:
            assert claim["total"] == {"value": Decimal("250.50"), "currency": "USD"}
            assert b'"value":95.00' in b"".join(resources)
        nets = [one.get("net", {}).get("value") for one in claim["item"]]
        assert nets == [line.charge for line in each.lines]


def test_a_claim_is_a_draft_for_the_payer_with_everything_that_its_lines_point_at(
    case: MonthCase,
) -> None:
    case.log("p1", 45, at=NOON)
    charts, month = month_of(case)
    (claim,) = of_type(charts.charges(charts.of("p1"), month.charged, with_claims=True), "Claim")
    (bill,) = (each.bill for each in month.charged)

    assert (claim["status"], claim["use"]) == ("draft", "claim")
    assert claim["type"]["coding"][0]["code"] == "professional"
    assert claim["priority"]["coding"][0]["code"] == "normal"
    assert referred(claim["insurer"]) == charts.names.id("payer", "Medicare Part B")
    assert referred(claim["insurance"][0]["coverage"]) == charts.names.id("coverage", "p1")
    assert claim["provider"]["identifier"]["value"] == "1234567893"
    codes = {
        each["sequence"]: each["diagnosisCodeableConcept"]["coding"][0]["code"]
        for each in claim["diagnosis"]
    }
    lettered = {each.letter: each.icd10 for each in bill.diagnoses}
    assert [one["sequence"] for one in claim["item"]] == [1, 2]
    for item, line in zip(claim["item"], bill.lines, strict=True):
        assert item["productOrService"]["coding"][0]["code"] == line.code
        assert item["servicedDate"] == line.date_of_service.isoformat()
        assert item["quantity"]["value"] == line.units
        assert item["locationCodeableConcept"]["coding"][0]["code"] == line.place_of_service
        assert item["careTeamSequence"] == [1]
        assert [codes[each] for each in item["diagnosisSequence"]] == [
            lettered[each] for each in line.diagnosis_pointers
        ]
        assert "net" not in item
    assert "total" not in claim
    chart = paid_by(charts.of("p1"), "Another")
    assert of_type(charts.charges(chart, month.charged, with_claims=True), "Claim") == []

    before = PastCoverageRow(
        practice_id="prac-1",
        id="cov-1",
        patient_id="p1",
        payer_name="Medicare Part B",
        payer_kind="medicare",
        ended_on=date(2026, 11, 30),
    )
    chart = replace(chart, rows={**chart.rows, PastCoverageRow: [before]})
    (claim,) = of_type(charts.charges(chart, month.charged, with_claims=True), "Claim")
    assert referred(claim["insurance"][0]["coverage"]) == charts.names.id("past-coverage", "cov-1")

    case.change_patient("p1", sex=None)
    assert of_type(charges_of(case, with_claims=True), "Claim") == []


def paid_by(chart: ChartRows, payer_name: str) -> ChartRows:
    patient = PatientRow(**{**chart.patient._mapping, "payer_name": payer_name})
    return replace(chart, patient=patient)
