"""Stories of words: which of them tell that a conversation is too long, and which only look like it.

The decisive phrases are those of the providers named; what stands around them is made up.
"""

import pytest

from engine.protocols.error_words import credit_spent, filtered, never_fits, renewed_later, soon_again, too_long

TOO_LONG = {
    "OpenAI, messages": (
        "This model's maximum context length is 9000 tokens. However, your messages resulted in 9001 tokens."
    ),
    "OpenAI, both": (
        "This model's maximum context length is 4097 tokens, however you requested 5000 tokens (4000 in your prompt; "
        "1000 for the completion)."
    ),
    "OpenAI, responses": "Your input exceeds the context window of this model.",
    "OpenAI, this model's": "Your input exceeds this model's context window",
    "OpenAI, configured": "Input tokens exceed the configured limit of 272000 tokens.",
    "Anthropic": "prompt is too long: 210000 tokens > 200000 maximum",
    "Anthropic, both": "input length and `max_tokens` exceed context limit: 190000 + 12000 > 200000",
    "Anthropic, renamed": "This request would exceed the model's context limit of 200,000 tokens",
    "Gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Gemini, no count": "The input token count exceeds the maximum number of tokens allowed 1048576",
    "Vertex": "the input token count is 40000 but model only supports up to 32768. Reduce the input token count.",
    "Bedrock": "Input is too long for requested model.",
    "Bedrock, Titan": "Too many input tokens. Max input tokens: 8192, request input token count: 9001",
    "Bedrock, gateway": "The request payload size has exceed context limit.",
    "Copilot": "prompt token count of 65000 exceeds the limit of 64000",
    "Mistral": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "Groq": "Please reduce the length of the messages or completion.",
    "Cerebras": "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
    "SGLang": "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
    "SGLang, both": "Requested token count exceeds the model's maximum context length of 131072 tokens.",
    "SGLang, pool": "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).",
    "TGI": "`inputs` must have less than 1024 tokens. Given: 1168",
    "TGI, both": (
        "`inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1900 `inputs` tokens and 400 `max_new_tokens`"
    ),
    "Together": "Input token count + max_tokens must be less than the context length of the model being queried",
    "Fireworks": "The prompt is too long: 70000, model maximum context length: 65536",
    "Moonshot": "Invalid request: Your request exceeded model token limit: 131072",
    "Moonshot, short": "Input token length too long",
    "Zhipu": "Prompt exceeds max length",
    "Zhipu, Chinese": "Prompt 超长",
    "z.ai": "tokens in request more than max tokens allowed",
    "z.ai, short": "Prompt too long",
    "MiniMax": "invalid params, context window exceeds limit (2013)",
    "DashScope": "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 204800]",
    "Cohere": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 6354.",
    "Cohere, size": "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs.",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "OpenRouter": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about 150000 tokens "
        "(139000 of text input, 1000 of tool input, 10000 in the output)."
    ),
    "Cloudflare": "maximum context length is 24000 tokens",
    "Cloudflare, estimate": (
        "The estimated number of input and maximum output tokens (25000) exceeded this model context window "
        "limit (24000)."
    ),
    "Poolside": "Input length 140000 exceeds maximum allowed input length of 131040 tokens",
    "Ollama": "prompt too long; exceeded max context length by 120 tokens",
    "Ollama, input": "the input length exceeds the context length",
    "llama.cpp": "request (41000 tokens) exceeds the available context size (32768 tokens), try increasing it",
    "llama.cpp, old": "the request exceeds the available context size",
    "llama.cpp, named": "n_keep (5000) >= n_ctx (4096)",
    "LM Studio": "The number of tokens to keep from the initial prompt is greater than the context length.",
    "LM Studio, loaded": "the model is loaded with context length of only 4096 tokens, which is not enough",
    "LiteLLM": "litellm.ContextWindowExceededError: litellm.BadRequestError: the provider said no",
    "SambaNova": (
        "The maximum context length of some-model is 32768. However, answering your request will take 39732 tokens."
    ),
    "SiliconFlow": "number of input tokens (204703) has exceeded max_prompt_tokens (202752) limit.",
    "DwarfStar": "Prompt has 49231 tokens, but the configured context size is 49152 tokens",
    "Kimi, bytes": "total message size 10176584 exceeds limit 2097152",
    "vLLM": "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
    "vLLM, engine": "The engine prompt length 1314146 exceeds the max_model_len 32768. Please reduce prompt.",
    "vLLM, both": (
        "'max_tokens' or 'max_completion_tokens' is too large: 1000. This model's maximum context length is 4096 "
        "tokens and your request has 3500 input tokens (1000 > 4096 - 3500)."
    ),
    "vLLM, passed": (
        "the model's context length is only 4096 tokens, resulting in a maximum input length of 3584 tokens."
    ),
    "transformers": "sequence length is longer than the specified maximum sequence length for this model (2214 > 2048)",
    "MLX": "Prompt exceeds maximum context length",
    "llama-cpp-python": "Requested tokens (9000) exceed context window of 8192",
    "NIM": "Sequence length 9000 exceeds maximum of 8192",
    "HF router": "Your prompt is longer than the model's context length of 2048.",
    "Perplexity": "the total number of tokens in your messages exceeds the model's limit of 127072",
    "Databricks": "Your request contains 150000 tokens and exceeds the maximum of 128000 tokens for this model",
    "Qianfan": "输入长度超过模型上限",
    "Chinese": "上下文长度超出最大限制",
    "window stated": "Model context window is 128k tokens, you requested 256k tokens",
    "window first": "Context window exceeded: requested 12000 tokens",
    "too large": "Prompt too large for this model",
    "does not fit": "your prompt does not fit into the model's context",
    "only accepts": "this model only accepts 8192 tokens, and 9000 were sent in messages",
    "prompt of": "Cannot process a prompt of 40000 tokens, the limit is 32768",
    "conversation": "The conversation history exceeds what the model supports",
    "overflow": "Context overflow: the conversation has more than the model can take",
    "shorten": "Please shorten your prompt: it has 9000 tokens and the model accepts 8192",
    "token limit": "Prompt token limit exceeded: 40000 > 32768",
    "full": "context window full",
    "max_seq_len": "exceeds max_seq_len 8192",
    "code in words": "error: prompt_too_long",
}

