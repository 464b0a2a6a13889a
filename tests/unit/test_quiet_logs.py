"""Logs hold ids and places: with the loggers, formatters and exceptions of the libraries themselves."""

import io
import logging
import sys
import threading

import pysqlite3
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from streamlit.logger import get_logger
from uvicorn.logging import AccessFormatter, DefaultFormatter

from trellis_core import quiet_logs
from trellis_core.errors import (
    CommandRefusedError,
    InputRefusedError,
    InvalidNpiError,
    NotFoundError,
    PermissionDeniedError,
    SchemaVersionError,
    StoreError,
    TrellisError,
)

CANARY = "Zephyrina Quillfeather"

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def log():
    """A function that returns a logger by name and what it has written."""
    added = []

    def listen(name, formatter=None):
        said, logger = io.StringIO(), logging.getLogger(name)
        handler = logging.StreamHandler(said)
        handler.setFormatter(formatter or logging.Formatter("%(name)s %(message)s"))
        logger.addHandler(handler)
        added.append((logger, handler))
        return logger, said

    yield listen
    for logger, handler in added:
        logger.removeHandler(handler)


def test_an_exception_is_told_by_kind_and_place_and_never_by_its_words(log):
    logger, said = log("trellis.anything")

    def inner():
        raise ValueError(CANARY)

    try:
        try:
            inner()
        except ValueError as error:
            raise RuntimeError(f"about {CANARY}") from error
    except RuntimeError:
        logger.exception("A request failed")
    written = said.getvalue()
    assert CANARY not in written
    assert "A request failed" in written
    assert written.count("Traceback (most recent call last)") == 2
    assert "ValueError (its words are withheld)" in written
    assert "Which led to:" in written
    assert f'File "{__file__}"' in written
    assert ", in inner" in written


@pytest.mark.parametrize("hides", [True, False])
def test_a_databases_error_does_not_repeat_the_row(log, hides):
    logger, said = log("sqlalchemy.pool")
    engine = create_engine("sqlite://", module=pysqlite3.dbapi2, hide_parameters=hides)
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (mrn TEXT UNIQUE)"))
        row = {"mrn": CANARY}
        connection.execute(text("INSERT INTO t VALUES (:mrn)"), row)
        with pytest.raises(IntegrityError) as caught:
            connection.execute(text("INSERT INTO t VALUES (:mrn)"), row)
    assert hides == (CANARY not in str(caught.value))
    logger.error("Not saved", exc_info=caught.value)
    logger.error("Not saved: %s", caught.value)
    logger.error("Not saved: %(why)s", {"why": caught.value})
    assert CANARY not in said.getvalue()
    assert said.getvalue().count("sqlalchemy.exc.IntegrityError") >= 3


def test_statements_are_never_logged():
    assert not logging.getLogger("sqlalchemy.engine.Engine").isEnabledFor(logging.INFO)


def test_uvicorns_access_log_has_no_query_and_no_invitation(log):
    logger, said = log(
        "uvicorn.access", AccessFormatter('%(client_addr)s "%(request_line)s" %(status_code)s')
    )
    logger.setLevel(logging.INFO)
    for path in (
        f"/chart?patient=p-1&q={CANARY.replace(' ', '%20')}",
        "/auth/invite/s3cr3t-token_A",
        "/auth/reset/s3cr3t-token_A?next=/x",
        "/media/abc.pdf",
        "/thresholds?Quillfeather",
    ):
        logger.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5000", "GET", path, "1.1", 200)
    lines = said.getvalue()
    assert "Quillfeather" not in lines
    assert "s3cr3t" not in lines
    assert '"GET /chart HTTP/1.1" 200' in lines
    assert '"GET /auth/invite/… HTTP/1.1" 200' in lines
    assert '"GET /media/abc.pdf HTTP/1.1" 200' in lines


def test_uvicorns_error_log_tells_where_an_application_failed(log):
    logger, said = log("uvicorn.error", DefaultFormatter("%(levelprefix)s %(message)s"))
    logger.error("Exception in ASGI application\n", exc_info=KeyError(CANARY))
    logger.info('%s - "WebSocket %s" [accepted]', "127.0.0.1", "/_stcore/stream?name=Quillfeather")
    assert "Quillfeather" not in said.getvalue()
    assert "KeyError (its words are withheld)" in said.getvalue()


def test_streamlits_own_loggers_are_cleaned_though_they_have_handlers_of_their_own(log):
    logger, said = log(get_logger("streamlit.error_util").name)
    logger.error("Uncaught app execution", exc_info=ValueError(CANARY))
    assert CANARY not in said.getvalue()
    assert "Uncaught app execution" in said.getvalue()


@pytest.mark.parametrize(
    "error",
    [
        StoreError("The disk is full."),
        SchemaVersionError("0001", "0003"),
        PermissionDeniedError("read_chart", "biller"),
    ],
)
def test_errors_of_trellis_that_hold_ids_keep_their_sentence(error):
    assert quiet_logs.kind_and_words(error).endswith(f": {error}")


@pytest.mark.parametrize(
    "error",
    [
        InvalidNpiError(CANARY),
        NotFoundError("patient", CANARY),
        InputRefusedError("UNKNOWN_KEY", CANARY, CANARY),
        CommandRefusedError("FILE_EXISTS", CANARY),
        TrellisError(CANARY),
    ],
)
def test_errors_that_may_repeat_what_was_typed_keep_their_code_only(error):
    said = quiet_logs.kind_and_words(error)
    assert CANARY not in said
    assert type(error).__name__ in said
    assert getattr(error, "code", "") in said


def test_what_nobody_caught_is_logged_without_words(log):
    _, said = log("trellis.uncaught")

    def fail():
        raise LookupError(CANARY)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except LookupError:
        sys.excepthook(*sys.exc_info())
    assert CANARY not in said.getvalue()
    assert said.getvalue().count("LookupError (its words are withheld)") == 2


def test_a_group_of_exceptions_and_a_loop_of_causes_come_to_an_end(log):
    logger, said = log("trellis.anything")
    first, second = ValueError(CANARY), TypeError(CANARY)
    first.__cause__, second.__cause__ = second, first
    logger.error("Loop", exc_info=first)
    logger.error("Group", exc_info=ExceptionGroup(CANARY, [first, OSError(CANARY)]))
    assert CANARY not in said.getvalue()
    assert "OSError" in said.getvalue()


def test_a_plain_message_stays_as_it_is(log):
    logger, said = log("trellis.anything")
    logger.warning("No checkpoint of practice '%s': %d entries, is that all?", "p-1", 7)
    assert said.getvalue() == (
        "trellis.anything No checkpoint of practice 'p-1': 7 entries, is that all?\n"
    )
