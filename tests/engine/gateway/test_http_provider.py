"""Stories of HTTP between the gateway and providers: nothing is asked before it is on record, what comes is kept."""

import gc
import gzip
from collections.abc import Sequence
from pathlib import Path

import anyio
import msgspec
import pytest
import zstandard
from anyio.lowlevel import checkpoint
from typing_extensions import override

from engine.gateway.upstream_client import UpstreamClient, UpstreamRequest, open_carrier
from engine.protocols.chat import Chat
from engine.providers.credentials import StaticKey
from engine.providers.key_header import KeyHeader
from engine.providers.transport import MOST_BODY_BYTES
from engine.providers.upstream import Upstream
from events.base import Appended, Draft, Fence, StreamId
from events.digest import digest_of
from events.errors import LogFull
from events.store.memory import MemoryLog
from events.types.agent import CallAsked, CallFailed, CallReceived
from events.types.model import ModelAnswered, ModelFailed
from tests.support.knocking import BODY, PATH, dialled, post, said
from tests.support.provider import ANSWER, Provider, serving, whole
from tests.support.visits import KEY, Behind, house
from tests.support.worlds import Ticking, memory_log


class Gated(MemoryLog):
    """A log that takes its time to make it durable that a call is asked, or cannot do it at all."""

    def __init__(self) -> None:
        super().__init__(clock=Ticking())
        self.reached = anyio.Event()
        self.durable = anyio.Event()
        self.full = False

    @override
    async def append(
        self, stream: StreamId, drafts: Sequence[Draft], *, expected_version: int, fence: Fence | None = None
    ) -> Appended:
        if any(isinstance(draft.event, CallAsked) for draft in drafts):
            self.reached.set()
            await self.durable.wait()
            if self.full:
                raise LogFull("here")
        return await super().append(stream, drafts, expected_version=expected_version, fence=fence)


