"""ATIF, Harbor's interchange format for what an agent did, version 1.7: as structs, to be written and to be read.

Unknown keys are passed over when a document is read (`Trajectory.extra` and its like are where others put theirs), and
every optional key that is None is left out when one is written.
"""

from typing import Any, Final, Literal

import msgspec

VERSION: Final = "ATIF-v1.7"
READ: Final = tuple(f"ATIF-v1.{minor}" for minor in range(8))
"""Versions that are read."""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A use of a tool."""

    tool_call_id: str
    function_name: str
    arguments: dict[str, Any]
    extra: dict[str, Any] | None = None


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it."""

    source_call_id: str | None = None
    content: str | list[dict[str, Any]] | None = None
    extra: dict[str, Any] | None = None


class Observation(msgspec.Struct, frozen=True):
    """What the environment gave back."""

    results: tuple[Result, ...]


class Metrics(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of the calls behind one step. Prompt tokens include cached ones."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    extra: dict[str, Any] | None = None


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step, by the user, the system or the agent."""

    step_id: int
    """From 1, without gaps."""
    source: Literal["system", "user", "agent"]
    message: str | list[dict[str, Any]]
    timestamp: str | None = None
    """ISO 8601."""
    model_name: str | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    observation: Observation | None = None
    metrics: Metrics | None = None
    llm_call_count: int | None = None
    extra: dict[str, Any] | None = None


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who acted."""

    name: str
    version: str
    model_name: str | None = None
    tool_definitions: list[dict[str, Any]] | None = None
    extra: dict[str, Any] | None = None


class FinalMetrics(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sums over all steps."""

    total_prompt_tokens: int | None = None
    total_completion_tokens: int | None = None
    total_cached_tokens: int | None = None
    total_cost_usd: float | None = None
    total_steps: int | None = None
    extra: dict[str, Any] | None = None


class Trajectory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A whole document."""

    schema_version: str
    agent: Agent
    steps: tuple[Step, ...]
    session_id: str | None = None
    trajectory_id: str | None = None
    notes: str | None = None
    final_metrics: FinalMetrics | None = None
    extra: dict[str, Any] | None = None
