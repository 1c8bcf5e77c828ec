"""Several skills that are adopted as one: whenever the process dies, the next command finds all old or all new."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typing_extensions import override

from engine.adoption.directory import AdoptionPlan, SkillDirectory
from engine.adoption.errors import AdoptedOver, AdoptionUnclear, FolderBusy, SkillUnfit
from engine.adoption.journal import OWN, PENDING, RECEIPTS
from engine.adoption.operations import DiskOperations
from engine.testing.fault_injection import CrashSchedule, SimulatedCrash
from tests.engine.adoption.workshop import FIRST, SECOND, adoptable, opened, read_all

NEW, ADOPTED, FOREIGN = "answer", "greet", "mine"
SKILLS = (NEW, ADOPTED, FOREIGN)
Change = Callable[[SkillDirectory], object]


def plans(skills: SkillDirectory) -> list[AdoptionPlan]:
    """Plan the second revision of each: into a free place, over an adopted folder, over a person's own."""
    return [skills.plan_adoption(*adoptable(SECOND, 2, name), replace=True) for name in SKILLS]


def forth(skills: SkillDirectory) -> object:
    """Adopt all."""
    return skills.carry_out_all(plans(skills))


def back(skills: SkillDirectory) -> object:
    """Take all back."""
    return skills.carry_out_all(skills.plan_rollback_together(ADOPTED, replace=False))


def before(folder: Path) -> None:
    """A folder in which one skill was adopted, one is a person's own, and one is not there."""
    folder.mkdir()
    (folder / FOREIGN / "empty").mkdir(parents=True)
    (folder / FOREIGN / "SKILL.md").write_text("mine\n")
    (folder / FOREIGN / "SKILL.md").chmod(0o600)
    with opened(folder) as skills:
        skills.carry_out(skills.plan_adoption(*adoptable(FIRST, 1, ADOPTED), replace=False))


def after(folder: Path) -> None:
    """The same with all three adopted."""
    before(folder)
    with opened(folder) as skills:
        forth(skills)


def held(folder: Path) -> list[object]:
    """Read all three skills."""
    return [read_all(folder / name) for name in SKILLS]


def exchanges(folder: Path, side: str) -> list[int]:
    """Find the moments beside the exchanges of `forth`."""
    before(folder)
    fate = CrashSchedule(None)
    with opened(folder, fate) as skills:
        forth(skills)
    places = {"answer", "greet", "mine"}
    return [
        i for i, each in enumerate(fate.passed)
        if each.tag in ("swap", "move") and each.side == side and each.stream in places
    ]  # fmt: skip


@pytest.mark.parametrize(("start", "change"), [(before, forth), (after, back)], ids=["adopt", "rollback"])
def test_killed_at_every_write_all_are_old_or_all_are_new(
    start: Callable[[Path], None], change: Change, tmp_path: Path
) -> None:
    """Between two exchanges there is a mixture, which the next command undoes; no trace of the attempt stays."""
    whole, fate = tmp_path / "whole", CrashSchedule(None)
    start(whole)
    old = held(whole)
    with opened(whole, fate) as skills:
        change(skills)
    new, seen = held(whole), set()
    assert all(was != now for was, now in zip(old, new, strict=True))
    for at, moment in enumerate(fate.passed):
        folder = tmp_path / f"killed-{at}"
        start(folder)
        count = len(list((folder / RECEIPTS).iterdir()))
        with opened(folder, CrashSchedule(at)) as skills, pytest.raises(SimulatedCrash):
            change(skills)
        with opened(folder) as skills:
            skills.recover()
            assert skills.recover() is None
            made = len(skills.receipts()) - count
        now = held(folder)
        assert (now, made) in ((old, 0), (new, 3)), f"a mixture after {moment}"
        assert list((folder / OWN).glob("staging/*")) == []
        assert not (folder / PENDING).exists()
        seen.add(made)
    assert seen == {0, 3}


def test_killed_while_it_recovers_it_recovers_again(tmp_path: Path) -> None:
    """After each exchange, and at each write of the recovery that follows."""
    for place, at in enumerate(exchanges(tmp_path / "whole", "after")):
        for again in range(100):
            folder = tmp_path / f"{place}-{again}"
            before(folder)
            old = held(folder)
            with opened(folder, CrashSchedule(at)) as skills, pytest.raises(SimulatedCrash):
                forth(skills)
            try:
                with opened(folder, CrashSchedule(again)) as skills:
                    skills.recover()
            except SimulatedCrash:
                with opened(folder) as skills:
                    skills.recover()
                assert (held(folder) == old) == (place < 2)
                assert len(list((folder / RECEIPTS).iterdir())) == (1 if place < 2 else 4)
            else:
                assert again > 3, "a recovery has several writes"
                break


