"""Steps of a past run, from a trajectory of another system. In the attempt's stream; not observed by stillroom.

The actions of a live agent are asked and observed. Steps of a trajectory have no such pairs, no exit code and often no
result, so they have events of their own, and nothing is invented to fill the events of a live attempt.
"""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest
from events.values import NanoUsd, Usage


class MediaTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture or a sound in a message."""

    kind: Literal["image", "audio"]
    media_type: str
    path: str
    """Path of the file in the source; of a ``data:`` URL only the part before its bytes."""
    content: Digest | None
    """Blob: its bytes. None: the file was not beside the trajectory; nothing is downloaded."""
    duration_s: float | None
    """Seconds. None: the source does not say."""


class PartTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a message: either text or media."""

    text: Digest | None
    """Blob."""
    media: MediaTold | None


class CallTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call."""

    id: str
    name: str
    arguments: Digest
    """Blob: a JSON object."""
    extra: Digest | None
    """Blob: further fields of the source, as JSON. None: there are none."""


class SubagentTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The trajectory of a delegated task. None: not named in this way."""

    trajectory: str | None
    """Id of a trajectory that follows in this stream."""
    session: str | None
    path: str | None
    """Path of another file, as the source names it."""


class TotalsTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Totals as the source states them, unchecked. None: it does not state this one."""

    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost: NanoUsd | None
    steps: int | None


class TrajectoryImported(Event, frozen=True, tag="trajectory.imported"):
    """A trajectory starts; its steps follow, up to the next one. The first in a stream is that of the agent."""

    file: str
    """Name of its file, among the files of the run."""
    version: str
    """Of the format, such as ``ATIF-v1.7``."""
    below: str | None
    """Id of the trajectory that it is embedded in; empty if that one has no id. None: it is a document of its own."""
    agent: str
    agent_version: str
    model: str | None
    tools: Digest | None
    """Blob: JSON list of the tools that were offered."""
    session: str | None
    """The source's id of the run it belongs to."""
    trajectory: str | None
    """The source's id of this trajectory."""
    notes: Digest | None
    """Blob."""
    totals: TotalsTold | None
    continued: str | None
    """File that continues it, as the source names it."""
    extra: Digest | None
    """Blob: further fields of the source, as JSON."""


class StepImported(Event, frozen=True, tag="trajectory.step_imported"):
    """One step of a trajectory: a message and, from the agent, its tool calls."""

    number: int
    """As the source counts, from 1."""
    source: Literal["system", "user", "agent"]
    text: Digest
    """Blob: the message; of several parts the text parts, joined by LF."""
    parts: tuple[PartTold, ...]
    """The parts of the message. Empty: it was plain text."""
    reasoning: Digest | None
    """Blob."""
    model: str | None
    """Model of the step, else of its trajectory. None: neither says, or no model was called."""
    calls: tuple[CallTold, ...]
    """Tool calls, in order."""
    usage: Usage | None
    """As the source counted; a copied step counts at its original. None: the source does not say."""
    cost: NanoUsd | None
    """None: the source does not say."""
    asked: int | None
    """Number of model calls behind the step. None: unknown."""
    copied: bool | None
    """Whether it was copied from an earlier trajectory. None: the source does not say."""
    said_at: str | None
    """ISO 8601, as the source wrote it."""
    extra: Digest | None
    """Blob: further fields of the source, as JSON."""

    @property
    def answers(self) -> int:
        """Number of model answers it counts for; 1 if unknown, since agents seldom act without one."""
        if self.source != "agent" or self.copied:
            return 0
        return 1 if self.asked is None else self.asked


class ObservationImported(Event, frozen=True, tag="trajectory.observation_imported"):
    """The result of a step or of one of its tool calls. Its cause is the step."""

    step: int
    call: str | None
    """Id of the tool call. None: it names none."""
    text: Digest | None
    """Blob: as in a step. None: the source has no content."""
    parts: tuple[PartTold, ...]
    subagents: tuple[SubagentTold, ...]
    extra: Digest | None
    """Blob: further fields of the source, as JSON."""
