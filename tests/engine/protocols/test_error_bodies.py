"""Stories of error bodies: what decides is found wherever a provider, a router or a proxy puts it."""

from typing import Any

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
from engine.protocols.faults import LONGEST_WAIT_S, fault_of, fault_within

Json = dict[str, Any]


def judged(status: int, body: object) -> ProviderError:
    """Judge an answer; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.encode(body)
    return fault_of(FailedCallFacts(status=status, raw=raw), read_error(raw), status=status)


def error(message: str, **more: object) -> Json:
    """An error as OpenAI writes it."""
    return {"error": {"message": message, **more}}


def inside(body: object) -> str:
    """Write JSON as text, as routers do."""
    return json.encode(body).decode()


def google(message: str, *details: Json, code: int = 429, status: str = "RESOURCE_EXHAUSTED") -> list[Json]:
    """An error as Google writes it."""
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


def violated(quota: str) -> Json:
    """Name a quota of Google's that is used up."""
    return {"@type": "google.rpc.QuotaFailure", "violations": [{"quotaMetric": "m", "quotaId": quota}]}


TOO_LONG = {
    "Azure": (400, error("Bad request", code="BadRequest", innererror={"code": "context_length_exceeded"})),
    "Cloudflare": (
        400,
        {"errors": [{"message": "maximum context length is 24000 tokens", "code": 5021}], "success": False},
    ),
    "OpenRouter": (
        400,
        error(
            "Provider returned error", code=400, metadata={"raw": inside(error("maximum context length is 9 tokens"))}
        ),
    ),
    "OpenRouter, code within": (
        502,
        error(
            "Provider returned error", code=502, metadata={"raw": inside(error("no", code="context_length_exceeded"))}
        ),
    ),
    "Zhipu": (400, error("Anything at all", code="1261")),
    "z.ai": (400, {"code": "1261", "message": "Anything at all"}),
    "z.ai, 1210": (400, error("tokens in request more than max tokens allowed", code="1210")),
    "Copilot": (400, error("no", code="model_max_prompt_tokens_exceeded")),
    "Cohere": (400, {"id": "x", "message": "too many tokens: total number of tokens in the prompt cannot exceed 4081"}),
    "TGI": (422, {"error": "`inputs` must have less than 1024 tokens. Given: 1168", "error_type": "validation"}),
    "Databricks": (
        400,
        {
            "error_code": "BAD_REQUEST",
            "message": inside(
                {"external_model_error": {"error": {"type": "invalid_request_error", "message": "prompt is too long"}}}
            ),
        },
    ),
    "SiliconFlow": (
        400,
        {"code": 20015, "message": "number of input tokens (9) has exceeded max_prompt_tokens (8)", "data": None},
    ),
    "vLLM": (
        400,
        {
            "object": "error",
            "message": "maximum context length is 9 tokens",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "GitHub Models": (413, error("Request body too large for m. Max size: 8000 tokens.", code="tokens_limit_reached")),
    "FastAPI": (400, {"detail": "Input length 9000 exceeds maximum allowed input length of 8000 tokens"}),
    "FastAPI, list": (400, {"detail": [{"loc": ["body"], "msg": "prompt is too long", "type": "value_error"}]}),
    "Together": (403, error("Input token count + max_tokens must be less than the context length of the model")),
    "llama.cpp": (500, error("no", type="exceed_context_size_error", code=500, n_ctx=4096)),
    "Gemini": (
        400,
        google(
            "The input token count exceeds the maximum number of tokens allowed 9", code=400, status="INVALID_ARGUMENT"
        ),
    ),
    "LiteLLM": (
        400,
        error("litellm.ContextWindowExceededError: x - " + inside(error("anything")), type=None, code="400"),
    ),
    "LiteLLM, repr": (400, error("Error code: 400 - {'error': {'code': 'context_length_exceeded'}}", code="400")),
    "MiniMax": (
        400,
        {"base_resp": {"status_code": 2013, "status_msg": "invalid params, context window exceeds limit"}},
    ),
    "Bedrock": (400, {"__type": "ValidationException", "message": "Input is too long for requested model."}),
    "other spelling": (400, error("no", code="CONTEXT_WINDOW_EXCEEDED")),
    "z.ai, code": (400, error("no", type="model_context_window_exceeded")),
    "Anthropic, bytes": (
        413,
        {"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}},
    ),
    "text": (400, b"prompt is too long: 9 tokens > 8 maximum"),
}


@pytest.mark.parametrize(("status", "body"), TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_conversation_that_is_too_long_is_found_in_every_shape(status: int, body: object) -> None:
    """Also under a router's own error, and in JSON within a text."""
    fault = judged(status, body)
    assert (type(fault), fault.retryable) == (ContextLength, False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("max_tokens is larger than the maximum output tokens 8192")),
        (400, error("Unknown field `context_window` in request body")),
        (400, error("tools[0].function.description is flagged as required but missing")),
        (400, error("Invalid schema: 'moderation' is not of type boolean", type="invalid_request_error")),
        (413, b"<html><h1>413 Request Entity Too Large</h1></html>"),
        (413, b""),
        (429, error("Request too large on tokens per min (TPM): Limit 300, Requested 613", code="rate_limit_exceeded")),
        (413, error("Request too large on tokens per minute (TPM): Limit 6, Requested 12", code="rate_limit_exceeded")),
        (400, error("bad", innererror={"code": "x", "content_filter_result": {"hate": {"filtered": False}}})),
        (400, error("no", code="string_above_max_length", param="messages[1].content")),
        (404, error("maximum context length is 9 tokens")),
        (404, b"Not Found"),
    ],
)
def test_what_only_looks_like_it_is_a_bad_request(status: int, body: object) -> None:
    """It says nothing about an agent: no score comes of it."""
    fault = judged(status, body)
    assert (type(fault), fault.retryable) == (BadRequest, False)


def test_what_is_repeated_of_the_request_is_not_the_providers_word() -> None:
    """FastAPI sends the offending input back, and so the agent's own words."""
    body = {
        "detail": [{"loc": ["body", "x"], "msg": "field required", "type": "missing", "input": "prompt is too long"}]
    }
    assert type(judged(422, body)) is BadRequest


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, error("Insufficient balance or no resource package. Please recharge.", code="1113")),
        (429, error("Anything at all", code="1113")),
        (429, error("Your account is suspended", type="exceeded_current_quota_error")),
        (429, error("no", type="insufficient_quota", code="insufficient_quota")),
        (429, error("You exceeded your current quota, please check your plan and billing details.")),
        (
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}},
        ),
        (402, error("This request requires more credits: you can only afford 1000", code=402)),
        (402, b""),
        (
            403,
            google(
                "This method requires billing.", {"reason": "BILLING_DISABLED"}, code=403, status="PERMISSION_DENIED"
            ),
        ),
        (400, {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing."}),
        (403, error("no", code="AccountOverdueError")),
        (403, {"code": "AllocationQuota.FreeTierOnly", "message": "The free tier of the model has been exhausted."}),
        (400, {"base_resp": {"status_code": 1008, "status_msg": "no"}}),
        (401, error("insufficient balance")),
        (
            429,
            {
                "type": "error",
                "error": {"type": "rate_limit_error", "message": "You have reached your specified API usage limits."},
            },
        ),
        (500, error("user quota is not enough: insufficient balance")),
    ],
)
def test_spent_credit_is_not_asked_again_and_says_what_to_do(status: int, body: object) -> None:
    """No waiting helps, so none is done: a call would wait for a quarter of an hour."""
    fault = judged(status, body)
    assert (fault.kind, fault.retryable) == ("rate_limit", False)
    assert "add credit" in fault.remedy


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, error("limit reached", code="1310")),
        (429, {"message": "Too many tokens per day, please wait before trying again."}),
        (
            429,
            error("Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 requests per day", code=429),
        ),
        (429, google("Please retry in 20s.", violated("GenerateRequestsPerDayPerProjectPerModel-FreeTier"))),
        (429, google("Quota exceeded for metric: x, limit: 0, model: m")),
        (429, error("Quota is used up. Please try again in 9h54m")),
        (429, error("used up", code="quota_exceeded")),
    ],
)
def test_a_quota_of_a_day_is_not_waited_for_within_a_call(status: int, body: object) -> None:
    """It is renewed long after the call has given up."""
    fault = judged(status, body)
    assert (fault.kind, fault.retryable) == ("rate_limit", False)
    assert "quota" in fault.remedy


