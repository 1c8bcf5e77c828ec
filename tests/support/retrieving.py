"""A program for tests: it gives tasks skills of a library, and ends."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from engine.config.program import RunPlan
from engine.config.spec import RunSpec
from engine.core import plugins
from engine.core.decision import Point, Policy
from engine.core.ports import Port
from engine.core.prompts import Prompts, load_prompts
from engine.core.scope import Scope
from engine.effects import points as call_points
from engine.effects.callers import callers_of
from engine.programs.evolve import retrieval_points
from engine.programs.evolve.retrieval_points import Retrieved
from engine.programs.evolve.retrieving import (
    HeldSkill,
    Ranked,
    RankerSays,
    RetrievalRequest,
    RetrievalTerms,
    retrieve_all,
)
from engine.programs.evolve.spec import EvolveSpec
from engine.retrieval.port import RankingPort
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Event, Recorded
from events.digest import Fingerprint, digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.evolution import TrialPass, snapshot_digest
from events.types.retrieval import RankingAsked
from events.types.run import RunOpened
from events.types.suite import SuiteTask
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.runs import make_base, spec


class WantedSkills(NamedTuple):
    """A task that is given skills."""

    task: SuiteTask
    instruction: str
    passing: TrialPass = "primary"


class Retrieving:
    """The program; what it retrieves is set by a test."""

    name = "retrieving"
    spec = EvolveSpec
    roles: Mapping[str, str | None] = {"teacher": None, "embedder": None}
    families: Mapping[str, str] = {}
    points: Sequence[Point[Any, Any, Any]] = (*call_points.POINTS, *retrieval_points.POINTS)
    policies: Mapping[str, Policy] = MappingProxyType({**call_points.POLICIES, **retrieval_points.POLICIES})
    wanted: Sequence[WantedSkills] = ()
    held: Sequence[HeldSkill] = ()
    chooses: tuple[str, ...] | None = None
    """What a model that chooses says. None: the spec names none."""
    found: tuple[Retrieved, ...] = ()

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open what ranks by words."""
        del ancestors
        return {RankingAsked: RankingPort(log)}

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], Any]:
        """Plan nothing."""
        del opened, prompts
        return (), specs

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Retrieve for each task."""
        callers = [callers_of(each, self.roles, "retrieve") for each in plan.own]
        embedders = tuple(each["embedder"] for each in callers if "embedder" in each)
        terms = RetrievalTerms(embedders, None if self.chooses is None else self._choose)
        snapshot = snapshot_digest((each.skill, each.digest) for each in self.held)
        requests = [
            RetrievalRequest(
                each.task,
                scope.put(each.instruction.encode()),
                each.passing,
                snapshot,
                self.held,
                f"retrieve/a/E1/{each.task.task}.{each.passing}",
            )
            for each in self.wanted
        ]
        self.found = tuple(each.value for each in await retrieve_all(scope, requests, terms))
        return {"retrieved": str(len(self.found))}

    async def _choose(self, scope: Scope, ranked: Ranked) -> RankerSays:
        """Choose what the test says, of what is offered."""
        del scope
        chosen = tuple(each for each in self.chooses or () if each in ranked.offered)
        return RankerSays(chosen=chosen) if chosen else RankerSays(problem="nothing was chosen")


PROGRAM: Final = Retrieving()


class RetrievedRun(NamedTuple):
    """A run of the program."""

    log: EventLog
    run: str
    found: tuple[Retrieved, ...]

    async def events(self, *tags: str) -> list[Recorded]:
        """Read the events of these tags, in order."""
        return [each async for each in self.log.read(Selection(run=self.run, tags=set(tags)))]

    async def ranking(self, found: Retrieved) -> dict[str, str]:
        """Say of each skill why it was left out; empty: it was not."""
        rows = msgspec.json.decode(await self.log.get(found.ranking))
        return {row["skill"]: row.get("left_out", "") for row in rows}


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Install the program. The folder is an empty one, for its metadata."""
    info = folder / "retrieving-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: retrieving\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[stillroom.programs]\nretrieving = tests.support.retrieving:PROGRAM\n"
        "[stillroom.script_functions]\nby-words = engine.scripted.word_vectors:embed_words\n"
    )
    sys.path.append(str(folder))
    plugins.look_again()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        plugins.look_again()


def suite_task(name: str, family: str, role: str, required: Sequence[str] = ()) -> SuiteTask:
    """Say what a task is for; its environment is in the id of its family."""
    learning = role in ("canonical", "enriched", "variant")
    values = {
        "task": name,
        "id": f"{family}-T1",
        "family": family,
        "environment": family.partition("-")[0],
        "index": 1,
        "role": role,
        "phase": "learning" if learning else "evaluation",
        "primary_skill": None,
        "required_skills": list(required),
        "order": list(required),
        "composition": "cross_family" if required else "none",
        "traps": [],
    }
    return msgspec.convert(values, SuiteTask)


def held_skill(name: str, family: str, description: str, narrowed: tuple[str, ...] = ()) -> HeldSkill:
    """Make a skill of a library."""
    text = f"---\nname: {name}\ndescription: {description}\n---\nDo it.\n"
    digest = Fingerprint(digest_of(text.encode()))
    return HeldSkill(name, family, family.partition("-")[0], digest, {"SKILL.md": text}, narrowed)


BY_WORDS: Final = '[[rule]]\nname = "by words"\nfunction = "by-words"\n'


async def retrieved(
    base: Path,
    held: Sequence[HeldSkill],
    wanted: Sequence[WantedSkills],
    retrieval: Mapping[str, Any],
    *,
    script: str = BY_WORDS,
    chooses: tuple[str, ...] | None = None,
    **more: Any,
) -> RetrievedRun:
    """Retrieve for some tasks, and end.

    Args:
        base: Folder of the run.
        held: Skills of the library.
        wanted: What is to be given skills.
        retrieval: Settings of it.
        script: Of the embedder. Empty: the spec names none.
        chooses: What a model that chooses says. None: the spec names none.
        more: Further settings of the run.
    """
    make_base(base, f'name = "story"\n{script or BY_WORDS}')
    log = MemoryLog(clock=CountingClock())
    PROGRAM.wanted, PROGRAM.held, PROGRAM.chooses = wanted, held, chooses
    model = {"model": "embedder", "base_url": "script:script.toml", "protocol": "embeddings"}
    teacher = {"model": "teacher", "base_url": "http://127.0.0.1:9/v1", "parameters": {"max_tokens": 1}}
    asked = spec(
        program="retrieving",
        own={"arms": ["tested"], "resolved": {"tested": {"memory": "library", "retrieval": dict(retrieval)}}},
        tasks="",
        models={"teacher": teacher, **({"embedder": model} if script else {})},
        **more,
    )
    report = await start_run(RunContext(log, PretendBackend(), load_prompts(), "test", {}, base), asked)
    return RetrievedRun(log, report.run, PROGRAM.found)
