"""What is asked of a model and what comes back: values, and the one protocol between them.

Messages are kept as the exact bytes they had when they entered the log, so a request can be assembled again
from its blobs to the last byte, today or in a year.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from msgspec import Raw, Struct, json

from engine.protocols.allowance import SILENT, Allowance
from engine.protocols.errors import BadRequest
from engine.protocols.reply import ChatReply

Clock = Callable[[], int]
"""Gives UTC microseconds since 1970. Passed in, so that a test or a replay decides what time it is."""

INCLUDE_USAGE: Final = "stream_options.include_usage"
"""A parameter that stands in a table of the body. Parameters are plain values, and recorded as such."""

RESERVED = frozenset({"messages", "model", "stream", "tools"})
"""Body fields that belong to the request itself and so cannot be set as parameters."""


class ChatRequest(Struct, frozen=True, kw_only=True):
    """One question to a model.

    Attributes:
        model: The name the endpoint knows the model by.
        messages: The exact JSON bytes of each message object, in order, system message first.
        tools: The exact bytes of a JSON array of tool definitions; None when no tool is offered.
        parameters: Further body fields (``temperature``, ``max_tokens``, ...), JSON values only. They are
            sent because the user asked for them, `INCLUDE_USAGE` with a stream; nothing else is ever added.
        stream: Whether the answer is asked for as server-sent events. The reply is whole either way.
        timeout_s: Seconds until one physical call must be complete, above 0; None takes the provider's setting.
    """

    model: str
    messages: tuple[bytes, ...]
    tools: bytes | None = None
    parameters: dict[str, Any] = {}
    stream: bool = False
    timeout_s: float | None = None


class Seat(Protocol):
    """A place for one physical call. Whoever has it says how the call went, or nothing if that says nothing."""

    def answered(self, tokens: int | None = None, left: Allowance = SILENT) -> None:
        """Say that it was answered.

        Args:
            tokens: Input and output together. None: not counted.
            left: What the provider says is left of its limits.
        """

    def refused(self, retry_after_s: float | None = None, left: Allowance = SILENT) -> None:
        """Say that it was refused because there were too many (429). None: it was not said how long to wait."""

    def overloaded(self, retry_after_s: float | None = None, left: Allowance = SILENT) -> None:
        """Say that the provider has too much load (503, 529)."""


Gate = Callable[[], AbstractAsyncContextManager[Seat]]
"""Waits for a place for one physical call."""


class ChatProvider(Protocol):
    """Answers questions, or says in a typed way why not.

    One instance serves any number of callers at once; whoever needs a limit puts a gate in front.
    """

    async def complete(self, request: ChatRequest, gate: Gate) -> ChatReply:
        """Make one physical call, through the gate. Whether to call again is for whoever asks to decide.

        Raises:
            ProviderError: One of the tree in ``engine/protocols/errors.py``.
        """
        ...


def body_of(request: ChatRequest) -> bytes:
    """Assemble the request body: a pure function of the request, the same bytes each time.

    Order: model, messages, tools, stream, then the parameters by name, `INCLUDE_USAGE` in its table. Messages and tools
    are embedded byte for byte. ``stream`` is sent only when it is true, and no other field is added.

    Raises:
        BadRequest: A parameter would overwrite one of the request's own fields, or is not a JSON value.
    """
    if taken := sorted(RESERVED & request.parameters.keys()):
        raise BadRequest(
            f"parameters hold {', '.join(taken)}, which the request sets itself",
            remedy="take them out of the model's parameters",
        )
    body: dict[str, Any] = {"model": request.model, "messages": [Raw(message) for message in request.messages]}
    if request.tools is not None:
        body["tools"] = Raw(request.tools)
    if request.stream:
        body["stream"] = True
    for name, value in _checked(request.parameters).items():
        if name == INCLUDE_USAGE:
            body["stream_options"] = {"include_usage": value}
        else:
            body[name] = value
    return json.encode(body)


def _checked(parameters: dict[str, Any]) -> dict[str, Any]:
    """Sort the parameters, refusing what would arrive as something else (msgspec writes NaN as ``null``)."""
    ordered = {name: parameters[name] for name in sorted(parameters)}
    try:
        same = json.decode(json.encode(ordered)) == ordered
    except (TypeError, ValueError) as error:
        raise BadRequest(f"parameters are not JSON: {error}", remedy="use JSON values only") from error
    if not same:
        raise BadRequest(
            f"parameters would not arrive as they are written: {ordered!r}",
            remedy="use JSON values only: finite numbers, strings, true, false, null, lists and tables",
        )
    return ordered
