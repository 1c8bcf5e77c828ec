"""Effects on models: asked, then answered or failed. In the stream of the actor that asks.

A conversation is stored once. Each message is a blob (its exact JSON bytes); a conversation is a blob that names an
earlier conversation and the messages that follow it, so a turn adds two messages and one small node, however long the
conversation is. Requests are built from these blobs, and their digest is recorded with the answer, so they can be
rebuilt and compared.
"""

from typing import Literal

import msgspec

from events.base import Event
from events.digest import Digest, Fingerprint
from events.values import NanoUsd, Role, Usage


class ConversationNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A blob, not an event: an earlier conversation and the messages that follow it."""

    before: Digest | None
    """The conversation that this one continues. None: it starts here."""
    messages: tuple[Digest, ...]
    """Blobs: exact JSON bytes of one message each."""
    images: tuple[Digest, ...] = ()
    """Blobs: the images that these messages name, without repetition. Left out of the payload if empty."""


class ToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call that the model requested."""

    id: str
    name: str
    arguments: Digest
    """Blob: the arguments as the model wrote them, which may not be JSON."""


class TryMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One physical request, as versions until 323f770 recorded it, with the outcome of its call."""

    status: int | None
    """HTTP status. None: there was no response."""
    error: str | None
    """Kind of the error. None: it was answered."""
    waited_s: float
    """Seconds waited before the next try; 0 if none followed."""


class ModelAsked(Event, frozen=True, tag="model.asked", omit_defaults=True):
    """One physical request to a model. The request is built from exactly these values; nothing else is sent."""

    role: Role
    model: str
    """As configured: ``provider/model``."""
    conversation: Digest
    """Blob: a `ConversationNode`."""
    tools: Digest | None
    """Blob: JSON list of tools. None: no tools are offered."""
    parameters: dict[str, str | int | float | bool]
    """Parameters that the user set, and ``stream_options.include_usage`` if the usage of a stream is requested."""
    stream: bool
    timeout_s: float | None
    protocol: Literal["chat", "responses", "messages", "gemini", "embeddings"] | None = None
    """Protocol of the request; a dot in the name of a parameter then leads into a table. None, and left out of the
    payload: chat completions, with no such table except ``stream_options.include_usage``."""


class ModelAnswered(Event, frozen=True, tag="model.call_answered"):
    """The model answered."""

    request: Fingerprint
    """Of the body that was sent, which can be rebuilt."""
    reply: Digest
    """Blob: the response, byte for byte."""
    message: Digest
    """Blob: the assistant's message as it is added to the conversation."""
    text: Digest | None
    """Blob: its text. None: it has no text, or only tool calls."""
    tool_calls: tuple[ToolCall, ...]
    finish: str | None
    """Finish reason in the provider's own words. None: not reported."""
    model: str | None
    """The concrete model that the provider reported. None: not reported."""
    usage: Usage
    cost: NanoUsd | None
    """Reported by the provider, else computed from its token counts and the configured price. None: unknown."""
    reasoning: Digest | None
    """Blob: its reasoning, as far as the provider shows it; never part of its text. None: none is shown."""
    status: int | None
    """HTTP status. None: not recorded."""
    earlier: tuple[TryMade, ...]
    """Earlier physical requests of the same call, as versions until 323f770 recorded them. Later versions: empty."""


class ModelFailed(Event, frozen=True, tag="model.call_failed"):
    """A physical request failed or had no usable answer. A failed call never becomes text."""

    kind: str
    """``authentication``, ``rate_limit``, ``context_length``, ``refusal``, ``server``, ``network``, ``timeout`` …"""
    status: int | None
    detail: str
    reply: Digest | None
    """Blob: the body of the response. None: there was none."""
    usage: Usage
    """Usage that the provider reported; a refused or truncated answer is often billed."""
    cost: NanoUsd | None
    """Reported by the provider, else computed from its token counts and the configured price. None: unknown."""
    sent: bool | None
    """Whether the request may have reached the provider. False: no connection was made. None: not recorded."""
    retryable: bool
    """Whether the same request may succeed later."""
    retry_after_s: float | None
    """Seconds that the provider asked to wait, 0 or more. None: it did not ask."""
    earlier: tuple[TryMade, ...]
    """Earlier physical requests of the same call, as versions until 323f770 recorded them. Later versions: empty."""


class RetryAsked(Event, frozen=True, tag="model.retry_asked"):
    """A failed call is retried after a wait."""

    tries: int
    """Physical requests so far, from 1."""
    wait_s: float
    """Seconds to wait, 0 or more."""


class RetryDue(Event, frozen=True, tag="model.retry_due"):
    """The wait is over."""


class ModelImported(Event, frozen=True, tag="model.imported"):
    """A model call of a past run, as another system recorded it; not observed by stillroom."""

    role: Role
    attempt: int
    """The attempt after which it was made, as the source counts."""
    model: str | None
    """None: the source does not say."""
    system: Digest | None
    """Blob: the system prompt. None: the source does not contain it."""
    user: Digest | None
    """Blob: the user prompt."""
    response: Digest | None
    """Blob: the answer, or the error text that the source stored instead."""
    usage: Usage
    """As the source counted; SPARK's input counts are unreliable (SPARK, 11.2)."""
    latency_s: float | None
    """Seconds until the answer, as the source measured. None: it does not say."""
