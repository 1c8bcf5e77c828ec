"""A run over a suite as people see it: show, compare, report, figure, and SkillEvolBench's own report."""

import json

import msgspec
import pytest

from engine.core.fold import fold_run
from events.store.memory import MemoryLog
from projections.evolution.view import Evolution
from tests.support.evolved import record_evolved
from tests.support.orders import CountingClock
from tests.support.trained import record_trained
from views.evolution.arm_rows import ARMS, MEASURES, arm_rows, share
from views.evolution.evolved_log import EvolvedLog, read_evolution
from views.evolution.full_report import full_report
from views.evolution.pair_rows import PAIRS, marks, pair_rows, task_rows, task_table
from views.evolution.report import (
    EvolutionStamp,
    evolution_page,
    evolution_tables,
    library_rows,
    read_evolution_report,
)
from views.figures.evolution import EvolutionFigure, evolution_caption, evolution_figure
from views.runs.train_rows import percent
from views.terminal.errors import UsageWrong
from views.terminal.table_formats import TableFormat


@pytest.fixture
async def log() -> MemoryLog:
    """Record the run."""
    log = MemoryLog(clock=CountingClock())
    await record_evolved(log)
    return log


async def evolved_in(log: MemoryLog) -> EvolvedLog:
    """Read it."""
    (state,) = await fold_run(log, [Evolution()], "r1")
    return EvolvedLog("r1", state.runs["r1"])


async def test_an_arm_is_a_row_with_what_lacks_a_score(log: MemoryLog) -> None:
    """Shares are solved of scored; a trial without a score is said, and is in none of them."""
    rows = arm_rows(await evolved_in(log))
    assert [row.arm for row in rows] == ["no_skill", "learner"]
    told = ["learner", "5/8 (1 unscored)", "2/2 (1 unscored)", "1/3", "1/3", "4/8 (1 unscored)", "2/3"]
    assert ARMS.texts(rows[1])[:7] == told
    assert MEASURES.texts(rows[1])[1:5] == ["1/2", "+0.0", "100.0 %", "50.0 %"]
    assert "missing skill 1, wrong order 1" in MEASURES.texts(rows[1])
    assert msgspec.json.decode(msgspec.json.encode(rows[1]))["evaluation"] == {"solved": 4, "scored": 8, "scheduled": 9}
    assert (percent(None), share(rows[0].oracle)) == ("-", "-")


async def test_pairs_and_tasks_are_told_without_a_verdict_of_effect(log: MemoryLog) -> None:
    """Two environments bear no interval: won, lost and kept are all that is said."""
    evolved = await evolved_in(log)
    (row,) = pair_rows(evolved)
    assert (row.won, row.lost, row.kept, row.low, row.p) == (4, 0, 4, None, None)
    assert PAIRS.texts(row)[:6] == ["learner", "4", "0", "4", "+50.0", "-"]
    tasks = task_rows(evolved)
    assert [each.id for each in tasks] == sorted(each.id for each in tasks)
    assert task_table(tasks).texts(next(each for each in tasks if each.id == "E2-LS1-T4"))[2:] == ["○", "x"]
    assert marks(()) == "-"


async def test_a_page_holds_every_arm_library_and_task(log: MemoryLog) -> None:
    """The page needs nothing else, and says what has no score."""
    evolved = await evolved_in(log)
    told = await read_evolution_report(log, evolved, EvolutionStamp(0, "1.0", await log.head()))
    page = evolution_page(told)
    for text in (
        "no_skill",
        "learner",
        "E1-LS2-T6",
        "too few environments",
        "skill-e1-ls1 r2",
        "digest",
        "2 scheduled trials",
    ):
        assert text in page, text
    assert "http" not in page.replace("http-equiv", "")
    assert "learner & 5/8" in evolution_tables(told, TableFormat.LATEX)
    assert [row.ending for row in library_rows(evolved)] == ["completed"] * 4


async def test_a_figure_says_in_words_what_it_draws(log: MemoryLog) -> None:
    """Whoever cannot see it reads the same figures."""
    rows = arm_rows(await evolved_in(log))
    told = EvolutionFigure("r1", "hand", [row.measures for row in rows])
    assert "learner: learning T1-T3 5 of 8, context shift T4 2 of 2" in evolution_caption(told).description
    pytest.importorskip("matplotlib")
    assert evolution_figure(told, "png").startswith(b"\x89PNG")


async def test_the_report_of_skillevolbench_has_its_names(log: MemoryLog) -> None:
    """What nobody knows is null, and no trial without a score is in a rate."""
    evolved = await evolved_in(log)
    told = json.loads(msgspec.json.encode(await full_report(log, "r1", evolved.run, "learner")))
    success = told["task_success"]
    assert (success["evaluation_sr"], success["t4_transfer"], success["t5_trap_resistance"]) == (0.5, 1.0, 0.5)
    assert success["t6_oracle_uplift"] == pytest.approx(1 - 1 / 3)
    assert told["evolution_replay"] == {
        "n_pairs": 3,
        "replay_pass_rate": 0.75,
        "evolution_lift": 0.0,
        "fs": 1,
        "ff": 0,
        "ss": 1,
        "sf": 1,
        "recovery_rate": 1.0,
        "regression_rate": 0.5,
    }
    assert told["cost"]["cost_usd"] is None, "nothing was paid that anybody knows of"
    assert told["t6_composition"]["failure_taxonomy"] == {"missing skill": 1, "wrong order": 1}


async def test_a_run_that_evolves_nothing_is_refused_with_those_that_do(log: MemoryLog) -> None:
    """The remedy names runs that could be meant."""
    await record_trained(log, "r2")
    with pytest.raises(UsageWrong, match="evolves no library") as refused:
        await read_evolution(log, "r2")
    assert "r1" in (refused.value.remedy or "")
