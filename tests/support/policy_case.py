"""Every service with an actor: its operation, and how to call it. And who may do what, by hand.

A service is called with ids by what they are of (``ids.patient``), so that each of them can be
exchanged for one of another practice. ``tests/unit/test_policy_matrix.py`` says what must follow.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pyotp

import trellis_core.services
from tests.support.bundles import snomed_only_bundle
from tests.support.medicare_files import year_2027
from tests.support.two_practices import AWAY, HOME, NOVEMBER, NOW, OCTOBER, PASSWORD, PEOPLE, TIMED
from trellis_core.access import AccessRole, Actor, Operation
from trellis_core.care.active import Span
from trellis_core.care.people import Coverage, Patient, Practice, StaffMember
from trellis_core.care.people import Site as PlaceOfPractice
from trellis_core.care.registry import RegistryStatus
from trellis_core.care.vocabulary import (
    Activity,
    CocmEndReason,
    MdmLevel,
    Program,
    StaffRole,
    StayKind,
    Track,
)
from trellis_core.care.work import TaskKind, TaskOutcome
from trellis_core.roi import RoiInputs
from trellis_core.rules.rulebook import load_rule_book
from trellis_core.services.access_reading import AccessFilters
from trellis_core.services.apcm import ApcmElement
from trellis_core.services.approvals import ApproveSuperbills, TakeBackApproval
from trellis_core.services.attestations import AttestDiagnoses
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.claims import MarkSubmitted, PaidBy, RecordPayment
from trellis_core.services.column_profiles import Column, ColumnProfile
from trellis_core.services.downloads import FileForm
from trellis_core.services.fee_lists import ChangeAmounts
from trellis_core.services.fhir_export import ExportForm, FhirWanted
from trellis_core.services.imports.columns import ImportKind, ImportSettings
from trellis_core.services.job_wanted import CheckWanted, SuperbillsWanted
from trellis_core.services.merging import MergePatients
from trellis_core.services.month_close import CloseMonth, ReopenMonth
from trellis_core.services.practice_options import PracticeOption
from trellis_core.services.questions import AskAboutMonth
from trellis_core.services.scenarios import SaveScenario
from trellis_core.services.sign_in import SignInRules
from trellis_core.services.suggestions import Origin
from trellis_core.services.time_log import CorrectTime, LogTime
from trellis_core.services.timers import StopTimer
from trellis_core.store.engine import Store
from trellis_core.store.tables import (
    ApcmCapabilityRow,
    RestrictedChartRow,
    RunningTimerRow,
    SecondFactorRow,
)
from trellis_core.values.clock import FixedClock
from trellis_core.values.periods import ServiceMonth

_WITHOUT_SUPERBILLS: Final = ServiceMonth(2020, 1)
"""A month of which nothing is sent to a server."""

# --- who may do what -------------------------------------------------------------------------

_TABLE: Final = """
                         owner  coordinator  biller  auditor  practitioner  consultant
read_practice            x      x            x       x        x             x
read_board               x      x            x       x        x             .
read_chart               x      x            x       x        x             .
read_time                x      x            x       x        x             .
edit_chart               x      x            .       .        .             .
write_note               x      x            x       .        x             x
merge_patients           x      .            .       .        .             .
document_decision        .      .            .       .        x             .
read_registry            x      x            x       x        x             x
record_recommendation    x      x            .       .        .             x
log_own_time             x      x            .       .        x             .
correct_others_time      x      .            .       .        .             .
import_records           x      x            .       .        .             .
draft_superbill          x      x            x       .        .             .
approve_superbill        x      .            x       .        .             .
record_claim             x      .            x       .        .             .
edit_profiles            x      .            x       .        .             .
read_packet              x      .            x       x        .             .
read_performance         x      .            x       x        .             .
read_superbill           x      x            x       x        .             .
export_fhir              x      .            x       .        .             .
close_month              x      .            x       .        .             .
reopen_month             x      .            x       .        .             .
read_ledger              x      .            x       x        .             .
read_journal             x      x            x       x        .             .
read_access_log          x      x            x       x        .             .
withhold_note            x      .            .       .        .             .
check_ledger             x      .            x       x        .             .
make_checkpoint          x      .            x       x        .             .
make_backup              x      .            .       .        .             .
restore_backup           x      .            .       .        .             .
edit_settings            x      .            .       .        .             .
manage_people            x      .            .       .        .             .
restrict_chart           x      .            .       .        .             .
open_in_emergency        x      x            x       x        x             x
review_emergency         x      .            .       .        .             .
keep_draft               x      x            x       x        x             x
change_own_sign_in       x      x            x       x        x             x
read_roi                 x      x            x       x        .             .
save_scenario            x      .            x       .        .             .
read_rule_book           x      x            x       x        x             x
"""
"""What the policy has to be. Whoever changes the policy changes this by hand as well."""

_GRANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "owner": ("owner",),
    "coordinator": ("coordinator",),
    "biller": ("biller",),
    "auditor": ("auditor",),
    "practitioner": ("practitioner",),
    "consultant": ("consultant",),
    "nobody": (),
    "coordinating-practitioner": ("coordinator", "practitioner"),
}


def _read_table() -> dict[str, frozenset[str]]:
    heading, *lines = _TABLE.strip("\n").splitlines()
    columns = heading.split()
    made = {}
    for line in lines:
        operation, *marks = line.split()
        assert len(marks) == len(columns), line
        made[operation] = frozenset(
            column for column, mark in zip(columns, marks, strict=True) if mark == "x"
        )
    return made


WRITTEN: Final = _read_table()
"""Who may do what: operation to columns of the table."""


def is_written(kind: str, operation: str) -> bool:
    """Say whether the table lets a kind of person do something."""
    return not WRITTEN[operation].isdisjoint(_GRANTS[kind])


PAGES_ONLY: Final = {
    "read_rule_book": "reads the rules, which are everybody's",
}
"""Operations that no service asks for, because nothing of the store is behind them, and why."""


# --- the services ----------------------------------------------------------------------------

NO_SERVICE: Final = {
    "access_log.note": "writes an event for a service that has asked",
    "access_events.note_view": "writes an event for a service that has asked",
    "access_events.note_search": "writes an event for a service that has asked",
    "backup.make_backup": "acts for an owner of every practice in the store",
    "imports.batches.begin": "writes for an import that has asked",
    "imports.batches.go_on": "writes for an import that has asked",
    "job_kinds.do_job": "does what jobs.ask_for has asked for, with services that ask again",
    "by_hand.note_command": "tells the journal that a command is run by hand",
    "by_hand.command_is_noted": "tells the journal that a command is run by hand",
}
"""Functions with an actor and a store that are no services of one practice, and what they are."""


_BEFORE_SIGN_IN: Final = "asks who somebody is, or answers whoever holds a password or a token"
_BY_HAND: Final = "is run on the server itself, by who may read the store's file anyway"
_FOR_ALL: Final = "goes over every practice for the server itself, and returns no record"

NO_ACTOR: Final = {
    "address_tries.wait_for_address": _BEFORE_SIGN_IN,
    "board_memory.month_on_board": "keeps the board for services that have asked",
    "board_warming.warm_boards": "works out what board_memory keeps, and returns no record",
    "board_memory.rows_of_month": "keeps the board for services that have asked",
    "by_hand.cli_actor": _BEFORE_SIGN_IN,
    "chart_edit.editing": "is what services of a chart are written with, and asks for them",
    "checkpoints.checkpoint_path": "names a file",
    "checkpoints.make_daily_checkpoint": _FOR_ALL,
    "checkpoints.make_due_checkpoints": _FOR_ALL,
    "exchange.import_practice": _BY_HAND,
    "fhir_return.return_practice": _BY_HAND,
    "integrity.checking.check_store": _FOR_ALL,
    "integrity.schema.check_schema": _FOR_ALL,
    "invitations.invited": _BEFORE_SIGN_IN,
    "invitations.use_link": _BEFORE_SIGN_IN,
    "issued_amounts.amounts_of": "reads issued amounts for services that have asked",
    "job_running.drop_old_jobs": _FOR_ALL,
    "job_running.has_due_jobs": _FOR_ALL,
    "job_running.work_on_next": "looks up the person who asked, and does it with services that ask",
    "month_memory.looking": "keeps drafts and issued superbills for services that have asked",
    "practice.create_practice": "fills a store that holds no practice",
    "practice.first_owner": _BY_HAND,
    "practice.has_practice": _BEFORE_SIGN_IN,
    "practice.is_sample": _BEFORE_SIGN_IN,
    "practice.practices_held": _BY_HAND,
    "review_memory.keep_rows": "keeps the month review for services that have asked",
    "review_memory.rows_kept": "keeps the month review for services that have asked",
    "rule_books.practices_of": _BY_HAND,
    "rule_books.rule_book_in_force": "returns rules and published amounts, and no record",
    "sign_in.actor_of_token": _BEFORE_SIGN_IN,
    "sign_in.ask_again": _BEFORE_SIGN_IN,
    "sign_in.demo_actors": "answers in the sample practice only",
    "sign_in.demo_sign_in": "answers in the sample practice only",
    "sign_in.end_sign_in": _BEFORE_SIGN_IN,
    "sign_in.ends_at": _BEFORE_SIGN_IN,
    "sign_in.give_first_sign_in": _BY_HAND,
    "sign_in.is_signed_in": _BEFORE_SIGN_IN,
    "sign_in.locked_session": _BEFORE_SIGN_IN,
    "sign_in.note_refused": "counts a refusal for services that refuse",
    "sign_in.person_of_step": _BEFORE_SIGN_IN,
    "sign_in.person_without_use": _BEFORE_SIGN_IN,
    "sign_in.sign_in": _BEFORE_SIGN_IN,
    "sign_in.sign_in_with_code": _BEFORE_SIGN_IN,
    "sign_in.sign_in_with_first_code": _BEFORE_SIGN_IN,
    "sign_in.unlock": _BEFORE_SIGN_IN,
    "superbill_bundle.month_bundle": "writes FHIR for services that have asked",
}
"""Functions with a store and without an actor, and why nobody has to be asked for."""


@cache
def services() -> dict[str, Callable[..., Any]]:
    """Return every public function of the services that takes an actor and a store, by its name.

    What takes no store works in a unit of work of somebody who has asked, or asks the store nothing.
    A context manager is what services are written with, and none itself.
    """
    return {
        name: function
        for name, function in with_store().items()
        if inspect.signature(function).parameters.keys() & {"actor", "actors"}
        and not inspect.isgeneratorfunction(inspect.unwrap(function))
    }


@cache
def with_store() -> dict[str, Callable[..., Any]]:
    """Return every public function of the services that takes a store, by module and name."""
    package = trellis_core.services
    found = {}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        made = import_module(module.name)
        for name, value in vars(made).items():
            if name.startswith("_") or not inspect.isfunction(value):
                continue
            if value.__module__ == module.name and "store" in inspect.signature(value).parameters:
                found[f"{module.name.removeprefix(package.__name__ + '.')}.{name}"] = value
    return found


# --- how to call them ------------------------------------------------------------------------


class Ids:
    """Hands out a practice's ids by what they are of, and notes which were asked for."""

    def __init__(
        self, own: Mapping[str, object], folder: Path, *, me: str, instead: Mapping[str, object]
    ) -> None:
        """Hand out a practice's own ids, but for some.

        Args:
            own: Of the practice, by what they are of.
            folder: For files.
            me: The person who calls.
            instead: Ids of another practice, by what they are of.
        """
        self._own, self._instead = own, instead
        self.folder, self.me, self.asked = folder, me, set[str]()

    def __getattr__(self, kind: str) -> Any:
        if kind not in self._own:
            raise AttributeError(kind)
        self.asked.add(kind)
        return self._instead.get(kind, self._own[kind])


