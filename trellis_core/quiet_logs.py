"""Logs that hold ids and places only: what any library writes is cleaned before a handler sees it.

An exception's words may repeat what stood in a record: a database's "key (mrn)=(…) exists", a
parser's "could not read '…'". So a log says which kind of exception it was and where it happened, line
by line, and nothing that it said. The words of Trellis's own errors about the store, the rule book,
checkpoints and rights are kept: they hold ids. Other errors of Trellis may repeat what a person
typed; their words go to that person. Addresses lose their query and the token of an invitation.

Records are cleaned where they are made, so that no logger, however named and whenever it comes,
goes round it.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from trellis_core.errors import (
    CheckpointError,
    NotSignedInError,
    PermissionDeniedError,
    RuleBookError,
    StoreError,
)

WITHHELD: Final = "(its words are withheld)"
"""What stands in a log in the place of an exception's words."""

_SPEAKING: Final = (
    CheckpointError,
    NotSignedInError,
    PermissionDeniedError,
    RuleBookError,
    StoreError,
)
_QUERY: Final = re.compile(r"""(?<=[\w/.%~-])\?[^\s"'<>]+""")
_LINK: Final = re.compile(r"""(/auth/(?:invite|reset)/)[^\s"'<>?#/]+""")
_made: Final = logging.getLogRecordFactory()
_log: Final = logging.getLogger("trellis.uncaught")


def keep_ids_only() -> None:
    """Clean every log record of this process from now on, and log what nobody caught as one."""
    logging.setLogRecordFactory(_clean_record)
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)  # below, it writes statements
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def clean(record: logging.LogRecord) -> None:
    """Take out of a log record what may be about a person."""
    record.msg = _cleaned(record.msg)
    if isinstance(record.args, tuple):
        record.args = tuple(_cleaned(each) for each in record.args)
    elif record.args:
        record.args = {name: _cleaned(each) for name, each in record.args.items()}
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = "".join(_lines(record.exc_info[1])).rstrip()
    record.exc_info = None


def kind_and_words(error: BaseException) -> str:
    """Return an exception's kind, with its code and its words where these hold ids only.

    Example:
        >>> kind_and_words(ValueError("Ada Fern"))
        'ValueError (its words are withheld)'
    """
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    if isinstance(error, _SPEAKING):
        return f"{name}: {error}"
    code = getattr(error, "code", None)
    named = f" {code}" if isinstance(code, str) and code.isascii() and code.isidentifier() else ""
    return f"{name}{named} {WITHHELD}"


def _clean_record(*args: object, **words: object) -> logging.LogRecord:
    record = _made(*args, **words)
    clean(record)
    return record


def _cleaned(value: object) -> object:
    if isinstance(value, BaseException):
        return kind_and_words(value)
    if isinstance(value, str):
        return _LINK.sub(r"\1…", _QUERY.sub("", value))
    return value


def _lines(error: BaseException, seen: frozenset[int] = frozenset()) -> Iterator[str]:
    """Yield an exception and those that led to it as Python writes them, without their words."""
    seen |= {id(error)}
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _lines(before, seen)
        yield "\nWhich led to:\n\n"
    yield "Traceback (most recent call last):\n"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
    yield f"{kind_and_words(error)}\n"
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _lines(inner, seen)


def _uncaught(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, place)
        return
    _log.critical("Not caught", exc_info=(kind, error, place))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not issubclass(told.exc_type, SystemExit):
        _log.critical(
            "Not caught in a thread", exc_info=(told.exc_type, told.exc_value, told.exc_traceback)
        )


def _unraisable(told: "sys.UnraisableHookArgs") -> None:
    if told.exc_value is not None:
        _log.error(
            "Not caught while tidying up",
            exc_info=(told.exc_type, told.exc_value, told.exc_traceback),
        )
