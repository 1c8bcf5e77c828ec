"""Looking through a task's folder for what its agent must not see, as a port."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from anyio import to_thread

from engine.core.ports import EffectAddress
from engine.proving.answers import SCRIPTS, is_answer, paths_in
from events.base import Event
from events.digest import Fingerprint, digest_of
from events.types.proving import AnswerFile, ExposedAnswer, InspectionAsked, InspectionFailed, TaskInspected
from sandbox.harbor.build_context import BuildContext
from sandbox.harbor.task import COMPOSE, Task, package_files

_ANSWERS: Final = re.compile(r"(?:steps/[^/]+/)?(?:tests|solution)/.+")
_MOUNTED: Final = re.compile(r"\.\./(?:tests|solution)\b[^\s:'\"]*")
_LARGEST_SCRIPT: Final = 1_000_000
"""Bytes of a script that is read for paths."""


def inspect(task: Task) -> TaskInspected:
    """Look through a task's folder; reads it, and runs nothing.

    Raises:
        TaskInvalid: A link leads out of it.
    """
    answers = tuple(_answers(task))
    scripts = [each.path for each in answers if each.path.endswith(SCRIPTS) and "solution" not in each.path.split("/")]
    texts = "\n".join(_text(task.path / path) for path in scripts)
    told = task.instruction or "\n".join(_text(task.instruction_of(step)) for step in task.steps)
    return TaskInspected(
        digest=Fingerprint(task.digest),
        solved=task.has_solution,
        answers=answers,
        exposed=(*_in_context(task, answers), *_mounted(task)),
        tested=paths_in(texts),
        told=paths_in(told),
    )


def _answers(task: Task) -> Iterator[AnswerFile]:
    for path in package_files(task.path):
        if _ANSWERS.fullmatch(path):
            data = (task.path / path).read_bytes()
            if data:
                yield AnswerFile(path, len(data), Fingerprint(digest_of(data)))


def _in_context(task: Task, answers: tuple[AnswerFile, ...]) -> Iterator[ExposedAnswer]:
    """Find files of the build context that hold the bytes of such a file, whatever they are called."""
    by_digest = {each.digest: each.path for each in answers if is_answer(each.path)}
    context = BuildContext(task.environment, hidden=task.hidden)
    for path in context.visible() if task.environment.is_dir() else ():
        file = task.environment / path
        if file.is_file():
            held = by_digest.get(Fingerprint(digest_of(file.read_bytes())))
            if held is not None:
                yield ExposedAnswer(f"{task.context}/{path}", held)


def _mounted(task: Task) -> Iterator[ExposedAnswer]:
    """Find what the compose file hands to services. Harbor mounts it, though sandboxes here do not."""
    file = task.environment / COMPOSE
    for number, line in enumerate(_text(file).splitlines() if file.is_file() else (), start=1):
        for found in _MOUNTED.findall(line):
            yield ExposedAnswer(f"{task.context}/{COMPOSE} line {number}", found.removeprefix("../"))


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(_LARGEST_SCRIPT).decode("utf-8", "replace")


class InspectionPort:
    """Answers `InspectionAsked` from the task folders of the run."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = tasks

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Look through a folder as it is now."""
        del place
        assert isinstance(asked, InspectionAsked)
        try:
            return await to_thread.run_sync(inspect, self._tasks[asked.task])
        except OSError as error:
            return InspectionFailed(str(error))
