"""From a spec to the plan of a run, and back from the log to the same plan."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from engine.agents.installed.skill_set import skill_refs
from engine.agents.registry import agent_package
from engine.config.condition import Pins, condition_of
from engine.config.program import ArmInputs, HasArms, HasItems, Program, RefusesConditions, RunPlan
from engine.config.program_registry import EXPLORE, OWN, program_named, roles_of, specs_by_arm, specs_of
from engine.config.spec import SCRIPT, RunSpec, canonical, read_spec
from engine.core.decision import SHAPE, Deciding, Era
from engine.core.errors import NameUnknown, SpecUnreadable
from engine.core.history import RunHistory
from engine.core.lineage import SESSION, Lineage
from engine.core.methods import method_named
from engine.core.prompts import Prompts, make_prompts
from engine.effects.points import POLICIES
from engine.runtime.context import RunContext
from engine.runtime.isolation import first_isolation
from events.digest import Digest, Fingerprint, digest_of
from events.errors import BlobErased
from events.store.base import BlobStore
from events.types.condition import Condition, read_condition
from events.types.run import RunOpened, TaskPinned
from events.types.session import InputChange, InputsChanged, ScriptPinned, ScriptsPinned, SkillsPinned
from events.values import NamedDigest
from sandbox.harbor.task import Task

ISOLATION = "isolation of sandboxes"
Conditions: TypeAlias = Mapping[str, Condition]
"""By arm; that of the run under `OWN`, and that of an item with skills of its own under ``arm/item``."""
NO_CONDITIONS: Final[Conditions] = MappingProxyType({})


def opening(
    setting: RunContext, spec: RunSpec, tasks: tuple[Task, ...], conditions: Conditions | None = None
) -> RunOpened:
    """Write down every input that may change what a run does."""
    put = setting.log.put
    return RunOpened(
        spec=put(canonical(spec)),
        method=spec.method.name,
        tasks=tuple(TaskPinned(task.name, Fingerprint(task.digest)) for task in tasks),
        prompts=tuple(NamedDigest(each.name, put(each.text.encode())) for each in setting.prompts.prompts),
        package=setting.package,
        scripted=any(model.base_url.startswith(SCRIPT) for each in specs_of(spec) for model in each.models.values()),
        shape=SHAPE,
        program=None if spec.program == EXPLORE else spec.program,
        conditions=None if conditions is None else kept_conditions(setting.log, conditions),
    )


def pinned_conditions(setting: RunContext, spec: RunSpec, given: Mapping[str, ArmInputs]) -> Conditions:
    """Build the conditions under which a run is to have trials, from what is found now; what they name is kept.

    Args:
        setting: The process's means.
        spec: What is asked for.
        given: Skills and notes, by arm.

    Raises:
        ConfigRefused: Two arms have one condition, and the program needs them to differ.
    """
    scripts = {each.name: each.digest for each in scripts_of(setting, spec)}
    found: dict[str, Condition] = {}
    for name, arm in specs_by_arm(spec).items():
        found[name] = _pinned(setting, arm, given[name], scripts)
        for item, skills in given[name].items.items():
            found[f"{name}/{item}"] = _pinned(setting, arm, given[name]._replace(skills=skills), scripts)
    program = program_named(spec.program)
    if isinstance(program, RefusesConditions):
        program.refuse_alike(spec, {name: each.digest for name, each in found.items()})
    return found


def _pinned(setting: RunContext, spec: RunSpec, given: ArmInputs, scripts: Mapping[str, str]) -> Condition:
    put = setting.log.put
    pins = Pins(
        prompts=setting.prompts.reaching_items,
        scripts=scripts,
        agent_package=agent_package(spec.agent.name),
        skills=None if given.skills is None else skill_refs(given.skills, put),
        note=None if given.note is None else put(given.note),
    )
    return condition_of(spec, roles_of(spec), pins, put)


def kept_conditions(blobs: BlobStore, conditions: Conditions) -> tuple[NamedDigest, ...]:
    """Keep conditions, and name each with its bytes."""
    return tuple(NamedDigest(name, blobs.put(each.canonical)) for name, each in sorted(conditions.items()))


def plan_of(
    opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts, conditions: Sequence[Conditions] = ()
) -> RunPlan:
    """Make the plan that a run's first event stands for.

    Args:
        opened: The first event; of the oldest run of the line, if it was forked.
        specs: The spec of each run of the line, oldest first; one where nothing was forked.
        prompts: What models are told.
        conditions: Under which there are trials, by spec. Empty: earlier versions recorded none.

    Raises:
        NameUnknown: No installed package registers its program, its method or its agent.
        StillroomError: The program cannot work with the spec, such as without a price where a cap is set.
    """
    program = program_named(opened.program or EXPLORE)
    names, own = program.plan(opened, specs, prompts)
    known = conditions or [NO_CONDITIONS] * len(specs)
    eras = tuple(era_of_spec(*each) for each in zip(specs, known, strict=True))
    return RunPlan(program, opened, eras, prompts, names, own)


async def recorded_plan(blobs: BlobStore, opened: RunOpened, lineage: Lineage) -> RunPlan:
    """Read the plan of a run back from what is recorded of it and its ancestors.

    Raises:
        SpecUnreadable: A spec is none.
        BlobErased: A spec, a prompt or a condition was removed on purpose.
        NameUnknown: No installed package registers its program, its method or its agent.
    """
    specs = await recorded_specs(blobs, opened, lineage)
    try:
        program_named(opened.program or EXPLORE)
    except NameUnknown as error:
        raise error.in_record() from error
    prompts, conditions = await recorded_prompts(blobs, opened), await recorded_conditions(blobs, opened, lineage)
    return plan_of(opened, specs, prompts, conditions)


def era_of_spec(spec: RunSpec, conditions: Conditions = NO_CONDITIONS) -> Era:
    """Give what decides under a spec: the engine's policies, over them its program's and its method's; by arm, too.

    Raises:
        NameUnknown: No installed package registers its program or its method.
    """
    program = program_named(spec.program)
    era = _era(program, spec, conditions.get(OWN))
    if not isinstance(program, HasArms):
        return era
    arms = {
        name: _era(program, arm, conditions.get(name))._replace(items=_of_items(name, conditions))
        for name, arm in program.arms(spec).items()
    }
    era = era._replace(arms=arms, arm_of=program.arm_of)
    return era._replace(item_of=program.item_of) if isinstance(program, HasItems) else era


def _of_items(arm: str, conditions: Conditions) -> Conditions:
    """Pick the conditions of an arm's items, by item."""
    return {name.removeprefix(f"{arm}/"): each for name, each in conditions.items() if name.startswith(f"{arm}/")}


