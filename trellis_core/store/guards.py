"""What the database itself refuses: the ledger's guards, and columns cut from the hashed body.

The rules are here once, in SQL that both databases read; ``guards_sqlite`` and ``guards_postgres``
put them into triggers of their own kind.

- An entry, an event, a head, a note and every issued document cannot be updated or deleted, also not
  by ``REPLACE``, ``ON CONFLICT`` or ``TRUNCATE``.
- The next entry or event must follow the head, name its hash, and carry its own practice and number.
- A head moves by one, to what was just inserted, and in no other way.
- A reversal must be the exact negative of an entry that was not reversed before, and say why.
- No entry enters a month that is closed; a month is closed and reopened in turn, each with an event.
- The roll-up moves with the entry, in the same statement, and only to the sum of its entries.
- Superbills and checkpoints are numbered without gaps; a superbill replaces the newest version only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, Text, TypeEngine

from trellis_core.errors import UnsafeStoreError
from trellis_core.ledger.chain import BODY_FIELDS, BODY_VERSION
from trellis_core.ledger.journal import EVENT_FIELDS, EVENT_VERSION

PLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"entry": BODY_FIELDS, "event": EVENT_FIELDS}
)
"""The places of each chain's canonical array."""

_INTEGERS: Final = frozenset(
    {
        "version",
        "seq",
        "started_at",
        "seconds",
        "ym",
        "patients_sharing",
        "billed_elsewhere",
        "separate_from_visit",
        "is_estimated",
        "ledger_seq",
        "recorded_at",
    }
)


def is_integer(field: str) -> bool:
    """Say whether a place of a canonical body holds a number."""
    return field in _INTEGERS


class BodyField(FunctionElement[object]):
    """One place of the canonical body, cut out by the database.

    Attributes:
        name: The field's name.
        of: Whose body: ``entry`` or ``event``.
    """

    inherit_cache = True

    def __init__(self, name: str, *, of: str = "entry") -> None:
        super().__init__()
        self.name = name
        self.of = of
        self.place = PLACES[of].index(name)
        self.type = cast("TypeEngine[object]", BigInteger() if is_integer(name) else Text())

    def __repr__(self) -> str:
        return f"guards.BodyField({self.name!r}, of={self.of!r})"


@compiles(BodyField)
def _refuse_other_dialects(element: BodyField, compiler: SQLCompiler, **_: object) -> str:
    raise UnsafeStoreError(
        f"The ledger has no column '{element.name}' on {compiler.dialect.name}: "
        "it is kept in SQLite and in PostgreSQL."
    )


@compiles(BodyField, "sqlite")
def _sqlite_body_field(element: BodyField, _compiler: SQLCompiler, **_: object) -> str:
    return f"json_extract(body, '$[{element.place}]')"


