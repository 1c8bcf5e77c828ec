"""Figures as people read them. A figure nobody knows is a dash, never a zero."""

import re
from datetime import UTC, datetime
from typing import Final

UNKNOWN: Final = "-"


_ACTED_ON: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal acts on, and those that turn the direction of what follows them."""


def inert(text: str) -> str:
    """Give a text of which a terminal acts on nothing but tabs and ends of lines: the rest is written as numbers."""
    return text if text.isprintable() else _ACTED_ON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cell(value: object) -> str:
    """Write a value of a table's row: a list by its parts, and what nobody knows as a dash."""
    match value:
        case None:
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def money(nano: int | None) -> str:
    """Write an amount given in units of 10^-9 US dollars."""
    if nano is None:
        return UNKNOWN
    dollars = nano / 1e9
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"


def between(least: int | None, most: int | None, *, cost: bool = False) -> str:
    """Write a range of counts, or of amounts in units of 10^-9 US dollars.

    Args:
        least: Its lower end. None: nobody knows it.
        most: Its upper end. None: there is none.
        cost: Whether they are amounts.
    """
    said = money if cost else "{:,}".format
    if least is None:
        return "unknown"
    if most is None:
        return f"{said(least)} or more"
    return said(least) if least == most else f"{said(least)} to {said(most)}"


def cost(nano: int | None) -> str:
    """Write an amount where there is room to say that nobody knows it."""
    return "cost unknown" if nano is None else money(nano)


def count(number: int | None, *, lacks: bool = False) -> str:
    """Write a count, shortened from ten thousand on.

    Args:
        number: It. None: nobody knows it.
        lacks: Whether it is a lower bound, since nobody counted the rest.
    """
    if number is None:
        return UNKNOWN
    more = "+" if lacks else ""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if number >= size:
            return f"{number / (1000 if unit == 'k' else size):.1f}{unit}{more}"
    return f"{number:,}{more}"


def reward(value: float | None) -> str:
    """Write a reward. None is no reward at all, which is not a reward of zero."""
    return UNKNOWN if value is None else f"{value:.4g}"


def when(at: int) -> str:
    """Write a time, given in microseconds since 1970, as UTC to the second; as it is where no calendar has it."""
    try:
        return datetime.fromtimestamp(at / 1e6, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{at} us"


def duration(microseconds: int) -> str:
    """Write how long something took; no time at all if the clock was set back meanwhile."""
    seconds = max(0, microseconds) / 1e6
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def size(number: int) -> str:
    """Write a number of bytes."""
    for unit, bound in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= bound:
            return f"{number / bound:.1f} {unit}"
    return f"{number} B"


def plural(number: int, word: str) -> str:
    """Write a count with its word."""
    if number == 1:
        return f"{number:,} {word}"
    hissing = word.endswith(("s", "x", "ch", "sh")) and not word.endswith("epoch")
    return f"{number:,} {word}{'es' if hissing else 's'}"


def short(run: str) -> str:
    """Shorten a run's id as far as it most likely stays unique; imported runs have speaking names."""
    return run if "-" in run else run[:6]


def shortened(name: str, room: int) -> str:
    """Cut a name in its middle: its beginning says what it belongs to, and its end sets it apart.

    Args:
        name: To be shown.
        room: Letters that there is room for, from 3.
    """
    if len(name) <= room:
        return name
    end = (room - 1) * 2 // 3
    return f"{name[: room - 1 - end]}…{name[len(name) - end :]}"
