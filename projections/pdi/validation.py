"""What measures of a skill are worth: each beside the measured effect of the skill on a student; pure.

The effect of a skill on an item is the mean score with it less the mean score without any, of students that are equal
in all else. A skill's effect is the mean over the items it was tried on. A measure that is worth something orders
skills as their effects do: `rank_correlation`, a task from which skills were distilled counting once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from events.digest import Fingerprint
from projections.comparison.intervals import LEAST_UNITS
from projections.comparison.rank_correlation import RankCorrelation, TaskPair, rank_correlation
from projections.comparison.rows import mean_of

Measure: TypeAlias = Literal["retrospective", "online", "divergence", "evidence"]
MEASURES: Final[tuple[Measure, ...]] = ("retrospective", "online", "divergence", "evidence")
ItemScope: TypeAlias = Literal["all", "other tasks"]
"""Which items count: all, or all but the task that the skill was distilled from."""
FEWEST_TASKS: Final = 3
_Scope: TypeAlias = tuple[ItemScope, Mapping[Fingerprint, str], int]
"""With the item that does not count, by skill, and how many effects were measured on it."""


class StoredScore(NamedTuple):
    """One score of a student."""

    skill: Fingerprint | None
    """The skill it was given. None: none."""
    item: str
    place: str
    """Names everything else that reached the model or the verifier: only scores of one place are compared."""
    solved: bool


class MeasuredSkill(msgspec.Struct, frozen=True, kw_only=True):
    """A skill, and what is known of it before it is tried. None: it has no such figure."""

    digest: Fingerprint
    task: str
    """It was distilled from."""
    retrospective: float | None
    online: float | None
    divergence: float | None
    evidence: float | None


class ItemEffect(NamedTuple):
    """What a skill did on one item."""

    skill: Fingerprint
    item: str
    difference: Fraction
    """In [-1, 1]."""
    scores: int
    """Of both sides together."""


class MeasureWorth(msgspec.Struct, frozen=True, kw_only=True):
    """How one measure relates to effects."""

    measure: Measure
    items: ItemScope
    skills: int
    """With the figure and an effect."""
    correlation: RankCorrelation
    limits: tuple[str, ...]
    """What cannot be told; empty if nothing stands in the way."""


def item_effects(scores: Iterable[StoredScore]) -> list[ItemEffect]:
    """Give the effect of each skill on each item, of places where there are scores with it and without.

    Of several places, such as several students, the mean counts.
    """
    groups: dict[tuple[str, str], dict[Fingerprint | None, list[int]]] = defaultdict(lambda: defaultdict(list))
    for each in scores:
        groups[each.item, each.place][each.skill].append(each.solved)
    found: dict[tuple[Fingerprint, str], list[tuple[Fraction, int]]] = defaultdict(list)
    for (item, _), sides in sorted(groups.items()):
        without = sides.get(None)
        for skill, with_it in sides.items():
            if skill is not None and without:
                difference = _share(with_it) - _share(without)
                found[skill, item].append((difference, len(with_it) + len(without)))
    return [
        ItemEffect(skill, item, mean_of([each for each, _ in parts]), sum(count for _, count in parts))
        for (skill, item), parts in sorted(found.items())
    ]


def _share(solved: Sequence[int]) -> Fraction:
    return Fraction(sum(solved), len(solved))


def skill_effects(effects: Iterable[ItemEffect], without: Mapping[Fingerprint, str]) -> dict[Fingerprint, Fraction]:
    """Give the mean effect of each skill over its items.

    Args:
        effects: Item by item.
        without: The item that does not count, by skill.
    """
    by_skill: dict[Fingerprint, list[Fraction]] = defaultdict(list)
    for each in effects:
        if without.get(each.skill) != each.item:
            by_skill[each.skill].append(each.difference)
    return {skill: mean_of(values) for skill, values in by_skill.items()}


def worth_of(skills: Sequence[MeasuredSkill], effects: Sequence[ItemEffect], alpha: Fraction) -> list[MeasureWorth]:
    """Relate every measure to the effects: over all items, and over those that the skill was not distilled from.

    Args:
        skills: Each once.
        effects: Of skills among them; others are left out.
        alpha: How often an interval may miss.
    """
    own = {each.digest: each.task for each in skills}
    known = [each for each in effects if each.skill in own]
    on_own = sum(own[each.skill] == each.item for each in known)
    scopes: tuple[_Scope, ...] = (("all", {}, on_own), ("other tasks", own, 0))
    rows: list[MeasureWorth] = []
    for measure in MEASURES:
        for scope, without, counted_on_own in scopes:
            pairs = _pairs(measure, skills, skill_effects(known, without))
            correlation = rank_correlation(pairs, alpha)
            rows.append(
                MeasureWorth(
                    measure=measure,
                    items=scope,
                    skills=len(pairs),
                    correlation=correlation,
                    limits=tuple(_limits(pairs, correlation, counted_on_own)),
                )
            )
    return rows


def _pairs(
    measure: Measure, skills: Sequence[MeasuredSkill], effects: Mapping[Fingerprint, Fraction]
) -> list[TaskPair]:
    return [
        TaskPair(each.task, Fraction(value), effects[each.digest])
        for each in skills
        if each.digest in effects and (value := getattr(each, measure)) is not None
    ]


def _limits(pairs: Sequence[TaskPair], correlation: RankCorrelation, on_own: int) -> Iterator[str]:
    if not pairs:
        yield "no skill has both this figure and a measured effect"
        return
    tasks = correlation.tasks
    if tasks < FEWEST_TASKS:
        yield f"tasks: {tasks}; below {FEWEST_TASKS} there is no correlation"
    elif correlation.rho is None:
        yield from _constants(pairs)
    elif tasks < LEAST_UNITS:
        yield f"tasks: {tasks}; below {LEAST_UNITS} there is no interval, and nothing is inferred"
    if len(pairs) > tasks:
        yield f"{len(pairs)} skills of {tasks} tasks: figures and effects of one task are averaged"
    if on_own:
        yield f"effects measured on the very task that the skill was distilled from: {on_own}"


def _constants(pairs: Sequence[TaskPair]) -> Iterator[str]:
    for name, place in (("figure", "first"), ("effect", "second")):
        by_task: dict[str, list[Fraction]] = defaultdict(list)
        for pair in pairs:
            by_task[pair.task].append(getattr(pair, place))
        if len({mean_of(own) for own in by_task.values()}) == 1:
            yield f"the {name} is the same for all tasks"
