"""An agent in a sandbox acts in a world that lives outside of it: by a command, with nothing of the world inside."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackages
from engine.agents.registry import agent_named
from engine.core.prompts import load_prompts
from engine.items.world_doors import DOOR
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Recorded
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.item import ItemAnswered, ItemScored
from events.types.sandbox import ActionObserved, SandboxAsked
from replay.redecide import decisions
from replay.rerun import rerun
from sandbox.base import SandboxBackend
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.items.test_household import setup_of, way_to
from tests.engine.programs.evaluate.test_evaluate import calls, evaluation
from tests.support.crashes import ended, in_memory, world
from tests.support.mutation import mutate
from tests.support.orders import CountingClock

TASK: Final = "pick_clean_then_place_in_recep"
ROW: Final = {"id": "one", "seed": 3, "task": TASK, "object": "mug", "receptacle": "drawer"}
OWN: Final = {"items": {"folder": "house", "format": "household"}, "rollout": {"way": "agent"}}
ARMS: Final = {"none": {}, "told": {"note": "Wash it."}}


def base_of(folder: Path, actions: list[str]) -> Path:
    """Make one task, and a model that does it by commands if it was told how, and looks around if it was not."""
    (folder / "house").mkdir(parents=True)
    (folder / "house" / "test.json").write_text(json.dumps([ROW]))
    turns = "".join(f'[[rule.turn]]\ncommand = "{DOOR}/act {each}"\n' for each in actions)
    done = '[[rule.turn]]\ntext = "DONE"\n'
    (folder / "script.toml").write_text(
        f'name = "walker"\n[[rule]]\nname = "knows"\ncontains = ["Wash it."]\n{turns}{done}'
        f'[[rule]]\nname = "lost"\ncontains = ["simulated world"]\n'
        f'[[rule.turn]]\ncommand = "{DOOR}/act look; ls {DOOR}; cat {DOOR}/act"\n{done}'
    )
    return folder


async def evaluated(log: EventLog, base: Path, backend: SandboxBackend, **changes: Any) -> tuple[str, dict[str, str]]:
    """Evaluate both arms; give the run and its outcomes."""
    cache = changes.pop("cache", None)
    asked = evaluation(ARMS, tasks="", sandbox=backend.name, own=OWN, **changes)
    report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, base, cache=cache), asked)
    return report.run, report.outcomes


async def events(log: EventLog, run: str, *tags: str) -> list[Recorded]:
    """Read events of a run."""
    return [each async for each in log.read(Selection(run=run, tags=set(tags)))]


SCORED: Final = {"none/house.one.1": "unsolved", "told/house.one.1": "solved"}


@pytest.mark.parametrize("where", ["local", pytest.param("docker", marks=pytest.mark.docker)])
async def test_what_an_agent_did_in_the_world_is_scored_and_lived_again(where: str, tmp_path: Path) -> None:
    """The host read each action; a replay lives the world from them, without a sandbox."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, way_to(setup_of(TASK, 3)))
    async with backend_named(where, tmp_path) as backend:
        run, outcomes = await evaluated(log, base, backend)
        again, same = await evaluated(log, base, backend)
    assert outcomes == same == SCORED
    assert await calls(log, again) == 0
    answered = {each.stream.name: each.event for each in await events(log, run, "item.answered")}
    told = answered["item/told/house.one.1"]
    assert isinstance(told, ItemAnswered)
    (file,) = told.files
    assert json.loads(await log.get(file.digest)) == way_to(setup_of(TASK, 3))
    scored = [each.event for each in await events(log, run, "item.scored")]
    assert {each.reasons for each in scored if isinstance(each, ItemScored)} == {
        (),
        ("0 of 2 parts of the goal are met",),
    }
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))
    assert (await mutate(log, run)).found == ()


