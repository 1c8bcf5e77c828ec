"""Which files a Dockerfile wants of its build context, and which of them are not there. Runs nothing."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from sandbox.harbor.build_context import BuildContext, is_pattern
from sandbox.harbor.dockerfile.parser import Dockerfile, Instruction
from sandbox.harbor.dockerfile.words import Unbalanced, expand, mark_of, shell_words, unknown_in, unquoted

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_REMOTE: Final = ("http://", "https://", "git://", "ssh://", "git@")


class Absent(NamedTuple):
    """A source that a build does not find."""

    line: int
    source: str
    """As written."""
    why: str
    remedy: str


class _Stage:
    """What is known of the variables at a place in a Dockerfile. What a base image sets is not."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.variables = dict(known)

    def take(self, each: Instruction, given: Mapping[str, str], before: Mapping[str, str]) -> None:
        """Remember what an ``ARG`` or ``ENV`` says; what it does not say for certain is not known any more."""
        for name, text in assigned(each):
            value = given.get(name, text) if each.word == "ARG" else text
            value = before.get(name) if value is None else value
            if value is None or unknown_in(value, self.variables):
                self.variables.pop(name, None)
            else:
                self.variables[name] = expand(value, self.variables)


def absent_sources(
    dockerfile: Dockerfile, context: BuildContext, args: Mapping[str, str] = _NOTHING
) -> Iterator[Absent]:
    """Name the sources of ``COPY``, ``ADD`` and ``RUN --mount`` that are not in the context, in every stage.

    One whose path depends on a variable of the base image is passed over: it is not known here.

    Args:
        dockerfile: Whose.
        context: What it is built from.
        args: Build arguments that it is given.
    """
    before: Mapping[str, str] | None = None
    stages: dict[str, Mapping[str, str]] = {}
    stage, name = _Stage({}), ""
    for each in dockerfile.instructions:
        if each.word == "FROM":
            before = stage.variables if before is None else before
            stages[name] = stage.variables
            base, name = _names(each)
            stage = _Stage(stages.get(base, {}) if base else {})
        elif each.word in {"ARG", "ENV"}:
            stage.take(each, args, before or {})
        else:
            yield from _absent(each, context, stage.variables)


def sources_and_target(each: Instruction) -> tuple[tuple[str, ...], str]:
    """Give the words of a ``COPY`` or ``ADD`` as they stand; the target is empty where there is none."""
    words = each.exec_form or tuple(each.value.split())
    return (tuple(words[:-1]), words[-1]) if len(words) > 1 else (tuple(words), "")


def is_remote(source: str) -> bool:
    """Say whether a source is fetched from elsewhere."""
    return source.startswith(_REMOTE)


def assigned(each: Instruction) -> Iterator[tuple[str, str | None]]:
    """Read what an ``ARG`` or ``ENV`` sets: names with values, quotes removed. None: a name alone."""
    try:
        words = shell_words(each.value)
    except Unbalanced:
        return
    if each.word == "ENV" and words and "=" not in words[0]:
        yield words[0], each.value.partition(words[0])[2].strip()
        return
    for word in words:
        name, sign, value = word.partition("=")
        yield name, unquoted(value) if sign else None


def _names(each: Instruction) -> tuple[str, str]:
    """Give the base of a stage and its name, both in lower case as BuildKit compares them."""
    words = [*each.value.lower().split(), "", "", ""]
    return words[0], words[2] if words[1] == "as" else ""


def _absent(each: Instruction, context: BuildContext, variables: Mapping[str, str]) -> Iterator[Absent]:
    if each.word == "RUN":
        yield from _mounted(each, context, variables)
    if each.word not in {"COPY", "ADD"}:
        return
    sources, target = sources_and_target(each)
    if not target:
        yield Absent(each.line, each.value, f"{each.word} names no target", "write the source, then the target")
    elif "from" not in each.flags:
        spaced = [word for word in sources if word.strip("0123456789-") == "<<"]
        if spaced:
            remedy = f"write it as one word: {spaced[0]}{each.heredocs[0].name if each.heredocs else 'EOF'}"
            yield Absent(each.line, spaced[0], f"{each.word} takes no space in a here-document's mark", remedy)
            return
        for source in sources:
            if mark_of(source) is None:
                yield from _source(each, source, context, variables)


def _source(each: Instruction, source: str, context: BuildContext, variables: Mapping[str, str]) -> Iterator[Absent]:
    if unknown_in(source, variables):
        return
    word = expand(source, variables)
    path = word if each.exec_form else unquoted(word)
    if is_remote(path):
        if each.word == "COPY":
            yield Absent(each.line, source, "COPY fetches nothing", "write ADD, or have RUN fetch it")
        return
    if "parents" in each.flags:
        path = path.replace("/./", "/")
    if not is_pattern(path) and not context.found(path):
        yield _not_there(each.line, source, path, context)


def _mounted(each: Instruction, context: BuildContext, variables: Mapping[str, str]) -> Iterator[Absent]:
    for mount in each.flags.get("mount", ()):
        fields = dict(field.partition("=")[::2] for field in mount.split(","))
        source = fields.get("source", fields.get("src", ""))
        if fields.get("type", "bind") != "bind" or fields.get("from") or unknown_in(source, variables):
            continue
        path = expand(source, variables)
        if not context.found(path):
            yield _not_there(each.line, source, path, context)


def _not_there(line: int, source: str, path: str, context: BuildContext) -> Absent:
    if context.is_ignored(path):
        return Absent(line, source, "is left out by .dockerignore", "bring it back with a line !" + path.strip("/"))
    return Absent(line, source, "is not there", "add it")
