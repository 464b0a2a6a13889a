"""Records as FHIR files: what is asked for, the making of them in the server's own time, what came of it."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import fhir_patients, file_work, formats, state, store, widgets
from trellis_core.access import Actor, Operation
from trellis_core.services.downloads import FileForm
from trellis_core.services.fhir_export import ExportForm, FhirExport, FhirWanted
from trellis_core.services.job_wanted import FileMade, JobKind
from trellis_core.services.jobs import Job, JobState
from trellis_core.values.periods import ServiceMonth

_LOOK_SECONDS: Final = 1.0
_SEE_SECONDS: Final = 20.0
_NO_PLAIN_WORD: Final = re.compile(r"[^A-Za-z0-9-]+")
_KILOBYTE: Final = 1_000


class What(StrEnum):
    """Whose records the files hold."""

    WHOLE = "whole"
    MONTH = "month"
    CHOSEN = "chosen"


FORMS: Final[Mapping[ExportForm, tuple[str, str]]] = {
    ExportForm.BUNDLE: (
        "Collection Bundle",
        "One file, to read or to hand over. It loads nothing anywhere by itself.",
    ),
    ExportForm.TRANSACTION: (
        "Transaction Bundles",
        "To load into a FHIR server, one after the other. Loading them twice changes nothing.",
    ),
    ExportForm.NDJSON: (
        "Bulk files (NDJSON)",
        "One file for each type of record. For large data, and for moving to another Trellis.",
    ),
}
"""What each form is called, and what it is good for."""

WORDS: Final[Mapping[str, str]] = {
    "Patient": "Patients",
    "Coverage": "Coverage, present and past",
    "Condition": "Conditions",
    "EpisodeOfCare": "Enrollments",
    "CareTeam": "Care teams",
    "Consent": "Consents, given and declined",
    "CarePlan": "Care plans and their versions",
    "Goal": "Goals of care plans",
    "Observation": "Rating scales",
    "QuestionnaireResponse": "Answers to rating scales",
    "Encounter": "Visits, stays and contacts",
    "Procedure": "Time entries",
    "Account": "Accounts",
    "ChargeItem": "Lines of superbills",
    "DocumentReference": "Superbills",
    "Claim": "Draft claims",
    "Basic": "Other records of the programs",
    "Organization": "The practice and its payers",
    "Location": "Sites",
    "Practitioner": "People of the practice",
    "PractitionerRole": "Their roles",
    "Provenance": "Who recorded what, and when",
    "AuditEvent": "Who exported whom",
    "CodeSystem": "Own codes",
    "ValueSet": "Sets of own codes",
    "StructureDefinition": "Definitions of own fields",
}
"""What the records of a resource type are, in the order in which they are told."""


def asked(person: Actor, month: ServiceMonth) -> FhirWanted | None:
    """Draw the choice of records and form; None while patients are to be chosen and nobody is."""
    what = _what(month)
    patient_ids = fhir_patients.chosen(person) if what is What.CHOSEN else None
    form = st.radio(
        "Form",
        list(FORMS),
        format_func=lambda each: FORMS[each][0],
        captions=[sentence for _, sentence in FORMS.values()],
        key="exchange_form",
    )
    with_claims = st.checkbox(
        "Draft claims too",
        key="exchange_claims",
        help="One for each superbill, marked as a draft. Trellis never submits a claim.",
    )
    if patient_ids is not None and not patient_ids:
        return None
    return FhirWanted(
        form=form,
        month=month if what is What.MONTH else None,
        patient_ids=patient_ids,
        with_claims=with_claims,
    )


def _what(month: ServiceMonth) -> What:
    words = {
        What.WHOLE: "The whole practice",
        What.MONTH: formats.month_name(month),
        What.CHOSEN: "Chosen patients",
    }
    what = st.segmented_control(
        "Records of",
        list(What),
        default=What.WHOLE,
        required=True,
        format_func=lambda each: words[each],
        key="exchange_what",
        wrap=True,
    )
    if what is What.MONTH:
        st.caption(
            "Charts of whoever was enrolled, has time or a superbill, with the time and the superbills of "
            "this month alone. The service month at the side chooses another."
        )
    return What(what)


def prepare(wanted: FhirWanted, person: Actor) -> None:
    """Begin to make the files for whoever is signed in; ``in_the_making`` shows how far they are.

    Raises:
        CommandRefusedError: Files are being made for this person already.
        PermissionDeniedError: The person may not export.
    """
    file_work.start(wanted, person)


def file_name(person: Actor, day: str) -> str:
    """Return the ZIP's name: the practice's id and the day.

    Example:
        >>> from trellis_core.access import AccessRole
        >>> owner = Actor(practice_id="juniper", person_id="ada", role=AccessRole.OWNER)
        >>> file_name(owner, "2026-11-22")
        'trellis-fhir-juniper-2026-11-22.zip'
    """
    return f"trellis-fhir-{_NO_PLAIN_WORD.sub('-', person.practice_id)}-{day}.zip"


def is_going_on() -> bool:
    """Say whether files are being made for the signed-in person."""
    job = _job()
    return job is not None and job.is_going_on


def in_the_making() -> None:
    """Draw the signed-in person's files: how far they are, then what they hold and their button."""
    job = _job()
    if job is not None:
        seconds = _LOOK_SECONDS if job.is_going_on else _SEE_SECONDS
        st.fragment(_draw_job, run_every=seconds)(job.id, job.state)


