"""What is refused of an evolution's settings before anything starts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.spec import RunSpec
from engine.config.values import MOST_REPEATS
from engine.policies.gates.registry import gate_settings
from engine.programs.evolve.arm_specs import ORIGIN, arm_problem, arm_specs, read_arms
from engine.programs.evolve.author.session import why_not_resumable
from engine.programs.evolve.schedule import ORDERS, part_of
from engine.programs.evolve.spec import (
    AUTHOR_ROLE,
    CHOOSER,
    EMBEDDER,
    EvolveArmSpec,
    EvolveSpec,
    arm_of_spec,
    evolve_spec,
)
from events.types.suite import Suite


def refuse_wrong(spec: RunSpec) -> None:
    """See that settings can be gone by.

    Args:
        spec: Of the run.

    Raises:
        ConfigRefused: With all that is wrong with them.
        GateSettingsRefused, NameUnknown: A gate is unknown, or takes no such settings.
    """
    settings = evolve_spec(spec)
    arms = {name: arm_of_spec(each) for name, each in arm_specs(spec).items()}
    problems = list(_of_run(settings))
    for name, arm in arms.items():
        problems += _of_arm(name, arm)
        problems += _without_models(arm_specs(spec)[name], name, arm)
        problems += _without_session(spec, name, arm)
    if problems:
        raise ConfigRefused(problems)
    for arm in arms.values():
        if arm.gate.name:
            gate_settings(arm.gate.name, arm.gate.settings)


def refuse_other_suite(spec: RunSpec, suite: Suite, tasks: Iterable[str]) -> None:
    """See that the settings are about this suite, and that every task of it is there.

    Args:
        spec: Of the run.
        suite: As it was read.
        tasks: Names of the run's tasks.

    Raises:
        ConfigRefused: With all that is wrong.
    """
    settings = evolve_spec(spec)
    environments = [each.id for each in suite.environments]
    families = [each.id for each in suite.families]
    problems = [
        *_unknown("environments", settings.environments, environments),
        *_unknown("families", settings.families, families),
        *_wrong_order(settings, environments),
    ]
    part = part_of(suite, settings)
    if not part and not problems:
        problems.append(_problem("families", "no family is left", "leave evolve.environments or families out"))
    known = set(tasks)
    missing = sorted(name for each in part for family in each.families for name in family.tasks if name not in known)
    if missing:
        names = ", ".join(missing[:10])
        remedy = "choose a part of the suite by evolve.environments and evolve.families, which leave whole families out"
        problem = f"{len(missing)} tasks of the suite are not among the tasks of the run: {names}"
        problems.append(ConfigProblem(ORIGIN, "tasks", problem, remedy))
    if problems:
        raise ConfigRefused(problems)


def refuse_other_libraries(specs: Sequence[RunSpec]) -> None:
    """See that all settings of a line of runs are of the libraries that its first run has scheduled.

    Args:
        specs: Of each run of the line, the oldest first.

    Raises:
        ConfigRefused: With each key that would change them, and have no effect.
    """
    first = _libraries_of(specs[0])
    keys = [key for each in specs[1:] for key, value in _libraries_of(each).items() if value != first.get(key)]
    why, remedy = "determines the libraries, which a fork shares", "leave it as it is, or start a run of its own"
    if keys:
        raise ConfigRefused([ConfigProblem(ORIGIN, key, f"{key} {why}", remedy) for key in dict.fromkeys(keys)])


def _libraries_of(spec: RunSpec) -> Mapping[str, object]:
    settings = evolve_spec(spec)
    named = {f"evolve.{key}": getattr(settings, key) for key in ("order", "repeats", "environments", "families")}
    arms = {f"evolve.resolved.{name}.scope": arm.scope for name, arm in read_arms(settings).items()}
    return {"evolve.arms": tuple(arms), **named, **arms}


def _of_run(settings: EvolveSpec) -> Iterator[ConfigProblem]:
    if not settings.suite:
        yield _problem("suite", "no suite is named (evolve.suite)", "set evolve.suite to its folder")
    for key, value in (("repeats", settings.repeats), ("attempts", settings.attempts), ("tries", settings.tries)):
        if not 1 <= value <= MOST_REPEATS:
            yield _problem(key, f"evolve.{key} is {value}", f"write a number from 1 to {MOST_REPEATS:,}")
    if isinstance(settings.order, str) and settings.order not in ORDERS:
        yield _problem("order", f"{settings.order!r} is no order", "write A, B or C, or list the environments")


def _wrong_order(settings: EvolveSpec, environments: list[str]) -> Iterator[ConfigProblem]:
    if isinstance(settings.order, str):
        return
    if sorted(settings.order) != sorted(environments):
        remedy = f"list each of them once: {', '.join(environments)}"
        yield _problem("order", "the order does not name every environment once", remedy)


def _unknown(key: str, named: tuple[str, ...], known: list[str]) -> Iterator[ConfigProblem]:
    wrong = [each for each in named if each not in known]
    if wrong:
        problem = f"the suite has no {', '.join(wrong)}"
        yield _problem(key, problem, f"it has {', '.join(known)}")


def _of_arm(name: str, arm: EvolveArmSpec) -> Iterator[ConfigProblem]:
    for field, wrong, problem, remedy in _RULES:
        if wrong(arm):
            yield arm_problem(name, f"the arm {name} {problem}", remedy, field)
    for field, value, least, most in _ranges(arm):
        if value is not None and not least <= value <= most:
            bounds = f"of {least:g} or more" if most == float("inf") else f"from {least:g} to {most:g}"
            yield arm_problem(name, f"{field} of the arm {name} is {value:g}", f"write a number {bounds}", field)


def _ranges(arm: EvolveArmSpec) -> Iterator[tuple[str, float | None, float, float]]:
    endless = float("inf")
    yield "max_revisions", arm.max_revisions, 0, endless
    yield "traces", arm.traces, 1, endless
    yield "budget_chars", arm.budget_chars, 1, endless
    yield "freeze_after", arm.freeze_after, 0, endless
    yield "retrieval.k", arm.retrieval.k, 1, endless
    yield "retrieval.family_boost", arm.retrieval.family_boost, 0, 1
    yield "maintenance.uses", arm.maintenance.uses, 1, endless
    yield "maintenance.retire_at", arm.maintenance.retire_at, 0, 1
    yield "maintenance.quarantine_at", arm.maintenance.quarantine_at, 0, 1


def _keeps(arm: EvolveArmSpec) -> bool:
    return arm.memory == "library"


def _maintains(arm: EvolveArmSpec) -> bool:
    upkeep = arm.maintenance
    return upkeep.retire or upkeep.quarantine or upkeep.narrow or upkeep.rollback


_RULES: Final[tuple[tuple[str, Callable[[EvolveArmSpec], bool], str, str], ...]] = (
    (
        "memory",
        lambda arm: not _keeps(arm) and arm.skill_init != "empty",
        "begins with skills that no trial is given",
        'set memory = "library"',
    ),
    (
        "memory",
        lambda arm: not _keeps(arm) and arm.learn != "never",
        "writes skills that no trial is given",
        'set memory = "library", or learn = "never"',
    ),
    (
        "memory",
        lambda arm: _keeps(arm) and arm.skill_init == "empty" and arm.learn == "never",
        "has a library that stays empty",
        'set skill_init or learn, or memory = "none"',
    ),
    (
        "scope",
        lambda arm: arm.memory == "trajectories" and arm.scope != "family",
        "tells of trials of a family, and its scope is another one",
        'set scope = "family"',
    ),
    (
        "replay_evaluation",
        lambda arm: arm.replay_evaluation and not arm.replay,
        "replays held-out tasks and no learning tasks",
        "set replay = true",
    ),
    (
        "oracle_t6",
        lambda arm: arm.oracle_t6 and not _keeps(arm),
        "has no skills that a composition could be given",
        'set memory = "library", or oracle_t6 = false',
    ),
    (
        "author_files",
        lambda arm: arm.author_files == "required" and arm.learn == "never",
        "asks for files of revisions, and there are none",
        "set learn, or leave author_files out",
    ),
    (
        "author",
        lambda arm: arm.author == "session" and arm.learn == "never",
        "has a session write skills, and nothing is learnt",
        "set learn, or leave author out",
    ),
    (
        "gate",
        lambda arm: bool(arm.gate.name) and arm.learn == "never",
        "has a gate on revisions, and there are none",
        "set learn, or leave gate out",
    ),
    (
        "maintenance",
        lambda arm: _maintains(arm) and not _keeps(arm),
        "maintains skills, and has none",
        'set memory = "library", or leave maintenance out',
    ),
    (
        "feedback",
        lambda arm: arm.feedback == "hint",
        "tells nobody a hint",
        "write none, binary, rich or process",
    ),
    (
        "success",
        lambda arm: not 0 < arm.success < float("inf"),
        "counts each trial as solved, or none",
        "write a reward above 0, such as 1.0",
    ),
)
"""Field, when it is wrong, what is wrong with it, and what to do."""


def _without_models(spec: RunSpec, name: str, arm: EvolveArmSpec) -> Iterator[ConfigProblem]:
    """Complain about models that an arm needs and that nobody names: none stands in for another unasked."""
    writes = arm.skill_init == "zero_shot" or (arm.learn != "never" and arm.author == "host")
    needs: Mapping[str, tuple[bool, str]] = {
        AUTHOR_ROLE: (writes, 'add [models.author], or set evolve.author = "solver" for the solver\'s own model'),
        CHOOSER: (arm.retrieval.method == "model", "add [models.chooser]"),
        EMBEDDER: (arm.retrieval.method == "embedding", "add [models.embedder]"),
    }
    for role, (needed, remedy) in needs.items():
        if needed and _keeps(arm) and role not in spec.models:
            yield ConfigProblem(ORIGIN, f"models.{role}", f"the arm {name} needs a model for the role {role}", remedy)


def _without_session(spec: RunSpec, name: str, arm: EvolveArmSpec) -> Iterator[ConfigProblem]:
    """Complain about sessions that are to write skills and cannot be gone on with."""
    why = why_not_resumable(spec.agent.name) if arm.author == "session" else ""
    if why:
        remedy = 'set agent.name = "shell", or take an arm whose author is no session'
        yield ConfigProblem(ORIGIN, "agent.name", f"the arm {name} has a session write skills, and {why}", remedy)


def _problem(key: str, problem: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(ORIGIN, f"evolve.{key}", problem, remedy)
