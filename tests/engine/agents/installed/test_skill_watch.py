"""Stories of skills that are watched: the kernel says who read what."""

import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.effect import AgentContext, AgentPort
from engine.agents.installed.errors import SkillsUnusable
from engine.agents.installed.packages import AgentPackage
from engine.agents.installed.skill_set import MOST_BYTES, LeftOutFolder, read_skills
from engine.agents.installed.skill_watch import SkillFolder, SkillWatch, WatchLost, copy_skills
from engine.agents.registry import agent_named
from engine.core.ports import EffectAddress
from engine.core.supervision import Supervisor, nowhere
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.sandboxes import SandboxPort
from engine.gateway.server import CallRecorder, open_gateway
from engine.gateway.session import SessionTerms
from engine.programs.train.document import body_of
from events.digest import Fingerprint
from events.store.memory import MemoryLog
from events.types.agent import SkillRead
from events.types.sandbox import SandboxAsked
from sandbox.errors import SandboxUnavailable
from tests.sandbox.harbor.test_yaml_tree import bomb
from tests.support.isolation import backend_here
from tests.support.runs import SKILL


def made(folder: Path) -> Path:
    """Make a folder with one skill and something that is none."""
    skill = folder / "word"
    (skill / "scripts").mkdir(parents=True)
    (skill / "SKILL.md").write_text(SKILL)
    (skill / "scripts" / "copy.sh").write_text("cp words.txt answer.txt\n")
    (folder / "notes").mkdir()
    return folder


def test_only_skills_are_given_and_the_others_are_named(tmp_path: Path) -> None:
    """Each attempt has a copy of its own of what was read before the start."""
    skills = read_skills(made(tmp_path / "skills"))
    assert sorted(skills.files) == ["word/SKILL.md", "word/scripts/copy.sh"]
    assert skills.left_out == (LeftOutFolder("notes", "it holds no SKILL.md"),)
    copy_skills(skills.files, tmp_path / "copy")
    assert (tmp_path / "copy" / "word" / "SKILL.md").read_text() == SKILL
    assert not (tmp_path / "copy" / "notes").exists()


def test_a_folder_that_is_one_skill_is_given_under_its_name(tmp_path: Path) -> None:
    """So is one that a link leads to, and one whose links stay within the folder."""
    folder = made(tmp_path / "skills")
    assert sorted(read_skills(folder / "word").files) == ["word/SKILL.md", "word/scripts/copy.sh"]
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm" / "linked").symlink_to(folder / "word")
    (folder / "word" / "again").symlink_to("scripts")
    found = read_skills(tmp_path / "arm").files
    assert sorted(found) == ["linked/SKILL.md", "linked/again/copy.sh", "linked/scripts/copy.sh"]


def _absent(folder: Path) -> None:
    shutil.rmtree(folder)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder / "word")


def _lower_case(folder: Path) -> None:
    (folder / "word" / "SKILL.md").rename(folder / "word" / "skill.md")


def _group(folder: Path) -> None:
    shutil.copytree(folder / "word", folder / "group" / "inner")


def _itself_too(folder: Path) -> None:
    (folder / "SKILL.md").write_text(SKILL)


def _dangling(folder: Path) -> None:
    (folder / "word" / "scripts" / "ref.md").symlink_to("/nowhere/ref.md")


def _dangling_skill(folder: Path) -> None:
    (folder / "other").symlink_to("/nowhere/other")


def _dangling_file(folder: Path) -> None:
    (folder / "word" / "SKILL.md").unlink()
    (folder / "word" / "SKILL.md").symlink_to("gone.md")


def _outward(folder: Path) -> None:
    (folder / "word" / "key").symlink_to("/etc/passwd")


def _circle(folder: Path) -> None:
    (folder / "word" / "scripts" / "up").symlink_to("..")


def _own_circle(folder: Path) -> None:
    (folder / "word" / "self").symlink_to("self")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "word" / "pipe")


def _name(folder: Path) -> None:
    os.close(os.open(os.fsencode(folder / "word") + b"/\xff", os.O_CREAT | os.O_WRONLY))


def _bare(folder: Path) -> None:
    (folder / "word" / "SKILL.md").write_text("Copy the word.\n")


def _nameless(folder: Path) -> None:
    (folder / "word" / "SKILL.md").write_text("---\ndescription: copies\n---\n")


def _no_yaml(folder: Path) -> None:
    (folder / "word" / "SKILL.md").write_text("---\nname: word\ndescription: do: this\n---\n")


def _bomb(folder: Path) -> None:
    (folder / "word" / "SKILL.md").write_text(f"---\nname: word\ndescription: x\n{bomb()}---\n")


def _itself(folder: Path) -> None:
    (folder / "word" / "SKILL.md").write_text("---\nname: word\ndescription: &a [*a]\n---\n")


def _twice(folder: Path) -> None:
    shutil.copytree(folder / "word", folder / "copy")


