"""A run as one of Harbor's jobs: each attempt is a trial, and the job sums them up as Harbor does.

Two figures of Harbor's are left out where they would mislead. Its mean counts a trial without a reward as 0: it is
given only where every trial has one. Its pass@k takes trials for independent: our attempts at a task come one after the
other, each told what the one before learned.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from engine.config.spec import RunSpec
from engine.core.history import RunHistory
from engine.importers.harbor.schema import (
    AgentConfig,
    AgentResult,
    DatasetConfig,
    EvalStats,
    JobConfig,
    JobResult,
    JobStats,
    TrialConfig,
    TrialResult,
)
from engine.runtime.plan import recorded_specs
from events.codec import tag_of
from events.store.base import BlobStore
from events.streams import ATTEMPT, RUN, calls_below, is_attempt, is_trial, trial_stream
from events.types.run import RunImported, RunOpened
from events.types.trial import TrialOpened
from replay.export.atif.steps import timestamp
from replay.export.harbor.trial import Given, HarborTrial, JobFacts, environment_of, source_of, trial_of, uuid_of
from replay.export.harbor.usage import sum_of
from sandbox.harbor.registry import source_in

_ADHOC: Final = "adhoc"
_DECIMALS: Final = 9
"""Of money: our unit is 10^-9 US dollars."""
_CARRIED: Final = frozenset(
    {
        "trial.opened",
        "task.asked",
        "task.read",
        "task.read_in_steps",
        "trial.attempt_planned",
        "trial.attempt_concluded",
        "trial.closed",
    }
)
"""Events of trials that say nothing a job folder does not."""


class Ended(NamedTuple):
    """A trial of a job as far as sums go."""

    config: TrialConfig
    result: TrialResult | None


class HarborJob(NamedTuple):
    """What a job folder says of the whole."""

    config: JobConfig
    result: JobResult
    losses: Mapping[str, int]
    """What of the run has no place in it, by kind of event: memos, decisions, skills and the calls behind them."""


async def facts_of(blobs: BlobStore, histories: RunHistory, run: str, uri: str) -> JobFacts:
    """Read what all trials of a run share.

    Args:
        blobs: Of its log.
        histories: Of the run.
        run: Its id.
        uri: Of the job's folder, such as ``file:///tmp/jobs/run``.
    """
    first = histories.by_stream[RUN][0].event if histories.by_stream.get(RUN) else None
    base = (uuid_of(run), uri)
    match first:
        case RunOpened() as opened:
            spec = (await recorded_specs(blobs, opened, histories.lineage))[-1]
            digests = {task.name: f"sha256:{task.digest}" for task in opened.tasks}
            return JobFacts(run, *base, spec, spec.agent.name, None, opened.package, digests)
        case RunImported() as found:
            return JobFacts(run, *base, None, found.agent, found.model, "imported", {})
        case _:
            return JobFacts(run, *base, None, None, None, "unknown", {})


async def trials_of(blobs: BlobStore, histories: RunHistory, job: JobFacts) -> AsyncIterator[HarborTrial]:
    """Tell the attempts of a run, one at a time, since all of their files may not fit into memory.

    Raises:
        BlobMissing, BlobErased: Bytes of one are gone.
    """
    for name, history in sorted(histories.by_stream.items(), key=lambda each: each[1][0].position):
        if not is_attempt(name):
            continue
        trial, _, attempt = name.removeprefix(ATTEMPT + "/").rpartition("/")
        opened = histories.by_stream[trial_stream(trial)][0].event
        assert isinstance(opened, TrialOpened)
        below = calls_below(name)
        visits = [each for call, told in histories.by_stream.items() if call.startswith(below) for each in told]
        yield await trial_of(blobs, job, Given(trial, int(attempt), opened, history, visits))


def job_of(histories: RunHistory, job: JobFacts, trials: Sequence[Ended]) -> HarborJob:
    """Sum a run up."""
    return HarborJob(_config(job, trials), _result(histories, job, trials), _losses(histories))


def _config(job: JobFacts, trials: Sequence[Ended]) -> JobConfig:
    agents = dict.fromkeys(each.config.agent for each in trials)
    environments = dict.fromkeys(each.config.environment for each in trials)
    spec = job.spec
    if spec is None:
        environment = next(iter(environments), environment_of(None))
        return JobConfig(job_name=job.run, agents=tuple(agents), environment=environment)
    return JobConfig(
        job_name=job.run,
        n_attempts=spec.method.attempts,
        n_concurrent_trials=spec.concurrency,
        environment=environment_of(spec.sandbox),
        agents=tuple(agents) or (AgentConfig(spec.agent.name),),
        datasets=(_dataset(spec),),
    )


def _dataset(spec: RunSpec) -> DatasetConfig:
    registered = source_in(spec.tasks)
    if registered is None:
        return DatasetConfig(path=spec.tasks, task_names=spec.only or None)
    name, version, file = registered.name or None, registered.version or None, registered.file
    return DatasetConfig(None, name or source_of(spec), version, file, spec.only or None)


def _result(histories: RunHistory, job: JobFacts, trials: Sequence[Ended]) -> JobResult:
    own = [each for name, history in histories.by_stream.items() if "/" in name or name == RUN for each in history]
    times = [each.at for each in own]
    ended = [each.result for each in trials if each.result is not None]
    return JobResult(
        id=job.id,
        started_at=timestamp(min(times)),
        updated_at=timestamp(max(times)),
        finished_at=timestamp(max(times)) if histories.closed else None,
        n_total_trials=len(trials),
        stats=_stats(ended, len(trials)),
    )


def _stats(ended: Sequence[TrialResult], total: int) -> JobStats:
    by_agent: dict[str, list[TrialResult]] = {}
    for result in ended:
        by_agent.setdefault(_key(result), []).append(result)
    problems = [each.exception_info.exception_type for each in ended if each.exception_info is not None]
    took = [each.agent_result or AgentResult() for each in ended]
    cost = sum_of([each.cost_usd for each in took])
    return JobStats(
        n_completed_trials=len(ended),
        n_errored_trials=len(problems),
        n_pending_trials=total - len(ended),
        n_cancelled_trials=problems.count("CancelledError"),
        evals={key: _of_agent(results) for key, results in by_agent.items()},
        n_input_tokens=sum_of([each.n_input_tokens for each in took]),
        n_cache_tokens=sum_of([each.n_cache_tokens for each in took]),
        n_output_tokens=sum_of([each.n_output_tokens for each in took]),
        cost_usd=None if cost is None else round(cost, _DECIMALS),
    )


def _key(result: TrialResult) -> str:
    model = result.agent_info.model_info
    names = [result.agent_info.name, *([] if model is None else [model.name]), result.source or _ADHOC]
    return "__".join(names)


def _of_agent(results: Sequence[TrialResult]) -> EvalStats:
    """Sum up the trials of one agent."""
    rewards: dict[str, dict[float, list[str]]] = {}
    problems: dict[str, list[str]] = {}
    for result in results:
        for name, value in _rewards(result).items():
            rewards.setdefault(name, {}).setdefault(value, []).append(result.trial_name)
        if result.exception_info is not None:
            problems.setdefault(result.exception_info.exception_type, []).append(result.trial_name)
    scores = [_rewards(result).get("reward") for result in results]
    known = [each for each in scores if each is not None]
    return EvalStats(
        n_trials=sum(1 for result in results if _rewards(result)),
        n_errors=sum(map(len, problems.values())),
        metrics=({"mean": fmean(known)},) if len(known) == len(scores) else (),
        reward_stats=rewards,
        exception_stats=problems,
    )


def _rewards(result: TrialResult) -> Mapping[str, float]:
    rewards = {} if result.verifier_result is None else result.verifier_result.rewards or {}
    return {name: value for name, value in rewards.items() if value is not None}


def _losses(histories: RunHistory) -> dict[str, int]:
    told = (each for name, history in histories.by_stream.items() if is_trial(name) for each in history)
    counts: dict[str, int] = {}
    for recorded in told:
        tag = tag_of(recorded.event)
        if tag not in _CARRIED:
            counts[tag] = counts.get(tag, 0) + 1
    return dict(sorted(counts.items()))
