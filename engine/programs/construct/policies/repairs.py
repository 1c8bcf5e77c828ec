"""What of a blueprint is put right without asking anybody: where one way is plainly meant, each with its reason."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from engine.policies.python_source import PythonFault, parse_python
from engine.programs.construct.blueprint import DIFFICULTIES, Blueprint, BlueprintEnvironment, SupportFile, within
from events.types.construction import BlueprintRepair

N = TypeVar("N", int, float)
_STANDARD: Final = frozenset(
    [
        "argparse",
        "array",
        "ast",
        "base64",
        "bisect",
        "calendar",
        "collections",
        "configparser",
        "copy",
        "csv",
        "ctypes",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "glob",
        "gzip",
        "hashlib",
        "heapq",
        "html",
        "io",
        "itertools",
        "json",
        "logging",
        "math",
        "operator",
        "os",
        "pathlib",
        "pickle",
        "random",
        "re",
        "shutil",
        "sqlite3",
        "statistics",
        "string",
        "struct",
        "subprocess",
        "sys",
        "tarfile",
        "tempfile",
        "textwrap",
        "time",
        "typing",
        "unittest",
        "wave",
        "xml",
        "zipfile",
        "zlib",
    ]
)
"""Modules that Python brings itself, whichever runs this."""
_FENCED: Final = re.compile(r"\A\s*```[\w-]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_IMPORT: Final = re.compile(r"(?:import|from)\s")
_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "build_timeout_sec": (60, 3600),
    "cpus": (1, 8),
    "memory_mb": (256, 16384),
    "storage_mb": (512, 51200),
}
LONGEST_LIMIT_S: Final = 3600.0
"""Seconds that a blueprint may give its agent, its tests, or the building of its image."""
_TIMEOUTS: Final = (10.0, LONGEST_LIMIT_S)
Found = Iterator[tuple[Blueprint, BlueprintRepair]]


def repaired(blueprint: Blueprint, name: str, *, allow_internet: bool) -> tuple[Blueprint, tuple[BlueprintRepair, ...]]:
    """Put right what can be; give what was done, in order.

    Args:
        blueprint: As it was proposed.
        name: Of the task, for good.
        allow_internet: Whether tasks may have a network.
    """
    done: list[BlueprintRepair] = []
    for step in (_named, _unfenced, _line_ends, _inside, _worded, _bounded, _packages, _wrapped, _told):
        for after, repair in step(blueprint, name):
            blueprint = after
            done.append(repair)
    if blueprint.environment.allow_internet and not allow_internet:
        blueprint = replace(blueprint, environment=replace(blueprint.environment, allow_internet=False))
        why = "tasks of this run have no network"
        done.append(BlueprintRepair("environment.allow_internet", "true is false now", why))
    return blueprint, tuple(done)


def _named(blueprint: Blueprint, name: str) -> Found:
    if blueprint.task_id != name:
        was = blueprint.task_id or "nothing"
        why = "a task has the name of its prompt spec for good, so that no revision leaves another folder behind"
        yield replace(blueprint, task_id=name), BlueprintRepair("task_id", f"{was[:80]!r} is {name!r} now", why)


def _unfenced(blueprint: Blueprint, name: str) -> Found:
    """Take code out of the fence that a model writes around it."""
    del name
    yield from _code(blueprint, _strip_fence, "the fence around it is gone", "a fence is no Python")


def _line_ends(blueprint: Blueprint, name: str) -> Found:
    del name
    yield from _code(blueprint, _unix, "its lines end in LF alone", "a script with CRLF does not start")


def _strip_fence(text: str) -> str:
    found = _FENCED.match(text)
    return text if found is None else found[1]


def _unix(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _code(blueprint: Blueprint, change: Callable[[str], str], what: str, why: str) -> Found:
    """Change each piece of code that a rule is about."""
    for field in ("data_builder_python", "oracle_python"):
        text = getattr(blueprint, field)
        if change(text) != text:
            blueprint = replace(blueprint, **{field: change(text)})
            yield blueprint, BlueprintRepair(field, what, why)
    text = blueprint.verifier.test_code
    if change(text) != text:
        blueprint = replace(blueprint, verifier=replace(blueprint.verifier, test_code=change(text)))
        yield blueprint, BlueprintRepair("verifier.test_code", what, why)


def _inside(blueprint: Blueprint, name: str) -> Found:
    """Make paths relative that say the working folder in full."""
    del name
    files: list[SupportFile] = list(blueprint.support_files)
    for at, each in enumerate(files):
        path = within(each.relative_path, blueprint.environment.workdir)
        if path != each.relative_path:
            files[at] = replace(each, relative_path=path)
            blueprint = replace(blueprint, support_files=tuple(files))
            change = f"{each.relative_path!r} is {path!r} now"
            yield blueprint, BlueprintRepair("support_files", change, "it is the same file of the working folder")


def _worded(blueprint: Blueprint, name: str) -> Found:
    del name
    word = blueprint.difficulty.strip().lower()
    word = word if word in DIFFICULTIES else "medium"
    if word != blueprint.difficulty:
        why = "a difficulty is easy, medium or hard, and bears on no verdict"
        was = blueprint.difficulty[:40]
        yield replace(blueprint, difficulty=word), BlueprintRepair("difficulty", f"{was!r} is {word!r} now", why)


def _bounded(blueprint: Blueprint, name: str) -> Found:
    """Hold limits within what any machine gives, so that no task is refused for one."""
    del name
    for field, (least, most) in _BOUNDS.items():
        value = getattr(blueprint.environment, field)
        held = _clamp(value, type(value)(least), type(value)(most))
        if held != value:
            place: BlueprintEnvironment = replace(blueprint.environment, **{field: held})
            blueprint = replace(blueprint, environment=place)
            yield blueprint, BlueprintRepair(f"environment.{field}", f"{value} is {held} now", "it is out of bounds")
    given = blueprint.agent_timeout_sec
    if given is not None and _clamp(given, *_TIMEOUTS) != given:
        change = f"{given:g} is {_clamp(given, *_TIMEOUTS):g} now"
        blueprint = replace(blueprint, agent_timeout_sec=_clamp(given, *_TIMEOUTS))
        yield blueprint, BlueprintRepair("agent_timeout_sec", change, "it is out of bounds")
    limit = _clamp(blueprint.verifier.timeout_sec, *_TIMEOUTS)
    if limit != blueprint.verifier.timeout_sec:
        change = f"{blueprint.verifier.timeout_sec:g} is {limit:g} now"
        blueprint = replace(blueprint, verifier=replace(blueprint.verifier, timeout_sec=limit))
        yield blueprint, BlueprintRepair("verifier.timeout_sec", change, "it is out of bounds")


def _clamp(value: N, least: N, most: N) -> N:
    return min(max(value, least), most) if value == value else least  # noqa: PLR0124 - NaN is equal to nothing


def _packages(blueprint: Blueprint, name: str) -> Found:
    """Leave out what Python brings itself, and what stands twice."""
    del name
    kept = _needed(blueprint.environment.pip_packages)
    if kept != blueprint.environment.pip_packages:
        gone = sorted(set(blueprint.environment.pip_packages) - set(kept)) or ["what stands twice"]
        blueprint = replace(blueprint, environment=replace(blueprint.environment, pip_packages=kept))
        change, why = f"left out: {', '.join(gone)}", "Python brings it, or it stands there already"
        yield blueprint, BlueprintRepair("environment.pip_packages", change, why)
    kept = _needed(blueprint.verifier.pip_packages)
    if kept != blueprint.verifier.pip_packages:
        blueprint = replace(blueprint, verifier=replace(blueprint.verifier, pip_packages=kept))
        why = "Python brings it, it stands there already, or tests need no runner of their own"
        yield blueprint, BlueprintRepair("verifier.pip_packages", "left out what is not needed", why)


def _needed(packages: Sequence[str]) -> tuple[str, ...]:
    """Packages that are to be installed; tests run by our own runner, so that none needs pytest."""
    ours = {"pytest", "pytest-json-ctrf"}
    return tuple(dict.fromkeys(each for each in packages if each not in _STANDARD and each not in ours))


def _wrapped(blueprint: Blueprint, name: str) -> Found:
    """Make a test of statements that stand alone: there is one way to mean them."""
    del name
    source = blueprint.verifier.test_code
    tree = parse_python(source)
    if isinstance(tree, PythonFault) or not source.strip():
        return
    if any(getattr(node, "name", "").startswith("test") for node in tree.body):
        return
    lines = source.splitlines()
    head = [line for line in lines if _IMPORT.match(line)]
    body = [f"    {line}" if line.strip() else line for line in lines if not _IMPORT.match(line)]
    if not any(line.strip() for line in body):
        return
    text = "\n".join([*head, "", "", "def test_output():", *body]) + "\n"
    if isinstance(parse_python(text), PythonFault):
        return
    change = "its statements stand in test_output now"
    why = "a verifier runs functions test_…, and it had none"
    after = replace(blueprint, verifier=replace(blueprint.verifier, test_code=text))
    yield after, BlueprintRepair("verifier.test_code", change, why)


def _told(blueprint: Blueprint, name: str) -> Found:
    """Tell the agent where its result belongs, if nothing does."""
    del name
    if blueprint.output_path not in blueprint.instruction_md:
        text = f"{blueprint.instruction_md.rstrip()}\n\nWrite the result to `{blueprint.output_path}`.\n"
        why = "the tests look there, and nobody told the agent"
        yield (
            replace(blueprint, instruction_md=text),
            BlueprintRepair("instruction_md", f"it names {blueprint.output_path} now", why),
        )
