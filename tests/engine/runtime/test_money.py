"""Stories of whole runs and what they cost: real HTTP, an endpoint that charges, breaks and lies, a cap that holds."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from msgspec import structs

from engine.config.spec import RunSpec
from engine.core.fold import fold_many
from engine.core.history import load_histories
from engine.core.prompts import load_prompts
from engine.effects.budget import BudgetKeeper, Caps
from engine.runtime.context import RunContext
from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.budget import BudgetAsked, BudgetGranted
from events.types.model import ModelAnswered, ModelFailed, RetryAsked, RetryDue
from events.types.sandbox import VerifyAsked
from projections.charges import charge
from projections.cost import Cost
from projections.pdi.rng import draw, pick
from projections.trials.view import Trials
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.providers.support_server import answer, serving
from tests.support.hasty import Hasty
from tests.support.orders import CountingClock, base_of
from tests.support.pretend import PretendBackend
from tests.support.runs import spec

NANO_A_TOKEN = 1000
"""At a dollar a million tokens."""


class Till:
    """An endpoint that charges for what it does, whether it answers or not, and draws from a seed what it does."""

    def __init__(self, seed: int) -> None:
        self.charged = 0
        self.did: Counter[str] = Counter()
        self._seed = seed

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Do one of eight things."""
        body = await request.read()
        number = self.did.total()
        tokens = (len(body) // 4, draw(self._seed, number, "tokens") % 100)
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        what = pick(("answer", "silent", "cut", "thought", "refused", "error", "broken", "many"), self._seed, number)
        self.did[what] += 1
        self.charged += 0 if what == "many" else sum(tokens) * NANO_A_TOKEN
        whole = self._whole("```sh\necho on\n```", usage)
        json = {
            "answer": whole,
            "silent": whole | {"usage": None},
            "thought": self._whole("", usage, reasoning_content="Let me think."),
            "refused": self._whole(None, usage, refusal="I will not."),
            "error": {"error": {"message": "it broke", "code": 502}, "usage": usage},
        }.get(what)
        if json is not None:
            return web.json_response(json)
        if what == "cut":
            return web.Response(body=msgspec.json.encode(whole)[:-30], content_type="application/json")
        status = 500 if what == "broken" else 429
        return web.Response(status=status, text="not now", headers={"Retry-After": "0"})

    def _whole(self, content: str | None, usage: object, **more: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": content, **more}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


def asked_of(url: str, *, usd: str | None) -> RunSpec:
    """Say what is run: three trials side by side, ten turns at most each."""
    teacher = {"model": "teacher", "base_url": url, "parameters": {"max_tokens": 100}}
    return spec(
        models={"teacher": teacher},
        prices={"teacher": {"input": "1", "output": "1"}},
        budget={} if usd is None else {"run_usd": usd},
        agent={"max_turns": 10},
        method={"attempts": 2},
    )


@pytest.mark.parametrize("seed", range(3))
async def test_what_an_endpoint_charged_is_counted_and_stays_under_the_cap(seed: int, tmp_path: Path) -> None:
    """For answers, cuts, refusals, faults and storms alike; and the run is the same again from its log."""
    till, log, base = Till(seed), MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with serving(till) as endpoint:
        here = RunContext(log, PretendBackend(), load_prompts(), "test", {}, base, Hasty)
        report = await start_run(here, asked_of(endpoint.url, usd="0.05"))
        assert len(endpoint.asked) == till.did.total()
    trials, cost = await fold_many(log, [Trials(), Cost()], Selection(run=report.run))
    books, run = cost.runs[report.run], trials.runs[report.run]
    lines = [line for roles in books.lines.values() for models in roles.values() for line in models.values()]
    # The cap was met, and holds over every physical request.
    assert [each async for each in log.read(Selection(run=report.run, tags={"budget.refused"}))]
    assert till.charged <= books.committed <= 50_000_000
    assert till.charged <= sum(line.cost + line.bound for line in lines) <= books.committed
    # Every one of them is in the books and in the reports.
    physical = till.did.total()
    assert sum(line.tries for line in lines) == sum(trial.calls for trial in run.trials.values()) == physical
    failed = till.did["cut"] + till.did["refused"] + till.did["error"] + till.did["broken"] + till.did["many"]
    assert sum(trial.failed_calls for trial in run.trials.values()) == failed
    # And it is the same again.
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))


