"""Stories of what an agent's calls cost that were not answered: each counts at its usage, or at its bound."""

from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from engine.config.spec import AgentSpec
from engine.effects.budget import Caps
from events.types.budget import BudgetAsked
from events.types.model import ModelFailed
from tests.engine.providers.support_server import Handler, answer, closed_port, on_the_wire, serving
from tests.support.visits import Behind, House, house
from tests.support.worlds import memory_log

PATH = "/v1/chat/completions"
ASK = {"model": "teacher", "messages": [{"role": "user", "content": "Work"}]}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500}
COST = 1_000_000 + 2 * 500_000
"""Of that usage, in nano-USD, at the gateway's price."""
REFUSED = msgspec.json.encode(
    {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}], "usage": USAGE}
).decode()


async def bound_of(here: House) -> int:
    """Say what the first call was granted."""
    return next(each.amount for each in await here.recorded() if isinstance(each, BudgetAsked))


@pytest.mark.parametrize(
    ("handler", "cost"),
    [
        (answer(REFUSED), COST),
        (answer(msgspec.json.encode({"error": {"message": "it broke", "code": 502}, "usage": USAGE}).decode()), COST),
        (answer("not now", 429), 0),
        (answer("no such model", 404), 0),
        (answer("overloaded", 503), 0),
        (answer("broken", 500), None),
        (answer('{"choices":[{"mess'), None),
        (on_the_wire(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b'{"choi'), None),
    ],
)
async def test_a_call_that_failed_counts_at_its_usage_or_at_its_bound(
    handler: Handler, cost: int | None, tmp_path: Path
) -> None:
    """A refused answer is paid for; a call that was turned away is not; of what broke nobody knows. None: the bound."""
    async with serving(handler) as endpoint:
        behind = Behind(base_url=endpoint.url)
        async with house(memory_log(), tmp_path, caps=Caps(None, 50_000_000), behind=behind) as here:
            await here.ask(PATH, ASK)
            failed = (await here.recorded())[-1]
            assert isinstance(failed, ModelFailed)
            assert failed.sent
            assert failed.cost == (cost or None)
            assert here.budget.of_trial("t") == (await bound_of(here) if cost is None else cost)


async def test_a_request_that_never_left_costs_nothing(tmp_path: Path) -> None:
    """Nobody listens there any more."""
    with closed_port() as url:
        behind = Behind(base_url=url)
        async with house(memory_log(), tmp_path, caps=Caps(None, 50_000_000), behind=behind) as here:
            await here.ask(PATH, ASK)
            failed = (await here.recorded())[-1]
            assert isinstance(failed, ModelFailed)
            assert (failed.kind, failed.sent, here.budget.of_trial("t")) == ("network", False, 0)


async def test_cut_answers_use_the_cap_up_and_then_nothing_is_sent(tmp_path: Path) -> None:
    """An agent that asks again and again is told that there is no money, before it is spent."""
    async with serving(answer('{"choices":[{"mess')) as endpoint:
        behind = Behind(base_url=endpoint.url)
        async with house(memory_log(), tmp_path, caps=Caps(None, 20_000_000), behind=behind) as here:
            statuses = [(await here.ask(PATH, ASK)).status_code for _ in range(6)]
            bound = await bound_of(here)
            assert statuses == [200] * (20_000_000 // bound) + [402] * (6 - 20_000_000 // bound)
            assert len(endpoint.asked) * bound == here.budget.of_trial("t") <= 20_000_000


async def test_a_limit_of_an_attempt_counts_what_failed_calls_took(tmp_path: Path) -> None:
    """As far as the provider says so: tokens that were refused are tokens."""
    async with serving(answer(REFUSED)) as endpoint:
        behind = Behind(base_url=endpoint.url)
        async with house(memory_log(), tmp_path, limits=AgentSpec(max_tokens=3000), behind=behind) as here:
            statuses = [(await here.ask(PATH, ASK)).status_code for _ in range(3)]
            assert statuses == [200, 200, 403]
            assert here.door.stopped == "token_limit"
            assert (here.door.spent.turns, here.door.spent.tokens, here.door.spent.cost) == (0, 3000, 2 * COST)


@pytest.mark.parametrize("stated", ["999999", "-1", "NaN", '"lots"', "1e999"])
async def test_a_cost_that_cannot_be_is_not_believed(stated: str, tmp_path: Path) -> None:
    """Whatever a provider writes there: the tokens it counts say what the call cost."""
    body = REFUSED.replace('"completion_tokens":500', f'"completion_tokens":500,"cost":{stated}')

    async def lie(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text=body, content_type="application/json")

    async with serving(lie) as endpoint:
        behind = Behind(base_url=endpoint.url)
        async with house(memory_log(), tmp_path, caps=Caps(None, 50_000_000), behind=behind) as here:
            await here.ask(PATH, ASK)
            assert here.budget.of_trial("t") in {COST, await bound_of(here)}