ONLY_LIKE_IT = {
    "output, OpenAI": "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
    "output, Anthropic": "max_tokens: 65536 > 64000, which is the maximum allowed number of output tokens",
    "output, integer": (
        "The parameter `max_tokens` is not valid: integer above maximum value, expected a value <= 32768"
    ),
    "output, Zhipu": "Exceeding the limiting length: [max_tokens should be less or equal to 131072]",
    "output, Bedrock": "The maximum tokens you requested exceeds the model limit of 2048.",
    "output, DeepSeek": "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    "output, DashScope": "Range of max_tokens should be [1, 8192]",
    "output, Vertex": "the request has a maxOutputTokens value of 100000 but the supported range is from 1 to 65537",
    "output, Groq": (
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the "
        "`context_window` for this model"
    ),
    "output, vLLM": "max_tokens=99999 cannot be greater than max_model_len=4096. Please request fewer output tokens.",
    "output as long as the window, vLLM": (
        "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 "
        "tokens and your request has 1200 input tokens (5000 > 4096 - 1200)."
    ),
    "output as long as the window": (
        "This model's maximum context length is 4096 tokens. However, you requested 4472 tokens (376 in the messages, "
        "4096 in the completion)."
    ),
    "output, plain": "max_tokens is larger than the maximum output tokens 8192",
    "output, TGI": "Input validation error: `max_new_tokens` must be <= 4096. Given: 5000",
    "output, limited": "The output of this model is limited to 8192 tokens, you asked for 16000",
    "output, thinking": "`max_tokens` must be greater than `thinking.budget_tokens`",
    "output, reached": "Could not finish the message because max_tokens or model output limit was reached.",
    "other name": (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    ),
    "unknown field": "Unknown field `context_window` in request body",
    "unknown argument": "Unrecognized request argument supplied: context_length",
    "extra field": "1 validation error for Request context_length Extra inputs are not permitted",
    "field of a type": "num_ctx: context window must be a positive integer",
    "field too large": "Value error, context_window larger than the maximum allowed",
    "field with a bound": "context_length: Input should be less than 1000000",
    "field of the server": "invalid option: num_ctx exceeds the maximum",
    "window too small": "Model context window too small (minimum is 128k tokens)",
    "rate, Groq": (
        "Request too large for model `m` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested "
        "12328, please reduce your message size and try again."
    ),
    "rate, OpenAI": "Request too large for m on tokens per min (TPM): Limit 30000, Requested 61337.",
    "rate, Bedrock": "ThrottlingException: Too many tokens, please wait before trying again.",
    "rate, of a day": "Too many tokens per day, please wait before trying again.",
    "rate, Cerebras": "Tokens per minute limit exceeded - too many tokens processed",
    "rate, Anthropic": (
        "This request would exceed your organization's rate limit of 30,000 input tokens per minute. Please reduce the "
        "prompt length or the maximum tokens requested."
    ),
    "rate, Copilot": "Number of request tokens has exceeded your per-minute rate limit",
    "rate, Moonshot": "request reached organization TPD rate limit, current: 1506556, limit: 1500000",
    "rate, of this minute": "input token limit exceeded for this minute",
    "quota": "daily token limit exceeded",
    "image": "messages.1.content.0.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
    "image, plain": "The input image is too large",
    "file": "File size is too large, max file size is 100MB",
    "audio": "audio input is longer than 30 seconds",
    "batch": "input batch is too large: batch size 64 > maximum allowed batch size 32",
    "payload": "413 Request Entity Too Large",
    "payload, nginx": "client intended to send too large body: 1200000 bytes",
    "payload, bytes": "request body exceeds 10 MB",
    "tools": "Invalid 'tools': array too long. Expected an array with maximum length 128.",
    "tool's description": "Invalid 'tools[3].function.description': string too long. Expected at most 1024.",
    "tool's schema": "tools.0.custom.input_schema: the schema is too large",
    "call's id": "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40.",
    "stop": "stop: too many stop sequences, at most 4 are allowed",
    "cache key": "Invalid 'prompt_cache_key': string too long. Expected a string with maximum length 64",
    "deadline": "context deadline exceeded",
    "memory": "model requires more system memory (20 GiB) than is available (8 GiB), reduce the context size",
    "memory, GPU": "CUDA out of memory: context size",
    "tier": "The long context beta is not yet available for this subscription.",
    "tier, paid": "Extra usage is required for long context requests.",
    "temperature": "temperature must be less than or equal to 2",
    "seed": "seed is larger than the maximum int64",
    "cache_control": "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    "queue": "Too many messages are queued for this model, please slow down",
    "filter": "The prompt was flagged: too many violations",
    "timeout": "Request exceeded the timeout of 600 s",
    "model": "The model `m-9` does not exist or you do not have access to it.",
    "credit": "Your credit balance is too low to access the API.",
}


