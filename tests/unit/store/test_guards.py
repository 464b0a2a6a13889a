"""What a database must say in its own words, and the refusal of one that has no words for it."""

import pytest
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateTable

from trellis_core.errors import UnsafeStoreError
from trellis_core.ledger.chain import BODY_FIELDS
from trellis_core.store.guards import BodyField
from trellis_core.store.tables import ENTRY


@pytest.mark.parametrize("place", range(len(BODY_FIELDS)))
def test_each_field_is_cut_from_its_own_place(place):
    cut = BodyField(BODY_FIELDS[place]).compile(dialect=sqlite.dialect())
    assert str(cut) == f"json_extract(body, '$[{place}]')"


@pytest.mark.parametrize(
    ("of", "name", "written"),
    [
        ("entry", "seconds", "(((body)::json ->> 10))::bigint"),
        ("entry", "patient_id", "((body)::json ->> 6)"),
        ("event", "subject_id", "((body)::json ->> 6)"),
        ("event", "ledger_seq", "(((body)::json ->> 12))::bigint"),
    ],
)
def test_on_a_server_a_number_is_cut_as_a_number(of, name, written):
    assert str(BodyField(name, of=of).compile(dialect=postgresql.dialect())) == written


def test_every_column_but_the_first_five_is_cut_from_the_body():
    plain = [column.name for column in ENTRY.c if column.computed is None]
    assert plain == ["practice_id", "seq", "prev", "hash", "body"]
    cut = {column.name for column in ENTRY.c if column.computed is not None}
    assert cut == set(BODY_FIELDS) - {"version", "practice_id", "seq"}


def test_a_database_without_guards_is_refused_before_a_table_is_made():
    with pytest.raises(UnsafeStoreError, match="SQLite and in PostgreSQL"):
        str(CreateTable(ENTRY).compile(dialect=mysql.dialect()))
    statements: list[str] = []
    engine = create_mock_engine(
        "sqlite://", lambda sql, *_, **__: statements.append(str(sql.compile(engine)))
    )
    ENTRY.create(engine, checkfirst=False)
    assert statements[0].rstrip().endswith("STRICT")
