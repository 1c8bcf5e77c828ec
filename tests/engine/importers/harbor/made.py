"""Job folders as Harbor 0.24 writes them: the same keys in the same shape, with small values of our own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from engine.importers.harbor.importer import ImportedHarborJob, import_harbor
from events.base import Event
from events.store.memory import MemoryLog

E = TypeVar("E", bound=Event)

JOB = "4998ea76-e379-43f4-9cba-42df106c7d96"
TIMES = {"started_at": "2026-11-21T10:00:00.100000Z", "finished_at": "2026-11-21T10:00:09.900000Z"}


def exception(kind: str, message: str = "it broke") -> dict[str, Any]:
    """Say what was raised."""
    return {
        "exception_type": kind,
        "exception_message": message,
        "exception_traceback": f"Traceback (most recent call last):\n{kind}: {message}\n",
        "occurred_at": "2026-11-21T10:00:08.000000Z",
    }


def rewarded(*, reward: float) -> dict[str, Any]:
    """Give one reward, as `reward.txt` does."""
    return {"rewards": {"reward": reward}}


def took(**figures: Any) -> dict[str, Any]:
    """Say what an agent took; null for what is not given."""
    names = ("n_input_tokens", "n_cache_tokens", "n_output_tokens", "cost_usd", "model_usage", "rollout_details")
    return {**dict.fromkeys((*names, "metadata")), **figures}


def result(name: str, task: str, **changes: Any) -> dict[str, Any]:
    """Write what came of a trial."""
    agent: dict[str, Any] = {"name": "oracle", "import_path": None, "model_name": None, "kwargs": {}, "mcp_servers": []}
    config = {
        "task": {"path": f"tasks/{task}", "git_url": None, "name": None, "overwrite": False, "source": "tasks"},
        "trial_name": name,
        "trials_dir": "jobs/nightly",
        "timeout_multiplier": 1.0,
        "agent": agent,
        "environment": {"type": "docker", "force_build": False, "delete": True, "kwargs": {}},
        "verifier": {"override_timeout_sec": None, "disable": False},
        "job_id": JOB,
    }
    return {
        "id": "a851a4d1-2123-4881-bf9a-7fdfc961a127",
        "task_name": task,
        "trial_name": name,
        "trial_uri": f"file:///jobs/nightly/{name}",
        "task_id": {"path": f"tasks/{task}"},
        "source": "tasks",
        "task_checksum": "1afe8f5037d7e24349d0b68a810498fb2663a408b81154b6f8538a7f52c94588",
        "config": config,
        "agent_info": {"name": "oracle", "version": "1.0.0", "model_info": None},
        "agent_result": took(),
        "verifier_result": None,
        "verifier_environment_mode": "shared",
        "exception_info": None,
        **TIMES,
        "environment_setup": TIMES,
        "agent_setup": TIMES,
        "agent_execution": TIMES,
        "verifier": TIMES,
        "step_results": None,
        **changes,
    }


def write(folder: Path, files: Mapping[str, Any]) -> Path:
    """Write files below a folder: texts as they are, other values as JSON."""
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value, indent=4))
    return folder


def trial(name: str, task: str, files: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Give the files of a trial, by path below its job."""
    told = result(name, task, **changes)
    own = {"config.json": told["config"], "lock.json": {"schema_version": 3}, "trial.log": "", "result.json": told}
    return {f"{name}/{path}": value for path, value in {**own, **(files or {})}.items()}


def job(folder: Path, *trials: Mapping[str, Any], **said: Any) -> Path:
    """Write a job folder.

    Args:
        folder: The job's.
        trials: Files of each.
        said: What its own result says otherwise.
    """
    own: dict[str, Any] = {
        "config.json": {"job_name": folder.name, "n_attempts": 2, "datasets": [{"path": "tasks"}]},
        "result.json": {"id": JOB, **TIMES, "n_total_trials": len(trials), "stats": {"evals": {}}, **said},
        "lock.json": {"schema_version": 3},
        "job.log": "",
    }
    for each in trials:
        own |= each
    return write(folder, own)


async def only(log: MemoryLog, folder: Path) -> ImportedHarborJob:
    """Import one job."""
    (found,) = (await import_harbor(log, folder)).found
    return found


async def every(log: MemoryLog, kind: type[E]) -> list[E]:
    """Give all events of a kind."""
    return [each.event async for each in log.read() if isinstance(each.event, kind)]
