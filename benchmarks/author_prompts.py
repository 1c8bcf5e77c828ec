"""How far a real model's answers to the author's prompts can be used: what is read, what is refused and why.

    python -m benchmarks.author_prompts --base-url http://127.0.0.1:18500/v1 --model NAME [--only revise] [--json]

Tasks of the demo of evolving are tried by its scripted solver, each with what the curated skill of its family says
unread. Then the model under test is the author: it drafts a skill from the name of a family, writes first skills from a
trial, revises the curated skills from two, and chooses skills for a task, one call after the other, with one repair at
most. Any endpoint of chat completions will do; no figure here is a goal.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copytree
from typing import Any, Final, NamedTuple

import anyio
import msgspec

from engine.core.system import clock
from engine.policies.json_answers import read_object
from engine.programs.evolve.author.choosing import choose_skills
from engine.programs.evolve.author.points import OfferedSkill
from engine.programs.evolve.author.terms import AuthorBrief, ChoiceBrief
from engine.programs.evolve.author.writing import induce, revise, zero_shot
from engine.programs.evolve.spec import EvolveArmSpec
from engine.runtime.run import start_run
from engine.suites.read import read_suite
from events.digest import Digest
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.authoring import AuthorClosed
from events.types.decision import DecisionMade, InlineDecisionMade
from events.types.model import ModelAnswered, ModelAsked
from events.types.suite import Suite, SuiteEnvironment, SuiteFamily
from tests.support.authoring import PROGRAM, TriedTasks, installed
from tests.support.runs import setting, spec

DEMO: Final = Path(__file__).parents[1] / "engine" / "demo" / "evolve"
FAMILIES: Final = ("average-weights", "read-all-pages")
LEARNT: Final = ("canonical", "enriched")


class AuthorQuestion(NamedTuple):
    """One question to the author."""

    stream: str
    actor: Any
    brief: Any
    role: str = "author"


class AuthorAnswer(msgspec.Struct):
    """One answer of the model."""

    stream: str
    number: int
    """From 1; 2 is the one after a repair."""
    parsed: bool
    """Whether it holds one JSON object."""
    verdict: str = ""
    """Of its reading: ``read``, ``repair`` or ``unreadable``."""
    problems: tuple[str, ...] = ()
    """What is wrong with it, as the model is told."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    ending: str = ""
    """Of the question; of its last answer only."""
    changed: bool | None = None
    """Whether the patch that was read could be applied, and changes a file. None: nothing was read, or no patch."""
    text: str = ""


class SuiteParts(NamedTuple):
    """The suite, and the texts of its curated skills."""

    suite: Suite
    texts: Mapping[Digest, bytes]

    def family(self, slug: str) -> tuple[SuiteEnvironment, SuiteFamily]:
        """Find a family by its skill."""
        return next(
            (environment, family)
            for environment in self.suite.environments
            for family in environment.families
            if family.slug == slug
        )

    def library(self, environment: SuiteEnvironment) -> Mapping[str, Mapping[str, str]]:
        """Give the curated skills of an environment."""
        return {
            family.slug: {each.name: self.texts[each.digest].decode() for each in family.curated}
            for family in environment.families
        }


def suite_parts() -> SuiteParts:
    """Read the suite of the demo."""
    texts: dict[Digest, bytes] = {}
    log = MemoryLog(clock=clock)

    def put(data: bytes) -> Digest:
        digest = log.put(data)
        texts[digest] = data
        return digest

    return SuiteParts(read_suite(DEMO / "suite", put, []), texts)


def _questions(tried: TriedTasks, parts: SuiteParts) -> list[AuthorQuestion]:
    asked: list[AuthorQuestion] = []
    for slug in FAMILIES:
        environment, family = parts.family(slug)
        trials = tuple(each for each in tried.trials if each.task.startswith(slug))
        library = parts.library(environment)
        owners = {each.slug: each.id for each in environment.families}
        empty = AuthorBrief(environment, family, {}, {})
        first, both = empty._replace(trials=trials[:1]), empty._replace(trials=trials)
        revised = both._replace(library=library, owners=owners, targets=(slug,))
        asked += [
            AuthorQuestion(f"author/{slug}.draft", zero_shot, empty),
            AuthorQuestion(f"author/{slug}.induce", induce, first),
            AuthorQuestion(f"author/{slug}.revise", revise, revised),
        ]
    return [*asked, *_choices(tried, parts)]


def _choices(tried: TriedTasks, parts: SuiteParts) -> list[AuthorQuestion]:
    """Ask for skills for a composition of each environment, among all curated ones."""
    offered = tuple(
        OfferedSkill(family.slug, family.description)
        for environment in parts.suite.environments
        for family in environment.families
    )
    found: list[AuthorQuestion] = []
    for task in parts.suite.tasks:
        if task.role == "composition" and task.task.startswith(FAMILIES):
            query = tried.scope.put((DEMO / "suite" / "tasks" / task.task / "instruction.md").read_bytes())
            found.append(
                AuthorQuestion(
                    f"retrieve/{task.task}", choose_skills, ChoiceBrief(task, query, offered), role="chooser"
                )
            )
    return found


