"""PDI of every reflect step, folded from the log under any settings."""

from collections.abc import AsyncIterator, Sequence
from itertools import count
from typing import Any

import pytest

from engine.core.fold import fold
from events.base import Draft, Event, StreamId
from events.store.memory import MemoryLog
from events.types.memo import MemoImported, MemoKept, MemoRewritten
from events.types.pdi import PdiImported, PdiRead
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import Outcome
from projections.base import encode_state
from projections.pdi.index import PdiSettings
from projections.pdi.steps import RECORDED, PdiSteps, PdiStepsState

TRIAL = StreamId("run-1", "trial/greet")
FAILED = "FAILED (1):\n  ✗ tests::word"


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    """Give an empty log."""
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as made:
        yield made


async def test_a_live_trial_is_read_as_its_monitor_read_it(log: MemoryLog) -> None:
    """Exec is the share of fact words among the commands; the second step repeats plan and failures whole."""
    first, second = _memo("cp works", "use cp"), _memo("cp works", "use cp")
    await _tell(log, _opened(), _concluded(log, 1, "cp a"), _rewritten(log, 1, first, None))
    await _tell(log, _concluded(log, 2, "mv a"), _rewritten(log, 2, second, first))
    one, two = (await _fold(log)).rows
    assert (one.run, one.trial, one.task, one.attempt, one.step, one.monitor) == (
        "run-1",
        "greet",
        "task",
        1,
        0,
        "usual",
    )
    assert (one.proxy_exec, one.proxy_plan, one.proxy_oss, one.raw_pdi, one.weighted_pdi) == (0.5, 0, 0, 0.5, 0)
    assert (two.step, two.proxy_exec, two.proxy_plan, two.proxy_oss, two.raw_pdi) == (1, 0.0, 1.0, 1.0, -3.0)
    assert (two.weighted_pdi, two.triggered, two.level) == (-1.5, True, "soft")
    assert (two.method, two.valid) == ("token_overlap", False)


async def test_each_settings_has_a_row_of_its_own(log: MemoryLog) -> None:
    """So that another threshold or method can be asked what it would have decided."""
    first, second = _memo("cp works", "use cp"), _memo("cp works", "use cp")
    await _tell(log, _opened(), _concluded(log, 1, "cp a"), _rewritten(log, 1, first, None))
    await _tell(log, _concluded(log, 2, "mv a"), _rewritten(log, 2, second, first))
    watching = {"usual": PdiSettings(), "lazy": PdiSettings(threshold=-9), "js": PdiSettings(method="js_divergence")}
    rows = (await fold(log, PdiSteps(watching))).rows
    assert [(row.monitor, row.attempt) for row in rows] == [(name, each) for each in (1, 2) for name in watching]
    assert [row.triggered for row in rows[3:]] == [True, False, True]


async def test_the_attempt_before_may_be_of_any_kind(log: MemoryLog) -> None:
    """Infrastructure that broke in between has no failed rows, so failures do not look repeated."""
    first, second = _memo("cp works", "use cp"), _memo("other words", "try mv")
    await _tell(log, _opened(), _concluded(log, 1, "cp a"), _rewritten(log, 1, first, None))
    await _tell(log, _concluded(log, 2, "", "Execution failed: no sandbox"), _concluded(log, 3, "mv a"))
    await _tell(log, MemoKept(2, log.put(first.encode()), ("no answer",)), _rewritten(log, 3, second, first))
    assert [(row.attempt, row.proxy_oss) for row in (await _fold(log)).rows] == [(1, 0.0), (3, 0.0)]


async def test_an_empty_memo_stalls_the_count(log: MemoryLog) -> None:
    """It is never archived. A template is, and is not read itself."""
    template, memo = "### Next Strategy\nagain\n", _memo("cp works", "use cp")
    await _tell(log, _opened(), _concluded(log, 0, ""), _imported(log, 0, template, None, reflected=False))
    await _tell(log, _concluded(log, 1, "cp"), _imported(log, 1, "", template))
    await _tell(log, _concluded(log, 2, "cp"), _imported(log, 2, memo, ""))
    await _tell(log, _concluded(log, 3, "cp"), _imported(log, 3, memo, memo))
    rows = (await _fold(log)).rows
    assert [(row.attempt, row.step) for row in rows] == [(1, 1), (2, 1), (3, 2)]


