"""An adoption whose process dies at any of its writes: the person's folder is the old or the new one, never between."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL

import pytest

from engine.adoption.directory import SkillDirectory
from engine.adoption.journal import OWN, PENDING
from engine.adoption.receipt import in_effect
from engine.testing.fault_injection import CrashSchedule, SimulatedCrash
from tests.engine.adoption.workshop import FIRST, SECOND, SKILL, adopt, adoptable, exchange, opened, read_all, roll_back

Change = Callable[[SkillDirectory], object]


def first(skills: SkillDirectory) -> object:
    """Adopt where nothing is, or what stands there is foreign."""
    return skills.carry_out(skills.plan_adoption(*adoptable(FIRST, 1), replace=True))


def second(skills: SkillDirectory) -> object:
    """Adopt over what is there."""
    return skills.carry_out(skills.plan_adoption(*adoptable(SECOND, 2), replace=False))


def back(skills: SkillDirectory) -> object:
    """Take an adoption back."""
    return skills.carry_out(skills.plan_rollback(SKILL, replace=False))


def nothing(folder: Path) -> None:
    """A folder without skills."""
    del folder


def foreign(folder: Path) -> None:
    """A folder that a person wrote, with a mode, a program and an empty folder of its own."""
    (folder / SKILL / "empty").mkdir(parents=True)
    (folder / SKILL / "SKILL.md").write_text("mine\n")
    (folder / SKILL / "run.sh").write_text("#!/bin/sh\n")
    (folder / SKILL / "run.sh").chmod(0o750)
    (folder / SKILL).chmod(0o700)


def adopted(folder: Path) -> None:
    """A folder with the first revision."""
    adopt(folder, FIRST, 1)


def adopted_twice(folder: Path) -> None:
    """A folder with the second revision."""
    adopted(folder)
    adopt(folder, SECOND, 2)


def foreign_replaced(folder: Path) -> None:
    """A folder of a person in whose place the first revision is."""
    foreign(folder)
    adopt(folder, FIRST, 1, replace=True)


CASES = {
    "first adoption": (nothing, first),
    "over a foreign folder": (foreign, first),
    "next revision": (adopted, second),
    "rollback to absence": (adopted, back),
    "rollback to a revision": (adopted_twice, back),
    "rollback to a foreign folder": (foreign_replaced, back),
}


@pytest.mark.parametrize("case", CASES)
def test_killed_at_every_write_the_folder_is_the_old_or_the_new_one(case: str, tmp_path: Path) -> None:
    """And the next command finishes or undoes what was left, so that no trace of the attempt stays."""
    before, change = CASES[case]
    old, new, moments = _undisturbed(tmp_path / "whole", before, change)
    assert len(moments.passed) > 10
    seen = set()
    for at, moment in enumerate(moments.passed):
        folder = tmp_path / f"killed-{at}"
        folder.mkdir()
        before(folder)
        with opened(folder, CrashSchedule(at)) as skills, pytest.raises(SimulatedCrash):
            change(skills)
        now = read_all(folder / SKILL)
        assert now in (old, new), f"between, {moment}"
        with opened(folder) as skills:
            recovery = skills.recover()
            assert skills.recover() is None
            assert read_all(folder / SKILL) == now, f"recovery changed it, {moment}"
            finished = recovery is not None and recovery.finished
            standing = in_effect(skills.receipts(), SKILL)
        assert finished <= (now == new)
        assert list((folder / OWN).glob("staging/*")) == []
        assert not (folder / PENDING).exists()
        seen.add((now == new, len(standing)))
        _repeated(folder, change, now, old, new)
    assert {each for each, _ in seen} == {False, True}


def _undisturbed(
    folder: Path, before: Callable[[Path], object], change: Change
) -> tuple[dict[str, tuple[int, bytes | None]], dict[str, tuple[int, bytes | None]], CrashSchedule]:
    folder.mkdir()
    before(folder)
    old, fate = read_all(folder / SKILL), CrashSchedule(None)
    with opened(folder, fate) as skills:
        change(skills)
    return old, read_all(folder / SKILL), fate


def _repeated(folder: Path, change: Change, now: object, old: object, new: object) -> None:
    """Where the old folder stayed, the same command goes through the next time."""
    if now != old:
        return
    with opened(folder) as skills:
        change(skills)
    assert read_all(folder / SKILL) == new


def test_killed_while_it_recovers_it_recovers_again(tmp_path: Path) -> None:
    """A recovery is made of writes, too: it dies at each, after an adoption that died before or after it counted."""
    for side in ("before", "after"):
        at = exchange(tmp_path / f"whole-{side}", side)
        for again in range(100):
            folder = tmp_path / f"{side}-{again}"
            folder.mkdir()
            adopted(folder)
            with opened(folder, CrashSchedule(at)) as skills, pytest.raises(SimulatedCrash):
                second(skills)
            now, fate = read_all(folder / SKILL), CrashSchedule(again)
            try:
                with opened(folder, fate) as skills:
                    skills.recover()
            except SimulatedCrash:
                with opened(folder) as skills:
                    skills.recover()
                    assert len(in_effect(skills.receipts(), SKILL)) == (1 if side == "before" else 2)
                assert read_all(folder / SKILL) == now
                assert list((folder / OWN).glob("staging/*")) == []
            else:
                assert again > 3, "a recovery has several writes"
                break


def test_killed_by_the_system_at_every_write(tmp_path: Path) -> None:
    """The same with processes that end by SIGKILL, as nothing of Python is asked then: no `finally`, no flush."""
    place = Path(__file__).parents[3]
    words = [sys.executable, "-m", "tests.engine.adoption.dying", str(tmp_path)]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=True)
    ends = [int(line) for line in done.stdout.split()]
    assert ends[-1] == 0
    assert len(ends) > 20
    assert set(ends[:-1]) == {-SIGKILL}
    new = read_all(tmp_path / f"{len(ends) - 1}" / SKILL)
    seen = []
    for at in range(len(ends)):
        folder = tmp_path / str(at)
        now = read_all(folder / SKILL)
        with opened(folder) as skills:
            skills.recover()
            whole = in_effect(skills.receipts(), SKILL)
            assert skills.folder(SKILL).standing == "adopted"
        assert read_all(folder / SKILL) == now
        assert (now == new) == (len(whole) == 2)
        seen.append(now)
    assert [each for i, each in enumerate(seen) if i == 0 or each != seen[i - 1]] == [seen[0], new]


def test_a_rollback_is_exact_to_the_byte(tmp_path: Path) -> None:
    """Bytes, modes, empty folders, and that nothing was there, at each of several steps back."""
    foreign(tmp_path)
    states = [read_all(tmp_path / SKILL)]
    adopt(tmp_path, FIRST, 1, replace=True)
    states.append(read_all(tmp_path / SKILL))
    adopt(tmp_path, SECOND, 2)
    assert read_all(tmp_path / SKILL)["references/more.md"] == (0o644, b"More.\n")
    assert "scripts/say.sh" not in read_all(tmp_path / SKILL)
    assert roll_back(tmp_path).undoes == 2
    assert read_all(tmp_path / SKILL) == states[1]
    assert roll_back(tmp_path).undoes == 1
    assert read_all(tmp_path / SKILL) == states[0]
