"""What stands beside the hashes: words, reversals, totals and named heads, compared in the database."""

import hmac
from typing import Final

from sqlalchemy import Connection, FromClause, and_, case, exists, func, or_, select

from trellis_core.ledger.chain import GENESIS
from trellis_core.ledger.journal import EventKind
from trellis_core.services.integrity.chains import (
    CHAINS,
    JOURNAL,
    LEDGER,
    ChainKind,
    Span,
    TextBytes,
    raw_rows,
)
from trellis_core.services.integrity.report import Found
from trellis_core.store.tables import ENTRY, EVENT, MONTH_ROLL, WITHHELD_NOTE

_MIRRORED: Final = (
    "patient_id",
    "program",
    "ym",
    "staff_id",
    "started_at",
    "service_day",
    "activity",
    "condition",
)


def check_texts(connection: Connection, span: Span, found: Found) -> None:
    """Compare every text with the keyed digest in its link; look for texts without one and for gaps."""
    for kind in CHAINS:
        texts, links = kind.texts, kind.links
        digest = links.c[kind.digest]
        here = and_(links.c.practice_id == texts.c.practice_id, links.c.seq == texts.c.seq)
        beside = (
            select(
                texts.c.practice_id,
                texts.c.seq,
                texts.c.salt,
                TextBytes(texts.c.text),
                digest,
                links.c.seq,
            )
            .select_from(texts.outerjoin(links, here))
            .where(*span.of(texts, kind))
        )
        digest_of = hmac.digest
        for batch in raw_rows(connection, beside):
            for practice_id, seq, salt, words, told, link in batch:
                if not (
                    isinstance(salt, bytes)
                    and isinstance(words, bytes)
                    and digest_of(salt, words, "sha256").hex() == told
                ):
                    _text_finding(
                        kind, found, practice_id, seq, told=told, has_link=link is not None
                    )
        bare = select(links.c.practice_id, links.c.seq).where(
            digest.is_not(None), ~exists().where(here), *span.of(links, kind)
        )
        for practice_id, seq in connection.execute(bare):
            found.add(
                "L007",
                f"{kind.called(seq)} lacks its {kind.text_noun}.",
                practice_id=practice_id,
                chain=kind.name,
                seq=seq,
            )


def _text_finding(
    kind: ChainKind, found: Found, practice_id: str, seq: int, *, told: str | None, has_link: bool
) -> None:
    noun = kind.noun.lower()
    if not has_link:
        said = f"There is a {kind.text_noun} of {noun} {seq}, but no such {noun}."
    elif told is None:
        said = f"{kind.called(seq)} has a {kind.text_noun}, but was written without one."
    else:
        said = f"{kind.called(seq)} has another {kind.text_noun} than it was written with."
    found.add("L007", said, practice_id=practice_id, chain=kind.name, seq=seq)


def check_withheld(connection: Connection, span: Span, found: Found) -> None:
    """See that notes are withheld by an event each, and that none is shown again."""
    hidden, event = WITHHELD_NOTE, EVENT
    here = and_(
        event.c.practice_id == hidden.c.practice_id,
        event.c.seq == hidden.c.event_seq,
        event.c.kind == EventKind.NOTE_WITHHELD.value,
        ENTRY.c.practice_id == hidden.c.practice_id,
        ENTRY.c.seq == hidden.c.seq,
        ENTRY.c.entry_id == event.c.subject_id,
    )
    groundless = select(hidden.c.practice_id, hidden.c.seq).where(
        ~exists().where(here), *span.of(hidden)
    )
    for practice_id, seq in connection.execute(groundless):
        found.add(
            "L007",
            f"The note of entry {seq} is withheld, but no event says so.",
            practice_id=practice_id,
            chain=LEDGER.name,
            seq=seq,
        )
    shown = select(event.c.practice_id, event.c.seq).where(
        event.c.kind == EventKind.NOTE_WITHHELD.value,
        ~exists().where(here),
        *span.of(event, JOURNAL),
    )
    for practice_id, seq in connection.execute(shown):
        found.add(
            "L007",
            f"Event {seq} withholds a note, but the note is shown.",
            practice_id=practice_id,
            chain=JOURNAL.name,
            seq=seq,
        )


