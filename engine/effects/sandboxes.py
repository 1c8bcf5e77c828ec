"""The port of sandboxes: opens, acts in, verifies and releases them; one for each attempt's stream.

It owns every sandbox of its process, and closes what is left when the run lets go of it, so that no actor
has to clean up.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, assert_never

import anyio
from msgspec.structs import replace

from engine.core.ports import EffectAddress
from engine.core.supervision import Supervisor, nowhere
from engine.effects.steps import StepsPort, keep_evidence, nobody_trusted
from engine.effects.workspaces import WorkspaceTasks
from events.base import Event
from events.digest import Digest
from events.store.base import BlobStore
from events.types.agent import SkillRead
from events.types.sandbox import (
    ActionAsked,
    ActionObserved,
    FilesAsked,
    FilesTaken,
    KeepAsked,
    ReleaseAsked,
    SandboxAsked,
    SandboxFailed,
    SandboxOpened,
    SandboxReleased,
    SolutionAsked,
    StateKept,
    VerifierRewarded,
    VerifierSilent,
    VerifyAgainAsked,
    VerifyAsked,
)
from events.types.steps import StepAsked, StepVerifyAsked
from events.values import NamedDigest
from sandbox.base import ExecResult, Limits, Mount, Restorable, Sandbox, SandboxBackend, SandboxGone, SandboxSpec
from sandbox.disk import DiskWatch, disk_limit
from sandbox.errors import InfrastructureError, PathRefused, SandboxUnavailable, Unsupported
from sandbox.harbor.schema import TaskStep
from sandbox.harbor.task import Task
from sandbox.harbor.templates import TemplateUnresolved, resolve
from sandbox.verification.separate_verifier import verify_apart
from sandbox.verification.solution import joined, not_begun, solve
from sandbox.verification.steps import do_steps
from sandbox.verification.verifier import (
    Rewarded,
    Trust,
    VerdictMissing,
    Verification,
    VerifierBroken,
    forget_verdict,
    verify,
)

_CLOSE_S = 30.0
"""Seconds that closing the sandboxes of a run may take; what is left is swept when the run is resumed."""


def sandbox_prefix(run: str) -> str:
    """Say what the ids of a run's sandboxes begin with."""
    return f"{run}-"


def sandbox_id(run: str, stream: str) -> str:
    """Name the sandbox of an attempt's stream."""
    return sandbox_prefix(run) + stream.replace("/", "-")


class SandboxPreparer(Protocol):
    """Prepares what a sandbox is to see of us besides its task."""

    async def prepare(self, asked: SandboxAsked, place: EffectAddress) -> tuple[Mount, ...]:
        """Make it ready, before the sandbox opens. Empty: it sees nothing of us."""

    async def show(self, stream: str) -> None:
        """Lay out again what is for the agent alone, if there is any."""

    async def hide(self, stream: str) -> None:
        """Take away what is for the agent alone, before a verifier looks."""

    async def reads(self, stream: str) -> tuple[SkillRead, ...] | None:
        """Say which files of skills were touched since this was asked last. None: nobody can know, or none is shown."""

    async def clear(self, stream: str) -> None:
        """Take it away, once the sandbox is gone; again is fine."""

    def serves(self, asked: SandboxAsked, stream: str) -> bool:
        """Whether the sandbox of a stream stands on something that ends with this process."""


class WorldAccess(Protocol):
    """Lets whoever works in a sandbox act in a world outside of it."""

    async def open(self, world: Digest, stream: str) -> Mount:
        """Make a way into the world of a blob; give what the sandbox sees of it."""

    async def taken(self, stream: str) -> tuple[str, Digest] | None:
        """Take no further action; give those that were taken, as a file by its name. None: there is no such world."""

    async def close(self, stream: str) -> None:
        """Take the way away, once the sandbox is gone; again is fine."""


