"""One open container: commands through its runner, files through the engine."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import anyio
from aiodocker.containers import DockerContainer
from anyio import create_task_group, fail_after, move_on_after
from msgspec import structs

from sandbox.archive import FileEntry
from sandbox.base import DEFAULT_OUTPUT_BYTES, DEFAULT_TREE_BYTES, ExecResult
from sandbox.docker.client import Engine, ImageInfo
from sandbox.docker.compose_services import ComposeProject
from sandbox.docker.errors import EngineFailed
from sandbox.docker.exec import MOUNT, ExecRequest, left_open
from sandbox.docker.files import ContainerFiles
from sandbox.docker.health import until_healthy
from sandbox.docker.init_client import ContainerExecutor, InitClient
from sandbox.docker.shared_dir import ContainerState, ReattachFile, ReattachInfo, remove_folder, write_scripts
from sandbox.errors import PathRefused, SandboxLost
from sandbox.harbor.schema import NetworkMode
from sandbox.outputs import InheritedPipes

FIRST: Final = "first"
"""Name of the runner that is a container's first process, or stands beside its entry point, as the image's user."""
READY_S: Final = 60.0
"""Seconds for a container to start and say so."""
_ANSWER_S: Final = 10.0
"""Seconds for the runner of a container that is taken up to answer."""
_CLOSE_S: Final = 60.0
_KILLED: Final = 137
_NO_FORK: Final = frozenset({2, 254})
"""Codes with which shells end that cannot start a process: dash's and bash's."""


class DockerResources(NamedTuple):
    """What a sandbox stands on."""

    engine: Engine
    container: DockerContainer
    folder: Path
    """On the host; the container sees its sub-folder ``io``."""
    town: ComposeProject
    """What stands beside the container."""

    @property
    def io(self) -> Path:
        """Seen from both sides."""
        return self.folder / "io"


class DockerSandbox:
    """See ``Sandbox``."""

    def __init__(self, sandbox: str, ground: DockerResources, *, workdir: str, image: ImageInfo) -> None:
        self._id = sandbox
        self._ground = ground
        self._workdir = workdir
        self._image = image
        self._files = ContainerFiles(sandbox, ground.engine, ground.container.id)
        self._runners = {"": InitClient(ground.io, FIRST)}
        self.keeping = ReattachFile(ground.folder)
        self._numbers = count(1)
        self._lingering = InheritedPipes()
        self._carrier = ContainerExecutor(sandbox, ground.engine, ground.container)
        self._closed = False
        self._changing = anyio.Lock()

    @property
    def id(self) -> str:
        """See ``Sandbox``."""
        return self._id

    @property
    def workdir(self) -> str:
        """See ``Sandbox``."""
        return self._workdir

    @property
    def image(self) -> ImageInfo:
        """What its container was made from."""
        return self._image

    @property
    def container(self) -> DockerContainer:
        """Its own container."""
        return self._ground.container

    async def start(self) -> None:
        """Start the container, and wait until its runner is ready.

        Raises:
            EngineFailed: It does not start, ends at once, or says nothing.
        """
        engine, container = self._ground.engine, self._ground.container
        await engine.start(container)
        if self._image.entrypoint:
            await engine.exec(container, ["/bin/sh", f"{MOUNT}/runner", FIRST], user="")
        with move_on_after(READY_S) as clock:
            async with create_task_group() as group:
                group.start_soon(self._watch)
                await self._runners[""].ready()
                group.cancel_scope.cancel()
        if clock.cancelled_caught:
            raise EngineFailed(f"the container did not start our runner in {READY_S:.0f} s")
        if not self._runners[""].apart:
            raise EngineFailed("the image has no `setsid` (util-linux or busybox), by which commands are kept apart")
        if self._image.checked:
            await until_healthy(engine, container, "the container")
        if self.keeping.card is not None:
            await self.keeping.show(structs.replace(self.keeping.card, main=await standing(engine, container)))

    async def take_up(self, card: ReattachInfo) -> None:
        """Go on with a container that runs, as another process left it.

        Raises:
            EngineFailed: Its runner says nothing.
        """
        await anyio.to_thread.run_sync(write_scripts, self._ground.io)  # another version may have started it
        last, outputs = await anyio.to_thread.run_sync(left_open, self._ground.io)
        self._numbers = count(last + 1)
        for each in outputs:
            self._lingering.keep(each)
        try:
            self._runners[""].order("say")
        except BlockingIOError as error:
            raise EngineFailed("its runner takes no orders: their pipe is full") from error
        with move_on_after(_ANSWER_S) as clock:
            await self._runners[""].ready()
        if clock.cancelled_caught:
            raise EngineFailed(f"its runner did not answer in {_ANSWER_S:.0f} s")
        await self.keeping.show(card)

    def let_be(self) -> None:
        """Let go of our ends, and leave the container as it is."""
        self._closed = True
        self._lingering.close()
        while self._runners:
            self._runners.popitem()[1].close()

    async def exec(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        timeout_s: float | None = None,
        max_output_bytes: int = DEFAULT_OUTPUT_BYTES,
    ) -> ExecResult:
        """See ``Sandbox``."""
        if "\0" in command:
            raise PathRefused("command", "holds a NUL byte, which no shell can be given")
        where = self._workdir if cwd is None else cwd
        runner = await self._runner("" if user is None else str(user))
        wanted = ExecRequest(command, where, env or {}, runner.shell)
        keeper = runner.keeper() or await self._carrier.start(runner, self._ground.io / str(next(self._numbers)))
        errand = self._carrier.begin(keeper, wanted, max_output_bytes)
        try:
            ended = await self._carrier.follow(runner, errand, timeout_s)
            errand.outputs.finish()
        finally:
            if errand.release(self._lingering):
                runner.give_back(keeper)
        if errand.no_folder:
            raise PathRefused(where, "the working directory does not exist")
        code = None
        if ended == "exited":
            code = errand.code if errand.code is not None else await self._fallen()
        stdout, stderr = errand.outputs.trim()
        return ExecResult(code, stdout, stderr, ended, errand.outputs.stdout.total, errand.outputs.stderr.total)

    async def write_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """See ``Sandbox``."""
        self._check()
        await self._files.write_file(path, data, mode=mode)

    async def read_file(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> bytes:
        """See ``Sandbox``."""
        self._check()
        return await self._files.read_file(path, max_bytes=max_bytes)

    async def put_dir(self, source: Path, path: str) -> None:
        """See ``Sandbox``."""
        self._check()
        await self._files.put_dir(source, path)

    async def read_tree(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> tuple[FileEntry, ...]:
        """See ``Sandbox``."""
        self._check()
        return await self._files.read_tree(path, max_bytes=max_bytes)

    async def set_network(self, mode: NetworkMode) -> None:
        """See ``Sandbox``."""
        self._check()
        try:
            await self._ground.town.set_network(self._ground.container, mode)
        except EngineFailed as error:
            raise SandboxLost(self._id, f"its network cannot be changed: {error.detail}") from error

    async def disk_bytes(self) -> int:
        """See ``Sandbox``."""
        return await self._files.written()

    async def halt(self) -> None:
        """See ``Sandbox``. The container is killed and started anew: nothing inside can prevent that, or outlive it."""
        self._check()
        try:
            with fail_after(READY_S, shield=True):
                async with self._changing:
                    await self.keeping.hide()
                    await self._ground.engine.kill(self._ground.container)
                    await self._renew()
                    await self.start()
        except (EngineFailed, TimeoutError) as error:
            raise SandboxLost(self._id, f"it cannot be started again: {error}") from error

    async def close(self) -> None:
        """See ``Sandbox``."""
        self._closed = True
        with move_on_after(_CLOSE_S, shield=True):
            async with self._changing:
                try:
                    await self._ground.engine.remove(self._ground.container.id)
                    await self._ground.town.close()
                except EngineFailed:
                    return  # the folder stays, so that `sweep` finds what is left
                await self._let_go()
                if "" in self._runners:
                    self._runners.pop("").close()
                await remove_folder(self._ground.folder)

    # -----------------------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Fail as soon as the container has ended by itself."""
        engine, container = self._ground.engine, self._ground.container
        await engine.wait(container)
        state = await engine.state(container)
        raise EngineFailed(f"the container ended at once, with code {state.get('ExitCode')}; see its entry point")

    async def _runner(self, user: str) -> InitClient:
        """Give the runner of a user; others than the image's are started when they are first needed."""
        self._check()
        if user in self._runners:
            return self._runners[user]
        async with self._changing:
            self._check()
            runner = InitClient(self._ground.io, f"user-{next(self._numbers)}")
            try:
                argv = ["/bin/sh", f"{MOUNT}/runner", runner.name]
                await self._ground.engine.exec(self._ground.container, argv, user=user)
                with fail_after(READY_S):
                    await runner.ready()
            except (EngineFailed, TimeoutError) as error:
                runner.close()
                raise SandboxLost(self._id, f"no shell for the user {user!r}: {error}") from error
            self._runners[user] = runner
        return runner

    async def _fallen(self) -> int:
        """Say how a command ended that nobody told the end of: its own doing, or the machine's.

        A command that kills everything it can reach, what keeps it too, is told as killed. One that leaves no room
        for another process, or no memory, ends the container: then it is started again, with its files.
        """
        async with self._changing:
            self._check()
            state = await self._carrier.state()
            if state.get("Running") and not self._image.entrypoint:
                return _KILLED
            if not state.get("Running") and not state.get("OOMKilled") and state.get("ExitCode") not in _NO_FORK:
                raise SandboxLost(self._id, f"its container ended with code {state.get('ExitCode')}")
            try:
                await self.keeping.hide()
                # Beside an entry point our runner is no first process, and may be what was killed.
                await self._ground.engine.kill(self._ground.container)
                await self._renew()
                await self.start()
            except EngineFailed as error:
                raise SandboxLost(self._id, error.detail) from error
        return _KILLED

    async def _let_go(self) -> None:
        """Forget what ended with the container's processes: other users' runners, keepers, outputs held open."""
        for user in [each for each in self._runners if each]:
            self._runners.pop(user).close()
        if "" in self._runners:
            self._runners[""].let_go()
        self._lingering.close()

    async def _renew(self) -> None:
        """Forget what ended with the container's processes, and what they left for who starts next."""
        await self._let_go()
        self._runners[""].renew()

    def _check(self) -> None:
        if self._closed:
            raise SandboxLost(self._id, "it is closed")


async def standing(engine: Engine, container: DockerContainer) -> ContainerState:
    """Look at a container."""
    state = await engine.state(container)
    return ContainerState(
        container.id, str(state.get("StartedAt")), bool(state.get("Running")) and not state.get("Paused")
    )
