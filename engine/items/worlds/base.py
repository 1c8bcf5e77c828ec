"""What a simulated world is: a value that an action turns into another, with what is seen of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import msgspec

from engine.core.plugins import plugin

GROUP: Final = "stillroom.worlds"
STATE: Final = "state.json"
"""Name of the file in which a world's last state comes of an item."""


ACTIONS: Final = "actions.json"
"""Name of the file in which the actions of whoever worked in a sandbox come of an item: an array of texts, in order."""


class WorldSetup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The world that a sandbox has a door into: a blob that never gets in."""

    world: str
    """Its name."""
    setup: Any
    """By which it begins."""
    turns: int
    """Actions that are taken, at most."""


class WorldStep(NamedTuple):
    """What came of an action."""

    state: Mapping[str, Any]
    """As JSON holds it; a function of the state before and of the action alone."""
    observation: str
    """What is seen."""
    done: bool
    """Whether nothing further can be done or has to be."""


class SimulatedWorld(Protocol):
    """A simulated world, entry point ``stillroom.worlds``; pure: no clock, no randomness, no I/O."""

    name: str
    """As formats and the entry point have it."""
    actions: str
    """Tells a model what it can do, one line for each kind of action."""

    def begin(self, setup: Any) -> WorldStep:
        """Give the world at its beginning, by what an item holds of it. Chance derives from a seed in it."""

    def step(self, state: Mapping[str, Any], action: str) -> WorldStep:
        """Carry out an action. One that cannot be done leaves the world as it is, and says so."""


@runtime_checkable
class HasWorld(Protocol):
    """A format whose items are set in a world: ``expected`` of each is what the world begins by."""

    world: str
    """Name of the world."""


def lived(world: SimulatedWorld, setup: Any, actions: Iterable[str]) -> WorldStep:
    """Live a world from its beginning; what is done after its end counts for nothing."""
    step = world.begin(setup)
    for action in actions:
        if step.done:
            break
        step = world.step(step.state, action)
    return step


def world_named(name: str) -> SimulatedWorld:
    """Find a world.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    found: SimulatedWorld = plugin(GROUP, "world", name)
    return found
