"""What a job folder says of its trials, in our words: pure, so that its verdicts can be reached again from files."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from engine.importers.harbor.schema import ExceptionInfo, TrialResult
from events.values import Outcome

IMPORTED: Final = "imported"
_VERIFIER: Final[Mapping[str, str]] = {
    "RewardFileNotFoundError": "no_reward_file",
    "RewardFileEmptyError": "empty_reward_file",
    "VerifierOutputParseError": "malformed_reward",
    "VerifierTimeoutError": "timed_out",
}
"""Exceptions that say that the verifier ran and left no usable reward (reference, b.4), and our word for each."""
_REWARD: Final = "reward"
_LONGEST_ERROR: Final = 4_000
_LONGEST_NAME: Final = 200
_UNPRINTED: Final = re.compile(r"[\x00-\x1f\x7f]+")


class ImportedTrialKey(NamedTuple):
    """Where a trial of Harbor's stands among ours."""

    trial: str
    attempt: int
    """From 1."""
    task: str
    condition: str


def places(results: Mapping[str, TrialResult]) -> dict[str, ImportedTrialKey]:
    """Say which trial and attempt of ours each trial of Harbor's is, in the order in which they began.

    Harbor's trials of one task are independent of each other, as our `repeats` are: each is a trial of one attempt.
    Only where all of them were exported by us do they say themselves which attempts at the same trial they are.

    Args:
        results: By folder of the trial.
    """
    ours = {folder: _own(result) for folder, result in results.items()}
    told = [place for place in ours.values() if place is not None]
    if len(told) == len(results) and len({place[:2] for place in told}) == len(told):
        return {folder: place for folder, place in sorted(ours.items(), key=_by_place) if place is not None}
    who = {_who(result) for result in results.values()}
    ordered = sorted(results, key=lambda folder: (_who(results[folder]), results[folder].started_at or "", folder))
    by_task: dict[str, list[str]] = {}
    for folder in ordered:
        by_task.setdefault(printed(results[folder].task_name), []).append(folder)
    found: dict[str, ImportedTrialKey] = {}
    taken: set[str] = set()
    for task, folders in sorted(by_task.items()):
        for number, folder in enumerate(folders, start=1):
            name = task.replace("/", "--") + ("" if len(folders) == 1 else f".{number}")
            while name in taken:
                name += "_"
            taken.add(name)
            found[folder] = ImportedTrialKey(name, 1, task, _who(results[folder]) if len(who) > 1 else IMPORTED)
    return found


def outcome_of(result: TrialResult) -> Outcome:
    """Say how a trial ended, in our words: what broke and what was not scored is never a score of 0."""
    rewards = {} if result.verifier_result is None else result.verifier_result.rewards or {}
    named = _REWARD if _REWARD in rewards else next(iter(rewards)) if len(rewards) == 1 else None
    reward = None if named is None else rewards[named]
    if reward is not None:
        return Outcome("solved" if reward >= 1.0 else "failed", reward, "")
    problem = problem_of(result)
    if named is not None:
        return Outcome("no_verdict", None, f"malformed_reward: {named!r} is no finite number")
    if rewards:
        names = ", ".join(sorted(rewards))
        return Outcome("no_verdict", None, f"ambiguous_reward: {names}: none of them is named 'reward'")
    if problem is None:
        return Outcome("no_verdict", None, "the trial holds no reward")
    known = _VERIFIER.get(problem.exception_type)
    if known is not None:
        return Outcome("no_verdict", None, f"{known}: {problem.exception_message}"[:_LONGEST_ERROR])
    return Outcome("infrastructure", None, error_of(result))


def problem_of(result: TrialResult) -> ExceptionInfo | None:
    """Give the exception of a trial, or of the first of its steps that has one. None: nothing broke."""
    if result.exception_info is not None:
        return result.exception_info
    return next((each.exception_info for each in result.step_results or () if each.exception_info is not None), None)


def was_cancelled(result: TrialResult) -> bool:
    """Say whether a person or a dying job stopped it."""
    problem = problem_of(result)
    return problem is not None and problem.exception_type == "CancelledError"


def error_of(result: TrialResult) -> str:
    """Give a trial's error as ``Type: message``; empty if there is none."""
    problem = problem_of(result)
    if problem is None:
        return ""
    text = f"{problem.exception_type}: {problem.exception_message}"
    return text if len(text) <= _LONGEST_ERROR else text[:_LONGEST_ERROR] + " …"


def model_of(result: TrialResult) -> str | None:
    """Give the model as Harbor configures it, ``provider/name``. None: none was asked, or none is named."""
    info = result.agent_info.model_info
    if info is None:
        return result.config.agent.model_name
    return info.name if info.provider is None else f"{info.provider}/{info.name}"


def _who(result: TrialResult) -> str:
    model = model_of(result)
    return result.agent_info.name if model is None else f"{result.agent_info.name} {model}"


def _own(result: TrialResult) -> ImportedTrialKey | None:
    """Read what our own export says of the attempt. None: it says nothing, or is none."""
    metadata = None if result.agent_result is None else result.agent_result.metadata
    told: Any = (metadata or {}).get("stillroom")
    match told:
        case {"trial": str(trial), "attempt": int(attempt), "condition": str(condition)} if attempt > 0:
            return ImportedTrialKey(printed(trial), attempt, printed(result.task_name), printed(condition))
        case _:
            return None


def _by_place(each: tuple[str, ImportedTrialKey | None]) -> tuple[str, int]:
    place = each[1]
    return ("", 0) if place is None else (place.trial, place.attempt)


def printed(text: str) -> str:
    """Give a name as it can be shown: of bounded length, and without control characters."""
    return _UNPRINTED.sub("-", text)[:_LONGEST_NAME] or "task"
