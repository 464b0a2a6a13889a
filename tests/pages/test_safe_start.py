"""The server starts with safe options only, and says which one is not and where it was set."""

import asyncio
import tomllib
from pathlib import Path

import pytest
from streamlit import config

from pages.shared import safe_start
from pages.shared.safe_start import SAFE_VALUES, SafeStart, problems

ROOT = Path(__file__).parents[2]
SECRET = "7fQ2-xk9vLmR4tYw8ZbN1cJd6HgS3pEa"


@pytest.fixture(autouse=True)
def shipped(monkeypatch):
    """The options as they ship, whatever was set before, and a way to override some."""
    for name in ("TRELLIS_SECRET", "TRELLIS_SECRET_FILE", "TRELLIS_PUBLIC_URL", "TRELLIS_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    before = config._config_options, config._main_script_path
    monkeypatch.chdir(ROOT)
    config._main_script_path = str(ROOT / "dashboard.py")
    yield load
    config._config_options, config._main_script_path = before


def load(**flags):
    config.get_config_options(force_reparse=True, options_from_flags=flags)


def test_what_ships_is_safe_and_complete(shipped):
    shipped()
    assert problems() == []
    file = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    named = {
        f"{section}.{key}": value
        for section, values in file.items()
        if section != "theme"
        for key, value in values.items()
    }
    not_streamlits_own = {"server.corsAllowedOrigins", "server.trustedUserHeaders",
                          "server.scriptHealthCheckEnabled", "server.baseUrlPath",
                          "global.developmentMode"}  # fmt: skip
    for key, safe in SAFE_VALUES.items():
        if key not in not_streamlits_own:
            assert named[key] == safe, key
    assert named["server.address"] == "127.0.0.1"
    assert named["server.allowedHosts"] == ["localhost", "127.0.0.1"]
    assert named["server.maxUploadSize"] == safe_start.LARGEST_UPLOAD


OTHER_TEXTS = {"none": "auto", "strict": "lax", "minimal": "developer", "": "sub"}


def other_than(safe):
    if isinstance(safe, bool):
        return not safe
    if isinstance(safe, str):
        return OTHER_TEXTS[safe]
    return ["https://evil.example"] if isinstance(safe, list) else {"X-User": "name"}


@pytest.mark.parametrize("key", SAFE_VALUES)
def test_each_option_that_differs_is_named_with_its_value_and_the_safe_one(shipped, key):
    # Streamlit itself refuses development mode beside a port; here it is read, not served with.
    shipped(**{key: other_than(SAFE_VALUES[key])})
    (told,) = problems()
    assert told.startswith(f"{key} is ")
    assert told.endswith(f"the safe value is {safe_start._shown(SAFE_VALUES[key])}.")
    assert "set on the command line" in told


@pytest.mark.parametrize(
    ("size", "is_safe"), [(1, True), (20, True), (21, False), (0, False), (200, False)]
)
def test_uploads_are_limited(shipped, size, is_safe):
    shipped(**{"server.maxUploadSize": size})
    assert (problems() == []) == is_safe


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_may_be_listened_at(shipped, address):
    shipped(**{"server.address": address})
    assert problems() == []


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "127.0.0.1.evil.example"])  # noqa: S104  # fmt: skip
def test_other_machines_may_not(shipped, address):
    shipped(**{"server.address": address})
    (told,) = problems()
    assert told.startswith("server.address is ")


@pytest.mark.parametrize("hosts", [[], ["*"], ["localhost", "trellis.example.org"]])
def test_other_names_are_not_answered_to(shipped, hosts):
    shipped(**{"server.allowedHosts": hosts})
    (told,) = problems()
    assert told.startswith("server.allowedHosts is ")


