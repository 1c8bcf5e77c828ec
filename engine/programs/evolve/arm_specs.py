"""Arms of a run: read from the files that stillroom brings, or from the spec, and made into a spec for each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec.inspect import StructType, Type, UnionType, type_info
from msgspec.structs import replace

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.schema import split_key
from engine.config.spec import RunSpec
from engine.programs.evolve.shipped import shipped_tables
from engine.programs.evolve.spec import AUTHOR_ROLE, SOLVER, ArmValue, EvolveArmSpec, EvolveSpec, evolve_spec

ORIGIN: Final = "the spec"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
NONE: Final = "none"
_MAY_BE_NONE: Final = frozenset({"max_revisions", "freeze_after"})
_BASES: Final = 8
"""Arms that one may rest on, one on the other."""


def shipped_arms() -> Mapping[str, Mapping[str, Any]]:
    """Give the arms that stillroom brings by name: the base of each, and what differs from it."""
    return shipped_tables("arms")


def read_arms(settings: EvolveSpec) -> Mapping[str, EvolveArmSpec]:
    """Give every arm that settings name, in that order, with all its fields.

    Raises:
        ConfigRefused: One is unknown, or cannot be made of what it says.
    """
    problems: list[ConfigProblem] = list(_misnamed(settings))
    found: dict[str, EvolveArmSpec] = {}
    for name in settings.arms if not problems else ():
        try:
            written = settings.resolved.get(name)
            fields = _fields(settings, name) if written is None else msgspec.to_builtins(written)
            fields = _changed(fields, settings.change)
            problems += _unknown(name, fields, type_info(EvolveArmSpec))
            found[name] = msgspec.convert(fields, EvolveArmSpec) if not problems else EvolveArmSpec()
        except msgspec.ValidationError as error:
            problems.append(arm_problem(name, f"the arm {name} cannot be read: {error}", "see docs/evolve.md"))
        except ConfigRefused as error:
            problems += error.complaints
    if problems:
        raise ConfigRefused(problems)
    return found


def arm_specs(spec: RunSpec) -> Mapping[str, RunSpec]:
    """Give the spec of each arm by its name: the solver speaks as the teacher, and the settings are those of the arm.

    Raises:
        ConfigRefused: An arm is unknown, or cannot be made of what it says.
    """
    settings = evolve_spec(spec)
    models = dict(spec.models)
    if SOLVER in models:
        models["teacher"] = models.pop(SOLVER)
    if settings.author == SOLVER and "teacher" in models:
        models[AUTHOR_ROLE] = models["teacher"]
    return {
        name: replace(
            spec,
            models=models,
            method=replace(spec.method, attempts=settings.attempts, solved_at=arm.success),
            own=_resolved(spec, {name: arm}) | {"arms": [name]},
        )
        for name, arm in read_arms(settings).items()
    }


def settled_arms(spec: RunSpec) -> RunSpec:
    """Write every arm out in a spec, so that it stays what it is whatever files of arms say later.

    Raises:
        ConfigRefused: As `read_arms`.
    """
    return replace(spec, own=_resolved(spec, read_arms(evolve_spec(spec))))


def _resolved(spec: RunSpec, arms: Mapping[str, EvolveArmSpec]) -> dict[str, Any]:
    kept = {key: value for key, value in spec.own.items() if key not in {"custom", "change"}}
    return {**kept, "resolved": {name: msgspec.to_builtins(arm) for name, arm in arms.items()}}


def arm_problem(name: str, problem: str, remedy: str, field: str = "") -> ConfigProblem:
    """Complain about an arm."""
    key = ".".join(filter(None, ("evolve.custom", name, field)))
    return ConfigProblem(ORIGIN, key, problem, remedy)


def _misnamed(settings: EvolveSpec) -> Iterator[ConfigProblem]:
    if not settings.arms:
        remedy = f'name some, such as evolve.arms = ["no_skill"]; there are: {", ".join(shipped_arms())}'
        yield ConfigProblem(ORIGIN, "evolve.arms", "no arm is named", remedy)
    for name in sorted({*settings.arms, *settings.custom}):
        if not _NAME.fullmatch(name):
            remedy = "write lower-case letters, digits, underscores and hyphens"
            yield arm_problem(name, f"{name!r} cannot be the name of an arm: it stands in names of streams", remedy)
    for name in sorted(settings.custom.keys() & shipped_arms().keys()):
        yield arm_problem(
            name, f"{name} is an arm that stillroom brings", "give yours another name, and this as its base"
        )
    unknown = sorted(settings.resolved.keys() - set(settings.arms))
    if unknown:
        problem = f"the run has no arm {', '.join(unknown)}"
        yield ConfigProblem(ORIGIN, "evolve.resolved", problem, f"it has {', '.join(settings.arms)}")
    twice = sorted({name for name in settings.arms if settings.arms.count(name) > 1})
    if twice:
        remedy = "name it once, and set evolve.repeats"
        yield ConfigProblem(ORIGIN, "evolve.arms", f"these arms are named twice: {', '.join(twice)}", remedy)


def _unknown(name: str, tree: Mapping[str, Any], kind: Type, above: str = "") -> Iterator[ConfigProblem]:
    """Complain about keys that no arm has, and guess which were meant.

    Args:
        name: Of the arm.
        tree: Its fields, as they are written.
        kind: What they are read as.
        above: Key of the table, with a dot behind it. Empty: the arm itself.
    """
    kinds = kind.types if isinstance(kind, UnionType) else (kind,)
    known = {field.name: field.type for each in kinds if isinstance(each, StructType) for field in each.fields}
    for key, value in tree.items() if known else ():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            remedy = f"did you mean {above}{near[0]}?" if near else f"there are: {', '.join(map(above.__add__, known))}"
            yield arm_problem(name, f"the arm {name} has the unknown key {above}{key}", remedy)
        elif isinstance(value, Mapping):
            yield from _unknown(name, value, known[key], f"{above}{key}.")


def _fields(settings: EvolveSpec, name: str, above: Sequence[str] = ()) -> dict[str, Any]:
    """Put an arm together from its bases.

    Raises:
        ConfigRefused: It is unknown, or rests on itself.
    """
    if name in above or len(above) > _BASES:
        problem = f"the arm {name} rests on itself: {' → '.join((*above, name))}"
        raise ConfigRefused([arm_problem(name, problem, "name another base", "base")])
    if name in settings.custom:
        arm = settings.custom[name]
        return _changed(_fields(settings, arm.base, (*above, name)) if arm.base else {}, arm.set)
    table = shipped_arms().get(name)
    if table is None:
        names = sorted({*settings.custom, *shipped_arms()})
        near = get_close_matches(name, names, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
        raise ConfigRefused([ConfigProblem(ORIGIN, "evolve.arms", f"there is no arm {name!r}", remedy)])
    own = dict(table)
    base = own.pop("base", "")
    return _over(_fields(settings, base, (*above, name)), own) if base else own


def _changed(tree: Mapping[str, Any], changes: Mapping[str, ArmValue]) -> dict[str, Any]:
    """Change fields by their keys, such as ``retrieval.k``."""
    found = dict(tree)
    for key, value in changes.items():
        change: Any = None if value == NONE and key in _MAY_BE_NONE else value
        for part in reversed(split_key(key)):
            change = {part: change}
        found = _over(found, change)
    return found


def _over(tree: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay fields over others, table by table."""
    found = dict(tree)
    for key, value in changes.items():
        before = found.get(key)
        found[key] = _over(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return found
