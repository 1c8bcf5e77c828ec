"""What a measure is worth: found where effects follow it, and not told where the data cannot say."""

from fractions import Fraction
from itertools import count

import pytest

from events.digest import Fingerprint
from projections.pdi.validation import (
    ItemEffect,
    MeasuredSkill,
    MeasureWorth,
    StoredScore,
    item_effects,
    skill_effects,
    worth_of,
)

ALPHA = Fraction(1, 20)


def digest(number: int) -> Fingerprint:
    """Name a made-up skill."""
    return Fingerprint(f"{number:064x}")


def skill(number: int, retrospective: float | None = None, *, task: str = "") -> MeasuredSkill:
    """Make one of a task of its own, unless one is named."""
    return MeasuredSkill(
        digest=digest(number),
        task=task or f"task{number}",
        retrospective=retrospective,
        online=-0.5,
        divergence=None,
        evidence=None,
    )


def effect(number: int, tenths: int, item: str = "item") -> ItemEffect:
    """Make the effect of one."""
    return ItemEffect(digest(number), item, Fraction(tenths, 10), 4)


def retrospective(skills: list[MeasuredSkill], effects: list[ItemEffect]) -> tuple[MeasureWorth, MeasureWorth]:
    """Give what the retrospective PDI is worth: over all items, and over other tasks' items."""
    found = worth_of(skills, effects, ALPHA)
    assert [(each.measure, each.items) for each in found][:2] == [
        ("retrospective", "all"),
        ("retrospective", "other tasks"),
    ]
    return found[0], found[1]


def test_a_measure_that_orders_skills_as_their_effects_do_is_found() -> None:
    """Twelve tasks: the correlation and its interval; a reversed one is as strong, and below 0."""
    skills = [skill(number, float(number**3)) for number in range(12)]
    up, _ = retrospective(skills, [effect(number, number - 5) for number in range(12)])
    assert (up.correlation.rho, up.skills, up.limits) == (1.0, 12, ())
    assert up.correlation.interval is not None
    assert up.correlation.interval.low > 0.8
    down, _ = retrospective(skills, [effect(number, 5 - number) for number in range(12)])
    assert down.correlation.rho == -1.0


NO_CORRELATION = "below 3 there is no correlation"
NO_INTERVAL = "below 10 there is no interval, and nothing is inferred"


@pytest.mark.parametrize(("tasks", "lacking"), [(2, NO_CORRELATION), (3, NO_INTERVAL), (9, NO_INTERVAL), (10, None)])
def test_too_few_tasks_infer_nothing(tasks: int, lacking: str | None) -> None:
    """Below three there is no correlation, below ten no interval, and the row says so."""
    found, _ = retrospective(
        [skill(number, float(number)) for number in range(tasks)], [effect(number, number) for number in range(tasks)]
    )
    assert found.limits == (() if lacking is None else (f"tasks: {tasks}; {lacking}",))
    assert (found.correlation.rho is None) == (lacking == NO_CORRELATION)
    assert (found.correlation.interval is None) == (lacking is not None)


def test_what_is_the_same_for_all_has_no_correlation() -> None:
    """Neither 0 nor 1: the row names which of both it is."""
    skills = [skill(number, float(number)) for number in range(12)]
    flat, _ = retrospective(skills, [effect(number, 3) for number in range(12)])
    assert (flat.correlation.rho, flat.limits) == (None, ("the effect is the same for all tasks",))
    online = worth_of(skills, [effect(number, number) for number in range(12)], ALPHA)[2]
    assert (online.measure, online.correlation.rho) == ("online", None)
    assert online.limits == ("the figure is the same for all tasks",)


def test_the_task_that_a_skill_is_from_is_counted_apart() -> None:
    """On its own task each skill is perfect, and elsewhere the order is another: only the second row tells."""
    skills = [skill(number, float(number)) for number in range(12)]
    own = [effect(number, number, f"task{number}") for number in range(12)]
    elsewhere = [effect(number, -2 * number, "other") for number in range(12)]
    everywhere, others = retrospective(skills, own + elsewhere)
    assert everywhere.limits == ("effects measured on the very task that the skill was distilled from: 12",)
    assert (everywhere.correlation.rho, others.correlation.rho, others.limits) == (-1.0, -1.0, ())
    only, none = retrospective(skills, own)
    assert (only.correlation.rho, only.skills) == (1.0, 12)
    assert (none.skills, none.limits) == (0, ("no skill has both this figure and a measured effect",))


def test_skills_of_one_task_are_averaged() -> None:
    """Several sizes of evidence from one task are no independent tasks."""
    skills = [skill(number, float(number), task=f"t{number % 3}") for number in range(6)]
    found, _ = retrospective(skills, [effect(number, number % 3) for number in range(6)])
    assert (found.skills, found.correlation.tasks, found.correlation.rho) == (6, 3, 1.0)
    assert "6 skills of 3 tasks: figures and effects of one task are averaged" in found.limits


def test_an_effect_is_a_difference_within_one_place() -> None:
    """Scores of another student, or of another state of the item, are beside nothing here."""
    ticks = count()
    scores = [
        *(StoredScore(digest(1), "a", "small", solved=next(ticks) != 0) for _ in range(4)),
        *(StoredScore(None, "a", "small", solved=False) for _ in range(2)),
        *(StoredScore(None, "a", "large", solved=True) for _ in range(2)),
        StoredScore(digest(2), "a", "large", solved=False),
        StoredScore(digest(3), "b", "small", solved=True),
    ]
    assert item_effects(scores) == [
        ItemEffect(digest(1), "a", Fraction(3, 4), 6),
        ItemEffect(digest(2), "a", Fraction(-1), 3),
    ]
    both = [*scores, StoredScore(digest(1), "a", "large", solved=True)]
    assert item_effects(both)[0] == ItemEffect(digest(1), "a", Fraction(3, 8), 9)


def test_the_effect_of_a_skill_is_the_mean_over_its_items() -> None:
    """An item counts once, however often it was repeated; the item that does not count is left out."""
    effects = [effect(1, 10, "a"), effect(1, 0, "b"), effect(1, -4, "c")]
    assert skill_effects(effects, {}) == {digest(1): Fraction(1, 5)}
    assert skill_effects(effects, {digest(1): "c"}) == {digest(1): Fraction(1, 2)}
    assert skill_effects([effect(1, 10, "a")], {digest(1): "a"}) == {}
