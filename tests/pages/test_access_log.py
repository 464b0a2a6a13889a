"""The access log's page: for each role, its filters in the address, and that pages do not flood it."""

from datetime import date
from urllib.parse import quote

import pytest
from starlette.applications import Starlette

from pages.shared import access_table, printing, routes, server
from pages.shared import store as page_store
from trellis_core.access import AccessRole
from trellis_core.ledger.journal import EventKind
from trellis_core.services import access_log as log
from trellis_core.services import caseload
from trellis_core.services.access_reading import AccessFilters, AccessGroup, access_log
from trellis_core.services.journal import journal
from trellis_core.values.periods import ServiceMonth

PAGE = "insight/access_log"
MONTH = ServiceMonth(2026, 11)
EVERYBODYS = (AccessRole.OWNER, AccessRole.BILLER, AccessRole.AUDITOR)


def patients_of(dashboard):
    owner = dashboard.actor(AccessRole.OWNER)
    return caseload.patients(limit=3, store=dashboard.store, actor=owner).rows


def look(dashboard, role, patient_id):
    caseload.chart(
        patient_id, month=MONTH, store=dashboard.store, actor=dashboard.actor(role),
        clock=dashboard.clock,
    )  # fmt: skip


def tell(dashboard, kind, role=AccessRole.OWNER, **more):
    log.note(
        kind, store=dashboard.store, actor=dashboard.actor(role), clock=dashboard.clock,
        **({"subject_kind": "file", "subject_id": "ab" * 32} | more),
    )  # fmt: skip


def rows(at):
    return at.table[0].value.to_dict("records") if at.table else []


def captions(at):
    return "\n".join(item.value for item in at.caption)


def events(dashboard, **filters):
    return access_log(
        AccessFilters(**filters), store=dashboard.store, actor=dashboard.actor(AccessRole.OWNER)
    ).events


def number_of_events(dashboard):
    return journal(store=dashboard.store, actor=dashboard.actor(AccessRole.OWNER)).total


# --- for each role ---------------------------------------------------------------------------


@pytest.mark.parametrize("role", EVERYBODYS)
def test_who_answers_for_the_practice_reads_everybodys_events(dashboard, role):
    (patient, *_) = patients_of(dashboard)
    look(dashboard, AccessRole.COORDINATOR, patient.id)
    at = dashboard.open(role, PAGE)
    assert at.title[0].value == "Access log"
    seen = next(row for row in rows(at) if row["What happened"] == "Chart seen")
    assert seen["Patient"].endswith(f"(chart?patient={patient.id})")
    assert "what everyone did since Nov 20, 2026" in captions(at)
    assert "nothing turns it off" in captions(at)
    assert "Newest first." in captions(at)
    assert at.selectbox(key="access_log_who").label == "Who"


def test_a_coordinator_reads_their_own_events_only(dashboard):
    first, second, _ = patients_of(dashboard)
    look(dashboard, AccessRole.COORDINATOR, first.id)
    look(dashboard, AccessRole.OWNER, second.id)
    owner = dashboard.actor(AccessRole.OWNER).person_id
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    assert [row["What happened"] for row in rows(at)][-1] == "Chart seen"
    assert len({row["Who"] for row in rows(at)}) == 1
    assert "what you did since" in captions(at)
    assert not [box for box in at.selectbox if box.label == "Who"]
    forged = dashboard.open(AccessRole.COORDINATOR, PAGE, who=owner)
    assert not rows(forged)
    dashboard.open(AccessRole.COORDINATOR, patient=second.id)  # home shows it
    of_patient = dashboard.open(AccessRole.COORDINATOR, PAGE, patient=second.id)
    assert {row["Who"] for row in rows(of_patient)} == {rows(at)[0]["Who"]}


def test_people_with_own_work_alone_do_not_open_it(dashboard):
    dashboard.open(AccessRole.OWN_WORK)
    at = dashboard.open(AccessRole.OWN_WORK)
    with pytest.raises(ValueError, match="Could not find"):
        at.switch_page(f"pages/{PAGE}.py")


def test_the_ledger_page_leads_here_and_back(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, "insight/ledger")
    assert "Access log" in [link.label for link in at.get("page_link")]
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    assert "Verify the chain on the Ledger page" in [link.label for link in at.get("page_link")]
    at = dashboard.open(AccessRole.COORDINATOR, PAGE)
    assert not [link for link in at.get("page_link") if "Ledger" in link.label]


def test_whoever_has_no_ledger_page_finds_the_own_log_below_the_own_name(dashboard):
    def has_link(role):
        links = dashboard.open(role).get("page_link")
        return "Your access log" in [link.label for link in links]

    assert has_link(AccessRole.COORDINATOR)
    assert not any(has_link(role) for role in AccessRole if role is not AccessRole.COORDINATOR)


def test_no_menu_is_longer_for_it(dashboard):
    for role in AccessRole:
        if role is not AccessRole.OWN_WORK:
            assert sum(len(names) for names in routes.menu(dashboard.actor(role)).values()) <= 7


# --- filters ---------------------------------------------------------------------------------


