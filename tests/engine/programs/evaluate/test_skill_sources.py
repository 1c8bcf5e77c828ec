"""Sources of skills: one grammar; what was accepted is given, byte for byte, and what cannot be is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from engine.config.skill_source import SkillSource, SourceMalformed, read_source
from engine.programs.evaluate.errors import ArmSkillsUnusable
from engine.programs.evaluate.folder_skills import folder_skills, folder_skills_by_task
from engine.programs.evaluate.library_skills import library_skills, library_skills_by_task, run_named
from events.base import Draft, Event, Ref, StreamId
from events.digest import digest_of
from events.store.memory import MemoryLog
from events.types.session import RunNamed
from events.types.skill import SkillImported, SkillProposed, SkillRefused, SkillRejected, SkillRetired, SkillRevised
from events.types.trial import TrialOpened
from events.values import NamedDigest
from tests.support.orders import CountingClock

WHY: Final = digest_of(b"provenance")


def page(name: str, says: str = "") -> bytes:
    """Write a `SKILL.md`."""
    return f"---\nname: {name}\ndescription: Does {name}.\n---\n\n{says}\n".encode()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("skills/greet", SkillSource("folder", "skills/greet")),
        ("./run:odd", SkillSource("folder", "./run:odd")),
        ("run:0190ab", SkillSource("run", "0190ab")),
        ("run:@latest", SkillSource("run", "@latest")),
        ("run:@latest/greet", SkillSource("run", "@latest", "greet")),
        ("run:0190ab/greet@12", SkillSource("run", "0190ab", "greet", 12)),
        ("library:shared", SkillSource("library", "shared")),
        ("library:shared/greet@1", SkillSource("library", "shared", "greet", 1)),
        ("per-item:human", SkillSource("folder", "human", per_item=True)),
        ("per-item:run:@latest", SkillSource("run", "@latest", per_item=True)),
    ],
)
def test_a_source_reads_as_it_is_written(text: str, source: SkillSource) -> None:
    """And is written as it was read, so that a pinned spec says the same."""
    assert read_source(text) == source
    assert source.text == text


@pytest.mark.parametrize(
    "text",
    [
        "run:", "library:", "per-item:", "run:x/", "run:x@2", "run:x/greet@", "run:x/greet@two", "run:/greet",
        "per-item:run:x/greet", "library:x@1", "run:x/greet@²",
    ],
)  # fmt: skip
def test_what_names_no_source_is_refused(text: str) -> None:
    """Before anything is looked for."""
    with pytest.raises(SourceMalformed):
        read_source(text)


async def told(log: MemoryLog, run: str, *events: tuple[str, Event]) -> None:
    """Append what streams of a run tell."""
    versions: dict[str, int] = {}
    for stream, event in events:
        version = versions.get(stream, 0)
        await log.append(StreamId(run, stream), [Draft(event, None)], expected_version=version)
        versions[stream] = version + 1


def revised(log: MemoryLog, name: str, says: str, revision: int = 1, **more: Any) -> SkillRevised:
    """Accept a skill."""
    return SkillRevised(name, revision, (NamedDigest("SKILL.md", log.put(page(name, says))),), WHY, (), **more)


def opened(task: str) -> TrialOpened:
    """Begin a trial."""
    return TrialOpened(task, "default", 1, None)


async def two_tasks() -> MemoryLog:
    """Record a run that distilled a skill from each of two tasks, of one of them twice."""
    log = MemoryLog(clock=CountingClock())
    await told(log, "r0", ("trial/x", opened("x")))
    await told(
        log,
        "r1",
        ("trial/one.1", opened("one")),
        ("trial/one.2", opened("one")),
        ("trial/two.1", opened("two")),
        ("trial/one.1", revised(log, "first", "early")),
        ("trial/two.1", revised(log, "second", "other")),
        ("trial/one.2", revised(log, "first", "late")),
    )
    return log


def said(found: Any) -> dict[str, bytes]:
    """Give the page of each skill by its name."""
    return {each.name: each.files["SKILL.md"] for each in found}


async def test_a_run_gives_every_skill_in_force_or_one_of_them() -> None:
    """The latest of each name; one by its name, or by the trial or the task that it was distilled from."""
    log = await two_tasks()
    assert said(await library_skills(log, read_source("run:r1"))) == {
        "first": page("first", "late"),
        "second": page("second", "other"),
    }
    for named in ("first", "one", "one.2"):
        assert said(await library_skills(log, read_source(f"run:r1/{named}"))) == {"first": page("first", "late")}
    (one,) = await library_skills(log, read_source("run:r1/one.1@1"))
    assert (one.files["SKILL.md"], one.run, one.revision) == (page("first", "early"), "r1", 1)
    with pytest.raises(ArmSkillsUnusable, match=r"several trials accepted a revision 1 of it: one\.1, one\.2"):
        await library_skills(log, read_source("run:r1/first@1"))
    by_task = await library_skills_by_task(log, read_source("per-item:run:r1"))
    assert {task: said(found) for task, found in by_task.items()} == {
        "one": {"first": page("first", "late")},
        "two": {"second": page("second", "other")},
    }


async def test_a_skill_that_is_in_force_no_more_is_not_among_all() -> None:
    """Neither for every item nor for the task that it was distilled from; without another, nothing is in force."""
    log = await two_tasks()
    await log.append(
        StreamId("r1", "trial/two.1"), [Draft(SkillRetired("second", 1, "it hurts"), None)], expected_version=2
    )
    assert set(said(await library_skills(log, read_source("run:r1")))) == {"first"}
    assert set(await library_skills_by_task(log, read_source("per-item:run:r1"))) == {"one"}
    await log.append(
        StreamId("r1", "trial/one.2"), [Draft(SkillRetired("first", 1, "it hurts"), None)], expected_version=2
    )
    with pytest.raises(ArmSkillsUnusable, match="none of its skills is in force any more"):
        await library_skills(log, read_source("run:r1"))


async def test_the_latest_run_is_the_latest_that_accepted_a_skill() -> None:
    """An evaluation accepts none, so evaluating twice names the same run."""
    log = await two_tasks()
    await told(log, "r2", ("trial/x", opened("x")))
    assert await run_named(log, "@latest") == "r1"
    assert await run_named(log, "r1") == "r1"
    await told(log, "r2", ("session", RunNamed("second")))
    assert await run_named(log, "second") == "r2"
    for text, why in (("r", "several runs begin so"), ("q", "no run begins or is named so")):
        with pytest.raises(ArmSkillsUnusable, match=why):
            await run_named(log, text)
    with pytest.raises(ArmSkillsUnusable, match="no run accepted a skill"):
        await run_named(MemoryLog(clock=CountingClock()), "@latest")


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("run:r1/refused", "its distillation was refused: no name"),
        ("run:r1/rejected", "it was proposed and never accepted: it scores less"),
        ("run:r1/pending", "it was proposed and never accepted: nothing was decided"),
        ("run:r1/gone", "it is in force no more: another takes its place"),
        ("run:r1/kept@3", "there is no revision 3 of it"),
        ("run:r1/kep", "there is no such skill"),
        ("run:r1/odd", "An agent would pass over it"),
        ("run:r1/loud", "not a valid Agent Skills name"),
        ("run:r1/erased", r"the bytes of erased \(revision 1\) are gone"),
        ("run:r2", "no skill was accepted into it"),
        ("library:none", "there is no such library"),
        ("library:shared/kept", "there is no such skill"),
    ],
)
async def test_what_was_never_accepted_or_is_gone_is_refused(named: str, why: str) -> None:
    """Each with what became of it; a candidate is in force nowhere."""
    log = MemoryLog(clock=CountingClock())
    proposed = (NamedDigest("SKILL.md", log.put(page("rejected"))),)
    odd = (NamedDigest("SKILL.md", log.put(b"[LLM ERROR] 502")),)
    await told(
        log,
        "r1",
        ("trial/a", SkillRefused("refused", None, ("no name",))),
        ("trial/a", SkillProposed("rejected", proposed, "edited")),
        ("trial/a", SkillRejected("rejected", Ref("trial/a", 2), ("it scores less",))),
        ("trial/a", SkillProposed("pending", proposed, "edited")),
        ("trial/a", revised(log, "gone", "")),
        ("trial/a", SkillRetired("gone", 1, "another takes its place")),
        ("trial/a", revised(log, "kept", "one")),
        ("trial/a", revised(log, "kept", "two", 2)),
        ("trial/a", SkillImported("odd", odd, ("it is an error text",))),
        ("trial/a", SkillImported("loud", (NamedDigest("SKILL.md", log.put(page("Loud Name"))),), ())),
        ("trial/a", revised(log, "erased", "secret")),
        ("trial/b", revised(log, "apart", "", library="shared")),
    )
    await told(log, "r2", ("trial/x", opened("x")))
    await log.erase(digest_of(page("erased", "secret")), "asked for")
    with pytest.raises(ArmSkillsUnusable, match=why) as refused:
        await library_skills(log, read_source(named))
    assert refused.value.remedy
    assert said(await library_skills(log, read_source("run:r1/kept@1"))) == {"kept": page("kept", "one")}
    assert said(await library_skills(log, read_source("run:r1/gone@1"))) == {"gone": page("gone")}
    assert set(said(await library_skills(log, read_source("library:shared")))) == {"apart"}


def laid_out(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


async def test_each_task_has_its_own_in_the_layouts_that_people_have(tmp_path: Path) -> None:
    """A second root of tasks, results of SPARK without their records, a folder a task; whatever else is no task's."""
    laid_out(
        tmp_path / "root",
        {
            "human/environment/skills/greet/SKILL.md": page("greet"),
            "human/environment/skills/part/SKILL.md": page("part"),
            "spark/SKILL.md": page("made-by-spark"),
            "spark/attempts.json": b"the answer",
            "spark/references/r.md": b"never copied by SPARK",
            "alone/SKILL.md": page("alone-skill"),
            "alone/scripts/go.sh": b"go",
            "many/one/SKILL.md": page("one"),
            "nothing/README.md": b"",
            "stranger/SKILL.md": page("stranger"),
        },
    )
    source = read_source("per-item:root")
    tasks = ("human", "spark", "alone", "many", "nothing", "absent")
    found = await folder_skills_by_task(tmp_path, source, tasks)
    assert {task: {each.name: set(each.files) for each in skills} for task, skills in found.items()} == {
        "human": {"greet": {"SKILL.md"}, "part": {"SKILL.md"}},
        "spark": {"made-by-spark": {"SKILL.md"}},
        "alone": {"alone-skill": {"SKILL.md", "scripts/go.sh"}},
        "many": {"one": {"SKILL.md"}},
    }
    laid_out(tmp_path / "root", {"human/SKILL.md": page("human")})
    with pytest.raises(ArmSkillsUnusable, match="human holds both"):
        await folder_skills_by_task(tmp_path, source, tasks)
    with pytest.raises(ArmSkillsUnusable, match="does not exist"):
        await folder_skills_by_task(tmp_path, read_source("per-item:elsewhere"), tasks)


