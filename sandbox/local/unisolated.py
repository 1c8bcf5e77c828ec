"""A cell that confines nothing: for a machine without bubblewrap, and only for tasks one trusts.

What a container's paths mean is done by rewriting: a prefix of ours (``/app``, ``/logs``, ``/tests``,
``/solution``, the task's working folder) at the beginning of a path in a command, or in a script staged to
``/tests`` or ``/solution``, is replaced by the same path below the sandbox's own folder. A path that is put
together at run time is not seen. Outputs show the real paths.

Processes are found again by a variable in their environment, so that one which left its session and its
process group is killed too. One that clears its environment as well escapes; ``describe()`` says so.
"""

import os
import re
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from anyio import move_on_after

from sandbox.base import Mount
from sandbox.local.isolation import LAUNCHER, PROGRAMS_PATH, IsolationOptions
from sandbox.scratch import Scratch

MARK: Final = "STILLROOM_SANDBOX"
OWN_PREFIXES: Final = ("/app", "/logs", "/tests", "/solution")
_KILL_S: Final = 10.0
_AGAIN_S: Final = 0.005
_BEFORE: Final = r"(?<![\w./})*~$-])"
_AFTER: Final = r"(?![\w-]|\.\w)"


class Unisolated:
    """The host itself, with a folder to work in."""

    def __init__(
        self,
        scratch: Scratch,
        confinement: IsolationOptions,
        prefixes: Iterable[str],
        mounts: Sequence[Mount] = (),
    ) -> None:
        root = str(scratch.root)
        self._root = scratch.root
        self._laid_out = False
        self._confinement = confinement
        self._mounts = mounts
        self._mapped = mapped_prefixes([*prefixes, *(each.target for each in mounts)])
        names = "|".join(re.escape(each) for each in self._mapped)
        self._pattern = re.compile(f"{_BEFORE}(?:{names}){_AFTER}")
        own = {
            "HOME": f"{root}/root",
            "TMPDIR": f"{root}/tmp",  # noqa: S108 - in a folder of ours
            MARK: str(scratch.folder),
        }
        self._env = {**{key: self.map_path(value) for key, value in confinement.env.items()}, **own}
        self._mark = f"{MARK}={scratch.folder}".encode()

    def environment(self) -> Mapping[str, str]:
        """See ``IsolationBackend``."""
        return self._env

    def inside(self, path: str) -> str:
        """See ``IsolationBackend``. A path that is not one of ours is the host's."""
        for prefix in self._mapped:
            if path == prefix or path.startswith(f"{prefix}/"):
                return f"{self._root}{path}"
        return path

    def map_path(self, text: str) -> str:
        """See ``IsolationBackend``."""
        return self._pattern.sub(lambda match: f"{self._root}{match[0]}", text)

    def argv(self, words: list[str], cwd: str) -> list[str]:
        """See ``IsolationBackend``. Memory and file size are limited where ``prlimit`` exists; processes cannot be."""
        limits = self._confinement
        bounded = shutil.which("prlimit", path=PROGRAMS_PATH)
        limit = [f"--data={limits.memory_bytes}", f"--fsize={limits.file_bytes}", "--core=0", "--"]
        return [*([bounded, *limit] if bounded else []), "bash", "-p", "-c", LAUNCHER, "sh", self.inside(cwd), *words]

    async def start(self) -> None:
        """See ``IsolationBackend``."""
        # Once: after an agent has been at it, a link could lead our mkdir out of the folder.
        if not self._laid_out:
            self._laid_out = True
            await anyio.to_thread.run_sync(_lay_out, self._root, self._mapped, self._mounts)

    def lost(self) -> str | None:
        """See ``IsolationBackend``."""
        return None if self._root.is_dir() else "its folder is gone"

    async def kill(self) -> None:
        """See ``IsolationBackend``. Killed again until none is found: one may be forking while we look."""
        with move_on_after(_KILL_S, shield=True):
            while await anyio.to_thread.run_sync(_kill_marked, self._mark):  # noqa: ASYNC110 - a process sets no event
                await anyio.sleep(_AGAIN_S)


def mapped_prefixes(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Folders that stand for ones of the sandbox's own, longest first; the host's programs are never among them."""
    return tuple(sorted({_top(each) for each in (*OWN_PREFIXES, *prefixes)} - {""}, key=len, reverse=True))


def _top(path: str) -> str:
    """A path to map as a whole; the host's own top folders stay the host's."""
    parts = path.strip("/").split("/")
    if not parts[0] or parts[0] in {"bin", "dev", "etc", "lib", "lib64", "proc", "sbin", "sys", "usr", "var"}:
        return ""
    return path.rstrip("/") if parts[0] in {"home", "opt", "tmp", "mnt", "srv"} else f"/{parts[0]}"


def _lay_out(root: Path, mapped: tuple[str, ...], mounts: Sequence[Mount]) -> None:
    for name in ("root", "tmp", "logs/agent", "logs/artifacts", "logs/verifier", *(each[1:] for each in mapped)):
        (root / name).mkdir(parents=True, exist_ok=True)
    for each in mounts:
        place = root / each.target[1:]
        place.rmdir()
        place.symlink_to(each.source)


def _kill_marked(mark: bytes) -> int:
    """Kill each process that carries the mark; how many there were."""
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and mark in _environ(entry):
            found += 1
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)
    return found


def _environ(process: Path) -> list[bytes]:
    """A process's variables; none when it ended, or is another user's."""
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
