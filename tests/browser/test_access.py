"""Who gets in, in a real browser and on a real server: links, sign-out, idle lock, other sites."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, free_port, settle
from tests.support.clocked_dashboard import set_clock
from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Patient, Practice, StaffMember
from trellis_core.care.vocabulary import Credential, Program, StaffRole
from trellis_core.services import caseload, drafts, enrollments
from trellis_core.services import practice as practices
from trellis_core.services.sign_in import SIGN_IN_IDLE, end_sign_in, sign_in
from trellis_core.services.timers import running_timer
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import FixedClock

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
PASSWORD = "a long enough password"
FAMILY = "Quillfeather"
NOTE = "Spoke with her sister about the new inhaler"
OWNER = Actor(practice_id="p1", person_id="s1", role=AccessRole.OWNER)
MORE = ", and she will try it."
EVIL = "https://evil.example"


@dataclass
class Clocked:
    """The dashboard of a practice with real sign-ins, whose clock stands until a test moves it."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None
    patient: str = ""
    now: datetime = START

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def chart(self) -> str:
        return f"/chart?patient={self.patient}&month=2026-11"

    def open_store(self) -> Store:
        return open_store(f"sqlite:///{self.folder / 'trellis.db'}")

    def move_to(self, instant: datetime) -> None:
        self.now = instant
        set_clock(self.folder / "instant", instant)

    def fill(self) -> None:
        store, clock = self.open_store(), FixedClock(START - timedelta(hours=1))
        practices.create_practice(
            practices.CreatePractice(
                practice=Practice(id="p1", name="Harbor practice"),
                owner=StaffMember(
                    id="s1",
                    role=StaffRole.BILLING_PRACTITIONER,
                    credential=Credential.MD,
                    npi="1234567893",
                    given_name="Ana",
                    family_name="Hollow",
                    access=AccessRole.OWNER,
                ),
                sign_in_name="ana",
                password=PASSWORD,
            ),
            store=store,
            clock=clock,
        )
        around = {"store": store, "actor": OWNER, "clock": clock}
        made = Patient(id="", mrn="7", family_name=FAMILY, given_name="Wren")
        self.patient = caseload.register_patient(made, **around).id
        enrollments.enroll(
            self.patient,
            program=Program.CCM,
            started_on=date(2026, 11, 2),
            billing_practitioner="s1",
            **around,
        )
        store.close()

    def start(self) -> None:
        self.move_to(START)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(ROOT / "tests" / "support" / "clocked_dashboard.py"),
                    str(self.folder / "instant"),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=ROOT,
                env=os.environ
                | {
                    "DATABASE_URL": f"sqlite:///{self.folder / 'trellis.db'}",
                    "TRELLIS_DATA_FOLDER": str(self.folder / "data"),
                    "STREAMLIT_SERVER_PORT": str(self.port),
                },
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.3)
        raise AssertionError((self.folder / "server.log").read_text()[-4000:])

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)


@pytest.fixture(scope="module")
def clocked(tmp_path_factory):
    """One server for all of these tests; each moves its clock on, never back."""
    running = Clocked(tmp_path_factory.mktemp("clocked"))
    running.fill()
    running.start()
    yield running
    running.stop()


def enter(page, clocked, path="/"):
    """Open a path as nobody, sign in, and be there."""
    page.context.clear_cookies()
    page.goto(clocked.url + path)
    page.get_by_role("textbox", name="Name").fill("ana")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for(timeout=60_000)
    settle(page)


def token_of(page):
    return next(
        each["value"] for each in page.context.cookies() if each["name"].startswith("trellis")
    )


