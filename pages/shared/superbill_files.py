"""Download buttons for superbills: a document is made on the click, for whoever is signed in then."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import streamlit as st

from pages.shared import formats, store, widgets
from trellis_core.access import Actor
from trellis_core.care.vocabulary import Program
from trellis_core.services import billing
from trellis_core.services.billing import Form
from trellis_core.superbill import Superbill
from trellis_core.values.periods import ServiceMonth

MONTH_FORMS: Mapping[Form, str] = {
    "pdf": "Month as PDF",
    "zip": "Month as ZIP",
    "csv": "Month as CSV",
}


def digest(bills: Sequence[Superbill]) -> str:
    """Return eight hex digits that change when anything on the superbills does."""
    return sha256(repr(bills).encode("utf-8", "replace")).hexdigest()[:8]


def maker(
    form: Form,
    *,
    month: ServiceMonth,
    patient_id: str | None,
    program: Program | None = None,
    number: int | None = None,
) -> Callable[[Actor], bytes]:
    """Return what makes a document for a person.

    Args:
        form: Kind of document.
        month: The service month.
        patient_id: Only this patient's.
        program: Only superbills with a line of this program.
        number: Only the issued superbill of this number; of no effect on FHIR, which is of a patient.
    """

    def make(person: Actor) -> bytes:
        return billing.superbill_document(
            month=month,
            form=form,
            patient_id=patient_id,
            program=program,
            number=None if form == "fhir" else number,
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
    number: int | None = None,
) -> None:
    """Draw a download button for each form; the file's name holds month and digest, no person."""
    many = "" if patient_id else "s"
    mark = digest(bills)
    page = "superbills" if program is None else formats.program_slug(program)
    with st.container(horizontal=True):
        for form, label in forms.items():
            widgets.download(
                label,
                maker(form, month=month, patient_id=patient_id, program=program, number=number),
                operation=billing.operation_of(form),
                form=billing.FILE_FORMS[form],
                file_name=f"superbill{many}-{month}-{mark}.{billing.ENDINGS[form]}",
                media_type=billing.MEDIA[form],
                key=f"{page}_{form}_{'one' if patient_id else 'all'}",
                patient_id=patient_id,
                month=month,
            )
