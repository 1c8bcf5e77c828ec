"""Points of decision of an item's rollout: what an answer in a tool loop means, and how what came back is scored."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from engine.agents.points import AnswerSeen, ReadsSeen
from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, Point, no_settings
from events.digest import Digest
from events.types.decision import Seen, Text
from events.types.item import ItemEnding, ItemScored
from events.values import NamedDigest, Ratio


class RolloutSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How items are rolled out; a program that does so has it as the field ``rollout`` of its table."""

    way: Literal["call", "tools", "agent", "code", "steps"] = "call"
    """One call of the model (``call``), a loop in which it may glob, read and grep a folder (``tools``), the agent of
    the run in a sandbox that holds the item and the skills (``agent``), or programs that the model writes and that run
    in such a sandbox (``code``), or steps in a simulated world (``steps``)."""
    turns: int = 12
    """Answers that a loop of tools, programs or steps may take, 1 or more. Without an answer by then, an item is
    unsolved; of programs and steps, what they left is scored."""
    paths: int = 50
    """Paths that one `glob` shows."""
    chars: int = 4000
    """Characters that one `read` shows."""
    hits: int = 20
    """Lines that one `grep` shows."""
    dockerfile: str = "FROM debian:bookworm-slim\nWORKDIR /app\n"
    """Text of the Dockerfile of the sandbox of an agent; it is built from an empty folder. The local sandbox has the
    programs of this machine instead of an image's."""
    timeout_s: float = 600.0
    """Seconds for an agent, unless ``agent.timeout_s`` says otherwise."""


def rollout_spec(spec: RunSpec) -> RolloutSpec:
    """Read the settings of rollouts from a spec, whichever program it is of."""
    return msgspec.convert(spec.own.get("rollout", {}), RolloutSpec)


def needs_sandbox(rollout: RolloutSpec) -> bool:
    """Say whether items are rolled out in a sandbox."""
    return rollout.way in {"agent", "code"}


def rollout_parts(rollout: RolloutSpec) -> Mapping[str, Any]:
    """Give the settings that count where an item is rolled out in its way."""
    return {name: getattr(rollout, name) for name in ("way", *_COUNTED[rollout.way])}


_TOLD: Final = ("turns", "paths", "chars", "hits")
_COUNTED: Final[Mapping[str, Sequence[str]]] = {
    "call": _TOLD,
    "tools": _TOLD,
    "agent": ("dockerfile", "timeout_s"),
    "code": ("turns", "dockerfile", "timeout_s"),
    "steps": ("turns",),
}
"""By way. Those of the first two are all in the keys of scores that were stored before there were others."""

# -- a turn of a tool loop --------------------------------------------------------------------------------------------


class ItemTurnSaw(msgspec.Struct, frozen=True):
    """An answer of the model in a tool loop."""

    answer: Seen[AnswerSeen]
    folder: Text
    """The files that its tools read."""
    turns: int
    """Answers so far, this one included."""


class ItemTurnRule(msgspec.Struct, frozen=True):
    """How long the loop is, and how much its tools show."""

    turns: int
    paths: int
    chars: int
    hits: int


class ItemTurn(msgspec.Struct, frozen=True):
    """What is done about it."""

    act: Literal["answer", "tell", "stop"]
    """It is the last one; the model is told what its calls show; it may take no further turn."""
    own: Digest | None
    """Blob: the model's own message, as providers take it back. None: it says nothing, or nothing follows."""
    told: tuple[Digest, ...]
    """Blobs: messages to the model, one for each call. Empty where nothing follows."""
    size: int
    """Bytes of all these messages."""
    ran: int
    """Calls of tools that were carried out."""


def _turn_rule(spec: RunSpec, saw: ItemTurnSaw) -> ItemTurnRule:
    del saw
    settings = rollout_spec(spec)
    return ItemTurnRule(settings.turns, settings.paths, settings.chars, settings.hits)


ITEM_TURN: Final = Point(
    name="item_turn",
    revision=1,
    saw=ItemTurnSaw,
    settings=ItemTurnRule,
    ruling=ItemTurn,
    decisive=("act", "own", "told", "size"),
    steers=True,
    rule=_turn_rule,
)

# -- an answer with a program -----------------------------------------------------------------------------------------


class ItemCodeSaw(msgspec.Struct, frozen=True):
    """An answer of a model that writes programs."""

    answer: Seen[AnswerSeen]
    turns: int
    """Answers so far, this one included."""


class ItemCodeRule(msgspec.Struct, frozen=True):
    """How many answers it may take."""

    turns: int


