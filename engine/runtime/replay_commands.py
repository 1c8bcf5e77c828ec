"""Rebuilding: a sandbox that ended with its process is made again, and what was done in it is done again.

Commands need not do the same twice: clocks, random names and the network differ. Where one ends otherwise than it is
recorded to have ended, what follows would rest on another past, and the attempt is abandoned as if nothing could be
rebuilt. Output alone may differ: it was observed as recorded, and what it is now is kept beside.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.core.ports import EffectAddress, Port
from events.base import Event, LookupAsked, Recorded, Ref
from events.codec import tag_of
from events.types.attempt import AttemptJudged
from events.types.budget import BudgetAsked
from events.types.model import ModelAsked, RetryAsked
from events.types.sandbox import (
    ActionAsked,
    ActionObserved,
    FilesAsked,
    FilesTaken,
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    SandboxOpened,
    SandboxReleased,
    SolutionAsked,
    VerifierRewarded,
    VerifierSilent,
    VerifyAsked,
)
from events.types.session import OutputDiffered, SandboxRebuilt, ScopeStopped

REPEATABLE: Final = (
    ActionAsked,
    BudgetAsked,
    FilesAsked,
    LookupAsked,
    ModelAsked,
    ReleaseAsked,
    RetryAsked,
    SandboxAsked,
    SolutionAsked,
    VerifyAsked,
)
"""What may be asked between the opening of a sandbox and its end, and leaves nothing in it but what commands do."""


class RecordedAction(NamedTuple):
    """Something that was done in a sandbox."""

    asked: Recorded
    observed: ActionObserved


class SandboxHistory(NamedTuple):
    """A sandbox that a stream relies on, and what was done in it so far."""

    asked: SandboxAsked
    opened: Recorded
    done: tuple[RecordedAction, ...]
    beyond: str | None
    """Tag of something done in it that running commands does not do again. None: there is no such thing."""


def held(history: Sequence[Recorded]) -> SandboxHistory | None:
    """Say which sandbox a stream's history relies on. None: none yet, or none any more: it was judged, or it broke."""
    asked: dict[Ref, Recorded] = {}
    found: SandboxHistory | None = None
    for recorded in history:
        before = None if recorded.cause is None else asked.get(recorded.cause)
        match recorded.event:
            case SandboxOpened() if before is not None and isinstance(before.event, SandboxAsked):
                found = SandboxHistory(before.event, recorded, (), None)
            case (
                VerifierRewarded()
                | VerifierSilent()
                | FilesTaken()
                | SandboxFailed()
                | SandboxReleased()
                | AttemptJudged()
            ):
                found = None
            case ActionObserved() as seen if found is not None and before is not None:
                found = found._replace(done=(*found.done, RecordedAction(before, seen)))
            case event if tag_of(event).endswith("asked"):
                asked[recorded.ref] = recorded
                if found is not None and not isinstance(event, REPEATABLE):
                    found = found._replace(beyond=tag_of(event))
            case _:
                pass
    return found


async def rebuild(lost: SandboxHistory, port: Port, place: EffectAddress) -> SandboxRebuilt | ScopeStopped:
    """Make a sandbox again, up to where the recorded one was.

    Args:
        lost: The recorded one.
        port: Answers what is asked of sandboxes.
        place: The stream that relies on it.
    """
    if lost.beyond is not None:
        return _not(f"{lost.beyond} is not done again")
    opened = await port(lost.asked, place)
    if isinstance(opened, SandboxFailed):
        return _not(f"no sandbox could be opened: {opened.detail}")
    differing: list[OutputDiffered] = []
    for number, each in enumerate(lost.done, start=1):
        seen = await port(each.asked.event, place._replace(version=each.asked.version))
        problem = _otherwise(each.observed, seen)
        if problem is not None:
            return _not(f"command {number} of {len(lost.done)}, run again, {problem}")
        assert isinstance(seen, ActionObserved)
        if (seen.stdout, seen.stderr) != (each.observed.stdout, each.observed.stderr):
            differing.append(OutputDiffered(each.asked.ref, seen.stdout, seen.stderr))
    return SandboxRebuilt(place.stream, len(lost.done), tuple(differing))


def _otherwise(recorded: ActionObserved, seen: Event) -> str | None:
    """Say in what a command ended otherwise than recorded. None: in nothing that counts."""
    match seen:
        case ActionObserved():
            if (seen.ended, seen.exit_code) == (recorded.ended, recorded.exit_code):
                return None
            return f"ended with {_end(seen)}, and not with {_end(recorded)}"
        case SandboxFailed():
            return f"broke the sandbox: {seen.detail}"
        case _:
            raise AssertionError(f"a command was answered with {seen!r}")


def _end(observed: ActionObserved) -> str:
    return f"exit code {observed.exit_code}" if observed.ended == "exited" else observed.ended.replace("_", " ")


def _not(why: str) -> ScopeStopped:
    return ScopeStopped("sandbox_lost", f"the sandbox ended with the process that held it; rebuilding failed: {why}")
