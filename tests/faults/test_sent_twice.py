"""A form that is sent again, by whatever mishap, is one entry; another form's id is not taken."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from tests.support.fault_proof import say, stored
from tests.support.fault_writers import (
    CLOCK,
    CONTEXT,
    DONE_WITHIN,
    IS_LONG,
    READY_WITHIN,
    add_writers,
    start,
)
from tests.support.ledger_case import NURSE, fill, work
from trellis_core.errors import DuplicateCommandError
from trellis_core.services.integrity import check_store
from trellis_core.services.time_log import (
    CorrectTime,
    LogTime,
    Receipt,
    correct_time,
    log_time,
)
from trellis_core.store.engine import Store, open_store

SENDERS = 4
FORMS = 2_000 if IS_LONG else 60
LOOPS = 200 if IS_LONG else 10
LONGEST_LIFE = 0.05
FIRST = work(entry_id="first")
BOTH = pytest.mark.parametrize(
    "any_store", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def _send_all(url: str, forms: tuple[LogTime, ...], told: str, together: Barrier) -> None:
    """Send every form at the moment when the others send it too; note receipts."""
    store = open_store(url)
    lines = []
    for form in forms:
        together.wait(READY_WITHIN)
        receipt = log_time(form, store=store, actor=NURSE, clock=CLOCK)
        lines.append(f"{receipt.entry.id} {receipt.number} {receipt.code} {int(receipt.created)}\n")
    store.close()
    Path(told).write_text("".join(lines))


@BOTH
def test_one_form_sent_by_several_processes_at_once_is_one_entry(any_store: Store, tmp_path: Path):
    """Four processes times the forms: two hundred and forty sendings, in the long run eight thousand."""
    fill(any_store)
    forms = tuple(work(note="Called") for _ in range(FORMS))
    together = CONTEXT.Barrier(SENDERS)
    files = [tmp_path / f"told-{number}" for number in range(SENDERS)]
    senders = [
        CONTEXT.Process(
            target=_send_all, args=(url_of(any_store), forms, str(file), together), daemon=True
        )
        for file in files
    ]
    for one in senders:
        start(one)
    for one in senders:
        one.join(DONE_WITHIN)
        assert one.exitcode == 0
    receipts = [line.split() for file in files for line in file.read_text().splitlines()]
    assert len(receipts) == SENDERS * FORMS
    said = {(entry_id, int(number), code) for entry_id, number, code, _ in receipts}
    assert len(said) == FORMS
    assert sum(int(created) for *_, created in receipts) == FORMS
    assert set(stored(any_store).entries) == said
    assert check_store(any_store).ok
    say(
        f"one form from {SENDERS} processes, {any_store.dialect}: {len(receipts)} sent, "
        f"{len(said)} entries"
    )


def sent(store: Store, form: LogTime) -> Receipt:
    return log_time(form, store=store, actor=NURSE, clock=CLOCK)


@BOTH
def test_two_tabs_with_one_form_and_different_contents_are_one_entry_and_a_refusal(
    any_store: Store,
):
    """The second tab shows the form as it was; somebody changed the minutes in it."""
    fill(any_store)
    other = open_store(url_of(any_store))
    for place in range(20):
        form = work()
        changed = replace(form, seconds=600 + place)
        with ThreadPoolExecutor(2) as threads:
            tabs = [
                threads.submit(sent, any_store, form),
                threads.submit(sent, other, changed),
            ]
        refused = [tab.exception() for tab in tabs if tab.exception() is not None]
        assert [type(one) for one in refused] == [DuplicateCommandError]
    assert len(stored(any_store).entries) == 20
    assert check_store(any_store).ok
    other.close()


@BOTH
def test_a_form_sent_again_after_a_restart_is_the_same_entry(any_store: Store):
    fill(any_store)
    form = work(note="Called", patient_id="pt-2")
    first = sent(any_store, form)
    correction = CorrectTime(
        entry_id_new="correction-1", entry_id=form.entry_id, seconds=600, reason="shorter"
    )
    corrected = correct_time(correction, store=any_store, actor=NURSE, clock=CLOCK)
    for _ in range(3):
        again = open_store(url_of(any_store))
        receipt = sent(again, form)
        assert (receipt.created, receipt.number, receipt.code) == (False, first.number, first.code)
        repeated = correct_time(correction, store=again, actor=NURSE, clock=CLOCK)
        assert (repeated.created, repeated.number, repeated.code) == (
            False,
            corrected.number,
            corrected.code,
        )
        with pytest.raises(DuplicateCommandError):
            sent(again, replace(form, seconds=60))
        with pytest.raises(DuplicateCommandError):
            sent(again, replace(form, note="Called twice"))
        again.close()
    assert len(stored(any_store).entries) == 3


@BOTH
def test_a_form_whose_sender_was_killed_before_the_answer_is_one_entry(
    any_store: Store, tmp_path: Path
):
    """Whether or not it was saved: sent again, it is there once."""
    fill(any_store)
    add_writers(any_store, 1)
    chance = random.Random(20261122)  # noqa: S311 - only moments
    saved_before = 0
    forms = []
    for _ in range(LOOPS):
        form = work(note="Called")
        forms.append(form)
        is_open: Event = CONTEXT.Event()
        sender = CONTEXT.Process(
            target=_send_and_say_nothing, args=(url_of(any_store), form, is_open), daemon=True
        )
        start(sender)
        assert is_open.wait(READY_WITHIN)
        sender.join(chance.random() * LONGEST_LIFE)
        sender.kill()
        sender.join()
        saved_before += not sent(any_store, form).created
        assert not sent(any_store, form).created
    ids = [entry_id for entry_id, _, _ in stored(any_store).entries]
    assert sorted(ids) == sorted([FIRST.entry_id, *(form.entry_id for form in forms)])
    assert check_store(any_store).ok
    say(
        f"killed before the answer, {any_store.dialect}: {LOOPS} forms sent again, {saved_before} "
        f"had been saved, {len(forms)} entries"
    )


def _send_and_say_nothing(url: str, form: LogTime, is_open: Event) -> None:
    store = open_store(url)
    sent(store, FIRST)  # the first form of a process takes longest, and is not the one to look at
    is_open.set()
    sent(store, form)
