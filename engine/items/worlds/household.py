"""A small household with ALFWorld's verbs and its six types of tasks; what lies where follows from a seed."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.core.seeded_order import shuffled
from engine.items.worlds.base import WorldStep

ROOMS: Final[Mapping[str, tuple[str, ...]]] = {
    "kitchen": ("counter", "fridge", "microwave", "sink", "cabinet"),
    "living room": ("table", "sofa", "drawer"),
    "bedroom": ("bed", "desk", "wardrobe"),
}
CLOSED: Final = ("fridge", "microwave", "cabinet", "drawer", "wardrobe")
"""Receptacles that are closed at first."""
OBJECTS: Final = ("apple", "mug", "potato", "book", "pillow", "plate", "knife", "lamp")
TREATMENTS: Final = {"clean": ("sink", "clean"), "heat": ("microwave", "hot"), "cool": ("fridge", "cool")}
"""By verb: where it is done, and what becomes of the object."""
STATES: Final = ("clean", "hot", "cool")
TASKS: Final[Mapping[str, str | None]] = {
    "pick_and_place_simple": None,
    "pick_clean_then_place_in_recep": "clean",
    "pick_heat_then_place_in_recep": "hot",
    "pick_cool_then_place_in_recep": "cool",
    "pick_two_obj_and_place": None,
    "look_at_obj_in_light": None,
}
"""Types of tasks, as ALFWorld calls them, with what the object has to be."""
TWO: Final = "pick_two_obj_and_place"
LOOK: Final = "look_at_obj_in_light"
LAMP: Final = "lamp"
KNIFE: Final = "knife"
_NOTHING: Final = "Nothing happens."
_RECEPTACLES: Final = tuple(each for room in ROOMS.values() for each in room)
_FORMS: Final = (
    ("go", re.compile(r"go to (?:the )?(?P<place>.+)")),
    ("open", re.compile(r"open (?:the )?(?P<place>.+)")),
    ("close", re.compile(r"close (?:the )?(?P<place>.+)")),
    ("take", re.compile(r"take (?:the )?(?P<thing>.+?) from (?:the )?(?P<place>.+)")),
    ("put", re.compile(r"put (?:the )?(?P<thing>.+?) (?:in|on|into|onto|in/on) (?:the )?(?P<place>.+)")),
    ("treat", re.compile(r"(?P<verb>clean|heat|cool) (?:the )?(?P<thing>.+?) (?:with|in) (?:the )?(?P<place>.+)")),
    ("look", re.compile(r"look|look around|inventory")),
)
_FURTHER: Final = (
    ("put", re.compile(r"(?:move|put) (?:the )?(?P<thing>.+?) (?:to|in|on|into|onto|in/on) (?:the )?(?P<place>.+)")),
    ("use", re.compile(r"use (?:the )?(?P<thing>.+)")),
    ("slice", re.compile(r"slice (?:the )?(?P<thing>.+?) with (?:the )?knife")),
    ("examine", re.compile(r"examine (?:the )?(?P<thing>.+)")),
    ("inventory", re.compile(r"inventory")),
)
"""Of tasks that name their type; errands that were recorded before know none of these."""
State = dict[str, Any]


class Household:
    """See ``SimulatedWorld``. A state holds where everything is, what is open, what is held, and the goal."""

    name = "household"
    actions = """\
