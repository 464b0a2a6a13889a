"""The command as a process of its own, as a person at a terminal starts it."""

import sys
from typing import Final

_PROGRAM: Final = """
import signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)
for name in ("SIGTERM", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_DFL)

from trellis_core.cli import main

sys.exit(main())
"""

TRELLIS: Final = (sys.executable, "-c", _PROGRAM)
"""How it is started: it hears every signal, whatever the tests themselves were told to ignore."""
