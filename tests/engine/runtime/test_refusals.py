"""Stories of runs whose calls are refused for what only a person can mend: they stop, and lose nothing."""

from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from aiohttp import web

from engine.core.errors import CallsRefused, ProviderUnreachable
from engine.core.history import load_histories
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.refusals import IN_A_ROW, UNREACHED
from engine.runtime.run import resume_run, start_run
from events.base import Event
from events.errors import ExitCode
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.budget import BudgetAsked
from events.types.model import ModelAnswered, ModelAsked, ModelFailed
from events.types.run import RunClosed
from events.types.session import CallLeftOpen, InFlightFound
from replay.rerun import rerun
from tests.engine.providers.support_server import Handler, answer, closed_port, completion, serving
from tests.support.pretend import pretended
from tests.support.runs import SCRIPT, make_base, setting, spec
from tests.support.worlds import Ticking

MANY: Final = tuple(f"word{number}" for number in range(20))
CALL: Final = {"id": "1", "type": "function", "function": {"name": "run", "arguments": '{"command":"ls"}'}}
LOOK: Final = completion({"role": "assistant", "content": None, "tool_calls": [CALL]})
DONE: Final = completion({"role": "assistant", "content": "Done."})
NOT_FOUND: Final = answer('{"error":{"message":"Nothing is here."}}', 404)
NO_KEY: Final = answer('{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}', 401)


def refusing(error: str) -> str:
    """Write a script whose every answer is a failure."""
    return f'name = "no"\n[[rule]]\nname = "any"\n[[rule.turn]]\nerror = "{error}"\nrepeat = true\n'


async def events_of(log: MemoryLog, kind: type[Event]) -> list[Any]:
    """Give all events of a kind that a log holds."""
    return [each.event async for each in log.read() if isinstance(each.event, kind)]


async def only_run(log: MemoryLog) -> str:
    """Give the run of a log that holds one."""
    (run,) = await log.runs()
    return run


@pytest.mark.parametrize(
    ("error", "status", "mends"),
    [
        ("authentication", 401, "models.teacher.api_key_env"),
        ("permission", 403, "models.teacher.api_key_env"),
        ("not_found", 404, "models.teacher.base_url"),
        ("unknown_model", 404, "models.teacher.model"),
        ("quota", 429, "credit"),
    ],
)
async def test_a_run_stops_at_the_first_refusal_and_is_resumed_without_a_loss(
    error: str, status: int, mends: str, tmp_path: Path
) -> None:
    """Of twenty tasks not one is given up; what was refused is asked again, and then all of them are solved.

    Of two calls that are in flight together, the stop may cut the second off before its own refusal comes.
    """
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path, refusing(error), *MANY)
    with pytest.raises(CallsRefused) as caught:
        await start_run(pretended(log, base), spec(concurrency=2))
    assert caught.value.exit_code == ExitCode.SETTINGS
    run = await only_run(log)
    assert (mends in caught.value.remedy, f"stillroom resume {run}" in caught.value.remedy) == (True, True)
    left = await events_of(log, CallLeftOpen)
    assert {(each.status, each.role) for each in left} == {(status, "teacher")}
    asked = await events_of(log, ModelAsked)
    assert 1 <= len(left) <= len(asked) <= 2, "no call beyond those that were in flight together"
    assert not [*await events_of(log, ModelFailed), *await events_of(log, AttemptJudged)]

    (base / "script.toml").write_text(SCRIPT)
    await resume_run(pretended(log, base), run, accept_changes=True)
    (closed,) = await events_of(log, RunClosed)
    assert (closed.solved, closed.no_verdict) == (20, 0)
    found = {ref for event in await events_of(log, InFlightFound) for ref in event.asked}
    assert not found & {each.asked for each in left}, "a call that was refused was not in flight"
    assert (await rerun(log, run)).complete


async def attempted(folder: Path, log: MemoryLog, *answers: Handler, tasks: int = 1) -> str | None:
    """Run tasks one after the other against an endpoint that answers so; give what the run stopped for."""
    base = make_base(folder, SCRIPT, *MANY[:tasks])
    async with serving(*answers) as endpoint:
        teacher = {"model": "m", "base_url": endpoint.url}
        asked = spec(models={"teacher": teacher, "reflector": teacher}, method={"attempts": 1}, concurrency=1)
        try:
            await start_run(await setting(log, base), asked)
        except CallsRefused as error:
            return error.problem
    return None


