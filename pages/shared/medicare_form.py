"""The part of Settings with Medicare's amounts: which years are on file, and how to load the next."""

from decimal import Decimal, InvalidOperation
from typing import Final

import pandas as pd
import streamlit as st

from pages.shared import formats, state, store, widgets
from trellis_core.access import Actor, Operation, may
from trellis_core.errors import CommandRefusedError
from trellis_core.services import medicare_tables
from trellis_core.services.medicare_tables import YearOnFile
from trellis_core.services.medicare_year import (
    NOT_REVIEWED,
    CodeAmounts,
    MedicarePreview,
    MedicareYear,
)

_KEY: Final = "settings_medicare"
_DIGITS: Final = 12
_FLOOR: Final = {
    "With the floor of 1.0, where the file has both": None,
    "With the floor of 1.0": True,
    "Without the floor": False,
}


def draw(person: Actor) -> None:
    """Draw the years on file, and for who may change settings how to load the next."""
    st.markdown("## Medicare amounts")
    years = medicare_tables.medicare_tables_on_file(store=store.store(), actor=person)
    st.caption(
        "The published physician fee schedules by which allowed amounts are computed. A date of service "
        "in a year that is not on file has no amount."
    )
    widgets.table(
        pd.DataFrame([_row(each) for each in years]),
        alt="Medicare years on file, with release, source and digest",
        key=f"{_KEY}_years",
        columns={"sha256": st.column_config.TextColumn(width="medium")},
    )
    loaded = [each.year for each in years if each.is_loaded]
    if any(each.is_loaded and each.is_used for each in years):
        st.info(NOT_REVIEWED, icon=":material/info:")
    if not may(person, Operation.EDIT_SETTINGS):
        return
    last = max((each.year for each in years), default=store.today(person).year)
    later = ", or a later release of a year loaded here" if loaded else ""
    if st.toggle(f"Load the amounts of {last + 1}{later}", key=f"{_KEY}_open"):
        _load(person, loaded, last)
    if loaded:
        _remove(person, max(loaded))


def _row(of: YearOnFile) -> dict[str, object]:
    ways = {True: "Loaded here", False: "Ships with Trellis"}
    return {
        "Year": str(of.year),
        "Came in": ways[of.is_loaded] if of.is_used else "Loaded here; the shipped one is used",
        "Release": of.release,
        "Conversion factor": _factor(of.factor),
        "Qualifying participants": _factor(of.qualifying_factor),
        "Retrieved": formats.day(of.retrieved),
        "sha256": ", ".join(f"{name} {each[:_DIGITS]}" for name, each in of.digests.items()),
        "Source": of.url,
    }


def _factor(factor: Decimal | None) -> str:
    return "not on file" if factor is None else f"${factor}"


# --- loading ------------------------------------------------------------------------------------


