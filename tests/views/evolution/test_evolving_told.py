"""What is said of a run over a suite before it begins, and at its end."""

from pathlib import Path

from engine.runtime.fork import Fork, fork_run
from engine.runtime.run import plan_start, settled
from engine.suites.read import read_suite
from events.digest import digest_of
from events.store.base import Selection
from events.store.memory import MemoryLog
from tests.support.evolving import evolution, evolved, pretending, sums
from tests.support.orders import CountingClock
from tests.support.suites import SuiteShape
from views.evolution.dry_run import arm_rows
from views.evolution.end import end_rows


async def test_a_dry_run_counts_trials_paths_and_calls_of_each_arm(tmp_path: Path) -> None:
    """Drafts and revisions of the author among the calls; nothing is bounded that has no price."""
    base = sums(tmp_path, SuiteShape(environments=2, families=2))
    arms = ("no_skill", "selfgen_zero_shot", "curated_with_revision", "curated_with_revision_always_dual_t6")
    start = await plan_start(pretending(MemoryLog(clock=CountingClock()), base), evolution(*arms))
    found = arm_rows(start, read_suite(base / "suite", digest_of, ()))
    assert [(each.trials, each.replay, each.oracle) for each in found] == [
        (24, 0, 0),
        (24, 0, 0),
        (36, 12, 0),
        (40, 12, 4),
    ]
    assert [(each.critical_trials, each.critical_authors) for each in found] == [(1, 0), (1, 1), (7, 6), (7, 6)]
    assert [(each.author_least, each.author_most) for each in found] == [(0, 0), (4, 4), (0, 12), (12, 12)]
    assert [each.calls_least for each in found] == [24, 28, 36, 52]
    assert {each.unbounded for each in found} == {"agent.max_tokens"}


async def test_the_end_tells_wall_time_beside_the_critical_path(tmp_path: Path) -> None:
    """By arm, with what was scheduled and what has a score."""
    log = MemoryLog(clock=CountingClock())
    run = (await evolved(log, sums(tmp_path), evolution("no_skill", "curated_with_revision_always"))).run
    found = await end_rows(log, run)
    assert [(each.arm, each.completed, each.libraries, each.endings) for each in found] == [
        ("no_skill", 1, 1, ()),
        ("curated_with_revision_always", 1, 1, ()),
    ]
    assert [(each.planned, each.scored, each.infrastructure, each.unbegun) for each in found] == [
        (6, 6, 0, 0),
        (9, 9, 0, 0),
    ]
    assert [(each.critical_trials, each.critical_authors) for each in found] == [(1, 0), (4, 3)]
    assert all(each.wall_s is not None and each.wall_s > 0 for each in found)


async def test_the_end_of_a_fork_tells_of_what_it_shares(tmp_path: Path) -> None:
    """What was scheduled stands in the run that it was forked from; only one of its libraries goes another way."""
    log, base = MemoryLog(clock=CountingClock()), sums(tmp_path)
    arms = ("no_skill", "curated_with_revision_always")
    run = (await evolved(log, base, evolution(*arms))).run
    chosen = [each async for each in log.read(Selection(run=run, tags={"freeze.chosen"}))]
    at = next(each.position for each in chosen if each.stream.name.endswith("always/E1"))
    setting = pretending(log, base)
    other = await settled(setting, evolution(*arms, change={"freeze_after": 1}))
    fork = (await fork_run(setting, Fork(run, at, other, ()))).run
    found = await end_rows(log, fork)
    assert [(each.run, each.arm, each.completed, each.planned, each.scored) for each in found] == [
        (fork, "no_skill", 1, 6, 6),
        (fork, "curated_with_revision_always", 1, 9, 9),
    ]
