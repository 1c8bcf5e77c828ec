"""What a failed answer of an OpenAI-compatible endpoint means.

The protocol names few errors, and every provider words them its own way, so a status alone does not decide:
the same 400 is a conversation that is too long, a filter, or a misspelt parameter. Codes come first, then
the words that the common providers use, then the status.
"""

import re
from typing import Any

from msgspec import MsgspecError, Struct, json

from engine.protocols.errors import (
    Authentication,
    BadRequest,
    ContextLength,
    ProviderError,
    RateLimited,
    Refused,
    Seen,
    ServerFault,
    TimedOut,
)

UNREADABLE = (MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises over a provider's bytes: bad JSON, bad UTF-8 inside a string, a thousand brackets."""

TOO_LONG_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
TOO_LONG = re.compile(
    r"context.length|context.window|context.size|maximum context|context limit"  # OpenAI, vLLM, OpenRouter, llama.cpp
    r"|prompt is too long|input is too long|maximum prompt length"  # Anthropic, Bedrock, xAI
    r"|reduce the length of the messages|input token count|range of input length"  # Groq, Gemini, DashScope
    r"|too large for model|larger than the maximum",
    re.IGNORECASE,
)

FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "data_inspection_failed", "moderation_blocked"})
FILTERED = re.compile(
    r"content.(filter|policy|management)|moderation|flagged|data may contain inappropriate", re.IGNORECASE
)

SPENT_CODES = frozenset(
    {"billing_hard_limit_reached", "billing_not_active", "insufficient_balance", "insufficient_quota"}
)
"""Codes only: Gemini words an ordinary rate limit as "you exceeded your current quota"."""

MAY_BE_TOO_LONG = frozenset({400, 413, 422, 500})
"""Statuses under which a conversation that is too long is reported; llama.cpp and vLLM have used 500."""

MAY_BE_FILTERED = frozenset({400, 403, 422})

BY_STATUS: dict[int, type[ProviderError]] = {
    401: Authentication,
    403: Authentication,
    407: Authentication,
    408: TimedOut,
    409: ServerFault,  # a lock, which passes
    413: ContextLength,
    425: ServerFault,  # too early, which passes
    429: RateLimited,
}


class ErrorBody(Struct, frozen=True):
    """What could be read of an error body.

    Attributes:
        message: The provider's words; empty when it had none.
        codes: Its ``code`` and ``type``, lower case.
        status: An HTTP status given inside the body, as OpenRouter does; None when there is none.
    """

    message: str
    codes: frozenset[str]
    status: int | None = None


def read_error(raw: bytes, hide: str | None = None) -> ErrorBody:
    """Read an error body of any provider; HTML, garbage and nothing at all are read as words.

    Args:
        raw: The body.
        hide: The key, which some endpoints repeat in their words; None when there is none.
    """
    if hide:
        raw = raw.replace(hide.encode(), b"[key]")
    try:
        body = json.decode(raw)
    except UNREADABLE:
        return ErrorBody(_one_line(re.sub(rb"<[^>]*>", b" ", raw[:4096]).decode("utf-8", "replace")), frozenset())
    return error_in(body)


def error_in(body: Any) -> ErrorBody:
    """Read an error object, wherever a provider hid it."""
    if isinstance(body, list) and body:  # Gemini wraps it in a list
        body = body[0]
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return ErrorBody(_one_line(str(error or "")), frozenset())
    message = error.get("message") or error.get("detail") or error.get("error") or ""
    given = [error.get("code"), error.get("type")]
    numbers = [code for code in given if isinstance(code, int) and 400 <= code < 600]
    codes = frozenset(code.lower() for code in given if isinstance(code, str))
    return ErrorBody(_one_line(str(message)), codes, numbers[0] if numbers else None)


def fault_of(seen: Seen, body: ErrorBody, *, status: int) -> ProviderError:
    """Say what went wrong.

    Args:
        seen: What is kept of the answer.
        body: What could be read of its body.
        status: The status to judge by: the answer's own, or one found inside a 200.
    """
    words = f"the endpoint answered {status}: {body.message or 'no reason given'}"
    if status in MAY_BE_TOO_LONG and (body.codes & TOO_LONG_CODES or TOO_LONG.search(body.message)):
        return ContextLength(words, seen=seen)
    if status in MAY_BE_FILTERED and (body.codes & FILTER_CODES or FILTERED.search(body.message)):
        return Refused(words, seen=seen)
    if status == 402 or (status == 429 and body.codes & SPENT_CODES):
        return RateLimited(words, remedy="add credit to the provider's account", seen=seen, retryable=False)
    return _by_status(words, seen, status)


def _by_status(words: str, seen: Seen, status: int) -> ProviderError:
    """Judge by the status alone."""
    if known := BY_STATUS.get(status):
        return known(words, seen=seen)
    if status >= 500:
        return ServerFault(words, seen=seen, retryable=status != 501)
    if 300 <= status < 400:
        return BadRequest(
            f"{words} (a redirect, which is not followed: the key would go with it)",
            remedy="give the base URL that it points to",
            seen=seen,
        )
    return BadRequest(words, seen=seen)


def _one_line(text: str) -> str:
    """Make a provider's words fit a sentence; the whole body is kept beside it."""
    words = " ".join(text.split())
    return words if len(words) <= 500 else words[:500] + " …"
