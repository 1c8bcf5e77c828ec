"""A program for tests: it tries tasks in cells, and then does with an author what a test says."""

import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from engine.agents.registry import agent_named
from engine.config.program import RunPlan
from engine.config.spec import RunSpec
from engine.core import plugins
from engine.core.decision import Point, Policy
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Child, Scope
from engine.effects.callers import callers_of
from engine.effects.conversation import ConversationReader
from engine.evaluating.store import EvaluationStore
from engine.programs.evaluate.cell import CellEnvironment, CellPlan, cell
from engine.programs.evaluate.points import CELL_SCORE
from engine.programs.evaluate.rulings import score_cell
from engine.programs.evolve import trace_points, trace_rulings
from engine.programs.evolve.author import points, rulings
from engine.programs.evolve.author.session import SessionPort
from engine.programs.evolve.author.terms import AuthorBrief, AuthorTerms
from engine.programs.evolve.spec import ROLES, EvolveArmSpec, EvolveSpec
from engine.programs.evolve.traces import TracePort
from engine.programs.explore.program import EXPLORE
from engine.programs.explore.rulings import choose_verifications, judge_attempt
from engine.programs.explore.trial import TrialPlan, TrialTerms
from engine.programs.explore.verification_points import VERIFICATION, VERIFICATIONS
from engine.runtime.run import start_run
from events.base import Event, Recorded
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.streams import cell_name, cell_stream
from events.types.authoring import SessionAsked, TraceAsked, TracedTrial
from events.types.evaluation import EvaluationAsked
from events.types.model import ModelAsked
from events.types.run import RunOpened, TaskPinned
from events.types.suite import SuiteEnvironment, SuiteFamily
from tests.support.orders import CountingClock
from tests.support.runs import setting, spec

FAMILY: Final = SuiteFamily(
    id="E1-LS2",
    environment="E1",
    slug="copy-words",
    name="Copy words",
    description="Copies the word that the curated description gives away.",
    gaps=("gap the first", "gap the second"),
    curated=(),
    tasks=("one", "two", "three", "four", "five", "six"),
)
ENVIRONMENT: Final = SuiteEnvironment(id="E1", slug="word-desk", families=(FAMILY,))
ROLE_OF: Final = {"one": "canonical", "two": "enriched", "three": "variant"}
SKILL: Final = dedent("""\
    ---
    name: copy-words
    description: Copying a word that a file names into an answer file.
    ---

    # Copying

    Guess the word.
    """)
OTHER: Final = SKILL.replace("copy-words", "sort-words").replace("Guess the word.", "Sort the words of another family.")
LIBRARY: Final[Mapping[str, Mapping[str, str]]] = {
    "copy-words": {"SKILL.md": SKILL},
    "sort-words": {"SKILL.md": OTHER},
}
OWNERS: Final = {"copy-words": "E1-LS2", "sort-words": "E1-LS1"}
SOLVER: Final = """
name = "words"

[[rule]]
name = "solver"
contains = ["Attempt: 1 of", "Write the word"]
[[rule.turn]]
text = "I look, then I guess."
command = "ls; echo 'ValueError: no such word in house.txt'"
[[rule.turn]]
command = "echo nope > answer.txt"
[[rule.turn]]
text = "DONE"
"""
"""Looks around, and then guesses."""


class TriedTasks(NamedTuple):
    """What a test has to go on with."""

    scope: Scope
    callers: Mapping[str, Sequence[Any]]
    """By role, one for each run of the line."""
    prompts: Prompts
    specs: Sequence[RunSpec]
    trials: tuple[TracedTrial, ...]

    def terms(self, role: str = "author") -> AuthorTerms:
        """Say whom to ask."""
        return AuthorTerms(self.callers[role], self.prompts, self.specs)

    def brief(self, **changes: Any) -> AuthorBrief:
        """Give a brief about the family, after all trials, with a library of two skills."""
        brief = AuthorBrief(ENVIRONMENT, FAMILY, LIBRARY, OWNERS, self.trials, ("copy-words",))
        return brief._replace(**changes)

    async def ask(self, stream: str, actor: Callable[..., Awaitable[Any]], brief: Any, role: str = "author") -> Any:
        """Run an actor below."""
        child: Child[Any] = Child(stream, partial(actor, terms=self.terms(role), brief=brief))  # type: ignore[arg-type]
        return (await self.scope.gather([child]))[0]


