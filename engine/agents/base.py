"""What an agent is: who acts inside a sandbox, until it says it is done or a limit ends it."""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol, runtime_checkable

from engine.agents.points import EndingSaw, ReadsSeen
from engine.config.spec import AgentSpec
from engine.core.prompts import Prompts
from engine.core.scope import Scope
from engine.effects.model_calls import Caller
from events.base import Ref
from events.types.attempt import AgentEnded
from events.types.condition import SkillRef
from events.types.decision import Seen, Text
from events.types.sandbox import ActionObserved

SKILLS: Final = "/opt/stillroom/attempt/skills"
"""Where a sandbox shows the skills of a condition, each a folder."""


class StepBrief(NamedTuple):
    """What an agent is told about one step of a task."""

    name: str
    instruction: str
    """The step's own, without what earlier attempts left behind."""
    timeout_s: float | None
    """The task's limit for it, in seconds. None: no limit."""


class Brief(NamedTuple):
    """All an agent is told about one attempt."""

    trial: str
    task: str
    label: str
    """What the agent is told about which attempt this is, such as ``2 of 5``."""
    instruction: str
    """The task's instruction, with what earlier attempts left behind."""
    settings: AgentSpec
    injection: str
    """The note of its condition and what earlier attempts left behind, alone; the instruction ends with it."""
    steps: tuple[StepBrief, ...]
    """Of a task that has several. Empty for the usual kind."""
    timeout_s: float | None
    """Seconds for the attempt. None: no limit."""
    teacher: Caller | None
    """How to ask the model. None: the spec names none, and this agent needs none."""
    tools: bool
    prompts: Prompts
    skills: tuple[SkillRef, ...] | None = None
    """Skills that it may read below `SKILLS`. Empty: it is told of skills, and there are none. None: nothing is said of
    skills."""
    allowed_s: float | None = None
    """Seconds that the task itself allows for the attempt, or for its step. None: it sets no limit."""
    began_s: float = 0.0
    """Seconds that the attempt had been busy when the step began; 0 where the task has none."""


CurrentBrief = Callable[[], Brief]
"""Gives the brief as it stands. Ask it anew after each effect: a fork may have changed settings, limits and model."""


class Action(NamedTuple):
    """A command the agent ran, as distillation and PDI read it."""

    command: str
    asked: Text | None
    """The same, with the event that names it. None: it stands for the task's own solution."""
    seen: ActionObserved
    observed: Ref
    """The event that says so."""


class Acted(NamedTuple):
    """What an agent did."""

    ended: EndingSaw | AgentEnded
    """What it ended at, from which it is decided how it ended; or its own word for that."""
    actions: tuple[Action, ...]
    notes: tuple[Text, ...]
    """What it said, reasoning that it wrote beside it included."""
    turns: int = 0
    """Model answers taken, where `ended` does not say it."""
    run_reads: Seen[ReadsSeen] | None = None
    """What of the skills an installed agent touched, as a whole. None: each action says it."""


class Agent(Protocol):
    """Acts in the sandbox that its attempt has opened, through effects only."""

    name: str
    needs_model: bool
    """Whether a run with it must name a teacher model."""

    async def act(self, scope: Scope, told: CurrentBrief) -> Acted:
        """Work until done or until a limit is reached, and say which."""


@runtime_checkable
class TakesSkills(Protocol):
    """An agent that tells its model of the skills of its brief, or finds them below `SKILLS` itself."""

    takes_skills: bool


@runtime_checkable
class ActsInSteps(Protocol):
    """An agent that needs no model, and does the steps of a task one by one as one that needs a model does."""

    acts_in_steps: bool


@runtime_checkable
class HasPackage(Protocol):
    """An agent of another make."""

    @property
    def package(self) -> str:
        """Its own package and exact version, such as ``@openai/codex@1.2.3``."""