def _era(program: Program, spec: RunSpec, condition: Condition | None) -> Era:
    method = method_named(spec.method.name)
    return Era(spec, {**POLICIES, **program.policies, **method.policies}, method.name, condition)


async def recorded_specs(blobs: BlobStore, opened: RunOpened, lineage: Lineage) -> tuple[RunSpec, ...]:
    """Read the specs of a run and its ancestors back, oldest first; the last one is in force.

    Raises:
        SpecUnreadable: One of them is none.
        BlobErased: One of them was removed on purpose.
    """
    digests = [opened.spec, *[branch.forked.spec for branch in lineage if branch.forked is not None]]
    return tuple([await _recorded_spec(blobs, digest) for digest in digests])


async def recorded_conditions(blobs: BlobStore, opened: RunOpened, lineage: Lineage) -> tuple[Conditions, ...]:
    """Read the conditions of a run and its ancestors back, as `recorded_specs` does. Empty: none are recorded.

    Raises:
        BlobErased: One of them was removed on purpose.
    """
    pinned = [opened.conditions, *[branch.forked.conditions for branch in lineage if branch.forked is not None]]
    return tuple([{each.name: await _condition(blobs, each) for each in some or ()} for some in pinned])


async def _condition(blobs: BlobStore, named: NamedDigest) -> Condition:
    return read_condition(await _read(blobs, named.digest, f"the run's condition {named.name}".strip()))


async def _recorded_spec(blobs: BlobStore, digest: Digest) -> RunSpec:
    try:
        return read_spec(await _read(blobs, digest, "the run's spec"))
    except msgspec.MsgspecError as error:
        raise SpecUnreadable(digest, str(error)) from error
    except NameUnknown as error:
        raise error.in_record() from error


async def recorded_prompts(blobs: BlobStore, opened: RunOpened) -> Prompts:
    """Read a run's prompts back.

    Raises:
        BlobErased: One of them was removed on purpose.
    """
    read = {each.name: await _read(blobs, each.digest, f"the run's prompt {each.name}") for each in opened.prompts}
    return make_prompts({name: text.decode() for name, text in read.items()})


async def _read(blobs: BlobStore, digest: Digest, what: str) -> bytes:
    try:
        return await blobs.get(digest)
    except BlobErased as error:
        raise error.needed_by(what) from error


