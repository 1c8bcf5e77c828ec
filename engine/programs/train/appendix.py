"""Reminders of rules that were told and not followed: an appendix of the skill, which comes before the gate, too."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from engine.core.scope import Child
from engine.programs.train.course import Course, TrainingEnds
from engine.programs.train.edit_points import CandidateSaw, NotesSeen
from engine.programs.train.epoch_points import APPENDIX_NOTES, AppendixSaw, Reminders
from engine.programs.train.gating import gate, propose
from engine.programs.train.optimizer.rewriting import consolidate
from engine.programs.train.optimizer.terms import ConsolidateBrief
from events.base import Ref
from events.streams import APPENDIX, of_step, train_label
from events.types.decision import Held, Seen
from events.types.training import AppendixNoted

_encoder: Final = msgspec.json.Encoder(order="sorted")


async def note_reminders(course: Course, notes: Sequence[str], at: Ref) -> None:
    """Add reminders to the appendix of the skill in force.

    Args:
        course: Of the training.
        notes: That reflections gave.
        at: The last event that they came from.

    Raises:
        TrainingEnds: There is no money left, or an operator ended it.
    """
    given = Held(course.scope.put(_encoder.encode(list(notes))), at)
    ruled = await _noted(course, given, None)
    if ruled.value.crowded:
        fewer = await _fewer(course, ruled.value.notes)
        ruled = ruled if fewer is None else await _noted(course, given, fewer)
    seen = Seen(ruled.seen, NotesSeen(ruled.value.notes))
    candidate = await propose(course, CandidateSaw("appendix", course.now.named, notes=seen))
    await gate(course, candidate, train_label(course.step, "appendix.gate"))


async def _noted(course: Course, notes: Held, fewer: Held | None) -> Seen[Reminders]:
    saw = AppendixSaw(course.now.named, notes, fewer)
    step = course.step
    return await course.scope.decide(
        APPENDIX_NOTES,
        saw,
        lambda ruling, _: AppendixNoted(step, ruling.notes, ruling.added, ruling.crowded),
    )


async def _fewer(course: Course, notes: tuple[str, ...]) -> Held | None:
    """Have the optimizer make them fewer. None: what it said could not be read."""
    brief = ConsolidateBrief(course.terms(), notes)
    child = Child(of_step(APPENDIX, course.step), partial(consolidate, brief=brief))
    came = (await course.scope.gather([child]))[0]
    if came.ending == "budget" or came.ending == "stopped":  # noqa: PLR1714 - narrows the type
        raise TrainingEnds(came.ending)
    if came.value is None:
        return None
    return Held(course.scope.put(_encoder.encode(list(came.value))), came.at)
