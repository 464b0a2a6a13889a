"""The Thresholds page: the month's answer at a glance, and what stands behind each row."""

import base64
import re
from datetime import date

import pytest

from pages.shared import board_table, board_view, formats, meters
from pages.shared.board_view import STATE_WORDS
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Activity, EntryMode, Program
from trellis_core.care.work import OpenWork
from trellis_core.rules.determination import StepState, Tick
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.board import BoardState, board, dollars_per_minute
from trellis_core.services.practice_options import PracticeOption, set_options
from trellis_core.services.time_log import LogTime, log_time
from trellis_core.values.ids import new_entry_id
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
PAGE = "coordinate/thresholds"


def read_board(dashboard, **filters):
    return board(
        month=NOVEMBER,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.COORDINATOR),
        clock=dashboard.clock,
        rule_book=load_rule_book(),
        **filters,
    )


def table(at):
    """Return the board's table with the name alone in its first column, without the program."""
    found = at.dataframe[0].value.copy()
    found["Patient"] = [cell.rpartition(" (")[0] for cell in found["Patient"]]
    return found


def choose(at, row):
    """Select a board row as the table's click does."""
    at.session_state["thresholds_answer"] = row.state
    at.session_state["thresholds_chosen"] = board_view.key_of(row)
    at.run()
    assert not at.exception
    return at


def open_at(dashboard, address):
    """Come to the page from another one by an address, as a link or a reload does."""
    at = dashboard.open(AccessRole.COORDINATOR, "coordinate/patients")
    at.switch_page(f"pages/{PAGE}.py")
    for name, word in address.items():
        at.query_params[name] = word
    at.run()
    assert not at.exception
    return at


def said(at):
    kinds = (at.markdown, at.caption, at.warning, at.header)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def test_each_tab_shows_exactly_its_rows_and_its_label_counts_them(dashboard):
    found = read_board(dashboard)
    at = dashboard.open(AccessRole.COORDINATOR)
    labels = [
        option.content for option in at.segmented_control(key="thresholds_answer").proto.options
    ]
    for (state, words), label in zip(STATE_WORDS.items(), labels, strict=True):
        assert label == f"{words} · {found.counts[state]}"
        assert found.counts[state], f"the sample practice shows {state}"
        at.segmented_control(key="thresholds_answer").set_value(state).run()
        names = [row.patient_name for row in found.rows if row.state is state]
        assert list(table(at)["Patient"]) == names


def test_the_sums_are_the_boards(dashboard):
    found = read_board(dashboard)
    at = dashboard.open(AccessRole.COORDINATOR)
    billable = sum(row.expected for row in found.rows if row.state is BoardState.BILLABLE)
    assert f"**${billable:,.0f}** billable now" in said(at)


def test_a_blocked_row_names_what_is_in_the_way_and_links_to_its_form(dashboard):
    blocked = next(
        row
        for row in read_board(dashboard, state=BoardState.BLOCKED).rows
        if any(block.reason == "CONSENT_MISSING" for block in row.blocked)
    )
    at = choose(dashboard.open(AccessRole.COORDINATOR), blocked)
    assert any("No consent" in titles for titles in table(at)["In the way"])
    assert "**Consent**: never recorded" in said(at)
    assert blocked.blocked[0].message in said(at)
    links = [element.proto for element in at.get("page_link")]
    assert any(
        f"patient={blocked.patient_id}" in link.query_string
        and "section=consent" in link.query_string
        for link in links
    )
    refused = next(row for row in read_board(dashboard).rows if row.patient_id == "p-207")
    at = choose(dashboard.open(AccessRole.COORDINATOR), refused)
    assert any("Consent declined" in titles for titles in table(at)["In the way"])
    assert "**Consent**: declined on Nov 4, 2026; before: revoked on Oct 20, 2026" in said(at)
    assert "The patient stopped the program on 2026-10-20" in said(at)
    assert "It was declined on Nov 4, 2026." in said(at)


def test_a_minute_of_a_colleague_appears_on_the_next_tick(dashboard):
    reach = read_board(dashboard, state=BoardState.REACH, program=Program.CCM).rows[0]
    at = dashboard.open(AccessRole.BILLER, PAGE)
    at.segmented_control(key="thresholds_answer").set_value(BoardState.REACH).run()
    before = table(at).set_index("Patient").loc[reach.patient_name, "Minutes"]
    assert before == str(reach.minutes)
    coordinator = dashboard.actor(AccessRole.COORDINATOR)
    log_time(
        LogTime(
            entry_id=new_entry_id(),
            patient_id=reach.patient_id,
            program=Program.CCM,
            staff_id=coordinator.person_id,
            started_at=dashboard.clock.now(),
            seconds=60,
            activity=Activity.CARE_COORDINATION,
            mode=EntryMode.TYPED,
        ),
        store=dashboard.store,
        actor=coordinator,
        clock=dashboard.clock,
    )
    at.run()
    rows = read_board(dashboard, patient_id=reach.patient_id, program=Program.CCM).rows
    at.segmented_control(key="thresholds_answer").set_value(rows[0].state).run()
    assert table(at).set_index("Patient").loc[reach.patient_name, "Minutes"] == str(
        reach.minutes + 1
    )


