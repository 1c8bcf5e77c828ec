"""What is appended to the instruction when a task is tried again; source: SPARK, 1.7 and 3 ("Injection").

Header, memo (whole, or without the plan after a strong intervention), how many attempts are left, the
intervention, a footer. The words are in ``engine/programs/explore/prompts``; no metric is named and no number of it
shown. The length is bounded by the memo's own limit (W19: SPARK's largest recorded injection has 247,139 characters).
Unlike SPARK, which says nothing at all without a memo, the agent still learns which attempt it is.
"""

from typing import assert_never

from msgspec import Struct

from engine.core.prompts import RetryWording
from engine.core.template import fill
from engine.programs.explore.policies.intervention import Level
from engine.programs.explore.policies.memo import MemoSections, render_memo, without_next_strategy


class RetryPlace(Struct, frozen=True):
    """Which attempt this is, among those that count."""

    attempt: int
    """From 2."""
    attempts: int
    """In all."""


def retry_text(memo: MemoSections | None, place: RetryPlace, level: Level, wording: RetryWording) -> str:
    """Word what a further attempt is told.

    Args:
        memo: The latest memo; None when no reflection has succeeded yet.
        place: Which attempt this is.
        level: The intervention chosen for it.
        wording: The texts.
    """
    match level:
        case Level.NONE:
            shown, blocks, footer = memo, [], wording.footer
        case Level.SOFT:
            shown, blocks, footer = memo, [wording.soft], wording.footer
        case Level.STRONG:
            shown = None if memo is None else without_next_strategy(memo)
            blocks, footer = [wording.strong], wording.footer_strong
        case _:
            assert_never(level)
    body = wording.no_memo if shown is None else render_memo(shown)
    parts = [wording.header, body, _urgency(place, wording), *blocks, footer]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _urgency(place: RetryPlace, wording: RetryWording) -> str:
    remaining = place.attempts - place.attempt + 1
    template = wording.urgency
    if remaining == 2:
        template = wording.urgency_few
    elif remaining <= 1:
        template = wording.urgency_last
    return fill(template, attempt=place.attempt, attempts=place.attempts, remaining=remaining)
