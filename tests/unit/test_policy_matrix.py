"""Every service, by every kind of person, in the own practice and with another practice's ids."""

import dataclasses
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.policy_case import (
    CASES,
    ITS_OWN,
    NO_ACTOR,
    NO_SERVICE,
    NONE_OF_IT,
    NOT_FOUND,
    PAGES_ONLY,
    RESTRICTED,
    WRITTEN,
    Case,
    Ids,
    Site,
    arguments_of,
    call,
    is_written,
    kinds_of_ids,
    named_by,
    services,
    with_store,
)
from tests.support.policy_proof import (
    Picture,
    Statements,
    Told,
    picture_of,
    statements_of,
    texts_in,
)
from tests.support.two_practices import AWAY, HOME, NOW, PEOPLE, actor, ids_of, make_store
from trellis_core.access import POLICY, Actor, Operation, may
from trellis_core.errors import (
    ChartRestrictedError,
    CommandRefusedError,
    NotFoundError,
    PermissionDeniedError,
)
from trellis_core.services.access_reading import access_log
from trellis_core.services.people import people
from trellis_core.store.engine import open_store
from trellis_core.values.clock import FixedClock

ROOT = Path(__file__).parents[2]
NAMED = {case.name: case for case in CASES}
LOOKED_UP_APART = {"owner", "coordinator", "practitioner", "consultant"}
"""Kinds of people for whom a chart is looked up in another way."""


def first_allowed(case: Case) -> str:
    return next(kind for kind in PEOPLE if case.is_allowed(kind))


FOREIGN = [
    (case.name, foreign, kind)
    for case in CASES
    for foreign in kinds_of_ids(case)
    for kind in PEOPLE
    if case.is_allowed(kind) and kind not in case.narrowed
    if kind in LOOKED_UP_APART or kind == first_allowed(case)
]


@pytest.fixture(scope="session")
def two_practices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with two practices, made once; every test gets a copy."""
    folder = tmp_path_factory.mktemp("two-practices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRELLIS_DATA_FOLDER", str(folder / "data"))
        make_store(folder / "store.db")
    return folder


@pytest.fixture
def site(two_practices: Path, tmp_path: Path, data_folder: Path, request) -> Iterator[Site]:
    """A store with both practices and the person of the test's ``kind``, at home in the first."""
    shutil.copytree(two_practices / "data", data_folder)
    folder = tmp_path / "files"
    folder.mkdir()
    for file in two_practices.glob("store.db*"):
        shutil.copy(file, tmp_path / file.name)
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield Site(store, actor(HOME, request.getfixturevalue("kind")), folder)
    store.close()


@pytest.fixture(scope="session")
def picture(two_practices: Path) -> Picture:
    """What is in the file of which every test gets a copy."""
    return picture_of(two_practices / "store.db")


def picture_before(case: Case, site: Site, picture: Picture) -> Picture:
    """Let happen what has to happen before a way of calling, and return what is in the store then."""
    if case.before is None:
        return picture
    case.before(site)
    return picture_of(site.store.path)


def ids_at(site: Site, kind: str, *, foreign: str | None = None) -> Ids:
    instead = {} if foreign is None else {foreign: ids_of(AWAY, kind)[foreign]}
    return Ids(ids_of(HOME, kind), site.folder, me=site.actor.person_id, instead=instead)


# --- the table -------------------------------------------------------------------------------


def test_every_service_with_an_actor_has_a_row_and_every_row_a_service():
    have, wanted = {case.service for case in CASES}, set(services()) - set(NO_SERVICE)
    missing, groundless = sorted(wanted - have), sorted(have - wanted)
    assert not missing, (
        f"{', '.join(missing)}: no row in tests/support/policy_case.py. Add a Case that names the "
        "operation it requires and how to call it, with each id that it takes."
    )
    assert not groundless, f"{', '.join(groundless)}: there is no such service. Remove the row."
    assert not set(NO_SERVICE) - set(services())
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []


def test_whatever_opens_the_store_asks_who_it_is_for_or_says_why_not():
    bare = set(with_store()) - set(services())
    assert not bare - set(NO_ACTOR), (
        f"{', '.join(sorted(bare - set(NO_ACTOR)))}: opens the store for nobody. Let it take an "
        "actor, or say in NO_ACTOR of tests/support/policy_case.py why nobody has to be asked for."
    )
    assert not set(NO_ACTOR) - bare


COMMANDS_OWN = {"backup.make_backup", "by_hand.note_command", "by_hand.command_is_noted"}


@pytest.mark.parametrize(
    "name",
    [
        *NO_SERVICE,
        "sign_in.note_refused",
        "board_memory.month_on_board",
        "board_memory.rows_of_month",
        "month_memory.looking",
    ],
)
def test_no_page_and_no_other_command_calls_what_does_not_ask(name: str):
    module, _, function = name.rpartition(".")
    called = re.compile(rf"\b(?:{module}\.{function}|import [^\n]*\b{function})\b")
    files = list((ROOT / "pages").rglob("*.py"))
    if name not in COMMANDS_OWN:
        files += (ROOT / "trellis_core" / "cli").rglob("*.py")
    assert not [path.name for path in files if called.search(path.read_text(encoding="utf-8"))]


