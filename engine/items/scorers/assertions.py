"""Assertions about an answer, in words: those that a rule can check, and what a judge said of the others; pure."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

_SUBJECT: Final = r"(?:the |its )?(?:final )?(?:output|response|answer|reply|result|text)"
_QUOTES: Final = "\"'`\u201c\u201d"
_QUOTED: Final = (
    rf"(?:the )?(?:exact )?(?:text|word|words|phrase|string|value|sentence)? ?[{_QUOTES}]([^{_QUOTES}]+)[{_QUOTES}]\.?"
)
"""One quoted part and no more: what says of two parts that they are there is for a judge."""


def _lower(holds: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    return lambda text, part: holds(text.lower(), part.lower())


_VERBS: Final[tuple[tuple[str, Callable[[str, str], bool]], ...]] = (
    (r"(?:contains?|includes?|mentions?)", _lower(lambda text, part: part in text)),
    (r"(?:does not|doesn't|do not|not) (?:contain|include|mention)", _lower(lambda text, part: part not in text)),
    (r"(?:starts?|begins?) with", lambda text, part: text.strip().startswith(part)),
    (r"ends? with", lambda text, part: text.strip().endswith(part)),
    (r"(?:is|equals?|be|is exactly|is equal to)", lambda text, part: text.strip() == part.strip()),
)
_RULES: Final = tuple(
    (re.compile(rf"(?:{_SUBJECT}) (?:must |should )?{verb} {_QUOTED}", re.IGNORECASE), holds) for verb, holds in _VERBS
)
_JSON: Final = re.compile(rf"(?:{_SUBJECT}) (?:is|must be|should be) valid json\.?", re.IGNORECASE)
_VERDICT: Final = re.compile(r"^\W*(\d+)\W+(yes|no)\b", re.IGNORECASE | re.MULTILINE)


def check(assertion: str, text: str) -> bool | None:
    """Check an assertion by rule. None: its words are those of no rule."""
    said = assertion.strip()
    if _JSON.fullmatch(said):
        return _is_json(text)
    for pattern, holds in _RULES:
        if found := pattern.fullmatch(said):
            return holds(text, found[1])
    return None


def judged_verdicts(asked: Sequence[str], said: str | None) -> Mapping[str, bool]:
    """Read what a judge said of assertions, each on a line of its own: its number, and ``yes`` or ``no``.

    One of which it said nothing, or both, is left out.

    Args:
        asked: The assertions, in order.
        said: The judge's answer. None: there is none.
    """
    found: dict[int, set[str]] = {}
    for number, verdict in _VERDICT.findall(said or ""):
        found.setdefault(int(number), set()).add(verdict.lower())
    return {
        each: found[number] == {"yes"} for number, each in enumerate(asked, start=1) if len(found.get(number, ())) == 1
    }


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
