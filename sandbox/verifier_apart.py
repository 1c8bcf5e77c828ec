"""A verifier in an environment of its own: it sees the artifacts, and nothing else of what the agent left."""

from collections.abc import Mapping

from msgspec import structs

from sandbox.artifacts import collect, restore, taken
from sandbox.base import Sandbox, SandboxBackend, SandboxSpec
from sandbox.dockerfile import parse_dockerfile
from sandbox.errors import InfrastructureError, PathRefused
from sandbox.task import Task
from sandbox.task_schema import Environment
from sandbox.verifier import Examination, Verification, VerifierBroken, examine

_FOLDER = "tests"
"""Build context of the verifier's image; its Dockerfile has to place ``/tests``."""


def verifier_of(task: Task) -> Task:
    """Give the environment of a task's verifier, as if it were a task.

    Raises:
        TaskInvalid: Its Dockerfile cannot be read.
    """
    config = task.config
    table = config.verifier.environment or Environment()
    if config.verifier.network_mode is not None:
        table = structs.replace(table, network_mode=config.verifier.network_mode)
    agent = structs.replace(config.agent, network_mode=None)  # nobody acts there
    file = task.path / _FOLDER / "Dockerfile"
    return structs.replace(
        task,
        context=_FOLDER,
        config=structs.replace(config, environment=table, agent=agent),
        dockerfile=parse_dockerfile(task.name, file.read_text(encoding="utf-8")) if file.is_file() else None,
        has_compose=(task.path / _FOLDER / "docker-compose.yaml").is_file(),
    )


async def verify_apart(
    sandbox: Sandbox, backend: SandboxBackend, spec: SandboxSpec, *, env: Mapping[str, str]
) -> Verification:
    """Let a verifier in a sandbox of its own judge the artifacts.

    Args:
        sandbox: Where the agent worked. Its processes are ended first.
        backend: Opens the verifier's.
        spec: The verifier's; its task is that of the agent.
        env: Values for the templates in ``verifier.env``.

    Raises:
        TemplateUnresolved: A template of ``verifier.env`` has no value.
        Unsupported: The backend cannot honour the verifier's environment.
    """
    task = spec.task
    wants = structs.replace(Examination.of(task, env=env), tests=(), artifacts=())
    try:
        await sandbox.halt()
        await collect(sandbox, task.config.verifier.collect)
        kept = await taken(sandbox, task.config.artifacts)
        other = await backend.open(structs.replace(spec, task=verifier_of(task)))
        try:
            await restore(other, kept)
            found = await examine(other, wants)
        finally:
            await other.close()
    except (InfrastructureError, PathRefused) as error:
        return VerifierBroken(error.problem)
    if isinstance(found, VerifierBroken):
        return found
    return structs.replace(found, evidence=structs.replace(found.evidence, artifacts=kept))
