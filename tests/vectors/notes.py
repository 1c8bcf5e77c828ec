"""Notes of steps in the words that SkillOpt's optimizer reads, since the cases compare them as they stand."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_OPENING: Final = (
    "Below is a summary of previous steps in this epoch. Use it to avoid repeating ineffective edits and to prioritise "
    "failure patterns that remain unsolved.\n"
)
Note = Mapping[str, Any]
"""One step, by SkillOpt's names."""


def written_notes(notes: Sequence[Note]) -> str:
    """Write the notes of an epoch; empty if there are none."""
    return "\n".join([_OPENING, *(line for note in notes for line in _lines(note))]) if notes else ""


def _lines(note: Note) -> list[str]:
    failed, rows = note.get("n_fail", 0), note.get("n_total", "?")
    lines = [f"### Step {note['step']} — {note['action'].upper()} ({failed}/{rows} failed)"]
    for pattern in note.get("failure_patterns", []):
        items = ", ".join(pattern["task_ids"])
        lines.append(f'  - "{pattern["pattern"]}" (×{pattern["count"]}, tasks: {items})')  # noqa: RUF001 - its sign
    tried = note.get("rejected_edits", [])
    if tried:
        before, after = note.get("score_before", "?"), note.get("score_after", "?")
        lines.append(f"  Rejected edits (score {before} → {after}):")
    return lines + [f"    {at}. {_tried(item)}" for at, item in enumerate(tried, 1)]


def _tried(item: Mapping[str, Any]) -> str:
    if item.get("op") is None:
        return f'[{item.get("type", "?")}] "{item.get("title", "")}" → "{item.get("instruction", "")}"'
    anchor = f'target="{item["target"]}" → ' if item.get("target") else ""
    return f'[{item["op"]}] {anchor}"{item.get("content", "")}"'
