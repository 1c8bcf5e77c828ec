"""Which tests are asked about a module: those that import it, and those that are declared to reach it."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.mutants.sampling import MutationAreas, matching

PACKAGES: Final = ("cli.py", "engine", "events", "projections", "replay", "sandbox", "stillroom", "views")
"""Where the product's modules are."""


def imports(source: str, known: Mapping[str, str]) -> set[str]:
    """Give the files that a module imports.

    Args:
        source: Its text.
        known: The file of each module, by dotted name.
    """
    found = set()
    for name in _names(ast.parse(source)):
        if name in known:
            found.add(known[name])
    return found


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (each.name for each in node.names)
            case ast.ImportFrom(module=str(module)):
                yield module
                yield from (f"{module}.{each.name}" for each in node.names)
            case _:
                pass


class TestMap:
    """What imports what, read from the source once."""

    __test__ = False

    def __init__(self, root: Path, plan: MutationAreas) -> None:
        globs = [each if each.endswith(".py") else f"{each}/**/*.py" for each in (*PACKAGES, "tests")]
        files = list(matching(root, globs))
        known = {_dotted(path): path for path in files}
        self._root, self._plan = root, plan
        self._imports = {path: imports((root / path).read_text(encoding="utf-8"), known) for path in files}
        never = set(matching(root, plan.tests.never))
        self._tests = [each for each in files if each.startswith("tests/") and _is_test(each) and each not in never]
        self._closures = {each: self._closure(each) for each in self._tests}
        self._reach = {test: len(self._behind(modules)) for test, modules in self._closures.items()}
        self._importers: defaultdict[str, set[str]] = defaultdict(set)
        for path, imported in self._imports.items():
            for each in imported:
                self._importers[each].add(path)

    def tests_of(self, module: str) -> list[str]:
        """Give the test files to ask about a module: first those that bear its name, then those about the least else.

        A test imports what its own helpers and fixtures import. A module that no test imports is asked about in the
        tests that import its importers, and so on outwards.
        """
        ring, seen = {module}, {module}
        found: set[str] = set()
        while ring and not found:
            found = {test for test, closure in self._closures.items() if closure & ring}
            ring = {each for path in ring for each in self._importers[path] if not each.startswith("tests/")} - seen
            seen |= ring
        found |= set(self._declared(module))
        return sorted(
            found,
            key=lambda test: (
                not _bears_name(test, module), module not in self._imports[test], self._reach[test], test,
            ),
        )  # fmt: skip

    def _declared(self, module: str) -> Iterator[str]:
        for reach in self._plan.tests.reached:
            if module in set(matching(self._root, reach.modules)):
                yield from (each for each in matching(self._root, reach.by) if each in self._closures)

    def _closure(self, test: str) -> set[str]:
        """Give the product's modules that a test, its fixtures and its helpers import."""
        pending = [test, *_conftests(test, self._imports)]
        seen: set[str] = set()
        while pending:
            path = pending.pop()
            if path not in seen:
                seen.add(path)
                pending += [each for each in self._imports[path] if each.startswith("tests/")]
        return {each for path in seen for each in self._imports[path] if not each.startswith("tests/")}

    def _behind(self, modules: Iterable[str]) -> set[str]:
        """Give modules, with all that they import: what imports the command line alone is about everything."""
        pending, seen = list(modules), set[str]()
        while pending:
            path = pending.pop()
            if path not in seen:
                seen.add(path)
                pending += self._imports[path]
        return seen


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_test(path: str) -> bool:
    return Path(path).name.startswith("test_")


def _bears_name(test: str, module: str) -> bool:
    """Whether a test stands where its module does, and is called after it."""
    own = Path(module)
    return Path(test).parent == "tests" / own.parent and Path(test).name.startswith(f"test_{own.stem}")


def _conftests(test: str, files: Iterable[str]) -> list[str]:
    folders = {folder.as_posix() for folder in Path(test).parents}
    return [each for each in files if Path(each).name == "conftest.py" and Path(each).parent.as_posix() in folders]
