"""For analysts: a panel, its time, its issued lines, amounts and a model's months as pandas frames.

``docs/guide/analysis.md`` says what each column means.

Example:
    >>> from datetime import date
    >>> from trellis_core.rules.rulebook import load_rule_book
    >>> rates = rates_frame(["99490", "99439"], on=date(2026, 6, 30), rule_book=load_rule_book())
    >>> in_dollars(rates)[["code", "allowed"]].to_dict("list")
    {'code': ['99490', '99439'], 'allowed': [66.13, 50.44]}
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypedDict

from trellis_core.access import Actor
from trellis_core.errors import StoreError
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.by_hand import cli_actor
from trellis_core.services.frame_columns import in_dollars
from trellis_core.services.frames import board_frame, lines_frame, minutes_frame
from trellis_core.services.frames_of_models import (
    case_frame,
    determination_frame,
    rates_frame,
    roi_frame,
)
from trellis_core.services.rule_books import rule_book_in_force
from trellis_core.settings import default_store_url, load_settings
from trellis_core.store.engine import Store, open_store
from trellis_core.values.clock import Clock, SystemClock

__all__ = [
    "Asking",
    "board_frame",
    "case_frame",
    "determination_frame",
    "in_dollars",
    "lines_frame",
    "minutes_frame",
    "opened",
    "rates_frame",
    "roi_frame",
]

COMMAND: Final = "analysis"
"""What the journal has of a store that was opened for frames."""

_FILE: Final = "sqlite:///"


class Asking(TypedDict):
    """Who asks what of which store: the arguments that frames of a practice share."""

    store: Store
    actor: Actor
    clock: Clock
    rule_book: RuleBook


@contextmanager
def opened(
    url: str | None = None, *, as_person: str | None = None, clock: Clock | None = None
) -> Iterator[Asking]:
    """Open a practice for analysis, and close its store at the end.

    The frames read in units of work that cannot write. What is written is that somebody opened the
    store for analysis, as of every command, and whatever is refused.

    Args:
        url: The practice's store; else ``DATABASE_URL``, else the file in your data folder.
        as_person: Who asks, by id or sign-in name, as after ``--as``; of the sample practice its owner
            where nobody is named.
        clock: What time it is; the system's own if absent.

    Raises:
        StoreError: There is no such store, or it cannot be used.
        CommandRefusedError: Nobody was named where somebody must be, or the store holds no practice.
        NotFoundError: The person named may not act here.
    """
    wanted = url or default_store_url(load_settings())
    file = wanted.removeprefix(_FILE)
    if file != wanted and not Path(file).exists():
        raise StoreError(
            "There is no store of that name, and none was made. Give the URL of the practice's, for "
            "example sqlite:////srv/trellis/practice.db."
        )
    store = open_store(wanted)
    try:
        actor = cli_actor(store, as_person, command=COMMAND)
        yield Asking(
            store=store,
            actor=actor,
            clock=clock or SystemClock(),
            rule_book=rule_book_in_force(store, actor.practice_id),
        )
    finally:
        store.close()
