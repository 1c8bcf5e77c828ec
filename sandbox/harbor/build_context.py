"""What a build can see of a folder: its files but for those that ``.dockerignore`` leaves out, found as BuildKit does.

Source: ``dockerfile2llb`` of moby/buildkit. The context is the root, so that ``/x`` and ``../x`` are ``x``, and links
are followed within it and never out of it.
"""

import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from sandbox.harbor.ignore_file import IgnoreRules, clean, glob_pattern

IGNORE: Final = ".dockerignore"
_MOST_LINKS: Final = 40
"""Links that are followed before they are taken to lead round in a circle."""
_WILD: Final = re.compile(r"(?<!\\)[*?\[]")


class BuildContext:
    """A folder that an image is built from."""

    def __init__(self, folder: Path, *, dockerfile: str = "Dockerfile", hidden: Sequence[str] = ()) -> None:
        """Read its ignore file: ``<Dockerfile>.dockerignore`` where there is one, as BuildKit has it.

        Args:
            folder: The context.
            dockerfile: Path of the Dockerfile in it.
            hidden: Folders in it that no build sees.
        """
        self.folder = folder
        self._hidden = frozenset(hidden)
        own = folder / f"{dockerfile}{IGNORE}"
        file = own if own.is_file() else folder / IGNORE
        text = file.read_text(encoding="utf-8-sig", errors="replace") if file.is_file() else ""
        self._rules = IgnoreRules(text.splitlines())

    def visible(self) -> Iterator[str]:
        """List what a build sees, sorted; folders too, those whose content alone is left out included."""
        kept = [path for path in self._everything("") if not self._rules.ignores(path)]
        needed = {str(each) for path in kept for each in PurePosixPath(path).parents if str(each) != "."}
        yield from sorted({*kept, *needed})

    def below(self, path: str) -> tuple[str, ...]:
        """List what a build sees below a folder, by path in the context; empty for a file."""
        return tuple(sorted(each for each in self._everything(path) if not self._rules.ignores(each)))

    def found(self, source: str) -> tuple[str, ...]:
        """Find what a source of ``COPY`` or ``ADD`` stands for, as paths in the context; ``.`` is all of it.

        Args:
            source: As written, variables replaced; may be a pattern.

        Returns:
            Empty: there is no such file, or the ignore file leaves it out.
        """
        path = clean(source)
        if not is_pattern(source):
            return (path,) if self._is_there(path) else ()
        pattern = glob_pattern(path, deep=False)
        return tuple(each for each in sorted(self._everything("")) if pattern.fullmatch(each) and self._is_there(each))

    def is_ignored(self, source: str) -> bool:
        """Say whether a source is in the folder and only the ignore file keeps it from the build."""
        return self._resolved(clean(source)) is not None and not self.found(source)

    def _is_there(self, path: str) -> bool:
        if path == ".":
            return True
        target = self._resolved(path)
        return target is not None and all(self._is_seen(each) for each in (path, target))

    def _is_hidden(self, path: str) -> bool:
        return not self._hidden.isdisjoint((path, *map(str, PurePosixPath(path).parents)))

    def _is_seen(self, path: str) -> bool:
        """Whether a path, or something below it, is not ignored."""
        if self._is_hidden(path):
            return False
        return (
            path == "."
            or not self._rules.ignores(path)
            or any(not self._rules.ignores(each) for each in self._everything(path))
        )

    def _everything(self, below: str) -> Iterator[str]:
        for folder, folders, files in os.walk(self.folder / below):
            base = Path(folder).relative_to(self.folder)
            folders[:] = [name for name in folders if not self._is_hidden((base / name).as_posix())]
            yield from ((base / name).as_posix() for name in (*folders, *files))

    def _resolved(self, path: str) -> str | None:
        """Follow the links of a path within the context. None: it leads to nothing."""
        left, at, links = path.split("/")[::-1], "", 0
        while left:
            part = left.pop()
            here = posixpath.normpath(posixpath.join("/", at, part)).lstrip("/")
            found = self.folder / here
            if found.is_symlink():
                links += 1
                target = os.fspath(found.readlink())
                at = "" if target.startswith("/") else posixpath.dirname(here)
                left += [each for each in target.split("/")[::-1] if each]
            else:
                at = here
            if links > _MOST_LINKS or not (found.is_symlink() or found.exists()):
                return None
        return at or "."


def is_pattern(source: str) -> bool:
    """Say whether a source stands for any number of files, none included."""
    return _WILD.search(source) is not None
