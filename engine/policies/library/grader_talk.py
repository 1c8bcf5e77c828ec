"""Sentences of a skill that speak of who judges the work, and not of the work; pure.

A skill that is written from verdicts may learn the grader: what it looks at, what it counts, what it expects. Such a
skill helps on the tasks that it was written from and on no others. So a sentence is refused by what it speaks of.
Tests that belong to the work, such as those of a code base, may be spoken of.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.policies.scan.folded import FoldedText, prose
from engine.policies.scan.prose_rules import GRADER
from engine.policies.scan.rule import ScanRule, ruled
from engine.policies.scan.secret_shapes import masked
from engine.policies.skill.split import normal_lines


class Sentence(NamedTuple):
    """A sentence that speaks of a grader."""

    line: int
    """Of the text, from 1; where it begins."""
    sentence: str
    """The lines that it stands on, joined; secrets masked; at most 300 characters."""
    why: str
    """What is wrong with it."""


_LONGEST: Final = 300
_WORDS: Final = r"(?:[^\s.]+ ){0,4}?"
"""Of the same sentence, in between."""
_JUDGES: Final = (
    r"(?:hidden|rubrics?|tests?|checks?|verifiers?|graders?|judges?|scripts?|harness|benchmarks?|evaluat(?:ors?|ions?))"
)
_ADVERBS: Final = (
    r"(?:(?:often|usually|always|also|only|will|may|might|then|typically|frequently|likely|probably|explicitly|"
    r"specifically|here) ){0,3}"
)
_TESTS: Final = (
    r"(?:the|these|those|such|some|most|many|process|outcome|public|automated|source) "
    r"(?:tests?|checks?|checkers?|assertions?|evaluat(?:ors?|ions?)|benchmarks?|rubrics?)"
)
_LOOKS: Final = (
    r"(?:expects?|wants?|penali[sz]es?|rewards?|counts?|scores?|awards?|looks? (?:for|at)|inspects?|greps?|"
    r"search(?:es)?|demands?|insists?)"
)
_MARKS: Final = r"(?:marks?|credits?|rewards?|scores?|points)"


def _talk(why: str, pattern: str, *hints: str) -> ScanRule:
    return ruled("grader", "high", f"{why}, which who does the work never meets", pattern, *hints)


_JUDGED: Final = (
    _talk(
        "it speaks of a grader",
        r"\b(?:auto-?)?graders?\b"
        r"|\b(?:auto-?grading|grading (?:criteria|rubrics?|scripts?|harness|checks?|rules?|system))\b"
        rf"|\b(?:graded|scored|judged|evaluated) (?:by|against|on|with) (?:the |a |an |hidden |its )*{_JUDGES}\b",
        *("grader", "grading", "graded", "scored", "judged", "evaluated"),
    ),
    _talk(
        "it speaks of hidden tests",
        r"\b(?:hidden|held-?out|unseen) (?:[\w/-]+ ){0,2}?"
        r"(?:tests?|test-?cases?|checks?|assertions?|rubrics?|graders?|evaluations?|criteria)\b"
        r"(?! (?:box|boxes|out|in)\b)",
        *("hidden", "held", "unseen"),
    ),
    _talk(
        "it speaks of a verifier of the task",
        r"\b(?:the|tasks?|official|external|automated|outcome|process|final) verifiers?\b"
        r"(?! (?:code|library|function|class|method|key|token|service|agents?|subagents?)\b)"
        r"|\bverifiers? (?:scripts?|reports?|outputs?|feedback|messages?|tests?|passes|fails|says|said)\b",
        "verifier",
    ),
    _talk("it says what tests look at", rf"\b{_TESTS} {_ADVERBS}{_LOOKS}\b"),
    _talk(
        "it speaks of rewards or scores of the work",
        rf"\b(?:full|partial|extra|maximum|perfect|maximal|higher|zero|lose|losing|earns?) (?:the )?{_MARKS}\b"
        r"|\brewards? (?:hack\w*|files?|signals?|functions?|(?:of|is|=|becomes) [01](?:\.0+)?\b)"
        r"|\b(?:maximi[sz]es?|increases?|improves?|raises?|gets?|affects?|costs?) (?:the |your |its |a |task )*"
        r"(?:rewards?|scores?|points)\b(?! (?:programs?|systems?|cards?|cloud))",
        *("mark", "credit", "reward", "score", "points"),
    ),
    _talk(
        "it speaks of passing what judges the work",
        rf"\b(?:pass|passes|passing|satisfy|satisfies|survive|fool|please) {_WORDS}"
        r"(?:verification tests?|evaluations?|evaluators?|benchmarks?|rubrics?|hidden|verifiers?|grading)\b",
        *("evaluat", "benchmark", "rubric", "hidden", "verif", "grading"),
    ),
)
"""Beside the rules of the scan, which find what such a sentence gives away; these find that it speaks of it at all."""
_RULES: Final = (*(each for each in GRADER if each.severity == "high"), *_JUDGED)
"""Honest skills speak of the ground truth, too: by itself it is no sign, and the scan calls it low."""


def grader_talk(text: str) -> tuple[Sentence, ...]:
    """Find the sentences of a text that speak of graders, hidden tests, rewards, or of what tests expect.

    Returns:
        By line; each line once.
    """
    folded = prose(text)
    source = normal_lines(text).split("\n")
    found: dict[int, Sentence] = {}
    for rule in _RULES:
        for first, last in _matches(folded, rule):
            sentence = masked(" ".join(" ".join(source[first - 1 : last]).split()))
            shown = sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 1]}…"
            found.setdefault(first, Sentence(first, shown, rule.why))
    return tuple(found[line] for line in sorted(found))


def _matches(folded: FoldedText, rule: ScanRule) -> Iterator[tuple[int, int]]:
    """Give the first and the last line of each match."""
    lower = folded.text.lower()
    if rule.hints and not any(hint in lower for hint in rule.hints):
        return
    for match in rule.pattern.finditer(folded.text):
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        yield folded.line_at(start), folded.line_at(max(start, match.end() - 1))
