"""What an adoption refuses: whatever is not its own stays as it is, to the byte."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typing_extensions import override

from engine.adoption.directory import SkillDirectory
from engine.adoption.errors import (
    AdoptionError,
    AdoptionUnclear,
    DirectoryLocked,
    FolderBusy,
    FolderEdited,
    FolderForeign,
    NothingAdopted,
    ReceiptDamaged,
    SkillUnfit,
    TargetUnusable,
)
from engine.adoption.journal import BLOBS, OWN, RECEIPTS
from engine.adoption.operations import DiskOperations
from engine.testing.fault_injection import CrashSchedule, SimulatedCrash
from tests.engine.adoption.workshop import FIRST, SECOND, SKILL, adopt, adoptable, exchange, opened, read_all, roll_back


def edited(folder: Path) -> None:
    """A person changes a line."""
    (folder / SKILL / "SKILL.md").write_text("other\n")


def added(folder: Path) -> None:
    """A person puts a file beside."""
    (folder / SKILL / "notes.md").write_text("mine\n")


def removed(folder: Path) -> None:
    """A person removes a file."""
    (folder / SKILL / "scripts/say.sh").unlink()


def made_executable(folder: Path) -> None:
    """A person changes a mode."""
    (folder / SKILL / "scripts/say.sh").chmod(0o755)


def emptied(folder: Path) -> None:
    """A person makes a folder."""
    (folder / SKILL / "assets").mkdir()


EDITS = {
    "SKILL.md was changed": edited,
    "notes.md was added": added,
    "scripts/say.sh is missing": removed,
    "mode of scripts/say.sh is 755, was 644": made_executable,
    "assets was added": emptied,
}


@pytest.mark.parametrize("told", EDITS)
@pytest.mark.parametrize("again", [lambda folder: adopt(folder, SECOND, 2), roll_back], ids=["adopt", "rollback"])
def test_a_folder_that_was_changed_by_hand_is_refused_with_what_was(
    told: str, again: Callable[[Path], object], tmp_path: Path
) -> None:
    """Bytes, modes, files and empty folders; with --replace nothing of it is lost."""
    adopt(tmp_path, FIRST, 1)
    EDITS[told](tmp_path)
    before = read_all(tmp_path)
    with pytest.raises(FolderEdited) as refused:
        again(tmp_path)
    assert refused.value.changes == (told,)
    assert read_all(tmp_path) == before
    adopt(tmp_path, SECOND, 2, replace=True)
    roll_back(tmp_path)
    assert read_all(tmp_path / SKILL) == read_all_below(before)


def read_all_below(whole: dict[str, tuple[int, bytes | None]]) -> dict[str, tuple[int, bytes | None]]:
    """Give what was below the skill's folder."""
    inner = {path[len(SKILL) + 1 :]: each for path, each in whole.items() if path.startswith(f"{SKILL}/")}
    return {".": whole[SKILL], **inner}


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    """Even one that has the same bytes: nobody knows whose it is."""
    (tmp_path / SKILL).mkdir()
    (tmp_path / SKILL / "SKILL.md").write_text(FIRST["SKILL.md"])
    with pytest.raises(FolderForeign):
        adopt(tmp_path, FIRST, 1)
    assert not (tmp_path / OWN).exists()


def test_a_removed_folder_can_be_adopted_again_and_not_be_taken_back(tmp_path: Path) -> None:
    """Nothing would be lost by the first; the second would bring back what somebody removed."""
    adopt(tmp_path, FIRST, 1)
    adopt(tmp_path, SECOND, 2)
    whole = read_all(tmp_path / SKILL)
    for path in sorted((tmp_path / SKILL).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / SKILL).rmdir()
    with pytest.raises(FolderEdited, match="the folder is missing"):
        roll_back(tmp_path)
    adopt(tmp_path, SECOND, 2)
    assert read_all(tmp_path / SKILL) == whole
    roll_back(tmp_path)
    assert not (tmp_path / SKILL).exists()


