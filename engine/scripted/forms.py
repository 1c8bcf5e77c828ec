"""What an endpoint of a provider takes, and nothing else: path, header of the key, version, and fields of the body.

Written from the providers' documentation and not from the table of ours, so that one can be held against the other. An
endpoint with a form refuses every request of another form, by the status that such a provider gives.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from engine.protocols.request import RequestProtocol
from engine.scripted.matching import NoAnswer

CARRIERS: Final = ("authorization", "api-key", "x-api-key", "x-goog-api-key")
"""Headers that carry a key somewhere."""
_CHAT: Final = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    }
)
_MESSAGES: Final = frozenset(
    {
        "cache_control",
        "max_tokens",
        "messages",
        "model",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
_GEMINI: Final = frozenset(
    {"cachedContent", "contents", "generationConfig", "safetySettings", "systemInstruction", "toolConfig", "tools"}
)


class Form(Struct, frozen=True, kw_only=True):
    """What one endpoint takes.

    Attributes:
        path: Pattern of the whole path.
        protocol: Of the body.
        carrier: The header of the key, in lower case.
        before: What stands before the key in it.
        open: Whether it is also used without a key.
        headers: Which must be there besides, and their values.
        version: The query parameter that names the API's version, and the pattern of its values. None: it has none.
        fields: Of the body, all that it knows. None: any.
        needs: Fields of the body that must be there.
    """

    path: str
    protocol: RequestProtocol = "chat"
    carrier: str = "authorization"
    before: str = "Bearer "
    open: bool = False
    headers: Mapping[str, str] = {}
    version: tuple[str, str] | None = None
    fields: frozenset[str] | None = _CHAT
    needs: frozenset[str] = frozenset({"model", "messages"})


class ScriptedRequest(NamedTuple):
    """A request, as far as a form looks at it."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes


def refusal(form: Form, came: ScriptedRequest) -> NoAnswer | None:
    """Say why a request is not of a form. None: it is."""
    if not re.fullmatch(form.path, came.path):
        return NoAnswer(404, "script_form_path", f"the path {came.path} is not {form.path}")
    return _no_key(form, came) or _no_version(form, came) or _no_body(form, came)


def _no_key(form: Form, came: ScriptedRequest) -> NoAnswer | None:
    given = {name for name in {*CARRIERS, form.carrier} if name in came.headers} | (
        {"?key"} if "key" in came.query else set()
    )
    if not given and form.open:
        return None
    if given != {form.carrier}:
        told = ", ".join(sorted(given)) or "none"
        return NoAnswer(401, "script_form_key", f"the key comes in {told}; here it belongs into {form.carrier}")
    value = came.headers[form.carrier]
    if not re.fullmatch(re.escape(form.before) + r"[!-~]+", value):
        return NoAnswer(401, "script_form_key", f"the key must be all of {form.carrier}, but for {form.before!r}")
    return None


def _no_version(form: Form, came: ScriptedRequest) -> NoAnswer | None:
    for name, value in form.headers.items():
        if came.headers.get(name) != value:
            return NoAnswer(400, "script_form_header", f"the header {name} must be {value}")
    name, wanted = form.version or ("", "")
    versions = [each for each in came.query if each in {"api-version", name} - {""}]
    if versions != ([name] if name else []) or (name and not re.fullmatch(wanted, came.query[name])):
        return NoAnswer(404, "script_form_version", f"the query must name {name or 'no version'}: {wanted}")
    streamed = came.path.endswith(":streamGenerateContent")
    if form.protocol == "gemini" and (came.query.get("alt") == "sse") != streamed:
        return NoAnswer(400, "script_form_stream", "a stream, and nothing else, is asked for with alt=sse")
    return None


def _no_body(form: Form, came: ScriptedRequest) -> NoAnswer | None:
    try:
        body = msgspec.json.decode(came.body, type=dict[str, object])
    except msgspec.DecodeError as error:
        return NoAnswer(400, "script_form_body", f"the body is not a JSON object: {error}")
    if form.fields is not None and (unknown := sorted(body.keys() - form.fields)):
        return NoAnswer(400, "script_form_field", f"unknown fields: {', '.join(unknown)}")
    if missing := sorted(form.needs - body.keys()):
        return NoAnswer(400, "script_form_field", f"missing fields: {', '.join(missing)}")
    return None


_THINKING: Final = _CHAT | {"thinking"}
FORMS: Final[Mapping[str, Form]] = {
    "openai": Form(path="/v1/chat/completions"),
    "anthropic": Form(
        path="/v1/messages",
        protocol="messages",
        carrier="x-api-key",
        before="",
        headers={"anthropic-version": "2023-06-01"},
        fields=_MESSAGES,
        needs=frozenset({"model", "messages", "max_tokens"}),
    ),
    "gemini": Form(
        path=r"/v1beta/models/[^/:]+:(generateContent|streamGenerateContent)",
        protocol="gemini",
        carrier="x-goog-api-key",
        before="",
        fields=_GEMINI,
        needs=frozenset({"contents"}),
    ),
    "gemini-openai": Form(path="/v1beta/openai/chat/completions"),
    "azure": Form(
        path="/openai/deployments/[^/]+/chat/completions",
        carrier="api-key",
        before="",
        version=("api-version", r"\d{4}-\d\d-\d\d(-preview)?"),
    ),
    "azure-v1": Form(path="/openai/v1/chat/completions", carrier="api-key", before=""),
    "bedrock": Form(path="/v1/chat/completions"),
    "minimax": Form(path="/v1/chat/completions", fields=_CHAT | {"reasoning_split"}),
    "dashscope": Form(
        path="/compatible-mode/v1/chat/completions", fields=_CHAT | {"enable_thinking", "thinking_budget"}
    ),
    "zhipu": Form(path="/api/paas/v4/chat/completions", fields=_THINKING),
    "moonshot": Form(path="/v1/chat/completions", fields=_THINKING),
    "deepseek": Form(path="/v1/chat/completions", fields=_THINKING),
    "openrouter": Form(path="/api/v1/chat/completions", fields=_CHAT | {"reasoning"}),
    "vllm": Form(path="/v1/chat/completions", open=True, fields=_CHAT | {"chat_template_kwargs"}),
}
"""By the names of the providers."""
