"""Reading at one moment: units of work that share a connection, and what was read before.

A page asks many services, and each reads in a unit of work of its own. Where a thread reads at one
moment they share it while nobody commits anything, and what was asked for once is not asked for
again. A unit of work never sees less than was committed before it began: what several people share
in memory rests on that.
"""

import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Executable, Result, SelectBase, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.sql.elements import TextClause

from trellis_core.store.changes import watch_of
from trellis_core.store.engine import Store
from trellis_core.store.kept_reads import KeptReads
from trellis_core.store.unit_of_work import UnitOfWork

_BARRED: Final = frozenset({"populate_existing", "yield_per", "stream_results"})


@contextmanager
def one_moment(store: Store, *, practice_id: str, kept: KeptReads) -> Generator[None]:
    """Let this thread's units of work that read share one, until the end, while nothing changes.

    Inside another one it changes nothing.

    Args:
        store: The store.
        practice_id: Whose page it is.
        kept: What the same reader has read before; it learns what is read now.
    """
    if store.shared_reading is not None:
        yield
        return
    is_mine = kept.lock.acquire(blocking=False)  # a run that was cut off may still be ending
    moment = Moment(store, practice_id=practice_id, kept=kept if is_mine else KeptReads())
    try:
        with store.sharing(moment):
            yield
    finally:
        moment.end()
        if is_mine:
            kept.lock.release()


class _Keeping(Connection):
    """A connection that asks the database only for what it was not asked before.

    It is another face of a connection that is open: what the one knows the other knows.
    """

    def __init__(self, of: Connection, kept: KeptReads) -> None:
        self.__dict__ = of.__dict__
        self._asked: Final = of
        self._kept_reads: Final = kept

    def execute(  # type: ignore[override] # the forms that the store uses
        self,
        statement: Executable,
        parameters: Mapping[str, object] | None = None,
        *,
        execution_options: Mapping[str, object] | None = None,
    ) -> Result[Any]:
        """Return a statement's rows."""

        def ask() -> Result[Any]:
            return Connection.execute(
                self,
                statement,
                parameters,
                execution_options=execution_options,
            )

        if execution_options or not _reads(statement):
            return ask()
        return self._kept_reads.answer(statement, parameters, dialect=self.dialect, ask=ask)

    def exec_driver_sql(  # type: ignore[override] # the forms that the store uses
        self,
        statement: str,
        parameters: Any = None,  # noqa: ANN401 - as in SQLAlchemy
    ) -> Result[Any]:
        """Return the rows of a statement in the database's own words."""

        def ask() -> Result[Any]:
            return Connection.exec_driver_sql(self, statement, parameters)

        if not _says_read(statement):
            return ask()
        return self._kept_reads.answer_in_words(statement, parameters, ask=ask)


class Moment:
    """One thread's reading at one moment, and at the next one after somebody has committed.

    Args:
        store: The store.
        practice_id: Whose page it is.
        kept: What was read before.
    """

    def __init__(self, store: Store, *, practice_id: str, kept: KeptReads) -> None:
        self._store = store
        self._mark = watch_of(store).mark
        self._kept = kept
        self._of = store, practice_id
        self._stack: ExitStack | None = None
        self._unit: UnitOfWork | None = None
        self._depth = 0
        self._is_over = False
        self._seen = 0

    @contextmanager
    def reading(self) -> Generator[UnitOfWork]:
        """Hand out the unit of work that all share; one of its own within one that is past."""
        is_past = self._is_over or (self._unit is not None and self._mark() != self._seen)
        if is_past and self._depth:
            with self._store.reading_apart() as unit:
                yield unit
            return
        if is_past:
            self.end()
        unit = self._unit or self._begin()
        self._depth += 1
        try:
            yield unit
        except SQLAlchemyError:
            self._is_over = True
            stack, self._stack, self._unit = self._stack, None, None
            if stack is None or not stack.__exit__(*sys.exc_info()):  # says it in a sentence
                raise
        finally:
            self._depth -= 1
            if self._is_over and not self._depth:
                self.end()

    def wrote(self) -> None:
        """Let the next unit of work see what this thread is about to write."""
        self._is_over = True
        if not self._depth:
            self.end()

    def end(self) -> None:
        """Give the connection back."""
        stack, self._stack, self._unit, self._is_over = self._stack, None, None, False
        if stack is not None:
            stack.close()

    def _begin(self) -> UnitOfWork:
        before = self._seen = self._mark()

        def through(connection: Connection) -> Connection:
            self._kept.bring_up_to(connection, of=self._of, before=before, mark=self._mark)
            return _Keeping(connection, self._kept)

        with ExitStack() as stack:
            unit = stack.enter_context(self._store.reading_apart(through))
            event.listen(unit.session, "do_orm_execute", self._answer)
            self._stack, self._unit = stack.pop_all(), unit
        return unit

    def _answer(self, asked: ORMExecuteState) -> Result[Any] | None:
        if (
            not asked.is_select
            or asked.is_column_load
            or asked.is_relationship_load
            or not _BARRED.isdisjoint(asked.execution_options)
        ):
            return None
        return self._kept.answer(
            asked.statement,
            asked.parameters,
            dialect=asked.session.get_bind().dialect,
            ask=asked.invoke_statement,
        )


def _reads(statement: Executable) -> bool:
    if isinstance(statement, TextClause):
        return _says_read(statement.text)
    return isinstance(statement, SelectBase)


def _says_read(words: str) -> bool:
    return words.lstrip()[:6].upper().startswith(("SELECT", "WITH"))
