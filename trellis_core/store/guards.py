"""What the database itself refuses: the ledger's triggers, and columns cut from the hashed body.

Everything that a database says in its own words is here, one branch a dialect, so that nothing
else in the store depends on which one it is. SQLite is the ledger's database; another one is
added by a branch in each function and a set of triggers beside ``SQLITE_TRIGGERS``.

- An entry, the head and a note cannot be updated or deleted, also not by ``REPLACE``.
- The next entry must follow the head, name its hash, and carry its own practice and number.
- A reversal must be the exact negative of an entry that was not reversed before.
- The head moves by one, to the entry that was just inserted, and in no other way.
- The roll-up moves with the entry, in the same statement.
"""

from typing import Final, cast

from sqlalchemy import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, Text, TypeEngine

from trellis_core.errors import UnsafeStoreError
from trellis_core.ledger.chain import BODY_FIELDS, BODY_VERSION

_INTEGERS: Final = frozenset(
    {
        "seq",
        "started_at",
        "seconds",
        "ym",
        "patients_sharing",
        "billed_elsewhere",
        "separate_from_visit",
        "is_estimated",
        "recorded_at",
    }
)


class BodyField(FunctionElement[object]):
    """One place of the canonical body, cut out by the database.

    Attributes:
        name: The field's name in ``BODY_FIELDS``.
    """

    inherit_cache = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.place = BODY_FIELDS.index(name)
        self.type = cast("TypeEngine[object]", BigInteger() if name in _INTEGERS else Text())

    def __repr__(self) -> str:
        return f"guards.BodyField({self.name!r})"


@compiles(BodyField)
def _refuse_other_dialects(element: BodyField, compiler: SQLCompiler, **_: object) -> str:
    raise UnsafeStoreError(
        f"The ledger has no column '{element.name}' on {compiler.dialect.name}: "
        "this version keeps its ledger in SQLite files only."
    )


@compiles(BodyField, "sqlite")
def _sqlite_body_field(element: BodyField, _compiler: SQLCompiler, **_: object) -> str:
    return f"json_extract(body, '$[{element.place}]')"


def _at(name: str, row: str = "NEW") -> str:
    return f"json_extract({row}.body, '$[{BODY_FIELDS.index(name)}]')"


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

