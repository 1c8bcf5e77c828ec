"""The port of steps: makes each ready in an attempt's sandbox, and has its tests judge it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, assert_never

from events.base import Event
from events.digest import Digest
from events.store.base import BlobStore
from events.types.sandbox import SandboxFailed
from events.types.steps import StepBegun, StepJudged
from events.values import NamedDigest
from sandbox.base import Sandbox
from sandbox.errors import PathRefused
from sandbox.harbor.schema import TaskStep
from sandbox.harbor.task import Task
from sandbox.verification.health import NotReady
from sandbox.verification.steps import JudgedStep, falls_short, judge_step, prepare_step, summed
from sandbox.verification.verifier import (
    Rewarded,
    Trust,
    VerdictMissing,
    Verification,
    VerifierBroken,
    VerifierEvidence,
)


def nobody_trusted(stream: str) -> Trust:
    """Trust whoever acts in no attempt."""
    del stream
    return "none"


class EvidenceKept(NamedTuple):
    """What a verification left behind, as events name it."""

    exit_code: int | None
    stdout: Digest
    stderr: Digest
    files: tuple[NamedDigest, ...]


def keep_evidence(blobs: BlobStore, evidence: VerifierEvidence) -> EvidenceKept:
    """Keep what a verification left behind."""
    entries = (*evidence.files, *evidence.artifacts)
    files = tuple(NamedDigest(each.path, blobs.put(each.data)) for each in entries if each.data is not None)
    return EvidenceKept(evidence.exit_code, blobs.put(evidence.stdout), blobs.put(evidence.stderr), files)


class StepsPort:
    """Knows which steps of which attempts were done, until the verdict on the whole is asked for."""

    def __init__(self, blobs: BlobStore, variables: Mapping[str, str], trust: Callable[[str], Trust]) -> None:
        self._blobs = blobs
        self._variables = variables
        self._trust = trust
        self._done: dict[str, list[JudgedStep]] = {}

    async def begin(self, stream: str, sandbox: Sandbox, task: Task, name: str) -> Event:
        """Make a step ready."""
        try:
            await prepare_step(sandbox, task, _step(task, name))
        except (NotReady, PathRefused) as error:
            return SandboxFailed("unavailable", str(error))
        self._done.setdefault(stream, [])
        return StepBegun()

    async def judge(self, stream: str, sandbox: Sandbox, task: Task, name: str) -> Event:
        """Have a step judged."""
        step = _step(task, name)
        try:
            verdict = await judge_step(sandbox, task, step, env=self._variables, trust=self._trust(stream))
        except PathRefused as error:
            return SandboxFailed("lost", error.problem)
        if isinstance(verdict, VerifierBroken):
            return SandboxFailed("lost", verdict.detail)
        self._done[stream].append(JudgedStep(step, None, verdict))
        return self._judged(verdict, goes_on=not falls_short(step, verdict))

    def whole(self, stream: str, task: Task) -> Verification | None:
        """Give the verdict on all steps that were done. None: nobody did them one by one."""
        done = self._done.pop(stream, None)
        if not done:
            return None
        return summed(done, task.config.multi_step_reward_strategy or "mean")

    def forget(self, stream: str) -> None:
        """Forget an attempt that will not be judged."""
        self._done.pop(stream, None)

    def _judged(self, verdict: Rewarded | VerdictMissing, *, goes_on: bool) -> StepJudged:
        left = keep_evidence(self._blobs, verdict.evidence)
        match verdict:
            case Rewarded():
                return StepJudged(verdict.reward, verdict.rewards, "", goes_on, *left)
            case VerdictMissing():
                return StepJudged(None, {}, f"{verdict.reason}: {verdict.detail}", goes_on, *left)
            case _:
                assert_never(verdict)


def _step(task: Task, name: str) -> TaskStep:
    return next(each for each in task.steps if each.name == name)