async def measured(base_url: str, model: str, only: str, repairs: int) -> list[AuthorAnswer]:
    """Put the questions, and read what came of them."""
    parts = await anyio.to_thread.run_sync(suite_parts)
    briefs: dict[str, Any] = {}

    async def course(tried: TriedTasks) -> None:
        for each in _questions(tried, parts):
            if only in each.stream:
                briefs[each.stream] = each.brief
                came = await tried.ask(each.stream, each.actor, each.brief, each.role)
                print(f"{each.stream}: {came.ending} {came.reason} {came.value}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder, installed(Path(folder) / "installed"):
        base = Path(folder) / "base"
        for slug in FAMILIES:
            for role in LEARNT:
                copytree(DEMO / "suite" / "tasks" / f"{slug}-{role}", base / "tasks" / f"{slug}-{role}")
        copytree(DEMO, base, dirs_exist_ok=True, ignore=lambda *_: ["suite"])
        PROGRAM.course = course
        asked = {"max_tokens": 700, "temperature": 0.3, "seed": 7}
        tested = {"model": model, "base_url": base_url, "timeout_s": 3600.0, "parameters": asked}
        solver = {"model": "solver", "base_url": "script:script.toml"}
        arm = EvolveArmSpec(feedback="process", budget_chars=6_000)
        own: dict[str, Any] = {"authoring": {"repairs": repairs, "part_chars": 1_500}, "arms": ["arm"]}
        own["resolved"] = {"arm": msgspec.to_builtins(arm)}
        what = spec(
            program="authoring",
            own=own,
            tasks="tasks",
            models={"solver": solver, "author": tested, "chooser": tested},
            method={"name": "spark", "attempts": 1},
        )
        log = MemoryLog(clock=clock)
        report = await start_run(await setting(log, base), what)
        answers = await _answers(log, report.run, briefs)
        for each in answers:
            each.changed = None if each.verdict != "read" else _changes(each, briefs[each.stream])
        return answers


def _changes(answer: AuthorAnswer, brief: Any) -> bool | None:
    """Say whether a patch that was read can be applied and changes a file."""
    if not isinstance(brief, AuthorBrief):
        return None
    if answer.problems:
        return False
    found = read_object(answer.text) or {}
    return bool(found.get("files") or found.get("edits") or found.get("delete"))


async def _answers(log: MemoryLog, run: str, streams: Mapping[str, Any]) -> list[AuthorAnswer]:
    found: list[AuthorAnswer] = []
    numbers: dict[str, int] = {}
    async for each in log.read(Selection(run=run)):
        name, event = each.stream.name, each.event
        if name not in streams:
            continue
        if isinstance(event, ModelAsked):
            numbers[name] = numbers.get(name, 0) + 1
        elif isinstance(event, ModelAnswered):
            text = "" if event.text is None else (await log.get(event.text)).decode()
            usage = event.usage
            parsed = read_object(text) is not None
            answer = AuthorAnswer(
                name,
                numbers[name],
                parsed,
                text=text,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
            )
            found.append(answer)
        elif isinstance(event, DecisionMade | InlineDecisionMade) and event.point.endswith("_read"):
            found[-1].verdict = event.ruling["verdict"]
            found[-1].problems = tuple(event.ruling["problems"])
        elif isinstance(event, AuthorClosed) and found and found[-1].stream == name:
            found[-1].ending = event.ending
    return found


def _print(answers: Sequence[AuthorAnswer]) -> None:
    print(f"{'question':34} answer parsed verdict     changes  in/out tokens  ending")
    for each in answers:
        print(
            f"{each.stream:34} {each.number:6} {each.parsed!s:6} {each.verdict:11} {each.changed!s:7} "
            f"{each.input_tokens}/{each.output_tokens}  {each.ending}"
        )
        for problem in each.problems:
            print(f"    {problem}")
    first, ended = [each for each in answers if each.number == 1], [each for each in answers if each.ending]
    patches = [each for each in ended if each.stream.startswith("author/")]
    print(f"first answers that parse: {sum(each.parsed for each in first)} of {len(first)}")
    print(f"questions read at the end: {sum(each.ending == 'read' for each in ended)} of {len(ended)}")
    print(f"patches that could be applied and change a file: {sum(bool(e.changed) for e in patches)} of {len(patches)}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True, help="of an endpoint of chat completions")
    parser.add_argument("--model", default="local", help="as the endpoint names it")
    parser.add_argument("--only", default="", help="questions whose stream holds this, such as revise")
    parser.add_argument("--repairs", type=int, default=1, help="how often an answer is asked for again")
    parser.add_argument("--json", action="store_true", help="one object for each answer, with its text")
    given = parser.parse_args()
    answers = anyio.run(measured, given.base_url, given.model, given.only, given.repairs)
    if given.json:
        for each in answers:
            print(json.dumps(msgspec.to_builtins(each)))
    else:
        _print(answers)


if __name__ == "__main__":
    main()