@compiles(BodyField, "postgresql")
def _postgres_body_field(element: BodyField, _compiler: SQLCompiler, **_: object) -> str:
    cut = f"((body)::json ->> {element.place})"
    return f"({cut})::bigint" if is_integer(element.name) else cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What one database calls things that the rules need.

    Attributes:
        at: Returns the SQL for a place of a row's body: field, row, chain.
        body_length: Returns the SQL for the number of places of ``NEW.body``.
        zero: A hash of 32 zero bytes.
        unlinked: Returns the condition that a new link does not follow: chain, its head.
        misplaced: Returns the condition that a head does not move to what was just added: chain.
    """

    at: Callable[[str, str, str], str]
    body_length: str
    zero: str
    unlinked: Callable[[str, str], str]
    misplaced: Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Refuse a change where a condition holds.

    Attributes:
        refuse_if: SQL over ``NEW`` and, on an update, ``OLD``.
        message: What the database answers; begins with ``ledger:``.
    """

    refuse_if: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Rules and actions of one table and one kind of statement, after the row is in its place.

    Attributes:
        name: Name of the trigger.
        table: The table.
        on: ``INSERT``, ``UPDATE`` or ``DELETE``.
        rules: Checked in this order.
        actions: Statements that follow.
    """

    name: str
    table: str
    on: str
    rules: tuple[Rule, ...] = ()
    actions: tuple[str, ...] = ()


NEVER_CHANGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "entry": "an entry is never changed or removed; add a correction",
        "entry_note": "a note is never changed or removed; add a correction",
        "withheld_note": "a withheld note stays withheld",
        "event": "an event is never changed or removed",
        "event_text": "what an event says is never changed or removed",
        "month_mark": "a close or a reopening of a month stays",
        "superbill": "an issued superbill is never changed or removed; issue one that replaces it",
        "superbill_line": "a line of an issued superbill is never changed or removed",
        "month_determination": "what a close decided is never changed or removed",
        "checkpoint": "a checkpoint is never changed or removed",
        "store_identity": "a store keeps its identity",
    }
)
"""Tables that are only ever added to, and what is said to whoever tries otherwise."""

MOVED_BY_GUARDS: Final = ("ledger_head", "journal_head", "month_roll")
"""Tables that only the guards write."""

ONCE: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "entry": (("seq",), ("entry_id",), ("reverses",)),
        "entry_note": (("seq",),),
        "withheld_note": (("seq",),),
        "event": (("seq",), ("event_id",)),
        "event_text": (("seq",),),
        "month_mark": (("ym", "number"),),
        "superbill": (("number",), ("superbill_id", "version")),
        "superbill_line": (("number", "line_id"),),
        "month_determination": (("ym", "period", "patient_id"),),
        "checkpoint": (("number",),),
        "ledger_head": ((),),
        "journal_head": ((),),
    }
)
"""Keys within a practice that a row may take once only, also with ``REPLACE``."""

_SAME_IN_REVERSAL: Final = (
    "program",
    "patient_id",
    "staff_id",
    "started_at",
    "service_day",
    "ym",
    "activity",
    "condition",
)


def _head_guards(head: str, chain: str, words: Words) -> tuple[Guard, ...]:
    return (
        Guard(
            name=f"guard_{head}_insert",
            table=head,
            on="INSERT",
            rules=(
                Rule(
                    refuse_if="NEW.seq <> 0 OR NEW.hash <> {zero} OR EXISTS "
                    f"(SELECT 1 FROM {chain} AS c WHERE c.practice_id = NEW.practice_id)",
                    message="a practice has one head, and it starts at zero",
                ),
            ),
        ),
        Guard(
            name=f"guard_{head}_update",
            table=head,
            on="UPDATE",
            rules=(
                Rule(
                    refuse_if="NEW.practice_id IS DISTINCT FROM OLD.practice_id OR "
                    f"{words.misplaced(chain)}",
                    message="the head moves only to what was just added",
                ),
            ),
        ),
        Guard(
            name=f"guard_{head}_delete",
            table=head,
            on="DELETE",
            rules=(Rule(refuse_if="TRUE", message="the head cannot be removed"),),
        ),
    )


def _chain_rules(chain: str, head: str, words: Words, version: int) -> tuple[Rule, ...]:
    at = words.at
    return (
        Rule(
            refuse_if=words.unlinked(chain, head),
            message=f"an {chain} must follow the head of its practice",
        ),
        Rule(
            refuse_if=f"{at('version', 'NEW', chain)} IS DISTINCT FROM {version} "
            f"OR {at('practice_id', 'NEW', chain)} IS DISTINCT FROM NEW.practice_id "
            f"OR {at('seq', 'NEW', chain)} IS DISTINCT FROM NEW.seq "
            f"OR {words.body_length} <> {len(PLACES[chain])} OR length(NEW.hash) <> 32",
            message=f"an {chain} must carry its own practice, number and form",
        ),
    )


def _text_guard(table: str, chain: str, digest: str) -> Guard:
    return Guard(
        name=f"guard_{table}_insert",
        table=table,
        on="INSERT",
        rules=(
            Rule(
                refuse_if=f"NOT EXISTS (SELECT 1 FROM {chain} AS c WHERE c.practice_id = "
                f"NEW.practice_id AND c.seq = NEW.seq AND c.{digest} IS NOT NULL)",
                message=f"a text belongs to one {chain} that was written with it",
            ),
        ),
    )


_MARKS_OF_MONTH: Final = (
    "(SELECT count(*) FROM month_mark AS m WHERE m.practice_id = NEW.practice_id AND m.ym = NEW.ym)"
)

_ROLL_IS_SUM: Final = Rule(
    refuse_if="NOT EXISTS (SELECT 1 FROM (SELECT sum(e.seconds) AS seconds, "
    "sum(CASE WHEN e.seconds > 0 THEN 1 ELSE -1 END) AS entries FROM entry AS e "
    "WHERE e.practice_id = NEW.practice_id AND e.ym = NEW.ym AND e.patient_id = NEW.patient_id "
    "AND e.program = NEW.program) AS added "
    "WHERE added.seconds = NEW.seconds AND added.entries = NEW.entries)",
    message="a total is the sum of its entries",
)


def guards(words: Words) -> tuple[Guard, ...]:
    """Return every rule of the ledger and the journal, in the words of one database."""
    mirrored = " AND ".join(
        f"original.{name} IS NOT DISTINCT FROM NEW.{name}" for name in _SAME_IN_REVERSAL
    )
    made = (
        Guard(
            name="guard_practice_opens_chains",
            table="practice",
            on="INSERT",
            actions=tuple(
                f"INSERT INTO {head} (practice_id, seq, hash) VALUES (NEW.id, 0, {{zero}})"
                for head in ("ledger_head", "journal_head")
            ),
        ),
        *_head_guards("ledger_head", "entry", words),
        *_head_guards("journal_head", "event", words),
        Guard(
            name="guard_entry_insert",
            table="entry",
            on="INSERT",
            rules=(
                *_chain_rules("entry", "ledger_head", words, BODY_VERSION),
                Rule(
                    refuse_if=f"{_MARKS_OF_MONTH} % 2 = 1",
                    message="the month is closed; reopen it for an adjustment",
                ),
                Rule(
                    refuse_if="NEW.kind = 'reversal' AND NOT EXISTS (SELECT 1 FROM entry AS original "
                    "WHERE original.practice_id = NEW.practice_id "
                    "AND original.entry_id = NEW.reverses AND original.kind = 'time' "
                    f"AND original.seconds = -NEW.seconds AND {mirrored})",
                    message="a reversal is the exact negative of an entry of this practice",
                ),
                Rule(
                    refuse_if="NEW.replaces IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entry AS "
                    "original WHERE original.practice_id = NEW.practice_id "
                    "AND original.entry_id = NEW.replaces AND original.kind = 'time')",
                    message="an entry can replace only an entry of this practice",
                ),
            ),
            actions=(
                (
                    "UPDATE ledger_head SET seq = NEW.seq, hash = NEW.hash "
                    "WHERE practice_id = NEW.practice_id"
                ),
                (
                    "INSERT INTO month_roll (practice_id, ym, patient_id, program, seconds, entries) "
                    "VALUES (NEW.practice_id, NEW.ym, NEW.patient_id, NEW.program, NEW.seconds, "
                    "CASE NEW.kind WHEN 'time' THEN 1 ELSE -1 END) "
                    "ON CONFLICT (practice_id, ym, patient_id, program) DO UPDATE "
                    "SET seconds = month_roll.seconds + excluded.seconds, "
                    "entries = month_roll.entries + excluded.entries"
                ),
            ),
        ),
        _text_guard("entry_note", "entry", "note_hmac"),
        Guard(
            name="guard_month_roll_insert", table="month_roll", on="INSERT", rules=(_ROLL_IS_SUM,)
        ),
        Guard(
            name="guard_month_roll_update", table="month_roll", on="UPDATE", rules=(_ROLL_IS_SUM,)
        ),
        Guard(
            name="guard_month_roll_delete",
            table="month_roll",
            on="DELETE",
            rules=(Rule(refuse_if="TRUE", message="a total cannot be removed"),),
        ),
        Guard(
            name="guard_event_insert",
            table="event",
            on="INSERT",
            rules=(
                *_chain_rules("event", "journal_head", words, EVENT_VERSION),
                Rule(
                    refuse_if="NEW.ledger_seq < 0 OR NEW.ledger_seq > (SELECT h.seq FROM "
                    "ledger_head AS h WHERE h.practice_id = NEW.practice_id)",
                    message="an event names an end of the ledger that was reached",
                ),
            ),
            actions=(
                (
                    "UPDATE journal_head SET seq = NEW.seq, hash = NEW.hash "
                    "WHERE practice_id = NEW.practice_id"
                ),
            ),
        ),
        _text_guard("event_text", "event", "text_hmac"),
        Guard(
            name="guard_withheld_note_insert",
            table="withheld_note",
            on="INSERT",
            rules=(
                Rule(
                    refuse_if="NOT EXISTS (SELECT 1 FROM event AS c WHERE c.practice_id = "
                    "NEW.practice_id AND c.seq = NEW.event_seq AND c.kind = 'note_withheld')",
                    message="a note is withheld by an event",
                ),
            ),
        ),
        Guard(
            name="guard_month_mark_insert",
            table="month_mark",
            on="INSERT",
            rules=(
                Rule(
                    refuse_if=f"{_MARKS_OF_MONTH} <> NEW.number",
                    message="a month is closed and reopened in turn",
                ),
                Rule(
                    refuse_if="NOT EXISTS (SELECT 1 FROM event AS c WHERE c.practice_id = "
                    "NEW.practice_id AND c.seq = NEW.event_seq AND c.kind = "
                    "CASE NEW.number % 2 WHEN 1 THEN 'month_closed' ELSE 'month_reopened' END)",
                    message="a month is closed and reopened by an event",
                ),
                Rule(
                    refuse_if="NEW.ledger_seq <> (SELECT h.seq FROM ledger_head AS h "
                    "WHERE h.practice_id = NEW.practice_id)",
                    message="a close names the end of the ledger",
                ),
            ),
        ),
        Guard(
            name="guard_superbill_insert",
            table="superbill",
            on="INSERT",
            rules=(
                Rule(
                    refuse_if="NEW.number <> 1 AND NOT EXISTS (SELECT 1 FROM superbill AS s WHERE "
                    "s.practice_id = NEW.practice_id AND s.number = NEW.number - 1) "
                    "OR NEW.number < 1 OR EXISTS (SELECT 1 FROM superbill AS s WHERE "
                    "s.practice_id = NEW.practice_id AND s.number > NEW.number)",
                    message="superbills are numbered without gaps",
                ),
                Rule(
                    refuse_if="NEW.replaces IS NOT NULL AND NOT EXISTS (SELECT 1 FROM superbill AS s "
                    "WHERE s.practice_id = NEW.practice_id AND s.number = NEW.replaces "
                    "AND s.superbill_id = NEW.superbill_id AND s.ym = NEW.ym "
                    "AND s.patient_id = NEW.patient_id AND s.version = NEW.version - 1)",
                    message="a superbill replaces the newest version of the same one",
                ),
                Rule(
                    refuse_if=f"{_MARKS_OF_MONTH} <> 2 * NEW.period + 1",
                    message="a superbill is issued by the close of its month",
                ),
            ),
        ),
        Guard(
            name="guard_superbill_line_insert",
            table="superbill_line",
            on="INSERT",
            rules=(
                Rule(
                    refuse_if="NEW.number <> (SELECT max(s.number) FROM superbill AS s "
                    "WHERE s.practice_id = NEW.practice_id)",
                    message="lines are written with their superbill",
                ),
            ),
        ),
        Guard(
            name="guard_month_determination_insert",
            table="month_determination",
            on="INSERT",
            rules=(
                Rule(
                    refuse_if=f"{_MARKS_OF_MONTH} <> 2 * NEW.period + 1",
                    message="what is decided is written by the close of its month",
                ),
            ),
        ),
        Guard(
            name="guard_checkpoint_insert",
            table="checkpoint",
            on="INSERT",
            rules=(
                Rule(
                    refuse_if="NEW.number <> 1 AND NOT EXISTS (SELECT 1 FROM checkpoint AS s WHERE "
                    "s.practice_id = NEW.practice_id AND s.number = NEW.number - 1) "
                    "OR NEW.number < 1",
                    message="checkpoints are numbered without gaps",
                ),
            ),
        ),
        Guard(
            name="guard_store_identity_insert",
            table="store_identity",
            on="INSERT",
            rules=(
                Rule(
                    refuse_if="(SELECT count(*) FROM store_identity) <> 1",
                    message="a store has one identity",
                ),
            ),
        ),
    )
    return tuple(_in_words(guard, words) for guard in made)


def _in_words(guard: Guard, words: Words) -> Guard:
    return Guard(
        name=guard.name,
        table=guard.table,
        on=guard.on,
        rules=tuple(
            Rule(
                refuse_if=rule.refuse_if.replace("{zero}", words.zero),
                message=f"ledger: {rule.message}",
            )
            for rule in guard.rules
        ),
        actions=tuple(action.replace("{zero}", words.zero) for action in guard.actions),
    )
