"""The household has ALFWorld's verbs and its six types of tasks, and each of them can be done."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.items.base import ItemAnswer, Mark
from engine.items.do_nothing import do_nothing_mark
from engine.items.errors import ItemsInvalid
from engine.items.formats.household import HOUSEHOLD_ERRANDS
from engine.items.item_set import ItemSelection, decode_item, load_items
from engine.items.worlds.base import STATE
from engine.items.worlds.household import CLOSED, HOUSEHOLD, LOOK, TASKS, TWO, goal_parts
from events.digest import Digest, digest_of

TREAT: Final = {"clean": ("clean", "sink"), "hot": ("heat", "microwave"), "cool": ("cool", "fridge")}


def setup_of(task: str, seed: int) -> dict[str, Any]:
    """Make what a task begins by, as its format does."""
    place = None if task == LOOK else "drawer"
    return {"seed": seed, "goal": {"task": task, "object": "mug", "receptacle": place, "state": TASKS[task]}}


def way_to(setup: dict[str, Any]) -> list[str]:
    """Find the actions that lead to a goal, by looking at the world as it begins."""
    state, goal = HOUSEHOLD.begin(setup).state, setup["goal"]

    def fetch(thing: str) -> list[str]:
        at = state["where"][thing]
        return [f"go to {at}", f"open {at}", f"take {thing} from {at}"]

    if goal["task"] == LOOK:
        return [*fetch("mug"), f"go to {state['where']['lamp']}", "use lamp"]
    things = ["mug 1", "mug 2"] if goal["task"] == TWO else ["mug"]
    treat = [] if goal["state"] is None else [*_treated(goal["state"])]
    there = ["go to drawer", "open drawer"]
    return [step for thing in things for step in (*fetch(thing), *treat, *there, f"move {thing} to drawer")]


def _treated(state: str) -> list[str]:
    verb, place = TREAT[state]
    return [f"go to {place}", f"{verb} mug with {place}"]


def live(setup: dict[str, Any], actions: list[str]) -> tuple[Any, list[bool], list[str]]:
    """Live actions; give the state, whether it was done after each, and what was seen."""
    step = HOUSEHOLD.begin(setup)
    done, seen = [step.done], [step.observation]
    for action in actions:
        step = HOUSEHOLD.step(step.state, action)
        done.append(step.done)
        seen.append(step.observation)
    return step.state, done, seen


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("task", TASKS)
def test_each_type_can_be_done_by_its_last_action_and_no_sooner(task: str, seed: int) -> None:
    """Whatever the seed; and the same actions lead to the same state, byte for byte."""
    setup = setup_of(task, seed)
    state, done, _ = live(setup, way_to(setup))
    assert done == [*[False] * (len(done) - 1), True]
    met, parts = goal_parts(state)
    assert met == parts
    assert msgspec.json.encode(live(setup, way_to(setup))[0]) == msgspec.json.encode(state)


def rows_of(folder: Path, *rows: dict[str, Any]) -> Path:
    """Write a set."""
    folder.mkdir(exist_ok=True)
    (folder / "test.json").write_text(json.dumps(rows))
    return folder


def scored(folder: Path, row: dict[str, Any], actions: list[str]) -> tuple[Mark, Mark]:
    """Score a row after some actions, and untouched."""
    kept: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        kept[digest_of(data)] = data
        return digest_of(data)

    (ref,) = load_items("s", HOUSEHOLD_ERRANDS, rows_of(folder, row), ItemSelection(), put).items
    item = decode_item(kept[ref.digest])
    assert ref.task_type == item.expected["goal"]["task"]
    state = put(msgspec.json.encode(live(item.expected, actions)[0]))
    return HOUSEHOLD_ERRANDS.score(item, ItemAnswer("", kept.__getitem__, {STATE: state})), do_nothing_mark(
        item, kept.__getitem__
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_scored_by_the_share_of_its_goal_and_nothing_is_worth_nothing(task: str, tmp_path: Path) -> None:
    """Whoever does nothing has none of it, for every type."""
    row = {"id": "x", "seed": 5, "task": task, "object": "mug", "receptacle": "drawer"}
    full, nothing = scored(tmp_path / "set", row, way_to(setup_of(task, 5)))
    assert (full.hard, full.soft) == (True, Fraction(1))
    assert (nothing.hard, nothing.soft) == (False, Fraction(0))


def test_half_of_a_goal_is_half(tmp_path: Path) -> None:
    """One of two in place; held, but in the dark."""
    for task, cut in ((TWO, 6), (LOOK, -1)):
        row = {"id": "x", "seed": 5, "task": task, "object": "mug", "receptacle": "drawer"}
        mark, _ = scored(tmp_path / "set", row, way_to(setup_of(task, 5))[:cut])
        assert (mark.hard, mark.soft, mark.reasons) == (False, Fraction(1, 2), ("1 of 2 parts of the goal are met",))


def test_a_lamp_lights_where_it_stands_alone(tmp_path: Path) -> None:
    """Turned on and left behind is no light; it stands in nothing that is closed, and goes off again."""
    del tmp_path
    for seed in range(20):
        setup = setup_of(LOOK, seed)
        state = HOUSEHOLD.begin(setup).state
        lamp = state["where"]["lamp"]
        assert lamp not in CLOSED
        fetch = way_to(setup)[:3]
        dark, done, _ = live(setup, [f"go to {lamp}", "use lamp", *fetch])
        assert done[-1] == (state["where"]["mug"] == lamp)
        assert goal_parts(dark)[0] == (2 if done[-1] else 1)
        _, done, seen = live(setup, [*way_to(setup), "use lamp", "examine lamp"])
        assert (done[-2], seen[-2:]) == (False, ["You turn off the lamp.", "This is an ordinary lamp."])


def test_further_verbs_say_what_they_do_and_do_nothing_from_afar() -> None:
    """Slicing needs the knife in hand; who examines what is not there sees nothing."""
    setup = setup_of("pick_heat_then_place_in_recep", 1)
    state: dict[str, Any] = {
        **HOUSEHOLD.begin(setup).state,
        "where": {"mug": "table", "knife": "table", "apple": "bed"},
    }
    for action in ("examine mug", "use mug", "slice mug with knife", "examine table"):
        assert HOUSEHOLD.step(state, action).observation == "Nothing happens."
    seen = []
    for action in ("go to table", "slice mug with knife", "take knife from table", "slice apple with knife",
                   "slice mug with knife", "examine mug", "examine knife", "examine table", "inventory"):  # fmt: skip
        step = HOUSEHOLD.step(state, action)
        state = dict(step.state)
        seen.append(step.observation)
    assert seen == [
        "You are at the table. In it you see knife, mug.",
        "Nothing happens.",
        "You take the knife from the table.",
        "Nothing happens.",
        "You slice the mug with the knife.",
        "This is a sliced mug.",
        "This is an ordinary knife.",
        "You are at the table. In it you see mug.",
        "You hold the knife.",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "pick"},
        {"task": "pick_and_place_simple", "state": "hot"},
        {"task": LOOK, "object": "lamp"},
        {"receptacle": None},
        {"object": "moon"},
    ],
)
def test_a_row_that_no_household_has_is_named(changes: dict[str, Any], tmp_path: Path) -> None:
    """By file and line."""
    row = {"id": "x", "seed": 5, "task": TWO, "object": "mug", "receptacle": "drawer", **changes}
    with pytest.raises(ItemsInvalid, match=r"test.json:1"):
        load_items("s", HOUSEHOLD_ERRANDS, rows_of(tmp_path / "set", row), ItemSelection(), digest_of)
