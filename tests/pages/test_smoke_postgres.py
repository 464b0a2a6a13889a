"""Every page draws on a store on a PostgreSQL server, and what is entered there is kept."""

from collections.abc import Iterator

import pytest

from pages.shared import routes
from pages.shared import store as page_store
from tests.pages.conftest import DAY, Dashboard
from tests.support.postgres import Databases, NoServerError, skip_or_fail
from trellis_core.access import AccessRole
from trellis_core.sample import load_sample
from trellis_core.services.integrity import check_store
from trellis_core.store.engine import open_store

pytestmark = pytest.mark.postgres

PAGES = {page.name: page.path for page in routes.PAGES}


@pytest.fixture(scope="module")
def sample_url(_server: Databases | NoServerError) -> Iterator[str]:
    """The URL of the sample practice on the server, loaded once."""
    if isinstance(_server, NoServerError):
        skip_or_fail(_server)
    name = _server.migrated()
    opened = open_store(_server.url(name))
    load_sample(opened, day=DAY)
    opened.close()
    yield _server.url(name)
    _server.drop(name)


@pytest.fixture
def dashboard(sample_url: str, empty_dashboard: Dashboard, monkeypatch) -> Dashboard:
    """The dashboard on the sample practice on the server."""
    monkeypatch.setenv("DATABASE_URL", sample_url)
    return Dashboard(sample_url, empty_dashboard.set_token)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_draws_on_the_sample_practice(dashboard: Dashboard, page: str):
    at = dashboard.open(AccessRole.OWNER, page)
    assert dashboard.store.dialect == "postgresql"
    assert at.title, "a page has a title"
    assert not at.error


def test_the_store_is_whole_after_all_that(dashboard: Dashboard):
    assert check_store(page_store.store()).ok
