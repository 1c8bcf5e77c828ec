"""ATIF, Harbor's interchange format for what an agent did: as structs, to be written in 1.7 and read up to 1.8.

They hold what has a place in the log. Other keys are passed over when a document is read, and `atif_losses` names them;
every optional key that is None is left out when one is written.
"""

from typing import Any, Final, Literal

import msgspec

VERSION: Final = "ATIF-v1.7"
READ: Final = tuple(f"ATIF-v1.{minor}" for minor in range(9))
"""Versions that are read: all that Harbor's own models know. Like those, a field may be of a later one."""


class AtifSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a picture or a sound is."""

    media_type: str
    path: str
    """Of a file, from the document's folder, or an address."""
    duration_sec: float | None = None
    """Seconds."""


class AtifPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a message that is more than text."""

    type: Literal["text", "image", "audio"]
    text: str | None = None
    source: AtifSource | None = None


class SubagentRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which trajectory tells what an agent below did."""

    trajectory_id: str | None = None
    """Of one that is embedded in the document."""
    session_id: str | None = None
    """For readers; up to 1.6 it was the only key."""
    trajectory_path: str | None = None
    """Of another file."""


class AtifToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A use of a tool."""

    tool_call_id: str
    function_name: str
    arguments: dict[str, Any]
    extra: dict[str, Any] | None = None


class AtifResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it."""

    source_call_id: str | None = None
    content: str | tuple[AtifPart, ...] | None = None
    subagent_trajectory_ref: tuple[SubagentRef, ...] | None = None
    extra: dict[str, Any] | None = None


class AtifObservation(msgspec.Struct, frozen=True):
    """What the environment gave back."""

    results: tuple[AtifResult, ...]


class Metrics(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of the calls behind one step. Prompt tokens include cached ones."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    extra: dict[str, Any] | None = None


class AtifStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step, by the user, the system or the agent."""

    step_id: int
    """From 1, without gaps."""
    source: Literal["system", "user", "agent"]
    message: str | tuple[AtifPart, ...]
    timestamp: str | None = None
    """ISO 8601."""
    model_name: str | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[AtifToolCall, ...] | None = None
    observation: AtifObservation | None = None
    metrics: Metrics | None = None
    is_copied_context: bool | None = None
    """Whether it was taken over from an earlier trajectory, and is told and paid for there."""
    llm_call_count: int | None = None
    """How many calls of a model stand behind it. None: nobody counted."""
    extra: dict[str, Any] | None = None


class AtifAgent(msgspec.Struct, frozen=True, omit_defaults=True):
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


class AtifTrajectory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A whole document."""

    schema_version: str
    agent: AtifAgent
    steps: tuple[AtifStep, ...]
    session_id: str | None = None
    trajectory_id: str | None = None
    notes: str | None = None
    final_metrics: FinalMetrics | None = None
    continued_trajectory_ref: str | None = None
    """File in which it goes on."""
    subagent_trajectories: tuple["AtifTrajectory", ...] | None = None
    extra: dict[str, Any] | None = None
