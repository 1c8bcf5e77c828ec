"""A trial's ``result.json``, read as far as it goes: what is odd in it costs no more than itself, and is named.

Purely, since redecide reads the kept bytes again and must come to the same.
"""

from math import isfinite
from typing import Any, Final, NamedTuple

from engine.importers.atif.rules import DEAREST
from engine.importers.harbor.schema import AgentResult, JobConfig, TrialResult
from engine.importers.loose_json import JsonUnreadable, converted, read_json

_SIGNS: Final = ("task_name", "trial_name", "agent_info", "config", "verifier_result")
"""Fields of which a trial's result has at least one, whoever wrote it."""
_JOBS: Final = ("n_total_trials", "stats")
_CONFIG: Final = ("job_name", "n_attempts", "datasets", "n_concurrent_trials")
_UNKNOWN: Final = "unknown"


class ReadResult(NamedTuple):
    """What came of a trial, and what of it counts as missing."""

    result: TrialResult
    doubts: tuple[str, ...]


def read_result(data: bytes, folder: str) -> ReadResult:
    """Read a trial's result.

    Args:
        data: The file.
        folder: Name of the trial's folder, which stands for what the file does not say.

    Raises:
        JsonUnreadable: It is no result of a trial.
    """
    value, doubts = read_json(data)
    if not any(each in value for each in _SIGNS):
        raise JsonUnreadable("is no result of a trial: it names no task, no agent and no verdict")
    said = [*_filled(value, folder), *_rewards(value), *(_rewards_of_steps(value))]
    result, odd = converted(value, TrialResult)
    return ReadResult(result, (*doubts, *said, *odd, *_counts(result)))


def is_of_job(data: bytes) -> bool | None:
    """Say whether a ``result.json`` is a job's. None: it cannot be told from the file."""
    try:
        value, _ = read_json(data)
    except JsonUnreadable:
        return None
    if any(each in value for each in _SIGNS):
        return False
    return True if any(each in value for each in _JOBS) else None


def is_config_of_job(data: bytes) -> bool | None:
    """Say whether a ``config.json`` is a job's. None: it cannot be told from the file."""
    try:
        value, _ = read_json(data)
    except JsonUnreadable:
        return None
    if "task" in value or "trial_name" in value:
        return False
    return True if any(each in value for each in _CONFIG) else None


def read_job_config(data: bytes) -> JobConfig:
    """Read a job's configuration.

    Raises:
        JsonUnreadable: It is none.
    """
    return converted(read_json(data)[0], JobConfig)[0]


def expected_trials(data: bytes) -> int | None:
    """Say how many trials a job's result says there are. None: it does not.

    Raises:
        JsonUnreadable: It is no object.
    """
    found = read_json(data)[0].get("n_total_trials")
    return found if type(found) is int and found >= 0 else None


def _filled(value: dict[str, Any], folder: str) -> list[str]:
    """Put in what every result has, where it is missing or of another type."""
    said: list[str] = []
    config = value["config"] if isinstance(value.get("config"), dict) else {}
    agent = config["agent"] if isinstance(config.get("agent"), dict) else {}
    task = folder.rpartition("__")[0] or folder
    name = agent.get("name") if isinstance(agent.get("name"), str) and agent.get("name") else _UNKNOWN
    if not isinstance(value.get("agent_info"), dict) or not isinstance(value["agent_info"].get("name"), str):
        value["agent_info"] = {"name": name, "version": _UNKNOWN}
        said.append(f"agent_info is missing: the agent is called {name}")
    elif not isinstance(value["agent_info"].get("version"), str):
        value["agent_info"]["version"] = _UNKNOWN
    if not isinstance(value.get("task_name"), str) or not value["task_name"].strip():
        value["task_name"] = task
        said.append(f"task_name is missing: the task is called {task} after the folder")
    for key, instead in (("id", ""), ("trial_name", folder), ("trial_uri", ""), ("task_checksum", "")):
        if not isinstance(value.get(key), str):
            value[key] = instead
    if not isinstance(value.get("task_id"), dict):
        value["task_id"] = {}
    config.setdefault("task", {})
    config.setdefault("trial_name", folder)
    value["config"] = config
    return said


def _rewards(within: dict[str, Any], at: str = "") -> list[str]:
    """Put None for each reward that is no finite number: a malformed reward is no verdict, and never a 0."""
    verdict = within.get("verifier_result")
    if verdict is None:
        return []
    rewards = verdict.get("rewards") if isinstance(verdict, dict) else verdict
    if rewards is None:
        return []
    if not isinstance(rewards, dict):
        within["verifier_result"] = {"rewards": {"reward": None}}
        return [f"{at}verifier_result holds no rewards by name: it counts as malformed"]
    read = {name: _reward(each) for name, each in rewards.items()}
    within["verifier_result"] = {"rewards": read}
    said = {name: _oddity(rewards[name], each) for name, each in read.items()}
    return [f"{at}rewards[{name[:40]!r}] is {oddity}" for name, oddity in said.items() if oddity]


def _rewards_of_steps(value: dict[str, Any]) -> list[str]:
    steps = value.get("step_results")
    said: list[str] = []
    for place, step in enumerate(steps if isinstance(steps, list) else []):
        said += _rewards(step, f"step_results[{place}].") if isinstance(step, dict) else []
    return said


def _reward(value: object) -> float | None:
    """Give a reward; a boolean is 1.0 or 0.0, as for Harbor. None: it is none."""
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _oddity(value: object, read: float | None) -> str:
    """Say what an author of a verifier would want to know of a reward; empty: nothing."""
    if read is None:
        return "no finite number: it counts as malformed"
    if isinstance(value, bool):
        return f"{str(value).lower()}: it counts as {read}, as for Harbor"
    return f"{value}, below 0: it counts as it is" if read < 0 else ""


def _counts(result: TrialResult) -> list[str]:
    """Name counts and prices that cannot be: `stated` leaves them out."""
    took = [result.agent_result, *(each.agent_result for each in result.step_results or ())]
    return [
        f"agent_result.{name} is {value}: it counts as missing"
        for each in took
        if each is not None
        for name, value in _figures(each)
        if value is not None and not _possible(name, value)
    ]


def stated(took: AgentResult) -> AgentResult:
    """Give what acting took, without figures that cannot be."""
    known = {name: value if value is not None and _possible(name, value) else None for name, value in _figures(took)}
    return AgentResult(
        n_input_tokens=_whole(known["n_input_tokens"]),
        n_cache_tokens=_whole(known["n_cache_tokens"]),
        n_output_tokens=_whole(known["n_output_tokens"]),
        cost_usd=known["cost_usd"],
    )


def _figures(took: AgentResult) -> list[tuple[str, float | None]]:
    return [
        ("n_input_tokens", took.n_input_tokens),
        ("n_cache_tokens", took.n_cache_tokens),
        ("n_output_tokens", took.n_output_tokens),
        ("cost_usd", took.cost_usd),
    ]


def _possible(name: str, value: float) -> bool:
    return 0 <= value <= DEAREST if name == "cost_usd" else value >= 0


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
