"""Evolutions that die, pause, run out of money or meet a storm: what they come to is what they would have come to."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from engine.core.ports import EffectAddress
from engine.core.seeded_order import stream_seed
from engine.runtime.run import resume_run
from engine.testing.faulty_ports import FaultyPorts, struck
from events.base import Event
from events.digest import Digest
from events.store.memory import MemoryLog
from events.types.evolution import LearningChosen, LibraryClosed
from events.types.sandbox import SandboxAsked, SandboxFailed
from events.types.training import BatchBroken
from replay.rerun import rerun
from tests.support.crashes import CrashMatrix, ended, in_memory, wrong
from tests.support.evolving import evolution, evolved, mortal, pretending, rows, shuffled, sums, told
from tests.support.orders import CountingClock
from tests.support.suites import SuiteShape
from tests.support.training import run_digest

LEARNS: Final = "curated_with_revision_always"
LIBRARY: Final = f"library/{LEARNS}/E1"


async def lived(here: CrashMatrix, deaths: Sequence[int]) -> tuple[Any, Mapping[str, Digest]]:
    """Live it, dying at some moments; give what became of it, and the digest of each stream of its libraries."""
    opened = in_memory()
    found = await ended(here, deaths, opened)
    async with opened() as log:
        digests = await run_digest(log, (await log.runs())[-1])
        return found, {name: each for name, each in digests.items() if name.startswith(("library/", "retrieve/"))}


@pytest.mark.slow
async def test_an_evolution_that_died_comes_to_what_it_would_have_come_to(tmp_path: Path) -> None:
    """Given deaths while it learns, while it measures and at its end, each library has the same digest."""
    async with mortal(tmp_path, LEARNS, "no_skill") as here:
        plain, digests = await lived(here, ())
        moments = plain.moments[0]
        for moment in (5, moments // 3, moments - 3):
            seen, again = await lived(here, (moment,))
            assert wrong(plain, seen) == []
            assert again == digests


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_ten_deaths_in_a_row_change_nothing(tmp_path: Path) -> None:
    """Killed at ten moments drawn at random, and resumed each time: the same digests, and nothing is paid twice."""
    async with mortal(tmp_path, "selfgen_experience", "raw_trajectory_rag") as here:
        plain, digests = await lived(here, ())
        last = plain.moments[0] // 4
        deaths = [5 + stream_seed(13, "evolve", str(number)) % (last - 5) for number in range(10)]
        seen, again = await lived(here, deaths)
        assert wrong(plain, seen) == []
        assert again == digests


@pytest.mark.slow
async def test_the_order_of_completion_decides_nothing(tmp_path: Path) -> None:
    """The same bytes in every stream as when nothing is held back."""
    base = sums(tmp_path, SuiteShape(environments=2, families=1))
    spec = evolution(LEARNS, "raw_trajectory_rag", "selfgen_zero_shot")
    plain = await shuffled(base, None, spec)
    lives = [await shuffled(base, seed, spec) for seed in range(2)]
    assert len({life.order for life in (plain, *lives)}) == 3, "the seeds do not change the order"
    assert all(life.digests == plain.digests and life.equal for life in lives)


# -- a storm ---------------------------------------------------------------------------------------------------------


def broken(cells: str, event: Event, place: EffectAddress) -> Event | None:
    """Open no sandbox for some attempts, by how their names begin."""
    return lost() if isinstance(event, SandboxAsked) and place.stream.startswith(f"attempt/{cells}") else None


def lost() -> SandboxFailed:
    """Say that no sandbox could be opened."""
    return SandboxFailed(kind="lost", detail="a storm")


def some(percent: int, event: Event, place: EffectAddress) -> Event | None:
    """Open no sandbox for some of the cells."""
    cell = place.stream.rpartition("/")[0]
    return lost() if isinstance(event, SandboxAsked) and struck(cell, percent) else None


async def test_a_learning_trial_that_breaks_is_begun_again(tmp_path: Path) -> None:
    """Under another label; what is learnt is learnt from the trial that has a score."""
    log = MemoryLog(clock=CountingClock())
    fault = partial(broken, f"{LEARNS}.E1/sum-1-1-enriched/")
    run = (await evolved(log, sums(tmp_path), evolution(LEARNS), lambda ports: FaultyPorts(ports, fault))).run
    found = await rows(log, run, LIBRARY)
    assert found[1].stream == f"cell/{LEARNS}.E1~2/sum-1-1-enriched/1"
    assert [each.solved for each in found[:3]] == [True, False, True]
    (closed,) = await told(log, run, LIBRARY, LibraryClosed)
    assert (closed.scored, closed.infrastructure, closed.planned) == (9, 0, 9)
    assert (await rerun(log, run)).complete


async def test_a_learning_trial_that_stays_broken_pauses_its_library_and_no_other(tmp_path: Path) -> None:
    """Nothing is learnt from it; the others end, and a resume begins it anew."""
    base, log = sums(tmp_path), MemoryLog(clock=CountingClock())

    def fault(event: Event, place: EffectAddress) -> Event | None:
        labels = (f"{LEARNS}.E1/", f"{LEARNS}.E1~2/")
        return next((found for each in labels if (found := broken(f"{each}sum-1-1-variant/", event, place))), None)

    paused = await evolved(log, base, evolution(LEARNS, "no_skill"), lambda ports: FaultyPorts(ports, fault))
    assert (paused.outcomes, paused.held) == ({"library/no_skill/E1": "completed"}, 1)
    (said,) = await told(log, paused.run, LIBRARY, BatchBroken)
    assert said.reason == "none of 1 trials has a score: infrastructure"
    assert len(await told(log, paused.run, LIBRARY, LearningChosen)) == 2
    done = await resume_run(pretending(log, base), paused.run)
    assert done.outcomes == {"library/no_skill/E1": "completed", LIBRARY: "completed"}
    found = await rows(log, paused.run, LIBRARY)
    assert found[2].stream == f"cell/{LEARNS}.E1~3/sum-1-1-variant/1"
    assert (await rerun(log, paused.run)).complete


async def test_a_learning_trial_that_can_have_no_score_holds_its_library_up_once(tmp_path: Path) -> None:
    """Resumed without a change, the library goes on without it: it is scheduled, has no score, and taught nothing."""
    base, log = sums(tmp_path), MemoryLog(clock=CountingClock())

    def fault(event: Event, place: EffectAddress) -> Event | None:
        told = place.stream.removeprefix("attempt/")
        return broken(told.partition("sum-1-1-variant/")[0] + "sum-1-1-variant/", event, place)

    paused = await evolved(log, base, evolution(LEARNS), lambda ports: FaultyPorts(ports, fault))
    assert paused.held == 1
    faulty = pretending(log, base)._replace(between=lambda ports: FaultyPorts(ports, fault))
    done = await resume_run(faulty, paused.run)
    assert done.outcomes == {LIBRARY: "completed"}
    assert len(await told(log, paused.run, LIBRARY, BatchBroken)) == 1
    (closed,) = await told(log, paused.run, LIBRARY, LibraryClosed)
    assert (closed.planned, closed.scored, closed.infrastructure) == (9, 7, 2)
    assert (await told(log, paused.run, LIBRARY, LearningChosen))[2].action == "nothing"
    assert (await rerun(log, paused.run)).complete


async def test_what_breaks_while_it_is_measured_stands_apart(tmp_path: Path) -> None:
    """It is scheduled and has no score: neither solved nor failed, whatever else came of the arm."""
    log = MemoryLog(clock=CountingClock())

    def fault(event: Event, place: EffectAddress) -> Event | None:
        label = place.stream.removeprefix("attempt/").partition("/")[0]
        return some(30, event, place) if label.startswith("no_skill") else None

    base = sums(tmp_path, SuiteShape(environments=1, families=3))
    run = (await evolved(log, base, evolution("no_skill", tries=1), lambda ports: FaultyPorts(ports, fault))).run
    found = await rows(log, run, "library/no_skill/E1")
    lost_rows = [each for each in found if each.reason == "infrastructure"]
    assert 0 < len(lost_rows) < len(found) == 18
    assert {(each.solved, each.reward) for each in lost_rows} == {(None, None)}
    (closed,) = await told(log, run, "library/no_skill/E1", LibraryClosed)
    assert (closed.ending, closed.infrastructure, closed.scored) == ("completed", len(lost_rows), 18 - len(lost_rows))


async def test_money_that_runs_out_leaves_no_trial_unsaid(tmp_path: Path) -> None:
    """The library ends; what was not begun stands on record with the reason, and without a cell."""
    log = MemoryLog(clock=CountingClock())
    spec = evolution(LEARNS, budget={"run_usd": "0.012", "trial_usd": "0.012"})
    run = (await evolved(log, sums(tmp_path), spec)).run
    (closed,) = await told(log, run, LIBRARY, LibraryClosed)
    assert closed.ending == "budget"
    assert closed.unbegun > 0
    found = await rows(log, run, LIBRARY)
    assert len(found) == closed.planned == 9
    assert {(each.reason, each.stream) for each in found if not each.stream} == {("budget", "")}
    assert (await rerun(log, run)).complete
