"""The month review's filters: kept in the address as opaque values, so that a reload or a link opens them.

What is typed to search for a person is kept nowhere; a payer stands there as a digest of its name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import streamlit as st

from pages.shared import formats, state
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.services.review import STATE_ORDER
from trellis_core.services.review_rows import ReviewRow, ReviewState

STATE_WORDS: Final[Mapping[ReviewState, str]] = {
    ReviewState.READY: "Ready",
    ReviewState.DECISION: "Needs a decision",
    ReviewState.BLOCKED: "Blocked",
    ReviewState.UNDER: "Under threshold",
    ReviewState.BILLED: "Billed",
}
"""What each answer is called."""

ALL: Final = "all"
MINE: Final = "mine"
"""Stands for whoever is signed in, so that a link shows everybody their own."""
NOBODY: Final = "nobody"
OPEN: Final = "open"
PAGE_ROWS: Final = 50
_PREFIX: Final = "month_review_"
_KEPT: Final = f"{_PREFIX}kept"
_NAMES: Final = ("state", "program", "payer", "coordinator", "billing", "question", "page")
"""Query parameters, and the ends of the widgets' keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What narrows the review.

    Attributes:
        payer: Digest of the payer's name; of no name where none is on record.
        coordinator: A staff id, or ``nobody``.
        billing: A staff id, or ``nobody``.
        asks: Only rows with an open question.
    """

    program: Program | None = None
    payer: str = ""
    coordinator: str = ""
    billing: str = ""
    asks: bool = False
    text: str = ""

    @property
    def is_any(self) -> bool:
        """Something narrows the review."""
        return self != Filters()

    def keep(self, rows: Sequence[ReviewRow]) -> list[ReviewRow]:
        """Return the rows that meet all of them but the text, for which the service is asked."""
        return [
            row
            for row in rows
            if (self.program is None or row.program is self.program)
            and (not self.payer or payer_mark(row.payer) == self.payer)
            and (not self.coordinator or (row.coordinator or NOBODY) == self.coordinator)
            and (not self.billing or (row.billing_id or NOBODY) == self.billing)
            and (not self.asks or row.question is not None)
        ]


def payer_mark(name: str) -> str:
    """Return the word that stands for a payer in the address.

    Example:
        >>> payer_mark("Medicare Part B")
        'ee796c6a'
    """
    return sha256(name.encode("utf-8", "replace")).hexdigest()[:8]


def restore() -> None:
    """Take up the filters of the address; where it names nothing, those that were left last."""
    named = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    if not named and state.chosen_patient() is None:
        named = st.session_state.get(_KEPT, {})
    for name, value in named.items():
        key = f"{_PREFIX}{name}"
        if key not in st.session_state and (read := _read(name, value)) is not None:
            st.session_state[key] = read


def _read(name: str, value: str) -> object:
    """Return a widget's value for a word of the address; None for a word that means nothing."""
    if name == "program":
        return next((program for program in Program if program.value == value), None)
    if name == "state":
        return value if value in {ALL, *ReviewState} else None
    if name == "page":
        return int(value) if value.isascii() and value.isdigit() and int(value) else None
    if name == "question":
        return True if value == OPEN else None
    return value


def keep(*, page: int) -> None:
    """Write the filters into the address, or take them out of it."""
    kept = st.session_state
    shown = str(kept.get(f"{_PREFIX}state") or ALL)
    words = {
        "state": "" if shown == ALL else shown,
        "program": str(kept.get(f"{_PREFIX}program") or ""),
        "payer": kept.get(f"{_PREFIX}payer") or "",
        "coordinator": kept.get(f"{_PREFIX}coordinator") or "",
        "billing": kept.get(f"{_PREFIX}billing") or "",
        "question": OPEN if kept.get(f"{_PREFIX}question") else "",
        "page": str(page) if page > 1 else "",
    }
    kept[_KEPT] = {name: word for name, word in words.items() if word}
    for name, word in words.items():
        if not word:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != word:
            st.query_params[name] = word


def chosen(person: Actor) -> Filters:
    """Return what narrows the review now."""
    kept = st.session_state
    program = kept.get(f"{_PREFIX}program")
    coordinator = kept.get(f"{_PREFIX}coordinator") or ""
    return Filters(
        program=program if isinstance(program, Program) else None,
        payer=kept.get(f"{_PREFIX}payer") or "",
        coordinator=person.person_id if coordinator == MINE else coordinator,
        billing=kept.get(f"{_PREFIX}billing") or "",
        asks=bool(kept.get(f"{_PREFIX}question")),
        text=(kept.get(f"{_PREFIX}text") or "").strip(),
    )


