"""Reading a provider's error: its codes, its words and how long it asks to wait, wherever it puts them.

The protocols name few errors, so every provider has a shape of its own, and routers and proxies put the error of
the provider behind them into a field or a text of theirs. All of these are read into one value:

* OpenAI, Anthropic, Google, Azure (``innererror``, ``content_filter_result``), OpenRouter (``metadata.raw``, which is
  JSON in a text), Cloudflare (``errors``), MiniMax (``base_resp``), DashScope, Zhipu and Cohere (fields at the top);
* FastAPI (``detail``), vLLM and SGLang (``object: error``), TGI and Together (``error_type``), AWS (``__type``),
  LiteLLM and Databricks (JSON within the message).

Only fields that are known to be the provider's own words are read: what a provider repeats of the request is not.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import Struct, json

from engine.protocols.error_waits import wait_in
from engine.protocols.errors import UNREADABLE

_CODES: Final = frozenset(
    {
        "__type",
        "code",
        "err_code",
        "error_code",
        "error_type",
        "errorcode",
        "http_code",
        "http_status",
        "http_status_code",
        "kind",
        "quotaid",
        "reason",
        "status",
        "status_code",
        "statuscode",
        "type",
    }
)
_WORDS: Final = frozenset(
    {
        "detail",
        "error",
        "error_description",
        "error_message",
        "error_msg",
        "errormessage",
        "message",
        "msg",
        "raw",
        "status_msg",
        "title",
    }
)
_INSIDE: Final = frozenset(
    {
        "base_resp",
        "body",
        "cause",
        "detail",
        "details",
        "error",
        "errors",
        "external_model_error",
        "innererror",
        "inner_error",
        "message",
        "metadata",
        "provider_error",
        "raw",
        "response",
        "upstream_error",
        "violations",
    }
)
"""Fields that hold a further error. Not ``previous_errors``, by which OpenRouter tells of other providers."""

MINIMAX: Final = "base_resp."
"""What the codes of ``base_resp`` begin with, since other providers give the same numbers another meaning."""
_DEEPEST: Final = 8
_LONGEST_CODE: Final = 120
_LONGEST_WORDS: Final = 2_000
_CODE: Final = re.compile(r"[A-Za-z0-9_.:/#-]+")


class ErrorBody(Struct, frozen=True):
    """What could be read of an error.

    Attributes:
        message: The provider's words on one line, the outermost first; empty when it had none.
        codes: Its codes and types as they are written, but in lower case; numbers that are no HTTP status too.
        status: An HTTP status given inside, the outermost one; None when there is none.
        statuses: All that are given inside.
        params: The parameters of the request that it names, in lower case.
        wait_s: Seconds it asks to wait, 0 or more; None when it does not ask.
        filtered: Whether it says in a field that a filter stopped the request.
        words: All its words, for rules to look at; no address of a page is in them.
    """

    message: str
    codes: frozenset[str] = frozenset()
    status: int | None = None
    statuses: frozenset[int] = frozenset()
    params: frozenset[str] = frozenset()
    wait_s: float | None = None
    filtered: bool = False
    words: str = ""


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
        return error_in(raw[:_LONGEST_WORDS].decode("utf-8", "replace"))
    return error_in(body)


def error_in(body: Any) -> ErrorBody:
    """Read an error that was decoded, wherever a provider hid it."""
    reading = _Reading()
    if isinstance(body, dict) and body.get("error") and not isinstance(body["error"], str):
        reading.look(body["error"])  # what stands beside it is of the envelope
    reading.look(body)
    return reading.body(json.encode(body).decode() if body else "")


class _Reading:
    """Collects what an error holds, from the outside in."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._codes: set[str] = set()
        self._statuses: list[int] = []
        self._params: set[str] = set()
        self._wait_s: float | None = None
        self._filtered = False

    def look(self, value: Any) -> None:
        """Take in an error, and those inside it."""
        layer = [value]
        for _ in range(_DEEPEST):
            layer = [inner for each in layer for inner in self._take(each)]

    def body(self, whole: str) -> ErrorBody:
        """Give what was found; where there are no words that are known, people are shown the whole."""
        return ErrorBody(
            message=_one_line(": ".join(self._texts) or whole),
            codes=frozenset(self._codes),
            status=self._statuses[0] if self._statuses else None,
            statuses=frozenset(self._statuses),
            params=frozenset(self._params),
            wait_s=self._wait_s,
            filtered=self._filtered,
            words=re.sub(r"https?://\S+", "", ". ".join(self._texts)[:_LONGEST_WORDS]),
        )

    def _take(self, value: Any) -> Iterator[Any]:
        """Take in one layer; give what is inside it."""
        match value:
            case list():
                yield from value[:20]
            case str():
                yield from self._say(value)
            case dict():
                for name, field in value.items():
                    yield from self._field(str(name).lower(), field)
            case _:
                pass

    def _field(self, name: str, field: Any) -> Iterator[Any]:
        self._note(name, field)
        if isinstance(field, str):
            if name in _WORDS:
                yield field
        elif name == "base_resp" and isinstance(field, dict):
            self._codes.add(f"{MINIMAX}{field.get('status_code')}")
            yield {"message": field.get("status_msg")}
        elif name in _INSIDE and isinstance(field, dict | list):
            yield field

    def _note(self, name: str, field: Any) -> None:
        """Take down what is no text: a code, a parameter, a wait, a filter."""
        if name in _CODES:
            self._code(field)
        elif name == "param" and isinstance(field, str) and field:
            self._params.add(field.lower())
        elif name == "loc" and isinstance(field, list) and field:  # FastAPI's path to a field
            self._params.add(str(field[-1]).lower())
        elif name.startswith("content_filter_result"):
            self._filtered = self._filtered or _holds(field, lambda each: each.get("filtered") is True)
        else:
            self._wait_s = _longer(self._wait_s, wait_in(name, field))

    def _code(self, given: Any) -> None:
        match given:
            case bool():
                pass
            case int():
                self._number(given)
            case str() if given.isascii() and given.isdigit() and len(given) < 10:
                self._number(int(given))
            case str() if len(given) <= _LONGEST_CODE and _CODE.fullmatch(given):
                self._codes.add(given.rpartition("#")[2].lower())
            case _:
                pass

    def _number(self, number: int) -> None:
        if 400 <= number < 600:
            self._statuses.append(number)
        elif 0 < number < 10**9:
            self._codes.add(str(number))

    def _say(self, text: str) -> Iterator[Any]:
        """Take in words; give the JSON that some put into them instead of further words."""
        start, inner = _json_in(text)
        said = text[:start][:_LONGEST_WORDS]
        if said.lstrip().startswith("<"):  # a proxy's page
            said = re.sub(r"<[^>]*>", " ", said)
        line = " ".join(said.split())
        if line and line not in self._texts:
            self._texts.append(line)
            self._wait_s = _longer(self._wait_s, wait_in("message", line))
        if inner is not None:
            yield inner


def _json_in(text: str) -> tuple[int | None, Any]:
    """Find the error that a text holds as JSON, and where it begins. None: it holds none."""
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            try:
                inner = json.decode(text[start : end + 1].encode("utf-8", "replace"))
            except UNREADABLE:
                continue
            if _holds(inner, lambda each: any(str(name).lower() in _WORDS for name in each)):
                return start, inner
    return None, None


def _holds(value: Any, test: Callable[[dict[Any, Any]], bool], deep: int = _DEEPEST) -> bool:
    """Say whether a JSON value holds an object that passes a test."""
    if deep == 0 or not isinstance(value, dict | list):
        return False
    if isinstance(value, dict) and test(value):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_holds(each, test, deep - 1) for each in inner)


def _longer(one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else max(one, other)


def _one_line(text: str) -> str:
    """Make a provider's words fit a sentence; the whole body is kept beside it."""
    words = " ".join(text.split())
    return words if len(words) <= 500 else words[:500] + " …"
