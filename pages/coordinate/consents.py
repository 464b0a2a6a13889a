"""Consents and enrollment: what is missing per patient and program, with the form beside it."""

from pages.shared import formats, store, widgets, worklist
from trellis_core.access import Operation

actor = store.require(Operation.READ_CHART)

widgets.heading(
    "Consents and enrollment",
    f"{formats.month_name(store.month(actor))}. Minutes that cannot bill until something is recorded.",
)
with widgets.command():
    worklist.draw(actor)
