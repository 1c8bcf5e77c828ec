"""What of a verifier's or scorer's words may be passed on to whoever writes what the next attempt is told; pure.

A message of a failed check tends to quote what was expected. Every number and every quoted text in it that the task
does not say itself is hidden, and so is every value that a test or an item is known to compare with. Too much is hidden
rather than too little.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from engine.policies.redaction import said_in

HIDDEN: Final = "[hidden]"
_QUOTED: Final = re.compile(
    r"""(?P<mark>["`]|(?<![A-Za-z]{2})')(?P<text>(?:\\.|(?!(?P=mark)).)*)(?P<end>(?P=mark)|\Z)""", re.DOTALL
)
"""A message may be cut within a quoted text; an apostrophe in a word opens none."""
_NUMBER: Final = re.compile(r"(?<![\w.])[-+]?\d[\d_,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")


def hide_values(message: str, told: str) -> str:
    """Hide every quoted text and number of a message that the task does not say.

    Args:
        message: Of a failed check, such as ``assert 41 == 42``.
        told: What the task says itself.
    """

    def quoted(found: re.Match[str]) -> str:
        whole = found["end"] and said_in(found["text"], told)
        return found[0] if whole else f"{found['mark']}{HIDDEN}{found['end']}"

    def number(found: re.Match[str]) -> str:
        return found[0] if said_in(found[0], told) else HIDDEN

    return _NUMBER.sub(number, _QUOTED.sub(quoted, message))


def hide_expected(text: str, told: str, expected: Collection[str]) -> str:
    """Hide values that are known to be expected, unless the task says them itself.

    Args:
        text: In which they may stand.
        told: What the task says itself.
        expected: The values. One of white space alone is none.
    """
    for value in sorted({each.strip() for each in expected}, key=lambda each: (-len(each), each)):
        if value and not said_in(value, told):
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    return text


def values_in(expected: Any) -> Iterator[str]:
    """Give every text and number of a JSON value, as it is written."""
    if isinstance(expected, Mapping):
        for each in expected.values():
            yield from values_in(each)
    elif isinstance(expected, list | tuple):
        for each in expected:
            yield from values_in(each)
    elif isinstance(expected, str | int | float) and not isinstance(expected, bool):
        yield str(expected)
