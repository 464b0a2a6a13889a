"""What every page stands on: the open store, who is signed in, the clock and the rule book.

A page starts with ``actor = require(Operation.READ_BOARD)``. The answer is asked for again on
every rerun, so that signing out or a changed role acts at once. Tests replace ``session_token``,
the one seam, because a test browser has no cookies.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import lru_cache, wraps
from pathlib import Path
from typing import Final, NoReturn, ParamSpec, TypeVar
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared import connection, state
from trellis_core.access import Actor, Operation, may
from trellis_core.care.people import Practice, StaffMember
from trellis_core.rules.rulebook import RuleBook, load_rule_book
from trellis_core.sample import demo_day, sample_today
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.rule_books import rule_book_in_force
from trellis_core.settings import Settings, default_store_url, load_settings, sqlite_url
from trellis_core.store import moments
from trellis_core.store.engine import Store, open_store
from trellis_core.store.kept_reads import KeptReads
from trellis_core.values import clock as clocks
from trellis_core.values.clock import Clock
from trellis_core.values.periods import ServiceMonth, zone_named

COOKIE: Final = "trellis_session"
SIGN_IN_PATH: Final = "/auth/sign-in"
SIGN_OUT_PATH: Final = "/auth/sign-out"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_lock = threading.Lock()
_open: dict[str, Store] = {}
_holding: set[str] = set()
_samples: dict[str, bool] = {}
_owners: dict[str, str | None] = {}
_reads: Final[WeakKeyDictionary[state.PageState, KeptReads]] = WeakKeyDictionary()
_SESSIONS_KEPT: Final = 10_000
_working_for: Final[ContextVar[str | None]] = ContextVar("trellis_working_for", default=None)
_VARIABLES: Final = ("DATABASE_URL", "TRELLIS_DATABASE_URL", "TRELLIS_DATA_FOLDER", "TRELLIS_TODAY")


def _settings() -> Settings:
    """Return the settings, read again only when the environment changed."""
    return _settings_of(tuple(os.environ.get(name, "") for name in _VARIABLES))


@lru_cache(maxsize=8)
def _settings_of(_environment: tuple[str, ...]) -> Settings:
    return load_settings()


def own_store_url() -> str:
    """Return the address of the practice's own store: ``DATABASE_URL``, or the command's default."""
    settings = _settings()
    return settings.database_url or default_store_url(settings)


def store() -> Store:
    """Return the store, opened and migrated once per process and address.

    It is the practice's own. Where that holds no practice and nobody named it, a demonstration that
    was begun on this machine is shown instead, until the practice sets up its own.
    """
    own = _opened(own_store_url())
    if _settings().database_url is not None or _holds_practice(own):
        return own
    begun = _demo_path()
    if begun.is_file() and _holds_practice(demo := _opened(sqlite_url(begun))):
        return demo
    return own


def sample_target() -> Store:
    """Return the store into which the welcome page loads the sample practice.

    The demonstration's own, so that the practice's own store stays free; the one that was named
    where one was.
    """
    if _settings().database_url is not None:
        return store()
    path = _demo_path()
    return _opened(sqlite_url(path))


def _demo_path() -> Path:
    return _settings().data_folder.expanduser().absolute() / "demo" / "trellis.db"


def _holds_practice(found: Store) -> bool:
    if found.url not in _holding and practices.has_practice(store=found):
        _holding.add(found.url)
    return found.url in _holding


def _opened(url: str) -> Store:
    with _lock:
        if url not in _open:
            _open[url] = open_store(url)
        return _open[url]


def close_all() -> None:
    """Close every store that this process opened."""
    with _lock:
        _holding.clear()
        _samples.clear()
        while _open:
            _open.popitem()[1].close()


def clock() -> Clock:
    """Return the clock: the server's, or moved by whole days in a demonstration."""
    system = clocks.SystemClock()
    here = sample_today(system)
    day = _settings().today
    if day is None and is_sample():
        day = demo_day(here, load_rule_book())
    return system if day is None or day == here else clocks.ShiftedClock((day - here).days)


def rule_book() -> RuleBook:
    """Return the rule book of whoever is signed in; the one that ships with Trellis for nobody."""
    here = _working_for.get()
    if here is None and get_script_run_ctx(suppress_warning=True) is not None:
        here = state.state().practice_id
    return load_rule_book() if here is None else rule_book_in_force(store(), here)


@contextmanager
def working_for(person: Actor) -> Iterator[None]:
    """Let what is made apart from a page's run, as a file on a click, have a person's rule book."""
    token = _working_for.set(person.practice_id)
    try:
        yield
    finally:
        _working_for.reset(token)


def is_empty() -> bool:
    """Say whether the store holds no practice yet."""
    return not _holds_practice(store())


def is_sample() -> bool:
    """Say whether the store holds the sample practice and nothing else."""
    found = store()
    if not _holds_practice(found):
        return False
    if found.url not in _samples:
        _samples[found.url] = practices.is_sample(store=found)
    return _samples[found.url]


