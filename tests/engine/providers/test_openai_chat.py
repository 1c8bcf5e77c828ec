"""Stories of one question and its answer, over a real connection."""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import anyio
import httpx
import msgspec
import pytest
import zstandard

from engine.protocols.errors import BadRequest, EndpointInvalid, ProviderError
from engine.protocols.reply import ReplyCall
from engine.protocols.request import ChatRequest
from engine.protocols.usage import ReportedUsage
from engine.providers.base import body_of
from engine.providers.endpoint import TransportOptions
from engine.providers.http import OpenAIChat
from engine.providers.transport import MOST_BODY_BYTES, open_client
from tests.engine.providers.support_server import (
    Handler,
    after,
    answer,
    closed_port,
    completion,
    never,
    on_the_wire,
    serving,
)

ASK = ChatRequest(model="m", messages=(b'{"role": "user",  "content": "Hi"}',))


def noon() -> int:
    """Tell the same time always, in UTC microseconds since 1970."""
    return 1_700_000_000_000_000


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client, and close it before the loop ends."""
    async with open_client() as opened:
        yield opened


async def failed(client: httpx.AsyncClient, handler: Handler, ask: ChatRequest = ASK) -> ProviderError:
    """Ask once, expecting no answer."""
    async with serving(handler) as endpoint:
        chat = OpenAIChat(endpoint.url, client=client, clock=noon)
        with pytest.raises(ProviderError) as caught:
            await chat.complete(ask)
    return caught.value


async def test_nothing_is_sent_that_was_not_asked_for(client: httpx.AsyncClient) -> None:
    """The body is what the log can build again; messages keep their very bytes, blanks included."""
    ask = ChatRequest(
        model="m",
        messages=(b'{"role":"system","content":"S"}', '{ "content":"sn\u00f6 ☃", "role":"user" }'.encode()),
        tools=b'[ {"type":"function"} ]',
        parameters={"temperature": 0.0, "max_tokens": 5},
    )
    async with serving(answer(completion())) as endpoint:
        await OpenAIChat(endpoint.url, client=client, clock=noon, api_key="key-1").complete(ask)
    asked = endpoint.asked[0]
    assert asked.body == body_of(ask)
    assert (
        asked.body
        == (
            '{"model":"m","messages":[{"role":"system","content":"S"},{ "content":"snö ☃", "role":"user" }],'
            '"tools":[ {"type":"function"} ],"max_tokens":5,"temperature":0.0}'
        ).encode()
    )
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.header("Authorization") == ["Bearer key-1"]
    names = sorted(name.lower() for name, _ in asked.headers)
    assert set(names) <= {"accept", "authorization", "content-length", "content-type", "host", "user-agent"}


async def test_without_a_key_no_key_is_sent(client: httpx.AsyncClient) -> None:
    """Local servers want none, and the client's own credentials are not taken instead."""
    client.auth = ("somebody", "else")
    async with serving(answer(completion())) as endpoint:
        await OpenAIChat(
            endpoint.url, client=client, clock=noon, wire=TransportOptions(headers={"X-Title": "t"})
        ).complete(ASK)
    assert endpoint.asked[0].header("Authorization") == []
    assert endpoint.asked[0].header("X-Title") == ["t"]


async def test_the_key_is_in_no_error(client: httpx.AsyncClient) -> None:
    """Some endpoints repeat the key in their complaint; a sentence about it goes into logs and issues."""
    complaint = answer('{"error":{"message":"Incorrect API key provided: a-secret-key-1"}}', 401)
    async with serving(complaint) as endpoint:
        chat = OpenAIChat(endpoint.url, client=client, clock=noon, api_key="a-secret-key-1")
        with pytest.raises(ProviderError) as caught:
            await chat.complete(ASK)
    assert caught.value.kind == "authentication"
    assert "a-secret-key-1" not in f"{caught.value.problem} {caught.value.remedy} {chat!r}"


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/api/paas/v4", "/api/paas/v4/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1?api-version=2", "/v1/chat/completions?api-version=2"),
    ],
)
async def test_a_base_url_is_completed(client: httpx.AsyncClient, base: str, path: str) -> None:
    """People copy it in every form."""
    async with serving(answer(completion())) as endpoint:
        await OpenAIChat(endpoint.url + base, client=client, clock=noon).complete(ASK)
    assert endpoint.asked[0].path == path


