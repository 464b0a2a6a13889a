"""FHIR validators and a FHIR server that others wrote, which run on Node.js.

Both are kept in ``tests/data/fhir`` with the exact versions of their packages; the packages
themselves are brought by ``npm ci``. ``TRELLIS_REQUIRE_NODE=1`` makes it a failure that they are
missing.
"""

import json
import os
import shutil
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.writing import json_line

FHIR: Final = Path(__file__).parents[1] / "data" / "fhir"
US_CORE: Final = ("6.1.0", "7.0.0", "8.0.0")
"""The versions of US Core that there are profiles of."""
_OLDEST: Final = 18
_ENDS_WITHIN: Final = 300.0


class NoNodeError(Exception):
    """Node.js or its packages are not there."""


def node(folder: Path) -> str:
    """Return the path of Node.js, where it and a folder's packages are installed.

    Raises:
        NoNodeError: They are not; the message says what to install and to run.
    """
    program, place = shutil.which("node"), folder.relative_to(FHIR.parents[2])
    if program is None:
        raise NoNodeError(
            f"Node.js is not installed: apt install nodejs npm, then npm ci --prefix {place}"
        )
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.strip().removeprefix("v").split(".")[0]) < _OLDEST:
        raise NoNodeError(f"Node.js {said.strip()} is too old: {_OLDEST} or newer is needed")
    if not (folder / "node_modules" / "@medplum" / "core").is_dir():
        raise NoNodeError(f"Packages of Node.js are not installed: npm ci --prefix {place}")
    return program


def node_or_skip(folder: Path) -> str:
    """Return the path of Node.js; skip for want of it, or fail where it was asked for."""
    try:
        return node(folder)
    except NoNodeError as problem:
        if os.environ.get("TRELLIS_REQUIRE_NODE") == "1":
            pytest.fail(f"{problem} (TRELLIS_REQUIRE_NODE=1)")
        pytest.skip(str(problem))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a validator says is wrong.

    Attributes:
        engine: Which one: schema, medplum, lantana, invariants, refs, json; a profile after a colon.
        where: The file, with entry or line.
        resource: Type and id.
        path: The element.
        words: What is wrong with it.
    """

    engine: str
    where: str
    resource: str
    path: str
    words: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What the validators say of some files.

    Attributes:
        resources: How many there were, with those in Bundles and the Bundles themselves.
        checks: How often each engine looked; ``profile`` for US Core's profiles.
        errors: What is wrong.
    """

    resources: int
    checks: Counter[str]
    errors: tuple[Fault, ...]


def validated(
    files: Sequence[Path], *, us_core: str | None = None, engines: str | None = None
) -> Validation:
    """Validate FHIR R4 files with validators that others wrote; skips where there is no Node.js.

    Args:
        files: Resources, Bundles (``.json``) or NDJSON (``.ndjson``).
        us_core: The version of US Core whose profiles a resource's ``meta.profile`` may name; a
            profile that it does not have is then an error. None for none.
        engines: Names with commas between; all if None.
    """
    folder = FHIR / "validate"
    command = [node_or_skip(folder), str(folder / "fhircheck.mjs"), "--json"]
    if us_core is not None:
        package = FHIR / "us_core" / f"us_core_{us_core.replace('.', '')}.tgz"
        command += ["--us-core", str(package), "--strict-profiles"]
    if engines is not None:
        command += ["--engines", engines]
    ran = subprocess.run(
        [*command, *map(str, files)],
        capture_output=True,
        text=True,
        timeout=_ENDS_WITHIN,
        check=False,
    )
    assert ran.returncode in {0, 1}, ran.stderr
    said = json.loads(ran.stdout)
    found = Validation(
        said["resources"],
        Counter(said["checks"]),
        tuple(
            Fault(each["engine"], each["where"], each["id"], each["path"], each["msg"])
            for each in said["issues"]
            if each["severity"] in {"error", "fatal"}
        ),
    )
    assert len(found.errors) == said["errors"]
    assert (ran.returncode == 1) == bool(found.errors)
    return found


class FhirServer:
    """A FHIR R4 server in the memory of a process of its own, on this machine.

    Attributes:
        url: Its base address, on a port that was free.
    """

    def __init__(self) -> None:
        folder = FHIR / "server"
        self._process = subprocess.Popen(
            [node_or_skip(folder), str(folder / "server.mjs"), "0"],
            stdin=subprocess.PIPE,  # it ends when this closes, also when the tests are killed
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if "http://" not in line:
            self.end()
            raise RuntimeError(f"The FHIR server did not start: {line!r}")
        self.url: Final = line.split()[-1]

    def end(self) -> None:
        """End the process."""
        self._process.communicate()

    def reset(self) -> None:
        """Forget every resource."""
        self.get("_reset")

    def counts(self) -> dict[str, int]:
        """Return how many resources there are of each type."""
        found: dict[str, int] = self.get("_stats")
        return {kind: count for kind, count in found.items() if count}

    def versions(self) -> dict[str, int]:
        """Return how many versions each resource has had, by type and id."""
        found: dict[str, int] = self.get("_versions")
        return found

    def all(self, resource_type: str) -> list[dict[str, object]]:
        """Return the resources of a type, as they stand."""
        bundle = self.get(f"{resource_type}?_count=1000")
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def create(self, resource: Resource) -> dict[str, object]:
        """Make a resource as somebody else would, and return it with the id that it got."""
        asked = urllib.request.Request(
            f"{self.url}/{resource['resourceType']}",
            data=json_line(resource),
            headers={"Content-Type": "application/fhir+json"},
        )
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def get(self, path: str) -> dict[str, object]:
        """Return what the server answers to a path below its address."""
        with urllib.request.urlopen(f"{self.url}/{path}") as answer:
            return json.load(answer)
