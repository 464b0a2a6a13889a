"""Starting points, saved scenarios, the link and the files of the ROI page: one quiet row."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import streamlit as st

from pages.shared import formats, roi_parts, state, store, widgets
from trellis_core import roi
from trellis_core.access import Actor, Operation, may
from trellis_core.roi import Contracts, Preset, RoiInputs, RoiResult
from trellis_core.rules.amounts import AmountTables
from trellis_core.services import scenarios
from trellis_core.services.scenarios import SaveScenario, Scenario
from trellis_core.values.periods import ServiceMonth

MOST_COMPARED: Final = 4
AS_ENTERED: Final = "As entered now"
_OPEN_ID: Final = "roi_scenario_open"
_FORM: Final = "roi_scenario"
_NO_MONTH: Final = "not said"


def saved(actor: Actor | None) -> tuple[Scenario, ...]:
    """Return the practice's scenarios; none where nobody is signed in."""
    return () if actor is None else scenarios.scenarios(store=store.store(), actor=actor)


def opened(found: Sequence[Scenario]) -> Scenario | None:
    """Return the scenario that was opened or saved last, while it is there."""
    chosen = st.session_state.get(_OPEN_ID)
    return next((each for each in found if each.id == chosen), None)


def start_from(use: Callable[[RoiInputs], None], opening: RoiInputs) -> None:
    """Draw the starting points: how the page opens, and the presets with what each sets."""
    with st.popover("Start from", icon=":material/start:"), st.container(gap="small"):
        opens = Preset(
            name="reset", label="As the page opens", inputs=opening,
            about="Every input at its default, at your own place.",
        )  # fmt: skip
        for preset in (opens, *roi.presets().values()):
            name, about = st.columns([1, 2.2], vertical_alignment="center", width=640)
            name.button(
                preset.label, key=f"roi_preset_{preset.name}", type="tertiary",
                on_click=_use, args=(use, preset.inputs),
            )  # fmt: skip
            about.caption(formats.plain(preset.about))


def _use(use: Callable[[RoiInputs], None], inputs: RoiInputs) -> None:
    st.session_state.pop(_OPEN_ID, None)
    use(inputs)


def saving(
    actor: Actor, inputs: RoiInputs, found: Sequence[Scenario], use: Callable[[RoiInputs], None]
) -> None:
    """Draw the scenarios to open, and the form that saves what is entered."""
    current = opened(found)
    label = "Scenarios" if current is None else formats.plain(current.name)
    with st.popover(label, icon=":material/bookmarks:"):
        for each in found:
            _row(actor, each, use)
        if not found:
            st.caption("None is saved yet.")
        if may(actor, Operation.SAVE_SCENARIO):
            _form(actor, inputs, current)


def _row(actor: Actor, each: Scenario, use: Callable[[RoiInputs], None]) -> None:
    name, remove = st.columns([3, 2], vertical_alignment="center")
    if each.inputs is None:
        name.caption(formats.plain(f"{each.name}: {each.problem}"))
    else:
        name.button(
            formats.plain(each.name), key=f"roi_open_{each.id}", type="tertiary",
            on_click=_open, args=(each, use), help=_starts(each.starts),
        )  # fmt: skip
    if may(actor, Operation.SAVE_SCENARIO):
        remove.button(
            "Remove", key=f"roi_remove_{each.id}", type="tertiary", icon=":material/delete:",
            on_click=_remove, args=(actor, each),
        )  # fmt: skip


def _starts(starts: ServiceMonth | None) -> str:
    return f"Month 1 is {formats.month_name(starts)}." if starts else "No first month was given."


def _open(each: Scenario, use: Callable[[RoiInputs], None]) -> None:
    if each.inputs is not None:
        use(each.inputs)
        st.session_state[_OPEN_ID] = each.id


def _remove(actor: Actor, each: Scenario) -> None:
    with widgets.command_in_callback():
        scenarios.remove_scenario(each.id, store=store.store(), actor=actor, clock=store.clock())
        state.flash(f"Scenario removed: {each.name}.")


def _form(actor: Actor, inputs: RoiInputs, current: Scenario | None) -> None:
    """Draw the form; what is typed stays until it was saved."""
    key = f"{state.form_key(_FORM)}_{current.id if current else ''}"
    today = store.today(actor)
    with st.form(key, border=False):
        name = st.text_input(
            "Name of the scenario", current.name if current else "", key=f"{key}_name",
            max_chars=scenarios.LONGEST_NAME, placeholder="for example: RN, from January",
            help="Of the plan, not of a person.",
        )  # fmt: skip
        months = [_NO_MONTH, *(str(each) for each in _months(today))]
        held = str(current.starts) if current and current.starts else _NO_MONTH
        starts = st.selectbox(
            "Month 1 of the forecast", months if held in months else [held, *months],
            index=(months if held in months else [held, *months]).index(held),
            key=f"{key}_starts",
            format_func=lambda each: each
            if each == _NO_MONTH
            else formats.month_name(ServiceMonth.parse(each)),
            help="With it the back-test compares the forecast with what came of it.",
        )  # fmt: skip
        left, right = st.columns(2)
        is_new = left.form_submit_button("Save as new" if current else "Save", type="primary")
        is_changed = bool(current) and right.form_submit_button("Save changes")
    if is_new or is_changed:
        with widgets.command():
            made = scenarios.save_scenario(
                SaveScenario(
                    id=current.id if current and is_changed else "",
                    name=name,
                    inputs=inputs,
                    starts=None if starts == _NO_MONTH else ServiceMonth.parse(starts),
                ),
                store=store.store(), actor=actor, clock=store.clock(),
            )  # fmt: skip
            st.session_state[_OPEN_ID] = made.id
            state.renew_form_id(_FORM)
            state.flash(f"Scenario saved: {made.name}.")
            st.rerun()


def _months(today: date) -> list[ServiceMonth]:
    newest = ServiceMonth.of(today).plus(12)
    return [newest.plus(-back) for back in range(36)]


def share(query: str) -> None:
    """Draw the link that opens the calculator with these inputs."""
    with st.popover("Link", icon=":material/link:"):
        address = str(st.context.url or "").partition("?")[0]
        st.caption(
            "Opens the calculator with these inputs, for whoever can sign in here. It holds numbers "
            "and choices, no patient's data and no name."
        )
        st.code(f"{address}?{query}", language=None, wrap_lines=True)


def compare(
    now: RoiResult, found: Sequence[Scenario], tables: AmountTables, contracts: Contracts
) -> None:
    """Draw up to four scenarios side by side, the page's own among them where it is chosen."""
    usable = {each.name: each.inputs for each in found if each.inputs is not None}
    names = st.multiselect(
        "Scenarios to compare", [AS_ENTERED, *usable], default=[AS_ENTERED, *usable][:MOST_COMPARED],
        max_selections=MOST_COMPARED, key=f"roi_compare_{len(usable)}", format_func=formats.plain,
    )  # fmt: skip
    if not usable:
        st.caption("Save scenarios under a name to compare them with what is entered now.")
    results = []
    for name in names:
        with widgets.command():
            inputs = usable.get(name)
            result = now if inputs is None else roi.simulate(inputs, tables, contracts)
            results.append((name, result))
    if results:
        roi_parts.compare(results)
