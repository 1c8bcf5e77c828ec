"""Evolutions for tests: a small suite of the form that SkillEvolBench has, in sandboxes that only pretend."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from json import dumps
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext, straight
from engine.runtime.run import RunReport, start_run
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from engine.testing.shuffle import Shuffled
from events.base import Event
from events.digest import Digest, Fingerprint, digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.evolution import SuiteTrialRow, TrialsScored
from events.types.suite import PHASES, ROLES, Suite, SuiteEnvironment, SuiteFamily, SuiteTask
from replay.rerun import rerun
from tests.support.crashes import CrashMatrix
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.suites import SuiteShape, write_suite
from tests.support.training import run_digest

MONEY: Final = {"run_usd": "50", "trial_usd": "5"}
FAILING: Final = ("enriched", "adversarial")
"""Roles whose tasks the solver gets wrong."""


def grid(environments: int = 6, families: int = 5) -> Suite:
    """Give a suite of so many environments and families, without any folder."""
    tasks = [_task(f"E{one}", f"E{one}-LS{two}", index) for one in range(1, environments + 1)
             for two in range(1, families + 1) for index in range(1, 7)]  # fmt: skip
    made = tuple(
        SuiteEnvironment(
            id=f"E{one}",
            slug=f"work-{one}",
            families=tuple(_family(f"E{one}", f"E{one}-LS{two}") for two in range(1, families + 1)),
        )
        for one in range(1, environments + 1)
    )
    return Suite(name="grid", release="1", digest=Fingerprint("0" * 64), environments=made, tasks=tuple(tasks))


def _family(environment: str, family: str) -> SuiteFamily:
    return SuiteFamily(
        id=family,
        environment=environment,
        slug=family.lower(),
        name=family,
        description="",
        gaps=(),
        curated=(),
        tasks=tuple(f"{family}-T{index}" for index in range(1, 7)),
    )


def _task(environment: str, family: str, index: int) -> SuiteTask:
    role = ROLES[index - 1]
    return SuiteTask(
        task=f"{family}-T{index}",
        id=f"{family}-T{index}",
        family=family,
        environment=environment,
        index=index,
        role=role,
        phase=PHASES[role],
        primary_skill=None,
        required_skills=(),
        order=(),
        composition="none",
        traps=(),
    )


def sums(folder: Path, shape: SuiteShape = SuiteShape(environments=1, families=1), answer: str = "") -> Path:  # noqa: B008 -- it is frozen
    """Write a suite whose tasks are done by copying a word, and the script of its solver and its author.

    Args:
        folder: Where both go.
        shape: Of the suite.
        answer: What the author answers, whatever it is asked. Empty: a skill with one more sentence each time.
    """
    write_suite(folder / "suite", shape)
    rules = [answered(answer)] if answer else []
    for environment in range(1, shape.environments + 1):
        for family in range(1, shape.families + 1):
            slug = f"sum-{environment}-{family}"
            rules += [] if answer else list(skills_of(slug))
            for role in ROLES:
                task = folder / "suite" / "tasks" / f"{slug}-{role}"
                (task / "environment" / "words.txt").write_text("hello\n")
                (task / "instruction.md").write_text(f"Copy the word. This is {task.name}.\n")
                if role in FAILING:
                    rules.append(wrong(task.name))
    (folder / "script.toml").write_text("\n".join(['name = "sums"\n', *rules, RIGHT]))
    return folder


def skill(slug: str, sentence: str) -> str:
    """Write a skill."""
    told = "Copy words. Use it where a word is to be copied."
    return f"---\nname: {slug}\ndescription: {told}\n---\n\n# Words\n\n{sentence}\n"


def skills_of(slug: str) -> list[str]:
    """Give the author's rules for a family: one more sentence for each further trial that it is told of."""
    sentences = {"variant": "Copy it whole.", "enriched": "Read the file first.", "": "Copy the word as it stands."}
    return [
        f'[[rule]]\nname = "{slug} {role}"\nmodel = "author"\n'
        f'contains = ["Folder of its skill: `{slug}`"{place}]\n[[rule.turn]]\n'
        f"text = '''{patch(slug, sentence)}'''\nrepeat = true\n"
        for role, sentence in sentences.items()
        for place in (f', "({role})"' if role else "",)
    ]