MADE_UP = (
    "The input exceeds the model's maximum context limit of 8192 tokens.",
    "The request payload size has exceed context limit.",
    "Context window exceeded: requested 12000 tokens",
    "Request size exceeds model context window",
    "The input exceeds the maximum number of input tokens",
    "The conversation history exceeds what the model supports",
    "Prompt token limit exceeded: 40000 > 32768",
    "Number of prompt tokens 70000 is larger than the context size 65536",
    "Sequence length 9000 exceeds maximum of 8192",
    "The prompt plus max_tokens exceeds the context window",
    "Please shorten your prompt: it has 9000 tokens and the model accepts 8192",
    "Input is larger than the model's context",
    "The context length of the model (4096) has been exceeded by the prompt (5100)",
    "max input tokens exceeded",
    "Your request contains 150000 tokens and exceeds the maximum of 128000 tokens for this model",
    "请求的上下文过长",
    "prompt is over the context limit",
    "error: prompt_too_long",
    "InputTooLong: the input has 40000 tokens",
    "Request too long: 9012 tokens exceed the window of this model",
    "Requested 12000 tokens but the context window of this deployment holds 8192",
    "Prompt length 33000 is over the maximum sequence length",
    "your conversation has become too long for this model",
    "Error: input is 9000 tokens, model context is 8192",
    "The chat history is too long",
    "Context limit reached: 200000 tokens",
    "the message exceeds the maximum context size",
    "Total prompt tokens: 40000 exceeds model context length: 32768",
    "the model's context window (8192 tokens) was exceeded by your prompt",
    "Input exceeds context size of 4096 tokens",
    "This prompt is longer than this model supports (9000 > 8192 tokens)",
    "messages exceed token limit by 120",
    "The prompt you sent has too many tokens: 9001 (max 8192)",
    "Input tokens (9001) exceed model limit (8192)",
    "Error 400: max context length exceeded",
    "max_context_length exceeded: 9001 > 8192",
    "prompt + completion exceeds the context window: please shorten the prompt",
    "Sorry, your prompt has more tokens than the model can process",
    "The text is longer than the context window allows",
    "prompt overflow: 9000 tokens do not fit into 8192",
    "Prompt must have less than 8192 tokens",
    "输入的 token 数超过模型上下文长度",
    "the input sequence length (9000) exceeds the limit (8192)",
    "You have exceeded the maximum context window of this model with 9000 tokens",
    "Model input limit exceeded: input has 9001 tokens, limit is 8192",
    "Too long prompt: 9000 tokens",
    "Your messages are too long, shorten them",
    "The request's input tokens exceed the maximum of 8192",
    "prompt token limit of 8192 exceeded",
)
"""Words that no provider is known to use, so that the rules are not a list of known ones."""