def test_where_an_option_was_set_is_told(shipped, monkeypatch, tmp_path):
    monkeypatch.setenv("STREAMLIT_SERVER_ENABLE_CORS", "false")
    shipped(**{"server.enableCORS": False})
    assert "the environment variable STREAMLIT_SERVER_ENABLE_CORS" in problems()[0]
    monkeypatch.delenv("STREAMLIT_SERVER_ENABLE_CORS")
    folder = tmp_path / ".streamlit"
    folder.mkdir()
    text = (ROOT / ".streamlit" / "config.toml").read_text()
    (folder / "config.toml").write_text(text.replace('showErrorDetails = "none"', 'showErrorDetails = "full"'))  # fmt: skip
    config._main_script_path = str(tmp_path / "dashboard.py")
    shipped()
    (told,) = problems()
    assert f'client.showErrorDetails is "full", set in {folder / "config.toml"};' in told
    (folder / "config.toml").unlink()
    monkeypatch.chdir(tmp_path)
    shipped()
    assert any(
        "browser.gatherUsageStats is true, as no file sets it;" in each for each in problems()
    )


# --- for other machines ----------------------------------------------------------------------


@pytest.fixture
def public(shipped, monkeypatch):
    from trellis_core.secret import read_secret
    from trellis_core.settings import load_settings

    monkeypatch.setenv("TRELLIS_PUBLIC_URL", "https://trellis.example.org")
    monkeypatch.setenv("TRELLIS_SECRET", SECRET)
    key = read_secret(load_settings()).cookie_secret
    safe = {
        "server.allowedHosts": ["trellis.example.org"],
        "server.cookieSecret": key,
        "server.address": "0.0.0.0",  # noqa: S104 - encrypted
        "server.sslCertFile": "cert.pem",
    }

    def start(**changed):
        shipped(**(safe | changed))
        return problems()

    return start


def test_other_machines_are_served_encrypted_with_a_secret_under_their_name(public):
    assert public() == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"server.sslCertFile": None}, "without encryption"),
        ({"server.allowedHosts": ["localhost"]}, "server.allowedHosts"),
        ({"server.allowedHosts": ["*"]}, "server.allowedHosts"),
        ({"server.cookieSecret": "another"}, "server.cookieSecret"),
        ({"client.showErrorDetails": "full"}, "client.showErrorDetails"),
    ],
)
def test_what_is_missing_for_other_machines_is_told(public, changed, told):
    (found,) = public(**changed)
    assert told in found


def test_without_or_with_a_weak_secret_other_machines_are_not_served(public, monkeypatch):
    monkeypatch.setenv("TRELLIS_SECRET", "changeme")
    assert "has 8 bytes" in public()[0]
    monkeypatch.delenv("TRELLIS_SECRET")
    assert any("needs a secret" in each for each in public())


def test_behind_a_proxy_only_named_machines_reach_it(public, monkeypatch):
    local = {"server.sslCertFile": None, "server.address": "127.0.0.1"}
    monkeypatch.setenv("TRELLIS_PROXIES", "127.0.0.1 ::1")
    assert public(**local) == []
    assert "server.address" in public(**local | {"server.address": "10.0.0.5"})[0]
    assert "server.sslCertFile" in public(**local | {"server.sslCertFile": "cert.pem"})[0]
    monkeypatch.setenv("TRELLIS_PROXIES", "127.0.0.1 ::1 10.0.0.4")
    assert public(**local | {"server.address": "10.0.0.5"}) == []


# --- the start itself ------------------------------------------------------------------------


async def never(scope, receive, send):
    raise AssertionError("the dashboard was asked")


def sent_by(app, kind):
    said = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        said.append(message)

    asyncio.run(app({"type": kind, "headers": [], "method": "GET", "path": "/"}, receive, send))
    return said


def test_an_unsafe_start_says_all_and_answers_nothing():
    app = SafeStart(never, check=lambda: ["One is wrong.", "Two is wrong."])
    (start,) = sent_by(app, "lifespan")
    assert start["type"] == "lifespan.startup.failed"
    assert start["message"].startswith("One is wrong.\nTwo is wrong.\nTrellis does not start")
    assert sent_by(app, "websocket") == [{"type": "websocket.close", "code": 1011}]
    assert sent_by(app, "http")[0]["status"] == 503


def test_a_safe_start_is_checked_once_and_passed_on():
    asked, passed = [], []

    async def dashboard(scope, receive, send):
        passed.append(scope["type"])

    app = SafeStart(dashboard, check=lambda: asked.append(1) or [])
    for kind in ("lifespan", "http", "websocket"):
        sent_by(app, kind)
    assert (len(asked), passed) == (1, ["lifespan", "http", "websocket"])
