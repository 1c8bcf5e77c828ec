"""A task of several steps: the agent does one after the other, each with its own instruction and its own tests."""

from collections.abc import Callable

from engine.agents.base import Acted, Action, Agent, Brief
from engine.policies.ending import has_verdict
from engine.scope import Scope
from events.attempt import AgentEnded
from events.decision import Text
from events.sandbox import SandboxFailed
from events.steps import StepAsked, StepJudged, StepVerifyAsked


async def act_in_steps(scope: Scope, agent: Agent, told: Callable[[], Brief]) -> Acted:
    """Let an agent do steps until one falls short, something of ours breaks, or there is no money for more.

    Its limits hold for each step. It begins each anew, and knows of those before what they left in the sandbox.

    Args:
        scope: The attempt's.
        agent: Who acts.
        told: Gives the brief as it stands.
    """
    actions: list[Action] = []
    notes: list[Text] = []
    turns = 0
    ended = AgentEnded("done", "the task has no step", 0)
    for number, step in enumerate(told().steps):
        begun = await scope.effect(StepAsked(told().task, step.name))
        if isinstance(begun, SandboxFailed):
            ended = AgentEnded("failed", f"step {step.name}: {begun.detail}", 0)
            break
        acted = await agent.act(scope, _told_of(told, number, scope.busy_s))
        actions += acted.actions
        notes += acted.notes
        turns += acted.ended.turns
        ended = acted.ended
        if not has_verdict(ended.reason, acted=bool(actions)):
            break
        judged = await scope.effect(StepVerifyAsked(told().task, step.name))
        if isinstance(judged, SandboxFailed):
            ended = AgentEnded("failed", f"step {step.name}: {judged.detail}", 0)
            break
        assert isinstance(judged, StepJudged)
        if not judged.goes_on or ended.reason == "budget":
            break
    return Acted(AgentEnded(ended.reason, ended.detail, turns), tuple(actions), tuple(notes))


def _told_of(told: Callable[[], Brief], number: int, busy_s: float) -> Callable[[], Brief]:
    """Give the brief of one step. Its time counts from when it begins, and an agent counts that of the attempt."""

    def brief() -> Brief:
        whole = told()
        step = whole.steps[number]
        limit = whole.settings.timeout_s if whole.settings.timeout_s is not None else step.timeout_s
        return whole._replace(
            instruction="\n\n".join(filter(None, (step.instruction, whole.injection))),
            timeout_s=None if limit is None else busy_s + limit,
        )

    return brief
