"""A practice made by chance: most patients' months are alike, and each may have anything in its way."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from tests.support.small_panel import ELEMENTS, WRITTEN_AT, SmallPanel, at
from trellis_core.care.vocabulary import Activity, Program
from trellis_core.ledger.chain import EntryBody, EntryKind
from trellis_core.store.tables import (
    ApcmMonthRow,
    CarePlanRow,
    CaseloadReviewRow,
    ConditionRow,
    ConsentDeclinedRow,
    ConsentRow,
    DecisionMakingRow,
    DischargeContactRow,
    DischargeRow,
    EnrollmentPractitionerRow,
    EnrollmentRow,
    FacilityStayRow,
    OtherServiceRow,
    PastCoverageRow,
    PatientRow,
    RatingScaleRow,
    SiteRow,
    TrackElectionRow,
    TrellisTable,
    VisitRow,
)
from trellis_core.store.unit_of_work import Draft

_PROGRAMS = (
    "CCM",
    "CCM",
    "CCM",
    "PCM",
    "BHI",
    "APCM",
    "CoCM",
    "CCM+BHI",
    "PCM+BHI",
    "CCM+PCM",
    "APCM+BHI",
)
_BILLERS = ("dr-1", "dr-1", "dr-1", "dr-2", "dr-2", "np-1")
_ORDINARY_PROGRAMS = ("CCM", "CCM", "CCM", "BHI", "CCM+BHI")
_ORDINARY = 0.7
"""The share of patients whose months are as most are."""

_NURSES = 40
"""So many that few of them are with two patients at once."""

_DAYS = (date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 15), date(2026, 11, 30), date(2026, 12, 1))  # fmt: skip
"""Days at and around both ends of the month, and one within it."""


class ChancePanel:
    """Fills a panel's store by chance; the same seed gives the same practice."""

    def __init__(self, panel: SmallPanel, seed: int, *, patients: int) -> None:
        self._panel = panel
        self._random = Random(seed)  # noqa: S311 - cases, not secrets
        self._own = {"practice_id": panel.practice_id}
        self._is_ordinary = False
        rows: list[TrellisTable] = [
            panel.staff("dr-2", "billing_practitioner", "MD"),
            panel.staff("np-1", "billing_practitioner", "NP"),
            panel.staff("ph-1", "billing_practitioner", "PsyD"),
            panel.staff("rn-2", "clinical_staff", "LPN"),
            panel.staff("rn-3", "clinical_staff", "RN"),
            panel.staff("psy-1", "psychiatric_consultant", "MD"),
            SiteRow(id="s-1", name="North", state="NY", locality="01", **self._own),
            SiteRow(id="s-2", name="South", state="FL", locality="04", **self._own),
        ]  # fmt: skip
        rows += [
            panel.staff(f"nurse-{number}", "clinical_staff", "LPN") for number in range(_NURSES)
        ]
        bodies: list[tuple[EntryBody, str]] = []
        for number in range(patients):
            rows += self._patient(f"p-{number:03d}", bodies)
        panel.add(*rows)
        with panel.store.writing(at=panel.now()) as unit:
            unit.ledger.append([Draft(body=body, note=note) for body, note in bodies])

    def _rarely(self, share: float = 0.06) -> bool:
        """Say yes in some cases, of a patient as most are in hardly any."""
        return self._random.random() < (share / 20 if self._is_ordinary else share)

    def _day(self) -> date:
        return self._random.choice(_DAYS)

    def _earlier(self) -> date:
        return date(2026, 10, 20) - timedelta(days=self._random.randint(0, 900))

    def _patient(self, key: str, bodies: list[tuple[EntryBody, str]]) -> Iterator[TrellisTable]:
        chance = self._random
        self._is_ordinary = chance.random() < _ORDINARY
        own: dict[str, Any] = {**self._own, "patient_id": key}
        names = chance.choice(_ORDINARY_PROGRAMS if self._is_ordinary else _PROGRAMS).split("+")
        by, started = chance.choice(_BILLERS), self._earlier()
        yield self._row(key, started)
        yield from self._conditions(own)
        for name in names:
            yield from self._program(own, name, by, started)
        yield from self._odds(own, names)
        if not self._rarely(0.1):
            bodies += self._entries(key, names)

    def _row(self, key: str, started: date) -> PatientRow:
        chance = self._random
        more: dict[str, object] = {
            "last_seen_on": started - timedelta(days=chance.randint(0, 300)),
            "qualified_medicare_beneficiary": chance.choice([True, False, False, None]),
            "site_id": chance.choice([None, None, None, None, "s-1", "s-2"]),
            "payer_kind": chance.choice(["medicare"] * 10 + ["medicare_advantage", "commercial"]),
        }
        if self._is_ordinary:
            more |= {"site_id": None, "payer_kind": "medicare"}
        if self._rarely():
            more |= {"last_seen_on": None, "is_never_seen": self._rarely(0.5)}
        elif self._rarely():
            more["last_seen_on"] = self._day()
        if self._rarely():
            more["deceased_on"] = self._day()
        if self._rarely(0.5):
            more |= {"payer_name": "A payer", "coverage_started_on": self._earlier()}
            if self._rarely():
                more |= {"coverage_started_on": self._day()}
            if self._rarely():
                more |= {"coverage_ended_on": self._day()}
        if self._rarely(0.02):
            more["scale_not_applicable"] = "cannot answer"
        if self._rarely(0.03):
            more["registry_entered_on"] = self._day()
        return self._panel.patient(key, f"Fern {key}", **more)

    def _conditions(self, own: dict[str, Any]) -> Iterator[TrellisTable]:
        chance = self._random
        codes = chance.sample(
            ["E11.9", "E11.21", "I10", "J44.9", "F32.1", "F33.1"], chance.randint(1, 4)
        )
        for code in [*codes, *(["F32.1"] if "F32.1" not in codes and self._rarely(0.6) else [])]:
            unusual = self._rarely(0.04)
            yield ConditionRow(
                id=self._panel.new_id(),
                icd10=None if unusual and self._rarely(0.5) else code,
                text="an old one",
                expected_months=chance.choice([None, 3, 12]) if unusual else 12,
                is_short_term=unusual and self._rarely(0.3),
                significant_risk=chance.choice([True, False, None]) if unusual else True,
                behavioral=None if self._rarely(0.03) else code.startswith("F"),
                **own,
            )

    def _program(
        self, own: dict[str, Any], name: str, by: str, started: date
    ) -> Iterator[TrellisTable]:
        chance = self._random
        is_behavioral = name in {"BHI", "CoCM"}
        enrollment = EnrollmentRow(
            id=self._panel.new_id(),
            program=name,
            started_on=self._day() if self._rarely() else started,
            ended_on=self._day() if self._rarely() else None,
            billing_practitioner=chance.choice([None, "ph-1", "nobody", "dr-1"]) if self._rarely() else by,
            condition=chance.choice(["E11.9", "I10", "J44.9", None]) if name == "PCM" else None,
            **own,
        )  # fmt: skip
        yield enrollment
        if self._rarely(0.03):
            yield EnrollmentPractitionerRow(
                id=self._panel.new_id(), enrollment_id=enrollment.id, from_day=self._day(),
                billing_practitioner="dr-2", **own,
            )  # fmt: skip
        if self._rarely(0.03):
            yield EnrollmentRow(
                id=self._panel.new_id(), program=name, started_on=date(2023, 1, 1), ended_on=date(2023, 6, 1),
                billing_practitioner=by, **own,
            )  # fmt: skip
        for _ in range(chance.choice([0, 2]) if self._rarely() else 1):
            yield ConsentRow(
                id=self._panel.new_id(),
                program=name,
                obtained_on=chance.choice([None, *_DAYS]) if self._rarely() else started,
                method="verbal",
                documented=chance.choice([False, None]) if self._rarely() else True,
                billing_practitioner=chance.choice([None, "dr-2"]) if self._rarely() else by,
                obtained_by="rn-1",
                elements=chance.choice([None, "cost_sharing"])
                if self._rarely()
                else "consult_specialists,cost_sharing"
                if is_behavioral
                else ELEMENTS,
                revoked_on=self._day() if self._rarely(0.03) else None,
                **own,
            )
        for _ in range(chance.choice([0, 2]) if self._rarely() else 1):
            yield CarePlanRow(
                id=self._panel.new_id(),
                program=name,
                established_on=chance.choice([None, *_DAYS]) if self._rarely() else started,
                revised_on=self._day() if self._rarely(0.3) else None,
                copy_given_on=chance.choice([None, *_DAYS]) if self._rarely(0.1) else started,
                **own,
            )
        if is_behavioral and not self._rarely(0.1):
            yield RatingScaleRow(
                id=self._panel.new_id(),
                instrument=chance.choice(["PHQ-9", "PHQ-9", "gad7", "a scale of our own"]),
                on_day=self._day() if self._rarely(0.3) else date(2026, 11, chance.randint(1, 28)),
                score=7,
                acted_on=None if self._rarely() else "plan_kept",
                **own,
            )
        if name == "APCM" and not self._rarely():
            yield ApcmMonthRow(
                ym=202611,
                is_documented=not self._rarely(),
                stated_by="dr-1",
                stated_at=WRITTEN_AT,
                **own,
            )
        if name == "CoCM" and self._rarely(0.7):
            yield CaseloadReviewRow(
                id=self._panel.new_id(), on_day=date(2026, 11, 12), consultant="psy-1", **own
            )

    def _odds(self, own: dict[str, Any], names: list[str]) -> Iterator[TrellisTable]:
        chance, new = self._random, self._panel.new_id
        if self._rarely(0.5) or "PCM" in names:
            yield VisitRow(
                id=new(),
                on_day=self._day() if self._rarely() else self._earlier(),
                code=chance.choice([None, "99212"]) if self._rarely() else "99214",
                by=chance.choice([None, "dr-2"]) if self._rarely() else "dr-1",
                is_initiating=True,
                program_discussed=None if self._rarely() else ",".join(sorted(names)),
                care_planning_by_practitioner=self._rarely(),
                **own,
            )
        if self._rarely(0.25):
            yield VisitRow(
                id=new(),
                on_day=date(2026, 11, chance.randint(1, 30)),
                code="99213",
                by="dr-1",
                **own,
            )
        if self._rarely(0.04):
            yield DecisionMakingRow(
                id=new(), on_day=self._day(), program=names[0], level="moderate", by="dr-1", **own
            )
        if self._rarely(0.04):
            yield FacilityStayRow(
                id=new(), kind="inpatient", admitted_on=self._day(),
                discharged_on=chance.choice([None, date(2026, 12, 2)]), **own,
            )  # fmt: skip
        if self._rarely(0.04):
            yield OtherServiceRow(
                id=new(), on_day=self._day(), code=chance.choice(["99490", "90960", "99495", "99484"]),
                by=chance.choice([None, "dr-1", "dr-2"]), same_practice=self._rarely(0.5), **own,
            )  # fmt: skip
        if self._rarely(0.04):
            leave = DischargeRow(
                id=new(), discharged_on=self._day() - timedelta(days=chance.choice([0, 30, 40])),
                from_kind="inpatient_acute", to_kind="home", **own,
            )  # fmt: skip
            yield leave
            yield DischargeContactRow(
                id=new(),
                discharge_id=leave.id,
                at=at(chance.randint(2, 29)),
                outcome="reached",
                **own,
            )
        if self._rarely(0.03):
            yield TrackElectionRow(
                ym=202611,
                program="CCM",
                track="practitioner",
                elected_by="dr-1",
                elected_at=WRITTEN_AT,
                **own,
            )
        if self._rarely(0.03):
            yield PastCoverageRow(
                id=new(), payer_name="Before", payer_kind="commercial", ended_on=self._day(), **own
            )
        if self._rarely(0.03):
            yield ConsentDeclinedRow(id=new(), program=names[0], declined_on=self._day(), **own)

    def _entries(self, key: str, names: list[str]) -> Iterator[tuple[EntryBody, str]]:
        chance = self._random
        starts = at(2, hour=chance.randint(13, 20), minute=chance.randint(0, 59))
        made: list[EntryBody] = []
        for _ in range(chance.randint(0, 9)):
            starts += timedelta(minutes=chance.randint(60, 3_000))
            if starts >= datetime(2026, 12, 1, 4, tzinfo=starts.tzinfo):
                break
            body = self._entry(key, chance.choice(names), starts)
            made.append(body)
            yield body, "a call"
            if self._rarely(0.05):
                gone = replace(
                    body, entry_id=f"{body.entry_id}-void", kind=EntryKind.REVERSAL,
                    seconds=-body.seconds, reverses=body.entry_id, note_hmac=None,
                )  # fmt: skip
                yield gone, "wrong"
                if self._rarely(0.5):
                    yield (
                        replace(body, entry_id=f"{body.entry_id}-again", replaces=body.entry_id),
                        "",
                    )

    def _entry(self, key: str, name: str, starts: datetime) -> EntryBody:
        chance = self._random
        if self._rarely(0.02):
            starts = at(1, hour=4, month=12, minute=chance.choice([55, 59]))
        seconds = chance.choice([chance.randint(30, 1_500), 1_200, 600])
        staff = chance.choice(["dr-1", "sw-1", "desk-1", "psy-1", "dr-2", None]) if self._rarely() else f"nurse-{chance.randrange(_NURSES)}"  # fmt: skip
        local = starts - timedelta(hours=5)
        late = timedelta(days=40) if self._rarely(0.02) else timedelta()
        return EntryBody(
            practice_id=self._panel.practice_id,
            seq=0,
            entry_id=f"t-{self._panel.new_id()}",
            kind=EntryKind.TIME,
            program=Program(name),
            patient_id=key,
            staff_id=staff,
            author_id="rn-1",
            started_at=int(starts.timestamp()),
            seconds=seconds,
            service_day=local.date().isoformat(),
            ym=int(f"{local:%Y%m}"),
            activity=Activity.ADMINISTRATIVE if self._rarely(0.02) else Activity.CARE_COORDINATION,
            mode=chance.choice(["timed", "typed"]),
            condition=chance.choice(["E11.9", "I10"]) if self._rarely(0.02) else None,
            patients_sharing=3 if self._rarely(0.02) else 1,
            billed_elsewhere=self._rarely(0.01),
            separate_from_visit=chance.choice([True, False]) if self._rarely() else None,
            contact=chance.choice([None, None, "reached", "attempted", "none"]),
            is_estimated=self._rarely(),
            reverses=None,
            replaces=None,
            parent=None,
            note_hmac=None,
            recorded_at=int((starts + timedelta(seconds=seconds) + late).timestamp()),
        )
