"""What PDI is worth, of a run of ours: its skill is tried on the task that it was distilled from, and that is said."""

from pathlib import Path

from events.store.memory import MemoryLog
from tests.cli.terminal import CommandOutcome, machine
from tests.engine.programs.evaluate.test_evaluate import evaluated, evaluation
from tests.engine.programs.evaluate.test_skills_of_arms import ONCE, base_of, learnt
from tests.support.orders import CountingClock
from views.pdi import validate
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen


async def test_an_effect_on_the_own_task_is_told_apart(tmp_path: Path) -> None:
    """Remembering is enough there: the effect is measured, and beside it stands that elsewhere there is none."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    explored = (await learnt(log, base)).run
    arms = {"none": {"skills": ""}, "own": {"skills": "per-item:run:@latest"}}
    await evaluated(log, base, evaluation(arms, only=["word"], **ONCE))
    host = machine(tmp_path)
    await validate.tell(OpenedLog(log, tmp_path / "log.db", Screen(host, json=True), host), [])
    rows = CommandOutcome(0, host.stdout.getvalue(), "").rows  # type: ignore[attr-defined]
    (skill,) = [row for row in rows if row["kind"] == "skill_effect"]
    assert (skill["task"], skill["run"], skill["effect"], skill["effect_elsewhere"]) == ("word", explored, 1.0, None)
    assert skill["on_own_task"]
    assert 0 < skill["evidence"] <= 1
    evidence, elsewhere = [row for row in rows if row["kind"] == "worth" and row["measure"] == "evidence"]
    assert evidence["limits"] == [
        "tasks: 1; below 3 there is no correlation",
        "effects measured on the very task that the skill was distilled from: 1",
    ]
    assert elsewhere["limits"] == ["no skill has both this figure and a measured effect"]
