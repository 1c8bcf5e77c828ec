"""Arms: the spec of a run with some settings changed, each a spec of its own."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from engine.config.amend import amended
from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.resolve import model_settings
from engine.config.schema import split_key
from engine.config.spec import RunSpec
from engine.config.tree import ConfigValue, settings_of
from engine.programs.evaluate.grid import ORIGIN, SETTABLE, expanded
from engine.programs.evaluate.sets import wrong_sets
from engine.programs.evaluate.skill_sources import source_problems
from engine.programs.evaluate.spec import ArmSpec, EvaluateSpec

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def own(spec: RunSpec) -> EvaluateSpec:
    """Give the program's settings of a spec, the arms of its grid written out.

    Raises:
        ConfigRefused: There is a grid, and it cannot be one.
    """
    return expanded(written(spec))


def written(spec: RunSpec) -> EvaluateSpec:
    """Give the program's settings of a spec as they are written."""
    return msgspec.convert(spec.own, EvaluateSpec)


def arm_specs(spec: RunSpec) -> Mapping[str, RunSpec]:
    """Give the spec of each arm by its name, sorted.

    Raises:
        ConfigRefused: An arm is named wrongly, repeats one that is none, or sets what cannot differ between arms.
    """
    settings = own(spec)
    problems = list(_misnamed(settings))
    specs: dict[str, RunSpec] = {}
    for name in sorted(settings.arms):
        try:
            specs[name] = _arm_spec(spec, name, condition_of(settings, name))
        except ConfigRefused as error:
            problems += error.complaints
    if problems:
        # Arms of a grid share what is wrong with a value.
        raise ConfigRefused(list(dict.fromkeys(problems)))
    return specs


def baseline_of(settings: EvaluateSpec, name: str) -> str | None:
    """Name the arm that an arm is compared with. None: with none."""
    baseline = settings.arms[name].baseline or settings.baseline
    return None if baseline == name else baseline


def condition_of(settings: EvaluateSpec, name: str) -> ArmSpec:
    """Give the arm whose condition an arm has: its own, or that of the arm that it repeats."""
    arm = settings.arms[name]
    return settings.arms.get(arm.again, arm)


def series_of(settings: EvaluateSpec, name: str) -> int:
    """Give an arm's place among those that repeat one condition: 0 for the arm itself, then 1, 2, … by name.

    Fresh repeats of one condition are told apart by it: none is found where another was stored.
    """
    arm = settings.arms[name]
    if not arm.again:
        return 0
    return 1 + sorted(other for other, each in settings.arms.items() if each.again == arm.again).index(name)


def family_of_item(pattern: str, item: str) -> str:
    """Name the family of an item; an item in which the pattern finds nothing is one of its own."""
    found = re.search(pattern, item) if pattern else None
    return (found and found[1]) or item


def _misnamed(settings: EvaluateSpec) -> Iterator[ConfigProblem]:
    names = sorted(settings.arms)
    for name in names:
        if not _NAME.fullmatch(name):
            problem = f"{name!r} cannot be the name of an arm: it stands in names of streams"
            yield _problem(f"arms.{name}", problem, "name it with letters, digits, points, underscores and hyphens")
        arm = settings.arms[name]
        yield from _repeats_wrongly(settings, name, arm)
        if arm.baseline and arm.baseline not in settings.arms:
            problem = f"the baseline {arm.baseline!r} is none of the arms"
            yield _problem(f"arms.{name}.baseline", problem, _near(arm.baseline, names))
        yield from source_problems(name, settings)
        yield from _unread(f"arms.{name}.applies", arm.applies, groups=False)
    yield from _unread("family", settings.family)
    yield from _out_of_range(settings)
    yield from _alike(settings)
    yield from wrong_sets(settings)
    if settings.baseline not in settings.arms:
        remedy = _near(settings.baseline, names) if names else "add [evaluate.arms.NAME] tables, or use --skill FOLDER"
        yield _problem("baseline", f"the baseline {settings.baseline!r} is none of the arms", remedy)
    elif baseline_of(settings, settings.baseline):
        problem = f"arm {settings.baseline} is the baseline of the evaluation and is compared with none"
        yield _problem(f"arms.{settings.baseline}.baseline", problem, "leave it out, or set evaluate.baseline")
    elif not any(baseline_of(settings, name) for name in names):
        yield _problem("arms", "there is nothing to compare the baseline with", "add an arm: [evaluate.arms.NAME]")


