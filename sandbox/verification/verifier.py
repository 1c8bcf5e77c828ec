"""Verification: what the task's own tests say of the state a sandbox was left in.

Between the agent and the verdict stand: every process of the agent's is killed; ``/logs/verifier`` and ``/tests``
are removed, whatever they have become, and made anew; the tests are copied in; ``test.sh`` runs; every process
is killed again; only then are the files read. So a reward that the agent wrote, a test it edited, a link it
laid and a process it left behind count for nothing. What this cannot stop, in a shared environment: tests that
run the agent's own code let that code do as it likes for as long as they run.

Unlike in Harbor, servers that the agent started do not live on into the verification. Where nobody has a motive to
cheat (the task's own solution, an agent that does nothing) all of this is left out, and servers live on, as in Harbor.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, assert_never

from msgspec import Struct, structs

from sandbox.archive import FileEntry
from sandbox.base import MIB, ExecResult, Sandbox
from sandbox.errors import InfrastructureError, PathRefused
from sandbox.harbor.schema import Artifact
from sandbox.harbor.task import TEST_SCRIPT, Task
from sandbox.harbor.templates import resolve
from sandbox.verification.artifacts import collect, taken
from sandbox.verification.reward import RewardFault, RewardProblem, Rewards, read_reward

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
CTRF: Final = "ctrf.json"
OUTPUT_BYTES: Final = 128 * MIB
"""Of ``test.sh`` and of ``solve.sh``: many of them install and build things."""
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
GUARD: Final = {"PYTHONNOUSERSITE": "1"}
"""A `.pth` file of the agent's in its home would otherwise run in every Python the tests start."""

_PREPARE: Final = """
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /logs/verifier /tests && chmod 777 /logs/verifier
"""

Trust = Literal["none", "author"]
"""none: whoever acted wants the reward. author: the task's own solution acted, or nobody."""

NoVerdictReason = Literal["timed_out", "output_limit", "memory", "disk", "workdir_missing"] | RewardFault


class VerifierEvidence(Struct, frozen=True):
    """All that a verification left behind. Nothing is cut."""

    exit_code: int | None
    """Of ``test.sh``; it has no say in the reward. None when it was killed, or did not start."""
    stdout: bytes
    stderr: bytes
    files: tuple[FileEntry, ...]
    """All that is in ``/logs/verifier``."""
    artifacts: tuple[FileEntry, ...] = ()
    """What the task wants kept, by absolute path."""

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
    evidence: VerifierEvidence


class VerdictMissing(Struct, frozen=True):
    """The verifier ran and did not speak, or not clearly. Not a score of zero."""

    reason: NoVerdictReason
    detail: str
    evidence: VerifierEvidence


class VerifierBroken(Struct, frozen=True):
    """The sandbox failed: ours, and no fault of the agent's or the task's."""

    detail: str


Verification = Rewarded | VerdictMissing | VerifierBroken


async def verify(
    sandbox: Sandbox,
    task: Task,
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    trust: Trust = "none",
) -> Verification:
    """Let the task's tests judge the sandbox as it is now. The agent cannot go on in it afterwards.

    Args:
        sandbox: Where the agent worked.
        task: Whose tests they are.
        env: Values for the templates in ``verifier.env``.
        timeout_s: Seconds for ``test.sh``; None for the task's own.
        trust: Whether what the agent left running and prepared is to be done away with first.

    Raises:
        TemplateUnresolved: A template of ``verifier.env`` has no value.
    """
    guard = GUARD if trust == "none" else {}
    given = env or {}
    wants = Examination.of(task, env=given, timeout_s=timeout_s, guard=guard)
    if trust == "author":  # a container may not bear to be started twice
        wants = structs.replace(wants, afterwards="left")
    try:
        await reset(sandbox, trust)
        await collect(sandbox, task.config.verifier.collect)
        await sandbox.set_network(task.network_in("verify"))
        return await examine(sandbox, wants)
    except (InfrastructureError, PathRefused) as error:
        return VerifierBroken(error.problem)