def check_reversals(connection: Connection, span: Span, found: Found) -> None:
    """See that each reversal takes back exactly one entry that exists, and that replacements do."""
    original = ENTRY.alias("original")
    taken_back = and_(
        original.c.practice_id == ENTRY.c.practice_id,
        original.c.entry_id == ENTRY.c.reverses,
        original.c.seconds == -ENTRY.c.seconds,
        original.c.seq < ENTRY.c.seq,
        *(original.c[name].is_not_distinct_from(ENTRY.c[name]) for name in _MIRRORED),
    )
    replaced = and_(
        original.c.practice_id == ENTRY.c.practice_id,
        original.c.entry_id == ENTRY.c.replaces,
        original.c.seq < ENTRY.c.seq,
    )
    for column, here, said in (
        ("reverses", taken_back, "takes back an entry that is not there or says something else"),
        ("replaces", replaced, "replaces an entry that is not there"),
    ):
        odd = select(ENTRY.c.practice_id, ENTRY.c.seq, ENTRY.c.entry_id).where(
            ENTRY.c[column].is_not(None),
            ~exists(select(original.c.seq).where(here)),
            *span.of(ENTRY, LEDGER),
        )
        for practice_id, seq, entry_id in connection.execute(odd):
            found.add(
                "L010",
                f"Entry {seq} {said}.",
                practice_id=practice_id,
                chain=LEDGER.name,
                seq=seq,
                subject_ids=(entry_id,),
            )


_GROUP: Final = ("practice_id", "ym", "patient_id", "program")


def check_totals(connection: Connection, span: Span, found: Found) -> None:
    """Add every patient's month up anew, and compare; of a span only the months it touched."""
    added = _added(span)
    roll = MONTH_ROLL.c
    wrong = (
        select(*(added.c[key] for key in _GROUP))
        .select_from(added)
        .outerjoin(MONTH_ROLL, and_(*(roll[key] == added.c[key] for key in _GROUP)))
        .where(
            or_(
                roll.seconds.is_distinct_from(added.c.seconds),
                roll.entries.is_distinct_from(added.c.entries),
            )
        )
    )
    rows = list(connection.execute(wrong))
    if span.is_whole:
        groundless = select(*(roll[key] for key in _GROUP)).where(
            ~exists().where(*(ENTRY.c[key] == roll[key] for key in _GROUP)), *span.of(MONTH_ROLL)
        )
        rows += connection.execute(groundless)
    for practice_id, ym, patient_id, program in rows:
        found.add(
            "L006",
            f"The total of {program} in {ym // 100}-{ym % 100:02d} for patient '{patient_id}' "
            "is not the sum of its entries.",
            practice_id=practice_id,
            subject_ids=(patient_id,),
        )


def _added(span: Span) -> FromClause:
    """Return the sums of the months, from the entries."""
    entry = ENTRY.c
    grouped = (
        select(
            *(entry[key] for key in _GROUP),
            func.sum(entry.seconds).label("seconds"),
            func.sum(case((entry.seconds > 0, 1), else_=-1)).label("entries"),
        )
        .where(*span.of(ENTRY))
        .group_by(*(entry[key] for key in _GROUP))
    )
    if span.start(LEDGER):
        new = ENTRY.alias("new")
        touched = (
            select(*(new.c[key] for key in _GROUP)).where(*span.of(new, LEDGER)).distinct()
        ).subquery("touched")
        grouped = grouped.select_from(
            touched.join(ENTRY, and_(*(entry[key] == touched.c[key] for key in _GROUP)))
        )
    return grouped.subquery("added")


def check_named_heads(connection: Connection, span: Span, found: Found) -> None:
    """See that every event names an end of the ledger that the ledger has."""
    event, entry = EVENT.c, ENTRY.c
    named = (
        select(event.practice_id, event.seq, event.ledger_seq, event.ledger_head, entry.hash)
        .select_from(
            EVENT.outerjoin(
                ENTRY,
                and_(entry.practice_id == event.practice_id, entry.seq == event.ledger_seq),
            )
        )
        .where(*span.of(EVENT, JOURNAL))
    )
    zero = GENESIS.hex()
    for batch in raw_rows(connection, named):
        for practice_id, seq, ledger_seq, head, digest in batch:
            has = zero if ledger_seq == 0 else digest.hex() if isinstance(digest, bytes) else None
            if head != has:
                is_gone = ledger_seq != 0 and digest is None
                found.add(
                    "L013",
                    f"When event {seq} was written, the ledger ended with entry {ledger_seq}; "
                    f"{'that entry is gone' if is_gone else 'that entry has another hash now'}.",
                    practice_id=practice_id,
                    chain=JOURNAL.name,
                    seq=seq,
                )
