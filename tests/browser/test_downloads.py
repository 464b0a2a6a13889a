"""Downloads in real browsers: everyone gets their own, nobody another's, and none for long."""

import hashlib
import json
import shutil
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path

import pysqlite3
import pytest

from pages.shared import store as page_store
from tests.browser.conftest import DAY, new_context, settle, sign_in
from tests.support.moved_server import MovedServer
from trellis_core.ledger.journal import EventKind, parse_event
from trellis_core.sample import load_sample
from trellis_core.store.engine import open_store

SIZE = 2 * 1024 * 1024
MADE_AT_ONCE = f"""
import hashlib, threading
from trellis_core.services import billing

real, both = billing.superbill_document, threading.Barrier(2)

def document(*, form, actor, **more):
    if form != "zip":
        return real(form=form, actor=actor, **more)
    both.wait(60)
    content = bytearray({SIZE})
    content[300_000:300_064] = actor.person_id.encode().ljust(64)
    digest = hashlib.sha256(content).hexdigest()
    return billing.Document(
        file_name="x.zip", media_type="application/zip", content=bytes(content), sha256=digest
    )

billing.superbill_document = document
"""
"""Month ZIPs of one size, equal where Streamlit looks, made in the same moment for two people."""


@pytest.fixture(scope="module")
def sample_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "trellis.db"
    opened = open_store(f"sqlite:///{path}")
    load_sample(opened, day=date.fromisoformat(DAY))
    opened.close()
    return path


@pytest.fixture(scope="module")
def moved(sample_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(sample_store, folder / "trellis.db")
    running = MovedServer(
        folder,
        f"sqlite:///{folder / 'trellis.db'}",
        prelude=MADE_AT_ONCE,
        more={"TRELLIS_TODAY": DAY},
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browsers(chromium):
    """Two browsers that know nothing of each other."""
    opened = [new_context(chromium) for _ in range(2)]
    for context in opened:
        context.set_default_timeout(30_000)
    yield [context.new_page() for context in opened]
    for context in opened:
        context.close()


@pytest.fixture
def two(browsers, moved):
    """A biller and an owner, each in a browser of their own, on October's superbills."""
    moved.move(0)
    for page, role in zip(browsers, ("biller", "owner"), strict=True):
        sign_in(page, moved, role, "/superbills?month=2026-10")
    return browsers


def press(page, label):
    page.get_by_role("button", name=label, exact=True).first.click()


def download(page, label):
    """Return address, bytes and file name of what a button gives."""
    with page.expect_download() as caught:
        press(page, label)
    given = caught.value
    return given.url, Path(given.path()).read_bytes(), given.suggested_filename


def cookie_of(page):
    return next(
        each["value"] for each in page.context.cookies() if each["name"] == page_store.COOKIE
    )


def fetched(address, cookie=None, method="GET", **headers):
    """Return the status, the headers and the bytes of a request from outside of any browser."""
    if cookie is not None:
        headers["Cookie"] = f"{page_store.COOKIE}={cookie}"
    request = urllib.request.Request(address, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def downloads_of(server):
    """Return the journal's downloads, oldest first: the event and its details."""
    with pysqlite3.connect(server.folder / "trellis.db") as db:
        events = [
            parse_event(body) for (body,) in db.execute("SELECT body FROM event ORDER BY seq")
        ]
    return [
        (each, json.loads(each.details)) for each in events if each.kind is EventKind.DOWNLOADED
    ]


def test_two_people_who_ask_for_files_of_one_size_at_once_get_their_own(two, moved):
    biller, owner = two
    with biller.expect_download() as first, owner.expect_download() as second:
        press(biller, "Month as ZIP")
        press(owner, "Month as ZIP")
    mine, yours = (Path(each.value.path()).read_bytes() for each in (first, second))
    assert len(mine) == len(yours) == SIZE
    assert mine[300_000:300_064].strip() != yours[300_000:300_064].strip()
    assert first.value.url != second.value.url
    logged = {(event.subject_id, said["bytes"]) for event, said in downloads_of(moved)[-2:]}
    assert logged == {(hashlib.sha256(each).hexdigest(), SIZE) for each in (mine, yours)}


def test_two_people_whose_files_are_the_same_get_an_address_each(two):
    biller, owner = two
    address, content, name = download(biller, "Month as CSV")
    other_address, other_content, other_name = download(owner, "Month as CSV")
    assert content == other_content
    assert name == other_name
    assert address != other_address
    assert fetched(address, cookie_of(owner))[0] == 403
    assert fetched(other_address, cookie_of(biller))[0] == 403
    assert fetched(address, cookie_of(biller))[2] == content


def test_a_files_address_is_useless_without_the_sign_in_that_had_it_made(two, moved):
    biller, owner = two
    address, content, name = download(biller, "Month as PDF")
    assert content.startswith(b"%PDF")
    assert name.startswith("superbills-2026-10-")

    status, headers, given = fetched(address, cookie_of(biller))
    assert (status, given) == (200, content)
    assert headers["Cache-Control"] == "no-store"
    assert fetched(address, cookie_of(biller), Range="bytes=0-3")[::2] == (206, b"%PDF")
    for method in ("GET", "HEAD"):
        assert fetched(address, method=method)[0] == 401
        assert fetched(address, "guessed", method=method)[0] == 401
        assert fetched(address, cookie_of(owner), method=method)[0] == 403
    for status, _, said in (fetched(address), fetched(address, cookie_of(owner))):
        assert b"%PDF" not in said, status
    assert fetched(address, cookie_of(owner), Range="bytes=0-3")[0] == 403
    another = "1" if address[-5] == "0" else "0"
    assert fetched(address[:-5] + another + address[-4:], cookie_of(biller))[0] == 404

    moved.move(295)
    assert fetched(address, cookie_of(biller))[0] == 200
    moved.move(331)
    assert fetched(address, cookie_of(biller))[0] == 404
    moved.move(0)
    settle(biller)


def test_after_signing_out_a_file_is_gone(two):
    biller, _ = two
    address, content, _ = download(biller, "Month as CSV")
    token = cookie_of(biller)
    assert fetched(address, token)[2] == content
    press(biller, "Sign out")
    biller.wait_for_url("**/auth/sign-in**")
    assert fetched(address, token)[0] == 401


def test_the_pictures_of_a_page_are_shown_to_the_page_and_to_nobody_else(two):
    biller, owner = two
    picture = biller.locator("img[src*='/media/']").first
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    address = biller.url.split("/superbills")[0] + picture.get_attribute("src").removeprefix(
        biller.url.split("/superbills")[0]
    )
    assert fetched(address, cookie_of(biller))[0] == 200
    assert fetched(address, cookie_of(owner))[0] == 403
    assert fetched(address)[0] == 401


def test_every_file_that_left_is_in_the_journal_with_its_digest(two, moved):
    biller, _ = two
    biller.goto(f"{moved.url}/superbills?month=2026-10&patient=p-101")
    settle(biller)
    _, content, name = download(biller, "FHIR bundle")
    event, details = downloads_of(moved)[-1]
    assert (event.subject_id, event.patient_id) == (hashlib.sha256(content).hexdigest(), "p-101")
    assert details == {"bytes": len(content), "form": "fhir", "month": "2026-10"}
    assert name.startswith("superbill-2026-10-")
