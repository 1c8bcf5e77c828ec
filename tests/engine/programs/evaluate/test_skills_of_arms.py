"""Arms by where their skills come from: each item its own, a run's, others beside; all told the same but for that."""

import json
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import pytest

from engine.config.errors import ConfigRefused
from engine.core.history import load_histories
from engine.effects.conversation import ConversationReader
from engine.programs.evaluate.arms import arm_specs, own
from engine.programs.evaluate.errors import ArmSkillsUnusable
from engine.runtime.fork import Fork, fork_run
from engine.runtime.plan import recorded_specs
from engine.runtime.run import RunReport, resume_run, start_run
from events.integrity.verify import verify
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.model import ModelAsked
from events.types.run import RunOpened
from events.types.session import ArmSkillsPinned, FoundImageSkills, GivenSkill, ImageSkillsFound, InputsLeftOut
from replay.rerun import rerun
from tests.engine.agents.test_skills_of_the_shell import MOUNT
from tests.engine.programs.evaluate.test_evaluate import calls, cells_of, evaluated, evaluation
from tests.engine.programs.evaluate.test_skill_sources import laid_out
from tests.engine.runtime.test_resume import cut
from tests.support.orders import CountingClock
from tests.support.runs import SCRIPT, make_task, setting, spec

READER: Final = f"""\
name = "reader"

[[rule]]
name = "student"
contains = ["Attempt: 1 of"]
[[rule.turn]]
command = "cat {MOUNT}/*/SKILL.md"
[[rule.turn]]
command = "sh -c \\"$(sed -n 's/^run: //p' {MOUNT}/*/SKILL.md)\\""
[[rule.turn]]
text = "DONE"
"""
"""A student that knows nothing, and does what any skill says that it finds."""
ONCE: Final[dict[str, Any]] = {"method": {"attempts": 1}}
WORDS: Final = {"one": "hello", "two": "bye"}


def skill(name: str, run: str) -> bytes:
    """Write a skill that says what to run."""
    return f"---\nname: {name}\ndescription: Writes it. Use {name} for words.\n---\n\nrun: {run}\n".encode()


def base_of(folder: Path) -> Path:
    """Make two tasks whose answers differ, a student, and a root in which each task has a skill that knows its word."""
    for name, word in WORDS.items():
        make_task(folder / "tasks" / name, wanted=word)
        laid_out(
            folder / "human" / name, {"environment/skills/word/SKILL.md": skill("word", f"echo {word} > answer.txt")}
        )
    laid_out(folder / "other", {"noise/SKILL.md": skill("noise", "true"), "hum/SKILL.md": skill("hum", "true")})
    (folder / "script.toml").write_text(READER)
    return folder


OWN: Final[dict[str, Any]] = {
    "none": {"skills": ""},
    "human": {"skills": "per-item:human"},
    "placebo": {"skills": "per-item:human", "placebo": True},
}


async def pinned(log: EventLog, run: str) -> tuple[GivenSkill, ...]:
    """Read where the skills of a run's arms came from."""
    found = [each.event async for each in log.read(Selection(run=run, tags={"session.arm_skills_pinned"}))]
    assert all(isinstance(each, ArmSkillsPinned) for each in found)
    return found[-1].skills if found else ()  # type: ignore[attr-defined]