go to RECEPTACLE
open RECEPTACLE
close RECEPTACLE
take OBJECT from RECEPTACLE
put OBJECT in RECEPTACLE
clean OBJECT with sink
heat OBJECT with microwave
cool OBJECT with fridge
slice OBJECT with knife
use OBJECT
examine OBJECT or RECEPTACLE
inventory
look"""

    def begin(self, setup: Any) -> WorldStep:
        """Place every object by the seed; none lies where the goal wants it."""
        seed, goal = int(setup["seed"]), dict(setup["goal"])
        where: dict[str, str] = {}
        for number, thing in enumerate(_objects(goal)):
            where[thing] = shuffled(_places(thing, goal), seed * 1_000 + number)[0]
        state: State = {"at": None, "held": None, "open": [], "where": where, "treated": {}, "goal": goal}
        if "task" in goal:
            state["lit"] = []
        rooms = "; ".join(f"in the {room}: {', '.join(each)}" for room, each in ROOMS.items())
        return WorldStep(state, f"You are in the middle of a house. There are, {rooms}.", done=False)

    def step(self, state: Mapping[str, Any], action: str) -> WorldStep:
        """Carry out an action, in the words of `actions`."""
        said = " ".join(action.lower().split()).rstrip(".")
        new: State = {**state, "open": [*state["open"]], "where": {**state["where"]}, "treated": {**state["treated"]}}
        if "lit" in new:
            new["lit"] = [*new["lit"]]
        for kind, form in (*_FURTHER, *_FORMS) if "lit" in new else _FORMS:
            if found := form.fullmatch(said):
                seen = _ACTIONS[kind](new, found.groupdict())
                return WorldStep(new, seen, done=goal_parts(new)[0] == goal_parts(new)[1])
        return WorldStep(new, _NOTHING, done=False)


def goal_parts(state: Mapping[str, Any]) -> tuple[int, int]:
    """Count the parts of the goal that are met, and all: the object is where it is to be, and as it is to be."""
    goal, thing = state["goal"], state["goal"]["object"]
    if goal.get("task") == LOOK:
        by_light = LAMP in state["lit"] and state["where"].get(LAMP) == state["at"]
        return int(state["held"] == thing) + int(by_light), 2
    if goal.get("task") == TWO:
        return sum(state["where"].get(each) == goal["receptacle"] for each in _pair(thing)), 2
    wanted = goal.get("state")
    met = int(state["where"].get(thing) == goal["receptacle"])
    met += int(wanted is not None and state["treated"].get(thing) == wanted)
    return met, 1 if wanted is None else 2


def _pair(thing: str) -> tuple[str, str]:
    return f"{thing} 1", f"{thing} 2"


def _objects(goal: Mapping[str, Any]) -> tuple[str, ...]:
    """List what there is; of what two are to be placed, there are two."""
    if goal.get("task") != TWO:
        return OBJECTS
    return tuple(each for thing in OBJECTS for each in (_pair(thing) if thing == goal["object"] else (thing,)))


def _places(thing: str, goal: Mapping[str, Any]) -> list[str]:
    """List where an object may lie at first: not where the goal wants it, and a lamp that is needed in no cupboard."""
    if goal.get("task") == LOOK:
        return [each for each in _RECEPTACLES if thing != LAMP or each not in CLOSED]
    wanted = thing in {goal["object"], *_pair(goal["object"])}
    return [each for each in _RECEPTACLES if not wanted or each != goal["receptacle"]]


def _go(state: State, said: Mapping[str, str]) -> str:
    if said["place"] not in _RECEPTACLES:
        return _NOTHING
    state["at"] = said["place"]
    return _seen(state, said["place"])


def _open(state: State, said: Mapping[str, str]) -> str:
    place = said["place"]
    if place != state["at"] or place not in CLOSED or place in state["open"]:
        return _NOTHING
    state["open"].append(place)
    return f"You open the {place}. {_seen(state, place)}"


def _close(state: State, said: Mapping[str, str]) -> str:
    if said["place"] != state["at"] or said["place"] not in state["open"]:
        return _NOTHING
    state["open"].remove(said["place"])
    return f"You close the {said['place']}."


def _take(state: State, said: Mapping[str, str]) -> str:
    thing, place = said["thing"], said["place"]
    if state["held"] is not None or not _reached(state, place) or state["where"].get(thing) != place:
        return _NOTHING
    state["held"] = thing
    del state["where"][thing]
    return f"You take the {thing} from the {place}."


def _put(state: State, said: Mapping[str, str]) -> str:
    thing, place = said["thing"], said["place"]
    if state["held"] != thing or not _reached(state, place):
        return _NOTHING
    state["held"], state["where"][thing] = None, place
    return f"You put the {thing} in the {place}."


def _treat(state: State, said: Mapping[str, str]) -> str:
    place, becomes = TREATMENTS[said["verb"]]
    if state["held"] != said["thing"] or said["place"] != place or state["at"] != place:
        return _NOTHING
    state["treated"][said["thing"]] = becomes
    return f"You {said['verb']} the {said['thing']} with the {place}. It is {becomes} now."


def _use(state: State, said: Mapping[str, str]) -> str:
    if said["thing"] != LAMP or not _near(state, LAMP):
        return _NOTHING
    state["lit"] = [] if LAMP in state["lit"] else [LAMP]
    return f"You turn {'on' if state['lit'] else 'off'} the {LAMP}."


def _slice(state: State, said: Mapping[str, str]) -> str:
    thing = said["thing"]
    if state["held"] != KNIFE or not _near(state, thing):
        return _NOTHING
    state["treated"][thing] = "sliced"
    return f"You slice the {thing} with the {KNIFE}."


def _examine(state: State, said: Mapping[str, str]) -> str:
    thing = said["thing"]
    if thing == state["at"]:
        return _seen(state, thing)
    if state["held"] != thing and not _near(state, thing):
        return _NOTHING
    lit = "It is turned on." if thing in state["lit"] else ""
    return f"This is {_as_it_is(state, thing)} {thing}. {lit}".rstrip()


def _as_it_is(state: State, thing: str) -> str:
    return f"a {state['treated'][thing]}" if thing in state["treated"] else "an ordinary"


def _near(state: State, thing: str) -> bool:
    """Whether an object lies where one stands, in nothing that is closed."""
    place = state["where"].get(thing)
    return place is not None and _reached(state, place)


def _inventory(state: State, said: Mapping[str, str]) -> str:
    del said
    held = state["held"]
    return f"You hold {'nothing' if held is None else f'the {held}'}."


def _look(state: State, said: Mapping[str, str]) -> str:
    del said
    held = "nothing" if state["held"] is None else f"the {state['held']}"
    around = "You are in the middle of a house." if state["at"] is None else _seen(state, state["at"])
    return f"You hold {held}. {around}"


def _reached(state: State, place: str) -> bool:
    return bool(state["at"] == place and (place not in CLOSED or place in state["open"]))


def _seen(state: State, place: str) -> str:
    if not _reached(state, place):
        return f"You are at the {place}. It is closed."
    things = sorted(thing for thing, where in state["where"].items() if where == place)
    return f"You are at the {place}. In it you see {', '.join(things) or 'nothing'}."


_ACTIONS: Final[Mapping[str, Callable[[State, Mapping[str, str]], str]]] = {
    "go": _go,
    "open": _open,
    "close": _close,
    "take": _take,
    "put": _put,
    "treat": _treat,
    "look": _look,
    "use": _use,
    "slice": _slice,
    "examine": _examine,
    "inventory": _inventory,
}
HOUSEHOLD: Final = Household()
