"""What the services of a task are built from, beside its own Dockerfile."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from sandbox.errors import TaskInvalid
from sandbox.harbor.compose.schema import Build, Compose
from sandbox.harbor.compose.values import MAIN
from sandbox.harbor.dockerfile.parser import Dockerfile, parse_dockerfile
from sandbox.harbor.task import Task

OWN: Final = (Build("."), Build("./"))
"""Ways to say that ``main`` is built as the task is anyway."""


class ServiceBuild(NamedTuple):
    """A Dockerfile of a service."""

    service: str
    folder: Path
    """Its build context."""
    file: str
    """Path of the Dockerfile in it."""
    place: str
    """The same below the task's folder, for people."""
    dockerfile: Dockerfile
    args: Mapping[str, str]


def service_builds(task: Task, compose: Compose) -> Iterator[ServiceBuild]:
    """Read the Dockerfile of each service that is built from another one than the task's.

    Raises:
        TaskInvalid: One is not there, or cannot be read.
    """
    for service in compose.services:
        build = service.build
        if build is None or (service.name == MAIN and build in OWN and task.dockerfile is not None):
            continue
        folder = task.environment / build.context
        place = str(PurePosixPath(task.context, build.context, build.dockerfile))
        if not (folder / build.dockerfile).is_file():
            remedy = f"add it, or fix services.{service.name}.build in docker-compose.yaml"
            raise TaskInvalid(task.name, place, "is missing", remedy=remedy)
        text = (folder / build.dockerfile).read_text(encoding="utf-8", errors="replace")
        dockerfile = parse_dockerfile(task.name, text, file=place)
        yield ServiceBuild(service.name, folder, build.dockerfile, place, dockerfile, build.args)
