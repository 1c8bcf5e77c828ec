"""Games of ALFWorld, played by the package itself: skipped where it is not installed."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from engine.core.prompts import load_prompts
from engine.items.base import Item, Rolled
from engine.items.do_nothing import right_untouched
from engine.items.formats.alfworld import ALFWORLD_GAMES
from engine.items.item_set import ItemSelection, decode_item, load_items
from engine.items.scoring import score
from engine.items.world_doors import DOOR
from engine.items.worlds.alfworld import ALFWORLD, KEYS
from engine.items.worlds.base import ACTIONS, lived
from engine.items.worlds.household import HOUSEHOLD
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.digest import Digest, digest_of
from events.store.memory import MemoryLog
from events.values import NamedDigest
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.programs.evaluate.test_evaluate import evaluation
from tests.support.alfworld_games import GOALS, game
from tests.support.orders import CountingClock

pytest.importorskip("textworld")
pytest.importorskip("alfworld")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Games:
    """A set of games, one of each type, read as items."""

    def __init__(self, folder: Path) -> None:
        """Generate and read them."""
        rows = [{"id": task, "gamefile": game(folder, task)} for task in GOALS]
        (folder / "test.json").write_text(json.dumps(rows))
        self.kept: dict[Digest, bytes] = {}
        found = load_items("games", ALFWORLD_GAMES, folder, ItemSelection(), self.put).items
        self.items = {each.name: decode_item(self.kept[each.digest]) for each in found}
        self.types = {each.name: each.task_type for each in found}

    def put(self, data: bytes) -> Digest:
        """Keep bytes."""
        self.kept[digest_of(data)] = data
        return digest_of(data)

    def hard(self, item: Item, actions: Sequence[str]) -> bool | None:
        """Score what an agent did in the world, as a run does."""
        named = self.put(json.dumps(actions).encode())
        rolled = Rolled("answered", "", None, 1, 1, (NamedDigest(ACTIONS, named),))
        return score(item, rolled, self.kept.__getitem__).hard


def plan(item: Item) -> list[str]:
    """Have the package's own planner say how a game is won, from whatever state it is in."""
    infos = import_module("textworld").EnvInfos(feedback=True, won=True, policy_commands=True)
    demangler = import_module("alfworld.agents.environment.alfred_tw_env").AlfredDemangler
    env = demangler(import_module("textworld.envs.pddl").PddlEnv(infos))
    env.load({key: item.expected["game"][key] for key in KEYS})
    return list(env.reset()["policy_commands"])


def test_games_of_all_six_types_are_won_by_what_the_planner_says_and_by_nothing_less(tmp_path: Path) -> None:
    """A game file holds no way through; whoever does nothing, or stops before the end, has not won."""
    games = Games(tmp_path)
    assert games.types == {task: task for task in GOALS}
    for item in games.items.values():
        way = plan(item)
        assert len(way) > 1
        assert lived(ALFWORLD, item.expected, way).done
        assert not lived(ALFWORLD, item.expected, way[:-1]).done
        assert games.hard(item, [each.upper() for each in way]) is True
        assert games.hard(item, way[:-1]) is False
        assert not right_untouched(item, games.kept.__getitem__)


WALK: Final = (
    ("look", "You are in the middle of a room."),
    ("go to microwave 1", "You arrive at microwave 1. The microwave 1 is closed."),
    ("open microwave 1", "You open the microwave 1. The microwave 1 is open. In it, you see a mug 1."),
    ("take mug 1 from microwave 1", "You pick up the mug 1 from the microwave 1."),
    ("heat mug 1 with microwave 1", "You heat the mug 1 using the microwave 1."),
    ("examine mug 1", "This is a hot mug 1."),
    ("close microwave 1", "You close the microwave 1."),
    ("inventory", "You are carrying: a mug 1."),
    ("go to sinkbasin 1", "You arrive at sinkbasin 1. On the sinkbasin 1, you see nothing."),
    ("clean mug 1 with sinkbasin 1", "You clean the mug 1 using the sinkbasin 1."),
    ("go to fridge 1", "You arrive at fridge 1. The fridge 1 is closed."),
    ("cool mug 1 with fridge 1", "You cool the mug 1 using the fridge 1."),
    ("go to countertop 1", "You arrive at countertop 1. On the countertop 1, you see"),
    ("put mug 1 in countertop 1", "Nothing happens."),
    ("move mug 1 to countertop 1", "You move the mug 1 to the countertop 1."),
    ("take knife 1 from countertop 1", "You pick up the knife 1 from the countertop 1."),
    ("slice apple 2 with knife 1", "You sliced the apple 2 with the knife 1."),
    ("go to diningtable 1", "You arrive at diningtable 1. On the diningtable 1, you see a book 1, and a desklamp 1."),
    ("use desklamp 1", "You turn on the desklamp 1."),
    ("fly to the moon", "Nothing happens."),
    ("help", "Available commands:"),
)