class ItemCode(msgspec.Struct, frozen=True):
    """What is done about it."""

    act: Literal["run", "tell", "done"]
    """A program is run; the model is told what is wrong with it; or there is none, which ends the work."""
    command: Digest | None
    """Blob: the command that runs it. None: nothing is run."""
    last: bool
    """Whether it may take no further answer."""
    own: Digest | None
    """Blob: the model's own message, as providers take it back. None: it says nothing, or nothing follows."""
    told: tuple[Digest, ...]
    """Blobs: messages to the model. Empty unless it is told something."""
    size: int
    """Bytes of all these messages."""


def _code_rule(spec: RunSpec, saw: ItemCodeSaw) -> ItemCodeRule:
    del saw
    return ItemCodeRule(rollout_spec(spec).turns)


ITEM_CODE: Final = Point(
    name="item_code",
    revision=1,
    saw=ItemCodeSaw,
    settings=ItemCodeRule,
    ruling=ItemCode,
    decisive=("act", "command", "last", "own", "told", "size"),
    steers=True,
    rule=_code_rule,
)

# -- a step in a simulated world --------------------------------------------------------------------------------------


class WorldSeen(msgspec.Struct, frozen=True):
    """Of the decision on the step before."""

    state: Digest


class ItemStepSaw(msgspec.Struct, frozen=True):
    """An answer of a model that acts in a world."""

    answer: Seen[AnswerSeen]
    item: Text
    """By which the world begins."""
    before: Seen[WorldSeen] | None
    """The world as the step before left it. None: this is the first."""
    turns: int
    """Answers so far, this one included."""


class ItemStepRule(msgspec.Struct, frozen=True):
    """How many steps it may take."""

    turns: int


class ItemStep(msgspec.Struct, frozen=True):
    """What came of its action."""

    act: Literal["tell", "over"]
    """The model is told what it sees; or the world is done, or it may take no further step."""
    action: str
    """As it was read."""
    state: Digest
    """Blob: the world after it."""
    own: Digest | None
    """Blob: the model's own message, as providers take it back. None: it says nothing, or nothing follows."""
    told: tuple[Digest, ...]
    """Blobs: messages to the model. Empty where nothing follows."""
    size: int
    """Bytes of all these messages."""


def _step_rule(spec: RunSpec, saw: ItemStepSaw) -> ItemStepRule:
    del saw
    return ItemStepRule(rollout_spec(spec).turns)


ITEM_STEP: Final = Point(
    name="item_step",
    revision=1,
    saw=ItemStepSaw,
    settings=ItemStepRule,
    ruling=ItemStep,
    decisive=("act", "action", "state", "own", "told", "size"),
    steers=True,
    rule=_step_rule,
)

# -- the score --------------------------------------------------------------------------------------------------------


class AnsweredSeen(msgspec.Struct, frozen=True):
    """Of `ItemAnswered`."""

    answer: Digest | None
    files: tuple[NamedDigest, ...]


class UnansweredSeen(msgspec.Struct, frozen=True):
    """Of `ItemUnanswered`."""

    ending: ItemEnding
    detail: str


class ItemScoreSaw(msgspec.Struct, frozen=True):
    """What came back of an item."""

    item: Text
    """With what is expected."""
    answered: Seen[AnsweredSeen] | None
    """None: there was no answer."""
    unanswered: Seen[UnansweredSeen] | None
    """None: there was one."""
    files: tuple[Text, ...]
    """Those that the item names, and those that came of the answer."""
    judged: Text | None = None
    """What a judge said of the answer. None: nobody was asked, or there was no answer."""
    condition: Text | None = None
    """Names the skills that were given. None: the score does not go by whether they were read, or nobody can know."""
    commands: tuple[Seen[ReadsSeen], ...] = ()
    """What of them each command of the agent touched."""
    run: Seen[ReadsSeen] | None = None
    """What of them an installed agent touched, as a whole. None: it is none."""


class ItemScore(msgspec.Struct, frozen=True):
    """How it was scored."""

    outcome: Literal["solved", "unsolved", "infrastructure"]
    hard: bool | None
    """Whether it is right. None: infrastructure."""
    soft: Ratio | None
    """How right it is, from 0 to 1. None: infrastructure."""
    answer: str | None
    """The answer as the scorer read it. None: there was none."""
    reasons: tuple[str, ...]
    """Why it is not solved; empty when it is."""


ITEM_SCORE: Final = Point(
    name="item_score",
    revision=1,
    saw=ItemScoreSaw,
    settings=NoSettings,
    ruling=ItemScore,
    decisive=("outcome", "hard", "soft"),
    steers=False,
    rule=no_settings,
    events=(ItemScored,),
)

POINTS: Final[tuple[Point[Any, Any, Any], ...]] = (ITEM_TURN, ITEM_CODE, ITEM_STEP, ITEM_SCORE)
