"""PDI while an attempt still runs: after each turn, in time that grows with the turn and not with the attempt; pure.

Between two reflect steps only the commands grow, so only exec moves: plan and oss stay as the memo in force left them.
The reading is what a reflect step would give now, were the memo to stay as it is. It warns; it decides nothing.
"""

from collections import deque
from collections.abc import Iterable
from typing import assert_never

import msgspec

from projections.commands import WINDOW
from projections.pdi.index import FACTS, PdiInput, PdiSettings, PdiState, Reading, found_section, judge, measure
from projections.pdi.likeness import Likeness
from projections.pdi.similarity import RunningCoverage, RunningWords, tokens


class RunningCommands:
    """The words of `joined_commands` of commands that are still being run, its window and its repeats included.

    Exact: the counts are those of the whole text, taken again from the start. Each line is counted once and taken off
    once, so a turn costs what its own commands cost.
    """

    def __init__(self, against: Iterable[str] = (), *, window: int = WINDOW) -> None:
        """Begin with no commands.

        Args:
            against: Words of a fixed text that the commands are compared with.
            window: Characters of joined commands that count, from the end; above 0.
        """
        self.words = RunningWords(against)
        self._window = window
        self._seen: set[str] = set()
        self._lines: deque[str] = deque()
        self._size = -1
        """Characters of the kept lines, joined by LF."""
        self._cut = False

    def add(self, command: str) -> None:
        """Add a command; one that was run before changes nothing."""
        if command in self._seen:
            return
        self._seen.add(command)
        self.words.add(command)
        lines = command.split("\n")
        self._lines.extend(lines)
        self._size += len(command) + 1
        if not self._cut and self._size <= self._window:
            return
        self._cut = True
        while len(self._lines) > 1 and self._size >= self._window:
            line = self._lines.popleft()
            self.words.remove(line)
            self._size -= len(line) + 1
        if self._size > self._window:
            self._keep_end()

    def _keep_end(self) -> None:
        """Cut the only line: there is no whole one to fall back to."""
        line = self._lines.pop()
        self.words.remove(line)
        end = line[-self._window :]
        self.words.add(end)
        self._lines.append(end)
        self._size = len(end)


class OnlinePdi:
    """PDI of an attempt that still runs, over all of its commands: no window, for a turn must not move others out."""

    def __init__(self, state: PdiState, given: PdiInput, settings: PdiSettings) -> None:
        """Begin an attempt.

        Args:
            state: The trial's reflect steps so far.
            given: What a reflect step would be given now, with the memo in force; its commands are not looked at.
            settings: Under which to read.
        """
        facts = found_section(given.memo, FACTS, settings)
        self._state = state
        self._given = msgspec.structs.replace(given, commands="")
        self._settings = settings
        self._fixed = measure(self._given, settings)
        self._rests = bool(facts)
        self._words = _running(tokens(facts), settings.likeness)
        self._ran = False

    def add(self, commands: str) -> None:
        """Add what a turn ran: whole commands, joined by LF."""
        self._words.add(commands)
        self._ran = self._ran or bool(commands.strip())

    def reading(self) -> Reading:
        """Read PDI as of now."""
        grounding = self._grounding() if self._rests else 0.0
        found = msgspec.structs.replace(self._fixed, proxy_exec=grounding, ran=self._ran)
        return judge(self._state, self._given, self._settings, found)[1]

    def _grounding(self) -> float:
        match self._words:
            case RunningCoverage():
                return self._words.coverage()
            case RunningWords():
                return self._words.js_similarity(alpha=self._settings.alpha)
            case _:
                assert_never(self._words)


def _running(facts: list[str], likeness: Likeness) -> RunningCoverage | RunningWords:
    match likeness:
        case "token_overlap":
            return RunningCoverage(facts)
        case "js_divergence":
            return RunningWords(facts)
        case _:
            assert_never(likeness)
