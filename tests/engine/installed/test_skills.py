"""Stories of skills that are watched: the kernel says who read what."""

import subprocess
from pathlib import Path

from engine.installed.skills import SkillWatch, copy_skills
from events.agent import SkillRead
from tests.support.runs import SKILL


def made(folder: Path) -> Path:
    """Make a folder with one skill and something that is none."""
    skill = folder / "word"
    (skill / "scripts").mkdir(parents=True)
    (skill / "SKILL.md").write_text(SKILL)
    (skill / "scripts" / "copy.sh").write_text("cp words.txt answer.txt\n")
    (folder / "notes").mkdir()
    return folder


def test_only_skills_are_copied(tmp_path: Path) -> None:
    """The copy is the attempt's own, and what is in it goes on record."""
    files = copy_skills(made(tmp_path / "skills"), tmp_path / "copy")
    assert sorted(files) == ["word/SKILL.md", "word/scripts/copy.sh"]
    assert files["word/SKILL.md"] == SKILL.encode()
    assert not (tmp_path / "copy" / "notes").exists()


def test_whoever_reads_a_skill_is_seen_and_listing_is_not_reading(tmp_path: Path) -> None:
    """Proof of exposure rests on bytes that were read, by whatever programme."""
    # Given skills that are watched.
    copy_skills(made(tmp_path / "skills"), tmp_path / "copy")
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


def test_no_skills_leave_nothing_to_touch(tmp_path: Path) -> None:
    """An arm without skills has touched no byte of one."""
    assert copy_skills(None, tmp_path / "copy") == {}
    watch = SkillWatch(tmp_path / "copy")
    assert watch.reads() == tuple[SkillRead, ...]()
    watch.close()
