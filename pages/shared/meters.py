"""The picture of a month's minutes: a bar with a tick at each code's minutes, as one SVG image.

An image of our own numbers: nobody's words get into it, and it needs no script.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from trellis_core.rules.determination import StepState, Tick

WIDTH: Final = 200
HEIGHT: Final = 34
_LEFT: Final = 8
_RIGHT: Final = 192
_BAR_Y: Final = 8
_BAR: Final = 8
_HEADROOM: Final = 1.06
_MARKS_AHEAD: Final = 2
_ALL_SHOWN: Final = 4


_STEP_WORDS: Final = {
    "contact": "contact",
    "visit": "visit",
    "medication_reconciliation": "meds",
    "decision_making": "decision",
    "consent": "consent",
    "initiating_visit": "visit",
    "capabilities": "practice",
    "performance_reporting": "reports",
    "services_documented": "services",
}
"""Short words under the marks of steps; the strip below the table writes them out."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme; each pair was chosen to stay apart without hue."""

    track: str
    fill: str
    fill_partial: str
    ink: str
    ink_reached: str
    blocked: str
    ground: str


LIGHT: Final = Palette(
    track="#E4E8E3", fill="#2F6B4F", fill_partial="#7FB09A", ink="#66706A",
    ink_reached="#1F4D38", blocked="#A9793B", ground="#FFFFFF",
)  # fmt: skip
DARK: Final = Palette(
    track="#323A35", fill="#6FBF95", fill_partial="#4B8268", ink="#9BA69F",
    ink_reached="#BFE5CF", blocked="#D9A85F", ground="#161B18",
)  # fmt: skip


def palette() -> Palette:
    """Return the colours that fit the browser's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def meter_image(
    minutes: int, ticks: Sequence[Tick], *, is_blocked: bool = False, colors: Palette | None = None
) -> str:
    """Draw a meter as an SVG data address for an image column or ``st.image``.

    The bar fills with the minutes; a tick at each code's minutes is hollow until it is reached and
    full from then on, with its minute number below. Blocked minutes are hatched, so that colour is
    not the only signal.

    Args:
        minutes: Counted whole minutes of the month.
        ticks: The marks, in order.
        is_blocked: Paperwork stands in the way of billing these minutes.
        colors: A theme's colours; the browser's theme by default.
    """
    look = colors or palette()
    ticks = _near(minutes, ticks)
    top = max([minutes, *(tick.minutes for tick in ticks)], default=1) or 1
    scale = (_RIGHT - _LEFT) / (top * _HEADROOM)
    reached = min(minutes, top)
    middle = _BAR_Y + _BAR / 2
    fill = "url(#h)" if is_blocked else look.fill
    parts = [
        f'<rect x="{_LEFT}" y="{_BAR_Y}" width="{_RIGHT - _LEFT}" height="{_BAR}" rx="4" fill="{look.track}"/>'
    ]
    if is_blocked:
        parts.insert(
            0,
            '<pattern id="h" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<rect width="5" height="5" fill="{look.blocked}" opacity=".45"/><rect width="2.5" height="5" fill="{look.blocked}"/></pattern>',
        )
    if reached:
        parts.append(
            f'<rect x="{_LEFT}" y="{_BAR_Y}" width="{max(reached * scale, 6):.1f}" height="{_BAR}" rx="4" fill="{fill}"/>'
        )
    last_label = -100.0
    for tick in ticks:
        x = _LEFT + tick.minutes * scale
        is_reached = minutes >= tick.minutes
        edge = (
            look.blocked
            if is_blocked and is_reached
            else look.ink_reached
            if is_reached
            else look.ink
        )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{middle}" r="5" fill="{edge if is_reached else look.ground}" stroke="{edge}" stroke-width="1.8"/>'
        )
        if x - last_label >= 18:  # noqa: PLR2004 - room for two digits
            weight = "600" if is_reached else "400"
            parts.append(
                f'<text x="{x:.1f}" y="31" text-anchor="middle" font-weight="{weight}" fill="{edge}">{tick.minutes}</text>'
            )
            last_label = x
    return _data_address("".join(parts))


def _near(minutes: int, ticks: Sequence[Tick]) -> Sequence[Tick]:
    """Return the marks to draw: all of a short family, so that its rows share one scale.

    Of a long one the reached and the next few: far marks would crowd the near ones.
    """
    if len(ticks) <= _ALL_SHOWN:
        return ticks
    ahead = [tick for tick in ticks if tick.minutes > minutes]
    return [tick for tick in ticks if tick.minutes <= minutes] + ahead[:_MARKS_AHEAD]


def steps_image(steps: Sequence[StepState], *, colors: Palette | None = None) -> str:
    """Draw the steps of a discharge: a full mark for each step done, a hollow one for each open."""
    look = colors or palette()
    parts = []
    room = (_RIGHT - _LEFT) / max(len(steps), 1)
    for place, step in enumerate(steps):
        x = _LEFT + room * (place + 0.5)
        color = look.ink_reached if step.is_done else look.ink
        if place:
            parts.append(
                f'<line x1="{x - room + 8:.1f}" y1="12" x2="{x - 8:.1f}" y2="12" stroke="{look.track}" stroke-width="3"/>'
            )
        parts.append(
            f'<circle cx="{x:.1f}" cy="12" r="6" fill="{color if step.is_done else look.ground}" stroke="{color}" stroke-width="1.8"/>'
        )
        if step.is_done:
            parts.append(
                f'<path d="M{x - 2.8:.1f} 12.2l2 2 3.6-4" fill="none" stroke="{look.ground}" stroke-width="1.7"/>'
            )
        parts.append(
            f'<text x="{x:.1f}" y="31" text-anchor="middle" fill="{color}">{_STEP_WORDS.get(step.step, "")}</text>'
        )
    return _data_address("".join(parts))


def _data_address(inner: str) -> str:
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * 2}" height="{HEIGHT * 2}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="system-ui,sans-serif" font-size="9.5">{inner}</svg>'
    )
    return "data:image/svg+xml;base64," + b64encode(drawing.encode()).decode("ascii")
