"""Stories of `stillroom demo evolve`: a ladder of six arms over a suite of our own, with a scripted solver and author.

The solver goes by what it reads where skills are mounted, or by traces in its prompt; the author by trajectories,
feedback and the live library. If one of these paths is cut, the first stories here are red.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import pytest

from engine.config.resolve import Inputs, resolve
from engine.config.spec import RunSpec
from engine.core.system import clock
from engine.runtime.run import start_run
from engine.scripted.house_rules import HouseRule, rules_held, rules_told
from engine.testing.shuffle import Shuffled
from events.base import Event
from events.digest import Digest
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.streams import AUTHOR, LIBRARY, family_of
from events.types.evolution import LibraryClosed, SuiteTrialRow, TrialsScored
from events.types.model import ConversationNode, ModelAsked
from events.types.skill import SkillRevised
from replay.crash.child import Life
from replay.rerun import rerun
from tests.architecture.source import ROOT
from tests.cli.terminal import CommandOutcome, type_in
from tests.demo.test_evolve_solver import Mountless
from tests.demo.test_evolve_suite import EVALUATION, FAMILIES, rules_of
from tests.support.isolation import backend_here
from tests.support.orders import CountingClock
from tests.support.runs import setting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DEMO: Final = ROOT / "engine" / "demo" / "evolve"
SPEC: Final = DEMO / "evolve.toml"
GUIDE: Final = (ROOT / "docs" / "evolve-demo.md").read_text(encoding="utf-8")
LADDER: Final = (
    "no_skill",
    "raw_trajectory_rag",
    "selfgen_zero_shot",
    "selfgen_experience_always",
    "curated_static",
    "curated_with_revision_always",
)
LEARNT: Final = ("canonical", "enriched", "variant")
BUILT_IN: Final[Mapping[str, str]] = {
    "no_skill": "T1",
    "raw_trajectory_rag": "T1 T4 T5",
    "selfgen_zero_shot": "T1",
    "selfgen_experience_always": "T1 T4 T5 T6",
    "curated_static": "T1 T4 T6",
    "curated_with_revision_always": "T1 T4 T5 T6",
}
"""Which roles an arm solves at the first try, in all four families."""
REPLAYED: Final[Mapping[str, str]] = {
    "raw_trajectory_rag": "T1 T2",
    "selfgen_experience_always": "T1 T2 T3",
    "curated_with_revision_always": "T1 T2 T3",
}
"""Of learning tasks that are tried once more. No task is told its own trace, which alone says what T3 needs."""

Scores: TypeAlias = dict[tuple[str, str, str], bool | None]
"""By arm, pass and task."""


class Evolved(NamedTuple):
    """The demo, gone through once."""

    folder: Path
    outcome: CommandOutcome


@pytest.fixture(scope="module")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Evolved:
    """Go through it as a newcomer does."""
    folder = tmp_path_factory.mktemp("evolved")
    return Evolved(folder, type_in(folder, "demo", "evolve", "--plain"))


async def opened(folder: Path) -> SqliteLog:
    """Open the log of a folder."""
    return await SqliteLog.open(folder / ".stillroom" / "log.db", clock=clock, create=False)


async def told(log: EventLog, run: str, *kinds: type[Event]) -> list[tuple[str, Any]]:
    """Give the events of some classes in the streams of libraries, each with the name of its course."""
    found = log.read(Selection(run=run))
    return [
        (each.stream.name.split("/")[1], each.event)
        async for each in found
        if family_of(each.stream.name) == LIBRARY and isinstance(each.event, kinds)
    ]


async def scores(log: EventLog, run: str) -> Scores:
    """Give what came of all trials that were scheduled."""
    found: Scores = {}
    for course, event in await told(log, run, TrialsScored):
        for row in msgspec.json.decode(await log.get(event.rows), type=list[SuiteTrialRow]):
            found[course, row.passing, row.task] = row.solved
    return found


def roles_of(found: Scores, arm: str, passing: str = "primary") -> str:
    """Name the roles that an arm solves in all families; one that it solves in some of them is named with a mark."""
    counts: dict[str, list[bool]] = {}
    for (course, which, task), solved in found.items():
        if (course, which) == (arm, passing):
            role = next(role for role in _ROLES if task.endswith(f"-{role}"))
            counts.setdefault(role, []).append(solved is True)
    named = ((_ROLES[role], each) for role, each in sorted(counts.items(), key=lambda item: _ROLES[item[0]]))
    return " ".join(name if all(each) else f"{name}?" for name, each in named if any(each))


_ROLES: Final = {
    "canonical": "T1",
    "enriched": "T2",
    "variant": "T3",
    "context-shift": "T4",
    "adversarial": "T5",
    "composition": "T6",
}


def role_table(found: Scores) -> str:
    """Write down how many of the four tasks of each role an arm solves, and how many of its replays."""
    head = ["arm", *_ROLES.values(), *(f"{role} again" for role in ("T1", "T2", "T3"))]
    rows = [[f"`{arm}`", *(_solved(found, arm, "primary", each) for each in _ROLES),
             *(_solved(found, arm, "replay", each) for each in LEARNT)] for arm in LADDER]  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * 9], *rows))


def _solved(found: Scores, arm: str, passing: str, role: str) -> str:
    some = [
        solved for (who, which, task), solved in found.items() if (who, which) == (arm, passing) and _is(task, role)
    ]
    return f"{some.count(True)} of {len(some)}" if some else "-"


def _is(task: str, role: str) -> bool:
    return task.removesuffix(f"-{role}") in FAMILIES


def pair_table(found: Scores) -> str:
    """Write down, task by task of those held out, what came of it without a skill and under each arm."""
    rows = [
        [f"`{family}`", _ROLES[role], *(_mark(found[arm, "primary", f"{family}-{role}"]) for arm in LADDER)]
        for role in EVALUATION
        for family in FAMILIES
    ]
    head = ["family", "role", *(f"`{arm}`" for arm in LADDER)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _mark(solved: bool | None) -> str:  # noqa: FBT001 - a cell of a table, whatever came of it
    return {True: "solved", False: "no", None: "no score"}[solved]


async def said_in(log: EventLog, node: Digest | None) -> str:
    """Give all that a conversation holds."""
    parts: list[str] = []
    while node is not None:
        read = msgspec.json.decode(await log.get(node), type=ConversationNode)
        parts = [*[str(msgspec.json.decode(await log.get(each))["content"]) for each in read.messages], *parts]
        node = read.before
    return "\n".join(parts)


# -- what is built in --------------------------------------------------------------------------------------------------


async def test_the_ladder_comes_out_as_it_is_built(evolved: Evolved) -> None:
    """Transfer (T4) with the right skill, traps (T5) without the naive rule, compositions (T6) with both skills.

    Every arm solves T1, whose rule stands beside it. Traces do what skills do within a family, in no composition.
    """
    assert evolved.outcome.code == 0, evolved.outcome.err
    async with await opened(evolved.folder) as log:
        found = await scores(log, (await log.runs())[0])
    assert {arm: roles_of(found, arm) for arm in LADDER} == BUILT_IN
    assert len([key for key in found if key[1] == "primary"]) == 24 * len(LADDER)


async def test_what_was_learnt_from_is_solved_the_second_time(evolved: Evolved) -> None:
    """Replays are of learning tasks, with what there is at the end; arms that learn nothing have none."""
    async with await opened(evolved.folder) as log:
        found = await scores(log, (await log.runs())[0])
    assert {course for course, passing, _ in found if passing == "replay"} == set(REPLAYED)
    assert {arm: roles_of(found, arm, "replay") for arm in REPLAYED} == REPLAYED
    assert {passing for _, passing, _ in found} == {"primary", "replay"}


async def test_each_rule_of_a_skill_was_told_to_its_author(evolved: Evolved) -> None:
    """One by a command's output, one by a failed check; none but those of the house, and none twice about the same."""
    async with await opened(evolved.folder) as log:
        run = (await log.runs())[0]
        last: dict[tuple[str, str], str] = {}
        for course, event in await told(log, run, SkillRevised):
            last[course, event.skill] = (await log.get(event.files[0].digest)).decode()
        asked = await asked_of_authors(log, run)
    for arm in ("selfgen_experience_always", "curated_with_revision_always"):
        for family in FAMILIES:
            rules = {HouseRule(*each) for each in rules_of(family).items()}
            assert set(rules_held(last[arm, family])) == rules, (arm, family)
            sent = [text for course, text in asked if course == arm and f"`{family}`" in text]
            by_trajectory = {rule for text in sent for rule in rules_told(_part(text, "Trajectories"))}
            by_feedback = {rule for text in sent for rule in rules_told(_part(text, "Feedback"))}
            assert by_trajectory | by_feedback == rules
            assert by_trajectory - by_feedback
            assert by_feedback - by_trajectory
    drafts = [text for (course, _), text in last.items() if course == "selfgen_zero_shot"]
    assert [rules_held(text) for text in drafts] == [[]] * 4


