"""Looks and dead signals: how often arms were compared is said, and a constant score ends the spending."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.core.decision import PolicyContext
from engine.core.ports import EffectAddress
from engine.programs.evaluate.points import ArmProgress, CellSaw, CellScore, NextCells, NextCellsRule, NextCellsSaw
from engine.programs.evaluate.rulings import choose_cells
from engine.runtime.run import start_run
from engine.testing.faulty_ports import FaultyPorts
from events.base import Event, Ref
from events.digest import Digest, digest_of
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.decision import Held, Seen
from events.types.evaluation import ArmsCompared, LooksFound
from events.types.sandbox import SandboxAsked, SandboxFailed
from events.values import Ratio
from replay.redecide import decisions
from replay.rerun import rerun
from tests.cli.terminal import type_in
from tests.cli.test_evaluate import ASKED
from tests.engine.programs.evaluate.test_evaluate import (
    ATTEMPTS,
    calls,
    cells_of,
    compared,
    evaluated,
    evaluation,
    questions,
)
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.quiz_runs import make_items
from tests.support.runs import SCRIPT, make_base, setting

ROWS: Final = [
    {"id": f"lamp-{place:02}", "question": f"Which code has lamp {place}?", "context": None, "answers": ["X"]}
    for place in range(12)
]
TOLD: Final = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
LAMPS: Final[dict[str, Any]] = {"items": {"folder": "quiz"}}


def lamps(folder: Path) -> Path:
    """Make twelve questions that the student cannot answer, with or without its skill."""
    questions(folder)
    make_items(folder / "quiz", ROWS)
    return folder


@pytest.mark.slow
async def test_each_run_that_adds_a_repeat_is_told_which_look_it_is(tmp_path: Path) -> None:
    """Given runs of one, two and three repeats, the third says that it looks for the third time; the same again not."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    looks, last = [], ""
    for repeats in (1, 2, 2, 3, 1):
        report = await evaluated(log, base, evaluation(ATTEMPTS, repeats=repeats))
        looks.append((await compared(log, report.run)).verdicts[0].look)
        assert (await rerun(log, report.run)).complete
        assert all(each.agrees for each in await decisions(log, report.run))
        last = report.run
    assert looks == [1, 2, 2, 3, 3]
    assert (await mutate(log, last)).found == ()


@pytest.mark.slow
async def test_a_look_from_the_other_end_is_a_look(tmp_path: Path) -> None:
    """Given a run whose baseline was the other arm, its look counts; the same scores seen both ways are one look."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)
    looks = []
    for baseline, repeats in (("none", 1), ("two", 1), ("two", 2), ("none", 2), ("none", 3), ("two", 4)):
        arms = {name: ATTEMPTS[name] for name in ("none", "two")}
        report = await evaluated(log, base, evaluation(arms, repeats=repeats, own={"baseline": baseline}))
        looks.append((await compared(log, report.run)).verdicts[0].look)
        assert (await rerun(log, report.run)).complete
        assert all(each.agrees for each in await decisions(log, report.run))
    assert looks == [1, 1, 2, 2, 3, 4]


@pytest.mark.slow
async def test_a_look_is_at_conditions_and_items_and_not_at_names(tmp_path: Path) -> None:
    """Given an arm that is renamed, that is a look; another condition or other items are not."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path, SCRIPT, "one", "two")
    await evaluated(log, base, evaluation(ATTEMPTS))
    renamed = {"none": ATTEMPTS["none"], "twice": ATTEMPTS["two"], "thrice": {"set": {"method.attempts": 3}}}
    again = await evaluated(log, base, evaluation(renamed, repeats=2))
    assert {each.arm: each.look for each in (await compared(log, again.run)).verdicts} == {"twice": 2, "thrice": 1}
    (base / "tasks" / "two" / "instruction.md").write_text("Write another word.\n")
    other = await evaluated(log, base, evaluation(ATTEMPTS, repeats=2))
    assert [each.look for each in (await compared(log, other.run)).verdicts] == [1]