@pytest.mark.parametrize("url", ["", "localhost:8000", "api.openai.com/v1", "ftp://host", "http://", "http://u:p@host"])
async def test_an_address_that_cannot_work_is_refused_at_once(client: httpx.AsyncClient, url: str) -> None:
    """Not at the first question, after the sandbox was built; and a password in it is not repeated."""
    with pytest.raises(EndpointInvalid) as caught:
        OpenAIChat(url, client=client, clock=noon)
    assert caught.value.remedy
    assert "u:p" not in caught.value.problem


@pytest.mark.parametrize("key", ["", " sk", "sk\n", "skü"])
async def test_a_key_that_cannot_be_sent_is_refused(client: httpx.AsyncClient, key: str) -> None:
    """A line break at the end of a key file is a common fault, and a hard one to see."""
    with pytest.raises(EndpointInvalid) as caught:
        OpenAIChat("http://host", client=client, clock=noon, api_key=key)
    assert "sk" not in caught.value.problem


@pytest.mark.parametrize("parameters", [{"model": "x"}, {"stream": True}, {"temperature": float("nan")}, {"x": b"y"}])
def test_parameters_that_would_change_the_question_are_refused(parameters: dict[str, Any]) -> None:
    """What is recorded as asked is what is asked."""
    with pytest.raises(BadRequest):
        body_of(ChatRequest(model="m", messages=(), parameters=parameters))


async def test_an_answer_is_kept_whole_and_read(client: httpx.AsyncClient) -> None:
    """Text, calls, usage, cost and the model behind the alias."""
    call = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"a": "☃"'}}
    raw = completion(
        {"role": "assistant", "content": "Häh", "tool_calls": [call]},
        usage={
            "prompt_tokens": 7,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 1},
            "cost": 0.00014,
        },
    )
    async with serving(answer(raw)) as endpoint:
        reply = await OpenAIChat(endpoint.url, client=client, clock=noon).complete(ASK)
    assert (reply.raw, reply.text, reply.finish, reply.model) == (raw, "Häh", "stop", "stub-1")
    assert reply.tool_calls == (ReplyCall(id="c1", name="bash", arguments='{"a": "☃"'),)
    assert reply.usage == ReportedUsage(input_tokens=7, output_tokens=3, cached_input_tokens=4, reasoning_tokens=1)
    assert reply.cost_usd == Decimal("0.00014")
    assert msgspec.json.decode(reply.message) == {"role": "assistant", "content": "Häh", "tool_calls": [call]}
    assert reply.status == 200
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": -1}, "many"])
async def test_tokens_that_were_not_counted_are_unknown(client: httpx.AsyncClient, usage: object) -> None:
    """Unknown is not 0, and no reason to lose the answer."""
    async with serving(answer(completion(usage=usage))) as endpoint:
        reply = await OpenAIChat(endpoint.url, client=client, clock=noon).complete(ASK)
    assert reply.text == "Hello"
    assert reply.usage == ReportedUsage()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "malformed"),
        (completion()[:40], "malformed"),
        (b"<html>It works!</html>", "malformed"),
        (b'{"choices":[]}', "malformed"),
        (completion({"role": "assistant", "content": ""}, usage={}), "malformed"),
        (completion({"role": "assistant", "content": None, "tool_calls": []}, usage={}), "malformed"),
        (completion({"role": "assistant", "content": None, "refusal": "I will not."}), "refusal"),
        (completion(choices=[{"message": {"content": "par"}, "finish_reason": "content_filter"}]), "refusal"),
        (b'{"error":{"message":"Rate limited upstream","code":429}}', "rate_limit"),
        (b'{"error":{"message":"No auth","code":401}}', "authentication"),
        (b'{"error":"boom"}', "server"),
    ],
)
async def test_a_200_that_is_no_answer_is_an_error(client: httpx.AsyncClient, body: bytes, kind: str) -> None:
    """Never an empty text: an agent would take that for the model's choice."""
    error = await failed(client, answer(body))
    assert (error.kind, error.status, error.raw) == (kind, 200, body)
    assert error.sent


