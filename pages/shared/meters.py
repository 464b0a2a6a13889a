"""The picture of a month's minutes: a bar with a tick at each code's minutes, as one SVG image.

An image of our own numbers: nobody's words get into it, and it needs no script.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import streamlit as st

from trellis_core.rules.determination import StepState, Tick

WIDTH: Final = 200
_MARGIN: Final = 8
_BAR: Final = 8
_BAR_TO_LABEL: Final = 19
_LINE: Final = 12
_HEADROOM: Final = 1.06
_MARKS_AHEAD: Final = 2
_ALL_SHOWN: Final = 4
_SIDE_BY_SIDE: Final = 4
"""So many words of steps stand beside each other; more take turns above and below."""


_STEP_WORDS: Final = {
    "contact": "contact",
    "visit": "visit",
    "medication_reconciliation": "meds",
    "decision_making": "decision",
    "consent": "consent",
    "initiating_visit": "visit",
    "capabilities": "attest",
    "performance_reporting": "report",
    "services_documented": "month",
}
"""Short words under the marks of steps; the strip below the table writes them out."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How large a picture is, and how far from its top the bar's middle is."""

    width: int
    height: int
    middle: int

    @property
    def right(self) -> int:
        """Where the bar ends."""
        return self.width - _MARGIN


LOW: Final = Frame(width=WIDTH, height=34, middle=12)
"""Beside other things, or in a row of one line."""
TALL: Final = Frame(width=154, height=58, middle=18)
"""In a row of several lines."""


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
    ink_reached="#1F4D38", blocked="#8A5F26", ground="#FFFFFF",
)  # fmt: skip
DARK: Final = Palette(
    track="#323A35", fill="#6FBF95", fill_partial="#4B8268", ink="#9BA69F",
    ink_reached="#BFE5CF", blocked="#D9A85F", ground="#161B18",
)  # fmt: skip


def palette() -> Palette:
    """Return the colours that fit the browser's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def meter_image(
    minutes: int,
    ticks: Sequence[Tick],
    *,
    is_blocked: bool = False,
    colors: Palette | None = None,
    frame: Frame = LOW,
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
        frame: How large.
    """
    look = colors or palette()
    ticks = _near(minutes, ticks)
    top = max([minutes, *(tick.minutes for tick in ticks)], default=1) or 1
    length = frame.right - _MARGIN
    scale = length / (top * _HEADROOM)
    reached = min(minutes, top)
    bar = f'x="{_MARGIN}" y="{frame.middle - _BAR // 2}" height="{_BAR}" rx="4"'
    fill = "url(#h)" if is_blocked else look.fill
    parts = [f'<rect {bar} width="{length}" fill="{look.track}"/>']
    if is_blocked:
        parts.insert(
            0,
            '<pattern id="h" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<rect width="5" height="5" fill="{look.blocked}" opacity=".45"/><rect width="2.5" height="5" fill="{look.blocked}"/></pattern>',
        )
    if reached:
        parts.append(f'<rect {bar} width="{max(reached * scale, 6):.1f}" fill="{fill}"/>')
    last_label = -100.0
    for tick in ticks:
        x = _MARGIN + tick.minutes * scale
        is_reached = minutes >= tick.minutes
        edge = (
            look.blocked
            if is_blocked and is_reached
            else look.ink_reached
            if is_reached
            else look.ink
        )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{frame.middle}" r="5" fill="{edge if is_reached else look.ground}" stroke="{edge}" stroke-width="1.8"/>'
        )
        if x - last_label >= 18:  # noqa: PLR2004 - room for two digits
            weight = "600" if is_reached else "400"
            parts.append(_label(x, 0, str(tick.minutes), edge, frame, weight=weight))
            last_label = x
    return _data_address("".join(parts), frame)


def _label(x: float, line: int, text: str, color: str, frame: Frame, *, weight: str = "400") -> str:
    y = frame.middle + _BAR_TO_LABEL + line * _LINE
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="middle" font-weight="{weight}" '
        f'fill="{color}">{text}</text>'
    )


def _near(minutes: int, ticks: Sequence[Tick]) -> Sequence[Tick]:
    """Return the marks to draw: all of a short family, so that its rows share one scale.

    Of a long one the reached and the next few: far marks would crowd the near ones.
    """
    if len(ticks) <= _ALL_SHOWN:
        return ticks
    ahead = [tick for tick in ticks if tick.minutes > minutes]
    return [tick for tick in ticks if tick.minutes <= minutes] + ahead[:_MARKS_AHEAD]


def steps_image(
    steps: Sequence[StepState],
    *,
    colors: Palette | None = None,
    frame: Frame = LOW,
    today: date | None = None,
) -> str:
    """Draw the steps of a discharge: a full mark for each step done, a hollow one for each open.

    Args:
        steps: In their order.
        colors: A theme's colours; the browser's theme by default.
        frame: How large; a tall one has room for the day by which an open step is due.
        today: By which a step is overdue; None to leave days out.
    """
    look = colors or palette()
    parts = []
    room = (frame.right - _MARGIN) / max(len(steps), 1)
    is_crowded = frame is TALL and len(steps) > _SIDE_BY_SIDE
    for place, step in enumerate(steps):
        x = _MARGIN + room * (place + 0.5)
        color = look.ink_reached if step.is_done else look.ink
        if place:
            parts.append(
                f'<line x1="{x - room + 8:.1f}" y1="{frame.middle}" x2="{x - 8:.1f}" y2="{frame.middle}" stroke="{look.track}" stroke-width="3"/>'
            )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{frame.middle}" r="6" fill="{color if step.is_done else look.ground}" stroke="{color}" stroke-width="1.8"/>'
        )
        if step.is_done:
            parts.append(
                f'<path d="M{x - 2.8:.1f} {frame.middle + 0.2:.1f}l2 2 3.6-4" fill="none" stroke="{look.ground}" stroke-width="1.7"/>'
            )
        line = place % 2 if is_crowded else 0
        parts.append(_label(x, line, _STEP_WORDS.get(step.step, ""), color, frame))
        if today is not None and step.due is not None and not step.is_done and not is_crowded:
            is_over = step.due < today
            when = "overdue" if is_over else f"{step.due:%b} {step.due.day}"
            ink = look.blocked if is_over else look.ink
            parts.append(_label(x, 1, when, ink, frame, weight="600" if is_over else "400"))
    return _data_address("".join(parts), frame)


def _data_address(inner: str, frame: Frame) -> str:
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{frame.width * 2}" height="{frame.height * 2}" viewBox="0 0 {frame.width} {frame.height}" '
        f'font-family="system-ui,sans-serif" font-size="9.5">{inner}</svg>'
    )
    return "data:image/svg+xml;base64," + b64encode(drawing.encode()).decode("ascii")
