"""Repositories at one commit, fetched once with git and kept in the user's cache."""

import re
import subprocess
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from sandbox.errors import TaskNotFetched

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEAD: Final = "HEAD"
_LIMIT_S: Final = 900.0
_SAID_CHARS: Final = 400
_GIT: Final = (
    "git",
    *("-c", "core.hooksPath=/dev/null", "-c", "credential.interactive=false", "-c", "core.autocrlf=false"),
    *("-c", "protocol.allow=never", "-c", "protocol.file.allow=always", "-c", "protocol.https.allow=always"),
    *("-c", "protocol.ssh.allow=always"),
)
"""Nobody is asked for a password, nothing of the repository is run, and a URL cannot name a program."""


def checkout(url: str, commit: str | None, cache: Path | None) -> Path:
    """Give the folder of a repository as it was at a commit; git is asked only for what is not there yet.

    Args:
        url: What git takes; ``https``, ``ssh`` or ``file``.
        commit: Its full name, or ``HEAD``. None: ``HEAD``, which is looked up each time.
        cache: Of this user. None: there is none.

    Raises:
        TaskNotFetched: Git is not there, does not reach it, or has no such commit.
    """
    wanted = commit or _HEAD
    if cache is None:
        raise TaskNotFetched(url, wanted, "no cache folder is available", remedy="set HOME or XDG_CACHE_HOME")
    if wanted.upper() == _HEAD:
        wanted = _run(url, wanted, "ls-remote", "--", url, _HEAD).partition("\t")[0].strip()
    if not _COMMIT.fullmatch(wanted):
        detail = "it is not a full commit hash" if wanted else "it has no commit"
        raise TaskNotFetched(url, commit or _HEAD, detail, remedy="write all 40 characters, or HEAD")
    kept = cache / "tasks" / sha256(url.encode()).hexdigest()[:16] / wanted
    if not kept.is_dir():
        _fetch(url, wanted, kept)
    return kept


def _fetch(url: str, commit: str, kept: Path) -> None:
    """Put the files of a commit into a folder, whole or not at all."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=kept.parent) as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        # Said in full: a GIT_DIR in the environment, as below a hook, must not mean another repository.
        repository = ("--git-dir", str(tree / ".git"), "--work-tree", str(tree))
        _run(url, commit, *repository, "init", "--quiet")
        try:
            _run(url, commit, *repository, "fetch", "--quiet", "--depth", "1", "--", url, commit)
        except TaskNotFetched:  # a server need not give a commit by its name
            _run(url, commit, *repository, "fetch", "--quiet", "--", url, "+refs/*:refs/fetched/*")
        _run(url, commit, *repository, "checkout", "--quiet", "--detach", commit)
        with suppress(OSError):  # another process was faster
            tree.rename(kept)


def _run(url: str, commit: str, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours; a URL or a commit stands behind `--`
            [*_GIT, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except FileNotFoundError as error:
        raise TaskNotFetched(url, commit, "git is not installed", remedy="install git") from error
    except subprocess.TimeoutExpired as error:
        raise TaskNotFetched(url, commit, f"git took longer than {_LIMIT_S:g} s") from error
    if done.returncode != 0:
        raise TaskNotFetched(url, commit, f"git {_verb(words)}: {' '.join(done.stderr.split())[-_SAID_CHARS:]}")
    return done.stdout


def _verb(words: tuple[str, ...]) -> str:
    return next(word for word in words if word in {"ls-remote", "init", "fetch", "checkout"})
