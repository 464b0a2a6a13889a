"""A question about a month and attested diagnoses, as people meet them on their pages."""

from trellis_core.care.vocabulary import Program
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services import attestations, caseload, notes
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.billing import superbills
from trellis_core.services.month_close import CloseMonth, close_month
from trellis_core.services.questions import AskAboutMonth, ask_about_month
from trellis_core.values.periods import ServiceMonth

NOVEMBER = ServiceMonth(2026, 11)
CHART = "coordinate/patient_chart"
QUESTION = "Which of the two calls stands?"


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.text, at.info)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def run(what):
    at = what.run()
    assert not at.exception, at.exception
    return at


def person(dashboard, person_id):
    people = sign_ins.demo_actors(store=dashboard.store)
    return next(actor for _, actor in people if actor.person_id == person_id)


def services(dashboard, person_id):
    actor = person(dashboard, person_id)
    return {"store": dashboard.store, "actor": actor, "clock": dashboard.clock}


def opened(dashboard, person_id, page, **query):
    token, _ = sign_ins.demo_sign_in(person_id, store=dashboard.store, clock=dashboard.clock)
    dashboard.set_token(token)
    return run(dashboard.open(None, page, **query))


def ask(dashboard, patient_id="p-103"):
    return ask_about_month(
        AskAboutMonth(
            note_id="q-1", patient_id=patient_id, month=NOVEMBER, program=Program.CCM,
            to_staff="rn-1", text=QUESTION,
        ),
        **services(dashboard, "bill-1"),
    )  # fmt: skip


def test_a_question_is_on_the_row_the_strip_and_the_inbox_and_is_answered_there(dashboard):
    ask(dashboard)
    at = opened(dashboard, "rn-1", "coordinate/thresholds", patient="p-103")
    (frame,) = (each.value for each in at.dataframe if "To do" in each.value.columns)
    (cell,) = (each for each in frame["To do"] if "Question" in each)
    assert "Question from Beatriz C." in cell
    assert "Question about November 2026" in said(at)
    assert QUESTION in said(at)
    run(at.button(key="inbox_line").click())
    assert at.text_area(key="inbox_answer_q-1").label == "Answer"
    at.text_area(key="strip_answer_q-1").set_value("The first.")
    run(at.button(key="strip_answer_q-1_save").click())
    assert "Question about" not in said(at)
    (note,) = (
        each
        for each in notes.notes_of("p-103", **services(dashboard, "bill-1"))
        if each.id == "q-1"
    )
    assert (note.answer, note.answered_by) == ("The first.", "rn-1")


def test_whoever_asked_settles_it_on_the_chart_and_an_answered_question_stays_there(dashboard):
    ask(dashboard)
    at = opened(dashboard, "bill-1", CHART, patient="p-103", section="notes")
    assert "The month's superbills wait for it." in said(at)
    at.text_area(key="chart_answer_q-1").set_value("Found the letter.")
    run(at.button(key="chart_answer_q-1_save").click())
    assert "Question about November 2026" in said(at)
    assert "Found the letter." in said(at)
    assert "Waits for an answer" not in said(at)


def test_a_practitioner_attests_diagnoses_in_order_on_the_chart(dashboard):
    at = opened(dashboard, "md-1", CHART, patient="p-101", section="conditions")
    chart = caseload.chart("p-101", month=NOVEMBER, **services(dashboard, "md-1"))
    coded = [each.id for each in chart.conditions if each.icd10]
    key = f"chart_attest_{NOVEMBER}__p-101"
    at.multiselect(key=f"{key}_CCM").set_value(coded[:1])
    at.button(key=f"{key}_save").click().run()
    assert "CCM is for 2 or more conditions" in at.error[0].value
    wanted = coded[1::-1]
    at.multiselect(key=f"{key}_CCM").set_value(wanted)
    run(at.button(key=f"{key}_save").click())
    assert "Attested by Imogen Hollyhock, MD" in said(at)
    (now,) = attestations.attested_in("p-101", NOVEMBER, **services(dashboard, "md-1"))
    assert list(now.conditions) == wanted
    found = superbills(
        month=NOVEMBER, patient_id="p-101", rule_book=load_rule_book(),
        **services(dashboard, "md-1"),
    )  # fmt: skip
    assert all(bill.attestations == (now,) for bill in found if bill.lines)


def test_who_is_no_practitioner_reads_what_was_attested_and_a_closed_month_says_what_stays(
    dashboard,
):
    at = opened(dashboard, "rn-1", CHART, patient="p-101", section="conditions")
    assert "A billing practitioner attests them here." in said(at)
    assert not at.multiselect
    close_month(
        CloseMonth(month=NOVEMBER.previous, form_id="close"),
        rule_book=load_rule_book(),
        **services(dashboard, "bill-1"),
    )
    at = opened(dashboard, "md-1", CHART, patient="p-101", section="conditions", month="2026-10")
    assert "## Diagnoses of October 2026" in said(at)
    assert "what was issued for it does not change" in said(at)