def _job() -> Job | None:
    person = store.actor()
    return None if person is None else file_work.of(JobKind.FHIR, person)


def _draw_job(job_id: str, drawn: JobState) -> None:
    store.keep_signed_in_only()
    job = _job()
    if job is None or (job.id, job.state) != (job_id, drawn):
        st.rerun()
    with st.container(border=True):
        if job.is_going_on:
            _draw_progress(job)
        elif isinstance(job.result, FileMade) and job.result.exported is not None:
            _draw_ready(job, job.result, job.result.exported)
        else:
            st.error(formats.plain(job.refusal), icon=":material/block:")
            st.button("Close", key="exchange_close", on_click=_give_up)


def _draw_progress(job: Job) -> None:
    part, words = file_work.progress(job, of_what="patients", gathering="the records are gathered")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(part, text=formats.plain(f"Preparing {file_work.title(job.wanted)}: {words}."))
        st.button("Cancel", key="exchange_cancel", icon=":material/close:", on_click=_give_up)
    st.caption("You may go on, or leave this page and come back. The files are for you alone.")


def _draw_ready(job: Job, made: FileMade, exported: FhirExport) -> None:
    person, wanted = store.actor(), job.wanted
    if person is None or not isinstance(wanted, FhirWanted):
        return
    st.markdown(f"**{formats.plain(_capital(file_work.title(wanted)))}**")
    st.markdown(formats.plain(summary(exported)))
    with st.container(horizontal=True):
        widgets.download(
            "Download (ZIP)",
            lambda who: file_work.take(job.id, who),
            operation=Operation.EXPORT_FHIR,
            form=FileForm.FHIR_EXPORT,
            file_name=file_name(person, store.today(person).isoformat()),
            media_type=made.media_type,
            key=f"exchange_zip_{made.sha256[:8]}",
            month=wanted.month,
        )
        st.button("Drop it", key="exchange_drop", icon=":material/delete:", on_click=_give_up)
    st.caption(
        "Kept for you alone, for 15 minutes or until they are downloaded. The download is named in the "
        "access log."
    )
    st.markdown("  \n".join(formats.plain(sentence) for sentence in exported.lines))
    st.dataframe(
        counted(exported.resources),
        hide_index=True,
        height="content",
        key="exchange_counts",
        alt="Records in the files by type",
    )


def counted(resources: Mapping[str, int]) -> pd.DataFrame:
    """Return the numbers of records by type, with what they are in words."""
    order = {name: place for place, name in enumerate(WORDS)}
    return pd.DataFrame(
        [
            {"Records": WORDS.get(name, name), "Number": resources[name], "FHIR resource": name}
            for name in sorted(resources, key=lambda each: (order.get(each, len(order)), each))
        ]
    )


def summary(exported: FhirExport) -> str:
    """Say how much the files hold.

    Example:
        >>> summary(FhirExport(form=ExportForm.BUNDLE, files=(("bundle.json", 2_400),),
        ...     resources={"Patient": 1, "Condition": 2}, patients=1, left_out=0, lines=()))
        '1 patient, 3 records in 1 file, 3 KB before packing.'
    """
    of = sum(size for _, size in exported.files)
    return (
        f"{formats.count(exported.patients, 'patient')}, {formats.count(exported.total, 'record')} in "
        f"{formats.count(len(exported.files), 'file')}, {size(of)} before packing."
    )


def size(count: int) -> str:
    """Write a number of bytes as people read it, rounded up.

    Example:
        >>> size(0), size(1_000), size(1_001), size(2_345_678)
        ('0 KB', '1 KB', '2 KB', '2.4 MB')
    """
    kilobytes = -(-count // _KILOBYTE)
    if kilobytes < _KILOBYTE:
        return f"{kilobytes} KB"
    tenths = -(-count // (_KILOBYTE * _KILOBYTE // 10))
    return f"{tenths // 10:,}.{tenths % 10} MB"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _give_up() -> None:
    person, was = store.actor(), _job()
    if person is None or was is None:
        return
    if file_work.drop(was.id, person) and was.is_going_on:
        state.flash("Cancelled. Nothing was kept.")
