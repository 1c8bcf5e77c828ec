"""A model's own message as it may be sent back; pure.

Providers check what a conversation holds: vLLM and llama.cpp parse the arguments of every old call, others refuse a
message without content, a name that no tool may have, or a call that is never answered. What a model got wrong is
told to it; sent back as it was, it would be refused in every turn that follows.
"""

import json
import re
from typing import Any, Final

import msgspec

from engine.policies.tool_arguments import decoded

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_TOOL: Final = "unknown"


def sendable(message: bytes, *, calls: bool) -> bytes | None:
    """Give a message that every provider takes: the same bytes where nothing is wrong with it.

    None: it holds neither text nor a call, reasoning at most, and providers refuse such a message.

    Args:
        message: An assistant's message as JSON.
        calls: Whether its calls are kept, since each is answered by what follows. Without, they are left out.
    """
    value: dict[str, Any] = msgspec.json.decode(message)
    fixed = dict(value)
    asked: dict[str, Any] = {}
    for each in value.get("tool_calls") or []:
        asked.setdefault(each["id"], each)  # one result answers a name, so a name may stand once
    if asked and calls:
        fixed["tool_calls"] = [_call(each) for each in asked.values()]
    else:
        fixed.pop("tool_calls", None)
    if _blank(fixed.get("content")) and not fixed.get("tool_calls"):
        return None
    return message if fixed == value else msgspec.json.encode(fixed, order="sorted")


def _blank(content: Any) -> bool:
    return not content or (isinstance(content, str) and not content.strip())


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    name = function["name"] if _NAME.fullmatch(function["name"]) else _NO_TOOL
    return {**call, "function": {**function, "name": name, "arguments": _arguments(function["arguments"])}}


def _arguments(written: str) -> str:
    """Arguments that any reader takes for an object: as written where they are one, else an empty one."""
    try:
        strict = msgspec.json.decode(written)
    except (msgspec.MsgspecError, RecursionError):
        lenient = decoded(written)
        return json.dumps(lenient) if isinstance(lenient, dict) and _sound(lenient) else "{}"
    return written if isinstance(strict, dict) else "{}"


def _sound(value: dict[str, Any]) -> bool:
    """Whether it survives being written: no NaN, no half of a surrogate pair."""
    try:
        msgspec.json.decode(json.dumps(value, allow_nan=False))
    except (ValueError, RecursionError):
        return False
    return True