def _load(person: Actor, loaded: list[int], last: int) -> None:
    key = state.form_key(_KEY)
    st.caption(
        "From cms.gov, of one release: the relative value file (PPRRVU, nonQPP) and the GPCI file "
        "(Addendum E), both as CSV. The conversion factors stand in the final rule. Nothing is saved "
        "before you have seen what changes."
    )
    first, second, third = st.columns(3)
    year = first.selectbox(
        "Year", [last + 1, *reversed(loaded)], key=f"{key}_year",
        help="A year that was loaded here can be replaced by a later release.",
    )  # fmt: skip
    factor = second.text_input("Conversion factor", placeholder="33.4009", key=f"{key}_factor")
    qualifying = third.text_input(
        "Factor of qualifying participants", key=f"{key}_qualifying", help="Empty for none on file."
    )
    url = first.text_input("Address at cms.gov", placeholder="https://…", key=f"{key}_url")
    release = second.text_input("Release", placeholder="RVU27A", key=f"{key}_release")
    retrieved = third.date_input(
        "Downloaded on", store.today(person), format="YYYY-MM-DD", key=f"{key}_retrieved"
    )
    left, right = st.columns(2)
    values = left.file_uploader("Relative value file (CSV)", type=["csv", "txt"], key=f"{key}_rvu")
    places = right.file_uploader("GPCI file (CSV)", type=["csv", "txt"], key=f"{key}_gpci")
    floor = left.selectbox("Work indices", list(_FLOOR), key=f"{key}_floor")
    retired = right.text_input(
        "Codes that CMS ended", key=f"{key}_retired", help="With blanks between; usually none."
    )
    is_large = left.checkbox("A factor may differ by more than 15 percent", key=f"{key}_large")
    is_ended = right.checkbox("Localities may have ended", key=f"{key}_ended")
    if values is None or places is None or not (factor.strip() and url.strip()):
        st.caption("Choose both files, and enter the conversion factor and the address.")
        return
    with widgets.command():
        given = MedicareYear(
            year=year,
            relative_values=values.getvalue(),
            indices=places.getvalue(),
            conversion_factor=_typed(factor),
            qualifying_factor=_typed(qualifying) if qualifying.strip() else None,
            url=url.strip(),
            release=release.strip(),
            retrieved=retrieved,
            with_floor=_FLOOR[floor],
            retired=frozenset(retired.upper().replace(",", " ").split()),
            replace=year in loaded,
            allow_large_change=is_large,
            allow_ended_localities=is_ended,
        )
        here, clock = store.store(), store.clock()
        _preview(
            medicare_tables.preview_medicare(given, store=here, actor=person, clock=clock), key
        )
        if st.button(f"Save the amounts of {year}", type="primary", key=f"{key}_save"):
            found = medicare_tables.load_medicare(given, store=here, actor=person, clock=clock)
            state.renew_form_id(_KEY)
            state.flash(f"Medicare {found.year} is on file: {found.release}.")
            st.rerun()


def _typed(text: str) -> Decimal:
    try:
        return Decimal(text.strip().removeprefix("$"))
    except InvalidOperation as error:
        raise CommandRefusedError(
            "FACTOR_WRONG", "A conversion factor is a number of dollars, such as 33.4009."
        ) from error


def _preview(found: MedicarePreview, key: str) -> None:
    st.info(NOT_REVIEWED, icon=":material/info:")
    st.caption(
        f"Factor {_factor(found.conversion_factor)}, was {_factor(found.conversion_factor_before)}; "
        f"qualifying participants {_factor(found.qualifying_factor)}, was "
        f"{_factor(found.qualifying_factor_before)}. {found.floor} "
        f"{formats.count(found.localities, 'locality', 'localities')}, were {found.localities_before}."
    )
    for what, names in (
        ("New codes", found.new_codes),
        ("New localities", found.new_localities),
    ):
        if names:
            st.caption(formats.plain(f"{what}: {', '.join(names)}."))
    for each in found.warnings:
        st.warning(formats.plain(each), icon=":material/checklist:")
    widgets.table(
        pd.DataFrame([_amounts(each, found) for each in found.amounts]),
        alt=f"Amounts of {found.year} beside those of {found.year - 1}",
        key=f"{key}_amounts",
    )
    st.caption(
        "National amounts of a nonfacility setting; compare some with published ones. "
        + (
            f"Here: {formats.plain(found.locality)}, in the practice's setting."
            if found.locality
            else "The practice names no locality, so that its amounts are the national ones."
        )
    )


def _amounts(each: CodeAmounts, found: MedicarePreview) -> dict[str, str]:
    row = {
        "Code": each.code,
        "Service": each.label,
        f"National {found.year - 1}": formats.money(each.before),
        f"National {found.year}": formats.money(each.after),
        "Change": formats.DASH if each.change is None else f"{each.change:+} %",
    }
    if found.locality:
        row |= {
            f"Here {found.year - 1}": formats.money(each.here_before),
            f"Here {found.year}": formats.money(each.here_after),
        }
    return row


def _remove(person: Actor, year: int) -> None:
    key = f"{state.form_key(_KEY)}_{year}"
    is_meant = st.checkbox(
        f"Remove the amounts of {year} that were loaded here", key=f"{key}_meant"
    )
    if is_meant and st.button(f"Remove {year}", key=f"{key}_remove"):
        with widgets.command():
            medicare_tables.remove_medicare(
                year, store=store.store(), actor=person, clock=store.clock()
            )
            state.renew_form_id(_KEY)
            state.flash(f"The amounts of {year} are removed.")
            st.rerun()
