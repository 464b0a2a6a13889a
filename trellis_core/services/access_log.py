"""The access log: what people looked at, took away, were refused, or ran by hand.

These are events of the journal, in the same chain with the same verifier. No setting turns them
off: whatever is refused to a person, anywhere among the services, is written here by ``audited``,
which every service that takes an actor wears.
"""

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Final, ParamSpec, TypeVar, cast

from trellis_core.access import Actor
from trellis_core.errors import (
    AccessError,
    ChartRestrictedError,
    NotFoundError,
    PermissionDeniedError,
    StoreError,
)
from trellis_core.ledger.journal import EventKind, details_text
from trellis_core.store.engine import Store
from trellis_core.store.unit_of_work import EventDraft
from trellis_core.values.clock import Clock

SERVICE: Final = "service"
"""What an event about a call that was refused names as its subject."""

_MOST_CHARACTERS: Final = 200
_log: Final = logging.getLogger(__name__)
_inside: Final[ContextVar[bool]] = ContextVar("inside_a_service", default=False)
_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")


def audited(service: Callable[_Parameters, _Answer]) -> Callable[_Parameters, _Answer]:
    """Let a service tell the journal of what it refuses: for every service with an actor.

    A service that asks another is one call: only the outermost is written, after its unit of work
    has been given up. What was refused stays refused with the same error.
    """

    @wraps(service)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Answer:
        if _inside.get():
            return service(*args, **kwargs)
        token = _inside.set(True)
        try:
            return service(*args, **kwargs)
        except AccessError as refused:
            actor, store = kwargs.get("actor"), kwargs.get("store")
            clock = cast("Clock | None", kwargs.get("clock"))
            if isinstance(actor, Actor) and isinstance(store, Store):
                _note_refusal(refused, service.__name__, store=store, actor=actor, clock=clock)
            raise
        finally:
            _inside.reset(token)

    return guarded


def note(
    kind: EventKind,
    *,
    subject_kind: str,
    subject_id: str,
    patient_id: str | None = None,
    details: Mapping[str, object] | None = None,
    text: str = "",
    store: Store,
    actor: Actor,
    clock: Clock | None = None,
) -> None:
    """Write one event about the actor in a unit of work of its own.

    Args:
        kind: What happened.
        subject_kind: What it is about.
        subject_id: Which one.
        patient_id: Whom it concerns; None for nobody.
        details: Whole numbers and short words; nothing about a person.
        text: What is kept apart from the chain.
        store: The store.
        actor: Who did it.
        clock: When; the server's own where absent.

    Raises:
        NotFoundError: There is no such practice.
        StoreError: It could not be written.
    """
    with store.writing(actor=actor, at=None if clock is None else clock.now()) as unit:
        unit.journal.append(
            [
                EventDraft(
                    practice_id=actor.practice_id,
                    kind=kind,
                    subject_kind=subject_kind,
                    subject_id=subject_id,
                    patient_id=patient_id,
                    details=None if details is None else details_text(details),
                    text=text,
                )
            ]
        )


def _storable(said: str) -> str:
    """Return what was asked for so that a database keeps it: short, without NUL or half characters."""
    return said.replace("\x00", "").encode("utf-8", "replace").decode()[:_MOST_CHARACTERS]


def _note_refusal(
    refused: AccessError, service: str, *, store: Store, actor: Actor, clock: Clock | None
) -> None:
    why, said = "refused", ""
    if isinstance(refused, PermissionDeniedError):
        why = "not_permitted"
    elif isinstance(refused, NotFoundError):
        why, said = "not_found", _storable(f"{refused.kind} {refused.identifier}")
    elif isinstance(refused, ChartRestrictedError):
        why = "restricted"
    patient_id = refused.patient_id if isinstance(refused, ChartRestrictedError) else None
    try:
        note(
            EventKind.DENIED,
            subject_kind=SERVICE,
            subject_id=service,
            patient_id=patient_id,
            details={"why": why},
            text=said,
            store=store,
            actor=actor,
            clock=clock,
        )
    except (StoreError, NotFoundError) as error:  # the refusal itself stands, whatever happens here
        _log.warning("A refusal of %s could not be written: %s", service, type(error).__name__)