@pytest.mark.parametrize("place", [SKILL, f"{SKILL}/link", OWN, RECEIPTS])
def test_links_are_not_followed(place: str, tmp_path: Path) -> None:
    """A link could lead out of the folder; where it leads nothing is read and nothing written, even with --replace."""
    outside, folder = tmp_path / "outside", tmp_path / "skills"
    outside.mkdir()
    (outside / "SKILL.md").write_text("theirs\n")
    (folder / place).parent.mkdir(parents=True)
    (folder / place).symlink_to(outside)
    before = read_all(outside)
    with pytest.raises(TargetUnusable):
        adopt(folder, FIRST, 1, replace=True)
    assert read_all(outside) == before
    assert (folder / place).is_symlink()


def test_a_folder_of_skills_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """Whoever typed it meant the folder behind it."""
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "skills").symlink_to(tmp_path / "dotfiles")
    adopt(tmp_path / "skills", FIRST, 1)
    assert (tmp_path / "dotfiles" / SKILL / "SKILL.md").read_text() == FIRST["SKILL.md"]


@pytest.mark.parametrize(
    "texts",
    [
        {"SKILL.md": "x", "../other/SKILL.md": "x"},
        {"SKILL.md": "x", "/etc/x": "x"},
        {"SKILL.md": "x", "a/../../b": "x"},
        {"SKILL.md": "x", "a//b": "x"},
        {"SKILL.md": "x", "a\\..\\b": "x"},
        {"SKILL.md": "x", "c:b": "x"},
        {"SKILL.md": "x", "a": "x", "a/b": "x"},
        {"SKILL.md": "x", "Skill.md": "x"},
        {"README.md": "x"},
    ],
    ids=lambda texts: [*texts][-1],
)
def test_a_skill_with_a_path_that_leads_elsewhere_is_refused(texts: dict[str, str], tmp_path: Path) -> None:
    """Nothing of it is written."""
    with pytest.raises(SkillUnfit):
        adopt(tmp_path, texts, 1)
    assert read_all(tmp_path).keys() == {"."}


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x", OWN, ".hidden", "a\\b", "a\0b"])
def test_a_skill_whose_name_is_no_folder_of_its_own_is_refused(name: str, tmp_path: Path) -> None:
    """A name may lead out, or be ours."""
    (tmp_path / "skills").mkdir()
    with opened(tmp_path / "skills") as skills, pytest.raises(SkillUnfit):
        skills.plan_adoption(*adoptable(FIRST, 1, name), replace=True)
    assert read_all(tmp_path).keys() == {".", "skills"}


