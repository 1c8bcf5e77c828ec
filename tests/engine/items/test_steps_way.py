"""A model acts step by step in a simulated world, which is decided from the record and lived again by a replay."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.effects.conversation import ConversationReader
from engine.items.base import Item, ItemAnswer
from engine.items.errors import ItemsInvalid
from engine.items.formats.household import HOUSEHOLD_ERRANDS
from engine.items.item_set import ItemSelection, load_items
from engine.items.worlds.base import STATE, world_named
from engine.items.worlds.household import HOUSEHOLD, OBJECTS, goal_parts
from events.digest import digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.item import ItemScored
from events.types.model import ModelAsked
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.programs.evaluate.test_evaluate import calls, evaluated, evaluation
from tests.support.crashes import ended, in_memory, world
from tests.support.mutation import mutate
from tests.support.orders import CountingClock

SETUP: Final = {"seed": 3, "goal": {"object": "apple", "receptacle": "fridge", "state": "clean"}}


def way_to(setup: Any = SETUP) -> list[str]:
    """Find the actions that lead to a goal, by looking at the world as it begins."""
    state = HOUSEHOLD.begin(setup).state
    goal, thing = setup["goal"], setup["goal"]["object"]
    at = state["where"][thing]
    treat = ["go to sink", f"clean {thing} with sink"] if goal["state"] == "clean" else []
    goal_at = goal["receptacle"]
    there = [f"go to {goal_at}", f"open {goal_at}", f"put {thing} in {goal_at}"]
    return [f"go to {at}", f"open {at}", f"take {thing} from {at}", *treat, *there]


def lived(actions: list[str], setup: Any = SETUP) -> tuple[Any, list[str], list[bool]]:
    """Live actions; give the last state, what was seen, and whether it was done."""
    step = HOUSEHOLD.begin(setup)
    seen, done = [step.observation], [step.done]
    for action in actions:
        step = HOUSEHOLD.step(step.state, action)
        seen.append(step.observation)
        done.append(step.done)
    return step.state, seen, done


def base_of(folder: Path, actions: list[str]) -> Path:
    """Make one errand, and a model that does it if it was told how."""
    (folder / "errands" / "test").mkdir(parents=True)
    row = {"id": "one", "seed": 3, "object": "apple", "receptacle": "fridge", "state": "clean"}
    (folder / "errands" / "test" / "rows.json").write_text(json.dumps([row]))
    turns = "".join(f'[[rule.turn]]\ntext = "<action>{each}</action>"\n' for each in actions)
    (folder / "script.toml").write_text(
        f'name = "walker"\n[[rule]]\nname = "knows"\ncontains = ["Role: student", "Wash it."]\n{turns}'
        '[[rule]]\nname = "lost"\ncontains = ["Role: student"]\n'
        '[[rule.turn]]\ntext = "I wait. <action>go to the moon</action>"\nrepeat = true\n'
    )
    return folder


ARMS: Final = {"none": {}, "told": {"note": "Wash it."}}
OWN: Final = {"items": {"folder": "errands", "format": "household"}, "rollout": {"way": "steps", "turns": 9}}


@pytest.mark.slow
async def test_who_knows_the_way_meets_the_goal_and_a_replay_lives_it_again(tmp_path: Path) -> None:
    """The world is done with the last action; who is lost ends at the limit, and is scored by what is there then."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, way_to())
    report = await evaluated(log, base, evaluation(ARMS, tasks="", own=OWN))
    assert report.outcomes == {"none/errands.one.1": "unsolved", "told/errands.one.1": "solved"}
    assert await calls(log, report.run) == 9 + len(way_to())
    scored = {each.stream.name: each.event async for each in log.read(Selection(tags={"item.scored"}))}
    lost = scored["item/none/errands.one.1"]
    assert isinstance(lost, ItemScored)
    assert lost.soft is not None
    assert (lost.hard, lost.soft.exact) == (False, Fraction(0))
    assert lost.reasons == ("0 of 2 parts of the goal are met",)
    asked = [each async for each in log.read(Selection(tags={"model.asked"})) if "told" in each.stream.name]
    assert isinstance(asked[-1].event, ModelAsked)
    said = b"\n".join(await ConversationReader(log).messages(asked[-1].event.conversation)).decode()
    assert "It is clean now." in said
    assert "seed" not in said
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))
    assert (await mutate(log, report.run)).found == ()


