"""A trajectory as events of an attempt: purely, so that importers of records that hold one tell it alike."""

import shlex
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from engine.importers.atif.assumptions import nano_usd, reasoning_tokens
from engine.importers.atif.schema import (
    AtifPart,
    AtifResult,
    AtifSource,
    AtifStep,
    AtifToolCall,
    AtifTrajectory,
    FinalMetrics,
    Metrics,
)
from events.base import Event
from events.digest import Digest
from events.types.trajectory import (
    CallTold,
    MediaTold,
    ObservationImported,
    PartTold,
    StepImported,
    SubagentTold,
    TotalsTold,
    TrajectoryImported,
)
from events.values import NanoUsd, Outcome, Usage
from projections.commands import joined_commands

_OURS: Final = "stillroom "
"""How ``extra.recorded_by`` begins in trajectories that we exported."""
_COMMANDS: Final = ("command", "cmd", "keystrokes")
"""Arguments in which agents put what they want a shell to run."""


class TrajectoryMapping(NamedTuple):
    """What a trajectory is told with."""

    put: Callable[[bytes], Digest]
    """Takes the bytes of a blob in."""
    media: Mapping[str, bytes]
    """Files beside the document, by the paths that it names them by; others are not there."""


def told(file: str, trajectory: AtifTrajectory, telling: TrajectoryMapping) -> Iterator[Event]:
    """Tell a trajectory, step by step with what came of each, then those embedded in it.

    Args:
        file: The file it stands in, by its name among those of the run.
        trajectory: What was read of it.
        telling: What it is told with.
    """
    yield from _trajectory(file, trajectory, None, telling)


def is_ours(trajectory: AtifTrajectory) -> bool:
    """Say whether it was exported by us: then it says which attempt at which task it is, and how that ended."""
    return str((trajectory.extra or {}).get("recorded_by", "")).startswith(_OURS)


def outcome_of(trajectory: AtifTrajectory) -> Outcome:
    """Give the verdict. The format has no place for one; only our own export puts it beside."""
    return _stated(trajectory) or Outcome("no_verdict", None, "the trajectory holds no verdict")


def holds_verdict(trajectory: AtifTrajectory) -> bool:
    """Say whether it holds a verdict of ours."""
    return _stated(trajectory) is not None


def _stated(trajectory: AtifTrajectory) -> Outcome | None:
    if not is_ours(trajectory):
        return None
    try:
        stated = msgspec.convert((trajectory.extra or {}).get("verdict"), Outcome)
    except msgspec.ValidationError:
        return None
    return stated if (stated.reward is not None) == (stated.kind in {"solved", "failed"}) else None


def commands_of(trajectories: Sequence[AtifTrajectory]) -> str:
    """Give what was run, as PDI reads it: a shell's commands as they were written, other tools with their arguments."""
    return joined_commands(
        _command(call) for each in trajectories for step in each.steps for call in step.tool_calls or ()
    )


def sources_of(trajectory: AtifTrajectory) -> Iterator[AtifSource]:
    """List the pictures and sounds it names, those of embedded trajectories included."""
    for step in trajectory.steps:
        contents = [step.message, *(each.content for each in (step.observation.results if step.observation else ()))]
        for content in contents:
            parts = content if isinstance(content, tuple) else ()
            yield from (part.source for part in parts if part.source is not None)
    for each in trajectory.subagent_trajectories or ():
        yield from sources_of(each)


def inline(path: str) -> tuple[str, bytes] | None:
    """Split a ``data:`` address into what it says of its bytes, and them. None: it is none, or they cannot be read."""
    head, comma, body = path.partition(";base64,")
    if not comma or not head.startswith("data:"):
        return None
    try:
        return head + comma, b64decode(body, validate=True)
    except NoBase64:
        return None


def _command(call: AtifToolCall) -> str:
    for name in _COMMANDS:
        match call.arguments.get(name):
            case str() as command:
                return command
            case [*words] if words and all(isinstance(word, str) for word in words):
                return shlex.join(words)
            case _:
                pass
    return f"{call.function_name} {msgspec.json.encode(call.arguments).decode()}"