async def test_scores_that_were_missing_make_another_look(tmp_path: Path) -> None:
    """Given a look at which no trial had a sandbox, what a second run finds out is the second look."""
    log, base = MemoryLog(clock=CountingClock()), make_base(tmp_path)

    def fault(event: Event, place: EffectAddress) -> Event | None:
        del place
        return SandboxFailed("unavailable", "none left") if isinstance(event, SandboxAsked) else None

    means = (await setting(log, base))._replace(between=lambda ports: FaultyPorts(ports, fault))
    broken = await start_run(means, evaluation(ATTEMPTS))
    mended = await evaluated(log, base, evaluation(ATTEMPTS))
    found = [each.event async for each in log.read(Selection(run=mended.run, tags={"looks.found"}))]
    assert [isinstance(each, LooksFound) and [look.run for look in each.looks] for each in found] == [[broken.run]]
    assert [each.look for each in (await compared(log, mended.run)).verdicts] == [2]


def test_a_view_says_the_look_that_the_run_recorded(tmp_path: Path) -> None:
    """Given two runs, each is shown with its own look, whatever came after it."""
    questions(tmp_path)
    for repeats in ("1", "2"):
        type_in(tmp_path, "evaluate", *ASKED, "--repeats", repeats)
    first, second = (row["run"] for row in type_in(tmp_path, "runs", "--json").rows)
    shown = [type_in(tmp_path, "compare", run, "--json").rows[1]["look"] for run in (first, second)]
    assert shown == [1, 2]
    assert "(look 2)" in type_in(tmp_path, "compare").out


async def test_a_score_that_is_always_the_same_ends_the_spending(tmp_path: Path) -> None:
    """Given twelve items that nothing solves, ten of each arm are paid for, and nothing is claimed."""
    log, base = MemoryLog(clock=CountingClock()), lamps(tmp_path)
    asked = evaluation(TOLD, tasks="", own=LAMPS, repeats=3)
    report = await evaluated(log, base, asked)
    assert await calls(log, report.run) == 20
    cells = await cells_of(log, report.run)
    assert [cell.unscored for cell in cells if cell.solved is None] == ["no_information"] * 52
    assert {cell.repeat for cell in cells if cell.solved is not None} == {1}
    (verdict,) = (await compared(log, report.run)).verdicts
    assert (verdict.verdict, verdict.reason) == (
        "no information",
        "every run of both arms scores 0; no further one was begun",
    )
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))
    again = await evaluated(log, base, asked)
    assert await calls(log, again.run) == 0
    assert (await compared(log, again.run)).verdicts == (verdict,)


async def test_a_setting_lets_an_evaluation_go_on(tmp_path: Path) -> None:
    """Given that it is switched off, all is paid for; what is stored counts, though it is on again."""
    log, base = MemoryLog(clock=CountingClock()), lamps(tmp_path)
    off = await evaluated(log, base, evaluation(TOLD, tasks="", own={**LAMPS, "stop_on_dead_signal": False}))
    assert await calls(log, off.run) == 24
    (verdict,) = (await compared(log, off.run)).verdicts
    assert (verdict.verdict, verdict.reason) == ("no information", "every run of both arms scores 0")
    on = await evaluated(log, base, evaluation(TOLD, tasks="", own=LAMPS))
    assert await calls(log, on.run) == 0
    assert {cell.solved for cell in await cells_of(log, on.run)} == {False}


def ended(*words: str) -> tuple[CellSaw, ...]:
    """Make cells of an arm: 1 solved, 0 not, i broken, s stopped; a word for each repeat."""
    scores = {
        "1": CellScore(solved=True, reward=None, reason=None),
        "0": CellScore(solved=False, reward=None, reason=None),
        "i": CellScore(None, None, "infrastructure"),
        "s": CellScore(None, None, "stopped"),
    }
    return tuple(
        CellSaw(f"i{place}", f"i{place}", repeat, score=Seen(Ref("cell/x", 1), scores[word]))
        for repeat, each in enumerate(words, 1)
        for place, word in enumerate(each)
    )


