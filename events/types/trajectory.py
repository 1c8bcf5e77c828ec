"""Steps of a past run, as a trajectory of another system tells them. In the attempt's stream: we did not see it happen.

What an agent of ours does is asked and observed; what a trajectory tells has no such halves, no exit code and often no
result. Hence events of their own, and nothing made up to fill those of a live attempt.
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
    """As the source names the file; of a ``data:`` address only what stands before its bytes."""
    content: Digest | None
    """Blob: its bytes. None: they were not beside the trajectory, and nothing was fetched."""
    duration_s: float | None
    """Seconds. None: the source does not say."""


class PartTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a message: a text or something else, never both."""

    text: Digest | None
    """Blob."""
    media: MediaTold | None


class CallTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A use of a tool."""

    id: str
    name: str
    arguments: Digest
    """Blob: a JSON object."""
    extra: Digest | None
    """Blob: what else the source says of it, as JSON. None: nothing."""


class SubagentTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which other trajectory tells what was delegated. None: not named so."""

    trajectory: str | None
    """Id of one that follows in this stream."""
    session: str | None
    path: str | None
    """Of another file, as the source names it."""


class TotalsTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sums as the source states them, right or wrong. None: it does not state that one."""

    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost: NanoUsd | None
    steps: int | None


class TrajectoryImported(Event, frozen=True, tag="trajectory.imported"):
    """A trajectory begins: its steps follow, up to the next. The first in a stream is that of the attempt's agent."""

    file: str
    """The file it stands in, by its name among those of the run."""
    version: str
    """Of the format, such as ``ATIF-v1.7``."""
    below: str | None
    """Id of the trajectory that it is embedded in; empty if that has none. None: it is a document of its own."""
    agent: str
    agent_version: str
    model: str | None
    tools: Digest | None
    """Blob: JSON list of the tools it was offered."""
    session: str | None
    """The source's id of the run it belongs to."""
    trajectory: str | None
    """The source's id of this trajectory."""
    notes: Digest | None
    """Blob."""
    totals: TotalsTold | None
    continued: str | None
    """File in which it goes on, as the source names it."""
    extra: Digest | None
    """Blob: what else the source says of it, as JSON."""


class StepImported(Event, frozen=True, tag="trajectory.step_imported"):
    """Somebody said something, and if it was the agent, perhaps called tools."""

    number: int
    """As the source counts, from 1."""
    source: Literal["system", "user", "agent"]
    text: Digest
    """Blob: what was said; of several parts those that are text, joined by LF."""
    parts: tuple[PartTold, ...]
    """What was said in parts. Empty: it was a text."""
    reasoning: Digest | None
    """Blob."""
    model: str | None
    """Where the step names none, that of its trajectory. None: neither says, or no model was asked."""
    calls: tuple[CallTold, ...]
    """Tools it called, in order."""
    usage: Usage | None
    """As the source counted; of a copy it counts where that was copied from. None: the source does not say."""
    cost: NanoUsd | None
    """None: the source does not say."""
    asked: int | None
    """How many calls of a model stand behind it. None: nobody counted."""
    copied: bool | None
    """Whether it was taken over from an earlier trajectory. None: the source does not say."""
    said_at: str | None
    """ISO 8601, as the source wrote it."""
    extra: Digest | None
    """Blob: what else the source says of it, as JSON."""

    @property
    def answers(self) -> int:
        """How many answers of a model it counts for: one where nobody counted, since agents seldom act without."""
        if self.source != "agent" or self.copied:
            return 0
        return 1 if self.asked is None else self.asked


class ObservationImported(Event, frozen=True, tag="trajectory.observation_imported"):
    """What came of it. Its cause is the step."""

    step: int
    call: str | None
    """Id of the tool's call. None: it names none."""
    text: Digest | None
    """Blob: as in a step. None: the source holds no content."""
    parts: tuple[PartTold, ...]
    subagents: tuple[SubagentTold, ...]
    extra: Digest | None
    """Blob: what else the source says of it, as JSON."""
