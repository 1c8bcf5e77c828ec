"""What rules find wrong with a blueprint. Each finding is an error: a task that has it is not published."""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final

from engine.policies.python_source import PythonFault, parse_python
from engine.programs.construct.blueprint import Blueprint
from engine.proving.answers import is_telling, paths_in
from events.types.construction import BlueprintIssue

_UNSTEADY: Final = re.compile(
    r"\b(?:time\.time|datetime\.(?:now|utcnow|today)|date\.today|os\.urandom|uuid\.uuid[14]|secrets\.\w+"
    r"|random\.SystemRandom)\s*\("
)
_DRAWS: Final = re.compile(r"\brandom\.(?!seed\b|Random\b|SystemRandom\b)\w+\s*\(")
_SEEDED: Final = re.compile(r"random\.(?:seed|Random)\s*\(\s*[^)\s]|default_rng\(\s*[^)\s]")
_NETWORK: Final = re.compile(
    r"^[ \t]*(?:import|from)\s+(?:urllib\.request|requests|httpx|aiohttp|socket|ftplib|http\.client)\b|"
    r"\b(?:pip|curl|wget|apt-get)\s+(?:install|http)",
    re.MULTILINE,
)
_SECRET: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:sk|ghp|gho|xox[bp])[-_][A-Za-z0-9_-]{16,}|\bAKIA[0-9A-Z]{16}\b"
)
_MOST_LOST: Final = 10
"""Files of the description that are looked for."""
_REWARD: Final = "/logs/verifier"


def issues_of(blueprint: Blueprint, said: str) -> tuple[BlueprintIssue, ...]:
    """Look through a blueprint.

    Args:
        blueprint: After what could be put right was.
        said: All that its prompt spec says.
    """
    told = (*_code(blueprint), *_path(blueprint), *_quotes(blueprint, said), *_hidden(blueprint), *_steady(blueprint))
    told = (*told, *_closed(blueprint), *_secrets(blueprint))
    return tuple(BlueprintIssue("error", area, message, "rule") for area, message in told)


def paths_lost(blueprint: Blueprint, prompt: str) -> tuple[BlueprintIssue, ...]:
    """Find files that the description names and the agent is not told of: then it is another task.

    Args:
        blueprint: After what could be put right was.
        prompt: Of the prompt spec.
    """
    named = [each for each in paths_in(prompt) if "." in each.rpartition("/")[2]]
    return tuple(
        BlueprintIssue("error", "instruction_md", f"it does not name {each[:200]}, as the description does", "rule")
        for each in named[:_MOST_LOST]
        if each not in blueprint.instruction_md
    )


def _parts(blueprint: Blueprint) -> Sequence[tuple[str, str]]:
    return (
        ("data_builder_python", blueprint.data_builder_python),
        ("oracle_python", blueprint.oracle_python),
        ("verifier.test_code", blueprint.verifier.test_code),
    )


def _code(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """All of it has to be Python, the tests included (SPARK compiles all but those)."""
    for area, source in _parts(blueprint):
        tree = parse_python(source)
        if isinstance(tree, PythonFault):
            yield area, f"it is no Python: {tree.problem} (line {tree.line})"
    tree = parse_python(blueprint.verifier.test_code)
    if isinstance(tree, PythonFault):
        return
    tests = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test")]
    if not tests:
        yield "verifier.test_code", "it has no function test_…"
    for each in tests:
        if each.args.args or each.args.posonlyargs or each.args.kwonlyargs:
            yield "verifier.test_code", f"{each.name} takes parameters, and nobody gives any"


def _path(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """Instruction, solution and tests have to mean one file."""
    tests = ("verifier.test_code", blueprint.verifier.test_code)
    for area, text in (("oracle_python", blueprint.oracle_python), tests):
        if blueprint.output_path not in text:
            yield area, f"it does not name output_path {blueprint.output_path}"


def _quotes(blueprint: Blueprint, said: str) -> Iterator[tuple[str, str]]:
    """Evidence may quote the prompt spec alone, word for word."""
    whole = _plain(said)
    for each in blueprint.evidence:
        if each.source_type != "prompt" or _plain(each.quote) not in whole:
            yield "evidence", f"this is no quote of the prompt spec: {each.quote[:120]!r}"


def _plain(text: str) -> str:
    return " ".join(text.replace("\\", "").split())


def _hidden(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """Expected results must not lie in the agent's image, where it can read and write them."""
    told = {blueprint.output_path, blueprint.environment.workdir, *paths_in(blueprint.instruction_md)}
    for path in paths_in(blueprint.verifier.test_code):
        if path not in told and is_telling(path):
            where = "which would lie where the agent can read it; compute what is right from fresh data"
            yield "verifier.test_code", f"it reads {path}, {where}"
    for each in blueprint.support_files:
        if is_telling(each.relative_path) and each.relative_path not in blueprint.instruction_md:
            yield "support_files", f"{each.relative_path} looks like an expected result, and the agent can read it"
    if _REWARD in blueprint.oracle_python:
        yield "oracle_python", "it touches the verifier's folder"
    if _REWARD in blueprint.verifier.test_code:
        yield "verifier.test_code", "the reward is written for it: it only asserts"


def _steady(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """Data and verdicts have to come out the same each time."""
    for area, source in _parts(blueprint):
        found = _UNSTEADY.search(source)
        if found is not None:
            yield area, f"{found[0]}…) is another each time"
        if area != "oracle_python" and _DRAWS.search(source) and not _SEEDED.search(source):
            yield area, "it draws at random without a seed"


def _closed(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    if blueprint.environment.allow_internet:
        return
    for area, source in _parts(blueprint):
        found = _NETWORK.search(source)
        if found is not None:
            yield area, f"it needs a network, and the task has none: {found[0].strip()}"


def _secrets(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    texts = [*_parts(blueprint), ("instruction_md", blueprint.instruction_md)]
    texts += [("support_files", each.content) for each in blueprint.support_files]
    for area, text in texts:
        if _SECRET.search(text):
            yield area, "it holds what looks like a secret"
