"""Programs by name, through entry points: built-in ones and outsiders' come the same way."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from engine.config.program import HasArms, HasParents, Program
from engine.config.spec import RunSpec
from engine.core.decision import Era, Point
from engine.core.errors import NameUnknown
from engine.core.methods import method_named
from engine.core.plugins import PluginBroken, plugin, plugin_names, usable
from events.streams import ParentOf, parent_of

GROUP = "stillroom.programs"
EXPLORE = "explore"
"""The program of runs whose opening names none: there was no other."""
EVALUATE = "evaluate"
TRAIN = "train"
EVOLVE = "evolve"
PROVE = "prove"
CONSTRUCT = "construct"
_NEEDED: Final = ("name", "spec", "roles", "points", "policies", "plan", "run")


def program_named(name: str) -> Program:
    """Find a program.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: What is registered cannot be imported, or is no program.
    """
    program: Program = plugin(GROUP, "program", name, _NEEDED)
    return program


def policy_source(era: Era, point: str) -> str:
    """Name the method or the program whose policy rules at a point: methods go before programs."""
    try:
        owned = point not in method_named(era.method).policies and point in program_named(era.spec.program).policies
    except (NameUnknown, PluginBroken):
        owned = False
    return era.spec.program if owned else era.method


def parents_in(name: str | None) -> ParentOf:
    """Say which actor begins which in the runs of a program. None: of one whose opening names none.

    Where no installed package registers it, or it cannot be used, what its own families hang below is not known: they
    hang below the run.
    """
    try:
        program = program_named(name or EXPLORE)
    except (NameUnknown, PluginBroken):
        return parent_of
    if not isinstance(program, HasParents):
        return parent_of
    own = program.parent_of
    return lambda stream: own(stream) or parent_of(stream)


def roles_of(spec: RunSpec) -> Mapping[str, str | None]:
    """List the roles of a spec's program, each with the one whose model stands in.

    Raises:
        NameUnknown: No installed package registers the program.
    """
    return program_named(spec.program).roles


OWN: Final = ""
"""Names the settings of a run itself beside those of its arms."""


def specs_of(spec: RunSpec) -> tuple[RunSpec, ...]:
    """Give a spec and those of its arms.

    Raises:
        NameUnknown: No installed package registers the program.
        ConfigRefused: An arm cannot be made from its settings.
    """
    return tuple(specs_by_arm(spec).values())


def specs_by_arm(spec: RunSpec) -> Mapping[str, RunSpec]:
    """Give a spec under `OWN`, and those of its arms by their names.

    Raises:
        NameUnknown: No installed package registers the program.
        ConfigRefused: An arm cannot be made from its settings.
    """
    program = program_named(spec.program)
    return {OWN: spec, **program.arms(spec)} if isinstance(program, HasArms) else {OWN: spec}


def known_points() -> Mapping[str, Point[Any, Any, Any]]:
    """Give every point of decision of the installed programs by its name; one that cannot be used has none."""
    return _points_of(tuple(usable_programs()))


@cache
def _points_of(programs: tuple[str, ...]) -> Mapping[str, Point[Any, Any, Any]]:
    return MappingProxyType({each.name: each for name in programs for each in program_named(name).points})


def program_names() -> tuple[str, ...]:
    """List the programs that installed packages register."""
    return plugin_names(GROUP)


def usable_programs() -> Mapping[str, Program]:
    """Give the programs that can be used, by name."""
    return usable(program_names(), program_named)