@pytest.mark.slow
async def test_each_task_is_given_the_skill_of_its_own_name(tmp_path: Path) -> None:
    """Given skills that know one word each, both tasks are solved by theirs: crossed, neither would be."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    report = await evaluated(log, base, evaluation(OWN, **ONCE))
    assert report.outcomes == {
        **{f"{arm}/{task}/1": "unsolved" for arm in ("none", "placebo") for task in WORDS},
        **{f"human/{task}/1": "solved" for task in WORDS},
    }
    cells = {(cell.arm, cell.item): cell.condition for cell in await cells_of(log, report.run)}
    assert len(set(cells.values())) == 5, "none has one condition for both tasks, the others one for each"
    rmtree(base / "human")
    assert (await rerun(log, report.run)).complete
    assert not (await verify(log)).findings


@pytest.mark.slow
async def test_what_arms_are_given_is_on_record_with_where_it_came_from(tmp_path: Path) -> None:
    """By arm and task; the placebo under the digest of what is really given."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    arms = {**OWN, "beside": {"skills": "per-item:human", "beside": ["other"]}}
    found = await pinned(log, (await evaluated(log, base, evaluation(arms, **ONCE))).run)
    assert {(each.arm, each.item, each.part, each.skill, each.source) for each in found} == {
        *(
            (arm, task, part, "word", "per-item:human")
            for arm, part in (("human", "own"), ("placebo", "placebo"))
            for task in WORDS
        ),
        *(("beside", task, "own", "word", "per-item:human") for task in WORDS),
        *(("beside", item, "beside", name, "other") for item in (*WORDS, None) for name in ("noise", "hum")),
    }
    digests = {(each.arm, each.item): each.digest for each in found if each.part != "beside"}
    assert len({digests[arm, task] for arm in ("human", "placebo") for task in WORDS}) == 4
    assert digests["beside", "one"] == digests["human", "one"]


async def told(log: EventLog, run: str) -> dict[tuple[str, str], list[str]]:
    """Read what each trial was told before it did anything, by arm and item."""
    asked: dict[tuple[str, str], list[str]] = {}
    async for each in log.read(Selection(run=run, tags={"model.asked"})):
        assert isinstance(each.event, ModelAsked)
        _, arm, item, *_ = each.stream.name.split("/")
        messages = (await ConversationReader(log).read(each.event.conversation)).messages
        asked.setdefault((arm, item), [message.decode() for message in messages[:2]])
    return asked


@pytest.mark.slow
async def test_all_arms_are_told_the_same_but_for_lines_of_skills(tmp_path: Path) -> None:
    """Generated, human, placebo, beside: one sentence, then a line for each skill that is given, and nothing else."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    laid_out(base / "generated", {f"{task}/SKILL.md": skill(f"made-{task}", "true") for task in WORDS})
    arms = {
        **OWN,
        "generated": {"skills": "per-item:generated"},
        "beside": {"skills": "per-item:human", "beside": ["other"]},
        "only": {"skills": "", "beside": ["other"]},
    }
    asked = await told(log, (await evaluated(log, base, evaluation(arms, **ONCE))).run)
    names = {
        "none": [],
        "human": ["word"],
        "placebo": ["word"],
        "generated": ["made-{task}"],
        "beside": ["hum", "noise", "word"],
        "only": ["hum", "noise"],
    }
    assert set(asked) == {(arm, task) for arm in names for task in WORDS}
    for (arm, task), (system, instruction) in asked.items():
        plain = json.loads(asked["none", task][0])["content"]
        said = json.loads(system)["content"]
        assert said.startswith(plain)
        lines = said.removeprefix(plain).strip().splitlines()
        assert [line.split(":")[0] for line in lines] == [f"- {name.format(task=task)}" for name in names[arm]]
        assert instruction == asked["none", task][1]


@pytest.mark.slow
async def test_a_changed_skill_of_one_task_is_another_key_for_that_task_alone(tmp_path: Path) -> None:
    """And skills beside are part of the key: each part in turn, and nothing stored is found where it counts."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    arms = {
        "none": {"skills": ""},
        "human": {"skills": "per-item:human"},
        "beside": {"skills": "per-item:human", "beside": ["other"]},
    }
    first = await evaluated(log, base, evaluation(arms, **ONCE))
    again = await evaluated(log, base, evaluation(arms, **ONCE))
    assert await calls(log, again.run) == 0

    async def fresh() -> set[tuple[str, str]]:
        run = (await evaluated(log, base, evaluation(arms, **ONCE))).run
        return {(cell.arm, cell.item) for cell in await cells_of(log, run) if cell.run == run}

    laid_out(base / "human" / "one", {"environment/skills/word/SKILL.md": skill("word", "echo hello | tee answer.txt")})
    assert await fresh() == {("human", "one"), ("beside", "one")}
    laid_out(base / "other", {"noise/SKILL.md": skill("noise", "echo noise")})
    assert await fresh() == {("beside", "one"), ("beside", "two")}
    laid_out(base / "human" / "two", {"environment/skills/word/more.md": b"more"})
    assert await fresh() == {("human", "two"), ("beside", "two")}
    assert first.outcomes.keys() == again.outcomes.keys()


