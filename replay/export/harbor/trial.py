"""An attempt as one of Harbor's trials: ``config.json``, ``result.json`` and the files beside them.

What the log does not hold is null, never a guess: an attempt that was imported has no times of its own, and a sum with
an unknown part is not given.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from engine.config.spec import RunSpec
from engine.importers.harbor.schema import (
    CONFIG,
    EXCEPTION,
    RESULT,
    TRAJECTORY,
    AgentConfig,
    AgentInfo,
    AgentResult,
    EnvironmentConfig,
    ModelInfo,
    TaskSource,
    Timing,
    TrialConfig,
    TrialResult,
    VerifierResult,
    written,
)
from events.base import Recorded
from events.store.base import BlobStore
from events.types.agent import AgentRunAsked, CallAsked
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened
from events.types.model import ModelAsked
from events.types.sandbox import (
    SandboxAsked,
    SandboxFailed,
    SandboxOpened,
    VerifierRewarded,
    VerifierSilent,
    VerifyAsked,
)
from events.types.trial import TrialOpened
from replay.export.atif.document import ExportSource, document
from replay.export.atif.steps import timestamp
from replay.export.harbor.files import files_of
from replay.export.harbor.problems import problem_of
from replay.export.harbor.steps import steps_of
from replay.export.harbor.usage import used
from sandbox.harbor.registry import source_in

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""In which Harbor writes the end of a trial's name."""
_NAME_CHARS: Final = 32
_MARK_CHARS: Final = 7
_CARRIED: Final = ("sandbox.", "verify.", "step.")
"""Families of events that a trial tells in its own ways, though its trajectory does not."""
IMPORT_PATH: Final = "sandbox.local.backend:LocalBackend"
"""Of sandboxes that are none of Harbor's own kinds."""


class JobFacts(NamedTuple):
    """What all trials of a job share."""

    run: str
    id: str
    """The job's, as Harbor counts ids."""
    uri: str
    """Of the job's folder, such as ``file:///tmp/jobs/run``."""
    spec: RunSpec | None
    """None: the run was imported, and none is on record."""
    agent: str | None
    """Who acted in a run that was imported. None: the source does not say, or each attempt does."""
    model: str | None
    package: str
    """Version of stillroom that recorded it."""
    digests: Mapping[str, str]
    """Package digests of the tasks, by name."""


class Given(NamedTuple):
    """One attempt and what belongs to it."""

    trial: str
    attempt: int
    opened: TrialOpened
    history: Sequence[Recorded]
    visits: Sequence[Recorded]
    """What its agent asked through the gateway."""


class HarborTrial(NamedTuple):
    """A trial's folder, and what of the attempt it does not hold."""

    name: str
    task: str
    attempt: str
    """As ``TRIAL/2``."""
    config: TrialConfig
    result: TrialResult | None
    """None: the attempt has not ended."""
    files: Mapping[str, bytes]
    """By path below the trial's folder."""
    losses: Mapping[str, int]
    """What has no place in it, by kind."""


def uuid_of(*parts: str) -> str:
    """Give an id that is the same at every export: a UUID of version 8, whose bits are those of a digest (RFC 9562)."""
    told = sha256("/".join(parts).encode()).hexdigest()
    return f"{told[:8]}-{told[8:12]}-8{told[13:16]}-a{told[17:20]}-{told[20:32]}"