def patch(slug: str, sentence: str) -> str:
    """Write an answer of the author: a whole skill."""
    files = {f"{slug}/SKILL.md": skill(slug, sentence)}
    return "```json\n" + dumps({"summary": sentence, "operation": "revise", "files": files}) + "\n```"


def answered(answer: str) -> str:
    """Give the rule of an author that always answers the same."""
    return f"[[rule]]\nname = \"author\"\nmodel = \"author\"\n[[rule.turn]]\ntext = '''{answer}'''\nrepeat = true\n"


def wrong(task: str) -> str:
    """Give the rule of a solver that guesses."""
    return (
        f'[[rule]]\nname = "{task}"\nmodel = "solver"\ncontains = ["This is {task}."]\n[[rule.turn]]\n'
        'command = "echo nope > answer.txt"\n[[rule.turn]]\ntext = "DONE"\n'
    )


RIGHT: Final = """\
[[rule]]
name = "solver"
model = "solver"
[[rule.turn]]
command = "cat words.txt | tee answer.txt"
[[rule.turn]]
text = "DONE"
"""


def evolution(*arms: str, url: str = "script:script.toml", **own: Any) -> RunSpec:
    """Say what to evolve: these arms.

    Args:
        arms: By name.
        url: Where both models are reached.
        own: Settings of the program; ``budget`` and ``models`` are those of the run.
    """
    budget, more = own.pop("budget", {}), own.pop("models", {})
    models = {
        role: {"model": role, "base_url": url, "parameters": {"max_tokens": 4000}} for role in ("solver", "author")
    }
    prices = {role: {"input": "1", "output": "1"} for role in models}
    spec: dict[str, Any] = {"tasks": "", "program": "evolve", "concurrency": 8, "models": {**models, **more}}
    spec |= {"own": {"suite": "suite", "arms": arms, **own}, "budget": budget, "prices": prices}
    return msgspec.convert(spec, RunSpec)


def pretending(log: EventLog, base: Path, between: Any = straight) -> RunContext:
    """Give the means of a process whose sandboxes only pretend."""
    return RunContext(log, PretendBackend(), load_prompts(), "test", {}, base, between)


async def evolved(log: EventLog, base: Path, spec: RunSpec, between: Any = straight) -> RunReport:
    """Evolve to the end."""
    return await start_run(pretending(log, base, between), spec)


async def told(log: EventLog, run: str, stream: str, *kinds: type[Event]) -> list[Any]:
    """Give the events of some classes in a stream; of all, if none is named."""
    found = [each.event async for each in log.read(Selection(run=run, streams=(stream,)))]
    return [each for each in found if not kinds or isinstance(each, kinds)]


async def rows(log: EventLog, run: str, stream: str) -> list[SuiteTrialRow]:
    """List what came of the trials of a library, in the order in which they ended."""
    scored = await told(log, run, stream, TrialsScored)
    tables = [msgspec.json.decode(await log.get(each.rows), type=list[SuiteTrialRow]) for each in scored]
    return [each for table in tables for each in table]


@asynccontextmanager
async def mortal(folder: Path, *arms: str, **own: Any) -> AsyncIterator[CrashMatrix]:
    """Serve both models to an evolution that may die."""
    base = sums(folder)
    async with ScriptedEndpoint(load_script(base / "script.toml")) as endpoint:
        spec = evolution(*arms, url=endpoint.base_url, budget=MONEY, **own)
        yield CrashMatrix(base, endpoint, PretendBackend, spec)


class ShuffledEvolution(NamedTuple):
    """How an evolution went in one order."""

    digests: dict[str, Digest]
    """By stream."""
    order: Digest
    """Of the names of streams, in order of position."""
    equal: bool
    """Whether its rerun came out the same, to the end."""


async def shuffled(base: Path, seed: int | None, spec: RunSpec) -> ShuffledEvolution:
    """Evolve with effects held back as a seed says. None: nothing is held back."""
    log = MemoryLog(clock=CountingClock())
    between = straight if seed is None else partial(Shuffled, seed=seed)
    run = (await evolved(log, base, spec, between)).run
    names = [each.stream.name async for each in log.read()]
    order = digest_of("\n".join(names).encode())
    return ShuffledEvolution(await run_digest(log, run), order, (await rerun(log, run)).complete)