DISTILLED: Final = SCRIPT.replace("# Copying a word\n", "# Copying a word\n\nrun: cp words.txt answer.txt\n")


async def learnt(log: EventLog, base: Path) -> RunReport:
    """Explore one of the tasks until a skill is distilled from it."""
    (base / "learn.toml").write_text(DISTILLED)
    make_task(base / "tasks" / "word")
    models = {"teacher": {"model": "teacher", "base_url": "script:learn.toml"}}
    return await start_run(await setting(log, base), spec(models=models, only=["word"]))


@pytest.mark.slow
async def test_a_skill_that_a_run_distilled_is_an_arm(tmp_path: Path) -> None:
    """Given the latest run that accepted one, its id is pinned, so that a fork means the same run."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    explored = (await learnt(log, base)).run
    arms = {"none": {"skills": ""}, "all": {"skills": "run:@latest"}, "own": {"skills": "per-item:run:@latest"}}
    what = evaluation(arms, only=["word"], **ONCE)
    report = await evaluated(log, base, what)
    assert report.outcomes == {"none/word/1": "unsolved", "all/word/1": "solved", "own/word/1": "solved"}
    (one, other) = await pinned(log, report.run)
    assert (one.skill, one.run, one.revision, one.source, one.item) == ("word", explored, 1, f"run:{explored}", None)
    assert (other.source, other.item, other.digest) == (f"per-item:run:{explored}", "word", one.digest)
    opened = [each.event async for each in log.read(Selection(run=report.run, tags={"run.opened"}))]
    assert isinstance(opened[0], RunOpened)
    (recorded,) = await recorded_specs(log, opened[0], ())
    assert own(recorded).arms["all"].skills == f"run:{explored}"
    again = await evaluated(log, base, what)
    assert await calls(log, again.run) == 0
    assert own((await recorded_specs(log, opened[0], ()))[0]).arms["own"].skills == f"per-item:run:{explored}"


@pytest.mark.slow
async def test_a_run_on_an_axis_is_pinned_as_in_an_arm(tmp_path: Path) -> None:
    """Arms of a grid have skills from runs, too, and each is named after the run's id."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    explored = (await learnt(log, base)).run
    grid = {"skills": ["", "run:@latest/word@1"]}
    report = await evaluated(log, base, evaluation({}, only=["word"], own={"grid": grid}, **ONCE))
    assert sorted(report.outcomes.values()) == ["solved", "unsolved"]
    assert [(each.source, each.revision) for each in await pinned(log, report.run)] == [(f"run:{explored}/word@1", 1)]


