"""Where the parts of a suite lie: its own folders, or those of a copy of SkillEvolBench."""

from pathlib import Path
from typing import Final, NamedTuple

from engine.suites.documents import META_FILE, SUITE_FILE
from engine.suites.errors import SuiteAbsent, SuiteFault

TASKS: Final = "tasks"
SKILLS: Final = "skills"
_BENCHMARK: Final = "benchmark"
_WHERE: Final = ("", _BENCHMARK)


class SuiteFolder(NamedTuple):
    """The folders of a suite."""

    root: Path
    """Holds ``tasks`` and ``skills``."""
    described: Path
    """Holds ``suite.toml``, if there is one."""
    name: str
    """What it is called where no file says."""

    @property
    def tasks(self) -> Path:
        """A folder for each task."""
        return self.root / TASKS

    @property
    def skills(self) -> Path:
        """A folder for each family."""
        return self.root / SKILLS

    def families(self) -> tuple[tuple[Path, ...], list[SuiteFault]]:
        """Give the folders of its families, and those that are none."""
        folders = sorted(each for each in self.skills.iterdir() if each.is_dir() and not each.name.startswith("."))
        found = tuple(each for each in folders if (each / META_FILE).is_file())
        faults = [
            SuiteFault(f"{SKILLS}/{each.name}/{META_FILE}", "is missing", "write it, or remove the folder")
            for each in folders
            if each not in found
        ]
        return found, faults


def find_suite(folder: Path) -> SuiteFolder:
    """Find the parts of a suite below a folder.

    Raises:
        SuiteAbsent: It holds none.
    """
    if not folder.is_dir():
        raise SuiteAbsent(folder, "is not a folder" if folder.exists() else "is not there")
    whole = folder.resolve()
    for where in _WHERE:
        root = whole / where
        if (root / TASKS).is_dir() and (root / SKILLS).is_dir():
            above = whole.parent if where == "" and whole.name == _BENCHMARK else whole
            described = root if (root / SUITE_FILE).is_file() else above
            return SuiteFolder(root, described, above.name)
    raise SuiteAbsent(folder, "holds no tasks/ beside skills/, and has no benchmark/ that does")
