"""A verifier in an environment of its own: it sees the artifacts, and nothing else of what the agent left."""

from collections.abc import Mapping

from msgspec import structs

from sandbox.base import Sandbox, SandboxBackend, SandboxSpec
from sandbox.errors import InfrastructureError, PathRefused
from sandbox.harbor.task import verifier_of
from sandbox.verification.artifacts import collect, restore, taken
from sandbox.verification.verifier import Examination, Verification, VerifierBroken, examine


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
