"""One open local sandbox: commands and files, in whichever cell."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anyio
from anyio import Path as AsyncPath
from anyio import move_on_after

from sandbox.archive import FileEntry, Rewrite, pack, placed_runnable, unpack
from sandbox.base import DEFAULT_OUTPUT_BYTES, DEFAULT_TREE_BYTES, MIB, ExecResult
from sandbox.errors import PathRefused, SandboxLost, Unsupported
from sandbox.harbor.schema import NetworkMode
from sandbox.local.isolation import NO_FOLDER, PROGRAMS_PATH, STARTED, IsolationBackend
from sandbox.outputs import InheritedPipes
from sandbox.process import Finished, ProcessSpec, Stuck, run
from sandbox.scratch import Scratch, clear, remove, size_of

_TOOL_ENV: Final = {"PATH": PROGRAMS_PATH, "LD_PRELOAD": "", "LD_LIBRARY_PATH": "", "TAR_OPTIONS": ""}
"""For tools of ours: an image's variables may lead to programs that an agent can replace."""
_CLOSE_S: Final = 60.0
_STAGED: Final = ("/tests", "/solution")
"""Where ``put_dir`` brings programs rather than data, so that a cell may rewrite the paths in them."""
_WRITE: Final = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1" && chmod -- "$2" "$1"'
_READ: Final = '[ -e "$1" ] || { echo missing; exit 1; }; [ -f "$1" ] || { echo "not a file"; exit 1; }; cat -- "$1"'
_UNPACK: Final = 'mkdir -p -- "$1" && tar -x -p --no-same-owner -f - -C "$1"'
_PACK: Final = (
    '[ -e "$1" ] || { echo missing; exit 9; }; [ -d "$1" ] || { echo "not a folder"; exit 9; }; '
    'exec tar -c --format=gnu --hard-dereference -f - -C "$1" .'
)


