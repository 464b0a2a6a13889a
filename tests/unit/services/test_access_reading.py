"""The access log as it is read: whose events, which of them, in what words, and how far it looks."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text

from tests.support.ledger_case import (
    AUDITOR,
    BILLER,
    NURSE,
    OTHER_NURSE,
    OWNER,
    STRANGER,
    fill,
)
from trellis_core.access import AccessRole, Actor
from trellis_core.errors import NotFoundError, PermissionDeniedError
from trellis_core.ledger.journal import EventKind
from trellis_core.services import access_log as log
from trellis_core.services import caseload
from trellis_core.services.access_reading import (
    PAGE_EVENTS,
    AccessFilters,
    AccessGroup,
    access_log,
    access_log_file,
)
from trellis_core.services.integrity import check_store
from trellis_core.services.ledger_export import export_ledger
from trellis_core.standalone import verify_ledger
from trellis_core.store.access_query import MOST_COUNTED
from trellis_core.store.engine import Store
from trellis_core.store.tables import EmergencyAccessRow, RestrictedChartRow, StaffRow
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

NEW_YORK_MIDNIGHT = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
CONSULTANT = Actor(
    practice_id="practice-1",
    person_id="staff-psych",
    role=AccessRole.OWN_WORK,
    is_psychiatric_consultant=True,
)
HOSTILE = ["", "'; drop table event;--", "%", "\x00", "\ud800", "pt-1\x00", "x" * 10_000, "=1+1"]


@pytest.fixture
def practice(any_store: Store) -> Store:
    """A store that holds two practices, on either database."""
    fill(any_store)
    return any_store


def tell(store, kind, *, actor=NURSE, at=NEW_YORK_MIDNIGHT, **more):
    common = {"subject_kind": "chart", "subject_id": "pt-1"} | more
    log.note(kind, store=store, actor=actor, clock=FixedClock(at), **common)


def view(store, patient_id="pt-1", **more):
    tell(store, EventKind.VIEWED, subject_id=patient_id, patient_id=patient_id, **more)


def read(store, actor=OWNER, *, before=None, limit=PAGE_EVENTS, **filters):
    return access_log(
        AccessFilters(**filters), before=before, limit=limit, store=store, actor=actor
    )


def numbers(page):
    return [event.number for event in page.events]


# --- whose -----------------------------------------------------------------------------------


def test_everyone_who_may_read_all_reads_everybodys_events(practice):
    view(practice, actor=NURSE)
    view(practice, actor=OTHER_NURSE)
    for actor in (OWNER, BILLER, AUDITOR):
        page = read(practice, actor, group=AccessGroup.CHARTS)
        assert [event.person_id for event in page.events] == ["staff-other", "staff-nurse"]
        assert not page.is_own_only


def test_a_coordinator_reads_their_own_events_whatever_is_asked_for(practice):
    view(practice, actor=NURSE)
    view(practice, actor=OTHER_NURSE)
    tell(
        practice, EventKind.SIGN_IN_REFUSED, actor=Actor(
            practice_id="practice-1", person_id=None, role=AccessRole.OWN_WORK,
        ),
        subject_kind="session", subject_id="staff-nurse", details={"why": "wrong_password"},
    )  # fmt: skip
    page = read(practice, NURSE)
    assert page.is_own_only
    assert [event.group for event in page.events] == [AccessGroup.SIGN_IN, AccessGroup.CHARTS]
    assert {event.person_id for event in page.events} == {"staff-nurse"}
    assert (page.counted, page.has_more) == (2, False)
    for asked in (
        {"person_id": "staff-other"}, {"person_id": "staff-owner"}, {"patient_id": "pt-2"},
    ):  # fmt: skip
        assert not read(practice, NURSE, **asked).events
    assert len(read(practice, NURSE, patient_id="pt-1").events) == 1
    assert len(read(practice, NURSE, person_id="staff-nurse").events) == 2
    for group in AccessGroup:
        assert all(
            event.person_id == "staff-nurse" for event in read(practice, NURSE, group=group).events
        )


def test_whoever_has_no_right_to_it_is_refused(practice):
    for service in (access_log, access_log_file):
        with pytest.raises(PermissionDeniedError):
            service(store=practice, actor=CONSULTANT)
    (refused, _) = read(practice, group=AccessGroup.REFUSALS).events
    assert refused.person_id == "staff-psych"
    assert refused.what == "Refused, the role does not allow it: access log file"


def test_another_practices_events_are_not_there(practice):
    view(practice)
    assert read(practice, STRANGER, group=AccessGroup.CHARTS).events == ()
    assert read(practice, STRANGER, person_id="staff-nurse").events == ()
    assert read(practice, STRANGER, patient_id="pt-1").events == ()
    assert read(practice, STRANGER, before=numbers(read(practice))[0]).counted == 1
    mine = read(practice, STRANGER)
    assert [event.what for event in mine.events] == ["Person added, as owner"]


def test_a_name_is_given_to_those_who_see_charts_and_an_id_to_nobody_else(practice):
    view(practice)
    (event,) = read(practice, group=AccessGroup.CHARTS).events
    assert (event.patient_id, event.patient) == ("pt-1", "Example")
    gone = "pt-gone"
    tell(practice, EventKind.VIEWED, subject_id=gone, patient_id=gone)
    assert read(practice, patient_id=gone).events[0].patient is None


# --- which -----------------------------------------------------------------------------------


def test_each_kind_of_thing_is_found_in_its_group_and_in_no_other(practice):
    tell(practice, EventKind.SIGNED_IN, subject_kind="session", subject_id="staff-nurse")
    view(practice)
    tell(practice, EventKind.SEARCHED, subject_kind="search", details={"found": 2})
    tell(practice, EventKind.DOWNLOADED, subject_kind="file", subject_id="ab" * 32)
    tell(practice, EventKind.PRINTED, subject_kind="page", subject_id="chart")
    tell(practice, EventKind.EXPORTED, subject_kind="file", subject_id="cd" * 32)
    tell(practice, EventKind.INVITED, subject_kind="session", subject_id="staff-other")
    tell(practice, EventKind.MONTH_CLOSED, subject_kind="month", subject_id="2026-10")
    tell(practice, EventKind.DENIED, subject_kind="service", subject_id="chart")
    tell(practice, EventKind.COMMAND_RUN, subject_kind="command", subject_id="check")
    tell(practice, EventKind.KEY_NAMED, subject_kind="key", subject_id="k")
    found = {
        group: [event.what.split(",")[0] for event in read(practice, group=group).events]
        for group in AccessGroup
    }
    assert found[AccessGroup.SIGN_IN] == ["Signed in"]
    assert found[AccessGroup.CHARTS] == ["Chart seen"]
    assert found[AccessGroup.SEARCHES] == ["Searched for patients"]
    assert found[AccessGroup.FILES] == [
        "Exported the records", "Printed the page chart", "Downloaded file",
    ]  # fmt: skip
    assert found[AccessGroup.ACCESS] == ["Invited"] + ["Person added"] * 5
    assert found[AccessGroup.CLOSES] == ["Closed October 2026"]
    assert found[AccessGroup.REFUSALS] == ["Refused"]
    assert found[AccessGroup.EMERGENCY] == []
    assert found[AccessGroup.COMMANDS] == ["Ran the command check"]
    everything = read(practice)
    assert len(everything.events) == sum(len(each) for each in found.values())
    assert everything.counted == len(everything.events)
    assert all(event in read(practice, group=event.group).events for event in everything.events)


def test_records_of_patients_are_left_to_the_journal(practice):
    assert all(event.patient_id is None for event in read(practice).events)
    assert len(read(practice).events) == 5  # the people; neither patients nor the practice


def test_filters_narrow_together(practice):
    for actor in (NURSE, OTHER_NURSE):
        for patient_id in ("pt-1", "pt-2"):
            view(practice, patient_id, actor=actor)
    tell(
        practice, EventKind.PRINTED, subject_kind="page", subject_id="chart", patient_id="pt-1",
        actor=NURSE,
    )  # fmt: skip
    assert len(read(practice, patient_id="pt-1").events) == 3
    assert len(read(practice, patient_id="pt-1", person_id="staff-nurse").events) == 2
    (one,) = read(
        practice, patient_id="pt-1", person_id="staff-nurse", group=AccessGroup.FILES
    ).events
    assert one.what == "Printed the page chart"
    assert read(practice, patient_id="pt-3").events == ()


def test_a_day_begins_and_ends_at_the_practices_midnight_both_days_included(practice):
    second = timedelta(seconds=1)
    view(practice, at=NEW_YORK_MIDNIGHT - second)
    view(practice, at=NEW_YORK_MIDNIGHT)
    view(practice, at=NEW_YORK_MIDNIGHT + timedelta(days=1) - second)
    view(practice, at=NEW_YORK_MIDNIGHT + timedelta(days=1))
    day = date(2026, 11, 20)

    def hours(**dates):
        found = read(practice, group=AccessGroup.CHARTS, **dates).events
        return [event.at.strftime("%d %H:%M:%S") for event in reversed(found)]

    assert hours(first=day, last=day) == ["20 00:00:00", "20 23:59:59"]
    assert hours(first=day) == ["20 00:00:00", "20 23:59:59", "21 00:00:00"]
    assert hours(last=day) == ["19 23:59:59", "20 00:00:00", "20 23:59:59"]
    assert hours(first=day, last=day - timedelta(days=1)) == []
    assert hours(first=date.min, last=date.max) == hours()


def test_the_day_of_the_clock_change_has_twenty_five_hours(practice):
    view(practice, at=datetime(2026, 11, 1, 4, 0, tzinfo=UTC))  # midnight in summer time
    view(practice, at=datetime(2026, 11, 2, 4, 59, 59, tzinfo=UTC))
    view(practice, at=datetime(2026, 11, 2, 5, 0, tzinfo=UTC))
    day = date(2026, 11, 1)
    found = read(practice, group=AccessGroup.CHARTS, first=day, last=day)
    assert found.counted == len(found.events) == 2


@pytest.mark.parametrize("value", HOSTILE)
def test_an_id_that_is_nobodys_finds_nothing(practice, value):
    view(practice)
    assert read(practice, person_id=value).events == ()
    assert read(practice, patient_id=value).events == ()
    assert read(practice, NURSE, person_id=value).events == ()
    assert access_log_file(
        AccessFilters(patient_id=value), store=practice, actor=OWNER
    ).count(b"\r\n") == 1  # fmt: skip


@pytest.mark.parametrize("before", [0, -1, 10**9, 2**63 - 1, 2**63, 10**30])
def test_the_number_of_no_event_gives_the_newest_page(practice, before):
    view(practice)
    assert numbers(read(practice, before=before)) == numbers(read(practice))


# --- pages -----------------------------------------------------------------------------------


def test_pages_follow_one_another_newest_first_without_a_gap(practice):
    for second in range(7):
        view(practice, at=NEW_YORK_MIDNIGHT + timedelta(seconds=second // 2))
    whole = numbers(read(practice, group=AccessGroup.CHARTS))
    assert whole == sorted(whole, reverse=True)
    seen, before = [], None
    while True:
        page = read(practice, group=AccessGroup.CHARTS, before=before, limit=3)
        seen += numbers(page)
        assert page.counted == 7
        if page.older is None:
            break
        before = page.older
    assert seen == whole


def test_the_last_full_page_has_no_older_one(practice):
    for _ in range(3):
        view(practice)
    assert read(practice, group=AccessGroup.CHARTS, limit=3).older is None
    page = read(practice, group=AccessGroup.CHARTS, limit=2)
    assert page.older == numbers(page)[-1]


def test_events_are_in_the_order_of_their_time_also_where_a_clock_was_set_back(practice):
    for minutes in (0, 10, 5):
        view(practice, at=NEW_YORK_MIDNIGHT + timedelta(minutes=minutes))
    page = read(practice, group=AccessGroup.CHARTS)
    assert [event.at.minute for event in page.events] == [10, 5, 0]
    first = read(practice, group=AccessGroup.CHARTS, limit=1)
    second = read(practice, group=AccessGroup.CHARTS, limit=2, before=first.older)
    assert numbers(first) + numbers(second) == numbers(page)


def test_a_page_is_never_longer_than_it_may_be(practice):
    for _ in range(3):
        view(practice)
    assert len(read(practice, group=AccessGroup.CHARTS, limit=0).events) == 1
    assert len(read(practice, group=AccessGroup.CHARTS, limit=10**6).events) == 3


def test_the_span_is_that_of_all_events_asked_for_on_every_page(practice):
    for day in range(3):
        view(practice, at=NEW_YORK_MIDNIGHT + timedelta(days=day))
    page = read(practice, group=AccessGroup.CHARTS, limit=1)
    later = read(practice, group=AccessGroup.CHARTS, limit=1, before=page.older)
    for each in (page, later):
        assert (each.oldest, each.newest) == (
            NEW_YORK_MIDNIGHT, NEW_YORK_MIDNIGHT + timedelta(days=2),
        )  # fmt: skip
    assert page.oldest.utcoffset() == timedelta(hours=-5)
    nothing = read(practice, group=AccessGroup.COMMANDS)
    assert (nothing.oldest, nothing.newest, nothing.counted) == (None, None, 0)
    assert nothing.began == read(practice).began is not None


def test_many_events_are_called_more_than_can_be_counted_at_once(sqlite_store):
    fill(sqlite_store)
    with sqlite_store.writing(actor=OWNER, at=NEW_YORK_MIDNIGHT) as unit:
        unit.journal.append([draft() for _ in range(MOST_COUNTED)])
    page = read(sqlite_store, group=AccessGroup.CHARTS)
    assert (page.counted, page.has_more) == (MOST_COUNTED, False)
    view(sqlite_store)
    page = read(sqlite_store, group=AccessGroup.CHARTS)
    assert (page.counted, page.has_more) == (MOST_COUNTED, True)


def draft():
    from trellis_core.store.unit_of_work import EventDraft

    return EventDraft(
        practice_id="practice-1", kind=EventKind.VIEWED, subject_kind="chart", subject_id="pt-1",
        patient_id="pt-1",
    )  # fmt: skip


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"group": AccessGroup.CHARTS},
        {"person_id": "staff-nurse"},
        {"patient_id": "pt-1"},
        {"group": AccessGroup.EMERGENCY},
        {"first": date(2026, 1, 1), "last": date(2026, 12, 31)},
        {"person_id": "staff-nurse", "patient_id": "pt-1", "group": AccessGroup.CHARTS},
    ],
    ids=str,
)
def test_every_question_is_answered_from_an_index(sqlite_store, filters):
    """Each way in is a search in the index that ends it; the journal is never walked through."""
    fill(sqlite_store)
    view(sqlite_store)
    last = numbers(read(sqlite_store))[0]
    said: list[tuple[str, tuple[object, ...]]] = []

    def listen(_connection, _cursor, statement, parameters, _context, _many):
        said.append((statement, parameters))

    sql_event.listen(sqlite_store.engine, "before_cursor_execute", listen)
    read(sqlite_store, **filters)
    read(sqlite_store, before=last, **filters)
    sql_event.remove(sqlite_store.engine, "before_cursor_execute", listen)
    asked = [each for each in said if " AS v" in each[0]]
    assert asked
    with sqlite_store.reading() as unit:
        for statement, parameters in asked:
            plan = unit.connection.exec_driver_sql(
                f"explain query plan {statement}", tuple(parameters)
            )
            steps = [row.detail for row in plan]
            assert not [step for step in steps if step.startswith("SCAN v")], steps
            ways = [step for step in steps if step.startswith("SEARCH v")]
            assert ways, steps
            if "found" in statement:
                assert all("USING" in step and "INDEX ix_event_" in step for step in ways), steps
            if "found" in statement and "patient_id" in filters:
                assert all("ix_event_patient" in step for step in ways), steps
            elif "found" in statement and filters.get("group") is AccessGroup.CHARTS:
                assert all("ix_event_kind" in step for step in ways), steps
                assert not [step for step in steps if "TEMP B-TREE" in step], steps


# --- in words --------------------------------------------------------------------------------


def said_of(store, **filters):
    return [event.what for event in read(store, **filters).events]


def test_sign_ins_refusals_and_links_are_said_in_words(practice):
    nobody = Actor(practice_id="practice-1", person_id=None, role=AccessRole.OWN_WORK)
    session = {"subject_kind": "session", "subject_id": "staff-nurse"}
    for kind, details in (
        (EventKind.SIGNED_IN, {"how": "code"}),
        (EventKind.SIGNED_OUT, None),
        (EventKind.SECOND_FACTOR_SET, None),
        (EventKind.SECOND_FACTOR_REMOVED, None),
    ):
        tell(practice, kind, details=details, **session)
    tell(practice, EventKind.SIGN_IN_REFUSED, actor=nobody, details={"why": "waiting"}, **session)
    tell(practice, EventKind.SIGN_IN_LOCKED, actor=nobody, details={"refused": 10}, **session)
    tell(
        practice, EventKind.SIGN_INS_ENDED, actor=OWNER,
        details={"sessions": 2, "why": "role_changed"}, **session,
    )  # fmt: skip
    tell(
        practice, EventKind.INVITED, actor=OWNER, details={"kind": "reset", "hours": 24}, **session
    )
    found = {event.what: event for event in read(practice, person_id="staff-nurse").events}
    assert list(found) == [
        "Link to set a new password made, with a link for 24 hours",
        "Every sign-in ended, the role was changed",
        "Sign-in locked, 10 refusals in a row",
        "Sign-in refused, the name has to wait",
        "One-time codes removed",
        "One-time codes set up",
        "Signed out",
        "Signed in, with a one-time code",
    ]
    refused = found["Sign-in refused, the name has to wait"]
    assert (refused.person_id, refused.is_claimed, refused.concerns) == ("staff-nurse", True, "")
    ended = found["Every sign-in ended, the role was changed"]
    assert (ended.person_id, ended.is_claimed, ended.concerns) == (
        "staff-owner", False, "",
    )  # fmt: skip


def test_a_file_is_named_by_the_first_digits_of_its_digest(practice):
    tell(
        practice, EventKind.DOWNLOADED, subject_kind="file", subject_id="0123456789ab" * 5,
        details={"bytes": 12_345, "form": "superbill_pdf", "month": "2026-10"},
    )  # fmt: skip
    (event,) = read(practice, group=AccessGroup.FILES).events
    assert event.file == "0123456789ab"
    assert event.what == "Downloaded superbills as PDF of October 2026, 12,345 bytes"


def test_a_command_names_the_systems_user(practice):
    by_hand = Actor(
        practice_id="practice-1", person_id="staff-owner", role=AccessRole.OWNER, system_user="root"
    )
    tell(practice, EventKind.COMMAND_RUN, actor=by_hand, subject_kind="command", subject_id="check")
    (event,) = read(practice, group=AccessGroup.COMMANDS).events
    assert (event.system_user, event.what) == ("root", "Ran the command check")


def test_a_changed_person_is_told_by_what_it_changes_for_the_access(practice, clock):
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(StaffRow, ("practice-1", "staff-other"))
        row.access = "biller"
        unit.session.add(row)
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(StaffRow, ("practice-1", "staff-other"))
        row.credential, row.given_name = "RN", "=cmd()"
        unit.session.add(row)
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(StaffRow, ("practice-1", "staff-other"))
        row.is_active = False
        unit.session.add(row)
    ended, details, role, *_ = read(practice, group=AccessGroup.ACCESS).events
    assert role.what == "Role changed from coordinator to biller"
    assert details.what == "Person's details changed: credential, given name"
    assert ended.what == "Active changed from yes to no"
    assert role.concerns == ended.concerns != ""
    assert role.person_id == "staff-owner"


def test_restricted_charts_and_emergencies_are_told_with_readers_and_reason(practice, clock):
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        unit.session.add(
            RestrictedChartRow(
                practice_id="practice-1", patient_id="pt-1", restricted_by="staff-owner",
                restricted_at=clock.now(), readers="staff-nurse",
            )
        )  # fmt: skip
    with practice.writing(actor=BILLER, at=clock.now()) as unit:
        unit.session.add(
            EmergencyAccessRow(
                practice_id="practice-1", id="em-1", patient_id="pt-1", staff_id="staff-biller",
                reason="Called from the ward", began_at=clock.now(),
                ends_at=clock.now() + timedelta(hours=1),
            )
        )  # fmt: skip
    caseload.chart("pt-1", month=ServiceMonth(2026, 11), store=practice, actor=BILLER, clock=clock)
    seen, opened = read(practice, group=AccessGroup.EMERGENCY).events
    assert (seen.what, seen.is_emergency) == ("Chart seen in an emergency", True)
    assert opened.what == "Opened a chart in an emergency: Called from the ward"
    assert opened.is_emergency
    assert opened.group is AccessGroup.EMERGENCY
    assert seen.group is AccessGroup.CHARTS
    restricted = read(practice, group=AccessGroup.ACCESS).events[0]
    assert restricted.what.startswith("Chart restricted, open to owners and ")
    assert not restricted.is_emergency
    assert numbers(read(practice, group=AccessGroup.EMERGENCY, patient_id="pt-1")) == numbers(
        read(practice, group=AccessGroup.EMERGENCY)
    )
    mine = read(practice, BILLER, group=AccessGroup.EMERGENCY, person_id="staff-biller")
    assert len(mine.events) == 2
    assert not read(practice, group=AccessGroup.EMERGENCY, person_id="staff-nurse").events


def test_a_refusal_says_what_was_asked_for_and_why_it_was_refused(practice, clock):
    with pytest.raises(NotFoundError):
        caseload.chart(
            "pt-99", month=ServiceMonth(2026, 11), store=practice, actor=NURSE, clock=clock
        )
    (event,) = read(practice, group=AccessGroup.REFUSALS).events
    assert event.what == "Refused, not of this practice: chart (patient pt-99)"
    assert event.patient_id is None


# --- the file --------------------------------------------------------------------------------


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def test_the_file_holds_what_the_filters_leave_newest_first_with_ids_and_names(practice):
    view(practice)
    view(practice, "pt-2", actor=OTHER_NURSE)
    rows = rows_of(
        access_log_file(AccessFilters(group=AccessGroup.CHARTS), store=practice, actor=AUDITOR)
    )
    assert [row["patient_id"] for row in rows] == ["pt-2", "pt-1"]
    assert rows[0]["at"] == "2026-11-20T00:00:00-05:00"
    assert rows[0]["at_utc"] == "2026-11-20T05:00:00+00:00"
    assert (rows[0]["kind"], rows[0]["what"], rows[0]["emergency"]) == (
        "Charts", "Chart seen", "no",
    )  # fmt: skip
    own = rows_of(access_log_file(store=practice, actor=NURSE))
    assert [row["person_id"] for row in own] == ["staff-nurse"]


def test_no_text_of_the_file_runs_in_a_spreadsheet(practice, clock):
    with practice.writing(actor=OWNER, at=clock.now()) as unit:
        row = unit.session.get(StaffRow, ("practice-1", "staff-nurse"))
        row.family_name = "=HYPERLINK(1)"
        unit.session.add(row)
    tell(practice, EventKind.DENIED, subject_kind="service", subject_id="x", text="@SUM(1)")
    content = access_log_file(store=practice, actor=OWNER).decode("utf-8")
    for row in csv.reader(io.StringIO(content, newline="")):
        assert not [cell for cell in row if cell[:1] in {"=", "+", "-", "@"}]
    assert "'=HYPERLINK(1)" in content


# --- the chain -------------------------------------------------------------------------------


def test_a_journal_of_every_kind_of_access_is_verified(practice, clock):
    for kind in EventKind:
        if kind in {
            EventKind.RECORDED, EventKind.CHANGED, EventKind.REMOVED, EventKind.MONTH_CLOSED,
            EventKind.MONTH_REOPENED, EventKind.NOTE_WITHHELD, EventKind.KEY_NAMED,
            EventKind.APPROVED, EventKind.APPROVAL_ENDED, EventKind.RESTORED,
        }:  # fmt: skip
            continue
        subject = {
            EventKind.VIEWED: "chart", EventKind.SEARCHED: "search", EventKind.PRINTED: "page",
            EventKind.DENIED: "service", EventKind.COMMAND_RUN: "command",
            EventKind.DOWNLOADED: "file", EventKind.EXPORTED: "file", EventKind.BACKED_UP: "file",
        }.get(kind, "session")  # fmt: skip
        tell(
            practice, kind, subject_kind=subject, subject_id="pt-1", details={"n": 1},
            text="why" if kind is EventKind.DENIED else "", at=clock.now(),
        )  # fmt: skip
    assert [finding.code for finding in check_store(store=practice).findings] == []
    with practice.reading() as unit:
        kinds = set(unit.connection.execute(text("select kind from event")).scalars())
    assert {"viewed", "searched", "printed", "denied", "command_run", "invited"} <= kinds


def test_the_exported_journal_is_verified_without_trellis(sqlite_store, clock, tmp_path):
    fill(sqlite_store)
    for kind in (
        EventKind.VIEWED, EventKind.SEARCHED, EventKind.DOWNLOADED, EventKind.PRINTED,
        EventKind.DENIED, EventKind.COMMAND_RUN, EventKind.SIGN_IN_LOCKED,
        EventKind.SECOND_FACTOR_SET, EventKind.SECOND_FACTOR_REMOVED, EventKind.INVITED,
        EventKind.SIGN_INS_ENDED,
    ):  # fmt: skip
        tell(sqlite_store, kind, text="kept apart", details={"n": 1}, at=clock.now())
    made = export_ledger(tmp_path / "ledger.zip", store=sqlite_store, actor=AUDITOR, clock=clock)
    assert verify_ledger.main([str(made.file)]) == 0