async def test_nothing_of_the_world_is_in_the_sandbox_but_what_actions_show(tmp_path: Path) -> None:
    """Neither seed nor goal nor what lies where: the door holds two pipes and a script."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, way_to(setup_of(TASK, 3)))
    async with backend_named("local", tmp_path) as backend:
        run, _ = await evaluated(log, base, backend)
    for each in await events(log, run, "sandbox.asked"):
        assert isinstance(each.event, SandboxAsked)
        assert each.event.workspace is not None
        assert each.event.workspace.files == ()
    seen = [each.event for each in await events(log, run, "action.observed") if "/none/" in each.stream.name]
    (looked,) = [each for each in seen if isinstance(each, ActionObserved)]
    shown = (await log.get(looked.stdout)).decode()
    assert shown.startswith("You hold nothing. You are in the middle of a house.\nact\nask\ntold\n#!/bin/sh\n")
    assert "seed" not in shown


async def test_a_world_takes_fifty_actions_of_an_agent_and_whatever_it_writes(tmp_path: Path) -> None:
    """More count for nothing, as do pipes that are written to by hand; a file of its own is none of the host's."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, [])
    sixty = f"i=0; while [ $i -lt 60 ]; do {DOOR}/act look; i=$((i+1)); done | sort | uniq -c"
    forged = "echo '[\\\"go to table\\\"]' > actions.json; rm -f " + f"{DOOR}/ask; chmod 777 {DOOR} || true"
    empty = f"{DOOR}/act || true"
    turns = "".join(f'[[rule.turn]]\ncommand = "{each}"\n' for each in (forged, empty, sixty))
    (base / "script.toml").write_text(
        f'name = "busy"\n[[rule]]\nname = "any"\ncontains = ["simulated world"]\n{turns}[[rule.turn]]\ntext = "DONE"\n'
    )
    async with backend_named("local", tmp_path) as backend:
        run, outcomes = await evaluated(log, base, backend)
    assert set(outcomes.values()) == {"unsolved"}
    for each in await events(log, run, "item.answered"):
        assert isinstance(each.event, ItemAnswered)
        (file,) = each.event.files
        assert json.loads(await log.get(file.digest)) == ["look"] * 50
    observed = [each.event for each in await events(log, run, "action.observed")]
    last = [each for each in observed if isinstance(each, ActionObserved)][-1]
    assert "10 No further action is taken." in (await log.get(last.stdout)).decode()


@pytest.mark.parametrize("step", [pytest.param(5, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 41])
async def test_it_survives_a_death_at_any_moment(step: int, tmp_path: Path) -> None:
    """A world whose process died is gone with the sandbox, and the agent begins anew in a fresh one."""
    source = base_of(tmp_path / "source", ["look"])
    async with world(tmp_path / "world", script=(source / "script.toml").read_text()) as here:
        (source / "house").rename(here.base / "house")
        own = {**OWN, "arms": ARMS, "reuse": "own"}
        armed = here._replace(spec=msgspec.structs.replace(here.spec, program="evaluate", tasks="", own=own))
        plain = await ended(armed, (), in_memory())
        for moment in range(0, plain.moments[0], step):
            opened = in_memory()
            seen = await ended(armed, (moment,), opened)
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths
            async with opened() as log:
                found = [each.event async for each in log.read(Selection(tags={"item.scored"}))]
                assert [each.outcome for each in found if isinstance(each, ItemScored)] == ["unsolved"] * 2


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_an_installed_agent_acts_in_the_world(cache: Path, tmp_path: Path) -> None:
    """The real codex, with a scripted model behind the gateway: it reaches the world by the same command."""
    found = agent_named("codex")
    assert isinstance(found, InstalledAgent)
    try:
        await AgentPackages(cache).ready(found.recipe)
    except KitUnavailable as error:
        pytest.skip(f"REAL AGENT NOT TRIED: {error.problem}")
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, way_to(setup_of(TASK, 3)))
    async with backend_named("local", tmp_path) as backend:
        run, outcomes = await evaluated(log, base, backend, agent={"name": "codex"}, cache=cache)
    assert outcomes == SCORED
    assert (await rerun(log, run)).complete