def test_the_address_says_what_is_shown_and_the_filters_say_so_too(dashboard):
    first, second, _ = patients_of(dashboard)
    for patient in (first, second):
        look(dashboard, AccessRole.COORDINATOR, patient.id)
        look(dashboard, AccessRole.BILLER, patient.id)
    nurse = dashboard.actor(AccessRole.COORDINATOR).person_id
    days = {"from": "2026-11-20", "to": "2026-11-20"}
    at = dashboard.open(
        AccessRole.AUDITOR, PAGE, what="charts", who=nurse, patient=first.id, **days
    )
    assert len(rows(at)) == 1
    assert at.selectbox(key="access_log_what").value == AccessGroup.CHARTS
    assert at.selectbox(key="access_log_who").value == nurse
    assert at.selectbox(key="access_log_patient").value == first.id
    assert str(at.date_input(key="access_log_from").value) == "2026-11-20"
    assert "1 event, Nov 20, 2026" in captions(at)
    later = dashboard.open(AccessRole.AUDITOR, PAGE, what="charts", **{"from": "2026-11-21"})
    assert not rows(later)


def test_a_filter_that_is_changed_changes_the_address_and_leaves_the_page_turned_to(dashboard):
    tell(dashboard, EventKind.DOWNLOADED, details={"form": "fhir"})
    at = dashboard.open(AccessRole.AUDITOR, PAGE, before="5")
    at.selectbox(key="access_log_what").select(AccessGroup.FILES).run()
    assert at.query_params["what"] == "files"
    assert "before" not in at.query_params
    assert [row["What happened"] for row in rows(at)] == ["Downloaded a FHIR document"]
    assert rows(at)[0]["File"] == "`abababababab`"
    at.selectbox(key="access_log_what").select("").run()
    assert "what" not in at.query_params
    at.date_input(key="access_log_to").set_value(date(2026, 11, 1)).run()
    assert at.query_params["to"] == "2026-11-01"
    assert not rows(at)


def test_a_patient_is_searched_by_name_and_kept_by_id(dashboard):
    (patient, *_) = patients_of(dashboard)
    look(dashboard, AccessRole.COORDINATOR, patient.id)
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    at.text_input(key="access_log_find").set_value(patient.mrn).run()
    at.selectbox(key="access_log_which").select(patient.id).run()
    assert at.query_params["patient"] == patient.id
    assert not [name for name in at.query_params if name not in {"patient", "month"}]
    assert {row["What happened"] for row in rows(at)} == {"Chart seen"}
    at.selectbox(key="access_log_patient").select("").run()
    assert "patient" not in at.query_params


@pytest.mark.parametrize(
    "hostile",
    [
        "'; drop table event;--",
        "<script>alert(1)</script>",
        "\x00",
        "![x](//evil)",
        "x" * 3000,
        "pt-none",
    ],
)
def test_hostile_addresses_find_nothing_and_break_nothing(dashboard, hostile):
    at = dashboard.open(AccessRole.AUDITOR, PAGE, who=hostile)
    assert not rows(at)
    assert "Nothing like that has happened" in "\n".join(item.value for item in at.markdown)
    assert not rows(dashboard.open(AccessRole.AUDITOR, PAGE, patient=hostile))
    at = dashboard.open(
        AccessRole.AUDITOR, PAGE, what=hostile, before=hostile, to=hostile, **{"from": hostile}
    )
    assert rows(at)


def test_older_events_are_one_click_away_and_the_newest_one_back(dashboard, monkeypatch):
    first, second, third = patients_of(dashboard)
    for patient in (first, second, third):
        look(dashboard, AccessRole.COORDINATOR, patient.id)
    monkeypatch.setattr("trellis_core.services.access_reading.PAGE_EVENTS", 2)
    at = dashboard.open(AccessRole.AUDITOR, PAGE, what="charts")
    newest = rows(at)
    assert len(newest) == 2
    assert "3 events" in captions(at)
    at.button(key="access_log_older").click().run()
    assert len(rows(at)) == 1
    assert "3 events" in captions(at)
    assert "access_log_older" not in {button.key for button in at.button}
    at.button(key="access_log_newest").click().run()
    assert rows(at) == newest


# --- what is drawn ---------------------------------------------------------------------------


def test_an_emergency_carries_a_badge_and_words_of_people_are_plain_text(dashboard):
    (patient, *_) = patients_of(dashboard)
    tell(
        dashboard, EventKind.VIEWED, subject_kind="chart", subject_id=patient.id,
        patient_id=patient.id, details={"emergency": "em-1"},
    )  # fmt: skip
    tell(
        dashboard, EventKind.DENIED, subject_kind="service", subject_id="chart",
        details={"why": "not_found"}, text="patient ![x](//evil)",
    )  # fmt: skip
    at = dashboard.open(AccessRole.OWNER, PAGE)
    said = [row["What happened"] for row in rows(at)]
    assert f"Chart seen in an emergency {access_table.BADGE}" in said
    assert any("\\!\\[x\\]\\(//evil\\)" in words for words in said)


