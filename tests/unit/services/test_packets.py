"""Audit packets: what is in one, what is not, and a closed month decided again."""

import io
import zipfile
from datetime import date

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.support.month_case import NOVEMBER, OVER, MonthCase
from tests.support.packet_case import (
    REASON,
    WITHHELD,
    around,
    closed_month,
    contents_of,
    make_packet,
    told_in,
)
from tests.support.tampering import tamper
from trellis_core.access import AccessRole
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.ledger.journal import EventKind
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.packets import LONGEST_LIST, find_sample, packet, packet_contents
from trellis_core.services.replays import RULE_BOOK_NOT_KEPT, differences, replay
from trellis_core.standalone import check_packet
from trellis_core.store.journal_query import EventFilter, read_events
from trellis_core.store.tables import (
    ConsentRow,
    PatientRow,
    RestrictedChartRow,
)

OTHERS_NAMES = ("p-2", "others")


@pytest.fixture
def case(sqlite_store) -> MonthCase:
    return closed_month(sqlite_store)


def files_in(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def again(case: MonthCase, patient: str = "p-1", **more):
    return replay(patient_id=patient, **around(case), **more)


def test_a_packet_holds_everything_of_one_patients_month_and_nothing_of_anybody_else(case):
    one = make_packet(case)
    assert make_packet(case) == one
    case.clock.advance(hours=30)
    assert make_packet(case).sha256 == one.sha256
    assert make_packet(case, numbers=[1]).sha256 == one.sha256
    assert one.file_name == f"audit-packet-2026-11-{one.sha256[:8]}.zip"
    files = files_in(one.content)
    assert set(files) == {"READ_ME.txt", "packet.pdf", "packet.json", "check_packet.py"}
    told = told_in(one.content)
    (of,) = told["patients"]
    assert [bill["number"] for bill in of["superbills"]] == [1]
    assert [(each["kind"], each["seconds"]) for each in of["entries"]] == [
        ("time", 780),
        ("time", 720),
        ("reversal", -720),
        ("time", 660),
    ]
    assert [each["counted_seconds"] for each in of["entries"]] == [780, 0, None, 660]
    assert [each["note"] for each in of["entries"]][1:3] == [WITHHELD, REASON]
    assert of["replays"][0]["same"] is True
    assert of["trace"]["CCM"]["outcome"] == "met"
    pdf = PdfReader(io.BytesIO(files["packet.pdf"]))
    words = " ".join(page.extract_text() for page in pdf.pages)
    for said in ("Audit packet", REASON, of["entries"][0]["hash"], "the same answer"):
        assert said in words
    assert pdf.metadata.title == "Audit packet 2026-11"
    for content in (*files.values(), words.encode()):
        assert not [name for name in OTHERS_NAMES if f'"{name}"'.encode() in content]


def test_a_withheld_note_is_in_nothing_but_that_it_was_withheld_is(case):
    first = told_in(make_packet(case).content)["patients"][0]["entries"][0]
    assert (first["note"], first["salt"]) == (None, None)
    assert first["withheld"]["reason"] == "not about her"
    (entry, *_) = contents_of(case).patients[0].entries
    assert entry.note is None
    assert entry.body.note_hmac is not None


def test_who_looks_is_named_for_each_patient(case):
    make_packet(case, patient_ids=["p-1", "p-2"])
    with case.store.reading() as unit:
        found = read_events(unit, case.practice_id, EventFilter(kinds=[EventKind.VIEWED]), limit=10)
    assert {(each.body.patient_id, each.body.author_id) for each in found} == {
        ("p-1", "auditor-1"),
        ("p-2", "auditor-1"),
    }


def test_what_cannot_be_in_a_packet_is_refused(case):
    with pytest.raises(CommandRefusedError, match="Name a patient"):
        packet(**around(case))
    with pytest.raises(NotFoundError):
        packet(**around(case), patient_ids=["nobody"])
    with pytest.raises(NotFoundError, match="7, 9"):
        packet(**around(case), numbers=[1, 7, 9])
    with pytest.raises(CommandRefusedError, match="never closed"):
        packet(**{**around(case), "month": NOVEMBER.following}, patient_ids=["p-1"])
    case.panel.add(case.panel.patient("p-3"))
    with pytest.raises(CommandRefusedError, match="decided nothing"):
        packet(**around(case), patient_ids=["p-3"])
    numbers = range(1, LONGEST_LIST + 2)
    with pytest.raises(CommandRefusedError, match=str(LONGEST_LIST)):
        packet(**around(case), numbers=numbers)
    with pytest.raises(NotFoundError):
        packet(**around(case), numbers=numbers[:-1])
    with pytest.raises(PermissionDeniedError):
        packet(**around(case, AccessRole.COORDINATOR), patient_ids=["p-1"])


def test_a_restricted_chart_is_in_nobodys_packet_who_may_not_open_it(case):
    case.panel.add(
        RestrictedChartRow(
            practice_id=case.practice_id,
            patient_id="p-2",
            restricted_by="rn-1",
            restricted_at=OVER,
        )
    )
    for chosen in ({"patient_ids": ["p-1", "p-2"]}, {"numbers": [1, 2]}):
        with pytest.raises(ChartRestrictedError):
            packet_contents(**around(case), **chosen)
    assert packet_contents(**around(case, AccessRole.OWNER), numbers=[1, 2]).patients


def test_a_list_is_found_by_number_or_record_and_what_is_not_there_is_named(case):
    around_it = {
        key: value for key, value in around(case).items() if key not in {"clock", "rule_book"}
    }
    found = find_sample(["#2", " 1 ", "02", "3", "one"], are_numbers=True, **around_it)
    assert (found.sample.numbers, found.unknown) == ((2, 1), ("3", "one"))
    with case.store.reading() as unit:
        mrn = unit.session.get(PatientRow, (case.practice_id, "p-1")).mrn
    found = find_sample([mrn, "nobody"], are_numbers=False, **around_it)
    assert (found.sample.patient_ids, found.unknown) == (("p-1",), ("nobody",))


def test_a_closed_month_is_decided_again_the_same_whatever_time_comes_later(case, tmp_path):
    before = make_packet(case)
    case.reopen()
    late = OVER.replace(month=11, day=20, hour=15)
    case.log("p-1", 17, at=late, entry_id="late")
    assert again(case).is_same is True
    case.close()
    assert [again(case, period=period).is_same for period in (0, 1, None)] == [True] * 3
    with pytest.raises(CommandRefusedError):
        again(case, period=2)
    both = make_packet(case)
    assert both.sha256 != before.sha256
    told = told_in(both.content)
    assert [bill["number"] for bill in told["patients"][0]["superbills"]] == [1, 3]
    assert [each["period"] for each in told["closes"]] == [0, 1]
    for name, document in (("before", before), ("both", both)):
        path = tmp_path / f"{name}.zip"
        path.write_bytes(document.content)
        assert check_packet.main([str(path)]) == 0
    assert (
        told_in(make_packet(case, numbers=[1]).content)["patients"][0]["superbills"][0][
            "superseded_by"
        ]
        == 3
    )


def test_a_record_that_came_later_and_changes_the_answer_is_named(case):
    case.clock.advance(hours=1)
    with case.store.reading() as unit:
        consents = unit.session.execute(
            select(ConsentRow.id).where(ConsentRow.patient_id == "p-1")
        ).scalars()
        consent_id = next(consents)
    case.change(ConsentRow, case.practice_id, consent_id, revoked_on=date(2026, 10, 31))
    found = again(case)
    assert found.is_same is False
    assert any(
        said.startswith("line CCM 99490: decided then, not now") for said in found.differences
    )
    assert any("consent changed" in said for said in found.recorded_later)
    assert again(case, "p-2").is_same is True
    told = told_in(make_packet(case).content)["patients"][0]["replays"][0]
    assert (told["same"], told["differences"]) == (False, list(found.differences))


def test_a_close_by_other_rules_is_decided_by_those_that_it_kept(sqlite_store, tmp_path):
    made = MonthCase(sqlite_store)
    made.enrolled("p-1")
    made.log("p-1", 24, at=OVER.replace(month=11, day=10, hour=15))
    files = dict(load_rule_book().files)
    files["policy.toml"] += "# the edition before\n"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    before = RuleBook.from_folder(tmp_path, version="2026.3")
    close_month(
        CloseMonth(month=NOVEMBER, form_id="close"),
        store=made.store,
        actor=made.actor(),
        clock=made.clock,
        rule_book=before,
    )
    found = again(made)
    assert (found.is_same, found.rule_book_version) == (True, "2026.3")
    assert found.fingerprint == before.fingerprint != load_rule_book().fingerprint
    tamper(made.store, "DELETE FROM kept_rule_book")
    found = again(made)
    assert (found.is_same, found.differences) == (None, ())
    assert found.words == RULE_BOOK_NOT_KEPT
    of = told_in(make_packet(made).content)["patients"][0]
    assert (of["trace"], of["entries"][0]["counted_seconds"]) == ({}, 24 * 60)


def test_answers_differ_only_in_what_both_know():
    then = {"lines": [{"program": "CCM", "code": "99490", "units": 1}], "month": "2026-11"}
    now = {"lines": [{"program": "CCM", "code": "99490", "units": 1, "new": 1}], "added": 2}
    assert differences(then, {**now, "month": "2026-11"}) == ()
    assert differences(then, {**now, "month": "2026-12"}) == ("month: 2026-11, now 2026-12",)
    twice = {**then, "lines": then["lines"] * 2}
    assert differences(twice, then) == ("line CCM 99490: decided then, not now",)
    more = {**then, "lines": [{**then["lines"][0], "units": 2}]}
    assert differences(then, more) == ("line CCM 99490: units 1, now 2",)
