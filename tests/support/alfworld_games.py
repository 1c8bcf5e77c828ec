"""A small kitchen as a problem of ALFWorld's own domain, with the package's own goals and grammar."""

import json
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple


class Place(NamedTuple):
    """A receptacle."""

    kind: str
    opens: bool = False
    suffix: str = ""
    """Of its identifier; by it ALFWorld tells a basin from its sink."""

    @property
    def named(self) -> str:
        """Its identifier."""
        return f"{self.kind}_bar_1{self.suffix}"


PLACES: Final = (
    Place("CounterTop"), Place("DiningTable"), Place("Fridge", opens=True), Place("Microwave", opens=True),
    Place("Sink", suffix="_bar_SinkBasin"), Place("Cabinet", opens=True),
)  # fmt: skip
THINGS: Final = {
    "Apple_bar_1": "CounterTop", "Apple_bar_2": "Cabinet", "Mug_bar_1": "Cabinet", "Mug_bar_2": "Microwave",
    "Knife_bar_1": "CounterTop", "DeskLamp_bar_1": "DiningTable", "Book_bar_1": "DiningTable",
}  # fmt: skip
"""Where each object lies."""
TREATED: Final = ("Apple", "Mug")
GOALS: Final = {
    "pick_and_place_simple": ("Book", "CounterTop"),
    "look_at_obj_in_light": ("Book", ""),
    "pick_clean_then_place_in_recep": ("Apple", "DiningTable"),
    "pick_heat_then_place_in_recep": ("Mug", "DiningTable"),
    "pick_cool_then_place_in_recep": ("Apple", "CounterTop"),
    "pick_two_obj_and_place": ("Mug", "CounterTop"),
}
"""Object and receptacle of a task, by its type."""


def problem(task: str) -> str:
    """Write the kitchen, with the goal that the package has for a type of task."""
    thing, place = GOALS[task]
    goal = import_module("alfworld.gen.goal_library").gdict[task]["pddl"]
    goal = goal.replace("#", "-").format(obj=thing, recep=place, toggle="DeskLamp", mrecep="")
    kinds = sorted({each.partition("_")[0] for each in THINGS} | {"ButterKnife"})
    objects = [f"{each} - object" for each in THINGS] + [f"{each.named} - receptacle" for each in PLACES]
    objects += [f"{each}Type - otype" for each in kinds] + [f"{_type(each)} - rtype" for each in PLACES]
    objects += [f"at_{each.kind} - location" for each in PLACES]
    facts = [fact for each in PLACES for fact in _of_place(each, kinds)]
    facts += [fact for each, where in THINGS.items() for fact in _of_thing(each, where)]
    return (
        f"(define (problem kitchen) (:domain alfred) (:objects me - agent at_door - location {' '.join(objects)})"
        f" (:init (= (total-cost) 0) (atLocation me at_door) {' '.join(facts)}) {goal}"
    )


def game(folder: Path, task: str) -> str:
    """Write a game file as the package's generator does, and give its path in the folder."""
    info, misc = import_module("alfworld.info"), import_module("alfworld.agents.utils.misc")
    thing, place = GOALS[task]
    named = {"object_target": thing, "parent_target": place, "toggle_target": "DeskLamp", "mrecep_target": ""}
    told = {"task_type": task, "pddl_params": {**named, "object_sliced": False}}
    whole = {
        "pddl_domain": Path(info.ALFRED_PDDL_PATH).read_text(),
        "grammar": misc.add_task_to_grammar(Path(info.ALFRED_TWL2_PATH).read_text(), told),
        "pddl_problem": problem(task),
        "solvable": True,
        "walkthrough": ["look"],
    }
    at = folder / f"{task}-{thing}-None-{place}-1" / "trial_1" / "game.tw-pddl"
    at.parent.mkdir(parents=True)
    at.write_text(json.dumps(whole))
    return at.relative_to(folder).as_posix()


def _type(place: Place) -> str:
    return f"{'SinkBasin' if place.suffix else place.kind}Type"


def _of_place(place: Place, kinds: list[str]) -> list[str]:
    facts = [f"(receptacleAtLocation {place.named} at_{place.kind})", f"(receptacleType {place.named} {_type(place)})"]
    facts += [f"(openable {place.named})"] if place.opens else []
    return facts + [f"(canContain {_type(place)} {each}Type)" for each in kinds]


def _of_thing(thing: str, where: str) -> list[str]:
    kind = thing.partition("_")[0]
    place = next(each for each in PLACES if each.kind == where)
    can = ["toggleable"] if kind == "DeskLamp" else ["pickupable"]
    can += ["cleanable", "heatable", "coolable"] if kind in TREATED else []
    can += ["sliceable"] if kind == "Apple" else []
    facts = [f"(objectType {thing} {kind}Type)", f"(inReceptacle {thing} {place.named})"]
    return [*facts, f"(objectAtLocation {thing} at_{where})", *(f"({each} {thing})" for each in can)]
