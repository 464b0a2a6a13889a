"""Superbills out of a store: who may have them, what is in them, and in which files."""

import base64
import csv
import hashlib
import io
import json
import zipfile
from decimal import Decimal

import pysqlite3
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from tests.support.small_panel import SmallPanel, at, counted_statements
from trellis_core.access import POLICY, AccessRole, Actor, Operation
from trellis_core.care.vocabulary import Program
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.billing import Document, Form, superbill_document, superbills
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.services.column_profiles import Column, ColumnProfile, save_column_profile
from trellis_core.store.engine import Store
from trellis_core.store.tables import ConditionRow, PracticeRow, RestrictedChartRow
from trellis_core.superbill import Superbill
from trellis_core.superbill.totals import current, expected
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)


@pytest.fixture
def panel(store: Store) -> SmallPanel:
    """Fern has 42 minutes, Moss 10 and Reed 25; all have their paperwork."""
    panel = SmallPanel(store)
    panel.enrolled("fern", "moss", "reed")
    panel.log("fern", 22, at=at(3), entry_id="t-one")
    panel.log("fern", 20, at=at(10), entry_id="t-two")
    panel.log("moss", 10, at=at(4))
    panel.log("reed", 25, at=at(5))
    return panel


def bills(panel: SmallPanel, clock: FixedClock, **more: object) -> tuple[Superbill, ...]:
    return superbills(
        **{
            "month": NOVEMBER,
            "store": panel.store,
            "actor": panel.actor(AccessRole.BILLER),
            "clock": clock,
            "rule_book": load_rule_book(),
        }
        | more
    )


def document(
    panel: SmallPanel, clock: FixedClock, form: Form, *, role: AccessRole = AccessRole.BILLER,
    **more: object,
) -> Document:  # fmt: skip
    return superbill_document(
        **{
            "month": NOVEMBER,
            "form": form,
            "store": panel.store,
            "actor": panel.actor(role),
            "clock": clock,
            "rule_book": load_rule_book(),
        }
        | more
    )


def test_a_superbill_is_drawn_up_for_each_patient_who_can_be_billed(panel, clock):
    found = bills(panel, clock)

    assert [bill.patient.id for bill in found] == ["fern", "reed"]
    assert [(line.code, line.units, line.minutes) for line in found[0].lines] == [
        ("99490", 1, 42),
        ("99439", 1, 42),
    ]
    assert [line.code for line in found[1].lines] == ["99490"]


def test_it_shows_the_same_as_the_board(panel, clock):
    from trellis_core.services.board import board

    rows = board(
        month=NOVEMBER, store=panel.store, actor=panel.actor(AccessRole.BILLER), clock=clock,
        rule_book=load_rule_book(),
    ).rows  # fmt: skip
    expected = {row.patient_id: row.expected for row in rows if row.expected}

    assert {bill.patient.id: bill.allowed_total for bill in bills(panel, clock)} == expected


def test_lines_are_explained_with_rules_values_and_sources(panel, clock):
    fern = bills(panel, clock, patient_id="fern")[0]

    assert fern.rules
    assert any(rule.citations for rule in fern.rules)
    assert {source.id for source in fern.sources} <= set(load_rule_book().sources)
    assert fern.rule_book_fingerprint == load_rule_book().fingerprint


def test_entries_come_with_their_receipts_and_without_their_notes(panel, clock):
    fern = bills(panel, clock, patient_id="fern")[0]

    assert [row.entry_id for row in fern.time] == ["t-one", "t-two"]
    assert all(len(row.code) == 8 and row.number for row in fern.time)
    assert fern.ledger_head is not None
    assert fern.ledger_head.startswith(fern.time[-1].code)
    assert "spoke about diet" not in repr(fern)


def test_a_voided_entry_is_shown_and_not_billed(panel, clock):
    panel.void("t-two")
    fern = bills(panel, clock, patient_id="fern")[0]

    assert [line.code for line in fern.lines] == ["99490"]
    voided = next(row for row in fern.time if row.entry_id == "t-two")
    assert (voided.is_reversed, voided.counted_seconds) == (True, 0)


def test_a_condition_that_a_person_must_code_is_asked_for(panel, clock):
    panel.add(
        ConditionRow(
            practice_id=panel.practice_id, id="imported", patient_id="fern", icd10=None,
            snomed="44054006", expected_months=24, significant_risk=True, behavioral=False,
        )
    )  # fmt: skip
    missing = {each.code for each in bills(panel, clock, patient_id="fern")[0].missing}

    assert "ICD10_NEEDED" in missing


def test_a_program_picks_whole_superbills(panel, clock):
    assert len(bills(panel, clock, program=Program.CCM)) == 2
    assert bills(panel, clock, program=Program.TCM) == ()


