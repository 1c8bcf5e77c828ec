"""How the items of an evaluation are rolled out: looked at before anything is recorded, and told to each cell."""

from engine.agents.base import Agent
from engine.agents.oracle import Oracle
from engine.agents.registry import agent_named
from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.spec import RunSpec
from engine.items.errors import WayUnsupported
from engine.items.points import needs_sandbox, rollout_spec
from engine.items.registry import item_format
from engine.items.ways.code import CODE
from engine.items.work import SandboxTerms
from sandbox.errors import TaskInvalid
from sandbox.harbor.dockerfile.parser import parse_dockerfile


def check_rollout(spec: RunSpec, form: str) -> None:
    """See that items of a format can be rolled out as the settings say.

    Args:
        spec: Of the run, or of an arm.
        form: Name of the format.

    Raises:
        WayUnsupported: The format cannot be scored so.
        ConfigRefused: The Dockerfile cannot be read, or the agent can do nothing with an item.
    """
    rollout, ways = rollout_spec(spec), item_format(form).ways
    if rollout.way not in ways:
        raise WayUnsupported(form, rollout.way, ways)
    if not needs_sandbox(rollout):
        return
    try:
        parse_dockerfile("evaluate.rollout", rollout.dockerfile)
    except TaskInvalid as error:
        problem = ConfigProblem("the spec", "evaluate.rollout.dockerfile", error.detail, error.remedy or "")
        raise ConfigRefused([problem]) from error
    agent: Agent = agent_named(spec.agent.name)
    if rollout.way == "agent" and isinstance(agent, Oracle):
        remedy = "choose shell or an installed agent (`stillroom agents list`)"
        raise ConfigRefused([ConfigProblem("the spec", "agent.name", "an item has no solution to be run", remedy)])


def sandbox_terms(spec: RunSpec) -> SandboxTerms:
    """Say how items are worked on in a sandbox under some settings."""
    rollout, teacher = rollout_spec(spec), spec.models.get("teacher")
    return SandboxTerms(
        backend=spec.sandbox,
        dockerfile=rollout.dockerfile,
        agent=CODE if rollout.way == "code" else agent_named(spec.agent.name),
        settings=spec.agent,
        tools=teacher is not None and teacher.tools,
        timeout_s=rollout.timeout_s,
    )