def is_demo() -> bool:
    """Say whether one click signs in: the sample practice only, and only in a demonstration.

    A demonstration is a server started for one (``TRELLIS_DEMO=1``) or one that only this machine
    can reach; a server for other machines never is one.
    """
    if not is_sample() or connection.public() is not None:
        return False
    return os.environ.get("TRELLIS_DEMO") == "1" or st.get_option("server.address") in _LOOPBACK


def session_token() -> str | None:
    """Return the browser's sign-in token from its cookie; the seam that tests replace."""
    return st.context.cookies.get(COOKIE)


_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")


@contextmanager
def one_moment() -> Iterator[None]:
    """Let a run of the page see the store at one moment, and ask for nothing that it knows already.

    What a browser session has read is kept for that session alone, and only while it still stands.
    """
    page = state.state()
    if page.practice_id is None:
        actor()
    if page.practice_id is None:
        yield
        return
    with moments.one_moment(store(), practice_id=page.practice_id, kept=_kept_reads(page)):
        yield


def at_one_moment(part: Callable[_Parameters, _Answer]) -> Callable[_Parameters, _Answer]:
    """Let a part of the page that runs alone see the store at one moment."""

    @wraps(part)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Answer:
        with one_moment():
            return part(*args, **kwargs)

    return run


def _kept_reads(of: state.PageState) -> KeptReads:
    with _lock:
        return _reads.setdefault(of, KeptReads())


def actor() -> Actor | None:
    """Return who is signed in, asked of the store anew; None for nobody.

    Asking does not count as use, whatever made the page run: what a person does at the keyboard,
    the pointer or the screen is told to ``/auth/seen`` by the page itself.
    """
    token = session_token()
    if not token:
        return None
    person = sign_ins.person_without_use(token, store=store(), clock=clock())
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        kept = state.state()
        kept.practice_id = None if person is None else person.practice_id
        if person is None:
            with _lock:
                _reads.pop(kept, None)
    if person is not None and context is not None:
        _own_session(context.session_id, person)
    return person


def keep_signed_in_only() -> None:
    """End a part of the page that refreshes itself once its person's sign-in has ended.

    The whole page runs again and says so. A part that runs alone may be nobody's doing.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and context.fragment_ids_this_run:
        state.refreshed()
    if actor() is None:
        st.rerun()


def _own_session(session_id: str, person: Actor) -> None:
    """Remember whose page a session of the frontend is: the first person's who was seen in it."""
    with _lock:
        if session_id not in _owners:
            while len(_owners) >= _SESSIONS_KEPT:
                _owners.pop(next(iter(_owners)))
            _owners[session_id] = owner_named(person)


def owner_named(person: Actor | None) -> str | None:
    """Return what a person is known by where the server remembers whose a page is."""
    return None if person is None else f"{person.practice_id} {person.person_id}"


def owner_of_session(session_id: str) -> str | None:
    """Return whose page a session of the frontend is; None for nobody's, or one that is gone."""
    with _lock:
        return _owners.get(session_id)


def require(operation: Operation) -> Actor:
    """Return the signed-in person, or end the page: the first line of every page.

    Args:
        operation: What the page is for; the services check again.
    """
    person = actor()
    if person is None:
        stop_signed_out()
    if not may(person, operation):
        st.title("Not for your role")
        st.write("Your role does not open this page. The practice's owner can change roles.")
        st.stop()
    return person


def stop_signed_out() -> NoReturn:
    """Say that nobody is signed in, with the way to the sign-in page, and end the run."""
    st.title("You are signed out")
    st.write("Sign in to go on. Nothing that was saved is lost; a running timer keeps running.")
    if st.button("Sign in", type="primary", key="signed_out_sign_in"):
        leave_to(SIGN_IN_PATH)
    st.stop()


def leave_to(path: str) -> None:
    """Send the browser to an address of this server that is not a page, in the same tab."""
    context = get_script_run_ctx()
    if context is not None:
        message = ForwardMsg()
        message.auth_redirect.url = path
        context.enqueue(message)


def practice(person: Actor) -> Practice:
    """Return the practice of the signed-in person."""
    return practices.the_practice(store=store(), actor=person)


def zone(person: Actor) -> ZoneInfo:
    """Return the practice's time zone, which decides the month and every shown time."""
    return zone_named(practice(person).time_zone)


def today(person: Actor) -> date:
    """Return the calendar day in the practice's zone."""
    return clocks.today(clock(), zone(person))


def month(person: Actor) -> ServiceMonth:
    """Return the service month that the sidebar's picker shows."""
    return state.month(today(person))


def people(person: Actor) -> dict[str, StaffMember]:
    """Return the practice's people by id."""
    return {member.id: member for member in practices.staff(store=store(), actor=person)}
