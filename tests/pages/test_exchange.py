"""Exchange: who may take records out as FHIR, what can be asked for, and what comes of it."""

import doctest
import io
import zipfile
from contextvars import copy_context

import pytest

from pages.shared import fhir_export, fhir_patients, file_work, widgets
from pages.shared import store as page_store
from tests.support.working import let_work
from trellis_core.access import AccessRole, Operation
from trellis_core.errors import CommandRefusedError, FhirExportError
from trellis_core.fhir.names import TYPES
from trellis_core.ledger.journal import EventKind
from trellis_core.services import caseload, job_kinds, restricted
from trellis_core.services.access_words import access_words
from trellis_core.services.downloads import FileForm
from trellis_core.services.fhir_export import ExportForm, FhirExport, FhirWanted
from trellis_core.services.job_kinds import DRAWN
from trellis_core.services.job_wanted import JobKind
from trellis_core.services.journal import journal
from trellis_core.store import job_rows
from trellis_core.store.job_rows import JobKey
from trellis_core.values.periods import ServiceMonth

PAGE = "practice/exchange"
DONE = "Download (ZIP)"
CLOSED = "p-201"


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.error, at.title)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def patients(dashboard, text=""):
    return caseload.patients(
        text=text, store=dashboard.store, actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
    )  # fmt: skip


def job_of(dashboard, role=AccessRole.OWNER):
    return file_work.of(JobKind.FHIR, dashboard.actor(role))


def prepared(at):
    """Have the files prepared, and draw the page once they are there."""
    at.button(key="exchange_prepare").click().run()
    assert not at.exception
    assert let_work() == 1
    at.run()
    assert not at.exception
    return at


def buttons(at) -> set[str]:
    return {each.label for each in at.get("download_button")}


def wanted_of(dashboard, monkeypatch, *steps) -> FhirWanted:
    """Return what the page asks the service for after some choices."""
    asked = []

    def export(wanted, folder, *, told, **_):
        asked.append(wanted)
        told(1, 1)
        (folder / "bundle.json").write_text("{}")
        return FhirExport(
            form=wanted.form, files=(("bundle.json", 2),), resources={"Patient": 1}, patients=1,
            left_out=0, lines=(),
        )  # fmt: skip

    monkeypatch.setattr(job_kinds, "export_fhir", export)
    at = dashboard.open(AccessRole.OWNER, PAGE, month="2026-10")
    for step in steps:
        step(at)
        assert not at.exception
    prepared(at)
    return asked[0]


def of(what):
    return lambda at: at.segmented_control(key="exchange_what").set_value(what).run()


def in_form(form):
    return lambda at: at.radio(key="exchange_form").set_value(form).run()


@pytest.mark.parametrize("role", [AccessRole.COORDINATOR, AccessRole.AUDITOR])
def test_who_may_not_export_has_no_such_page(dashboard, role):
    with pytest.raises(ValueError, match="Could not find"):
        dashboard.open(role, PAGE)


@pytest.mark.parametrize("role", [AccessRole.OWNER, AccessRole.BILLER])
@pytest.mark.parametrize("page", ["practice/settings", "billing/superbills"])
def test_a_link_leads_those_who_may_here(dashboard, role, page):
    at = dashboard.open(role, page, month="2026-10")
    assert "exchange" in {each.proto.page for each in at.get("page_link")}


def test_a_practice_without_a_patient_is_told_so(new_practice):
    at = new_practice.open(page=PAGE)
    assert "nothing to take out" in said(at)
    assert "exchange_prepare" not in {each.key for each in at.button}
    assert not at.error


