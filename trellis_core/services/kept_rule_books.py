"""Rule books under which months were closed: kept whole, so that a closed month can be decided again.

A close keeps the text of every file of its rule book, once for a practice and fingerprint. What is
loaded back must have the fingerprint under which it was kept.
"""

import json
import tempfile
import zlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from trellis_core.errors import RuleBookFormatError, StoreError
from trellis_core.rules.rulebook import RuleBook, fingerprint_of
from trellis_core.store.tables import KeptRuleBookRow
from trellis_core.store.unit_of_work import UnitOfWork

_PACKED_AT: Final = 6
_LARGEST: Final = 64_000_000


def keep_rule_book(
    unit: UnitOfWork, practice_id: str, rule_book: RuleBook, *, at: datetime
) -> None:
    """Keep a rule book's files for a practice, unless they are kept already.

    Args:
        unit: A writing unit of work: the close's own.
        practice_id: Whose close.
        rule_book: What it decided by.
        at: When.
    """
    if unit.session.get(KeptRuleBookRow, (practice_id, rule_book.fingerprint)) is not None:
        return
    unit.session.add(
        KeptRuleBookRow(
            practice_id=practice_id,
            fingerprint=rule_book.fingerprint,
            version=rule_book.version,
            document=packed_files(rule_book.files),
            kept_at=at,
        )
    )
    unit.session.flush()


def rule_book_of(
    unit: UnitOfWork, practice_id: str, fingerprint: str, *, in_use: RuleBook | None = None
) -> RuleBook | None:
    """Return the rule book of a fingerprint; None where it was not kept.

    Args:
        unit: A unit of work.
        practice_id: Whose close.
        fingerprint: As the close names it.
        in_use: Taken where its fingerprint is the same.

    Raises:
        StoreError: What was kept is not what its fingerprint says.
    """
    if in_use is not None and in_use.fingerprint == fingerprint:
        return in_use
    row = unit.session.get(KeptRuleBookRow, (practice_id, fingerprint))
    if row is None:
        return None
    files = files_of(row.document)
    if files is None or fingerprint_of(files) != fingerprint:
        raise StoreError(
            f"The rule book {row.version} that a close kept is not the one it closed with: the store "
            "was changed around Trellis. Keep the store as it is and run 'trellis check'."
        )
    return _loaded(files, row.version)


def packed_files(files: Mapping[str, str]) -> bytes:
    """Return a rule book's files as they are stored: the same bytes for the same files."""
    text = json.dumps(dict(files), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return zlib.compress(text.encode("utf-8"), _PACKED_AT)


def files_of(document: bytes) -> dict[str, str] | None:
    """Return the files of a kept document by their names; None for what is none."""
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(document, _LARGEST)
        files = json.loads(content)
    except (zlib.error, ValueError, TypeError, RecursionError):
        return None
    if not unpacking.eof or unpacking.unused_data or not isinstance(files, dict):
        return None
    if not all(isinstance(text, str) and _is_inside(name) for name, text in files.items()):
        return None
    return files


def _is_inside(name: str) -> bool:
    """Say whether a file's name stays in the rule book's folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _loaded(files: Mapping[str, str], version: str) -> RuleBook:
    with tempfile.TemporaryDirectory(prefix="trellis-rule-book-") as place:
        folder = Path(place)
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8"))
        try:
            return RuleBook.from_folder(folder, version=version)
        except RuleBookFormatError as error:
            raise StoreError(
                f"The rule book {version} that a close kept cannot be read by this version of "
                "Trellis: its form has changed. What was issued stands as it is."
            ) from error
