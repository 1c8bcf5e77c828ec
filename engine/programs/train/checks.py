"""What is refused of a training's settings before anything starts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from engine.config.errors import ConfigProblem, ConfigRefused
from engine.config.spec import RunSpec
from engine.config.values import MOST_REPEATS
from engine.policies.gates.base import GatePlan
from engine.policies.gates.power import too_weak
from engine.policies.gates.registry import gate_settings
from engine.policies.skill.front_matter import is_skill_name
from engine.programs.train.gate_points import planned_candidates
from engine.programs.train.spec import PURPOSES, TrainSpec, gate_name, items_of, train_spec

ORIGIN = "the spec"


def refuse_wrong(spec: RunSpec, tasks: Sequence[str]) -> None:
    """See that settings can be trained by.

    Args:
        spec: Of the run.
        tasks: Names of its tasks.

    Raises:
        ConfigRefused: With all that is wrong with them.
        GateSettingsRefused, NameUnknown: A gate is unknown, or takes no such settings.
    """
    settings = train_spec(spec)
    problems = [*_out_of_range(settings), *_without_items(settings, tasks), *_without_models(spec)]
    if not settings.skill and not is_skill_name(settings.name):
        problem = f"{settings.name!r} cannot be the name of a skill"
        problems.append(_problem("name", problem, "write lower-case letters, digits and single hyphens"))
    if problems:
        raise ConfigRefused(problems)
    for gate in (settings.gate, *settings.shadows.values()):
        gate_settings(gate_name(spec, gate), gate.settings)


def refuse_overlap(items: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """See that no item stands in two sets.

    Args:
        items: By purpose, the name and the digest of each item.

    Raises:
        ConfigRefused: One does: what is learnt from must not decide, nor what decides be the test.
    """
    for at in (0, 1):
        count = Counter(each[at] for of in items.values() for each in of)
        twice = sorted(name for name, number in count.items() if number > 1)
        if twice:
            names = sorted({each[0] for of in items.values() for each in of if each[at] in twice})
            problem = f"these items stand in two sets: {', '.join(names[:10])}"
            raise ConfigRefused([_problem("sets", problem, "leave each out of all sets but one (exclude)")])


def refuse_blind(spec: RunSpec, selection: int, learning: int) -> None:
    """See that the gate sees as much as its settings ask for.

    Args:
        spec: Of the run.
        selection: Items that decide.
        learning: Items that are learnt from.

    Raises:
        ConfigRefused: It sees less, and its settings do not say to start in any case.
    """
    gate = train_spec(spec).gate
    name, plan = gate_name(spec, gate), GatePlan(selection, planned_candidates(spec, learning))
    weak = too_weak(name, gate.settings, plan) if selection else None
    if weak is not None:
        remedy = "use more selection items, plan fewer candidates, or set train.gate.settings.anyway = true"
        raise ConfigRefused([_problem("gate", f"the gate {name} sees too little: {weak.reason}", remedy)])


def _out_of_range(settings: TrainSpec) -> Iterator[ConfigProblem]:
    for key, value, fits, words in (
        ("epochs", settings.epochs, 1 <= settings.epochs <= MOST_REPEATS, f"from 1 to {MOST_REPEATS:,}"),
        ("batch", settings.batch, settings.batch >= 1, "of 1 or more"),
        ("accumulation", settings.accumulation, settings.accumulation >= 1, "of 1 or more"),
        ("minibatch", settings.minibatch, settings.minibatch >= 1, "of 1 or more"),
        ("merge_batch", settings.merge_batch, settings.merge_batch >= 2, "of 2 or more"),
        ("mixed_weight", settings.mixed_weight, 0 <= settings.mixed_weight <= 1, "from 0 to 1"),
        ("floor", settings.floor, 0 <= settings.floor <= 1, "from 0 to 1, such as 0.8"),
        ("rate.most", settings.rate.most, settings.rate.most >= 1, "of 1 or more"),
        ("rate.least", settings.rate.least, settings.rate.least >= 0, "of 0 or more"),
        ("slow.samples", settings.slow.samples, settings.slow.samples >= 1, "of 1 or more"),
        ("consolidate", settings.consolidate, settings.consolidate >= 0, "of 0 or more"),
        ("optimizer.repairs", settings.optimizer.repairs, settings.optimizer.repairs >= 0, "of 0 or more"),
        *_bounds(settings),
    ):
        if not fits:
            yield _problem(key, f"train.{key} is {value}", f"write a number {words}")
    rate = settings.rate
    if rate.mode in {"linear", "cosine"} and rate.least > rate.most:
        problem = f"train.rate goes down from {rate.most} to {rate.least}, which is more"
        yield _problem("rate.least", problem, f"set train.rate.least to {rate.most} or less")


def _bounds(settings: TrainSpec) -> Iterator[tuple[str, int | None, bool, str]]:
    """Give the settings that may be None: no limit, or no placebo."""
    for key, value in (
        ("placebo", settings.placebo),
        ("edits.max_chars", settings.edits.max_chars),
        ("edits.max_files", settings.edits.max_files),
        ("optimizer.show_chars", settings.optimizer.show_chars),
        ("optimizer.part_chars", settings.optimizer.part_chars),
    ):
        yield key, value, value is None or value >= 1, "of 1 or more"


def _without_items(settings: TrainSpec, tasks: Sequence[str]) -> Iterator[ConfigProblem]:
    for purpose in PURPOSES[:2]:
        if items_of(settings, purpose) is None and not getattr(settings.tasks, purpose):
            remedy = f"set train.sets.{purpose}.folder, or train.tasks.{purpose} and tasks"
            yield _problem(f"sets.{purpose}", f"there are no items for {purpose}", remedy)
    if not tasks and any(getattr(settings.tasks, purpose) for purpose in PURPOSES):
        yield _problem("tasks", "train.tasks names tasks, and the run has none", "set tasks")


def _without_models(spec: RunSpec) -> Iterator[ConfigProblem]:
    if "optimizer" not in spec.models:
        remedy = "add [models.optimizer], or use --optimizer NAME"
        yield ConfigProblem(ORIGIN, "models.optimizer", "no model proposes changes of the skill", remedy)


def _problem(key: str, problem: str, remedy: str) -> ConfigProblem:
    return ConfigProblem(ORIGIN, f"train.{key}", problem, remedy)
