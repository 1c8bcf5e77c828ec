"""A placebo: a skill's files with neutral text of the same length in the place of what they say."""

from collections.abc import Mapping
from typing import Final

from engine.policies.skill.split import SplitFault, split_skill

_SENTENCES: Final = (
    "This page holds no advice on any task.",
    "Its words fill the room that another page takes up.",
    "Nothing in them names a file, a command, a value or an order of work.",
    "A reader who knows them knows as much as before.",
    "They go on for as long as the other page does, and then they end.",
)
_TEXT: Final = (" ".join(_SENTENCES) + "\n").encode()


def placebo_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give skills of the same names and sizes that say nothing.

    Each file keeps its path and its length in bytes. A ``SKILL.md`` keeps its name, by which agents find it; its
    description and its body are replaced.

    Args:
        files: By path below the folder of skills, such as ``greet/SKILL.md``.
    """
    return {path: _placebo(path, data) for path, data in files.items()}


def neutral_text(size: int) -> str:
    """Give a text that says nothing.

    Args:
        size: Its characters, all of them ASCII; of 0 or fewer it is empty.
    """
    return _filled(size).decode()


def _placebo(path: str, data: bytes) -> bytes:
    if path.count("/") != 1 or not path.endswith("/SKILL.md"):
        return _filled(len(data))
    parts = split_skill(data.decode("utf-8", "replace"))
    name = path.partition("/")[0]
    described = 0 if isinstance(parts, SplitFault) else len(_description(parts.front).encode())
    head = f"---\nname: {name}\ndescription: {_line(max(described, 20))}\n---\n".encode()
    return head + _filled(len(data) - len(head))


def _description(front: str) -> str:
    """Find about how long the description is: how it is quoted is of no matter."""
    lines = front.splitlines()
    start = next((index for index, line in enumerate(lines) if line.startswith("description:")), None)
    if start is None:
        return ""
    more = [line for line in lines[start + 1 :] if line.startswith((" ", "\t"))]
    return " ".join([lines[start].removeprefix("description:").strip(), *more])


def _filled(size: int) -> bytes:
    """Repeat the text up to a number of bytes; the last of them ends the line."""
    if size <= 0:
        return b""
    text = (_TEXT * (size // len(_TEXT) + 1))[:size]
    return text[:-1] + b"\n"


def _line(size: int) -> str:
    return _filled(size).decode().replace("\n", " ").strip()
