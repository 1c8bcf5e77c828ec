"""What is told of a verifier, level by level; pure. What a level withholds stands in no text that is made here."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from engine.programs.evolve.compaction import DroppedPart
from engine.programs.evolve.trace_points import TraceSeen
from engine.programs.train.optimizer.wording import fenced, shortened
from events.types.authoring import CheckGroup, FailedCheck
from events.types.condition import FeedbackLevel

MOST_CHECKS: Final = 12
"""Failed checks of one trial that are told."""
MOST_MESSAGE: Final = 500
"""Characters of the message of one."""
MOST_DIMENSIONS: Final = 20
"""Dimensions of a score that are told."""
_GROUPS: Final[Sequence[tuple[CheckGroup, str]]] = (
    ("outcome", "Failed checks of what was made:"),
    ("process", "Failed checks of how it was made:"),
    ("", "Failed checks:"),
)
_DIAGNOSES: Final = {
    (True, True): "clean",
    (True, False): "shortcut",
    (False, True): "procedural",
    (False, False): "failure",
}


class JudgedTrial(NamedTuple):
    """A trial, and what its verifier found."""

    cell: str
    title: str
    trace: TraceSeen


class WordedFeedback(NamedTuple):
    """What is told."""

    text: str
    """Empty: nothing is."""
    dropped: tuple[DroppedPart, ...]


class _Line(NamedTuple):
    """A line, and the failed check that it tells of."""

    text: str
    check: int | None = None
    """Its number, from 1. None: it tells of none, and stays."""


def diagnosis(trace: TraceSeen) -> str:
    """Name what kind of success or failure a trial is, from what was made and how. Empty: one of both is unknown."""
    if trace.outcome is None or trace.process is None:
        return ""
    return _DIAGNOSES[trace.outcome, trace.process]


def word_feedback(trials: Sequence[JudgedTrial], level: FeedbackLevel, budget: int) -> WordedFeedback:
    """Word what verifiers found.

    Args:
        trials: The oldest first.
        level: How much is told.
        budget: Characters at most; where checks do not fit, those of the oldest trial are left out first. What is told
            of a trial as a whole stays.
    """
    if level == "none":
        return WordedFeedback("", ())
    told = [list(_lines(trial.trace, level)) for trial in trials]
    text = _text(trials, told)
    while len(text) > budget and (lines := next((each for each in told if any(line.check for line in each)), None)):
        lines.pop(max(index for index, line in enumerate(lines) if line.check))
        text = _text(trials, told)
    return WordedFeedback(text, tuple(_dropped(trials, told, level)))


def _text(trials: Sequence[JudgedTrial], told: Sequence[Sequence[_Line]]) -> str:
    blocks = [
        f"## {trial.title}\n\n" + fenced("\n".join(line.text for line in lines))
        for trial, lines in zip(trials, told, strict=True)
    ]
    return "\n\n".join(blocks)


def _lines(trace: TraceSeen, level: FeedbackLevel) -> Iterator[_Line]:
    yield _Line("Solved." if trace.solved else "Not solved.")
    if level == "binary":
        return
    if trace.reward is not None and level != "hint":
        yield _Line(f"Reward: {trace.reward:.4g}.")
    if level == "process":
        yield from _sides(trace)
        yield from _checks_by_group(trace.failed)
    else:
        yield from _checks("Failed checks:", list(enumerate(trace.failed, start=1)))
    if trace.rubric and (trace.solved or level == "process"):
        yield _Line("Score by dimension:")
        yield from (_Line(f"- {_one_line(each.name)}: {each.ratio:.0%}") for each in trace.rubric[:MOST_DIMENSIONS])


def _sides(trace: TraceSeen) -> Iterator[_Line]:
    for name, passed in (("What was made", trace.outcome), ("How it was made", trace.process)):
        if passed is not None:
            yield _Line(f"{name}: {'right' if passed else 'not right'}.")
    found = diagnosis(trace)
    if found:
        yield _Line(f"Diagnosis: {_NAMES[found]}.")


_NAMES: Final = {
    "clean": "clean",
    "shortcut": "shortcut",
    "procedural": "procedural but wrong",
    "failure": "total failure",
}


def _checks_by_group(failed: Sequence[FailedCheck]) -> Iterator[_Line]:
    for group, title in _GROUPS:
        yield from _checks(title, [each for each in enumerate(failed, start=1) if each[1].group == group])


def _checks(title: str, failed: Sequence[tuple[int, FailedCheck]]) -> Iterator[_Line]:
    if not failed:
        return
    yield _Line(title)
    for number, each in failed:
        if number <= MOST_CHECKS:
            message = shortened(each.message.strip(), MOST_MESSAGE).replace("\n", "\n  ")
            yield _Line(f"- {_one_line(each.name)}" + (f": {message}" if message else ""), number)
    more = sum(number > MOST_CHECKS for number, _ in failed)
    if more:
        yield _Line(f"- {more} more")


def _dropped(
    trials: Sequence[JudgedTrial], told: Sequence[Sequence[_Line]], level: FeedbackLevel
) -> Iterator[DroppedPart]:
    """List checks that are left out, and by how much messages are shortened, where the level tells of checks."""
    if level == "binary":
        return
    for trial, lines in zip(trials, told, strict=True):
        kept = {line.check for line in lines}
        for number, each in enumerate(trial.trace.failed, start=1):
            size = len(each.message.strip())
            missing = max(0, size - MOST_MESSAGE) if number in kept else size
            if missing or number not in kept:
                yield DroppedPart(trial.cell, number, "check", each.name, missing, number not in kept)


def _one_line(text: str) -> str:
    return " ".join(text.split())
