"""Says at the end of the run how much was tried: loops, acknowledgements, losses."""

import pytest

from tests.support.fault_proof import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each test counted."""
    if FIGURES:
        terminalreporter.section("faults")
        for line in FIGURES:
            terminalreporter.line(line)