@dataclass(frozen=True, slots=True)
class Site:
    """A store with two practices, and who acts in it."""

    store: Store
    actor: Actor
    folder: Path


def _nothing(_: Ids) -> dict[str, object]:
    return {}


NOT_FOUND: Final = "not_found"
"""``NotFoundError``, and the same word in the journal."""

RESTRICTED: Final = "restricted"
"""``ChartRestrictedError``, and the same word in the journal."""

NONE_OF_IT: Final = "none of it"
"""How services that list or look for something answer for another practice's id: without it."""

ITS_OWN: Final = "its own"
"""The id is passed over, or names something new in the own practice, whoever has it elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way of calling a service.

    Attributes:
        service: Module and function.
        needs: Operations that it requires, the first first.
        given: Its arguments, apart from store, actor, clock and rule book.
        way: What is special about this way, where the service has several.
        before: What has to happen first.
        narrowed: How it refuses kinds of people who have the right, for more than the policy says.
        elsewhere: How it answers for another practice's id, by what that is of, where that is not
            ``NOT_FOUND``.
        left_out_for: Kinds of people whose lists leave out what is closed to them, and with it what
            is another practice's.
    """

    service: str
    needs: tuple[str, ...]
    given: Callable[[Ids], Mapping[str, object]] = _nothing
    way: str = ""
    before: Callable[[Site], None] | None = None
    narrowed: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    left_out_for: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The service, and in which way."""
        return f"{self.service}, {self.way}" if self.way else self.service

    def answer(self, foreign: str, kind: str) -> str:
        """Return how it answers a kind of person for another practice's id."""
        if kind in self.left_out_for:
            return NONE_OF_IT
        return self.elsewhere.get(foreign, NOT_FOUND)

    def is_allowed(self, kind: str) -> bool:
        """Say whether a kind of person may do this in the own practice."""
        return all(is_written(kind, operation) for operation in self.needs)


_AROUND: Final = frozenset({"store", "actor", "clock", "rule_book", "settings"})


def call(case: Case, ids: Ids, *, store: Store, actor: Actor) -> Any:
    """Call a service as a page does."""
    function = services()[case.service]
    around: dict[str, object] = {
        "store": store,
        "actor": actor,
        "clock": FixedClock(NOW),
        "rule_book": load_rule_book(),
    }
    takes = inspect.signature(function).parameters
    return function(
        **case.given(ids), **{name: value for name, value in around.items() if name in takes}
    )


def kinds_of_ids(case: Case) -> list[str]:
    """Return what the ids are of that a way of calling names."""
    ids = Ids(_ANY, Path(), me="me", instead={})
    case.given(ids)
    return sorted(ids.asked)


class _Any(dict[str, object]):
    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, kind: str) -> object:
        return 1 if kind == "superbill" else kind


_ANY: Final = _Any()


