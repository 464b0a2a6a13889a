"""Downloads of superbills: small files are made on the click, large ones in the server's own time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Final

import streamlit as st

from pages.shared import file_work, formats, state, store, widgets
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.errors import NotSignedInError
from trellis_core.services import billing
from trellis_core.services.billing import Form
from trellis_core.services.job_wanted import FileMade, JobKind, SuperbillsWanted
from trellis_core.services.jobs import Job, JobState
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth

MONTH_FORMS: Final[Mapping[Form, str]] = {
    "pdf": "Month as PDF",
    "zip": "Month as ZIP",
    "csv": "Month as CSV",
    "xlsx": "Month as XLSX",
    "entries": "Month's time as CSV",
}
SELECTION_FORMS: Final[Mapping[Form, str]] = {
    "pdf": "Selection as PDF",
    "zip": "Selection as ZIP",
    "csv": "Selection as CSV",
    "xlsx": "Selection as XLSX",
    "entries": "Its time as CSV",
}
ONE_FORMS: Final[Mapping[Form, str]] = {
    "pdf": "PDF",
    "csv": "CSV",
    "xlsx": "XLSX",
    "entries": "Time as CSV",
}
LARGE: Final = 50
"""From more superbills than this, PDF and ZIP are made in the server's own time, with progress."""
LARGE_TABLE: Final = 1_000
"""From more superbills than this, tables of their lines or time are, too."""

_DRAWN: Final[frozenset[Form]] = frozenset({"pdf", "zip"})
_LOOK_SECONDS: Final = 1.0


def digest(bills: Sequence[Superbill]) -> str:
    """Return eight hex digits that change when anything on record about the superbills does."""
    told = [
        (
            bill.id,
            bill.number,
            bill.version,
            bill.status.value,
            bill.data_as_of.isoformat(),
            bill.approval is not None,
            str(bill.charge_total),
            str(bill.allowed_total),
            [each.code for each in bill.missing],
        )
        for bill in bills
    ]
    return sha256(repr(told).encode("utf-8", "replace")).hexdigest()[:8]


def maker(
    form: Form,
    *,
    month: ServiceMonth,
    patient_id: str | None,
    program: Program | None = None,
    number: int | None = None,
    only: Collection[str] | None = None,
    profile: str | None = None,
) -> Callable[[Actor], bytes]:
    """Return what makes a document for a person.

    Args:
        form: Kind of document.
        month: The service month.
        patient_id: Only this patient's.
        program: Only superbills with a line of this program.
        number: Only the issued superbill of this number; of no effect on FHIR, which is of a patient.
        only: Only superbills of these ids.
        profile: A column profile; of no effect on forms without a table of lines.
    """

    def make(person: Actor) -> bytes:
        return billing.superbill_document(
            month=month,
            form=form,
            patient_id=patient_id,
            program=program,
            number=None if form == "fhir" else number,
            only=only,
            profile=profile if form in billing.WITH_COLUMNS else None,
            store=store.store(),
            actor=person,
            clock=store.clock(),
            rule_book=store.rule_book(),
        ).content

    return make


def buttons(
    forms: Mapping[Form, str],
    bills: Sequence[Superbill],
    *,
    month: ServiceMonth,
    patient_id: str | None = None,
    program: Program | None = None,
    of_program: Program | None = None,
    number: int | None = None,
    only: Collection[str] | None = None,
    profile: str | None = None,
) -> None:
    """Draw a button for each form; the file's name holds month and digest, no person.

    Below those of several patients stands the large file that is made for the signed-in person, if any.

    Args:
        forms: What each button is called.
        bills: What will be in the file.
        month: Their service month.
        patient_id: Whose, where they are one patient's.
        program: Only superbills with a line of this program, on the program's own page.
        of_program: The same where one was chosen on a page of all programs.
        number: Only the issued superbill of this number.
        only: Only superbills of these ids.
        profile: A column profile for the tables of lines.
    """
    many = "" if patient_id else "s"
    mark = digest(bills)
    page = "superbills" if program is None else formats.program_slug(program)
    program = program or of_program
    with st.container(horizontal=True):
        for form, label in forms.items():
            key = f"{page}_{form}_{'one' if patient_id else 'all'}"
            if len(bills) > (LARGE if form in _DRAWN else LARGE_TABLE):
                st.button(
                    label,
                    key=f"{key}_large",
                    icon=":material/download:",
                    help=f"{len(bills):,} superbills: made while you go on, and kept for you.",
                    on_click=_prepare_in_callback,
                    args=(form,),
                    kwargs={
                        "count": len(bills),
                        "month": month,
                        "program": program,
                        "only": only,
                        "profile": profile,
                    },
                )
                continue
            widgets.download(
                label,
                maker(
                    form,
                    month=month,
                    patient_id=patient_id,
                    program=program,
                    number=number,
                    only=only,
                    profile=profile,
                ),
                operation=billing.operation_of(form),
                form=billing.FILE_FORMS[form],
                file_name=f"superbill{many}-{month}-{mark}.{billing.ENDINGS[form]}",
                media_type=billing.MEDIA[form],
                key=key,
                patient_id=patient_id,
                month=month,
            )
    if patient_id is None:
        in_the_making()


