"""Streams that commands print to: encodings without our marks, and readers that leave."""

import io
import json

import pytest
from typing_extensions import override

from views.terminal.outlet import Outlet, ascii_json, legible


class LeftStream(io.StringIO):
    """A pipe whose reader has left."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = 0

    @override
    def write(self, text: str, /) -> int:
        """Fail."""
        self.tried += 1
        raise BrokenPipeError

    @override
    def flush(self) -> None:
        """Fail."""
        self.tried += 1
        raise BrokenPipeError


@pytest.mark.parametrize(
    ("text", "encoding", "written"),
    [
        ("4 trials · 2 done…", "utf-8", "4 trials · 2 done…"),
        ("4 trials · 2 done…", "ascii", "4 trials - 2 done..."),
        ("0.5 ± 0.1 → é", "latin-1", "0.5 ± 0.1 -> é"),
        ("café", "ascii", "caf\\xe9"),
        ("a \udcff b · c", "utf-8", "a \\udcff b · c"),
        ("plain", "ascii", "plain"),
    ],
)
def test_what_an_encoding_has_no_letters_for_is_spelled(text: str, encoding: str, written: str) -> None:
    """Only that: what it has stays as it is."""
    assert legible(text, encoding) == written
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    assert Outlet(stream, needed=True).write(text) == len(text)
    assert raw.getvalue().decode(encoding) == written


@pytest.mark.parametrize("text", ["é", "😀 and 中", "\N{LINE SEPARATOR}", "no need"])
def test_json_in_ascii_says_the_same(text: str) -> None:
    """By JSON's own escapes, also for letters beyond the first plane."""
    line = ascii_json(json.dumps({"said": text}, ensure_ascii=False))
    assert line.isascii()
    assert json.loads(line) == {"said": text}


@pytest.mark.parametrize(
    ("encoding", "unicode"), [("utf-8", True), ("UTF8", True), ("ascii", False), ("cp1252", False)]
)
def test_json_is_escaped_where_the_encoding_is_narrow(encoding: str, unicode: bool) -> None:  # noqa: FBT001 - a case
    """A backslash of Python's own would be no JSON."""
    assert Outlet(io.TextIOWrapper(io.BytesIO(), encoding=encoding), needed=True).unicode is unicode


def test_a_reader_that_leaves_ends_what_only_prints_and_nothing_else() -> None:
    """What is said afterwards goes nowhere, and is not tried again."""
    needed, beside = LeftStream(), LeftStream()
    with pytest.raises(BrokenPipeError):
        Outlet(needed, needed=True).write("data")
    words = Outlet(beside, needed=False)
    words.write("one")
    words.write("two")
    words.flush()
    assert beside.tried == 1
    flushed = LeftStream()
    with pytest.raises(BrokenPipeError):
        Outlet(flushed, needed=True).flush()
    Outlet(flushed, needed=False).flush()
