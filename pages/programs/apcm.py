"""Advanced primary care management: levels by the month's facts, and what the practice attests."""

from pages.shared import apcm_view, program_frame, routes, store, widgets
from trellis_core.access import Operation, may
from trellis_core.care.vocabulary import Program
from trellis_core.rules.labels import program_label
from trellis_core.services import practice_options

actor = store.require(Operation.READ_BOARD)


if practice_options.options(store=store.store(), actor=actor).offers_apcm:
    program_frame.draw(
        Program.APCM,
        lead="All of a patient's primary care, month by month; no minutes are counted.",
        facts_title="Level and documentation of the month",
        facts=apcm_view.months,
        below=apcm_view.practice_states,
    )
else:
    widgets.heading(program_label(Program.APCM), "This practice does not offer it.")
    widgets.empty(
        "Advanced primary care is switched off. The practice's owner can switch it on in the settings."
    )
    if may(actor, Operation.EDIT_SETTINGS):
        routes.link("settings", "Open the settings", icon=":material/settings:")
    widgets.disclaimer()