def test_a_patient_who_is_not_billable_has_none(panel, clock):
    assert bills(panel, clock, patient_id="moss") == ()


def test_a_patient_of_nobody_is_not_found(panel, clock):
    with pytest.raises(NotFoundError):
        bills(panel, clock, patient_id="nobody")


def test_another_practices_patient_is_not_found(panel, clock):
    panel.add(PracticeRow(id="prac-2", name="Other", created_at=at(1)))
    stranger = Actor(practice_id="prac-2", person_id="x", role=AccessRole.OWNER)

    with pytest.raises(NotFoundError):
        bills(panel, clock, patient_id="fern", actor=stranger)
    assert bills(panel, clock, actor=stranger) == ()


@pytest.mark.parametrize(
    ("form", "role", "may_have_it"),
    [
        ("pdf", AccessRole.OWNER, True),
        ("pdf", AccessRole.COORDINATOR, True),
        ("pdf", AccessRole.BILLER, True),
        ("pdf", AccessRole.AUDITOR, False),
        ("fhir", AccessRole.OWNER, True),
        ("fhir", AccessRole.BILLER, True),
        ("fhir", AccessRole.COORDINATOR, False),
        ("fhir", AccessRole.AUDITOR, False),
    ],
)
def test_documents_are_for_those_who_may_draw_them_up(panel, clock, form, role, may_have_it):
    if may_have_it:
        assert document(panel, clock, form, role=role, patient_id="fern").content
    else:
        with pytest.raises(PermissionDeniedError):
            document(panel, clock, form, role=role, patient_id="fern")


def test_everyone_of_the_practice_may_look_at_superbills(panel, clock):
    for role in POLICY[Operation.READ_SUPERBILL]:
        assert bills(panel, clock, actor=panel.actor(role))
    with pytest.raises(PermissionDeniedError):
        bills(panel, clock, actor=panel.actor(AccessRole.OWN_WORK))


@pytest.mark.parametrize("form", ["pdf", "csv", "xlsx", "entries", "zip", "json", "fhir"])
def test_unchanged_data_gives_the_same_bytes_on_another_day(panel, clock, form):
    first = document(panel, clock, form, patient_id="fern")
    clock.advance(days=1, hours=3)
    second = document(panel, clock, form, patient_id="fern")

    assert first == second
    assert first.sha256 == hashlib.sha256(first.content).hexdigest()


def test_time_of_another_patient_leaves_a_document_as_it_is(panel, clock):
    before = document(panel, clock, "pdf", patient_id="fern")
    panel.log("moss", 5, at=at(12))

    assert document(panel, clock, "pdf", patient_id="fern") == before
    panel.log("fern", 1, at=at(13))
    assert document(panel, clock, "pdf", patient_id="fern") != before


@pytest.mark.parametrize("form", ["pdf", "csv", "xlsx", "entries", "zip", "json", "fhir"])
def test_a_file_name_holds_month_and_digest_and_nobody(panel, clock, form):
    made = document(panel, clock, form, patient_id="fern")

    assert made.file_name.startswith(f"superbill-2026-11-{made.sha256[:8]}.")
    assert "fern" not in made.file_name.lower()
    assert made.media_type


def test_the_months_pdf_has_every_superbill(panel, clock):
    content = document(panel, clock, "pdf").content
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]

    for bill in bills(panel, clock):
        assert any(bill.id in page for page in pages)
    assert document(panel, clock, "pdf").file_name.startswith("superbills-2026-11-")


def test_the_zip_has_a_pdf_for_each_superbill_under_an_opaque_name(panel, clock):
    with zipfile.ZipFile(io.BytesIO(document(panel, clock, "zip").content)) as archive:
        *names, table, manifest = archive.namelist()
        texts = [
            PdfReader(io.BytesIO(archive.read(name))).pages[0].extract_text() for name in names
        ]
        kept = {name: archive.read(name) for name in archive.namelist()}

    assert sorted(names) == [
        f"superbill-2026-11-{bill.id}.pdf"
        for bill in sorted(bills(panel, clock), key=lambda each: each.id)
    ]
    assert all("Superbill" in text for text in texts)
    assert (table, manifest) == ("lines.csv", "manifest.json")
    assert kept[table] == document(panel, clock, "csv").content
    named = json.loads(kept[manifest])
    assert [each["file"] for each in named["files"]] == [*names, table]
    assert all(
        hashlib.sha256(kept[each["file"]]).hexdigest() == each["sha256"] for each in named["files"]
    )
    assert named["totals"]["superbills"] == 2


