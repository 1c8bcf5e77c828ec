"""Verification: what the task's own tests say of the state a sandbox was left in.

Between the agent and the verdict stand: every process of the agent's is killed; ``/logs/verifier`` and ``/tests``
are removed, whatever they have become, and made anew; the tests are copied in; ``test.sh`` runs; every process
is killed again; only then are the files read. So a reward that the agent wrote, a test it edited, a link it
laid and a process it left behind count for nothing. What this cannot stop, in a shared environment: tests that
run the agent's own code let that code do as it likes for as long as they run.

Unlike in Harbor, servers that the agent started do not live on into the verification.
"""

from collections.abc import Mapping
from typing import Final, Literal, assert_never

from msgspec import Struct

from sandbox.base import ExecResult, FileEntry, Sandbox
from sandbox.errors import InfrastructureError, PathRefused
from sandbox.reward import Fault, RewardFault, Rewards, read_reward
from sandbox.task import TEST_SCRIPT, Task
from sandbox.templates import resolve

CTRF: Final = "ctrf.json"
LOGS: Final = "/logs/verifier"
_RESET_S: Final = 120.0
_RESET: Final = """
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
gone() { if [ -L "$1" ] || [ -e "$1" ]; then [ -L "$1" ] || chmod -R u+rwX -- "$1" 2>/dev/null; rm -rf -- "$1"; fi; }
if [ -L /logs ] || [ ! -d /logs ]; then gone /logs; fi
chmod u+rwx /logs 2>/dev/null
gone /logs/verifier; gone /tests
mkdir -p /logs/verifier /tests && chmod 777 /logs/verifier
"""
# A `.pth` file of the agent's in its home would otherwise run in every Python the tests start.
_GUARD: Final = {"PYTHONNOUSERSITE": "1"}

NoVerdictReason = Literal["timed_out", "output_limit", "memory", "workdir_missing"] | RewardFault


class Evidence(Struct, frozen=True):
    """All that a verification left behind. Nothing is cut."""

    exit_code: int | None
    """Of ``test.sh``; it has no say in the reward. None when it was killed, or did not start."""
    stdout: bytes
    stderr: bytes
    files: tuple[FileEntry, ...]
    """All that is in ``/logs/verifier``."""

    @property
    def ctrf(self) -> bytes | None:
        """The test report in Common Test Report Format; None when the tests wrote none."""
        return next((entry.data for entry in self.files if entry.path == CTRF), None)


class Rewarded(Struct, frozen=True):
    """The verifier spoke."""

    rewards: dict[str, float]
    """Finite, by name."""
    reward: float
    """The one that counts: named ``reward``, or the only one."""
    evidence: Evidence


class NoVerdict(Struct, frozen=True):
    """The verifier ran and did not speak, or not clearly. Not a score of zero."""

    reason: NoVerdictReason
    detail: str
    evidence: Evidence


class VerifierBroken(Struct, frozen=True):
    """The sandbox failed: ours, and no fault of the agent's or the task's."""

    detail: str


Verification = Rewarded | NoVerdict | VerifierBroken


async def verify(
    sandbox: Sandbox,
    task: Task,
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> Verification:
    """Let the task's tests judge the sandbox as it is now. The agent cannot go on in it afterwards.

    Args:
        sandbox: Where the agent worked.
        task: Whose tests they are.
        env: Values for the templates in ``verifier.env``.
        timeout_s: Seconds for ``test.sh``; None for the task's own.

    Raises:
        TemplateUnresolved: A template of ``verifier.env`` has no value.
    """
    variables = {**_GUARD, **resolve(task.config.verifier.env, env or {})}
    limit = task.config.verifier.timeout_sec if timeout_s is None else timeout_s
    try:
        await sandbox.halt()
        await _reset(sandbox)
        await sandbox.put_dir(task.tests, "/tests")
        try:
            user = task.config.verifier.user
            result = await sandbox.exec("/tests/test.sh", env=variables, timeout_s=limit, user=user)
        except PathRefused as error:
            return NoVerdict("workdir_missing", error.problem, Evidence(None, b"", b"", ()))
        await sandbox.halt()
        files = await sandbox.read_tree(LOGS)
    except (InfrastructureError, PathRefused) as error:
        return VerifierBroken(error.problem)
    return _judge(task, result, files)


async def _reset(sandbox: Sandbox) -> None:
    """Make the folders of the verification anew; nothing of the agent's runs at this time."""
    result = await sandbox.exec(_RESET, cwd="/", timeout_s=_RESET_S)
    if result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip()
        raise PathRefused(LOGS, f"cannot be emptied ({result.ended}, code {result.exit_code}): {said[-500:]}")


def _judge(task: Task, result: ExecResult, files: tuple[FileEntry, ...]) -> Verification:
    """What it comes to: first whether the tests ran to their end, then what they wrote."""
    evidence = Evidence(result.exit_code, result.stdout, result.stderr, files)
    match result.ended:
        case "exited":
            found = read_reward(files)
        case "timed_out" | "output_limit" | "memory":
            detail = f"{TEST_SCRIPT} was killed ({result.ended}); a reward it may have written does not count"
            return NoVerdict(result.ended, detail, evidence)
        case _:
            assert_never(result.ended)
    match found:
        case Rewards(by_name, reward):
            return Rewarded(by_name, reward, evidence)
        case Fault(reason, detail):
            return NoVerdict(reason, f"{detail}{_hint(task, result)}", evidence)
        case _:
            assert_never(found)


def _hint(task: Task, result: ExecResult) -> str:
    """The commonest cause, where it can be seen."""
    first = (task.path / TEST_SCRIPT).read_bytes().split(b"\n", 1)[0]
    if first.startswith(b"#!") and first.endswith(b"\r"):
        return f"; {TEST_SCRIPT} has Windows line ends, so its interpreter is not found (save it with LF)"
    return f"; {TEST_SCRIPT} ended with code {result.exit_code}"
