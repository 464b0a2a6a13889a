"""The ledger page: every entry with its receipt, and the verification of the chain."""

import pysqlite3

from pages.shared import ledger_health
from trellis_core.access import AccessRole
from trellis_core.services import time_log
from trellis_core.services.checkpoints import make_checkpoint
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

PAGE = "insight/ledger"
MONTH = ServiceMonth(2026, 11)


def table(at):
    return at.dataframe[0].value


def test_every_entry_of_the_month_is_listed_with_its_receipt_newest_first(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    entries = time_log.entries_of(
        month=MONTH, store=dashboard.store, actor=dashboard.actor(AccessRole.AUDITOR)
    )
    assert sorted(table(at)["Receipt"]) == sorted(entry.code for entry in entries)
    assert list(table(at)["No."]) == sorted(table(at)["No."], reverse=True)


def test_a_program_narrows_the_list(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    at.pills(key="ledger_programs").set_value(["BHI"]).run()
    assert set(table(at)["Program"]) == {"BHI"}


def test_a_correction_and_what_it_replaced_both_stay_visible_with_the_reason(dashboard):
    owner = dashboard.actor(AccessRole.OWNER)
    entry = next(
        entry
        for entry in time_log.entries_of(month=MONTH, store=dashboard.store, actor=owner)
        if entry.seconds > 60
    )
    time_log.correct_time(
        time_log.CorrectTime(
            entry_id_new=new_entry_id(),
            entry_id=entry.id,
            seconds=60,
            reason="Typed one zero too many",
        ),
        store=dashboard.store,
        actor=owner,
        clock=dashboard.clock,
    )
    rows = table(dashboard.open(AccessRole.AUDITOR, PAGE))
    assert any("replaced" in words for words in rows["Recorded"])
    assert any("correction" in words for words in rows["Recorded"])
    assert "Typed one zero too many" in set(rows["Why corrected"])


def test_an_intact_ledger_is_verified_with_its_count_and_head(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    assert not at.success
    at.button(key="ledger_check").click().run()
    assert "Intact" in at.success[0].value
    assert "events verified on" in at.success[0].value


def test_an_entry_changed_behind_the_back_is_found_and_named(dashboard):
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    raw = pysqlite3.connect(dashboard.url.removeprefix("sqlite:///"))
    names = raw.execute(
        "select name from sqlite_master where type = 'trigger' and tbl_name = 'entry'"
    ).fetchall()
    for (name,) in names:
        raw.execute(f'drop trigger "{name}"')
    raw.execute("update entry set body = replace(body, '\"CCM\"', '\"PCM\"') where seq = 3")
    raw.commit()
    raw.close()
    at.button(key="ledger_check").click().run()
    assert not at.success
    assert any("Not intact" in item.value for item in at.error)
    assert any("Entry 3 was changed after it was written" in item.value for item in at.markdown)
    assert any("What to do" in item.value for item in at.caption)
    assert any("The ledger's check found something" in item.value for item in at.error)


def test_a_coordinator_has_no_ledger_page(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR)
    assert all("Ledger" not in title.value for title in at.title)


def test_what_the_check_at_the_start_found_is_told_on_every_page_to_those_who_answer(dashboard):
    ledger_health.check_at_start()
    at = dashboard.open(AccessRole.OWNER)
    assert not at.error
    raw = pysqlite3.connect(dashboard.url.removeprefix("sqlite:///"))
    raw.execute("drop trigger guard_entry_delete")
    raw.close()
    ledger_health.check_at_start()
    banner = "The ledger's check found something. See the Ledger page."
    for role in (AccessRole.OWNER, AccessRole.BILLER, AccessRole.AUDITOR):
        assert dashboard.open(role).error[0].value == banner
    assert not dashboard.open(AccessRole.COORDINATOR).error
    said = [item.value for item in dashboard.open(AccessRole.AUDITOR, PAGE).error]
    assert said[0] == banner
    assert said[1].startswith("When the dashboard started")


def test_the_newest_checkpoint_and_the_check_at_the_start_are_named(dashboard):
    make_checkpoint(
        "asked", store=dashboard.store, clock=dashboard.clock,
        practice_id=dashboard.actor(AccessRole.OWNER).practice_id,
    )  # fmt: skip
    ledger_health.check_at_start()
    at = dashboard.open(AccessRole.AUDITOR, PAGE)
    said = [item.value for item in (*at.caption, *at.markdown)]
    assert any("Newest checkpoint: **1** of" in words for words in said)
    assert any("0 entries since checkpoint 1 verified, intact" in words for words in said)
    at.button(key="ledger_check").click().run()
    assert "Intact" in at.success[0].value