class LocalSandbox:
    """See ``Sandbox``."""

    def __init__(self, sandbox: str, *, scratch: Scratch, cell: IsolationBackend, workdir: str) -> None:
        self._id = sandbox
        self._scratch = scratch
        self._cell = cell
        self._workdir = workdir
        self._lingering = InheritedPipes()
        self._closed = False
        self._closing = anyio.Lock()

    @property
    def id(self) -> str:
        """See ``Sandbox``."""
        return self._id

    @property
    def workdir(self) -> str:
        """See ``Sandbox``."""
        return self._workdir

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
        if user not in {None, "root", 0, "0"}:
            raise Unsupported("local", [f"user {user!r} (root is the only one)"])
        text = self._cell.map_path(command)
        if "\0" in text:
            raise PathRefused("command", "holds a NUL byte, which no shell can be given")
        finished = await self._run(
            ["bash", "-c", text],
            cwd=self._workdir if cwd is None else cwd,
            job=ProcessSpec(argv=(), env=env or {}, timeout_s=timeout_s, max_output_bytes=max_output_bytes),
        )
        return ExecResult(
            exit_code=_exit_code(finished),
            stdout=finished.stdout,
            stderr=finished.stderr,
            ended=finished.ended,
            stdout_bytes=finished.stdout_bytes,
            stderr_bytes=finished.stderr_bytes,
        )

    async def write_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """See ``Sandbox``."""
        await self._tool(_WRITE, path, f"{mode:o}", stdin=data)

    async def read_file(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> bytes:
        """See ``Sandbox``."""
        return (await self._tool(_READ, path, limit=max_bytes)).stdout

    async def put_dir(self, source: Path, path: str) -> None:
        """See ``Sandbox``."""
        staged = any(path == each or path.startswith(f"{each}/") for each in _STAGED)
        rewrite: Rewrite = self._cell.map_path if staged else str
        if not await AsyncPath(source).is_dir():
            raise PathRefused(str(source), "is not a folder of the host")
        archive = await anyio.to_thread.run_sync(_pack_runnable, source, rewrite)
        await self.unpack(archive, path)

    async def read_tree(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> tuple[FileEntry, ...]:
        """See ``Sandbox``."""
        finished = await self._tool(_PACK, path, limit=max_bytes)
        return await anyio.to_thread.run_sync(unpack, finished.stdout)

    async def set_network(self, mode: NetworkMode) -> None:
        """See ``Sandbox``. There is one network for all phases: tasks that want another for one of them are refused."""

    async def disk_bytes(self) -> int:
        """See ``Sandbox``."""
        return await anyio.to_thread.run_sync(size_of, self._scratch.root)

    async def halt(self) -> None:
        """See ``Sandbox``."""
        if self._closed:
            raise SandboxLost(self._id, "it is closed")
        with move_on_after(_CLOSE_S, shield=True):
            await self._cell.kill()
        self._lingering.close()
        await self._cell.start()

    async def close(self) -> None:
        """See ``Sandbox``."""
        self._closed = True
        with move_on_after(_CLOSE_S, shield=True):
            async with self._closing:
                await self._cell.kill()
                self._lingering.close()
                await anyio.to_thread.run_sync(remove, self._scratch.folder)

    async def keep(self) -> bool:
        """See ``Restorable``."""
        await self.halt()
        kept = self._scratch.kept
        await anyio.to_thread.run_sync(clear, kept)
        await AsyncPath(kept).mkdir(exist_ok=True)
        copied = await anyio.run_process(["cp", "-a", "--", f"{self._scratch.root}/.", kept], check=False)
        if copied.returncode != 0:  # such as a file that its owner may not read
            await anyio.to_thread.run_sync(clear, kept)
            await AsyncPath(kept).rmdir()
        return copied.returncode == 0

    async def restore(self) -> None:
        """See ``Restorable``."""
        kept = self._scratch.kept
        if not await AsyncPath(kept).is_dir():
            return
        if self._closed:
            raise SandboxLost(self._id, "it is closed")
        with move_on_after(_CLOSE_S, shield=True):
            await self._cell.kill()
        self._lingering.close()
        await anyio.to_thread.run_sync(clear, self._scratch.root)
        copied = await anyio.run_process(["cp", "-a", "--", f"{kept}/.", self._scratch.root], check=False)
        if copied.returncode != 0:
            said = copied.stderr.decode(errors="replace").strip()
            raise SandboxLost(self._id, f"its files could not be set back: {said[-500:]}")
        await self._cell.start()

    async def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        await self._tool('mkdir -p -- "$1"', path)

    async def unpack(self, archive: bytes, path: str) -> None:
        """Unpack an archive in a folder, which is made when missing."""
        await self._tool(_UNPACK, path, stdin=archive)

    async def _tool(self, script: str, path: str, *words: str, stdin: bytes = b"", limit: int = MIB) -> Finished:
        """Run a small script of ours inside, on a path; whatever it meets there, it meets inside."""
        if not path.startswith("/") or "\0" in path:
            raise PathRefused(path.replace("\0", "\\0"), "must be absolute and hold no NUL byte")
        job = ProcessSpec(argv=(), env=_TOOL_ENV, stdin=stdin, max_output_bytes=limit)
        finished = await self._run(["sh", "-c", script, "sh", self._cell.inside(path), *words], cwd="/", job=job)
        if finished.ended == "output_limit":
            raise PathRefused(path, f"is larger than {limit} bytes")
        if finished.returncode != 0:
            said = (finished.stderr or finished.stdout).decode(errors="replace").strip()
            raise PathRefused(path, said[-500:] or f"code {finished.returncode}")
        return finished

    async def _run(self, words: list[str], *, cwd: str, job: ProcessSpec) -> Finished:
        """Run words in the cell, and tell its failure from theirs."""
        self._check()
        env = {**self._cell.environment(), **{key: self._cell.map_path(value) for key, value in job.env.items()}}
        full = ProcessSpec(
            argv=self._cell.argv(words, cwd),
            env=env,
            stdin=job.stdin,
            timeout_s=job.timeout_s,
            max_output_bytes=job.max_output_bytes,
        )
        try:
            finished = await run(full, self._lingering)
        except (OSError, ValueError) as error:
            raise SandboxLost(self._id, f"a command could not be started: {error}") from error
        except Stuck as error:
            raise SandboxLost(self._id, "a killed command does not end") from error
        self._judge(finished, cwd)
        return finished

    def _judge(self, finished: Finished, cwd: str) -> None:
        """Refuse to pass on what the cell did as what the command did."""
        if finished.report == NO_FOLDER:
            raise PathRefused(cwd, "the working directory does not exist")
        if finished.ended != "exited":
            return
        if finished.report != STARTED:
            said = finished.stderr.decode(errors="replace").strip()[-500:]
            raise SandboxLost(self._id, f"a command never began (code {finished.returncode}): {said}")
        if finished.returncode == -signal.SIGKILL:
            self._check()

    def _check(self) -> None:
        reason = "it is closed" if self._closed else self._cell.lost()
        if reason is not None:
            raise SandboxLost(self._id, reason)


def _pack_runnable(source: Path, rewrite: Rewrite) -> bytes:
    return pack(placed_runnable(source), rewrite)


def _exit_code(finished: Finished) -> int | None:
    if finished.ended != "exited":
        return None
    return finished.returncode if finished.returncode >= 0 else 128 - finished.returncode