@pytest.mark.slow
async def test_tasks_without_a_skill_are_refused_left_out_or_given_none(tmp_path: Path) -> None:
    """As the spec says: nothing is left out in silence, and nothing is scored as if it had been given one."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    rmtree(base / "human" / "two")
    arms = {"none": {"skills": ""}, "human": {"skills": "per-item:human"}}
    with pytest.raises(ArmSkillsUnusable, match="there is no skill for the task two") as refused:
        await evaluated(log, base, evaluation(arms, **ONCE))
    assert "leave_out" in refused.value.remedy
    assert (await log.head()).position == 0
    left = await evaluated(log, base, evaluation(arms, own={"without_skill": "leave_out"}, **ONCE))
    assert left.outcomes == {"none/one/1": "unsolved", "human/one/1": "solved"}
    out = [each.event async for each in log.read(Selection(run=left.run, tags={"session.inputs_left_out"}))]
    assert [isinstance(each, InputsLeftOut) and each.inputs[0].what for each in out] == ["task two"]
    assert {each.item for each in await pinned(log, left.run)} == {"one"}
    given = await evaluated(log, base, evaluation(arms, own={"without_skill": "none"}, **ONCE))
    assert given.outcomes == {**{f"{arm}/two/1": "unsolved" for arm in arms}, **left.outcomes}
    cells = {(cell.arm, cell.item): cell.condition for cell in await cells_of(log, given.run)}
    assert cells["human", "two"] == cells["none", "two"] == cells["none", "one"] != cells["human", "one"]


async def test_two_skills_of_one_name_are_refused(tmp_path: Path) -> None:
    """An agent finds a skill by its name; which of two it finds would be chance."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    laid_out(base / "again", {"word/SKILL.md": skill("word", "true"), "noise/SKILL.md": skill("noise", "true")})
    for arm, sources in (
        ({"skills": "per-item:human", "beside": ["again"]}, "from per-item:human and from again"),
        ({"skills": "", "beside": ["other", "again"]}, "from other and from again"),
    ):
        with pytest.raises(ArmSkillsUnusable, match=f"arm x is given two skills called '(word|noise)', {sources}"):
            await evaluated(log, base, evaluation({"none": {"skills": ""}, "x": arm}, **ONCE))
    assert (await log.head()).position == 0


@pytest.mark.parametrize(
    ("arm", "why"),
    [
        ({"skills": "run:x/"}, "names no skill"),
        ({"skills": "run:"}, "names no run"),
        ({"skills": "", "beside": ["per-item:human"]}, "gives each task its own"),
        ({"skills": "", "beside": [""]}, "names no folder"),
    ],
)
def test_a_source_that_is_none_is_refused_with_the_settings(arm: dict[str, Any], why: str) -> None:
    """Beside whatever else is wrong with them."""
    with pytest.raises(ConfigRefused, match=why):
        arm_specs(evaluation({"none": {"skills": ""}, "x": arm}))


FINDER: Final = """\
name = "finder"

[[rule]]
name = "does what any skill says that it finds"
contains = ["Attempt: 1 of"]
[[rule.turn]]
command = "sh -c \\"$(cat /root/.claude/skills/*/SKILL.md | sed -n 's/^run: //p')\\"; true > looked"
[[rule.turn]]
text = "DONE"
"""


def bringing(base: Path) -> str:
    """Have the image of a task bring the answer as a skill, and give the line that does it."""
    (base / "script.toml").write_text(FINDER)
    environment = laid_out(
        base / "tasks" / "one" / "environment", {"skills/key/SKILL.md": skill("key", "cp words.txt answer.txt")}
    )
    before = (environment / "Dockerfile").read_text()
    (environment / "Dockerfile").write_text(before + "COPY skills /root/.claude/skills\n")
    return "environment/Dockerfile line 4: COPY skills /root/.claude/skills"


TWO: Final = {"none": {"skills": ""}, "human": {"skills": "per-item:human"}}


