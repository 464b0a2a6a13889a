"""Names and notes seeded into a store appear nowhere but on pages and in files for people.

Every text of the sample practice is exchanged for a word that stands nowhere else. Then a real server,
as a process, has every page opened by every role, is made to fail in every way that we know, imports,
searches and gives files. What it wrote and what it tells machines is searched for those words.
"""

import csv
import io
import json
import re
import time
import urllib.error
import urllib.request
from datetime import date

import pytest
from pypdf import PdfReader

from pages.shared import routes
from pages.shared import store as page_store
from pages.shared.chart_map import Section
from tests.browser.conftest import DAY, settle, sign_in, turn_to
from tests.support.marked_practice import store_marked_practice
from tests.support.moved_server import MovedServer

STEM = "Zyxwood"
CANARY = re.compile(STEM, re.IGNORECASE)
PLANTED = f"{STEM}planted"
ROLES = ("owner", "coordinator", "biller", "auditor", "consultant")
BROKEN_PATIENT, BROKEN_FORM = "p-113", "csv"
FAULTS = f"""
import logging, sys, threading
from pages.shared import media, server
from trellis_core.services import billing, caseload, fhir_import

print("{PLANTED}", flush=True)
print("{PLANTED}", file=sys.stderr, flush=True)

chart, document, refusal, fhir = (
    caseload.chart, billing.superbill_document, media.refusal, fhir_import.preview_fhir
)

def broken_chart(patient_id, **more):
    found = chart(patient_id, **more)
    if patient_id == "{BROKEN_PATIENT}":
        raise RuntimeError(f"cannot show {{found}}")
    return found

def broken_document(**more):
    made = document(**more)
    if more["form"] == "{BROKEN_FORM}":
        raise KeyError(made.content.decode())
    return made

def broken_refusal(path, token):
    if "broken" in path:
        threading.Thread(target=lambda: {{}}["{STEM}inthread"]).start()
        raise LookupError("{STEM}inrequest")
    return refusal(path, token)

def broken_import(paths, **more):
    paths = list(paths)
    try:
        return fhir(paths, **more)
    except ValueError:
        raise
    finally:
        if any(b"explode" in path.read_bytes() for path in paths):
            logging.getLogger("a.library").error("Bad file: %s", ValueError("{STEM}inargument"))
            raise OSError(paths[0].read_text())

caseload.chart, billing.superbill_document = broken_chart, broken_document
media.refusal, fhir_import.preview_fhir = broken_refusal, broken_import
"""


def canary(column, _old, place):
    """Return a word that stands in one cell of the store only."""
    return f"{STEM}{column.replace('.', '').replace('_', '')}{place}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("canary")
    store_marked_practice(folder / "trellis.db", canary, day=date.fromisoformat(DAY))
    running = MovedServer(
        folder,
        f"sqlite:///{folder / 'trellis.db'}",
        prelude=FAULTS,
        more={"TRELLIS_TODAY": DAY, "STREAMLIT_LOGGER_LEVEL": "debug"},
    )
    running.start()
    yield running
    running.stop()


def fetched(url, cookie=None, **headers):
    """Return the status, the headers and the body of a request from outside of a browser."""
    if cookie:
        headers["Cookie"] = f"{page_store.COOKIE}={cookie}"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=20
        ) as answer:
            return answer.status, str(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, str(error.headers), error.read()


def cookie_of(page):
    return next(
        each["value"] for each in page.context.cookies() if each["name"] == page_store.COOKIE
    )


def visit(page, server, path):
    page.goto(f"{server.url}/{path}")
    page.locator("h1").first.wait_for()
    settle(page)


def bundle(family, **more):
    return json.dumps(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [
                {
                    "resource": {
                        "resourceType": "Patient",
                        "id": f"{STEM}id",
                        "identifier": [{"system": "urn:x", "value": f"{STEM}mrn"}],
                        "name": [{"family": family, "given": [f"{STEM}given"]}],
                        "birthDate": "1950-01-01",
                    }
                }
            ],
        }
        | more
    ).encode()


