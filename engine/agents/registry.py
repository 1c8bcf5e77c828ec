"""Agents by name, through entry points: built-in ones and outsiders' come the same way."""

from engine.agents.base import Agent
from engine.errors import NameUnknown
from engine.registered import registered

GROUP = "stillroom.agents"


def agent_named(name: str) -> Agent:
    """Find an agent.

    Raises:
        NameUnknown: No installed package registers it.
    """
    found = registered(GROUP)
    if name not in found:
        raise NameUnknown("agent", name, tuple(sorted(found)))
    agent: Agent = found[name].load()()
    return agent