@pytest.mark.parametrize(
    ("status", "body", "wait_s"),
    [
        (
            429,
            error(
                "Rate limit reached on tokens per min (TPM): Limit 300, Used 200, Requested 125. Try again in 11.054s."
            ),
            11.054,
        ),
        (
            413,
            error("on tokens per minute (TPM): Limit 300, Used 200, Requested 125", code="rate_limit_exceeded"),
            None,
        ),
        (429, error("Limit: 3 / min. Please try again in 20s. Add a payment method at https://p/billing"), 20),
        (429, error("Rate limit reached on tokens per day (TPD). Please try again in 9m38s."), 578),
        (
            429,
            google("Please retry in 46s.", violated("GenerateRequestsPerMinutePerProject"), {"retryDelay": "46s"}),
            46,
        ),
        (429, google("You exceeded your current quota, please check your plan and billing details"), None),
        (429, error("concurrency too high", code="1302"), None),
        (
            429,
            {
                "code": "Throttling.AllocationQuota",
                "message": "Allocated quota exceeded, please increase your quota limit.",
            },
            None,
        ),
        (429, error("Allocated quota exceeded, please increase your quota limit.", code="insufficient_quota"), None),
        (
            429,
            {"type": "error", "error": {"type": "rate_limit_error", "message": "30,000 input tokens per minute"}},
            None,
        ),
        (
            429,
            {
                "__type": "com.amazon#ThrottlingException",
                "message": "Too many tokens, please wait before trying again.",
            },
            None,
        ),
        (400, error("slow down", code="rate_limit_exceeded", retry_after_ms=1500), 1.5),
        (429, {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, None),
        (429, error("retry after 7 seconds"), 7),
        (429, error("no", retry_after=3), 3),
    ],
)
def test_a_limit_of_a_minute_is_asked_again_when_it_says(status: int, body: object, wait_s: float | None) -> None:
    """What a body says of waiting counts where no header does."""
    fault = judged(status, body)
    assert (type(fault), fault.retryable, fault.retry_after_s) == (RateLimited, True, wait_s)


def test_a_header_goes_before_what_a_body_says_of_waiting() -> None:
    """It is the protocol's own word."""
    raw = json.encode(error("Please try again in 20s"))
    fault = fault_of(FailedCallFacts(status=429, raw=raw, retry_after_s=5.0), read_error(raw), status=429)
    assert fault.retry_after_s == 5.0


def test_a_wait_as_long_as_a_call_may_take_is_still_waited_for() -> None:
    """Anything beyond it is no matter of a call."""
    assert judged(429, error("no", retry_after=LONGEST_WAIT_S)).retryable
    assert not judged(429, error("no", retry_after=LONGEST_WAIT_S + 1)).retryable


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("no", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (
            400,
            error(
                "no",
                innererror={"code": "x", "content_filter_result": {"hate": {"filtered": True, "severity": "high"}}},
            ),
        ),
        (400, error("no", code="DataInspectionFailed")),
        (
            403,
            error(
                "Your input was flagged for violence",
                code=403,
                metadata={"reasons": ["violence"], "flagged_input": "x"},
            ),
        ),
        (400, error("considered high risk", type="content_filter")),
        (400, error("no", code="1301")),
        (200, {"base_resp": {"status_code": 1026, "status_msg": "no"}}),
        (
            400,
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
            },
        ),
        (403, error("Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO")),
    ],
)
def test_a_filter_is_found_in_fields_first(status: int, body: object) -> None:
    """Azure tells by field which of its filters it was."""
    assert type(judged(status, body)) is Refused


