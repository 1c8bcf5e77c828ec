"""A storm in which 40 % break as infrastructure: the rest scores as it would alone, and what broke is asked again."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from engine.config.spec import RunSpec
from engine.core.ports import EffectAddress
from engine.runtime.run import RunReport, start_run
from engine.testing.faulty_ports import Fault, FaultyPorts, struck
from events.base import Event
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.streams import trial_of
from events.types.evaluation import ArmVerdict
from events.types.model import ModelAsked, ModelFailed
from events.types.sandbox import SandboxAsked, SandboxFailed
from events.values import Usage
from projections.cells import EvaluatedCell
from replay.rerun import rerun
from tests.engine.programs.evaluate.test_evaluate import ATTEMPTS, calls, cells_of, compared, evaluated, evaluation
from tests.support.orders import CountingClock
from tests.support.quiz_runs import make_items
from tests.support.runs import SCRIPT, make_base, setting

NAMES: Final = tuple(f"lamp-{place:02}" for place in range(40))
KNOWN: Final = NAMES[:8]
"""Those whose code stands in the question."""
TAUGHT: Final = NAMES[:36]
"""Those whose code the skill tells."""
ARMS: Final = {"none": {"skills": ""}, "skill": {"skills": "skills"}}


def lamps(folder: Path) -> Path:
    """Make forty questions, a student that knows what it is told, and a skill that helps with most of them."""
    make_items(
        folder / "quiz",
        [
            {"id": name, "question": f"Code of {name}?", "context": f"{name} is C." if name in KNOWN else None,
             "answers": ["C"]}
            for name in NAMES
        ],
    )  # fmt: skip
    rules = [
        f'[[rule]]\nname = "{name}"\ncontains = ["Code of {name}?", "{name} is C."]\n[[rule.turn]]\n'
        'text = "<answer>C</answer>"\nrepeat = true\n'
        for name in NAMES
    ]
    other = '[[rule]]\nname = "else"\n[[rule.turn]]\ntext = "<answer>no idea</answer>"\nrepeat = true\n'
    (folder / "script.toml").write_text("\n".join(['name = "student"\n', *rules, other]))
    told = "\n".join(f"{name} is C." for name in TAUGHT)
    (folder / "skills" / "codes").mkdir(parents=True)
    (folder / "skills" / "codes" / "SKILL.md").write_text(f"---\nname: codes\ndescription: Codes.\n---\n\n{told}\n")
    return folder


def asked(**own: Any) -> RunSpec:
    """Compare a skill with none on the lamps, however few are left."""
    return evaluation(ARMS, tasks="", own={"items": {"folder": "quiz", **own}, "floor": 0.5})


def no_call(percent: int, event: Event, place: EffectAddress) -> Event | None:
    """Fail the calls of some cells, whenever they are asked."""
    if not isinstance(event, ModelAsked) or not struck(f"storm {place.stream}", percent):
        return None
    return ModelFailed("authentication", 401, "storm", None, Usage(None, None, None, None), None, True, False, None, ())


def no_item(event: Event, place: EffectAddress) -> Event | None:
    """Fail the calls of some items under every arm."""
    item = place.stream.rsplit("/", 1)[-1]
    return no_call(100, event, place) if struck(item, 40) else None


def no_sandbox(event: Event, place: EffectAddress) -> Event | None:
    """Give some trials no sandbox, whenever they ask."""
    trial = trial_of(place.stream)
    broken = isinstance(event, SandboxAsked) and trial is not None and struck(trial, 40)
    return SandboxFailed("unavailable", "storm") if broken else None


async def stormed(log: EventLog, base: Path, what: RunSpec, fault: Fault) -> RunReport:
    """Evaluate while some effects fail."""
    means = (await setting(log, base))._replace(between=lambda ports: FaultyPorts(ports, fault))
    return await start_run(means, what)


async def by_cell(log: EventLog, run: str) -> Mapping[tuple[str, str], EvaluatedCell]:
    """Give the cells of a run by arm and item."""
    return {(cell.arm, cell.item): cell for cell in await cells_of(log, run)}


def shown(verdict: ArmVerdict) -> tuple[object, ...]:
    """Give all that a verdict claims."""
    return verdict.verdict, verdict.reason, verdict.difference, verdict.low, verdict.high, verdict.p


@pytest.mark.slow
async def test_the_rest_of_a_storm_scores_as_in_calm(tmp_path: Path) -> None:
    """Given calls of 40 % of the cells that fail, each other cell has its score, and what broke is stored nowhere."""
    base = lamps(tmp_path)
    calm, storm = MemoryLog(clock=CountingClock()), MemoryLog(clock=CountingClock())
    clear = await by_cell(calm, (await evaluated(calm, base, asked())).run)
    report = await stormed(storm, base, asked(), partial(no_call, 40))
    cells = await by_cell(storm, report.run)
    broken = {place for place, cell in cells.items() if cell.unscored == "infrastructure"}
    assert 25 <= len(broken) <= 40
    assert {place: cell.solved for place, cell in cells.items() if place not in broken} == {
        place: cell.solved for place, cell in clear.items() if place not in broken
    }
    stored = [each async for each in storm.read(Selection(run=report.run, tags={"evaluation.scored"}))]
    assert len(stored) == 80 - len(broken)
    assert (await rerun(storm, report.run)).complete
    again = await evaluated(storm, base, asked())
    assert await calls(storm, again.run) == len(broken)
    assert {place for place, cell in (await by_cell(storm, again.run)).items() if cell.run == again.run} == broken
    mended, plain = await compared(storm, again.run), await compared(calm, next(iter(clear.values())).run)
    assert [each.difference for each in mended.verdicts] == [each.difference for each in plain.verdicts]


async def test_the_verdict_on_what_is_left_is_that_of_a_run_without_the_rest(tmp_path: Path) -> None:
    """Given items that break under every arm, the verdict is, to the last digit, that of a run that leaves them out."""
    base = lamps(tmp_path)
    log, apart = MemoryLog(clock=CountingClock()), MemoryLog(clock=CountingClock())
    report = await stormed(log, base, asked(), no_item)
    broken = sorted({cell.item for cell in await cells_of(log, report.run) if cell.solved is None})
    assert 10 <= len(broken) <= 20
    without = await evaluated(apart, base, asked(exclude=[item.removeprefix("quiz.") for item in broken]))
    (left,), (alone,) = (await compared(log, report.run)).verdicts, (await compared(apart, without.run)).verdicts
    assert shown(left) == shown(alone)
    assert left.verdict == "helps"


async def test_too_much_of_a_storm_is_indecisive_with_its_coverage(tmp_path: Path) -> None:
    """Given the usual floor, a comparison of what is left of 40 % says what share has a score, and claims nothing."""
    log, base = MemoryLog(clock=CountingClock()), lamps(tmp_path)
    report = await stormed(log, base, evaluation(ARMS, tasks="", own={"items": {"folder": "quiz"}}), no_item)
    scored = sum(cell.solved is not None for cell in await cells_of(log, report.run))
    (verdict,) = (await compared(log, report.run)).verdicts
    assert verdict.verdict == "indecisive"
    assert verdict.reason == f"{100 * scored / 80:.4g} % of what was planned has a score; 80 % needed"


@pytest.mark.slow
async def test_trials_without_a_sandbox_are_no_scores(tmp_path: Path) -> None:
    """Given tasks of which 40 % of the trials get no sandbox, the others score as they would, and are asked again."""
    names = [f"word-{place}" for place in range(6)]
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path, SCRIPT, *names)
    report = await stormed(log, base, evaluation(ATTEMPTS), no_sandbox)
    cells = await by_cell(log, report.run)
    broken = {place for place, cell in cells.items() if cell.unscored == "infrastructure"}
    assert 2 <= len(broken) <= 8
    assert {(arm, cell.solved) for (arm, _), cell in cells.items() if cell.solved is not None} == {
        ("none", False),
        ("two", True),
    }
    again = await evaluated(log, base, evaluation(ATTEMPTS))
    assert {place for place, cell in (await by_cell(log, again.run)).items() if cell.run == again.run} == broken
    assert set(again.outcomes.values()) == {"solved", "unsolved"}