def test_every_service_tells_the_journal_of_what_it_refuses():
    bare = [
        name
        for name, function in services().items()
        if name not in NO_SERVICE and not hasattr(function, "__wrapped__")
    ]
    assert not bare, f"{', '.join(bare)}: not @audited, so a refusal would leave no trace."


NOT_AN_ID = {"entry_id_new", "form_id", "care_planning_by_practitioner", "member_id"}
AN_ID = re.compile(r"(^|_)(id|ids|by|consultant|practitioner|number|readers)$")


@pytest.mark.parametrize("service", sorted(set(services()) - set(NO_SERVICE)))
def test_every_id_that_a_service_takes_is_tried(service: str):
    takes = {name for name in arguments_of(services()[service]) if AN_ID.search(name)}
    tried = set().union(*(named_by(case) for case in CASES if case.service == service))
    assert takes - tried - NOT_AN_ID == set(), "No row gives it a value."


def test_the_policy_is_the_table_that_was_written_by_hand():
    assert {operation.value for operation in Operation} == set(WRITTEN)
    assert set(POLICY) == set(Operation)
    for kind in PEOPLE:
        for operation in Operation:
            assert may(actor(HOME, kind), operation) is is_written(kind, operation), operation


def test_every_operation_is_required_by_a_service():
    required = {operation for case in CASES for operation in case.needs}
    required |= {operation for operation, where in ELSEWHERE.items() if where in _source("backup")}
    unused = set(WRITTEN) - required - set(PAGES_ONLY)
    assert not unused, f"{', '.join(sorted(unused))}: no service requires it. Remove it, or use it."
    assert required <= set(WRITTEN)


ELSEWHERE = {
    "make_backup": "actors, Operation.MAKE_BACKUP",
    "restore_backup": "actors, Operation.RESTORE_BACKUP",
}


