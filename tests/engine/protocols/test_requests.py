"""Stories of agents' requests: looked at strictly, since what is changed in them is written again."""

from typing import Any

import pytest
from msgspec import json

from engine.protocols.base import ApiProtocol, body_in, bound_in
from engine.protocols.chat import Chat
from engine.protocols.gemini import Gemini
from engine.protocols.messages import Messages
from engine.protocols.responses import Responses

PATH = "/v1beta/models/m:generateContent"


@pytest.mark.parametrize(
    ("protocol", "field"),
    [
        (Chat(), {"max_completion_tokens": 1000}),
        (Messages(), {"max_tokens": 1000}),
        (Responses(), {"max_output_tokens": 1000}),
        (Gemini(), {"generationConfig": {"topK": 3, "maxOutputTokens": 1000}}),
    ],
)
def test_a_bounded_request_keeps_all_else(protocol: ApiProtocol, field: dict[str, Any]) -> None:
    """A temperature that came as a number goes on as a number."""
    asked = {"model": "m", "temperature": 0.7, "stream": False, "generationConfig": {"topK": 3}, "messages": []}
    body = body_in(json.encode(asked))
    assert body is not None
    assert json.decode(json.encode(protocol.bounded(body, 1000))) == asked | field
    assert protocol.facts(body | field, PATH).most_output == 1000


@pytest.mark.parametrize("value", [None, "1000", -1, True, 10.0, [], {}])
def test_a_bound_that_is_no_whole_number_is_none(value: Any) -> None:
    """The provider may read it otherwise, so the request is bounded all the same."""
    assert bound_in(value) is None


@pytest.mark.parametrize(("value", "bound"), [(0, 0), (10**12, 10**12)])
def test_a_bound_is_taken_as_it_is(value: int, bound: int) -> None:
    """However high: it is lowered then."""
    assert bound_in(value) == bound


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b'{"a": NaN}', b'{"a":"\\ud83d"}', b'{"a":"\xff"}', b"[" * 5000])
def test_a_body_that_is_no_json_object_is_none(raw: bytes) -> None:
    """It is refused, and not guessed at."""
    assert body_in(raw) is None
