"""One superbill on screen: the same facts, in the same order, as in its documents."""

from collections.abc import Iterable, Sequence

import pandas as pd
import streamlit as st

from pages.shared import formats, store, where_to_record, widgets
from trellis_core.documents.superbill_words import (
    ALLOWED_IS,
    BEFORE_SUBMITTING,
    TO_LOOK_AT,
    allowed_words,
    approval_words,
    attestation_text,
    charge_words,
    performers,
    recording_words,
    replaced_text,
    sentence,
    track_words,
    unattested,
    unattested_text,
)
from trellis_core.rules.rulebook import RuleBook
from trellis_core.superbill import (
    Practitioner,
    Superbill,
    SuperbillLine,
    SuperbillStatus,
)
from trellis_core.superbill.rule_values import value_words


def status_words(bill: Superbill) -> str:
    """Say how far a superbill is, and what it still needs, in one phrase.

    A choice that a person must make comes before missing facts.
    """
    if bill.status is SuperbillStatus.ISSUED:
        return "Withdrawn" if bill.is_withdrawn else "Issued"
    if bill.is_ready and bill.is_undecided:
        return "Needs a decision on weak time"
    if bill.replaces is not None and not bill.missing:
        return f"Would {'replace' if bill.lines else 'withdraw'} No. {bill.replaces}"
    if bill.is_ready:
        return "Approved" if bill.approval else "Ready"
    if not bill.missing:
        return "No line"
    return "Needs " + ", ".join(
        dict.fromkeys(where_to_record.short_of(each) for each in bill.missing)
    )


def codes_words(lines: Iterable[SuperbillLine]) -> str:
    """Write the lines' codes with their units.

    Example:
        >>> codes_words(())
        ''
    """
    return ", ".join(
        f"{line.code} x {line.units}" if line.units > 1 else line.code for line in lines
    )


def draw(bill: Superbill, *, rule_book: RuleBook) -> None:
    """Draw a superbill: claim facts, lines, what is missing, and why each line bills."""
    with st.container(border=True):
        _head(bill)
        _facts(bill)
        _lines(bill)
        _open_points(bill)
    with st.expander("Why these lines bill", icon=":material/rule:", key="superbills_why"):
        _why(bill, rule_book)
    with st.expander("Time behind it", icon=":material/schedule:", key="superbills_time"):
        _time(bill)


