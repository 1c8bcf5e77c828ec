"""What is odd about a task folder: nothing that keeps it from being read, much that keeps it from being sound.

The list is what went wrong in thousands of published tasks (`reference/harbor_stats.md`, sections 3 to 6).
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from msgspec import Struct

from sandbox.archive import has_windows_shebang
from sandbox.dockerfile import Instruction
from sandbox.task import Task
from sandbox.templates import wanted

Weight = Literal["error", "warning", "note"]
"""error: it cannot work. warning: it probably does not do what its author meant. note: worth knowing."""

RESERVED: Final = ("/tests", "/solution", "/logs")
"""Folders that a run fills or empties."""


class Oddity(Struct, frozen=True):
    """One thing about a task that its author should look at."""

    weight: Weight
    place: str
    """File, and line where there is one."""
    what: str
    remedy: str


def lint(task: Task) -> tuple[Oddity, ...]:
    """Look through a task folder; reads it, and runs nothing."""
    return (*_keys(task), *_scripts(task), *_compose(task), *_dockerfile(task), *_secrets(task))


def _keys(task: Task) -> Iterator[Oddity]:
    for key in task.unknown_keys:
        yield Oddity("warning", "task.toml", f"unknown key {key}", "mend its spelling, or move it below [metadata]")
    for told in task.forgiven:
        yield Oddity("warning", "task.toml", told, "mend it, so that Harbor takes the task too")


def _scripts(task: Task) -> Iterator[Oddity]:
    for path in sorted(task.path.rglob("*.sh")):
        place = path.relative_to(task.path).as_posix()
        if has_windows_shebang(path):
            what = "Windows line ends: its interpreter would not be found, so it is given others when it is copied in"
            yield Oddity("warning", place, what, "save it with LF, or Harbor will not run it")
        if not path.read_bytes().startswith(b"#!"):
            yield Oddity("warning", place, "no interpreter on its first line", "begin it with #!/bin/bash")
        if not os.access(path, os.X_OK):
            yield Oddity("note", place, "no run bit", "nothing: scripts are made runnable when they are copied in")
    if not task.has_solution:
        yield Oddity("note", "solution/solve.sh", "there is none", "write one, so that the oracle can prove the task")


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
    for each in task.dockerfile.instructions:
        place = f"environment/Dockerfile line {each.line}"
        if each.word in {"COPY", "ADD"} and "from" not in each.flags:
            yield from _sources(task, each, place)
        if each.word == "WORKDIR" and _is_reserved(each.value):
            what = f"works in {each.value}, which a run fills or empties"
            yield Oddity("warning", place, what, "choose another folder")


def _sources(task: Task, each: Instruction, place: str) -> Iterator[Oddity]:
    *sources, target = each.exec_form or each.value.split() or ("",)
    for source in sources:
        if source.startswith(("<<", "http://", "https://", "git@")) or "$" in source:
            continue
        if not _is_there(task.environment, source):
            at_root = (task.path / source).exists()
            what = f"{source} is not in environment/"
            remedy = "the build context is environment/, not the task's folder" if at_root else "add it"
            yield Oddity("error", place, what, remedy)
    if _is_reserved(target):
        yield Oddity("warning", place, f"copies to {target}, which a run fills or empties", "choose another folder")


def _is_there(context: Path, source: str) -> bool:
    name = source.strip("/") or "."
    return any(context.glob(name)) if any(sign in name for sign in "*?[") else (context / name).exists()


def _is_reserved(path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(each) for each in RESERVED)
