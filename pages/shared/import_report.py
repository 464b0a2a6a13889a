"""The import's last step: what was done, as a table and a file, and taking it back; earlier imports."""

from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, import_flow, routes, store, widgets
from pages.shared.import_flow import Draft, Step, noun
from pages.shared.import_preview import metrics, rows_table
from trellis_core.access import Actor, Operation
from trellis_core.services.downloads import FileForm
from trellis_core.services.imports import batches
from trellis_core.services.imports.batches import Batch, Outcome
from trellis_core.services.imports.columns import ImportKind
from trellis_core.services.imports.undo import undo_import

VISIBLE_ROWS, ROW_HEIGHT, HEADER_HEIGHT = 8, 33, 37
_KINDS: Final = {ImportKind.PATIENTS: "Patients", ImportKind.TIME: "Time"}


def draw(batch_id: str, actor: Actor) -> None:
    """Draw an import's report."""
    found = batches.report(batch_id, store=store.store(), actor=actor)
    batch = found.batch
    added = batch.count(Outcome.ADDED)
    if batch.undone_at is not None:
        st.info("This import was taken back.", icon=":material/undo:")
    elif batch.finished_at is None:
        st.warning(
            f"Stopped after {batch.rows_done:,} of {formats.count(batch.rows_total, 'row')}. "
            "Choose the same file again to go on.",
            icon=":material/pause_circle:",
        )
    else:
        st.success(f"{noun(batch.kind, added)} imported.", icon=":material/check_circle:")
    metrics(batch.counts, batch.kind)
    rows_table(found.rows, key=f"import_report_{batch.id}")
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.download(
            "Report",
            lambda person: batches.report_file(batch_id, store=store.store(), actor=person),
            operation=Operation.IMPORT_RECORDS,
            form=FileForm.IMPORT_REPORT_CSV,
            file_name=f"{batch.id}.csv",
            media_type="text/csv",
            key="import_report_file",
        )
        if batch.undone_at is None:
            take_back(batch, actor)
        if st.button("Another file", key="import_anew"):
            import_flow.forget()
            st.rerun()
        routes.link("patients", "Patients", icon=":material/group:")


def take_back(batch: Batch, actor: Actor) -> None:
    """Draw the button that takes an import back, with what that does."""
    with st.popover("Take back", icon=":material/undo:"):
        st.write(
            "Removes every patient that this import added. That works while nobody has used their "
            "charts; otherwise you are told which rows stand in the way."
            if batch.kind is ImportKind.PATIENTS
            else "Reverses every entry that this import added. Both stay in the ledger."
        )
        is_sure = st.button("Take this import back", type="primary", key="import_undo")
    if is_sure:
        with widgets.command():
            done = undo_import(batch.id, store=store.store(), actor=actor, clock=store.clock())
            widgets.say(f"Taken back: {noun(done.kind, done.taken_back)}.")
            draft = import_flow.draft()
            draft.batch_id, draft.step = batch.id, Step.REPORT
            draft.stopped = None
            st.rerun()


def stopped(draft: Draft, batch: Batch, actor: Actor) -> None:
    """Offer to go on with an import of the file that was stopped."""
    st.warning(
        f"An import of this file stopped after {batch.rows_done:,} of "
        f"{formats.count(batch.rows_total, 'row')}. What is done stayed.",
        icon=":material/pause_circle:",
    )
    with st.container(horizontal=True):
        if st.button("Go on", type="primary", key="import_go_on"):
            draft.settings, draft.step = None, Step.RUN
            st.rerun()
        take_back(batch, actor)


def earlier(actor: Actor) -> None:
    """Draw the practice's imports; choosing one opens its report."""
    found = batches.batches(store=store.store(), actor=actor)
    if not found:
        return
    st.markdown("**Earlier imports**")
    people, zone = store.people(actor), store.zone(actor)
    chosen = st.dataframe(
        pd.DataFrame(
            [
                {
                    "When": formats.moment(each.made_at, zone),
                    "What": _KINDS[each.kind],
                    "By": people[each.made_by].name if each.made_by in people else formats.DASH,
                    "Rows": each.rows_total,
                    "Added": each.count(Outcome.ADDED),
                    "Refused": each.count(Outcome.REFUSED),
                    "State": _state(each),
                }
                for each in found
            ]
        ),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="import_earlier",
        height=min(len(found), VISIBLE_ROWS) * ROW_HEIGHT + HEADER_HEIGHT,
        alt="Earlier imports",
    )["selection"]["rows"]
    if chosen and chosen[0] < len(found):
        draft = import_flow.draft()
        draft.batch_id, draft.step = found[chosen[0]].id, Step.REPORT
        st.rerun()


def _state(batch: Batch) -> str:
    if batch.undone_at is not None:
        return "Taken back"
    if batch.finished_at is None:
        return f"Stopped after {batch.rows_done:,}"
    return "Done"