@pytest.mark.parametrize("step", [pytest.param(3, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 31])
async def test_it_survives_a_death_at_any_moment(step: int, tmp_path: Path) -> None:
    """A state is a function of what is recorded: nothing of a world is lost with a process."""
    source = base_of(tmp_path / "source", way_to())
    async with world(tmp_path / "world", script=(source / "script.toml").read_text()) as here:
        (source / "errands").rename(here.base / "errands")
        own = {**OWN, "arms": ARMS, "reuse": "own"}
        armed = here._replace(spec=msgspec.structs.replace(here.spec, program="evaluate", tasks="", own=own))
        plain = await ended(armed, (), in_memory())
        for moment in range(0, plain.moments[0], step):
            opened = in_memory()
            seen = await ended(armed, (moment,), opened)
            assert (seen.overdrawn, seen.again) == ([], 0), seen.deaths
            async with opened() as log:
                assert await _scores(log) == ["solved", "unsolved"], seen.deaths


async def _scores(log: EventLog) -> list[str]:
    found = [each.event async for each in log.read(Selection(tags={"item.scored"}))]
    return sorted(each.outcome for each in found if isinstance(each, ItemScored))


def test_a_world_is_a_function_of_its_seed_and_its_actions() -> None:
    """The same leads to the same, byte for byte; another seed places things otherwise."""
    one, other = lived(way_to()), lived(way_to())
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
    begun = [msgspec.json.encode(HOUSEHOLD.begin({**SETUP, "seed": seed}).state) for seed in range(20)]
    assert len({*begun}) > 15
    assert world_named("household") is HOUSEHOLD


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("state", [None, "clean"])
def test_every_errand_can_be_done_and_is_not_done_at_first(seed: int, state: str | None) -> None:
    """Whatever the seed, there is a way, and the last action of it is what ends it."""
    setup = {"seed": seed, "goal": {"object": "mug", "receptacle": "cabinet", "state": state}}
    _, _, done = lived(way_to(setup), setup)
    assert done[-1]
    assert not any(done[:-1])
    assert set(HOUSEHOLD.begin(setup).state["where"]) == set(OBJECTS)


def test_what_cannot_be_done_changes_nothing() -> None:
    """As in ALFWorld nothing happens, and the state stays what it was, byte for byte."""
    state = HOUSEHOLD.begin(SETUP).state
    at = state["where"]["apple"]
    before = msgspec.json.encode(state)
    for action in ("fly away", "take apple from " + at, "open fridge", "put apple in fridge", "clean apple with sink",
                   "close bed", "go to moon", "heat apple with sink", ""):  # fmt: skip
        step = HOUSEHOLD.step(state, action)
        assert (step.observation, step.done) == ("Nothing happens.", False), action
        assert msgspec.json.encode(step.state) == before, action
    held, seen, _ = lived([*way_to()[:3], f"take mug from {at}", "look", "close " + at])
    assert held["held"] == "apple"
    assert seen[-3:-1] == ["Nothing happens.", f"You hold the apple. {seen[-2].split('. ', 1)[1]}"]
    assert goal_parts(held) == (0, 2)


def test_a_closed_receptacle_shows_and_gives_nothing() -> None:
    """It has to be opened first, by whoever stands before it."""
    goal = {"seed": 0, "goal": {"object": "apple", "receptacle": "bed", "state": None}}
    state = {**HOUSEHOLD.begin(goal).state, "where": {"apple": "fridge"}}
    there = HOUSEHOLD.step(state, "Go to the fridge.")
    assert there.observation == "You are at the fridge. It is closed."
    assert HOUSEHOLD.step(there.state, "take apple from fridge").observation == "Nothing happens."
    opened = HOUSEHOLD.step(there.state, "open fridge")
    assert opened.observation == "You open the fridge. You are at the fridge. In it you see apple."
    taken = HOUSEHOLD.step(opened.state, "take the apple from the fridge").state
    cooled = HOUSEHOLD.step(taken, "cool apple with fridge")
    assert cooled.observation == "You cool the apple with the fridge. It is cool now."
    assert HOUSEHOLD.step(HOUSEHOLD.step(taken, "put apple in fridge").state, "close fridge").state["open"] == []


def test_errands_are_scored_by_the_parts_of_their_goal(tmp_path: Path) -> None:
    """In the right place but not as it should be is half; a row that names nothing known is told."""
    state = {"where": {"apple": "fridge"}, "treated": {}, "goal": SETUP["goal"]}
    data = msgspec.json.encode(state)
    said = ItemAnswer("", {digest_of(data): data}.__getitem__, {STATE: digest_of(data)})
    row = {"id": "x", "seed": 1, "object": "apple", "receptacle": "moon"}
    for wrong in (row, {**row, "receptacle": "bed", "seed": "1"}, {**row, "receptacle": "bed", "state": "wet"}):
        (tmp_path / "test.json").write_text(json.dumps([wrong]))
        with pytest.raises(ItemsInvalid):
            load_items("s", HOUSEHOLD_ERRANDS, tmp_path, ItemSelection(), digest_of)
    item = Item(format="household", question="?", expected=SETUP)
    assert HOUSEHOLD_ERRANDS.score(item, said).soft == Fraction(1, 2)
