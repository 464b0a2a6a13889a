"""A file leaves once its digest stands in the journal, and only for whoever may have it."""

import hashlib

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole, Operation
from trellis_core.errors import (
    CommandRefusedError,
    NotFoundError,
    PermissionDeniedError,
    StoreError,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.services import access_log
from trellis_core.services.downloads import FILE, FileForm, deliver
from trellis_core.services.journal import journal
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)


@pytest.fixture
def panel(store):
    return SmallPanel(store)


def given(panel, clock, make=lambda: b"seven b", **more):
    asked = {
        "operation": Operation.DRAFT_SUPERBILL,
        "form": FileForm.SUPERBILL_PDF,
        "store": panel.store,
        "actor": panel.actor(AccessRole.BILLER),
        "clock": clock,
    }
    return deliver(make, **asked | more)


def events(panel, kind):
    owner = panel.actor(AccessRole.OWNER)
    return journal(kinds=[kind], store=panel.store, actor=owner).events


def test_a_file_is_named_by_digest_size_form_month_and_patient(panel, clock):
    panel.add(panel.patient("fern"))
    assert given(panel, clock, patient_id="fern", month=NOVEMBER) == b"seven b"
    (event,) = events(panel, EventKind.DOWNLOADED)
    assert (event.subject_kind, event.subject_id) == (FILE, hashlib.sha256(b"seven b").hexdigest())
    assert event.details == {"bytes": 7, "form": "superbill_pdf", "month": "2026-11"}
    assert (event.patient_id, event.author_id) == ("fern", "rn-1")


def test_each_time_that_a_file_leaves_is_an_event(panel, clock):
    given(panel, clock)
    given(panel, clock)
    assert [each.patient_id for each in events(panel, EventKind.DOWNLOADED)] == [None, None]


def test_nothing_is_made_for_somebody_without_the_right_and_the_refusal_is_written(panel, clock):
    made = []
    with pytest.raises(PermissionDeniedError):
        given(panel, clock, lambda: made.append(1), actor=panel.actor(AccessRole.AUDITOR))
    assert not made
    assert not events(panel, EventKind.DOWNLOADED)
    (refused,) = events(panel, EventKind.DENIED)
    assert (refused.subject_id, refused.details) == ("deliver", {"why": "not_permitted"})


@pytest.mark.parametrize(
    "refusal", [NotFoundError("patient", "p-404"), CommandRefusedError("NOTHING", "Nothing.")]
)
def test_what_could_not_be_made_did_not_leave(panel, clock, refusal):
    def make():
        raise refusal

    with pytest.raises(type(refusal)):
        given(panel, clock, make)
    assert not events(panel, EventKind.DOWNLOADED)


def test_a_file_that_the_journal_cannot_name_is_not_given(panel, clock, monkeypatch):
    def fail(*_args, **_words):
        raise StoreError("The disk is full.")

    monkeypatch.setattr(access_log.EventDraft, "__init__", fail)
    with pytest.raises(StoreError):
        given(panel, clock)
    monkeypatch.undo()
    assert not events(panel, EventKind.DOWNLOADED)
