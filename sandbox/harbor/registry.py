"""``registry.json``: datasets by name and version, each a list of tasks, in Harbor's format (reference, f).

Unlike Harbor we take no version for granted where there are several: a run that is to be repeated needs one.
"""

import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from sandbox.errors import RegistryWrong

_SUFFIX: Final = ".json"
_MARK: Final = "#"
_LISTED: Final = 12


class RegisteredTask(Struct, frozen=True):
    """A task of a dataset."""

    name: str
    path: str
    """Of its folder: below the repository, or below the registry's folder if there is no `git_url`."""
    git_url: str | None = None
    git_commit_id: str | None = None
    """None, or ``HEAD``: the newest of the repository's own branch."""

    @property
    def folder(self) -> str:
        """The name a run knows it by: that of its folder, as Harbor has it."""
        return posixpath.basename(posixpath.normpath(self.path))


class Dataset(Struct, frozen=True):
    """A dataset in one version."""

    name: str
    version: str
    tasks: tuple[RegisteredTask, ...]
    description: str = ""


class _Registry(Struct, frozen=True):
    datasets: tuple[Dataset, ...]


class DatasetReference(NamedTuple):
    """A dataset as a person names it: ``registry.json#name@version``."""

    file: str
    name: str
    """Empty: the only one there is."""
    version: str
    """Empty: the only one of that name."""


def source_in(text: str) -> DatasetReference | None:
    """Read how a person names a dataset of a registry. None: it names no registry, but a folder."""
    file, mark, dataset = text.rpartition(_MARK) if _MARK in text else (text, "", "")
    if not file.endswith(_SUFFIX):
        return None
    name, _, version = dataset.partition("@")
    return DatasetReference(file, name, version) if mark else DatasetReference(file, "", "")


def find_dataset(source: DatasetReference, base: Path) -> Dataset:
    """Find a dataset in its registry.

    Args:
        source: As it is named.
        base: Against which the path of the registry is read.

    Raises:
        RegistryWrong: The file cannot be read, or none or several of its datasets are meant; it says what is there.
    """
    datasets = _read(base / source.file)
    found = [each for each in datasets if source.name in {"", each.name} and source.version in {"", each.version}]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{each.name}@{each.version}" for each in (found or datasets)[:_LISTED]) or "nothing"
    asked = f"{source.name or 'a dataset'}{'@' if source.version else ''}{source.version}"
    what = f"holds no {asked}" if not found else f"holds {len(found)} that {asked} could be"
    remedy = f"write {source.file}#NAME@VERSION; there is {listed}"
    raise RegistryWrong(source.file, what, remedy=remedy)


def _read(file: Path) -> Sequence[Dataset]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise RegistryWrong(
            str(file), f"cannot be read: {error.strerror}", remedy="give the path of a registry.json"
        ) from error
    try:
        found = msgspec.json.decode(data, type=tuple[Dataset, ...] | _Registry)
    except msgspec.MsgspecError as error:
        remedy = "a registry is a JSON list of {name, version, tasks: [{name, path, git_url, git_commit_id}]}"
        raise RegistryWrong(str(file), f"is not a registry: {error}", remedy=remedy) from error
    return found.datasets if isinstance(found, _Registry) else found
