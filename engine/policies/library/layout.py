"""Where the files of a skill may lie: pure, and the same on every system that such a folder is written to."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from engine.policies.skill.front_matter import is_skill_name

HEAD: Final = "SKILL.md"
"""Tiers 1 and 2: front matter and body."""
FOLDERS: Final = ("scripts", "references", "assets")
"""Of tier 3: files that are run, read or copied when the body says so."""
LONGEST_PATH: Final = 200
"""Characters of a path below the skill's folder."""
DEEPEST_PATH: Final = 4
"""Parts of it."""
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(1, 10))}
)
"""Names that are devices on Windows."""


class SkillPath(NamedTuple):
    """A file of a library."""

    skill: str
    path: str
    """Below the skill's folder."""


class PathFault(NamedTuple):
    """Why there is no file of this path."""

    rule: str
    """``path``, ``slug`` or ``layout``."""
    problem: str
    remedy: str


def skill_path(path: str) -> SkillPath | PathFault:
    """Take the path of a file apart, such as ``greet/references/names.md``."""
    if fault := _unsafe(path):
        return fault
    skill, _, rest = path.partition("/")
    if fault := slug_fault(skill):
        return fault
    if not rest:
        return PathFault("path", f"{path!r} names no file.", f"Name a file below it, such as '{skill}/{HEAD}'.")
    if rest != HEAD and rest.partition("/")[0] not in FOLDERS:
        where = ", ".join(f"'{skill}/{each}/'" for each in FOLDERS)
        return PathFault("layout", f"A skill has no {rest!r}.", f"Use '{skill}/{HEAD}', or a file below {where}.")
    if rest in FOLDERS:
        return PathFault("layout", f"{rest!r} is a folder.", f"Name a file in it, such as '{skill}/{rest}/names.md'.")
    return SkillPath(skill, rest)


def slug_fault(name: str) -> PathFault | None:
    """Say why a folder of this name holds no skill. None: it may."""
    if is_skill_name(name):
        return None
    return PathFault(
        "slug",
        f"{name[:80]!r} is no name of a skill.",
        "Use 1 to 64 lower-case letters and digits, in words joined by single hyphens.",
    )


def path_in_the_way(paths: Iterable[str], path: str) -> str | None:
    """Name the file beside which another one cannot be.

    Case makes no difference on some disks, and no file is a folder.

    Args:
        paths: Of the skill, below its folder.
        path: The other one; it is not in its own way.

    Returns:
        None: there is none.
    """
    folded = path.casefold()
    for other in paths:
        taken = other.casefold()
        same = folded == taken and path != other
        if same or folded.startswith(f"{taken}/") or taken.startswith(f"{folded}/"):
            return other
    return None


def tier_of(path: str) -> int:
    """Give the tier of a file of a skill: 2 for its document, of which the front matter is tier 1; 3 for all others."""
    return 2 if path == HEAD else 3


def _unsafe(path: str) -> PathFault | None:
    shown, parts = f"{path[:80]!r}", path.split("/")
    below = "Write a path below the library, such as 'greet/references/names.md'."
    plain = "Name files by letters, digits, hyphens and full stops within."
    faults = (
        (
            "\\" in path or ":" in path or not path.isprintable(),
            "has a backslash, a colon or a control character",
            below,
        ),
        (path.startswith(("/", "~")), "is absolute", below),
        (any(part in ("", ".", "..") for part in parts), "has an empty part, or one that leads elsewhere", below),
        (any(map(_rough, parts)), "has a part that begins or ends with a full stop or a space", plain),
        (any(map(_device, parts)), "names a device on some systems", plain),
        (len(path) > LONGEST_PATH, f"has {len(path)} characters", f"Use at most {LONGEST_PATH}."),
        (len(parts) > DEEPEST_PATH + 1, f"has {len(parts)} parts", f"Use at most {DEEPEST_PATH + 1}."),
    )
    return next((PathFault("path", f"{shown} {why}.", remedy) for wrong, why, remedy in faults if wrong), None)


def _rough(part: str) -> bool:
    return part.startswith(".") or part.endswith(".") or part != part.strip()


def _device(part: str) -> bool:
    return part.partition(".")[0].casefold() in _RESERVED