def arguments_of(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the names of a service's arguments; of a command that is one, those of its fields."""
    for name, parameter in inspect.signature(function).parameters.items():
        if name in _AROUND:
            continue
        if is_dataclass(parameter.annotation) and isinstance(parameter.annotation, type):
            yield from (each.name for each in fields(parameter.annotation))
        yield name


def named_by(case: Case) -> set[str]:
    """Return the arguments, and fields of commands, that a way of calling gives a value."""
    given = case.given(Ids(_ANY, Path(), me="me", instead={}))
    found = set(given)
    for value in given.values():
        if is_dataclass(value) and not isinstance(value, type):
            found |= {one.name for one in fields(value) if getattr(value, one.name) is not None}
    return found


# --- what has to happen first ----------------------------------------------------------------


def _timer(site: Site) -> None:
    with site.store.writing(actor=site.actor, at=NOW) as unit:
        unit.session.add(
            RunningTimerRow(
                practice_id=site.actor.practice_id,
                staff_id=site.actor.person_id,
                entry_id=f"{site.actor.practice_id}-timer",
                patient_id=f"{site.actor.practice_id}-pt-1",
                program=Program.CCM.value,
                started_at=NOW - timedelta(minutes=20),
            )
        )


def _bundle(site: Site) -> None:
    snomed_only_bundle(site.folder)


_NEW_PATIENTS: Final = b"MRN,Last name\nimported-1,Fern\n"
_READ_AS_PATIENTS: Final = ImportSettings(columns={"mrn": 1, "family_name": 2})
_READ_AS_TIME: Final = ImportSettings(
    columns={"mrn": 1, "program": 2, "person": 3, "start": 4, "minutes": 5, "activity": 6}
)


def _fee_file_of(ids: Ids) -> dict[str, object]:
    return {
        "content": b"code,amount,effective_from\n99490,99.00,2026-01-01\n",
        "kind": FeeListKind.CHARGES,
        "payer_name": ids.payer,
    }


def _work_of(person_id: str) -> bytes:
    return (
        "mrn,program,person,start,minutes,activity\n"
        f"{HOME} {HOME}-pt-1 mrn,CCM,{person_id},2026-11-25 10:00,5,care_coordination\n"
    ).encode()


def _restricted(site: Site) -> None:
    practice = site.actor.practice_id
    with site.store.writing(actor=site.actor, at=NOW) as unit:
        unit.session.add(
            RestrictedChartRow(
                practice_id=practice,
                patient_id=f"{practice}-pt-1",
                restricted_by=f"{practice}-owner",
                restricted_at=NOW,
            )
        )


def _all_in_place(site: Site) -> None:
    with site.store.writing(actor=site.actor, at=NOW) as unit:
        unit.session.add_all(
            ApcmCapabilityRow(
                practice_id=site.actor.practice_id,
                element=element.value,
                is_in_place=True,
                stated_by=site.actor.person_id,
                stated_on=NOW.date(),
            )
            for element in ApcmElement
        )


_SECRET: Final = "JBSWY3DPEHPK3PXP" * 2


def _codes_begun(site: Site) -> None:
    with site.store.writing(actor=site.actor, at=NOW) as unit:
        unit.session.add(
            SecondFactorRow(
                practice_id=site.actor.practice_id, staff_id=site.actor.person_id, secret=_SECRET
            )
        )


def _code() -> str:
    return pyotp.TOTP(_SECRET).at(NOW)


# --- the rows --------------------------------------------------------------------------------

_DAY: Final = date(2026, 11, 25)
_NOT_IN_COCM: Final = {"consultant": RESTRICTED}
"""A psychiatric consultant without a role opens charts of collaborative care only."""

_READS_CHART: Final = ("read_chart",)
_READS_REGISTRY: Final = ("read_registry",)
"""Whoever may read charts may; a consultant reads those of patients in collaborative care."""

_EDITS: Final = ("edit_chart",)
_WRITES_NOTES: Final = ("write_note",)
_PEOPLE: Final = ("manage_people",)


def _of_patient(**more: object) -> Callable[[Ids], dict[str, object]]:
    return lambda ids: {"patient_id": ids.patient, **more}


def _of_cocm_patient(**more: object) -> Callable[[Ids], dict[str, object]]:
    return lambda ids: {"patient_id": ids.cocm_patient, **more}


def _member(staff_id: str) -> StaffMember:
    return StaffMember(
        id=staff_id,
        role=StaffRole.CLINICAL_STAFF,
        family_name="Changed",
        access=AccessRole.BILLER,
    )


def _patient(patient_id: str) -> Patient:
    return Patient(id=patient_id, mrn="new-mrn", family_name="Fern", given_name="Ada")


def _work(ids: Ids, staff_id: str) -> LogTime:
    return LogTime(
        entry_id="new-entry",
        patient_id=ids.patient,
        program=Program.CCM,
        staff_id=staff_id,
        started_at=datetime(2026, 11, 27, 15, tzinfo=UTC),
        seconds=600,
        activity=Activity.CARE_COORDINATION,
        note="spoke about diet",
    )


def _correction(ids: Ids, entry_id: str) -> CorrectTime:
    return CorrectTime(
        entry_id_new="new-entry",
        entry_id=entry_id,
        seconds=300,
        reason="Was shorter",
        patient_id=ids.other_patient,
    )


def _documents() -> Iterator[Case]:
    for form in ("pdf", "csv", "xlsx", "entries", "zip", "json"):
        yield Case(
            service="billing.superbill_document",
            way=form,
            needs=("draft_superbill", "read_superbill"),
            given=lambda _, form=form: {"month": OCTOBER, "form": form},
        )
    yield Case(
        service="billing.superbill_document",
        way="one patient's",
        needs=("draft_superbill", "read_superbill"),
        given=lambda ids: {"month": OCTOBER, "form": "pdf", "patient_id": ids.patient},
    )
    yield Case(
        service="billing.superbill_document",
        way="of a number",
        needs=("draft_superbill", "read_superbill"),
        given=lambda ids: {"month": OCTOBER, "form": "pdf", "number": ids.superbill},
    )
    yield Case(
        service="billing.superbill_document",
        way="a selection",
        needs=("draft_superbill", "read_superbill"),
        given=lambda ids: {"month": OCTOBER, "form": "csv", "only": {ids.superbill_id}},
    )
    for way, chosen in (
        ("a selection", lambda ids: {"only": {ids.superbill_id}}),
        ("one patient's", lambda ids: {"patient_id": ids.patient}),
        ("of a number", lambda ids: {"number": ids.superbill}),
    ):
        yield Case(
            service="billing.write_superbills",
            way=way,
            needs=("draft_superbill", "read_superbill"),
            given=lambda ids, chosen=chosen: {
                "out": BytesIO(),
                "month": OCTOBER,
                "form": "zip",
                **chosen(ids),
            },
        )
    yield Case(service="column_profiles.column_profiles", needs=("draft_superbill",))
    yield Case(
        service="column_profiles.save_column_profile",
        needs=("edit_profiles",),
        given=lambda ids: {
            "command": ColumnProfile(
                id=ids.column_profile, name="Ours", columns=(Column(heading="Code", field="code"),)
            )
        },
    )
    yield Case(
        service="column_profiles.remove_column_profile",
        needs=("edit_profiles",),
        given=lambda ids: {"profile_id": ids.column_profile},
    )
    for name in ("contract_schedules", "payer_classes", "payer_class_lists"):
        yield Case(service=f"contracts.{name}", needs=("read_roi",))
    yield Case(service="scenarios.scenarios", needs=("read_roi",))
    yield Case(
        service="scenarios.save_scenario",
        needs=("save_scenario",),
        given=lambda ids: {
            "command": SaveScenario(id=ids.scenario, name="Next year", inputs=RoiInputs())
        },
    )
    yield Case(
        service="scenarios.remove_scenario",
        needs=("save_scenario",),
        given=lambda ids: {"scenario_id": ids.scenario},
    )
    yield Case(
        service="billing.superbill_document",
        way="fhir",
        needs=("export_fhir", "read_superbill"),
        given=lambda ids: {"month": OCTOBER, "form": "fhir", "patient_id": ids.patient},
    )


CASES: Final[tuple[Case, ...]] = (
    # --- billing and months
    Case(
        service="billing.superbills",
        needs=("read_superbill",),
        given=lambda ids: {"month": OCTOBER, "patient_id": ids.patient},
    ),
    Case(
        service="billing.superbills",
        way="everybody's",
        needs=("read_superbill",),
        given=lambda _: {"month": OCTOBER},
    ),
    Case(
        service="billing.superbills",
        way="of a number",
        needs=("read_superbill",),
        given=lambda ids: {"month": OCTOBER, "number": ids.superbill},
    ),
    *_documents(),
    Case(
        service="months.month_review",
        needs=("read_superbill",),
        given=lambda ids: {"month": NOVEMBER, "patient_id": ids.patient},
    ),
    Case(
        service="months.month_review",
        way="everybody's",
        needs=("read_superbill",),
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(
        service="review.review_month",
        needs=("read_superbill",),
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(service="months.month_state", needs=("read_board",), given=lambda _: {"month": OCTOBER}),
    Case(service="months.closed_from", needs=("read_board",), given=lambda _: {"day": _DAY}),
    Case(
        service="month_close.close_month",
        needs=("close_month", "check_ledger", "make_checkpoint"),
        given=lambda _: {"command": CloseMonth(month=NOVEMBER, form_id="new-close")},
    ),
    Case(
        service="month_close.reopen_month",
        needs=("reopen_month",),
        given=lambda _: {
            "command": ReopenMonth(month=OCTOBER, form_id="new-reopening", reason="A late note")
        },
    ),
    Case(
        service="approvals.approve_superbills",
        needs=("approve_superbill",),
        given=lambda _: {"command": ApproveSuperbills(month=NOVEMBER)},
    ),
    Case(
        service="approvals.take_back_approval",
        needs=("approve_superbill",),
        given=lambda ids: {"command": TakeBackApproval(month=NOVEMBER, superbill_id=ids.approved)},
    ),
    # --- audit packets
    *(
        Case(
            service=service,
            way=way,
            needs=("read_packet", *more),
            given=lambda ids, chosen=chosen: {"month": OCTOBER, **chosen(ids)},
        )
        for service, more in (
            ("packets.packet_contents", ("check_ledger",)),
            ("packets.packet", ("check_ledger",)),
        )
        for way, chosen in (
            ("one patient's", lambda ids: {"patient_ids": [ids.patient]}),
            ("of a number", lambda ids: {"numbers": [ids.superbill]}),
        )
    ),
    Case(
        service="packets.find_sample",
        needs=("read_packet",),
        given=lambda ids: {
            "month": OCTOBER,
            "words": [str(ids.superbill)],
            "are_numbers": True,
        },
        elsewhere={"superbill": NONE_OF_IT},
    ),
    Case(
        service="replays.replay",
        needs=("read_packet",),
        given=lambda ids: {"month": OCTOBER, "patient_id": ids.patient},
    ),
    # --- performance
    *(
        Case(
            service=f"performance{module}.{name}",
            needs=("read_performance",),
            given=lambda _, month=month: {"month": month},
        )
        for module, name, month in (
            ("", "money_by_month", NOVEMBER),
            ("", "funnel", NOVEMBER),
            ("", "time_of_month", NOVEMBER),
            ("", "contemporaneity", NOVEMBER),
            ("", "payments", OCTOBER),
            ("_file", "performance_file", OCTOBER),
        )
    ),
    Case(
        service="own_figures.own_figures",
        needs=("read_performance",),
        given=lambda _: {"first": OCTOBER, "last": NOVEMBER},
    ),
    Case(
        service="value_of_time.uncaptured_dollars",
        needs=("read_performance",),
        given=lambda _: {"month": NOVEMBER},
    ),
    # --- frames for analysts
    Case(
        service="frames.board_frame",
        needs=("read_board",),
        given=lambda _: {"month": NOVEMBER, "with_names": True},
    ),
    Case(
        service="frames.minutes_frame",
        needs=("read_board", "read_time"),
        given=lambda _: {"first": OCTOBER, "last": NOVEMBER},
    ),
    Case(
        service="frames.lines_frame",
        needs=("read_superbill",),
        given=lambda _: {"first": OCTOBER, "last": NOVEMBER},
    ),
    # --- questions, attested diagnoses and claims
    Case(
        service="questions.ask_about_month",
        needs=("approve_superbill",),
        given=lambda ids: {
            "command": AskAboutMonth(
                note_id="new-question",
                patient_id=ids.patient,
                month=NOVEMBER,
                program=Program.CCM,
                to_staff=ids.person,
                text="Who spoke to the daughter?",
            )
        },
    ),
    Case(
        service="attestations.attest_diagnoses",
        needs=("document_decision",),
        given=lambda ids: {
            "command": AttestDiagnoses(
                patient_id=ids.patient,
                program=Program.CCM,
                month=NOVEMBER,
                conditions=[f"{ids.me.split('-')[0]}-pt-1-E11.9", ids.coded_condition],
            )
        },
    ),
    Case(
        service="attestations.attested_in",
        needs=_READS_REGISTRY,
        given=_of_patient(month=NOVEMBER),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="claims.mark_submitted",
        needs=("record_claim",),
        given=lambda ids: {
            "command": MarkSubmitted(number=ids.superbill, on=_DAY, claim_number="C-7")
        },
    ),
    Case(
        service="claims.take_back_submission",
        needs=("record_claim",),
        given=lambda ids: {"number": ids.superbill},
    ),
    Case(
        service="claims.record_payment",
        needs=("record_claim",),
        given=lambda ids: {
            "command": RecordPayment(
                payment_id="new-payment",
                number=ids.superbill,
                paid_by=PaidBy.PAYER,
                on=_DAY,
                amount=Decimal("61.50"),
                remark="Remittance",
            )
        },
    ),
    Case(
        service="claims.claims_of_month",
        needs=("read_superbill",),
        given=lambda _: {"month": OCTOBER},
    ),
    # --- board
    Case(
        service="board.board",
        needs=("read_board",),
        given=lambda ids: {"month": NOVEMBER, "patient_id": ids.patient},
    ),
    Case(
        service="board.board",
        way="everybody's",
        needs=("read_board",),
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(
        service="board.board",
        way="of one coordinator",
        needs=("read_board",),
        given=lambda ids: {"month": NOVEMBER, "coordinator": ids.person},
        elsewhere={"person": NONE_OF_IT},
    ),
    Case(
        service="board.month_determinations",
        needs=("read_board",),
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(
        service="board.panel_counts",
        needs=("read_board",),
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(
        service="board.patient_month",
        needs=_READS_REGISTRY,
        given=_of_patient(month=NOVEMBER, explain=True),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="board.patient_month",
        way="of collaborative care",
        needs=_READS_REGISTRY,
        given=_of_cocm_patient(month=NOVEMBER),
    ),
    Case(
        service="board.preview_entry",
        needs=("read_board",),
        given=lambda ids: {
            "patient_id": ids.patient,
            "program": Program.CCM,
            "staff_id": ids.person,
            "on": _DAY,
        },
    ),
    Case(
        service="what_if.on_record",
        needs=_READS_CHART,
        given=_of_patient(month=NOVEMBER),
    ),
    # --- restricted charts and emergencies
    Case(
        service="restricted.restrict_chart",
        needs=("restrict_chart",),
        given=lambda ids: {"patient_id": ids.patient, "readers": [ids.person]},
    ),
    Case(
        service="restricted.lift_restriction",
        needs=("restrict_chart",),
        given=_of_patient(),
        before=_restricted,
    ),
    Case(service="restricted.restricted_charts", needs=("restrict_chart",), before=_restricted),
    Case(
        service="restricted.chart_access",
        needs=_READS_REGISTRY,
        given=_of_patient(),
        before=_restricted,
    ),
    Case(
        service="restricted.closed_charts",
        needs=_READS_REGISTRY,
        given=lambda ids: {"patient_ids": [ids.patient]},
        before=_restricted,
        elsewhere={"patient": ITS_OWN},
    ),
    Case(
        service="restricted.open_in_emergency",
        needs=("open_in_emergency",),
        given=_of_patient(reason="Called from the emergency room"),
        before=_restricted,
        narrowed={"owner": "CHART_OPEN"},
    ),
    Case(
        service="restricted.end_emergency",
        needs=("open_in_emergency",),
        given=lambda ids: {"access_id": ids.emergency},
    ),
    Case(
        service="restricted.end_emergency",
        way="another's",
        needs=("open_in_emergency",),
        given=lambda ids: {"access_id": ids.colleagues_emergency},
        narrowed=dict.fromkeys(set(PEOPLE) - {"owner"}, NOT_FOUND),
    ),
    Case(
        service="restricted.emergencies",
        needs=("review_emergency",),
        given=lambda _: {"with_reviewed": True},
    ),
    Case(
        service="restricted.review_emergency",
        needs=("review_emergency",),
        given=lambda ids: {"access_id": ids.colleagues_emergency},
    ),
    # --- charts
    Case(service="caseload.patients", needs=_READS_REGISTRY),
    Case(
        service="caseload.patients",
        way="by a name of another practice",
        needs=_READS_REGISTRY,
        given=lambda _: {"text": AWAY},
    ),
    Case(
        service="caseload.patient",
        needs=_READS_REGISTRY,
        given=_of_patient(),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="caseload.patient",
        way="of collaborative care",
        needs=_READS_REGISTRY,
        given=_of_cocm_patient(),
    ),
    Case(
        service="caseload.patient_names",
        needs=_READS_CHART,
        given=lambda ids: {"patient_ids": [ids.patient, ids.other_patient]},
        elsewhere={"patient": NONE_OF_IT, "other_patient": NONE_OF_IT},
    ),
    Case(
        service="coding.uncoded_counts",
        needs=_READS_CHART,
        given=lambda ids: {"patient_ids": [ids.patient, ids.other_patient]},
        elsewhere={"patient": NONE_OF_IT, "other_patient": NONE_OF_IT},
    ),
    Case(
        service="caseload.chart",
        needs=_READS_REGISTRY,
        given=_of_patient(month=NOVEMBER),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="caseload.chart",
        way="of collaborative care",
        needs=_READS_REGISTRY,
        given=_of_cocm_patient(month=NOVEMBER),
    ),
    Case(
        service="caseload.charts_of_list",
        needs=_READS_REGISTRY,
        given=lambda ids: {"patient_ids": [ids.patient, ids.cocm_patient], "month": NOVEMBER},
        left_out_for=frozenset({"consultant"}),
    ),
    Case(service="getting_started.getting_started", needs=("read_practice",)),
    Case(
        service="merging.merge_patients",
        needs=("merge_patients",),
        given=lambda ids: {
            "command": MergePatients(
                merge_id="form-of-a-merge",
                patient_id=ids.patient,
                merged_patient_id=ids.cocm_patient,
                reason="The same person twice",
            )
        },
    ),
    Case(service="merging.merges_of", needs=("read_chart",), given=_of_patient()),
    # --- tasks, notes and suggested time
    Case(
        service="colleagues.colleagues_for",
        needs=_WRITES_NOTES,
        given=_of_patient(),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="tasks.add_task",
        needs=_WRITES_NOTES,
        given=lambda ids: {
            "patient_id": ids.patient,
            "kind": TaskKind.GENERAL,
            "title": "Ask for the eye report",
            "due_on": date(2026, 12, 4),
            "assigned_to": ids.owner,
            "source_id": "new-scale",
            "task_id": "new-task",
        },
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="tasks.move_task",
        needs=_WRITES_NOTES,
        given=lambda ids: {"task_id": ids.task, "due_on": date(2026, 12, 4)},
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="tasks.finish_task",
        needs=_WRITES_NOTES,
        given=lambda ids: {"task_id": ids.task, "outcome": TaskOutcome.DONE},
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="tasks.open_tasks",
        needs=_READS_REGISTRY,
        given=_of_patient(),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="notes.write_note",
        needs=_WRITES_NOTES,
        given=lambda ids: {
            "patient_id": ids.patient,
            "text": "Asked about the eye report",
            "note_id": "new-note",
        },
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="notes.write_note",
        way="handed over",
        needs=_WRITES_NOTES,
        given=lambda ids: {
            "patient_id": ids.patient,
            "text": "Asked about the eye report",
            "to_staff": ids.person,
            "note_id": "new-note",
        },
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="notes.answer_hand_off",
        needs=_WRITES_NOTES,
        given=lambda ids: {"note_id": ids.hand_off, "answer": "It is in the mail"},
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="notes.answer_hand_off",
        way="another's",
        needs=_WRITES_NOTES,
        given=lambda ids: {"note_id": ids.colleagues_hand_off, "answer": "It is in the mail"},
        narrowed={**dict.fromkeys(PEOPLE, "NOT_YOUR_HAND_OFF"), **_NOT_IN_COCM},
    ),
    Case(
        service="notes.notes_of",
        needs=_READS_REGISTRY,
        given=_of_patient(),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="contact_log.contact_log",
        needs=_READS_REGISTRY,
        given=_of_patient(),
        narrowed=_NOT_IN_COCM,
    ),
    Case(service="inbox.waiting", needs=_WRITES_NOTES),
    Case(service="inbox.inbox", needs=_WRITES_NOTES),
    Case(
        service="suggestions.offer",
        needs=("log_own_time",),
        given=_of_patient(
            origin=Origin.NOTE,
            program=None,
            activity=Activity.RECORD_REVIEW,
            spans=[Span(NOW - timedelta(minutes=5), NOW)],
        ),
    ),
    Case(service="suggestions.offer_missed", needs=("log_own_time",)),
    Case(
        service="measured_time.keep_measured",
        needs=("log_own_time",),
        given=lambda ids: {"worked": {ids.patient: [Span(NOW - timedelta(minutes=5), NOW)]}},
        elsewhere={"patient": NONE_OF_IT},
    ),
    Case(service="suggestions.open_suggestions", needs=("log_own_time",)),
    Case(
        service="suggestions.open_suggestions",
        way="for a patient",
        needs=("log_own_time",),
        given=_of_patient(),
        elsewhere={"patient": NONE_OF_IT},
    ),
    Case(
        service="suggestions.confirm",
        needs=("log_own_time",),
        given=lambda ids: {"suggestion_id": ids.suggestion, "seconds": 120, "note": "spoke"},
    ),
    Case(
        service="suggestions.confirm",
        way="another's",
        needs=("log_own_time",),
        given=lambda ids: {"suggestion_id": ids.colleagues_suggestion},
        narrowed=dict.fromkeys(PEOPLE, NOT_FOUND),
    ),
    Case(
        service="suggestions.discard",
        needs=("log_own_time",),
        given=lambda ids: {"suggestion_id": ids.suggestion},
    ),
    Case(
        service="suggestions.discard",
        way="another's",
        needs=("log_own_time",),
        given=lambda ids: {"suggestion_id": ids.colleagues_suggestion},
        narrowed=dict.fromkeys(PEOPLE, NOT_FOUND),
    ),
    Case(service="registry.registry", needs=_READS_REGISTRY, given=lambda _: {"month": NOVEMBER}),
    Case(
        service="caseload.register_patient",
        needs=_EDITS,
        given=lambda ids: {"command": _patient(ids.patient)},
        elsewhere={"patient": ITS_OWN},
    ),
    Case(
        service="caseload.edit_patient",
        needs=_EDITS,
        given=lambda ids: {"command": _patient(ids.patient)},
    ),
    Case(
        service="caseload.edit_patient",
        way="to a site",
        needs=_EDITS,
        given=lambda ids: {
            "command": replace(_patient(f"{ids.me.split('-')[0]}-pt-1"), site_id=ids.site)
        },
    ),
    Case(
        service="same_person.may_be_same",
        needs=_EDITS,
        given=lambda ids: {"command": _patient(ids.patient)},
        elsewhere={"patient": NONE_OF_IT},
    ),
    Case(
        service="same_person.may_be_same",
        way="of a site",
        needs=_EDITS,
        given=lambda ids: {"command": replace(_patient("new"), site_id=ids.site)},
        elsewhere={"site": NONE_OF_IT},
    ),
    Case(
        service="caseload.register_patient",
        way="at a site",
        needs=_EDITS,
        given=lambda ids: {"command": replace(_patient("new"), site_id=ids.site)},
    ),
    Case(service="qualify.who_may_qualify", needs=("read_chart",)),
    Case(service="sites.sites", needs=("read_practice",)),
    Case(
        service="sites.save_site",
        needs=("edit_settings",),
        given=lambda ids: {"command": PlaceOfPractice(id=ids.site, name="Mill Street")},
    ),
    Case(
        service="coverage.change_coverage",
        needs=_EDITS,
        given=_of_patient(coverage=Coverage(payer_name="Payer", started_on=_DAY)),
    ),
    Case(
        service="coverage.correct_past_coverage",
        needs=_EDITS,
        given=lambda ids: {
            "coverage_id": ids.coverage,
            "coverage": Coverage(payer_name="Payer", ended_on=date(2024, 12, 30)),
        },
    ),
    Case(
        service="coverage.remove_past_coverage",
        needs=_EDITS,
        given=lambda ids: {"coverage_id": ids.coverage},
    ),
    Case(
        service="elsewhere.record_elsewhere",
        needs=_EDITS,
        given=_of_patient(program=Program.CCM, learned_on=_DAY),
    ),
    Case(
        service="elsewhere.end_elsewhere",
        needs=_EDITS,
        given=lambda ids: {"elsewhere_id": ids.elsewhere, "ended_on": _DAY},
    ),
    Case(
        service="conditions.add_condition",
        needs=_EDITS,
        given=_of_patient(icd10="E78.5"),
    ),
    Case(
        service="conditions.code_condition",
        needs=_EDITS,
        given=lambda ids: {"condition_id": ids.condition, "icd10": "E78.5"},
    ),
    Case(
        service="enrollments.enroll",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": ids.patient,
            "program": Program.BHI,
            "started_on": _DAY,
            "billing_practitioner": ids.practitioner,
        },
    ),
    Case(
        service="enrollments.enroll",
        way="under supervision",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": f"{ids.me.split('-')[0]}-pt-1",
            "program": Program.BHI,
            "started_on": _DAY,
            "billing_practitioner": f"{ids.me.split('-')[0]}-practitioner",
            "supervising_practitioner": ids.practitioner,
        },
    ),
    Case(
        service="enrollments.end_enrollment",
        needs=_EDITS,
        given=lambda ids: {"enrollment_id": ids.enrollment, "ended_on": _DAY},
    ),
    Case(
        service="enrollments.change_practitioners",
        needs=_EDITS,
        given=lambda ids: {
            "enrollment_id": ids.enrollment,
            "from_day": _DAY,
            "billing_practitioner": f"{ids.me.split('-')[0]}-practitioner",
            "supervising_practitioner": f"{ids.me.split('-')[0]}-coordinating-practitioner",
        },
    ),
    Case(
        service="enrollments.elect_track",
        needs=("document_decision",),
        given=_of_patient(program=Program.CCM, month=NOVEMBER, track=Track.STAFF),
    ),
    Case(
        service="consents.record_consent",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": ids.patient,
            "program": Program.BHI,
            "obtained_on": _DAY,
            "backdating_reason": "Signed on paper that day",
            "billing_practitioner": ids.practitioner,
            "obtained_by": ids.person,
        },
    ),
    Case(
        service="paperwork.worklist",
        needs=("read_board",),
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(
        service="paperwork.consent_form",
        needs=("read_chart",),
        given=lambda ids: {
            "patient_id": ids.patient,
            "program": Program.CCM,
            "practitioner": ids.practitioner,
        },
    ),
    Case(
        service="paperwork.consent_form",
        way="with what is on record",
        needs=("read_chart",),
        given=lambda ids: {
            "patient_id": ids.patient,
            "program": Program.CCM,
            "consent_id": ids.consent,
        },
    ),
    Case(
        service="paperwork.care_plan_document",
        needs=("read_chart",),
        given=lambda ids: {"care_plan_id": ids.care_plan},
    ),
    Case(
        service="consents.give_consent_copy",
        needs=_EDITS,
        given=lambda ids: {"consent_id": ids.consent, "copy_given_on": _DAY},
    ),
    Case(
        service="consents.decline_consent",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": ids.patient,
            "program": Program.BHI,
            "declined_on": _DAY,
            "asked_by": ids.person,
        },
    ),
    Case(
        service="consents.revoke_consent",
        needs=_EDITS,
        given=lambda ids: {"consent_id": ids.consent, "revoked_on": _DAY},
    ),
    Case(
        service="care_plans.record_care_plan",
        needs=_EDITS,
        given=_of_patient(program=Program.BHI, established_on=_DAY, goals="Walk daily"),
    ),
    Case(
        service="care_plans.revise_care_plan",
        needs=_EDITS,
        given=lambda ids: {"care_plan_id": ids.care_plan, "revised_on": _DAY},
    ),
    Case(
        service="care_plans.give_care_plan_copy",
        needs=_EDITS,
        given=lambda ids: {"care_plan_id": ids.care_plan, "copy_given_on": _DAY},
    ),
    Case(
        service="visits.record_visit",
        needs=_EDITS,
        given=lambda ids: {"patient_id": ids.patient, "on": _DAY, "by": ids.practitioner},
    ),
    Case(
        service="visits.record_decision_making",
        needs=("document_decision",),
        given=lambda ids: {
            "patient_id": ids.patient,
            "program": Program.CCM,
            "level": MdmLevel.MODERATE,
            "on": _DAY,
            "by": ids.practitioner,
        },
    ),
    Case(
        service="scales.record_scale",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": ids.patient,
            "instrument": "PHQ-9",
            "on": _DAY,
            "answers": [1] * 9,
            "by": ids.person,
            "scale_id": "new-scale",
        },
    ),
    Case(
        service="scale_results.scale_results",
        needs=_READS_REGISTRY,
        given=_of_patient(),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="scale_results.results_of_list",
        needs=_READS_REGISTRY,
        given=lambda ids: {"patient_ids": [ids.patient]},
        elsewhere={"patient": NONE_OF_IT},
        left_out_for=frozenset({"consultant"}),
    ),
    Case(service="scales.excuse_scale", needs=_EDITS, given=_of_patient(reason="Cannot be asked")),
    Case(
        service="cocm.enter_registry",
        needs=_EDITS,
        given=_of_patient(entered_on=_DAY),
    ),
    Case(
        service="cocm.end_cocm",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": ids.cocm_patient,
            "on": _DAY,
            "because": CocmEndReason.GOAL_MET,
        },
    ),
    Case(
        service="cocm.record_caseload_review",
        needs=("record_recommendation",),
        given=lambda ids: {
            "patient_id": ids.cocm_patient,
            "on": _DAY,
            "consultant": ids.consultant,
            "recommendation": "Go on",
        },
    ),
    Case(
        service="cocm.record_caseload_review",
        way="in a session",
        needs=("record_recommendation",),
        given=lambda ids: {
            "patient_id": ids.cocm_patient,
            "on": _DAY,
            "session_id": ids.session,
        },
    ),
    Case(
        service="cocm.mark_for_discussion",
        needs=("record_recommendation",),
        given=_of_cocm_patient(is_wanted=True),
    ),
    Case(
        service="cocm.keep_registry_mark",
        needs=_EDITS,
        given=_of_patient(
            status=RegistryStatus.ACTIVE, next_appointment_on=None, relapse_plan_on=_DAY
        ),
    ),
    Case(
        service="caseload_sessions.start_session",
        needs=("log_own_time", "record_recommendation"),
        given=lambda ids: {"consultant": ids.consultant, "session_id": "new-session"},
    ),
    Case(service="caseload_sessions.open_session", needs=("record_recommendation",)),
    Case(
        service="caseload_sessions.sessions_of",
        needs=_READS_REGISTRY,
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(
        service="caseload_sessions.finish_session",
        needs=("log_own_time", "record_recommendation"),
        given=lambda ids: {"session_id": ids.session, "seconds": 600},
    ),
    Case(
        service="cocm.record_caseload_review",
        way="of somebody else",
        needs=("record_recommendation",),
        given=_of_patient(on=_DAY, recommendation="Go on"),
        narrowed=_NOT_IN_COCM,
    ),
    Case(service="apcm.capabilities", needs=("read_practice",)),
    Case(
        service="apcm.state_capabilities",
        needs=("edit_settings",),
        given=lambda _: {"stated": {ApcmElement.CONSENT: True}},
    ),
    Case(service="apcm.attest_capabilities", needs=("edit_settings",), before=_all_in_place),
    Case(
        service="apcm.document_month",
        needs=_EDITS,
        given=_of_patient(
            month=NOVEMBER, is_documented=True, elements=frozenset({ApcmElement.CARE_PLAN})
        ),
    ),
    Case(
        service="apcm.apcm_patients",
        needs=("read_board",),
        given=lambda ids: {"patient_ids": (ids.patient, ids.other_patient), "month": NOVEMBER},
        elsewhere={"patient": NONE_OF_IT, "other_patient": NONE_OF_IT},
    ),
    Case(
        service="apcm.month_stated",
        needs=_READS_REGISTRY,
        given=_of_patient(month=NOVEMBER),
        narrowed=_NOT_IN_COCM,
    ),
    Case(
        service="discharges.record_discharge",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": ids.patient,
            "discharged_on": _DAY,
            "discharge_day_management_by": ids.practitioner,
        },
    ),
    Case(
        service="discharges.record_discharge_contact",
        needs=_EDITS,
        given=lambda ids: {
            "discharge_id": ids.discharge,
            "at": datetime(2026, 11, 22, 15, tzinfo=UTC),
            "by": ids.person,
        },
    ),
    Case(
        service="discharges.record_discharge_visit",
        needs=_EDITS,
        given=lambda ids: {"discharge_id": ids.discharge, "on": _DAY, "by": ids.practitioner},
    ),
    Case(
        service="discharges.record_facility_stay",
        needs=_EDITS,
        given=_of_patient(admitted_on=_DAY, kind=StayKind.INPATIENT),
    ),
    Case(
        service="discharges.end_facility_stay",
        needs=_EDITS,
        given=lambda ids: {"stay_id": ids.stay, "discharged_on": date(2026, 11, 29)},
    ),
    Case(
        service="discharges.take_back_visit",
        needs=_EDITS,
        given=lambda ids: {"discharge_id": ids.discharge},
    ),
    Case(
        service="discharges.record_reconciliation",
        needs=_EDITS,
        given=lambda ids: {"discharge_id": ids.discharge, "on": _DAY},
    ),
    Case(
        service="discharges.record_discharge_management",
        needs=_EDITS,
        given=lambda ids: {"discharge_id": ids.discharge, "on": _DAY, "by": ids.practitioner},
    ),
    Case(
        service="discharges.record_readmission",
        needs=_EDITS,
        given=lambda ids: {"discharge_id": ids.discharge, "on": _DAY},
    ),
    Case(service="discharges.record_death", needs=_EDITS, given=_of_patient(on=_DAY)),
    Case(
        service="discharges.correct_discharge",
        needs=_EDITS,
        given=lambda ids: {"discharge_id": ids.discharge, "discharged_on": date(2026, 11, 19)},
    ),
    Case(
        service="discharges.correct_discharge_contact",
        needs=_EDITS,
        given=lambda ids: {
            "discharge_id": ids.discharge,
            "was_at": datetime(2026, 11, 21, 15, tzinfo=UTC),
            "at": datetime(2026, 11, 21, 16, tzinfo=UTC),
            "by": ids.person,
        },
    ),
    Case(
        service="discharges.take_back_contact",
        needs=_EDITS,
        given=lambda ids: {
            "discharge_id": ids.discharge,
            "at": datetime(2026, 11, 21, 15, tzinfo=UTC),
        },
    ),
    Case(
        service="discharges.take_back_discharge",
        needs=_EDITS,
        given=lambda ids: {"discharge_id": ids.bare_discharge},
    ),
    Case(
        service="discharges.correct_facility_stay",
        needs=_EDITS,
        given=lambda ids: {
            "stay_id": ids.stay,
            "admitted_on": date(2026, 11, 27),
            "kind": StayKind.OBSERVATION,
        },
    ),
    Case(
        service="discharges.take_back_facility_stay",
        needs=_EDITS,
        given=lambda ids: {"stay_id": ids.stay},
    ),
    Case(
        service="discharges.record_other_service",
        needs=_EDITS,
        given=lambda ids: {
            "patient_id": ids.patient,
            "on": _DAY,
            "code": "99213",
            "by": ids.practitioner,
        },
    ),
    # --- time
    Case(
        service="time_log.log_time",
        needs=("log_own_time",),
        given=lambda ids: {"command": _work(ids, ids.me)},
    ),
    Case(
        service="time_log.log_time",
        way="another's",
        needs=("log_own_time", "correct_others_time"),
        given=lambda ids: {"command": _work(ids, ids.person)},
    ),
    Case(
        service="time_log.correct_time",
        needs=("log_own_time",),
        given=lambda ids: {"command": _correction(ids, ids.entry)},
    ),
    Case(
        service="time_log.correct_time",
        way="another's",
        needs=("log_own_time", "correct_others_time"),
        given=lambda ids: {"command": _correction(ids, ids.colleagues_entry)},
    ),
    Case(
        service="timers.start_timer",
        needs=("log_own_time",),
        given=_of_patient(program=Program.CCM),
    ),
    Case(service="timers.running_timer", needs=("log_own_time",), before=_timer),
    Case(
        service="timers.stop_timer",
        needs=("log_own_time",),
        given=lambda _: {"command": StopTimer(activity=Activity.CARE_COORDINATION)},
        before=_timer,
    ),
    Case(
        service="timers.stop_timer",
        way="again",
        needs=("log_own_time",),
        given=lambda ids: {
            "command": StopTimer(
                activity=Activity.CARE_COORDINATION, note=TIMED, entry_id=ids.timed_entry
            )
        },
        elsewhere={"timed_entry": "TIMER_NOT_RUNNING"},
    ),
    Case(service="timers.discard_timer", needs=("log_own_time",), before=_timer),
    Case(
        service="timers.time_taken",
        needs=("log_own_time",),
        given=lambda _: {"started_at": NOW - timedelta(minutes=10), "seconds": 60},
        before=_timer,
    ),
    *(
        Case(
            service=f"timers.{name}_timer",
            needs=("log_own_time",),
            given=lambda ids: {"entry_id": ids.timer},
            before=_timer,
            elsewhere={"timer": "TIMER_NOT_RUNNING"},
        )
        for name in ("pause", "resume")
    ),
    Case(
        service="timers.retarget_timer",
        needs=("log_own_time",),
        given=lambda ids: {
            "entry_id": ids.timer,
            "patient_id": ids.patient,
            "program": Program.BHI,
        },
        before=_timer,
        elsewhere={"timer": "TIMER_NOT_RUNNING"},
    ),
    Case(
        service="timers.switch_timer",
        needs=("log_own_time",),
        given=lambda ids: {
            "command": StopTimer(
                activity=Activity.CARE_COORDINATION,
                entry_id=ids.timer,
                shared_with=(ids.cocm_patient,),
            ),
            "patient_id": ids.patient,
            "program": Program.BHI,
        },
        before=_timer,
        elsewhere={"timer": "TIMER_NOT_RUNNING"},
    ),
    Case(
        service="time_log.log_shared",
        needs=("log_own_time",),
        given=lambda ids: {
            "command": _work(ids, ids.me),
            "patient_ids": [ids.cocm_patient],
        },
    ),
    Case(
        service="time_log.entries_of",
        needs=("read_time",),
        given=lambda ids: {"month": NOVEMBER, "patient_id": ids.patient},
    ),
    Case(
        service="time_log.entries_of",
        way="everybody's",
        needs=("read_time",),
        given=lambda _: {"month": None},
    ),
    Case(
        service="entry_pages.month_entries",
        needs=("read_time",),
        given=lambda _: {"month": NOVEMBER},
    ),
    Case(
        service="entry_pages.determinations_of",
        needs=("read_board",),
        given=lambda ids: {"patient_ids": [ids.patient], "month": NOVEMBER},
        elsewhere={"patient": NONE_OF_IT},
    ),
    # --- ledger and journal
    Case(
        service="entry_history.entry_history",
        needs=("read_ledger",),
        given=lambda ids: {"entry_id": ids.entry},
    ),
    Case(
        service="entry_history.withhold_note",
        needs=("withhold_note",),
        given=lambda ids: {"entry_id": ids.entry, "reason": "Concerns somebody else"},
    ),
    Case(service="journal.journal", needs=("read_journal",)),
    Case(
        service="journal.journal",
        way="with filters",
        needs=("read_journal",),
        given=lambda ids: {
            "patient_id": ids.patient,
            "author_id": ids.person,
            "subject_kind": "consent",
            "subject_id": ids.consent,
        },
        elsewhere=dict.fromkeys(("patient", "person", "consent"), NONE_OF_IT),
    ),
    Case(
        service="checkpoints.make_checkpoint",
        needs=("make_checkpoint",),
        given=lambda ids: {"why": "asked", "practice_id": ids.practice},
    ),
    Case(service="integrity.checking.check_ledger", needs=("check_ledger",)),
    # --- what the server does by itself
    Case(
        service="jobs.ask_for",
        way="a file of superbills",
        needs=("draft_superbill",),
        given=lambda _: {"wanted": SuperbillsWanted(form="zip", month=OCTOBER, count=1)},
    ),
    Case(
        service="jobs.ask_for",
        way="a close",
        needs=("close_month",),
        given=lambda _: {"wanted": CloseMonth(month=NOVEMBER, form_id="close-by-itself")},
    ),
    Case(
        service="jobs.ask_for",
        way="an export",
        needs=("export_fhir",),
        given=lambda _: {"wanted": FhirWanted(form=ExportForm.NDJSON)},
    ),
    Case(
        service="jobs.ask_for",
        way="a check",
        needs=("check_ledger",),
        given=lambda _: {"wanted": CheckWanted()},
    ),
    Case(service="jobs.own_jobs", needs=("read_practice",)),
    Case(
        service="jobs.close_on_its_way",
        needs=("read_superbill",),
        given=lambda _: {"month": OCTOBER},
    ),
    Case(service="jobs.drop_job", needs=("read_practice",), given=lambda ids: {"job_id": ids.job}),
    Case(
        service="jobs.drop_job",
        way="another's",
        needs=("read_practice",),
        given=lambda ids: {"job_id": ids.colleagues_job},
        narrowed=dict.fromkeys(PEOPLE, NOT_FOUND),
    ),
    Case(
        service="jobs.take_file",
        needs=("read_practice", "draft_superbill"),
        given=lambda ids: {"job_id": ids.job},
    ),
    Case(service="jobs.is_large_ledger", needs=("check_ledger",)),
    Case(service="integrity.checking.checkpoint_state", needs=("read_ledger",)),
    Case(
        service="ledger_export.export_ledger",
        needs=("read_ledger", "make_checkpoint"),
        given=lambda ids: {"target": ids.folder / "ledger.zip"},
    ),
    Case(
        service="fhir_export.export_fhir",
        needs=("export_fhir",),
        given=lambda ids: {
            "wanted": FhirWanted(form=ExportForm.NDJSON, patient_ids=(ids.patient,)),
            "folder": ids.folder / "fhir",
        },
    ),
    Case(
        service="fhir_export.export_fhir",
        way="everybody's",
        needs=("export_fhir",),
        given=lambda ids: {
            "wanted": FhirWanted(form=ExportForm.BUNDLE, month=OCTOBER),
            "folder": ids.folder / "fhir",
        },
    ),
    Case(
        service="fhir_sending.send_fhir",
        needs=("export_fhir",),
        given=lambda ids: {
            "wanted": FhirWanted(
                form=ExportForm.NDJSON, month=_WITHOUT_SUPERBILLS, patient_ids=(ids.patient,)
            ),
            "to": "https://fhir.example/r4",
            "documents_only": True,
        },
    ),
    Case(
        service="fhir_import.preview_fhir",
        needs=("import_records",),
        given=lambda ids: {"paths": [ids.folder / "bundle.json"]},
        before=_bundle,
    ),
    Case(
        service="fhir_import.import_fhir",
        needs=("import_records",),
        given=lambda ids: {"paths": [ids.folder / "bundle.json"]},
        before=_bundle,
    ),
    Case(
        service="imports.look.look_at",
        needs=("import_records",),
        given=lambda _: {"content": _NEW_PATIENTS, "kind": ImportKind.PATIENTS},
    ),
    Case(
        service="imports.patients.preview_patients",
        needs=("import_records",),
        given=lambda _: {"content": _NEW_PATIENTS, "settings": _READ_AS_PATIENTS},
    ),
    Case(
        service="imports.patients.import_patients",
        needs=("import_records",),
        given=lambda _: {"content": _NEW_PATIENTS, "settings": _READ_AS_PATIENTS},
    ),
    Case(
        service="imports.time.preview_time",
        needs=("import_records", "log_own_time"),
        given=lambda ids: {"content": _work_of(ids.me), "settings": _READ_AS_TIME},
    ),
    Case(
        service="imports.time.import_time",
        needs=("import_records", "log_own_time"),
        given=lambda ids: {"content": _work_of(ids.me), "settings": _READ_AS_TIME},
    ),
    Case(service="imports.batches.batches", needs=("import_records",)),
    Case(
        service="imports.batches.unfinished",
        needs=("import_records",),
        given=lambda _: {"content": _NEW_PATIENTS, "kind": ImportKind.PATIENTS},
    ),
    Case(
        service="imports.batches.report",
        needs=("import_records",),
        given=lambda ids: {"batch_id": ids.import_batch},
    ),
    Case(
        service="imports.batches.report_file",
        needs=("import_records",),
        given=lambda ids: {"batch_id": ids.import_batch},
    ),
    Case(
        service="imports.undo.undo_import",
        needs=("import_records",),
        given=lambda ids: {"batch_id": ids.import_batch},
    ),
    # --- what leaves, and what the journal is told
    Case(
        service="downloads.deliver",
        needs=("draft_superbill",),
        given=lambda ids: {
            "make": lambda: b"content",
            "operation": Operation.DRAFT_SUPERBILL,
            "form": FileForm.SUPERBILL_PDF,
            "patient_id": ids.patient,
            "month": NOVEMBER,
        },
    ),
    Case(
        service="access_events.note_print",
        needs=("read_practice",),
        given=lambda ids: {"page": "patients", "patient_id": ids.patient},
        elsewhere={"patient": ITS_OWN},
    ),
    Case(service="access_reading.access_log", needs=("read_access_log",)),
    Case(
        service="access_reading.access_log",
        way="with filters",
        needs=("read_access_log",),
        given=lambda ids: {"filters": AccessFilters(patient_id=ids.patient, person_id=ids.person)},
        elsewhere={"patient": NONE_OF_IT, "person": NONE_OF_IT},
    ),
    Case(service="access_reading.access_log_file", needs=("read_access_log",)),
    # --- drafts
    Case(
        service="drafts.keep",
        needs=("keep_draft",),
        given=_of_patient(text="Spoke about", form="time"),
    ),
    Case(
        service="drafts.take",
        needs=("keep_draft",),
        given=_of_patient(form="time"),
        elsewhere={"patient": NONE_OF_IT},
    ),
    Case(
        service="drafts.patient_of_newest", needs=("keep_draft",), given=lambda _: {"form": "time"}
    ),
    Case(
        service="drafts.drop",
        needs=("keep_draft",),
        given=_of_patient(form="time"),
        elsewhere={"patient": NONE_OF_IT},
    ),
    # --- practice and people
    Case(service="practice.the_practice", needs=("read_practice",)),
    Case(service="practice.staff", needs=("read_practice",)),
    Case(
        service="practice_settings.edit_practice",
        needs=("edit_settings",),
        given=lambda ids: {"command": Practice(id=ids.practice, name="Changed")},
        elsewhere={"practice": ITS_OWN},
    ),
    Case(service="practice_options.options", needs=("read_practice",)),
    Case(
        service="practice_options.set_options",
        needs=("edit_settings",),
        given=lambda _: {"chosen": PracticeOption(offers_apcm=True)},
    ),
    Case(
        service="fee_lists.lists_on_file",
        needs=("read_practice",),
        given=lambda _: {"kind": FeeListKind.CHARGES},
    ),
    Case(service="fee_lists.payers_on_file", needs=("read_practice",)),
    Case(
        service="fee_rows.rows_to_type",
        needs=("read_practice",),
        given=lambda ids: {
            "kind": FeeListKind.CHARGES,
            "payer_name": ids.payer,
            "on": _DAY,
        },
        elsewhere={"payer": NONE_OF_IT},
    ),
    Case(
        service="fee_lists.fee_list_csv",
        needs=("read_practice",),
        given=lambda ids: {"kind": FeeListKind.CHARGES, "payer_name": ids.payer},
    ),
    Case(
        service="fee_lists.preview_fee_list",
        needs=("edit_settings",),
        given=_fee_file_of,
        elsewhere={"payer": "PAYER_UNKNOWN"},
    ),
    Case(
        service="fee_lists.import_fee_list",
        needs=("edit_settings",),
        given=_fee_file_of,
        elsewhere={"payer": "PAYER_UNKNOWN"},
    ),
    Case(
        service="fee_lists.change_amounts",
        needs=("edit_settings",),
        given=lambda ids: {
            "command": ChangeAmounts(
                kind=FeeListKind.CHARGES,
                payer_name=ids.payer,
                from_day=_DAY,
                amounts={"99490": Decimal("99.00")},
            )
        },
        elsewhere={"payer": "PAYER_UNKNOWN"},
    ),
    Case(
        service="fee_lists.end_fee_list",
        needs=("edit_settings",),
        given=lambda ids: {
            "kind": FeeListKind.CHARGES,
            "payer_name": ids.payer,
            "last_day": _DAY,
        },
    ),
    Case(
        service="fee_lists.remove_fee_list",
        needs=("edit_settings",),
        given=lambda ids: {"kind": FeeListKind.CHARGES, "payer_name": ids.payer},
    ),
    Case(service="medicare_tables.medicare_tables_on_file", needs=("read_practice",)),
    Case(
        service="medicare_tables.preview_medicare",
        needs=("edit_settings",),
        given=lambda _: {"given": year_2027(replace=True)},
    ),
    Case(
        service="medicare_tables.load_medicare",
        needs=("edit_settings",),
        given=lambda _: {"given": year_2027(replace=True)},
    ),
    Case(
        service="medicare_tables.remove_medicare",
        needs=("edit_settings",),
        given=lambda _: {"year": 2027},
    ),
    Case(service="people.people", needs=_PEOPLE),
    Case(
        service="people.add_person",
        needs=_PEOPLE,
        given=lambda ids: {"member": _member(ids.unused_person), "sign_in_name": "new-name"},
        elsewhere={"unused_person": ITS_OWN},
    ),
    Case(
        service="people.change_person",
        needs=_PEOPLE,
        given=lambda ids: {"member": _member(ids.person), "sign_in_name": "new-name"},
    ),
    Case(service="people.deactivate", needs=_PEOPLE, given=lambda ids: {"staff_id": ids.person}),
    Case(
        service="people.reactivate",
        needs=_PEOPLE,
        given=lambda ids: {"staff_id": ids.former_person},
    ),
    Case(service="people.rules_of_sign_in", needs=("read_practice",)),
    Case(service="people.own_sign_in", needs=("change_own_sign_in",)),
    Case(
        service="people.set_rules_of_sign_in",
        needs=_PEOPLE,
        given=lambda _: {"rules": SignInRules(idle=timedelta(minutes=20))},
    ),
    Case(
        service="invitations.make_link", needs=_PEOPLE, given=lambda ids: {"staff_id": ids.person}
    ),
    # --- one's own sign-in
    Case(
        service="people.change_own_password",
        needs=("change_own_sign_in",),
        given=lambda _: {"old": PASSWORD, "new": f"{PASSWORD} too"},
    ),
    Case(
        service="people.remove_own_codes",
        needs=("change_own_sign_in",),
        given=lambda _: {"password": PASSWORD},
    ),
    Case(
        service="second_factor.begin_set_up",
        needs=("change_own_sign_in",),
        given=lambda _: {"label": "somebody"},
    ),
    Case(
        service="second_factor.confirm_set_up",
        needs=("change_own_sign_in",),
        given=lambda _: {"code": _code()},
        before=_codes_begun,
    ),
)
