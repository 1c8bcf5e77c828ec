"""The folder of an attempt on the host, with the skills that its condition names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.agents.installed.skill_watch import SkillFolder
from events.digest import Digest
from events.store.base import BlobStore
from events.types.condition import read_condition
from sandbox.errors import SandboxUnavailable

FOLDER: Final = "skills"
"""Below the folder of an attempt."""


async def skill_files(blobs: BlobStore, condition: Digest) -> Mapping[str, bytes]:
    """Read the files of the skills that a condition names, by path below the folder of skills."""
    skills = read_condition(await blobs.get(condition)).skills or ()
    return {f"{skill.name}/{file.name}": await blobs.get(file.digest) for skill in skills for file in skill.files}


def no_room(stream: str, error: Exception) -> SandboxUnavailable:
    """Say that the folder of an attempt could not be made."""
    remedy = "make room in the folder for temporary files, or raise fs.inotify.max_user_instances and _watches"
    return SandboxUnavailable(stream, f"the folder of its agent could not be made: {error}", remedy=remedy)


def lay_out(folder: Path, files: Mapping[str, bytes]) -> SkillFolder:
    """Make it, and begin to watch who reads them; everybody in the sandbox may, whoever they are.

    Raises:
        OSError: There is no room for it.
        WatchLost: The kernel cannot watch it.
    """
    folder.mkdir()
    folder.chmod(0o755)
    return SkillFolder(folder / FOLDER, files)
