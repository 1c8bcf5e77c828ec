"""What to do with a reflector's answer: take it, have it repaired once, or keep the old memo.

Source: SPARK, 2.6 and 3. Fixes W3 and W18: there a failed or malformed answer *is* the new memo, so that a
timeout wipes all that was learnt, and PDI then reads the wreck as progress. Here only a sound memo replaces a
memo. That a call failed is the caller's fact (a failed effect); it never reaches this function.
"""

from msgspec import Struct

from engine.policies.error_dump import error_dump
from engine.policies.inline_reasoning import split_reasoning
from engine.programs.explore.policies.memo import MemoFault, MemoSections, parse_memo


class Accept(Struct, frozen=True, tag="accept"):
    """The answer is the new memo."""

    memo: MemoSections


class Repair(Struct, frozen=True, tag="repair"):
    """Ask once more, naming the problems."""

    problems: tuple[str, ...]
    quotable: bool
    """False when the answer is an error text: then it must not be shown to the model as its own words."""


class KeepOld(Struct, frozen=True, tag="keep_old"):
    """The old memo stays; there is none when this was the first failure."""

    problems: tuple[str, ...]


Reflection = Accept | Repair | KeepOld


def judge_reflection(answer: str, *, repairs_made: int = 0, repairs_allowed: int = 1) -> Reflection:
    """Decide what becomes of an answer.

    Args:
        answer: The model's text.
        repairs_made: How many repairs were asked for already.
        repairs_allowed: How many may be asked for in all.
    """
    said = split_reasoning(answer)
    memo = parse_memo(said.said)
    if not said.said.strip() and said.reasoning:
        memo = MemoFault(("The answer holds only reasoning; the memo has to follow it.",))
    match memo:
        case MemoSections():
            return Accept(memo)
        case MemoFault() if repairs_made < repairs_allowed:
            return Repair(memo.problems, quotable=error_dump(said.said) is None)
        case MemoFault():
            return KeepOld(memo.problems)