def test_the_address_opens_the_tab_of_its_patient(dashboard):
    row = read_board(dashboard, state=BoardState.NOT_STARTED).rows[0]
    at = dashboard.open(AccessRole.COORDINATOR, patient=row.patient_id)
    assert row.patient_name in list(table(at)["Patient"])
    assert any(row.patient_name.split(",")[0] in title.value for title in at.header)


def test_the_address_names_the_row_of_a_patient_with_several(dashboard):
    rows = read_board(dashboard).rows
    row = next(
        row
        for row in rows
        if any(row.patient_id == other.patient_id and other is not row for other in rows)
    )
    others = [other for other in rows if other.patient_id == row.patient_id]
    for each in others:
        at = open_at(dashboard, {"patient": each.patient_id, "of": each.program.value})
        assert any(title.value.endswith(f"· {each.program}") for title in at.header)


def test_a_selected_row_keeps_its_strip_when_its_answer_changes(dashboard):
    row = read_board(dashboard, state=BoardState.REACH, program=Program.CCM).rows[0]
    at = choose(dashboard.open(AccessRole.COORDINATOR), row)
    coordinator = dashboard.actor(AccessRole.COORDINATOR)
    log_time(
        LogTime(
            entry_id=new_entry_id(),
            patient_id=row.patient_id,
            program=Program.CCM,
            staff_id=coordinator.person_id,
            started_at=dashboard.clock.now(),
            seconds=(row.minutes_to_next + 1) * 60,
            activity=Activity.CARE_COORDINATION,
        ),
        store=dashboard.store,
        actor=coordinator,
        clock=dashboard.clock,
    )
    at.run()
    assert row.patient_name not in list(table(at)["Patient"])
    assert any(row.patient_name.split(",")[0] in title.value for title in at.header)


def test_a_searched_name_never_reaches_the_address(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR)
    name = table(at)["Patient"][0]
    at.text_input(key="thresholds_text").set_value(name.split(",")[0]).run()
    assert set(table(at)["Patient"]) == {name}
    assert name.split(",")[0].lower() not in str(at.query_params).lower()


def test_filters_are_opaque_words_of_the_address_and_survive_a_reload(dashboard):
    at = dashboard.open(AccessRole.COORDINATOR)
    at.selectbox(key="thresholds_program").set_value(Program.CCM)
    at.selectbox(key="thresholds_blocked").set_value("consent")
    at.segmented_control(key="thresholds_answer").set_value(BoardState.BLOCKED).run()
    address = {name: at.query_params[name] for name in at.query_params}
    assert address == {"program": "CCM", "blocked": "consent", "answer": "blocked"}
    again = open_at(dashboard, address)
    assert list(table(again)["Patient"]) == list(table(at)["Patient"])
    assert all("onsent" in titles for titles in table(again)["In the way"])
    again.button(key="thresholds_clear").click().run()
    assert len(table(again)) > len(table(at))


def test_a_word_of_the_address_that_means_nothing_is_passed_over(dashboard):
    at = open_at(dashboard, {"program": "XYZ", "blocked": "'--", "page": "-1", "answer": "?"})
    assert len(table(at)) == len(read_board(dashboard, state=BoardState.BILLABLE).rows)


def test_mine_are_the_rows_on_which_i_worked_most(dashboard):
    me = dashboard.actor(AccessRole.COORDINATOR).person_id
    found = read_board(dashboard, coordinator=me)
    at = open_at(dashboard, {"coordinator": "mine", "answer": "billable"})
    mine = [row.patient_name for row in found.rows if row.state is BoardState.BILLABLE]
    assert list(table(at)["Patient"]) == mine


def test_a_practice_with_sites_narrows_the_board_to_one(dashboard):
    at = open_at(dashboard, {"site": "site-mill", "answer": "blocked"})
    assert list(table(at)["Patient"]) == ["Peppercorn, Lionel"]
    assert at.selectbox(key="thresholds_site").options == [
        "All sites",
        "The practice's own address",
        "Millrace Annex",
    ]
    at.selectbox(key="thresholds_site").set_value("own").run()
    assert "Peppercorn, Lionel" not in list(table(at)["Patient"])


