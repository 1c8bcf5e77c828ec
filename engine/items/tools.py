"""Tools by which a model looks into a folder of texts: glob, read, grep; pure, and bounded in what they show.

`grep` finds a text, and takes no pattern: a pattern that a model writes may take for ever.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from engine.policies.tool_arguments import NotJson, decoded

T = TypeVar("T")


class ToolLimits(NamedTuple):
    """How much one call shows."""

    paths: int
    """Of `glob`."""
    chars: int
    """Of `read`, and of one line that `grep` shows."""
    hits: int
    """Of `grep`."""


Files: TypeAlias = Mapping[str, str]
"""Texts by path."""


class _Glob(msgspec.Struct, forbid_unknown_fields=True):
    pattern: str


class _Read(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    offset: int = 0


class _Grep(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    path: str = "*"


class ToolResult(NamedTuple):
    """What a call shows."""

    text: str
    ran: bool
    """False: it was not carried out, and the text says why."""


def use_tool(name: str, arguments: str, files: Files, limits: ToolLimits) -> ToolResult:
    """Carry out one call.

    Args:
        name: Of the tool.
        arguments: As the model wrote them.
        files: What there is to look into.
        limits: How much it shows.
    """
    tool = _TOOLS.get(name)
    if tool is None:
        return ToolResult(f"there is no tool {name!r}; there are {', '.join(_TOOLS)}", ran=False)
    value = decoded(arguments)
    if isinstance(value, NotJson):
        return ToolResult(f"the arguments of `{name}` are not JSON ({value.problem})", ran=False)
    try:
        return ToolResult(tool(value, files, limits), ran=True)
    except msgspec.ValidationError as error:
        return ToolResult(f"the arguments of `{name}` are wrong: {error}", ran=False)


def _glob(value: object, files: Files, limits: ToolLimits) -> str:
    asked = msgspec.convert(value, _Glob)
    found = [path for path in files if fnmatchcase(path, asked.pattern)]
    return _listed(found, limits.paths, "paths") if found else f"no path matches {asked.pattern}"


def _read(value: object, files: Files, limits: ToolLimits) -> str:
    asked = msgspec.convert(value, _Read)
    if asked.path not in files:
        return f"there is no file {asked.path}"
    text, start = files[asked.path], max(0, asked.offset)
    shown = text[start : start + limits.chars]
    left = len(text) - start - len(shown)
    if not shown:
        return f"{asked.path} has {len(text)} characters" if text else f"{asked.path} is empty"
    return f"{shown}\n[{left} more characters; go on with offset {start + len(shown)}]" if left > 0 else shown


def _grep(value: object, files: Files, limits: ToolLimits) -> str:
    asked = msgspec.convert(value, _Grep)
    if not asked.text:
        return "the text to find is empty"
    wanted = asked.text.lower()
    found = [
        f"{path}:{number}: {line.strip()[: limits.chars]}"
        for path, text in files.items()
        if fnmatchcase(path, asked.path)
        for number, line in enumerate(text.splitlines(), start=1)
        if wanted in line.lower()
    ]
    return _listed(found, limits.hits, "lines") if found else f"no line holds {asked.text}"


def _listed(found: list[str], most: int, what: str) -> str:
    more = [f"[{len(found) - most} more {what}]"] if len(found) > most else []
    return "\n".join((*found[:most], *more))


_TOOLS: Final[Mapping[str, Callable[[object, Files, ToolLimits], str]]] = {"glob": _glob, "read": _read, "grep": _grep}
