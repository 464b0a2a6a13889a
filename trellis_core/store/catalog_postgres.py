"""PostgreSQL's tables as its catalog tells them, beside those that Trellis makes.

What the guards rest on: the columns that are cut from the hashed body, keys, constraints and
indexes, and that no rule, policy or child table turns a statement aside.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Constraint,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from trellis_core.store.tables import TrellisTable

_PLAIN = "kept p, plain"
"""A table that survives a crash, without rules, policies, parents or children."""
_VERSION_TABLE = "alembic_version"
_SHAPES: Mapping[type[Constraint], str] = MappingProxyType(
    {
        PrimaryKeyConstraint: "p",
        ForeignKeyConstraint: "f",
        UniqueConstraint: "u",
        CheckConstraint: "c",
    }
)


@cache
def wanted_tables() -> Mapping[tuple[str, str], str]:
    """Return the tables as Trellis makes them: each with its columns, constraints and indexes."""
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    named = dialect.identifier_preparer
    wanted: dict[tuple[str, str], str] = {}
    for table in TrellisTable.metadata.sorted_tables:
        wanted["table", table.name] = _PLAIN
        for column in table.columns:
            wanted["column", f"{table.name}.{column.name}"] = _column_text(column, dialect)
        for constraint in table.constraints:
            name = named.format_constraint(constraint)
            wanted["constraint", str(name)] = f"{table.name} {_SHAPES[type(constraint)]} valid"
        for index in table.indexes:
            unique = "unique" if index.unique else "plain"
            wanted["index", str(named.format_index(index))] = f"{table.name} {unique} valid"
    return MappingProxyType(wanted)


def _column_text(column: Column[object], dialect: PGDialect_psycopg) -> str:
    kind = str(column.type.compile(dialect=dialect)).lower()
    kind = kind.replace("varchar", "character varying")
    null = "null" if column.nullable else "not null"
    return f"{kind}, {null}, {'cut' if column.computed is not None else 'own'}"


def tables_of(connection: Connection) -> dict[tuple[str, str], str]:
    """Return the tables, views and indexes of the store's schema as the catalog tells them."""
    return {(kind, name): said for kind, name, said in connection.exec_driver_sql(_ASKED)}


_HERE = f"c.relnamespace = current_schema()::regnamespace AND c.relname <> '{_VERSION_TABLE}'"
_ASKED = f"""
SELECT 'table', c.relname::text,
       'kept ' || c.relpersistence::text || CASE WHEN c.relkind <> 'r' THEN ', kind ' || c.relkind::text ELSE '' END
       || CASE WHEN c.relrowsecurity OR EXISTS (SELECT 1 FROM pg_policy AS p WHERE p.polrelid = c.oid)
               THEN ', policies' ELSE '' END
       || CASE WHEN EXISTS (SELECT 1 FROM pg_rewrite AS r WHERE r.ev_class = c.oid)
               THEN ', rules' ELSE '' END
       || CASE WHEN EXISTS (SELECT 1 FROM pg_inherits AS i WHERE c.oid IN (i.inhparent, i.inhrelid))
               THEN ', parents or children' ELSE '' END
       || CASE WHEN c.relkind = 'r' AND NOT c.relrowsecurity
                AND NOT EXISTS (SELECT 1 FROM pg_policy AS p WHERE p.polrelid = c.oid)
                AND NOT EXISTS (SELECT 1 FROM pg_rewrite AS r WHERE r.ev_class = c.oid)
                AND NOT EXISTS (SELECT 1 FROM pg_inherits AS i
                                WHERE c.oid IN (i.inhparent, i.inhrelid))
               THEN ', plain' ELSE '' END
  FROM pg_class AS c WHERE {_HERE} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT 'column', c.relname || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ', not null' ELSE ', null' END
       || CASE a.attgenerated::text WHEN 's' THEN ', cut' WHEN '' THEN ', own' ELSE ', computed' END
  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
 WHERE {_HERE} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint', k.conname::text,
       c.relname || ' ' || k.contype::text || CASE WHEN k.convalidated THEN ' valid' ELSE ' not valid' END
  FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
 WHERE {_HERE} AND k.contype IN ('p', 'f', 'u', 'c', 'x')
UNION ALL
SELECT 'index', o.relname::text,
       c.relname || CASE WHEN i.indisunique THEN ' unique' ELSE ' plain' END
       || CASE WHEN i.indisvalid AND i.indisready THEN ' valid' ELSE ' not valid' END
  FROM pg_index AS i JOIN pg_class AS o ON o.oid = i.indexrelid JOIN pg_class AS c ON c.oid = i.indrelid
 WHERE {_HERE} AND NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = i.indexrelid
                                 AND k.contype IN ('p', 'u', 'x'))
"""  # noqa: S608 - put together from this module's constants