def _trajectory(file: str, given: AtifTrajectory, below: str | None, telling: TrajectoryMapping) -> Iterator[Event]:
    agent = given.agent
    yield TrajectoryImported(
        file=file,
        version=given.schema_version,
        below=below,
        agent=agent.name,
        agent_version=agent.version,
        model=agent.model_name,
        tools=_json(agent.tool_definitions, telling),
        session=given.session_id,
        trajectory=given.trajectory_id,
        notes=_text(given.notes, telling),
        totals=None if given.final_metrics is None else _totals(given.final_metrics),
        continued=given.continued_trajectory_ref,
        extra=_json(given.extra, telling),
    )
    for step in given.steps:
        yield _step(step, given.agent.model_name, telling)
        for result in step.observation.results if step.observation else ():
            yield _observation(step.step_id, result, telling)
    for each in given.subagent_trajectories or ():
        yield from _trajectory(file, each, given.trajectory_id or "", telling)


def _step(step: AtifStep, default: str | None, telling: TrajectoryMapping) -> StepImported:
    text, parts = _said(step.message, telling)
    return StepImported(
        number=step.step_id,
        source=step.source,
        text=text,
        parts=parts,
        reasoning=_text(step.reasoning_content, telling),
        model=step.model_name or (default if step.source == "agent" and step.llm_call_count != 0 else None),
        calls=tuple(_call(each, telling) for each in step.tool_calls or ()),
        usage=None if step.metrics is None else _usage(step.metrics),
        cost=None if step.metrics is None else _money(step.metrics.cost_usd),
        asked=step.llm_call_count,
        copied=step.is_copied_context,
        said_at=step.timestamp,
        extra=_json(step.extra, telling),
    )


def _call(call: AtifToolCall, telling: TrajectoryMapping) -> CallTold:
    arguments = telling.put(msgspec.json.encode(call.arguments))
    return CallTold(call.tool_call_id, call.function_name, arguments, _json(call.extra, telling))


def _observation(step: int, result: AtifResult, telling: TrajectoryMapping) -> ObservationImported:
    text, parts = (None, ()) if result.content is None else _said(result.content, telling)
    return ObservationImported(
        step=step,
        call=result.source_call_id,
        text=text,
        parts=parts,
        subagents=tuple(
            SubagentTold(ref.trajectory_id, ref.session_id, ref.trajectory_path)
            for ref in result.subagent_trajectory_ref or ()
        ),
        extra=_json(result.extra, telling),
    )


def _said(content: str | tuple[AtifPart, ...], telling: TrajectoryMapping) -> tuple[Digest, tuple[PartTold, ...]]:
    if isinstance(content, str):
        return telling.put(content.encode()), ()
    texts = [part.text for part in content if part.text is not None]
    return telling.put("\n".join(texts).encode()), tuple(_part(part, telling) for part in content)


def _part(part: AtifPart, telling: TrajectoryMapping) -> PartTold:
    source = part.source
    if source is None or part.type == "text":
        return PartTold(_text(part.text, telling), None)
    held = inline(source.path)
    path, data = (source.path, telling.media.get(source.path)) if held is None else held
    content = None if data is None else telling.put(data)
    return PartTold(None, MediaTold(part.type, source.media_type, path, content, source.duration_sec))


def _usage(metrics: Metrics) -> Usage:
    cached = metrics.cached_tokens
    return Usage(metrics.prompt_tokens, metrics.completion_tokens, cached, reasoning_tokens(metrics))


def _totals(given: FinalMetrics) -> TotalsTold:
    return TotalsTold(
        given.total_prompt_tokens,
        given.total_completion_tokens,
        given.total_cached_tokens,
        _money(given.total_cost_usd),
        given.total_steps,
    )


def _money(dollars: float | None) -> NanoUsd | None:
    return None if dollars is None else nano_usd(dollars)


def _text(text: str | None, telling: TrajectoryMapping) -> Digest | None:
    return None if text is None else telling.put(text.encode())


def _json(value: Any, telling: TrajectoryMapping) -> Digest | None:
    return None if value is None else telling.put(msgspec.json.encode(value))