MADE_UP_OTHERS = (
    "Model context window too small (minimum is 128k tokens)",
    "request reached organization TPD rate limit, current: 1506556, limit: 1500000",
    "The context is large, but acceptable.",
    "Invalid content format in request",
    "maxOutputTokens is larger than 65536",
    "max_tokens (9000) exceeds the maximum of 8192 for this model's output",
    "max_completion_tokens must be at most 16384",
    "The output of this model is limited to 8192 tokens, you asked for 16000",
    "you requested 100000 completion tokens, the maximum is 16384",
    "logit_bias has too many entries",
    "The tool schema exceeds the maximum depth",
    "Invalid tool name: exceeds 64 characters",
    "request body exceeds 10 MB",
    "client intended to send too large body: 1200000 bytes",
    "audio input is longer than 30 seconds",
    "The number of images in the input exceeds the limit of 10",
    "embedding input is too long? batch of 3000 exceeds 2048 inputs",
    "system_fingerprint is not supported",
    "unexpected keyword argument 'context_length'",
    "invalid option: num_ctx exceeds the maximum",
    "field 'max_context' not recognized",
    "seed must be less than 4294967296",
    "best_of must be greater than n",
    "temperature is too high",
    "Your organization exceeded its token limit of the month",
    "Too many tokens used in the last minute",
    "requests exceed the allowed concurrency",
    "prompt template is missing a field",
    "safety_identifier too long",
    "messages must be a non-empty list",
    "metadata value is too long",
    "The model is overloaded, there are more requests than it can take",
    "CUDA out of memory: context size",
    "model does not support more than 4 stop sequences",
    "reasoning budget exceeds the maximum",
    "The JSON schema is too large: more than 5000 properties",
    "long context is not available on your plan",
    "Prompt caching exceeded the limit",
    "The file content exceeds the token limit for files",
    "The maximum context length for this model is 32768, but max_tokens is 40000",
    "maximum context length is 8192 tokens. Your max_tokens of 9000 is more than that.",
    "Requested max_tokens 100000 exceeds the maximum context length of 32768",
    "You passed a max_tokens larger than the context window",
    "The context window of the model (8192) is smaller than the requested output (16384)",
    "n_predict exceeds n_ctx",
    "Context size must be at least 512",
    "You exceeded 40000 input tokens in a 60s window, per 60 seconds",
    "limit of 100000 tokens/min exceeded by this prompt",
    "You have exceeded your token limit, please upgrade your plan",
    "Key limit exceeded (total limit)",
    "max_tokens超出最大值",
    "参数 max_tokens 超出范围",
    "输出长度超过限制",
    "图片大小超过限制",
    "请求频率超过限制",
    "参数 temperature 超出范围",
    "Bad input: top_k greater than 100",
    "Input error: n is more than allowed",
    "temperature in the request exceeds the maximum of 2",
    "presence_penalty input exceeds maximum",
    "the number of stop sequences in the request exceeds 4",
    "context_length_exceeded is not a valid value for error_mode",
    "Unknown option: context-window",
    "model context size cannot be changed at run time",
    "context_window override is not permitted",
    "Your subscription does not include the 1M context window",
    "thinking budget exceeds max tokens",
    "reasoning tokens limit exceeded",
    "the completion exceeded its limit",
    "generation stopped: max new tokens reached",
    "response too long",
    "answer exceeds the maximum length",
    "tool result must be shorter than 100 kB",
    "tool_choice larger than the maximum",
    "attachments exceed the maximum size",
    "Input image tokens exceed the limit of images",
    "document is too long: 300 pages > 100",
    "prompt_id too long",
    "user message id exceeds 64 characters",
    "The model's maximum output is 4096 tokens, requested 8192",
    "parameter `context` unknown",
    "conversation id is too long",
    "input_schema exceeds 10 levels",
    "Request has too many parameters",
    "request headers are too large",
    "request URI too long",
    "request timed out: more than 600 seconds",
    "Requests exceed the limit of your organization: 500 RPM",
    "The service is over capacity, your prompt was not processed",
    "max_seq_len must be a multiple of 64",
)
"""The same of other things that are too long, too large or too many."""


