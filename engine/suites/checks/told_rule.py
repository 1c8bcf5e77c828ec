"""Instructions that tell what the family's skill would: a task whose rule stands in its own instruction proves nothing.

Found by words: a sentence of the instruction that shares most words with the name of the gap that the task exposes, or
many with what the family says its curated skill lacks. It is a note, for what counts is whether agents without skills
solve the task; their rate per task is in the reports.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from engine.suites.checks.finding import SuiteFinding

_WORD: Final = re.compile(r"[a-z][a-z0-9_]+")
_SENTENCE: Final = re.compile(r"(?<=[.!?;])\s+|\n+")
_CODE: Final = re.compile(r"```.*?```", re.DOTALL)
_COMMON: Final = frozenset(
    _WORD.findall(
        "about after also another because before been being between both cannot does each even every from have into its"
        " itself just like make many more most must never only other over same should some such than that their them"
        " then there these they this those through under until used using very want what when where which while with"
        " within without would your the and for are not but can has task trap curated skill case"
    )
)
_LEAST_LENGTH: Final = 3
_STEM: Final = 5
"""Letters by which words are compared, so that ``offset`` is ``offsets``."""
_LEAST_GAP: Final = 3
"""Words of the name of a gap that one sentence has to share, and three of four of them at least."""
_LEAST_SUMMARY: Final = 6
"""Words of the description of a gap that one sentence has to share."""
_SHOWN: Final = 160


def told_rule(task: str, instruction: str, gap: str, summaries: Sequence[str]) -> Iterator[SuiteFinding]:
    """Find the sentence of an instruction that tells the rule.

    Args:
        task: Its folder, relative to the suite's.
        instruction: What the agent is told.
        gap: Name of the gap that the task exposes, such as ``trap-fixed-utc-offset-dst-boundary``; may be empty.
        summaries: What the family says of its gaps.
    """
    name = stems(gap.replace("-", " "))
    described = [stems(summary) for summary in summaries]
    for sentence in _SENTENCE.split(_CODE.sub(" ", instruction)):
        said = stems(sentence)
        by_name = len(name & said)
        by_text = max((len(each & said) for each in described), default=0)
        if (by_name >= _LEAST_GAP and 4 * by_name >= 3 * len(name)) or by_text >= _LEAST_SUMMARY:
            quoted = " ".join(sentence.split())[:_SHOWN]
            yield SuiteFinding(
                "told-rule",
                "note",
                f"{task}/instruction.md",
                f"tells what the skill would: {quoted!r}",
                "look at the rate of agents without skills on this task before it counts as transfer",
            )
            return


def stems(text: str) -> frozenset[str]:
    """Give the beginnings of the words that carry meaning."""
    words = _WORD.findall(text.lower())
    return frozenset(word[:_STEM] for word in words if len(word) >= _LEAST_LENGTH and word not in _COMMON)
