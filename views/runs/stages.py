"""How far the parts of a run are that are no trials of their own: libraries, tasks that are made or proved, a training.

Folds of the log, each a value that an event leads to the next of.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from events.base import Recorded
from events.streams import CONSTRUCT, family_of, first_label
from events.types.construction import BriefsRead, ConstructionClosed, ConstructionOpened
from events.types.evaluation import CellOpened, CellUnscored, EvaluationFound, EvaluationScored
from events.types.evolution import EvolutionPlanned, LibraryClosed
from events.types.optimizing import OptimizerClosed, OptimizerOpened, OptimizerStage
from events.types.proving import InspectionAsked, ProofConcluded
from events.types.run import RunOpened
from events.types.skill import LibraryFrozen
from events.types.training import DoNothingScored, EpochPlanned, RolloutsScored, TrainingClosed, TrainingPlanned
from views.terminal.format import plural


class LibraryCounts(NamedTuple):
    """How far the libraries of a run over a suite are."""

    planned: int
    frozen: int
    closed: int

    def after(self, recorded: Recorded) -> "LibraryCounts":
        """Count an event."""
        match recorded.event:
            case EvolutionPlanned(libraries=libraries):
                return LibraryCounts(len(libraries), 0, 0)
            case LibraryFrozen() if self.planned:
                return self._replace(frozen=self.frozen + 1)
            case LibraryClosed():
                return self._replace(closed=self.closed + 1)
            case _:
                return self

    @property
    def told(self) -> Sequence[str]:
        """Say it: how many learn, are measured, and are through."""
        if not self.planned:
            return ()
        learning, measured = self.planned - max(self.frozen, self.closed), max(0, self.frozen - self.closed)
        return (f"{self.planned} libraries: {learning} learning, {measured} measured, {self.closed} done",)


class TaskCounts(NamedTuple):
    """How far the tasks are that a run makes, or proves."""

    planned: int = 0
    """0: it does neither."""
    makes: bool = False
    proving: int = 0
    proved: int = 0
    """Proofs that have ended, of tasks that are only proved."""
    writing: int = 0
    published: int = 0
    given_up: int = 0

    def after(self, recorded: Recorded) -> "TaskCounts":
        """Count an event."""
        match recorded.event:
            case RunOpened(program="prove", tasks=tasks):
                return TaskCounts(len(tasks))
            case BriefsRead(briefs=briefs):
                return TaskCounts(len(briefs), makes=True)
            case InspectionAsked() if self.planned:
                return self._replace(proving=self.proving + 1, writing=self.writing - self.makes)
            case ProofConcluded() if self.makes and family_of(recorded.stream.name) == CONSTRUCT:
                return self._replace(proving=self.proving - 1, writing=self.writing + 1)
            case ProofConcluded() if self.planned:
                return self._replace(proving=self.proving - 1, proved=self.proved + 1)
            case _:
                return self._made(recorded)

    def _made(self, recorded: Recorded) -> "TaskCounts":
        match recorded.event:
            case ConstructionOpened():
                return self._replace(writing=self.writing + 1)
            case ConstructionClosed(ending="published"):
                return self._replace(writing=self.writing - 1, published=self.published + 1)
            case ConstructionClosed():
                return self._replace(writing=self.writing - 1, given_up=self.given_up + 1)
            case _:
                return self

    @property
    def told(self) -> Sequence[str]:
        """Say it: how many are written and proved, and how many are through."""
        if not self.planned:
            return ()
        if not self.makes:
            return (f"{self.proved} of {plural(self.planned, 'task')} proved, {self.proving} under proof",)
        lost = f", {self.given_up} given up" if self.given_up else ""
        through = f"{self.published} of {plural(self.planned, 'task')} published{lost}"
        return (f"{through}, {self.writing} being written, {self.proving} under proof",)


_PASSES: Final[Mapping[str, str]] = {
    "idle": "trying items without working on them",
    "start": "scoring the initial skill",
    "rollout": "rolling out",
    "gate": "at the gate",
    "placebo": "a placebo at the gate",
    "slow": "comparing two epochs",
    "final": "measuring the final skill",
    "test": "testing",
}
"""What cells are for, by a part of the label of their streams."""
_QUESTIONS: Final[Mapping[OptimizerStage, str]] = {
    "reflect": "reflecting",
    "merge": "merging edits",
    "rank": "ranking edits",
    "rate": "choosing the rate",
    "rewrite": "rewriting the skill",
    "slow": "writing guidance",
    "meta": "writing notes",
    "appendix": "shortening the appendix",
}


class TrainingStage:
    """What a training does at this moment, and how far it is with it."""

    def __init__(self) -> None:
        self.epochs: int | None = None
        """As its settings say. None: nobody knows."""
        self._steps_an_epoch = 0
        self._sizes: dict[str, int] = {}
        """Items of each set, by purpose."""
        self._batch: dict[int, int] = {}
        """Items to roll out, by step."""
        self._opened: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._solved: dict[str, int] = {}
        self._asked: dict[str, OptimizerStage] = {}
        """Questions that the optimizer has not answered, by stream."""
        self._label: str | None = None
        """Of the cells that were begun last. None: they were scored, or there are none."""

    def see(self, recorded: Recorded) -> None:
        """Take an event of a training in."""
        match recorded.event:
            case TrainingPlanned(sets=sets):
                self._sizes = {each.purpose: len(each.items) for each in sets}
            case EpochPlanned(steps=steps):
                self._steps_an_epoch = self._steps_an_epoch or len(steps)
                known = len(self._batch)
                for number, step in enumerate(steps, known + 1):
                    self._batch[number] = sum(len(batch.items) for batch in step.batches)
            case OptimizerOpened(stage=stage):
                self._asked[recorded.stream.name] = stage
            case OptimizerClosed():
                self._asked.pop(recorded.stream.name, None)
            case RolloutsScored() | DoNothingScored() | TrainingClosed():
                self._label = None
            case _:
                self._count(recorded)

    def _count(self, recorded: Recorded) -> None:
        """Count a cell."""
        label = recorded.stream.name.split("/")[1] if recorded.stream.name.startswith("cell/") else ""
        match recorded.event:
            case CellOpened():
                self._label = label
                self._opened[label] = self._opened.get(label, 0) + 1
            case EvaluationFound(solved=solved) | EvaluationScored(solved=solved):
                self._ended[label] = self._ended.get(label, 0) + 1
                self._solved[label] = self._solved.get(label, 0) + solved
            case CellUnscored():
                self._ended[label] = self._ended.get(label, 0) + 1
            case _:
                pass

    def steps(self, planned: int) -> int:
        """Say how many steps there are in all.

        Args:
            planned: Those that were divided among epochs so far.
        """
        return max(planned, (self.epochs or 0) * self._steps_an_epoch)

    @property
    def told(self) -> Sequence[str]:
        """Say it. Empty: neither cells nor questions are under way."""
        if self._label is not None:
            label, kind = self._label, kind_of(self._label)
            ended, solved = self._ended.get(label, 0), self._solved.get(label, 0)
            score = f", {solved} solved" if ended else ""
            return (f"{_PASSES.get(kind, label)}: {ended} of {plural(self._most(label), 'cell')}{score}",)
        asked = dict.fromkeys(self._asked.values())
        return (", ".join(_QUESTIONS[each] for each in asked),) if asked else ()

    def _most(self, label: str) -> int:
        """Say how many cells there are to be, begun or not, as far as anybody knows."""
        first, kind = label.partition(".")[0], kind_of(label)
        known = {"slow": 0, "test": self._sizes.get("test", 0), "rollout": self._batch.get(_number(first), 0)}
        return max(known.get(kind, self._sizes.get("selection", 0)), self._opened.get(label, 0))


def kind_of(label: str) -> str:
    """Say what cells are for, in one word, by the label of their streams, such as ``s3.gate.2`` or ``e2.slow.gate``."""
    first, *others = first_label(label).split(".")
    return next((each for each in (first, *reversed(others)) if each in _PASSES), label)


def _number(text: str) -> int:
    """Read the number of a step out of ``s3``. 0: there is none."""
    digits = text.removeprefix("s")
    return int(digits) if digits.isdecimal() else 0
