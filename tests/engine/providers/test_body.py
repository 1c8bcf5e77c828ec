"""Stories of the request body: nothing added, nothing changed, the same bytes each time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from engine.protocols.errors import BadRequest
from engine.protocols.request import INCLUDE_USAGE, ChatRequest
from engine.providers.base import body_of

ODD = b'{ "role" : "user",\n  "content": "caf\\u00e9 \xe2\x98\x95", "x_extra": 1.50 }'
"""Bytes that no encoder of ours would write."""

VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.lists(st.text(), max_size=3)


def test_messages_are_sent_as_they_were_kept() -> None:
    """A conversation is stored by the bytes of its messages; the body must be built from them to the last one."""
    request = ChatRequest(model="m", messages=(ODD, ODD), tools=b'[ {"type":"function"} ]')
    assert body_of(request) == b'{"model":"m","messages":[' + ODD + b"," + ODD + b'],"tools":[ {"type":"function"} ]}'


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    """Models refuse temperatures and limits they do not know; only the user may ask for them."""
    assert body_of(ChatRequest(model="m", messages=(), timeout_s=3.0)) == b'{"model":"m","messages":[]}'


def test_streaming_is_asked_for_only_when_it_is_wanted() -> None:
    """Some endpoints refuse ``"stream": false``; usage in a stream is asked for by a parameter, which is recorded."""
    for options in ({"stream_options": {"include_usage": True}}, {INCLUDE_USAGE: True}):
        request = ChatRequest(model="m", messages=(), stream=True, parameters={"a": 1, **options, "t": 2})
        assert body_of(request) == (
            b'{"model":"m","messages":[],"stream":true,"a":1,"stream_options":{"include_usage":true},"t":2}'
        )


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_the_order_in_which_parameters_were_written_does_not_matter(parameters: dict[str, object]) -> None:
    """The body's digest is recorded; it must not hang on the order of a dictionary."""
    parameters = {f"p_{name}": value for name, value in parameters.items()}
    turned = dict(reversed(parameters.items()))
    body = body_of(ChatRequest(model="m", messages=(), parameters=parameters))
    assert body == body_of(ChatRequest(model="m", messages=(), parameters=turned))
    assert json.decode(body) == {"model": "m", "messages": []} | parameters


@pytest.mark.parametrize("name", ["model", "messages", "tools", "stream"])
def test_a_parameter_cannot_take_the_place_of_the_requests_own_fields(name: str) -> None:
    """Two keys of one name in a body mean something else to every server."""
    with pytest.raises(BadRequest, match=name):
        body_of(ChatRequest(model="m", messages=(), parameters={name: "x"}))


@pytest.mark.parametrize("value", [math.nan, math.inf, {"deep": [-math.inf]}, (1, 2), {1, 2}, object(), "\ud800"])
def test_a_value_that_would_arrive_as_another_is_refused(value: object) -> None:
    """An encoder writes NaN as null, which is a different wish."""
    with pytest.raises(BadRequest, match="parameters"):
        body_of(ChatRequest(model="m", messages=(), parameters={"p": value}))
