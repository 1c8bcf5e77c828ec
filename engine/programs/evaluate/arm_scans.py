"""Scans of the skills that arms are given: refused before anything starts, and on record while the run goes on."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from anyio import to_thread

from engine.config.program import ArmInputs, RunPlan
from engine.core.decision import Era
from engine.core.scope import Scope
from engine.effects.tasks import TEST_SOURCE
from engine.policies.scan.finding import KnownAnswers, ScanContext, ScanFinding
from engine.policies.scan.registry import scan_with
from engine.policies.scan.settings import ScanSpec, refused_by
from engine.programs.evaluate.arms import own
from engine.programs.evaluate.errors import ArmSkillsUnusable
from engine.programs.skill_scan import SKILL_SCAN, ScannedFile, ScannedTask, SkillScanSaw, expected_by_tests
from events.types.condition import Condition, SkillRef
from events.types.decision import Text
from events.types.evaluation import AnswersAsked, AnswersRead, SkillsGiven
from events.values import NamedDigest
from sandbox.harbor.task import Task

_REMEDY: Final = (
    "mend the skill; or let such findings pass: evaluate.scan.allow names their kinds, evaluate.scan.refuse the least "
    'severity, "never" for none'
)


async def require_sound(arm: str, given: ArmInputs, tasks: Sequence[Task], settings: ScanSpec) -> None:
    """See that nothing in an arm's skills has it refused, before anything is started.

    Raises:
        ArmSkillsUnusable: Something does; each finding is named with its line and text.
        NameUnknown, PluginBroken: A scanner is not there, or failed.
    """
    found = await to_thread.run_sync(findings_of, given, tasks, settings)
    refused = refused_by(found, settings)
    if refused:
        faults = [f"{each.file} line {each.line}: {each.why}: {each.text}" for each in refused]
        raise ArmSkillsUnusable(f"arm {arm}, {_sources(given)}", faults, remedy=_REMEDY)


def findings_of(given: ArmInputs, tasks: Sequence[Task], settings: ScanSpec) -> tuple[ScanFinding, ...]:
    """Scan what an arm is given, for all items and for each its own."""
    scanned = [each for each in (given.skills, *given.items.values()) if each]
    if not scanned:
        return ()
    context = ScanContext(tuple(known_of(task) for task in tasks))
    found = chain.from_iterable(scan_with(settings.scanners, files, context) for files in scanned)
    return tuple(dict.fromkeys(found))


def known_of(task: Task) -> KnownAnswers:
    """Give what a task's verifier compares with."""
    tests = task.path / TEST_SOURCE
    return expected_by_tests(task.instruction, tests.read_text("utf-8", "replace") if tests.is_file() else "")


def _sources(given: ArmInputs) -> str:
    return ", ".join(dict.fromkeys(each.source for each in given.sources)) or "its skills"


async def scan_arms(scope: Scope, plan: RunPlan, items: Sequence[Text]) -> None:
    """Record what a scan finds in the skills of each arm; arms that are given the same are scanned once.

    Args:
        scope: Of the run.
        plan: Of the run.
        items: The questions, if there are any.
    """
    era = plan.eras[scope.era]
    arms = own(era.spec).arms
    names = sorted(era.arms, key=lambda name: (bool(arms[name].again), name))
    files = {name: files_of(era.arms[name]) for name in names}
    if not any(files.values()):
        return
    tasks = await read_tasks(scope, [task.name for task in plan.opened.tasks])
    seen: set[tuple[NamedDigest, ...]] = {()}
    for name, found in files.items():
        if found not in seen:
            seen.add(found)
            at = await scope.record(SkillsGiven(name, found))
            scanned = tuple(ScannedFile(each.name, Text(each.digest, at)) for each in found)
            await scope.decide(SKILL_SCAN, SkillScanSaw(name, scanned, tasks, tuple(items)))


async def read_tasks(scope: Scope, names: Sequence[str]) -> tuple[ScannedTask, ...]:
    """Read what the tasks expect."""
    if not names:
        return ()
    read = await scope.effect(AnswersAsked(tuple(names)))
    assert isinstance(read, AnswersRead), "the port of tasks answers nothing else"
    at = scope.at
    return tuple(
        ScannedTask(each.task, Text(each.instruction, at), None if each.tests is None else Text(each.tests, at))
        for each in read.tasks
    )


def files_of(arm: Era) -> tuple[NamedDigest, ...]:
    """List the files of an arm's skills, those of single items included, each once."""
    found = dict.fromkeys(
        NamedDigest(f"{skill.name}/{file.name}", file.digest)
        for condition in (arm.condition, *arm.items.values())
        for skill in _skills(condition)
        for file in skill.files
    )
    return tuple(sorted(found, key=lambda each: (each.name, each.digest)))


def _skills(condition: Condition | None) -> Sequence[SkillRef]:
    return () if condition is None else condition.skills or ()
