"""How long a change of a document is, file by file; pure."""

from collections.abc import Mapping
from difflib import SequenceMatcher


def lengths_of_change(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, int]:
    """Count the characters of the lines that a change wrote; of a file that only lost lines, of those.

    Args:
        before: Text by path.
        after: The same after the change.

    Returns:
        By path, 1 or more each; files that stayed as they are are left out.
    """
    lengths = {path: _length(before.get(path, ""), after.get(path, "")) for path in sorted({*before, *after})}
    return {path: length for path, length in lengths.items() if length}


def _length(before: str, after: str) -> int:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    lost = written = 0
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            lost += sum(map(len, old[old_from:old_to]))
            written += sum(map(len, new[new_from:new_to]))
    return written or lost
