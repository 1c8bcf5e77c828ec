"""Figures of an evaluation: every cell has its row, whether it was rolled out here or found in the log."""

from pathlib import Path

import pytest

from events.store.memory import MemoryLog
from tests.cli.terminal import machine
from tests.engine.programs.evaluate.test_evaluate import evaluated, evaluation
from tests.engine.programs.evaluate.test_skills_of_arms import ONCE, base_of
from tests.support.orders import CountingClock
from views.figures.files import read_dynamics
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen


@pytest.mark.slow
async def test_cells_that_were_found_are_drawn_from_the_run_that_rolled_them_out(tmp_path: Path) -> None:
    """The second run has one arm of its own; the rows of the other arm are those of the first."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    none, human = {"skills": ""}, {"skills": "per-item:human"}
    first = await evaluated(log, base, evaluation({"none": none, "other": {"note": "Mind."}}, **ONCE))
    second = await evaluated(log, base, evaluation({"none": none, "human": human}, **ONCE))
    host = machine(tmp_path)
    desk = OpenedLog(log, tmp_path / "log.db", Screen(host), host)
    rows = [(each.run, each.trial, each.outcome) for each in await read_dynamics(desk, second.run)]
    assert rows == [
        (second.run, "human/one/1", "solved"),
        (second.run, "human/two/1", "solved"),
        (first.run, "none/one/1", "unsolved"),
        (first.run, "none/two/1", "unsolved"),
    ]
