"""Stories of the tree of failures: whatever an endpoint sends, there is a reply or an error of ours."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.chat import Chat
from engine.protocols.error_body import read_error
from engine.protocols.errors import FailedCallFacts, ProviderError
from engine.protocols.faults import fault_of
from engine.protocols.usage import ReportedUsage
from events.errors import StillroomError


def judged(status: int, raw: bytes) -> ProviderError:
    """Judge an answer as the client does."""
    return fault_of(FailedCallFacts(status=status, raw=raw), read_error(raw), status=status)


def test_every_kind_is_part_of_one_tree() -> None:
    """Whoever catches `ProviderError` misses none; each has a remedy and a kind of its own."""
    kinds = [cls.kind for cls in ProviderError.__subclasses__()]
    assert len(set(kinds)) == len(kinds)
    for cls in ProviderError.__subclasses__():
        error = cls("It broke.")
        assert isinstance(error, StillroomError)
        assert error.remedy
        assert (error.usage, error.cost_usd, error.raw) == (ReportedUsage(), None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def loosely(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Build an object that may have these fields, or is something else altogether."""
    return JSON | st.fixed_dictionaries({}, optional=fields)


FUNCTION = loosely(name=st.just("bash") | JSON, arguments=st.just("{}") | JSON)
CALL = loosely(id=st.just("c") | JSON, index=st.integers(0, 2) | JSON, function=FUNCTION)
MESSAGE = loosely(content=st.text() | JSON, refusal=JSON, tool_calls=st.lists(CALL, max_size=3) | JSON)
CHOICE = loosely(index=st.just(0) | JSON, message=MESSAGE, delta=MESSAGE, finish_reason=st.just("stop") | JSON)
USAGE = loosely(prompt_tokens=st.integers(0, 9) | JSON, prompt_tokens_details=JSON, cost=JSON)
ENVELOPE = loosely(id=JSON, model=JSON, choices=st.lists(CHOICE, max_size=2) | JSON, usage=USAGE, error=JSON)
ANSWER = ENVELOPE.map(msgspec.json.encode) | st.binary()


def assert_reply_or_error(raw: bytes, *, stream: bool) -> None:
    """Read an answer: there is a reply that holds something, or an error of the tree."""
    seen = FailedCallFacts(status=200, raw=raw)
    try:
        reply = Chat().read(raw, seen)
    except ProviderError:
        return
    assert reply.text or reply.tool_calls
    assert reply.text != ""
    for call in reply.tool_calls:
        assert call.id
        assert call.name
        msgspec.convert(msgspec.to_builtins(call), type(call))
    again = msgspec.json.decode(reply.message)
    assert again["role"] == "assistant"


@given(ANSWER)
def test_any_answer_is_a_reply_or_an_error(raw: bytes) -> None:
    """Nothing that an endpoint sends may end a run with a stack trace, or become an empty text."""
    assert_reply_or_error(raw, stream=False)


@given(st.lists(ANSWER, max_size=4))
def test_any_stream_is_a_reply_or_an_error(chunks: list[bytes]) -> None:
    """A stream has more ways to go wrong."""
    assert_reply_or_error(b"".join(b"data: " + chunk + b"\n\n" for chunk in chunks), stream=True)


@given(st.integers(400, 599), ANSWER)
def test_any_failed_answer_is_an_error_of_the_tree(status: int, raw: bytes) -> None:
    """Whatever its body is."""
    assert judged(status, raw).problem


@pytest.mark.parametrize(
    "raw",
    [
        b'{"choices":[{"message":{"content":"\xff"}}],"error":{"message":"\xff"}}',
        b"[" * 100_000,
        b'{"error":' * 100_000,
        b'{"choices":[{"message":{"content":"\\ud83d"}}]}',
        b"\xef\xbb\xbf{}",
        b"",
    ],
    ids=["not UTF-8", "lists without end", "objects without end", "half a character", "a byte order mark", "nothing"],
)
def test_what_no_decoder_likes_is_malformed(raw: bytes) -> None:
    """Decoders raise more than their own errors: on bad UTF-8, on nesting that exhausts the stack."""
    assert_reply_or_error(raw, stream=False)
    assert_reply_or_error(b"data: " + raw + b"\n\ndata: [DONE]\n\n", stream=True)
    assert judged(500, raw).kind == "server"
