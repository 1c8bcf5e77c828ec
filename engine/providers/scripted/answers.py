"""Wording answers and failures as an OpenAI-compatible endpoint would: pure, the same bytes for the same request."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from engine.providers.scripted.matching import Asked, Choice, NoAnswer
from engine.providers.scripted.script import ErrorName, Script, Turn

_JSON: Final = msgspec.json.Encoder(decimal_format="number")
_PIECE: Final = 40
"""Characters per chunk of a stream."""
_REFUSAL: Final = "I cannot help with that. (This refusal stands in a script.)"
_GARBAGE: Final = b"<html><body>502 Bad Gateway, says a script</body></html>"

_HTTP_ERRORS: Final[dict[str, tuple[int, str, str, str]]] = {
    "authentication": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "bad_request": (400, "invalid_request_error", "invalid_value", "Invalid value in the request."),
    "context_length": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is exceeded by your messages.",
    ),
    "overloaded": (503, "server_error", "overloaded", "The engine is currently overloaded, please try again later."),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "rate_limit": (429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached for requests."),
    "server": (500, "server_error", "internal_error", "The server had an error while processing your request."),
}
"""Status, type, code and message of each HTTP error."""


class Reply(NamedTuple):
    """What goes over the wire."""

    status: int | None
    """None: nothing is ever sent."""
    content_type: str
    body: tuple[bytes, ...]
    """In the pieces in which it is written."""
    error: str | None
    """Which failure this is. None: an answer."""
    retry_after_s: float | None = None
    """None: the client is not asked to wait."""
    cut: bool = False
    """Whether the connection breaks in the middle."""


def refuse(no: NoAnswer) -> Reply:
    """Say that the script has no answer."""
    told: dict[str, object] = {"message": no.problem, "type": "script_error", "param": None, "code": no.code}
    return _error(no.status, told, no.code)


class Wording(NamedTuple):
    """What an answer is made from besides the turn."""

    script: Script
    asked: Asked
    digest: str
    """Of the request's body; ids derive from it."""
    size: int
    """Bytes of the request's body."""


def word(by: Wording, choice: Choice, *, failures: int) -> Reply:
    """Word a turn.

    Args:
        by: What it is made from.
        choice: The turn.
        failures: How often this request was received before, and so was given the turn's failure.
    """
    turn = choice.turn
    failing = turn.error is not None and (turn.times is None or failures < turn.times)
    return _failure(by, turn, turn.error) if failing and turn.error is not None else _answer(by, turn, error=None)


def _failure(by: Wording, turn: Turn, error: ErrorName) -> Reply:
    if error in _HTTP_ERRORS:
        status, kind, code, message = _HTTP_ERRORS[error]
        told: dict[str, object] = {
            "message": f"{message} (script {by.script.name})",
            "type": kind,
            "param": None,
            "code": code,
        }
        return _error(turn.status or status, told, error)._replace(retry_after_s=turn.retry_after_s)
    match error:
        case "hang":
            return Reply(None, "", (), error)
        case "garbage":
            return Reply(200, "text/html", (_GARBAGE,), error)
        case "half":
            said = turn if turn.answers else msgspec.structs.replace(turn, text="This answer breaks off.")
            return _answer(by, said, error=error)._replace(cut=True)
        case _:
            return _answer(by, turn, error=error)


def _error(status: int, told: dict[str, object], error: str) -> Reply:
    return Reply(status, "application/json", (_JSON.encode({"error": told}),), error)


def _answer(by: Wording, turn: Turn, *, error: ErrorName | None) -> Reply:
    message = _message(by, turn, error)
    finish = "tool_calls" if "tool_calls" in message else "stop"
    usage = _usage(by, turn, message)
    if not by.asked.stream:
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        whole = _frame(by, "chat.completion") | {"choices": [choice], "usage": usage}
        return Reply(200, "application/json", (_JSON.encode(whole),), error)
    chunks = [_chunk(by, delta, None) for delta in _deltas(message)]
    chunks.append(_chunk(by, {}, finish))
    if by.asked.wants_usage:
        chunks.append(_frame(by, "chat.completion.chunk") | {"choices": [], "usage": usage})
    lines = [b"data: " + _JSON.encode(chunk) + b"\n\n" for chunk in chunks]
    return Reply(200, "text/event-stream", (*lines, b"data: [DONE]\n\n"), error)


def _frame(by: Wording, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{by.digest[:24]}",
        "object": kind,
        "created": 0,  # a script has no clock: the same request gets the same bytes
        "model": f"script/{by.script.name}",
        "system_fingerprint": f"script-{by.script.fingerprint}",
    }


def _message(by: Wording, turn: Turn, error: ErrorName | None) -> dict[str, Any]:
    match error:
        case "refusal":
            return {"role": "assistant", "content": None, "refusal": _REFUSAL}
        case "empty":
            return {"role": "assistant", "content": ""}
        case _:
            pass
    if turn.command is None:
        return {"role": "assistant", "content": turn.text}
    if not by.asked.offers_run:
        fence = f"```sh\n{turn.command.rstrip()}\n```"
        return {"role": "assistant", "content": fence if turn.text is None else f"{turn.text.rstrip()}\n\n{fence}"}
    arguments = _JSON.encode({"command": turn.command}).decode()
    call = {
        "id": f"call_{by.digest[:24]}",
        "type": "function",
        "function": {"name": "run", "arguments": arguments},
    }
    return {"role": "assistant", "content": turn.text, "tool_calls": [call]}


def _usage(by: Wording, turn: Turn, message: dict[str, Any]) -> dict[str, object]:
    said = turn.usage
    spent = (max(1, by.size // 4), max(1, len(_JSON.encode(message)) // 4), 0)
    entered, left, cached = spent if said is None else (said.input, said.output, said.cached)
    usage: dict[str, object] = {
        "prompt_tokens": entered,
        "completion_tokens": left,
        "total_tokens": entered + left,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    return usage if turn.cost_usd is None else usage | {"cost": turn.cost_usd}


def _chunk(by: Wording, delta: dict[str, object], finish: str | None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _frame(by, "chat.completion.chunk") | {"choices": [choice]}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, object]]:
    yield {"role": "assistant", "content": ""}
    for key in ("content", "refusal"):
        for piece in _pieces(message.get(key) or ""):
            yield {key: piece}
    for index, call in enumerate(message.get("tool_calls", ())):
        named = {"name": call["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": named}]}
        for piece in _pieces(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE]
