"""Which fields of a trajectory have no place in the log: counted by their path, so that nothing is lost silently."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

_PART: Final = ("type", "text", "source.media_type", "source.path", "source.duration_sec")
_RESULT: Final = (
    "source_call_id",
    *(f"content[].{each}" for each in _PART),
    *(f"subagent_trajectory_ref[].{each}" for each in ("trajectory_id", "session_id", "trajectory_path")),
    "extra",
)
_CALL: Final = ("tool_call_id", "function_name", "arguments", "extra")
_STEP: Final = (
    "step_id",
    "source",
    *(f"message[].{each}" for each in _PART),
    "timestamp",
    "model_name",
    "reasoning_content",
    *(f"tool_calls[].{each}" for each in _CALL),
    *(f"observation.results[].{each}" for each in _RESULT),
    *(f"metrics.{each}" for each in ("prompt_tokens", "completion_tokens", "cached_tokens", "cost_usd")),
    "metrics.extra.reasoning_tokens",
    "is_copied_context",
    "llm_call_count",
    "extra",
)
_TOTALS: Final = (
    "total_prompt_tokens",
    "total_completion_tokens",
    "total_cached_tokens",
    "total_cost_usd",
    "total_steps",
)
HELD: Final = frozenset(
    (
        "schema_version",
        "session_id",
        "trajectory_id",
        *(f"agent.{each}" for each in ("name", "version", "model_name", "tool_definitions")),
        *(f"steps[].{each}" for each in _STEP),
        "notes",
        *(f"final_metrics.{each}" for each in _TOTALS),
        "continued_trajectory_ref",
        "extra",
    )
)
"""Paths of what the log holds, with all that is in it; ``[]`` stands for any place in a list."""

_ON_THE_WAY: Final = frozenset(
    path[:at] for path in HELD for at in range(len(path)) if path[at] == "." or path[at:].startswith("[]")
)
_BELOW: Final = "subagent_trajectories"


def losses(document: dict[str, Any]) -> dict[str, int]:
    """Count what has no place, by path, that of embedded trajectories by theirs. Null is no loss."""
    return dict(sorted(Counter(_lost(document, "", "")).items()))


def _lost(value: Any, path: str, below: str) -> Iterator[str]:
    """Give the paths of what is lost, with `below`, the way to the trajectory that `path` begins in."""
    if value is None or path in HELD:
        return
    if path == _BELOW:
        for each in value:
            yield from _lost(each, "", f"{below}{_BELOW}[].")
    elif path and path not in _ON_THE_WAY:
        yield below + path
    else:
        # A text may stand where there may be a list of parts: the log holds it whole.
        for step, each in _within(value):
            yield from _lost(each, f"{path}{step}".removeprefix("."), below)


def _within(value: Any) -> list[tuple[str, Any]]:
    """Give what stands in a value, each with its step of the path."""
    match value:
        case dict():
            return [(f".{key}", each) for key, each in value.items()]
        case list():
            return [("[]", each) for each in value]
        case _:
            return []
