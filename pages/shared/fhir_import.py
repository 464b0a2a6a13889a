"""The import of another system's FHIR: choose files, look at what would happen, store exactly that."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.shared import formats, routes, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.services import fhir_import
from trellis_core.services.fhir_import_report import (
    FIELD_LABELS,
    KIND_LABELS,
    FhirImportReport,
    ToDo,
    ToDoKind,
    Who,
    not_read_words,
    teams_words,
    wrong_codes_words,
)

_KEY: Final = "fhir_import"
_ROUND: Final = "fhir_import_round"
VISIBLE_ROWS, ROW_HEIGHT, HEADER_HEIGHT = 10, 33, 37
_TO_DO: Final = {
    ToDoKind.CODE: "Give an ICD-10-CM code",
    ToDoKind.BIRTH_DATE: "Ask for the whole birth date",
    ToDoKind.DEATH_DATE: "Marked as deceased: find out the day",
    ToDoKind.SAME_PERSON: "Compare: may be the same person",
    ToDoKind.NOT_STAFF: "Not on the staff: add a colleague under People",
    ToDoKind.PAYER_KIND: "Enter the coverage: the kind of payer is not known",
}


@dataclass
class _Kept:
    """What the page remembers between reruns.

    Attributes:
        digest: Of the files that the report is about.
    """

    digest: str
    report: FhirImportReport


def draw(actor: Actor) -> None:
    """Draw the import: the files, the first look or the report."""
    routes.link("import", "Patients or time from a CSV file", icon=":material/upload_file:")
    files = st.file_uploader(
        "FHIR R4 from another system: Bundles (JSON) or NDJSON, up to 20 MB each",
        type=["json", "ndjson"],
        accept_multiple_files=True,
        key=f"patients_files_{st.session_state.get(_ROUND, 0)}",
    )
    if not files:
        st.session_state.pop(_KEY, None)
        widgets.empty(
            "Choose files that your record system exported. Nothing is stored before you have seen "
            "what would happen, and what is on record stays.",
            icon="upload_file",
        )
        return
    digest = _digest(files)
    with widgets.command():
        kept: _Kept | None = st.session_state.get(_KEY)
        if kept is None or kept.digest != digest:
            kept = _Kept(digest, _run(files, actor, is_stored=False))
            st.session_state[_KEY] = kept
        if kept.report.is_stored:
            _done(kept.report, actor)
        else:
            _first_look(kept, files, actor)


def _first_look(kept: _Kept, files: Sequence[UploadedFile], actor: Actor) -> None:
    report = kept.report
    _account(report, actor)
    number = report.patients_touched
    if st.button(
        f"Import {formats.count(number, 'patient')}",
        type="primary",
        key="patients_import",
        disabled=not number,
    ):
        kept.report = _run(files, actor, is_stored=True)
        st.rerun()
    if not number:
        st.caption("There is nothing new to import.")


def _done(report: FhirImportReport, actor: Actor) -> None:
    touched = formats.count(report.patients_touched, "patient")
    st.success(
        f"{touched} imported. Nothing on record was overwritten or merged.",
        icon=":material/check_circle:",
    )
    _account(report, actor)
    if st.button("Other files", key="patients_import_anew"):
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        st.session_state.pop(_KEY, None)
        st.rerun()


def _run(files: Sequence[UploadedFile], actor: Actor, *, is_stored: bool) -> FhirImportReport:
    """Look at the files or import them, under names that say nothing about anybody."""
    with st.spinner("Reading"), TemporaryDirectory() as folder:
        paths = []
        for place, file in enumerate(files, 1):
            ending = "ndjson" if file.name.lower().endswith(".ndjson") else "json"
            paths.append(Path(folder) / f"{place}.{ending}")
            paths[-1].write_bytes(file.getvalue())
        run = fhir_import.import_fhir if is_stored else fhir_import.preview_fhir
        return run(paths, store=store.store(), actor=actor, clock=store.clock())


def _digest(files: Sequence[UploadedFile]) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.getvalue()).digest())
    return whole.hexdigest()


# --- what a report says ----------------------------------------------------------------------


def _account(report: FhirImportReport, actor: Actor) -> None:
    people = report.of("Patient")
    numbers = {
        "Patients added" if report.is_stored else "New patients": people.added,
        "Here already": people.matched,
        "Differences": len(report.conflicts),
        "To do": len(report.to_do),
    }
    for place, (label, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        place.metric(label, f"{number:,}", border=True)
    _table(
        [
            {
                "What": each.label,
                "In the files": each.read,
                "Added" if report.is_stored else "New": each.added,
                "Here already": each.matched,
                "Left out": each.left_out,
                "Refused": each.refused,
            }
            for each in report.kinds
        ],
        "What becomes of each kind of record",
        "fhir_kinds",
    )
    if report.not_read:
        st.caption(
            formats.plain(
                f"Not read, as Trellis does not keep it: {not_read_words(report.not_read)}."
            )
        )
    if report.teams:
        st.caption(formats.plain(teams_words(report.teams)))
    if report.wrong_codes:
        st.caption(wrong_codes_words(report.wrong_codes))
    _conflicts(report, actor)
    _to_do(report, actor)
    _left_out(report)


def _conflicts(report: FhirImportReport, actor: Actor) -> None:
    """Draw differences, with their values for whoever may read charts."""
    if report.conflicts:
        st.markdown("**Differences**")
        st.caption("What is on record stays. Correct the chart where the file is right.")
        is_shown = may(actor, Operation.READ_CHART)
        _table(
            [
                {
                    "Patient": _name(each.who),
                    "Field": _sentence(FIELD_LABELS[each.field]),
                    "On record": (each.on_record if is_shown else "")
                    or (f"belongs to {_name(each.other)}" if each.other else formats.DASH),
                    "In the file": (each.in_file if is_shown else "") or formats.DASH,
                }
                for each in report.conflicts
            ],
            "Fields that the files have otherwise",
            "fhir_conflicts",
        )
    if report.filled:
        st.markdown("**Filled**")
        st.caption("Empty on record; taken from the files.")
        _table(
            [
                {"Patient": _name(each.who), "Field": _sentence(FIELD_LABELS[each.field])}
                for each in report.filled
            ],
            "Empty fields that are taken from the files",
            "fhir_filled",
        )


def _to_do(report: FhirImportReport, actor: Actor) -> None:
    if not report.to_do:
        return
    st.markdown("**To do**")
    people = store.people(actor)

    def about(each: ToDo) -> str:
        if each.other is not None:
            return _name(each.other)
        if each.staff_id is not None:
            name = people[each.staff_id].name if each.staff_id in people else each.staff_id
            return f"has the name of {name}, without the NPI"
        if each.kind is ToDoKind.CODE:
            return formats.count(each.number, "condition")
        return formats.count(each.number, "practitioner") if each.who is None else ""

    _table(
        [
            {
                "Patient": _name(each.who) if each.who else formats.DASH,
                "What to do": _TO_DO[each.kind],
                "About": about(each) or formats.DASH,
            }
            for each in report.to_do
        ],
        "What is left for a person",
        "fhir_to_do",
    )


def _left_out(report: FhirImportReport) -> None:
    rows = [
        {"What": place, "Number": 1, "Result": "Refused", "Why": _sentence(because)}
        for place, because in report.refused_places
    ] + [
        {
            "What": KIND_LABELS[each.kind],
            "Number": each.number,
            "Result": "Left out",
            "Why": _sentence(each.because),
        }
        for each in report.left_out
    ]
    if rows:
        with st.expander("Left out and refused, and why", key="fhir_left_out_part"):
            _table(rows, "Left out and refused, and why", "fhir_left_out")


def _name(who: Who) -> str:
    """Name somebody on screen; nobody whose chart is not open."""
    return who.name or who.place or "a restricted chart"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _table(rows: Sequence[dict[str, object]], alt: str, key: str) -> None:
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key=key,
        height=min(len(rows), VISIBLE_ROWS) * ROW_HEIGHT + HEADER_HEIGHT,
        alt=alt,
    )
