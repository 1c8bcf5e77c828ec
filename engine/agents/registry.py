"""Agents by name, through entry points: built-in ones and outsiders' come the same way."""

from engine.agents.base import Agent, HasPackage
from engine.core.plugins import failing, package_of, plugin, plugin_names

GROUP = "stillroom.agents"


def agent_names() -> tuple[str, ...]:
    """List all agents that some installed package registers."""
    return plugin_names(GROUP)


def agent_named(name: str) -> Agent:
    """Find an agent.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported, or the agent cannot be made.
    """
    make = plugin(GROUP, "agent", name)
    try:
        agent: Agent = make()
    except Exception as error:
        raise failing(GROUP, "agent", name, error) from error
    return agent


def agent_package(name: str) -> str:
    """Name the package and exact version that an agent comes from: its own where it is an installed one.

    Raises:
        NameUnknown: No installed package registers it.
        PluginBroken: The package that registers it cannot be imported.
    """
    agent = agent_named(name)
    return agent.package if isinstance(agent, HasPackage) else package_of(GROUP, "agent", name)
