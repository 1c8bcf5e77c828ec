"""Effects on models: asked, then answered or failed. In the stream of whoever asks.

A conversation is stored once. Each message is a blob (its exact JSON bytes); a conversation is a blob that
names an earlier conversation and the messages that follow it, so a turn adds two messages and one small
node, however long the talk is. The bytes sent are built from these and their digest is recorded with the
answer, so they can be built again and compared.
"""

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.values import NanoUsd, Role, Usage


class ConversationNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A blob, not an event: a conversation is an earlier one and what was said since."""

    before: Digest | None
    """The conversation this one goes on from. None: it begins here."""
    messages: tuple[Digest, ...]
    """Blobs: exact JSON bytes of one message each."""


class ToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool that the model asked for."""

    id: str
    name: str
    arguments: Digest
    """Blob: the arguments as the model wrote them, which may not be JSON."""


class TryMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One physical request behind a call; retries make several."""

    status: int | None
    """HTTP status. None: there was no response."""
    error: str | None
    """Kind of the error. None: it was answered."""
    waited_s: float
    """Seconds waited before the next try; 0 if none followed."""


class ModelAsked(Event, frozen=True, tag="model.asked"):
    """A model was asked. Exactly these values make up the request; nothing else is sent."""

    role: Role
    model: str
    """As configured: ``provider/model``."""
    conversation: Digest
    """Blob: a `ConversationNode`."""
    tools: Digest | None
    """Blob: JSON list of tools. None: none are offered."""
    parameters: dict[str, str | int | float | bool]
    """Only those the user set."""
    stream: bool
    timeout_s: float | None


class ModelAnswered(Event, frozen=True, tag="model.answered"):
    """It answered."""

    request: Fingerprint
    """Of the body that was sent, which can be built again."""
    reply: Digest
    """Blob: the response, byte for byte."""
    message: Digest
    """Blob: the assistant's message as it goes into the conversation."""
    text: Digest | None
    """Blob: its text. None: it only called tools."""
    tool_calls: tuple[ToolCall, ...]
    finish: str | None
    """The provider's own word. None: it did not say."""
    model: str | None
    """The concrete model the provider named. None: it did not say."""
    usage: Usage
    cost: NanoUsd | None
    """From the provider's own figure, else from its token counts and the configured price. None: unknown."""
    tries: tuple[TryMade, ...]


class ModelFailed(Event, frozen=True, tag="model.failed"):
    """There was no answer. A failed call never becomes text."""

    kind: str
    """``authentication``, ``rate_limit``, ``context_length``, ``refusal``, ``server``, ``network``, ``timeout`` …"""
    status: int | None
    detail: str
    reply: Digest | None
    """Blob: the body of the last response. None: there was none."""
    tries: tuple[TryMade, ...]


class ModelImported(Event, frozen=True, tag="model.imported"):
    """A call of a model in a past run, as another system recorded it. Neither request nor answer went through us."""

    role: Role
    attempt: int
    """The attempt it was made after, as the source counts."""
    model: str | None
    """None: the source does not say."""
    system: Digest | None
    """Blob: the system prompt. None: the source does not hold it."""
    user: Digest | None
    """Blob: the user prompt."""
    response: Digest | None
    """Blob: the answer, or the error text the source kept in its place."""
    usage: Usage
    """As the source counted; SPARK's input counts are unreliable (SPARK, 11.2)."""
    latency_s: float | None
    """Seconds until the answer, as the source measured them. None: it does not say."""
