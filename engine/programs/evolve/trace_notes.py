"""Trials as an actor has them told: asked for one by one, worded as its arm says, and put into a note for a solver."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.core.prompts import Prompts
from engine.core.scope import Scope
from engine.effects.model_calls import Readable, text_of
from engine.programs.evolve.trace_points import TRACES, ToldTrial, TraceSeen, TracesSaw, WordedTraces
from events.types.authoring import TraceAsked, TracedTrial, TraceMissing, TraceRead
from events.types.decision import Seen
from events.types.optimizing import HiddenItem


class ToldTraces(NamedTuple):
    """What is told of trials."""

    worded: Seen[WordedTraces]
    shown: int
    """How many trials."""
    hidden: tuple[HiddenItem, ...]
    """Trials of which there is nothing to tell, and why."""


async def tell_traces(scope: Scope, trials: Sequence[TracedTrial]) -> ToldTraces:
    """Have trials worded, as the arm's feedback and budget say.

    Args:
        scope: Of whoever is told of them, or has somebody told: its stream goes by the settings of an arm.
        trials: The oldest first.

    Raises:
        Stopped: The actor is stopped.
    """
    told: list[ToldTrial] = []
    hidden: list[HiddenItem] = []
    for trial in trials:
        found = await scope.effect(TraceAsked(trial.cell))
        if isinstance(found, TraceRead):
            seen = {name: getattr(found, name) for name in TraceSeen.__struct_fields__}
            told.append(ToldTrial(trial, Seen(scope.at, TraceSeen(**seen))))
        else:
            assert isinstance(found, TraceMissing)
            hidden.append(HiddenItem(trial.task, found.reason))
    worded = await scope.decide(TRACES, TracesSaw(tuple(told)))
    await scope.flush()
    return ToldTraces(worded, len(told), tuple(hidden))


async def note_of(blobs: Readable, prompts: Prompts, worded: WordedTraces) -> str:
    """Word a note for whoever tries a task: what an author of the same arm would be told. Empty: there is nothing."""
    trajectories = await text_of(blobs, worded.trajectories)
    feedback = await text_of(blobs, worded.feedback)
    if not trajectories:
        return ""
    note = prompts.fill("evolve_note", trajectories=trajectories)
    return note + prompts.fill("evolve_note_feedback", feedback=feedback) if feedback else note