async def test_a_folder_that_could_not_be_given_whole_is_refused(tmp_path: Path) -> None:
    """A strict agent passes over a skill that is not called as its folder is, and says nothing."""
    laid_out(tmp_path, {"skills/greet/SKILL.md": page("greets"), "good/greet/SKILL.md": page("greet")})
    assert set(said(await folder_skills(tmp_path, read_source("good")))) == {"greet"}
    for place, why in (("skills", "its name is 'greets'"), ("none", "does not exist")):
        with pytest.raises(ArmSkillsUnusable, match=why):
            await folder_skills(tmp_path, read_source(place))


async def test_the_cases_of_a_skill_are_given_to_nobody(tmp_path: Path) -> None:
    """What `evals/` holds says what is expected: a student that was given it would read its answers there."""
    files = {
        "SKILL.md": page("greet"),
        "evals/evals.json": b"the answer",
        "evals/files/a.txt": b"",
        "evals.md": b"kept",
    }
    laid_out(tmp_path, {f"skills/greet/{path}": data for path, data in files.items()})
    laid_out(tmp_path, {f"root/hello/{path}": data for path, data in files.items()})
    for place in ("skills", "skills/greet"):
        found = await folder_skills(tmp_path, read_source(place))
        assert {path for each in found for path in each.files} == {"SKILL.md", "evals.md"}
    by_task = await folder_skills_by_task(tmp_path, read_source("per-item:root"), ["hello"])
    assert {path for each in by_task["hello"] for path in each.files} == {"SKILL.md", "evals.md"}
