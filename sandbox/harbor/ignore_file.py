"""``.dockerignore``: what a build does not see; source: moby/patternmatcher. Pure."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final, NamedTuple

_GLOB: Final = re.compile(r"\\.|\[\^?\]?[^\]]*\]|\*\*/?|\*|\?|.", re.DOTALL)


class _Rule(NamedTuple):
    """One line of an ignore file."""

    pattern: re.Pattern[str]
    ignores: bool
    """False: the line begins with ``!``, and brings back what lines before it left out."""


class IgnoreRules:
    """The lines of an ignore file; the last one that matches a path, or a folder above it, decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = tuple(_rules(lines))

    def ignores(self, path: str) -> bool:
        """Say whether a path is left out, by itself or with a folder above it."""
        ignored = False
        above = (path, *(str(each) for each in PurePosixPath(path).parents if str(each) != "."))
        for rule in self._rules:
            if rule.ignores != ignored and any(rule.pattern.fullmatch(each) for each in above):
                ignored = rule.ignores
        return ignored


def clean(path: str) -> str:
    """Give the path in a context that a source or a pattern names: the context is the root, also of ``../x``."""
    return posixpath.normpath(posixpath.join("/", path)).lstrip("/") or "."


def glob_pattern(pattern: str, *, deep: bool) -> re.Pattern[str]:
    """Translate a pattern of an ignore file or of a source.

    Args:
        pattern: Without a leading slash.
        deep: Whether ``**`` stands for any number of folders; else it is no more than ``*``.
    """
    tokens = _GLOB.findall(pattern)
    parts = [_token(token, deep=deep, last=place == len(tokens)) for place, token in enumerate(tokens, start=1)]
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def _token(token: str, *, deep: bool, last: bool) -> str:
    match token[0], token:
        case "*", "**" | "**/" if deep:
            return ".*" if last else "(?:.*/)?"
        case "*", _:
            return "[^/]*" + token.lstrip("*")
        case "?", _:
            return "[^/]"
        case "[", _ if len(token) > 1:
            return f"(?!/){token}"
        case "\\", _ if len(token) > 1:
            return re.escape(token[1])
        case _:
            return re.escape(token)


def _rules(lines: Iterable[str]) -> Iterator[_Rule]:
    for line in lines:
        text = line.strip()
        if line.startswith("#") or not text:
            continue
        ignores = not text.startswith("!")
        path = clean(text.removeprefix("!").strip())
        if path != ".":
            yield _Rule(glob_pattern(path, deep=True), ignores)
