"""Agents by name, through entry points: built-in ones and outsiders' come the same way."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from engine.agents.base import Agent
from engine.errors import NameUnknown

GROUP = "stillroom.agents"


def agent_names() -> tuple[str, ...]:
    """List all agents that some installed package registers."""
    return tuple(sorted(point.name for point in entry_points(group=GROUP)))


def agent_named(name: str) -> Agent:
    """Find an agent.

    Raises:
        NameUnknown: No installed package registers it.
    """
    found = _installed()
    if name not in found:
        raise NameUnknown("agent", name, tuple(sorted(found)))
    agent: Agent = found[name].load()()
    return agent


@cache
def _installed() -> Mapping[str, EntryPoint]:
    """Look once: it reads a file of every installed package, and each trial of a thousand asks."""
    return {point.name: point for point in entry_points(group=GROUP)}