Course = Callable[[TriedTasks], Awaitable[None]]


class Authoring:
    """The program; what it does after the trials is set by a test."""

    name = "authoring"
    spec = EvolveSpec
    roles: Mapping[str, str | None] = ROLES
    families: Mapping[str, str] = {}
    points: Sequence[Point[Any, Any, Any]] = (
        CELL_SCORE,
        VERIFICATIONS,
        VERIFICATION,
        *EXPLORE.points,
        *points.POINTS,
        *trace_points.POINTS,
    )
    policies: Mapping[str, Policy] = MappingProxyType(
        {
            CELL_SCORE.name: score_cell,
            VERIFICATIONS.name: choose_verifications,
            VERIFICATION.name: judge_attempt,
            **EXPLORE.policies,
            **rulings.POLICIES,
            **trace_rulings.POLICIES,
        }
    )
    course: Course

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open the store of scores, and the ways to what was tried."""
        return {
            EvaluationAsked: EvaluationStore(log, ancestors),
            TraceAsked: TracePort(log),
            SessionAsked: SessionPort(log),
        }

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], Any]:
        """Plan a cell for each task."""
        return (), (specs, prompts, opened.tasks)

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Try each task once, and go on as the test says."""
        specs, prompts, tasks = plan.own
        for task in tasks:
            await scope.gather([Child(cell_stream(_name(task)), partial(cell, plan=_cell(task, specs, prompts)))])
        callers = {
            role: tuple(callers_of(each, self.roles, "library")[role] for each in specs)
            for role in ("solver", "author", "chooser")
        }
        trials = tuple(
            TracedTrial(cell_stream(_name(each)), each.name, ROLE_OF.get(each.name, each.name.rpartition("-")[2]))
            for each in tasks
        )
        await self.course(TriedTasks(scope, callers, prompts, specs, trials))
        return {}


PROGRAM: Final = Authoring()


def _name(task: TaskPinned) -> str:
    return cell_name("arm.E1", task.name, 1)


def _cell(task: TaskPinned, specs: Sequence[RunSpec], prompts: Prompts) -> CellPlan:
    name, settings = _name(task), specs[-1]
    eras = tuple(TrialTerms(each, agent_named(each.agent.name), callers_of(each, ROLES, name)) for each in specs)
    return CellPlan(
        arm="arm.E1",
        item=task.name,
        item_digest=task.digest,
        unit=task.name,
        repeat=1,
        series=0,
        environment=CellEnvironment(settings.sandbox, settings.verifier_network),
        rollout=None,
        reuse="never",
        work=TrialPlan(name, task.name, "arm.E1", prompts, eras),
    )


