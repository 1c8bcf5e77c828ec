"""Trajectories as an optimizer is shown them: asked for one by one, worded, and bounded."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.effects.model_calls import text_of
from engine.programs.train.optimizer.asking import OptimizerTalk
from engine.programs.train.optimizer.terms import ShownPair, ShownRollout
from engine.programs.train.optimizer.wording import ShownLimit, WordedPart, word_trajectory
from events.types.optimizing import HiddenItem, TrajectoryAsked, TrajectoryRead


class ShownTrajectories(NamedTuple):
    """What an optimizer is shown of rollouts."""

    text: str
    number: int
    """How many are shown."""


async def show_rows(question: OptimizerTalk, rows: Sequence[ShownRollout]) -> ShownTrajectories:
    """Word the trajectories of rows, numbered from 1. Those that are missing are named in the question's end.

    Raises:
        Stopped: The question is stopped.
    """
    shown: list[str] = []
    for row in rows:
        text = await _trajectory(question, row, ())
        if text is not None:
            shown.append(f"## Trajectory {len(shown) + 1}\n\n{text}")
    return ShownTrajectories("\n\n".join(shown), len(shown))


async def show_pairs(question: OptimizerTalk, pairs: Sequence[ShownPair]) -> ShownTrajectories:
    """Word items under two documents, those that got worse first; of those solved both times only the name.

    Raises:
        Stopped: The question is stopped.
    """
    shown: list[str] = []
    for number, pair in enumerate(sorted(pairs, key=_worst_first), start=1):
        head = f"## Item {number}: {_CATEGORIES.get(pair.category, pair.category)}"
        if pair.category == "stable_success":
            shown.append(head)
            continue
        both = [
            text
            for which, row in (("before", pair.before), ("now", pair.now))
            if (text := await _trajectory(question, row, (f"with the document {which}",))) is not None
        ]
        if both:
            shown.append("\n\n".join([head, *both]))
    return ShownTrajectories("\n\n".join(shown), len(shown))


_ORDER = ("regressed", "persistent_fail", "improved", "stable_success")
_CATEGORIES = {
    "regressed": "it was solved, and is no longer",
    "persistent_fail": "it was not solved, and is not now",
    "improved": "it was not solved, and is now",
    "stable_success": "it was solved, and still is",
}


def _worst_first(pair: ShownPair) -> int:
    return _ORDER.index(pair.category) if pair.category in _ORDER else len(_ORDER)


async def _trajectory(question: OptimizerTalk, row: ShownRollout, header: Sequence[str]) -> str | None:
    """Word one trajectory. None: there is none to show, which is noted."""
    settings = question.settings
    found = await question.scope.effect(TrajectoryAsked(row.stream, settings.feedback, question.terms.reference))
    if not isinstance(found, TrajectoryRead):
        reason = getattr(found, "reason", "")
        question.hidden = (*question.hidden, HiddenItem(row.item, reason))
        return None
    parts = [WordedPart(each.kind, each.label, await text_of(question.scope, each.text)) for each in found.parts]
    score = "" if found.reward is None else f", score {found.reward:g}"
    told = [
        f"item {row.item}" + (f" of type {row.task_type}" if row.task_type else ""),
        *header,
        f"{'solved' if found.solved else 'not solved'}{score}, {found.turns} answers of the target",
    ]
    return word_trajectory(told, parts, ShownLimit(settings.show_chars, settings.part_chars))
