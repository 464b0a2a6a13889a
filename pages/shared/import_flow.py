"""An import on its way through the page: which step, which file, which choices."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import streamlit as st

from pages.shared import formats, store
from trellis_core.access import Actor
from trellis_core.services.imports import batches
from trellis_core.services.imports.batches import Batch, Outcome
from trellis_core.services.imports.columns import ImportKind, ImportSettings
from trellis_core.services.imports.look import FileLook, look_at
from trellis_core.services.imports.patients import Preview

_KEY: Final = "import_draft"


class Step(StrEnum):
    """Where an import stands."""

    FILE = "File"
    COLUMNS = "Columns"
    LOOK = "First look"
    RUN = "Import"
    REPORT = "Report"


@dataclass
class Draft:
    """What the page remembers between reruns; a reload begins anew with the file.

    Attributes:
        digest: Of the file that the choices belong to.
        stopped: The import of this file that can go on.
    """

    step: Step = Step.FILE
    kind: ImportKind = ImportKind.PATIENTS
    digest: str = ""
    look: FileLook | None = None
    settings: ImportSettings | None = None
    preview: Preview | None = None
    stopped: Batch | None = None
    batch_id: str | None = None
    columns: dict[str, int] = field(default_factory=dict)


def draft() -> Draft:
    """Return this session's import, made on first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Draft()
    kept: Draft = st.session_state[_KEY]
    return kept


def forget() -> None:
    """Begin anew."""
    st.session_state[_KEY] = Draft()


def take(content: bytes, kind: ImportKind, actor: Actor) -> Draft:
    """Return the import of a file; another file, or the other kind, begins anew.

    Raises:
        CommandRefusedError: The file cannot be read.
    """
    digest = batches.digest_of(content)
    kept = draft()
    if (kept.digest, kept.kind) == (digest, kind):
        return kept
    made = Draft(kind=kind)
    made.look = look_at(content, kind=kind, store=store.store(), actor=actor)
    made.stopped = batches.unfinished(content, kind=kind, store=store.store(), actor=actor)
    made.digest, made.step = digest, Step.COLUMNS
    st.session_state[_KEY] = made
    return made


def noun(kind: ImportKind, number: int) -> str:
    """Write a number of what a file holds.

    Example:
        >>> noun(ImportKind.TIME, 2)
        '2 entries'
    """
    if kind is ImportKind.TIME:
        return formats.count(number, "entry", "entries")
    return formats.count(number, "patient")


OUTCOMES: Final = {
    Outcome.ADDED: "Added",
    Outcome.HERE: "Here already",
    Outcome.SUSPECTED: "Probable double",
    Outcome.REFUSED: "Refused",
}
"""What becomes of a row, on screen."""

WOULD_BE: Final = OUTCOMES | {Outcome.ADDED: "New"}
"""The same before it has happened."""


def steps(now: Step) -> None:
    """Draw where the import stands."""
    shown = [each for each in Step if each is not Step.RUN]
    here = Step.REPORT if now is Step.RUN else now
    st.markdown(
        "  \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}  ".join(
            f"**{place} {each}**" if each is here else f":gray[{place} {each}]"
            for place, each in enumerate(shown, 1)
        )
    )
