"""The canonical form is plain JSON whatever the texts hold: quick to write, the same bytes."""

import json
from dataclasses import replace

import pytest

from tests.unit.ledger.test_chain import FIRST, SECOND, THIRD
from trellis_core.care.vocabulary import Activity
from trellis_core.errors import InvalidValueError
from trellis_core.ledger.chain import BODY_VERSION, canonical_body, canonical_in_place, parse_body
from trellis_core.ledger.journal import EventBody, EventKind, canonical_event, parse_event

TEXTS = (
    "",
    "plain",
    'a "quote"',
    "back\\slash",
    "\\u0041",
    "tab\tline\n",
    "\x1f\x7f",
    "é",
    "日本",
    "😀",
)


@pytest.mark.parametrize("text", TEXTS)
def test_an_entry_is_written_as_json_writes_it(text):
    body = replace(FIRST, staff_id=text, condition=text, parent=text)
    written = canonical_body(body)
    values = json.loads(written)
    assert json.dumps(values, ensure_ascii=True, separators=(",", ":")) == written
    assert (values[0], values[7], values[15], values[23]) == (BODY_VERSION, text, text, text)
    assert parse_body(written) == body


@pytest.mark.parametrize("text", TEXTS)
def test_an_event_is_written_as_json_writes_it(text):
    body = EventBody(
        practice_id="a", seq=3, event_id="e", kind=EventKind.RECORDED, subject_kind="consent",
        subject_id=text, patient_id=text, author_id=None, system_user=text, details=text,
        text_hmac=None, ledger_seq=2, ledger_head="00", recorded_at=1,
    )  # fmt: skip
    written = canonical_event(body)
    assert json.dumps(json.loads(written), ensure_ascii=True, separators=(",", ":")) == written
    assert parse_event(written) == body


def test_a_text_in_two_forms_is_written_in_one():
    apart, together = (replace(FIRST, condition=text) for text in ("e\u0301", "\u00e9"))
    assert canonical_body(apart) == canonical_body(together)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "é\x00"])
def test_what_no_database_keeps_is_refused(text):
    for name in ("practice_id", "entry_id", "patient_id", "author_id", "reverses", "replaces"):
        with pytest.raises(InvalidValueError):
            canonical_body(replace(FIRST, **{name: text}))


@pytest.mark.parametrize("body", [FIRST, SECOND, THIRD])
def test_an_entry_in_its_place_is_the_same_as_one_that_knows_it(body):
    given = canonical_in_place(body, seq=9, note_hmac="ab")
    assert given == canonical_body(replace(body, seq=9, note_hmac="ab"))


def test_a_number_that_is_a_truth_is_written_as_a_number():
    body = replace(THIRD, separate_from_visit=True, activity=Activity.OTHER_CLINICAL)
    assert json.loads(canonical_body(body))[18] == 1
