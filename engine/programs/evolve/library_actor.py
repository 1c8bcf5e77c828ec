"""The actor of a library: it is seeded, learnt trial by trial, frozen, measured and closed, on one stream."""

from collections.abc import Sequence

from engine.config.program import RunPlan
from engine.core.decision import Made
from engine.core.scope import Scope, Stopped
from engine.programs.evolve import points
from engine.programs.evolve.course import LearntTrial, LibraryCourse, LibraryEnds, score_of, unbegun_row
from engine.programs.evolve.giving import WantedTrial, give
from engine.programs.evolve.held_skills import LibrarySnapshot
from engine.programs.evolve.learning import learn_from
from engine.programs.evolve.plan import SuiteInput
from engine.programs.evolve.schedule import LibraryPlan, ScheduledTrial
from engine.programs.evolve.seeding import seed
from engine.programs.evolve.spec import arm_of_spec
from engine.programs.evolve.upkeep import maintain_skills
from events.base import Ref
from events.types.decision import Seen
from events.types.evolution import FreezeChosen, LibraryClosed, LibraryEnding, LibraryOpened
from events.types.skill import LibraryFrozen
from events.types.suite import SuiteFamily, SuiteTask
from projections.library import frozen_digest


async def evolve_library(scope: Scope, run: RunPlan, library: LibraryPlan, suite: SuiteInput) -> str:
    """Learn a library, freeze it and measure it; give how it ended, in a word."""
    course = LibraryCourse(scope, run, library, suite)
    actor = _Actor(course)
    ending: LibraryEnding = "completed"
    try:
        await actor.run()
    except LibraryEnds as ends:
        ending = ends.ending
    except Stopped:
        ending = "stopped"
    await actor.close(ending)
    return ending


class _Actor:
    """A library on its way."""

    def __init__(self, course: LibraryCourse) -> None:
        self._course = course
        self._scope = course.scope
        self._deferred: list[WantedTrial] = []
        """Learning trials that nothing is learnt from: they are made with all that is measured."""
        self._frozen: dict[str, LibrarySnapshot] = {}
        """By environment."""
        self._freeze: Ref | None = None
        """The last one."""
        self._done = 0
        """Learning trials that have ended."""

    async def run(self) -> None:
        """Go through it."""
        await self._open()
        for families in self._course.library.stretches:
            await self._learn(families)
        await self._measure()

    async def _open(self) -> None:
        course, library, suite = self._course, self._course.library, self._course.suite.suite
        tasks = [course.suite.tasks[name] for family in library.families for name in family.tasks]
        spec = course.plan.arms[library.arm][self._scope.era]
        at = await self._scope.record(
            LibraryOpened(
                course=library.course,
                arm=library.arm,
                repeat=library.repeat,
                scope=library.scope,
                shared=arm_of_spec(spec).scope,
                suite=suite.name,
                release=suite.release or "",
                digest=suite.digest,
                families=tuple(each.id for each in library.families),
                tasks=tuple(each.task for each in tasks),
            )
        )
        opened = Seen(at, points.OpenedSeen(tuple(each.task for each in tasks)))
        scheduled = tuple(points.ScheduledTask(each.task, each.family, each.role, each.phase) for each in tasks)
        saw = points.LibraryTermsSaw(opened, scheduled)
        course.terms = (await self._scope.decide(points.LIBRARY_TERMS, saw)).value

    # -- learning ------------------------------------------------------------------------------------------------------

    async def _learn(self, families: Sequence[SuiteFamily]) -> None:
        """Go through the learning trials of an environment, or of a family, and freeze what came of them."""
        course = self._course
        await seed(course, families)
        tasks = [course.suite.tasks[name] for family in families for name in family.tasks]
        learning = [each for each in tasks if each.phase == "learning"]
        frozen = await self._freezes("", 0, len(learning))
        for number, task in enumerate(learning, start=1):
            if frozen:
                self._deferred.append(WantedTrial(task, "primary", course.held.snapshot))
                continue
            await self._try(task)
            frozen = await self._freezes(task.task, number, len(learning))
        for environment in dict.fromkeys(family.environment for family in families):
            self._frozen[environment] = course.held.snapshot

    async def _try(self, task: SuiteTask) -> None:
        """Make a learning trial, and learn from it."""
        course = self._course
        snapshot = course.held.snapshot
        (given,) = await give(course, [WantedTrial(task, "primary", snapshot)])
        ended = await course.run_trials([given], snapshot)
        trial = LearntTrial(task, ended.streams[0], score_of(ended.results[0]))
        course.learnt.append(trial)
        self._done += 1
        if course.terms.learns:
            await learn_from(course, trial, given)

    async def _freezes(self, task: str, done: int, planned: int) -> bool:
        """Have it decided whether the library is frozen, and record what it holds then."""

        def says(ruling: points.FreezeChoice, made: Made) -> FreezeChosen:
            del made
            return FreezeChosen(task, ruling.frozen, ruling.reason)

        saw = points.FreezeSaw(task, self._done, done, planned)
        ruled = await self._scope.decide(points.FREEZE, saw, says)
        if ruled.value.frozen:
            snapshot = self._course.held.snapshot
            skills = snapshot.in_force
            self._freeze = await self._scope.record(
                LibraryFrozen(skills, frozen_digest(skills), library=self._course.name, snapshot=snapshot.digest)
            )
        return ruled.value.frozen

    # -- measuring -----------------------------------------------------------------------------------------------------

    async def _measure(self) -> None:
        """Make all trials with the frozen library at once: none of them changes it."""
        course = self._course
        wanted = [
            *self._deferred,
            *[
                WantedTrial(task, each.passing, self._frozen[task.environment], _WHAT[each.passing])
                for each in course.terms.measured
                for task in (course.suite.tasks[each.task],)
            ],
        ]
        if not wanted:
            return
        trials = await give(course, wanted)
        ended = await course.run_trials(trials, course.held.snapshot)
        if course.terms.maintains:
            await maintain_skills(course, trials, ended)

    # -- the end -------------------------------------------------------------------------------------------------------

    async def close(self, ending: LibraryEnding) -> None:
        """Say of every scheduled trial what came of it, and how the library ended."""
        course = self._course
        scheduled = [ScheduledTrial(each, "primary") for each in course.library.learning]
        missing = [
            unbegun_row(task, passing, ending)
            for task, passing in [*scheduled, *course.library.measured]
            if (task.task, passing) not in course.rows
        ]
        if missing:
            await course.note_rows(missing, course.held.snapshot)
        rows = list(course.rows.values())
        broken = sum(each.solved is None and each.reason == "infrastructure" for each in rows)
        scored = sum(each.solved is not None for each in rows)
        await self._scope.record(
            LibraryClosed(
                ending=ending,
                snapshot=course.held.snapshot.digest,
                frozen=self._freeze,
                planned=course.library.trials,
                scored=scored,
                infrastructure=broken,
                unbegun=course.library.trials - scored - broken,
            )
        )


_WHAT = {"primary": "", "replay": "replay", "oracle": "oracle"}
"""Behind the library's name in labels of cells."""
