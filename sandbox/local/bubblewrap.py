"""A cell of namespaces made by bubblewrap.

One `bwrap` lives as long as the cell. Its process 1 is a `cat` that reads a pipe of ours: when we are killed
the pipe closes, `cat` ends, and the kernel ends everything in the process namespace. (`--die-with-parent` does
not reach that far for root: the signal is refused once process 1 has another user.) Commands are brought in
by `nsenter`, one host process each with its own pipes, so that nothing inside can listen in or answer for
them, and background processes go on between commands as they do in a container.

Root is handled apart: `RLIMIT_NPROC` does not bind the real root, so process 1 becomes an unused user first
and root again in a user namespace of its own. Capabilities are dropped in both cases.
"""

import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Final

import anyio
import msgspec
from anyio import EndOfStream, fail_after, move_on_after
from anyio.abc import Process

from sandbox.base import Mount
from sandbox.errors import SandboxUnavailable
from sandbox.local.isolation import LAUNCHER, PROGRAMS_PATH, IsolationOptions, own_python
from sandbox.process import kill_group
from sandbox.scratch import Scratch

_FLAGS: Final = 6
"""Place of a process's flags in ``/proc/<pid>/stat``, counted behind its name."""
_EXITING: Final = 0x4
"""``PF_EXITING`` in the kernel's ``sched.h``."""