def test_each_verb_is_one_that_a_model_is_told_of_and_is_seen_to_do_what_it_says(tmp_path: Path) -> None:
    """Its words are those of the package's grammar; what cannot be done leaves the game as it is."""
    item = Games(tmp_path).items["look_at_obj_in_light"]
    step = ALFWORLD.begin(item.expected)
    assert step.observation.startswith("-= Welcome to TextWorld, ALFRED! =-")
    assert "Your task is to: " in step.observation
    for action, seen in WALK:
        step = ALFWORLD.step(step.state, action)
        assert step.observation.startswith(seen), action
    assert step.state["actions"] == [action for action, _ in WALK]
    verbs = {each.split()[0] for each in ALFWORLD.actions.splitlines()}
    assert {action.split()[0] for action, _ in WALK} - {"put", "fly"} == verbs


def test_the_household_of_our_own_has_its_verbs() -> None:
    """All of them but `help`; what is called `move` there is told as `put` here, and taken under either name."""
    own = {each.split()[0] for each in HOUSEHOLD.actions.splitlines()}
    verbs = {each.split()[0] for each in ALFWORLD.actions.splitlines()}
    assert verbs - own == {"help", "move"}
    assert own - verbs == {"put"}


def test_a_game_is_the_same_whichever_states_are_held(tmp_path: Path) -> None:
    """Two ways from one state, and one that nobody held before."""
    item = Games(tmp_path).items["pick_two_obj_and_place"]
    begun = ALFWORLD.begin(item.expected)
    one, other = (ALFWORLD.step(begun.state, f"go to {place} 1") for place in ("cabinet", "microwave"))
    opened = ALFWORLD.step(one.state, "open cabinet 1")
    assert "apple" in opened.observation
    assert ALFWORLD.step(other.state, "open microwave 1").observation.endswith("you see a mug 1.")
    assert lived(ALFWORLD, item.expected, ["go to cabinet 1", "open cabinet 1"]) == opened


@pytest.mark.parametrize("way", ["steps", "agent"])
async def test_a_run_plays_games_step_by_step_or_by_an_agent_and_a_replay_plays_them_again(
    way: str, tmp_path: Path
) -> None:
    """An arm that knows the way wins, the other does not; a replay asks neither model nor sandbox."""
    games = Games(tmp_path / "games")
    task = "pick_heat_then_place_in_recep"
    (tmp_path / "games" / "test.json").write_text(
        json.dumps([{"id": "one", "gamefile": f"{_folder(task)}/trial_1/game.tw-pddl"}])
    )
    actions = plan(games.items[task])
    said = 'text = "<action>{}</action>"' if way == "steps" else f'command = "{DOOR}/act {{}}"'
    turn = f"[[rule.turn]]\n{said}\n"
    done = '[[rule.turn]]\ntext = "<action>look</action>"\nrepeat = true\n'
    (tmp_path / "script.toml").write_text(
        f'name = "w"\n[[rule]]\nname = "knows"\ncontains = ["Heat it."]\n{"".join(map(turn.format, actions))}{done}'
        f'[[rule]]\nname = "lost"\n{turn.format("look")}{done}'
    )
    log = MemoryLog(clock=CountingClock())
    own = {"items": {"folder": "games", "format": "alfworld"}, "rollout": {"way": way}}
    async with backend_named("local", tmp_path) as backend:
        asked = evaluation({"none": {}, "able": {"note": "Heat it."}}, tasks="", own=own, sandbox=backend.name)
        report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, tmp_path), asked)
    scored = {name.partition("/")[0]: outcome for name, outcome in report.outcomes.items()}
    assert scored == {"none": "unsolved", "able": "solved"}
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))


def _folder(task: str) -> str:
    thing, place = GOALS[task]
    return f"{task}-{thing}-None-{place}-1"
