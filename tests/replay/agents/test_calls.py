"""Stories of requests compared with those of an earlier run of the same agent."""

import msgspec
import pytest

from replay.agents.calls import RecordedReply, RecordedRequest, best, difference, likeness


def body(text: str, session: str = "01a1fda8-3092-76a2-85a1-ab092fc957cf") -> bytes:
    """Make a request with an id and a time of the agent's own."""
    said = [{"role": "user", "content": text}]
    return msgspec.json.encode({"messages": said, "session": session, "at": 1_795_257_020_608})


def asked(number: int, request: bytes, path: str = "/v1/chat/completions") -> RecordedRequest:
    """Make a recorded request."""
    return RecordedRequest(number, path, request, RecordedReply(200, (), b"{}", whole=True, recorded=True))


def test_ids_and_times_do_not_make_a_difference_but_are_told_apart() -> None:
    """An agent names its sessions anew each time; that says nothing of what it asks."""
    then = body("hello")
    now = body("hello", "01b2fda8-3092-76a2-85a1-ab092fc957cf").replace(b"1795257020608", b"1795257999999")
    assert likeness(then, then) == "equal"
    assert likeness(then, now) == "alike"
    assert likeness(then, body("farewell")) == "different"


def test_requests_made_side_by_side_are_found_in_either_order() -> None:
    """Some agents ask for a title while they work."""
    left = [asked(1, body("title")), asked(2, body("work"))]
    found = best(left, "/v1/chat/completions", body("work"))
    assert found is not None
    assert (found[0].number, found[1]) == (2, "equal")
    assert best(left, "/v1/messages", body("work")) is None


def test_the_first_difference_is_named_with_its_place_and_both_texts() -> None:
    """A reader must see at once what the agent was told otherwise."""
    found = difference([asked(3, body("the word is hello"))], 4, "/v1/chat/completions", body("the word is farewell"))
    assert (found.number, found.at) == (3, "messages[0].content (character 12)")
    assert found.recorded.endswith("hello")
    assert found.now.endswith("farewell")


def test_one_request_too_many_is_a_difference() -> None:
    """Where nothing is left to compare with, the request itself is told."""
    found = difference([], 4, "/v1/messages", b'{"more":1}')
    assert (found.number, found.recorded) == (5, "no further request")
    assert "more" in found.now


IDS = {
    "opencode's tools": ("tool_f8a1c0d3e001Ab9ZkQw2LmNpXy", "tool_f8a1c0d3f001Qq7RsTuVwXyZaBc"),
    "opencode's messages": ("msg_b6b8e5d1c001TgY7pQwErTyUiO", "msg_b6b8e5d1d001AsDfGhJkLzXcVb"),
    "opencode's parts": ("prt_b6b8e5d1c001TgY7pQwErTyUiO", "prt_b6b8e5d1d001AsDfGhJkLzXcVb"),
    "opencode's sessions": ("ses_494719016ffe85dkDMj0FPRbHK", "ses_494719017ffe12abCDe3FGhiJK"),
    "calls of chat completions": ("call_9f8e7d6c5b4a3210", "call_0123456789abcdef"),
    "short calls": ("call_a1B2c3D4e5F6", "call_6f5E4d3C2b1A"),
    "claude code's tools": ("toolu_01A9b8C7d6E5f4G3h2J1k0Lm", "toolu_01Zy9Xw8Vu7Ts6Rq5Po4Nm3L"),
    "tools of messages' own": ("srvtoolu_01A9b8C7d6E5f4G3h2J1k0Lm", "srvtoolu_01Zy9Xw8Vu7Ts6Rq5Po4Nm3L"),
    "codex's calls": ("fc_0a1b2c3d4e5f60718293a4b5c6d7", "fc_7d6c5b4a39281706f5e4d3c2b1a0"),
    "codex's reasoning": ("rs_0a1b2c3d4e5f60718293a4b5c6d7", "rs_7d6c5b4a39281706f5e4d3c2b1a0"),
    "codex's items": ("item_0a1b2c3d4e5f6071", "item_1706f5e4d3c2b1a0"),
    "answers": ("chatcmpl-A1b2C3d4E5f6G7h8", "chatcmpl-H8g7F6e5D4c3B2a1"),
    "gemini's calls": ("run_shell_command-1763482000000-a1b2c3d4", "run_shell_command-1763489999999-d4c3b2a1"),
    "qwen's calls": ("read_file_1763482000000_0", "read_file_1763489999999_0"),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_each_agent_are_masked(kind: str) -> None:
    """Agents and providers make them anew each time; beside them a request may not differ."""
    then, now = IDS[kind]
    assert likeness(body(f"see {then}."), body(f"see {now}.")) == "alike"
    assert likeness(body(f"see {then}."), body(f"look {now}.")) == "different"


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("tool_use_description", "tool_use_instruction"),
        ("call_the_function", "call_the_operator"),
        ("msg_1", "msg_2"),
        ("user_permissions", "user_preferences"),
        ("item_7", "item_8"),
        ("tool-assisted", "tool-supported"),
    ],
)
def test_words_that_begin_as_ids_do_are_none(then: str, now: str) -> None:
    """A difference in what is said is never masked."""
    assert likeness(body(then), body(now)) == "different"