def _huge(folder: Path) -> None:
    with (folder / "word" / "model.bin").open("wb") as file:
        file.truncate(MOST_BYTES + 1)


UNUSABLE: dict[Callable[[Path], None], str] = {
    _absent: "the folder does not exist",
    _empty: "it holds no skill: none of its folders has a SKILL.md",
    _lower_case: "word/skill.md is to be called SKILL.md",
    _group: "group is a group of skills (group/inner): name it, or move inner up",
    _itself_too: "it holds a SKILL.md of its own beside word/SKILL.md",
    _dangling: "word/scripts/ref.md is a link to nothing",
    _dangling_skill: "other is a link to nothing",
    _dangling_file: "word/SKILL.md is no file",
    _outward: "word/key is a link out of the folder",
    _circle: "word/scripts/up is a link that leads round in a circle",
    _own_circle: "word/self is a link that leads round in a circle",
    _pipe: "word/pipe is neither a file nor a folder",
    _name: "word/\\xff has a name that is not UTF-8",
    _bare: "word/SKILL.md: The first line is not '---'. An agent would pass over it",
    _nameless: "word/SKILL.md: Its front matter has no 'name'.",
    _no_yaml: "word/SKILL.md: Its front matter is not valid YAML",
    _bomb: "word/SKILL.md: Its front matter is not valid YAML: its aliases",
    _itself: "word/SKILL.md: Its front matter is not valid YAML: the value in line 2 holds an alias of itself",
    _twice: "copy and word are both called",
    _huge: "word makes it more than",
}


