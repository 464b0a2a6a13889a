"""The guards as PostgreSQL's triggers, functions and privileges.

Three walls, one behind the other. The role that Trellis works as may only read and add to the
ledger's tables, and only read what the guards keep. Triggers refuse every other statement, also of
the tables' owner; they fire whatever the session's replication role is. And the database
recomputes each hash before it takes an entry. The guards' functions run with their owner's rights,
because the working role cannot move a head.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, text

from trellis_core.errors import UnsafeStoreError
from trellis_core.ledger.chain import ENTRY_DOMAIN
from trellis_core.ledger.journal import EVENT_DOMAIN
from trellis_core.store.catalog_postgres import tables_of, wanted_tables
from trellis_core.store.guards import (
    MOVED_BY_GUARDS,
    NEVER_CHANGED,
    PLACES,
    Guard,
    Words,
    guards,
    is_integer,
)

APP_ROLE: Final = "trellis_app"
"""The role that Trellis works as: a group without a login of its own."""

_DOMAINS: Final = {"entry": ENTRY_DOMAIN, "event": EVENT_DOMAIN}
_HEADS: Final = frozenset({"ledger_head", "journal_head"})
_TAKES_TURN: Final = frozenset({"entry", "month_mark"})
"""Tables whose writers of one practice wait for each other, so that no entry slips past a close."""
_VERBS: Final = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
"""Bits of ``pg_trigger.tgtype``; 1 is for each row, 2 is before."""
_ROW, _BEFORE = 1, 2


def _at(field: str, row: str, chain: str) -> str:
    cut = f"(({row}.body)::json ->> {PLACES[chain].index(field)})"
    return f"({cut})::bigint" if is_integer(field) else cut


_ZERO: Final = "decode(repeat('00', 32), 'hex')"


def _unlinked(chain: str, _head: str) -> str:
    return (
        f"NOT (NEW.seq = 1 AND NEW.prev = {_ZERO}) AND NOT EXISTS (SELECT 1 FROM {chain} AS b "
        "WHERE b.practice_id = NEW.practice_id AND b.seq = NEW.seq - 1 AND b.hash = NEW.prev)"
    )


def _misplaced(chain: str) -> str:
    return (
        f"NOT EXISTS (SELECT 1 FROM {chain} AS c WHERE c.practice_id = NEW.practice_id "
        "AND c.seq = NEW.seq AND c.hash = NEW.hash) "
        f"OR NOT EXISTS (SELECT 1 FROM {chain} AS c WHERE c.practice_id = NEW.practice_id "
        "AND c.seq = OLD.seq + 1 AND c.prev = OLD.hash) "
        f"OR (SELECT count(*) FROM {chain} AS c WHERE c.practice_id = NEW.practice_id "
        "AND c.seq > OLD.seq) <> NEW.seq - OLD.seq"
    )


WORDS: Final = Words(
    at=_at,
    body_length="json_array_length((NEW.body)::json)",
    zero=_ZERO,
    unlinked=_unlinked,
    misplaced=_misplaced,
)

_HEAD_OF: Final = {"entry": "ledger_head", "event": "journal_head"}
_ADDED: Final = "added"
"""What a statement has added, as its trigger sees it."""


def _move(chain: str) -> str:
    """Return the statement that moves the heads to the ends of what was added."""
    return (
        f"  UPDATE {_HEAD_OF[chain]} AS h SET seq = last.seq, hash = last.hash "
        "FROM (SELECT DISTINCT ON (a.practice_id) a.practice_id, a.seq, a.hash "
        f"FROM {_ADDED} AS a ORDER BY a.practice_id, a.seq DESC) AS last "
        "WHERE h.practice_id = last.practice_id;"
    )


_ROLL: Final = (
    "  INSERT INTO month_roll (practice_id, ym, patient_id, program, seconds, entries) "
    "SELECT a.practice_id, a.ym, a.patient_id, a.program, sum(a.seconds), "
    f"sum(CASE a.kind WHEN 'time' THEN 1 ELSE -1 END) FROM {_ADDED} AS a "
    "GROUP BY a.practice_id, a.ym, a.patient_id, a.program "
    "ORDER BY a.practice_id, a.ym, a.patient_id, a.program "
    "ON CONFLICT (practice_id, ym, patient_id, program) DO UPDATE "
    "SET seconds = month_roll.seconds + excluded.seconds, "
    "entries = month_roll.entries + excluded.entries;"
)

_MOVES: Final = {
    "guard_entry_moves": ("entry", (_move("entry"), _ROLL)),
    "guard_event_moves": ("event", (_move("event"),)),
}
"""What follows a whole statement on a chain, so that a thousand rows move its head once."""


def _refusal(message: str, condition: str) -> str:
    said = message.replace("'", "''").replace("%", "%%")
    return (
        f"  IF {condition} THEN\n"
        f"    RAISE EXCEPTION '{said}' USING ERRCODE = 'check_violation';\n  END IF;"
    )


def _body(guard: Guard) -> str:
    """Return the text between BEGIN and END of a guard's function."""
    lines = []
    if guard.on == "INSERT" and guard.table in _TAKES_TURN:
        lines.append(
            "  PERFORM 1 FROM ledger_head AS h WHERE h.practice_id = NEW.practice_id FOR UPDATE;"
        )
    if guard.on == "INSERT" and guard.table in _DOMAINS:
        domain = _DOMAINS[guard.table].hex()
        lines.append(
            _refusal(
                "ledger: the hash is that of the contents",
                f"NEW.hash IS DISTINCT FROM sha256(decode('{domain}', 'hex') || NEW.prev "
                "|| convert_to(NEW.body, 'UTF8'))",
            )
        )
    lines += [_refusal(rule.message, rule.refuse_if) for rule in guard.rules]
    if guard.table not in _HEAD_OF:
        lines += [f"  {action};" for action in guard.actions]
    return _between(lines)