def test_the_csv_has_a_row_for_each_line(panel, clock):
    content = document(panel, clock, "csv").content.decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))

    assert [(row["patient_id"], row["code"]) for row in rows] == [
        ("fern", "99490"),
        ("fern", "99439"),
        ("reed", "99490"),
    ]


def test_screen_pdf_csv_and_json_say_the_same_amounts(panel, clock):
    fern = bills(panel, clock, patient_id="fern")[0]
    answer = json.loads(document(panel, clock, "json", patient_id="fern").content)
    pdf = document(panel, clock, "pdf", patient_id="fern").content
    page = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()

    (told,) = answer["superbills"]
    assert told["allowed"] == f"{fern.allowed_total:.2f}"
    assert f"${fern.allowed_total:.2f}" in page


def test_the_fhir_bundle_is_one_patients_month_with_the_pdf_inside(panel, clock):
    bundle = json.loads(document(panel, clock, "fhir", patient_id="fern").content)
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]

    assert kinds.count("Patient") == 1
    assert kinds.count("Procedure") == 2
    assert kinds.count("ChargeItem") == 2
    assert kinds.count("DocumentReference") == 1
    paper = next(
        entry["resource"]["content"][0]["attachment"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "DocumentReference"
    )
    printed = PdfReader(io.BytesIO(base64.b64decode(paper.pop("data"))))
    said = json.dumps(bundle) + "".join(page.extract_text() for page in printed.pages)
    assert "moss" not in said.casefold()


def test_a_patient_with_nothing_to_bill_still_has_a_fhir_bundle(panel, clock):
    bundle = json.loads(document(panel, clock, "fhir", patient_id="moss").content)

    assert "ChargeItem" not in {each["resource"]["resourceType"] for each in bundle["entry"]}


def test_fhir_of_nobody_in_particular_is_refused(panel, clock):
    with pytest.raises(CommandRefusedError) as refused:
        document(panel, clock, "fhir")

    assert refused.value.code == "PATIENT_NEEDED"


@pytest.mark.parametrize("form", ["pdf", "zip"])
def test_a_paper_without_a_superbill_is_refused(panel, clock, form):
    with pytest.raises(CommandRefusedError) as refused:
        document(panel, clock, form, patient_id="moss")

    assert refused.value.code == "NOTHING_TO_DRAW"


def test_an_empty_month_is_an_empty_table(panel, clock):
    content = document(panel, clock, "csv", month=ServiceMonth(2026, 9)).content

    assert content.decode().count("\r\n") == 1


def test_the_number_of_statements_does_not_grow_with_the_panel(panel, clock):
    with counted_statements(panel.store) as few:
        bills(panel, clock)
    panel.enrolled(*(f"more-{number}" for number in range(12)))
    for number in range(12):
        panel.log(f"more-{number}", 21, at=at(6, hour=10 + number // 2, minute=30 * (number % 2)))
    with counted_statements(panel.store) as many:
        assert len(bills(panel, clock)) == 14

    assert len(many) <= len(few)


def test_a_superbill_names_the_first_checkpoint_that_seals_its_month(panel, clock):
    owner = panel.actor(AccessRole.OWNER)
    assert [bill.checkpoint for bill in bills(panel, clock)] == [None, None]

    first = make_checkpoint("asked", store=panel.store, actor=owner, clock=clock).signed
    phrase = f"Checkpoint 1 of 2026-11-20, {first.code}"
    assert [bill.checkpoint for bill in bills(panel, clock)] == [phrase, phrase]

    panel.log("reed", 1, at=at(6))
    assert [bill.checkpoint for bill in bills(panel, clock)] == [phrase, None]

    second = make_checkpoint("asked", store=panel.store, actor=owner, clock=clock).signed
    newer = f"Checkpoint 2 of 2026-11-20, {second.code}"
    fern, reed = bills(panel, clock)
    assert (fern.checkpoint, reed.checkpoint) == (phrase, newer)

    text = "\n".join(
        page.extract_text()
        for page in PdfReader(
            io.BytesIO(document(panel, clock, "pdf", patient_id="reed").content)
        ).pages
    )
    assert text.count(newer) >= 2  # in the foot of each page, and where the ledger's head is
    told = json.loads(document(panel, clock, "json", patient_id="reed").content)
    assert told["superbills"][0]["checkpoint"] == newer


def test_a_selection_is_these_superbills_and_no_others(panel, clock):
    fern, reed = bills(panel, clock)
    for chosen in ([reed.id], [reed.id, fern.id]):
        told = json.loads(document(panel, clock, "json", only=chosen).content)
        assert [each["id"] for each in told["superbills"]] == sorted(
            chosen, key=[fern.id, reed.id].index
        )
    with pytest.raises(NotFoundError):
        document(panel, clock, "csv", only=[fern.id, "sb-of-nobody"])
    with pytest.raises(NotFoundError):
        document(panel, clock, "csv", only=[fern.id], program=Program.TCM)
    for form, only, code in (("csv", [], "NOTHING_CHOSEN"), ("fhir", [fern.id], "PATIENT_NEEDED")):
        with pytest.raises(CommandRefusedError) as refused:
            document(panel, clock, form, only=only)
        assert refused.value.code == code


def test_a_selection_of_one_patient_is_a_look_at_this_patient(panel, clock):
    fern, reed = bills(panel, clock)
    panel.add(
        RestrictedChartRow(
            practice_id=panel.practice_id, patient_id="fern", restricted_by="dr-1",
            restricted_at=at(2),
        )
    )  # fmt: skip
    with pytest.raises(ChartRestrictedError):
        document(panel, clock, "csv", only=[fern.id])
    assert document(panel, clock, "csv", only=[fern.id, reed.id]).content
    document(panel, clock, "csv", only=[reed.id])
    with panel.store.reading() as unit:
        seen = unit.connection.exec_driver_sql(
            "SELECT patient_id FROM event WHERE kind = 'viewed'"
        ).scalars()
        assert list(seen) == ["reed"]


def test_a_profile_lays_out_the_tables_and_nothing_else(panel, clock):
    made = ColumnProfile(name="Ours", columns=(Column(heading="CPT", field="code"),))
    owner = panel.actor(AccessRole.OWNER)
    save_column_profile(made, store=panel.store, actor=owner, clock=clock)
    table = b"CPT\r\n99490\r\n99439\r\n99490\r\n"

    assert document(panel, clock, "csv", profile="ours").content == table
    with zipfile.ZipFile(
        io.BytesIO(document(panel, clock, "zip", profile="Ours").content)
    ) as archive:
        assert archive.read("lines.csv") == table
    book = load_workbook(io.BytesIO(document(panel, clock, "xlsx", profile="Ours").content))
    assert [row[0] for row in book["Lines"].values] == ["CPT", "99490", "99439", "99490"]
    for form, profile, code in (
        ("csv", "Theirs", "PROFILE_UNKNOWN"),
        ("pdf", "Ours", "PROFILE_OF_NO_USE"),
    ):
        with pytest.raises(CommandRefusedError) as refused:
            document(panel, clock, form, profile=profile)
        assert refused.value.code == code


def test_every_file_adds_up_to_the_same_as_the_screen(panel, clock):
    shown = expected(current(bills(panel, clock)))
    lines = csv.DictReader(io.StringIO(document(panel, clock, "csv").content.decode(), newline=""))
    told = json.loads(document(panel, clock, "json").content)["superbills"]
    book = load_workbook(io.BytesIO(document(panel, clock, "xlsx").content))
    head, *rows, total = book["Superbills"].values
    allowed = head.index("allowed")
    with zipfile.ZipFile(io.BytesIO(document(panel, clock, "zip").content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))

    assert shown > 0
    assert sum(Decimal(row["allowed"]) for row in lines) == shown
    assert sum(Decimal(each["allowed"]) for each in told) == shown
    assert sum(Decimal(str(row[allowed])) for row in rows) == shown
    assert Decimal(str(total[allowed])) == shown
    assert Decimal(manifest["totals"]["allowed"]) == shown
    (line_sheet,) = [
        index for index, cell in enumerate(next(book["Lines"].values)) if cell == "allowed"
    ]
    kept = [row[line_sheet] for row in book["Lines"].values][1:]
    assert sum(Decimal(str(amount)) for amount in kept) == shown


@pytest.mark.parametrize("form", ["pdf", "zip"])
def test_drawing_tells_how_far_it_is_and_can_be_ended(panel, clock, form):
    class EndedError(Exception):
        pass

    told = []
    whole = document(panel, clock, form, on_progress=lambda *far: told.append(far))
    assert told == sorted(told)
    assert told[-2:] == [(1, 2), (2, 2)]
    assert whole == document(panel, clock, form)

    def end(done, total):
        raise EndedError

    with pytest.raises(EndedError):
        document(panel, clock, form, on_progress=end)


def test_a_checkpoint_that_cannot_be_read_holds_no_superbill_up(panel, clock):
    make_checkpoint("asked", store=panel.store, actor=panel.actor(AccessRole.OWNER), clock=clock)
    with pysqlite3.connect(panel.store.path) as other:
        other.execute("DROP TRIGGER guard_checkpoint_update")
        other.execute("UPDATE checkpoint SET body = '[]'")
    other.close()
    assert [bill.checkpoint for bill in bills(panel, clock)] == [None, None]
