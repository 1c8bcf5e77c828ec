"""A run over a suite as it is recorded, written by hand: two arms, two environments, traps, compositions, patches."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from events.base import Event
from events.digest import Fingerprint, digest_of
from events.store.base import EventLog
from events.streams import cell_stream, library_label, library_stream, retrieve_stream
from events.types.agent import SkillRead
from events.types.evolution import (
    EvolutionPlanned,
    LearningChosen,
    LibraryClosed,
    LibraryOpened,
    PatchChecked,
    PatchedSkill,
    PlannedLibrary,
    RetrievalMade,
    RevisionRuled,
    SkillGiven,
    SuiteTrialRow,
    TrialPass,
    TrialsScored,
)
from events.types.sandbox import ActionObserved, VerifierRewarded
from events.types.skill import LibraryFrozen, SkillRevised
from events.types.suite import PHASES, ROLES, Suite, SuiteEnvironment, SuiteFamily, SuiteRead, SuiteTask
from events.values import NamedDigest
from tests.views.histories import PlacedEvent, opened, record

NOTHING: Final = Fingerprint(digest_of(b""))
SUITE_DIGEST: Final = Fingerprint(digest_of(b"the suite"))


def task_name(family: str, index: int) -> str:
    """Name a task."""
    return f"{family.lower()}-t{index}"


def small_suite() -> Suite:
    """Make a suite: environments E1 and E2 of one family each, and one more in E1, whose composition needs both."""
    families = {"E1": ("E1-LS1", "E1-LS2"), "E2": ("E2-LS1",)}
    made = {
        environment: tuple(_family(environment, family) for family in named) for environment, named in families.items()
    }
    return Suite(
        name="hand",
        release="1",
        digest=SUITE_DIGEST,
        environments=tuple(SuiteEnvironment(id=each, slug=each.lower(), families=made[each]) for each in made),
        tasks=tuple(_task(each, number) for named in made.values() for each in named for number in range(1, 7)),
    )


def slug(family: str) -> str:
    """Name the skill of a family."""
    return f"skill-{family.lower()}"


def _family(environment: str, family: str) -> SuiteFamily:
    return SuiteFamily(
        id=family,
        environment=environment,
        slug=slug(family),
        name=family,
        description="",
        gaps=(),
        curated=(),
        tasks=tuple(task_name(family, number) for number in range(1, 7)),
    )


def _task(family: SuiteFamily, index: int) -> SuiteTask:
    role = ROLES[index - 1]
    needs = (f"E1-LS1.{slug('E1-LS1')}", f"E1-LS2.{slug('E1-LS2')}") if family.environment == "E1" else (family.skill,)
    required = needs if role == "composition" else ()
    return SuiteTask(
        task=task_name(family.id, index),
        id=f"{family.id}-T{index}",
        family=family.id,
        environment=family.environment,
        index=index,
        role=role,
        phase=PHASES[role],
        primary_skill=required[0] if required else None,
        required_skills=required,
        order=required,
        composition="cross_family" if required else "none",
        traps=(),
    )


class EvolvedStory:
    """What is told, event by event, and the blobs that it names."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.suite = small_suite()
        self.told: list[PlacedEvent] = []
        self._by_name = {each.task: each for each in self.suite.tasks}

    def say(self, stream: str, *events: Event) -> None:
        """Tell events of a stream."""
        self.told += [PlacedEvent(stream, event) for event in events]

    def begin(self, arms: Sequence[str]) -> None:
        """Read the suite, and plan libraries of both environments for every arm."""
        digest = self.log.put(self.suite.canonical)
        planned = tuple(
            PlannedLibrary(arm, arm, each.id, 3 * len(each.families), 3 * len(each.families), 0, 0, 1, 0)
            for arm in arms
            for each in self.suite.environments
        )
        self.told += opened(self.log)
        self.say("run", SuiteRead("hand", "1", SUITE_DIGEST, digest, ()))
        self.say("run", EvolutionPlanned("hand", "1", SUITE_DIGEST, ("E1", "E2"), planned))

    def open(self, arm: str, scope: str) -> str:
        """Open a library; give its stream."""
        stream = library_stream(arm, scope)
        families = next(each.families for each in self.suite.environments if each.id == scope)
        tasks = tuple(task for family in families for task in family.tasks)
        names = tuple(each.id for each in families)
        self.say(
            stream, LibraryOpened(arm, arm, 1, scope, "environment", "hand", "1", SUITE_DIGEST, names, tasks)
        )  # fmt: skip
        return stream

    def revise(self, stream: str, skill: str, task: str, *, outcome: str = "accept") -> None:
        """Learn from a task: a patch of one skill, ruled upon, and the revision it became."""
        files = (NamedDigest("SKILL.md", self.log.put(f"# {skill} {len(self.told)}".encode())),)
        self.say(
            stream,
            LearningChosen(task, "revise", (skill,), "it failed"),
            PatchChecked(task, "more", (PatchedSkill(skill, "revise", files, None),), (), unchanged=False),
            RevisionRuled(task, outcome, "as ruled", (), "level"),  # type: ignore[arg-type]
        )
        if outcome == "accept":
            self.say(stream, SkillRevised(skill, 1, files, digest_of(b""), ()))

    def seed(self, stream: str, skill: str) -> None:
        """Begin with a skill that no patch made."""
        files = (NamedDigest("SKILL.md", self.log.put(f"# {skill}".encode())),)
        self.say(stream, SkillRevised(skill, 1, files, digest_of(b""), (), origin="imported"))

    def give(self, stream: str, task: str, skills: Sequence[str], passing: TrialPass = "primary") -> None:
        """Choose skills for a trial."""
        given = tuple(SkillGiven(each, NOTHING) for each in skills)
        course, scope = stream.split("/")[1:]
        self.say(
            retrieve_stream(course, scope, task, "" if passing == "primary" else passing),
            RetrievalMade(task, passing, NOTHING, given, self.log.put(b"[]"), "all", None, None, None, (), ""),
        )

    def read(self, arm: str, scope: str, task: str, *commands: Sequence[str] | None) -> None:
        """Say what the commands of a trial read; None: nobody knows of that command."""
        stream = f"attempt/{library_label(arm, scope)}/{task}/1/1"
        nothing = self.log.put(b"")
        for named in commands:
            reads = None if named is None else tuple(SkillRead(f"{each}/SKILL.md", 1, 1) for each in named)
            self.say(stream, ActionObserved(0, "exited", nothing, nothing, reads))

    def verify(self, arm: str, scope: str, task: str, *, outcome: bool, process: bool) -> None:
        """Say what a verifier said by groups."""
        stream = f"attempt/{library_label(arm, scope)}/{task}/1/1"
        files = tuple(
            NamedDigest(f"{side}_report.json", self.log.put(_report(passed=passed)))
            for side, passed in (("outcome", outcome), ("process", process))
        )
        nothing = self.log.put(b"")
        self.say(stream, VerifierRewarded({}, 1.0 if outcome and process else 0.5, 0, nothing, nothing, files))

    def score(self, arm: str, scope: str, solved: Mapping[str, bool | None], passing: TrialPass = "primary") -> None:
        """Score trials that were begun together; None: it has no score."""
        what = "" if passing == "primary" else passing
        label = library_label(arm, scope, what)
        rows = [self._row(label, task, passing, done) for task, done in solved.items()]
        blob = self.log.put(msgspec.json.encode(rows))
        scored = [each for each in solved.values() if each is not None]
        self.say(library_stream(arm, scope), TrialsScored(label, NOTHING, blob, len(solved), len(scored), sum(scored)))

    def _row(self, label: str, task: str, passing: TrialPass, solved: bool | None) -> SuiteTrialRow:  # noqa: FBT001
        known = self._by_name[task]
        return SuiteTrialRow(
            task=task,
            id=known.id,
            role=known.role,
            family=known.family,
            environment=known.environment,
            passing=passing,
            stream=cell_stream(f"{label}/{task}/1"),
            solved=solved,
            reward=None if solved is None else float(solved),
            reason="infrastructure" if solved is None else None,
        )

    def close(self, stream: str, planned: int, unscored: int) -> None:
        """Freeze a library, and end it."""
        self.say(stream, LibraryFrozen((), NOTHING))
        self.say(stream, LibraryClosed("completed", NOTHING, None, planned, planned - unscored, unscored, 0))