@pytest.mark.parametrize(
    ("role", "form"),
    [
        (AccessRole.OWNER, ExportForm.BUNDLE),
        (AccessRole.BILLER, ExportForm.TRANSACTION),
        (AccessRole.OWNER, ExportForm.NDJSON),
    ],
)
def test_each_form_is_prepared_counted_and_downloaded(dashboard, role, form):
    at = dashboard.open(role, PAGE, month="2026-10")
    of("chosen")(at)
    at.text_input(key="exchange_find").set_value("p").run()
    at.button(key=f"exchange_add_{patients(dashboard, 'p').rows[0].id}").click().run()
    in_form(form)(at)
    prepared(at)
    assert DONE in buttons(at)
    assert "of 1 patient" in said(at)
    assert "stay in Trellis" in said(at)
    counts = at.dataframe[0].value.set_index("FHIR resource")
    assert counts.loc["Patient", "Number"] == 1
    assert counts.loc["Patient", "Records"] == "Patients"
    job = job_of(dashboard, role)
    content = file_work.take(job.id, dashboard.actor(role))
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        assert len(packed.namelist()) == len(job.result.exported.files) >= 1
    assert DONE not in buttons(at.run())


def test_what_is_chosen_is_what_is_asked_for(dashboard, monkeypatch):
    whole = wanted_of(dashboard, monkeypatch)
    assert whole == FhirWanted(form=ExportForm.BUNDLE)
    month = wanted_of(
        dashboard, monkeypatch, of("month"), in_form(ExportForm.TRANSACTION),
        lambda at: at.checkbox(key="exchange_claims").check().run(),
    )  # fmt: skip
    assert month == FhirWanted(
        form=ExportForm.TRANSACTION, month=ServiceMonth(2026, 10), with_claims=True
    )


def test_patients_are_found_added_kept_while_the_page_is_left_and_taken_off(dashboard):
    first, second = (each for each in patients(dashboard, "p").rows[:2])
    at = dashboard.open(AccessRole.OWNER, PAGE)
    of("chosen")(at)
    assert at.button(key="exchange_prepare").disabled
    at.text_input(key="exchange_find").set_value("p").run()
    at.button(key=f"exchange_add_{first.id}").click().run()
    at.button(key=f"exchange_add_{second.id}").click().run()
    assert not at.exception
    assert at.multiselect(key="exchange_chosen").value == [first.id, second.id]
    assert f"exchange_add_{first.id}" not in {each.key for each in at.button}
    at.switch_page("pages/practice/settings.py").run()
    at.switch_page(f"pages/{PAGE}.py").run()
    of("chosen")(at)
    assert at.multiselect(key="exchange_chosen").value == [first.id, second.id]
    at.multiselect(key="exchange_chosen").unselect(first.id).run()
    assert at.multiselect(key="exchange_chosen").options == [f"{second.name} · {second.mrn}"]
    assert not at.button(key="exchange_prepare").disabled


def test_a_list_of_patients_has_an_end(dashboard, monkeypatch):
    monkeypatch.setattr(fhir_patients, "MOST", 1)
    (first,) = patients(dashboard, "p").rows[:1]
    at = dashboard.open(AccessRole.OWNER, PAGE)
    of("chosen")(at)
    at.text_input(key="exchange_find").set_value("p").run()
    at.button(key=f"exchange_add_{first.id}").click().run()
    assert at.text_input(key="exchange_find").disabled
    assert not [each for each in at.button if (each.key or "").startswith("exchange_add_")]
    assert "holds 1 patient at most" in said(at)


