"""Stories of orders to a run that is alive: each acts at once, is on record with its outcome, and changes no rerun."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.config.spec import RunSpec
from engine.core.errors import NothingToResume, RunNotAlive, RunUnknown
from engine.core.history import load_histories
from engine.core.prompts import load_prompts
from engine.runtime import control
from engine.runtime.context import RunContext
from engine.runtime.control import Order
from engine.runtime.run import RunReport, resume_run, start_run
from engine.runtime.session import Session
from events.base import Event
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.attempt import AttemptAbandoned
from events.types.control import CancelOrdered, DrainOrdered, OrderMet, PauseOrdered, TuneOrdered, UnpauseOrdered
from events.types.model import ModelAsked
from events.types.pool import PoolLimited, PoolsOpened
from events.types.session import ScopeStopped, SessionEnded, SettingChange
from events.types.trial import NextChosen, TrialClosed, TrialOpened
from replay.redecide import decisions
from replay.rerun import rerun
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.runs import SCRIPT, make_base, spec

NEVER = """
[[rule]]
name = "no answer"
contains = ["Task: slow"]
[[rule.turn]]
error = "hang"
"""
SLOW = SCRIPT.replace('\n[[rule]]\nname = "reflect"', NEVER + '\n[[rule]]\nname = "reflect"', 1)
"""The model of the task `slow` never answers; all others do at once."""


class Stage:
    """A run that goes on while somebody orders things of it."""

    def __init__(self, base: Path) -> None:
        self.log = MemoryLog(clock=CountingClock())
        self.backend = PretendBackend()
        self.setting = RunContext(self.log, self.backend, load_prompts(), "test", {}, base)
        self.run = ""

    async def play(self, asked: RunSpec, story: Callable[[], Coroutine[Any, Any, None]]) -> RunReport:
        """Start the run, and tell the story beside it."""
        reports: list[RunReport] = []
        with anyio.fail_after(40):
            async with anyio.create_task_group() as group:

                def told(session: Session) -> None:
                    self.run = session.run
                    group.start_soon(story)

                reports.append(await start_run(self.setting, asked, told=told))
        return reports[0]

    async def order(self, order: Order) -> OrderMet:
        """Order something, and hear what came of it."""
        place = await control.give(self.log, self.run, order, now_us=0)
        met = await control.outcome_of(self.log, self.run, place, within_s=30)
        assert met is not None
        return met

    async def until(self, stream: str, kind: type[Event]) -> None:
        """Wait until something has happened."""
        async for each in self.log.follow(Selection(run=self.run)):
            if each.stream.name == stream and isinstance(each.event, kind):
                return

    async def told(self, stream: str, *kinds: type[Event]) -> list[Event]:
        """Read what happened."""
        history = (await load_histories(self.log, self.run)).by_stream.get(stream, [])
        return [each.event for each in history if isinstance(each.event, kinds or Event)]

    async def same_again(self) -> bool:
        """Live the run again from its record, and make each decision again."""
        again = await decisions(self.log, self.run)
        return (await rerun(self.log, self.run)).complete and all(each.decided == each.recorded for each in again)


def cancel(trial: str | None) -> CancelOrdered:
    """Order a stop."""
    return CancelOrdered("ada", "it hangs", trial)


async def test_a_trial_that_hangs_is_cancelled_and_the_others_do_not_notice(tmp_path: Path) -> None:
    """Its call is cut off, its sandbox closed, and it has no score."""
    stage = Stage(make_base(tmp_path, SLOW, "slow", "word"))

    async def story() -> None:
        await stage.until("attempt/slow/1", ModelAsked)
        met = await stage.order(cancel("slow"))
        assert (met.done, met.detail) == (True, "trial slow stops")

    report = await stage.play(spec(), story)
    assert report.outcomes == {"slow": "stopped", "word": "solved"}
    said = "cancelled by ada: it hangs"
    assert await stage.told("attempt/slow/1", ScopeStopped, AttemptAbandoned) == [
        ScopeStopped("cancelled", said),
        AttemptAbandoned("stopped", said),
    ]
    last = (await stage.told("trial/slow", NextChosen))[-1]
    assert isinstance(last, NextChosen)
    assert (last.after, last.decision, last.counted, last.reason) == (1, "cancelled", None, said)
    assert not stage.backend.open_ids
    assert await stage.same_again()


async def test_a_cancelled_run_ends_and_stays_ended(tmp_path: Path) -> None:
    """Trials that had not begun are stopped before they ask for anything."""
    stage = Stage(make_base(tmp_path, SLOW, "slow", "word"))

    async def story() -> None:
        await stage.until("attempt/slow/1", ModelAsked)
        assert (await stage.order(cancel(None))).done

    report = await stage.play(spec(concurrency=1), story)
    assert report.outcomes == {"slow": "stopped", "word": "stopped"}
    assert await stage.told("trial/word", TrialClosed) == [TrialClosed("stopped", 0, None)]
    assert not await stage.told("attempt/word/1")
    assert await stage.same_again()
    with pytest.raises(NothingToResume):
        await resume_run(stage.setting, stage.run)
    with pytest.raises(RunNotAlive, match="has ended"):
        await control.give(stage.log, stage.run, cancel(None), now_us=0)


async def test_a_paused_run_asks_nothing_until_it_goes_on(tmp_path: Path) -> None:
    """What comes next waits, and has not been asked: a trial that begins meanwhile comes no further than that."""
    stage = Stage(make_base(tmp_path, SLOW, "slow", "word"))

    async def story() -> None:
        await stage.until("attempt/slow/1", ModelAsked)
        assert (await stage.order(PauseOrdered("ada", ""))).done
        assert not (await stage.order(PauseOrdered("bob", ""))).done
        await stage.order(TuneOrdered("ada", "", (change("concurrency", 1, 2),)))
        await stage.until("trial/word", TrialOpened)
        assert [type(each) for each in await stage.told("trial/word")] == [TrialOpened]
        assert (await stage.order(UnpauseOrdered("ada", ""))).done
        await stage.until("trial/word", TrialClosed)
        await stage.order(cancel("slow"))

    report = await stage.play(spec(concurrency=1), story)
    assert report.outcomes == {"slow": "stopped", "word": "solved"}
    assert await stage.same_again()


async def test_a_drained_run_begins_no_trial_and_a_resume_takes_up_the_rest(tmp_path: Path) -> None:
    """For a machine that must be given back: what has begun comes to its end, and what has not is not lost."""
    stage = Stage(make_base(tmp_path, SLOW, "slow", "word", "zeal"))

    async def story() -> None:
        await stage.until("attempt/slow/1", ModelAsked)
        assert (await stage.order(DrainOrdered("ada", "night"))).done
        assert not (await stage.order(DrainOrdered("ada", "night"))).done
        await stage.order(cancel("slow"))

    report = await stage.play(spec(concurrency=1), story)
    assert (report.outcomes, report.held) == ({"slow": "stopped"}, 2)
    assert not await stage.told("trial/word")
    assert await stage.told("session", SessionEnded) == [SessionEnded("drained")]
    again = await resume_run(stage.setting, stage.run)
    assert (again.outcomes, again.held) == ({"slow": "stopped", "word": "solved", "zeal": "solved"}, 0)
    assert await stage.same_again()


async def test_what_was_ordered_of_a_process_that_died_holds_for_the_next(tmp_path: Path) -> None:
    """A cancelled trial is not begun by a resume either, and limits stay as they were tuned."""
    stage = Stage(make_base(tmp_path, SLOW, "slow", "word", "zeal"))

    async def story() -> None:
        await stage.until("attempt/slow/1", ModelAsked)
        await stage.order(DrainOrdered("ada", ""))
        await stage.order(TuneOrdered("ada", "", (change("concurrency", 1, 7),)))
        await stage.order(cancel("word"))
        await stage.order(cancel("slow"))

    await stage.play(spec(concurrency=1), story)
    again = await resume_run(stage.setting, stage.run)
    assert again.outcomes == {"slow": "stopped", "word": "stopped", "zeal": "solved"}
    opened = (await stage.told("session", PoolsOpened))[-1]
    assert isinstance(opened, PoolsOpened)
    assert (opened.pools[0].pool, opened.pools[0].start) == ("trials", 7)
    assert await stage.same_again()


def change(key: str, before: object, now: object) -> SettingChange:
    """Change one setting."""
    return SettingChange(key, str(before), str(now))


async def test_limits_are_tuned_while_the_run_goes_on(tmp_path: Path) -> None:
    """A trial that waited for a place begins as soon as there is one."""
    stage = Stage(make_base(tmp_path, SLOW, "slow", "word"))

    async def story() -> None:
        await stage.until("attempt/slow/1", ModelAsked)
        assert not await stage.told("trial/word")
        changes = (change("concurrency", 1, 2), change("pools.calls.most", 2000, 8))
        met = await stage.order(TuneOrdered("ada", "", changes))
        assert met.detail == "concurrency = 2, pools.calls.most = 8"
        await stage.until("trial/word", TrialClosed)
        await stage.order(cancel("slow"))

    report = await stage.play(spec(concurrency=1), story)
    assert report.outcomes == {"slow": "stopped", "word": "solved"}
    limited = await stage.told("session", PoolLimited)
    assert next((each.reason, each.limit) for each in limited if isinstance(each, PoolLimited)) == ("tuned", 8)


async def test_an_order_that_cannot_be_met_says_so(tmp_path: Path) -> None:
    """Nobody is left to wonder whether a name was misspelt."""
    stage = Stage(make_base(tmp_path, SLOW, "slow"))

    async def story() -> None:
        await stage.until("attempt/slow/1", ModelAsked)
        assert await stage.order(cancel("slwo")) == OrderMet(False, "no trial slwo in this run")
        await stage.order(cancel(None))

    await stage.play(spec(), story)
    with pytest.raises(RunUnknown):
        await control.give(stage.log, "nobody", cancel(None), now_us=0)
