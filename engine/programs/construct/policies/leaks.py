"""What keeps a blueprint from being a variant: data or answers of the original's, or a result of another kind."""

from collections.abc import Iterator, Sequence
from typing import Final

from engine.programs.construct.blueprint import Blueprint
from engine.programs.construct.briefs import Original, OriginalFile
from engine.programs.construct.variant_texts import (
    expected_in,
    rows_in,
    rows_shared,
    same_program,
    settled,
    texts_in,
)
from engine.proving.answers import SCRIPTS, paths_in
from events.digest import digest_of
from events.types.construction import BlueprintIssue

_ENVIRONMENT: Final = "environment/"
_NO_DATA: Final = frozenset({"Dockerfile", "docker-compose.yaml", "requirements.txt", ".dockerignore"})
"""Files of an environment that say how it is built."""


def leaks_of(blueprint: Blueprint, original: Original, instruction: str) -> tuple[BlueprintIssue, ...]:
    """Compare a variant with its original.

    Args:
        blueprint: After what could be put right was.
        original: What it is a variant of.
        instruction: The original's.
    """
    told = (*_data(blueprint, original), *_answers(blueprint, original), *_output(blueprint, original, instruction))
    return tuple(BlueprintIssue("error", area, message, "rule") for area, message in told)


def _data(blueprint: Blueprint, original: Original) -> Iterator[tuple[str, str]]:
    """Programs may stay, as part of the procedure, unless they write the data."""
    files = [each for each in original.files if _is_data(each)]
    held = {each.digest: each.path for each in files if not each.path.endswith(SCRIPTS)}
    for each in blueprint.support_files:
        path = held.get(digest_of(settled(each.content).encode()))
        if path is not None and each.content.strip():
            yield "support_files", f"{each.relative_path} equals {path} of {original.name}: a variant has new data"
    for area, source in (
        ("data_builder_python", blueprint.data_builder_python),
        ("verifier.test_code", blueprint.verifier.test_code),
    ):
        for text in sorted(texts_in(source)):
            path = held.get(digest_of(text.encode()))
            if path is not None:
                yield area, f"it holds {path} of {original.name}: a variant has new data"
    yield from _rows(blueprint, original.name, files)
    for file in files:
        if file.path.endswith(".py") and same_program(file.text or "", blueprint.data_builder_python):
            yield "data_builder_python", f"it is {file.path} of {original.name}: a variant has new data"


def _rows(blueprint: Blueprint, name: str, files: Sequence[OriginalFile]) -> Iterator[tuple[str, str]]:
    """Find rows of the original's data that come back in another order, or with a few others among them."""
    held = {each.path: (each.digest, rows_in(each.text or "")) for each in files if not each.path.endswith(SCRIPTS)}
    texts = [("support_files", each.relative_path, each.content) for each in blueprint.support_files]
    for area, source in (
        ("data_builder_python", blueprint.data_builder_python),
        ("verifier.test_code", blueprint.verifier.test_code),
    ):
        texts.append((area, "it", "\n".join(sorted(texts_in(source)))))
    for area, where, text in texts:
        for path, (digest, rows) in held.items():
            shared = rows_shared(rows, text)
            if shared and digest_of(settled(text).encode()) != digest:  # what equals it was told already
                what = f"{where} holds {shared} of the {len(rows)} rows of {path} of {name}"
                yield area, f"{what}, in another order or among others: a variant has new data"


def _is_data(file: OriginalFile) -> bool:
    return file.path.startswith(_ENVIRONMENT) and _name(file.path) not in _NO_DATA


def _answers(blueprint: Blueprint, original: Original) -> Iterator[tuple[str, str]]:
    """What tests compute from fresh data is new where the data is; what they hold has to be."""
    code = blueprint.verifier.test_code
    tests = [each for each in original.files if each.path.startswith("tests/")]
    held = {each.digest: each.path for each in tests if not each.path.endswith(SCRIPTS)}
    for text in sorted(texts_in(code)):
        path = held.get(digest_of(text.encode()))
        if path is not None:
            yield "verifier.test_code", f"it expects what {path} of {original.name} holds: a variant has new answers"
    if "fresh_data" in code:
        return
    known = {each for file in tests if file.path.endswith(".py") for each in expected_in(file.text or "")}
    expected = expected_in(code)
    if expected and expected <= known:
        shown = ", ".join(sorted(expected)[:3])[:120]
        yield "verifier.test_code", f"all that it expects, {original.name} expects ({shown}): a variant has new answers"


def _output(blueprint: Blueprint, original: Original, instruction: str) -> Iterator[tuple[str, str]]:
    """The result is a file of the kind that the original's instruction and tests name, as far as they name one."""
    tests = "\n".join(each.text or "" for each in original.files if each.path.startswith("tests/"))
    named = set(paths_in(instruction))
    inputs = {_name(each.path) for each in original.files if _is_data(each)}
    asked = {each for each in named & set(paths_in(tests)) if _name(each) not in inputs}
    kinds = {_kind(each) for each in asked}
    kind = _kind(blueprint.output_path)
    if kinds and kind not in kinds:
        wanted = " or ".join(sorted(each or "no suffix" for each in kinds))
        yield (
            "output_path",
            f"it asks for another kind of output ({kind or 'no suffix'}) than {original.name} ({wanted})",
        )


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _kind(path: str) -> str:
    """Give the suffix of a path, with its dot; empty where it has none."""
    _, dot, suffix = _name(path).rpartition(".")
    return f"{dot}{suffix}".lower() if dot else ""
