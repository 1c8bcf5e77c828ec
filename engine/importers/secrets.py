"""Secrets in the records of other systems: found by the names they have there, and replaced wherever they occur."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from events.errors import StillroomError
from events.redaction.redactor import Redactor

_NAME: Final = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)\Z", re.IGNORECASE)
_BLANKED: Final = re.compile(
    r"(?:[a-z]{1,4}-)?(?:\W*(?:REDACTED|MASKED|HIDDEN|REMOVED)\W*|[x*.]+|<[\w -]+>|\$\{\w+\}|\[secret:.*\])",
    re.IGNORECASE,
)
"""Values that hide one already: the published recordings hold ``sk-REDACTED`` and names in pointed brackets."""

_SECRET_TEXT: Final = re.compile(
    rb'(?<!\w)(\w{0,64}?(?:KEY|TOKEN|SECRET|PASSWORD))\\{0,8}"\s{0,8}:\s{0,8}\\{0,8}"([^"\\\s]+)', re.IGNORECASE
)
"""Every repetition before the value has a bound: without, a line of 200,000 letters took longer than anybody waits."""

Warn = Callable[[str, str], None]
"""Is told what is the matter, with a secret's name and never its value, and what is done."""


def secrets_within(value: Any) -> Iterator[tuple[str, str]]:
    """List names and values that look secret, at any depth, without the recursion that deep nesting would break."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as found:
                texts = [(key, item) for key, item in found.items() if isinstance(item, str)]
                yield from (each for each in texts if _NAME.search(each[0]) and not blanked(each[1]))
                waiting += found.values()
            case list() as items:
                waiting += items
            case _:
                pass


def secrets_by_look(data: bytes) -> Iterator[tuple[str, str]]:
    """List names and values that look secret in bytes that are no JSON any more, such as a line that was cut."""
    for name, value in _SECRET_TEXT.findall(data):
        if not blanked(text := value.decode("utf-8", "replace")):
            yield name.decode("utf-8", "replace"), text


def blanked(value: str) -> bool:
    """Say whether a value is none, or hides one already."""
    return not value or _BLANKED.fullmatch(value) is not None


def redactor_of(found: Iterable[tuple[str, str]], warn: Warn) -> Redactor:
    """Make what replaces secrets by their names.

    Args:
        found: Names and values, in their order.
        warn: Is told of each, and of those that cannot be looked for.
    """
    secrets: dict[str, str] = {}
    redactor = Redactor()
    for name, value in dict.fromkeys(found):
        # A label for the name: only what a mark may hold, and what can be written.
        label = re.sub(r"[^A-Za-z0-9_.-]", "_", name) or "SECRET"
        while label in secrets:
            label += "_"
        try:
            redactor = Redactor({**secrets, label: value})
        except (StillroomError, UnicodeEncodeError):
            warn(f"{label} has a value that cannot be looked for", "it stays as it is")
            continue
        secrets[label] = value
        warn(f"holds the value of {label}", f"[secret:{label}] stands for it everywhere")
    return redactor