def _head(bill: Superbill) -> None:
    number = f"No. {bill.number}" if bill.number is not None else "no number yet"
    st.header(f"Superbill, {formats.month_name(bill.service_month)}", anchor=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(formats.words(bill.status), color="gray")
        st.caption(
            f"{number} · version {bill.version} · {bill.id} · rule book {bill.rule_book_version}"
        )
    if bill.replaces is not None:
        verb = "Replaces" if bill.status is SuperbillStatus.ISSUED else "Would replace"
        st.caption(f"{verb} No. {bill.replaces}.")
    if bill.replaced_by is not None:
        st.warning(f"{replaced_text(bill)}.", icon=":material/history:")
    if bill.status is SuperbillStatus.DRAFT:
        st.caption("A draft: it shows the month as recorded so far and changes with it.")
    if bill.approval is not None or bill.lines:
        ends = " The approval ends when it changes." if bill.approval and not bill.closed else ""
        st.caption(formats.plain(f"{sentence(approval_words(bill))}{ends}"))
    if bill.closed is not None:
        st.caption(
            formats.plain(
                f"Issued on {formats.day(bill.closed.at.date())}, event {bill.closed.event:,} of the "
                f"journal. Ledger to entry {bill.closed.ledger_seq:,}."
            )
        )


def _facts(bill: Superbill) -> None:
    patient, practice, payer = bill.patient, bill.practice, bill.payer
    first, second, third = st.columns(3)
    _block(
        first,
        "Patient",
        (
            patient.name,
            f"Born {formats.day(patient.birth_date)} · {formats.words(patient.sex or 'sex not recorded')}",
            f"MRN {patient.mrn}",
            patient.address_line,
            f"{patient.city} {patient.state} {patient.postal_code}",
        ),
    )
    _block(
        second,
        "Payer",
        (payer.payer_name, f"Member id {bill.member_id or formats.NOT_RECORDED}")
        if payer
        else ("No coverage recorded",),
    )
    _block(second, "Billing practitioner", (_practitioner(bill.billing),))
    _block(
        third,
        "Practice",
        (
            practice.name,
            practice.address_line,
            f"{practice.city} {practice.state or ''} {practice.postal_code}",
            f"NPI {practice.npi or formats.NOT_RECORDED}",
            f"TIN {practice.tin or formats.NOT_RECORDED}",
        ),
    )
    if bill.diagnoses:
        st.markdown("**Diagnoses**")
        st.text("\n".join(f"{each.letter}  {each.icd10}  {each.text}" for each in bill.diagnoses))
        if bill.diagnoses_left_out:
            st.caption(f"{bill.diagnoses_left_out} more left out: a claim form takes twelve.")
    said = [attestation_text(bill, each) for each in bill.attestations]
    bare = unattested(bill)
    for words in [*said, *([unattested_text(bare)] if bare else [])]:
        st.caption(formats.plain(f"{words}."))


def _block(where: st.delta_generator.DeltaGenerator, title: str, lines: Sequence[str]) -> None:
    where.markdown(f"**{title}**")
    where.text("\n".join(" ".join(line.split()) for line in lines if line.strip()))


def _practitioner(person: Practitioner | None) -> str:
    if person is None:
        return "Not recorded"
    return f"{person.signature}, NPI {person.npi or formats.NOT_RECORDED}"


def _lines(bill: Superbill) -> None:
    if not bill.lines:
        st.markdown("Nothing is billed." if bill.is_withdrawn else "No line can be billed yet.")
        return
    has_charges = any(line.charge is not None for line in bill.lines)
    rows = [
        {
            "Code": line.code,
            "Service": line.label,
            "Modifiers": " ".join(line.modifiers),
            "Units": line.units,
            "Minutes": line.minutes if line.minutes is not None else None,
            "Date of service": formats.day(line.date_of_service),
            "Place": line.place_of_service,
            "Dx": "".join(line.diagnosis_pointers),
            "Charge": formats.money(line.charge),
            "Expected allowed": formats.money(line.allowed),
        }
        for line in bill.lines
    ]
    unused = [
        *([] if has_charges else ["Charge"]),
        *([] if any(line.modifiers for line in bill.lines) else ["Modifiers"]),
    ]
    table = pd.DataFrame(rows).drop(columns=unused)
    widgets.table(table, alt="Lines of the superbill", key=f"superbills_lines_{bill.id}")
    done: dict[str, list[str]] = {}
    for line in bill.lines:
        done.setdefault(performers(line), []).append(line.code)
    for people, codes in done.items():
        if people:
            st.caption(formats.plain(f"{', '.join(codes)} done by {people}."))
    totals = [f"Expected allowed in total **{formats.plain(formats.money(bill.allowed_total))}**"]
    if has_charges:
        totals.insert(0, f"Charge in total **{formats.plain(formats.money(bill.charge_total))}**")
    st.markdown(" · ".join(totals))
    st.caption(formats.plain(f"Charge: {charge_words(bill.lines)}."))
    st.caption(formats.plain(f"Expected allowed: {allowed_words(bill.lines)}. {ALLOWED_IS}"))


def _open_points(bill: Superbill) -> None:
    if bill.missing:
        listed = "\n".join(f"- {formats.plain(each.message)}" for each in bill.missing)
        st.warning(f"{BEFORE_SUBMITTING}:\n{listed}", icon=":material/checklist:")
    for caution in () if bill.status is SuperbillStatus.ISSUED else bill.cautions:
        st.markdown(f":material/visibility: {formats.plain(caution.message)}")
    if bill.status is not SuperbillStatus.ISSUED and (person := store.actor()) is not None:
        found = (*bill.missing, *bill.cautions)
        where_to_record.links(found, person, patient_id=bill.patient.id)
    if bill.cautions:
        listed = "\n".join(f"- {formats.plain(each.message)}" for each in bill.cautions)
        st.info(f"{TO_LOOK_AT}:\n{listed}", icon=":material/visibility:")
    for weak in () if bill.status is SuperbillStatus.ISSUED else bill.weak_units:
        st.caption(
            formats.plain(
                f"{weak.code} needs {weak.needed_minutes} minutes; {weak.strong_minutes} of them were timed "
                "and written down in time. The rest is late, estimated or typed."
            )
        )
    for each in bill.withheld:
        st.caption(
            formats.plain(
                f"Left out until someone chooses {each.question.replace('_', ' ')}: "
                f"{each.code}, {formats.count(each.units, 'unit')}."
            )
        )
    for words in (*bill.warnings, *bill.notes):
        st.caption(formats.plain(words))


def _why(bill: Superbill, rule_book: RuleBook) -> None:
    for rule in bill.rules:
        st.markdown(f"- **{rule.program}** {formats.plain(rule.message)}")
        words = rule.readings or [_value_words(each, bill, rule_book) for each in rule.values]
        if words:
            st.caption(formats.plain(" ".join(words)))
    if bill.records:
        st.markdown("**On record**")
        st.text("\n".join(f"{each.kind}: {each.text}" for each in bill.records))
    if bill.not_billed:
        st.markdown("**Not billed this month**")
        for each in bill.not_billed:
            st.markdown(f"- {', '.join(each.codes)}: {formats.plain(each.message)}")
    if bill.sources:
        st.markdown("**Sources**")
        st.markdown(
            "\n".join(
                f"- [{formats.plain(each.title)}]({each.url}), {formats.plain(each.locator)}"
                for each in bill.sources
            )
        )


def _value_words(value: str, bill: Superbill, rule_book: RuleBook) -> str:
    """Write a value that decided, as the rule book describes it; as recorded where it does not."""
    path = value.partition(" = ")[0]
    parameter = rule_book.parameters.get(path)
    use = rule_book.find(path, on=bill.service_month.last_day) if parameter else None
    if parameter is None or use is None:
        return value
    words = value_words(use.value, parameter.unit)
    return f"{parameter.description.rstrip('.')}: {words}, since {formats.day(use.effective_from)}."


def _time(bill: Superbill) -> None:
    rows = [
        {
            "No.": each.number,
            "Started": f"{each.started_at:%b} {each.started_at.day}, {each.started_at:%H:%M}",
            "Program": each.program.value,
            "Length": formats.length(each.seconds),
            "Counted": formats.length(each.counted_seconds) if each.counted_seconds else "none",
            "Came in": recording_words(each) or formats.NOT_RECORDED,
            "Why not": ", ".join(title for title, _ in each.reasons),
            "Activity": each.activity,
            "By": f"{each.person}, {each.credential}" if each.credential else each.person,
            "Receipt": each.code,
        }
        for each in bill.time
    ]
    if rows:
        widgets.table(pd.DataFrame(rows), alt="Time behind the superbill", key="superbills_entries")
    else:
        st.markdown("No time is behind it.")
    if bill.track_time:
        st.caption(formats.plain(f"Counted: {' · '.join(map(track_words, bill.track_time))}."))
