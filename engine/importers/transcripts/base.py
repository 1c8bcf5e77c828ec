"""What installed agents record about themselves, for runs without a trajectory.

Two kinds: records that say which call of a model each thing came of become steps, with tokens where they are stated;
event streams that do not are told as those of our own installed agents are, and read by the same readers. Nothing is
made up: what a transcript does not say stays unknown, and what cannot be read is named.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from msgspec import structs

from engine.agents.installed.adapter import AgentMessage, Json, ToolRun, as_text
from engine.importers.atif.assumptions import nano_usd
from engine.importers.atif.rules import DEAREST
from engine.importers.atif.schema import (
    AtifAgent,
    AtifObservation,
    AtifResult,
    AtifStep,
    AtifToolCall,
    AtifTrajectory,
    Metrics,
)
from engine.importers.loose_json import JsonUnreadable, read_json
from events.values import NanoUsd, Usage

UNKNOWN: Final = "unknown"


class StatedUsage(NamedTuple):
    """Sums that a transcript states. None: it does not state that one."""

    usage: Usage
    cost: NanoUsd | None


class Transcript(NamedTuple):
    """What a transcript tells."""

    file: str
    """Its path below the trial's folder."""
    format: str
    """Such as ``codex rollout``."""
    trajectory: AtifTrajectory
    """Who acted; and its steps, if it says which call of a model each came of."""
    told: tuple[ToolRun | AgentMessage, ...]
    """What was done and said, if it does not."""
    spent: StatedUsage | None
    """None: it states no sums."""
    doubts: tuple[str, ...]
    """What of it cannot be read, and what had to be inferred."""


class TranscriptHead(NamedTuple):
    """Who acted, as far as a transcript says."""

    agent: str
    version: str = UNKNOWN
    model: str | None = None
    session: str | None = None


def records(data: bytes) -> tuple[list[Json], list[str]]:
    """Read the JSON objects among lines, and say how many of them cannot be read. Other lines are no damage."""
    found: list[Json] = []
    broken: list[int] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        bare = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not bare.startswith(b"{"):
            continue
        try:
            found.append(typed(read_json(bare)[0]))
        except JsonUnreadable:
            broken.append(number)
    if not broken:
        return found, []
    lines = f"line {broken[0]}" if len(broken) == 1 else f"{len(broken)} lines, the first of them {broken[0]},"
    return found, [f"{lines} cannot be read: what stood there is not told"]


def typed(record: Json) -> Json:
    """Give a record whose type is a text; what has another is of none that is known."""
    return record if isinstance(record.get("type"), str) else {**record, "type": ""}


def trajectory_of(format_: str, head: TranscriptHead, steps: Iterable[AtifStep]) -> AtifTrajectory:
    """Make a trajectory of steps, and number them."""
    numbered = tuple(structs.replace(step, step_id=number) for number, step in enumerate(steps, start=1))
    return AtifTrajectory(
        schema_version=format_,
        agent=AtifAgent(head.agent, head.version, head.model),
        steps=numbered,
        session_id=head.session,
    )


class TranscriptTurn:
    """One answer of a model while it is read: what it said, what it called, what came of that."""

    def __init__(self, at: str | None, model: str | None) -> None:
        self.at = at
        self.model = model
        self.said: list[str] = []
        self.thought: list[str] = []
        self.calls: list[AtifToolCall] = []
        self.results: list[AtifResult] = []
        self.metrics: Metrics | None = None
        self.asked = 1
        self.extra: dict[str, Any] = {}

    @property
    def step(self) -> AtifStep:
        """It as a step, without its number."""
        return AtifStep(
            step_id=0,
            source="agent",
            message="\n".join(self.said),
            timestamp=self.at,
            model_name=self.model,
            reasoning_content="\n".join(self.thought) or None,
            tool_calls=tuple(self.calls) or None,
            observation=AtifObservation(tuple(self.results)) if self.results else None,
            metrics=self.metrics,
            llm_call_count=self.asked,
            extra=self.extra or None,
        )

    def call(self, name: object, function: object, given: object) -> None:
        """Take a call of a tool in. What it was given is an object; anything else stands in one."""
        arguments = given if isinstance(given, dict) else {"input": given}
        self.calls.append(
            AtifToolCall(text(name) or f"call-{len(self.calls) + 1}", text(function) or UNKNOWN, arguments)
        )

    def result(self, name: str, content: object, **extra: object) -> None:
        """Take in what came of one."""
        known = {key: value for key, value in extra.items() if value is not None}
        self.results.append(AtifResult(name, as_text(content), extra=known or None))


class Talk:
    """What is said and done, in order; results find their calls wherever these are."""

    def __init__(self) -> None:
        self._steps: list[TranscriptTurn | AtifStep] = []
        self._open: dict[str, TranscriptTurn] = {}
        self.lost = 0
        """Results whose calls are not there."""

    def turn(self, at: object, model: str | None) -> TranscriptTurn:
        """Begin an answer of a model."""
        made = TranscriptTurn(text(at), model)
        self._steps.append(made)
        return made

    def say(self, source: object, words: str, at: object) -> None:
        """Take in what somebody else said."""
        said: Literal["system", "user"] = "system" if source in {"system", "developer"} else "user"
        self._steps.append(AtifStep(0, said, words, timestamp=text(at)))

    def call(self, turn: TranscriptTurn, name: object, function: object, given: object) -> None:
        """Take in a call of a tool."""
        turn.call(name, function, given)
        self._open[turn.calls[-1].tool_call_id] = turn

    def result(self, name: object, content: object, **extra: object) -> TranscriptTurn | None:
        """Take in what came of a call. None: there is no such call."""
        turn = self._open.get(text(name) or "")
        if turn is None:
            self.lost += 1
            return None
        turn.result(text(name) or "", content, **extra)
        return turn

    def steps(self) -> Iterator[AtifStep]:
        """Give them, without those that hold nothing."""
        for each in self._steps:
            step = each.step if isinstance(each, TranscriptTurn) else each
            if step.message or step.tool_calls or step.reasoning_content or step.metrics or step.source != "agent":
                yield step

    def doubts(self) -> Iterator[str]:
        """Say what did not fit."""
        if self.lost:
            yield f"{self.lost} results of tools name no call that is there: they are not told"


def text(value: object) -> str | None:
    """Give a text that is not empty. None: it is none."""
    return value if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """Give a count. None: it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def total(counts: Sequence[int | None]) -> int | None:
    """Add up the parts of one figure. None: none of them is stated."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None


def money(value: object) -> NanoUsd | None:
    """Give a price. None: it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= DEAREST:
        return nano_usd(float(value))
    return None


def metrics_of(usage: Usage | None) -> Metrics | None:
    """Write what one call took as a step has it. None: nothing is stated."""
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    extra = None if usage.reasoning_tokens is None else {"reasoning_tokens": usage.reasoning_tokens}
    return Metrics(usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, None, extra)


def words_in(content: object) -> str:
    """Give the words of a message: a text, or the texts among its parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    found = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(each for each in found if isinstance(each, str) and each)
