"""Every snippet of the docs is real: a command that exists, a spec that is taken, code whose imports are there."""

import ast
import importlib
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

import cli
from engine.config.resolve import Inputs, gather
from engine.scripted.reader import parse_script
from tests.docs.snippets import Snippet, TypedCommand, pages, snippets, spaced, typed, unprinted

LANGUAGES: Final = frozenset(
    {"console", "sh", "usage", "toml", "python", "pycon", "json", "jsonl", "sql", "yaml", "text"}
)
"""``usage`` is a command with its choices in brackets; ``text`` is a picture, a folder, or what a command prints.
Sessions of ``pycon`` are held by the tests of what they show.
"""
ALL: Final = [each for page in pages() for each in snippets(page)]
EXTRA: Final = frozenset({"pandas", "duckdb", "pyarrow"})
"""Packages of readers, which are not installed everywhere."""
MACHINE: Final = {"AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com"}
"""Variables that a spec of the docs takes as set."""
MINE: Final = "mine"
"""The package that a page has its reader write."""


def _of(*languages: str) -> list[Any]:
    return [pytest.param(each, id=str(each)) for each in ALL if each.language in languages]


def test_every_block_says_what_it_is() -> None:
    """So that a block without a rule below cannot come in."""
    assert [str(each) for each in ALL if each.language not in LANGUAGES] == []


@pytest.mark.parametrize("snippet", _of("console", "sh", "usage"))
def test_a_command_of_the_docs_can_be_typed(snippet: Snippet) -> None:
    """It is one of ours, and takes the flags and the arguments that it is shown with."""
    found = list(typed(snippet))
    for each in found:
        cli.app.parse_args(list(each.words), print_error=False, exit_on_error=False)
    assert found or not re.search(r"(?<![\w.])stillroom\s", snippet.text), "a command was overlooked"


@pytest.mark.parametrize("snippet", _of("toml"))
def test_a_table_of_the_docs_is_taken(snippet: Snippet, tmp_path: Path) -> None:
    """As settings of a run, as a script, or as entry points whose names are those that plugins register."""
    table = tomllib.loads(snippet.text)
    if "project" in table:
        groups = table["project"]["entry-points"]
        assert set(groups) <= _groups(), groups
    elif "rule" in table:
        parse_script(snippet.text, str(snippet))
    else:
        path = tmp_path / "spec.toml"
        path.write_text(snippet.text)
        gather(Inputs(tmp_path, run_file=path, environment=MACHINE))


def _groups() -> set[str]:
    root = Path(cli.__file__).parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return {*project["project"]["entry-points"]}


@pytest.mark.parametrize("snippet", _of("python"))
def test_the_imports_of_a_snippet_are_there(snippet: Snippet) -> None:
    """And the code has no error of syntax: what it does is run beside the page that shows it."""
    for node in ast.walk(ast.parse(_awaitable(snippet.text))):
        for module, names in _imported(node):
            if module.partition(".")[0] == MINE:
                continue
            found = pytest.importorskip(module) if module in EXTRA else importlib.import_module(module)
            assert [name for name in names if not (hasattr(found, name) or find_spec(f"{module}.{name}"))] == []


def _awaitable(text: str) -> str:
    """Let a snippet await at its top, as readers take it."""
    return "async def snippet():\n" + "".join(f"    {line}\n" for line in text.splitlines())


def _imported(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    match node:
        case ast.Import(names=names):
            yield from ((each.name, []) for each in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield module, [each.name for each in names]
        case _:
            pass


@pytest.mark.parametrize("snippet", _of("json", "jsonl"))
def test_an_example_of_json_is_json(snippet: Snippet) -> None:
    """A row a line, where the block says so."""
    for text in snippet.text.splitlines() if snippet.language == "jsonl" else [snippet.text]:
        json.loads(text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("$ stillroom runs && stillroom show RUN", [("runs",), ("show", "RUN")]),
        ("$ export KEY=1; .venv/bin/stillroom resume  # a remark", [("resume",)]),
        ("$ stillroom log tail RUN | grep skill", [("log", "tail", "RUN")]),
        ("$ sqlite3 .stillroom/log.db 'select 1'", []),
    ],
)
def test_what_is_typed_is_found_in_a_line(line: str, words: list[tuple[str, ...]]) -> None:
    """The rules by which the tests above find commands."""
    assert [each.words for each in typed(Snippet("page", 1, "console", line + "\nshown\n"))] == words
    assert [each.words for each in typed(Snippet("page", 1, "sh", line.removeprefix("$ ")))] == words


def test_a_usage_line_is_typed_with_all_its_choices() -> None:
    """Brackets and dots fall away; what stands in them is looked up like the rest."""
    line = Snippet("page", 1, "usage", "stillroom replay [RUN…] [--all] --set KEY=VALUE … [-o FILE]\n")
    (found,) = typed(line)
    assert found == TypedCommand(("replay", "RUN", "--all", "--set", "KEY=VALUE", "-o", "FILE"))
    assert not re.search(r"[\[\]…]", " ".join(found.words))


@pytest.mark.parametrize(
    ("shown", "missing"),
    [(("a b", "c…"), None), (("c d", "a b"), "a b"), (("a  b",), None), (("b",), "b"), ((), None)],
    ids=["in order", "out of order", "spaces", "not at the beginning", "nothing"],
)
def test_a_line_that_is_not_printed_is_found(shown: tuple[str, ...], missing: str | None) -> None:
    """Lines are the beginnings of printed ones, in their order; the first that is not is named."""
    assert unprinted(shown, "a   b tail\nc d\n", spaced) == missing


def test_what_a_command_is_written_into_is_no_word_of_it() -> None:
    """A seal that the page keeps in a file, anew or at its end."""
    found = [
        each for sign in (">", ">>") for each in typed(Snippet("page", 1, "sh", f"stillroom log seal {sign} seal\n"))
    ]
    assert found == [TypedCommand(("log", "seal"), into="seal")] * 2
