"""The codes that a practice types amounts for, beside what Medicare allows at its own address."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trellis_core.access import Actor, Operation, require
from trellis_core.errors import FeeError, NotFoundError
from trellis_core.fees import MedicareSchedule, Place
from trellis_core.rules.labels import code_label, labelled_codes
from trellis_core.rules.rulebook import RuleBook
from trellis_core.services.access_log import audited
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_list_store import list_of
from trellis_core.store.engine import Store
from trellis_core.store.mapping import practice_of
from trellis_core.store.tables import PracticeRow


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRow:
    """A code as it stands on a list on a day, beside Medicare's amount at the practice's own address.

    Attributes:
        label: Trellis's own short words; the code where it has none.
        allowed: Medicare's full amount for a unit; None where none is on file for the day.
        amount: Of the list; None where it has none for the day.
    """

    code: str
    label: str
    allowed: Decimal | None
    amount: Decimal | None


@audited
def rows_to_type(
    kind: FeeListKind,
    *,
    payer_name: str,
    on: date,
    store: Store,
    actor: Actor,
    rule_book: RuleBook,
) -> tuple[FeeRow, ...]:
    """Return the codes that Trellis bills, and whatever else is on a list, with their amounts of a day.

    Args:
        kind: What the amounts are.
        payer_name: Whose list; one that is not there has no amounts.
        on: The day.
        store: The store.
        actor: Who asks.
        rule_book: Its tables have Medicare's amounts.

    Raises:
        PermissionDeniedError: The actor may not read the practice's facts.
    """
    require(actor, Operation.READ_PRACTICE)
    with store.reading() as unit:
        row = unit.session.get(PracticeRow, actor.practice_id)
        if row is None:
            raise NotFoundError("practice", actor.practice_id)
        practice = practice_of(row)
        held = list_of(unit, actor.practice_id, kind, payer_name)
    own = {} if held is None else held.holding(on)
    medicare = MedicareSchedule(
        rule_book.amounts,
        Place(
            state=practice.state if practice.locality else None,
            locality=practice.locality,
            setting=practice.setting,
            qualifying_apm=practice.qualifying_apm,
        ),
    )
    rows = []
    for code in sorted({*labelled_codes(), *own}):
        rate = None
        with suppress(FeeError):
            rate = medicare.rate(code, on=on)
        if code in own or rate is not None:
            rows.append(
                FeeRow(
                    code=code,
                    label=code_label(code),
                    allowed=None if rate is None else rate.amount,
                    amount=own.get(code),
                )
            )
    return tuple(rows)