async def test_an_author_is_shown_the_live_skill(evolved: Evolved) -> None:
    """So the naive rule goes, and all else stays letter for letter (W1)."""
    async with await opened(evolved.folder) as log:
        run = (await log.runs())[0]
        texts: dict[str, list[str]] = {family: [] for family in FAMILIES}
        for course, event in await told(log, run, SkillRevised):
            if course == "curated_with_revision_always":
                texts[event.skill].append((await log.get(event.files[0].digest)).decode())
    for family, (first, *others) in texts.items():
        assert others, family
        assert rules_kept_out(first) == rules_kept_out(others[-1])


def rules_kept_out(text: str) -> list[str]:
    """Give the lines of a skill that hold no rule."""
    return [line for line in text.splitlines() if not line.startswith("- ")]


async def asked_of_authors(log: EventLog, run: str) -> list[tuple[str, str]]:
    """Give what each author was sent, with the name of its course."""
    found = log.read(Selection(run=run, tags={"model.asked"}))
    sent = [each async for each in found if family_of(each.stream.name) == AUTHOR]
    return [
        (each.stream.name.split("/")[1], await said_in(log, each.event.conversation))
        for each in sent
        if isinstance(each.event, ModelAsked)
    ]


def _part(text: str, heading: str) -> str:
    after = {"Trajectories": "Feedback", "Feedback": "The library"}[heading]
    return text.partition(f"\n# {heading}\n")[2].partition(f"\n# {after}\n")[0]


