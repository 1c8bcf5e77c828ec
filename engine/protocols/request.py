"""What is asked of a model, whichever protocol carries it, and what all protocols write alike.

Messages are kept as chat completions have them: the form in which a conversation is recorded. Every protocol writes its
own request from them. An image is not in a message: a part names it by its digest, and its bytes come beside.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol

from msgspec import Struct, json

from engine.protocols.errors import BadRequest
from engine.protocols.json_text import Json

RequestProtocol = Literal["chat", "responses", "messages", "gemini", "embeddings"]
"""Protocols in which requests of our own are written."""

INCLUDE_USAGE: Final = "stream_options.include_usage"
"""A parameter that stands in a table of the body. Parameters are plain values, and recorded as such."""


class ChatRequest(Struct, frozen=True, kw_only=True):
    """One question to a model.

    Attributes:
        model: The name the endpoint knows the model by.
        messages: The exact JSON bytes of each message object, as chat completions have it, in order.
        tools: The exact bytes of a JSON array of tool definitions, as chat completions have them; None when no tool
            is offered.
        parameters: Further body fields (``temperature``, ``max_tokens``, ...), JSON values only. They are
            sent because the user asked for them, `INCLUDE_USAGE` with a stream; nothing else is ever added.
        stream: Whether the answer is asked for as server-sent events. The reply is whole either way.
        timeout_s: Seconds until one physical call must be complete, above 0; None takes the provider's setting.
        protocol: In which the request is written. None: chat completions, and a dot in the name of a parameter is a
            part of it, but for `INCLUDE_USAGE`; otherwise a dot leads into a table.
        images: Bytes of the images that messages name, by their digests.
    """

    model: str
    messages: tuple[bytes, ...]
    tools: bytes | None = None
    parameters: dict[str, Any] = {}
    stream: bool = False
    timeout_s: float | None = None
    protocol: RequestProtocol | None = None
    images: dict[str, bytes] = {}


class RequestWriter(Protocol):
    """How one protocol's requests are written."""

    def body(self, request: ChatRequest) -> bytes:
        """Write the body: a pure function of the request, the same bytes each time.

        Raises:
            BadRequest: The request cannot be written in this protocol.
        """
        ...

    def path(self, model: str, *, stream: bool) -> str:
        """Name the path below the address of the API, with the query that belongs to it."""
        ...


class ImagePart(Struct, frozen=True, tag_field="type", tag="image", forbid_unknown_fields=True):
    """A part of a message's content that names an image.

    Attributes:
        image: Digest of its bytes.
        media_type: Such as ``image/png``.
    """

    image: str
    media_type: str


class InlineImage(NamedTuple):
    """An image as it is sent."""

    media_type: str
    base64: str


def inline_image(part: Mapping[str, Any], images: Mapping[str, bytes]) -> InlineImage:
    """Find the image that a part names.

    Raises:
        BadRequest: Its bytes did not come with the request.
    """
    name = part.get("image")
    if not isinstance(name, str) or name not in images:
        raise BadRequest(f"the image {name!r} did not come with the request", remedy="give its bytes in `images`")
    return InlineImage(str(part.get("media_type")), b64encode(images[name]).decode("ascii"))


def is_image(part: object) -> bool:
    """Say whether a part of a content names an image."""
    return isinstance(part, dict) and part.get("type") == "image"


def parts_of(content: Any) -> list[Json]:
    """Give the parts of a message's content; a text is one part, and an empty one is none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [part for part in content or () if isinstance(part, dict)]


def words_of(content: Any) -> str:
    """Join the texts of a content."""
    return "".join(part["text"] for part in parts_of(content) if isinstance(part.get("text"), str))


def arguments_in(call: Json) -> Json:
    """Read the arguments of a recorded call, which is given back to its provider as an object."""
    try:
        value = json.decode(call["function"]["arguments"])
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def tools_in(request: ChatRequest) -> list[Json]:
    """Give the functions on offer, each with ``name``, ``description`` and ``parameters`` as far as it has them."""
    offered = [] if request.tools is None else json.decode(request.tools)
    return [offer["function"] for offer in offered]


def checked(parameters: Mapping[str, Any], reserved: frozenset[str]) -> dict[str, Any]:
    """Sort the parameters, refusing what would arrive as something else (msgspec writes NaN as ``null``).

    Raises:
        BadRequest: A parameter would overwrite one of the request's own fields, or is not a JSON value.
    """
    if taken := sorted(reserved & {name.partition(".")[0] for name in parameters}):
        raise BadRequest(
            f"parameters hold {', '.join(taken)}, which the request sets itself",
            remedy="take them out of the model's parameters",
        )
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


def in_tables(parameters: Mapping[str, Any]) -> Json:
    """Put parameters whose names have dots into tables: ``thinking.type`` is ``type`` in the table ``thinking``.

    Raises:
        BadRequest: Two parameters want the same place.
    """
    tree: Json = {}
    for name, value in parameters.items():
        *before, last = name.split(".")
        table: Any = tree
        for part in before:
            table = table.setdefault(part, {}) if isinstance(table, dict) else None
        if not isinstance(table, dict) or last in table:
            raise BadRequest(
                f"the parameter {name} and another one want the same place",
                remedy="give either a value or a table under each name",
            )
        table[last] = value
    return tree


def turned(parameters: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Give parameters the names that a protocol has for them, as far as it has others.

    Raises:
        BadRequest: Two of them mean the same.
    """
    given: dict[str, Any] = {}
    for name, value in parameters.items():
        own = names.get(name, name)
        if own in given:
            raise BadRequest(f"two parameters mean {own}, one of them {name}", remedy="give one of them")
        given[own] = value
    return given


def merged(messages: Iterator[Json], held: str) -> list[Json]:
    """Join neighbours of one role, as protocols want it in which roles take turns; what holds nothing is left out.

    Args:
        messages: Each with a role.
        held: Under which name a message has the list of what it holds.
    """
    joined: list[Json] = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1][held] += message[held]
        elif message[held]:
            joined.append(message)
    return joined
