"""Import: patients or time from another system's CSV, in four steps."""

import streamlit as st

from pages.shared import (
    import_columns,
    import_flow,
    import_preview,
    import_report,
    routes,
    store,
    widgets,
)
from pages.shared.import_flow import Step
from trellis_core.access import Actor, Operation
from trellis_core.services.downloads import FileForm
from trellis_core.services.imports.columns import ImportKind, template

KINDS = {ImportKind.PATIENTS: "Patients", ImportKind.TIME: "Time"}
actor = store.require(Operation.IMPORT_RECORDS)


def choose(who: Actor) -> None:
    """Draw the choice of the file, and the step that the import is at."""
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        kind = st.segmented_control(
            "What the file holds", list(KINDS), default=ImportKind.PATIENTS, required=True,
            format_func=KINDS.__getitem__, key="import_kind", width="content",
        )  # fmt: skip
        widgets.download(
            "Template", lambda _: template(kind), operation=Operation.IMPORT_RECORDS,
            form=FileForm.IMPORT_TEMPLATE_CSV, file_name=f"import-{kind}.csv",
            media_type="text/csv", key="import_template",
        )  # fmt: skip
    file = st.file_uploader(
        "CSV file, up to 20 MB and 50,000 rows", type=["csv", "txt", "tsv"], key="import_file"
    )
    if file is None:
        import_flow.forget()
        widgets.empty(
            "Choose the file that your other system or spreadsheet exported. Nothing is stored "
            "before you have seen what would happen.",
            icon="upload_file",
        )
        import_report.earlier(who)
        return
    content = file.getvalue()
    draft = import_flow.take(content, kind, who)
    if draft.step is Step.RUN:
        import_preview.run(draft, content, who)
    elif draft.stopped is not None:
        import_report.stopped(draft, draft.stopped, who)
    elif draft.step is Step.LOOK:
        import_preview.draw(draft)
    else:
        import_columns.draw(draft, content, who)


widgets.heading("Import", "Patients or time from another system's CSV.")
routes.link("patients", "Patients", icon=":material/arrow_back:")
where = st.empty()
with where.container():
    import_flow.steps(import_flow.draft().step)
with widgets.command():
    now = import_flow.draft()
    if now.step is Step.REPORT and now.batch_id is not None:
        import_report.draw(now.batch_id, actor)
    else:
        choose(actor)
with where.container():
    import_flow.steps(import_flow.draft().step)
