"""Who works in a synthetic practice, and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from trellis_core.access import AccessRole
from trellis_core.care.people import Practice, Site, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.synthetic import names, shares

PRACTICE_ID: Final = "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The people of a practice by what they do.

    Attributes:
        practitioners: Who bills; the first is the owner.
        staff: Clinical staff.
        managers: Behavioral care managers.
        consultants: Psychiatric consultants.
        office: Billers and an auditor.
        sites: Places beside the practice's own address.
    """

    practitioners: tuple[StaffMember, ...]
    staff: tuple[StaffMember, ...]
    managers: tuple[StaffMember, ...]
    consultants: tuple[StaffMember, ...]
    office: tuple[StaffMember, ...]
    sites: tuple[Site, ...]

    @property
    def everybody(self) -> tuple[StaffMember, ...]:
        """Everyone, the owner first."""
        return (
            *self.practitioners,
            *self.staff,
            *self.managers,
            *self.consultants,
            *self.office,
        )


def practice() -> Practice:
    """Return the practice itself, with all that a claim asks for."""
    return Practice(
        id=PRACTICE_ID,
        name="Larch Valley Care (synthetic)",
        npi=names.npi_number(100),
        tin="12-3456789",
        address_line="1 Trellis Walk",
        city=names.TOWNS[0],
        postal_code=names.POSTAL_CODE,
        phone=names.phone(0),
        state=names.STATE,
        around_the_clock_access=True,
        certified_ehr=True,
        apcm_capabilities=True,
        performance_reporting=True,
        is_sample=True,
    )


def hire(*, patients: int, entries_a_day: int, chance: Random) -> Team:
    """Return as many people as so many patients and entries need."""
    count = _ratio(patients, shares.PATIENTS_A_PRACTITIONER)
    busy = _ratio(entries_a_day, shares.ENTRIES_A_PERSON_AND_DAY)
    numbers = iter(range(101, 100_000))
    practitioners = _people(
        shares.PRACTITIONERS,
        count,
        StaffRole.BILLING_PRACTITIONER,
        AccessRole.COORDINATOR,
        numbers,
        chance,
        owner=AccessRole.OWNER,
    )
    return Team(
        practitioners=practitioners,
        staff=_people(
            shares.STAFF,
            max(3, _ratio(patients, shares.PATIENTS_A_STAFF_MEMBER), busy),
            StaffRole.CLINICAL_STAFF,
            AccessRole.COORDINATOR,
            numbers,
            chance,
        ),
        managers=_people(
            shares.CARE_MANAGERS,
            max(_ratio(patients // 5, shares.PATIENTS_A_CARE_MANAGER), _ratio(busy, 4)),
            StaffRole.BEHAVIORAL_CARE_MANAGER,
            AccessRole.COORDINATOR,
            numbers,
            chance,
        ),
        consultants=_people(
            (Credential.MD,),
            _ratio(patients, shares.PATIENTS_A_CONSULTANT),
            StaffRole.PSYCHIATRIC_CONSULTANT,
            AccessRole.OWN_WORK,
            numbers,
            chance,
            prefix="psy",
        ),
        office=(
            *_people(
                (Credential.NONE,),
                _ratio(patients, shares.PATIENTS_A_BILLER),
                StaffRole.NON_CLINICAL,
                AccessRole.BILLER,
                None,
                chance,
                prefix="bill",
            ),
            *_people(
                (Credential.NONE,),
                1,
                StaffRole.NON_CLINICAL,
                AccessRole.AUDITOR,
                None,
                chance,
                prefix="audit",
            ),
        ),
        sites=tuple(_sites(patients)),
    )


def _ratio(count: int, each: int) -> int:
    return max(1, -(-count // each))


def _people(
    credentials: Sequence[Credential],
    count: int,
    role: StaffRole,
    access: AccessRole,
    npis: Iterator[int] | None,
    chance: Random,
    *,
    owner: AccessRole | None = None,
    prefix: str = "",
) -> tuple[StaffMember, ...]:
    return tuple(
        StaffMember(
            id=f"{prefix or credentials[at % len(credentials)].lower()}-{at + 1}",
            role=role,
            credential=credentials[at % len(credentials)],
            npi=None if npis is None else names.npi_number(next(npis)),
            given_name=names.given_name(chance),
            family_name=names.family_name(chance),
            access=access if at or owner is None else owner,
        )
        for at in range(count)
    )


def _sites(patients: int) -> Iterator[Site]:
    if patients < shares.PATIENTS_WITH_TWO_SITES:
        return
    count = min(shares.SITES_MAX - 1, max(1, patients // shares.PATIENTS_A_SITE))
    for number in range(1, count + 1):
        yield Site(
            id=f"site-{number}",
            name=f"{names.TOWNS[number]} office",
            address_line=f"{number + 1} Trellis Walk",
            city=names.TOWNS[number],
            postal_code=names.POSTAL_CODE,
            phone=names.phone(number),
            state=names.STATE,
        )