async def test_one_refusal_amid_answers_ends_nothing(tmp_path: Path) -> None:
    """A model that has answered may be refused for what it was asked: that is an outcome of the attempt."""
    log = MemoryLog(clock=Ticking())
    assert await attempted(tmp_path, log, answer(LOOK), NOT_FOUND, answer(DONE), tasks=2) is None
    assert [each.status for each in await events_of(log, ModelFailed)] == [404]
    assert not await events_of(log, CallLeftOpen)


async def test_refusals_in_a_row_end_a_run_that_has_worked(tmp_path: Path) -> None:
    """A key that is withdrawn in the middle of a run costs two attempts, not those of hours."""
    log = MemoryLog(clock=Ticking())
    stopped = await attempted(tmp_path, log, answer(LOOK), NO_KEY, tasks=10)
    assert "Incorrect API key provided" in str(stopped)
    assert len(await events_of(log, ModelFailed)) == IN_A_ROW - 1
    assert len(await events_of(log, CallLeftOpen)) == 1


async def test_a_failure_that_passes_is_waited_for(tmp_path: Path) -> None:
    """A server that breaks is no reason to stop: the call is made again, as ever."""
    log = MemoryLog(clock=Ticking())
    assert await attempted(tmp_path, log, answer("{}", 500), answer(DONE)) is None
    assert [each.status for each in await events_of(log, ModelFailed)] == [500]


async def test_a_closed_port_stops_the_run_and_opens_later(tmp_path: Path) -> None:
    """Nobody listens: the first call is tried again, then the run stops. A resume asks again, and once more stops."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path, SCRIPT, *MANY)
    with closed_port() as url:
        teacher = {"model": "m", "base_url": f"{url}/v1", "retry_wait_initial_s": 0.01}
        with pytest.raises(ProviderUnreachable, match="cannot be reached") as caught:
            await start_run(await setting(log, base), spec(models={"teacher": teacher}, concurrency=1))
        assert (caught.value.exit_code, f"{url}/v1" in caught.value.problem) == (ExitCode.UNREACHABLE, True)
        assert len(await events_of(log, ModelFailed)) == UNREACHED - 1
        run = await only_run(log)
        with pytest.raises(ProviderUnreachable):
            await resume_run(await setting(log, base), run)
    assert len(await events_of(log, ModelFailed)) == UNREACHED - 1, "a resume is told at once"
    assert not await events_of(log, AttemptJudged)


async def test_an_answer_under_way_is_heard_before_the_run_stops(tmp_path: Path) -> None:
    """What is paid for is recorded: a call of another task that was in flight at the refusal has its answer."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path, SCRIPT, *MANY[:2])
    refused = anyio.Event()

    async def first(request: web.Request) -> web.StreamResponse:
        await refused.wait()
        return await answer(LOOK)(request)

    async def second(request: web.Request) -> web.StreamResponse:
        refused.set()
        return await NO_KEY(request)

    async with serving(first, second) as endpoint:
        teacher = {"model": "m", "base_url": endpoint.url}
        with pytest.raises(CallsRefused):
            await start_run(await setting(log, base), spec(models={"teacher": teacher}, concurrency=2))
        assert len(endpoint.asked) == 2
    assert len(await events_of(log, ModelAnswered)) == 1
    assert len(await events_of(log, CallLeftOpen)) == 1


async def test_a_stop_counts_nothing_against_the_budget(tmp_path: Path) -> None:
    """A refused call cost nothing: however often it is asked again, its bound is set aside once."""
    log = MemoryLog(clock=Ticking())
    base = make_base(tmp_path, refusing("authentication"))
    price = {"teacher": {"input": 1.0, "output": 1.0}}
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 1000}}
    asked = spec(models={"teacher": teacher}, prices=price, budget={"run_usd": 0.05}, on_loss="rebuild")
    means = await setting(log, base)
    with pytest.raises(CallsRefused):
        await start_run(means, asked)
    run = await only_run(log)
    for _ in range(2):
        with pytest.raises(CallsRefused):
            await resume_run(means, run)
    keeper = BudgetKeeper(Caps(None, None))
    keeper.fold((await load_histories(log, run)).by_stream)
    (granted,) = await events_of(log, BudgetAsked)
    assert keeper.committed == granted.amount
