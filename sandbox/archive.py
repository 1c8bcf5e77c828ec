"""Files on their way into a sandbox and out of it, as tar archives that never touch the host's disk.

Whatever an agent made of its files, ``tar`` inside the sandbox meets it, and not us: a link to the host's
``/etc/shadow`` is only a link here.
"""

import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from events.digest import Digest, digest_of


class FileEntry(Struct, frozen=True):
    """One entry below a folder of a sandbox; links are not followed."""

    path: str
    """Relative to the folder asked for, POSIX, never ``.``."""
    kind: Literal["file", "folder", "link", "other"]
    mode: int
    """Permission bits, 0 to 0o7777."""
    data: bytes | None
    """Content of a file; None for all other kinds."""
    target: str | None
    """Where a link points, as written; None for all other kinds."""

    @property
    def digest(self) -> Digest | None:
        """Name of the content; None for what is not a file."""
        return None if self.data is None else digest_of(self.data)


_MODIFIED: Final = 946_684_800
"""1 January 2000: the same on every machine, and old enough for `make`."""

Rewrite = Callable[[str], str]
"""What becomes of a text file on its way in."""


class Placed(Struct, frozen=True):
    """A file, folder or link of the host, and where it goes."""

    source: Path
    path: str
    """Relative to where the archive is unpacked."""
    mode: int | None = None
    """Permission bits; None keeps those of the source."""
    line_ends: Literal["kept", "unix"] = "kept"
    """unix: CRLF becomes LF."""


def placed_as_is(source: Path) -> Iterator[Placed]:
    """Everything in a folder, sorted. Links are not followed."""
    for path in sorted(source.rglob("*")):
        yield Placed(source=path, path=path.relative_to(source).as_posix())


def placed_runnable(source: Path) -> Iterator[Placed]:
    """Everything in a folder, its scripts made executable, as Harbor does with tests and solutions.

    A script whose interpreter cannot be found for its Windows line ends is given Unix ones. Harbor runs nothing then.
    """
    for each in placed_as_is(source):
        if each.path.endswith(".sh") and each.source.is_file() and not each.source.is_symlink():
            ends: Literal["kept", "unix"] = "unix" if has_windows_shebang(each.source) else "kept"
            yield Placed(source=each.source, path=each.path, mode=0o755, line_ends=ends)
        else:
            yield each


def has_windows_shebang(script: Path) -> bool:
    """Say whether a script names its interpreter in a line that ends as on Windows."""
    with script.open("rb") as file:
        first = file.readline(4096)
    return first.startswith(b"#!") and first.endswith(b"\r\n")


def pack(entries: Iterable[Placed], rewrite: Rewrite, *, written: Iterable[tuple[str, bytes, int]] = ()) -> bytes:
    """An archive whose bytes depend on names, modes and contents only.

    Args:
        entries: Files of the host.
        rewrite: What becomes of texts among them.
        written: Files in memory: path, content and mode.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in entries:
            _add(archive, entry, rewrite)
        for path, data, mode in written:
            info = tarfile.TarInfo(path)
            info.mode, info.size, info.mtime = mode, len(data), _MODIFIED
            archive.addfile(info, io.BytesIO(data))
    return _unpadded(archive, buffer)


def pack_folders(paths: Iterable[str], mode: int) -> bytes:
    """An archive of empty folders."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in paths:
            info = tarfile.TarInfo(path)
            info.type, info.mode, info.mtime = tarfile.DIRTYPE, mode, _MODIFIED
            archive.addfile(info)
    return _unpadded(archive, buffer)


def _unpadded(archive: tarfile.TarFile, buffer: io.BytesIO) -> bytes:
    """Give a closed archive up to its end mark: Podman stops to read there, and fails if more comes too late."""
    return buffer.getvalue()[: archive.offset]


def _add(archive: tarfile.TarFile, entry: Placed, rewrite: Rewrite) -> None:
    info = tarfile.TarInfo(entry.path)
    found = entry.source.lstat()
    info.mode = stat.S_IMODE(found.st_mode) if entry.mode is None else entry.mode
    info.mtime = _MODIFIED
    if stat.S_ISLNK(found.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, str(entry.source.readlink())
        archive.addfile(info)
    elif stat.S_ISDIR(found.st_mode):
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    elif stat.S_ISREG(found.st_mode):
        data = entry.source.read_bytes()
        if entry.line_ends == "unix":
            data = data.replace(b"\r\n", b"\n")
        data = _rewritten(data, rewrite)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))


def _rewritten(data: bytes, rewrite: Rewrite) -> bytes:
    """A text with its paths rewritten; anything else as it is."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    return data if "\0" in text else rewrite(text).encode()


def unpack(data: bytes, *, below: str = "") -> tuple[FileEntry, ...]:
    """What an archive holds, sorted by path.

    Args:
        data: A tar archive.
        below: A folder at its root; paths are told relative to it, and it is left out itself. Empty for the root.
    """
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        found = [
            (_name(member.name.removeprefix(below).lstrip("/") if below else member.name), member) for member in archive
        ]
        entries = [_entry(archive, name, member) for name, member in found if name]
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _entry(archive: tarfile.TarFile, name: str, member: tarfile.TarInfo) -> FileEntry:
    # The second name of a file is a link within the archive; its content is the first one's.
    content = archive.extractfile(member) if member.isreg() or member.islnk() else None
    return FileEntry(
        path=name,
        kind=_kind(member),
        mode=member.mode & 0o7777,
        data=None if content is None else content.read(),
        target=_name(member.linkname) if member.issym() else None,
    )


def _kind(member: tarfile.TarInfo) -> Literal["file", "folder", "link", "other"]:
    if member.isreg() or member.islnk():
        return "file"
    if member.isdir():
        return "folder"
    return "link" if member.issym() else "other"


def _name(name: str) -> str:
    """A name as text that can be recorded: bytes that are no UTF-8 are escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "" if text == "." else text.removeprefix("./")
