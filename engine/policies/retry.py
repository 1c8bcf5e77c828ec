"""What is appended to the instruction when a task is tried again; source: SPARK, 1.7 and 3 ("Injection").

Header, memo (whole, or without the plan after a strong intervention), how many attempts are left, the
intervention, a footer. The words are in ``engine/prompts``; no metric is named and no number of it shown. The
length is bounded by the memo's own limit (W19: SPARK's largest recorded injection has 247,139 characters).
Unlike SPARK, which says nothing at all without a memo, the agent still learns which attempt it is.
"""

from typing import assert_never

from msgspec import Struct

from engine.policies.intervention import Level
from engine.policies.memo import Memo, render_memo, without_next_strategy
from engine.policies.template import fill


class RetryWording(Struct, frozen=True):
    """The texts, each as its file has it."""

    header: str
    no_memo: str
    """Stands for the memo when there is none."""
    urgency: str
    """Placeholders: attempt, attempts, remaining. For three attempts and more."""
    urgency_few: str
    """The same, when two attempts are left, this one included."""
    urgency_last: str
    """The same, for the last one."""
    soft: str
    strong: str
    footer: str
    footer_strong: str


class RetryPlace(Struct, frozen=True):
    """Which attempt this is, among those that count."""

    attempt: int
    """From 2."""
    attempts: int
    """In all."""


def retry_text(memo: Memo | None, place: RetryPlace, level: Level, wording: RetryWording) -> str:
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
