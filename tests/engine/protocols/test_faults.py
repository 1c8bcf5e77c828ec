"""Stories of failed answers: the same status means different things in different words."""

import pytest
from msgspec import json

from engine.protocols.error_body import read_error
from engine.protocols.errors import (
    Authentication,
    BadRequest,
    ContextLength,
    FailedCallFacts,
    Overloaded,
    ProviderError,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
)
from engine.protocols.faults import fault_of


def judged(status: int, body: object, *, hide: str | None = None) -> ProviderError:
    """Judge an answer of this status and body; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.encode(body)
    return fault_of(FailedCallFacts(status=status, raw=raw), read_error(raw, hide), status=status)


def words(message: str, **others: object) -> dict[str, object]:
    """An error body as OpenAI writes it."""
    return {"error": {"message": message, **others}}


@pytest.mark.parametrize(
    ("status", "error", "retryable"),
    [
        (400, BadRequest, False),
        (401, Authentication, False),
        (402, RateLimited, False),
        (403, Authentication, False),
        (404, BadRequest, False),
        (408, TimedOut, True),
        (409, ServerFault, True),
        (413, BadRequest, False),
        (422, BadRequest, False),
        (429, RateLimited, True),
        (500, ServerFault, True),
        (501, ServerFault, False),
        (502, ServerFault, True),
        (503, Overloaded, True),
        (529, Overloaded, True),
        (307, BadRequest, False),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html><h1>Bad gateway</h1></html>", b"{}", b"null", b"[]", b"\xff\xfe", b'{"error":"\xff"}', b"[" * 5000],
)
def test_a_status_decides_where_the_body_says_nothing(
    status: int, error: type[ProviderError], body: bytes, *, retryable: bool
) -> None:
    """Proxies answer in HTML or not at all."""
    fault = judged(status, body)
    assert (type(fault), fault.retryable, fault.status, fault.raw) == (error, retryable, status, body)


@pytest.mark.parametrize(
    "body",
    [
        words("too long", code="context_length_exceeded"),
        words("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"),
        words("the request exceeds the available context size, try increasing it", type="exceed_context_size_error"),
        words("prompt is too long: 210000 tokens > 200000 maximum", type="invalid_request_error"),
        words("This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
        words("Please reduce the length of the messages or completion."),
        words("Range of input length should be [1, 30720]"),
        [words("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", code=400)],
        {"object": "error", "message": "maximum context length is 4096", "type": "BadRequestError", "code": 400},
        {"error": "input length exceeds context window"},
    ],
)
def test_a_conversation_that_is_too_long_is_known_in_every_dialect(body: object) -> None:
    """The engine ends the attempt with its own outcome; a plain bad request would stop the run."""
    assert isinstance(judged(400, body), ContextLength)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, words("The response was filtered due to the prompt triggering content management policy.")),
        (400, words("blocked", code="content_filter")),
        (400, words("Input data may contain inappropriate content.", code="data_inspection_failed")),
        (403, words("Your input was flagged", code=403)),
    ],
)
def test_a_filter_is_a_refusal(status: int, body: object) -> None:
    """Not a wrong key, though OpenRouter uses 403 for both."""
    assert isinstance(judged(status, body), Refused)


def test_a_spent_account_is_not_asked_again() -> None:
    """It answers 429 like a rate limit; waiting does not help."""
    fault = judged(429, words("You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"))
    assert (fault.kind, fault.retryable) == ("rate_limit", False)
    assert "credit" in fault.remedy


def test_the_word_quota_alone_is_a_rate_limit() -> None:
    """Gemini says so for requests per minute, too."""
    assert judged(429, [words("You exceeded your current quota", status="RESOURCE_EXHAUSTED")]).retryable


def test_the_providers_words_are_in_the_problem() -> None:
    """On one line and of readable length; the bytes are kept whole beside it."""
    fault = judged(400, words("no such\nparameter " + "x" * 10_000))
    assert "no such parameter" in fault.problem
    assert len(fault.problem) < 1000
    assert fault.raw is not None
    assert len(fault.raw) > 10_000


def test_a_key_that_the_endpoint_repeats_is_not_shown() -> None:
    """Some do, and problems are printed."""
    fault = judged(401, words("Incorrect API key provided: a-secret-key"), hide="a-secret-key")
    assert "a-secret-key" not in fault.problem
    assert "[key]" in fault.problem


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body"]}]}', "loc"),
        (b'{"error":"model not found"}', "model not found"),
        (b'{"message":"nope"}', "nope"),
        (b'"just text"', "just text"),
        (b"<html>Cloud<b>flare</b></html>", "Cloud flare"),
    ],
)
def test_errors_are_read_wherever_a_provider_puts_them(body: bytes, message: str) -> None:
    """FastAPI, Ollama and others have shapes of their own."""
    assert message in read_error(body).message