async def test_the_guide_has_these_tables(evolved: Evolved) -> None:
    """Four families bear no interval: what there is to see are pairs, item by item."""
    async with await opened(evolved.folder) as log:
        found = await scores(log, (await log.runs())[0])
    assert role_table(found) in GUIDE, role_table(found)
    assert pair_table(found) in GUIDE, pair_table(found)


# -- cut paths ---------------------------------------------------------------------------------------------------------


def demo_spec(base: Path, arms: Iterable[str], **own: Any) -> RunSpec:
    """Give the demo's spec with other arms, and with further settings of its program."""
    spec = resolve(Inputs(base, run_file=SPEC)).spec
    return msgspec.structs.replace(spec, own={**spec.own, "arms": list(arms), **own})


async def cut(base: Path, spec: RunSpec, *, mounts: bool = True) -> Scores:
    """Go through some arms in a log of their own."""
    log = MemoryLog(clock=CountingClock())
    here = await setting(log, base)
    if not mounts:
        (base / "bare").mkdir()
        way = (await backend_here(base / "bare"))._way
        here = here._replace(backend=Mountless(base / "bare", way=way))
    return await scores(log, (await start_run(here, spec)).run)


async def test_without_the_mount_all_of_it_vanishes(tmp_path: Path) -> None:
    """Given skills that are offered and cannot be read: what they gave is gone, and traces in prompts are not."""
    arms = ("raw_trajectory_rag", "curated_static", "curated_with_revision_always")
    found = await cut(tmp_path, demo_spec(tmp_path, arms), mounts=False)
    assert {arm: roles_of(found, arm) for arm in arms} == dict(zip(arms, (BUILT_IN[arms[0]], "T1", "T1"), strict=True))


async def test_without_feedback_what_only_feedback_tells_is_not_learnt(tmp_path: Path) -> None:
    """Two traps of four stay: those whose rule no command printed. Traces withhold it from the solver as well."""
    arms = ("raw_trajectory_rag", "curated_with_revision_always")
    found = await cut(tmp_path, demo_spec(tmp_path, arms, change={"feedback": "none"}))
    for arm in arms:
        traps = {task for (course, _, task), solved in found.items() if course == arm and solved and "adv" in task}
        assert traps == {"average-weights-adversarial", "read-all-pages-adversarial"}, arm


# -- lives -------------------------------------------------------------------------------------------------------------


def test_it_replays_with_no_call(evolved: Evolved) -> None:
    """Views rebuilt, decisions made again, actors rerun with closed ports."""
    replayed = type_in(evolved.folder, "replay")
    assert replayed.code == 0, replayed.out
    assert "reproduced as recorded, 0 model calls" in replayed.out


async def test_nothing_was_dropped(evolved: Evolved) -> None:
    """Every trial that was scheduled has a score, and every library came to its end."""
    async with await opened(evolved.folder) as log:
        ended = await told(log, (await log.runs())[0], LibraryClosed)
    assert {event.ending for _, event in ended} == {"completed"}
    assert [(event.infrastructure, event.unbegun) for _, event in ended] == [(0, 0)] * len(ended)
    assert sum(event.planned for _, event in ended) == 24 * len(LADDER) + 12 * len(REPLAYED)
    assert all(event.planned == event.scored for _, event in ended)


def lived(life: Life, file: Path) -> int:
    """Live one life in a process of its own; give its exit code."""
    file.write_bytes(msgspec.json.encode(life))
    return subprocess.run(
        [sys.executable, "-m", "replay.crash.child", str(file)], check=False, capture_output=True
    ).returncode


def life(folder: Path, spec: RunSpec, at: int | None) -> Life:
    """Say how a process lives that goes through the ladder in a folder, and when it dies."""
    (folder / ".stillroom").mkdir(parents=True, exist_ok=True)
    variables = {"PATH": os.environ["PATH"]}  # noqa: TID251 - a process needs its search path
    return Life(spec, str(folder / ".stillroom" / "log.db"), str(folder / "sandboxes"), "test", variables, at)


