"""Trajectories within a budget of characters, the same for whoever is told of them; pure.

What is left out is chosen by what it is and by its age, never by where the text ends (W23): first what is ordinary,
then errors and what concerns skills, then the tasks and ends of trials, each time the oldest first. How the newest
trial ended is always told. Names of tools and what came of their calls are told as they are (W2), and all that is left
out is listed.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from engine.policies.fences import fence_for
from engine.programs.train.optimizer.wording import WordedPart, mark_own, word_part

_TELLING: Final = re.compile(
    r"Traceback \(most recent call last\)|\b[A-Za-z]*(?:Error|Exception)\b:|\b(?:FAILED|ERROR|FATAL|error:)"
    r"|/skills/|SKILL\.md"
)
"""What makes a part worth more than its age says: errors, and skills that are read."""


class TracedParts(NamedTuple):
    """A trial, as its parts are worded."""

    cell: str
    """Stream of its cell."""
    title: str
    """Such as ``Trial 2: order-desk (variant)``."""
    parts: Sequence[WordedPart]
    """The first says what was asked; the last one is the newest."""


class DroppedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a text leaves out of a trial."""

    cell: str
    part: int
    """From 1, in the order of the trial; of failed checks, from 1 among these."""
    kind: str
    """As in `TrajectoryPart`; ``check`` of a failed check."""
    label: str
    chars: int
    """Left out."""
    whole: bool
    """Whether nothing of it is told."""


class CompactTrace(NamedTuple):
    """Trials as they are told."""

    text: str
    """Empty: there are none."""
    dropped: tuple[DroppedPart, ...]
    """In the order of the trials. Empty: all of it is told."""


class _Piece(NamedTuple):
    """A part of a trial as it would be told."""

    trial: int
    place: int
    """Within the trial, from 0."""
    rank: int
    """Pieces of a lower rank are left out before those of a higher one."""
    text: str


def compact(trials: Sequence[TracedParts], budget: int, part_chars: int | None) -> CompactTrace:
    """Word trials in order, within a budget.

    Args:
        trials: The oldest first.
        budget: Characters of the text at most, headings and fences included; 0 or more.
        part_chars: Characters of one part at most, its beginning and its end; what is left out between is marked. None:
            no limit.
    """
    told = [each for each in trials if each.parts]
    return _Compaction(told, part_chars).within(budget) if told else CompactTrace("", ())


class _Compaction:
    """Trials on their way into a text."""

    def __init__(self, trials: Sequence[TracedParts], part_chars: int | None) -> None:
        self._trials = trials
        self._part_chars = part_chars
        self._pieces = [
            _Piece(number, place, self._rank(number, place), word_part(part, part_chars))
            for number, trial in enumerate(trials)
            for place, part in enumerate(trial.parts)
        ]
        self._order = sorted(self._pieces, key=lambda each: (each.rank, each.trial, each.place))
        """First what is left out first; the newest part is the last."""

    def within(self, budget: int) -> CompactTrace:
        """Leave out as little as the budget allows."""
        gone = 0 if self._size(0) <= budget else self._fewest(budget)
        left: Sequence[_Piece] = self._order[gone:]
        text = self._text(left)
        if len(text) > budget:
            left = self._newest_alone(budget)
            text = self._text(left, only=len(self._trials) - 1) if left else ""
        if len(text) > budget:  # what is left of a part may need a longer fence
            left, text = (), ""
        return CompactTrace(text, tuple(self._dropped(left)))

    def _fewest(self, budget: int) -> int:
        """Say how many pieces are left out. A gap's mark may be longer than a part: sizes fall almost always."""
        gone = bisect_left(range(len(self._order) - 1), True, key=lambda number: self._size(number) <= budget)
        while gone < len(self._order) - 1 and self._size(gone) > budget:
            gone += 1
        return gone

    def _rank(self, number: int, place: int) -> int:
        parts = self._trials[number].parts
        if place >= len(parts) - 2:  # the last one may only say how the agent ended
            return 3 if number == len(self._trials) - 1 else 2
        return 2 if not place else int(bool(_TELLING.search(parts[place].text)))

    def _size(self, gone: int) -> int:
        return len(self._text(self._order[gone:]))

    def _text(self, left: Sequence[_Piece], only: int | None = None) -> str:
        """Write down what is left, trial by trial. Gaps are marked, and trials of which nothing is left, too.

        Args:
            left: Pieces that are told.
            only: The one trial that is told. None: all are.
        """
        told = {(each.trial, each.place): each.text for each in left}
        blocks = []
        for number, pieces in groupby(self._pieces, key=lambda each: each.trial):
            if only is not None and number != only:
                continue
            lines: list[str] = []
            for is_told, run in groupby(pieces, key=lambda each: (each.trial, each.place) in told):
                texts = [told.get((each.trial, each.place), each.text) for each in run]
                gap = f"{len(texts)} parts left out, of {sum(map(len, texts))} characters"
                lines += texts if is_told else [mark_own(gap)]
            body = "\n".join(lines)
            marks = fence_for(body)
            blocks.append(f"## {self._trials[number].title}\n\n{marks}text\n{body}\n{marks}")
        return "\n\n".join(blocks)

    def _newest_alone(self, budget: int) -> Sequence[_Piece]:
        """Tell the end of the newest part, as much of it as there is room for. Empty: there is none."""
        newest = self._order[-1]
        head, _, body = newest.text.partition("\n")
        bare = newest._replace(text=f"{head}\n")
        room = budget - len(self._text([bare], only=newest.trial))
        return [bare._replace(text=f"{head}\n{body[-room:]}")] if room > 0 else []

    def _dropped(self, left: Sequence[_Piece]) -> Iterator[DroppedPart]:
        """List what is left out, and by how much parts are shortened."""
        told = {(each.trial, each.place): each.text for each in left}
        for piece in self._pieces:
            trial = self._trials[piece.trial]
            part = trial.parts[piece.place]
            size = len(part.text.rstrip("\n"))
            kept = told.get((piece.trial, piece.place))
            if kept is None:
                missing = size
            elif kept != piece.text:
                missing = size - len(kept.partition("\n")[2])
            else:
                missing = 0 if self._part_chars is None else max(0, size - self._part_chars)
            if missing or kept is None:
                yield DroppedPart(trial.cell, piece.place + 1, part.kind, part.label, missing, kept is None)
