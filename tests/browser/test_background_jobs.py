"""What the server does by itself, in a real browser: seen from every page, there after a restart, given once."""

import io
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import settle, sign_in, turn_to

READY = "Ready: the Collection Bundle of the whole practice"
WITHIN = 90_000


def test_files_are_made_while_the_person_is_elsewhere_and_outlive_the_server(page, demo):
    sign_in(page, demo, "owner", "/exchange")
    page.get_by_role("button", name="Prepare the files").click()
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("the Collection Bundle of the whole practice")).to_be_visible()
    turn_to(page, f"{demo.url}/settings")
    expect(sidebar.get_by_text(READY)).to_be_visible(timeout=WITHIN)
    demo.kill()
    demo.start()
    page.goto(f"{demo.url}/settings")
    settle(page)
    sidebar.get_by_text(READY).click()
    page.get_by_role("heading", name="Exchange").wait_for()
    settle(page)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download (ZIP)").click()
    with zipfile.ZipFile(io.BytesIO(Path(caught.value.path()).read_bytes())) as packed:
        assert packed.namelist() == ["bundle.json"]
    expect(sidebar.get_by_text(READY)).to_have_count(0, timeout=WITHIN)
    expect(page.get_by_role("button", name="Download (ZIP)")).to_have_count(0, timeout=WITHIN)
