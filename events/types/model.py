"""Effects on models: asked, then answered or failed. In the stream of whoever asks.

A conversation is stored once. Each message is a blob (its exact JSON bytes); a conversation is a blob that
names an earlier conversation and the messages that follow it, so a turn adds two messages and one small
node, however long the talk is. The bytes sent are built from these and their digest is recorded with the
answer, so they can be built again and compared.
"""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.values import NanoUsd, Role, Usage


class ConversationNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A blob, not an event: a conversation is an earlier one and what was said since."""

    before: Digest | None
    """The conversation this one goes on from. None: it begins here."""
    messages: tuple[Digest, ...]
    """Blobs: exact JSON bytes of one message each."""
    images: tuple[Digest, ...] = ()
    """Blobs: the images that these messages name, each once. Empty, and left out of the bytes: they name none."""


class ToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool that the model asked for."""

    id: str
    name: str
    arguments: Digest
    """Blob: the arguments as the model wrote them, which may not be JSON."""


class TryMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One physical request, as versions until 323f770 recorded it: not by itself, but with the outcome of its call."""

    status: int | None
    """HTTP status. None: there was no response."""
    error: str | None
    """Kind of the error. None: it was answered."""
    waited_s: float
    """Seconds waited before the next try; 0 if none followed."""


class ModelAsked(Event, frozen=True, tag="model.asked", omit_defaults=True):
    """A model was asked, once. Exactly these values make up the request; nothing else is sent."""

    role: Role
    model: str
    """As configured: ``provider/model``."""
    conversation: Digest
    """Blob: a `ConversationNode`."""
    tools: Digest | None
    """Blob: JSON list of tools. None: none are offered."""
    parameters: dict[str, str | int | float | bool]
    """Those the user set, and ``stream_options.include_usage`` where the usage of a stream is asked for."""
    stream: bool
    timeout_s: float | None
    protocol: Literal["chat", "messages", "gemini"] | None = None
    """In which the request is written; a dot in the name of a parameter then leads into a table. None, and left out of
    the bytes: chat completions, without such tables but for ``stream_options.include_usage``."""


class ModelAnswered(Event, frozen=True, tag="model.call_answered"):
    """It answered."""

    request: Fingerprint
    """Of the body that was sent, which can be built again."""
    reply: Digest
    """Blob: the response, byte for byte."""
    message: Digest
    """Blob: the assistant's message as it goes into the conversation."""
    text: Digest | None
    """Blob: its text. None: it said nothing, or only called tools."""
    tool_calls: tuple[ToolCall, ...]
    finish: str | None
    """The provider's own word. None: it did not say."""
    model: str | None
    """The concrete model the provider named. None: it did not say."""
    usage: Usage
    cost: NanoUsd | None
    """From the provider's own figure, else from its token counts and the configured price. None: unknown."""
    reasoning: Digest | None
    """Blob: what it thought, as far as the provider shows it; never part of its text. None: nothing is shown."""
    status: int | None
    """HTTP status. None: not recorded."""
    earlier: tuple[TryMade, ...]
    """Physical requests before it under the same asking, as versions until 323f770 made them. Since then: empty."""


class ModelFailed(Event, frozen=True, tag="model.call_failed"):
    """A physical request that was not answered, or not usably. A failed call never becomes text."""

    kind: str
    """``authentication``, ``rate_limit``, ``context_length``, ``refusal``, ``server``, ``network``, ``timeout`` …"""
    status: int | None
    detail: str
    reply: Digest | None
    """Blob: the body of the response. None: there was none."""
    usage: Usage
    """As the provider counted all the same; a refused or cut answer is often paid for."""
    cost: NanoUsd | None
    """From the provider's own figure, else from its token counts and the configured price. None: not stated."""
    sent: bool | None
    """Whether the request may have reached the provider. False: no connection was made. None: not recorded."""
    retryable: bool
    """Whether the same request may be answered at another time."""
    retry_after_s: float | None
    """Seconds the provider asked to wait, 0 or more. None: it did not ask."""
    earlier: tuple[TryMade, ...]
    """Physical requests before it under the same asking, as versions until 323f770 made them. Since then: empty."""


class RetryAsked(Event, frozen=True, tag="model.retry_asked"):
    """A call that failed is to be made again, after a wait."""

    tries: int
    """Physical requests made for it so far, from 1."""
    wait_s: float
    """Seconds to wait first, 0 or more."""


class RetryDue(Event, frozen=True, tag="model.retry_due"):
    """The wait is over."""


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