class NamespaceInit:
    """Process 1 of the namespace, by a descriptor: a number could have been reused by another process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    @property
    def alive(self) -> bool:
        """Whether it runs and is not about to end: it ends all others first, and those are seen to end earlier."""
        ended = select.poll()  # unlike `select.select`, it takes descriptors above 1023
        ended.register(self._descriptor, select.POLLIN)
        if ended.poll(0):
            return False
        try:
            told = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return not int(told.rpartition(")")[2].split()[_FLAGS]) & _EXITING

    async def kill(self) -> None:
        """Kill it. It is only dead when all others of its namespace are, so none writes afterwards."""
        try:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            await anyio.wait_readable(self._descriptor)
        finally:
            os.close(self._descriptor)


TOOLS: Final = ("bash", "bwrap", "nsenter", "setpriv", "unshare", "prlimit", "env", "cat", "tar", "find")
INNER_USER: Final = 64321
"""User and group of a root-run sandbox on the host; no distribution assigns it."""
_START_S: Final = 20.0
_KILL_S: Final = 10.0
_SHM_BYTES: Final = 64 * 1024 * 1024
_FOLDERS: Final = ("app", "home", "logs/agent", "logs/artifacts", "logs/verifier", "mnt", "opt", "root", "srv", "tmp")
_FOLDERS_IN_VAR: Final = ("var/lib", "var/log", "var/tmp", "var/cache", "run")
_HOST_ETC_FOLDERS: Final = ("alternatives", "ssl/certs")
_HOST_ETC_FILES: Final = ("ld.so.cache", "localtime", "ssl/openssl.cnf")
_MERGED: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DROP: Final = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")
_READY: Final = b"ready\n"
_WAIT_FOR_THE_END: Final = f"echo {_READY.decode().strip()}; exec env --ignore-signal=CHLD cat >/dev/null"

_OWN_ETC: Final = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "hostname": "sandbox\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "resolv.conf": "",
    "os-release": 'ID=stillroom\nPRETTY_NAME="Stillroom local sandbox"\n',
}


class _Info(msgspec.Struct):
    """What bwrap says on its information pipe."""

    pid: int = msgspec.field(name="child-pid")


class BubblewrapIsolation:
    """Namespaces of its own for mounts, processes, IPC, host name and (unless shared) network."""

    def __init__(
        self,
        sandbox: str,
        scratch: Scratch,
        confinement: IsolationOptions,
        *,
        share_network: bool,
        mounts: Sequence[Mount],
    ) -> None:
        self._mounts = mounts
        self._sandbox = sandbox
        self._scratch = scratch
        self._confinement = confinement
        self._network: list[str] = [] if share_network else ["--unshare-net"]
        self._entered: tuple[str, ...] = ("-U", "-m", "-p", "-i", "-u") + (() if share_network else ("-n",))
        self._share_network = share_network
        self._bwrap: Process | None = None
        self._first: NamespaceInit | None = None
        self._starting = anyio.Lock()
        self._laid_out = False

    def environment(self) -> Mapping[str, str]:
        """See ``IsolationBackend``."""
        return self._confinement.env

    def inside(self, path: str) -> str:
        """See ``IsolationBackend``: paths are what they seem."""
        return path

    def map_path(self, text: str) -> str:
        """See ``IsolationBackend``: nothing to do."""
        return text

    def argv(self, words: list[str], cwd: str) -> list[str]:
        """See ``IsolationBackend``."""
        limits = self._confinement
        return [
            *("nsenter", "-t", str(self._first.pid if self._first else 0), *self._entered),
            # Others than root are mapped to root inside already, and may not set groups in their namespace.
            *([] if os.geteuid() == 0 else ["--preserve-credentials"]),
            *("--", *_DROP),
            *("prlimit", f"--data={limits.memory_bytes}", f"--nproc={limits.processes}"),
            *(f"--fsize={limits.file_bytes}", "--core=0", "--", "bash", "-p", "-c", LAUNCHER, "sh", cwd, *words),
        ]

    async def start(self) -> None:
        """See ``IsolationBackend``."""
        async with self._starting:
            if self._bwrap is not None:
                return
            if not self._laid_out:
                await anyio.to_thread.run_sync(_lay_out, self._scratch)
                self._laid_out = True
            for target in self._targets():
                await anyio.to_thread.run_sync(_clear_the_way, self._scratch.root, target)
            try:
                with fail_after(_START_S):
                    await self._launch()
            except (OSError, TimeoutError, EndOfStream, msgspec.DecodeError) as error:
                await self._end()
                raise SandboxUnavailable(self._sandbox, f"bubblewrap did not start: {error!r}") from error
            except BaseException:
                await self._end()
                raise

    def _targets(self) -> list[Path]:
        """List folders that something is mounted on, below those that an agent can change."""
        return [*filter(None, [own_python()]), *(Path(mount.target) for mount in self._mounts)]

    def lost(self) -> str | None:
        """See ``IsolationBackend``."""
        if self._bwrap is None:
            return "it was never started"
        if self._bwrap.returncode is not None or self._first is None or not self._first.alive:
            return "its first process is gone"
        return None

    async def kill(self) -> None:
        """See ``IsolationBackend``. The kernel ends the whole process namespace with its first process."""
        async with self._starting:
            await self._end()

    async def _launch(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        try:
            self._bwrap = await anyio.open_process(
                self._command(writer),
                stdin=PIPE,
                stdout=PIPE,
                stderr=STDOUT,
                env={"PATH": PROGRAMS_PATH},
                cwd="/",
                start_new_session=True,
                pass_fds=(writer,),
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        try:
            info = await _read_all(reader)
        finally:
            os.close(reader)
        # Until its line process 1 may not be in its last user namespace, and a command would join another.
        assert self._bwrap.stdout is not None
        said = await self._bwrap.stdout.receive()
        if said != _READY:
            raise OSError(said.decode(errors="replace").strip())
        self._first = NamespaceInit(msgspec.json.decode(info, type=_Info).pid)

    async def _end(self) -> None:
        """Kill what there is. Shielded and bounded: half a kill would leave a namespace behind."""
        bwrap, self._bwrap = self._bwrap, None
        first, self._first = self._first, None
        with move_on_after(_KILL_S, shield=True):
            if first is not None:
                await first.kill()
            if bwrap is not None:
                # Not bwrap.kill(): it asks for the exit code and so takes it from the event loop's watcher.
                if first is None and bwrap.returncode is None:
                    kill_group(bwrap.pid)
                await bwrap.aclose()

    def _command(self, info: int) -> list[str]:
        root = os.geteuid() == 0
        python = own_python()
        return [
            *("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--as-pid-1"),
            *self._network,
            *([] if root else ["--unshare-user", "--uid", "0", "--gid", "0"]),
            *("--hostname", "sandbox", "--bind", str(self._scratch.root), "/", "--ro-bind", "/usr", "/usr"),
            *_merged(),
            *("--ro-bind", str(self._scratch.etc), "/etc"),
            *([] if python is None else ["--ro-bind", str(python), str(python)]),
            *(word for each in self._mounts for word in ("--ro-bind", str(each.source), each.target)),
            *_etc(share_network=self._share_network),
            # A /dev one can write to would be memory without a limit.
            *("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"),
            *("--perms", "1777", "--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"),  # noqa: S108 - a mount, not a file
            *("--chdir", "/", "--info-fd", str(info), "--"),
            *(_become_another() if root else []),
            *("sh", "-c", _WAIT_FOR_THE_END),
        ]


def _become_another() -> list[str]:
    """From root to an unused user, and to root of a user namespace."""
    user = str(INNER_USER)
    return [
        *("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--"),
        *("unshare", "--user", "--map-root-user", "--"),
    ]


def _merged() -> list[str]:
    """``/bin`` and its like, bound also where the host has links: a link could be replaced inside."""
    words: list[str] = []
    for name in _MERGED:
        path = Path("/", name)
        if path.is_dir():
            words += ["--ro-bind", str(path.resolve()), str(path)]
    return words


def _etc(*, share_network: bool) -> list[str]:
    names = (*_HOST_ETC_FOLDERS, *_HOST_ETC_FILES, *(("resolv.conf",) if share_network else ()))
    return [word for name in names for word in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]


def _lay_out(scratch: Scratch) -> None:
    """Folders an image has, and an ``/etc`` of our own: the host's says who its users are.

    ``/etc`` cannot be written to inside, or an ``ld.so.preload`` of the agent's would run in the verifier.
    """
    for name, text in _OWN_ETC.items():
        (scratch.etc / name).write_text(text, encoding="utf-8")
    for name in _HOST_ETC_FOLDERS:
        (scratch.etc / name).mkdir(parents=True, exist_ok=True)
    for name in _HOST_ETC_FILES:
        (scratch.etc / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch.etc / name).touch()
    for name in (*_FOLDERS, *_FOLDERS_IN_VAR):
        (scratch.root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (scratch.root / name).chmod(0o1777)
    if os.geteuid() == 0:
        for path in (scratch.root, *scratch.root.rglob("*")):
            os.chown(path, INNER_USER, INNER_USER, follow_symlinks=False)


def _clear_the_way(root: Path, target: Path) -> None:
    """Folders down to a mount: an agent may have moved them, or put links there to keep us from starting."""
    place = root
    for part in target.parts[1:]:
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            place.unlink()
        if not place.exists():
            place.mkdir(mode=0o755)
            if os.geteuid() == 0:
                os.chown(place, INNER_USER, INNER_USER)


async def _read_all(reader: int) -> bytes:
    """Everything until the writers are gone."""
    data = b""
    while True:
        await anyio.wait_readable(reader)
        chunk = os.read(reader, 4096)
        if not chunk:
            return data
        data += chunk
