"""The rule books that closes keep: whole, once, and never another than the fingerprint says."""

import zlib
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.month_case import DECEMBER, OVER, MonthCase
from tests.support.tampering import messages, tamper
from trellis_core.errors import StoreError
from trellis_core.rules.rulebook import RuleBook, fingerprint_of, load_rule_book
from trellis_core.services.integrity import check_store
from trellis_core.services.kept_rule_books import files_of, keep_rule_book, rule_book_of
from trellis_core.store.copying import table_digests
from trellis_core.store.tables import KeptRuleBookRow


@pytest.fixture
def case(sqlite_store) -> MonthCase:
    made = MonthCase(sqlite_store)
    made.enrolled("p-1")
    made.log("p-1", 24, at=OVER.replace(month=11, day=10, hour=15))
    return made


def kept(store) -> list[KeptRuleBookRow]:
    with store.reading() as unit:
        found = list(unit.session.execute(select(KeptRuleBookRow)).scalars())
        unit.session.expunge_all()
        return found


def other_book(folder: Path, *, added: str = "# another edition\n") -> RuleBook:
    """Return the rule book in use with one more remark in a file: another fingerprint."""
    files = dict(load_rule_book().files)
    files["policy.toml"] += added
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    return RuleBook.from_folder(folder, version="2026.9")


def test_a_close_keeps_every_file_of_its_rule_book_once(case):
    assert kept(case.store) == []
    case.close()
    (row,) = kept(case.store)
    book = load_rule_book()
    assert (row.practice_id, row.fingerprint, row.version) == (
        case.practice_id,
        book.fingerprint,
        book.version,
    )
    assert files_of(row.document) == book.files
    case.reopen(reason="again")
    case.close()
    assert len(kept(case.store)) == 1
    with case.store.reading() as unit:
        assert table_digests(unit.connection)["kept_rule_book"].rows == 1


def test_what_is_loaded_back_has_the_same_fingerprint_and_says_the_same(case, tmp_path):
    with case.store.writing(at=OVER) as unit:
        keep_rule_book(unit, case.practice_id, other_book(tmp_path), at=OVER)
    (row,) = kept(case.store)
    book = load_rule_book()
    with case.store.reading() as unit:
        found = rule_book_of(unit, case.practice_id, row.fingerprint, in_use=book)
        assert found is not None
        assert (found.version, found.fingerprint) == ("2026.9", row.fingerprint)
        assert found.fingerprint != book.fingerprint
        assert found.integer("ccm.clinical_staff.initial.minutes", on=DECEMBER.first_day) == 20
        assert rule_book_of(unit, case.practice_id, book.fingerprint, in_use=book) is book
        assert rule_book_of(unit, case.practice_id, book.fingerprint) is None
        assert rule_book_of(unit, "prac-2", row.fingerprint) is None


def test_a_kept_rule_book_that_was_changed_is_refused_and_found(case):
    case.close()
    (row,) = kept(case.store)
    assert not messages(check_store(case.store, clock=case.clock), "L014")
    changed = zlib.decompress(row.document).replace(b"= 20", b"= 19", 1)
    for document in (zlib.compress(changed), b"no zlib", zlib.compress(b'{"../out.toml": ""}')):
        tamper(case.store, ("UPDATE kept_rule_book SET document = ?", (document,)))
        with case.store.reading() as unit, pytest.raises(StoreError, match="trellis check"):
            rule_book_of(unit, case.practice_id, row.fingerprint)
        report = check_store(case.store, clock=case.clock)
        assert [said for said in messages(report, "L014") if "rule book" in said]


def test_a_fingerprint_is_of_names_and_texts():
    files = {"a.toml": "1", "b.toml": "2"}
    assert fingerprint_of(files) == fingerprint_of(dict(reversed(files.items())))
    assert fingerprint_of(files) != fingerprint_of({"a.toml": "12", "b.toml": ""})
