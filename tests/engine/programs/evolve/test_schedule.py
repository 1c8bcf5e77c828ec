"""The schedule: as many trials as SkillEvolBench makes, and no longer a wait than what is learnt asks for."""

import msgspec
import pytest

from engine.programs.evolve.arm_specs import read_arms, shipped_arms
from engine.programs.evolve.schedule import (
    CriticalPath,
    LibraryPlan,
    critical_path,
    longest,
    order_of,
    planned_library,
    schedule,
)
from engine.programs.evolve.spec import EvolveArmSpec, EvolveSpec
from tests.support.evolving import grid

REPLAYED = {"no_skill": 180, "curated_static": 180, "selfgen_zero_shot": 180, "selfgen_in_session_always": 180}
"""Arms of SkillEvolBench without replay; all others have one."""
SHADOWED = {"curated_with_revision_always_dual_t6", "selfgen_experience_always_dual_t6"}


def planned(name: str, **own: object) -> tuple[EvolveArmSpec, tuple[LibraryPlan, ...]]:
    """Schedule one arm over six environments of five families."""
    settings = msgspec.convert({"arms": (name,), **own}, EvolveSpec)
    arms = read_arms(settings)
    return arms[name], schedule(grid(), settings, arms)


@pytest.mark.parametrize("name", sorted(shipped_arms()))
def test_every_arm_has_as_many_trials_as_skillevolbench_makes(name: str) -> None:
    """180 without replays, 270 with those of learning tasks, and 30 more where compositions have a shadow."""
    _, libraries = planned(name)
    expected = REPLAYED.get(name, 270) + (30 if name in SHADOWED else 0)
    assert sum(each.trials for each in libraries) == expected
    assert sum(len(each.learning) for each in libraries) == 90
    assert sum(each.of_pass("primary") for each in libraries) == 90
    assert sum(each.of_pass("oracle") for each in libraries) == (30 if name in SHADOWED else 0)


def test_replays_of_held_out_tasks_make_it_360() -> None:
    """As with `replay_eval` of SkillEvolBench."""
    _, libraries = planned("curated_with_revision_always", change={"replay_evaluation": True})
    assert sum(each.trials for each in libraries) == 360
    assert sum(each.of_pass("replay") for each in libraries) == 180


@pytest.mark.parametrize(
    ("name", "path", "libraries"),
    [
        ("no_skill", (1, 0), 6),
        ("curated_static", (1, 0), 6),
        ("selfgen_zero_shot", (1, 1), 6),
        ("raw_trajectory_rag", (4, 0), 30),
        ("history_context", (16, 0), 6),
        ("selfgen_experience", (16, 15), 6),
        ("curated_with_revision_always", (16, 15), 6),
        ("curated_with_revision_always_global_scope", (91, 90), 1),
    ],
)
def test_only_what_is_learnt_from_waits(name: str, path: tuple[int, int], libraries: int) -> None:
    """Fifteen trials of an environment one after the other, then all that is measured at once."""
    arm, plans = planned(name)
    assert len(plans) == libraries
    assert {critical_path(each, arm) for each in plans} == {CriticalPath(*path)}
    assert longest([planned_library(each, arm) for each in plans]) == CriticalPath(*path)


@pytest.mark.parametrize(("after", "path"), [(0, (1, 0)), (4, (5, 4)), (15, (16, 15)), (99, (16, 15))])
def test_a_library_that_is_frozen_early_waits_for_less(after: int, path: tuple[int, int]) -> None:
    """Learning trials behind the freeze are made with all that is measured."""
    arm, plans = planned("curated_with_revision_always", change={"freeze_after": after})
    assert {critical_path(each, arm) for each in plans} == {CriticalPath(*path)}
    assert sum(each.trials for each in plans) == 270


def test_a_path_has_no_trial_more_than_there_are() -> None:
    """Where nothing is measured, nothing comes behind the last trial that is learnt from."""
    arm, (plan, *_) = planned("curated_with_revision_always")
    assert critical_path(plan._replace(measured=()), arm) == CriticalPath(15, 15)
    static, (bare, *_) = planned("curated_static")
    assert critical_path(bare._replace(measured=(), learning=()), static) == CriticalPath(0, 0)


def test_orders_are_those_of_skillevolbench() -> None:
    """A, B and C; a list of one's own; environments that an order does not name come behind it."""
    names = ("E1", "E2", "E3", "E4", "E5", "E6")
    assert order_of(EvolveSpec(), names) == names
    assert order_of(EvolveSpec(order="B"), names) == ("E3", "E5", "E1", "E6", "E2", "E4")
    assert order_of(EvolveSpec(order="C"), names) == ("E6", "E4", "E2", "E5", "E3", "E1")
    assert order_of(EvolveSpec(order=("E2", "E1")), ("E1", "E2", "E7")) == ("E2", "E1", "E7")
    _, (library,) = planned("curated_with_revision_always_global_scope", order="B")
    learnt = list(dict.fromkeys(each.environment for each in library.learning))
    assert learnt == ["E3", "E5", "E1", "E6", "E2", "E4"]
    assert [each.id for each in library.learning[:4]] == ["E3-LS1-T1", "E3-LS1-T2", "E3-LS1-T3", "E3-LS2-T1"]


def test_a_part_of_the_suite_leaves_whole_families_out() -> None:
    """By environment, or by family; repeats are courses of their own."""
    _, libraries = planned("no_skill", environments=("E2",), repeats=2)
    assert [(each.course, each.scope, each.trials) for each in libraries] == [
        ("no_skill", "E2", 30),
        ("no_skill.r2", "E2", 30),
    ]
    _, some = planned("raw_trajectory_rag", families=("E1-LS2", "E6-LS5"))
    assert [each.scope for each in some] == ["E1-LS2", "E6-LS5"]