class Authored(NamedTuple):
    """A run of the program."""

    log: EventLog
    run: str

    async def events(self, *tags: str) -> list[Recorded]:
        """Read the events of these tags, in order."""
        return [each async for each in self.log.read(Selection(run=self.run, tags=set(tags)))]

    async def told(self, *roles: str) -> list[str]:
        """Give each message that was sent to models of these roles, their own left out, in order."""
        reader = ConversationReader(self.log)
        found: dict[bytes, None] = {}
        for each in await self.events("model.asked"):
            assert isinstance(each.event, ModelAsked)
            if each.event.role in roles:
                found.update(dict.fromkeys(await reader.messages(each.event.conversation)))
        said = [msgspec.json.decode(each) for each in found]
        return [each["content"] for each in said if each["role"] != "assistant"]


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Install the program. The folder is an empty one, for its metadata."""
    info = folder / "authoring-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: authoring\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stillroom.programs]\nauthoring = tests.support.authoring:PROGRAM\n")
    sys.path.append(str(folder))
    plugins.look_again()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        plugins.look_again()


def make_judged_task(folder: Path, *, reports: bool = True) -> Path:
    """Make a task: write a word into a file. Its verifier reports on what was made and how, some of it hidden."""
    outcome = {
        "public": {"total": 1, "passed": 0, "results": [{"name": "t_word", "passed": False, "error": "no word"}]},
        "hidden": {
            "total": 1,
            "passed": 0,
            "results": [
                {"name": "test_h1_secret_word", "passed": False, "error": "assert 'nope' == 'hello77': say it aloud"}
            ],
        },
    }
    process = {"public": {"total": 1, "passed": 1, "results": [{"name": "t_looked", "passed": True, "error": None}]}}
    files = {
        "task.toml": 'version = "1.0"\n[agent]\ntimeout_sec = 600.0\n[verifier]\ntimeout_sec = 30.0\n',
        "instruction.md": "Write the word that words.txt names into /app/answer.txt.\n",
        "environment/Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY words.txt /app/words.txt\n",
        "environment/words.txt": "hello77\n",
        "tests/test.sh": "#!/bin/sh\n"
        + (
            f"echo '{json.dumps(outcome).replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}' "
            "> /logs/verifier/outcome_report.json\n"
            f"echo '{json.dumps(process)}' > /logs/verifier/process_report.json\n"
            if reports
            else ""
        )
        + "echo 'FAILED tests::plain_check - another word'; echo 0.25 > /logs/verifier/reward.txt\n",
        "solution/solve.sh": "#!/bin/sh\ncp /app/words.txt /app/answer.txt\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.suffix == ".sh":
            path.chmod(0o755)
    return folder


def rule(stage: str, *answers: str, contains: Sequence[str] = ()) -> str:
    """Write a rule of a script: what it answers at a stage, one answer after the other."""
    marks = json.dumps([f"Stage: {stage}", *contains])
    turns = "".join(f"[[rule.turn]]\ntext = {json.dumps(each)}\n" for each in answers)
    return f"\n[[rule]]\nname = {json.dumps(stage)}\ncontains = {marks}\nshell = false\n{turns}"


def answer(value: Any) -> str:
    """Write an answer as a model would."""
    return f"I looked at them.\n\n```json\n{json.dumps(value, indent=1)}\n```\n"


async def authored(
    base: Path, course: Course, answers: str, *, tasks: Sequence[str] = ("one",), reports: bool = True, **arm: Any
) -> Authored:
    """Try tasks, at which the solver fails, and go on.

    Args:
        base: Folder of the run.
        course: What is done then.
        answers: Further turns of the solver, if any, and rules of the script of all models.
        tasks: Names of tasks.
        reports: Whether the verifier leaves reports.
        arm: Settings of the arm, and as ``authoring`` those of the author.
    """
    for name in tasks:
        make_judged_task(base / "tasks" / name, reports=reports)
    (base / "script.toml").write_text(SOLVER + answers)
    log = MemoryLog(clock=CountingClock())
    PROGRAM.course = course
    own: dict[str, Any] = {"authoring": arm.pop("authoring", {})}
    own |= {"arms": ["arm"], "resolved": {"arm": msgspec.to_builtins(msgspec.convert(arm, EvolveArmSpec))}}
    model = {"model": "script", "base_url": "script:script.toml"}
    models = dict.fromkeys(("solver", "author", "chooser"), model)
    asked = spec(program="authoring", own=own, tasks="tasks", models=models, method={"name": "spark", "attempts": 1})
    report = await start_run(await setting(log, base), asked)
    return Authored(log, report.run)
