"""Games of ALFWorld, played by a stand-in of the package's surface where the package is not installed."""

import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from engine.items.base import ItemAnswer
from engine.items.do_nothing import right_untouched
from engine.items.errors import ItemsInvalid
from engine.items.formats.alfworld import ALFWORLD_GAMES
from engine.items.item_set import ItemSelection, decode_item, load_items
from engine.items.worlds.alfworld import ALFWORLD, AlfworldAbsent, GameUnplayable
from engine.items.worlds.base import STATE, lived
from events.digest import Digest, digest_of

STAND_IN: Final = {
    "textworld/__init__.py": "class EnvInfos:\n    def __init__(self, **asked): self.asked = asked\n",
    "textworld/envs/__init__.py": "",
    "textworld/envs/pddl.py": """
import sys
class PddlEnv:
    def __init__(self, infos): assert infos.asked == {"feedback": True, "won": True}
    def load(self, game):
        self.goal = game["pddl_problem"]
        assert "walkthrough" not in game
        sys.argv = ["of the planner"]
        if self.goal == "refused": sys.exit("Undeclared predicate")
    def reset(self): return {"feedback": "-= Welcome =-\\n\\nYour task is to: " + self.goal, "won": False}
    def step(self, action):
        won = action == self.goal
        return {"feedback": "You win." if won else "Nothing happens.", "won": won}, int(won), won
    def close(self): pass
""",
    "alfworld/__init__.py": "",
    "alfworld/agents/__init__.py": "",
    "alfworld/agents/environment/__init__.py": "",
    "alfworld/agents/environment/alfred_tw_env.py": """
class AlfredDemangler:
    def __init__(self, env): self.env = env
    def __getattr__(self, name): return getattr(self.env, name)
""",
}
GAME: Final = {"pddl_domain": "d", "grammar": "g", "pddl_problem": "use lamp", "walkthrough": ["use lamp"]}
PATH: Final = "json_2.1.1/valid_seen/look_at_obj_in_light-Mug-None-DeskLamp-1/trial_1/game.tw-pddl"


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[None]:
    """Lay a package on the path that has what is called of ALFWorld's and TextWorld's, and no more."""
    for name, text in STAND_IN.items():
        (tmp_path / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / name).write_text(text)
    real = {name: sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] in {"textworld", "alfworld"}}
    sys.path.insert(0, str(tmp_path / "packages"))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(tmp_path / "packages"))
        for name in [name for name in sys.modules if name.split(".")[0] in {"textworld", "alfworld"}]:
            del sys.modules[name]
        sys.modules.update(real)


def a_set(folder: Path, game: Any = GAME, path: str = PATH) -> Path:
    """Lay out one game, as the manifest names it."""
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_text(game if isinstance(game, str) else json.dumps(game))
    (folder / "test.json").write_text(json.dumps([{"id": "test:0000", "gamefile": path}]))
    return folder


@pytest.mark.usefixtures("stand_in")
def test_a_game_is_played_anew_for_each_action_and_scored_by_whether_it_was_won(tmp_path: Path) -> None:
    """Its state is a function of its actions; a way through it is left out; nobody wins by doing nothing."""
    kept: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        kept[digest_of(data)] = data
        return digest_of(data)

    (ref,) = load_items("s", ALFWORLD_GAMES, a_set(tmp_path / "set"), ItemSelection(), put).items
    assert ref.task_type == "look_at_obj_in_light"
    item = decode_item(kept[ref.digest])
    assert b"walkthrough" not in kept[ref.digest]
    begun = ALFWORLD.begin(item.expected)
    assert (begun.observation, begun.done) == ("-= Welcome =-\n\nYour task is to: use lamp", False)
    lost = ALFWORLD.step(begun.state, "look")
    assert (lost.observation, lost.done) == ("Nothing happens.", False)
    won = ALFWORLD.step(lost.state, "use lamp")
    assert (won.observation, won.done, won.state["actions"]) == ("You win.", True, ["look", "use lamp"])
    assert lived(ALFWORLD, item.expected, ["look", "use lamp", "look"]) == won
    for step, hard in ((lost, False), (won, True)):
        state = put(json.dumps(step.state).encode())
        mark = ALFWORLD_GAMES.score(item, ItemAnswer("", kept.__getitem__, {STATE: state}))
        assert (mark.hard, mark.soft) == (hard, Fraction(hard))
    assert not right_untouched(item, kept.__getitem__)


@pytest.mark.usefixtures("stand_in")
def test_case_and_space_of_an_action_count_for_nothing_and_whoever_goes_back_plays_anew() -> None:
    """A state that nobody holds any more is reached again by its actions."""
    begun = ALFWORLD.begin({"game": GAME})
    won = ALFWORLD.step(begun.state, " Use  LAMP\n")
    assert (won.done, won.state["actions"]) == (True, ["use lamp"])
    other = ALFWORLD.step(begun.state, "look")
    assert (other.done, other.state["actions"]) == (False, ["look"])
    assert ALFWORLD.step(begun.state, "use lamp") == won


@pytest.mark.usefixtures("stand_in")
def test_a_game_that_its_parser_refuses_is_an_error_and_no_end_of_the_process() -> None:
    """The planner's parser ends its process by `sys.exit`, and takes the arguments of ours for its own."""
    arguments = [*sys.argv]
    with pytest.raises(GameUnplayable, match="begins with 'refused': SystemExit: Undeclared predicate") as refused:
        ALFWORLD.begin({"game": {**GAME, "pddl_problem": "refused"}})
    assert "alfworld-generate" in str(refused.value.remedy)
    assert sys.argv == arguments


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("game", "path", "told"),
    [
        ("[]", PATH, "is no JSON object"),
        ({"pddl_domain": "d", "grammar": "g"}, PATH, "has no pddl_problem"),
        (GAME, "gone.tw-pddl", "does not exist"),
        (GAME, "../game.tw-pddl", "leads out"),
    ],
)
def test_a_game_that_cannot_be_played_is_named(game: Any, path: str, told: str, tmp_path: Path) -> None:
    """By file and line."""
    with pytest.raises(ItemsInvalid, match=f"test.json:1: .*{told}"):
        load_items("s", ALFWORLD_GAMES, a_set(tmp_path / "set", game, path), ItemSelection(), digest_of)


@pytest.mark.skipif(find_spec("textworld") is not None, reason="the package is here")
def test_without_the_package_it_is_said_what_is_missing_and_what_else_there_is(tmp_path: Path) -> None:
    """Before anything of a run begins, since items are read first."""
    with pytest.raises(AlfworldAbsent, match="textworld") as refused:
        load_items("s", ALFWORLD_GAMES, a_set(tmp_path / "set"), ItemSelection(), digest_of)
    assert "cmake" in str(refused.value.remedy)
    assert "household" in str(refused.value.remedy)
