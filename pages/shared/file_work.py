"""What the signed-in person has the server do by itself: asked for here, looked after on every page.

It is kept in the store, so that leaving the page, another tab, a reload or a new server change nothing.
It is the person's alone, whatever sign-in it is asked from; ``services.jobs`` decides each time.
"""

from typing import Final

from pages.shared import formats, job_process, store
from trellis_core.access import Actor, Operation, may
from trellis_core.errors import NotFoundError
from trellis_core.services import jobs
from trellis_core.services.fhir_export import ExportForm, FhirWanted
from trellis_core.services.job_kinds import DRAWN, JOINED
from trellis_core.services.job_wanted import CheckWanted, JobKind, SuperbillsWanted, Wanted
from trellis_core.services.jobs import ClosingOnItsWay, Job, JobState
from trellis_core.services.month_close import CloseMonth
from trellis_core.values.periods import ServiceMonth

_SUPERBILLS: Final = {
    "pdf": "the PDF",
    "zip": "the ZIP",
    "csv": "the CSV",
    "xlsx": "the workbook",
    "entries": "the CSV of the time",
    "json": "the JSON",
}
_FHIR: Final = {
    ExportForm.BUNDLE: "the Collection Bundle",
    ExportForm.TRANSACTION: "the Transaction Bundles",
    ExportForm.NDJSON: "the bulk files",
}


def start(wanted: Wanted, person: Actor) -> str:
    """Have the server do something for a person, and return the job's id.

    Raises:
        CommandRefusedError: The person has one of its kind that is not over.
        PermissionDeniedError: The person may not do it.
    """
    job_id = jobs.ask_for(wanted, store=store.store(), actor=person, clock=store.clock())
    job_process.asked()
    return job_id


def every(person: Actor) -> tuple[Job, ...]:
    """Return a person's jobs, the oldest first."""
    if not may(person, Operation.READ_PRACTICE):
        return ()
    return jobs.own_jobs(store=store.store(), actor=person, clock=store.clock())


def close_of(month: ServiceMonth, person: Actor) -> ClosingOnItsWay | None:
    """Return how far the close of a month is that the server makes, for whomever; None for none."""
    return jobs.close_on_its_way(month, store=store.store(), actor=person)


def of(kind: JobKind, person: Actor) -> Job | None:
    """Return a person's job of a kind, also one that waits, failed or is ready; None for none."""
    return next((job for job in every(person) if job.kind is kind), None)


def drop(job_id: str, person: Actor) -> bool:
    """Cancel a job or forget what came of it; False where another tab did."""
    try:
        jobs.drop_job(job_id, store=store.store(), actor=person, clock=store.clock())
    except NotFoundError:
        return False
    return True


def take(job_id: str, person: Actor) -> bytes:
    """Return a finished file, once.

    Raises:
        CommandRefusedError: It is not kept any more.
    """
    return jobs.take_file(job_id, store=store.store(), actor=person, clock=store.clock())


def title(wanted: Wanted) -> str:
    """Say what is done, within a sentence and without a name.

    Example:
        >>> title(FhirWanted(form=ExportForm.NDJSON, patient_ids=("p-1",)))
        'the bulk files of 1 patient'
        >>> title(CheckWanted())
        'the check of the ledger'
    """
    match wanted:
        case SuperbillsWanted():
            what = formats.count(wanted.count, "superbill")
            return f"{_SUPERBILLS[wanted.form]} of {what}, {formats.month_name(wanted.month)}"
        case FhirWanted():
            form = _FHIR[wanted.form]
            if wanted.patient_ids is not None:
                return f"{form} of {formats.count(len(wanted.patient_ids), 'patient')}"
            if wanted.month is not None:
                return f"{form} of {formats.month_name(wanted.month)}"
            return f"{form} of the whole practice"
        case CloseMonth():
            return f"the close of {formats.month_name(wanted.month)}"
        case CheckWanted():
            return "the check of the ledger"


def progress(job: Job, *, of_what: str, gathering: str) -> tuple[float, str]:
    """Say how far a file is: a share from 0 to 1, and words.

    Args:
        job: One that goes on.
        of_what: What is counted, in the plural.
        gathering: What is done before it is known how many there are.
    """
    if job.state is JobState.WAITING:
        if job.is_behind:
            return 0.0, "waiting for another file of this practice"
        return 0.0, "waiting for the server to begin"
    if job.step == DRAWN and job.of:
        return min(job.done / job.of, 1.0), f"{job.done:,} of {job.of:,} {of_what}"
    if job.step == JOINED:
        return 1.0, "the pieces are put together"
    return 0.0, gathering
