"""A superbill laid out on pages: what stands where, before any PDF is drawn."""

from dataclasses import replace

from trellis_core.documents.layout import ACCENT, CARE, QUIET, Page, width_of, wrapped
from trellis_core.documents.superbill_claim import claim_page
from trellis_core.documents.superbill_reasons import reasons_pages
from trellis_core.documents.superbill_sheet import MARGIN, WIDTH, Sheet, footed
from trellis_core.documents.superbill_words import (
    approval_text,
    called,
    close_text,
    replaced_text,
)
from trellis_core.superbill import Superbill, SuperbillStatus, day_text


def superbill_pages(superbill: Superbill) -> tuple[Page, ...]:
    """Lay a superbill out: page 1 in claim-form order, then why each line bills."""
    pages = laid_out(superbill)
    footed(pages, standing_of(superbill))
    return pages


def laid_out(superbill: Superbill) -> tuple[Page, ...]:
    """Lay a superbill out without the feet, which count the pages."""
    sheet = _Sheet(superbill)
    claim_page(sheet, superbill)
    reasons_pages(sheet, superbill)
    return tuple(sheet.pages)


def standing_of(superbill: Superbill) -> str:
    """Say in a superbill's feet what kind of paper it is."""
    standing = f"Superbill, not a claim · {superbill.status}"
    return standing if superbill.checkpoint is None else f"{standing} · {superbill.checkpoint}"


class _Sheet(Sheet):
    """A superbill's sheets: every page after the first names the patient and the superbill."""

    def __init__(self, superbill: Superbill) -> None:
        self.superbill = superbill
        is_draft = superbill.status is SuperbillStatus.DRAFT
        super().__init__(watermark="DRAFT" if is_draft else "")

    def head(self) -> None:
        """Write whose superbill it is."""
        bill = self.superbill
        self.y = MARGIN + 4
        self.text(MARGIN, bill.practice.name, size=8.5, is_bold=True, width=WIDTH * 0.6)
        name = f"Superbill {called(bill)}, version {bill.version}"
        self.text_right(MARGIN + WIDTH, name, size=8, colour=QUIET)
        self.y += 12
        born = day_text(bill.patient.birth_date)
        who = f"{bill.patient.name} · MRN {bill.patient.mrn} · born {born}"
        month = f"Service month {bill.service_month}"
        self.text_right(MARGIN + WIDTH, month, size=8, colour=QUIET)
        room = WIDTH - width_of(month, 8) - 12
        for at, line in enumerate(wrapped(who, room, 8)):
            self.y += 11 if at else 0
            self.text(MARGIN, line, size=8)
        if bill.billing is not None:
            self.y += 12
            billing = f"Billing practitioner {bill.billing.signature}"
            self.text(MARGIN, billing, size=8, colour=QUIET, width=WIDTH)
        if bill.replaced_by is not None:
            self.y += 11
            self.text(MARGIN, f"{replaced_text(bill)}.", size=8, is_bold=True, colour=CARE)
        if bill.approval is not None:
            self.y += 11
            words = approval_text(replace(bill.approval, is_decided=False))
            self.text(MARGIN, words, size=7, colour=QUIET, width=WIDTH)
        if bill.closed is not None:
            self.y += 11
            words = close_text(bill.closed, digits=16)
            self.text(MARGIN, words, size=7, colour=QUIET, width=WIDTH)
        self.y += 6
        self.rule(colour=ACCENT, width=1.0)
        self.y += 2