SQLITE_TRIGGERS: Final[dict[str, str]] = {
    "guard_practice_opens_ledger": """
CREATE TRIGGER guard_practice_opens_ledger AFTER INSERT ON practice BEGIN
  INSERT INTO ledger_head (practice_id, seq, hash) VALUES (NEW.id, 0, zeroblob(32));
END""",
    "guard_head_insert": """
CREATE TRIGGER guard_head_insert BEFORE INSERT ON ledger_head BEGIN
  SELECT RAISE(ABORT, 'ledger: a practice has one head, and it starts at zero')
    WHERE NEW.seq <> 0 OR NEW.hash <> zeroblob(32)
      OR EXISTS (SELECT 1 FROM ledger_head WHERE practice_id = NEW.practice_id)
      OR EXISTS (SELECT 1 FROM entry WHERE practice_id = NEW.practice_id);
END""",
    "guard_head_update": """
CREATE TRIGGER guard_head_update BEFORE UPDATE ON ledger_head BEGIN
  SELECT RAISE(ABORT, 'ledger: the head moves only to the entry that was just added')
    WHERE NEW.practice_id IS NOT OLD.practice_id OR NEW.seq IS NOT OLD.seq + 1
      OR NOT EXISTS (
        SELECT 1 FROM entry
        WHERE practice_id = NEW.practice_id AND seq = NEW.seq AND hash = NEW.hash
          AND prev = OLD.hash);
END""",
    "guard_head_delete": """
CREATE TRIGGER guard_head_delete BEFORE DELETE ON ledger_head BEGIN
  SELECT RAISE(ABORT, 'ledger: the head cannot be removed');
END""",
    "guard_entry_insert": f"""
CREATE TRIGGER guard_entry_insert BEFORE INSERT ON entry BEGIN
  SELECT RAISE(ABORT, 'ledger: an entry must follow the head of its practice')
    WHERE NOT EXISTS (
      SELECT 1 FROM ledger_head
      WHERE practice_id = NEW.practice_id AND seq = NEW.seq - 1 AND hash = NEW.prev);
  SELECT RAISE(ABORT, 'ledger: an entry must carry its own practice, number and form')
    WHERE {_at("version")} IS NOT {BODY_VERSION} OR {_at("practice_id")} IS NOT NEW.practice_id
      OR {_at("seq")} IS NOT NEW.seq OR json_array_length(NEW.body) <> {len(BODY_FIELDS)}
      OR length(NEW.hash) <> 32;
  SELECT RAISE(ABORT, 'ledger: an entry is written once')
    WHERE EXISTS (
        SELECT 1 FROM entry WHERE practice_id = NEW.practice_id AND seq = NEW.seq)
      OR EXISTS (
        SELECT 1 FROM entry
        WHERE practice_id = NEW.practice_id AND entry_id = {_at("entry_id")})
      OR {_at("reverses")} IS NOT NULL AND EXISTS (
        SELECT 1 FROM entry
        WHERE practice_id = NEW.practice_id AND reverses = {_at("reverses")});
  SELECT RAISE(ABORT, 'ledger: a reversal is the exact negative of an entry of this practice')
    WHERE {_at("kind")} = 'reversal' AND NOT EXISTS (
      SELECT 1 FROM entry AS original
      WHERE original.practice_id = NEW.practice_id AND original.entry_id = {_at("reverses")}
        AND original.kind = 'time' AND original.seconds = -{_at("seconds")}
        AND {" AND ".join(f"original.{name} IS {_at(name)}" for name in _SAME_IN_REVERSAL)});
  SELECT RAISE(ABORT, 'ledger: an entry can replace only an entry of this practice')
    WHERE {_at("replaces")} IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM entry AS original
      WHERE original.practice_id = NEW.practice_id AND original.entry_id = {_at("replaces")}
        AND original.kind = 'time');
END""",  # noqa: S608 - put together from this module's constants
    "guard_entry_moves_head": """
CREATE TRIGGER guard_entry_moves_head AFTER INSERT ON entry BEGIN
  UPDATE ledger_head SET seq = NEW.seq, hash = NEW.hash WHERE practice_id = NEW.practice_id;
  INSERT INTO month_roll (practice_id, ym, patient_id, program, seconds, entries)
    VALUES (NEW.practice_id, NEW.ym, NEW.patient_id, NEW.program, NEW.seconds,
            CASE NEW.kind WHEN 'time' THEN 1 ELSE -1 END)
    ON CONFLICT (practice_id, ym, patient_id, program) DO UPDATE
      SET seconds = seconds + excluded.seconds, entries = entries + excluded.entries;
END""",
    "guard_entry_update": """
CREATE TRIGGER guard_entry_update BEFORE UPDATE ON entry BEGIN
  SELECT RAISE(ABORT, 'ledger: an entry is never changed; add a correction');
END""",
    "guard_entry_delete": """
CREATE TRIGGER guard_entry_delete BEFORE DELETE ON entry BEGIN
  SELECT RAISE(ABORT, 'ledger: an entry is never removed; add a correction');
END""",
    "guard_note_insert": f"""
CREATE TRIGGER guard_note_insert BEFORE INSERT ON entry_note BEGIN
  SELECT RAISE(ABORT, 'ledger: a note belongs to one entry that was written with it')
    WHERE EXISTS (
        SELECT 1 FROM entry_note
        WHERE practice_id = NEW.practice_id AND seq = NEW.seq)
      OR NOT EXISTS (
        SELECT 1 FROM entry
        WHERE practice_id = NEW.practice_id AND seq = NEW.seq
          AND {_at("note_hmac", "entry")} IS NOT NULL);
END""",  # noqa: S608 - put together from this module's constants
    "guard_note_update": """
CREATE TRIGGER guard_note_update BEFORE UPDATE ON entry_note BEGIN
  SELECT RAISE(ABORT, 'ledger: a note is never changed; add a correction');
END""",
    "guard_note_delete": """
CREATE TRIGGER guard_note_delete BEFORE DELETE ON entry_note BEGIN
  SELECT RAISE(ABORT, 'ledger: a note is never removed; add a correction');
END""",
}
"""The guards by name, as the database keeps their text."""


def install_guards(connection: Connection) -> None:
    """Create every guard; the tables must exist and hold nothing yet."""
    _must_be_sqlite(connection)
    for statement in SQLITE_TRIGGERS.values():
        connection.exec_driver_sql(statement.strip())


def schema_of(connection: Connection) -> dict[tuple[str, str], str]:
    """Return the definition of every table, index, trigger and view, by kind and name."""
    _must_be_sqlite(connection)
    rows = connection.exec_driver_sql(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    )
    return {(kind, name): sql or "" for kind, name, sql in rows}


def physical_problems(connection: Connection) -> tuple[str, ...]:
    """Return what the database finds wrong with its own file; empty when it is sound."""
    _must_be_sqlite(connection)
    rows = connection.exec_driver_sql("PRAGMA quick_check(10)").scalars()
    return tuple(str(row) for row in rows if row != "ok")


def _must_be_sqlite(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        raise UnsafeStoreError(
            f"The ledger has no guards for {connection.dialect.name}: "
            "this version keeps its ledger in SQLite files only."
        )
