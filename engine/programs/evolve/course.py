"""The course of a library: what it holds, what its trials are given, and trials that are begun together.

All of it follows from its stream.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.agents.installed.skill_set import skill_refs
from engine.config.program import RunPlan
from engine.core.scope import Child, Scope
from engine.programs.evaluate.cell import CellResult, cell
from engine.programs.evaluate.points import CellScore
from engine.programs.evolve import points
from engine.programs.evolve.author.points import PastDecision
from engine.programs.evolve.author.terms import AuthorTerms
from engine.programs.evolve.held_skills import HeldSkills, LibrarySnapshot
from engine.programs.evolve.plan import EvolvePlan, SuiteInput, told_in_cells
from engine.programs.evolve.schedule import LibraryPlan
from events.digest import Digest
from events.streams import again_label, cell_stream, library_label
from events.types.authoring import TracedTrial
from events.types.condition import Condition
from events.types.decision import Held, Seen
from events.types.evolution import LibraryEnding, SuiteTrialRow, TrialPass, TrialsScored
from events.types.suite import SuiteFamily, SuiteTask
from events.types.training import BatchBroken, PauseAsked, TrainingResumed

_encoder: Final = msgspec.json.Encoder(order="sorted")


class LibraryEnds(Exception):
    """A library ends before its time: there is no money left, or an operator stopped it."""

    def __init__(self, ending: LibraryEnding) -> None:
        super().__init__(ending)
        self.ending: Final = ending


class GivenTrial(NamedTuple):
    """A trial, and what it is given."""

    task: SuiteTask
    passing: TrialPass
    what: str
    """Behind the library's name in the label of its cell. Empty: it counts."""
    condition: Condition
    given: Seen[points.GivenSeen] | None = None
    """Of `RetrievalMade`. None: nothing was retrieved."""


class LearntTrial(NamedTuple):
    """A learning trial that has ended."""

    task: SuiteTask
    cell: str
    """Its stream."""
    score: Seen[CellScore]


class EndedTrials(NamedTuple):
    """Trials that were begun together, and have ended."""

    rows: Held
    """JSON list of `CellSaw`, in the order in which they were given."""
    results: tuple[CellResult, ...]
    streams: tuple[str, ...]
    """Of their cells."""


