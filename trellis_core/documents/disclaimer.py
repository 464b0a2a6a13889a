"""The one disclaimer of the pages, the documents and the README."""

from typing import Final

DISCLAIMER: Final = (
    "General information, not billing, coding or legal advice. Amounts are approximate and vary by "
    "region, payer and year: confirm with the payer and a qualified professional. Trellis documents "
    "time; it does not determine eligibility, set rates or submit claims."
)
"""Stands on program pages, the ROI page, the rule book, every superbill and the README."""
