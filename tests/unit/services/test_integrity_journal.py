"""The check of the journal: its chain, its texts, and the records that must be as it wrote them."""

import pytest

from tests.support.ledger_case import NURSE, OWNER, fill, work
from tests.support.tampering import codes, messages, rewritten, tamper
from trellis_core.ledger.chain import GENESIS
from trellis_core.ledger.journal import EventKind
from trellis_core.services.integrity import REMEDIES, Scope, check_ledger, check_store
from trellis_core.services.integrity.chains import TURN_SECONDS
from trellis_core.services.integrity.records import _gone_of, _rows_of, journaled_tables
from trellis_core.services.time_log import log_time
from trellis_core.store.engine import Store
from trellis_core.store.tables import ConsentRow, PatientRow, TrackElectionRow
from trellis_core.store.unit_of_work import EventDraft
from trellis_core.values.clock import FixedClock
from trellis_core.values.findings import Severity


def record(store: Store, clock: FixedClock) -> None:
    """Write two practices, a consent that was changed, a track, and three entries."""
    fill(store)
    with store.writing(actor=OWNER, at=clock.now()) as unit:
        unit.session.add(
            ConsentRow(
                practice_id="practice-1",
                id="consent-1",
                patient_id="pt-1",
                program="CCM",
                obtained_on=clock.now().date(),
                documented=True,
            )
        )
        unit.session.add(
            TrackElectionRow(
                practice_id="practice-1",
                patient_id="pt-1",
                program="CCM",
                ym=202611,
                track="staff",
                elected_by="staff-owner",
                elected_at=clock.now(),
            )
        )
    with store.writing(actor=OWNER, at=clock.now()) as unit:
        consent = unit.session.get(ConsentRow, ("practice-1", "consent-1"))
        consent.method = "verbal"
        unit.session.add(consent)
    for number in range(3):
        log_time(work(note=f"Note {number}"), store=store, actor=NURSE, clock=clock)
    with store.writing(actor=OWNER, at=clock.now()) as unit:
        consent = unit.session.get(ConsentRow, ("practice-1", "consent-1"))
        consent.documented = None
        unit.session.add(consent)


@pytest.fixture
def journal(store: Store, clock) -> Store:
    record(store, clock)
    return store


def last_event(store: Store) -> int:
    with store.reading() as unit:
        return int(
            unit.connection.exec_driver_sql(
                "SELECT seq FROM journal_head WHERE practice_id = 'practice-1'"
            ).scalar_one()
        )


def test_both_chains_are_counted_and_nothing_is_found_on_either_database(any_store: Store, clock):
    record(any_store, clock)
    for report in (
        check_store(any_store, clock=clock),
        check_store(any_store, clock=clock, is_full=True),
        check_store(any_store, clock=clock, scope=Scope.SINCE_CHECKPOINT),
        check_ledger(store=any_store, actor=OWNER, clock=clock),
    ):
        assert report.findings == ()
        assert report.ok
        first = report.heads[0]
        assert (first.entries, first.events) == (3, last_event(any_store))
        assert GENESIS.hex() not in {first.head, first.journal_head}
        assert report.seconds > 0
        assert report.checkpoints == ()


