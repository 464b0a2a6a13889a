"""Every reason has words, and words only."""

import re

import pytest

from trellis_core.care.vocabulary import Program
from trellis_core.rules.labels import code_label, labelled_codes, program_label
from trellis_core.rules.reason_texts import citations, sentence, title
from trellis_core.rules.reasons import Reason
from trellis_core.rules.rulebook import load_rule_book


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_a_sentence_and_a_short_title(reason: Reason) -> None:
    text = sentence(reason)
    assert text[0].isupper()
    assert text.endswith(".")
    assert "{" not in text
    assert 1 <= len(title(reason).split()) <= 6


def test_numbers_are_filled_in() -> None:
    assert (
        sentence(Reason.TIME_NOT_MET, minutes=17, needed=20, missing=3)
        == "17 of 20 minutes recorded; 3 to go."
    )


def test_a_missing_number_falls_back_to_the_general_sentence() -> None:
    assert sentence(Reason.TIME_NOT_MET, minutes=17) == sentence(Reason.TIME_NOT_MET)


def test_an_unknown_fact_is_asked_for() -> None:
    text = sentence(Reason.UNKNOWN_LAST_SEEN)
    assert text == "The record does not say when the patient was last seen. Add it."


def test_shared_reasons_cite_the_programs_own_documents() -> None:
    assert citations(Reason.CONSENT_MISSING, Program.BHI) == ("pfs-2017-final-rule", "mln-bhi")
    assert citations(Reason.TCM_CONTACT, Program.TCM) == ("mln-tcm", "cms-faq-tcm")


def test_every_code_of_the_rule_book_has_a_label() -> None:
    codes = {
        dated.value
        for path, parameter in load_rule_book().parameters.items()
        if parameter.unit == "hcpcs"
        for dated in parameter.values
        if isinstance(dated.value, str)
    }
    assert {code for code in codes if code_label(str(code)) == code} == set()
    assert codes <= set(labelled_codes())


def test_a_code_that_trellis_does_not_bill_is_its_own_label() -> None:
    assert code_label("99213") == "99213"


def test_programs_have_names() -> None:
    assert all(re.fullmatch(r"[A-Z][a-z ]+", program_label(program)) for program in Program)
