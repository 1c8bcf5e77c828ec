"""Words of a Dockerfile as BuildKit reads them: marks of here-documents, flags, quotes, variables. Pure.

Source: ``frontend/dockerfile/parser`` and ``frontend/dockerfile/shell`` of moby/buildkit. White space between ``<<``
and the name is taken since 0.22 (moby/buildkit#5817); behind ``<<-`` it is not (moby/buildkit#6822).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|<<\s*|\s+|.""", re.DOTALL)
"""A quoted text, an escaped sign, what may open a here-document with the white space behind it, white space, a sign."""
_QUOTES: Final = ("'", '"')
_MARK: Final = re.compile(r"\d*<<(-?)(\s*)([^<]*)", re.DOTALL)
_VARIABLE: Final = re.compile(
    r"\\(?P<escaped>\$)|\$(?:(?P<plain>\w+)|\{(?P<name>\w+)"
    r"(?:(?P<how>:?[-+?]|##?|%%?|//?)(?P<text>(?:[^{}]|\{[^{}]*\})*))?\})"
)


class HeredocMarker(NamedTuple):
    """What opens a here-document: ``<<EOF``, ``<< 'EOF'``, ``3<<-EOF``."""

    name: str
    tabs_go: bool
    """Whether its lines lose the tabs at their begin: ``<<-``."""
    expand: bool
    """Whether variables in it are replaced: not when a part of its name is quoted."""
    spaced: bool
    """Whether white space stands before the name."""


class Unbalanced(Exception):
    """Raised when a quote is not closed."""


def marks_in(line: str) -> Iterator[HeredocMarker]:
    """Find the here-documents that a line opens. A line with a quote that is not closed opens none."""
    try:
        words = shell_words(line)
    except Unbalanced:
        return
    yield from (mark for word in words if (mark := mark_of(word)) is not None)


def mark_of(word: str) -> HeredocMarker | None:
    """Read one word of a shell as the mark of a here-document. None: it is none."""
    match = _MARK.fullmatch(word)
    try:
        if match is None or len(shell_words(match[3])) != 1:
            return None
    except Unbalanced:
        return None
    tokens = _TOKEN.findall(match[3])
    return HeredocMarker(unquoted(match[3]), bool(match[1]), not any(map(_is_quoted, tokens)), bool(match[2]))


def shell_words(line: str) -> list[str]:
    """Split a line at white space outside quotes. Quotes and escapes stay; white space behind ``<<`` is of its word.

    Raises:
        Unbalanced: A quote is not closed.
    """
    words = [""]
    for token in _TOKEN.findall(line):
        if token in _QUOTES:
            raise Unbalanced
        if token.isspace():
            words.append("")
        else:
            words[-1] += token
    return [word for word in words if word]


def flags_and_rest(text: str) -> tuple[list[str], str]:
    """Split what stands behind the name of an instruction into its flags, without their quotes, and the rest."""
    flags: list[str] = []
    rest = text.lstrip()
    while rest.startswith("--"):
        word = "".join(_until_space(rest))
        rest = rest[len(word) :].lstrip()
        if word == "--":
            break
        flags.append(unquoted(word))
    return flags, rest


def unquoted(word: str) -> str:
    """Give a word without its quotes and escapes; a quote that is not closed stays."""
    return "".join(map(_bare, _TOKEN.findall(word)))


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$NAME``, ``${NAME}``, ``${NAME:-default}``, ``${NAME:+other}`` as Docker does; unset ones are empty."""
    return _VARIABLE.sub(lambda match: _value(match, variables), text)


def unknown_in(text: str, variables: Mapping[str, str]) -> list[str]:
    """Name the variables of a text whose value is not known here: a base image may set them."""
    found = [match for match in _VARIABLE.finditer(text) if not match["escaped"]]
    return [
        name
        for match in found
        if (name := match["plain"] or match["name"]) not in variables or (match["how"] or "")[:1] in {"#", "%", "/"}
    ]


def _until_space(text: str) -> Iterator[str]:
    for token in _TOKEN.findall(text):
        if token.isspace():
            return
        yield token


def _is_quoted(token: str) -> bool:
    return token.startswith(_QUOTES)


def _bare(token: str) -> str:
    if len(token) > 1 and token.startswith("'"):
        return token[1:-1]
    if len(token) > 1 and token.startswith('"'):
        return re.sub(r'\\(["$\\])', r"\1", token[1:-1])
    return token[1:] if len(token) > 1 and token.startswith("\\") else token


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "$"
    name, how, text = match["plain"] or match["name"], match["how"] or "", match["text"] or ""
    found = variables.get(name)
    there = bool(found) if how.startswith(":") else found is not None
    if how.endswith("-"):
        return (found or "") if there else expand(text, variables)
    if how.endswith("+"):
        return expand(text, variables) if there else ""
    return found or ""
