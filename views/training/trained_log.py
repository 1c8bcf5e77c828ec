"""A training run as a log holds it, found by what a person types."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.core.fold import fold, fold_run
from events.store.base import EventLog, Selection
from projections.training.state import CandidateRecord, TrainedRun
from projections.training.view import Training
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.ids import find_run


class TrainedLog(NamedTuple):
    """A training run, and what is known of its items."""

    run: TrainedRun
    types: Mapping[str, str]
    """Of items that have one."""


async def read_training(log: EventLog, text: str) -> TrainedLog:
    """Read a training run, as far as it has come.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or there are several.
        UsageWrong: It trains nothing, or has not begun to.
    """
    name = await find_run(log, text)
    (state,) = await fold_run(log, [Training()], name, erased=set())
    found = state.runs.get(name)
    if found is None:
        raise UsageWrong(f"run {name} trains no skill, or has not begun to", remedy=await training_runs(log))
    return TrainedLog(found, state.types.get(name, {}))


async def training_runs(log: EventLog) -> str:
    """Say which runs of a log train skills, as a remedy."""
    runs = dict.fromkeys([each.stream.run async for each in log.read(Selection(tags={"train.planned"}))])
    if not runs:
        return "no run of this log trains a skill; `stillroom train SPEC.toml` starts one"
    return f"runs that do: {', '.join([*runs][-5:])}"


async def skill_of_run(log: EventLog, run: str) -> TrainedLog | None:
    """Read a run if it trains a skill. None: it does not."""
    state = await fold(log, Training(), Selection(run=run), erased=set())
    found = state.runs.get(run)
    return None if found is None else TrainedLog(found, state.types.get(run, {}))


class ChosenEdit(NamedTuple):
    """An edit, or all of a candidate."""

    candidate: CandidateRecord
    place: int | None
    """Of the edit, as in its record. None: all of the candidate."""


def choose_edit(run: TrainedRun, text: str) -> ChosenEdit:
    """Find an edit by its name, such as ``s3.1``, or a candidate or placebo, such as ``e2.slow`` or ``s3.placebo``.

    Raises:
        IdUnknown: There is none of that name.
    """
    whole = run.candidate(text) or run.placebo(text)
    if whole is not None:
        return ChosenEdit(whole, None)
    name, _, number = text.rpartition(".")
    candidate = run.candidate(name) or run.placebo(name)
    places = [] if candidate is None else [str(each.place) for each in candidate.edits]
    if candidate is None or number not in places:
        names = [each.name for each in (*run.candidates, *run.placebos)]
        known = [f"{name}.{place}" for place in places] if candidate is not None and places else names
        edits = [f"{each.name}.{edit.place}" for each in run.candidates for edit in each.edits]
        raise IdUnknown(text, "edit", known or ["none so far: no candidate was made"], more=edits)
    return ChosenEdit(candidate, int(number))