async def test_killed_and_resumed_it_comes_out_the_same(tmp_path: Path, evolved: Evolved) -> None:
    """SIGKILL in the middle of learning, of evaluations and of authors: the same trials, skills and snapshots."""
    spec = resolve(Inputs(tmp_path, run_file=SPEC)).spec
    deaths = [lived(life(tmp_path, spec, at), tmp_path / "life.json") for at in (900, 61, 1500, 333, 2222)]
    assert deaths == [-9] * 5
    assert lived(life(tmp_path, spec, None), tmp_path / "life.json") == 0
    async with await opened(tmp_path) as killed, await opened(evolved.folder) as plain:
        other, run = (await killed.runs())[0], (await plain.runs())[0]
        assert await scores(killed, other) == await scores(plain, run)
        assert await digests(killed, other) == await digests(plain, run)
        assert (await rerun(killed, other)).complete


@pytest.mark.parametrize("seed", [3, 11])
async def test_in_another_order_it_comes_to_the_same_libraries(tmp_path: Path, seed: int) -> None:
    """Given effects that are held back as a seed says: skills, snapshots and scores are those of any other order."""
    arms = ("raw_trajectory_rag", "curated_with_revision_always")
    spec = demo_spec(tmp_path, arms, environments=["E1"])
    plain, other = MemoryLog(clock=CountingClock()), MemoryLog(clock=CountingClock())
    first = (await start_run(await setting(plain, tmp_path), spec)).run
    here = (await setting(other, tmp_path))._replace(between=partial(Shuffled, seed=seed))
    second = (await start_run(here, spec)).run
    assert await scores(other, second) == await scores(plain, first)
    assert await digests(other, second) == await digests(plain, first)
    assert await snapshots(other, second) == await snapshots(plain, first)
    assert (await rerun(other, second)).complete


async def snapshots(log: EventLog, run: str) -> list[tuple[str, str]]:
    """Give the digests of libraries at their end, with their courses."""
    return sorted((course, event.snapshot) for course, event in await told(log, run, LibraryClosed))


async def digests(log: EventLog, run: str) -> dict[tuple[str, str], list[str]]:
    """Give the digests that skills had, in order, by course and skill."""
    found: dict[tuple[str, str], list[str]] = {}
    for course, event in await told(log, run, SkillRevised):
        found.setdefault((course, event.skill), []).extend(each.digest for each in event.files)
    return found


def test_the_suite_is_not_changed_by_a_run(evolved: Evolved, tmp_path: Path) -> None:
    """The folders of the package are read only: nothing is written beside them."""
    assert evolved.outcome.code == 0
    before = shutil.copytree(DEMO, tmp_path / "demo")
    assert not list(before.rglob(".stillroom"))


# -- asked afterwards --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "flips"),
    [
        (("evolve.resolved.curated_static.retrieval.method=bm25", "evolve.resolved.curated_static.retrieval.k=1"), 12),
        (("evolve.change.freeze_after=2",), 8),
        (("evolve.resolved.curated_with_revision_always.gate.name=items",), 2),
    ],
    ids=["retrieval", "freeze", "gate"],
)
def test_another_setting_is_asked_over_the_ladder(evolved: Evolved, settings: tuple[str, ...], flips: int) -> None:
    """Which decisions flip: retrievals of held-out tasks, the freeze of each library that learns, a first revision."""
    words = [word for each in settings for word in ("--set", each)]
    outcome = type_in(evolved.folder, "what-if", "@latest", *words, "--json")
    assert outcome.code == 0, outcome.err
    kind = {12: "retrieval", 8: "freeze", 2: "revision"}[flips]
    assert outcome.rows[0]["flips_by_point"] == {kind: flips}


def test_a_failed_trap_is_traced_to_the_line_of_the_skill(evolved: Evolved) -> None:
    """From the trial to the naive rule that the suite brought; and the life of the skill in which it was replaced."""
    blamed = type_in(evolved.folder, "skills", "blame", "--trial", "curated_static.E1/average-weights-adversarial/1")
    assert blamed.code == 0, blamed.err
    (line,) = [line for line in blamed.out.splitlines() if "count it as 0" in line]
    assert "2>" in line, "the second check that failed has words in common with it"
    assert "by the suite's own skill" in blamed.out
    story = type_in(evolved.folder, "skills", "log", "curated_with_revision_always/E1/average-weights", "--plain")
    steps = [line.split()[1] for line in story.out.splitlines()[1:] if line.split()[0].isdigit()]
    assert [steps.count(each) for each in ("proposal", "ruling", "frozen")] == [2, 2, 1]
    assert steps.index("frozen") > max(place for place, step in enumerate(steps) if step == "ruling")