IMPORTS = (
    ("good", bundle(f"{STEM}imported")),
    ("not json", b'{"' + STEM.encode()),
    ("twice", b'{"%s": 1, "%s": 2}' % ((STEM.encode(),) * 2)),
    ("deep", b'{"%s":' % STEM.encode() * 90),
    ("date", bundle(STEM).replace(b"1950-01-01", b"%s" % STEM.encode())),
    ("explode", bundle(f"{STEM} explode")),
)


def bring_in(page, server, files):
    """Import files whose names hold names, as other systems' do."""
    visit(page, server, "patients")
    page.get_by_role("radio", name="Import", exact=True).first.click()
    settle(page)
    for name, content in files:
        with page.expect_response(
            lambda answer: "upload_file" in answer.url and answer.request.method == "PUT"
        ):
            page.locator("input[type=file]").set_input_files(
                [{"name": f"{STEM}{name}.json", "mimeType": "application/json", "buffer": content}]
            )
        store_them = page.get_by_role("button", name=re.compile("^Import .* patient"))
        said = page.locator("[data-testid='stException'], [data-testid='stAlert']")
        store_them.or_(said).first.wait_for()
        if store_them.count() and store_them.is_enabled():
            store_them.click()
            said.first.wait_for()
        if page.locator("[data-testid='stException']").count():
            yield page.locator("[data-testid='stException']").first.inner_text()
        visit(page, server, "patients")  # the file before is not sent again
        page.get_by_role("radio", name="Import", exact=True).first.click()
        settle(page)


def run_through(page, server):
    """Do everything; return what machines and strangers were told, by its source."""
    told, drawn = {}, set()
    for role in ROLES:
        sign_in(page, server, role)
        links = page.locator("[data-testid='stSidebar'] a").evaluate_all(
            "all => all.map((each) => new URL(each.href).pathname.slice(1))"
        )
        # The owner sees every page, the others those of their menu, the chart and one that is refused.
        every = [spec.name for spec in routes.PAGES]
        for name in every if role == "owner" else (*links, "chart", "people"):
            turn_to(page, f"{server.url}/{name}?month=2026-10&patient=p-101")
            drawn.add((role, name, page.locator("h1").first.inner_text()))
        told[f"metrics for {role}"] = fetched(f"{server.url}/_stcore/metrics", cookie_of(page))
    assert len(drawn) > 40, sorted(drawn)  # each role has seen its own pages
    assert all(len([each for each in drawn if each[0] == role]) >= 2 for role in ROLES), drawn
    sign_in(page, server, "owner")
    cookie = cookie_of(page)
    for section in Section:
        visit(page, server, f"chart?patient=p-101&month=2026-10&section={section}")
    for wrong in (f"{STEM}asked", "p-404", "%00", "x" * 3_000):
        page.goto(f"{server.url}/chart?patient={wrong}")
        page.goto(f"{server.url}/superbills?month={STEM}&patient={wrong}")
    page.goto(f"{server.url}/chart?patient={BROKEN_PATIENT}")
    broken = page.locator("[data-testid='stException']").first
    broken.wait_for()
    told["a page that failed"] = broken.inner_text()
    visit(page, server, "patients")
    page.get_by_label("Find a patient").first.fill(f"{STEM}patientsfamilyname3")
    page.get_by_label("Find a patient").first.press("Enter")
    settle(page)
    for place, said in enumerate(bring_in(page, server, IMPORTS)):
        told[f"import that failed {place}"] = said
    visit(page, server, "superbills?month=2026-10&patient=p-101")
    page.get_by_role("button", name="CSV", exact=True).first.click()  # fails, see FAULTS
    until = time.monotonic() + 20
    while "KeyError" not in server.log.read_text(errors="replace") and time.monotonic() < until:
        page.wait_for_timeout(100)
    for label in ("PDF", "FHIR bundle", "Month as PDF"):
        visit(page, server, "superbills?month=2026-10&patient=p-101")
        with page.expect_download() as caught:
            page.get_by_role("button", name=label, exact=True).first.click()
        told[f"name of {label}"] = caught.value.suggested_filename
        told[f"headers of {label}"] = fetched(caught.value.url, cookie)[1]
        if label.endswith("PDF"):
            paper = PdfReader(caught.value.path())
            told[f"metadata of {label}"] = f"{paper.metadata} {paper.trailer['/Root']}"
            assert paper.xmp_metadata is None
            assert CANARY.search(paper.pages[0].extract_text()), "the page itself names the patient"
    for path in (
        "healthz", "_stcore/health", "_stcore/host-config", "media/broken", f"media/{STEM}.pdf",
        f"auth/invite/{STEM}token", f"{STEM}?q={STEM}", f"auth/{STEM}", "_stcore/agent/x",
    ):  # fmt: skip
        for who in (None, cookie):
            status, headers, body = fetched(f"{server.url}/{path}", who)
            told[f"{path} for {who and 'owner'}"] = f"{status} {headers} {body!r}".replace(
                path, ""
            ).replace(path.replace("/", "%2F"), "")
    return told


