"""Wording answers and failures in whichever protocol was asked: pure, the same bytes for the same request."""

from typing import Any, Final, NamedTuple

import msgspec

from engine.protocols.server_side import ClaimedUsage, ErrorReply, ServerSide, Wording, arguments_for, encode
from engine.scripted.matching import Choice, NoAnswer
from engine.scripted.script import ErrorName, ScriptedTurn

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
    "images_unsupported": (
        400,
        "invalid_request_error",
        "invalid_value",
        "This model does not support image input.",
    ),
    "not_found": (404, "invalid_request_error", "not_found", "Invalid URL."),
    "overloaded": (503, "server_error", "overloaded", "The engine is currently overloaded, please try again later."),
    "permission": (403, "permission_error", "permission_denied", "This key may not use this model."),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "rate_limit": (429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached for requests."),
    "server": (500, "server_error", "internal_error", "The server had an error while processing your request."),
    "unknown_model": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
}
"""Status, type, code and message of each HTTP error."""


class ScriptedReply(NamedTuple):
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


def refuse(side: ServerSide, no: NoAnswer) -> ScriptedReply:
    """Say that the script has no answer."""
    return _error(side, ErrorReply(no.status, "script_error", no.code, no.problem), no.code)


def word(by: Wording, side: ServerSide, choice: Choice, *, failures: int) -> ScriptedReply:
    """Word a turn.

    Args:
        by: What it is made from.
        side: Of the protocol that was asked.
        choice: The turn.
        failures: How often this request was received before, and so was given the turn's failure.
    """
    turn = choice.turn
    failing = turn.error is not None and (turn.times is None or failures < turn.times)
    failure = turn.error if failing else None
    return _answer((by, side), turn, error=None) if failure is None else _failure((by, side), turn, failure)


def _failure(how: tuple[Wording, ServerSide], turn: ScriptedTurn, error: ErrorName) -> ScriptedReply:
    by, side = how
    if error in _HTTP_ERRORS:
        status, kind, code, message = _HTTP_ERRORS[error]
        fault = ErrorReply(turn.status or status, kind, code, f"{message} (script {by.server})")
        return _error(side, fault, error)._replace(retry_after_s=turn.retry_after_s)
    match error:
        case "hang":
            return ScriptedReply(None, "", (), error)
        case "garbage":
            return ScriptedReply(200, "text/html", (_GARBAGE,), error)
        case "half":
            said = turn if turn.answers else msgspec.structs.replace(turn, text="This answer breaks off.")
            return _answer(how, said, error=error)._replace(cut=True)
        case _:
            return _answer(how, turn, error=error)


def _error(side: ServerSide, fault: ErrorReply, error: str) -> ScriptedReply:
    return ScriptedReply(fault.status, "application/json", (encode(side.error(fault)),), error)


def _answer(how: tuple[Wording, ServerSide], turn: ScriptedTurn, *, error: ErrorName | None) -> ScriptedReply:
    by, side = how
    message = _message(by, turn, error)
    spent = _spent(by, turn, message)._replace(**({"left": 0} if error == "empty" else {}))
    body = side.answer(by, message, spent)
    return ScriptedReply(200, "text/event-stream" if by.asked.stream else "application/json", tuple(body), error)


def _message(by: Wording, turn: ScriptedTurn, error: ErrorName | None) -> dict[str, Any]:
    match error:
        case "refusal":
            return {"role": "assistant", "content": None, "refusal": _REFUSAL}
        case "empty":
            return {"role": "assistant", "content": ""}
        case _:
            pass
    if turn.tool is not None:
        called = {"name": turn.tool, "arguments": encode(turn.arguments).decode()}
        return {"role": "assistant", "content": turn.text, "tool_calls": [_call(by, called)]}
    if turn.command is None:
        return {"role": "assistant", "content": turn.text}
    shell = by.asked.shell
    if shell is None:
        fence = f"```sh\n{turn.command.rstrip()}\n```"
        return {"role": "assistant", "content": fence if turn.text is None else f"{turn.text.rstrip()}\n\n{fence}"}
    function = {"name": shell.name, "arguments": arguments_for(shell, turn.command)}
    return {"role": "assistant", "content": turn.text, "tool_calls": [_call(by, function)]}


def _call(by: Wording, function: dict[str, str]) -> dict[str, Any]:
    return {"id": f"call_{by.digest[:24]}", "type": "function", "function": function}


def _spent(by: Wording, turn: ScriptedTurn, message: dict[str, Any]) -> ClaimedUsage:
    said = turn.usage
    if said is None:
        return ClaimedUsage(max(1, by.size // 4), max(1, len(encode(message)) // 4), 0, 0, turn.cost_usd)
    return ClaimedUsage(said.input, said.output, said.cached, said.written, turn.cost_usd)
