"""Code of a skill that does not parse: fences that never close, Python, JSON, quotes of a shell."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from engine.policies.fences import CodeBlock, code_blocks
from engine.policies.python_source import PythonFault, parse_python
from engine.policies.scan.finding import Severity
from engine.policies.shell_lexer import unfinished

_PYTHON: Final = frozenset({"python", "python3", "py"})
_SHELL: Final = frozenset({"bash", "sh", "zsh"})
_SKETCH: Final = re.compile(r"\.\.\.|…|^[^\S\n]*(?://|#)|<[\w -]+>|\{\{|\[[A-Z][\w /-]+\]", re.MULTILINE)
"""Marks of code that is a sketch, and says so."""


class CodeFault(NamedTuple):
    """A block that does not parse."""

    line: int
    """From 1."""
    severity: Severity
    why: str


def code_faults(text: str) -> Iterator[CodeFault]:
    """Find them, in Markdown whose lines end in LF."""
    for block in code_blocks(text):
        if not block.closed:
            yield CodeFault(block.line, "medium", "a code fence is never closed; the file seems cut short")
        else:
            yield from _faults(block)


def _faults(block: CodeBlock) -> Iterator[CodeFault]:
    language = block.language.strip("{}.")
    if language in _PYTHON and isinstance(fault := parse_python(block.code), PythonFault):
        where = block.line + (fault.line or 0)
        yield CodeFault(where, _severity(block), f"this Python does not parse: {fault.problem}")
    elif language == "json" and not _is_json(block.code):
        yield CodeFault(block.line, _severity(block), "this JSON does not parse")
    elif language in _SHELL and (left := unfinished(block.code)):
        yield CodeFault(block.line, "low", f"these commands leave a {left} open")


def _severity(block: CodeBlock) -> Severity:
    return "low" if _SKETCH.search(block.code) else "medium"


def _is_json(code: str) -> bool:
    try:
        msgspec.json.decode(code)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True
