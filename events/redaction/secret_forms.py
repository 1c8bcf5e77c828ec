"""The forms in which a secret value travels, as bytes.

Plain, base64, URL-encoded, JSON-escaped, hexadecimal, and the single lines of a value of several. A form may also be
wrapped: broken by line ends, with indentation behind them, as ``base64``, ``xxd -p`` and PEM files are.
"""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from json import dumps
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST_LINE: Final = 16
"""Characters from which one line of a value of several lines is a secret by itself."""

SHORTEST_WRAPPED: Final = 12
"""Bytes from which a form is also found where line ends break it; a shorter one would be found in innocent text."""

_HEADER = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----")
"""Every key of a kind begins with the same line, which gives nothing away."""

_LINE_END = r"(?:\r|\n|\\{1,4}[rn])"
"""A line end, or its escape in JSON, or in JSON in JSON."""

_BREAK = rf"(?>[ \t]*{_LINE_END}(?:[ \t]|{_LINE_END})*)?"

_LOOSE: Final = b" \t\r\n\\nr"
"""All bytes that a break may consist of."""


def forms_of(value: str) -> Iterator[bytes]:
    """List how a value may look in what is written, the value itself first."""
    yield from _forms_of_one(value)
    stripped = value.strip()
    if stripped != value:
        yield from _forms_of_one(stripped)
    lines = stripped.splitlines()
    if len(lines) > 1:
        for line in map(str.strip, lines):
            if len(line) >= SHORTEST_LINE and not _HEADER.fullmatch(line):
                yield from _forms_of_one(line)


def _forms_of_one(value: str) -> Iterator[bytes]:
    plain = value.encode()
    yield plain
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    yield from _base64_forms(plain)
    for url in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield url.encode()
        yield re.sub(r"%[0-9A-F]{2}", lambda hit: hit[0].lower(), url).encode()
    # JSON in JSON is common: a request body in a message, arguments of a tool call in a reply. So twice each.
    for ascii_only in (True, False):
        escaped = value
        for _ in range(2):
            escaped = dumps(escaped, ensure_ascii=ascii_only)[1:-1]
            yield escaped.encode()
            yield escaped.replace("/", "\\/").encode()


def _base64_forms(plain: bytes) -> Iterator[bytes]:
    """Give the characters that the value alone decides, for each of its three places among groups of three."""
    for before in range(3):
        bits_before, bits_after = 8 * before, 8 * (before + len(plain))
        first, last = -(-bits_before // 6), bits_after // 6
        placed = bytes(before) + plain
        yield b64encode(placed)[first:last]
        yield urlsafe_b64encode(placed)[first:last]


def squeezed(data: bytes) -> bytes:
    """Leave out every byte that a break may consist of: two texts that differ in breaks alone become the same."""
    return data.translate(None, _LOOSE)


def wrapped(form: bytes) -> re.Pattern[bytes]:
    """Make a pattern that finds a form whichever line ends break it. Those of its own may be others, or missing."""
    pieces = [re.escape(bytes([byte])) for byte in form if byte not in b"\r\n"]
    return re.compile(_BREAK.encode().join(pieces))
