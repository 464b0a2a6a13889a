"""No service gives away one patient's chart without asking whether it is open to the actor."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = sorted((ROOT / "trellis_core" / "services").rglob("*.py"))
PAGES = sorted((ROOT / "pages").rglob("*.py"))
GUARDS = {"guard", "reach"}

WITHOUT = {
    "access_events.note_print": "keeps who printed what; gives nothing away",
    "downloads.deliver": "hands on what another service has made",
    "drafts.drop": "the person's own unsaved words",
    "drafts.keep": "the person's own unsaved words",
    "drafts.take": "the person's own unsaved words",
}
"""Services of one patient that do not ask, and why."""


def functions() -> dict[str, ast.FunctionDef]:
    """Return every function and method of the services, by module and name."""
    return {
        f"{path.stem}.{node.name}": node
        for path in SERVICES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def called_in(function: ast.FunctionDef) -> set[str]:
    names = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {
        name.id if isinstance(name, ast.Name) else name.attr
        for name in names
        if isinstance(name, ast.Name | ast.Attribute)
    }


def services_of_a_patient() -> dict[str, ast.FunctionDef]:
    return {
        name: function
        for name, function in functions().items()
        if any(ast.unparse(each) == "audited" for each in function.decorator_list)
        and "patient_id" in {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
    }


def asking() -> set[str]:
    """Return the names of functions that ask, themselves or by a function that they call."""
    found = functions()
    names = set(GUARDS)
    while True:
        more = {
            name.rpartition(".")[2] for name, each in found.items() if called_in(each) & names
        } - names
        if not more:
            return names
        names |= more


def test_every_service_of_one_patient_asks_whether_the_chart_is_open():
    asks = asking()
    bare = {
        name for name in services_of_a_patient() if name.rpartition(".")[2] not in asks
    } - WITHOUT.keys()
    assert not bare, (
        f"{', '.join(sorted(bare))}: takes a patient's id and never calls chart_guard.guard. Call it "
        "first in the unit of work, or name the service in WITHOUT with the reason."
    )


def test_an_exception_is_a_service_that_does_not_ask():
    named = services_of_a_patient()
    for name in WITHOUT:
        assert name in named, name
        assert not called_in(named[name]) & GUARDS, name


def test_pages_ask_by_the_clock_of_the_dashboard():
    """An hour that began by a demonstration's clock must end by it."""
    timed = {
        name.rpartition(".")[2]
        for name, function in functions().items()
        if "clock" in {each.arg for each in function.args.kwonlyargs}
        and called_in(function) & GUARDS
        and any(ast.unparse(each) == "audited" for each in function.decorator_list)
    }
    assert {"chart", "patients", "entries_of", "journal"} <= timed
    for path in PAGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            given = {each.arg for each in node.keywords}
            if name in timed and "actor" in given:
                assert given & {"clock", None}, f"{path.name}:{node.lineno} {name}"
