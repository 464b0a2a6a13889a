"""The server's worker within a test: works on what waits, and comes back when nothing does."""

from collections.abc import Callable

from pages.shared import store as page_store
from trellis_core.services.job_running import never, work_on_next


def let_work(*, is_ending: Callable[[], bool] = never) -> int:
    """Work on every job that waits in the pages' store; return how many there were."""
    worked = 0
    while work_on_next(
        store=page_store.store(), runner="test", clock=page_store.clock(), is_ending=is_ending
    ):
        worked += 1
    return worked
