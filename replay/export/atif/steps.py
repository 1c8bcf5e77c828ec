"""The steps of an attempt, gathered from its events one after the other."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from engine.importers.atif.schema import AtifObservation, AtifResult, AtifStep, AtifToolCall, Metrics
from events.base import Recorded
from events.store.base import BlobStore
from events.types.agent import AgentActed, AgentSaid
from events.types.model import ModelAnswered
from events.types.model import ToolCall as AskedCall
from events.types.sandbox import ActionAsked, ActionObserved, SolutionAsked

NO_ID = "command-{version}"
"""Id of a command that the model wrote into its text: the format knows actions as calls of tools only."""


class Gathering(NamedTuple):
    """A step that is still being gathered: what was done comes after what was said."""

    at: int | None
    """Microseconds since 1970, UTC. None: nobody recorded it."""
    message: str
    model: str | None
    calls: tuple[AtifToolCall, ...]
    results: tuple[AtifResult, ...]
    metrics: Metrics | None
    asked: int | None
    """Calls of a model behind it. None: nobody counted them."""
    extra: dict[str, Any]


def step(number: int, given: Gathering) -> AtifStep:
    """Give a gathered step its number."""
    return AtifStep(
        step_id=number,
        source="agent",
        message=given.message,
        timestamp=None if given.at is None else timestamp(given.at),
        model_name=given.model,
        tool_calls=given.calls or None,
        observation=AtifObservation(given.results) if given.results else None,
        metrics=given.metrics,
        llm_call_count=given.asked,
        extra=given.extra,
    )


def timestamp(at: int) -> str:
    """Write a time as ISO 8601."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat()


async def of_answer(blobs: BlobStore, recorded: Recorded, event: ModelAnswered) -> Gathering:
    """Begin a step with what a model answered."""
    usage = event.usage
    metrics = Metrics(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        cached_tokens=usage.cached_input_tokens,
        cost_usd=None if event.cost is None else event.cost / 1e9,
        extra=None if usage.reasoning_tokens is None else {"reasoning_tokens": usage.reasoning_tokens},
    )
    extra = {
        "event": place_of(recorded),
        "request_sha256": str(event.request),
        "reply_sha256": str(event.reply),
        "finish": event.finish,
        "tries": len(event.earlier) + 1,
    }
    text = "" if event.text is None else (await blobs.get(event.text)).decode(errors="replace")
    calls = tuple([await _call(blobs, each) for each in event.tool_calls])
    return Gathering(recorded.at, text, event.model, calls, (), metrics, 1, extra)


async def _call(blobs: BlobStore, asked: AskedCall) -> AtifToolCall:
    """Give a call; arguments that are no JSON object have no place but beside."""
    written = (await blobs.get(asked.arguments)).decode(errors="replace")
    try:
        arguments = msgspec.json.decode(written, type=dict[str, Any])
    except msgspec.MsgspecError:
        return AtifToolCall(asked.id, asked.name, {}, {"arguments_as_written": written})
    return AtifToolCall(asked.id, asked.name, arguments)


async def with_action(blobs: BlobStore, so_far: Gathering, asked: Recorded, observed: ActionObserved) -> Gathering:
    """Add what was run and what came of it."""
    number = len(so_far.results)
    calls = so_far.calls
    if number >= len(calls):
        calls = (*calls, await _command(blobs, asked))
    stdout, stderr = [(await blobs.get(each)).decode(errors="replace") for each in (observed.stdout, observed.stderr)]
    extra = {
        "exit_code": observed.exit_code,
        "ended": observed.ended,
        "stdout_sha256": str(observed.stdout),
        "stderr_sha256": str(observed.stderr),
    }
    result = AtifResult(calls[number].tool_call_id, stdout + stderr, extra=extra)
    return so_far._replace(calls=calls, results=(*so_far.results, result))


async def _command(blobs: BlobStore, asked: Recorded) -> AtifToolCall:
    event = asked.event
    name = NO_ID.format(version=asked.version)
    if isinstance(event, SolutionAsked):
        return AtifToolCall(name, "solve", {"task": event.task}, {"written_as": "the task's own solution"})
    assert isinstance(event, ActionAsked)
    command = (await blobs.get(event.command)).decode(errors="replace")
    return AtifToolCall(name, "run", {"command": command}, {"written_as": "text, not a call of a tool"})


async def of_acted(blobs: BlobStore, recorded: Recorded, event: AgentActed) -> Gathering:
    """Give a step that an agent of another make tells of."""
    given = (await blobs.get(event.command)).decode(errors="replace")
    output = (await blobs.get(event.output)).decode(errors="replace")
    try:
        arguments = msgspec.json.decode(given, type=dict[str, Any])
    except msgspec.MsgspecError:
        arguments = {"command": given}
    name = NO_ID.format(version=recorded.version)
    results = (AtifResult(name, output, extra={"exit_code": event.exit_code}),)
    calls = (AtifToolCall(name, event.tool, arguments),)
    return Gathering(recorded.at, "", None, calls, results, None, 0, {"event": place_of(recorded)})


async def of_said(blobs: BlobStore, recorded: Recorded, event: AgentSaid) -> Gathering:
    """Give what an agent of another make said."""
    text = (await blobs.get(event.text)).decode(errors="replace")
    return Gathering(recorded.at, text, None, (), (), None, 0, {"event": place_of(recorded), "final": event.final})


def place_of(recorded: Recorded) -> str:
    """Give the id that opens an event."""
    return f"{recorded.stream.run}:{recorded.stream.name}@{recorded.version}"
