"""A small household: rooms, receptacles, objects and a goal; what lies where follows from a seed."""

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
look"""

    def begin(self, setup: Any) -> WorldStep:
        """Place every object by the seed; none lies where the goal wants it."""
        seed, goal = int(setup["seed"]), dict(setup["goal"])
        where: dict[str, str] = {}
        for number, thing in enumerate(OBJECTS):
            places = [each for each in _RECEPTACLES if thing != goal["object"] or each != goal["receptacle"]]
            where[thing] = shuffled(places, seed * 1_000 + number)[0]
        state: State = {"at": None, "held": None, "open": [], "where": where, "treated": {}, "goal": goal}
        rooms = "; ".join(f"in the {room}: {', '.join(each)}" for room, each in ROOMS.items())
        return WorldStep(state, f"You are in the middle of a house. There are, {rooms}.", done=False)

    def step(self, state: Mapping[str, Any], action: str) -> WorldStep:
        """Carry out an action, in the words of `actions`."""
        said = " ".join(action.lower().split()).rstrip(".")
        new: State = {**state, "open": [*state["open"]], "where": {**state["where"]}, "treated": {**state["treated"]}}
        for kind, form in _FORMS:
            if found := form.fullmatch(said):
                seen = _ACTIONS[kind](new, found.groupdict())
                return WorldStep(new, seen, done=goal_parts(new)[0] == goal_parts(new)[1])
        return WorldStep(new, _NOTHING, done=False)


def goal_parts(state: Mapping[str, Any]) -> tuple[int, int]:
    """Count the parts of the goal that are met, and all: the object is where it is to be, and as it is to be."""
    goal, thing = state["goal"], state["goal"]["object"]
    wanted = goal.get("state")
    met = int(state["where"].get(thing) == goal["receptacle"])
    met += int(wanted is not None and state["treated"].get(thing) == wanted)
    return met, 1 if wanted is None else 2


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
}
HOUSEHOLD: Final = Household()