def _out_of_range(settings: EvaluateSpec) -> Iterator[ConfigProblem]:
    for key, value, fits, words in (
        ("alpha", settings.alpha, 0 < settings.alpha < 1, "above 0 and below 1, such as 0.05"),
        ("floor", settings.floor, 0 <= settings.floor <= 1, "from 0 to 1, such as 0.8"),
        ("verifier_repeats", settings.verifier_repeats, settings.verifier_repeats >= 1, "of 1 or more"),
        ("effect", settings.effect, 0 < settings.effect <= 1, "above 0, at most 1, such as 0.1"),
    ):
        if not fits:
            yield _problem(key, f"evaluate.{key} is {value}", f"write a number {words}")


def _alike(settings: EvaluateSpec) -> Iterator[ConfigProblem]:
    """Complain about arms that say the same: the second would find what the first stored, and differ in nothing."""
    seen: dict[bytes, str] = {}
    for name, arm in sorted(settings.arms.items()):
        if arm.placebo and not arm.skills:
            problem = f"arm {name} is a placebo of no skill"
            yield _problem(f"arms.{name}.placebo", problem, "name the skills that it stands in for: skills")
        condition = msgspec.structs.replace(arm, baseline="", applies="")
        before = seen.setdefault(msgspec.json.encode(condition, order="sorted"), name)
        if before != name and not arm.again:
            problem = f"the arms {before} and {name} are the same"
            yield _problem(f"arms.{name}", problem, f'write again = "{before}" to measure it with fresh runs')


def _unread(key: str, pattern: str, *, groups: bool = True) -> Iterator[ConfigProblem]:
    """Complain about a pattern that cannot be used; that of families has one group."""
    remedy = 'write a regular expression with one group, such as "^([a-z]+)-"' if groups else "such as ^sort-"
    try:
        if pattern and re.compile(pattern).groups != 1 and groups:
            yield _problem(key, f"{pattern!r} has not exactly one group", remedy)
    except re.error as error:
        yield _problem(key, f"{pattern!r} is no regular expression: {error}", remedy)


def _repeats_wrongly(settings: EvaluateSpec, name: str, arm: ArmSpec) -> Iterator[ConfigProblem]:
    if not arm.again:
        return
    key = f"arms.{name}.again"
    if arm != ArmSpec(again=arm.again, baseline=arm.baseline):
        yield _problem(key, f"arm {name} repeats {arm.again} and changes settings", "leave the other keys out")
    if arm.again not in settings.arms or settings.arms[arm.again].again:
        remedy = _near(arm.again, [each for each in sorted(settings.arms) if not settings.arms[each].again])
        yield _problem(key, f"{arm.again!r} is not an arm with a condition of its own", remedy)


def _near(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"name one of: {', '.join(names) or 'none so far'}"


def _problem(key: str, problem: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(ORIGIN, f"evaluate.{key}", problem, remedy)


def _arm_spec(spec: RunSpec, name: str, arm: ArmSpec) -> RunSpec:
    origin = f"evaluate.arms.{name}"
    settings = list(model_settings(arm.model)) if arm.model else []
    if arm.agent:
        settings.append(ConfigValue(("agent", "name"), arm.agent, origin))
    if arm.skills is not None:
        settings.append(ConfigValue(("agent", "skills"), arm.skills, origin))
    return amended(spec, [*settings, *_set(name, arm)]).spec


def _set(name: str, arm: ArmSpec) -> Iterator[ConfigValue]:
    """Read an arm's further settings.

    Raises:
        ConfigRefused: One is unknown, has a value of another kind, or cannot differ between arms.
    """
    problems: list[ConfigProblem] = []
    found: list[ConfigValue] = []
    for key, value in arm.set.items():
        path = split_key(key)
        if path[0] not in SETTABLE or len(path) == 1:
            remedy = f"set keys below {', '.join(SETTABLE)}"
            problems.append(_problem(f"arms.{name}.set", f"{key} cannot differ between arms", remedy))
            continue
        tree: Any = value
        for part in reversed(path):
            tree = {part: tree}
        for each in settings_of(tree, f"evaluate.arms.{name}.set"):
            (found if isinstance(each, ConfigValue) else problems).append(each)  # type: ignore[arg-type]
    if problems:
        raise ConfigRefused(problems)
    yield from found