async def test_a_provider_hears_nothing_before_it_is_on_record_that_it_is_asked(tmp_path: Path) -> None:
    """A call that was made and is not on record would be paid for by nobody, and made again after a crash."""
    log = Gated()
    async with (
        serving(Provider(whole(), whole())) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        # Given a connection that is kept from an earlier call
        log.durable.set()
        await here.ask(PATH, msgspec.json.decode(BODY))
        first = len(provider.came[0])
        log.reached, log.durable = anyio.Event(), anyio.Event()
        async with await dialled(here) as agent:
            # When an agent asks, and the log takes its time
            await agent.send(post())
            await log.reached.wait()
            await anyio.wait_all_tasks_blocked()
            # Then nothing has been sent
            assert len(provider.came[0]) == first
            assert len(provider.came) == 1
            # And when it is on record, the request follows, over the same connection
            log.durable.set()
            assert (await said(agent)).startswith(b"HTTP/1.1 200")
            assert len(provider.came) == 1
            assert provider.came[0][first:].endswith(b"\r\n\r\n" + BODY)


async def test_a_call_that_cannot_be_recorded_is_not_made(tmp_path: Path) -> None:
    """Nor does the agent get an answer that would look like one of the provider's."""
    log = Gated()
    async with (
        serving(Provider(whole())) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        # Given a log that is full
        log.durable.set()
        log.full = True
        # When an agent asks
        async with await dialled(here) as agent:
            await agent.send(post())
            with pytest.raises(anyio.EndOfStream):
                await said(agent)
        # Then the provider heard nothing, and the next call is made
        assert not provider.came
        log.full = False
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 200
        # And what broke is raised where the door is closed
        with pytest.raises(LogFull):
            await here.gateway.close(here.door)


async def test_a_connection_that_the_provider_has_closed_meanwhile_is_not_used(tmp_path: Path) -> None:
    """A provider lets go of what is idle when it likes; the agent need not know."""
    async with (
        serving(Provider(whole(), whole(ANSWER, "X: 1"), whole())) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        provider.says[0] = whole().replace(b"Content-Length", b"Connection: close\r\nContent-Length")
        for number in range(3):
            assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 200
            assert len(provider.came) == 1 + (number > 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole(),
        whole().replace(b"Content-Length", b"Connection: close\r\nX-Length"),
        whole(gzip.compress(ANSWER), "Content-Encoding: gzip"),
        whole()
        .replace(b"Content-Length: %d" % len(ANSWER), b"Transfer-Encoding: chunked")
        .replace(ANSWER, b"%x\r\n" % len(ANSWER) + ANSWER + b"\r\n0\r\n\r\n"),
    ],
    ids=["after-a-notice", "until-closed", "packed", "chunked"],
)
async def test_however_an_answer_comes_it_is_handed_on_and_recorded_plain(answer: bytes, tmp_path: Path) -> None:
    """The log holds what the model said."""
    log = memory_log()
    async with (
        serving(Provider(answer)) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).content == ANSWER
        answered = (await here.recorded())[-1]
        assert isinstance(answered, ModelAnswered)
        assert await log.get(answered.reply) == ANSWER


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"I speak something else\r\n\r\nConnection: close", "Expected HTTP/"),
        (whole().replace(b"Content-Length: ", b"Connection: close\r\nContent-Length: 9"), "not completed"),
        (whole(ANSWER, "Content-Encoding: br"), "brotli"),
    ],
    ids=["no-http", "cut", "unknown-packing"],
)
async def test_an_answer_that_does_not_come_whole_is_a_failure_of_the_network(
    answer: bytes, says: str, tmp_path: Path
) -> None:
    """The agent is told in its own protocol, and what was wrong is on record."""
    async with (
        serving(Provider(answer)) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        told = await here.ask(PATH, msgspec.json.decode(BODY))
        assert (told.status_code, told.json()["error"]["code"]) == (502, "stillroom_network")
        failed = (await here.recorded())[-1]
        assert isinstance(failed, ModelFailed)
        assert failed.kind == "network"
        assert says in failed.detail


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oh"])
async def test_an_answer_is_not_taken_in_without_end(status: bytes, tmp_path: Path) -> None:
    """Some KB that unpack to 256 MB: the failure names the limit, and the agent is told."""
    bomb = whole(zstandard.compress(bytes(1 << 28)), "Content-Encoding: zstd").replace(b"200 OK", status)
    log = memory_log()
    async with (
        serving(Provider(bomb)) as provider,
        house(log, tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 502
        failed = (await here.recorded())[-1]
        assert isinstance(failed, ModelFailed)
        assert failed.kind == "malformed"
        assert f"{MOST_BODY_BYTES:,} bytes" in failed.detail
        assert failed.reply is not None
        assert len(await log.get(failed.reply)) <= MOST_BODY_BYTES


@pytest.mark.parametrize(
    "behind",
    [Behind(base_url="http://127.0.0.1:1/v1"), Behind(base_url="nonsense"), Behind(key="sk-of-two\nlines")],
    ids=["nobody-listens", "no-address", "no-key"],
)
async def test_a_provider_that_cannot_be_reached_is_told_of(behind: Behind, tmp_path: Path) -> None:
    """Nobody listens there, or it is no address at all, or what would be sent is no HTTP."""
    async with house(memory_log(), tmp_path, behind=behind) as here:
        assert (await here.ask(PATH, msgspec.json.decode(BODY))).status_code == 502
        assert [type(each) for each in await here.recorded()] == [CallReceived, CallAsked, CallFailed]
        await here.gateway.close(here.door)


@pytest.mark.slow
@pytest.mark.parametrize("steps", range(12))
async def test_a_connection_that_is_given_up_while_it_is_made_leaves_nothing_open(steps: int) -> None:
    """An agent may end at any moment; a socket that nobody holds any more would be warned of, and fail this."""
    async with serving(Provider(whole())) as provider, open_carrier() as carrier, anyio.create_task_group() as tasks:
        tasks.start_soon(sent, carrier, Upstream(provider.base_url, StaticKey(KEY), None, 20.0))
        for _ in range(steps):
            await checkpoint()
        tasks.cancel_scope.cancel()
    gc.collect()


async def sent(carrier: UpstreamClient, upstream: Upstream) -> None:
    """Send a request, and do not read its answer."""
    async with carrier.send(UpstreamRequest(Chat(), PATH, {}, BODY, digest_of(BODY)), upstream, KEY):
        pass


async def test_an_agents_call_carries_the_key_as_its_provider_wants_it() -> None:
    """In Azure's header, or as a bearer where a command printed it; nothing that the agent sent for a key goes on."""
    says = [whole(), whole()]
    async with serving(Provider(*says)) as provider, open_carrier() as carrier:
        reach = Upstream(provider.base_url, StaticKey(KEY), None, 20.0, KeyHeader("api-key"))
        own = {"api-key": "of-the-agent", "x-api-key": "of-the-agent", "X-Title": "t"}
        going = UpstreamRequest(Chat(), PATH, own, BODY, digest_of(BODY))
        async with carrier.send(going, reach, KEY) as response:
            await response.read()
        async with carrier.send(going, reach._replace(carrier=None), KEY) as response:
            await response.read()
    came = b"".join(bytes(each) for each in provider.came)
    assert came.count(f"api-key: {KEY}".encode()) == 1
    assert came.count(f"Authorization: Bearer {KEY}".encode()) == 1
    assert b"of-the-agent" not in came
    assert came.count(b"X-Title: t") == 2
