"""Counting requests, and keeping the count where a crash cannot take it away."""

import os
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from engine.scripted.errors import CountsInvalid


class CountLine(Struct, frozen=True, kw_only=True):
    """One line of a count file.

    Attributes:
        at: A request came in, or its answer was written to the last byte.
        digest: SHA-256 of the request's body.
        rule: The rule that matched. None: none did.
        turn: The turn asked for, from 0. None: no rule matched.
        status: The HTTP status. None: nothing is ever sent.
        error: The failure given. None: an answer.
    """

    at: Literal["received", "answered"] = "received"
    digest: str
    rule: str | None
    turn: int | None
    status: int | None
    error: str | None


class Counts:
    """Says how often each request was received, across restarts if it has a file.

    A request counts from its receipt: one that was cut off by a crash has had its failure.
    """

    def __init__(self, path: Path | None) -> None:
        self._received: Counter[str] = Counter()
        self._file: int | None = None
        if path is not None:
            self._file = self._opened(path)

    def _opened(self, path: Path) -> int:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise CountsInvalid(str(path), f"cannot be opened: {error}") from error
        try:
            self._replay(file, path)
        except BaseException:
            os.close(file)
            raise
        return file

    def _replay(self, file: int, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CountsInvalid(str(path), f"cannot be read: {error}") from error
        whole = data[: data.rfind(b"\n") + 1]
        for number, text in enumerate(whole.splitlines(), 1):
            try:
                line = msgspec.json.decode(text, type=CountLine)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise CountsInvalid(str(path), f"line {number} is not a count: {error}") from error
            if line.at == "received":
                self._received[line.digest] += 1
        # What follows the last line break was being written when the process died: it never counted.
        if len(whole) < len(data):
            os.ftruncate(file, len(whole))

    def received(self, digest: str) -> int:
        """Say how often this request came in so far, from 0."""
        return self._received[digest]

    def write(self, line: CountLine) -> None:
        """Note that a request came in, or that its answer went out."""
        if line.at == "received":
            self._received[line.digest] += 1
        if self._file is not None:
            # One write to the page cache: it outlives this process, which is what kill -9 tests need.
            os.write(self._file, msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
