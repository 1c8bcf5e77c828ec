"""What the tests of a task do, read from their text: nothing is run, and what cannot be read for sure is not said."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import yaml

from engine.policies.python_source import called_name
from projections.verifier_groups import is_hidden
from sandbox.harbor.yaml_tree import read_yaml

VerifierKind: TypeAlias = Literal["rubric", "groups", "count", "other"]
"""rubric: weights of dimensions. groups: one weight for each group. count: passed by total. other: anything else."""
OUTCOME: Final = "test_outcome.py"
PROCESS: Final = "test_process.py"
SCORE: Final = "score.py"
RUBRIC: Final = "rubric.yaml"
SCRIPT: Final = "test.sh"
_SIDES: Final = (OUTCOME, PROCESS)
_SECTIONS: Final = ("public", "hidden")
_RUNTIME: Final = "verifier_lib"
_JAVASCRIPT_TEST: Final = re.compile(r"""["'`](test_(?:outcome|process)\.py::[^"'`]+)["'`]""")
_JAVASCRIPT_RUBRIC: Final = re.compile(r"\brubric\s*=\s*\[", re.IGNORECASE)
_COMMENT: Final = re.compile(r"//[^\n]*")
_COUNTS: Final = re.compile(r"round\([^\n]*/[^\n]*,\s*4\s*\)")
_ROUNDS: Final = re.compile(r"round\(\s*(?:weight\s*\*\s*ratio|100(?:\.0)?\s*/\s*len\(\w+\))\s*,\s*2\s*\)")
_LIFTS: Final = re.compile(r"\btotal(?:_score)?\s*=\s*max(?:imum|_score)\b")
_FULL: Final = 100.0


class RubricRow(NamedTuple):
    """A dimension of a rubric, as it is written."""

    name: str
    weight: float
    patterns: tuple[str, ...]
    """Parts of the ids of its tests, in any case."""


class VerifierSource(NamedTuple):
    """What the tests of a task do."""

    kind: VerifierKind
    tests: tuple[str, ...]
    """Ids of tests that are run, such as ``test_outcome.py::TestPublic::test_a``; of groups, names of checks."""
    rubric: tuple[RubricRow, ...]
    """Dimensions that count. Empty: there are none, or they cannot be read."""
    groups: tuple[str, ...] | None
    """Groups that have checks. None: the kind has none, or they cannot be read."""
    rounds: bool
    """Whether shares of groups are rounded before they are added up, and a full score is not made full again."""
    idle_rubric: tuple[RubricRow, ...] | None
    """Of a ``rubric.yaml`` that nothing reads. None: there is none."""
    not_run: tuple[str, ...]
    """Tests that the runner does not find."""


def read_verifier(files: Mapping[str, str]) -> VerifierSource:
    """Read the tests of a task.

    Args:
        files: Texts below ``tests``, by path.
    """
    script = files.get(SCRIPT, "")
    modules = {name: _parsed(files.get(name, "")) for name in _SIDES}
    kind = _kind(files, script)
    texts = [text for name, text in files.items() if name not in _SIDES]
    javascript = kind == "rubric" and _is_javascript(script)
    rows = _javascript_rubric(script) if javascript else _python_rubric(_parsed(files.get(SCORE, "")))
    used = any(RUBRIC in text for text in texts)
    table = _yaml_rubric(files[RUBRIC]) if RUBRIC in files else None
    return VerifierSource(
        kind=kind,
        tests=tuple(_tests(kind, script if javascript else None, modules)),
        rubric=rows if kind == "rubric" else table or () if used else (),
        groups=_groups(modules) if kind == "groups" else None,
        rounds=any(_ROUNDS.search(text) for text in texts) and not any(_LIFTS.search(text) for text in texts),
        idle_rubric=None if used else table,
        not_run=tuple(_not_run(modules)) if kind == "count" else (),
    )


def _kind(files: Mapping[str, str], script: str) -> VerifierKind:
    if any(name.startswith(f"{_RUNTIME}/") for name in files):
        return "groups"
    if any(f"{_RUNTIME}.runtime" in files.get(name, "") for name in _SIDES):
        return "groups"
    if SCORE in files or _is_javascript(script):
        return "rubric"
    return "count" if any(_COUNTS.search(text) for text in files.values()) else "other"


def _is_javascript(script: str) -> bool:
    return _JAVASCRIPT_RUBRIC.search(script) is not None and _JAVASCRIPT_TEST.search(script) is not None


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


def _tests(kind: VerifierKind, script: str | None, modules: Mapping[str, ast.Module]) -> Iterator[str]:
    if script is not None:
        found = dict.fromkeys(_JAVASCRIPT_TEST.findall(script))
        yield from (node for node in found if node.rpartition("::")[2].startswith("test_"))
        return
    for file, module in modules.items():
        checks = list(_checks(module)) if kind == "groups" else []
        yield from checks or _pytest_ids(file, module, classes_only=kind == "count")


def _pytest_ids(file: str, module: ast.Module, *, classes_only: bool) -> Iterator[str]:
    classes = {each.name: each for each in module.body if isinstance(each, ast.ClassDef)}
    for each in module.body:
        if isinstance(each, ast.ClassDef) and each.name.startswith("Test"):
            yield from (f"{file}::{each.name}::{name}" for name in _methods(each, classes))
        elif not classes_only and (name := _test_name(each)) is not None:
            yield f"{file}::{name}"


def _methods(kind: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> list[str]:
    """Name the tests of a class, and of those in the same file that it is made from."""
    own = [name for name in map(_test_name, kind.body) if name is not None]
    bases = [classes[base.id] for base in kind.bases if isinstance(base, ast.Name) and base.id in classes]
    inherited = [name for base in bases if base is not kind for name in _methods(base, classes)]
    return list(dict.fromkeys([*inherited, *own]))


def _test_name(node: ast.stmt) -> str | None:
    """Name a function that is a test. None: it is none."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    return node.name if node.name.startswith("test") else None


def _not_run(modules: Mapping[str, ast.Module]) -> Iterator[str]:
    """Name tests outside classes: the runner that counts looks into classes only."""
    for file, module in modules.items():
        yield from (f"{file}::{name}" for name in map(_test_name, module.body) if name is not None)


def _lists(module: ast.Module) -> dict[str, ast.List | ast.Tuple]:
    """Find names that are set to a list once, anywhere in a module."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    once = {name: values[0] for name, values in found.items() if len(values) == 1}
    return {name: value for name, value in once.items() if isinstance(value, ast.List | ast.Tuple)}


def _sections(module: ast.Module) -> Iterator[tuple[str, ast.List | ast.Tuple | None]]:
    """Give each call of ``run_checks``: its section, and its checks where they can be read."""
    lists = _lists(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and called_name(node) == "run_checks" and node.args:
            section, checks = node.args[0], node.args[1] if len(node.args) > 1 else None
            if isinstance(checks, ast.Name):
                checks = lists.get(checks.id)
            if isinstance(section, ast.Constant) and isinstance(section.value, str):
                yield section.value, checks if isinstance(checks, ast.List | ast.Tuple) else None


def _groups(modules: Mapping[str, ast.Module]) -> tuple[str, ...] | None:
    found: list[str] = []
    for file, module in modules.items():
        side = file.removeprefix("test_").removesuffix(".py")
        sections = list(_sections(module))
        if not sections:
            nodes = _pytest_ids(file, module, classes_only=False)
            found += [f"{side} {'hidden' if is_hidden(node) else 'public'}" for node in nodes]
        for section, checks in sections:
            if checks is None or section not in _SECTIONS:
                return None
            if checks.elts:
                found.append(f"{side} {section}")
    return tuple(dict.fromkeys(found)) or None


def _checks(module: ast.Module) -> Iterator[str]:
    for _, checks in _sections(module):
        for each in checks.elts if checks is not None else ():
            name = each.elts[0] if isinstance(each, ast.Tuple | ast.List) and each.elts else each
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _python_rubric(module: ast.Module) -> tuple[RubricRow, ...]:
    """Read ``RUBRIC = [...]`` of ``score.py``: calls, mappings or rows. Empty: it is written otherwise."""
    for name, rows in _lists(module).items():
        if "rubric" in name.lower() or "dimension" in name.lower():
            found = [_row(each) for each in rows.elts]
            whole = tuple(each for each in found if each is not None)
            return whole if len(whole) == len(found) else ()
    return ()


def _row(node: ast.expr) -> RubricRow | None:
    try:
        match node:
            case ast.Call(args=args, keywords=words):
                named = {each.arg: ast.literal_eval(each.value) for each in words if each.arg is not None}
                return _made([ast.literal_eval(each) for each in args], named)
            case ast.Tuple() | ast.List():
                return _made(ast.literal_eval(node), {})
            case ast.Dict():
                return _made((), ast.literal_eval(node))
            case _:
                return None
    except (ValueError, TypeError, SyntaxError):
        return None


def _made(values: Sequence[Any], named: Mapping[Any, Any]) -> RubricRow | None:
    """Make a row of values in the usual order, or by the usual names."""
    name = values[0] if values else named.get("name", named.get("dimension"))
    weight = values[1] if len(values) > 1 else named.get("weight")
    listed = values[2:3] or [named[key] for key in ("test_ids", "tests", "patterns", "test_patterns") if key in named]
    patterns = listed[0] if listed else ()
    if isinstance(patterns, str):
        patterns = (patterns,)
    if not isinstance(weight, int | float) or not isinstance(patterns, list | tuple):
        return None
    return RubricRow(str(name), float(weight), tuple(map(str, patterns)))


def _javascript_rubric(script: str) -> tuple[RubricRow, ...]:
    """Read ``const rubric = [[...], ...];``, whose rows read as Python's do."""
    start = _JAVASCRIPT_RUBRIC.search(script)
    end = script.find("];", 0 if start is None else start.end())
    if start is None or end < 0:
        return ()
    text = _COMMENT.sub("", script[start.end() - 1 : end + 1])
    try:
        found = [_made(row, {}) for row in ast.literal_eval(text)]
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return ()
    whole = tuple(each for each in found if each is not None)
    return whole if len(whole) == len(found) else ()


def _yaml_rubric(text: str) -> tuple[RubricRow, ...]:
    try:
        found = read_yaml(text)
    except yaml.YAMLError:
        return ()
    keys = [key for key in ("scoring", "dimensions") if isinstance(found, dict) and key in found]
    rows = found[keys[0]] if isinstance(found, dict) and keys else found
    made = [_made((), row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return tuple(each for each in made if each is not None)


def matched(row: RubricRow, tests: Sequence[str]) -> list[str]:
    """Give the tests that a dimension counts: whose id holds one of its patterns, in any case."""
    wanted = [each.lower() for each in row.patterns]
    return [test for test in tests if any(each in test.lower() for each in wanted)]


def most_of_groups(groups: int) -> float:
    """Give the highest score of equal groups whose shares are rounded to two digits each: 99.99 of three."""
    share = round(_FULL / groups, 10)
    return round(sum(round(share, 2) for _ in range(groups)), 2)
