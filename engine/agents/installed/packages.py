"""Kits: what an agent needs, its own node included, installed once for this user and mounted read-only.

A kit's folder is named by the digest of what was asked for; what npm really installed is named by the digest of its
lock file, which is recorded with every run of the agent. Packages run no install scripts.
"""

import shutil
import sys
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import mkdtemp
from typing import Final, NamedTuple

import anyio
import msgspec

from engine.agents.installed.adapter import NODE, AgentAdapter, arch
from engine.agents.installed.errors import KitUnavailable
from events.digest import Fingerprint, digest_of

_LAUNCHER: Final = Path(__file__).with_name("launch.mjs")
_LOCK: Final = "package-lock.json"
_NPM: Final = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--omit=dev")
_INSTALL_S: Final = 900.0


class AgentPackage(NamedTuple):
    """What is installed."""

    folder: Path
    lock: Fingerprint
    """Of the lock file: names every package with its version and the digest of its bytes."""


class AgentPackages:
    """The kits of one user."""

    def __init__(self, cache: Path, *, programs: str | None = None) -> None:
        """Say where they are kept; the folder is made when it is needed.

        Args:
            cache: The folder.
            programs: Where npm is looked for, as in ``PATH``. None: where this process looks.
        """
        self._cache = cache
        self._programs = programs
        self._lock = anyio.Lock()

    def here(self, recipe: AgentAdapter) -> AgentPackage | None:
        """Give a kit that is installed. None: it is not."""
        folder = self._folder(recipe)
        lock = folder / _LOCK
        return AgentPackage(folder, Fingerprint(digest_of(lock.read_bytes()))) if lock.is_file() else None

    async def ready(self, recipe: AgentAdapter) -> AgentPackage:
        """Give a kit, and install it first if need be.

        Raises:
            KitUnavailable: There is no npm, or it fails.
        """
        async with self._lock:
            found = await anyio.to_thread.run_sync(self.here, recipe)
            if found is None:
                await self._install(recipe)
                found = await anyio.to_thread.run_sync(self.here, recipe)
            assert found is not None
            return found

    def _folder(self, recipe: AgentAdapter) -> Path:
        asked = digest_of(_manifest(recipe) + _LAUNCHER.read_bytes())[:16]
        return self._cache / "kits" / f"{recipe.name}-{recipe.version}-{asked}"

    async def _install(self, recipe: AgentAdapter) -> None:
        if not sys.platform.startswith("linux"):
            raise KitUnavailable(recipe.name, "sandboxes run Linux, and this machine does not", remedy="use Linux")
        npm = shutil.which(_NPM[0], path=self._programs)
        if npm is None:
            raise KitUnavailable(
                recipe.name, "npm was not found", remedy="install node with npm (on Debian: apt-get install npm)"
            )
        folder = self._folder(recipe)
        made = await anyio.to_thread.run_sync(_prepared, folder, _manifest(recipe))
        try:
            with anyio.fail_after(_INSTALL_S):
                await anyio.run_process([npm, *_NPM[1:]], cwd=made)
            await anyio.to_thread.run_sync(_keep, made, folder)
        except CalledProcessError as error:
            said = (error.stderr or error.stdout or b"").decode(errors="replace").strip()
            raise KitUnavailable(recipe.name, f"npm failed: {said[-500:]}", remedy="check npm's settings") from error
        except (OSError, TimeoutError) as error:
            raise KitUnavailable(recipe.name, f"npm did not end: {error!r}", remedy="check the network") from error
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(forget, made)


def _manifest(recipe: AgentAdapter) -> bytes:
    wanted = {recipe.package: recipe.version, f"node-linux-{arch()}": NODE}
    return msgspec.json.encode({"name": "stillroom-kit", "private": True, "dependencies": wanted})


def _prepared(folder: Path, manifest: bytes) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(dir=folder.parent, prefix=".making-"))
    (made / "package.json").write_bytes(manifest)
    shutil.copyfile(_LAUNCHER, made / _LAUNCHER.name)
    return made


def _keep(made: Path, folder: Path) -> None:
    """Give it its name, unless another process was first. Others than its owner run it in the sandbox."""
    made.chmod(0o755)
    for path in (made / "node_modules").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or _runs(path) else 0o644)
    if not folder.exists():
        made.rename(folder)


def _runs(path: Path) -> bool:
    """Whether a file is a programme: npm loses the mark of some."""
    if path.stat().st_mode & 0o111:
        return True
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def forget(made: Path) -> None:
    """Remove a folder of ours."""
    shutil.rmtree(made, ignore_errors=True)
