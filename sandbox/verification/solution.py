"""A task's own solution: copied in and run, for the oracle only."""

from collections.abc import Mapping, Sequence

from sandbox.base import ExecResult, Sandbox
from sandbox.harbor.schema import TaskStep
from sandbox.harbor.task import Task
from sandbox.verification.verifier import OUTPUT_BYTES

_SCRIPT = "/solution/solve.sh"
_ENV = {"DEBIAN_FRONTEND": "noninteractive"}


async def solve(
    sandbox: Sandbox, task: Task, step: TaskStep | None = None, *, env: Mapping[str, str], timeout_s: float | None
) -> ExecResult:
    """Run the solution of a task, or of one of its steps.

    Args:
        sandbox: Where.
        task: Whose solution.
        step: Which step's; one without a solution of its own has the task's. None: the task has none.
        env: ``solution.env``, resolved.
        timeout_s: Seconds. None: no limit. A step's own limit is stronger.

    Raises:
        InfrastructureError: The sandbox failed.
        PathRefused: There is no such folder to work in.
    """
    folder, user, limit = task.solution, task.config.agent.user, timeout_s
    if step is not None:
        own = task.path / "steps" / step.name / "solution"
        folder = own if own.is_dir() else folder
        user = user if step.agent.user is None else step.agent.user
        limit = limit if step.agent.timeout_sec is None else step.agent.timeout_sec
    await sandbox.put_dir(folder, "/solution")
    return await sandbox.exec(_SCRIPT, env={**_ENV, **env}, timeout_s=limit, user=user, max_output_bytes=OUTPUT_BYTES)


def joined(results: Sequence[ExecResult]) -> ExecResult:
    """Tell several commands as one: outputs in order, and the end of the last."""
    if not results:
        return not_begun("no step was begun")
    last = results[-1]
    stdout, stderr = b"".join(each.stdout for each in results), b"".join(each.stderr for each in results)
    return ExecResult(last.exit_code, stdout, stderr, last.ended, len(stdout), len(stderr))


def not_begun(why: str) -> ExecResult:
    """Tell of a command that could not begin what a shell would."""
    return ExecResult(126, b"", why.encode(), "exited", 0, len(why.encode()))
