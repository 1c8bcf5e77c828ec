"""Stories of an agent's calls that are refused for what only a person mends: the run stops, and the agent with it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import httpx
import msgspec
import pytest
from anyio.lowlevel import checkpoint

from engine.concurrency.run_controls import RunControls
from engine.core.errors import CallsRefused, EngineError, ProviderUnreachable
from engine.effects.refusals import IN_A_ROW, UNREACHED, PastCalls, RefusalWatch
from engine.gateway.exchange import RefusalTerms
from engine.gateway.session import ProxySession
from events.base import Event
from events.types.agent import CallAsked, CallFailed
from events.types.session import CallLeftOpen
from tests.support.knocking import BODY, PATH
from tests.support.provider import Provider, serving, whole
from tests.support.visits import TOKEN, Behind, House, house
from tests.support.worlds import memory_log

ASK: Final = msgspec.json.decode(BODY)
OTHER: Final = {**ASK, "model": "small"}
NO_KEY: Final = whole(b'{"error":{"message":"Incorrect API key."}}', status="401 Unauthorized")
NO_MODEL: Final = whole(b'{"error":{"message":"No such model."}}', status="404 Not Found")


class WatchedGateway(NamedTuple):
    """A gateway whose run stops for refusals."""

    here: House
    watch: RefusalWatch
    noted: list[Event]
    orders: RunControls

    async def asked(self, *, door: ProxySession | None = None, body: Any = None) -> int:
        """Ask as an agent does; give the status that it is told."""
        return (await self.here.ask(PATH, body or ASK, door=door)).status_code

    async def stopped(self, *, door: ProxySession | None = None) -> EngineError:
        """Ask, and be told nothing: the run stops, and then the agent is ended. Give why."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._unheard, door)
            with anyio.fail_after(10):
                while not self.noted:
                    await checkpoint()
                with pytest.raises(EngineError) as caught:
                    await self.watch.over(checkpoint)
                await self.here.gateway.close(door or self.here.door)
        return caught.value

    async def _unheard(self, door: ProxySession | None) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await self.here.ask(PATH, ASK, door=door)

    async def further(self, number: int) -> ProxySession:
        """Open the door of another attempt."""
        return await self.here.gateway.open(
            f"call/t/{number}/", TOKEN, self.here.folder / f"s{number}", self.here.terms
        )


@asynccontextmanager
async def watched(folder: Path, base_url: str) -> AsyncIterator[WatchedGateway]:
    """Open it before a provider."""
    noted: list[Event] = []
    behind = Behind(base_url=base_url)

    async def note(event: Event) -> None:
        noted.append(event)

    watch = RefusalWatch(lambda: PastCalls((), ()), note=note, halt=behind.orders.halt)
    behind.refusals = RefusalTerms(watch, "codex", "teacher")
    async with house(memory_log(), folder, behind=behind) as here:
        yield WatchedGateway(here, watch, noted, behind.orders)


@pytest.mark.parametrize(("refusal", "status"), [(NO_KEY, 401), (NO_MODEL, 404)])
async def test_the_first_refusal_stops_the_run_and_is_no_outcome(refusal: bytes, status: int, tmp_path: Path) -> None:
    """The agent is not told, and does not end by itself: nothing is on record that would give its attempt up."""
    async with serving(Provider(refusal)) as provider, watched(tmp_path, provider.base_url) as run:
        error = await run.stopped()
        assert isinstance(error, CallsRefused)
        assert f"teacher at {provider.base_url}, asked by codex for {PATH}" in error.problem
        (left,) = run.noted
        assert isinstance(left, CallLeftOpen)
        assert (left.asked.stream, left.status, left.role) == ("call/t/1/1", status, "teacher")
        recorded = await run.here.recorded()
        assert (type(recorded[-1]), len(recorded)) == (CallAsked, left.asked.version)
        assert run.orders.halted
        assert run.here.door.left_open
        assert not run.here.door.unanswered


async def test_a_model_that_an_agent_asks_of_its_own_accord_stops_nothing(tmp_path: Path) -> None:
    """Some ask a small model for a title, which the provider need not have: they go on without."""
    async with serving(Provider(NO_MODEL, whole())) as provider, watched(tmp_path, provider.base_url) as run:
        assert await run.asked(body=OTHER) == HTTPStatus.NOT_FOUND
        assert await run.asked() == HTTPStatus.OK
        await run.here.gateway.close(run.here.door)
        assert (run.noted, run.watch.stopped, run.here.door.left_open) == ([], None, False)


async def test_one_agent_that_asks_again_and_again_is_one_refusal(tmp_path: Path) -> None:
    """Its model has answered, and may refuse what this one asks; that others are refused, too, is the key's doing."""
    refusals = [NO_KEY] * (IN_A_ROW + 2 + IN_A_ROW - 1)
    async with serving(Provider(whole(), *refusals)) as provider, watched(tmp_path, provider.base_url) as run:
        assert await run.asked() == HTTPStatus.OK
        for _ in range(IN_A_ROW + 2):
            assert await run.asked() == HTTPStatus.UNAUTHORIZED
        for number in range(2, IN_A_ROW):
            assert await run.asked(door=await run.further(number)) == HTTPStatus.UNAUTHORIZED
        error = await run.stopped(door=await run.further(IN_A_ROW))
        assert "models.teacher.api_key_env" in error.remedy
        assert isinstance((await run.here.recorded("call/t/2/1"))[-1], CallFailed)


def closed_port() -> str:
    """Give a URL at which nobody listens."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{port.getsockname()[1]}"


async def test_an_agent_that_tries_a_closed_port_again_stops_the_run(tmp_path: Path) -> None:
    """As many times as the run itself would try; what came of the tries before is on record."""
    async with watched(tmp_path, closed_port()) as run:
        for _ in range(UNREACHED - 1):
            assert await run.asked() == HTTPStatus.BAD_GATEWAY
        assert isinstance(await run.stopped(), ProviderUnreachable)
        assert len(run.here.door.unanswered) == UNREACHED - 1


async def test_agents_that_give_up_at_their_first_call_stop_the_run_together(tmp_path: Path) -> None:
    """One that does not ask again would else use up attempt after attempt."""
    async with watched(tmp_path, closed_port()) as run:
        for number in range(2, UNREACHED + 1):
            assert await run.asked(door=await run.further(number)) == HTTPStatus.BAD_GATEWAY
        assert isinstance(await run.stopped(), ProviderUnreachable)


async def test_two_agents_that_share_the_tries_stop_nothing(tmp_path: Path) -> None:
    """Fewer attempts than tell a fault of the URL from one of an agent: each has its own tries."""
    async with watched(tmp_path, closed_port()) as run:
        other = await run.further(2)
        for _ in range(UNREACHED - 1):
            assert await run.asked() == HTTPStatus.BAD_GATEWAY
            assert await run.asked(door=other) == HTTPStatus.BAD_GATEWAY
        assert run.watch.stopped is None