def trial_name(run: str, task: str, place: str) -> str:
    """Name a trial as Harbor does: the task, and seven characters, which say here which attempt of which run it is."""
    number = int.from_bytes(sha256(f"{run}:{place}".encode()).digest())
    mark = ""
    for _ in range(_MARK_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        mark += _ALPHABET[digit]
    return f"{task.rpartition('/')[2][:_NAME_CHARS].rstrip('_-')}__{mark}"


async def trial_of(blobs: BlobStore, job: JobFacts, given: Given) -> HarborTrial:
    """Tell an attempt as a trial.

    Raises:
        BlobMissing, BlobErased: Bytes of it are gone.
    """
    place = f"{given.trial}/{given.attempt}"
    name = trial_name(job.run, given.opened.task, place)
    model = _model(given) or job.model
    config = _config(job, given, name, model)
    made = await document(
        blobs, ExportSource(job.run, given.trial, given.attempt, job.package, job.agent, job.model), given.history
    )
    files = await files_of(blobs, config.agent.name or "agent", given.history)
    if made is not None:
        files[TRAJECTORY] = written(made.trajectory)
    result = _result(job, given, config, model) if _ended(given) else None
    files[CONFIG] = written(config)
    if result is not None:
        files[RESULT] = written(result)
        if result.exception_info is not None:
            files[EXCEPTION] = f"{result.exception_info.exception_message}\n".encode()
    losses = {} if made is None else {kind: n for kind, n in made.losses.items() if not kind.startswith(_CARRIED)}
    return HarborTrial(name, given.opened.task, place, config, result, files, losses)


def _config(job: JobFacts, given: Given, name: str, model: str | None) -> TrialConfig:
    spec, task = job.spec, given.opened.task
    agent = next((e.event.agent for e in given.history if isinstance(e.event, AttemptOpened)), job.agent)
    backend = next((e.event.backend for e in given.history if isinstance(e.event, SandboxAsked)), None)
    return TrialConfig(
        task=TaskSource(path=_path(spec, task), source=source_of(spec)),
        trial_name=name,
        trials_dir=job.run,
        agent=AgentConfig(agent or "unknown", None, model, None if spec is None else spec.agent.timeout_s),
        environment=environment_of(backend),
        job_id=job.id,
    )


def environment_of(backend: str | None) -> EnvironmentConfig:
    """Name the kind of sandbox."""
    return EnvironmentConfig("docker", None) if backend == "docker" else EnvironmentConfig(None, IMPORT_PATH)


def source_of(spec: RunSpec | None) -> str | None:
    """Name the dataset: after its folder, as Harbor does, or as its registry does. None: not known."""
    if spec is None:
        return None
    registered = source_in(spec.tasks)
    return PurePosixPath(spec.tasks).name or None if registered is None else registered.name or registered.file


def _path(spec: RunSpec | None, task: str) -> str:
    """Say where a task's folder was; of a registry's tasks only the name is on record."""
    if spec is None or source_in(spec.tasks) is not None:
        return task
    folder = PurePosixPath(spec.tasks)
    return str(folder if folder.name == task else folder / task)


def _model(given: Given) -> str | None:
    """Give the model that was asked first, as configured. None: none was."""
    for recorded in (*given.history, *given.visits):
        match recorded.event:
            case ModelAsked() | CallAsked() | AgentRunAsked() as event:
                return event.model
            case _:
                pass
    return None


def _ended(given: Given) -> bool:
    return any(isinstance(each.event, AttemptJudged | AttemptAbandoned) for each in given.history)


def _result(job: JobFacts, given: Given, config: TrialConfig, model: str | None) -> TrialResult:
    history, task = given.history, given.opened.task
    seen = any(isinstance(each.event, AttemptOpened) for each in history)
    return TrialResult(
        id=uuid_of(job.run, given.trial, str(given.attempt)),
        task_name=task,
        trial_name=config.trial_name,
        trial_uri=f"{job.uri}/{config.trial_name}",
        task_id={"path": config.task.path},
        source=config.task.source,
        task_checksum=job.digests.get(task, ""),
        config=config,
        agent_info=_who(job, given, config, model),
        agent_result=_took(given, model),
        verifier_result=_rewards(history),
        exception_info=problem_of(history),
        started_at=timestamp(history[0].at) if seen else None,
        finished_at=timestamp(history[-1].at) if seen else None,
        environment_setup=_phase(history, SandboxAsked, (SandboxOpened, SandboxFailed)),
        agent_execution=_phase(history, SandboxOpened, (AgentEnded, AttemptAbandoned)),
        step_results=steps_of(history),
        verifier=_phase(history, VerifyAsked, (VerifierRewarded, VerifierSilent, SandboxFailed, AttemptAbandoned)),
    )


def _who(job: JobFacts, given: Given, config: TrialConfig, model: str | None) -> AgentInfo:
    package = next((e.event.package for e in given.history if isinstance(e.event, AgentRunAsked)), None)
    own = job.package if job.spec is not None else "unknown"
    version = own if package is None else package.rpartition("@")[2]
    return AgentInfo(config.agent.name or "unknown", version, None if model is None else _model_info(model))


def _model_info(model: str) -> ModelInfo:
    """Take ``provider/model`` apart as Harbor does."""
    provider, slash, name = model.partition("/")
    return ModelInfo(name, provider) if slash else ModelInfo(model)


def _took(given: Given, model: str | None) -> AgentResult:
    took = used((*given.history, *given.visits), model)
    beside: dict[str, Any] = {"trial": given.trial, "attempt": given.attempt, "condition": given.opened.condition}
    for recorded in given.history:
        match recorded.event:
            case SandboxOpened() as event:
                beside |= {"isolation": event.isolation}
            case AttemptJudged() as event:
                beside |= {"outcome": event.outcome.kind}
                # A verifier that names no checks has not passed 0 of 0.
                beside |= {"tests_passed": event.passed, "tests": event.total} if event.total else {}
            case AttemptAbandoned() as event:
                beside |= {"outcome": "abandoned", "abandoned": event.reason}
            case AgentEnded() as event:
                beside |= {"agent_ended": event.reason, "turns": event.turns}
            case _:
                pass
    return AgentResult(
        took.n_input_tokens,
        took.n_cache_tokens,
        took.n_output_tokens,
        took.cost_usd,
        took.model_usage,
        {"stillroom": beside},
    )


def _rewards(history: Sequence[Recorded]) -> VerifierResult | None:
    """Give the rewards. None: there is no verdict."""
    found: VerifierResult | None = None
    for recorded in history:
        match recorded.event:
            case VerifierRewarded() as event:
                return VerifierResult(event.rewards)
            case AttemptJudged() as event if event.outcome.reward is not None:
                found = VerifierResult({"reward": event.outcome.reward})
            case _:
                pass
    return found


def _phase(history: Sequence[Recorded], begins: type, ends: tuple[type, ...]) -> Timing | None:
    """Say when a phase began and ended. None: it was not reached."""
    began = next((each for each in history if isinstance(each.event, begins)), None)
    if began is None:
        return None
    later = (each for each in history if each.version > began.version and isinstance(each.event, ends))
    ended = next(later, None)
    return Timing(timestamp(began.at), None if ended is None else timestamp(ended.at))
