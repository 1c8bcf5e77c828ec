"""JSON in what a model answered; source: SkillOpt, 1.5.

A value is only taken where there is no doubt which one is meant. What is no strict JSON is repaired (a comma too many,
quotes within a text) only if the answer holds exactly one object that is closed: an answer that was cut short is never
completed, and of two objects none is chosen. Half of a surrogate pair, which JSON lets stand and no log can keep, is
read as U+FFFD.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import json_repair

_FENCE: Final = re.compile(r"```json\s*(.*?)```", re.DOTALL)
_STRINGS_AND_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{}]', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NONE: Final = object()


def read_object(text: str) -> dict[str, Any] | None:
    """Read the object that an answer consists of or contains.

    The first fenced block marked ``json`` is taken if it is strict JSON, else what stands between the first ``{`` and
    the last ``}``, else the one object of the block or of the answer, repaired.

    Returns:
        None: there is none, or more than one that might be meant.
    """
    fenced = _fenced(text)
    for part in (fenced, _widest(text, "{", "}")):
        value = _strict(part)
        if value is not _NONE:
            return value if isinstance(value, dict) else None
    return _repaired(_only_object(fenced, alone=True)) or _repaired(_only_object(text, alone=False))


def read_array(text: str) -> list[Any] | None:
    """Read the array that an answer consists of or contains; as `read_object`, without repair.

    Returns:
        None: there is none that stands in no object, or more than one that might be meant.
    """
    value = _strict(_fenced(text))
    if value is _NONE and _first_bracket(text) == "[":
        value = _strict(_widest(text, "[", "]"))
    return value if isinstance(value, list) else None


def _fenced(text: str) -> str:
    match = _FENCE.search(text)
    return match[1] if match else ""


def _widest(text: str, first: str, last: str) -> str:
    start, end = text.find(first), text.rfind(last)
    return text[start : end + 1] if 0 <= start < end else ""


def _strict(text: str) -> Any:
    try:
        return _writable(json.loads(text))
    except (ValueError, RecursionError):
        return _NONE


def _writable(value: Any) -> Any:
    """Put halves together that were repaired apart, and U+FFFD for one that stays alone."""
    written = json.dumps(value, ensure_ascii=False)
    if not _SURROGATE.search(written):
        return value
    return json.loads(written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _only_object(text: str, *, alone: bool) -> str:
    """Give the one balanced object of a text; empty: there is none, there are more, or it is not `alone` in it."""
    found = list(_objects(text))
    return found[0] if len(found) == 1 and (not alone or found[0] == text.strip()) else ""


def _repaired(broken: str) -> dict[str, Any] | None:
    if broken[1:].lstrip()[:1] not in ('"', "}"):
        return None
    try:
        value = _writable(json_repair.loads(broken))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value else None


def _objects(text: str) -> Iterator[str]:
    """Give the balanced objects that stand in no other one; brackets within quotes count as text."""
    depth = start = 0
    for match in _STRINGS_AND_BRACKETS.finditer(text):
        if match[0] == "{":
            start = start if depth else match.start()
            depth += 1
        elif match[0] == "}" and depth:
            depth -= 1
            if not depth:
                yield text[start : match.end()]


def _first_bracket(text: str) -> str:
    """Say what the first array or object that is opened begins with."""
    return next((match[0] for match in _STRINGS_AND_BRACKETS.finditer(text) if match[0] in "[{"), "")
