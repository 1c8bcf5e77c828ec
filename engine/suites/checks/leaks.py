"""Answers in the agent's reach: what tests compare with and an image holds. What a build does not see is not in it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from engine.suites.checks.finding import SuiteFinding

_NAMED: Final = re.compile(
    r"(?:^|[^a-z])(hidden|ground[_-]?truth|expected|answers?|answer[_-]?key|golden|solutions?)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_ANSWER_KEY: Final = re.compile(r"^(expected|answer|correct|ground_?truth|gold)", re.IGNORECASE)
_LEAST_BYTES: Final = 16
"""Of a file that two folders hold by more than chance."""
_LEAST_VALUE: Final = 4
"""Characters of JSON of a value that two files hold by more than chance."""
_encoder: Final = msgspec.json.Encoder(order="deterministic")


def leak_findings(
    task: str, image: Mapping[str, bytes], tests: Mapping[str, bytes], solution: Mapping[str, bytes]
) -> Iterator[SuiteFinding]:
    """Find what tests or the solution know and the agent finds beside its task.

    Args:
        task: Its folder, relative to the suite's.
        image: Files that its image is made of, by path below ``environment``.
        tests: Files below ``tests``.
        solution: Files below ``solution``.
    """
    yield from _named(task, image)
    yield from _same(task, image, tests, solution)
    yield from _values(task, image, tests)


def _named(task: str, image: Mapping[str, bytes]) -> Iterator[SuiteFinding]:
    for path in sorted(image):
        found = _NAMED.search(path)
        if found is not None:
            what = f"is called {found[1].lower()}, and lies in the agent's image"
            remedy = "move it to tests/, or rename it if the agent is to have it"
            yield SuiteFinding("answers-in-image", "warning", f"{task}/environment/{path}", what, remedy)


def _same(
    task: str, image: Mapping[str, bytes], tests: Mapping[str, bytes], solution: Mapping[str, bytes]
) -> Iterator[SuiteFinding]:
    """Find files that are in both: a copy of an input is fine, one of what is expected is not."""
    known = {
        data: f"{folder}/{path}"
        for folder, files in (("tests", tests), ("solution", solution))
        for path, data in sorted(files.items())
        if len(data) >= _LEAST_BYTES and (folder == "solution" or _NAMED.search(path))
    }
    for path, data in sorted(image.items()):
        if data in known:
            what = f"is the same as {known[data]}, and lies in the agent's image"
            remedy = "take it out of environment/"
            yield SuiteFinding("answers-in-image", "error", f"{task}/environment/{path}", what, remedy)


def _values(task: str, image: Mapping[str, bytes], tests: Mapping[str, bytes]) -> Iterator[SuiteFinding]:
    """Find values that tests expect by name, and that a file of the image holds by the same name."""
    expected = {pair: path for path, data in sorted(tests.items()) for pair in _answers(path, data)}
    for path, data in sorted(image.items()):
        shared = [pair for pair in _answers(path, data) if pair in expected]
        if shared:
            keys = ", ".join(sorted({key for key, _ in shared}))
            what = f"holds {keys} as tests/{expected[shared[0]]} expects it"
            remedy = "take the values out of environment/"
            yield SuiteFinding("answers-in-image", "error", f"{task}/environment/{path}", what, remedy)


def _answers(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Give what a JSON file says is expected, by key and canonical value."""
    if not path.endswith(".json"):
        return
    try:
        found = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    for key, value in _pairs(found):
        written = _encoder.encode(value)
        if _ANSWER_KEY.match(key) and len(written) >= _LEAST_VALUE and written not in {b"null", b"true", b"false"}:
            yield key, written


def _pairs(found: Any) -> Iterator[tuple[str, Any]]:
    match found:
        case dict():
            for key, value in found.items():
                yield str(key), value
                yield from _pairs(value)
        case list():
            for each in found:
                yield from _pairs(each)
        case _:
            pass
