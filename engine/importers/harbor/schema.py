"""Harbor's job folders, as far as we write and read them: ``config.json`` and ``result.json``, of a job and its trials.

Field names and meanings are those of Harbor 0.24 (reference, b.1 to b.6). Unknown keys are passed over when a document
is read. None is null in the file: not known, or never reached.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

CONFIG: Final = "config.json"
RESULT: Final = "result.json"
EXCEPTION: Final = "exception.txt"
TRAJECTORY: Final = "agent/trajectory.json"
STDOUT: Final = "verifier/test-stdout.txt"
STDERR: Final = "verifier/test-stderr.txt"


class TaskSource(msgspec.Struct, frozen=True):
    """Where a trial's task comes from."""

    path: str | None = None
    """Below the repository if `git_url` is given. None: it is a package, and `name` says which."""
    git_url: str | None = None
    git_commit_id: str | None = None
    name: str | None = None
    source: str | None = None
    """Name of the dataset it is of."""


class AgentConfig(msgspec.Struct, frozen=True):
    """Who acts."""

    name: str | None = None
    import_path: str | None = None
    model_name: str | None = None
    override_timeout_sec: float | None = None


class EnvironmentConfig(msgspec.Struct, frozen=True):
    """Where."""

    type: str | None = None
    """One of Harbor's own. None: `import_path` names another."""
    import_path: str | None = None


class DatasetConfig(msgspec.Struct, frozen=True):
    """Which tasks."""

    path: str | None = None
    """None: it is a dataset of a registry."""
    name: str | None = None
    version: str | None = None
    registry_path: str | None = None
    task_names: tuple[str, ...] | None = None
    """None: all."""


class TrialConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial was asked to do."""

    task: TaskSource
    trial_name: str
    trials_dir: str = "trials"
    agent: AgentConfig = AgentConfig()
    environment: EnvironmentConfig = EnvironmentConfig()
    job_id: str | None = None


class JobConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a job was asked to do."""

    job_name: str
    jobs_dir: str = "jobs"
    n_attempts: int = 1
    n_concurrent_trials: int = 4
    environment: EnvironmentConfig = EnvironmentConfig()
    agents: tuple[AgentConfig, ...] = ()
    datasets: tuple[DatasetConfig, ...] = ()


class ModelInfo(msgspec.Struct, frozen=True):
    """A model."""

    name: str
    provider: str | None = None


class AgentInfo(msgspec.Struct, frozen=True):
    """Who acted."""

    name: str
    version: str
    model_info: ModelInfo | None = None
    """None: no model was asked."""


class ModelUsage(msgspec.Struct, frozen=True):
    """Tokens and money of one model. Input includes what was read from a cache."""

    n_input_tokens: int = 0
    n_cache_tokens: int = 0
    n_output_tokens: int = 0
    cost_usd: float | None = None


class AgentResult(msgspec.Struct, frozen=True):
    """What acting took."""

    n_input_tokens: int | None = None
    """Includes what was read from a cache."""
    n_cache_tokens: int | None = None
    n_output_tokens: int | None = None
    cost_usd: float | None = None
    model_usage: dict[str, ModelUsage] | None = None
    metadata: dict[str, Any] | None = None


class VerifierResult(msgspec.Struct, frozen=True):
    """What the verifier gave, by its own names."""

    rewards: Mapping[str, float | None] | None = None
    """None of a name: what the verifier wrote there is no finite number. Harbor writes null for the NaN of a
    ``reward.json``."""


class ExceptionInfo(msgspec.Struct, frozen=True):
    """What broke, or which limit was met."""

    exception_type: str
    exception_message: str
    exception_traceback: str
    """Empty: there is none on record."""
    occurred_at: str
    """ISO 8601."""


class Timing(msgspec.Struct, frozen=True):
    """When a phase began and ended, ISO 8601. None: not known."""

    started_at: str | None = None
    finished_at: str | None = None


class StepResult(msgspec.Struct, frozen=True):
    """One step of a task of several."""

    step_name: str
    agent_result: AgentResult | None = None
    verifier_result: VerifierResult | None = None
    exception_info: ExceptionInfo | None = None
    agent_execution: Timing | None = None
    verifier: Timing | None = None


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a trial."""

    id: str
    task_name: str
    trial_name: str
    trial_uri: str
    task_id: dict[str, str | None]
    source: str | None = None
    task_checksum: str
    config: TrialConfig
    agent_info: AgentInfo
    agent_result: AgentResult | None = None
    verifier_result: VerifierResult | None = None
    verifier_environment_mode: str | None = None
    exception_info: ExceptionInfo | None = None
    started_at: str | None = None
    finished_at: str | None = None
    environment_setup: Timing | None = None
    agent_setup: Timing | None = None
    agent_execution: Timing | None = None
    verifier: Timing | None = None
    step_results: tuple[StepResult, ...] | None = None


class EvalStats(msgspec.Struct):
    """Of one agent on one dataset."""

    n_trials: int = 0
    """Trials with a reward."""
    n_errors: int = 0
    metrics: tuple[dict[str, float], ...] = ()
    pass_at_k: dict[str, float] = {}
    reward_stats: dict[str, dict[float, list[str]]] = {}
    """By name of the reward and its value: names of trials."""
    exception_stats: dict[str, list[str]] = {}


class JobStats(msgspec.Struct):
    """Sums over a job. None: no trial says."""

    n_completed_trials: int = 0
    """Those with errors are among them."""
    n_errored_trials: int = 0
    n_running_trials: int = 0
    n_pending_trials: int = 0
    n_cancelled_trials: int = 0
    n_retries: int = 0
    evals: dict[str, EvalStats] = {}
    n_input_tokens: int | None = None
    n_cache_tokens: int | None = None
    n_output_tokens: int | None = None
    cost_usd: float | None = None


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a job. Harbor writes its times without a zone, and takes such for UTC when it shows them."""

    id: str
    started_at: str
    updated_at: str | None = None
    finished_at: str | None = None
    """None: it has not ended."""
    n_total_trials: int
    stats: JobStats


def written(document: object) -> bytes:
    """Write a document as Harbor does, for people too."""
    return msgspec.json.format(msgspec.json.encode(document), indent=4) + b"\n"
