"""What an agent of another make is to us: a package, a way to start it, and a way to read what it prints."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final, NamedTuple, Protocol

import msgspec

from engine.protocols.errors import UNREADABLE

KIT: Final = "/opt/stillroom/kit"
"""Where a sandbox sees the kit."""
ATTEMPT: Final = "/opt/stillroom/attempt"
"""Where it sees what is the attempt's own: socket, instruction, skills."""
STATE: Final = "/tmp/stillroom-agent"  # noqa: S108 - in the sandbox, made there by its own user
"""Folder for settings, skills and sessions of the agent. Its home is the sandbox's own, where tests look."""
ADDRESS: Final = "http://127.0.0.1:@PORT@"
"""Where the agent reaches the gateway; the launcher knows the port."""

NODE: Final = "22.23.3"
"""Of the node that comes with every kit."""

Json = dict[str, Any]


class LaunchRequest(NamedTuple):
    """What an agent is started with."""

    model: str
    token: str
    workdir: str


class Launch(NamedTuple):
    """How it is started."""

    argv: tuple[str, ...]
    """Its instruction comes on standard input."""
    env: Mapping[str, str]
    files: Mapping[str, str]
    """Text by absolute path; written before it starts."""
    skills: str
    """Folder where it looks for skills."""


class ToolRun(NamedTuple):
    """A tool it used, as it tells."""

    tool: str
    command: str
    exit_code: int | None
    """None: it does not say."""
    output: str


class AgentMessage(NamedTuple):
    """Something it said."""

    text: str
    final: bool = False


class AgentAdapter(Protocol):
    """An agent of another make."""

    name: ClassVar[str]
    package: ClassVar[str]
    version: ClassVar[str]
    """Exact."""

    def launch(self, order: LaunchRequest) -> Launch:
        """Say how it is started."""
        ...

    def read(self, lines: Iterable[Json]) -> Iterator[ToolRun | AgentMessage]:
        """Read its event stream; what is not known is passed over."""
        ...


def arch() -> str:
    """Name this machine as npm's packages do."""
    return {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def node() -> str:
    """Say where the kit's node is, as the sandbox sees it."""
    return f"{KIT}/node_modules/node-linux-{arch()}/bin/node"


def lines_of(stdout: bytes) -> Iterator[Json]:
    """Give the JSON objects among the lines an agent printed."""
    for line in stdout.splitlines():
        if line.lstrip().startswith(b"{"):
            try:
                value = msgspec.json.decode(line)
            except UNREADABLE:
                continue
            if isinstance(value, dict):
                yield value


def as_text(value: Any) -> str:
    """Write a value as text: text as it is, parts of text joined, anything else as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
            return "\n".join(part["text"] for part in value)
        case _:
            return msgspec.json.encode(value).decode()


def command_in(given: Any) -> str:
    """Find the command in what a tool was given; else all of it, as JSON."""
    if isinstance(given, dict):
        for name in ("command", "cmd"):
            if isinstance(given.get(name), str):
                return str(given[name])
    return as_text(given)


def tool_results(lines: Iterable[Json]) -> Iterator[ToolRun | AgentMessage]:
    """Read the stream that Claude Code prints, and agents that follow it: messages, tool uses, tool results.

    At the end it says its answer once more; what was said last is then known to be it.
    """
    uses: dict[str, Json] = {}
    said: str | None = None
    for line in lines:
        content = line.get("message", {}).get("content") if isinstance(line.get("message"), dict) else None
        for told in _parts(line, content if isinstance(content, list) else [], uses):
            if said is not None:
                yield AgentMessage(said)
            said = told.text if isinstance(told, AgentMessage) else None
            if isinstance(told, ToolRun):
                yield told
        if line.get("type") == "result" and isinstance(line.get("result"), str):
            if said is not None and said != line["result"]:
                yield AgentMessage(said)
            yield AgentMessage(line["result"], final=True)
            said = None
    if said is not None:
        yield AgentMessage(said)


def _parts(line: Json, content: list[Any], uses: dict[str, Json]) -> Iterator[ToolRun | AgentMessage]:
    for part in content:
        match part:
            case {"type": "text", "text": str(text)} if line.get("type") == "assistant" and text:
                yield AgentMessage(text)
            case {"type": "tool_use", "id": str(name)}:
                uses[name] = part
            case {"type": "tool_result", "tool_use_id": str(name)} if name in uses:
                use = uses.pop(name)
                code = 1 if part.get("is_error") is True else None
                yield ToolRun(str(use.get("name")), command_in(use.get("input")), code, as_text(part.get("content")))
            case _:
                pass
