"""SkillOpt's two rules of acceptance over the mean of one pass: strictly better, or whatever comes; pure.

A score that is no number is never better. Nothing is known of a score before the first pass, which is said as None;
a score of 0 is a score (SkillOpt takes 0 for none when it resumes, W1).
"""

from typing import Literal, NamedTuple

Acceptance = Literal["accept_new_best", "accept", "reject", "force_accept"]


class Standing(NamedTuple):
    """The scores to beat.

    Attributes:
        current: Of the skill in force. None: it was not measured.
        best: Of the best skill so far. None: as above.
        best_step: The step that made it; 0 is the initial skill.
    """

    current: float | None
    best: float | None
    best_step: int


class Accepted(NamedTuple):
    """What became of a candidate, and what is to be beaten from now on."""

    action: Acceptance
    standing: Standing


def accept_better(standing: Standing, score: float, step: int) -> Accepted:
    """Accept a candidate if its score is above the current one. A tie is a rejection."""
    if not _beats(score, standing.current):
        return Accepted("reject", standing)
    if not _beats(score, standing.best):
        return Accepted("accept", standing._replace(current=score))
    return Accepted("accept_new_best", Standing(score, score, step))


def accept_any(standing: Standing, score: float, step: int) -> Accepted:
    """Accept every candidate: the control arm, which shows what a gate is worth. The best one is still kept."""
    best = (score, step) if _beats(score, standing.best) else (standing.best, standing.best_step)
    return Accepted("force_accept", Standing(score, *best))


def _beats(score: float, other: float | None) -> bool:
    return other is None or score > other
