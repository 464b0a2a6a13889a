"""``trellis serve``: this machine only, or others over TLS, with real certificates and a real server."""

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.certificates import certificate, write
from tests.support.served import PASSWORD, Running, free_port, real_practice
from trellis_core.cli import main
from trellis_core.cli._server_process import Serving, environment
from trellis_core.sample import load_sample
from trellis_core.serving import Public
from trellis_core.store.engine import open_store

NAME = "trellis.example.org"
SECRET = "7fQ2-xk9vLmR4tYw8ZbN1cJd6HgS3pEa"
NEWER = "qW5-eRt8yU2iOp1aSd4fGh7jKl0zXc9v"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own, and nothing said by the environment."""
    monkeypatch.setenv("TRELLIS_DATA_FOLDER", str(tmp_path / "data"))
    for name in ("DATABASE_URL", "TRELLIS_DATABASE_URL", "TRELLIS_SECRET", "TRELLIS_SECRET_FILE",
                 "TRELLIS_SECRET_PREVIOUS", "STREAMLIT_SERVER_ADDRESS"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return real_practice(tmp_path / "practice.db")


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "trellis.secret"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    monkeypatch.setenv("TRELLIS_SECRET_FILE", str(path))
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path, certificate(NAME, at=datetime.now(UTC)))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["serve", *words, "--no-browser"]) == 2
    return capsys.readouterr().err


# --- this machine only -----------------------------------------------------------------------

ELSEWHERE = ["0.0.0.0", "::", "192.168.1.5", "trellis.example.org"]  # noqa: S104 - what is refused


@pytest.mark.parametrize("host", ELSEWHERE)
def test_patients_records_are_not_served_to_the_network(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(capsys, "--host", host)
    assert "without encryption" in told
    assert "trellis serve --public" in told


@pytest.mark.parametrize("host", ELSEWHERE)
def test_not_by_the_environment_either(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", host)
    told = refused(capsys)
    assert "the environment variable STREAMLIT_SERVER_ADDRESS" in told
    assert "trellis serve --public" in told


@pytest.mark.parametrize(
    "words",
    [["--cert", "x"], ["--key", "x"], ["--behind-proxy", "https://x"], ["--listen", "0.0.0.0"],  # noqa: S104
     ["--allowed-host", "x"], ["--proxy-from", "10.0.0.4"]],
)  # fmt: skip
def test_options_of_serving_others_belong_to_public(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(capsys, *words)
    assert words[0] in told
    assert "Add --public" in told


def test_a_server_started_with_an_unsafe_option_refuses_and_names_it(
    store_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMLIT_CLIENT_SHOW_ERROR_DETAILS", "full")
    words = ["serve", "--store", store_url, "--no-browser", "--port", str(free_port())]
    assert main(words) == 2
    told = capfd.readouterr().err
    assert 'client.showErrorDetails is "full", set by the environment variable' in told
    assert "Traceback" not in told


# --- what others need ------------------------------------------------------------------------


def problems(told: str) -> list[str]:
    return [line.removeprefix("  - ") for line in told.splitlines() if line.startswith("  - ")]


def test_everything_that_is_missing_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    found = problems(refused(capsys, "--public"))
    assert [line.split(".")[0] for line in found] == [
        "There is no encryption",
        "There is no name",
        "There is no secret",
        "The store is not named",
    ]


def given(pair: tuple[Path, Path], store_url: str) -> list[str]:
    return ["--public", "--cert", str(pair[0]), "--key", str(pair[1]), "--host", NAME, "--store",
            store_url]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--host", "*"], "not the name of one host"),
        (["--host", "0.0.0.0"], "stands for every address"),  # noqa: S104
        (["--host", "other.example.org"], "is not for other.example.org"),
        (["--allowed-host", "*.example.org"], "not the name of one host"),
        (["--behind-proxy", "https://trellis.example.org"], "one program speaks TLS"),
        (["--listen", "everywhere"], "not the address of a machine"),
        (["--proxy-from", "10.0.0.4"], "belongs to --behind-proxy"),
        (["--cert", "nowhere.pem"], "cannot be read"),
    ],
)
def test_one_thing_wrong_is_one_sentence(
    pair: tuple[Path, Path], store_url: str, secret: Path,
    capsys: pytest.CaptureFixture[str], more: list[str], told: str,
) -> None:  # fmt: skip
    (found,) = problems(refused(capsys, *given(pair, store_url), *more))
    assert told in found


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--behind-proxy", "http://trellis.example.org"], "not an address to serve under"),
        (["--behind-proxy", f"https://{NAME}", "--listen", "10.0.0.5"], "--proxy-from"),
        (["--behind-proxy", f"https://{NAME}", "--proxy-from", "proxy"], "not the address"),
    ],
)
def test_a_proxy_is_named_and_placed(
    store_url: str, secret: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    (found,) = problems(refused(capsys, "--public", "--store", store_url, *more))
    assert told in found


@pytest.mark.parametrize(
    ("text", "told"),
    [("changeme", "has 8 bytes"), ("changeme" * 5, "can be guessed"), ("a" * 40, "can be guessed")],
)
def test_a_weak_secret_serves_nobody_and_is_not_repeated(
    pair: tuple[Path, Path], store_url: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], text: str, told: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("TRELLIS_SECRET", text)
    error = refused(capsys, *given(pair, store_url))
    assert told in problems(error)[0]
    assert text not in error.replace("TRELLIS_SECRET", "")


def test_a_secret_that_others_may_read_serves_nobody(
    pair: tuple[Path, Path], store_url: str, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret.chmod(0o644)
    assert "chmod 600" in problems(refused(capsys, *given(pair, store_url)))[0]


def test_sample_empty_and_unnamed_stores_are_for_nobody_else(
    pair: tuple[Path, Path], secret: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    urls = [f"sqlite:///{tmp_path / name}" for name in ("sample.db", "empty.db")]
    sample = open_store(urls[0])
    load_sample(sample, day=date(2026, 11, 20))
    sample.close()
    told = [problems(refused(capsys, *given(pair, url))) for url in urls]
    assert [("sample practice" in one[0], "trellis init" in one[0]) for one in told] == [
        (True, False),
        (False, True),
    ]
    assert problems(refused(capsys, *given(pair, "x")[:-2])) == [
        "The store is not named. Give --store URL, or set DATABASE_URL."
    ]


def test_a_taken_port_is_not_exchanged_for_another(
    pair: tuple[Path, Path], store_url: str, secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        told = refused(capsys, *given(pair, store_url), "--listen", "127.0.0.1", "--port", port)
    assert f"Port {port} is taken" in told


def test_no_secret_is_ever_on_a_command_line_and_nobody_outside_is_asked() -> None:
    public = Public(name=NAME, further=("clinic",), proxies=("127.0.0.1",))
    serving = Serving(url="x", listen="127.0.0.1", port=1, public=public, extra={"K": "v"})
    found = environment(serving)
    assert found["STREAMLIT_SERVER_ALLOWED_HOSTS"] == f"{NAME} clinic"
    assert found["STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE"] == "true"
    assert found["FORWARDED_ALLOW_IPS"] == ""
    assert found["K"] == "v"
    assert "TRELLIS_PUBLIC_URL" not in environment(Serving(url="x", listen="127.0.0.1", port=1))


# --- a real server ---------------------------------------------------------------------------


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def cookie(self) -> str:
        (morsel,) = SimpleCookie(self.headers["set-cookie"]).values()
        return f"{morsel.key}={morsel.value}"


@dataclass
class Browser:
    """Asks the server on this machine under its public name, over TLS that it verifies, or plainly."""

    port: int
    cert: Path | None = None

    def ask(self, method: str, path: str, *, host: str = NAME, body: str | None = None,
            **headers: str) -> Answer:  # fmt: skip
        line: socket.socket = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        if self.cert is not None:
            trusting = ssl.create_default_context(cafile=str(self.cert))
            line = trusting.wrap_socket(line, server_hostname=NAME)
        asked = http.client.HTTPConnection("127.0.0.1", self.port)
        asked.sock = line
        shown = f"{host}:{self.port}" if self.cert is not None else host
        sent = {"Host": shown, "Accept": "text/html"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if body is not None:
            sent |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{shown}",
            }
        try:
            asked.request(method, path, body=body, headers=sent)
            got = asked.getresponse()
            return Answer(got.status, got.headers, got.read().decode())
        finally:
            asked.close()

    def sign_in(self, **headers: str) -> Answer:
        body = urlencode({"name": "wren", "password": PASSWORD, "next": "/"})
        return self.ask("POST", "/auth/sign-in", body=body, **headers)


def open_files(process: int) -> Iterator[str]:
    for line in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield Path(f"/proc/{line}/cmdline").read_text().replace("\0", " ")


def test_tls_of_its_own(
    pair: tuple[Path, Path], store_url: str, secret: Path, tmp_path: Path
) -> None:
    words = ["serve", *given(pair, store_url), "--listen", "127.0.0.1"]
    running = Running(*words)
    with running as told:
        assert told["address"] == f"https://{NAME}:{running.port}"
        browser = Browser(running.port, pair[0])
        signed_in = browser.sign_in()
        assert signed_in.status == 303
        said = signed_in.headers["set-cookie"]
        for wanted in ("Secure", "HttpOnly", "SameSite=strict"):
            assert wanted in said
        assert re.fullmatch(r"max-age=\d{8,}", signed_in.headers["strict-transport-security"])
        cookie = signed_in.cookie
        assert browser.ask("GET", "/", Cookie=cookie).status == 200
        assert browser.ask("GET", "/", Cookie=cookie.rpartition(".")[0]).status == 303  # unsealed
        assert browser.ask("GET", "/").headers["location"].startswith("/auth/sign-in")
        assert browser.ask("GET", "/auth/sign-in", host="evil.example").status == 400
        with pytest.raises((OSError, http.client.HTTPException)):
            Browser(running.port).ask("GET", "/healthz")
        if Path("/proc").is_dir():
            (line,) = open_files(running.process.pid)
            assert SECRET not in line
            assert store_url not in line
    assert running.process.returncode == 0
    assert SECRET not in running.errors
    assert "Traceback" not in running.errors

    secret.write_text(f"{NEWER}\n{SECRET}\n")  # the one before still opens what it sealed
    running = Running(*words)
    with running:
        browser = Browser(running.port, pair[0])
        assert browser.ask("GET", "/", Cookie=cookie).status == 200
        newer = browser.sign_in().cookie
    secret.write_text(f"{NEWER}\n")
    running = Running(*words)
    with running:
        browser = Browser(running.port, pair[0])
        assert browser.ask("GET", "/", Cookie=cookie).status == 303
        assert browser.ask("GET", "/", Cookie=newer).status == 200


def test_behind_a_proxy(store_url: str, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", store_url)
    running = Running("serve", "--public", "--behind-proxy", f"https://{NAME}")
    with running as told:
        assert told["address"] == f"https://{NAME}"
        browser, through = Browser(running.port), {"X_Forwarded_Proto": "https"}
        signed_in = browser.sign_in(**through)
        assert signed_in.status == 303
        assert "Secure" in signed_in.headers["set-cookie"]
        assert signed_in.headers["strict-transport-security"]
        cookie = signed_in.cookie
        assert browser.ask("GET", "/", Cookie=cookie, **through).status == 200
        plain = browser.ask("GET", "/", Cookie=cookie)
        assert (plain.status, plain.headers["location"]) == (308, f"https://{NAME}/")
        assert browser.sign_in(X_Forwarded_Proto="http").status == 400
        assert browser.ask("GET", "/", host="evil.example", **through).status == 400
        forged = through | {"X_Forwarded_Host": "evil.example"}
        assert browser.ask("GET", "/", Cookie=cookie, **forged).status == 400
        for path in ("/_stcore/metrics", "/_stcore/host-config", "/media/x.pdf"):
            assert browser.ask("GET", path, **through).status in {303, 401}, path
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((own_address(), running.port), timeout=5)
    assert running.process.returncode == 0


def own_address() -> str:
    """Return an address of this machine that is not loopback's; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(probe.getsockname()[0])


def test_a_plain_server_answers_no_proxy(store_url: str) -> None:
    running = Running("serve", "--store", store_url)
    with running as told:
        assert told["address"] == f"http://127.0.0.1:{running.port}"
        browser = Browser(running.port)
        assert browser.ask("GET", "/healthz", host="127.0.0.1").status == 200
        proxied = browser.ask("GET", "/healthz", host="127.0.0.1", X_Forwarded_For="192.0.2.7")
        assert proxied.status == 403
        assert "trellis serve --public" in proxied.text