def chosen(arms: Mapping[str, tuple[CellSaw, ...]], left: int, items: int = 12, *, stop: bool = True) -> NextCells:
    """Ask which cells are begun next."""
    blobs: dict[Digest, bytes] = {}
    progress = []
    for name, cells in sorted(arms.items()):
        data = msgspec.json.encode(cells)
        blobs[digest_of(data)] = data
        progress.append(ArmProgress(name, items, left, Held(digest_of(data), Ref("cell/x", 1)) if cells else None))
    context = PolicyContext(blobs, digest_of, {}, ("next_cells", digest_of(b""), None))
    return choose_cells(NextCellsSaw(tuple(progress)), NextCellsRule(stop, "hard"), context)


@pytest.mark.parametrize(
    ("arms", "begun"),
    [
        ({"a": (), "b": ()}, {"a": 10, "b": 10}),
        ({"a": ended("0" * 10), "b": ended("0" * 10)}, {}),
        ({"a": ended("0" * 10), "b": ended("0" * 9 + "1")}, {"a": 26, "b": 26}),
        ({"a": ended("0" * 9 + "i"), "b": ended("0" * 10)}, {"a": 1}),
        ({"a": ended("0" * 9 + "1"), "b": ended("i" * 10)}, {"a": 26, "b": 26}),
        ({"a": ended("0" * 10), "b": ended("0" * 9 + "s")}, {"a": 26, "b": 26}),
    ],
)
def test_ten_items_of_each_arm_are_looked_at_before_more_is_paid(
    arms: dict[str, tuple[CellSaw, ...]], begun: dict[str, int]
) -> None:
    """What broke is replaced; once scores differ, or somebody stops the run, nothing is waited for."""
    found = chosen(arms, 26)
    assert {each.arm: each.cells for each in found.begin} == begun
    assert found.constant == (None if begun else Ratio(0, 1))


def test_ten_items_are_enough_to_wait_for() -> None:
    """Given exactly ten items of two repeats, the first repeat is looked at before the second is begun."""
    assert {each.cells for each in chosen({"a": (), "b": ()}, 20, 10).begin} == {10}


def test_nothing_is_waited_for_where_it_could_not_end_anything() -> None:
    """Given fewer than ten items, or no wish to stop, all cells are begun at once."""
    for found in (chosen({"a": (), "b": ()}, 9, 9), chosen({"a": (), "b": ()}, 12, stop=False)):
        assert len({each.cells for each in found.begin}) == 1
        assert found.begin[0].cells in {9, 12}


def test_an_arm_that_breaks_to_its_end_does_not_hold_the_others_up() -> None:
    """Given an arm of which nothing is left, and too little has a score, the rest of the others is begun."""
    blobs: dict[Digest, bytes] = {}
    held = []
    for cells in (ended("i" * 12), ended("0" * 10)):
        data = msgspec.json.encode(cells)
        blobs[digest_of(data)] = data
        held.append(Held(digest_of(data), Ref("cell/x", 1)))
    saw = NextCellsSaw((ArmProgress("a", 12, 0, held[0]), ArmProgress("b", 12, 2, held[1])))
    context = PolicyContext(blobs, digest_of, {}, ("next_cells", digest_of(b""), None))
    found = choose_cells(saw, NextCellsRule(stop=True, measure="hard"), context)
    assert [(each.arm, each.cells) for each in found.begin] == [("b", 2)]


def test_what_earlier_versions_compared_is_no_look() -> None:
    """Given a comparison without the digests of what it rested on, it reads as one that names no look."""
    assert ArmsCompared("none", ()).looks == ()
