"""One process that records a minute of time every few seconds, as a colleague in another room would.

Started by the benchmarks whose boards are to change: ``python -m benchmarks.entry_writer URL EVERY``.
It ends with its standard input. With ``0`` for the seconds it records one entry for each line there, and
answers with a line.
"""

import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from sqlmodel import col, select

from benchmarks.made import NOW, owner_of
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.store.engine import Store, open_store
from trellis_core.store.tables import EnrollmentRow
from trellis_core.values.clock import Clock, ShiftedClock, SystemClock
from trellis_core.values.ids import new_entry_id

_STEP = 37
_MOST_BACK = 2_000


def enrolled(store: Store) -> list[tuple[str, Program]]:
    """Return whom time can be recorded for, and in which program."""
    with store.reading() as unit:
        rows = unit.session.exec(
            select(EnrollmentRow.patient_id, EnrollmentRow.program)
            .where(col(EnrollmentRow.ended_on).is_(None))
            .order_by(col(EnrollmentRow.patient_id))
        ).all()
    return [(patient, Program(program)) for patient, program in rows]


def record(
    number: int,
    whom: Sequence[tuple[str, Program]],
    *,
    store: Store,
    actor: Actor,
    clock: Clock,
) -> None:
    """Record a minute, for somebody else each time."""
    patient, program = whom[number * _STEP % len(whom)]
    log_time(
        LogTime(
            entry_id=new_entry_id(),
            patient_id=patient,
            program=program,
            staff_id=actor.person_id,
            started_at=clock.now() - timedelta(hours=1, minutes=2 * (number % _MOST_BACK)),
            seconds=60,
            activity=Activity.CARE_COORDINATION,
            mode=EntryMode.TYPED,
        ),
        store=store,
        actor=actor,
        clock=clock,
    )


def main() -> None:
    """Record until nobody listens any more."""
    url, every = sys.argv[1], float(sys.argv[2])
    store = open_store(url)
    clock = ShiftedClock((NOW.date() - SystemClock().now().date()).days)
    actor, whom = owner_of(store), enrolled(store)
    is_over = threading.Event()
    if every:
        threading.Thread(target=_read_to_end, args=(is_over,), daemon=True).start()
    for number in count():
        if not every and not sys.stdin.readline():
            break
        if every and is_over.wait(every):
            break
        record(number, whom, store=store, actor=actor, clock=clock)
        print(number, flush=True)
    store.close()


def _read_to_end(is_over: threading.Event) -> None:
    sys.stdin.read()
    is_over.set()


if __name__ == "__main__":
    main()
