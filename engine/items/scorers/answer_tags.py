"""Where an answer stands in what a model wrote: between ``<answer>`` tags, or on its last line; pure."""

import re
from typing import Final

_PAIR: Final = re.compile(r"<answer>(.*?)</answer>", re.IGNORECASE | re.DOTALL)
_OPEN: Final = re.compile(r"<answer>", re.IGNORECASE)
_CLOSE: Final = re.compile(r"</answer>", re.IGNORECASE)


def last_tagged(text: str) -> str:
    """Give what stands in the last pair of tags; without a pair, the last line that is not empty."""
    pairs = _PAIR.findall(text)
    return str(pairs[-1]).strip() if pairs else _last_line(text)


def first_tagged(text: str) -> str:
    """Give what stands in the first pair of tags; without a pair, the last line that is not empty.

    OfficeQA reads answers this way, SearchQA the last pair.
    """
    pair = _PAIR.search(text)
    return _last_line(text) if pair is None else pair[1].strip()


def widest_last(text: str) -> str:
    """Give what stands between the last opening and the last closing tag, as DocVQA reads answers."""
    opened, closed = list(_OPEN.finditer(text)), list(_CLOSE.finditer(text))
    if opened and closed and opened[-1].end() <= closed[-1].start():
        return text[opened[-1].end() : closed[-1].start()].strip()
    return _last_line(text)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else ""
