"""What a run that evolves libraries says of one of its skills, as views need it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from engine.core.fold import fold_run
from engine.policies.library.patch import Patch
from events.digest import Digest
from events.store.base import EventLog, Selection
from events.types.evaluation import CellUnscored, EvaluationScored
from projections.exposure import AttemptExposure, Exposure, Exposures
from projections.library import Revision, Skill, is_evolved


class WrittenFrom(msgspec.Struct, frozen=True):
    """What the side file of a revision says; of a curated skill, the suite."""

    family: str = ""
    task: str = ""
    """From whose trial its author wrote it; of a first draft, the family."""
    patch: Digest | None = None
    """Blob: the `Patch`. None: nobody of the run wrote it."""
    cells: tuple[str, ...] = ()
    """Streams of the trials that its author was told of."""
    skill: str = ""
    """Id of a curated skill, such as ``E1-LS1.rows``."""


class ScoredSuiteTrial(msgspec.Struct, frozen=True):
    """A row of `TrialsScored.rows`, as far as it is told."""

    task: str
    role: str
    family: str
    passing: str
    stream: str
    """Of the cell. Empty: it was not begun."""
    solved: bool | None = None
    reward: float | None = None
    reason: str | None = None

    @property
    def outcome(self) -> str:
        """Say how it ended."""
        if self.solved is None:
            return f"no score: {self.reason or 'nothing says why'}"
        reward = "" if self.reward is None else f", reward {self.reward:g}"
        return f"{'solved' if self.solved else 'failed'}{reward}"


class WrittenRevision(NamedTuple):
    """A revision, and what it was written from."""

    revision: Revision
    origin: WrittenFrom
    patch: Patch | None
    """None: nobody of the run wrote it."""


NOTHING: Final = WrittenFrom()


def is_of_library(skill: Skill) -> bool:
    """Say whether a skill is of a library that a run evolves."""
    return skill.library is not None and is_evolved(skill.library)


async def written_revisions(log: EventLog, skill: Skill) -> list[WrittenRevision]:
    """Read what the revisions of a skill were written from, the first one first."""
    found = []
    for revision in skill.revisions:
        origin = NOTHING
        if revision.provenance is not None:
            origin = msgspec.json.decode(await log.get(revision.provenance), type=WrittenFrom)
        patch = None if origin.patch is None else msgspec.json.decode(await log.get(origin.patch), type=Patch)
        found.append(WrittenRevision(revision, origin, patch))
    return found


def family_of(revisions: Sequence[WrittenRevision]) -> str:
    """Name the family that a skill belongs to. Empty: nothing says."""
    origin = revisions[0].origin if revisions else NOTHING
    return origin.family or origin.skill.partition(".")[0]


async def rows_in(log: EventLog, rows: Digest) -> tuple[ScoredSuiteTrial, ...]:
    """Read a table of trials."""
    return msgspec.json.decode(await log.get(rows), type=tuple[ScoredSuiteTrial, ...])


async def score_places(log: EventLog, run: str) -> Mapping[str, int]:
    """Give the place of the score of each cell of a run, by stream."""
    wanted = Selection(run=run, tags={"evaluation.scored", "cell.unscored", "evaluation.found"})
    found: dict[str, int] = {}
    async for each in log.read(wanted):
        if isinstance(each.event, EvaluationScored | CellUnscored) or each.stream.name not in found:
            found[each.stream.name] = each.version
    return found


async def read_by(log: EventLog, run: str) -> Mapping[str, Mapping[str, Exposure]]:
    """Say by trial which of the skills that it was given its last attempt read."""
    (state,) = await fold_run(log, [Exposures()], run, erased=set())
    last: dict[str, AttemptExposure] = {}
    for each in state.runs.get(run, {}).values():
        if each.trial not in last or each.attempt > last[each.trial].attempt:
            last[each.trial] = each
    return {trial: each.skills for trial, each in last.items()}


def trial_in(cell: str) -> str:
    """Name the trial of a cell of a task, by the cell's stream."""
    return cell.partition("/")[2]
