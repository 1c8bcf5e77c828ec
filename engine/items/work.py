"""What whoever rolls an item out goes by, in whichever way it is done."""

from typing import NamedTuple

from engine.agents.base import Agent
from engine.config.spec import AgentSpec
from engine.core.prompts import Prompts
from engine.effects.model_calls import Caller
from engine.items.base import Item, ItemRef, Rolled, Way
from events.base import Ref
from events.streams import item_cell
from events.types.condition import Condition
from events.types.item import ItemEnding


class SandboxTerms(NamedTuple):
    """How an item is worked on in a sandbox."""

    backend: str
    dockerfile: str
    """How its image is built, from an empty folder."""
    agent: Agent
    settings: AgentSpec
    tools: bool
    """Whether the model takes calls of tools."""
    timeout_s: float
    """Seconds for the work, where the settings of the agent do not say."""


class ItemTerms(NamedTuple):
    """How an item is rolled out under a condition."""

    callers: tuple[Caller, ...]
    """Whom to ask, one for each run of the line, oldest first. Each pays on the account that `item_cell` names."""
    prompts: Prompts
    way: Way
    repeat: int
    """From 1."""
    arm: str = ""
    """Name of the condition within the run, for the stream. Empty: the run has just one."""
    sandboxes: tuple[SandboxTerms, ...] = ()
    """As `callers`. Empty: the way needs no sandbox."""
    judges: tuple[Caller, ...] = ()
    """Whom to ask what no rule can check, as `callers`. Empty: nobody."""


class ItemWork(NamedTuple):
    """An item that is being rolled out."""

    ref: ItemRef
    item: Item
    condition: Condition
    terms: ItemTerms
    opened: Ref
    """The event that names the item and all that it names."""

    @property
    def cell(self) -> str:
        """Name of the item under this condition, once: its stream and its account."""
        return item_cell(self.ref.set, self.ref.name, self.terms.repeat, self.terms.arm)

    @property
    def name(self) -> str:
        """Name of the item for people."""
        return f"{self.ref.set}.{self.ref.name}"


def without_answer(ending: ItemEnding, detail: str, *, turns: int = 0, tool_calls: int = 0) -> Rolled:
    """Say how a rollout ended that led to no answer."""
    return Rolled(ending, detail, None, turns, tool_calls)