def test_names_and_notes_are_in_no_log_metric_error_or_metadata(page, server):
    told = run_through(page, server)
    server.stop()
    log = server.log.read_text(encoding="utf-8", errors="replace")

    for source, said in told.items():
        found = CANARY.search(str(said))
        assert not found, (source, str(said)[max(0, found.start() - 200) : found.end() + 80])
    assert log.count(PLANTED) == 2, "what the server prints is looked at, on both streams"
    lines = [line for line in log.replace(PLANTED, "").splitlines() if CANARY.search(line)]
    assert not lines, lines[:5]

    for failed in ("RuntimeError", "KeyError", "LookupError", "OSError"):
        assert f"{failed} (its words are withheld)" in log, failed
    assert log.count("KeyError (its words are withheld)") >= 2, "of a download and of a thread"
    assert "Bad file: ValueError (its words are withheld)" in log
    assert {"name of PDF", "a page that failed", "healthz for None"} <= told.keys()
    assert told["media/broken for owner"].startswith("500")
    assert [source for source in told if source.startswith("import that failed")]


def test_the_store_that_was_searched_for_held_its_words(tmp_path):
    store_marked_practice(tmp_path / "trellis.db", canary, day=date.fromisoformat(DAY))
    content = (tmp_path / "trellis.db").read_bytes()
    assert len(set(re.findall(rb"Zyxwood[a-z]+[0-9]+", content))) >= 300


def test_files_for_people_hold_what_they_should(tmp_path):
    """The one place where the words belong: so an empty file would not pass for a clean one."""
    from trellis_core.access import AccessRole
    from trellis_core.rules.rulebook import load_rule_book
    from trellis_core.services import billing
    from trellis_core.services import sign_in as sign_ins
    from trellis_core.store.engine import open_store
    from trellis_core.values.clock import SystemClock
    from trellis_core.values.periods import ServiceMonth

    store_marked_practice(tmp_path / "trellis.db", canary, day=date.fromisoformat(DAY))
    store = open_store(f"sqlite:///{tmp_path / 'trellis.db'}")
    actor = next(
        each for _, each in sign_ins.demo_actors(store=store) if each.role is AccessRole.BILLER
    )
    made = billing.superbill_document(
        month=ServiceMonth(2026, 10), form="csv", store=store, actor=actor, clock=SystemClock(),
        rule_book=load_rule_book(),
    )  # fmt: skip
    store.close()
    rows = list(csv.DictReader(io.StringIO(made.content.decode(), newline="")))
    assert all(CANARY.match(row["last_name"]) and CANARY.match(row["mrn"]) for row in rows)
    assert not CANARY.search(made.file_name)
