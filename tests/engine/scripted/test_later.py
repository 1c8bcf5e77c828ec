"""What a scripted model is told after its first answer, in each protocol, and calls of other tools than the shell."""

from typing import Any, Final

import msgspec
import pytest

from engine.protocols.chat_server import ChatServer
from engine.protocols.gemini_server import GeminiServer
from engine.protocols.messages_server import MessagesServer
from engine.protocols.responses_server import ResponsesServer
from engine.protocols.server_side import ServerSide
from engine.scripted.errors import ScriptInvalid
from engine.scripted.reader import parse_script

CALL: Final = {"id": "c", "type": "function", "function": {"name": "read", "arguments": "{}"}}
BODIES: Final[tuple[tuple[ServerSide, dict[str, Any]], ...]] = (
    (
        ChatServer(),
        {"model": "m", "messages": [
            {"role": "user", "content": "begin"},
            {"role": "assistant", "content": "own", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": "the page"},
            {"role": "assistant", "content": "own"},
            {"role": "user", "content": [{"type": "text", "text": "go on"}]},
        ]},
    ),
    (
        MessagesServer(),
        {"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": "begin"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "read", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "the page"}]}
            ]},
            {"role": "assistant", "content": "own"},
            {"role": "user", "content": "go on"},
        ]},
    ),
    (
        ResponsesServer(),
        {"model": "m", "input": [
            {"role": "user", "content": "begin"},
            {"type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "the page"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "own"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "go on"}]},
        ]},
    ),
    (
        GeminiServer(),
        {"contents": [
            {"role": "user", "parts": [{"text": "begin"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "read", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "read", "response": {"output": "the page"}}}]},
            {"role": "model", "parts": [{"text": "own"}]},
            {"role": "user", "parts": [{"text": "go on"}]},
        ]},
    ),
)  # fmt: skip


@pytest.mark.parametrize(("side", "body"), BODIES, ids=lambda each: type(each).__name__)
def test_a_function_reads_what_the_model_was_told_since(side: ServerSide, body: dict[str, Any]) -> None:
    """Results of tools and further messages, in order; neither the opening nor its own words."""
    asked = side.read(msgspec.json.encode(body), "/v1beta/models/m:generateContent")
    assert (asked.opening, asked.later, asked.turn) == ("begin", "the page\ngo on", 2)


def test_a_turn_has_a_command_or_calls_a_tool() -> None:
    """Both at once have no place in one answer."""
    rule = 'name = "s"\n[[rule]]\nname = "any"\n[[rule.turn]]\ntool = "read"\narguments = { path = "a" }\n'
    (turn,) = parse_script(rule, "s.toml").rules[0].turns
    assert (turn.tool, turn.arguments, turn.answers) == ("read", {"path": "a"}, True)
    with pytest.raises(ScriptInvalid, match="beside a command"):
        parse_script(f'{rule}command = "ls"\n', "s.toml")
