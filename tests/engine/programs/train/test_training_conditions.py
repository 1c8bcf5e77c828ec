"""The condition of a candidate: what an evaluation of the same skill has, byte for byte."""

from pathlib import Path
from typing import Any

import msgspec

from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.programs.evaluate.cell import EvaluationKey
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.condition import read_condition
from events.types.evaluation import CellOpened, EvaluationFound
from events.types.training import SkillAccepted
from projections.cost import Cost
from tests.support.orders import CountingClock
from tests.support.runs import setting, spec
from tests.support.training import FEW, jars, told, trained, training
from views.evaluations.making import MakingCost, making_costs
from views.evaluations.sides import sides_of


def evaluation(**arms: dict[str, Any]) -> RunSpec:
    """Evaluate the target of the demo on the selection items of a small training."""
    target = {"model": "target", "base_url": "script:script.toml", "parameters": {"max_tokens": 4000}}
    items = {"folder": "items", "split": "val", "limit": 6}
    own = {"arms": {"none": {"skills": ""}, **arms}, "items": items, "stop_on_dead_signal": False}
    return spec(program="evaluate", tasks="", models={"teacher": target}, own=own)


async def found_by_arm(log: EventLog, run: str) -> dict[str, int]:
    """Count the scores that were found, by arm."""
    counts: dict[str, int] = {}
    async for each in log.read(Selection(run=run, tags={"evaluation.found"})):
        assert isinstance(each.event, EvaluationFound)
        arm = each.stream.name.split("/")[1]
        counts[arm] = counts.get(arm, 0) + 1
    return counts


async def test_an_evaluation_finds_what_a_training_stored(tmp_path: Path) -> None:
    """Given a training, the arm of its skill and the arm without one are scored already: by the first pass of each."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    run = (await trained(log, base, training(**{**FEW, "gate": {"name": "force"}}))).run
    accepted = (await told(log, run, SkillAccepted))[0]
    for each in accepted.files:
        path = base / "skills" / "jar-labels" / each.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await log.get(each.digest))
    evaluated = await start_run(await setting(log, base), evaluation(skill={"skills": "skills"}))
    assert await found_by_arm(log, evaluated.run) == {"none": 6, "skill": 6}
    # And by its name in the library of the run, too.
    named = evaluation(skill={"skills": f"run:{run}/jar-labels@1"})
    again = await start_run(await setting(log, base), named)
    assert await found_by_arm(log, again.run) == {"none": 6, "skill": 6}


async def test_a_trained_skill_cost_what_its_training_did(tmp_path: Path) -> None:
    """Given an evaluation of a revision, all calls of the run that trained it count as its making, and it is named."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    run = (await trained(log, base, training(**{**FEW, "gate": {"name": "force"}}))).run
    named = evaluation(skill={"skills": f"run:{run}/jar-labels@1"})
    evaluated = await start_run(await setting(log, base), named)
    sides = {each.arm: each for each in await sides_of(log, evaluated.run)}
    (costs,) = await fold_run(log, [Cost()], run)
    lines = [line for roles in costs.runs[run].lines.values() for some in roles.values() for line in some.values()]
    assert {role for roles in costs.runs[run].lines.values() for role in roles} >= {"teacher", "optimizer"}
    paid = sum(line.cost for line in lines)
    assert paid > 0
    assert await making_costs(log, sides) == {"skill": MakingCost(paid, (run,))}


async def test_a_training_finds_what_an_evaluation_stored(tmp_path: Path) -> None:
    """The other way round: the first pass of a training is paid for no second time."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    empty = {"skills": "", "note": "Be brief."}
    before = await start_run(await setting(log, base), evaluation(told=empty))
    run = (await trained(log, base, training(**FEW))).run
    found = [each async for each in log.read(Selection(run=run, tags={"evaluation.found"}))]
    from_start = [each for each in found if each.stream.name.startswith("cell/start/")]
    assert len(from_start) == 6
    assert {each.event.run for each in from_start if isinstance(each.event, EvaluationFound)} == {before.run}


async def test_the_optimizer_is_no_part_of_a_condition(tmp_path: Path) -> None:
    """Whoever proposes changes reaches no item: another optimizer finds the same scores."""
    log, base = MemoryLog(clock=CountingClock()), jars(tmp_path)
    run = (await trained(log, base, training(**FEW))).run
    opened = [each async for each in log.read(Selection(run=run, tags={"cell.opened"}))]
    roles = set()
    for each in opened:
        assert isinstance(each.event, CellOpened)
        key = msgspec.json.decode(await log.get(each.event.key), type=EvaluationKey)
        condition = read_condition(await log.get(key.condition))
        roles |= {model.role for model in condition.models}
        assert {model.model for model in condition.models} == {"target"}
    assert roles == {"teacher", "reflector"}
