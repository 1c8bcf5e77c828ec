"""What broke in an attempt, in Harbor's words: ``exception_info`` of a trial.

Where Harbor has a name for it, that is used (reference, b.4); where it has none, ours.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, assert_never

from engine.importers.harbor.schema import ExceptionInfo
from events.base import Recorded
from events.types.agent import AgentRunFinished
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, ImportedAttempt
from events.types.model import ModelAnswered, ModelFailed
from events.types.sandbox import SandboxFailed, VerifierSilent
from replay.export.atif.steps import timestamp

_SANDBOX: Final[Mapping[str, str]] = {
    "unavailable": "SandboxUnavailable",
    "lost": "SandboxLost",
    "unsupported": "SandboxUnsupported",
}
_VERIFIER: Final[Mapping[str, str]] = {
    "no_reward_file": "RewardFileNotFoundError",
    "empty_reward_file": "RewardFileEmptyError",
    "malformed_reward": "VerifierOutputParseError",
    "timed_out": "VerifierTimeoutError",
}
"""By our reason; others are told as `NoVerdict`."""
_MODEL: Final[Mapping[str, str]] = {
    "authentication": "AgentAuthenticationError",
    "rate_limit": "ApiRateLimitError",
    "context_length": "ContextWindowExceededError",
    "refusal": "AgentSafetyRefusalError",
    "server": "ApiInternalServerError",
    "network": "NetworkConnectionError",
}
"""By the kind of a failed call; others are told as `UnknownApiError`."""
_NAMED: Final = re.compile(r"([A-Za-z_]\w{0,79}): ")
_NO_VERDICT: Final = "NoVerdict"
_Trouble: TypeAlias = SandboxFailed | VerifierSilent | AgentEnded | AttemptAbandoned


class HarborProblem(NamedTuple):
    """A problem."""

    name: str
    message: str


def problem_of(history: Sequence[Recorded]) -> ExceptionInfo | None:
    """Say what broke in an attempt. None: nothing did, and it was judged or goes on."""
    found: ExceptionInfo | None = None
    call: str | None = None
    imported = ""
    for recorded in history:
        match recorded.event:
            case ModelAnswered() | ModelFailed() | AgentRunFinished() as event:
                call = _failed_last(event)
                continue
            case ImportedAttempt() as event:
                imported = event.error
                continue
            case AttemptJudged() as event if found is None:
                told = _unjudged(event, imported)
            case AttemptAbandoned(reason="infrastructure") if found is not None:
                continue  # the sandbox said more
            case SandboxFailed() | VerifierSilent() | AgentEnded() | AttemptAbandoned() as event:
                told = _told(event, call)
            case _:
                continue
        if told is not None:
            found = ExceptionInfo(told.name, told.message, "", timestamp(recorded.at))
    return found


def _failed_last(event: ModelAnswered | ModelFailed | AgentRunFinished) -> str | None:
    """Give the kind of the last call of a model. None: it was answered."""
    match event:
        case ModelFailed(kind=kind):
            return kind
        case AgentRunFinished(unanswered=(*_, last)):
            return last.kind
        case _:
            return None


def _told(event: _Trouble, call: str | None) -> HarborProblem | None:
    """Name a trouble; `call` is the kind of the last call of a model, if it failed."""
    match event:
        case SandboxFailed():
            return HarborProblem(_SANDBOX[event.kind], event.detail)
        case VerifierSilent():
            return silent(event.reason, event.detail)
        case AgentEnded(reason="time_limit"):
            return HarborProblem("AgentTimeoutError", event.detail)
        case AgentEnded(reason="failed"):
            return HarborProblem("AgentFailed" if call is None else _MODEL.get(call, "UnknownApiError"), event.detail)
        case AgentEnded():
            return None
        case AttemptAbandoned():
            return HarborProblem("CancelledError" if event.reason == "stopped" else _SANDBOX["lost"], event.detail)
        case _:
            assert_never(event)


def silent(reason: str, detail: str) -> HarborProblem:
    """Name what became of a verifier that left no usable reward."""
    return HarborProblem(_VERIFIER.get(reason, _NO_VERDICT), f"{reason}: {detail}")


def _unjudged(judged: AttemptJudged, imported: str) -> HarborProblem | None:
    """Tell an attempt that has no score, or whose source names an error beside it."""
    named = _NAMED.match(imported)
    if named is not None:
        return HarborProblem(named[1], imported[named.end() :])
    if judged.outcome.reward is not None:
        return None
    return HarborProblem(
        _NO_VERDICT if judged.outcome.kind == "no_verdict" else "Infrastructure", judged.outcome.reason
    )