@pytest.mark.parametrize("text", ["", " \n", "[LLM ERROR] 502\n### Verified Facts\n- x", "Sorry, I cannot."])
async def test_what_is_no_memo_is_not_relied_upon(log: MemoryLog, text: str) -> None:
    """W3: an error text as a memo raises PDI, which says nothing about the agent."""
    await _tell(log, _opened(), _concluded(log, 0, "cp"), _imported(log, 0, text, None))
    (row,) = (await _fold(log)).rows
    assert "the memo is no memo" in row.reasons
    assert row.valid is False


async def test_recorded_readings_stand_beside_and_give_their_step(log: MemoryLog) -> None:
    """An older rule began at -1: with its step, its weight comes out as well. It counts for its own memo only."""
    memo = _memo("cp works", "use cp")
    await _tell(log, _opened(), _concluded(log, 0, "cp a"))
    await _tell(log, PdiImported(0, -1, 0.5, 0.0, 0.0, 0.5, -0.5, -0.25, triggered=False, level=None))
    await _tell(log, _imported(log, 0, memo, None), _concluded(log, 1, "cp a"), _imported(log, 1, memo, memo))
    state = await _fold(log)
    assert [(row.step, row.weight) for row in state.rows] == [(-1, -0.5), (1, 0.5)]
    (recorded,) = state.recorded
    assert (recorded.monitor, recorded.step, recorded.weighted_pdi) == (RECORDED, -1, -0.25)
    assert (recorded.method, recorded.valid) == (None, None)


async def test_our_own_readings_stand_beside_under_their_names(log: MemoryLog) -> None:
    """With all they said about themselves."""
    memo, digest = _memo("cp works", "use cp"), log.put(b"x")
    await _tell(log, _opened(), _concluded(log, 1, "cp a"), _rewritten(log, 1, memo, None))
    numbers: dict[str, Any] = {"proxy_exec": 0.5, "proxy_plan": 0.0, "proxy_oss": 0.0, "raw_pdi": 0.5, "weight": 0.0}
    read = PdiRead(
        attempt=1,
        step=0,
        monitor="active",
        settings=digest,
        method="token_overlap",
        **numbers,
        weighted_pdi=0.0,
        triggered=False,
        level=None,
        valid=False,
        reasons=("too few",),
        memo=digest,
        previous_memo=None,
        commands=digest,
        test_summary=digest,
    )
    await _tell(log, read)
    state = await _fold(log)
    assert [(row.monitor, row.raw_pdi, row.reasons) for row in state.recorded] == [("active", 0.5, ("too few",))]
    assert [getattr(state.rows[0], name) for name in numbers] == list(numbers.values())


async def test_a_trial_that_is_over_takes_no_room(log: MemoryLog) -> None:
    """Texts are kept for the next step only. Events of strangers change nothing, not even by name."""
    await _tell(log, _opened(), _concluded(log, 1, "cp a" * 1000), TrialClosed("unsolved", 1, 0.0))
    state = await _fold(log)
    assert len(encode_state(state)) < 400
    assert PdiSteps({}).initial() == PdiStepsState()
    assert PdiSteps({}).state_type() is PdiStepsState


async def _fold(log: MemoryLog) -> PdiStepsState:
    return await fold(log, PdiSteps({"usual": PdiSettings()}))


async def _tell(log: MemoryLog, *events: Event) -> None:
    version = (await log.streams(TRIAL.run)).get(TRIAL.name, 0)
    drafts: Sequence[Draft] = [Draft(event, None) for event in events]
    await log.append(TRIAL, drafts, expected_version=version)


def _memo(facts: str, plan: str) -> str:
    return f"## Exploration Memo (1 failed attempts)\n\n### Verified Facts\n{facts}\n\n### Next Strategy\n{plan}\n"


def _opened() -> TrialOpened:
    return TrialOpened("task", "default", 3)


def _concluded(log: MemoryLog, attempt: int, commands: str, summary: str = FAILED) -> AttemptConcluded:
    names = (log.put(commands.encode()), log.put(summary.encode()))
    return AttemptConcluded(attempt, Outcome("failed", 0.0, ""), "FAIL", 0, 1, *names)


def _rewritten(log: MemoryLog, attempt: int, memo: str, previous: str | None) -> MemoRewritten:
    before = None if previous is None else log.put(previous.encode())
    return MemoRewritten(attempt, log.put(memo.encode()), before, repaired=False)


def _imported(log: MemoryLog, attempt: int, memo: str, previous: str | None, *, reflected: bool = True) -> MemoImported:
    before = None if previous is None else log.put(previous.encode())
    return MemoImported(attempt, log.put(memo.encode()), before, reflected)