def prepare(
    form: Form,
    *,
    count: int,
    month: ServiceMonth,
    program: Program | None = None,
    only: Collection[str] | None = None,
    profile: str | None = None,
) -> None:
    """Begin to make a file of many superbills for whoever is signed in; ``in_the_making`` shows it.

    A page that offers this draws ``in_the_making`` too. Any number may be asked for.

    Args:
        form: Kind of document; not FHIR, which is of one patient.
        count: How many superbills it will hold, for its title.
        month: Their service month.
        program: Only superbills with a line of this program.
        only: Only superbills of these ids.
        profile: A column profile; of no effect on forms without a table of lines.

    Raises:
        CommandRefusedError: One is being made for this person already.
        NotSignedInError: Nobody is signed in.
        PermissionDeniedError: The person may not draw superbills up.
    """
    person = store.actor()
    if person is None:
        raise NotSignedInError
    file_work.start(
        SuperbillsWanted(
            form=form,
            month=month,
            count=count,
            program=program,
            only=None if only is None else tuple(only),
            profile=profile if form in billing.WITH_COLUMNS else None,
        ),
        person,
    )


def in_the_making() -> None:
    """Draw the signed-in person's large file: its progress, then its button; nothing without one."""
    job = _job()
    if job is not None:
        st.fragment(_draw_job, run_every=_LOOK_SECONDS)(job.id, job.state)


def _job() -> Job | None:
    person = store.actor()
    return None if person is None else file_work.of(JobKind.SUPERBILLS, person)


def _draw_job(job_id: str, drawn: JobState) -> None:
    store.keep_signed_in_only()
    job = _job()
    if job is None or (job.id, job.state) != (job_id, drawn):
        st.rerun()
    with st.container(border=True):
        if job.is_going_on:
            _draw_progress(job)
        elif isinstance(job.result, FileMade):
            _draw_ready(job, job.result)
        else:
            st.error(formats.plain(job.refusal), icon=":material/block:")
            st.button("Close", key="superbills_file_close", on_click=_give_up)


def _draw_progress(job: Job) -> None:
    part, words = file_work.progress(
        job, of_what="superbills", gathering="the superbills are gathered"
    )
    title = file_work.title(job.wanted)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(part, text=formats.plain(f"Making {title}: {words}."))
        st.button(
            "Cancel", key="superbills_file_cancel", icon=":material/close:", on_click=_give_up
        )
    st.caption("You may go on, leave this page, or sign out. The file is for you alone.")


def _draw_ready(job: Job, made: FileMade) -> None:
    wanted = job.wanted
    if not isinstance(wanted, SuperbillsWanted):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.download(
            f"Download {file_work.title(wanted)}",
            lambda person: file_work.take(job.id, person),
            operation=billing.operation_of(wanted.form),
            form=billing.FILE_FORMS[wanted.form],
            file_name=made.file_name,
            media_type=made.media_type,
            key=f"superbills_file_{made.sha256[:8]}",
            month=wanted.month,
        )
        st.button(
            "Drop it", key="superbills_file_drop", icon=":material/delete:", on_click=_give_up
        )
    st.caption("Kept for you alone, for 15 minutes or until it is downloaded.")


def _give_up() -> None:
    person, was = store.actor(), _job()
    if person is None or was is None:
        return
    if file_work.drop(was.id, person) and was.is_going_on:
        state.flash("Cancelled. Nothing was kept.")


def _prepare_in_callback(
    form: Form,
    *,
    count: int,
    month: ServiceMonth,
    program: Program | None,
    only: Collection[str] | None,
    profile: str | None,
) -> None:
    with widgets.command_in_callback():
        prepare(form, count=count, month=month, program=program, only=only, profile=profile)
