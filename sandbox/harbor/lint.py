"""What is odd about a task folder: nothing that keeps it from being read, much that keeps it from being sound.

The list is what went wrong in thousands of published tasks (`reference/harbor_stats.md`, sections 3 to 6).
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from sandbox.archive import has_windows_shebang
from sandbox.harbor.build_context import BuildContext
from sandbox.harbor.compose.builds import service_builds
from sandbox.harbor.compose.file import compose_of
from sandbox.harbor.dockerfile.parser import Instruction
from sandbox.harbor.dockerfile.sources import Absent, absent_sources, sources_and_target
from sandbox.harbor.exposure import exposure_of
from sandbox.harbor.ignore_file import clean
from sandbox.harbor.oddity import Oddity, Weight
from sandbox.harbor.pinning import pinning_of
from sandbox.harbor.task import Task, verifier_of
from sandbox.harbor.templates import wanted

_HIDDEN: Final = "Harbor lays a folder of its own over it"
LOST: Final[Mapping[str, str]] = MappingProxyType({
    "/tests": "it is emptied before the tests are copied in, unless the oracle acted (Harbor keeps its contents)",
    "/logs/agent": _HIDDEN,
    "/logs/artifacts": _HIDDEN,
    "/logs/verifier": _HIDDEN,
})  # fmt: skip
"""Folders in which what an image brings is not found again, and why; seen with Harbor 0.24. What it puts into other
folders below ``/logs``, or into ``/solution``, stays."""
RUN: Final = ("solve.sh", "test.sh")
"""Scripts that are started by their name; others are read by them, or by nobody."""
EMPTIED: Final = ("/tests", "/logs/verifier")
"""Folders in which nothing that an agent leaves is found again."""


def lint(task: Task) -> tuple[Oddity, ...]:
    """Look through a task folder; reads it, and runs nothing.

    Raises:
        TaskInvalid: Its compose file or a Dockerfile that this one names cannot be read.
    """
    form = (*_keys(task), *_scripts(task), *_compose(task), *_dockerfile(task), *_services(task), *_secrets(task))
    return (*form, *exposure_of(task), *pinning_of(task))


def broken(task: Task) -> tuple[Oddity, ...]:
    """Name what keeps the environment of a task from being built; nothing else is looked at.

    Raises:
        TaskInvalid: As `lint`.
    """
    return tuple(each for each in (*_dockerfile(task), *_services(task)) if each.weight == "error")


def _keys(task: Task) -> Iterator[Oddity]:
    for key in task.unknown_keys:
        yield Oddity("warning", "task.toml", f"unknown key {key}", "fix its spelling, or move it below [metadata]")
    for told in task.forgiven:
        remedy = "write it as Harbor's task reference has it, so that it means the same everywhere"
        yield Oddity("warning", "task.toml", told, remedy)


def _scripts(task: Task) -> Iterator[Oddity]:
    for path in sorted(task.path.rglob("*.sh")):
        if path.is_file():
            yield from _script(task, path)
    if not task.has_solution:
        yield Oddity("note", "solution/solve.sh", "there is none", "write one, so that the oracle can prove the task")


def _script(task: Task, path: Path) -> Iterator[Oddity]:
    """Look at a script. Those of tests and solutions are made runnable when they are copied in; others are material."""
    place = path.relative_to(task.path).as_posix()
    staged = bool({"solution", "tests"} & set(PurePosixPath(place).parent.parts)) and not place.startswith(
        "environment/"
    )
    if staged and has_windows_shebang(path):
        what = "Windows line ends: its interpreter would not be found, so it is given others when it is copied in"
        yield Oddity("warning", place, what, "save it with LF, or Harbor will not run it")
    if staged and path.name in RUN and not path.read_bytes().startswith(b"#!"):
        what = "no interpreter on its first line: the shell that starts it runs it itself"
        yield Oddity("note", place, what, "begin it with #!/bin/bash")
    if staged and not os.access(path, os.X_OK):
        yield Oddity("note", place, "no run bit", "nothing: scripts are made runnable when they are copied in")


def _compose(task: Task) -> Iterator[Oddity]:
    if (task.environment / "docker-compose.yml").is_file():
        what = "not looked at: the name of an environment's file ends in .yaml"
        yield Oddity("note", "environment/docker-compose.yml", what, "rename it, unless it is material of the task")


def _secrets(task: Task) -> Iterator[Oddity]:
    config = task.config
    for place, table in (
        ("environment.env", config.environment.env),
        ("verifier.env", config.verifier.env),
        ("solution.env", config.solution.env),
    ):
        for name in wanted(table):
            yield Oddity("note", f"task.toml: {place}", f"asks for ${{{name}}} of the host", f"give {name} to the run")


def _dockerfile(task: Task) -> Iterator[Oddity]:
    if task.dockerfile is None:
        return
    yield from _unbuildable(task)
    for instruction in task.dockerfile.instructions:
        yield from _lost(instruction, f"environment/Dockerfile line {instruction.line}")
    if task.config.verifier.separate:
        yield from _unbuildable(verifier_of(task))


def _unbuildable(task: Task) -> Iterator[Oddity]:
    weight: Weight = "error" if task.config.environment.docker_image is None else "note"
    context = BuildContext(task.environment, hidden=task.hidden)
    for each in absent_sources(task.dockerfile, context) if task.dockerfile else ():
        yield _absent(task, each, f"{task.context}/Dockerfile", weight)


def _services(task: Task) -> Iterator[Oddity]:
    """Look at what services are built from."""
    compose = compose_of(task, task.config.environment.env)
    for build in service_builds(task, compose) if not compose.refused else ():
        context = BuildContext(build.folder, dockerfile=build.file)
        for each in absent_sources(build.dockerfile, context, build.args):
            yield Oddity("error", f"{build.place} line {each.line}", f"{each.source} {each.why}", each.remedy)


def _absent(task: Task, each: Absent, file: str, weight: Weight) -> Oddity:
    """Say what a build does not find. Where there is an image already, nothing is built unless it cannot be fetched."""
    misplaced = each.source != "." and (task.path / clean(each.source)).exists()
    remedy = f"the build context is {task.context}/, not the task's folder" if misplaced else each.remedy
    return Oddity(weight, f"{file} line {each.line}", f"{each.source} {each.why}", remedy)


def _lost(each: Instruction, place: str) -> Iterator[Oddity]:
    """Say what a run takes away again, of what an image puts into its folders. All else in them stays."""
    if each.word in {"COPY", "ADD"}:
        _, target = sources_and_target(each)
        for folder, how in LOST.items():
            if PurePosixPath(target).is_relative_to(folder):
                yield Oddity("warning", place, f"copies to {target}; {how}", "choose another folder")
    if each.word == "WORKDIR":
        for folder in EMPTIED:
            if PurePosixPath(each.value).is_relative_to(folder):
                what = f"works in {each.value}, which is emptied before the tests run"
                yield Oddity("warning", place, what, "choose another folder")
