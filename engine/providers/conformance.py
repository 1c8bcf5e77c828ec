"""The suite that every provider passes: what ``ChatProvider`` promises, tried over a real connection.

Shipped, so that the author of another provider can run it: ``await conform(provider)``, or ``stillroom providers check
NAME``. One that speaks a protocol of its own names what stands in for its endpoint, and answers from the same scripts.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from anyio import fail_after
from msgspec import json, structs

from engine.protocols.errors import (
    Authentication,
    BadRequest,
    ContextLength,
    MalformedReply,
    Overloaded,
    ProviderError,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
)
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.providers.base import ChatProvider, Clock
from engine.providers.credentials import StaticKey
from engine.providers.endpoint import ModelEndpoint
from engine.providers.gate import wide_open
from engine.providers.http import connect
from engine.providers.provider import ModelProvider
from engine.providers.transport import open_client
from engine.scripted.forms import Form, ScriptedRequest
from engine.scripted.reader import parse_script
from engine.scripted.script import Script
from engine.scripted.server import ScriptedEndpoint
from sandbox.conformance.harness import CheckFailed, expect
from sandbox.conformance.suite import CheckResult

CHECK_S: Final = 30.0
_KEY: Final = "conformance-key-0123456789"
_TOOLS: Final = json.encode(
    [
        {
            "type": "function",
            "function": {
                "name": "run",
                "description": "Runs a command.",
                "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
            },
        }
    ]
)
_FIRST: Final = (b'{"role":"system","content":"Be short."}', b'{"role":"user","content":"Hi"}')
_IMAGE: Final = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
_USED: Final = (100, 20, 7)
"""Tokens in, out, and of those in from a cache."""


class Served(Protocol):
    """An endpoint that stands in, while it serves."""

    @property
    def host_url(self) -> str:
        """Its address without a path."""
        ...

    @property
    def came(self) -> Iterable[ScriptedRequest]:
        """The requests that it received, oldest first."""
        ...


Serve = Callable[[Script], AbstractAsyncContextManager[Any]]
"""Serves a script; what it gives is `Served`."""


class _Bench(NamedTuple):
    """What a check has before it."""

    provider: ModelProvider
    serve: Serve
    clock: Clock

    async def ask(self, turn: str, request: ChatRequest | None = None) -> tuple[ChatReply, tuple[ScriptedRequest, ...]]:
        """Ask an endpoint that answers by this turn; give the answer, and what it received.

        Raises:
            ProviderError: It does not answer.
        """
        script = f'name = "conformance"\n[[rule]]\nname = "any"\n[[rule.turn]]\n{turn}\nrepeat = true\n'
        async with self.serve(parse_script(script, "conformance")) as served, open_client() as client:
            base_url = served.host_url + urlsplit(self.provider.base_url or "").path + self.provider.base_path
            endpoint = ModelEndpoint(base_url, client, self.clock, StaticKey(_KEY))
            opened: ChatProvider = connect(self.provider, endpoint)
            reply = await opened.complete(request or self.request(), wide_open)
            return reply, tuple(served.came)

    def request(self, *, stream: bool = False, messages: tuple[bytes, ...] = _FIRST) -> ChatRequest:
        """Make a request that the provider takes."""
        needed = dict.fromkeys(self.provider.needs, 100)
        return ChatRequest(
            model="some-model",
            messages=messages,
            tools=_TOOLS,
            parameters=needed,
            stream=stream,
            protocol=self.provider.protocol,
        )


async def conform(provider: ModelProvider, clock: Clock, serve: Serve | None = None) -> tuple[CheckResult, ...]:
    """Run every check, one after the other, each with an endpoint of its own.

    Args:
        provider: What is tried.
        clock: Gives UTC microseconds since 1970.
        serve: What stands in for its endpoint. None: one that takes what the provider says of itself, at any path.
    """

    def scripted(script: Script) -> ScriptedEndpoint:
        return ScriptedEndpoint(script, form=_own_form(provider))

    bench = _Bench(provider, serve or scripted, clock)
    return tuple([await _tried(number, name, check, bench) for number, (name, check) in enumerate(CHECKS, 1)])


def _own_form(provider: ModelProvider) -> Form:
    """Say what an endpoint takes that believes what a provider says of itself."""
    return Form(
        path=".*",
        protocol=provider.protocol,
        carrier=provider.key_header.name.lower(),
        before=provider.key_header.before,
        headers={name.lower(): value for name, value in provider.headers.items()},
        version=None if provider.version is None else (provider.version[0], ".+"),
        fields=None,
        needs=frozenset(provider.needs),
    )


async def _tried(number: int, name: str, check: Callable[[_Bench], Awaitable[None]], bench: _Bench) -> CheckResult:
    try:
        with fail_after(CHECK_S):
            await check(bench)
    except (CheckFailed, ProviderError) as error:
        return CheckResult(number, name, "failed", f"{type(error).__name__}: {error}")
    except TimeoutError:
        return CheckResult(number, name, "failed", f"not done after {CHECK_S:.0f} s")
    return CheckResult(number, name, "passed", "")


async def _text(bench: _Bench) -> None:
    """A text comes back as it was said, whole or streamed."""
    said = "Grüße ☃, in more than forty characters altogether."
    for stream in (False, True):
        reply, _ = await bench.ask(f'text = "{said}"', bench.request(stream=stream))
        expect(reply.text == said, f"{reply.text!r} came")
        expect(not reply.tool_calls, "calls came that were not made")


async def _call(bench: _Bench) -> None:
    """A call of a tool comes back with its arguments."""
    for stream in (False, True):
        reply, _ = await bench.ask('command = "ls -l"', bench.request(stream=stream))
        made = [(call.name, json.decode(call.arguments)) for call in reply.tool_calls]
        expect(made == [("run", {"command": "ls -l"})], f"calls: {made}")


async def _usage(bench: _Bench) -> None:
    """What was used is counted, and of that what came from a cache."""
    entered, left, cached = _USED
    turn = f'text = "x"\nusage = {{ input = {entered}, output = {left}, cached = {cached} }}'
    reply, _ = await bench.ask(turn)
    used = (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cached_input_tokens)
    expect(used == _USED, f"{_USED} were used, and {used} counted")


async def _bytes(bench: _Bench) -> None:
    """One asking is one request, and the same asking the same bytes: a replay builds them again."""
    (_, first), (_, second) = await bench.ask('text = "x"'), await bench.ask('text = "x"')
    expect(len(first) == 1, f"{len(first)} requests were made for one")
    expect(first[0].body == second[0].body, "the same request had other bytes")


async def _unasked(bench: _Bench) -> None:
    """Nothing is sent that was not asked for: no temperature, no limit."""
    _, came = await bench.ask('text = "x"')
    for word in (b"temperature", b"top_p", b"seed", b"topP"):
        expect(word not in came[0].body, f"{word.decode()} was sent without being requested")


async def _key(bench: _Bench) -> None:
    """The key stands in one header, and nowhere else."""
    _, came = await bench.ask('text = "x"')
    where = [name for name, value in came[0].headers.items() if _KEY in value]
    expect(len(where) == 1, f"the key stands in these headers: {', '.join(where) or 'none'}")
    elsewhere = _KEY.encode() in came[0].body or _KEY in came[0].path or any(_KEY in v for v in came[0].query.values())
    expect(not elsewhere, "the key stands in the address or the body")


async def _talk(bench: _Bench) -> None:
    """A conversation with calls, their results and an image is written, and answered."""
    call = {"id": "call_1", "type": "function", "function": {"name": "run", "arguments": '{"command":"ls"}'}}
    picture = {"type": "image", "image": "d1", "media_type": "image/png"}
    said: tuple[Mapping[str, Any], ...] = (
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a.txt"},
        {"role": "user", "content": [{"type": "text", "text": "And this?"}, picture]},
    )
    asked = bench.request(messages=(*_FIRST, *map(json.encode, said)))
    reply, came = await bench.ask('text = "A file."', structs.replace(asked, images={"d1": _IMAGE}))
    expect(reply.text == "A file.", f"{reply.text!r} came")
    expect(b"iVBORw0KGgo" in came[0].body, "the image was not sent")
    expect(b"a.txt" in came[0].body, "the result of the call was not sent")


_FAILURES: Final[tuple[tuple[str, type[ProviderError], bool | None], ...]] = (
    ('error = "authentication"', Authentication, False),
    ('error = "bad_request"', BadRequest, False),
    ('error = "context_length"', ContextLength, False),
    ('error = "rate_limit"\nretry_after_s = 3', RateLimited, True),
    ('error = "quota"', RateLimited, None),  # Google says of a minute's limit what others say of spent credit
    ('error = "overloaded"', Overloaded, True),
    ('error = "server"', ServerFault, True),
    ('error = "refusal"', Refused, False),
    ('error = "empty"', MalformedReply, True),
    ('error = "garbage"', MalformedReply, True),
    ('error = "half"', MalformedReply, True),
)


async def _failures(bench: _Bench) -> None:
    """Each failure has its type, and says whether asking again may help; none becomes a text."""
    for turn, kind, again in _FAILURES:
        error = await _failed(bench, turn, bench.request())
        right = type(error) is kind and again in {None, error.retryable}
        found = f"{type(error).__name__}, {'again' if error.retryable else 'not again'}"
        expect(right, f"{turn}: {found}, and not {kind.__name__}")
        if kind is RateLimited and again:
            expect(error.retry_after_s is not None, "how long to wait was not read")


async def _hang(bench: _Bench) -> None:
    """An endpoint that says nothing is given up when the time of the request is over."""
    error = await _failed(bench, 'error = "hang"', structs.replace(bench.request(), timeout_s=0.2))
    expect(isinstance(error, TimedOut), f"{type(error).__name__} came of silence")


async def _failed(bench: _Bench, turn: str, request: ChatRequest) -> ProviderError:
    try:
        reply, _ = await bench.ask(turn, request)
    except ProviderError as error:
        return error
    raise CheckFailed(f"{turn}: it became an answer, {reply.text!r}")


CHECKS: Final[tuple[tuple[str, Callable[[_Bench], Awaitable[None]]], ...]] = (
    ("a text comes back as it was said, whole or streamed", _text),
    ("a call of a tool comes back with its arguments", _call),
    ("usage is counted, and what came from a cache", _usage),
    ("one asking is one request, the same each time", _bytes),
    ("nothing is sent that was not asked for", _unasked),
    ("the key stands in one header, and nowhere else", _key),
    ("calls, their results and images are sent back", _talk),
    ("each failure has its type", _failures),
    ("silence ends with the request's time", _hang),
)
"""Numbered from 1 for life: a check that goes leaves a gap."""
