"""Stories of addresses and keys: whatever cannot work is refused before anything is sent."""

import pytest

from engine.protocols.errors import EndpointInvalid
from engine.protocols.request import RequestProtocol
from engine.providers.endpoint import headers_for, url_for
from events.errors import ExitCode


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        (" http://127.0.0.1:8000/v1/ ", "http://127.0.0.1:8000/v1/chat/completions"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
        ("https://g.example/v1beta/openai/", "https://g.example/v1beta/openai/chat/completions"),
        ("https://x.example/v1/chat/completions", "https://x.example/v1/chat/completions"),
        ("https://a.example/d/x?api-version=1", "https://a.example/d/x/chat/completions?api-version=1"),
        ("http://[::1]:80/v1#part", "http://[::1]/v1/chat/completions"),
    ],
)
def test_a_base_url_is_completed(base: str, url: str) -> None:
    """With or without ``/v1``, as people paste them."""
    assert str(url_for(base)) == url


@pytest.mark.parametrize(
    ("base", "protocol", "path", "url"),
    [
        ("https://a.example", "messages", "/messages", "https://a.example/v1/messages"),
        ("https://a.example/v1", "messages", "/messages", "https://a.example/v1/messages"),
        ("https://a.example/anthropic", "messages", "/messages", "https://a.example/anthropic/v1/messages"),
        ("https://a.example/v1/messages", "messages", "/messages", "https://a.example/v1/messages"),
        ("https://g.example", "gemini", "/models/a%2Fb:x?alt=sse", "https://g.example/v1beta/models/a%2Fb:x?alt=sse"),
        ("https://g.example/v1", "gemini", "/models/m:x", "https://g.example/v1/models/m:x"),
        (
            "https://g.example/p?q=1",
            "gemini",
            "/models/m:x?alt=sse",
            "https://g.example/p/v1beta/models/m:x?q=1&alt=sse",
        ),
    ],
)
def test_a_base_url_of_another_protocol_is_completed_as_its_own_clients_do(
    base: str, protocol: RequestProtocol, path: str, url: str
) -> None:
    """A path of one's own gets the version too, unless it has one."""
    assert str(url_for(base, protocol, path)) == url


@pytest.mark.parametrize("base", ["", "localhost:8000", "api.openai.com/v1", "ftp://x/v1", "https://", "http://[::1"])
def test_a_url_that_cannot_be_reached_is_refused(base: str) -> None:
    """Before the first call, and as a mistake of use rather than of the network."""
    with pytest.raises(EndpointInvalid) as raised:
        url_for(base)
    assert raised.value.exit_code is ExitCode.USAGE
    assert raised.value.remedy
    assert not raised.value.retryable


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    """Settings are recorded, so a secret in one would be too."""
    with pytest.raises(EndpointInvalid) as raised:
        url_for("https://user:s3cret@x.example/v1")
    assert "s3cret" not in str(raised.value) + raised.value.remedy


def test_the_key_is_sent_only_where_there_is_one() -> None:
    """A local server needs none, and an empty one confuses it."""
    assert headers_for("key-1", {})["authorization"] == "Bearer key-1"
    assert "authorization" not in headers_for(None, {})


@pytest.mark.parametrize("key", ["", "key-1\n", "key 1", "“key-1”"])
def test_a_key_with_a_slip_of_the_clipboard_is_refused_and_not_repeated(key: str) -> None:
    """Otherwise it comes back as a 401, or breaks the header."""
    with pytest.raises(EndpointInvalid) as raised:
        headers_for(key, {})
    assert not key or key not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"), [("Authorization", "x"), ("host", "x"), ("X-A", "a\r\nB: c"), ("X A", "x"), ("", "x")]
)
def test_a_header_that_would_change_the_call_is_refused(name: str, value: str) -> None:
    """Extra headers are settings, and settings hold no key."""
    with pytest.raises(EndpointInvalid):
        headers_for(None, {name: value})