class _Hasty(DiskOperations):
    """A folder in which a person writes to one skill just before it is exchanged."""

    edited = FOREIGN

    @override
    def swap(self, path: str, other: str) -> None:
        if other == self.edited and "a late line" not in Path(self.place, other, "SKILL.md").read_text():
            with Path(self.place, other, "SKILL.md").open("a") as file:
                file.write("a late line\n")
        super().swap(path, other)


@pytest.mark.parametrize("edited", [ADOPTED, FOREIGN])
def test_what_a_person_writes_meanwhile_is_kept_and_nothing_is_adopted(edited: str, tmp_path: Path) -> None:
    """The skill that was written to is as it was written, and those that were exchanged before it are put back."""
    folder = tmp_path / "skills"
    before(folder)
    files = _Hasty(folder)
    files.edited = edited
    old = dict(zip(SKILLS, held(folder), strict=True))
    skills = SkillDirectory(files, clock=lambda: 1, package="0.1.0")
    with pytest.raises(FolderBusy, match=edited):
        forth(skills)
    assert "a late line" in (folder / edited / "SKILL.md").read_text()
    now = dict(zip(SKILLS, held(folder), strict=True))
    assert {name for name in SKILLS if now[name] != old[name]} == {edited}
    with opened(folder) as again:
        assert again.recover() is None
        assert len(again.receipts()) == 1


class _Full(DiskOperations):
    """A folder whose disk cannot exchange the last skill."""

    @override
    def swap(self, path: str, other: str) -> None:
        if other == FOREIGN:
            raise OSError(28, "No space left on device", other)
        super().swap(path, other)


def test_what_cannot_be_exchanged_leaves_all_as_they_were(tmp_path: Path) -> None:
    """Two of three were exchanged already."""
    folder = tmp_path / "skills"
    before(folder)
    old = held(folder)
    skills = SkillDirectory(_Full(folder), clock=lambda: 1, package="0.1.0")
    with pytest.raises(OSError, match="No space left"):
        forth(skills)
    assert held(folder) == old
    with opened(folder) as again:
        assert again.recover() is None


def test_a_new_folder_that_was_changed_before_the_recovery_is_not_lost(tmp_path: Path) -> None:
    """Only that one is left to a person; the others are as they were, and stay so."""
    _, at, _ = exchanges(tmp_path / "whole", "after")
    folder = tmp_path / "killed"
    before(folder)
    old = held(folder)
    with opened(folder, CrashSchedule(at)) as skills, pytest.raises(SimulatedCrash):
        forth(skills)
    (folder / NEW / "SKILL.md").write_text("written in between\n")
    for _ in range(2):
        with opened(folder) as skills, pytest.raises(AdoptionUnclear, match=NEW):
            skills.recover()
        assert (folder / NEW / "SKILL.md").read_text() == "written in between\n"
        assert held(folder)[1:] == old[1:]


def test_what_was_adopted_as_one_is_taken_back_as_one(tmp_path: Path) -> None:
    """To the byte; receipts name the whole; a skill that was adopted again since stands in the way, by name."""
    folder = tmp_path / "skills"
    before(folder)
    old = held(folder)
    with opened(folder) as skills:
        forth(skills)
        assert [each.together for each in skills.receipts()] == [None, (2, 4), (2, 4), (2, 4)]
        back(skills)
        assert held(folder) == old
        assert [each.undoes for each in skills.receipts()[4:]] == [2, 3, 4]
        forth(skills)
        skills.carry_out(skills.plan_adoption(*adoptable(FIRST, 1, NEW), replace=False))
        with pytest.raises(AdoptedOver, match=f"{NEW} was adopted again"):
            skills.plan_rollback_together(ADOPTED, replace=False)
        skills.carry_out(skills.plan_rollback(NEW, replace=False))
        back(skills)
    assert held(folder) == old


@pytest.mark.parametrize(
    ("one", "other"),
    [("greet", "GREET"), ("greet", "greet"), ("caf\u00e9", "cafe\u0301")],
    ids=["case", "same", "accent"],
)
def test_two_skills_that_are_one_folder_on_some_systems_are_refused(one: str, other: str, tmp_path: Path) -> None:
    """A Mac takes names for one that differ in case, or in how an accent is written: the second would win."""
    with opened(tmp_path) as skills:
        both = [skills.plan_adoption(*adoptable(FIRST, 1, each), replace=False) for each in (one, other)]
        with pytest.raises(SkillUnfit, match="one folder on some systems"):
            skills.carry_out_all(both)
    assert read_all(tmp_path).keys() == {"."}


def test_a_plan_of_several_holds_for_what_was_there_then(tmp_path: Path) -> None:
    """Another process that adopts in between has the plans refused, whichever skill it adopted."""
    folder = tmp_path / "skills"
    before(folder)
    with opened(folder) as skills:
        planned = plans(skills)
        with opened(folder) as other:
            other.carry_out(other.plan_adoption(*adoptable(FIRST, 1, "another"), replace=False))
        now = held(folder)
        with pytest.raises(FolderBusy):
            skills.carry_out_all(planned)
    assert held(folder) == now
