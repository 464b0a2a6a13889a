"""Two processes behind the shipped nginx configuration, on PostgreSQL: what people meet."""

from contextlib import closing
from datetime import UTC, datetime

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.deploy.conftest import Deployment, record
from tests.support.nginx import NAME
from tests.support.page_socket import Page
from tests.support.two_practices import AWAY, HOME
from trellis_core.store.engine import open_store

pytestmark = [pytest.mark.postgres, pytest.mark.nginx]

WORKED_AT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
DOWNLOADS = 12


def board(practice: str) -> tuple[str, str]:
    return "thresholds", f"month=2026-11&patient={practice}-pt-2&of=CCM"


def row_of(practice: str) -> str:
    return f"{practice} {practice}-pt-2 family"


def test_a_browser_stays_with_its_process_and_its_files_are_there(deployment: Deployment) -> None:
    for port in deployment.processes:
        visitor = deployment.signed_in(port)
        cookie = visitor.cookies["trellis_process"]
        sockets = len(deployment.nginx.answered("/_stcore/stream", times=0))
        with Page(visitor, "access-log") as page:
            fetched = []
            for _ in range(DOWNLOADS):
                path = page.download("Events as CSV")
                fetched.append((visitor.ask(path).status, deployment.nginx.answered(path)[-1]))
        assert fetched == [(200, (200, [port]))] * DOWNLOADS
        assert visitor.cookies["trellis_process"] == cookie
        answered = deployment.nginx.answered("/_stcore/stream", times=sockets + 1)
        assert answered[sockets:] == [(101, [port])]


def test_the_cookie_is_for_this_address_alone_and_says_nothing(deployment: Deployment) -> None:
    visitor = deployment.visitor()
    visitor.cookies.clear()
    said = visitor.ask("/auth/sign-in").headers.get_all("set-cookie")
    assert said is not None
    (given,) = [each for each in said if each.startswith("trellis_process=")]
    value, *rest = given.removeprefix("trellis_process=").split("; ")
    assert len(value) == 32
    assert set(rest) == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
    assert visitor.ask("/auth/sign-in").headers.get_all("set-cookie") is None, "it has one"
    visitor.cookies.clear()
    linked = visitor.ask("/auth/sign-in", Sec_Fetch_Site="cross-site")
    assert linked.headers.get_all("set-cookie") is None, "it may have one that it keeps to itself"
    visitor.cookies["trellis_process"] = "somebody's own; Path=/evil"
    assert visitor.ask("/auth/sign-in").headers.get_all("set-cookie") is not None


def test_what_one_process_saves_the_other_shows(deployment: Deployment) -> None:
    first, second = deployment.processes
    with (
        closing(open_store(deployment.url)) as store,
        Page(deployment.signed_in(first), *board(HOME)) as here,
        Page(deployment.signed_in(second), *board(HOME)) as there,
    ):
        assert [page.cell("Minutes", row=row_of(HOME)) for page in (here, there)] == ["0", "0"]
        record(store, practice=HOME, at=WORKED_AT, seconds=7 * 60)
        for page in (there, here):
            page.run()
            assert page.cell("Minutes", row=row_of(HOME)) == "7"


def test_each_practice_sees_its_own_alone(deployment: Deployment) -> None:
    first, second = deployment.processes
    for practice, port in ((HOME, first), (AWAY, first), (AWAY, second)):
        with Page(deployment.signed_in(port, practice=practice), *board(practice)) as page:
            assert page.cell("Minutes", row=row_of(practice)) in {"0", "7"}
            shown = [each for table in page.tables for each in table.get("Patient", ())]
        assert shown
        assert all(each.startswith(f"{practice} ") for each in shown)


def test_strangers_and_colleagues_get_no_file(deployment: Deployment) -> None:
    first, second = deployment.processes
    mine = deployment.signed_in(first)
    with Page(mine, "access-log") as page:
        path = page.download("Events as CSV")
        stranger = deployment.visitor(first)
        assert stranger.ask(path, Accept="*/*").status == 401
        with pytest.raises(InvalidStatus) as refused, Page(stranger, "access-log"):
            pass
        assert refused.value.response.status_code == 403
        for port in (first, second):
            other = deployment.signed_in(port, practice=AWAY)
            assert other.ask(path).status == 403, "the process that has it says whose it is"
        assert mine.ask(path).status == 200
    assert mine.ask("/_stcore/metrics").status == 404


def test_who_worked_with_a_process_that_ends_goes_on_with_the_other(
    deployment: Deployment,
) -> None:
    first, second = deployment.processes
    visitor = deployment.signed_in(first)
    with Page(visitor, *board(HOME)) as page:
        deployment.kill(first)
        with pytest.raises(ConnectionClosed):
            page.run()
    assert visitor.ask("/").status == 200, "still signed in"
    assert deployment.process_of(visitor) == second
    with Page(visitor, "access-log") as page:
        path = page.download("Events as CSV")
        assert visitor.ask(path).status == 200
        deployment.start(first)
        deployment.wait_for(visitor, first)
        path = page.download("Events as CSV")
        assert visitor.ask(path).status == 200, "the page is the other's still, and so is its file"
        assert deployment.nginx.answered(path)[-1] == (200, [first, second])
    with Page(visitor, *board(HOME)) as page:
        assert page.cell("Minutes", row=row_of(HOME)) in {"0", "7"}


def test_plain_http_and_other_names_lead_nowhere_else(deployment: Deployment) -> None:
    visitor = deployment.visitor()
    answer = visitor.ask_plainly(deployment.nginx.plain_port, "/patients?patient=pt-1")
    assert (answer.status, answer.headers["location"]) == (308, f"https://{NAME}/")
    visitor.name = "elsewhere.example"
    with pytest.raises(OSError, match=r"(?i)unrecognized name|handshake"):
        visitor.ask("/auth/sign-in")