def test_the_worth_of_a_minute_is_a_column_only_where_the_owner_switched_it_on(dashboard):
    row = read_board(dashboard, state=BoardState.REACH).rows[0]
    at = open_at(dashboard, {"answer": "reach"})
    assert "$/min" not in table(at)
    set_options(
        PracticeOption(shows_dollars_per_minute=True),
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
        clock=dashboard.clock,
    )
    at.run()
    assert table(at)["$/min"][0] == formats.money(dollars_per_minute(row))
    assert table(at)["Patient"][0] == row.patient_name


TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (OpenWork(), "—"),
        (
            OpenWork(next_contact_on=date(2026, 11, 21), tasks=1, overdue=1),
            "Contact Nov 21, overdue",
        ),
        (OpenWork(next_contact_on=TODAY, tasks=1), "Contact today"),
        (OpenWork(next_contact_on=date(2026, 11, 23), tasks=2), "Contact tomorrow, 1 more task"),
        (OpenWork(tasks=1, overdue=1), "1 task, overdue"),
        (OpenWork(tasks=3, overdue=1), "3 tasks, 1 overdue"),
    ],
)
def test_what_is_open_is_said_in_words(work, words):
    assert ", ".join(board_table.work_words(work, today=TODAY)) == words


@pytest.mark.parametrize("look", [meters.LIGHT, meters.DARK])
def test_words_of_a_meter_and_its_marks_stand_out_from_the_ground(look):
    for ink in (look.ink, look.ink_reached, look.blocked):
        assert contrast(ink, look.ground) >= 4.5
    for mark in (look.fill, look.blocked):
        assert contrast(mark, look.track) >= 3


def contrast(one, other):
    """Return the ratio of two colours' luminance, as WCAG 2 defines it."""

    def luminance(color):
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_discharge_shows_steps_with_due_dates_in_place_of_minutes(dashboard):
    row = next(
        row
        for row in read_board(dashboard, program=Program.TCM).rows
        if row.state is not BoardState.BILLABLE
    )
    at = choose(dashboard.open(AccessRole.COORDINATOR), row)
    assert re.search(r"Contact: (done|due|overdue)", said(at))


@pytest.mark.parametrize("role", [AccessRole.BILLER, AccessRole.AUDITOR])
def test_who_only_reads_time_is_offered_no_form(dashboard, role):
    row = read_board(dashboard, state=BoardState.REACH).rows[0]
    at = choose(dashboard.open(role, PAGE), row)
    assert "Coordinators and owners record it" in said(at)
    assert not [button for button in at.button if "timer" in button.label.lower()]


def drawing(address):
    return base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode()


TICKS = (
    Tick(minutes=20, code="99490"),
    Tick(minutes=40, code="99439"),
    Tick(minutes=60, code="99439"),
)


@pytest.mark.parametrize(
    ("minutes", "reached"), [(0, 0), (19, 0), (20, 1), (39, 1), (60, 3), (90, 3)]
)
def test_a_meters_mark_fills_at_its_minutes_and_not_before(minutes, reached):
    look = meters.LIGHT
    picture = drawing(meters.meter_image(minutes, TICKS, colors=look))
    assert picture.count(f'r="5" fill="{look.ink_reached}"') == reached
    assert picture.count(f'r="5" fill="{look.ground}"') == 3 - reached


def test_a_short_family_has_one_scale_in_every_row():
    def places(minutes):
        return re.findall(
            r'<circle cx="([\d.]+)"',
            drawing(meters.meter_image(minutes, TICKS, colors=meters.LIGHT)),
        )

    assert places(0) == places(19) == places(60)
    assert len(places(0)) == 3


def test_of_a_long_family_the_reached_marks_and_the_next_two_are_drawn():
    ticks = tuple(Tick(minutes=60 + 30 * step, code="99489") for step in range(10))
    assert drawing(meters.meter_image(95, ticks, colors=meters.LIGHT)).count("<circle") == 4


def test_blocked_minutes_are_hatched_and_not_only_coloured():
    assert "<pattern" in drawing(
        meters.meter_image(25, TICKS, is_blocked=True, colors=meters.LIGHT)
    )
    assert "<pattern" not in drawing(meters.meter_image(25, TICKS, colors=meters.LIGHT))


def test_a_done_step_carries_a_check_mark():
    steps = [
        StepState(discharge="d", step="contact", due=None, is_done=True),
        StepState(discharge="d", step="visit", due=None, is_done=False),
    ]
    assert drawing(meters.steps_image(steps, colors=meters.DARK)).count("<path") == 1


def test_minutes_without_consent_are_shown_as_held_back_not_as_counting(dashboard):
    row = next(row for row in read_board(dashboard).rows if row.patient_id == "p-206")
    at = choose(dashboard.open(AccessRole.COORDINATOR), row)
    entries = next(frame.value for frame in at.dataframe if "Counts" in frame.value)
    assert set(entries["Counts"]) == {"Held back: No consent"}