class Examination(Struct, frozen=True):
    """What is done once everything is ready for it."""

    tests: tuple[Path, ...]
    """Folders of the host that are copied to ``/tests``, the later over the earlier. Empty: they are there."""
    env: dict[str, str]
    timeout_s: float
    user: str | int | None
    artifacts: tuple[Artifact, ...]
    """What is kept of the sandbox afterwards."""
    afterwards: Literal["halted", "left"] = "halted"
    """halted: every process is ended before anything is read. left: they go on, for the step that comes next."""

    @staticmethod
    def of(
        task: Task, *, env: Mapping[str, str], timeout_s: float | None = None, guard: Mapping[str, str] = NOTHING
    ) -> "Examination":
        """Give a task's own.

        Raises:
            TemplateUnresolved: A template of ``verifier.env`` has no value.
        """
        table = task.config.verifier
        return Examination(
            tests=(task.tests,),
            env={**guard, **resolve(table.env, env)},
            timeout_s=table.timeout_sec if timeout_s is None else timeout_s,
            user=table.user,
            artifacts=task.config.artifacts,
        )


async def examine(sandbox: Sandbox, wants: Examination) -> Verification:
    """Copy the tests, run them, and read what they left.

    Raises:
        InfrastructureError: The sandbox failed.
        PathRefused: A folder cannot be read or written.
    """
    for tests in wants.tests:
        await sandbox.put_dir(tests, "/tests")
    try:
        result = await sandbox.exec(
            "/tests/test.sh", env=wants.env, timeout_s=wants.timeout_s, user=wants.user, max_output_bytes=OUTPUT_BYTES
        )
    except PathRefused as error:
        return VerdictMissing("workdir_missing", error.problem, VerifierEvidence(None, b"", b"", ()))
    if wants.afterwards == "halted":
        await sandbox.halt()
    return judge(result, await sandbox.read_tree(LOGS), await taken(sandbox, wants.artifacts))


async def forget_verdict(sandbox: Sandbox) -> None:
    """Empty the folder of rewards, so that what a verification left there is not taken for what the next one says.

    Raises:
        InfrastructureError: The sandbox failed.
        PathRefused: It cannot be emptied.
    """
    script = f"rm -rf -- {LOGS}/* {LOGS}/.[!.]*"
    result = await sandbox.exec(script, cwd="/", timeout_s=_RESET_S, user="root")
    if result.exit_code != 0:
        raise PathRefused(LOGS, f"cannot be emptied ({result.ended}, code {result.exit_code})")


async def reset(sandbox: Sandbox, trust: Trust) -> None:
    """Make the folders of the verification; for who is not trusted anew, while nothing of the agent's runs."""
    match trust:
        case "none":
            await sandbox.halt()
            script = _RESET
        case "author":
            script = _PREPARE
        case _:
            assert_never(trust)
    result = await sandbox.exec(script, cwd="/", timeout_s=_RESET_S, user="root")
    if result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip()
        raise PathRefused(LOGS, f"cannot be emptied ({result.ended}, code {result.exit_code}): {said[-500:]}")


def judge(result: ExecResult, files: tuple[FileEntry, ...], artifacts: tuple[FileEntry, ...]) -> Verification:
    """What it comes to: first whether the tests ran to their end, then what they wrote."""
    evidence = VerifierEvidence(result.exit_code, result.stdout, result.stderr, files, artifacts)
    match result.ended:
        case "exited":
            found = read_reward(files)
        case "timed_out" | "output_limit" | "memory" | "disk":
            detail = f"{TEST_SCRIPT} was killed ({result.ended}); a reward it may have written does not count"
            return VerdictMissing(result.ended, detail, evidence)
        case _:
            assert_never(result.ended)
    match found:
        case Rewards(by_name, reward):
            return Rewarded(by_name, reward, evidence)
        case RewardProblem(reason, detail):
            return VerdictMissing(reason, f"{detail}; {TEST_SCRIPT} ended with code {result.exit_code}", evidence)
        case _:
            assert_never(found)
