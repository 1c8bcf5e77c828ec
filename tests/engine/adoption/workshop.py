"""Folders of skills for tests: real ones, on a disk."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from engine.adoption.directory import Adoptable, SkillDirectory
from engine.adoption.operations import DiskOperations, FileOperations
from engine.adoption.receipt import AdoptionReceipt, AdoptionSource
from engine.testing.crashing_files import CrashingOperations
from engine.testing.fault_injection import CrashSchedule
from events.digest import Digest, digest_of
from events.values import NamedDigest
from projections.library import folder_digest

FIRST: Mapping[str, str] = {"SKILL.md": "---\nname: greet\n---\nSay hello.\n", "scripts/say.sh": "echo hello\n"}
SECOND: Mapping[str, str] = {"SKILL.md": "---\nname: greet\n---\nSay hello twice.\n", "references/more.md": "More.\n"}
SKILL = "greet"


def adoptable(texts: Mapping[str, str], revision: int, skill: str = SKILL) -> tuple[Adoptable, dict[Digest, bytes]]:
    """Make a revision of a skill."""
    files = tuple(NamedDigest(path, digest_of(text.encode())) for path, text in texts.items())
    source = AdoptionSource("r1", "train", revision, digest_of(b"event"), revision, None, "in force")
    contents = {digest_of(text.encode()): text.encode() for text in texts.values()}
    return Adoptable(skill, files, folder_digest(files), source), contents


@contextmanager
def opened(folder: Path, fate: CrashSchedule | None = None) -> Iterator[SkillDirectory]:
    """Open a folder of skills as a process does, which dies where its fate says."""
    disk = DiskOperations(folder)
    files: FileOperations = disk if fate is None else CrashingOperations(disk, fate)
    try:
        yield SkillDirectory(files, clock=lambda: 1_790_000_000_000_000, package="0.1.0")
    finally:
        disk.close()


def adopt(folder: Path, texts: Mapping[str, str], revision: int, *, replace: bool = False) -> AdoptionReceipt:
    """Adopt a revision, as a command does."""
    with opened(folder) as skills:
        skills.recover()
        return skills.carry_out(skills.plan_adoption(*adoptable(texts, revision), replace=replace))


def roll_back(folder: Path, *, replace: bool = False) -> AdoptionReceipt:
    """Take the last adoption back, as a command does."""
    with opened(folder) as skills:
        skills.recover()
        return skills.carry_out(skills.plan_rollback(SKILL, replace=replace))


def read_all(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Read a folder with all that an agent may see in it: modes and bytes by path, folders without bytes."""
    found: dict[str, tuple[int, bytes | None]] = {}
    if folder.exists():
        found["."] = (folder.stat().st_mode & 0o7777, None)
    for at, folders, files in os.walk(folder):
        for name in folders:
            path = Path(at) / name
            found[str(path.relative_to(folder))] = (path.stat().st_mode & 0o7777, None)
        for name in files:
            path = Path(at) / name
            found[str(path.relative_to(folder))] = (path.stat().st_mode & 0o7777, path.read_bytes())
    return found


def exchange(folder: Path, side: str) -> int:
    """Find the moment beside the exchange of the first revision with the second one."""
    folder.mkdir()
    adopt(folder, FIRST, 1)
    fate = CrashSchedule(None)
    with opened(folder, fate) as skills:
        skills.carry_out(skills.plan_adoption(*adoptable(SECOND, 2), replace=False))
    (at,) = [i for i, each in enumerate(fate.passed) if (each.tag, each.side) == ("swap", side)]
    return at
