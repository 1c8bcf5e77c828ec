"""Stories of refusals that point two ways: too little or too much, the whole or a count, credit or a quota.

The words are made up, several for each kind, so that the rules are not a list of known ones.
"""

import pytest

from engine.protocols.error_words import too_long, usage_only
from engine.protocols.errors import BadRequest, ContextLength, ProviderError, RateLimited
from tests.engine.protocols.test_error_bodies import error, judged

QUOTA = "wait until the quota is renewed"
CREDIT = "add credit"


@pytest.mark.parametrize(
    "message",
    [
        "`max_tokens` must be greater than `thinking.budget_tokens`",
        "thinking.budget_tokens must be less than max_tokens",
        "thinking.budget_tokens must be less than or equal to max_tokens",
        "max_tokens must be at least 16, got 4",
        "max_tokens must be at least 1 and at most 8192, got 0",
        "max_tokens: Input should be greater than or equal to 1",
        "max_tokens must be a positive integer",
        "max_tokens must be > 0",
        "max_tokens too small: minimum is 16",
        "max_tokens must not be less than 1",
        "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 4 instead.",
        "has a maxOutputTokens value of 0 but the supported range is from 1 (inclusive) to 65537 (exclusive)",
        "Could not finish the answer as max_tokens or model output limit was reached. Try with higher max_tokens.",
    ],
)
def test_an_answer_that_may_have_too_little_is_to_have_more(message: str) -> None:
    """To lower it would make it worse."""
    fault = judged(400, error(message))
    assert type(fault) is BadRequest
    assert fault.setting is not None
    assert fault.setting.startswith("raise models.ROLE.parameters.max_tokens")


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens must be at most 8192",
        "max_tokens must be less than or equal to 8192",
        "max_tokens must not be greater than 8192",
        "max_tokens must not exceed 4096",
        "max_tokens should be in [1, 8192]",
        "max_tokens must be at least 1 and at most 8192, got 9000",
        "Requested 32000 output tokens; model output cap is 16000",
        "requested output of 64000 tokens is larger than the model's maximum of 32000",
        "The output of this model is limited to 8192 tokens, you asked for 16000",
        "has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 65537 (exclusive)",
    ],
)
def test_an_answer_that_may_have_too_much_is_to_have_less(message: str) -> None:
    """Whatever the provider calls it."""
    fault = judged(400, error(message))
    assert type(fault) is BadRequest
    assert fault.setting == "lower models.ROLE.parameters.max_tokens"


def test_the_least_that_is_taken_is_not_too_little() -> None:
    """To the token."""
    said = "max_tokens must be between 16 and 8192, got {}"
    assert str(judged(400, error(said.format(15))).setting).startswith("raise")
    assert str(judged(400, error(said.format(16))).setting).startswith("lower")


@pytest.mark.parametrize("message", ["max_tokens must be an integer", "max_tokens: Input should be a valid integer"])
def test_a_length_of_the_wrong_type_is_neither(message: str) -> None:
    """Neither more nor less of it helps."""
    assert judged(400, error(message)).setting is None


@pytest.mark.parametrize(
    "message",
    [
        "This model does not have tool calling capability",
        "This model lacks function calling",
        "The model has no tool support",
        "model is not capable of tool use",
    ],
)
def test_a_model_without_tools_can_do_without(message: str) -> None:
    """Commands are then read from its text."""
    assert "models.ROLE.tools=false" in str(judged(400, error(message)).setting)


@pytest.mark.parametrize("message", ["assistant message does not have tool calls", "no tools were provided"])
def test_a_request_that_lacks_tools_says_nothing_of_the_model(message: str) -> None:
    """The setting would not mend it."""
    assert judged(400, error(message)).setting is None


@pytest.mark.parametrize(
    "words",
    [
        "input contains more than one system message",
        "This model supports at most one system message, but the input contains more than one",
        "The input contains too many consecutive newlines",
        "The conversation has too many turns for this model",
        "Too many system messages in the context window",
        "The prompt template exceeds the maximum allowed number of variables",
        "The number of messages exceeds the maximum of 2048",
        "Number of messages in the conversation exceeds the context limit of 100 messages",
        "The history of messages must not be longer than what you paid for",
        "Too many messages: 3000 > 2048",
        "The length of the messages array exceeds 2048",
        "prompt contains more than 5 cache points",
        "The message role is longer than 64 characters",
        "messages exceed nesting depth 32",
        "messages are out of order",
        "The prompt must be longer than 10 tokens",
        "The prompt has 300 tokens; the model allows 5 candidates",
        "The prompt has 300 tokens, the model takes 8192 tokens",
        "消息数量超过限制",
        "The requested tokens exceed the limit of 8192 for this deployment",
    ],
)
def test_a_count_of_something_else_is_no_conversation_that_is_too_long(words: str) -> None:
    """It would be verified and scored, though the agent was never asked."""
    assert too_long(words) is None