def _report(*, passed: bool) -> bytes:
    told = {"total": 1, "passed": int(passed), "results": [{"name": "test_it", "passed": passed, "error": ""}]}
    return msgspec.json.encode({"public": told, "hidden": {"total": 0, "passed": 0, "results": []}})


E1_TASKS: Final = tuple(task_name(family, index) for family in ("E1-LS1", "E1-LS2") for index in range(1, 7))
E2_TASKS: Final = tuple(task_name("E2-LS1", index) for index in range(1, 7))


async def record_evolved(log: EventLog, run: str = "r1") -> EvolvedStory:
    """Record a run of two arms: `no_skill` solves T1 alone, `learner` what its skills are good for."""
    story = EvolvedStory(log)
    story.begin(["no_skill", "learner"])
    for scope, tasks in (("E1", E1_TASKS), ("E2", E2_TASKS)):
        stream = story.open("no_skill", scope)
        story.score("no_skill", scope, {task: task.endswith("t1") for task in tasks})
        story.close(stream, len(tasks), 0)
    _learner_of_first(story)
    _learner_of_second(story)
    await record(log, run, story.told)
    return story


def _learner_of_first(story: EvolvedStory) -> None:
    """E1: both families learn; a T5 is trapped; one composition reads in the wrong order, the other does not."""
    first, second = slug("E1-LS1"), slug("E1-LS2")
    stream = story.open("learner", "E1")
    story.seed(stream, first)
    story.score("learner", "E1", {"e1-ls1-t1": True, "e1-ls1-t2": False})
    story.revise(stream, first, "e1-ls1-t2")
    story.score("learner", "E1", {"e1-ls1-t3": True})
    story.revise(stream, first, "e1-ls1-t3", outcome="reject")
    story.score("learner", "E1", {"e1-ls2-t1": True, "e1-ls2-t2": True, "e1-ls2-t3": None})
    story.revise(stream, second, "e1-ls2-t1")
    held_out = ("e1-ls1-t4", "e1-ls1-t5", "e1-ls1-t6", "e1-ls2-t4", "e1-ls2-t5", "e1-ls2-t6")
    for task in held_out:
        story.give(stream, task, [first, second])
    story.read("learner", "E1", "e1-ls1-t4", [first])
    story.read("learner", "E1", "e1-ls1-t5", [first])
    story.read("learner", "E1", "e1-ls1-t6", [second], [first])
    story.read("learner", "E1", "e1-ls2-t6", [first], [second])
    story.verify("learner", "E1", "e1-ls1-t5", outcome=True, process=False)
    story.verify("learner", "E1", "e1-ls2-t5", outcome=True, process=True)
    story.verify("learner", "E1", "e1-ls2-t4", outcome=True, process=True)
    story.score(
        "learner",
        "E1",
        dict(zip(held_out, (True, False, False, True, True, True), strict=True)),
    )
    again = {"e1-ls1-t1": False, "e1-ls1-t2": True, "e1-ls2-t2": True, "e1-ls2-t3": True}
    story.score("learner", "E1", again, "replay")
    story.score("learner", "E1", {"e1-ls1-t6": True, "e1-ls2-t6": True}, "oracle")
    story.close(stream, 18, 1)


def _learner_of_second(story: EvolvedStory) -> None:
    """E2: nothing is learnt, and one held-out trial has no score."""
    stream = story.open("learner", "E2")
    solved = {"e2-ls1-t1": True, "e2-ls1-t2": False, "e2-ls1-t3": False, "e2-ls1-t4": None, "e2-ls1-t5": False}
    story.score("learner", "E2", {**solved, "e2-ls1-t6": False})
    story.close(stream, 6, 1)
