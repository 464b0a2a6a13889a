"""``trellis roi`` in a practice: its tables, its contracts, its saved scenarios, and files by its door."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trellis_core.access import Operation
from trellis_core.cli._rule_book import rule_book_of
from trellis_core.cli.common import acting_person, open_store_of
from trellis_core.errors import CommandRefusedError
from trellis_core.roi import Contracts, RoiInputs
from trellis_core.rules.amounts import AmountTables
from trellis_core.services.contracts import contract_schedules
from trellis_core.services.downloads import FileForm, deliver
from trellis_core.services.practice import the_practice
from trellis_core.services.scenarios import scenarios
from trellis_core.values.clock import SystemClock, today
from trellis_core.values.folding import folded
from trellis_core.values.periods import zone_named

if TYPE_CHECKING:
    from trellis_core.access import Actor
    from trellis_core.store.engine import Store

_FORMS: Final[Mapping[str, FileForm]] = MappingProxyType(
    {"pdf": FileForm.ROI_PDF, "csv": FileForm.ROI_CSV}
)


@dataclass(frozen=True, slots=True)
class InPractice:
    """What a practice gives a calculation."""

    store: "Store"
    actor: "Actor"
    amounts: AmountTables
    contracts: Contracts
    practice_name: str
    today: date

    def scenario(self, name: str) -> tuple[str, RoiInputs]:
        """Return a saved scenario's name and inputs, asked for by its name in any case.

        Raises:
            CommandRefusedError: There is none of that name, or it does not read any more.
        """
        every = scenarios(store=self.store, actor=self.actor)
        found = next((each for each in every if folded(each.name) == folded(name.strip())), None)
        if found is None:
            known = (
                f"Saved: {'; '.join(each.name for each in every)}." if every else "None is saved."
            )
            raise CommandRefusedError("UNKNOWN_SCENARIO", f"There is no scenario '{name}'. {known}")
        if found.inputs is None:
            raise CommandRefusedError("SCENARIO_NOT_READ", found.problem)
        return found.name, found.inputs

    def give(self, form: str, make: Callable[[], bytes]) -> bytes:
        """Have a file made and named in the journal before it leaves.

        Raises:
            PermissionDeniedError: The person may not use the calculator.
            StoreError: The journal could not be written.
        """
        return deliver(
            make,
            operation=Operation.READ_ROI,
            form=_FORMS[form],
            store=self.store,
            actor=self.actor,
            clock=SystemClock(),
        )


@contextmanager
def in_practice(args: argparse.Namespace) -> Iterator[InPractice]:
    """Open the store that the options name, as the person that they name.

    Raises:
        CommandRefusedError: Nobody was named where somebody must be.
        PermissionDeniedError: The person may not use the calculator.
        StoreError: The store cannot be used.
    """
    store = open_store_of(args)
    try:
        actor = acting_person(args, store)
        contracts = contract_schedules(store=store, actor=actor)
        practice = the_practice(store=store, actor=actor)
        yield InPractice(
            store,
            actor,
            rule_book_of(store, actor).amounts,
            contracts,
            practice.name,
            today(SystemClock(), zone_named(practice.time_zone)),
        )
    finally:
        store.close()
