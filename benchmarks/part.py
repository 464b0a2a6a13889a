"""One part in a process of its own: ``python -m benchmarks.part JSON`` prints what it found as JSON.

Started by ``python -m benchmarks``; what a part says besides goes to standard error.
"""

import contextlib
import json
import resource
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.parts import PARTS, Asked
from benchmarks.rows import as_json


def main() -> None:
    """Run the part that was asked for."""
    asked = json.loads(sys.argv[1])
    with contextlib.redirect_stdout(sys.stderr):
        found = PARTS[asked["part"]].run(
            Asked(
                patients=asked["patients"],
                url=asked["url"],
                folder=Path(asked["folder"]),
                is_quick=asked["is_quick"],
            )
        )
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rows = [each if each.peak else replace(each, peak=held) for each in found.rows]
    print(json.dumps({"rows": [as_json(each) for each in rows], "detail": found.detail}))


if __name__ == "__main__":
    main()