@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_without_end_is_a_failure_that_names_the_limit(client: httpx.AsyncClient, status: int) -> None:
    """Some KB that unpack to 256 MB; asked again it would be as long."""
    bomb = answer(zstandard.compress(bytes(1 << 28)), status, headers={"Content-Encoding": "zstd"})
    error = await failed(client, bomb)
    assert (error.kind, error.retryable, error.status) == ("malformed", False, status)
    assert f"{MOST_BODY_BYTES:,} bytes" in error.problem
    assert error.raw is not None
    assert len(error.raw) <= MOST_BODY_BYTES


async def test_half_an_answer_is_malformed_and_kept(client: httpx.AsyncClient) -> None:
    """The bytes that came are evidence."""
    error = await failed(client, on_the_wire(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b'{"choi'))
    assert (error.kind, error.retryable, error.raw) == ("malformed", True, b'{"choi')


async def test_half_a_complaint_is_still_the_complaint(client: httpx.AsyncClient) -> None:
    """Its status says more than the half of its body."""
    error = await failed(client, on_the_wire(b"HTTP/1.1 401 No\r\nContent-Length: 99\r\n\r\n", b'{"err'))
    assert (error.kind, error.retryable) == ("authentication", False)


async def test_silence_is_a_timeout(client: httpx.AsyncClient) -> None:
    """The request's own limit counts."""
    ask = msgspec.structs.replace(ASK, timeout_s=0.05)
    error = await failed(client, never(), ask)
    assert (error.kind, error.status, error.raw, error.retryable) == ("timeout", None, None, True)


async def test_a_refused_connection_is_a_network_fault(client: httpx.AsyncClient) -> None:
    """Nobody listens there."""
    with closed_port() as url, pytest.raises(ProviderError) as caught:
        await OpenAIChat(url, client=client, clock=noon).complete(ASK)
    assert (caught.value.kind, caught.value.status, caught.value.sent) == ("network", None, False)


async def test_a_cancelled_question_is_cancelled_and_not_repeated(client: httpx.AsyncClient) -> None:
    """Cancellation is no failure of the provider: it is not retried, not swallowed, not translated."""
    begun = anyio.Event()
    async with serving(never(begun), answer(completion())) as endpoint:
        chat = OpenAIChat(endpoint.url, client=client, clock=noon)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(chat.complete, ASK)
            await begun.wait()
            tasks.cancel_scope.cancel()
        assert len(endpoint.asked) == 1
        assert (await chat.complete(ASK)).text == "Hello"


async def test_two_hundred_questions_at_once(client: httpx.AsyncClient) -> None:
    """One provider serves them all together: none is answered before all of them are asked."""
    waiting, all_here, texts = 0, anyio.Event(), list[str | None]()

    async def meet() -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 200:
            all_here.set()
        await all_here.wait()

    async def ask(chat: OpenAIChat) -> None:
        texts.append((await chat.complete(ASK)).text)

    async with serving(after(meet, completion())) as endpoint:
        chat = OpenAIChat(endpoint.url, client=client, clock=noon)
        async with anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(ask, chat)
    assert texts == ["Hello"] * 200


def _message(**fields: object) -> Mapping[str, Any]:
    return {"role": "assistant", "content": None} | fields


async def test_a_call_without_an_id_gets_the_same_one_each_time(client: httpx.AsyncClient) -> None:
    """The tool's answer must name it, in a replay as well."""
    raw = completion(
        _message(tool_calls=[{"function": {"name": "a", "arguments": {"x": 1}}}, {"function": {"name": "b"}}])
    )
    async with serving(answer(raw)) as endpoint:
        chat = OpenAIChat(endpoint.url, client=client, clock=noon)
        first, second = await chat.complete(ASK), await chat.complete(ASK)
    assert first.tool_calls == second.tool_calls
    assert [call.arguments for call in first.tool_calls] == ['{"x":1}', "{}"]
    assert len({call.id for call in first.tool_calls}) == 2
