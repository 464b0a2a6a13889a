"""Active time: how long a person worked on a patient in Trellis, from moments at which they did something.

What counts is the time between one moment and the next while the same patient was in view, and of
each such gap a minute at most: reading takes a while, a lunch break does not count. The two limits
are Trellis's own; no payer knows them, and what is measured is only offered, never counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

GAP_COUNTED: Final = timedelta(seconds=60)
"""The most that counts of the time between two moments at which a person did something."""

SAME_STRETCH: Final = timedelta(minutes=15)
"""Work on one patient that is further apart is two pieces of work."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time without a break.

    Attributes:
        start: Its first instant.
        end: The instant after its last.
    """

    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        """Its length in whole seconds."""
        return int((self.end - self.start).total_seconds())

    def overlaps(self, other: "Span") -> bool:
        """Say whether they share any time; spans that only touch do not."""
        return self.start < other.end and other.start < self.end


class ActiveTime:
    """What one person did in one session: spans of active time by patient."""

    def __init__(self) -> None:
        """Begin with nothing done and nobody in view."""
        self._at: datetime | None = None
        self._patient_id: str | None = None
        self._worked: dict[str, list[Span]] = {}

    def interact(self, at: datetime) -> None:
        """Note that the person did something; what came to be known late changes nothing before it."""
        if self._at is not None and at <= self._at:
            return
        if self._at is not None and self._patient_id is not None:
            self._add(self._patient_id, Span(self._at, min(at, self._at + GAP_COUNTED)))
        self._at = at
        self._worked = {
            patient_id: spans
            for patient_id, spans in self._worked.items()
            if at - spans[-1].end <= SAME_STRETCH
        }

    def look_at(self, patient_id: str | None, at: datetime) -> None:
        """Note who is in view from now on, None for nobody; another view is the person's doing."""
        if patient_id != self._patient_id:
            self.interact(at)
            self._patient_id = patient_id

    def worked(self, patient_id: str) -> tuple[Span, ...]:
        """Return the active time on a patient that was not taken yet, in order."""
        return tuple(self._worked.get(patient_id, ()))

    def take(self, patient_id: str) -> tuple[Span, ...]:
        """Return the active time on a patient and hold it no longer."""
        return tuple(self._worked.pop(patient_id, ()))

    def take_all(self) -> dict[str, tuple[Span, ...]]:
        """Return the active time on every patient and hold it no longer."""
        return {patient_id: self.take(patient_id) for patient_id in tuple(self._worked)}

    def give_back(self, taken: Mapping[str, Sequence[Span]]) -> None:
        """Hold again what was taken and could not be kept elsewhere."""
        for patient_id, spans in taken.items():
            if spans:
                self._worked[patient_id] = joined((*spans, *self.worked(patient_id)))

    def _add(self, patient_id: str, span: Span) -> None:
        spans = self._worked.setdefault(patient_id, [])
        if spans and spans[-1].end == span.start:
            spans[-1] = Span(spans[-1].start, span.end)
        elif spans and span.start - spans[-1].end > SAME_STRETCH:
            self._worked[patient_id] = [span]
        else:
            spans.append(span)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch or overlap as one: no instant is there twice."""
    whole: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if whole and span.start <= whole[-1].end:
            whole[-1] = Span(whole[-1].start, max(whole[-1].end, span.end))
        else:
            whole.append(span)
    return whole


def stretches(spans: Iterable[Span]) -> list[list[Span]]:
    """Divide spans, in order, into pieces of work: wherever they are further apart than one stretch."""
    found: list[list[Span]] = []
    for span in spans:
        if found and span.start - found[-1][-1].end <= SAME_STRETCH:
            found[-1].append(span)
        else:
            found.append([span])
    return found


def seconds_of(spans: Iterable[Span]) -> int:
    """Return how long spans are together, in whole seconds."""
    return int(sum((span.end - span.start for span in spans), timedelta()).total_seconds())


def apart_from(spans: Sequence[Span], taken: Sequence[Span]) -> list[list[Span]]:
    """Return what of spans is not taken, divided wherever something taken lies in or between them.

    Args:
        spans: In order, apart from one another.
        taken: In any order; they may overlap.
    """
    groups: list[list[Span]] = []
    before: Span | None = None
    for piece in free_within(spans, taken):
        between = None if before is None else Span(before.end, piece.start)
        if between is not None and not any(between.overlaps(each) for each in taken):
            groups[-1].append(piece)
        else:
            groups.append([piece])
        before = piece
    return groups


def free_within(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return the parts of spans that are not taken, in order."""
    obstacles = sorted(
        (each for each in taken if each.start < each.end), key=lambda each: each.start
    )
    free: list[Span] = []
    for span in spans:
        at = span.start
        for obstacle in obstacles:
            if obstacle.end <= at or obstacle.start >= span.end:
                continue
            if at < obstacle.start:
                free.append(Span(at, obstacle.start))
            at = max(at, obstacle.end)
        if at < span.end:
            free.append(Span(at, span.end))
    return free
