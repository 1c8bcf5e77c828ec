"""Comparing what an agent of another make asks now with what it asked then.

Such an agent puts ids and times of its own into its requests, which differ from run to run and say nothing. They are
masked before requests are compared; that they were is said.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

_IDS: Final = (
    "call",  # chat completions, OpenCode, Qwen Code
    "chatcmpl",  # ids of answers that come back in requests
    "ctc",  # Codex: calls of tools of its own
    "fc",  # responses: calls of functions
    "gen",
    "item",
    "msg",
    "prt",  # OpenCode: parts of messages
    "req",
    "resp",
    "rs",  # responses: reasoning
    "ses",
    "session",
    "step",
    "tool",
    "toolu",  # messages: uses of tools
    "srvtoolu",
    "turn",
    "user",
)
"""What ids begin with that agents and providers make: then ``_`` or ``-``, and many letters and figures."""
_MASKS: Final = (
    (re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"), "<id>"),
    # Words that only begin so, such as tool_use_description, have no figure in their long part.
    (re.compile(rf"\b(?:{'|'.join(_IDS)})[_-](?=[A-Za-z]*[0-9])[0-9A-Za-z]{{12,}}"), "<id>"),
    (re.compile(r"\b(?:ses|msg|prt|call|tool|user|session|toolu)_[0-9A-Za-z]{16,}"), "<id>"),
    # Gemini CLI and Qwen Code name a call after its tool, a time and some letters.
    (re.compile(r"\b[a-z][a-z_]{2,40}[-_]\d{13}[-_][0-9a-z]+\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "<time>"),
    (re.compile(r"\b1[6-9]\d{8}(?:\d{3}){0,2}\b"), "<time>"),
    (re.compile(r"\bChunk ID: [0-9a-f]+"), "Chunk ID: <id>"),  # codex
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:s|ms|seconds|milliseconds)\b"), "<time>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
)


class RecordedRequest(NamedTuple):
    """A request as it was recorded, and its answer."""

    number: int
    """Of its stream, from 1."""
    path: str
    request: bytes
    reply: "RecordedReply"


class RecordedReply(NamedTuple):
    """What an agent was told."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """As it got them; of a run before they were recorded, what its body looks like."""
    body: bytes
    whole: bool
    """Whether it was complete. False: the connection was closed before its end."""
    recorded: bool
    """Whether its headers are on record."""


class CallDifference(NamedTuple):
    """The first request that is not what it was."""

    number: int
    """Of the recorded call it was compared with; one more than all, if there was none left."""
    at: str
    """Where in its body, such as ``messages[3].content``."""
    recorded: str
    now: str


Likeness = Literal["equal", "alike", "different"]
"""Byte for byte; but for ids and times; otherwise."""


def likeness(recorded: bytes, now: bytes) -> Likeness:
    """Compare two requests."""
    if recorded == now:
        return "equal"
    return "alike" if masked(_read(recorded)) == masked(_read(now)) else "different"


def masked(value: Any) -> Any:
    """Give a value with ids and times masked, wherever they stand in it."""
    match value:
        case str():
            for pattern, mask in _MASKS:
                value = pattern.sub(mask, value)
            return value
        case dict():
            return {key: masked(each) for key, each in value.items()}
        case list():
            return [masked(each) for each in value]
        case int() | float() if not isinstance(value, bool):
            return "<time>" if masked(str(value)) == "<time>" else value
        case _:
            return value


def best(left: Sequence[RecordedRequest], path: str, now: bytes) -> tuple[RecordedRequest, Likeness] | None:
    """Find the recorded request that this one repeats: agents ask some things side by side, in either order."""
    for wanted in ("equal", "alike"):
        for each in left:
            if each.path == path and likeness(each.request, now) == wanted:
                return each, "equal" if wanted == "equal" else "alike"
    return None


def difference(left: Sequence[RecordedRequest], asked: int, path: str, now: bytes) -> CallDifference:
    """Say where a request that repeats none of the recorded ones first differs from the next of them."""
    if not left:
        return CallDifference(asked + 1, "", "no further request", f"{path}: {now[:200].decode('utf-8', 'replace')}")
    nearest = next((each for each in left if each.path == path), left[0])
    if nearest.path != path:
        return CallDifference(nearest.number, "path", nearest.path, path)
    at, then, here = next(_differing(masked(_read(nearest.request)), masked(_read(now)), ""), ("", "", ""))
    return CallDifference(nearest.number, at, then, here)


def _read(request: bytes) -> Any:
    """Read JSON; what is none is compared as text."""
    try:
        return msgspec.json.decode(request)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return request.decode("utf-8", "replace")


def _differing(recorded: Any, now: Any, at: str) -> Iterator[tuple[str, str, str]]:
    """Walk both, and give each place in which they differ."""
    match recorded, now:
        case dict(), dict():
            for key in [*recorded, *(key for key in now if key not in recorded)]:
                yield from _differing(recorded.get(key), now.get(key), f"{at}.{key}" if at else key)
        case list(), list():
            for place, (then, here) in enumerate(zip(recorded, now, strict=False)):
                yield from _differing(then, here, f"{at}[{place}]")
            if len(recorded) != len(now):
                yield f"{at} (length)", str(len(recorded)), str(len(now))
        case str(), str() if recorded != now:
            start = next(
                (place for place, pair in enumerate(zip(recorded, now, strict=False)) if pair[0] != pair[1]),
                min(len(recorded), len(now)),
            )
            begin = max(0, start - 40)
            yield f"{at} (character {start})", recorded[begin : start + 80], now[begin : start + 80]
        case _ if recorded != now:
            yield at, str(recorded)[:200], str(now)[:200]
        case _:
            pass