def state_control(counts: Mapping[ReviewState, int]) -> ReviewState | None:
    """Draw the choice of a state with the number of rows of each; return it, or None for all."""
    total = sum(counts.values())

    def words(item: str) -> str:
        if item == ALL:
            return f"All · {total:,}"
        return f"{STATE_WORDS[ReviewState(item)]} · {counts.get(ReviewState(item), 0):,}"

    shown = st.segmented_control(
        "State",
        [ALL, *(each.value for each in STATE_ORDER)],
        format_func=words,
        default=ALL,
        required=True,
        key=f"{_PREFIX}state",
        label_visibility="collapsed",
        wrap=True,
    )
    return None if shown in {None, ALL} else ReviewState(shown)


def draw(person: Actor, rows: Sequence[ReviewRow], people: Mapping[str, str]) -> None:
    """Draw the filters behind one button that says what narrows the review.

    Args:
        person: Who looks.
        rows: Of the whole month: what there is to choose from.
        people: Short names of the practice's people by id.
    """
    payers = {payer_mark(row.payer): row.payer or "No coverage on file" for row in rows}
    with st.popover(_words(person, people, payers), icon=":material/filter_list:"):
        st.text_input("Name, MRN or birth date", key=f"{_PREFIX}text")
        st.selectbox(
            "Program", ["", *(each for each in Program if any(row.program is each for row in rows))],
            format_func=lambda program: str(program) or "All programs", key=f"{_PREFIX}program",
        )  # fmt: skip
        _select(
            "Payer", "payer", sorted(payers, key=lambda each: payers[each]), payers, "All payers"
        )
        _select(
            "Coordinator", "coordinator",
            [MINE, *_ids((row.coordinator for row in rows), people)], people, "Everybody",
            hint="Who worked most on a row this month.",
        )  # fmt: skip
        _select(
            "Billing practitioner", "billing",
            _ids((row.billing_id for row in rows), people), people, "All practitioners",
        )  # fmt: skip
        st.toggle("Only with an open question", key=f"{_PREFIX}question")
        st.button("Show everybody", on_click=_clear, type="tertiary", key=f"{_PREFIX}clear")


def _ids(found: Iterable[str | None], people: Mapping[str, str]) -> list[str]:
    return sorted({each or NOBODY for each in found}, key=lambda who: people.get(who, who))


def _select(
    label: str, name: str, options: Sequence[str], words: Mapping[str, str], every: str,
    *, hint: str | None = None,
) -> None:  # fmt: skip
    key = f"{_PREFIX}{name}"
    named = st.session_state.get(key) or ""
    listed = ["", *options, *([named] if named and named not in options else [])]
    said = {"": every, MINE: "Mine", NOBODY: "Nobody"}
    st.selectbox(
        label,
        listed,
        format_func=lambda each: said.get(each) or words.get(each, "Not in this month"),
        key=key,
        help=hint,
    )


def _clear() -> None:
    for name in ("program", "payer", "coordinator", "billing", "text"):
        st.session_state[f"{_PREFIX}{name}"] = ""
    st.session_state[f"{_PREFIX}question"] = False


def _words(person: Actor, people: Mapping[str, str], payers: Mapping[str, str]) -> str:
    now, kept = chosen(person), st.session_state
    who = kept.get(f"{_PREFIX}coordinator") or ""
    named = {MINE: "Mine", NOBODY: "No coordinator", "": ""}
    parts = (
        now.text,
        now.program,
        payers.get(now.payer, "") if now.payer else "",
        named.get(who, people.get(who, "")),
        "No practitioner" if now.billing == NOBODY else people.get(now.billing, ""),
        "With a question" if now.asks else "",
    )
    return ", ".join(formats.plain(str(part)) for part in parts if part) or "Filter"


def page_of(count: int, shown: ReviewState | None) -> int:
    """Draw the choice of a page where there is more than one, and return the chosen one, from 1."""
    pages = -(-count // PAGE_ROWS)
    key = f"{_PREFIX}page_{shown or ALL}"
    wanted = st.session_state.pop(f"{_PREFIX}page", None)
    if wanted is not None and key not in st.session_state:
        st.session_state[key] = wanted
    if pages <= 1:
        return 1
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages
    return int(st.pagination(pages, key=key))
