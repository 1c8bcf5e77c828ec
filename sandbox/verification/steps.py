"""Tasks of several steps, done one after the other in one sandbox, each judged by its own tests.

A step below its ``min_reward`` ends the sequence. The reward of the whole is the mean over the steps that were done, or
that of the last one of them (``multi_step_reward_strategy``), as Harbor has it.
"""

import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Final, Literal, NamedTuple

from msgspec import Struct, structs

from sandbox.base import ExecResult, Sandbox
from sandbox.errors import InfrastructureError, PathRefused
from sandbox.harbor.schema import TaskStep
from sandbox.harbor.task import Task
from sandbox.harbor.templates import resolve
from sandbox.verification.artifacts import collect
from sandbox.verification.health import NotReady, until_ready
from sandbox.verification.verifier import (
    GUARD,
    Examination,
    Rewarded,
    Trust,
    VerdictMissing,
    Verification,
    VerifierBroken,
    VerifierEvidence,
    examine,
    reset,
)

_EMPTY_S: Final = 60.0
_EMPTY: Final = """
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
for folder in /logs/agent /logs/verifier /logs/artifacts /tests; do
  mkdir -p "$folder" && find "$folder" -mindepth 1 -delete && case $folder in /logs/*) chmod 777 "$folder" ;; esac
done
"""
_SETUP: Final = "setup.sh"

Act = Callable[[TaskStep], Awaitable[ExecResult | None]]
"""Does one step; None where nothing is done."""


class JudgedStep(NamedTuple):
    """A step that was done and judged."""

    step: TaskStep
    acted: ExecResult | None
    verdict: Rewarded | VerdictMissing


class StepsDone(Struct, frozen=True):
    """What came of a task."""

    steps: tuple[JudgedStep, ...]
    """Those that were done, in order."""
    verdict: Verification
    """On the whole."""


async def do_steps(sandbox: Sandbox, task: Task, act: Act, *, env: Mapping[str, str]) -> StepsDone:
    """Do the steps of a task and judge each, until one falls short. Whoever acts has no motive to cheat.

    Args:
        sandbox: Opened from the task.
        task: Which has steps.
        act: Does a step.
        env: Values for templates.

    Raises:
        TemplateUnresolved: A template of ``verifier.env`` has no value.
    """
    done: list[JudgedStep] = []
    try:
        for step in task.steps:
            await prepare_step(sandbox, task, step)
            acted = await act(step)
            verdict = await judge_step(sandbox, task, step, env=env, trust="author")
            if isinstance(verdict, VerifierBroken):
                return StepsDone(tuple(done), verdict)
            done.append(JudgedStep(step, acted, verdict))
            if falls_short(step, verdict):
                break
    except NotReady as error:
        return StepsDone(tuple(done), VerifierBroken(str(error)))
    except (InfrastructureError, PathRefused) as error:
        return StepsDone(tuple(done), VerifierBroken(error.problem))
    return StepsDone(tuple(done), summed(done, task.config.multi_step_reward_strategy or "mean"))


def falls_short(step: TaskStep, verdict: Rewarded | VerdictMissing) -> bool:
    """Say whether the steps after it are not done. Without a verdict there is nothing to go on from."""
    match verdict, step.min_reward:
        case VerdictMissing(), _:
            return True
        case _, None:
            return False
        case Rewarded(), dict() as least:
            return any(verdict.rewards.get(name, float("-inf")) < each for name, each in least.items())
        case Rewarded(), float() | int() as least:
            return verdict.reward < least
    raise AssertionError(verdict)


def summed(done: Sequence[JudgedStep], strategy: Literal["mean", "final"]) -> Rewarded | VerdictMissing:
    """Put the verdicts of the steps that were done together; one that is missing leaves the whole without one."""
    evidence = _evidence(done)
    for each in done:
        if isinstance(each.verdict, VerdictMissing):
            return VerdictMissing(each.verdict.reason, f"step {each.step.name}: {each.verdict.detail}", evidence)
    rewarded = [each.verdict for each in done if isinstance(each.verdict, Rewarded)]
    if strategy == "final":
        return structs.replace(rewarded[-1], evidence=evidence)
    names = sorted({name for each in rewarded for name in each.rewards})
    rewards = {name: fmean(each.rewards.get(name, 0.0) for each in rewarded) for name in names}
    return Rewarded(rewards, fmean(each.reward for each in rewarded), evidence)


