"""The import's third step: what would happen, row by row, before anything is stored; then it runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, store, widgets
from pages.shared.import_flow import OUTCOMES, WOULD_BE, Draft, Step, noun
from trellis_core.access import Actor
from trellis_core.services.imports.batches import Outcome, RowReport
from trellis_core.services.imports.columns import FIELDS, ImportKind
from trellis_core.services.imports.patients import Suspect, import_patients
from trellis_core.services.imports.time import import_time

VISIBLE_ROWS, ROW_HEIGHT, HEADER_HEIGHT = 12, 33, 37
_RESULTS: Final = (Outcome.ADDED, Outcome.HERE, Outcome.SUSPECTED, Outcome.REFUSED)


def draw(draft: Draft) -> None:
    """Draw what would happen, with the choice of probable doubles."""
    preview, settings = draft.preview, draft.settings
    if preview is None or settings is None:
        return
    metrics(preview.counts, draft.kind, words=WOULD_BE)
    rows_table(preview.rows, words=WOULD_BE, headings=_headings(draft), key="import_rows")
    chosen = _doubles(preview.suspects)
    number = preview.count(Outcome.ADDED) + len(chosen)
    with st.container(horizontal=True):
        if st.button("Back to the columns", key="import_back", icon=":material/arrow_back:"):
            draft.step = Step.COLUMNS
            st.rerun()
        if st.button(
            f"Import {noun(draft.kind, number)}",
            type="primary",
            key="import_run",
            disabled=not number,
        ):
            draft.settings = replace(settings, chosen=frozenset(chosen))
            draft.step = Step.RUN
            st.rerun()
    if not number:
        st.caption("There is nothing new to import.")


def run(draft: Draft, content: bytes, actor: Actor) -> None:
    """Import the file, or go on with it; a click on Stop keeps what is done."""
    total = draft.look.rows if draft.look else 0
    bar = st.progress(0.0, text=f"0 of {total:,} rows")
    st.button("Stop here", key="import_stop", on_click=_stop, args=(draft,))
    st.caption(
        "You may stop, or leave this page: what is done stays, and choosing the same file again "
        "goes on where it stopped."
    )
    imported = import_patients if draft.kind is ImportKind.PATIENTS else import_time
    draft.step = Step.COLUMNS  # where a refusal leads back to
    with widgets.command():
        report = imported(
            content,
            settings=draft.settings,
            store=store.store(),
            actor=actor,
            clock=store.clock(),
            on_progress=lambda done, of: (
                bar.progress(done / of, text=f"{done:,} of {of:,} rows"),
                None,
            )[1],
        )
        draft.batch_id, draft.step = report.batch.id, Step.REPORT
        st.rerun()


def _stop(draft: Draft) -> None:
    """Forget the file's choices, so that the page asks the store how far it got."""
    draft.digest, draft.step = "", Step.FILE


def metrics(
    counts: Mapping[Outcome, int], kind: ImportKind, *, words: Mapping[Outcome, str] = OUTCOMES
) -> None:
    """Draw how many rows became what."""
    shown = [
        each for each in _RESULTS if kind is ImportKind.PATIENTS or each is not Outcome.SUSPECTED
    ]
    for place, outcome in zip(st.columns(len(shown)), shown, strict=True):
        place.metric(words[outcome], f"{counts.get(outcome, 0):,}", border=True)


def rows_table(
    rows: Sequence[RowReport],
    *,
    words: Mapping[Outcome, str] = OUTCOMES,
    headings: Mapping[str, str] | None = None,
    key: str,
) -> None:
    """Draw each row that was not simply added: its number, its column, and what is wrong."""
    lines = list(_lines(rows, words, headings or {}))
    if not lines:
        st.caption("No row is refused or in doubt.")
        return
    st.dataframe(
        pd.DataFrame(lines, columns=["Row", "Result", "Column", "What is wrong"]),
        hide_index=True,
        key=key,
        height=min(len(lines), VISIBLE_ROWS) * ROW_HEIGHT + HEADER_HEIGHT,
        alt="Rows that are not simply added, and why",
        column_config={
            "Row": st.column_config.NumberColumn(
                width=60, help="As a spreadsheet counts: the heading is row 1."
            ),
            "Result": st.column_config.TextColumn(width=112),
            "Column": st.column_config.TextColumn(width=140),
        },
    )


def _lines(
    rows: Iterable[RowReport], words: Mapping[Outcome, str], headings: Mapping[str, str]
) -> Iterable[dict[str, object]]:
    order = [Outcome.REFUSED, Outcome.SUSPECTED, Outcome.ADDED, Outcome.HERE]
    for row in sorted(rows, key=lambda each: (order.index(each.outcome), each.number)):
        plain = "Stays as the chart has it." if row.outcome is Outcome.HERE else ""
        for field, text in [(each.field, each.text) for each in row.problems] or [("", plain)]:
            yield {
                "Row": row.number,
                "Result": words[row.outcome],
                "Column": headings.get(field, field) or formats.DASH,
                "What is wrong": text,
            }


def _headings(draft: Draft) -> dict[str, str]:
    """Return what each field's column is called in the file."""
    if draft.look is None or draft.settings is None:
        return {}
    found = {}
    for each in FIELDS[draft.kind]:
        place = draft.settings.columns.get(each.key)
        if place is not None:
            found[each.label] = draft.look.headings[place - 1]
    return found


def _doubles(suspects: Sequence[Suspect]) -> list[int]:
    """Draw the rows that look like somebody who is here; return those to import all the same."""
    if not suspects:
        return []
    st.markdown("**Probable doubles**")
    st.caption(
        "Born on the same day, with a similar name. They are passed over; select those that are "
        "another person."
    )
    picked = st.dataframe(
        pd.DataFrame(
            [
                {
                    "Row": each.number,
                    "In the file": each.name,
                    "Born": formats.day(each.birth_date),
                    "Like": f"row {each.like_row}"
                    if each.here_id is None and each.like_row
                    else each.here_name or "a restricted chart",
                }
                for each in suspects
            ]
        ),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="import_doubles",
        height=min(len(suspects), VISIBLE_ROWS) * ROW_HEIGHT + HEADER_HEIGHT,
        alt="Rows that look like somebody who is here",
    )["selection"]["rows"]
    return [suspects[place].number for place in picked if place < len(suspects)]