def test_one_process_adopts_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first holds the folder, and goes through after it."""
    with DiskOperations(tmp_path).lock(), pytest.raises(DirectoryLocked):
        adopt(tmp_path, FIRST, 1)
    assert read_all(tmp_path).keys() == {"."}
    adopt(tmp_path, FIRST, 1)


def test_a_plan_that_was_looked_at_holds_for_what_was_there_then(tmp_path: Path) -> None:
    """What another process adopted in between, or a person wrote, is not replaced unseen."""
    for between in (lambda: adopt(tmp_path, SECOND, 2), lambda: edited(tmp_path)):
        with opened(tmp_path) as skills:
            plan = skills.plan_adoption(*adoptable(FIRST, 1), replace=True)
            between()
            now = read_all(tmp_path)
            with pytest.raises(FolderBusy):
                skills.carry_out(plan)
        assert read_all(tmp_path) == now


def test_a_folder_that_came_since_the_look_is_not_written_over(tmp_path: Path) -> None:
    """It was a free place when the adoption was planned."""
    with opened(tmp_path) as skills:
        plan = skills.plan_adoption(*adoptable(FIRST, 1), replace=False)
        (tmp_path / SKILL).mkdir()
        now = read_all(tmp_path)
        with pytest.raises(FolderBusy):
            skills.carry_out(plan)
    assert read_all(tmp_path) == now


class _Hasty(DiskOperations):
    """A folder to which a person writes just before it is exchanged."""

    @override
    def swap(self, path: str, other: str) -> None:
        with Path(self.place, other, "SKILL.md").open("a") as file:
            file.write("a late line\n")
        super().swap(path, other)


def test_what_is_written_in_the_last_moment_is_not_lost(tmp_path: Path) -> None:
    """The old folder is looked at once more when nobody can write to it any more, and put back."""
    adopt(tmp_path, FIRST, 1)
    skills = SkillDirectory(_Hasty(tmp_path), clock=lambda: 1, package="0.1.0")
    plan = skills.plan_adoption(*adoptable(SECOND, 2), replace=False)
    with pytest.raises(FolderBusy):
        skills.carry_out(plan)
    assert (tmp_path / SKILL / "SKILL.md").read_text().startswith(FIRST["SKILL.md"])
    assert "a late line" in (tmp_path / SKILL / "SKILL.md").read_text()
    with opened(tmp_path) as after:
        assert after.recover() is None
        assert len(after.receipts()) == 1


def test_what_cannot_be_written_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """A full disk, for instance: here a file stands where a folder of ours is to be made."""

    class Full(DiskOperations):
        """Has no room for a file."""

        @override
        def write(self, path: str, data: bytes, mode: int) -> None:
            """Write until the folder of the skill is reached."""
            if path.startswith(f"{OWN}/staging/folder"):
                raise OSError(28, "No space left on device", path)
            super().write(path, data, mode)

    adopt(tmp_path, FIRST, 1)
    before = read_all(tmp_path / SKILL)
    skills = SkillDirectory(Full(tmp_path), clock=lambda: 1, package="0.1.0")
    with pytest.raises(OSError, match="No space left"):
        skills.carry_out(skills.plan_adoption(*adoptable(SECOND, 2), replace=False))
    assert read_all(tmp_path / SKILL) == before
    assert list((tmp_path / OWN / "staging").iterdir()) == []
    with opened(tmp_path) as again:
        assert again.recover() is None


def _spoil(path: Path) -> int:
    return path.write_bytes(path.read_bytes() + b" ")


def _adopted_over_a_person(folder: Path) -> None:
    (folder / SKILL).mkdir()
    (folder / SKILL / "SKILL.md").write_text("mine\n")
    adopt(folder, FIRST, 1, replace=True)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: [_spoil(each) for each in (folder / BLOBS).iterdir()], "its bytes are not those of its name"),
        (lambda folder: shutil.rmtree(folder / BLOBS), "is missing"),
        (lambda folder: (folder / RECEIPTS / "000001.json").write_text("{}"), "is no receipt"),
        (lambda folder: (folder / RECEIPTS / "000001.json").rename(folder / RECEIPTS / "000002.json"), "has no 000001"),
        (
            lambda folder: (folder / RECEIPTS / "000001.json").rename(folder / RECEIPTS / "older.json"),
            "has no 000001",
        ),
    ],
    ids=["blob changed", "blob gone", "receipt changed", "receipt renumbered", "receipt renamed"],
)
def test_a_rollback_from_damaged_records_is_refused(spoil: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    """It would bring back what never stood there."""
    _adopted_over_a_person(tmp_path)
    before = read_all(tmp_path / SKILL)
    spoil(tmp_path)
    with pytest.raises(ReceiptDamaged, match=told):
        roll_back(tmp_path)
    assert read_all(tmp_path / SKILL) == before


def test_there_is_nothing_to_take_back(tmp_path: Path) -> None:
    """Before the first adoption, and after as many rollbacks as adoptions."""
    with pytest.raises(NothingAdopted):
        roll_back(tmp_path)
    adopt(tmp_path, FIRST, 1)
    roll_back(tmp_path)
    with pytest.raises(NothingAdopted):
        roll_back(tmp_path)


def test_leftovers_that_a_person_changed_are_not_guessed_about(tmp_path: Path) -> None:
    """If both the folder and what the dead process left are others, nobody knows which one counts."""
    at, folder = exchange(tmp_path / "whole", "before"), tmp_path / "killed"
    folder.mkdir()
    adopt(folder, FIRST, 1)
    with opened(folder, CrashSchedule(at)) as skills, pytest.raises(SimulatedCrash):
        skills.carry_out(skills.plan_adoption(*adoptable(SECOND, 2), replace=False))
    (folder / OWN / "staging/folder/SKILL.md").write_text("x\n")
    edited(folder)
    before = read_all(folder)
    with pytest.raises(AdoptionUnclear):
        roll_back(folder)
    assert read_all(folder) == before


def test_a_folder_of_skills_has_to_be_there(tmp_path: Path) -> None:
    """A mistyped path is not made."""
    with pytest.raises(AdoptionError):
        adopt(tmp_path / "skils", FIRST, 1)
    assert read_all(tmp_path).keys() == {"."}
