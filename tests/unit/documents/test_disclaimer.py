"""One disclaimer, in one place, said in full."""

from pathlib import Path

from trellis_core.documents.disclaimer import DISCLAIMER

README = Path(__file__).parents[3] / "README.md"


def test_the_disclaimer_says_what_trellis_is_not() -> None:
    for said in (
        "General information",
        "not billing, coding or legal advice",
        "approximate",
        "region, payer and year",
        "confirm with the payer and a qualified professional",
        "does not determine eligibility, set rates or submit claims",
    ):
        assert said in DISCLAIMER


def test_the_readme_carries_the_same_words() -> None:
    assert DISCLAIMER in " ".join(README.read_text("utf-8").split())
