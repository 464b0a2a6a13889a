"""Conditions that came without an ICD-10-CM code and wait for a person to give one."""

from collections.abc import Collection

from sqlalchemy import func
from sqlmodel import col, select

from trellis_core.access import Actor, Operation, require
from trellis_core.services.access_log import audited
from trellis_core.store.engine import Store
from trellis_core.store.tables import ConditionRow


@audited
def uncoded_counts(patient_ids: Collection[str], *, store: Store, actor: Actor) -> dict[str, int]:
    """Return for each patient how many conditions have no ICD-10-CM code; those with none are left out.

    Args:
        patient_ids: Whom to look at; a page of a list, not a whole panel.
        store: The store.
        actor: Who asks.

    Raises:
        PermissionDeniedError: The actor may not see charts.
    """
    require(actor, Operation.READ_CHART)
    if not patient_ids:
        return {}
    with store.reading() as unit:
        rows = unit.session.exec(
            select(ConditionRow.patient_id, func.count())
            .where(
                ConditionRow.practice_id == actor.practice_id,
                col(ConditionRow.patient_id).in_(patient_ids),
                col(ConditionRow.icd10).is_(None),
            )
            .group_by(col(ConditionRow.patient_id))
        ).all()
    return dict(rows)