@pytest.mark.parametrize(
    ("inner", "kind", "retryable"),
    [
        ({"type": "rate_limit_error", "message": "x"}, RateLimited, True),
        ({"type": "overloaded_error", "message": "Overloaded"}, Overloaded, True),
        ({"code": "529", "message": "x"}, Overloaded, True),
        ({"code": 429, "message": "x"}, RateLimited, True),
        ({"code": 503, "message": "x"}, Overloaded, True),
        ({"status": "RESOURCE_EXHAUSTED", "message": "x"}, RateLimited, True),
        ({"status": "UNAVAILABLE", "message": "x"}, Overloaded, True),
        ({"status": 429, "error": "slow down"}, RateLimited, True),
        ({"detail": "Rate limit exceeded"}, RateLimited, True),
        ({"code": 502, "message": "x", "metadata": {"raw": '{"error":{"code":429,"message":"x"}}'}}, RateLimited, True),
        ({"code": 502, "message": "x", "metadata": {"raw": '{"error":{"code":529,"message":"x"}}'}}, Overloaded, True),
        ({"code": 399, "message": "x"}, ServerFault, True),
        ({"code": 400, "message": "x"}, BadRequest, False),
        ({"code": 501, "message": "x"}, ServerFault, False),
        ({"code": 599, "message": "x"}, ServerFault, True),
        ({"code": 600, "message": "x"}, ServerFault, True),
        ({"message": "insufficient balance"}, RateLimited, False),
        ({"type": "billing_error", "message": "x"}, RateLimited, False),
        ({"type": "authentication_error", "message": "x"}, Authentication, False),
        ({"type": "invalid_request_error", "message": "x"}, BadRequest, False),
        ({"type": "not_found_error", "message": "x"}, BadRequest, False),
        ({"type": "timeout_error", "message": "x"}, TimedOut, True),
        ({"type": "api_error", "message": "x"}, ServerFault, True),
        ({"code": "rate_limit_exceeded", "message": "Please try again in 11s"}, RateLimited, True),
        ({"type": "invalid_request_error", "message": "prompt is too long"}, ContextLength, False),
        ("something", ServerFault, True),
        (["something"], ServerFault, True),
        (7, ServerFault, True),
    ],
)
def test_an_error_inside_an_answer_is_judged_by_its_own_status_or_codes(
    inner: object, kind: type[ProviderError], *, retryable: bool
) -> None:
    """The answer's own status says 200, and it may have begun well."""
    fault = fault_within(inner, FailedCallFacts(status=200, raw=b""))
    assert (type(fault), fault.retryable, fault.status) == (kind, retryable, 200)


