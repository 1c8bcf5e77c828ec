"""Views of one whole run, with real commands in a real sandbox: what two of them say of the same thing is the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.fold import fold, fold_many
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from projections.base import state_digest
from projections.cost import Cost, Spending
from projections.library import Library
from projections.memo import Memo
from projections.pdi.index import PdiSettings
from projections.pdi.steps import PdiSteps
from projections.registry import registered
from projections.trials.view import Trials
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

SHADOW = {"method": "js_divergence", "threshold": -0.8, "warmup": 3}
PRICES = {name: {"input": "0.50", "output": "2.00"} for name in ("teacher", "reflector", "distiller")}


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[MemoryLog]:
    """A log in which a trial failed, learnt, and was solved."""
    async with MemoryLog(clock=Ticking()) as log:
        wanted = spec(method={"pdi": {"shadows": {"careful": SHADOW}}}, models=_models(), prices=PRICES)
        await start_run(await setting(log, make_base(tmp_path)), wanted)
        yield log


def _models() -> dict[str, Any]:
    return {name: {"model": name, "base_url": "script:script.toml"} for name in PRICES}


async def test_the_books_and_the_progress_agree(log: MemoryLog) -> None:
    """Calls, tokens and money are folded twice, by different rules."""
    trials, cost = await fold_many(log, [Trials(), Cost()])
    (run,), (books,) = trials.runs.values(), cost.runs.values()
    lines: list[Spending] = [line for models in books.lines["word"].values() for line in models.values()]
    trial = run.trials["word"]
    assert set(books.lines["word"]) == {"teacher", "reflector", "distiller"}
    assert trial.calls == sum(line.calls for line in lines) == sum(line.answered for line in lines)
    assert trial.tokens == sum(line.input_tokens + line.output_tokens for line in lines)
    assert trial.cost == sum(line.cost for line in lines) > 0
    assert (run.in_flight, books.streams) == ({}, {})


async def test_pdi_computed_again_is_pdi_as_it_was_acted_upon(log: MemoryLog) -> None:
    """By every monitor, to the last bit: the projection and the actor gather the same inputs on their own."""
    careful = PdiSettings(method="js_divergence", threshold=-0.8, warmup=3)
    state = await fold(log, PdiSteps({"active": PdiSettings(), "careful": careful}))
    assert len(state.recorded) == 2
    assert state.rows == state.recorded


async def test_the_trial_the_memo_and_the_library_tell_one_story(log: MemoryLog) -> None:
    """One failure, one memo after it, one success, one skill of it."""
    trials, memo, library = await fold_many(log, [Trials(), Memo(), Library()])
    (run,), (memos,), (shelf,) = trials.runs.values(), memo.runs.values(), library.runs.values()
    outcomes = [each.outcome.kind for each in run.trials["word"].attempts.values()]
    assert (outcomes, run.trials["word"].reward) == (["failed", "solved"], 1.0)
    assert [step.attempt for step in memos["word"].steps] == [1]
    assert shelf.skills[run.trials["word"].skill].latest.trial == "word"


async def test_one_pass_makes_what_single_passes_make(log: MemoryLog) -> None:
    """And a run folded by itself is what the log says of it, since it is alone there."""
    (run,) = await log.runs()
    together = [state_digest(state) for state in await fold_many(log, registered())]
    assert together == [state_digest(await fold(log, each, Selection(run=run))) for each in registered()]
