"""Transitional care management: discharges by deadline, and what is still to be done for each."""

from pages.shared import program_frame, tcm_add, tcm_board, tcm_detail
from trellis_core.care.vocabulary import Program

program_frame.draw(
    Program.TCM,
    lead="The thirty days after a discharge: contact, reconciliation, visit.",
    facts_title="Record what was done",
    rows_title="Discharges by deadline",
    facts=tcm_detail.forms,
    board=program_frame.Board(
        table=tcm_board.table,
        order=tcm_board.in_order,
        summary=tcm_board.summary,
        above=tcm_add.add,
        detail=tcm_detail.detail,
    ),
)
