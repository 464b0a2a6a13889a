"""SECURITY.md and the guides promise nothing without a test, a file or an option that is there."""

import argparse
import ast
import re
import shlex
from functools import lru_cache
from pathlib import Path

import pytest

from trellis_core.cli import init, people, serve

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
GUIDES = [ROOT / "docs" / "guide" / f"{name}.md" for name in ("public", "people", "encryption")]
PROXY, UNIT = ROOT / "deploy" / "nginx", ROOT / "deploy" / "systemd" / "trellis@.service"
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")
SAFEGUARDS = {"(a)(1)", "(a)(2)(i)", "(a)(2)(ii)", "(a)(2)(iii)", "(a)(2)(iv)", "(b)", "(c)(1)",
              "(c)(2)", "(d)", "(e)(1)", "(e)(2)(i)", "(e)(2)(ii)"}  # fmt: skip


def rows(heading: str) -> list[list[str]]:
    section = DOCUMENT.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@lru_cache
def names_in(path: str) -> frozenset[str]:
    file = ROOT / path
    assert file.is_file(), f"{path} is not there"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("named", sorted(set(NAMED.findall(DOCUMENT))), ids="::".join)
def test_a_test_that_is_named_is_there(named):
    path, name = named
    assert name in names_in(path)


def test_nothing_that_looks_like_a_test_is_written_otherwise():
    assert len(re.findall(r"tests/[^ `]*", DOCUMENT)) == len(NAMED.findall(DOCUMENT))


def test_every_threat_has_a_control_and_a_test():
    found = rows("Threats, controls, tests")
    assert len(found) >= 20
    for threat, control, shown in found:
        assert threat
        assert control
        assert NAMED.search(shown), threat


def test_every_technical_safeguard_has_a_feature_a_test_and_what_remains():
    found = rows("HIPAA technical safeguards")
    assert {row[0].split(" ")[0] for row in found} == SAFEGUARDS
    for standard, does, shown, remains in found:
        assert does, standard
        assert NAMED.search(shown), standard
        assert remains, standard


@pytest.mark.parametrize("path", [ROOT / "SECURITY.md", *GUIDES], ids=lambda p: p.name)
def test_a_link_leads_to_a_file(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).resolve().is_file(), target


def test_the_readme_leads_here():
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(exit_on_error=False)
    parts = found.add_subparsers(dest="command", required=True)
    for module in (serve, init, people):
        module.add_parser(parts)
    return found


@pytest.mark.parametrize(
    "command",
    [
        line.removeprefix("ExecStart=/opt/trellis/.venv/bin/")
        for file in (GUIDES[0], UNIT)
        for line in file.read_text(encoding="utf-8").replace("%i", "8501").splitlines()
        if re.match(r"(ExecStart=\S*/)?trellis (serve|init) ", line)
    ],
)
def test_a_command_of_the_guide_is_one(command):
    assert parser().parse_args(shlex.split(command)[1:]).command in {"serve", "init"}


@pytest.mark.parametrize(
    "wanted",
    [
        "proxy_set_header Upgrade           $http_upgrade;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header X-Forwarded-For   $remote_addr;",
        "location = /_stcore/metrics { return 404; }",
        "location /_stcore/agent/    { return 404; }",
        "client_max_body_size 21m;",
        "$request_method $trellis_path",
    ],
)
def test_the_proxy_of_the_guide_closes_and_forwards_what_it_must(wanted):
    assert "deploy/nginx/trellis.conf" in GUIDES[0].read_text(encoding="utf-8")
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(PROXY.iterdir()))
    assert wanted in text
    logged = re.search(r"log_format trellis '([^']*)'", text)[1]
    assert not re.search(r"\$(request|request_uri|args|uri|query_string|http_cookie)\b", logged)
