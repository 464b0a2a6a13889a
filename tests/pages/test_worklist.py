"""Consents and enrollment: rows are worked through one after another, with the form beside them."""

import pytest

from pages.shared.worklist import WORDS
from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import Program
from trellis_core.services import caseload
from trellis_core.services.paperwork import Missing
from trellis_core.values.periods import ServiceMonth

PAGE = "coordinate/consents"
MONTH = ServiceMonth(2026, 11)


def opened(dashboard, chosen=None, role=AccessRole.COORDINATOR, **filters):
    at = dashboard.open(role, PAGE)
    for name, value in filters.items():
        at.query_params[name] = value
    if chosen is not None:
        at.session_state["consents_chosen"] = chosen
        at.session_state["consents_at"] = 0
    at.run()
    assert not at.exception, at.exception
    return at


def listed(at) -> list[tuple[str, list[str]]]:
    frame = at.dataframe[0].value
    return list(zip(frame["Patient"], map(list, frame["Missing"]), strict=True))


def said(at) -> str:
    kinds = (at.markdown, at.caption, at.warning, at.header)
    return "\n".join(item.value for kind in kinds for item in kind).replace("\\", "")


def records(dashboard, patient_id):
    return caseload.chart(
        patient_id,
        month=MONTH,
        store=dashboard.store,
        actor=dashboard.actor(AccessRole.OWNER),
    )


def test_a_consent_is_recorded_beside_the_list_and_the_next_row_follows(dashboard):
    at = opened(dashboard, ("p-206", "CCM"))
    before = listed(at)
    place = [row[0] for row in before].index("Brambleton, Ezekiel")
    assert before[place][1] == [WORDS[Missing.CONSENT]]
    for box in at.checkbox:
        if "work_consent_" in box.key and "documented" not in box.key:
            box.check()
    next(b for b in at.button if b.label == "Record consent").click()
    at.run()
    assert not at.error
    (made,) = records(dashboard, "p-206").consents
    assert (made.billing_practitioner, made.given_by) == ("md-1", None)
    assert made.copy_given_on == made.obtained_on
    after = listed(at)
    assert after == [row for row in before if row[0] != "Brambleton, Ezekiel"]
    follower = after[min(place, len(after) - 1)][0]
    assert f"{follower} · CCM" in said(at)


def test_a_refusal_moves_the_row_to_the_declined_ones(dashboard):
    at = opened(dashboard, ("p-206", "CCM"))
    next(c for c in at.segmented_control if c.label == "Answer").set_value("Declined")
    at.run()
    next(b for b in at.button if b.label == "Record refusal").click()
    at.run()
    assert not at.error
    (refusal,) = records(dashboard, "p-206").declined
    assert refusal.program is Program.CCM
    assert [WORDS[Missing.DECLINED]] in [row[1] for row in listed(at)[-2:]]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"missing": "copy"}, ["Rushmere, Lucinda"]),
        ({"missing": "declined", "program": "CCM"}, ["Nettleship, Philippa"]),
    ],
)
def test_the_address_holds_the_filters(dashboard, filters, names):
    at = opened(dashboard, **filters)
    assert [row[0] for row in listed(at)] == names


def test_an_unknown_filter_is_none_and_an_empty_one_says_so(dashboard):
    assert len(listed(opened(dashboard, missing="nonsense", program="XYZ"))) >= 4
    at = opened(dashboard, missing="plan")
    assert "Nothing of that kind is missing" in said(at)


def test_whoever_reads_only_gets_no_form(dashboard):
    at = opened(dashboard, ("p-206", "CCM"), AccessRole.BILLER)
    assert "Whoever edits charts records it here." in said(at)
    assert not [b for b in at.button if b.label == "Record consent"]
