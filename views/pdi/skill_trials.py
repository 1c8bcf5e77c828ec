"""Trials that left a skill: those of runs that are named, or of the whole log, each once though a fork shares it."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.core.fold import fold_many
from engine.core.lineage import FORKED
from events.store.base import EventLog, Selection
from projections.pdi.retrospective_view import Retrospective, RetrospectiveState
from projections.pdi.skill_origins import SkillOrigin, SkillOrigins
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog


class SkillTrials(NamedTuple):
    """What was folded of them."""

    origins: tuple[SkillOrigin, ...]
    """In the order of the log; those that forks distilled come last."""
    retrospective: RetrospectiveState
    """Of the same trials."""
    trials: int
    """Trials that explored, with or without a skill; one that leaves a skill in a fork, too, counts for both."""


async def read_skill_trials(desk: OpenedLog, runs: Sequence[str]) -> SkillTrials:
    """Read the trials of some runs, or of all if none is named.

    A run that is named has what it shares with its ancestors. Of all runs a fork adds only what it distilled itself.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or several.
        BlobMissing: A text that a measure rests on is gone.
    """
    if runs:
        named = dict.fromkeys([await find_run(desk.log, each) for each in runs])
        return _joined([await _read(desk.log, Selection(run=run)) for run in named])
    whole = await _read(desk.log, Selection())
    forks = {each.stream.run async for each in desk.log.read(Selection(tags={FORKED}))}
    skills = desk.log.read(Selection(tags={"skill.revised", "skill.imported"}))
    own = {(each.stream.run, each.stream.name.partition("/")[2]) async for each in skills}
    return _joined([whole, *[_of_fork(await _read(desk.log, Selection(run=run)), own) for run in sorted(forks)]])


async def _read(log: EventLog, selection: Selection) -> SkillTrials:
    origins, measured = await fold_many(log, (SkillOrigins(), Retrospective()), selection)
    return SkillTrials(tuple(origins.origins), measured, origins.trials)


def _of_fork(read: SkillTrials, own: set[tuple[str, str]]) -> SkillTrials:
    """Leave what its ancestors distilled to them."""
    origins = tuple(each for each in read.origins if (each.run, each.trial) in own)
    state = RetrospectiveState(
        measured={
            run: {trial: each for trial, each in trials.items() if (run, trial) in own}
            for run, trials in read.retrospective.measured.items()
        }
    )
    return SkillTrials(origins, state, len(origins))


def _joined(parts: Sequence[SkillTrials]) -> SkillTrials:
    state = RetrospectiveState()
    for part in parts:
        for run, trials in part.retrospective.measured.items():
            state.measured.setdefault(run, {}).update(trials)
    origins = dict.fromkeys(origin for part in parts for origin in part.origins)
    return SkillTrials(tuple(origins), state, sum(part.trials for part in parts))