def names_of(opened: RunOpened) -> tuple[str, ...]:
    """Name the tasks that a run is of."""
    return tuple(each.name for each in opened.tasks)


def changes_since(
    histories: RunHistory, setting: RunContext, tasks: tuple[Task, ...], skills: Mapping[str, bytes] | None
) -> tuple[InputChange, ...]:
    """Name every input that is not what it was when the run started, or when a person last said to go on.

    Settings and models are not among them: a run that is resumed goes by those it recorded.

    Args:
        histories: Of the run, which has begun.
        setting: This process's means.
        tasks: As they are now.
        skills: Files of its agent's skills, as they are now. None: others were asked for.
    """
    opened = histories.opened
    assert opened is not None
    tasks_now = {task.name: task.digest for task in tasks}
    prompts_now, began = setting.prompts.digests, first_isolation(histories)
    compared = [
        ("package stillroom", opened.package, setting.package),
        *[(f"task {each.name}", each.digest, tasks_now.get(each.name, "missing")) for each in opened.tasks],
        *[(f"prompt {each.name}", each.digest, prompts_now.get(each.name, "missing")) for each in opened.prompts],
        *([] if began is None else [(ISOLATION, began, setting.backend.describe().level)]),
        *[(f"script {each.name}", each.digest, _digest(setting.base / each.name)) for each in _scripts(histories)],
        *(() if skills is None else _skills(histories, skill_digests(setting, skills))),
    ]
    accepted = {each.what: each.now for each in _accepted(histories)}
    known = [(what, accepted.get(what, before), now) for what, before, now in compared]
    return tuple(InputChange(what, before, now) for what, before, now in known if before != now)


def refused_of(changes: Sequence[InputChange]) -> tuple[InputChange, ...]:
    """Give the changes with which a run goes on only if a person says so.

    Those of the package and of its prompts are none of them: a run goes by the prompts it pins, and what another
    version of the package would have decided otherwise is found by going through the history.
    """
    return tuple(each for each in changes if not each.what.startswith(("package ", "prompt ")))


def revised_points(deciding: Deciding) -> tuple[InputChange, ...]:
    """Name the points of decision under whose earlier revision a run recorded rulings."""
    return tuple(
        InputChange(f"revision of the point {name}", str(before), str(now))
        for name, (before, now) in sorted(deciding.revisions.items())
    )


def scripts_of(setting: RunContext, spec: RunSpec) -> tuple[ScriptPinned, ...]:
    """Name the scripts that stand in for models, as they are now."""
    urls = (model.base_url for each in specs_of(spec) for model in each.models.values())
    names = sorted({url.removeprefix(SCRIPT) for url in urls if url.startswith(SCRIPT)})
    return tuple(ScriptPinned(name, Fingerprint(_digest(setting.base / name))) for name in names)


def skill_digests(setting: RunContext, files: Mapping[str, bytes]) -> tuple[NamedDigest, ...]:
    """Keep the files of skills, and name each with its bytes."""
    return tuple(NamedDigest(name, setting.log.put(data)) for name, data in sorted(files.items()))


def _skills(histories: RunHistory, files: Sequence[NamedDigest]) -> Iterator[tuple[str, str, str]]:
    """Compare the skills that the run was started or forked with. Nothing, where an earlier version wrote the log."""
    pinned: dict[str, str] | None = None
    now = {each.name: each.digest for each in files}
    for each in (*histories.earlier, *histories.by_stream.get(SESSION, ())):
        if isinstance(each.event, SkillsPinned):
            pinned = {file.name: file.digest for file in each.event.files}
    for name in sorted(pinned.keys() | now.keys()) if pinned is not None else ():
        yield f"skill {name}", (pinned or {}).get(name, "missing"), now.get(name, "missing")


def _scripts(histories: RunHistory) -> tuple[ScriptPinned, ...]:
    """Give the scripts that the run was started or forked with. Empty: none, or an earlier version wrote the log."""
    pinned: tuple[ScriptPinned, ...] = ()
    for each in (*histories.earlier, *histories.by_stream.get(SESSION, ())):
        if isinstance(each.event, ScriptsPinned):
            pinned = each.event.scripts
    return pinned


def _digest(path: Path) -> str:
    """Name the bytes of a file."""
    try:
        return digest_of(path.read_bytes())
    except OSError:
        return "missing"


def _accepted(histories: RunHistory) -> Iterator[InputChange]:
    """List the changes with which a person said to go on, the oldest first."""
    for each in (*histories.earlier, *histories.by_stream.get(SESSION, ())):
        if isinstance(each.event, InputsChanged):
            yield from each.event.changes