@pytest.mark.slow
async def test_skills_of_an_image_are_left_out_in_every_arm_and_said(tmp_path: Path) -> None:
    """Given an image that brings the answer as a skill, no arm is helped by it; nor is one that resumes the run."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    line = bringing(base)
    warned: list[str] = []
    means = (await setting(log, base))._replace(warn=warned.append)
    report = await start_run(means, evaluation(TWO, **ONCE))
    assert set(report.outcomes.values()) == {"unsolved"}
    assert await image_notes(log, report.run) == (
        FoundImageSkills("one", ("environment/skills/", line), (), stripped=True),
    )
    assert [line in each and "left out in every arm" in each for each in warned] == [True]
    assert (await rerun(log, report.run)).complete
    opened = [each.position async for each in log.read(Selection(run=report.run, tags={"cell.opened"}))]
    half = await cut(log, opened[0])
    resumed = await resume_run(means._replace(log=half), report.run)
    assert resumed.outcomes == report.outcomes


@pytest.mark.slow
async def test_skills_of_an_image_are_kept_where_the_spec_says_so(tmp_path: Path) -> None:
    """Every arm is helped alike, and scores without them are not taken for scores with them."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    bringing(base)
    means = await setting(log, base)
    if means.backend.describe().level == "none":
        pytest.skip(f"an image cannot bring /root/.claude/skills here: {means.backend.describe().reason}")
    await start_run(means, evaluation(TWO, **ONCE))
    kept = await start_run(means, evaluation(TWO, own={"image_skills": "keep"}, **ONCE))
    assert {name: outcome for name, outcome in kept.outcomes.items() if "/one/" in name} == {
        "none/one/1": "solved",
        "human/one/1": "solved",
    }
    fresh = {cell.item for cell in await cells_of(log, kept.run) if cell.run == kept.run}
    assert fresh == {"one"}, "the other task is the same, and its scores are found"
    assert [each.stripped for each in await image_notes(log, kept.run)] == [False]


async def image_notes(log: EventLog, run: str) -> tuple[FoundImageSkills, ...]:
    """Read what a run found in the images of its tasks."""
    found = [each.event async for each in log.read(Selection(run=run, tags={"session.image_skills_found"}))]
    assert all(isinstance(each, ImageSkillsFound) for each in found)
    return found[-1].tasks if found else ()  # type: ignore[attr-defined]


@pytest.mark.parametrize("sets", [{"items": {"folder": "quiz"}}, {"sets": {"more": {"folder": "quiz"}}}])
def test_questions_have_no_skills_of_their_own(sets: dict[str, Any]) -> None:
    """An arm would give them none, in silence, whichever table names them."""
    with pytest.raises(ConfigRefused, match="questions have none"):
        arm_specs(evaluation(OWN, own=sets))


@pytest.mark.slow
async def test_a_run_that_died_goes_on_with_the_skills_that_it_pinned(tmp_path: Path) -> None:
    """Though their folder is gone: bytes and names are in the log."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    whole = await evaluated(log, base, evaluation(OWN, concurrency=1, **ONCE))
    first = [each.position async for each in log.read(Selection(run=whole.run, tags={"cell.opened"}))][1]
    half = await cut(log, first)
    rmtree(base / "human")
    resumed = await resume_run(await setting(half, base), whole.run)
    assert resumed.outcomes == whole.outcomes
    assert (await rerun(half, whole.run)).complete


@pytest.mark.slow
async def test_a_fork_gives_items_what_it_pins_itself(tmp_path: Path) -> None:
    """Given a skill that was changed in between, cells that are begun in the fork are given the one of now."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path)
    what = evaluation(OWN, concurrency=1, own={"reuse": "never"}, **ONCE)
    parent = await evaluated(log, base, what)
    opened = [each.position async for each in log.read(Selection(run=parent.run, tags={"cell.opened"}))]
    for task in WORDS:
        laid_out(base / "human" / task, {"environment/skills/word/SKILL.md": skill("word", "echo wrong > answer.txt")})
    histories = await load_histories(log, parent.run)
    assert histories.opened is not None
    child = await fork_run(await setting(log, base), Fork(parent.run, opened[1] - 1, what, ()))
    assert {name: outcome for name, outcome in child.outcomes.items() if name.startswith("human/")} != {
        name: outcome for name, outcome in parent.outcomes.items() if name.startswith("human/")
    }
    assert {each.digest for each in await pinned(log, child.run)} != {
        each.digest for each in await pinned(log, parent.run)
    }
    assert (await rerun(log, child.run)).complete