def _between(lines: Iterable[str]) -> str:
    return "\n".join(["", "BEGIN", *lines, "  RETURN NULL;", "END", ""])


def _refusing_body(message: str) -> str:
    return _between([_refusal(f"ledger: {message}", "TRUE")])


def _never_changed() -> dict[str, str]:
    kept = {table: f"{table} is kept by the guards alone" for table in MOVED_BY_GUARDS}
    return dict(NEVER_CHANGED) | kept


FUNCTIONS: Final[dict[str, str]] = (
    {guard.name: _body(guard) for guard in guards(WORDS)}
    | {name: _between(lines) for name, (_, lines) in _MOVES.items()}
    | {
        f"guard_{table}_never": _refusing_body(message)
        for table, message in _never_changed().items()
    }
)
"""The guards' functions by name, as the database keeps their text."""


def _triggers() -> dict[str, tuple[str, str, int]]:
    made = {
        guard.name: (guard.table, guard.name, _VERBS[guard.on] | _ROW) for guard in guards(WORDS)
    } | {name: (table, name, _VERBS["INSERT"]) for name, (table, _) in _MOVES.items()}
    for table in NEVER_CHANGED:
        never = f"guard_{table}_never"
        made[f"guard_{table}_change"] = (
            table,
            never,
            _VERBS["UPDATE"] | _VERBS["DELETE"] | _ROW | _BEFORE,
        )
    for table in _never_changed():
        made[f"guard_{table}_truncate"] = (
            table,
            f"guard_{table}_never",
            _VERBS["TRUNCATE"] | _BEFORE,
        )
    return made


TRIGGERS: Final[dict[str, tuple[str, str, int]]] = _triggers()
"""The triggers by name: table, function, and the kind of statement in the catalog's bits."""


def _when(bits: int) -> str:
    verbs = " OR ".join(verb for verb, bit in _VERBS.items() if bits & bit)
    return f"{'BEFORE' if bits & _BEFORE else 'AFTER'} {verbs}"


