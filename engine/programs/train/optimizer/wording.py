"""How documents, proposals and trajectories are put to an optimizer; pure.

Whatever stands in a trajectory may have been written by anybody. Each text is fenced by more backticks than it holds in
a row, and no line of it can look like one of ours.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from engine.policies.edits.modes import UpdateItem
from engine.policies.fences import fence_for

_OURS: Final = "==="
"""What lines begin with that are ours, within the fence of a trajectory."""
_TITLES: Final[Mapping[str, str]] = {
    "question": "what was asked",
    "told": "what else the model was told",
    "said": "what the model wrote",
    "call": "what it did",
    "output": "what came of that",
    "answer": "what was scored",
    "checks": "what was found",
    "reference": "what was expected",
}


class ShownLimit(NamedTuple):
    """How much of a trajectory is shown, in characters. None: all."""

    whole: int | None
    part: int | None


class WordedPart(NamedTuple):
    """A part of a trajectory, with its text."""

    kind: str
    label: str
    text: str


def fenced(text: str) -> str:
    """Put a text between fences that nothing in it can close."""
    marks = fence_for(text)
    return f"{marks}text\n{text}\n{marks}"


def shortened(text: str, most: int | None) -> str:
    """Keep the beginning and the end of a text, and mark what is left out. ``most`` None: nothing is."""
    if most is None or len(text) <= most:
        return text
    head, tail = most - most // 2, most // 2
    end = text[len(text) - tail :] if tail else ""
    return f"{text[:head]}\n[{len(text) - head - tail} characters left out]\n{end}"


def word_trajectory(header: Sequence[str], parts: Sequence[WordedPart], limit: ShownLimit) -> str:
    """Write a trajectory down, fenced: what it is of, then its parts as they came.

    Args:
        header: Lines on what it is of, such as the name of the item and how it ended.
        parts: In order.
        limit: How much is shown. The header always is, and so are the first and the last part.
    """
    top = [mark_own(line) for line in header]
    return fenced("\n".join([*top, *_within([word_part(each, limit.part) for each in parts], limit.whole)]))


def mark_own(line: str) -> str:
    """Mark a line as ours, within the fence of a trajectory."""
    return f"{_OURS} {' '.join(line.split())}"


def word_part(part: WordedPart, most: int | None) -> str:
    """Write a part of a trajectory down, below a line of ours that says what it is. ``most`` None: all of it."""
    title = _TITLES.get(part.kind, part.kind)
    label = " ".join(part.label.split())
    lines = shortened(part.text.rstrip("\n"), most).split("\n")
    held = [f" {line}" if line.startswith(_OURS) else line for line in lines]
    return "\n".join([f"{_OURS} {title}{f': {label}' if label else ''}", *held])


def _within(parts: Sequence[str], most: int | None) -> Sequence[str]:
    """Leave parts out of the middle until the others fit."""
    if most is None or sum(map(len, parts)) <= most or len(parts) < 3:
        return parts
    head, tail = [parts[0]], [parts[-1]]
    left, room = list(parts[1:-1]), most - len(parts[0]) - len(parts[-1])
    while left:
        early = sum(map(len, head)) <= sum(map(len, tail))
        each = left[0] if early else left[-1]
        if len(each) > room:
            break
        room -= len(each)
        if early:
            head.append(left.pop(0))
        else:
            tail.insert(0, left.pop())
    if not left:
        return [*head, *tail]
    return [*head, f"{_OURS} {len(left)} parts left out, of {sum(map(len, left))} characters", *tail]


def word_document(files: Mapping[str, str]) -> str:
    """Write a document down: each of its files by name, fenced."""
    shown = [f"File `{path}`:\n\n{fenced(text.rstrip())}" for path, text in sorted(files.items(), key=_main_first)]
    return "\n\n".join(shown)


def _main_first(file: tuple[str, str]) -> tuple[bool, str]:
    return file[0] != "SKILL.md", file[0]


def word_proposals(proposals: Sequence[UpdateItem], first: int = 0) -> str:
    """List proposals with their numbers, as JSON; the numbers are those by which they are chosen.

    Args:
        proposals: In order.
        first: Number of the first one.
    """
    return "\n".join(
        f"{number}. {msgspec.json.encode(_told(each)).decode()}" for number, each in enumerate(proposals, start=first)
    )


def _told(proposal: UpdateItem) -> Mapping[str, object]:
    return {name: value for name, value in msgspec.to_builtins(proposal).items() if name != "merge_level"}
