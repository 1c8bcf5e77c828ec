"""What a model thought, told apart from what it said. It is kept in the bytes, and is never taken for an answer."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from engine.protocols.json_text import Json

_FIELDS: Final = (
    "reasoning_content",  # DeepSeek, vLLM, SGLang
    "reasoning",  # OpenRouter, Groq, later vLLM
    "reasoning_text",  # Copilot
    "thinking",  # Ollama
    "thought",
    "reasoning_details",  # OpenRouter, in blocks that repeat what a field of text says
    "thinking_blocks",  # LiteLLM
)
"""Where a message has it; the first that has words counts."""
_MARKS: Final = frozenset({"channel", "extra_content", "thought"})
"""Fields that may mark all of a message as reasoning."""
_THOUGHTS: Final = frozenset({"reasoning", "reasoning_content", "redacted_thinking", "thinking", "thought"})
"""Types of the parts of a content that hold it."""
_TEXTS: Final = frozenset({"", "text", "input_text", "output_text"})
"""Types of the parts that hold what was said."""
_IN_BLOCK: Final = ("thinking", "reasoning", "text", "content", "summary")
"""Where a block has its words; what is encrypted or redacted has none."""
_ANALYSIS: Final = "analysis"
"""The channel of harmony in which a model thinks."""


class Content(NamedTuple):
    """What a content holds."""

    text: str
    reasoning: str
    refusal: str


_NOTHING: Final = Content("", "", "")


def reasoning_in(message: Json) -> str:
    """Give the reasoning that a message or a delta shows in fields of its own; empty when it shows none."""
    for name in _FIELDS:
        if message.get(name) and (words := thought_in(message[name])):
            return words
    return ""


def thought_in(block: Any) -> str:
    """Give the words of a reasoning block, whichever of the known shapes it has; empty when it shows none."""
    match block:
        case str():
            return block
        case list():
            return "".join(thought_in(each) for each in block)
        case dict():
            return next((words for name in _IN_BLOCK if (words := thought_in(block.get(name)))), "")
        case _:
            return ""


def content_of(message: Json, content: Any) -> Content:
    """Read a content, which is a text or a list of parts; a part of a kind that is not known is passed over.

    Args:
        message: What the content belongs to: its channel may say that all of it is reasoning.
        content: As the provider wrote it.
    """
    if content is None:
        return _NOTHING
    if isinstance(content, str):
        held = Content(content, "", "")
    else:
        parts = content if isinstance(content, list) else [content]
        held = _joined([_part(part) for part in parts if isinstance(part, dict)])
        # A text that stands bare among parts belongs to a kind of part that is not known; by itself it is the text.
        if not any(isinstance(part, dict) for part in parts):
            held = Content("".join(part for part in parts if isinstance(part, str)), "", "")
    return Content("", held.text + held.reasoning, held.refusal) if _thinks(message) else held


def is_thought(part: Json) -> bool:
    """Say whether a part of a content is reasoning: by its type, its channel, or Gemini's mark."""
    return _type(part) in _THOUGHTS or _thinks(part)


def _thinks(message: Json) -> bool:
    """Say whether a message, a delta or a part is marked as reasoning as a whole."""
    if _MARKS.isdisjoint(message):
        return False
    extra = message.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    marked = isinstance(google, dict) and google.get("thought") is True  # Gemini, speaking chat completions
    return marked or message.get("thought") is True or message.get("channel") == _ANALYSIS


def _part(part: Json) -> Content:
    if is_thought(part):
        return Content("", thought_in(part), "")
    match part:
        case {"refusal": str(refusal)}:
            return Content("", "", refusal)
        case {"text": said} if _type(part) in _TEXTS:
            return Content(_plain(said), "", "")
        case _:
            return Content("", "", "")


def _type(part: Json) -> str:
    """Give the type of a part. Empty: it has none, which is what a plain text may have."""
    given = part.get("type")
    return "" if given is None else str(given)


def _plain(said: Any) -> str:
    match said:
        case str(words) | {"value": str(words)}:
            return words
        case _:
            return ""


def _joined(parts: Iterable[Content]) -> Content:
    held = list(parts)
    return Content(*("".join(each) for each in zip(*held, strict=True))) if held else Content("", "", "")
