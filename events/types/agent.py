"""Effects on installed agents: their run in a sandbox, and the model calls they make meanwhile.

The run is asked and answered in the attempt's stream, followed by what the agent reported. Each of its model calls has
a stream of its own, ``call/<trial>/<n>/<k>``, since several may be in flight at once; k counts from 1 in order of
arrival.
"""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.model import ModelAnswered, ModelFailed
from events.values import NamedDigest, Role


class SkillRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a skill that was opened or read while an agent ran, as reported by the kernel."""

    name: str
    """Below the skills folder, such as ``greet/SKILL.md``."""
    opened: int
    """How often it was opened."""
    read: int
    """How often bytes of it were read. 0: it was opened but not read."""


class CallUnanswered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model call of an agent that failed."""

    kind: str
    """As in `model.call_failed`."""
    detail: str


class AgentRunAsked(Event, frozen=True, tag="agent.run_asked"):
    """An installed agent was requested to run in the sandbox."""

    agent: str
    package: str
    """Name and exact version, such as ``@openai/codex@1.2.3``."""
    instruction: Digest
    """Blob: its instruction."""
    model: str
    skills: str | None
    """Folder of the skills it is given, as the spec names it. None: it is given none."""
    timeout_s: float | None
    """Time limit in seconds. None: no limit."""


class AgentRunFinished(Event, frozen=True, tag="agent.run_finished"):
    """The agent's run ended by itself or at a limit."""

    kit: Fingerprint
    """Of the lock file of the installed packages."""
    exit_code: int | None
    """None if a limit killed it."""
    ended: Literal["exited", "timed_out", "output_limit", "memory", "disk"]
    stdout: Digest
    """Blob: its complete event stream, with the token of the attempt redacted."""
    stderr: Digest
    calls: int
    """Requests to the gateway, including refused ones."""
    answered: int
    """Requests that its model answered."""
    stopped: Literal["turn_limit", "token_limit", "cost_limit", "budget"] | None
    """Why the gateway refused further calls. None: it refused none."""
    skills: tuple[NamedDigest, ...]
    """Blobs: every file of the skills that were mounted. Empty: there were none."""
    reads: tuple[SkillRead, ...]
    """Files of skills that were opened or read, by name. Empty: there were none."""
    unanswered: tuple[CallUnanswered, ...] | None
    """Calls that failed after the last answered one, in the order in which they failed, without those that were aborted
    because the agent ended. None: not recorded."""
    cut: int | None
    """Calls that were in flight when it ended, and were aborted. None: not recorded."""


class AgentActed(Event, frozen=True, tag="agent.acted"):
    """The agent used a tool, according to its own event stream; not run by stillroom."""

    tool: str
    """The agent's own name for it, such as ``command_execution`` or ``run_shell_command``."""
    command: Digest
    """Blob: the command, or the tool's arguments as JSON."""
    exit_code: int | None
    """None: the agent does not say."""
    output: Digest
    """Blob: the result, as the agent reports it."""


class AgentSaid(Event, frozen=True, tag="agent.said"):
    """The agent wrote a message, according to its own event stream."""

    text: Digest
    """Blob."""
    final: bool
    """Whether it is its final answer."""


class CallReceived(Event, frozen=True, tag="call.received"):
    """The gateway received a model call of an agent."""

    role: Role
    protocol: Literal["chat", "responses", "messages", "gemini", "other"]
    """Wire protocol; ``other``: unknown to the gateway."""
    path: str
    model: str
    """As the agent names it. Empty: it names none."""
    stream: bool
    request: Digest
    """Blob: the body, byte for byte, with the token of the attempt redacted."""
    barred: Literal["token", "limit"] | None
    """Why it must not be forwarded: its token is not the attempt's, or a limit is reached. None: it may be."""
    detail: str
    """Details, such as which limit. Empty unless it is barred."""


class CallAsked(Event, frozen=True, tag="call.asked"):
    """The call was forwarded to the provider. It is answered or failed like any model call."""

    role: Role
    model: str
    request: Digest
    """Blob: the body that is sent: as received, except that a spending limit may bound the length of its answer."""


class HeaderTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A header of an answer, as the agent received it."""

    name: str
    """In lower case."""
    value: str


class AnswerTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP response that an agent received for a call."""

    status: int
    """HTTP status."""
    headers: tuple[HeaderTold, ...]
    """Headers that agents use, such as ``retry-after``; never one that may hold a key. Others are not forwarded."""
    body: Digest | None
    """Blob. None: the provider's reply, byte for byte, as far as it arrived."""
    whole: bool
    """Whether it was complete. False: the connection was closed before its end."""


class CallAnswered(ModelAnswered, frozen=True, tag="call.answered"):
    """The provider answered an agent's call. Versions until 323f770 recorded `ModelAnswered` instead."""

    told: AnswerTold


class CallFailed(ModelFailed, frozen=True, tag="call.failed"):
    """An agent's call failed or had no usable answer. Versions until 323f770 recorded `ModelFailed` instead."""

    told: AnswerTold


class CallRefused(Event, frozen=True, tag="call.refused"):
    """The call was not forwarded. The agent received an error of its protocol."""

    reason: Literal["token", "limit", "path", "body"]
    """The token is not the attempt's; a limit of the attempt is reached; the path or the body is not a model call."""
    detail: str
