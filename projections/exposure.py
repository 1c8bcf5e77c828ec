"""Exposure: which skills an agent read, of those that it was given, as far as anybody can know.

It rests on what the kernel told of each file while a command of the agent ran (`ActionObserved.reads`), or while an
installed agent ran as a whole (`AgentRunFinished.reads`). A skill was read if bytes of a file of it were; whether the
agent then went by it is not said.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec

from events.base import Recorded
from events.digest import Digest
from events.streams import attempt_of, trial_of
from events.types.agent import AgentRunFinished, SkillRead
from events.types.condition import read_condition
from events.types.sandbox import ActionObserved, SandboxAsked
from projections.base import Blobs

Exposure: TypeAlias = Literal["yes", "no", "unknown"]
"""yes: bytes of the skill were read. no: none were, and nothing can have been missed. unknown: nobody can know."""

HEAD = "SKILL.md"
"""The file that installed agents read of every skill when they start, whether they use it or not."""


def exposure_in(
    skills: Iterable[str], touched: Iterable[tuple[SkillRead, ...] | None], *, heads: bool = False
) -> dict[str, Exposure]:
    """Say of each skill whether it was read.

    Args:
        skills: Names of those that were given.
        touched: What was touched, command by command. None among them: nobody can know of that command.
        heads: Whether the agent reads the `HEAD` of each skill by itself, so that this says nothing.
    """
    told = list(touched)
    reads = [each for some in told if some is not None for each in some]
    return {name: _of(name, reads, missed=None in told, heads=heads) for name in skills}


def _of(skill: str, reads: Iterable[SkillRead], *, missed: bool, heads: bool) -> Exposure:
    of_it = [each for each in reads if each.name.partition("/")[0] == skill]
    if any(each.read and not (heads and each.name == f"{skill}/{HEAD}") for each in of_it):
        return "yes"
    # A file that was opened and not read may have been mapped into memory, of which the kernel does not tell.
    return "unknown" if missed or of_it else "no"


def read_of(exposures: Iterable[Exposure]) -> Exposure | None:
    """Say of several skills, or of several attempts, whether anything was read. None: there are none."""
    said = set(exposures)
    order: tuple[Exposure, ...] = ("yes", "unknown", "no")
    return next((each for each in order if each in said), None)


class AttemptExposure(msgspec.Struct):
    """What one attempt read."""

    trial: str
    attempt: int
    given: tuple[str, ...]
    """Names of the skills that it was given."""
    skills: dict[str, Exposure]
    """By name."""


class ExposureState(msgspec.Struct):
    """All attempts that were told of skills."""

    runs: dict[str, dict[str, AttemptExposure]] = {}
    """By run, and by stream of the attempt."""


class Exposures:
    """The projection."""

    name = "exposure"
    revision = 1
    tags: frozenset[str] | None = frozenset({"sandbox.asked", "action.observed", "agent.run_finished"})

    def initial(self) -> ExposureState:
        """No attempts."""
        return ExposureState()

    def state_type(self) -> type[ExposureState]:
        """For snapshots."""
        return ExposureState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Conditions, which name the skills that are given."""
        asked = recorded.event
        return (asked.condition,) if isinstance(asked, SandboxAsked) and asked.condition is not None else ()

    def apply(self, state: ExposureState, recorded: Recorded, blobs: Blobs) -> ExposureState:
        """Fold one event in."""
        run, stream = recorded.stream
        match recorded.event:
            case SandboxAsked() as asked if asked.condition is not None:
                given = _given(blobs.get(asked.condition))
                state.runs.setdefault(run, {})[stream] = AttemptExposure(
                    trial_of(stream) or stream, attempt_of(stream) or 0, given, exposure_in(given, ())
                )
            case ActionObserved() as observed if (attempt := _attempt(state, recorded)) is not None:
                attempt.skills = _joined(attempt.skills, exposure_in(attempt.given, [observed.reads]))
            case AgentRunFinished() as ended if (attempt := _attempt(state, recorded)) is not None:
                attempt.skills = exposure_in(attempt.given, [ended.reads], heads=True)
            case _:
                pass
        return state


def _given(condition: bytes | None) -> tuple[str, ...]:
    """Name the skills of a condition. Empty, too, where its bytes are gone or are none."""
    try:
        skills = None if condition is None else read_condition(condition).skills
    except msgspec.MsgspecError:
        return ()
    return tuple(each.name for each in skills or ())


def _attempt(state: ExposureState, recorded: Recorded) -> AttemptExposure | None:
    return state.runs.get(recorded.stream.run, {}).get(recorded.stream.name)


def _joined(before: Mapping[str, Exposure], now: Mapping[str, Exposure]) -> dict[str, Exposure]:
    """Add what one more command read to what those before it read."""
    order: tuple[Exposure, ...] = ("yes", "unknown", "no")
    return {name: min(before[name], now[name], key=order.index) for name in before}
