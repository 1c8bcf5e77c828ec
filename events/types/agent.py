"""Effects on agents of other makes: run in a sandbox, and what they asked of their model meanwhile.

The run is asked and ended in the attempt's stream, with what the agent said of itself after it. Each call of its
model has a stream of its own, ``call/<trial>/<n>/<k>``, since several may be under way at once; k counts from 1 in
the order in which they came.
"""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.types.model import ModelAnswered, ModelFailed
from events.values import NamedDigest, Role


class SkillRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a skill that was opened or read while an agent ran, as the kernel told it."""

    name: str
    """Below the skills folder, such as ``greet/SKILL.md``."""
    opened: int
    """How often it was opened."""
    read: int
    """How often bytes of it were read. 0: it was opened, and none were."""


class CallUnanswered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of an agent's model that failed."""

    kind: str
    """As `model.failed` has it."""
    detail: str


class AgentRunAsked(Event, frozen=True, tag="agent.run_asked"):
    """An agent of another make was to be run in the sandbox."""

    agent: str
    package: str
    """Name and exact version, such as ``@openai/codex@1.2.3``."""
    instruction: Digest
    """Blob: what it is told."""
    model: str
    skills: str | None
    """Folder of the skills it is given, as the spec names it. None: it is given none."""
    timeout_s: float | None
    """Seconds it may take. None: no limit."""


class AgentRunFinished(Event, frozen=True, tag="agent.run_finished"):
    """It ended, or was ended."""

    kit: Fingerprint
    """Of what was installed: the lock file of its packages."""
    exit_code: int | None
    """None if a limit killed it."""
    ended: Literal["exited", "timed_out", "output_limit", "memory", "disk"]
    stdout: Digest
    """Blob: its event stream, all of it, the token of the attempt replaced."""
    stderr: Digest
    calls: int
    """Requests it made to the gateway, refused ones included."""
    answered: int
    """Those of them that its model answered."""
    stopped: Literal["turn_limit", "token_limit", "cost_limit", "budget"] | None
    """Why the gateway let no further call pass. None: it let them all."""
    skills: tuple[NamedDigest, ...]
    """Blobs: every file of the skills that were mounted for it. Empty: there were none."""
    reads: tuple[SkillRead, ...]
    """Files of skills that were touched, by name. Empty: no byte of a skill was."""
    unanswered: tuple[CallUnanswered, ...] | None
    """Calls that failed after the last one that was answered, in the order in which they failed. Those that its own end
    broke off are none. None: not recorded."""
    cut: int | None
    """Calls that were under way when it ended, and were broken off. None: not recorded."""


class AgentActed(Event, frozen=True, tag="agent.acted"):
    """The agent used a tool, as its own event stream tells. We did not run it."""

    tool: str
    """In the agent's words, such as ``command_execution`` or ``run_shell_command``."""
    command: Digest
    """Blob: the command, or what the tool was given, as JSON."""
    exit_code: int | None
    """None: the agent does not say."""
    output: Digest
    """Blob: what came of it, as the agent tells."""


class AgentSaid(Event, frozen=True, tag="agent.said"):
    """The agent said something, as its own event stream tells."""

    text: Digest
    """Blob."""
    final: bool
    """Whether it is its answer."""


class CallReceived(Event, frozen=True, tag="call.received"):
    """An agent asked its model for something, through the gateway."""

    role: Role
    protocol: Literal["chat", "responses", "messages", "gemini", "other"]
    """In whose words; ``other`` is none the gateway knows."""
    path: str
    model: str
    """As the agent asks for it. Empty: it names none."""
    stream: bool
    request: Digest
    """Blob: the body, byte for byte, the token of the attempt replaced."""
    barred: Literal["token", "limit"] | None
    """Why it may not be passed on, whatever it asks: its token is not the attempt's, or a limit is reached."""
    detail: str
    """Which limit, for instance. Empty unless it is barred."""


class CallAsked(Event, frozen=True, tag="call.asked"):
    """It is passed on to the provider. Answered or failed like any call of a model."""

    role: Role
    model: str
    request: Digest
    """Blob: the body that is sent: as received, unless a cap on money had to bound its answer."""


class HeaderTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A header of an answer, as an agent got it."""

    name: str
    """In lower case."""
    value: str


class AnswerTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent was told in answer to a call."""

    status: int
    """Of HTTP."""
    headers: tuple[HeaderTold, ...]
    """Those that agents go by, such as ``retry-after``; never one that may hold a key. The others it did not get."""
    body: Digest | None
    """Blob. None: the provider's reply, byte for byte, as far as it came."""
    whole: bool
    """Whether it came to its end. False: the connection was closed in the middle."""


class CallAnswered(ModelAnswered, frozen=True, tag="call.answered"):
    """The provider answered an agent's call. Versions until 323f770 wrote `ModelAnswered` in its place."""

    told: AnswerTold


class CallFailed(ModelFailed, frozen=True, tag="call.failed"):
    """An agent's call was not answered, or not usably. Versions until 323f770 wrote `ModelFailed` in its place."""

    told: AnswerTold


class CallRefused(Event, frozen=True, tag="call.refused"):
    """It is not passed on. The agent was told so in the words of its protocol."""

    reason: Literal["token", "limit", "path", "body"]
    """A wrong or foreign token; a limit of the attempt that is reached; a path or a body that is no call of a model."""
    detail: str
