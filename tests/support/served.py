"""A dashboard's command that runs, until it is told to stop; and what it serves to begin with."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.support.commands import TRELLIS
from tests.support.empty_store import empty_store
from trellis_core.access import AccessRole
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.services.practice import CreatePractice, create_practice
from trellis_core.store.engine import open_store
from trellis_core.values.clock import SystemClock

PASSWORD = "a long and private phrase"


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def real_practice(path: Path) -> str:
    """Set up a practice of real people, whose owner signs in as wren, and return its store's URL."""
    url = empty_store(path)
    store = open_store(url)
    owner = StaffMember(
        id="st-1",
        role=StaffRole.BILLING_PRACTITIONER,
        credential=Credential.MD,
        given_name="Wren",
        family_name="Hollyhock",
        access=AccessRole.OWNER,
    )
    create_practice(
        CreatePractice(
            practice=Practice(id="pr-1", name="Fernbank"),
            owner=owner,
            sign_in_name="wren",
            password=PASSWORD,
        ),
        store=store,
        clock=SystemClock(),
    )
    store.close()
    return url


class Running:
    """A command that is running, until it is told to stop."""

    def __init__(self, *words: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.process = subprocess.Popen(
            [*TRELLIS, *words, "--port", str(self.port), "--no-browser", "--json"],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> dict[str, object]:
        lines = ""
        for line in self.process.stdout:
            lines += line
            if line == "}\n":
                return json.loads(lines)
        raise AssertionError(self.process.stderr.read())

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, self.errors = self.process.communicate(timeout=30)

    def kill(self) -> None:
        """End the command and the dashboard that it started, both at once and without a word."""
        command = self.process.pid
        dashboards = Path(f"/proc/{command}/task/{command}/children").read_text().split()
        for process in (command, *map(int, dashboards)):
            os.kill(process, signal.SIGKILL)
        self.process.communicate(timeout=30)
