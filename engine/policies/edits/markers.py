"""The markers between which protected blocks of a skill stand, as SkillOpt writes them."""

from typing import Final, NamedTuple


class BlockMarkers(NamedTuple):
    """What a kind of protected block begins and ends with."""

    start: str
    end: str


SLOW_UPDATE: Final = BlockMarkers("<!-- SLOW_UPDATE_START -->", "<!-- SLOW_UPDATE_END -->")
"""Guidance that is written between epochs."""
APPENDIX: Final = BlockMarkers("<!-- APPENDIX_START -->", "<!-- APPENDIX_END -->")
"""Reminders of rules that were not followed."""
KINDS: Final = (SLOW_UPDATE, APPENDIX)
MARKERS: Final = tuple(marker for kind in KINDS for marker in kind)
_LONGEST: Final = max(map(len, MARKERS))
APPENDIX_HEADING: Final = "## Execution Notes Appendix"


def strip_markers_once(text: str) -> str:
    """Remove each marker in turn, as SkillOpt does: one that stands inside another leaves the outer one (W18)."""
    for marker in MARKERS:
        text = text.replace(marker, "")
    return text


def strip_markers(text: str) -> str:
    """Remove markers until there are none, those that only come together by a removal included.

    One pass does: whatever stands before a place is free of markers, so that one can only end there.
    """
    kept: list[str] = []
    for char in text:
        kept.append(char)
        if char == ">":
            tail = "".join(kept[-_LONGEST:])
            size = next((len(marker) for marker in MARKERS if tail.endswith(marker)), 0)
            del kept[len(kept) - size :]
    return "".join(kept)


def note_key(note: str) -> str:
    """Give what two notes have in common that say the same: without case, white space and punctuation at the end."""
    return " ".join(note.split()).rstrip(" .;:,_-").casefold()


def new_notes(known: tuple[str, ...], notes: tuple[str, ...]) -> tuple[str, ...]:
    """Give known notes and those that say something new, each once and on one line, in order."""
    kept: dict[str, str] = {}
    for note in (*known, *notes):
        key = note_key(note)
        if key:
            kept.setdefault(key, " ".join(note.split()))
    return tuple(kept.values())
