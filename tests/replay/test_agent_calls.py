"""Stories of requests compared with those of an earlier run of the same agent."""

import msgspec

from replay.agent_calls import Asked, best, difference, likeness


def body(text: str, session: str = "01a1fda8-3092-76a2-85a1-ab092fc957cf") -> bytes:
    """Make a request with an id and a time of the agent's own."""
    said = [{"role": "user", "content": text}]
    return msgspec.json.encode({"messages": said, "session": session, "at": 1_795_257_020_608})


def asked(number: int, request: bytes, path: str = "/v1/chat/completions") -> Asked:
    """Make a recorded request."""
    return Asked(number, path, request, 200, b"{}")


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