class SandboxPort:
    """Answers everything that is asked of sandboxes."""

    def __init__(
        self,
        blobs: BlobStore,
        backend: SandboxBackend,
        tasks: Mapping[str, Task],
        variables: Mapping[str, str],
        *,
        trust: Callable[[str], Trust] = nobody_trusted,
        session: int | None = None,
    ) -> None:
        """Say with what.

        Args:
            blobs: Where outputs are kept.
            backend: Makes sandboxes.
            tasks: By name.
            variables: What of the host tasks may see.
            session: Number of the process's hold on the run. None: sandboxes are not to outlive it.
            trust: Says by the stream of an attempt whether whoever acts has a motive to cheat: see `verify`.
        """
        self._blobs = blobs
        self._backend = backend
        self._tasks = tasks
        self._variables = variables
        self._trust = trust
        self._session = session
        self._open: dict[str, tuple[Sandbox, Task]] = {}
        self.disk = DiskWatch(backend.disk)
        """Ends what fills the disk; somebody has to let it `watch`."""
        self.supervisor = Supervisor(blobs, nowhere)
        """Records what fails while sandboxes are cleaned up; the runtime gives it the session's."""
        self.ground: SandboxPreparer | None = None
        """None: sandboxes see nothing of us."""
        self.worlds: WorldAccess | None = None
        """None: no sandbox has a world outside of it."""
        self._steps = StepsPort(blobs, variables, trust)
        self._workspaces = WorkspaceTasks(blobs)
        self._judged: dict[str, Verification] = {}
        """Of tasks of several steps: each is judged before the next begins, so that nothing is left to be asked."""

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Do it; what breaks in a sandbox is an outcome of its own, never the agent's."""
        try:
            return await self._answer(asked, place)
        except (Unsupported, TemplateUnresolved) as error:
            return SandboxFailed("unsupported", error.problem)
        except InfrastructureError as error:
            opened = place.stream in self._open
            return SandboxFailed("lost" if opened else "unavailable", error.problem)

    def holds(self, stream: str) -> bool:
        """Whether a stream has a sandbox."""
        return stream in self._open

    def held(self, stream: str) -> tuple[Sandbox, Task]:
        """Give the sandbox of a stream, and the task it is for."""
        return self._open[stream]

    async def reopen(self, asked: SandboxAsked, place: EffectAddress, opened_in: int) -> SandboxGone | None:
        """Go on with a sandbox of an earlier process, as it stands. Where that cannot be, nothing of it is left.

        Args:
            asked: As it was asked for.
            place: The stream that relies on it.
            opened_in: Session in which it was made.

        Returns:
            None if it is gone on with; else why it is not.
        """
        task, lasting = await self._task(asked), self._backend.lasting
        if lasting is None:
            return SandboxGone(
                "not_kept", f"sandboxes of the backend {self._backend.name} end with the process that holds them"
            )
        served = self.ground is not None and self.ground.serves(asked, place.stream)
        if task.steps or served or asked.world is not None:
            found: Sandbox | SandboxGone = SandboxGone(
                "unfit", "what of ours this attempt stood on ended with the process"
            )
        else:
            found = await lasting.reopen(self._spec(task, place), opened_in=opened_in)
        if isinstance(found, SandboxGone):
            await self.discard(place)
            return found
        self._open[place.stream] = (found, task)
        self.disk.add(found, disk_limit(task, Limits()))
        return None

    async def discard(self, place: EffectAddress) -> None:
        """Remove what an earlier process left of a stream's sandbox, for as long as that may take."""
        name = sandbox_id(place.run, place.stream)

        async def sweep() -> None:
            await self._backend.sweep(lambda each: each == name)

        with anyio.move_on_after(_CLOSE_S, shield=True):
            await self.supervisor.once("sweep", sweep)

    async def drop(self, stream: str) -> None:
        """Close the sandbox of a stream that was stopped, if it has one, for as long as that may take."""
        held = self._open.pop(stream, None)
        if held is not None:
            self.disk.forget(held[0])
            with anyio.move_on_after(_CLOSE_S):
                await self.supervisor.once("close", held[0].close)
        await self.supervisor.once("close", partial(self._clear, stream))

    async def close(self) -> None:
        """Close every sandbox that is left, for as long as that may take."""
        with anyio.move_on_after(_CLOSE_S, shield=True):
            async with anyio.create_task_group() as group:
                for sandbox, _ in self._open.values():
                    self.disk.forget(sandbox)
                    group.start_soon(self.supervisor.once, "close", sandbox.close)
            for stream in self._open:
                await self.supervisor.once("close", partial(self._clear, stream))
            await self.supervisor.once("close", self._workspaces.close)
        self._open.clear()

    async def _answer(self, asked: Event, place: EffectAddress) -> Event:
        match asked:
            case SandboxAsked():
                return await self._begin(asked, place)
            case ActionAsked():
                command = (await self._blobs.get(asked.command)).decode("utf-8", "replace")
                return await self._act(place, command, asked.timeout_s)
            case SolutionAsked():
                return await self._solve(asked, place)
            case StepAsked() | StepVerifyAsked():
                sandbox, task = self._open[place.stream]
                self.disk.anew(sandbox)
                await self._turn(place.stream, shown=isinstance(asked, StepAsked))
                do = self._steps.begin if isinstance(asked, StepAsked) else self._steps.judge
                return await do(place.stream, sandbox, task, asked.step)
            case KeepAsked() | VerifyAsked() | VerifyAgainAsked():
                return await self._examine(asked, place)
            case FilesAsked() | ReleaseAsked():
                return await (self._take(asked, place) if isinstance(asked, FilesAsked) else self._release(place))
            case _:
                raise AssertionError(f"not a request to a sandbox: {asked!r}")

    async def _begin(self, asked: SandboxAsked, place: EffectAddress) -> Event:
        task = await self._task(asked)
        mounts = () if self.ground is None else await self.ground.prepare(asked, place)
        try:
            if asked.world is not None:
                assert self.worlds is not None, "the runtime gives it"
                mounts = (*mounts, await self.worlds.open(asked.world, place.stream))
            sandbox = await self._opened(asked, replace(self._spec(task, place), mounts=mounts))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._clear(place.stream)
            raise
        self._open[place.stream] = (sandbox, task)
        self.disk.add(sandbox, disk_limit(task, Limits()))
        return SandboxOpened(self._backend.describe().level)

    async def _opened(self, asked: SandboxAsked, spec: SandboxSpec) -> Sandbox:
        """Open a sandbox, with the files of its workspace in it. Nothing of it is left if this fails."""
        sandbox = await self._backend.open(spec)
        try:
            if asked.workspace is not None:
                await self._workspaces.lay_out(sandbox, asked.workspace.files)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self.supervisor.once("close", sandbox.close)
            if isinstance(error, PathRefused):
                remedy = "give files of items relative paths that differ"
                raise SandboxUnavailable(spec.id, error.problem, remedy=remedy) from error
            raise
        return sandbox

    async def _task(self, asked: SandboxAsked) -> Task:
        """Say what a sandbox is made of: a task of the run, or the workspace that is asked for."""
        return self._tasks[asked.task] if asked.workspace is None else await self._workspaces.of(asked, asked.workspace)

    def _spec(self, task: Task, place: EffectAddress) -> SandboxSpec:
        name = sandbox_id(place.run, place.stream)
        return SandboxSpec(id=name, task=task, env=self._variables, session=self._session)

    async def _act(self, place: EffectAddress, command: str, timeout_s: float | None) -> Event:
        sandbox, task = self._open[place.stream]
        run = partial(sandbox.exec, command, timeout_s=timeout_s, user=task.config.agent.user)
        try:
            result = await self.disk.during(sandbox, run)
        except PathRefused as error:  # the agent removed its own working directory
            result = not_begun(error.problem)
        reads = None if self.ground is None else await self.ground.reads(place.stream)
        return self._observed(result, reads)

    async def _solve(self, asked: SolutionAsked, place: EffectAddress) -> Event:
        sandbox, task = self._open[place.stream]
        env = resolve(task.config.solution.env, self._variables)
        if not task.steps:
            try:
                run = partial(solve, sandbox, task, env=env, timeout_s=asked.timeout_s)
                return self._observed(await self.disk.during(sandbox, run))
            except PathRefused as error:  # its working folder is not there
                return self._observed(not_begun(error.problem))
        done = await do_steps(
            sandbox, task, partial(solve, sandbox, task, env=env, timeout_s=asked.timeout_s), env=self._variables
        )
        self._judged[place.stream] = done.verdict
        acted = [each.acted for each in done.steps if each.acted is not None]
        return self._observed(joined(acted))

    def _observed(self, result: ExecResult, reads: tuple[SkillRead, ...] | None = None) -> ActionObserved:
        stdout, stderr = self._blobs.put(result.stdout), self._blobs.put(result.stderr)
        return ActionObserved(result.exit_code, result.ended, stdout, stderr, reads)

    async def _verify(self, place: EffectAddress) -> Event:
        sandbox, task = self._open[place.stream]
        self.disk.anew(sandbox)
        await self._turn(place.stream, shown=False)
        if task.steps:
            judged = self._steps.whole(place.stream, task) or self._judged.pop(place.stream, None)
            if judged is None:  # nobody acts
                judged = (await do_steps(sandbox, task, _nothing, env=self._variables)).verdict
            return self._told(judged)
        if task.config.verifier.separate:
            spec = SandboxSpec(id=f"{sandbox.id}-verifier", task=task, env=self._variables)
            return self._told(await verify_apart(sandbox, self._backend, spec, env=self._variables))
        return self._told(await verify(sandbox, task, env=self._variables, trust=self._trust(place.stream)))

    async def _take(self, asked: FilesAsked, place: EffectAddress) -> Event:
        sandbox, _ = self._open[place.stream]
        self.disk.anew(sandbox)
        taken = await self._workspaces.take(sandbox, asked.names)
        acted = None if self.worlds is None else await self.worlds.taken(place.stream)
        if acted is None:
            return taken
        missing = {name: why for name, why in taken.missing.items() if name != acted[0]}
        others = [each for each in taken.files if each.name != acted[0]]
        return FilesTaken((*others, NamedDigest(*acted)), missing)

    async def _examine(self, asked: KeepAsked | VerifyAsked | VerifyAgainAsked, place: EffectAddress) -> Event:
        match asked:
            case KeepAsked():
                return await self._keep(place)
            case VerifyAsked():
                return await self._verify(place)
            case VerifyAgainAsked():
                return await self._verify_again(place)
            case _:
                assert_never(asked)

    async def _keep(self, place: EffectAddress) -> Event:
        """Keep the files as they are, once nothing of the agent's runs."""
        sandbox, task = self._open[place.stream]
        if task.config.verifier.separate or not isinstance(sandbox, Restorable):
            return StateKept(restorable=False)
        await self._turn(place.stream, shown=False)
        return StateKept(restorable=await sandbox.keep())

    async def _verify_again(self, place: EffectAddress) -> Event:
        """Verify once more, from the files that were kept if any were."""
        if place.stream not in self._open:  # its verdict stands, so nobody made the sandbox again
            return SandboxFailed("lost", "the sandbox ended with the process that held it")
        sandbox, task = self._open[place.stream]
        if task.steps:
            raise Unsupported(self._backend.name, ["verifying a task of several steps again"])
        if isinstance(sandbox, Restorable):
            await sandbox.restore()
        if self._trust(place.stream) == "author":  # else the folder is emptied before each verification anyway
            try:
                await forget_verdict(sandbox)
            except PathRefused as error:
                return SandboxFailed("lost", error.problem)
        return await self._verify(place)

    async def _turn(self, stream: str, *, shown: bool) -> None:
        """Have the agent's skills there while it acts, and away while a verifier looks."""
        if self.ground is not None:
            await (self.ground.show if shown else self.ground.hide)(stream)

    def _told(self, verdict: Verification) -> Event:
        match verdict:
            case Rewarded():
                return VerifierRewarded(verdict.rewards, verdict.reward, *keep_evidence(self._blobs, verdict.evidence))
            case VerdictMissing():
                return VerifierSilent(verdict.reason, verdict.detail, *keep_evidence(self._blobs, verdict.evidence))
            case VerifierBroken():
                return SandboxFailed("lost", verdict.detail)
            case _:
                assert_never(verdict)

    async def _release(self, place: EffectAddress) -> Event:
        """Close it; one that an earlier process held is gone already."""
        held = self._open.pop(place.stream, None)
        self._steps.forget(place.stream)
        if held is not None:
            self.disk.forget(held[0])
            await self._close(held[0])
        await self._clear(place.stream)
        return SandboxReleased()

    async def _close(self, sandbox: Sandbox) -> None:
        """Close it. An engine that fails is an outcome; what else fails is recorded, and harms no trial."""
        try:
            await sandbox.close()
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - the attempt was judged, and what is left is swept
            self.supervisor.failed("close", error)

    async def _clear(self, stream: str) -> None:
        if self.worlds is not None:
            await self.worlds.close(stream)
        if self.ground is not None:
            await self.ground.clear(stream)


async def _nothing(step: TaskStep) -> None:
    """Do nothing in a step."""
    del step
