"""The dashboard as ``python dashboard.py`` starts it, at the instant that a file names.

For tests that wait for a session to end. The dashboard itself has no such switch.

Usage: clocked_dashboard.py FILE, which holds an instant in ISO form and is read again every time.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])


class FileClock:
    """Tells the instant that stands in a file."""

    def __init__(self, path):
        self.path = Path(path)

    def now(self):
        return datetime.fromisoformat(self.path.read_text()).astimezone(UTC)


def set_clock(path, instant):
    """Let the dashboard's clock stand at an instant; whoever reads sees the old one or the new."""
    fresh = Path(f"{path}.fresh")
    fresh.write_text(instant.isoformat())
    fresh.replace(path)


def main():
    import dashboard
    from pages.shared import server, store

    clock = FileClock(sys.argv[1])
    store.clock = lambda: clock
    dashboard.app.run(config=server.listening())


if __name__ == "__main__":
    main()