def install(connection: Connection) -> None:
    """Create every function and trigger; the tables must exist and hold nothing yet."""
    for name, body in FUNCTIONS.items():
        connection.exec_driver_sql(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path FROM CURRENT AS $guard${body.replace('%', '%%')}$guard$"
        )
    for name, (table, function, bits) in TRIGGERS.items():
        each = "ROW" if bits & _ROW else "STATEMENT"
        sees = f"REFERENCING NEW TABLE AS {_ADDED} " if name in _MOVES else ""
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} {_when(bits)} ON {table} {sees}FOR EACH {each} "
            f"EXECUTE FUNCTION {function}()"
        )
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def grant_app_role(connection: Connection) -> None:
    """Let the working role read and add, and change only what is no ledger; make it if need be.

    Raises:
        UnsafeStoreError: The role is not there and this login may not make it.
    """
    tables = _tables(connection)
    if (
        connection.execute(
            text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": APP_ROLE}
        ).first()
        is None
    ):
        may = connection.exec_driver_sql(
            "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = session_user"
        ).scalar_one()
        if not may:
            raise UnsafeStoreError(
                f"The database has no role '{APP_ROLE}', and this login may not make it. Let the "
                f"database's administrator run: CREATE ROLE {APP_ROLE} NOLOGIN; and: "
                f"GRANT {APP_ROLE} TO the login that Trellis uses."
            )
        connection.exec_driver_sql(f"CREATE ROLE {APP_ROLE} NOLOGIN")
        connection.exec_driver_sql(f"GRANT {APP_ROLE} TO session_user")
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {APP_ROLE}"
    )
    connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {APP_ROLE}")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {APP_ROLE}")
    for (
        name
    ) in FUNCTIONS:  # nobody hangs a guard, which has its owner's rights, on a table of his own
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC, {APP_ROLE}")
    for table in tables:
        connection.exec_driver_sql(f"GRANT {_rights(table)} ON {table} TO {APP_ROLE}")


def _rights(table: str) -> str:
    if table in _HEADS:
        return (
            "SELECT, UPDATE (practice_id)"  # to lock the row: the guards refuse the change itself
        )
    if table == "alembic_version" or table in MOVED_BY_GUARDS:
        return "SELECT"
    if table in NEVER_CHANGED:
        return "SELECT, INSERT"
    return "SELECT, INSERT, UPDATE, DELETE"


def _tables(connection: Connection) -> tuple[str, ...]:
    found = connection.exec_driver_sql(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
        "AND relkind IN ('r', 'p') ORDER BY relname"
    )
    return tuple(found.scalars())


def wanted_schema() -> dict[tuple[str, str], str]:
    """Return guards and tables as they must be in the catalog, by kind and name."""
    guarding = {("function", name): body for name, body in FUNCTIONS.items()} | {
        ("trigger", name): _trigger_text(*parts, "A") for name, parts in TRIGGERS.items()
    }
    return guarding | dict(wanted_tables())


def _trigger_text(table: str, function: str, bits: int, enabled: str) -> str:
    return f"{table} {function} {bits} {enabled}"


def schema_of(connection: Connection) -> dict[tuple[str, str], str]:
    """Return guards and tables as they are in the catalog, by kind and name, and any others."""
    here = "current_schema()::regnamespace"
    functions = connection.exec_driver_sql(
        f"SELECT proname, prosrc FROM pg_proc WHERE pronamespace = {here} AND prosecdef"
    )
    triggers = connection.exec_driver_sql(
        "SELECT t.tgname, c.relname, p.proname, t.tgtype::int, t.tgenabled::text FROM pg_trigger AS t "
        "JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid "
        f"WHERE c.relnamespace = {here} AND NOT t.tgisinternal"
    )
    return (
        {("function", name): body for name, body in functions}
        | {
            ("trigger", name): _trigger_text(table, function, bits, enabled)
            for name, table, function, bits, enabled in triggers
        }
        | tables_of(connection)
    )
