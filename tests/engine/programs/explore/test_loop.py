"""Stories of whole runs: real commands in a real sandbox, a scripted model over real HTTP."""

from pathlib import Path

import msgspec
import pytest

from engine.core.history import load_histories
from engine.runtime.run import start_run
from events.base import Event
from events.integrity.verify import verify
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.budget import BudgetRefused
from events.types.memo import MemoRewritten
from events.types.model import ModelAnswered, ModelAsked
from events.types.pdi import PdiRead
from events.types.sandbox import SandboxOpened, VerifierRewarded
from events.types.skill import SkillRevised
from events.types.trial import AttemptConcluded, TrialClosed
from replay.rerun import rerun
from tests.support.runs import MEMO, REFUSING, SKILL, make_base, setting, spec
from tests.support.worlds import Ticking


def log_of() -> MemoryLog:
    """Make an empty log."""
    return MemoryLog(clock=Ticking())


async def events_of(log: EventLog, run: str, stream: str) -> list[Event]:
    """Read a stream."""
    return [each.event for each in (await load_histories(log, run)).by_stream[stream]]


def of_type(events: list[Event], kind: type[Event]) -> list[Event]:
    """Pick events of a kind."""
    return [event for event in events if isinstance(event, kind)]


async def test_a_failure_is_learnt_from_and_a_success_becomes_a_skill(tmp_path: Path) -> None:
    """The main job, end to end."""
    log = log_of()
    report = await start_run(await setting(log, make_base(tmp_path)), spec())
    trial = await events_of(log, report.run, "trial/word")
    assert report.outcomes == {"word": "solved"}
    assert [event.outcome.reward for event in trial if isinstance(event, AttemptConcluded)] == [0.0, 1.0]
    memo = next(event for event in trial if isinstance(event, MemoRewritten))
    assert (await log.get(memo.memo)).decode().strip() == MEMO.strip()
    skill = next(event for event in trial if isinstance(event, SkillRevised))
    assert (await log.get(skill.files[0].digest)).decode().strip() == SKILL.strip()
    assert of_type(trial, PdiRead)


async def test_a_calibrated_monitor_says_what_it_compared_with_and_what_it_could_not_measure(tmp_path: Path) -> None:
    """After the first failure there is no memo before: SPARK's monitor reads 0 there, this one nothing."""
    log = log_of()
    watched = {"pdi": {"shadows": {"careful": {"method": "calibrated", "reference": {"threshold": -1.0}}}}}
    report = await start_run(await setting(log, make_base(tmp_path)), spec(method=watched))
    trial = await events_of(log, report.run, "trial/word")
    active, careful = (event for event in trial if isinstance(event, PdiRead))
    assert (active.monitor, active.proxy_plan, active.raw_pdi) == ("active", 0.0, active.proxy_exec)
    assert (careful.monitor, careful.proxy_plan, careful.raw_pdi) == ("careful", None, None)
    assert careful.reasons == ("there is no memo before",)
    stated = msgspec.json.decode(await log.get(careful.settings))["reference"]
    assert (stated["threshold"], stated["source"][:16]) == (-1.0, "changed by hand,")
    assert "reference" not in msgspec.json.decode(await log.get(active.settings))
    assert (await rerun(log, report.run)).complete


async def test_a_finished_run_is_rerun_from_its_record_alone(tmp_path: Path) -> None:
    """No endpoint, no sandbox and no task folder is left, and every event comes out the same."""
    log = log_of()
    report = await start_run(await setting(log, make_base(tmp_path)), spec())
    again = await rerun(log, report.run)
    assert again.complete
    assert again.events == (await log.head()).position
    assert not (await verify(log)).findings


async def test_an_unreachable_model_is_never_a_score(tmp_path: Path) -> None:
    """A wrong key says nothing about the task: no verdict, no reward, and no memo."""
    log = log_of()
    report = await start_run(await setting(log, make_base(tmp_path, REFUSING)), spec())
    trial = await events_of(log, report.run, "trial/word")
    assert report.outcomes == {"word": "infrastructure"}
    assert all(event.outcome.kind == "infrastructure" for event in trial if isinstance(event, AttemptConcluded))
    assert trial[-1] == TrialClosed("infrastructure", 2, None)
    assert not of_type(trial, MemoRewritten)


@pytest.mark.slow
async def test_the_oracle_earns_and_nop_does_not(tmp_path: Path) -> None:
    """What proves a task sound needs no model."""
    base = make_base(tmp_path)
    for agent, outcome in (("oracle", "solved"), ("nop", "unsolved")):
        log = log_of()
        report = await start_run(await setting(log, base), spec(models={}, agent={"name": agent}))
        assert report.outcomes == {"word": outcome}


async def test_the_word_for_a_cap_that_is_reached_is_budget(tmp_path: Path) -> None:
    """The refusal is on record, nothing is sent that was not granted, and the trial has no made-up score."""
    log = log_of()
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 1000}}
    asked = spec(
        models={"teacher": teacher},
        prices={"teacher": {"input": "1", "output": "1"}},
        budget={"trial_usd": "0.001"},
    )
    report = await start_run(await setting(log, make_base(tmp_path)), asked)
    assert report.outcomes == {"word": "budget"}
    attempt = await events_of(log, report.run, "attempt/word/1")
    assert of_type(attempt, BudgetRefused)
    assert not of_type(attempt, ModelAsked)


async def test_a_limit_on_turns_ends_the_agent_and_not_the_judging(tmp_path: Path) -> None:
    """What the agent left behind when its turns ran out may still be right."""
    log = log_of()
    report = await start_run(
        await setting(log, make_base(tmp_path)), spec(agent={"max_turns": 1}, method={"attempts": 1})
    )
    attempt = await events_of(log, report.run, "attempt/word/1")
    assert len(of_type(attempt, ModelAnswered)) == 1
    assert len(of_type(attempt, VerifierRewarded)) == len(of_type(attempt, AttemptJudged)) == 1


@pytest.mark.slow
async def test_every_trial_has_a_sandbox_of_its_own(tmp_path: Path) -> None:
    """Trials run side by side and see nothing of each other."""
    log = log_of()
    base = make_base(tmp_path)
    report = await start_run(await setting(log, base), spec(repeats=3, concurrency=3))
    assert report.outcomes == {"word.1": "solved", "word.2": "solved", "word.3": "solved"}
    opened = [name for name, each in (await load_histories(log, report.run)).by_stream.items() if _opened(each)]
    assert len(opened) == 6


def _opened(history: object) -> bool:
    return any(isinstance(each.event, SandboxOpened) for each in history)  # type: ignore[attr-defined]
