"""What a folder holds, to the byte: its files with their modes, its folders, and whatever else stands in it."""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

import msgspec

from events.digest import Digest, digest_of
from events.values import NamedDigest

FILE_MODE: Final = 0o644
FOLDER_MODE: Final = 0o755
"""Modes of adopted skills: no log records modes of skill files, and agents read them or hand them to an interpreter."""
HEAD: Final = "SKILL.md"

_encoder = msgspec.json.Encoder(order="deterministic")


class TreeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A regular file."""

    digest: Digest
    """SHA-256 of its bytes."""
    mode: int
    """Permission bits, from 0 to 0o7777."""


class FolderTree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A folder. Times, owners and extended attributes are no part of it."""

    files: Mapping[str, TreeFile]
    """By path below the folder, with ``/``."""
    folders: Mapping[str, int]
    """Permission bits by path; the folder itself is the empty path."""
    others: Mapping[str, str] = {}
    """What is neither, by path: ``link``, or ``other`` for devices, pipes and sockets. Never in a tree of ours."""

    @property
    def digest(self) -> Digest:
        """Digest of all of it."""
        return digest_of(_encoder.encode(self))


def skill_tree(files: tuple[NamedDigest, ...]) -> FolderTree:
    """Give the folder that a skill's files make."""
    folders = {"": FOLDER_MODE}
    for file in files:
        folders |= {str(each): FOLDER_MODE for each in PurePosixPath(file.name).parents if each.name}
    return FolderTree({each.name: TreeFile(each.digest, FILE_MODE) for each in files}, folders)


def path_faults(files: tuple[NamedDigest, ...]) -> Iterator[str]:
    """Say why files cannot be laid out as a skill's folder, wherever that is. Nothing: they can."""
    names = [each.name for each in files]
    if HEAD not in names:
        yield f"it has no {HEAD}"
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents if parent.name}
    seen: dict[str, str] = {}
    for name in [*names, *sorted(folders)]:
        if not is_safe_path(name):
            yield f"{name!r} is no path below its folder"
        elif name in folders and name in names:
            yield f"{name} is a file and a folder"
        # A Mac and Windows take both for one file: the second would write over the first.
        elif seen.get(one_name(name), name) != name:
            yield f"{name} and {seen[one_name(name)]} are one file on some systems"
        seen.setdefault(one_name(name), name)


def one_name(name: str) -> str:
    """Give what two names have in common that a Mac or Windows takes for one: without case, accents put together."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def is_safe_path(path: str) -> bool:
    """Say whether a path stays below its folder, on any system."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") for part in parts) and not any(each in path for each in ("\\", "\0", ":"))


def changes(before: FolderTree | None, after: FolderTree | None) -> list[str]:
    """Say in words what differs, path by path, in the order of paths.

    Args:
        before: What is expected, or was. None: nothing there.
        after: What is. None: nothing there.
    """
    if before is None or after is None:
        return [] if before is after else ["the folder is missing" if after is None else "the folder is there"]
    old, new = _flat(before), _flat(after)
    return [each for path in sorted({*old, *new}) for each in _change(path or ".", old.get(path), new.get(path))]


def _flat(tree: FolderTree) -> dict[str, tuple[str, int]]:
    """Give content and mode by path."""
    files = {path: (f"file {each.digest}", each.mode) for path, each in tree.files.items()}
    folders = {path: ("folder", mode) for path, mode in tree.folders.items()}
    return files | folders | {path: (kind, 0) for path, kind in tree.others.items()}


def _change(path: str, old: tuple[str, int] | None, new: tuple[str, int] | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{path} is missing" if new is None else f"{path} was added"
    elif old[0] != new[0]:
        yield f"{path} was changed"
    elif old[1] != new[1]:
        yield f"mode of {path} is {new[1]:o}, was {old[1]:o}"
