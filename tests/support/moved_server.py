"""The dashboard as a process whose clock can be moved: for what ends after minutes or hours.

Run as a script it is the server; imported it is what starts one. The clock is moved by the number of
seconds in the file that ``TRELLIS_TEST_CLOCK`` names.
"""

import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
VARIABLE = "TRELLIS_TEST_CLOCK"


@dataclass
class MovedServer:
    """``python dashboard.py`` on a store of its own, as a process with its words in ``server.log``.

    Attributes:
        prelude: Python to run in the server's process before it starts, for planted faults.
    """

    folder: Path
    store_url: str
    is_demo: bool = True
    prelude: str = ""
    port: int = 0
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def move(self, seconds: int) -> None:
        """Let it be so many seconds later than it is, for everything that asks the clock."""
        (self.folder / "clock").write_text(str(seconds))

    def start(self) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.move(0)
        environment = os.environ | {
            "DATABASE_URL": self.store_url,
            "TRELLIS_DATA_FOLDER": str(self.folder / "data"),
            "STREAMLIT_SERVER_PORT": str(self.port),
            "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
            "TRELLIS_DEMO": "1" if self.is_demo else "",
            VARIABLE: str(self.folder / "clock"),
            "TRELLIS_TEST_PRELUDE": self.prelude,
            "PYTHONPATH": str(ROOT),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__], stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, cwd=ROOT, env=environment | self.more,
            )  # fmt: skip
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.3)
        raise AssertionError(self.log.read_text()[-4000:])

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)


def main() -> None:
    """Be the server."""
    from pages.shared import store
    from trellis_core.values.clock import Clock

    moved_by, clock_of_the_server = Path(os.environ[VARIABLE]), store.clock

    class Moved:
        def now(self) -> datetime:
            return clock_of_the_server().now() + timedelta(seconds=int(moved_by.read_text()))

    def clock() -> Clock:
        return Moved()

    store.clock = clock
    exec(os.environ["TRELLIS_TEST_PRELUDE"], {})  # noqa: S102 - the test's own words
    runpy.run_path(str(ROOT / "dashboard.py"), run_name="__main__")


if __name__ == "__main__":
    main()
