"""The Ledger page: an entry's whole history, notes that are withheld, and the journal."""

from datetime import date, timedelta

from sqlalchemy import event

from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.services import care_plans, time_log
from trellis_core.services.journal import journal
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

PAGE = "insight/ledger"
MONTH = ServiceMonth(2026, 11)
CANARY = "Zanzibar Quillfeather"


def text_of(at):
    """Return everything that a page says."""
    said = [*at.markdown, *at.caption, *at.error, *at.success, *at.info, *at.title]
    tables = [str(each.value.to_dict()) for each in (*at.dataframe, *at.table)]
    return "\n".join([*(str(each.value) for each in said), *tables])


def an_entry_with_a_past(dashboard, note=CANARY):
    owner = dashboard.actor(AccessRole.OWNER)
    made = time_log.log_time(
        time_log.LogTime(
            entry_id=new_entry_id(),
            patient_id=patient_of(dashboard),
            program=Program.CCM,
            staff_id=owner.person_id,
            started_at=dashboard.clock.now() - timedelta(minutes=30),
            seconds=1200,
            activity=Activity.CARE_COORDINATION,
            note=note,
        ),
        store=dashboard.store,
        actor=owner,
        clock=dashboard.clock,
    )
    corrected = time_log.correct_time(
        time_log.CorrectTime(
            entry_id_new=new_entry_id(),
            entry_id=made.entry.id,
            seconds=600,
            reason="Typed *one* zero too many",
        ),
        store=dashboard.store,
        actor=owner,
        clock=dashboard.clock,
    )
    return made.entry, corrected.entry


def patient_of(dashboard):
    owner = dashboard.actor(AccessRole.OWNER)
    entries = time_log.entries_of(
        month=MONTH, program=Program.CCM, store=dashboard.store, actor=owner
    )
    return entries[0].patient_id


def test_no_history_is_open_until_a_row_is_chosen(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    assert "Choose a row" in text_of(at)
    assert "History of entry" not in text_of(at)


def test_a_history_shows_each_row_with_receipt_hash_person_and_reason(dashboard):
    was, now = an_entry_with_a_past(dashboard)
    at = dashboard.open(AccessRole.AUDITOR, PAGE, entry=now.id)
    said = text_of(at)
    assert f"History of entry {now.seq}" in said
    assert "3 rows of the ledger, oldest first; 10 min stand now" in said
    for code in (was.code, now.code):
        assert f"`{code}`" in said
        assert f"Hash {code}" in said
    assert f"Took back No. {was.seq}" in said
    assert f"Recorded in place of No. {was.seq}" in said
    assert "Why: Typed \\*one\\* zero too many" in said
    assert f"Note: {CANARY}" in said
    assert not [button for button in at.button if "Withhold" in button.label]
    at.button(key="ledger_history_close").click().run()
    assert "Choose a row" in text_of(at)


def test_an_address_that_names_no_entry_says_so(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, PAGE, entry="no-such-entry")
    assert not at.exception
    assert at.error


def test_an_owner_withholds_a_note_and_nobody_sees_it_any_more(dashboard):
    was, now = an_entry_with_a_past(dashboard)
    at = dashboard.open(AccessRole.OWNER, PAGE, entry=now.id)
    key = f"ledger_withhold_{was.id}"
    at.button(key=f"{key}_save").click().run()
    assert "needs a reason" in at.error[0].value
    at.text_input(key=f"{key}_reason").set_value("Named another patient")
    at.button(key=f"{key}_save").click().run()
    assert not at.exception
    said = text_of(at)
    assert CANARY not in said
    assert said.count("Note withheld on") == 2  # the correction had copied the words
    assert "Named another patient" in said
    for role in (AccessRole.OWNER, AccessRole.AUDITOR, AccessRole.COORDINATOR):
        page = dashboard.open(role, "coordinate/patient_chart", patient=was.patient_id)
        assert CANARY not in text_of(page)
        assert now.code in text_of(page)


def shown(at):
    return at.table[0].value


def show_journal(dashboard, role=AccessRole.AUDITOR, **filters):
    at = dashboard.open(role, PAGE)
    at.segmented_control(key="ledger_view").set_value("Journal").run()
    for key, value in filters.items():
        widget = at.text_input if key == "patient" else at.selectbox
        widget(key=f"journal_{key}").set_value(value).run()
    assert not at.exception
    return at


def test_the_journal_lists_events_newest_first_a_hundred_a_page(dashboard):
    at = show_journal(dashboard)
    total = journal(store=dashboard.store, actor=dashboard.actor(AccessRole.AUDITOR)).total
    assert f"{total:,} events, newest first" in text_of(at)
    assert len(shown(at)) == 100
    assert shown(at)["No."].iloc[0] == f"{total:,}"


def test_a_changed_record_is_told_with_both_values_and_who(dashboard):
    owner = dashboard.actor(AccessRole.OWNER)
    patient_id = patient_of(dashboard)
    plan = care_plans.record_care_plan(
        patient_id,
        program=Program.CCM,
        established_on=date(2026, 10, 1),
        goals="*Walk* daily",
        store=dashboard.store,
        actor=owner,
        clock=dashboard.clock,
    )
    for day in (3, 10):
        care_plans.revise_care_plan(
            plan.id,
            revised_on=date(2026, 11, day),
            store=dashboard.store,
            actor=owner,
            clock=dashboard.clock,
        )
    row = shown(show_journal(dashboard, group="Records changed or removed")).iloc[0]
    assert row["What happened"].replace("\\", "") == (
        "Care plan of CCM: revised on changed from 2026-11-03 to 2026-11-10"
    )
    assert "Imogen" in row["Who"]
    made = shown(show_journal(dashboard, group="Records made", about="care_plan")).iloc[0]
    assert "\\*Walk\\*" in made["What happened"]


def test_filters_narrow_the_journal_by_kind_person_and_patient(dashboard):
    at = show_journal(dashboard, group="Sign-ins")
    assert {words.split(",")[0] for words in shown(at)["What happened"]} == {"Signed in"}
    nurse = dashboard.actor(AccessRole.COORDINATOR)
    at = show_journal(dashboard, author=nurse.person_id)
    assert "Nothing like that" in text_of(at)
    at = show_journal(dashboard, patient="no such patient")
    assert "No patient matches" in text_of(at)
    at = show_journal(dashboard, patient="Thistlewood")
    assert set(shown(at)["Patient"]) == {"Thistlewood, Desmond"}
    at.selectbox(key="journal_about").set_value("consent").run()
    assert all(words.startswith("Consent") for words in shown(at)["What happened"])


def test_days_narrow_the_journal_to_the_practices_days(dashboard):
    today = date(2026, 11, 20)
    at = show_journal(dashboard)
    at.date_input(key="journal_to").set_value(date(2026, 11, 19)).run()
    assert "Nothing like that" in text_of(at)
    at.date_input(key="journal_to").set_value(today).run()
    assert len(shown(at)) == 100


def test_a_page_of_the_journal_takes_few_statements(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    said = []
    event.listen(
        dashboard.store.engine, "before_cursor_execute", lambda *a: said.append(a[2]), named=False
    )
    at.segmented_control(key="ledger_view").set_value("Journal").run()
    assert len(shown(at)) == 100
    reads = [each for each in said if each.lstrip().upper().startswith(("SELECT", "WITH"))]
    reads = [each for each in reads if "journal_head" not in each]  # how far it has come
    assert len([each for each in reads if "event" in each]) == 1
    assert len([each for each in reads if "patient.id IN" in each]) == 1