@pytest.mark.parametrize(("spoil", "said"), UNUSABLE.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_an_arm_with_skills_is_never_without_them(tmp_path: Path, spoil: Callable[[Path], None], said: str) -> None:
    """What cannot be given as it is refuses the run, with everything that is wrong, before anything starts."""
    folder = made(tmp_path / "skills")
    spoil(folder)
    with pytest.raises(SkillsUnusable) as caught:
        read_skills(folder)
    assert any(said in each for each in caught.value.faults)
    assert caught.value.exit_code == 2


def test_a_file_is_no_folder_of_skills(tmp_path: Path) -> None:
    """People name the SKILL.md itself."""
    with pytest.raises(SkillsUnusable, match="it is a file"):
        read_skills(made(tmp_path / "skills") / "word" / "SKILL.md")


@pytest.mark.parametrize(
    ("file", "written", "name"),
    [
        ("gpt5.5_skill.md", "# Do\n\n<!-- X -->\n", "gpt5-5-skill"),
        ("Über.md", "text", "ber"),
        ("_.md", "text", "skill"),
        ("any.md", "---\nname: own\ndescription: Has a head.\n---\ntext\n", "own"),
    ],
)
def test_one_markdown_file_is_a_skill(file: str, written: str, name: str, tmp_path: Path) -> None:
    """As SkillOpt writes its trained skills; without front matter it gets one, and its text stays as it is."""
    (tmp_path / file).write_bytes(b"\xef\xbb\xbf" + written.encode())
    (path,) = (files := read_skills(tmp_path / file).files)
    assert path == f"{name}/SKILL.md"
    text = files[path].decode()
    assert text.endswith(written)
    assert text == written or body_of(text) == written


def test_a_markdown_file_that_no_agent_could_find_is_refused(tmp_path: Path) -> None:
    """Where it has front matter, that has to be right."""
    for number, wrong in enumerate(
        (b"---\nname: x\n---\n", b"---\nname: X Y\ndescription: d\n---\n", b"\xff", b"---\n")
    ):
        (tmp_path / f"{number}.md").write_bytes(wrong)
        with pytest.raises(SkillsUnusable):
            read_skills(tmp_path / f"{number}.md")


def test_whoever_reads_a_skill_is_seen_and_listing_is_not_reading(tmp_path: Path) -> None:
    """Proof of exposure rests on bytes that were read, by whatever programme."""
    # Given skills that are watched.
    copy_skills(read_skills(made(tmp_path / "skills")).files, tmp_path / "copy")
    watch = SkillWatch(tmp_path / "copy")
    # When somebody lists them.
    subprocess.run(["find", str(tmp_path / "copy"), "-ls"], check=True, capture_output=True)
    # Then nothing was touched.
    assert watch.reads() == ()
    # When another programme reads one.
    subprocess.run(["cat", str(tmp_path / "copy" / "word" / "SKILL.md")], check=True, capture_output=True)
    # Then that one was read, and no other.
    reads = watch.reads()
    watch.close()
    assert [each.name for each in reads] == ["word/SKILL.md"]
    assert reads[0].opened == 1
    assert reads[0].read >= 1


def test_what_is_taken_away_and_laid_out_again_is_counted_on(tmp_path: Path) -> None:
    """A task of several steps is verified after each; what was read before is neither lost nor told twice."""
    skills = SkillFolder(tmp_path / "shown", {"word/SKILL.md": b"read me", "word/scripts/run.sh": b"true"})
    word, run = tmp_path / "shown" / "word" / "SKILL.md", tmp_path / "shown" / "word" / "scripts" / "run.sh"
    assert word.read_text() == "read me"
    assert [(each.name, each.opened) for each in skills.news() or ()] == [("word/SKILL.md", 1)]
    assert skills.news() == ()
    assert run.read_text() == "true"
    skills.hide()
    assert list((tmp_path / "shown").iterdir()) == []
    skills.show()
    skills.show()
    assert word.read_text() == "read me"
    assert [(each.name, each.opened) for each in skills.news() or ()] == [
        ("word/SKILL.md", 1),
        ("word/scripts/run.sh", 1),
    ]
    skills.close()
    skills.close()
    assert [(each.name, each.opened) for each in skills.reads()] == [("word/SKILL.md", 2), ("word/scripts/run.sh", 1)]


def test_more_reads_than_the_kernel_keeps_count_of_leave_it_unknown(tmp_path: Path) -> None:
    """It says so, for that command and all that follow: a `no` after it would be made up."""
    skills = SkillFolder(tmp_path / "shown", {"word/SKILL.md": b"read me", "part/SKILL.md": b"and me"})
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    one, other = (tmp_path / "shown" / name / "SKILL.md" for name in ("word", "part"))
    for _ in range(most):  # by turns, since the kernel joins events that are the same
        one.read_bytes()
        other.read_bytes()
    assert skills.news() is None
    skills.hide()
    skills.show()
    assert skills.news() is None
    with pytest.raises(WatchLost):
        skills.reads()
    skills.close()


def test_no_skills_leave_nothing_to_touch(tmp_path: Path) -> None:
    """An arm without skills has touched no byte of one."""
    copy_skills({}, tmp_path / "copy")
    watch = SkillWatch(tmp_path / "copy")
    assert watch.reads() == tuple[SkillRead, ...]()
    watch.close()


async def test_a_machine_without_room_is_nobodys_score(tmp_path: Path) -> None:
    """The attempt is lost to infrastructure, and the run goes on; it ended as an internal error of ours."""
    log = MemoryLog(clock=lambda: 1)
    backend = await backend_here(tmp_path / "sandboxes")
    budget = BudgetKeeper(Caps(None, None))
    agent = agent_named("codex")
    assert isinstance(agent, InstalledAgent)

    def no_terms(trial: str) -> SessionTerms:
        raise AssertionError(trial)

    async with open_gateway(CallRecorder(log, "run", None), budget, Supervisor(log, nowhere)) as gateway:
        kit = AgentPackage(tmp_path, Fingerprint("0" * 64))
        gone = tmp_path / "gone"
        means = AgentContext(log, gateway, agent.recipe, kit, no_terms, {"word/SKILL.md": b""}, gone, count(1))
        port = AgentPort(means, SandboxPort(log, backend, {}, {}))
        with pytest.raises(SandboxUnavailable, match="the folder of its agent could not be made"):
            await port.prepare(SandboxAsked("local", "good"), EffectAddress("run", "attempt/good/1", 1))


@pytest.mark.parametrize(
    ("folder", "name", "said"),
    [
        ("alpha", "beta", ["alpha/SKILL.md: its name is 'beta', and its folder's 'alpha': make them the same"]),
        ("Alpha", "Alpha", ["Alpha/SKILL.md: the name 'Alpha' is not a valid Agent Skills name"]),
        ("a--b", "a--b", ["a--b/SKILL.md: the name 'a--b' is not a valid Agent Skills name"]),
        ("a" * 65, "a" * 65, [f"{'a' * 65}/SKILL.md: the name"]),
        ("a" * 64, "a" * 64, []),
        ("alpha", "alpha", []),
    ],
)
def test_a_name_that_strict_agents_pass_over_is_said(tmp_path: Path, folder: str, name: str, said: list[str]) -> None:
    """Agent Skills wants the folder's name: who is strict about it reads no such skill, and says nothing."""
    skill = tmp_path / "skills" / folder
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text(f"---\nname: {name}\ndescription: copies\n---\n")
    found = read_skills(tmp_path / "skills").misnamed
    assert len(found) == len(said)
    assert all(each.startswith(begin) for each, begin in zip(found, said, strict=True))


def test_the_mark_of_an_editor_is_taken_off_what_an_agent_is_given(tmp_path: Path) -> None:
    """Agents look for three dashes in the first bytes; other files are given as they are."""
    folder = made(tmp_path / "skills")
    for name in ("SKILL.md", "scripts/SKILL.md"):
        (folder / "word" / name).write_bytes(b"\xef\xbb\xbf" + SKILL.encode())
    files = read_skills(folder).files
    assert files["word/SKILL.md"] == SKILL.encode()
    assert files["word/scripts/SKILL.md"] == b"\xef\xbb\xbf" + SKILL.encode()
