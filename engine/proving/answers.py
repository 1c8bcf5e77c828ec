"""What of a task an agent must not read, told by the names of files; and the paths that a text names."""

import re
from typing import Final

SCRIPTS: Final = (".py", ".sh")
_TELLING: Final = re.compile(r"expected|answer|golden|gold\b|truth|solution|reference|oracle", re.IGNORECASE)
"""In the name of a file that holds what an agent is to find out."""
_PATH: Final = re.compile(r"(?<![\w./~$}-])/(?:[\w.-]+/)*[\w.-]*\w")
_OUTSIDE: Final = re.compile(r"/(?:logs|tests|solution|usr|bin|sbin|lib|lib64|etc|dev|proc|sys)(?:/|$)")
"""What the verification brings itself, and what belongs to the system."""
_MOST_PATHS: Final = 200


def is_telling(path: str) -> bool:
    """Say whether a path names a file by what an agent is to find out; a hidden file counts as one."""
    name = path.rpartition("/")[2]
    return name.startswith(".") or _TELLING.search(name) is not None


def is_answer(path: str) -> bool:
    """Say whether an agent that reads this file of a task knows the answer or the tests.

    Data that tests and environment share is none.

    Args:
        path: Below the task's folder.
    """
    folder, _, name = path.rpartition("/")
    return "solution" in folder.split("/") or name.endswith(SCRIPTS) or is_telling(path)


def paths_in(text: str) -> tuple[str, ...]:
    """List absolute paths that a text names, in order, but for those of the system and of the verification."""
    found = dict.fromkeys(path for path in _PATH.findall(text) if not _OUTSIDE.match(path))
    return tuple(found)[:_MOST_PATHS]
