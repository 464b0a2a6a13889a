"""The published vectors of both chains, computed by every Python at hand that Trellis runs on.

The hash must not depend on the interpreter: neither on its JSON writer nor on its Unicode tables.
Nothing but ``trellis_core.ledger`` is needed for it, so each interpreter is used bare.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "decisions" / "0016-the-ledgers-final-form.md"
MINORS = range(11, 16)

COMPUTE = """
import json, sys
from trellis_core.ledger import chain, journal

links = json.load(sys.stdin)
said = []
for name, read, write, digest in (
    ("trellis-entry-v1", chain.parse_body, chain.canonical_body, chain.entry_hash),
    ("trellis-event-v1", journal.parse_event, journal.canonical_event, journal.event_hash),
):
    prev = chain.GENESIS
    for body in links[name]:
        again = write(read(body))
        prev = digest(prev, again)
        said.append([again, prev.hex()])
salts = bytes(range(16)), bytes(range(16, 32))
texts = [
    # The first one comes with its accents apart, as some keyboards send them.
    chain.note_hmac(salts[0], chain.stored_text("Jose\\u0301 called \\u2014 cafe\\u0301")),
    chain.note_hmac(salts[1], chain.stored_text("wrong patient: Zo\\u00eb")),
    chain.note_hmac(salts[0], '{"obtained_on":"2026-05-04","program":"CCM"}'),
]
others = sorted(name for name in sys.modules if name.split(".")[0] in {"sqlalchemy", "pydantic"})
print(json.dumps({"said": said, "texts": texts, "others": others, "python": sys.version_info[:2]}))
"""


def published() -> dict[str, list[tuple[str, str]]]:
    """Return bodies and hashes as the decision prints them."""
    found = {}
    for name, block in re.findall(
        r"```(trellis-\w+-v1)\n(.*?)```", PUBLISHED.read_text(), re.DOTALL
    ):
        lines = block.splitlines()
        found[name] = list(zip(lines[::2], lines[1::2], strict=True))
    return found


def interpreter(minor: int) -> str | None:
    """Find a Python of a version: this one, one on the path, or one that pyenv built."""
    if sys.version_info[1] == minor:
        return sys.executable
    built = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        *sorted(map(str, built.glob(f"3.{minor}.*/bin/python3.{minor}")), reverse=True),
        shutil.which(f"python3.{minor}"),
    ]
    for candidate in candidates:
        if candidate is None:
            continue
        asked = subprocess.run([candidate, "-c", ""], check=False, capture_output=True)
        if asked.returncode == 0:
            return candidate
    return None


@pytest.mark.parametrize("minor", MINORS, ids=lambda minor: f"3.{minor}")
def test_every_python_computes_the_published_vectors(
    minor: int, record_property: Callable[[str, object], None]
) -> None:
    python = interpreter(minor)
    if python is None:
        pytest.skip(f"Python 3.{minor} is not on this machine")
    vectors = published()
    record_property("interpreter", python)
    done = subprocess.run(
        [python, "-S", "-c", COMPUTE],
        input=json.dumps({name: [body for body, _ in links] for name, links in vectors.items()}),
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["python"] == [3, minor]
    assert answer["others"] == []
    wanted = [list(link) for links in vectors.values() for link in links]
    assert len(wanted) == 5
    assert answer["said"] == wanted
    for digest in answer["texts"]:
        assert any(f'"{digest}"' in body for body, _ in wanted)


def test_this_python_is_among_them() -> None:
    assert interpreter(sys.version_info[1]) == sys.executable
    assert sys.version_info[1] in MINORS, "Add the new version to MINORS."