@pytest.mark.parametrize("words", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_a_conversation_that_is_too_long_is_known_by_its_providers_words(words: str) -> None:
    """However it is written: in capitals, or as a router passes it on."""
    for form in (words, words.upper(), f"Error code: 400 - {words}", f"upstream said: “{words}”"):
        assert too_long(form) is not None


@pytest.mark.parametrize("words", ONLY_LIKE_IT.values(), ids=ONLY_LIKE_IT.keys())
def test_what_only_looks_like_it_is_not(words: str) -> None:
    """Each would have been verified, and a setting that a provider refuses have become a score of 0."""
    for form in (words, words.upper(), f"Error code: 400 - {words}"):
        assert too_long(form) is None


@pytest.mark.parametrize("words", MADE_UP)
def test_other_words_for_the_same_are_known_too(words: str) -> None:
    """Providers change theirs without notice."""
    assert too_long(words) is not None


@pytest.mark.parametrize("words", MADE_UP_OTHERS)
def test_other_things_that_are_too_long_are_not_taken_for_it(words: str) -> None:
    """In doubt it is a bad request: no score is better than an untrue one."""
    assert too_long(words) is None


@pytest.mark.parametrize("name", ["OpenAI, both", "Anthropic, both", "TGI, both", "Together", "vLLM, both"])
def test_where_the_answer_is_counted_in_that_is_known(name: str) -> None:
    """Then a setting can be told that helps."""
    found = too_long(TOO_LONG[name])
    assert found is not None
    assert found.with_answer


def test_an_answer_of_more_than_half_the_window_is_a_setting_to_the_token() -> None:
    """What was said is the smaller part then, and another setting would have let it pass."""
    said = (
        "maximum context length is 4096 tokens. You requested 4472 tokens (377 in the messages, {} in the completion)"
    )
    assert too_long(said.format(2049)) is None
    assert too_long(said.format(2048)) is not None


@pytest.mark.parametrize(
    "words",
    [
        "Your credit balance is too low to access the API. Please go to Plans & Billing",
        "Insufficient balance or no resource package. Please recharge.",
        "This request requires more credits, or fewer max_tokens: you can only afford 1000",
        "Your prepayment credits are depleted",
        "Insufficient account balance",
        "Please enable billing for this project",
        "账户余额不足",
        "您的账户已欠费",
    ],
)
def test_spent_credit_is_known_by_words_under_any_status(words: str) -> None:
    """Relays answer so with 500, too."""
    assert credit_spent(words, sure=True)


@pytest.mark.parametrize(
    "words",
    [
        "Please check your plan and billing details",
        "You have reached your specified API usage limits",
        "You exceeded your current quota",
    ],
)
def test_some_words_tell_of_credit_only_where_the_status_may(words: str) -> None:
    """An upstream outage may speak of billing, too."""
    assert credit_spent(words, sure=False)
    assert not credit_spent(words, sure=True)


def test_a_limit_that_passes_is_told_from_one_that_is_renewed_later() -> None:
    """Only for the former a call can wait."""
    assert soon_again("Rate limit reached on tokens per min (TPM)")
    assert not soon_again("Rate limit reached on tokens per day (TPD)")
    assert renewed_later("Rate limit exceeded: free-models-per-day")
    assert not renewed_later("Rate limit exceeded: free-models-per-min")
    assert soon_again("Allocated quota exceeded, please increase your quota limit.")
    assert not soon_again("Free allocated quota exceeded.")


def test_a_request_beyond_its_minute_never_fits() -> None:
    """To the token: what is asked for may be all there is."""
    assert never_fits("on tokens per minute (TPM): Limit 6000, Requested 6001")
    assert not never_fits("on tokens per minute (TPM): Limit 6000, Requested 6000")
    assert not never_fits("on tokens per min (TPM): Limit 30000, Used 22999, Requested 12528")


@pytest.mark.parametrize(
    ("words", "stopped"),
    [
        ("The response was filtered due to the prompt triggering a content management policy", True),
        ("Output blocked by content filtering policy", True),
        ("Your input was flagged", True),
        ("Input data may contain inappropriate content.", True),
        ("Content violates usage guidelines", True),
        ("tools[0].function.description is flagged as required but missing", False),
        ("Invalid schema: 'moderation' is not of type boolean", False),
        ("Unknown parameter: 'content_filter'.", False),
        ("moderation is not available for this model", False),
        ("the filter of the request is not valid JSON", False),
        ("you have been blocked", False),
        ("the request was rejected by the upstream", False),
    ],
)
def test_a_filter_is_told_from_a_field_of_that_name(words: str, *, stopped: bool) -> None:
    """Somebody must have stopped something, for a reason."""
    assert filtered(words) is stopped
