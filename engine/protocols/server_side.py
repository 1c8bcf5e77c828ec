"""The other side of a protocol, as an endpoint has it: it reads a request, and words an answer or an error."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from engine.protocols.shown_images import ShownImage

SHELLS: Final = ("run", "exec_command", "shell_command", "run_shell_command", "bash", "Bash", "shell")
"""Names under which agents offer a shell, ours first."""

_COMMAND: Final = ("command", "cmd", "script")
"""What the argument is called that holds the command."""

_FILLED: Final[dict[str, object]] = {"string": "as the script says", "boolean": False, "array": [], "object": {}}
_JSON: Final = msgspec.json.Encoder(decimal_format="number")


class Tool(Struct, frozen=True):
    """One tool on offer.

    Attributes:
        name: What it is called.
        parameters: JSON Schema of its arguments; empty if none was given.
    """

    name: str = ""
    parameters: dict[str, Any] = {}


class ServerRequest(Struct, frozen=True, kw_only=True):
    """A request in any protocol, as far as an endpoint looks at it that answers from a script.

    Attributes:
        model: The model asked for.
        opening: All text before the model's first answer: it stays the same for a whole conversation.
        turn: How many answers of the model the conversation holds, from 0.
        tools: What the model may call.
        stream: Whether the answer is wanted in pieces.
        wants_usage: Whether pieces should end with the usage.
        images: Those that the opening shows.
        later: All text that the model was told since its first answer, such as what tools gave.
    """

    model: str
    opening: str
    turn: int
    tools: tuple[Tool, ...] = ()
    stream: bool = False
    wants_usage: bool = True
    images: tuple[ShownImage, ...] = ()
    later: str = ""

    @property
    def shell(self) -> Tool | None:
        """The tool that commands can be given to. None: none is on offer."""
        offered = {tool.name: tool for tool in self.tools}
        return next((offered[name] for name in SHELLS if name in offered), None)


class Wording(NamedTuple):
    """What an answer is made from besides the turn."""

    server: str
    """Who answers."""
    fingerprint: str
    """Of what it answers from."""
    asked: ServerRequest
    digest: str
    """Of the request's body; ids derive from it."""
    size: int
    """Bytes of the request's body."""

    @property
    def model(self) -> str:
        """What answers call the model, so that nobody takes it for one."""
        return f"script/{self.server}"


class ClaimedUsage(NamedTuple):
    """What an answer claims to have used, in tokens."""

    entered: int
    left: int
    cached: int
    """Part of what entered."""
    written: int
    """Another part of it: what was put into a cache."""
    cost: Any
    """In USD. None: no cost is reported."""


class ErrorReply(NamedTuple):
    """An error, in OpenAI's words; others are made from them."""

    status: int
    kind: str
    code: str
    message: str


class ServerSide(Protocol):
    """One protocol. Answers come as chat completions have them: role, content, tool_calls, refusal."""

    def read(self, body: bytes, path: str) -> ServerRequest:
        """Read a request.

        Raises:
            msgspec.DecodeError: It is none of this protocol's.
        """
        ...

    def answer(self, by: Wording, message: dict[str, Any], spent: ClaimedUsage) -> list[bytes]:
        """Word an answer: the body in one piece, or the pieces of a stream."""
        ...

    def error(self, fault: ErrorReply) -> object:
        """Word an error."""
        ...


def encode(value: object) -> bytes:
    """Write JSON, money as numbers."""
    return _JSON.encode(value)


def arguments_for(tool: Tool, command: str) -> str:
    """Word the call of a shell, as JSON: the command under its name, and something for whatever else is required."""
    properties: dict[str, Any] = tool.parameters.get("properties") or {}
    name = next((each for each in _COMMAND if each in properties), _COMMAND[0])
    words = properties.get(name, {}).get("type") == "array"
    arguments: dict[str, object] = {name: ["bash", "-c", command] if words else command}
    for other in tool.parameters.get("required") or ():
        arguments.setdefault(other, _FILLED.get(properties.get(other, {}).get("type"), 1))
    return encode(arguments).decode()


def text_of(content: Any) -> str:
    """Join the text of some content: a string, or a list of parts of which some hold text."""
    match content:
        case str(text) | {"text": str(text)}:
            return text
        case list(parts):
            return "\n".join(text for part in parts if (text := text_of(part)))
        case _:
            return ""


_HOLD_TEXT: Final = ("text", "content", "output", "functionResponse", "response", "result")
"""Keys below which the four protocols put what a model is told after its answers."""


def told_later(contents: Iterable[Any]) -> str:
    """Join the text of what a model is told after its answers: messages, and what its tools gave."""
    return "\n".join(text for content in contents for text in _texts_in(content))


def _texts_in(value: Any) -> Iterator[str]:
    match value:
        case str(text):
            yield text
        case list(parts):
            yield from (text for part in parts for text in _texts_in(part))
        case dict(fields):
            yield from (text for key in _HOLD_TEXT if key in fields for text in _texts_in(fields[key]))
        case _:
            pass


def pieces(text: str, size: int = 40) -> list[str]:
    """Cut a text into the pieces of a stream, in characters."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def event(kind: str, value: dict[str, object]) -> bytes:
    """Word a server-sent event that names its kind twice, as OpenAI's responses and Anthropic do."""
    return b"event: " + kind.encode() + b"\ndata: " + encode({"type": kind, **value}) + b"\n\n"