@pytest.mark.parametrize(
    ("statement", "code", "said"),
    [
        ("UPDATE event SET body = replace(body, '\"recorded\"', '\"changed\"') WHERE seq = 3",
         "L001", "Event 3 was changed after it was written: its hash does not fit its contents."),
        ("DELETE FROM event WHERE seq = 3", "L002",
         "Event 3 is missing: the numbers have a gap before 4."),
        ("DELETE FROM event WHERE seq IN (3, 4)", "L002",
         "Events 3 to 4 are missing: the numbers have a gap before 5."),
        ("UPDATE event SET hash = zeroblob(32) WHERE seq = 3", "L003",
         "Event 4 does not follow the one before it."),
        ("UPDATE journal_head SET seq = seq - 1 WHERE practice_id = 'practice-1'", "L004", None),
        ("UPDATE event_text SET text = '{}' WHERE seq = 3", "L007",
         "Event 3 has another text than it was written with."),
        ("DELETE FROM event_text WHERE seq = 3", "L007", "Event 3 lacks its text."),
        ("INSERT INTO event_text VALUES ('practice-1', 99, zeroblob(16), 'x')", "L007",
         "There is a text of event 99, but no such event."),
    ],
)  # fmt: skip
def test_each_change_of_the_journal_is_named_as_the_journals(journal, clock, statement, code, said):
    tamper(journal, statement)
    report = check_store(journal, clock=clock)
    found = [one for one in report.findings if one.code == code]
    assert found
    assert all(one.chain == "journal" for one in found)
    if said is not None:
        assert said in messages(report, code)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE consent SET obtained_on = date(obtained_on, '-7 days')",
         "The consent 'consent-1' was changed around Trellis: 'obtained_on' is not what event"),
        ("UPDATE consent SET documented = 1, method = 'written'",
         "The consent 'consent-1' was changed around Trellis: 'method' and 'documented' are not"),
        ("UPDATE consent SET revoked_on = '2026-11-21'", "'revoked_on' is not what event"),
        ("UPDATE patient SET created_at = '2026-01-01 00:00:01.000000' WHERE id = 'pt-1'",
         "The patient 'pt-1' was changed around Trellis: 'created_at'"),
        ("UPDATE practice SET time_zone = 'America/Chicago' WHERE id = 'practice-1'",
         "The practice 'practice-1' was changed around Trellis: 'time_zone'"),
        ("UPDATE staff SET access = 'owner' WHERE id = 'staff-nurse'",
         "The staff 'staff-nurse' was changed around Trellis: 'access'"),
        ("UPDATE track_election SET track = 'practitioner'",
         "The track election 'pt-1/CCM/202611' was changed around Trellis: 'track'"),
        ("DELETE FROM consent", "The consent 'consent-1' is gone, but no event removed it: event"),
        ("DELETE FROM track_election", "The track election 'pt-1/CCM/202611' is gone"),
        (("INSERT INTO patient SELECT practice_id, 'pt-new', mrn, family_name, given_name, "
         "birth_date, sex, deceased_on, qualified_medicare_beneficiary, last_seen_on, "
         "is_never_seen, phone, best_time, language, caregiver, address_line, city, state, "
         "postal_code, payer_name, payer_kind, member_id, coverage_started_on, coverage_ended_on, "
         "risk_statement, shows, source_identifier, cocm_referred_on, registry_entered_on, "
         "cocm_ended_on, cocm_ended_because, scale_not_applicable, created_at, site_id, merged_into "
         "FROM patient WHERE id = 'pt-1'"),
         "The patient 'pt-new' was added around Trellis: no event wrote it down."),
    ],
)  # fmt: skip
def test_a_record_that_is_not_as_the_journal_has_it_is_named(journal, clock, statement, said):
    tamper(journal, statement)
    report = check_store(journal, clock=clock)
    assert {one.code for one in report.findings} == {"L012"}
    assert not report.ok
    (message,) = messages(report, "L012")
    assert said in message


def test_a_removed_record_is_right_and_wrong_again_when_it_is_back(journal, clock):
    with journal.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(PatientRow, ("practice-1", "pt-3"))
        unit.session.delete(row)
    assert check_store(journal, clock=clock).ok
    tamper(
        journal,
        "INSERT INTO patient SELECT practice_id, 'pt-3', mrn, family_name, given_name, birth_date, "
        "sex, deceased_on, qualified_medicare_beneficiary, last_seen_on, is_never_seen, phone, "
        "best_time, language, caregiver, address_line, city, state, postal_code, payer_name, "
        "payer_kind, member_id, coverage_started_on, coverage_ended_on, risk_statement, shows, "
        "source_identifier, cocm_referred_on, registry_entered_on, cocm_ended_on, "
        "cocm_ended_because, scale_not_applicable, created_at, site_id, merged_into FROM patient "
        "WHERE id = 'pt-1'",
    )
    assert "is there again" in messages(check_store(journal, clock=clock), "L012")[0]


def test_a_password_is_not_in_the_journal_and_may_be_anything(journal, clock):
    tamper(journal, "UPDATE staff SET password_hash = 'other'")
    assert check_store(journal, clock=clock).findings == ()


def test_a_ledger_written_anew_contradicts_the_events_that_name_its_end(journal, clock):
    tamper(journal, *rewritten(journal, "entry", 2, ",1200,", ",1260,"),
           "UPDATE month_roll SET seconds = seconds + 60")  # fmt: skip
    report = check_store(journal, clock=clock)
    assert codes(report) == {("L013", last_event(journal))}
    assert "ended with entry 3; that entry has another hash now" in report.findings[0].message


def test_a_ledger_cut_off_is_missed_by_the_event_that_saw_its_end(journal, clock):
    tamper(
        journal,
        "DELETE FROM entry_note WHERE seq = 3",
        "DELETE FROM entry WHERE seq = 3",
        "UPDATE ledger_head SET seq = 2, hash = (SELECT hash FROM entry WHERE seq = 2) "
        "WHERE practice_id = 'practice-1'",
        "UPDATE month_roll SET seconds = seconds - 1200, entries = entries - 1",
    )
    report = check_store(journal, clock=clock)
    assert codes(report) == {("L013", last_event(journal))}
    assert "that entry is gone" in report.findings[0].message


