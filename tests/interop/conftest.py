"""What tests with validators and servers that others wrote may use."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.node import FHIR, FhirServer, Validation, node_or_skip, validated
from trellis_core.fhir.shapes import Resource
from trellis_core.fhir.writing import json_line


@pytest.fixture
def fhir_check(tmp_path: Path) -> Callable[..., Validation]:
    """Validate files, or resources as they are: ``fhir_check(files_or_resources, us_core="7.0.0")``."""

    def check(
        given: Sequence[Path] | Sequence[Resource], *, us_core: str | None = "7.0.0"
    ) -> Validation:
        files = []
        for number, each in enumerate(given):
            if isinstance(each, Path):
                files.append(each)
            else:
                files.append(tmp_path / f"checked-{number}.json")
                files[-1].write_bytes(json_line(each))
        return validated(files, us_core=us_core)

    return check


@pytest.fixture(scope="session")
def _fhir_process() -> Iterator[FhirServer]:
    """One process for all tests of a worker."""
    started = FhirServer()
    yield started
    started.end()


@pytest.fixture
def fhir_server(request: pytest.FixtureRequest) -> FhirServer:
    """A FHIR R4 server that others wrote, empty; skips where there is no Node.js."""
    node_or_skip(FHIR / "server")
    server: FhirServer = request.getfixturevalue("_fhir_process")
    server.reset()
    return server