def _source(module: str) -> str:
    return (ROOT / f"trellis_core/services/{module}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("operation", PAGES_ONLY)
def test_what_only_pages_require_they_require(operation: str):
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pages").rglob("*.py"))
    assert f"store.require(Operation.{operation.upper()})" in pages


# --- the matrix ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PEOPLE)
@pytest.mark.parametrize("name", NAMED)
def test_a_person_does_what_the_table_says_and_nothing_else(
    site: Site, picture: Picture, name: str, kind: str
):
    case = NAMED[name]
    before = picture_before(case, site, picture)
    ids = ids_at(site, kind)
    with statements_of(site.store) as said:
        if not case.is_allowed(kind):
            refusing = next(each for each in case.needs if not is_written(kind, each))
            words = refused(case, ids, site, as_=NOT_PERMITTED, operation=refusing)
        elif kind in case.narrowed:
            words = refused(case, ids, site, as_=case.narrowed[kind])
        else:
            answer = call(case, ids, store=site.store, actor=site.actor)
            files = (each for each in site.folder.rglob("*") if each.is_file())
            written = [each.read_bytes() for each in files]
            words = list(texts_in((answer, written)))
    after = picture_of(site.store.path, after=before)

    assert not [word for word in words if AWAY in word], "It gave away something of another's."
    assert after.of(AWAY) == before.of(AWAY)
    assert_scoped(said)
    if not case.is_allowed(kind):
        assert_only_refused(case, before, after, why=NOT_PERMITTED)
    elif kind in case.narrowed:
        assert_only_refused(case, before, after, why=case.narrowed[kind])


@pytest.mark.parametrize(("name", "foreign", "kind"), FOREIGN)
def test_an_id_of_another_practice_is_not_there(
    site: Site, picture: Picture, name: str, foreign: str, kind: str
):
    case = NAMED[name]
    before = picture_before(case, site, picture)
    ids = ids_at(site, kind, foreign=foreign)
    answer = case.answer(foreign, kind)
    with statements_of(site.store) as said:
        if answer in {NONE_OF_IT, ITS_OWN}:
            given = call(case, ids, store=site.store, actor=site.actor)
            assert answer == ITS_OWN or not [word for word in texts_in(given) if AWAY in word]
        else:
            refused(case, ids, site, as_=answer)
    after = picture_of(site.store.path, after=before)

    assert_scoped(said)
    assert after.of(AWAY) == before.of(AWAY)
    if answer == NONE_OF_IT:
        assert after == before
    elif answer != ITS_OWN:
        assert_only_refused(case, before, after, why=answer)


@pytest.mark.parametrize("kind", ["coordinator", "coordinating-practitioner"])
def test_a_coordinator_reads_only_their_own_access_log(site: Site, kind: str):
    def persons_of(who: Actor) -> set[str | None]:
        for each in (who, actor(HOME, "nobody")):
            with pytest.raises(PermissionDeniedError):
                people(store=site.store, actor=each, clock=FixedClock(NOW))
        page = access_log(store=site.store, actor=who, clock=FixedClock(NOW))
        return {event.person_id for event in page.events}

    assert persons_of(site.actor) == {site.actor.person_id}
    assert persons_of(actor(HOME, "auditor")) >= {site.actor.person_id, f"{HOME}-nobody"}


# --- how a refusal looks ---------------------------------------------------------------------

NOT_PERMITTED = "not_permitted"
ERRORS = {
    NOT_PERMITTED: PermissionDeniedError,
    NOT_FOUND: NotFoundError,
    RESTRICTED: ChartRestrictedError,
}


def refused(
    case: Case, ids: Ids, site: Site, *, as_: str, operation: str | None = None
) -> list[str]:
    """See that a call is refused, in which way, and return what is said."""
    with pytest.raises(ERRORS.get(as_, CommandRefusedError)) as refusal:
        call(case, ids, store=site.store, actor=site.actor)
    assert getattr(refusal.value, "operation", None) == operation
    assert as_ in ERRORS or refusal.value.code == as_
    return [str(refusal.value)]


def assert_only_refused(case: Case, before, after, *, why: str) -> None:
    """See that nothing happened but one refusal, told to the journal of the actor's practice."""
    assert after.rows == before.rows
    told = list((Counter(after.events) - Counter(before.events)).elements())
    function = case.service.rpartition(".")[2]
    assert told == ([Told(HOME, "denied", f"service {function}", why)] if why in ERRORS else [])
    assert len(after.events) == len(before.events) + len(told)


# --- what is said to the database ------------------------------------------------------------

OF_THE_WHOLE_STORE = {
    "SELECT checkpoint.body, checkpoint.signature FROM checkpoint ORDER BY "
    "checkpoint.practice_id DESC, checkpoint.number DESC": "the file of checkpoints is the store's",
    "SELECT checkpoint.number FROM checkpoint LIMIT ? OFFSET ?": "whether there is any at all",
}
NAME_IS_THE_STORES = re.compile(r"FROM staff WHERE staff\.sign_in_name = \?$")
"""Nobody has another's sign-in name, in whichever practice: people type no practice."""


def assert_scoped(said: Statements) -> None:
    """See that every statement about records of practices was held to the actor's."""
    loose = [" ".join(statement.split()) for statement in said.unscoped(HOME)]
    loose = [
        each
        for each in loose
        if each not in OF_THE_WHOLE_STORE and not NAME_IS_THE_STORES.search(each)
    ]
    assert not loose, "Not held to the actor's practice:\n" + "\n".join(loose)


@pytest.mark.parametrize(
    ("statement", "values", "is_loose"),
    [
        (
            "SELECT patient.id FROM patient WHERE patient.practice_id = ? AND patient.id = ?",
            {HOME},
            0,
        ),
        ("SELECT patient.id FROM patient WHERE patient.id = ?", {HOME}, 1),
        ("SELECT patient.id FROM patient WHERE patient.practice_id = ?", {AWAY}, 1),
        ("SELECT practice.name FROM practice WHERE practice.id = ?", {HOME}, 0),
        ("SELECT practice.name FROM practice", {HOME}, 1),
        ("DELETE FROM running_timer WHERE practice_id = ? AND staff_id = ?", {HOME}, 0),
        ("UPDATE staff SET role=? WHERE staff.id = ?", {HOME}, 1),
        (
            (
                'SELECT e.seq FROM entry AS e LEFT OUTER JOIN entry_note AS "n" '
                'ON "n".practice_id = e.practice_id WHERE e.practice_id = ?'
            ),
            {HOME},
            0,
        ),
        (
            (
                "SELECT e.seq FROM entry AS e JOIN patient AS p ON p.id = e.patient_id "
                "WHERE e.practice_id = ?"
            ),
            {HOME},
            1,
        ),
        ("SELECT count(*) FROM sign_in_attempt", set(), 0),
        ("INSERT INTO patient (practice_id) VALUES (?)", {AWAY}, 0),
    ],
)
def test_a_statement_that_could_reach_another_practice_is_found(statement, values, is_loose):
    said = Statements([(statement, frozenset(values))])
    assert bool(said.unscoped(HOME)) is bool(is_loose)


@pytest.mark.parametrize("kind", ["biller"])
@pytest.mark.parametrize("form", ["pdf", "zip", "csv", "json"])
def test_words_are_found_in_every_kind_of_file(site: Site, kind: str, form: str):
    case = NAMED[f"billing.superbill_document, {form}"]
    answer = call(case, ids_at(site, kind), store=site.store, actor=actor(AWAY, kind))
    assert any(AWAY in word for word in texts_in(answer.content))
    assert not any(AWAY in word for word in texts_in(dataclasses.replace(answer, content=b"")))
