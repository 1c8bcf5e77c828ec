"""Which skill bytes were in play for which output, both ways: conditions name the bytes, and outputs their condition.

An output is an attempt of an agent, a rollout of an item, or a cell of an evaluation. That bytes were in play says that
they were mounted, shown, or scored as part of the condition; whether an agent read them is `exposure`'s to say.
"""

from typing import Literal, TypeAlias

import msgspec

from events.base import Recorded
from events.digest import Digest, Fingerprint
from events.streams import ATTEMPT, family_of
from events.types.agent import AgentRunFinished
from events.types.condition import SkillRef, read_condition
from events.types.evaluation import CellOpened
from events.types.item import ItemOpened
from events.types.sandbox import SandboxAsked
from events.values import NamedDigest
from projections.base import Blobs
from projections.library import folder_digest

OutputKind: TypeAlias = Literal["attempt", "item", "cell"]


class SkillBytes(msgspec.Struct, frozen=True):
    """A skill as it was given."""

    name: str
    digest: Fingerprint
    """Of its folder, as `skills list` prints it."""
    files: tuple[NamedDigest, ...]
    """By path below its folder."""


class SkillOutput(msgspec.Struct, frozen=True):
    """Something that was made with skills, or without any."""

    run: str
    stream: str
    kind: OutputKind
    skills: tuple[SkillBytes, ...] | None
    """None: nobody can know, as its condition was erased."""
    condition: Digest | None
    """None: the end of an installed agent says what was mounted, and no condition does."""
    position: int
    at: int
    """Microseconds since 1970, UTC."""
    whole: bool
    """Whether the text of each ``SKILL.md`` stood in what the model was sent, so that there is nothing to read."""


class SkillOutputsState(msgspec.Struct):
    """All outputs of a log that were told of skills, by run and stream, in the order in which they came."""

    runs: dict[str, dict[str, SkillOutput]] = {}


class SkillOutputs:
    """The projection."""

    name = "skill_outputs"
    revision = 1
    tags: frozenset[str] | None = frozenset({"cell.opened", "item.opened", "sandbox.asked", "agent.run_finished"})

    def initial(self) -> SkillOutputsState:
        """No outputs."""
        return SkillOutputsState()

    def state_type(self) -> type[SkillOutputsState]:
        """For snapshots."""
        return SkillOutputsState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Conditions, which name the skills that are given."""
        event = recorded.event
        condition = event.condition if isinstance(event, CellOpened | ItemOpened | SandboxAsked) else None
        return () if condition is None else (condition,)

    def apply(self, state: SkillOutputsState, recorded: Recorded, blobs: Blobs) -> SkillOutputsState:
        """Fold one event in."""
        match recorded.event:
            case CellOpened() as opened:
                _add(state, recorded, "cell", opened.condition, _given(blobs.get(opened.condition)), whole=False)
            case ItemOpened() as opened:
                _add(
                    state,
                    recorded,
                    "item",
                    opened.condition,
                    _given(blobs.get(opened.condition)),
                    whole=opened.way != "agent",
                )
            case SandboxAsked() as asked if asked.condition is not None:
                _add(state, recorded, "attempt", asked.condition, _given(blobs.get(asked.condition)), whole=False)
            case AgentRunFinished() as ended if recorded.stream.name not in state.runs.get(recorded.stream.run, {}):
                _add(state, recorded, "attempt", None, _by_skill(ended.skills), whole=False)
            case _:
                pass
        return state


def _add(
    state: SkillOutputsState,
    recorded: Recorded,
    kind: OutputKind,
    condition: Digest | None,
    skills: tuple[SkillBytes, ...] | None,
    *,
    whole: bool,
) -> None:
    run, stream = recorded.stream
    if kind == "attempt" and family_of(stream) != ATTEMPT:
        return
    state.runs.setdefault(run, {})[stream] = SkillOutput(
        run, stream, kind, skills, condition, recorded.position, recorded.at, whole
    )


def _given(condition: bytes | None) -> tuple[SkillBytes, ...] | None:
    """Give the skills of a condition. None: its bytes are gone."""
    try:
        skills: tuple[SkillRef, ...] = () if condition is None else read_condition(condition).skills or ()
    except msgspec.MsgspecError:
        return None
    return None if condition is None else tuple(SkillBytes(each.name, each.digest, each.files) for each in skills)


def _by_skill(files: tuple[NamedDigest, ...]) -> tuple[SkillBytes, ...]:
    """Tell skills apart, in the folder of which each path begins."""
    found: dict[str, list[NamedDigest]] = {}
    for each in files:
        skill, _, path = each.name.partition("/")
        found.setdefault(skill, []).append(NamedDigest(path, each.digest))
    return tuple(SkillBytes(name, folder_digest(tuple(some)), tuple(some)) for name, some in sorted(found.items()))


def touched_by(skill: SkillBytes, beginning: str) -> bool:
    """Say whether a digest, or its beginning, names a skill's folder or a file of it."""
    return skill.digest.startswith(beginning) or any(each.digest.startswith(beginning) for each in skill.files)