@pytest.mark.parametrize(
    "body", [b"[" * 5000, json.encode({"error": {"code": 10**300}}), b'{"error":{"message":{"message":{"message":7}}}}']
)
def test_no_body_is_too_odd_to_be_judged(body: bytes) -> None:
    """Numbers without end, objects without end."""
    assert type(judged(400, body)) is BadRequest


@pytest.mark.parametrize(("number", "status"), [(399, None), (400, 400), (599, 599), (600, None), (0, None)])
def test_a_number_is_a_status_only_where_http_has_failures(number: int, status: int | None) -> None:
    """Others are codes of the provider's own."""
    body = read_error(json.encode(error("no", code=number)))
    assert body.status == status
    assert (str(number) in body.codes) is (status is None and number > 0)


def test_a_limit_of_tokens_that_is_named_both_ways_is_a_rate() -> None:
    """What passes with time is no conversation that is too long."""
    fault = judged(429, error("no", code="rate_limit_exceeded", type="tokens_limit_reached"))
    assert (type(fault), fault.retryable) == (RateLimited, True)


@pytest.mark.parametrize(("status", "kind"), [(403, Authentication), (502, ServerFault), (400, ContextLength)])
def test_under_other_statuses_the_window_must_be_named(status: int, kind: type[ProviderError]) -> None:
    """There an input that is too long may be one of many."""
    assert type(judged(status, error("the input is too long"))) is kind
    assert type(judged(status, error("the input exceeds the context window"))) is ContextLength


def test_a_server_that_broke_over_a_setting_is_asked_again() -> None:
    """Only tools are refused with a 500 for good, by llama.cpp."""
    assert judged(500, error("max_tokens is larger than the maximum")).retryable
    assert not judged(501, error("max_tokens is larger than the maximum")).retryable
