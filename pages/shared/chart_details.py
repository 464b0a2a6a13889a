"""The chart's last section: who the patient is, how to reach the person, where, and who pays."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import chart_coverage, formats, same_person_view, store
from pages.shared.chart_base import ChartView, save, yes_no_input
from trellis_core.care.people import Coverage, Patient, Site
from trellis_core.care.vocabulary import PayerKind
from trellis_core.services import caseload, sites
from trellis_core.values.unknown import UNKNOWN, Maybe

SEXES: Final = ("female", "male", "other", "unknown")
OLDEST: Final = date(1900, 1, 1)


def details(view: ChartView) -> None:
    """Draw demographics, site and coverage, and the forms that change them."""
    patient = view.patient
    left, right = st.columns(2, gap="large")
    left.markdown("**Person**")
    left.text(
        "\n".join(
            line
            for line in (
                f"Born {formats.day(patient.birth_date)}",
                f"Sex {patient.sex or formats.NOT_RECORDED}",
                f"Last seen {_last_seen(patient.last_seen_on)}",
                f"Deceased {formats.day(patient.deceased_on)}" if patient.deceased_on else "",
                patient.phone and f"Phone {patient.phone}",
                patient.best_time and f"Best time {patient.best_time}",
                patient.language and f"Language {patient.language}",
                patient.caregiver and f"Caregiver {patient.caregiver}",
                patient.address_line,
                f"{patient.city} {patient.state} {patient.postal_code}".strip(),
            )
            if line
        )
    )
    right.markdown(f"**Coverage in {formats.month_name(view.month)}**")
    right.text(coverage_words(patient, view.chart.coverage))
    right.markdown("**Site**")
    right.text(_site_words(view.chart.site))
    chart_coverage.draw(view)
    if not view.may_edit:
        return
    st.markdown("## Change details")
    with st.form(view.key("chart_details")):
        changed = person_fields(
            patient,
            view.today,
            key=view.key("chart_details_of"),
            places=sites.sites(store=store.store(), actor=view.person),
        )
        is_sent = st.form_submit_button(
            "Save details", type="primary", key=view.key("chart_details_save")
        )
    same_person_view.save_after_look(
        changed,
        before=patient,
        is_sent=is_sent,
        command=lambda: save(
            lambda: caseload.edit_patient(changed, **view.services), "Details saved."
        ),
        actor=view.person,
        key=view.key("chart_details_same"),
    )


def _site_words(site: Site | None) -> str:
    if site is None:
        return "The practice's own address"
    locality = f"{site.state} {site.locality}" if site.locality else "national amounts"
    return f"{site.name}\n{locality}, place of service {site.place_of_service}"


def coverage_words(patient: Patient, coverage: Coverage | None) -> str:
    """Write who pays, in a few lines."""
    if coverage is None:
        return "No coverage on record for this month"
    qmb = formats.yes_no(patient.qualified_medicare_beneficiary).lower()
    return "\n".join(
        (
            f"{coverage.payer_name} ({formats.words(coverage.kind)})",
            f"Member id {coverage.member_id or formats.NOT_RECORDED}",
            f"From {formats.day(coverage.started_on)}"
            + (f" through {formats.day(coverage.ended_on)}" if coverage.ended_on else ""),
            f"Qualified Medicare Beneficiary: {qmb}",
        )
    )


def _last_seen(on: Maybe[date | None]) -> str:
    return "never" if on is None else formats.day(on)


def person_fields(
    patient: Patient,
    today: date,
    *,
    key: str,
    places: Sequence[Site] = (),
    is_folded: bool = False,
) -> Patient:
    """Draw the inputs of a patient's facts; return the patient as they now say.

    Args:
        patient: Where the inputs start.
        today: No date of the past may lie after it.
        key: Prefix of the widget keys.
        places: The practice's sites; none are offered where it has none.
        is_folded: Show the few facts that come first, and fold the rest away.
    """
    first, second, third = st.columns(3)
    family = first.text_input("Family name", patient.family_name, key=f"{key}_family")
    given = second.text_input("Given name", patient.given_name, key=f"{key}_given")
    mrn = third.text_input("MRN", patient.mrn, key=f"{key}_mrn")
    born = first.date_input(
        "Birth date", value=patient.birth_date, min_value=OLDEST, max_value=today,
        key=f"{key}_born", format="YYYY-MM-DD",
    )  # fmt: skip
    sex = second.selectbox(
        "Sex, as the payer has it", [None, *SEXES],
        index=SEXES.index(patient.sex) + 1 if patient.sex in SEXES else 0,
        format_func=lambda each: "Not recorded" if each is None else formats.words(each),
        key=f"{key}_sex",
    )  # fmt: skip
    phone = third.text_input("Phone", patient.phone, key=f"{key}_phone")
    coverage = _coverage_fields(patient.coverage, key=key)
    more = st.expander("More: how to reach, address, site, dates") if is_folded else st.container()
    with more:
        entered = _more_fields(patient, today, key=key)
        last = st.columns(3)
        if coverage is not None:
            coverage = _coverage_days(coverage, last, key=key)
        site_id = _site_field(last[2], patient.site_id, places, key=key)
    return replace(
        entered,
        family_name=family.strip(),
        given_name=given.strip(),
        mrn=mrn.strip(),
        birth_date=born,
        sex=sex,
        phone=phone.strip(),
        coverage=coverage,
        site_id=site_id,
    )


def _more_fields(patient: Patient, today: date, *, key: str) -> Patient:
    first, second, third = st.columns(3)
    best = first.text_input("Best time to call", patient.best_time, key=f"{key}_best")
    language = second.text_input("Language", patient.language, key=f"{key}_language")
    caregiver = third.text_input("Caregiver", patient.caregiver, key=f"{key}_caregiver")
    line = first.text_input("Street", patient.address_line, key=f"{key}_street")
    city = second.text_input("City", patient.city, key=f"{key}_city")
    state, postal = third.columns(2)
    state_code = state.text_input("State", patient.state, key=f"{key}_state", max_chars=2)
    zip_code = postal.text_input("ZIP code", patient.postal_code, key=f"{key}_zip")
    seen = st.columns(3)
    last_seen = seen[0].date_input(
        "Last seen by the billing practitioner",
        value=patient.last_seen_on if isinstance(patient.last_seen_on, date) else None,
        min_value=OLDEST, max_value=today, key=f"{key}_seen", format="YYYY-MM-DD",
        help="Empty: not recorded.",
    )  # fmt: skip
    died = seen[1].date_input(
        "Deceased on", value=patient.deceased_on, min_value=OLDEST, max_value=today,
        key=f"{key}_died", format="YYYY-MM-DD",
    )  # fmt: skip
    with seen[2]:
        qmb = yes_no_input(
            "Qualified Medicare Beneficiary",
            patient.qualified_medicare_beneficiary,
            key=f"{key}_qmb",
        )
    return replace(
        patient,
        best_time=best.strip(),
        language=language.strip(),
        caregiver=caregiver.strip(),
        address_line=line.strip(),
        city=city.strip(),
        state=state_code.strip().upper(),
        postal_code=zip_code.strip(),
        last_seen_on=_seen(patient.last_seen_on, last_seen),
        deceased_on=died,
        qualified_medicare_beneficiary=qmb,
    )


def _site_field(
    column: DeltaGenerator, held: str | None, places: Sequence[Site], *, key: str
) -> str | None:
    """Draw the choice of a site: those that take patients, and the one that the patient has."""
    names = {each.id: each.name for each in places if each.is_active or each.id == held}
    if not names:
        return held
    options = [None, *names]
    chosen: str | None = column.selectbox(
        "Site", options, index=options.index(held) if held in names else 0,
        format_func=lambda each: "The practice's own address" if each is None else names[each],
        key=f"{key}_site", help="Amounts and place of service follow it.",
    )  # fmt: skip
    return chosen


def _seen(before: Maybe[date | None], entered: date | None) -> Maybe[date | None]:
    if entered is not None:
        return entered
    return None if before is None else UNKNOWN


def _coverage_fields(before: Coverage | None, *, key: str) -> Coverage | None:
    first, second, third = st.columns(3)
    name = first.text_input(
        "Payer", before.payer_name if before else "Medicare Part B", key=f"{key}_payer"
    )
    kinds = list(PayerKind)
    kind = second.selectbox(
        "Kind of payer", kinds, index=kinds.index(before.kind) if before else 0,
        format_func=formats.words, key=f"{key}_kind",
    )  # fmt: skip
    member = third.text_input(
        "Member id", (before.member_id or "") if before else "", key=f"{key}_member"
    )
    if not name.strip():
        return None
    held = before or Coverage(payer_name=name.strip())
    return replace(held, payer_name=name.strip(), kind=kind, member_id=member.strip() or None)


def _coverage_days(held: Coverage, columns: Sequence[DeltaGenerator], *, key: str) -> Coverage:
    first, second, _ = columns
    started_on = first.date_input(
        "Covered from", value=held.started_on, min_value=OLDEST, max_value=chart_coverage.LATEST,
        key=f"{key}_covered_from", format="YYYY-MM-DD", help="Empty: as long as anybody knows.",
    )  # fmt: skip
    ended_on = second.date_input(
        "Covered through", value=held.ended_on, min_value=OLDEST, max_value=chart_coverage.LATEST,
        key=f"{key}_covered_through", format="YYYY-MM-DD", help="Empty: it lasts.",
    )  # fmt: skip
    return replace(held, started_on=started_on, ended_on=ended_on)
