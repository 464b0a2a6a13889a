"""The guards as SQLite's triggers.

A rule is checked after the row is in its place: the trigger's refusal takes the whole statement
back. Only what ``REPLACE`` would remove first is asked before, because a connection without
recursive triggers removes it unseen.
"""

from typing import Final

from sqlalchemy import Connection

from trellis_core.store.guards import NEVER_CHANGED, ONCE, PLACES, Guard, Words, guards

_REFUSE: Final = "SELECT RAISE(ABORT, '{message}') WHERE {condition};"


def _at(field: str, row: str, chain: str) -> str:
    return f"json_extract({row}.body, '$[{PLACES[chain].index(field)}]')"


def _unlinked(_chain: str, head: str) -> str:
    return (
        f"NOT EXISTS (SELECT 1 FROM {head} AS h WHERE h.practice_id = NEW.practice_id "
        "AND h.seq = NEW.seq - 1 AND h.hash = NEW.prev)"
    )


def _misplaced(chain: str) -> str:
    return (
        "NEW.seq IS DISTINCT FROM OLD.seq + 1 OR NOT EXISTS "
        f"(SELECT 1 FROM {chain} AS c WHERE c.practice_id = NEW.practice_id "
        "AND c.seq = NEW.seq AND c.hash = NEW.hash AND c.prev = OLD.hash)"
    )


WORDS: Final = Words(
    at=_at,
    body_length="json_array_length(NEW.body)",
    zero="zeroblob(32)",
    unlinked=_unlinked,
    misplaced=_misplaced,
)


def _refusal(message: str, condition: str) -> str:
    return _REFUSE.format(message=message.replace("'", "''"), condition=condition)


def _trigger(name: str, when: str, body: list[str]) -> str:
    lines = "\n  ".join(body)
    return f"CREATE TRIGGER {name} {when} BEGIN\n  {lines}\nEND"


def _after(guard: Guard) -> str:
    body = [_refusal(rule.message, rule.refuse_if) for rule in guard.rules]
    body += [f"{action};" for action in guard.actions]
    return _trigger(guard.name, f"AFTER {guard.on} ON {guard.table}", body)


def _taken(table: str, keys: tuple[tuple[str, ...], ...]) -> str:
    """Return the trigger that refuses a key that is taken, before ``REPLACE`` can free it."""

    def new(column: str) -> str:
        is_cut = table in PLACES and column != "seq"
        return _at(column, "NEW", table) if is_cut else f"NEW.{column}"

    conditions = []
    for key in keys:
        same = " AND ".join(f"t.{column} = {new(column)}" for column in key)
        conditions.append(
            f"EXISTS (SELECT 1 FROM {table} AS t WHERE t.practice_id = NEW.practice_id"
            f"{f' AND {same}' if same else ''})"
        )
    return _trigger(
        f"guard_{table}_once",
        f"BEFORE INSERT ON {table}",
        [_refusal("ledger: this is written once", " OR ".join(conditions))],
    )


def _never(table: str, verb: str, message: str) -> str:
    return _trigger(
        f"guard_{table}_{verb.lower()}",
        f"BEFORE {verb} ON {table}",
        [_refusal(f"ledger: {message}", "TRUE")],
    )


def _all() -> dict[str, str]:
    made = {guard.name: _after(guard) for guard in guards(WORDS)}
    made |= {f"guard_{table}_once": _taken(table, keys) for table, keys in ONCE.items()}
    for table, message in NEVER_CHANGED.items():
        for verb in ("UPDATE", "DELETE"):
            made[f"guard_{table}_{verb.lower()}"] = _never(table, verb, message)
    return made


SQLITE_TRIGGERS: Final[dict[str, str]] = _all()
"""The guards by name, as the database keeps their text."""


def install(connection: Connection) -> None:
    """Create every guard; the tables must exist and hold nothing yet."""
    for statement in SQLITE_TRIGGERS.values():
        connection.exec_driver_sql(statement)


def schema_of(connection: Connection) -> dict[tuple[str, str], str]:
    """Return the definition of every table, index, trigger and view, by kind and name."""
    rows = connection.exec_driver_sql(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    )
    return {(kind, name): sql or "" for kind, name, sql in rows}


def physical_problems(connection: Connection, *, is_full: bool) -> tuple[str, ...]:
    """Return what the database finds wrong with its own file; empty when it is sound.

    Args:
        connection: To the store.
        is_full: Compare every index with its table as well.
    """
    check = "integrity_check" if is_full else "quick_check"
    rows = connection.exec_driver_sql(f"PRAGMA {check}(10)").scalars()
    return tuple(str(row) for row in rows if row != "ok")
