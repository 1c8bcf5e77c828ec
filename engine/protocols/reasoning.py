"""What a model thought, told apart from what it said. It is kept in the bytes, and is never taken for an answer."""

from typing import Any, Final

_FIELDS: Final = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
"""Where chat completions have it as text: DeepSeek and vLLM, OpenRouter and Groq, Copilot, Ollama."""
_LISTS: Final = ("reasoning_details", "thinking_blocks")
"""Where they have it in blocks: OpenRouter, LiteLLM. The blocks repeat what a field of text says."""
THOUGHTS: Final = frozenset({"reasoning", "redacted_thinking", "thinking"})
"""Types of the parts of a content that are not said to anyone."""
_IN_BLOCK: Final = ("thinking", "reasoning", "text", "summary", "content")
"""Where a block has its words; what is encrypted or redacted has none."""


def reasoning_in(message: dict[str, Any]) -> str:
    """Give the reasoning that a chat message or a delta shows; empty when it shows none."""
    fields = (message.get(name) for name in (*_FIELDS, *_LISTS))
    return next((words for each in fields if (words := thought_in(each))), "")


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
