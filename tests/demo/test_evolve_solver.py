"""Stories of the solver of the demo of evolving, at work in sandboxes: what it reads where skills are mounted, it does.

These are evaluations, with skills written by hand. What a library makes of its skills is told in `test_evolve.py`.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from typing_extensions import override

from engine.config.spec import RunSpec
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.evaluation import EvaluationScored
from events.types.sandbox import VerifierRewarded
from sandbox.base import Sandbox, SandboxBackend, SandboxSpec
from sandbox.local.backend import LocalBackend
from tests.demo.test_evolve_suite import EVALUATION, FAMILIES, SUITE, rules_of
from tests.support.isolation import backend_here
from tests.support.orders import CountingClock
from tests.support.runs import setting

HELD: Final = re.compile(r"^- (.+?): .+\n", re.MULTILINE)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Mountless(LocalBackend):
    """Sandboxes in which nothing is mounted: skills are offered, and cannot be read."""

    @override
    async def open(self, spec: SandboxSpec) -> Sandbox:
        return await super().open(msgspec.structs.replace(spec, mounts=()))


def curated(folder: Path, families: Mapping[str, str] = FAMILIES) -> str:
    """Lay out the skills of the suite as they are."""
    for family in families:
        (folder / family).mkdir(parents=True)
        shutil.copy(SUITE / "skills" / family / "SKILL.md", folder / family / "SKILL.md")
    return str(folder)


def revised(folder: Path) -> str:
    """Lay them out with the house's rules in place of theirs."""
    for path in Path(curated(folder)).glob("*/SKILL.md"):
        rules = "".join(f"- {about}: {do}.\n" for about, do in rules_of(path.parent.name).items())
        path.write_text(HELD.sub("", path.read_text()) + rules)
    return str(folder)


def evaluation(roles: tuple[str, ...], arms: Mapping[str, str]) -> RunSpec:
    """Say what is evaluated: the tasks of some roles, under arms that differ in their skills."""
    solver = {
        "model": "solver",
        "base_url": f"script:{SUITE.parent / 'script.toml'}",
        "parameters": {"max_tokens": 4000},
    }
    only = [f"{family}-{role}" for family in FAMILIES for role in roles]
    own = {"arms": {name: {"skills": at} for name, at in arms.items()}, "baseline": next(iter(arms)), "purpose": "test"}
    spec: dict[str, Any] = {"program": "evaluate", "tasks": str(SUITE / "tasks"), "only": only, "concurrency": 4}
    return msgspec.convert(spec | {"models": {"teacher": solver}, "method": {"attempts": 1}, "own": own}, RunSpec)


async def solved(base: Path, spec: RunSpec, backend: SandboxBackend | None = None) -> set[tuple[str, str]]:
    """Run an evaluation; give what is solved, as arm and task."""
    log = MemoryLog(clock=CountingClock())
    return await scores(log, await evaluated(log, base, spec, backend))


async def evaluated(log: EventLog, base: Path, spec: RunSpec, backend: SandboxBackend | None = None) -> str:
    """Run an evaluation; give its run."""
    here = await setting(log, base)
    return (await start_run(here if backend is None else here._replace(backend=backend), spec)).run


async def failed_groups(log: EventLog, run: str, arm: str) -> dict[str, set[str]]:
    """Name the groups of each task in which a test failed under an arm: outcome or process, and public or hidden."""
    found: dict[str, set[str]] = {}
    async for each in log.read(Selection(run=run, tags={"verify.rewarded"})):
        assert isinstance(each.event, VerifierRewarded)
        _, whose, task, *_ = each.stream.name.split("/")
        for file in each.event.files:
            kind = file.name.removesuffix("_report.json")
            if whose == arm and kind in {"outcome", "process"}:
                report = msgspec.json.decode(await log.get(file.digest))
                failed = {f"{kind} {name}" for name, group in report.items() if group["passed"] < group["total"]}
                found.setdefault(task, set()).update(failed)
    return found


async def scores(log: EventLog, run: str) -> set[tuple[str, str]]:
    """Give what is solved; every cell has a score."""
    found: set[tuple[str, str]] = set()
    count = 0
    async for each in log.read(Selection(run=run, tags={"evaluation.scored"})):
        assert isinstance(each.event, EvaluationScored)
        _, arm, task, _ = each.stream.name.split("/")
        count += 1
        if each.event.solved:
            found.add((arm, task))
    assert count
    return found


def of_role(found: set[tuple[str, str]], arm: str) -> dict[str, int]:
    """Count what an arm solved, by role."""
    roles = {"canonical", "enriched", "variant", *EVALUATION}
    return {
        role: sum(task.endswith(f"-{role}") for who, task in found if who == arm)
        for role in sorted(roles)
        if any(task.endswith(f"-{role}") for who, task in found if who == arm)
    }


async def test_a_skill_transfers_a_naive_rule_is_a_trap_and_compositions_need_two(tmp_path: Path) -> None:
    """Given curated skills, revised ones, and those of one family each, when held-out tasks are tried."""
    first = {name: place for name, place in FAMILIES.items() if place.endswith("LS1")}
    arms = {
        "none": "",
        "curated": curated(tmp_path / "curated"),
        "revised": revised(tmp_path / "revised"),
        "first": curated(tmp_path / "first", first),
    }
    found = await solved(tmp_path, evaluation(EVALUATION, arms))
    assert of_role(found, "none") == {}
    assert of_role(found, "curated") == {"context-shift": 4, "composition": 4}
    assert of_role(found, "revised") == {"adversarial": 4, "context-shift": 4, "composition": 4}
    assert {task for arm, task in found if arm == "first"} == {f"{family}-context-shift" for family in first}


async def test_a_trap_shows_in_what_is_made_and_in_how(tmp_path: Path) -> None:
    """Given naive rules, when adversarial tasks are tried: outcome and process fail, though the surface looks right."""
    log = MemoryLog(clock=CountingClock())
    run = await evaluated(log, tmp_path, evaluation(("adversarial",), {"none": "", "arm": curated(tmp_path / "arm")}))
    both = {"outcome hidden", "process public"}
    assert await failed_groups(log, run, "arm") == {
        "average-weights-adversarial": both,
        "match-codes-adversarial": both,
        "read-all-pages-adversarial": {"outcome public", "process public"},
        "send-orders-adversarial": both,
    }


async def test_without_the_mount_they_vanish(tmp_path: Path) -> None:
    """Given the same skills, offered by name in the prompt, when the folder is not mounted: nothing of it is left."""
    (tmp_path / "here").mkdir()
    way = (await backend_here(tmp_path / "here"))._way
    backend = Mountless(tmp_path / "here", way=way)
    spec = evaluation(("canonical", *EVALUATION), {"none": "", "revised": revised(tmp_path / "revised")})
    found = await solved(tmp_path, spec, backend)
    assert of_role(found, "revised") == {"canonical": 4}