def test_a_chart_that_is_not_open_to_the_person_is_not_offered(dashboard):
    name = next(each for each in patients(dashboard, "larkspur").rows if each.id == CLOSED)
    restricted.restrict_chart(
        CLOSED, store=dashboard.store, actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
    )  # fmt: skip
    at = dashboard.open(AccessRole.BILLER, PAGE)
    of("chosen")(at)
    at.text_input(key="exchange_find").set_value(name.family_name).run()
    assert f"exchange_add_{CLOSED}" not in {each.key for each in at.button}
    assert "not open to you" in said(at)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FhirExportError("Condition 7f3a did not validate."), "Condition 7f3a did not validate."),
        (OSError("disk is full: /secret"), "no room"),
    ],
)
def test_what_fails_says_why_and_can_be_begun_anew(dashboard, monkeypatch, error, words):
    def refused(*_, **__):
        try:
            raise error
        except OSError as cause:
            raise CommandRefusedError("NOT_WRITTEN", "Cannot be written to '/secret'.") from cause

    with monkeypatch.context() as failing:
        failing.setattr(job_kinds, "export_fhir", refused)
        at = prepared(dashboard.open(AccessRole.OWNER, PAGE))
    assert words in said(at)
    assert "secret" not in said(at)
    assert DONE not in buttons(at)
    at.button(key="exchange_close").click().run()
    assert words not in said(at)
    assert not at.button(key="exchange_prepare").disabled


def test_the_page_says_how_far_it_is_may_be_left_and_cancels(dashboard, monkeypatch):
    folders = []

    def slow(_wanted, folder, *, told, **_):
        (folder / "part.ndjson").write_text("{}")
        folders.append(folder)
        told(3, 15)
        (key,) = keys(dashboard)
        with page_store.store().writing(at=dashboard.clock.now()) as unit:
            job_rows.still_held(unit.connection, key, "test", step=DRAWN, done=3, of=15)
        at.switch_page("pages/practice/settings.py").run()
        at.switch_page(f"pages/{PAGE}.py").run()
        (bar,) = at.get("progress")
        assert bar.proto.text.replace("\\", "") == (
            "Preparing the Collection Bundle of the whole practice: 3 of 15 patients."
        )
        assert at.button(key="exchange_prepare").disabled
        at.button(key="exchange_cancel").click().run()
        return FhirExport(
            form=ExportForm.BUNDLE, files=(("part.ndjson", 2),), resources={}, patients=15,
            left_out=0, lines=(),
        )  # fmt: skip

    monkeypatch.setattr(job_kinds, "export_fhir", slow)
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.button(key="exchange_prepare").click().run()
    assert let_work() == 1
    assert job_of(dashboard) is None
    assert not folders[0].exists()
    assert not at.get("progress")
    assert not at.button(key="exchange_prepare").disabled


def keys(dashboard):
    """Return the keys of the practice's jobs."""
    person = dashboard.actor(AccessRole.OWNER)
    return [JobKey(person.practice_id, each.id) for each in file_work.every(person)]


def test_the_file_is_named_by_practice_and_day(dashboard):
    person = dashboard.actor(AccessRole.OWNER)
    name = fhir_export.file_name(person, page_store.today(person).isoformat())
    assert name == "trellis-fhir-trellis-sample-2026-11-20.zip"


def test_the_way_to_the_import_is_there_for_those_who_may(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    at.button(key="exchange_import").click().run()
    assert not at.exception
    assert at.title[0].value == "Patients"
    assert at.segmented_control(key="patients_part").value == "Import"
    biller = dashboard.open(AccessRole.BILLER, PAGE)
    assert "exchange_import" not in {each.key for each in biller.button}


def test_the_access_log_names_what_left(dashboard):
    dashboard.open(AccessRole.OWNER)
    deliver = widgets.delivery(
        lambda _: b"packed", operation=Operation.EXPORT_FHIR, form=FileForm.FHIR_EXPORT,
        token=page_store.session_token(), month=ServiceMonth(2026, 10),
    )  # fmt: skip
    assert copy_context().run(deliver) == b"packed"
    (event,) = journal(
        kinds=[EventKind.DOWNLOADED], store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER), clock=dashboard.clock,
    ).events  # fmt: skip
    assert access_words(event.kind, event.subject_id, event.details) == (
        "Downloaded records as FHIR files of October 2026, 6 bytes"
    )


def test_every_type_of_record_has_words():
    assert set(TYPES.values()) <= fhir_export.WORDS.keys()


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(fhir_export)
    assert result.attempted
    assert not result.failed