def ask(clocked, path, *, method="GET", host=None, **headers):
    """Ask the server as no browser would; return status and body."""
    line = http.client.HTTPConnection("127.0.0.1", clocked.port, timeout=20)
    sent = {"Host": host or f"127.0.0.1:{clocked.port}"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    line.request(method, path, headers=sent)
    answer = line.getresponse()
    body = answer.read().decode("utf-8", "replace")
    line.close()
    return answer.status, body


def socket_status(clocked, *, origin=None, host=None, token=None):
    """Open the page's socket as no browser would; return the status that answers."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "streamlit",
    }
    line = http.client.HTTPConnection("127.0.0.1", clocked.port, timeout=20)
    said = {"Origin": origin, "Cookie": f"trellis_session={token}" if token else None}
    headers |= {name: value for name, value in said.items() if value}
    headers["Host"] = host or f"127.0.0.1:{clocked.port}"
    line.request("GET", "/_stcore/stream", headers=headers)
    status = line.getresponse().status
    line.close()
    return status


# --- the first visit -------------------------------------------------------------------------


def test_a_deep_link_on_a_fresh_server_meets_the_sign_in_and_then_that_page(page, clocked):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    enter(page, clocked, f"{clocked.chart}&section=consent")
    expect(page).to_have_url(re.compile(rf"/chart\?.*patient={clocked.patient}"))
    expect(page).to_have_url(re.compile(r"section=consent"))
    expect(page.get_by_role("heading", name=re.compile(FAMILY))).to_be_visible()
    assert all(url.startswith((clocked.url, "data:", "blob:")) for url in asked)


# --- after signing out -----------------------------------------------------------------------


def test_a_cookie_that_was_signed_out_opens_nothing_any_more(page, clocked):
    enter(page, clocked)
    token, own = token_of(page), clocked.url
    cookie = {"Cookie": f"trellis_session={token}"}
    html = {"Accept": "text/html"}
    assert ask(clocked, "/thresholds", **html, **cookie)[0] == 200
    assert ask(clocked, "/_stcore/metrics", **cookie)[0] == 200
    assert socket_status(clocked, origin=own, token=token) == 101

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("textbox", name="Name").wait_for()

    assert ask(clocked, "/thresholds", **html, **cookie)[0] == 303
    for path in ("/_stcore/metrics", "/media/anything.pdf", "/_stcore/host-config", "/auth/state"):
        assert ask(clocked, path, **cookie)[0] == 401, path
    assert ask(clocked, "/auth/seen", method="POST", Origin=own, **cookie)[0] == 401
    assert socket_status(clocked, origin=own, token=token) == 403


def test_the_real_server_answers_nobody_without_a_session(clocked):
    """Every class of paths on the server itself, with every kind of cookie, page and socket."""
    store = clocked.open_store()
    begun = {"ended": clocked.now, "idle": clocked.now - SIGN_IN_IDLE, "good": clocked.now}
    tokens = {
        name: sign_in("ana", PASSWORD, store=store, clock=FixedClock(at)).token
        for name, at in begun.items()
    }
    end_sign_in(tokens["ended"], store=store, clock=FixedClock(clocked.now))
    store.close()
    tokens |= {"none": None, "bogus": "A" * 43}
    pages = ("/", "/thresholds", clocked.chart, "/nowhere", "/auth")
    files = (
        "/media/secret.pdf",
        "/_stcore/metrics",
        "/_stcore/host-config",
        "/_stcore/script-health-check",
        "/_stcore/agent/openapi.json",
        "/component/x/index.html",
        "/app/static/x.csv",
        "/thresholds",
    )
    for kind, token in tokens.items():
        cookie = {"Cookie": f"trellis_session={token}"} if token else {}
        is_in = kind == "good"
        for path in pages:
            status, body = ask(clocked, path, Accept="text/html", **cookie)
            assert status == (200 if is_in else 303), (kind, path)
            assert ("/auth/idle.js" in body) is is_in, (kind, path)
        for path in files:
            assert (ask(clocked, path, **cookie)[0] == 401) is not is_in, (kind, path)
        for path in ("/_stcore/upload_file/a/b", "/auth/seen"):
            method = "PUT" if "upload" in path else "POST"
            status, _ = ask(clocked, path, method=method, Origin=clocked.url, **cookie)
            assert (status == 401) is not is_in, (kind, path)
        for path in ("/healthz", "/_stcore/health", "/favicon.png", "/auth/idle.js"):
            assert ask(clocked, path, **cookie)[0] == 200, (kind, path)
        status = socket_status(clocked, origin=clocked.url, token=token)
        assert status == (101 if is_in else 403), kind


# --- other sites -----------------------------------------------------------------------------


def test_another_site_reaches_nothing_with_the_persons_cookie(page, clocked):
    enter(page, clocked)
    token, own = token_of(page), clocked.url
    cookie = {"Cookie": f"trellis_session={token}"}
    port = clocked.port
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}"):
        for path in ("/thresholds", "/healthz", "/auth/sign-in", "/_stcore/health"):
            assert ask(clocked, path, host=host, **cookie)[0] == 400, (host, path)
        assert socket_status(clocked, origin=f"http://{host}", host=host, token=token) == 403
    for origin in (EVIL, "null", f"https://127.0.0.1:{port}", "http://127.0.0.1", f"{own}.evil"):
        assert ask(clocked, "/thresholds", Origin=origin, **cookie)[0] == 403, origin
        assert ask(clocked, "/auth/seen", method="POST", Origin=origin, **cookie)[0] == 403
        assert socket_status(clocked, origin=origin, token=token) == 403, origin
    assert ask(clocked, "/auth/seen", method="POST", **cookie)[0] == 403, "no origin at all"
    assert socket_status(clocked, token=token) == 403, "no origin at all"
    assert socket_status(clocked, origin=own, token=token) == 101


# --- nobody there ----------------------------------------------------------------------------


def last_seen(page):
    """Let the page tell what was done on it, so that nothing is left to be told and all is answered."""
    asked, answered = set(), set()
    page.on("request", lambda each: "/auth/" in each.url and asked.add(each))
    page.on("response", lambda each: answered.add(each.request))
    page.clock.fast_forward(61_000)
    page.wait_for_timeout(500)
    until = time.monotonic() + 20
    while not (asked and asked <= answered) and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert asked
    assert asked <= answered


def look_again(page):
    """Let the page ask the server how long is left, as it does when one comes back to its window."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def draft_of(clocked):
    store = clocked.open_store()
    form = f"chart_entry_{clocked.patient}"
    found = drafts.take(form=form, patient_id=clocked.patient, store=store, actor=OWNER)
    store.close()
    return found


def wait_until(holds, *, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.2)
    raise AssertionError("it did not come to hold")


def test_an_unused_page_locks_keeps_the_note_and_lets_the_timer_run(page, clocked):
    page.clock.install()
    enter(page, clocked, clocked.chart)
    page.get_by_role("button", name=re.compile("Start timer")).first.click()
    expect(page.get_by_role("button", name="Stop and log").first).to_be_visible()
    settle(page)
    note = page.get_by_label("Note").first
    note.press_sequentially(NOTE)
    assert draft_of(clocked) == "", "the field has not been left yet"
    last_seen(page)
    wait_until(lambda: draft_of(clocked) == NOTE)
    expect(note).to_be_focused()
    note.press_sequentially(MORE)
    begun = clocked.now

    clocked.move_to(begun + timedelta(minutes=14, seconds=30))
    look_again(page)
    expect(page.locator("#trellis-idle")).to_contain_text(re.compile(r"Locks in (30|2\d) s"))
    clocked.move_to(begun + timedelta(minutes=14, seconds=51))
    look_again(page)
    wait_until(lambda: draft_of(clocked) == NOTE + MORE)

    clocked.move_to(begun + timedelta(minutes=14, seconds=59))
    cookie = {"Cookie": f"trellis_session={token_of(page)}"}
    assert ask(clocked, "/_stcore/host-config", **cookie)[0] == 200
    clocked.move_to(begun + timedelta(minutes=15))
    assert ask(clocked, "/_stcore/host-config", **cookie)[0] == 401
    look_again(page)
    page.wait_for_url(re.compile(r"/auth/sign-in\?next="))
    expect(page.locator("input[type=password]")).to_be_visible()
    assert FAMILY not in page.content()
    assert NOTE not in page.content()
    assert FAMILY not in page.url

    store = clocked.open_store()
    timer = running_timer(store=store, actor=OWNER)
    store.close()
    assert timer is not None
    assert timer.patient_id == clocked.patient

    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("input[type=password]").press("Enter")
    page.get_by_role("button", name="Sign out").wait_for(timeout=60_000)
    settle(page)
    expect(page).to_have_url(re.compile(rf"/chart\?.*patient={clocked.patient}"))
    expect(page.get_by_role("button", name="Stop and log").first).to_be_visible()
    expect(page.get_by_label("Note").first).to_have_value(NOTE + MORE)
    expect(page.get_by_text("They are not saved yet")).to_be_visible()


def test_a_machine_that_slept_shows_nothing_when_it_wakes_and_then_the_lock(page, clocked):
    page.clock.install()
    page.add_init_script(
        """const fetched = window.fetch;
        window.fetch = (path, ...rest) => {
          if (String(path).endsWith("/auth/state")) {
            const shown = getComputedStyle(document.documentElement).display;
            sessionStorage.setItem("shown", `${sessionStorage.getItem("shown") ?? ""} ${shown}`);
          }
          return fetched(path, ...rest);
        };"""
    )
    enter(page, clocked, clocked.chart)
    last_seen(page)
    page.evaluate("sessionStorage.removeItem('shown')")
    clocked.move_to(clocked.now + timedelta(hours=1))
    page.clock.fast_forward(3_600_000)
    page.wait_for_url(re.compile(r"/auth/sign-in\?next="))
    assert page.evaluate("sessionStorage.getItem('shown')").split() == ["none"]
    assert FAMILY not in page.content()

    page.goto(f"{clocked.url}/healthz")
    page.go_back()
    expect(page.locator("input[type=password]")).to_be_visible()
    page.go_back()
    page.wait_for_timeout(500)
    assert FAMILY not in page.content(), "nothing is kept for the way back"


def test_work_in_one_tab_keeps_the_other_open(page, clocked):
    page.clock.install()
    enter(page, clocked, clocked.chart)
    other = page.context.new_page()
    other.clock.install()
    other.goto(f"{clocked.url}/thresholds")
    other.get_by_role("button", name="Sign out").wait_for(timeout=60_000)
    last_seen(page)
    last_seen(other)
    begun = clocked.now

    clocked.move_to(begun + timedelta(minutes=14, seconds=30))
    page.clock.fast_forward(61_000)
    expect(page.locator("#trellis-idle")).to_be_visible()
    with other.expect_response("**/auth/seen"):  # the server knows of it before it is asked
        other.mouse.move(200, 300)
        other.mouse.move(220, 330)
    page.clock.fast_forward(11_000)
    expect(page.locator("#trellis-idle")).to_have_count(0)

    clocked.move_to(begun + timedelta(minutes=15, seconds=1))
    page.clock.fast_forward(61_000)
    page.wait_for_timeout(500)
    expect(page.get_by_role("heading", name=re.compile(FAMILY))).to_be_visible()
