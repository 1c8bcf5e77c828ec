"""Stories of what a door remembers of calls that failed: those after the last answer, and none that the end cut."""

from pathlib import Path

import anyio
import msgspec
from anyio.lowlevel import checkpoint

from events.store.base import Selection
from events.types.agent import CallUnanswered
from tests.support.knocking import BODY, PATH
from tests.support.provider import Provider, serving, whole
from tests.support.visits import Behind, house
from tests.support.worlds import memory_log

ASK = msgspec.json.decode(BODY)
BROKEN = whole(b'{"error":{"message":"it broke"}}', status="500 Internal Server Error")
BUSY = whole(b'{"error":{"message":"slow down"}}', status="429 Too Many Requests")


async def test_failures_stand_until_an_answer_comes(tmp_path: Path) -> None:
    """What an agent got over says nothing of how it ended."""
    async with (
        serving(Provider(BROKEN, BUSY, whole(), BROKEN)) as provider,
        house(memory_log(), tmp_path, behind=Behind(base_url=provider.base_url)) as here,
    ):
        for kinds in (["server"], ["server", "rate_limit"], [], ["server"]):
            await here.ask(PATH, ASK)
            assert [each.kind for each in here.door.unanswered] == kinds
        assert here.door.unanswered == [CallUnanswered("server", "the endpoint answered 500: it broke")]
        await here.gateway.close(here.door)
        assert here.door.cut == 0


async def test_a_call_that_the_agents_end_broke_off_is_no_failure(tmp_path: Path) -> None:
    """It is counted apart: agents wait for their models most of the time."""
    log = memory_log()
    async with house(log, tmp_path) as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.ask, "/v1/chat/completions", {"model": "teacher", "messages": [{"content": "Hang"}]})
        while not [each async for each in log.read(Selection(tags={"call.asked"}))]:
            await checkpoint()
        await here.gateway.close(here.door)
        assert (here.door.unanswered, here.door.cut) == ([], 1)
        await here.gateway.close(here.door)
        assert here.door.cut == 1
        tasks.cancel_scope.cancel()