async def test_without_a_cap_what_is_stated_is_counted_and_the_rest_is_told_as_unknown(tmp_path: Path) -> None:
    """A sum beside which something is missing says how many calls are."""
    till, log, base = Till(7), MemoryLog(clock=CountingClock()), base_of(tmp_path)
    async with serving(till) as endpoint:
        here = RunContext(log, PretendBackend(), load_prompts(), "test", {}, base, Hasty)
        run = (await start_run(here, asked_of(endpoint.url, usd=None))).run
    (cost,) = await fold_many(log, [Cost()], Selection(run=run))
    lines = [line for roles in cost.runs[run].lines.values() for models in roles.values() for line in models.values()]
    unknown = till.did["silent"] + till.did["cut"] + till.did["broken"]
    assert sum(line.unknown_cost for line in lines) == unknown
    assert sum(line.unbounded for line in lines) == unknown
    assert 0 < sum(line.cost for line in lines) < till.charged


async def test_a_cap_that_stops_a_further_try_is_named_and_gives_no_score(tmp_path: Path) -> None:
    """The call ends as what it was, a fault of the provider; the verifier is not asked about work nobody could do."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)

    async def cut(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(body=b'{"choices":[{"mess', content_type="application/json")

    async with serving(cut) as endpoint:
        here = RunContext(log, PretendBackend(), load_prompts(), "test", {}, base, Hasty)
        run = (await start_run(here, asked_of(endpoint.url, usd="0.02"))).run
        made = len(endpoint.asked)
    streams = (await load_histories(log, run)).by_stream
    attempts = [[each.event for each in streams[name]] for name in streams if name.startswith("attempt/")]
    stopped = [each for each in attempts if any("(not asked again" in getattr(event, "detail", "") for event in each)]
    assert stopped
    for events in stopped:
        assert [each.outcome.kind for each in events if isinstance(each, AttemptJudged)] == ["infrastructure"]
        assert not any(isinstance(each, VerifyAsked) for each in events)
    calls = [each for events in attempts for each in events if isinstance(each, ModelAnswered | ModelFailed)]
    granted = [each.amount for events in attempts for each in events if isinstance(each, BudgetAsked)]
    assert made == len(calls) >= 2
    assert sum(charge(each, min(granted)) for each in calls) <= 20_000_000


async def test_a_cap_that_refuses_the_first_call_of_an_attempt_gives_no_score(tmp_path: Path) -> None:
    """Nobody did anything: the untouched task would be verified, and score 0."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)

    async def never(request: web.Request) -> web.StreamResponse:
        raise AssertionError(request)

    async with serving(never) as endpoint:
        here = RunContext(log, PretendBackend(), load_prompts(), "test", {}, base, Hasty)
        report = await start_run(here, asked_of(endpoint.url, usd="0.000001"))
        assert endpoint.asked == []
    assert set(report.outcomes.values()) == {"budget"}
    events = [each.event async for each in log.read()]
    assert {each.outcome.kind for each in events if isinstance(each, AttemptJudged)} == {"infrastructure"}
    assert not any(isinstance(each, VerifyAsked) for each in events)
    assert (await rerun(log, report.run)).complete
    assert [each.point for each in await decisions(log, report.run) if not each.agrees] == []


async def test_a_fork_between_two_tries_goes_on_with_the_next_and_counts_those_before(tmp_path: Path) -> None:
    """Wherever the line is cut: the parent's tries are the fork's, under its cap too, and none is made again."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    cut = answer('{"choices":[{"mess')
    whole = {"choices": [{"message": {"content": "DONE"}, "finish_reason": "stop"}]}
    async with serving(cut, cut, answer(msgspec.json.encode(whole))) as endpoint:
        here = RunContext(log, PretendBackend(), load_prompts(), "test", {}, base, Hasty)
        asked = structs.replace(asked_of(endpoint.url, usd="1"), only=("a",))
        parent = (await start_run(here, asked)).run
        first = [each async for each in log.read(Selection(run=parent)) if each.stream.name == "attempt/a/1"]
        tries = [each for each in first if isinstance(each.event, ModelFailed | RetryAsked | RetryDue | BudgetGranted)]
        assert len(tries) >= 8
        for place in tries[1:8]:
            before = [each for each in first if each.position <= place.position]
            made = sum(isinstance(each.event, ModelFailed) for each in before)
            # The sandbox of the parent is gone: the attempt is given up, and what it has cost so far stays counted.
            run = (await fork_run(here, Fork(parent, place.position, asked, ()))).run
            keeper = BudgetKeeper(Caps(None, None))
            keeper.fold((await load_histories(log, run)).by_stream)
            bound = next(each.event.amount for each in before if isinstance(each.event, BudgetAsked))
            assert keeper.committed >= made * bound > 0
            assert (await rerun(log, run)).complete