@pytest.mark.parametrize(("back", "is_told"), [(TURN_SECONDS, False), (TURN_SECONDS + 1, True)])
def test_a_clock_that_went_back_is_a_warning_beyond_a_writers_turn(journal, clock, back, is_told):
    log_time(work(), store=journal, actor=NURSE, clock=clock)
    clock.advance(seconds=-back)
    log_time(work(), store=journal, actor=NURSE, clock=clock)
    clock.advance(seconds=back)
    report = check_store(journal, clock=clock)
    assert report.ok
    assert [(one.code, one.severity, one.seq, one.chain) for one in report.findings] == (
        [("L016", Severity.WARNING, 5, "ledger")] if is_told else []
    )
    assert report.warnings == report.findings
    assert report.errors == ()


def test_the_made_up_times_of_a_sample_are_not_judged(journal, clock):
    with journal.writing(actor=OWNER, at=clock.now()) as unit:
        unit.journal.append(
            [
                EventDraft(
                    practice_id="practice-1",
                    kind=EventKind.EXPORTED,
                    subject_kind="file",
                    subject_id="x",
                )
            ],
            at=clock.now().replace(year=2020),
        )
    assert [one.code for one in check_store(journal, clock=clock).findings] == ["L016"]
    tamper(journal, "UPDATE practice SET is_sample = 1 WHERE id = 'practice-1'")
    assert {one.code for one in check_store(journal, clock=clock).findings} == {"L012"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"CCM"', '"ABC"'),  # not of the closed list
        (",0,null,", ",2,null,"),  # neither yes nor no
        ('"practice-1"', '"practice-2"'),  # another practice's
        ('"practice-1",2,', '"practice-1",7,'),  # another number
        ('[1,"', '[1, "'),  # not compact
        ('"staff-nurse"', '"staff-nurs\\u0065"'),  # escaped without need
        ('"staff-nurse"', '"staff-nurse\\u0000"'),  # a letter that no database keeps
        ('"staff-nurse"', '"staff-nursé"'),  # not ASCII
    ],
)
def test_a_body_that_trellis_would_not_write_is_found_though_its_hash_is_right(
    journal, clock, old, new
):
    with journal.reading() as unit:
        body = unit.connection.exec_driver_sql("SELECT body FROM entry WHERE seq = 2").scalar_one()
    assert old in body
    try:
        tamper(journal, *rewritten(journal, "entry", 2, old, new))
    except UnicodeEncodeError:  # such a hash cannot even be computed as Trellis does
        tamper(journal, ("UPDATE entry SET body = replace(body, ?, ?) WHERE seq = 2", (old, new)))
    found = {one.code for one in check_store(journal, clock=clock).findings if one.seq == 2}
    assert found & {"L005", "L001"}


def test_letters_beyond_ascii_are_no_finding(journal, clock):
    log_time(work(note="Zoë"), store=journal, actor=NURSE, clock=clock)
    with journal.writing(actor=OWNER, at=clock.now()) as unit:
        unit.journal.append(
            [
                EventDraft(
                    practice_id="practice-1",
                    kind=EventKind.EXPORTED,
                    subject_kind="file",
                    subject_id="é\x7f/",
                    system_user="josé",
                )
            ]
        )
    assert check_store(journal, clock=clock).findings == ()


def test_every_code_has_a_remedy_and_the_codes_have_no_gap():
    assert list(REMEDIES) == [f"L{number:03d}" for number in range(1, len(REMEDIES) + 1)]


def test_records_and_events_are_found_by_their_keys_not_by_reading_all(journal):
    """Ten thousand records read for each of ten thousand events would take minutes."""
    with journal.reading() as unit:
        for table in journaled_tables():
            if len(table.primary_key) > 2:
                continue
            for query in (_rows_of(table, None, 0), _gone_of(table, None, 0)):
                compiled = query.compile(
                    dialect=unit.connection.dialect, compile_kwargs={"literal_binds": True}
                )
                plan = [
                    row[3]
                    for row in unit.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
                ]
                inner = [step for step in plan if step.startswith("SEARCH")]
                own = list(table.primary_key)[-1].name
                keyed = (f"{own}=?)", "subject_id=?)", "AND seq=?)")
                assert inner
                assert all(any(key in step for key in keyed) for step in inner), plan