def test_a_patient_who_is_gone_is_not_named(dashboard):
    tell(
        dashboard, EventKind.VIEWED, subject_kind="chart", subject_id="pt-gone",
        patient_id="pt-gone",
    )  # fmt: skip
    assert rows(dashboard.open(AccessRole.OWNER, PAGE))[1]["Patient"] == "a patient"


def test_nothing_on_the_page_switches_it_off(dashboard):
    at = dashboard.open(AccessRole.OWNER, PAGE)
    assert not at.toggle
    assert not at.checkbox
    assert {button.key for button in at.button} == {"shell_sign_out"} | {
        button.key for button in dashboard.open(AccessRole.OWNER, "insight/rule_book").button
        if (button.key or "").startswith("shell_")
    }  # fmt: skip


# --- what pages write ------------------------------------------------------------------------


def test_drawing_the_board_again_writes_nothing(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR, "coordinate/thresholds")
    before = number_of_events(dashboard)
    for _ in range(3):
        at.run()
    assert number_of_events(dashboard) == before
    for page in ("programs/ccm", "programs/cocm", "coordinate/consents", "coordinate/patients"):
        at.switch_page(f"pages/{page}.py").run()
        at.run()
    assert number_of_events(dashboard) == before


def test_a_chart_that_stays_open_is_one_look_in_every_section(dashboard):
    (patient, *_) = patients_of(dashboard)
    at = dashboard.open(AccessRole.COORDINATOR, "coordinate/patient_chart", patient=patient.id)
    before = number_of_events(dashboard)
    for section in ("month", "consents", "plans", "details"):
        at.query_params["section"] = section
        at.run()
    assert number_of_events(dashboard) == before
    (seen,) = events(dashboard, group=AccessGroup.CHARTS)
    assert (seen.patient_id, seen.at.isoformat()[:10]) == (patient.id, "2026-11-20")


def test_a_search_in_the_sidebar_is_written_once_however_often_it_is_drawn(dashboard):
    (patient, *_) = patients_of(dashboard)
    at = dashboard.open(AccessRole.COORDINATOR)
    at.text_input(key="shell_search").set_value(patient.family_name).run()
    at.run()
    at.switch_page("pages/coordinate/patients.py").run()
    at.text_input(key="patients_text").set_value(patient.family_name).run()
    (search,) = events(dashboard, group=AccessGroup.SEARCHES)
    assert search.what.startswith("Searched for patients, ")
    assert patient.family_name not in search.what


# --- prints ----------------------------------------------------------------------------------


@pytest.fixture
def browser(dashboard, asgi_browser):
    """A browser before the dashboard's server, signed in as a coordinator."""
    parts = server.server_parts()
    found = asgi_browser(Starlette(routes=list(parts.routes), middleware=list(parts.middleware)))
    token, _ = page_store.sign_ins.demo_sign_in(
        dashboard.actor(AccessRole.COORDINATOR).person_id,
        store=dashboard.store,
        clock=dashboard.clock,
    )
    found.cookies[page_store.COOKIE] = token
    return found


def printed(browser, address, **headers):
    """Send an address as the page's script does."""
    sent = {"origin": "http://localhost"} | headers
    return browser._request("POST", printing.PRINTED_PATH, sent, address.encode())


def test_the_script_tells_of_a_print_and_the_log_names_page_and_patient(dashboard, browser):
    (patient, *_) = patients_of(dashboard)
    address = f"/chart?patient={quote(patient.id)}&month=2026-11"
    assert printed(browser, address).status_code == 204
    (event,) = events(dashboard, group=AccessGroup.FILES)
    assert (event.what, event.patient_id) == ("Printed the page chart", patient.id)
    assert event.person_id == dashboard.actor(AccessRole.COORDINATOR).person_id


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/", "Printed the page thresholds"),
        ("/home", "Printed the page thresholds"),
        ("/rule-book?patient=pt-none", "Printed the page rule book"),
        ("/nowhere/<b>", "Printed a page"),
        ("", "Printed the page thresholds"),
        ("//[::1", "Printed a page"),
        ("/chart?" + "&".join(f"a{n}=1" for n in range(60)), "Printed a page"),
        ("/chart?patient=%00", "Printed the page chart"),
    ],
)
def test_any_address_is_told_as_far_as_it_is_known(dashboard, browser, address, said):
    assert printed(browser, address).status_code == 204
    (event,) = events(dashboard, group=AccessGroup.FILES)
    assert (event.what, event.patient_id) == (said, None)


def test_a_print_is_told_by_whoever_is_signed_in_from_here_and_nobody_else(dashboard, browser):
    assert printed(browser, "/chart", origin="http://evil.example").status_code == 403
    assert printed(browser, "x" * (printing.LONGEST_ADDRESS + 1)).status_code == 400
    browser.cookies.clear()
    assert printed(browser, "/chart").status_code == 401
    assert not events(dashboard, group=AccessGroup.FILES)


def test_every_page_carries_the_script_that_tells_of_prints():
    script = (routes.ROOT / "pages" / "shared" / "static" / "idle.js").read_text(encoding="utf-8")
    assert '"beforeprint"' in script
    assert printing.PRINTED_PATH in script