class LibraryCourse:
    """A library in progress."""

    def __init__(self, scope: Scope, run: RunPlan, library: LibraryPlan, suite: SuiteInput) -> None:
        self.scope: Final = scope
        self.plan: Final[EvolvePlan] = run.own
        self.library: Final = library
        self.suite: Final = suite
        self._run: Final = run
        self.held: Final = HeldSkills()
        self.terms: points.LibraryTerms
        self.learnt: list[LearntTrial] = []
        """The oldest first."""
        self.decisions: dict[str, list[tuple[int, PastDecision]]] = {}
        """What became of earlier patches, by family; each with how many trials of the family came before it."""
        self.notes: dict[tuple[TracedTrial, ...], tuple[Digest, Digest]] = {}
        """How trials are told, by those that are: the text, and what it leaves out."""
        self.gates = 0
        """That tried anything."""
        self.rows: dict[tuple[str, TrialPass], SuiteTrialRow] = {}
        """What came of each scheduled trial, by task and pass."""

    @property
    def name(self) -> str:
        """Of the library, as events name it."""
        return f"{self.library.course}/{self.library.scope}"

    @property
    def families(self) -> Mapping[str, SuiteFamily]:
        """By id."""
        return {each.id: each for each in self.library.families}

    def base(self) -> Condition:
        """Give the condition of a trial that is given nothing: it is told of skills, and there are none."""
        era = self._run.eras[self.scope.era]
        condition = era.arms[self.library.arm].condition
        assert condition is not None, "runs of this program pin what their conditions are made of"
        return replace(told_in_cells(condition), skills=(), note=None)

    def with_skills(self, snapshot: LibrarySnapshot, names: Sequence[str]) -> Condition:
        """Give the condition of a trial that is given skills of a state of the library."""
        chosen = {
            f"{each.skill}/{path}": data
            for each in snapshot.skills
            if each.skill in names
            for path, data in each.data.items()
        }
        return replace(self.base(), skills=skill_refs(chosen, self.scope.put))

    def author_terms(self, role: str, account: str) -> AuthorTerms:
        """Say who is asked in a role, and how.

        Args:
            role: Such as ``author`` or ``chooser``.
            account: Who pays.
        """
        arm = self.library.arm
        return AuthorTerms(self.plan.callers(arm, role, account), self.plan.prompts, self.plan.arms[arm])

    def traced(self, family: str) -> tuple[TracedTrial, ...]:
        """List the learning trials of a family, the oldest first: a library goes on from one that has a score."""
        return tuple(
            TracedTrial(each.cell, each.task.task, each.task.role) for each in self.learnt if each.task.family == family
        )

    # -- trials --------------------------------------------------------------------------------------------------------

    async def run_trials(self, trials: Sequence[GivenTrial], snapshot: LibrarySnapshot) -> EndedTrials:
        """Make trials side by side; begin those anew that the infrastructure breaks, as far as the settings say.

        Args:
            trials: Which.
            snapshot: State of the library that they are given skills from, for the record.

        Raises:
            LibraryEnds: There is no money left, or an operator ended it.
        """
        results: list[CellResult | None] = [None] * len(trials)
        streams = [""] * len(trials)
        waiting: Sequence[int] = range(len(trials))
        time = 1
        while True:
            found = await self._begin([trials[place] for place in waiting], time)
            for place, (stream, result) in zip(waiting, found, strict=True):
                results[place], streams[place] = result, stream
            ended = [each for each in results if each is not None]
            rows = Held(self.scope.put(_encoder.encode([each.saw for each in ended])), ended[-1].at)
            ruled = (await self.scope.decide(points.TRIALS_ENDED, points.TrialsEndedSaw(rows, time))).value
            if ruled.then == "pause":
                await self._pause(len(ended), ruled.reason, time)
            elif ruled.then != "again":
                break
            waiting, time = ruled.again, time + 1
        await self._note(trials, (ended, streams), snapshot)
        if ruled.then == "budget" or ruled.then == "stopped":  # noqa: PLR1714 - narrows the type
            raise LibraryEnds(ruled.then)
        return EndedTrials(rows, tuple(ended), tuple(streams))

    async def _begin(self, trials: Sequence[GivenTrial], time: int) -> list[tuple[str, CellResult]]:
        library = self.library
        labels = [again_label(library_label(library.course, library.scope, each.what), time) for each in trials]
        cells = [
            self.plan.cell(library.arm, (label, library.repeat, each.passing), each.task, each.condition)
            for label, each in zip(labels, trials, strict=True)
        ]
        streams = [cell_stream(each.name) for each in cells]
        children = [Child(name, partial(cell, plan=each)) for name, each in zip(streams, cells, strict=True)]
        return list(zip(streams, await self.scope.gather(children), strict=True))

    async def _pause(self, cells: int, reason: str, time: int) -> None:
        """Pause until a person resumes the run."""
        label = library_label(self.library.course, self.library.scope)
        await self.scope.record(BatchBroken(again_label(label, time), cells, reason))
        resumed = await self.scope.effect(PauseAsked(again_label(label, time + 1)))
        assert isinstance(resumed, TrainingResumed)

    async def _note(
        self,
        trials: Sequence[GivenTrial],
        ended: tuple[Sequence[CellResult], Sequence[str]],
        snapshot: LibrarySnapshot,
    ) -> None:
        """Record what came of trials, once no more of them are begun."""
        rows = [trial_row(*each) for each in zip(trials, *ended, strict=True)]
        self.rows |= {(each.task, each.passing): each for each in rows if each.passing != "gate"}
        await self.note_rows(rows, snapshot)

    async def note_rows(self, rows: Sequence[SuiteTrialRow], snapshot: LibrarySnapshot) -> None:
        """Record rows of trials."""
        await self.scope.record(
            TrialsScored(
                label=library_label(self.library.course, self.library.scope),
                snapshot=snapshot.digest,
                rows=self.scope.put(_encoder.encode(rows)),
                planned=len(rows),
                scored=sum(each.solved is not None for each in rows),
                solved=sum(bool(each.solved) for each in rows),
            )
        )


def trial_row(trial: GivenTrial, result: CellResult, stream: str) -> SuiteTrialRow:
    """Say what came of a trial."""
    score = score_of(result).value
    return SuiteTrialRow(
        task=trial.task.task,
        id=trial.task.id,
        role=trial.task.role,
        family=trial.task.family,
        environment=trial.task.environment,
        passing=trial.passing,
        stream=stream,
        solved=score.solved,
        reward=score.reward,
        reason=score.reason,
    )


def unbegun_row(task: SuiteTask, passing: TrialPass, reason: str) -> SuiteTrialRow:
    """Say of a scheduled trial that it was not begun."""
    return SuiteTrialRow(task.task, task.id, task.role, task.family, task.environment, passing, "", None, None, reason)


def score_of(result: CellResult) -> Seen[CellScore]:
    """Give the score of a trial, which is always its own."""
    assert result.saw.score is not None, "no trial of a library is looked up"
    return result.saw.score
