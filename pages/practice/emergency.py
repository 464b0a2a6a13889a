"""Emergency access: who opened a closed chart, why, and the owner's word that it was looked at."""

from pages.shared import emergency_view, store, widgets
from trellis_core.access import Operation

actor = store.require(Operation.REVIEW_EMERGENCY)
widgets.heading(
    "Emergency access",
    "Charts that somebody opened with a reason, for an hour at most. It is in the access log too.",
)
with widgets.command():
    emergency_view.draw(actor)
