"""Build a task's environment inside a local sandbox, as ``sandbox/local/build_steps.py`` says."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final, Protocol, assert_never

import anyio

from sandbox.archive import Placed, pack, placed_as_is
from sandbox.base import ExecResult, SandboxSpec
from sandbox.errors import SandboxUnavailable
from sandbox.harbor.task import Task
from sandbox.harbor.templates import resolve
from sandbox.local.build_steps import BuildRecipe, CopyIn, MakeDir, RunLine
from sandbox.local.isolation import programs_path
from sandbox.local.unisolated import mapped_prefixes

_BASE_ENV: Final = {"HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}
_HARMLESS: Final = frozenset({"/bin", "/dev", "/proc", "/usr"})
_ABSOLUTE: Final = re.compile(r"(?<![\w./})*~$-])/[\w.-]+")


class BuildStage(Protocol):
    """What a build needs of a sandbox."""

    async def exec(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> ExecResult:
        """See ``Sandbox``."""
        ...

    async def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        ...

    async def unpack(self, archive: bytes, path: str) -> None:
        """Unpack an archive in a folder."""
        ...


def workdir_of(task: Task, recipe: BuildRecipe) -> str:
    """Where commands run: the task's own word, else the image's."""
    return task.config.environment.workdir or recipe.workdir


def sandbox_env(spec: SandboxSpec, recipe: BuildRecipe) -> dict[str, str]:
    """All variables: ours, the image's, then the task's with its templates resolved.

    Raises:
        TemplateUnresolved: A template asks for a value that the spec does not give.
    """
    return {"PATH": programs_path(), **_BASE_ENV, **recipe.env, **resolve(spec.task.config.environment.env, spec.env)}


def plain_refusals(task: Task, recipe: BuildRecipe) -> Iterator[str]:
    """What would be done to the host itself, or be left open, when nothing isolates."""
    if task.untrusted:
        yield "metadata.untrusted (nothing isolates here)"
    for place, table in (("environment", task.config.environment), ("agent", task.config.agent)):
        if table.network_mode == "no-network":
            yield f"{place}.network_mode = 'no-network' (nothing keeps commands from this machine's network)"
    yield from _reaching_out(task, recipe)


def _reaching_out(task: Task, recipe: BuildRecipe) -> Iterator[str]:
    """Steps of a build that would change the host's own folders."""
    mapped = mapped_prefixes((workdir_of(task, recipe), recipe.workdir))
    for step in recipe.steps:
        match step:
            case MakeDir(path) if not _within(path, mapped):
                yield f"Dockerfile: the folder {path} (without isolation it would be this machine's)"
            case CopyIn(_, target) if not _within(target, mapped):
                yield f"Dockerfile: COPY to {target} (without isolation it would be this machine's)"
            case RunLine(line, command):
                for path in _foreign(command, mapped):
                    yield f"Dockerfile line {line}: RUN on {path} (without isolation it would be this machine's)"
            case _:
                continue


def _foreign(command: str, mapped: tuple[str, ...]) -> list[str]:
    """Top folders of the host that a command names."""
    found = _ABSOLUTE.findall(command)
    return [path for path in found if path not in _HARMLESS and not any(each.startswith(path) for each in mapped)]


def _within(path: str, mapped: tuple[str, ...]) -> bool:
    """A root folder that exists anyway is fine; all else must be ours."""
    return path == "/" or any(path == each or path.startswith(f"{each}/") for each in mapped)


async def build(room: BuildStage, spec: SandboxSpec, recipe: BuildRecipe) -> None:
    """Take each step of the recipe.

    Raises:
        SandboxUnavailable: A step fails: then there is no environment, and no attempt to judge.
    """
    for step in recipe.steps:
        match step:
            case MakeDir(path):
                await room.make_folder(path)
            case CopyIn():
                archive, folder = await anyio.to_thread.run_sync(_pack_copy, spec.task, step)
                await room.make_folder(folder)
                await room.unpack(archive, folder)
            case RunLine():
                await _run(room, spec, step)
            case _:
                assert_never(step)
    if spec.task.dockerfile is None:
        await room.make_folder(recipe.workdir)


async def _run(room: BuildStage, spec: SandboxSpec, step: RunLine) -> None:
    timeout = spec.task.config.environment.build_timeout_sec
    result = await room.exec(step.command, cwd=step.workdir, env=step.env, timeout_s=timeout)
    if result.exit_code != 0:
        said = (result.stderr or result.stdout).decode(errors="replace").strip()[-2000:]
        raise SandboxUnavailable(
            spec.id,
            f"Dockerfile line {step.line} {result.ended} with {result.exit_code}: {said}",
            remedy="fix this RUN line, or run the task in a sandbox with its own base image (docker)",
        )


def _pack_copy(task: Task, step: CopyIn) -> tuple[bytes, str]:
    """An archive, and the folder it is to be unpacked in. A folder's content is copied, not the folder."""
    target, context = PurePosixPath(step.target), task.environment
    hidden = {context / name for name in task.hidden}
    placed: list[Placed] = []
    named = False
    for source in step.sources:
        path = context / source
        if path.is_dir():
            found = (each for each in placed_as_is(path) if hidden.isdisjoint((each.source, *each.source.parents)))
            placed += [Placed(each.source, each.path, step.mode) for each in found]
        elif step.target.endswith("/"):
            placed.append(Placed(path, path.name, step.mode))
        else:
            placed.append(Placed(path, target.name, step.mode))
            named = True
    return pack(placed, str), str(target.parent if named else target)
