"""Reading what others wrote: every doubt becomes a named warning, and all that can be read is kept.

Fixes W13 (one null reward kills a whole task) for records: nothing in here raises on any content.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple

MOST = 200
"""Warnings that are kept for a task: a file of another kind would give one for each of its lines."""

LARGEST = 2**53 - 1
"""Whole numbers beyond it are damage: JSON readers do not agree on them."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class SourceLocation(NamedTuple):
    """Where something stands in the source."""

    file: str
    line: int | None
    """From 1. None: the file as a whole."""

    @property
    def named(self) -> str:
        """How a warning says it."""
        return self.file if self.line is None else f"{self.file} line {self.line}"


class Warnings:
    """What was missing or broken, and what was done instead; each said once, in the order it was found."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def add(self, place: SourceLocation, problem: str, instead: str) -> None:
        """Name a doubt."""
        self._said.setdefault(f"{place.named}: {problem}; {instead}")

    @property
    def said(self) -> tuple[str, ...]:
        """The first `MOST` of them, and how many more there are."""
        more = len(self._said) - MOST
        return (*islice(self._said, MOST), *([f"{more} more like these are not listed"] if more > 0 else []))


def read_text(data: bytes, place: SourceLocation, warnings: Warnings) -> str:
    """Decode UTF-8, with U+FFFD for what is none, and without a byte order mark."""
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        problem = f"invalid UTF-8 at byte {error.start}"
        warnings.add(place, problem, "U+FFFD stands for what could not be read")
        return data.decode("utf-8", "replace").removeprefix("\ufeff")


def read_object(text: str, place: SourceLocation, warnings: Warnings) -> "Fields | None":
    """Read a JSON object. None: it is none."""
    twice: dict[str, None] = {}

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            count = Counter(key for key, _ in pairs)
            twice.update((key, None) for key, times in count.items() if times > 1)
        return fields

    try:
        value = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        warnings.add(place, f"no JSON ({_short(error)})", "it is left out")
        return None
    if not isinstance(value, dict):
        warnings.add(place, f"{_kind(value)} instead of an object", "it is left out")
        return None
    for key in twice:
        warnings.add(place, f"the key {key[:40]!r} stands twice in an object", "the last one counts")
    return Fields(value, place, warnings)


def read_lines(data: bytes, file: str, warnings: Warnings) -> Iterator["Fields"]:
    """Read JSON objects, one a line; blank lines are no harm."""
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if raw.strip():
            place = SourceLocation(file, number)
            record = read_object(read_text(raw, place, warnings), place, warnings)
            if record is not None:
                yield record


class Fields:
    """A JSON object whose fields are asked for by type. What is null is missing; what has another type is a warning."""

    def __init__(self, value: dict[str, Any], place: SourceLocation, warnings: Warnings) -> None:
        self.value = value
        self.place = place
        self._warnings = warnings

    def warn(self, problem: str, instead: str) -> None:
        """Name a doubt about this object."""
        self._warnings.add(self.place, problem, instead)

    def has(self, key: str) -> bool:
        """Say whether a field is there and not null."""
        return self.value.get(key) is not None

    def text(self, key: str) -> str | None:
        """Give a text that can be written as UTF-8. None: there is none."""
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._other(key, value, "a text")
            return None
        if _SURROGATE.search(value):
            self.warn(f"{key} holds lone surrogates", "U+FFFD stands for each")
            return _SURROGATE.sub("\ufffd", value)
        return value

    def whole(self, key: str) -> int | None:
        """Give a whole number that JSON readers agree on, below 0 or not. None: there is none."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
            self._other(key, value, "a whole number")
            return None
        return value

    def count(self, key: str) -> int | None:
        """Give a whole number that is not below 0. None: there is none."""
        value = self.whole(key)
        if value is not None and value < 0:
            self._other(key, value, "a count")
            return None
        return value

    def number(self, key: str) -> float | None:
        """Give a finite number. None: there is none."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            self._other(key, value, "a finite number")
            return None
        return float(value)

    def flag(self, key: str) -> bool | None:
        """Give true or false. None: neither."""
        value = self.value.get(key)
        if value is None or isinstance(value, bool):
            return value
        self._other(key, value, "true or false")
        return None

    def within(self, key: str) -> "Fields":
        """Give an object; an empty one if there is none."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, dict):
            self._other(key, value, "an object")
        return Fields(value if isinstance(value, dict) else {}, self.place, self._warnings)

    def objects(self, key: str) -> "list[Fields]":
        """Give the objects of a list; empty if there is none."""
        found = []
        for at, item in enumerate(self._list(key)):
            if isinstance(item, dict):
                place = SourceLocation(f"{self.place.file} {key}[{at}]", self.place.line)
                found.append(Fields(item, place, self._warnings))
            else:
                self._other(f"an item of {key}", item, "an object")
        return found

    def texts(self, key: str) -> list[str]:
        """Give the texts of a list, with an empty one for what is none, so that places in the list keep their sense."""
        items = self._list(key)
        return [Fields({key: item}, self.place, self._warnings).text(key) or "" for item in items]

    def _list(self, key: str) -> list[Any]:
        value = self.value.get(key)
        if value is not None and not isinstance(value, list):
            self._other(key, value, "a list")
        return value if isinstance(value, list) else []

    def _other(self, key: str, value: object, wanted: str) -> None:
        self.warn(f"{key} is {_kind(value)} instead of {wanted}", "it counts as missing")


def _finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _kind(value: object) -> str:
    """Name a value without quoting it: it may be secret or long."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value!r}" if isinstance(value, float) or abs(value) <= LARGEST else "a huge number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def _short(error: Exception) -> str:
    """Say what a JSON error is, without the text it is about."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number too long to read"
