"""How an attempt's agent ended, where its model did not answer: whose doing that was.

Source: none of the peers; SPARK takes a failed call for the agent's (W8). Pure, from recorded facts, and the same for
the shell agent and for installed agents:

* what the provider did (an outage, a limit, a key, a request it refuses) is never the agent's, and nothing is verified;
* a conversation that is too long is the agent's, who made it, but not before its first action: then it is as given;
* a failure that was followed by an answer is none.
"""

from typing import Final, Literal, assert_never

from msgspec import Struct

Reason = Literal[
    "done",
    "turn_limit",
    "token_limit",
    "time_limit",
    "cost_limit",
    "disk_limit",
    "budget",
    "context_limit",
    "failed",
]
"""As ``AgentEnded`` has it; `failed` is never a score."""

_GIVEN_TOO_LONG: Final = (
    "nothing was done yet, so the task itself is too long for this model as it is asked: name a model with a larger "
    "window, or lower max_tokens in its parameters"
)


class CallFailure(Struct, frozen=True):
    """A call of a model that was not answered."""

    kind: str
    """As ``ModelFailed`` has it."""
    detail: str


class RunFacts(Struct, frozen=True):
    """What is known of the run of an agent of another make."""

    stopped: Literal["turn_limit", "token_limit", "cost_limit", "budget"] | None
    """Why the gateway let no further call pass. None: it let them all."""
    ended: Literal["exited", "timed_out", "output_limit", "memory", "disk"]
    exit_code: int | None
    """None if a limit killed it."""
    calls: int
    answered: int
    unanswered: tuple[CallFailure, ...]
    """Calls that failed after the last one that was answered, in their order."""
    cut: int
    """Calls that were in flight when it ended."""
    acted: bool
    """Whether it used a tool, as far as it tells."""
    stderr: str


class Ending(Struct, frozen=True):
    """How it ended."""

    reason: Reason
    detail: str


def unanswered(failure: CallFailure, *, acted: bool) -> Ending:
    """Say how an attempt ends at a call that was not answered.

    Args:
        failure: The call's.
        acted: Whether the agent has done anything in this attempt.
    """
    said = f"{failure.kind}: {failure.detail}"
    if failure.kind != "context_length":
        return Ending("failed", said)
    return Ending("context_limit", said) if acted else Ending("failed", f"{said}; {_GIVEN_TOO_LONG}")


def has_verdict(reason: Reason, *, acted: bool) -> bool:
    """Say whether what an agent left is worth a verdict.

    Not where its model was gone, nor where a cap on money let it do nothing at all: the untouched task would score 0.

    Args:
        reason: How it ended.
        acted: Whether it has done anything in this attempt.
    """
    return reason != "failed" and (acted or reason != "budget")


def ending_of(run: RunFacts) -> Ending:
    """Say how an agent of another make ended. Its exit code alone says nothing: each make has its own."""
    last = unanswered(run.unanswered[-1], acted=run.acted) if run.unanswered else None
    gone = last is not None and last.reason == "failed"
    if run.stopped is not None and not (gone and run.stopped == "budget"):  # failed calls cost money, too
        return Ending(run.stopped, f"the gateway let no further call pass ({run.stopped})")
    if run.ended == "disk":
        return Ending("disk_limit", "the agent wrote more than its sandbox may hold")
    if gone:
        assert last is not None
        return last
    match run.ended:
        case "timed_out" if run.answered:
            return Ending("time_limit", "the agent ran out of time")
        case "timed_out":
            return _without_failures(run)
        case "exited" | "output_limit" | "memory":
            return last or _without_failures(run)
        case _:
            assert_never(run.ended)


def _without_failures(run: RunFacts) -> Ending:
    """Judge by what else there is: whether it had an answer at all, or gave up while it waited for one."""
    if not run.answered:
        what = f"none of its {run.calls} calls was answered" if run.calls else "it never called its model"
        return Ending("failed", f"{what} (exit code {run.exit_code}): {run.stderr[-500:]}")
    if run.cut and run.exit_code not in {0, None}:
        return Ending(
            "failed", f"it gave up while a call was not answered (exit code {run.exit_code}): {run.stderr[-500:]}"
        )
    return Ending("done", f"exit code {run.exit_code}")
