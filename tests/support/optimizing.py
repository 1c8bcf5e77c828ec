"""A program for tests: it rolls questions out in cells, and then does with an optimizer what a test says."""

import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from engine.agents import points as agent_points
from engine.config.program import RunPlan
from engine.config.spec import RunSpec
from engine.core import plugins
from engine.core.decision import Point, Policy
from engine.core.ports import Port
from engine.core.prompts import Prompts, load_prompts
from engine.core.scope import Child, Scope
from engine.effects import points as call_points
from engine.effects.callers import callers_of
from engine.effects.conversation import ConversationReader
from engine.evaluating.store import EvaluationStore
from engine.items import points as item_points
from engine.items import rulings as item_rulings
from engine.items.base import ItemRef
from engine.items.port import items_in
from engine.items.work import ItemTerms
from engine.programs.evaluate.cell import CellPlan, CellResult, QuestionPlan, cell
from engine.programs.evaluate.points import CELL_SCORE
from engine.programs.evaluate.rulings import score_cell
from engine.programs.train.optimizer import points, rulings
from engine.programs.train.optimizer.proposals import Mode
from engine.programs.train.optimizer.spec import OptimizerSpec
from engine.programs.train.optimizer.terms import OptimizerTerms, ShownRollout, SkillDocument
from engine.programs.train.trajectories import TrajectoryPort
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Event, Recorded
from events.digest import Fingerprint
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.streams import cell_stream, item_cell
from events.types.evaluation import EvaluationAsked
from events.types.item import ItemsAsked, ItemsRead
from events.types.model import ModelAsked
from events.types.optimizing import TrajectoryAsked
from events.types.run import RunOpened
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.quiz_runs import STUDENT, make_items
from tests.support.runs import make_base, spec


class OptimizingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings."""

    items: str = "items"
    optimizer: OptimizerSpec = OptimizerSpec()
    edits: dict[str, int] = {}
    compatible: bool = False
    mode: Mode = "patch"
    reference: bool = False


class RolledItems(NamedTuple):
    """What a test has to go on with."""

    scope: Scope
    terms: OptimizerTerms
    rows: tuple[ShownRollout, ...]

    def document(self, text: str = "") -> SkillDocument:
        """Give a document of one file."""
        return SkillDocument({"SKILL.md": text}, self.scope.at)

    async def run(self, stream: str, actor: Callable[..., Awaitable[Any]], brief: Any) -> Any:
        """Run an actor below."""
        child: Child[Any] = Child(stream, partial(actor, brief=brief))  # type: ignore[arg-type]  # a coroutine of it
        return (await self.scope.gather([child]))[0]


Course = Callable[[RolledItems], Awaitable[Mapping[str, str]]]


class Optimizing:
    """The program; what it does after the rollouts is set by a test."""

    name = "optimizing"
    spec = OptimizingSpec
    roles: Mapping[str, str | None] = {"teacher": None, "optimizer": None}
    families: Mapping[str, str] = {}
    points: Sequence[Point[Any, Any, Any]] = (
        CELL_SCORE,
        *item_points.POINTS,
        *agent_points.POINTS,
        *call_points.POINTS,
        *points.POINTS,
    )
    policies: Mapping[str, Policy] = MappingProxyType(
        {CELL_SCORE.name: score_cell, **item_rulings.POLICIES, **rulings.POLICIES}
    )
    course: Course

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open the store of scores, and the way to what was rolled out."""
        return {EvaluationAsked: EvaluationStore(log, ancestors), TrajectoryAsked: TrajectoryPort(log)}

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], Any]:
        """Plan nothing: which items there are is read by the actor."""
        del opened
        return (), (specs, prompts)

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Read the items, roll each out in a cell, and go on as the test says."""
        specs, prompts = plan.own
        own = [msgspec.convert(each.own, OptimizingSpec) for each in specs]
        asked = ItemsAsked("quiz", "question", own[0].items, "all", None, None, ())
        read = await scope.effect(asked)
        assert isinstance(read, ItemsRead)
        refs = items_in(asked, read)
        cells = [Child(cell_stream(_name(ref)), partial(cell, plan=_cell(ref, plan))) for ref in refs]
        came = await scope.gather(cells)
        callers = tuple(callers_of(each, self.roles, "train")["optimizer"] for each in specs)
        terms = OptimizerTerms(
            callers, prompts, tuple(each.optimizer for each in own), own[0].mode, reference=own[0].reference
        )
        rows = tuple(_row(ref, result) for ref, result in zip(refs, came, strict=True))
        return await self.course(RolledItems(scope, terms, rows))


PROGRAM: Final = Optimizing()


def _name(ref: ItemRef) -> str:
    return item_cell(ref.set, ref.name, 1, "start")


def _cell(ref: ItemRef, plan: RunPlan) -> CellPlan:
    specs, prompts = plan.own
    name = _name(ref)
    callers = tuple(callers_of(each, Optimizing.roles, name)["teacher"] for each in specs)
    terms = ItemTerms(callers, prompts, "call", 1, "start")
    return CellPlan(
        arm="start",
        item=ref.name,
        item_digest=Fingerprint(ref.digest),
        unit=ref.name,
        repeat=1,
        series=0,
        environment=None,
        rollout=item_points.RolloutSpec(),
        reuse="never",
        work=QuestionPlan(name, ref, terms),
    )


def _row(ref: ItemRef, result: CellResult) -> ShownRollout:
    solved = result.outcome == "solved"
    return ShownRollout(ref.name, cell_stream(_name(ref)), ref.task_type, solved, float(solved))


class Optimized(NamedTuple):
    """A run of the program."""

    log: EventLog
    run: str
    base: Path

    async def events(self, *tags: str) -> list[Recorded]:
        """Read the events of these tags, in order."""
        return [each async for each in self.log.read(Selection(run=self.run, tags=set(tags)))]

    async def told(self) -> list[str]:
        """Give each message that was sent to the optimizer, its own left out, in order."""
        reader = ConversationReader(self.log)
        found: dict[bytes, None] = {}
        for each in await self.events("model.asked"):
            assert isinstance(each.event, ModelAsked)
            if each.event.role == "optimizer":
                found.update(dict.fromkeys(await reader.messages(each.event.conversation)))
        said = [msgspec.json.decode(each) for each in found]
        return [each["content"] for each in said if each["role"] != "assistant"]


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Install the program. The folder is an empty one, for its metadata."""
    info = folder / "optimizing-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: optimizing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stillroom.programs]\noptimizing = tests.support.optimizing:PROGRAM\n")
    sys.path.append(str(folder))
    plugins.look_again()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        plugins.look_again()


def rule(name: str, *answers: str, contains: Sequence[str] = ()) -> str:
    """Write a rule of the optimizer's script: what it answers to a stage, one answer after the other."""
    marks = json.dumps([f"Stage: {name}", *contains])
    turns = "".join(f"[[rule.turn]]\ntext = {json.dumps(each)}\n" for each in answers)
    return f"\n[[rule]]\nname = {json.dumps(name)}\ncontains = {marks}\n{turns}"


def answer(value: Any) -> str:
    """Write an answer as a model would."""
    return f"I looked at them.\n\n```json\n{json.dumps(value, indent=1)}\n```\n"


async def optimized(base: Path, course: Course, answers: str, **own: Any) -> Optimized:
    """Roll the two questions out, one of which the student cannot answer, and go on.

    Args:
        base: Folder of the run.
        course: What is done then.
        answers: Rules of the optimizer's script.
        own: Settings of the program.
    """
    make_base(base, STUDENT + answers)
    make_items(base / "items")
    log = MemoryLog(clock=CountingClock())
    PROGRAM.course = course
    model = {"model": "teacher", "base_url": "script:script.toml"}
    asked = spec(program="optimizing", own=own, tasks="", models={"teacher": model, "optimizer": model})
    report = await start_run(RunContext(log, PretendBackend(), load_prompts(), "test", {}, base), asked)
    return Optimized(log, report.run, base)