@pytest.mark.parametrize(
    "words",
    [
        "Total tokens of image and text exceed max message tokens",
        "The prompt has 9000 tokens, but the model can only take 8192.",
        "The conversation is 12000 tokens, the model can handle 8192 at most",
        "tokens limit exceeded: the conversation is 300k, model allows 256k",
        "This model's max input is 128k; you sent 200k tokens",
        "Chat is too long, start a new one",
        "This thread has become too long. Please start another.",
    ],
)
def test_a_whole_that_is_too_long_is_known_by_both_amounts(words: str) -> None:
    """Or by its name."""
    assert too_long(words) is not None


def test_as_many_tokens_as_the_model_takes_are_not_too_many() -> None:
    """To the token, and a thousand is written in two ways."""
    said = "The prompt has {} tokens, but the model can only take {}."
    assert too_long(said.format("8193", "8192")) is not None
    assert too_long(said.format("8192", "8192")) is None
    assert too_long(said.format("9k", "8192")) is not None
    assert too_long(said.format("9000", "128k")) is None


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("You have run out of tokens in your package; buy a new package", CREDIT),
        ("Your token package is used up", CREDIT),
        ("The prepaid wallet of this account is at zero", CREDIT),
        ("Your prepaid balance is 0", CREDIT),
        ("The wallet has a balance of $0.00", CREDIT),
        ("You have used all tokens of your plan", CREDIT),
        ("You have reached your monthly spending limit", CREDIT),
        ("You have reached your usage limit for the week; add credits to go on", CREDIT),
        ("You have hit your 5-hour usage limit; try again at 7pm", QUOTA),
        ("You have reached your weekly usage limit. Resets in 3 days", QUOTA),
        ("You've reached your usage limit. Resets in 2 hours", QUOTA),
        ("Usage limit reached, try again tomorrow", QUOTA),
        ("Session limit reached, resets 3am", QUOTA),
        ("Tokens exhausted for this billing cycle", QUOTA),
    ],
)
def test_what_does_not_pass_within_minutes_is_not_asked_for_again(message: str, remedy: str) -> None:
    """Credit is to be added, a quota to be waited for; neither is a matter of a quarter of an hour."""
    fault = judged(429, error(message))
    assert type(fault) is RateLimited
    assert not fault.retryable
    assert fault.remedy.startswith(remedy)


@pytest.mark.parametrize(
    "message",
    [
        "Rate limit reached, try again in 20s",
        "usage limit reached, try again in 5 minutes",
        "Rate limit exceeded. Purchase more tokens for higher limits.",
        "You are sending requests too fast; buy a plan to go faster",
        "the balance of requests is 0.5 a second",
        "load balancer is at zero capacity",
        "Too many requests, try again at 12:00:05",
    ],
)
def test_what_passes_is_asked_for_again(message: str) -> None:
    """A provider that sells more is no account without credit."""
    assert judged(429, error(message)).retryable


def test_a_plan_that_is_used_up_is_told_from_credit() -> None:
    """The words for both come together at times: then it is credit that helps."""
    assert usage_only("You have reached your weekly usage limit")
    assert not usage_only("You have reached your weekly usage limit, please buy credits")
    assert not usage_only("Your credit balance is too low")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "Failed to parse input at pos 12: prompt too long for context window"),
        (400, "Failed to parse tool call arguments as JSON: 'prompt is too long: context_length_exceeded'"),
        (400, "Invalid schema for function 'run': context window is larger than the maximum"),
        (400, "Image size exceeds the maximum context window for images"),
    ],
)
def test_what_could_not_be_read_may_quote_anything(status: int, words: str) -> None:
    """The model's own text, most often: it tells nothing of how long the conversation is."""
    assert not isinstance(judged(status, error(words)), ContextLength)


@pytest.mark.parametrize(
    ("answer", "kind"), [(2048, ContextLength), (2049, BadRequest), (4000, BadRequest), (4096, BadRequest)]
)
def test_an_answer_that_is_to_have_most_of_the_window_is_a_setting(answer: int, kind: type[ProviderError]) -> None:
    """The second turn of any agent would not fit then, whatever it said."""
    words = (
        f"max_tokens is too large: {answer}. This model's maximum context length is 4096 tokens and your request has "
        f"{4097 - answer} input tokens"
    )
    assert type(judged(400, error(words))) is kind
