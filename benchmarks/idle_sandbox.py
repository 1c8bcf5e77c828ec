"""A sandbox that does nothing, at once: for measuring everything else. Never used outside of benchmarks."""

from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.archive import FileEntry
from sandbox.base import DEFAULT_OUTPUT_BYTES, DEFAULT_TREE_BYTES, ExecResult, Isolation, SandboxSpec
from sandbox.harbor.schema import NetworkMode
from sandbox.harbor.task import Task

_NOTHING = ExecResult(0, b"ok\n", b"", "exited", 3, 0)
_REWARD = (FileEntry("reward.txt", "file", 0o644, b"0\n", None),)


class IdleSandbox:
    """Every command succeeds, and the verifier finds a reward of 0."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.workdir = "/app"

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
        """Do nothing."""
        del command, cwd, env, user, timeout_s, max_output_bytes
        return _NOTHING

    async def write_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Do nothing."""

    async def read_file(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> bytes:
        """Give nothing."""
        del path, max_bytes
        return b""

    async def put_dir(self, source: Path, path: str) -> None:
        """Do nothing."""

    async def read_tree(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> tuple[FileEntry, ...]:
        """Give a reward of 0, so that nothing is distilled: the figure is of turns."""
        del path, max_bytes
        return _REWARD

    async def set_network(self, mode: NetworkMode) -> None:
        """See ``Sandbox``; there is no network."""

    async def disk_bytes(self) -> int:
        """Nothing is written."""
        return 0

    async def halt(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


class IdleBackend:
    """Opens sandboxes that do nothing."""

    name = "idle"

    @property
    def disk(self) -> Path | None:
        """Nothing is written."""
        return None

    def describe(self) -> Isolation:
        """Nothing runs, so nothing is promised."""
        return Isolation("none", "nothing is run", None, frozenset())

    def check(self, task: Task) -> list[str]:
        """Honour everything."""
        del task
        return []

    def notes(self, task: Task) -> list[str]:
        """Nothing to say."""
        del task
        return []

    lasting = None

    async def sweep(self, which: Callable[[str], bool]) -> tuple[str, ...]:
        """Nothing is ever left."""
        del which
        return ()

    async def open(self, spec: SandboxSpec) -> IdleSandbox:
        """Open at once."""
        return IdleSandbox(spec.id)
