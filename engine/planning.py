"""From a spec to the plan of a run, and back from the log to the same plan."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from engine.actors.run import RunPlan
from engine.actors.trial import Terms, TrialPlan
from engine.agents.registry import agent_named
from engine.calls import Caller
from engine.errors import OutputUnbounded, SpecUnreadable
from engine.histories import Histories
from engine.lineage import SESSION, Lineage
from engine.methods.registry import method_named
from engine.policies.call_retry import Retry
from engine.prompting import Prompts, make_prompts
from engine.protocols.request import INCLUDE_USAGE
from engine.providers.prices import Price, PriceUnknown, price_from
from engine.setting import Setting, model_for
from engine.spec import ModelSpec, Parameters, RunSpec, canonical, read_spec
from events.digest import Digest, Fingerprint, digest_of
from events.log import BlobStore
from events.log_errors import BlobErased
from events.run import RunOpened, TaskPinned
from events.sandbox import SandboxOpened
from events.session import InputChange, InputsChanged, ScriptPinned, ScriptsPinned, SkillsPinned
from events.values import NamedDigest, NanoUsd, Role
from sandbox.task import Task

ROLES: tuple[Role, ...] = ("teacher", "reflector", "distiller")
ISOLATION = "isolation of sandboxes"
SCRIPT = "script:"
"""A base URL of this scheme names a script file; the scripted endpoint is started for it."""


def opening(setting: Setting, spec: RunSpec, tasks: tuple[Task, ...]) -> RunOpened:
    """Write down every input that may change what a run does."""
    put = setting.log.put
    return RunOpened(
        spec=put(canonical(spec)),
        method=spec.method.name,
        tasks=tuple(TaskPinned(task.name, Fingerprint(task.digest)) for task in tasks),
        prompts=tuple(NamedDigest(each.name, put(each.text.encode())) for each in setting.prompts.prompts),
        package=setting.package,
        scripted=any(model.base_url.startswith(SCRIPT) for model in spec.models.values()),
    )


def plan_of(opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> RunPlan:
    """Make the plan that a run's first event stands for.

    Args:
        opened: The first event; of the oldest run of the line, if it was forked.
        specs: The spec of each run of the line, oldest first; one where nothing was forked.
        prompts: What models are told.

    Raises:
        PriceUnknown: A cap is set, and a model has no price.
        OutputUnbounded: A cap is set, and the length of an answer is not bounded.
    """
    repeats = specs[0].repeats
    trials = []
    for task in opened.tasks:
        for k in range(repeats):
            name = task.name if repeats == 1 else f"{task.name}.{k + 1}"
            eras = tuple(_terms(spec, name) for spec in specs)
            trials.append(TrialPlan(name, task.name, "default", prompts, eras))
    return RunPlan(opened, tuple(trials))


def _terms(spec: RunSpec, trial: str) -> Terms:
    return Terms(spec, method_named(spec.method.name), agent_named(spec.agent.name), callers_of(spec, trial))


async def recorded_specs(blobs: BlobStore, opened: RunOpened, lineage: Lineage) -> tuple[RunSpec, ...]:
    """Read the specs of a run and its ancestors back, oldest first; the last one is in force.

    Raises:
        SpecUnreadable: One of them is none.
        BlobErased: One of them was removed on purpose.
    """
    digests = [opened.spec, *[branch.forked.spec for branch in lineage if branch.forked is not None]]
    return tuple([await _recorded_spec(blobs, digest) for digest in digests])


async def _recorded_spec(blobs: BlobStore, digest: Digest) -> RunSpec:
    try:
        return read_spec(await _read(blobs, digest, "the run's spec"))
    except msgspec.MsgspecError as error:
        raise SpecUnreadable(digest, str(error)) from error


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


def callers_of(spec: RunSpec, trial: str) -> dict[Role, Caller]:
    """Say how each role's model is asked, on this trial's account."""
    callers: dict[Role, Caller] = {}
    for role in ROLES:
        model = model_for(spec, role)
        if model is not None:
            reserve = _reserve(spec, role, model)
            callers[role] = Caller(
                trial=trial,
                role=role,
                model=model.model,
                parameters=_parameters(model),
                stream=model.stream,
                timeout_s=model.timeout_s,
                reserve=reserve,
                retry=Retry(tries=model.tries),
                protocol=model.protocol,
            )
    return callers


def _parameters(model: ModelSpec) -> Parameters:
    """Say what a request asks besides; that usage is asked for is part of what is recorded, as all that is sent."""
    asks = model.stream and model.stream_usage and model.protocol in {None, "chat"}  # others count by themselves
    return {INCLUDE_USAGE: True, **model.parameters} if asks else model.parameters


def price_of(spec: RunSpec, model: ModelSpec) -> Price | None:
    """Look up what a model costs. None: the spec does not say."""
    price = spec.prices.get(model.model)
    return None if price is None else price_from(price.input, price.output, price.cached_input, price.cache_write)


def nano(usd: Decimal | None) -> NanoUsd | None:
    """Turn a cap in dollars into nano-USD, rounding down."""
    return None if usd is None else int(usd * 1_000_000_000)


def _reserve(spec: RunSpec, role: Role, model: ModelSpec) -> tuple[Price, int] | None:
    """Say what bounds the cost of one call. None: no cap is set, so nothing is reserved."""
    if spec.budget.run_usd is None and spec.budget.trial_usd is None:
        return None
    price = price_of(spec, model)
    if price is None:
        raise PriceUnknown(model.model)
    most = model.parameters.get("max_completion_tokens", model.parameters.get("max_tokens"))
    if not isinstance(most, int):
        raise OutputUnbounded(role)
    return price, most


def names_of(opened: RunOpened) -> tuple[str, ...]:
    """Name the tasks that a run is of."""
    return tuple(each.name for each in opened.tasks)


def changes_since(
    histories: Histories, setting: Setting, tasks: tuple[Task, ...], skills: Mapping[str, bytes] | None
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
    prompts_now = setting.prompts.digests
    compared = [
        ("package stillroom", opened.package, setting.package),
        *[(f"task {each.name}", each.digest, tasks_now.get(each.name, "missing")) for each in opened.tasks],
        *[(f"prompt {each.name}", each.digest, prompts_now.get(each.name, "missing")) for each in opened.prompts],
        *[(ISOLATION, level, setting.backend.describe().level) for level in _isolation(histories)],
        *[(f"script {each.name}", each.digest, _digest(setting.base / each.name)) for each in _scripts(histories)],
        *(() if skills is None else _skills(histories, skill_digests(setting, skills))),
    ]
    accepted = {each.what: each.now for each in _accepted(histories)}
    known = [(what, accepted.get(what, before), now) for what, before, now in compared]
    return tuple(InputChange(what, before, now) for what, before, now in known if before != now)


def scripts_of(setting: Setting, spec: RunSpec) -> tuple[ScriptPinned, ...]:
    """Name the scripts that stand in for models, as they are now."""
    models = (model.base_url for model in spec.models.values())
    names = sorted({url.removeprefix(SCRIPT) for url in models if url.startswith(SCRIPT)})
    return tuple(ScriptPinned(name, Fingerprint(_digest(setting.base / name))) for name in names)


def skill_digests(setting: Setting, files: Mapping[str, bytes]) -> tuple[NamedDigest, ...]:
    """Keep the files of skills, and name each with its bytes."""
    return tuple(NamedDigest(name, setting.log.put(data)) for name, data in sorted(files.items()))


def _skills(histories: Histories, files: Sequence[NamedDigest]) -> Iterator[tuple[str, str, str]]:
    """Compare the skills that the run was started or forked with. Nothing, where an earlier version wrote the log."""
    pinned: dict[str, str] | None = None
    now = {each.name: each.digest for each in files}
    for each in (*histories.earlier, *histories.by_stream.get(SESSION, ())):
        if isinstance(each.event, SkillsPinned):
            pinned = {file.name: file.digest for file in each.event.files}
    for name in sorted(pinned.keys() | now.keys()) if pinned is not None else ():
        yield f"skill {name}", (pinned or {}).get(name, "missing"), now.get(name, "missing")


def _scripts(histories: Histories) -> tuple[ScriptPinned, ...]:
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


def _isolation(histories: Histories) -> list[str]:
    """Say how far sandboxes were kept apart from the host at first. Empty: none was opened yet."""
    opened = [
        each for history in histories.by_stream.values() for each in history if isinstance(each.event, SandboxOpened)
    ]
    opened.sort(key=lambda each: each.position)
    return [each.event.isolation for each in opened[:1] if isinstance(each.event, SandboxOpened)]


def _accepted(histories: Histories) -> Iterator[InputChange]:
    """List the changes with which a person said to go on, the oldest first."""
    for each in (*histories.earlier, *histories.by_stream.get(SESSION, ())):
        if isinstance(each.event, InputsChanged):
            yield from each.event.changes
