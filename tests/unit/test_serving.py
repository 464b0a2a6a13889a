"""Names, addresses and certificates that the dashboard is served under."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.certificates import NOW, certificate, write
from trellis_core.serving import (
    AddressRefusedError,
    certificate_problems,
    host_name,
    parse_public,
    public_of,
)
from trellis_core.settings import load_settings


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("trellis.example.org", "trellis.example.org"),
        ("Trellis.Example.ORG.", "trellis.example.org"),
        ("clinic", "clinic"),
        ("10.0.0.5", "10.0.0.5"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_a_name_is_one_host(given, read):
    assert host_name(given) == read


@pytest.mark.parametrize(
    "given",
    ["*", "*.example.org", "", ".", "a b", "a..b", "-a.example", "a_b", "name:443", "x/y", "0.0.0.0",  # noqa: S104 - what is refused
     "::", "a" * 64, ".".join(["abcdefgh"] * 30)],
)  # fmt: skip
def test_a_pattern_or_every_address_is_no_host(given):
    with pytest.raises(AddressRefusedError):
        host_name(given)


@pytest.mark.parametrize(
    "url",
    ["http://trellis.example.org", "trellis.example.org", "https://", "https://a.example/path",
     "https://a.example/?q=1", "https://a.example/#x", "https://user@a.example", "https://a.example:0",
     "https://a.example:99999", "https://a.example:x", "https://*.example"],
)  # fmt: skip
def test_what_is_not_https_and_one_name_is_refused(url):
    with pytest.raises(AddressRefusedError):
        parse_public(url, further=(), proxies=None)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://Trellis.example.org/", "https://trellis.example.org"),
        ("https://trellis.example.org:443", "https://trellis.example.org"),
        ("https://trellis.example.org:8443", "https://trellis.example.org:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_server_learns_from_its_environment_what_the_command_was_told(monkeypatch, url, shown):
    for proxies in (None, ("127.0.0.1", "10.0.0.5")):
        told = parse_public(url, further=("clinic",), proxies=proxies)
        assert told.url == shown
        assert told.host_header == shown.removeprefix("https://")
        monkeypatch.delenv("TRELLIS_PROXIES", raising=False)
        for name, value in told.environment().items():
            monkeypatch.setenv(name, value)
        assert public_of(load_settings()) == told


def test_without_its_variable_nobody_else_is_served(monkeypatch):
    monkeypatch.delenv("TRELLIS_PUBLIC_URL", raising=False)
    monkeypatch.setenv("TRELLIS_PROXIES", "10.0.0.5")
    assert public_of(load_settings()) is None


# --- certificates ----------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path, certificate("trellis.example.org", "*.clinic.example"))


def said(pair, *names, now=NOW):
    return certificate_problems(*pair, names, now=now)


def test_a_certificate_for_every_name_is_good(pair):
    assert said(pair, "trellis.example.org") == []
    assert said(pair, "trellis.example.org", "a.clinic.example") == []


@pytest.mark.parametrize("name", ["other.example.org", "clinic.example", "a.b.clinic.example"])
def test_a_certificate_for_another_name_is_said(pair, name):
    (told,) = said(pair, "trellis.example.org", name)
    assert f"is not for {name};" in told


def test_a_certificate_is_good_from_its_first_to_its_last_second(pair):
    first, last = NOW - timedelta(days=1), NOW + timedelta(days=1)
    for good in (first, last - timedelta(seconds=1)):
        assert said(pair, "trellis.example.org", now=good) == []
    assert "begins on" in said(pair, "trellis.example.org", now=first - timedelta(seconds=1))[0]
    assert "ended on" in said(pair, "trellis.example.org", now=last)[0]


def test_a_certificate_for_an_address(tmp_path):
    pair = write(tmp_path, certificate("10.0.0.5"))
    assert said(pair, "10.0.0.5") == []
    assert said(pair, "10.0.0.6")


def test_files_that_are_not_a_pair_are_said(tmp_path, pair):
    (tmp_path / "other").mkdir()
    _, other = write(tmp_path / "other", certificate("trellis.example.org"))
    assert "not a pair" in said((pair[0], other), "trellis.example.org")[0]
    pair[0].write_text("nothing")
    assert "not a pair" in said(pair, "trellis.example.org")[0]
    gone = tmp_path / "nowhere"
    assert said((gone, gone), "a.example") == [
        f"The certificate {gone} cannot be read.",
        f"The key {gone} cannot be read.",
    ]


def test_a_key_that_everybody_may_open_is_said(pair):
    pair[1].chmod(0o644)
    assert "chmod" in said(pair, "trellis.example.org")[0]
    pair[1].chmod(0o640)
    assert said(pair, "trellis.example.org") == []


def test_a_key_with_a_passphrase_is_said_and_nobody_is_asked(tmp_path):
    pair = write(tmp_path, certificate("a.example", passphrase=b"open"))
    assert "passphrase" in said(pair, "a.example")[0]


def test_the_days_of_these_tests_are_those_of_the_certificate():
    assert datetime(2026, 11, 20, tzinfo=UTC) == NOW
