"""Stories of sending a model's own message back to a provider that checks what it is sent."""

import json
from typing import Any

import msgspec
import pytest

from engine.policies.assistant_message import sendable


def calling(*calls: tuple[str, str, str], content: str | None = None) -> bytes:
    """Write a message that calls tools: id, name and arguments of each."""
    asked = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": args}} for id_, name, args in calls
    ]
    return msgspec.json.encode({"role": "assistant", "content": content, "tool_calls": asked}, order="sorted")


def calls_in(message: bytes | None) -> list[tuple[str, str, str]]:
    """Read its calls."""
    assert message is not None
    value: dict[str, Any] = msgspec.json.decode(message)
    return [(each["id"], each["function"]["name"], each["function"]["arguments"]) for each in value["tool_calls"]]


@pytest.mark.parametrize(
    "message",
    [
        b'{"role": "assistant", "content": "I look."}',
        b'{"content":null,"role":"assistant","tool_calls":[{"signature":"x","function":{"name":"run","arguments":"{}"},"id":"c"}]}',
    ],
)
def test_a_sound_message_is_sent_back_byte_for_byte(message: bytes) -> None:
    """A provider's cache, and a replay, know it by its bytes."""
    assert sendable(message, calls=True) is message


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('{"command": "echo a', {}),
        ("", {}),
        ("null", {}),
        ('["ls"]', {}),
        ('"ls"', {}),
        ('{"command": "a\nb"}', {"command": "a\nb"}),
        ('{"command": "\\ud83d"}', {}),
        ('{"command": "ls", "at": NaN}', {}),
        ("[" * 100_000, {}),
    ],
)
def test_arguments_that_a_strict_server_refuses_are_not_sent_again(written: str, sent: dict[str, str]) -> None:
    """Both vLLM and llama.cpp parse the arguments of every old call, and refuse a conversation for one."""
    ((_, _, arguments),) = calls_in(sendable(calling(("c1", "run", written)), calls=True))
    assert json.loads(arguments) == sent


def test_a_name_that_no_tool_may_have_is_not_sent_again() -> None:
    """The model was told of it; to the provider the message only has to be well formed."""
    for name in ("", "run it", "ls -l", "x" * 65, "functions.run"):
        assert calls_in(sendable(calling(("c1", name, "{}")), calls=True)) == [("c1", "unknown", "{}")]
    assert calls_in(sendable(calling(("c1", "browse", "{}")), calls=True)) == [("c1", "browse", "{}")]


def test_of_calls_with_one_id_the_first_is_sent() -> None:
    """Its result is the only one that can be told apart."""
    message = calling(("c1", "run", '{"command":"ls"}'), ("c2", "run", "{}"), ("c1", "run", '{"command":"pwd"}'))
    assert calls_in(sendable(message, calls=True)) == [("c1", "run", '{"command":"ls"}'), ("c2", "run", "{}")]


def test_calls_that_nobody_answers_are_left_out() -> None:
    """A reflector is offered no tool; what it calls all the same has no result, and providers want one."""
    sent = sendable(calling(("c1", "run", "{}"), content="The memo"), calls=False)
    assert sent == b'{"content":"The memo","role":"assistant"}'
    assert sendable(calling(("c1", "run", "{}")), calls=False) is None


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_message_that_says_nothing_is_not_sent(content: str | None) -> None:
    """Reasoning alone: without content and calls providers refuse a message."""
    message = msgspec.json.encode({"role": "assistant", "content": content, "reasoning_content": "hm"})
    assert sendable(message, calls=True) is None
