"""Which files of a skill are text, and what can be read in those that are none."""

import re
from typing import Final

from engine.policies.skill.split import normal_lines

LEAST: Final = 24
"""Characters from which a readable stretch of a binary file counts: in a file of chance there is none so long."""

_READABLE: Final = re.compile(rb"[\x20-\x7e\t]{%d,}" % LEAST)
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
"""How text in UTF-16 begins."""


def text_of(data: bytes) -> str | None:
    """Read a file as text, its lines ended alike. None: it is none, since it holds a null byte or is no UTF-8."""
    try:
        text = data.decode("utf-16" if data.startswith(_WIDE) else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else normal_lines(text)


def readable_parts(data: bytes) -> str:
    """Give the stretches of a file that read as text, each on its line: a null byte hides no sentence from a scan."""
    return b"\n".join(b" ".join(_READABLE.findall(line)) for line in data.split(b"\n")).decode("ascii")
