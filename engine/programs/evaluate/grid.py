"""Grids: arms for each combination of the values of some axes, compared where all else is equal; pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.schema import split_key
from engine.config.spec import SCRIPT
from engine.config.tree import kind_of, unknown
from engine.programs.evaluate.spec import ArmSpec, EvaluateSpec, Scalar

ORIGIN: Final = "the spec"
SETTABLE: Final = ("agent", "method", "models")
"""Tables whose keys may differ between arms."""
MOST_ARMS: Final = 1000
"""Arms that one grid may have: more are a slip."""
ARMS: Final = "arms"
"""Names the axis of arms that are written out."""
SKILLS: Final = "skills"
_BESIDE: Final = frozenset({"again", "applies", "baseline", "beside", "set"})
"""Keys of an arm that speak of other arms or of several settings, so none is an axis."""
_AXES: Final = tuple(sorted(frozenset(ArmSpec.__struct_fields__) - _BESIDE))
"""Keys of an arm that may be an axis."""
_NAMED_BY_VALUE: Final = frozenset({"agent", "model", SKILLS})
"""Axes whose values say enough alone; those of others follow the last part of their key."""
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9.-]+")
_Values: TypeAlias = Mapping[str, "_Level"]


class GridPlace(NamedTuple):
    """Where an arm stands in a transfer matrix."""

    row: str
    """What is compared, such as a skill."""
    column: str
    """All else, such as the model and the agent: whom the row is given. Empty: nothing else differs."""


class _Level(NamedTuple):
    """One value of an axis."""

    label: str
    value: Scalar


class _Grid(NamedTuple):
    """The axes of a grid, read."""

    settings: EvaluateSpec
    axes: Mapping[str, tuple[_Level, ...]]
    """By key: the one along which is compared first, then by name."""
    contrast: str
    baseline: str
    """Label of the level that the others are compared with."""


def expanded(settings: EvaluateSpec) -> EvaluateSpec:
    """Give the settings with the arms that a grid stands for written out; without a grid, as they are.

    Raises:
        ConfigRefused: An axis cannot be one, or nothing says along which arms are compared.
    """
    if not settings.grid:
        return settings
    grid = _read(settings)
    arms, problems = dict[str, ArmSpec](), list[ConfigProblem]()
    for values in _combinations(grid):
        try:
            arms[_name(grid, values)] = _arm(grid, values)
        except ConfigRefused as error:
            problems += error.complaints
    if problems:
        raise ConfigRefused(list(dict.fromkeys(problems)))
    first = next(_combinations(grid))
    return msgspec.structs.replace(settings, arms=arms, baseline=_baseline(grid, first), grid={}, contrast="")


def grid_places(settings: EvaluateSpec) -> Mapping[str, GridPlace]:
    """Say where each arm stands in a transfer matrix.

    Without a grid, arms that are compared with one baseline are a column, which has the name of that.

    Args:
        settings: As they are written.

    Raises:
        ConfigRefused: As in `expanded`.
    """
    if not settings.grid:
        several = any(arm.baseline for arm in settings.arms.values())
        return {
            name: GridPlace(name, (arm.baseline or settings.baseline) if several else "")
            for name, arm in settings.arms.items()
        }
    grid = _read(settings)
    return {_name(grid, values): _place(grid, values) for values in _combinations(grid)}


def _place(grid: _Grid, values: _Values) -> GridPlace:
    others = [values[key].label for key in grid.axes if key != grid.contrast and len(grid.axes[key]) > 1]
    return GridPlace(values[grid.contrast].label, " ".join(others))


def _combinations(grid: _Grid) -> Iterator[_Values]:
    for levels in product(*grid.axes.values()):
        yield dict(zip(grid.axes, levels, strict=True))


def _name(grid: _Grid, values: _Values) -> str:
    return "_".join(values[key].label for key in grid.axes)


def _at(grid: _Grid, values: _Values, label: str) -> str:
    """Name the arm that has another level of the axis along which is compared, and everything else alike."""
    found = next(each for each in grid.axes[grid.contrast] if each.label == label)
    return _name(grid, {**values, grid.contrast: found})


def _baseline(grid: _Grid, values: _Values) -> str:
    """Name what an arm is compared with: itself, if with none."""
    written = grid.settings.arms.get(values[ARMS].label) if grid.contrast == ARMS else None
    return _at(grid, values, (written and written.baseline) or grid.baseline)


def _arm(grid: _Grid, values: _Values) -> ArmSpec:
    """Make an arm from the one that is written, if one is, and the values of the axes.

    Raises:
        ConfigRefused: They contradict each other, or a value is of the wrong kind.
    """
    written = grid.settings.arms[values[ARMS].label] if ARMS in values else ArmSpec()
    baseline = _baseline(grid, values)
    if written.again:
        again = next((each for each in grid.axes[ARMS] if each.label == written.again), values[ARMS])
        return msgspec.structs.replace(written, again=_name(grid, {**values, ARMS: again}), baseline=baseline)
    tree: dict[str, Any] = {**msgspec.to_builtins(written), "set": dict(written.set), "baseline": baseline}
    for key, level in values.items():
        if key == ARMS:
            continue
        if key in written.set or getattr(written, key, None) != getattr(ArmSpec(), key, None):
            problem = f"arm {values[ARMS].label} sets {key}, and so does the grid"
            raise ConfigRefused([_problem(f"arms.{values[ARMS].label}", problem, "set it in one place")])
        if key in _AXES:
            tree[key] = level.value
        else:
            tree["set"][key] = level.value
    try:
        return msgspec.convert(tree, ArmSpec)
    except msgspec.ValidationError as error:
        raise ConfigRefused([_problem("grid", f"a value does not fit: {error}", "see docs/config.md")]) from error


def _read(settings: EvaluateSpec) -> _Grid:
    """Read the axes of a grid.

    Raises:
        ConfigRefused: With all that is wrong with them.
    """
    problems = [each for key, values in settings.grid.items() for each in _unfit(key, values)]
    if problems:
        raise ConfigRefused(problems)
    axes = {key: _levels(key, values) for key, values in settings.grid.items()}
    if settings.arms:
        axes[ARMS] = tuple(_Level(name, name) for name in sorted(settings.arms))
    problems = [each for key, levels in axes.items() for each in _alike(key, levels)]
    problems += _too_many(axes)
    contrast = settings.contrast or (ARMS if settings.arms else SKILLS if SKILLS in axes else "")
    contrast = contrast or (next(iter(axes)) if len(axes) == 1 else "")
    problems += _without_contrast(settings, axes, contrast)
    if problems:
        raise ConfigRefused(problems)
    ordered = {key: axes[key] for key in sorted(axes, key=lambda key: (key != contrast, key))}
    return _Grid(settings, ordered, contrast, _base_level(settings, axes[contrast]) or "")


def _base_level(settings: EvaluateSpec, levels: Sequence[_Level]) -> str | None:
    """Name the level that is the baseline: the one that is named, or where nobody names one, the first.

    None: what is named is none of them.
    """
    labels = [each.label for each in levels]
    if settings.baseline in labels:
        return settings.baseline
    return labels[0] if settings.baseline == EvaluateSpec().baseline and not settings.arms else None


def _unfit(key: str, values: tuple[Scalar, ...]) -> Iterator[ConfigProblem]:
    path = split_key(key)
    if not values:
        yield _problem(f"grid.{key}", f"the axis {key} has no values", "list one or more")
    if key in _AXES:
        return
    if path[0] not in SETTABLE or len(path) == 1:
        remedy = f"name one of {', '.join(_AXES)}, or a key below {', '.join(SETTABLE)}"
        yield _problem(f"grid.{key}", f"{key} cannot be an axis", remedy)
    elif kind_of(path) is None:
        yield unknown(path, f"{ORIGIN}, evaluate.grid")


def _levels(key: str, values: tuple[Scalar, ...]) -> tuple[_Level, ...]:
    """Label the values of an axis: by their last part, and by as many before it as tell two of a name apart."""
    labels = [_label(key, value, 1) for value in values]
    for parts in range(2, 1 + max((str(value).count("/") + 1 for value in values), default=1)):
        twice = {each for each in labels if labels.count(each) > 1}
        labels = [_label(key, value, parts) if one in twice else one for one, value in zip(labels, values, strict=True)]
    return tuple(_Level(label, value) for label, value in zip(labels, values, strict=True))


def _label(key: str, value: Scalar, last: int) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if key == SKILLS and not text:
        return "none"
    parts = [part for part in text.removeprefix(SCRIPT).split("/") if part]
    text = _ILLEGAL.sub("-", "-".join(parts[-last:])).strip("-.")
    return text if key in _NAMED_BY_VALUE else f"{_ILLEGAL.sub('-', split_key(key)[-1])}-{text or 'none'}"


def _alike(key: str, levels: Sequence[_Level]) -> Iterator[ConfigProblem]:
    labels = [each.label for each in levels]
    for label in sorted({each for each in labels if labels.count(each) > 1 or not each}):
        values = ", ".join(repr(each.value) for each in levels if each.label == label)
        problem = f"the values {values} of the axis {key} would have one name" if label else f"{values} gives no name"
        yield _problem(f"grid.{key}", problem, "leave out the repetition, or write arms for them: [evaluate.arms.NAME]")


def _too_many(axes: Mapping[str, tuple[_Level, ...]]) -> Iterator[ConfigProblem]:
    count = prod(map(len, axes.values()))
    if count > MOST_ARMS:
        yield _problem("grid", f"the grid has {count} arms; {MOST_ARMS} at most", "leave out values or axes")


def _without_contrast(
    settings: EvaluateSpec, axes: Mapping[str, tuple[_Level, ...]], contrast: str
) -> Iterator[ConfigProblem]:
    names = sorted(axes)
    if contrast not in axes:
        problem = f"{contrast!r} is no axis of the grid" if contrast else "nothing says along which axis is compared"
        near = get_close_matches(contrast, names, n=1)
        yield _problem("contrast", problem, f"did you mean {near[0]}?" if near else f"name one of {', '.join(names)}")
        return
    labels = [each.label for each in axes[contrast]]
    if _base_level(settings, axes[contrast]) is None:
        near = get_close_matches(settings.baseline, labels, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"name one of {', '.join(labels)}"
        yield _problem("baseline", f"the baseline {settings.baseline!r} is no value of the axis {contrast}", remedy)
    for name, arm in sorted(settings.arms.items()):
        if arm.baseline and contrast != ARMS:
            problem = f"arm {name} names a baseline, and the grid compares along {contrast}"
            yield _problem(f"arms.{name}.baseline", problem, "leave one of them out")
        elif arm.baseline and arm.baseline not in labels:
            problem = f"the baseline {arm.baseline!r} is none of the arms"
            yield _problem(f"arms.{name}.baseline", problem, f"name one of {', '.join(labels)}")


def _problem(key: str, problem: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(ORIGIN, f"evaluate.{key}", problem, remedy)
