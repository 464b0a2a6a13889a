"""Words that were withheld appear in nothing that anybody can read, whichever way it leaves."""

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
from pypdf import PdfReader

from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.sample import load_sample
from trellis_core.services import caseload
from trellis_core.services.billing import ENDINGS, superbill_document, superbills
from trellis_core.services.board import board, patient_month
from trellis_core.services.entry_history import entry_history, withhold_note
from trellis_core.services.integrity import check_ledger
from trellis_core.services.journal import journal
from trellis_core.services.ledger_export import export_ledger
from trellis_core.services.sign_in import demo_actors
from trellis_core.services.time_log import CorrectTime, LogTime, correct_time, entries_of, log_time
from trellis_core.store.engine import Store
from trellis_core.values.clock import FixedClock
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
NOTE, REASON = "Zanzibarene", "Brontolithus"
BOOK = load_rule_book()


class Sample:
    """The sample practice with an entry whose note and whose correction's reason name somebody."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        load_sample(store, day=date(2026, 11, 20))
        self.store, self.clock = store, clock
        self.actors = {actor.role: actor for _, actor in demo_actors(store=store)}
        self.actors.pop(AccessRole.OWN_WORK)  # the consultant, who reads none of this
        self.owner = self.actors[AccessRole.OWNER]
        self.patient_id = superbills(
            month=NOVEMBER, store=store, actor=self.owner, clock=clock, rule_book=BOOK
        )[0].patient.id
        first = log_time(
            LogTime(
                entry_id=new_entry_id(),
                patient_id=self.patient_id,
                program=Program.CCM,
                staff_id=self.owner.person_id,
                started_at=clock.now().replace(hour=1),
                seconds=1200,
                activity=Activity.CARE_COORDINATION,
                note=f"About {NOTE}",
            ),
            store=store,
            actor=self.owner,
            clock=clock,
        )
        self.first = first.entry
        correct_time(
            CorrectTime(
                entry_id_new=new_entry_id(),
                entry_id=first.entry.id,
                seconds=600,
                reason=f"Mixed up with {REASON}",
            ),
            store=store,
            actor=self.owner,
            clock=clock,
        )

    def everything(self, folder: Path) -> str:
        """Return what every reader returns, every role and every file, as one text."""
        said: list[object] = []
        for actor in self.actors.values():
            with_store = {"store": self.store, "actor": actor}
            said += [
                entries_of(month=None, **with_store),
                caseload.chart(self.patient_id, month=NOVEMBER, **with_store),
                board(month=NOVEMBER, clock=self.clock, rule_book=BOOK, **with_store),
                patient_month(
                    self.patient_id,
                    month=NOVEMBER,
                    clock=self.clock,
                    rule_book=BOOK,
                    **with_store,
                ),
                journal(**with_store),
            ]
        said += [entry_history(self.first.id, store=self.store, actor=self.owner, rule_book=BOOK)]
        for form in ENDINGS:
            made = superbill_document(
                month=NOVEMBER,
                form=form,
                patient_id=self.patient_id,
                store=self.store,
                actor=self.owner,
                clock=self.clock,
                rule_book=BOOK,
            )
            said.append(text_in(made.content))
        folder.mkdir()
        exported = export_ledger(
            folder / "ledger.zip", store=self.store, actor=self.owner, clock=self.clock
        )
        said.append(text_in(exported.file.read_bytes()))
        return "\n".join(each if isinstance(each, str) else repr(each) for each in said)


def text_in(content: bytes) -> str:
    """Return the words in a document, also in the files of an archive."""
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "\n".join(text_in(archive.read(name)) for name in archive.namelist())
    if content.startswith(b"%PDF"):
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return content.decode("utf-8")


@pytest.fixture
def sample(store: Store, clock: FixedClock) -> Sample:
    return Sample(store, clock)


def test_what_is_withheld_appears_nowhere_and_the_check_still_passes(sample, tmp_path):
    before = sample.everything(tmp_path / "before")
    assert NOTE in before
    assert REASON in before
    told = entry_history(sample.first.id, store=sample.store, actor=sample.owner, rule_book=BOOK)
    for row in told.rows[:2]:
        withhold_note(
            row.entry_id,
            reason="Named somebody else",
            store=sample.store,
            actor=sample.owner,
            clock=sample.clock,
        )
    after = sample.everything(tmp_path / "after")
    assert NOTE not in after
    assert REASON not in after
    assert "Named somebody else" in after
    report = check_ledger(store=sample.store, actor=sample.owner, clock=sample.clock)
    assert report.ok, report.findings
