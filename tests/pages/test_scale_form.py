"""The form of a rating scale on the chart: scored while it is filled in, and calm about safety."""

from trellis_core.access import AccessRole
from trellis_core.care.vocabulary import ScaleUse
from trellis_core.services.scale_results import scale_results
from trellis_core.services.tasks import open_tasks

WHO = "p-205"


def test_item_by_item_the_total_shows_and_a_safety_task_is_raised(dashboard):
    at = dashboard.open(
        AccessRole.COORDINATOR, "coordinate/patient_chart", patient=WHO, section="scales"
    )
    at.run()
    form = f"scale_{WHO}_{at.session_state['trellis'].form_ids[f'scale_{WHO}']}"
    at.button(key=f"scale_{WHO}_save").click().run()
    assert "Nothing is filled in yet" in at.error[0].value
    for number in range(1, 10):
        at.segmented_control(key=f"{form}_PHQ-9_{number}").set_value("Several days")
    at.segmented_control(key=f"{form}_use").set_value(ScaleUse.CONSULTANT_ASKED)
    at.run()
    assert any("Total 9 of 27: mild" in item.value.replace("\\", "") for item in at.markdown)
    assert any("asks for a safety check today" in item.value for item in at.warning)
    at.button(key=f"scale_{WHO}_save").click().run()
    assert not at.exception, at.exception
    around = {
        "store": dashboard.store,
        "actor": dashboard.actor(AccessRole.COORDINATOR),
        "clock": dashboard.clock,
    }
    newest = scale_results(WHO, **around)[-1]
    assert (newest.scale.score, newest.answers) == (9, (1,) * 9)
    assert newest.scale.acted_on is ScaleUse.CONSULTANT_ASKED
    (task,) = [each for each in open_tasks(WHO, **around) if each.source_id == newest.scale.id]
    assert any(task.title in item.value.replace("\\", "") for item in at.markdown)