async def prepare_step(sandbox: Sandbox, task: Task, step: TaskStep) -> None:
    """Empty what the step before left in the log folders, bring in the step's material, and wait until all is ready.

    Raises:
        NotReady: Its health check does not pass.
        PathRefused: A folder cannot be emptied or written.
        SandboxLost: The sandbox failed.
    """
    await sandbox.set_network(task.network_in("begin"))
    emptied = await sandbox.exec(_EMPTY, cwd="/", timeout_s=_EMPTY_S, user="root")
    if emptied.exit_code != 0:
        raise PathRefused("/logs", f"cannot be emptied: {emptied.stderr.decode(errors='replace')[-500:]}")
    material = _folder(task, step) / "workdir"
    if material.is_dir():
        await sandbox.put_dir(material, sandbox.workdir)
    if (material / _SETUP).is_file():
        user = task.config.agent.user if step.agent.user is None else step.agent.user
        await sandbox.exec(posixpath.join(sandbox.workdir, _SETUP), user=user)
    if step.healthcheck is not None:
        await until_ready(sandbox, step.healthcheck)
    await sandbox.set_network(task.network_in("agent"))


async def judge_step(
    sandbox: Sandbox, task: Task, step: TaskStep, *, env: Mapping[str, str], trust: Trust
) -> Verification:
    """Let the tests of a step judge the sandbox as it is now.

    Args:
        sandbox: Where the step was done.
        task: Whose step it is.
        step: Which.
        env: Values for templates.
        trust: Whether whoever acted has a motive to cheat; if so, nothing that it started lives on.

    Raises:
        TemplateUnresolved: A template of ``verifier.env`` has no value.
        PathRefused: A folder cannot be read or written.
        InfrastructureError: The sandbox failed.
    """
    if trust == "none":
        await reset(sandbox, trust)
    await collect(sandbox, step.verifier.collect or task.config.verifier.collect)
    await sandbox.set_network(task.network_in("verify"))
    return await examine(sandbox, _examination(task, step, env, trust))


def _examination(task: Task, step: TaskStep, env: Mapping[str, str], trust: Trust) -> Examination:
    """Give the task's tests with the step's own over them; what the step does not say, the task does."""
    usual, own = Examination.of(task, env=env, guard=GUARD if trust == "none" else {}), step.verifier
    tests = (task.tests, _folder(task, step) / "tests")
    return Examination(
        tests=tuple(each for each in tests if each.is_dir()),
        env={**usual.env, **resolve(own.env or {}, env)},
        timeout_s=usual.timeout_s if own.timeout_sec is None else own.timeout_sec,
        user=usual.user if own.user is None else own.user,
        artifacts=(*usual.artifacts, *step.artifacts),
        afterwards="halted" if trust == "none" else "left",
    )


def _folder(task: Task, step: TaskStep) -> Path:
    return task.path / "steps" / step.name


def _evidence(done: Sequence[JudgedStep]) -> VerifierEvidence:
    """Put together what all steps left, each file below its step's name."""
    kept = [(each.step.name, each.verdict.evidence) for each in done]
    return VerifierEvidence(
        exit_code=kept[-1][1].exit_code if kept else None,
        stdout=b"".join(each.stdout for _, each in kept),
        stderr=b"".join(each.stderr for _, each in kept),
        files=tuple(structs.replace(f, path=f"steps/{name}/{f.path}") for name, each in kept for f in each.files),
        artifacts=tuple(
            structs.replace(f, path=f"/steps/{name}{f.path}") for name, each in kept for f in each.artifacts
        ),
    )
