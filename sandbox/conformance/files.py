"""Checks of the conformance suite: files."""

from pathlib import Path
from typing import Final

import anyio

from sandbox.conformance.harness import ConformanceHarness, Entry, expect, refused
from sandbox.errors import PathRefused

_ODD_NAMES: Final = ("with space", "-rf", "quote'\"", "new\nline", "ünï 🜁", "$HOME", "*", "back\\slash", ".hidden")
_LARGE: Final = 8 * 1024 * 1024


async def _odd_names(bench: ConformanceHarness) -> None:
    for name in _ODD_NAMES:
        await bench.sandbox.write_file(f"/app/odd/{name}", name.encode())
        expect(await bench.sandbox.read_file(f"/app/odd/{name}") == name.encode(), repr(name))
    found = tuple(entry.path for entry in await bench.sandbox.read_tree("/app/odd"))
    expect(found == tuple(sorted(_ODD_NAMES)), repr(found))


async def _binary(bench: ConformanceHarness) -> None:
    data = bytes(range(256)) * 3 + b"\r\n\0"
    await bench.sandbox.write_file("/app/binary", data)
    expect(await bench.sandbox.read_file("/app/binary") == data, "the bytes came back changed")


async def _empty(bench: ConformanceHarness) -> None:
    await bench.sandbox.write_file("/app/empty", b"")
    expect(await bench.sandbox.read_file("/app/empty") == b"", "an empty file is not empty")


async def _large(bench: ConformanceHarness) -> None:
    data = bytes(range(251)) * (_LARGE // 251)
    await bench.sandbox.write_file("/app/large", data)
    expect(await bench.sandbox.read_file("/app/large") == data, "8 MiB came back changed")


async def _replaced(bench: ConformanceHarness) -> None:
    await bench.sandbox.write_file("/app/a/b/c", b"first, and longer", mode=0o755)
    await bench.sandbox.write_file("/app/a/b/c", b"second", mode=0o600)
    expect(await bench.output("cat /app/a/b/c; stat -c %a /app/a/b/c") == "second600\n", "not replaced as a whole")


async def _missing(bench: ConformanceHarness) -> None:
    await refused(PathRefused, bench.sandbox.read_file("/app/nothing"))
    await refused(PathRefused, bench.sandbox.read_tree("/app/nothing"))
    await refused(PathRefused, bench.sandbox.read_file("relative"))


async def _wrong_kind(bench: ConformanceHarness) -> None:
    await bench.output("mkdir /app/folder; touch /app/file; mkfifo /app/pipe")
    await refused(PathRefused, bench.sandbox.read_file("/app/folder"))
    await refused(PathRefused, bench.sandbox.read_file("/app/pipe"))
    await refused(PathRefused, bench.sandbox.read_tree("/app/file"))
    await refused(PathRefused, bench.sandbox.write_file("/app/folder", b"x"))


async def _too_large(bench: ConformanceHarness) -> None:
    await bench.output("head -c 2000 /dev/zero > /app/file")
    await refused(PathRefused, bench.sandbox.read_file("/app/file", max_bytes=1999))
    expect(len(await bench.sandbox.read_file("/app/file", max_bytes=2000)) == 2000, "exactly the limit is refused")
    await bench.output("truncate -s 1T /app/sparse 2>/dev/null || head -c 2000000 /dev/zero > /app/sparse")
    await refused(PathRefused, bench.sandbox.read_tree("/app", max_bytes=1_000_000))


async def _put_dir(bench: ConformanceHarness) -> None:
    source = bench.folder / f"put-{bench.sandbox.id.replace('/', '-')}"
    await anyio.to_thread.run_sync(_fill, source)
    await bench.sandbox.put_dir(source, "/app/put")
    text = await bench.output("cd /app/put; stat -c '%n %a' program data deep/script.sh; readlink link; ./program")
    expect(text == "program 750\ndata 640\ndeep/script.sh 755\n/nowhere\nran\n", repr(text))


def _fill(source: Path) -> None:
    (source / "deep").mkdir(parents=True)
    for name, text, mode in (
        ("program", "#!/bin/sh\necho ran\n", 0o750),
        ("data", "data\n", 0o640),
        ("deep/script.sh", "#!/bin/sh\n", 0o644),
    ):
        (source / name).write_text(text, encoding="utf-8")
        (source / name).chmod(mode)
    (source / "link").symlink_to("/nowhere")


async def _tree(bench: ConformanceHarness) -> None:
    await bench.output("mkdir -p /app/t/sub; cd /app/t; printf a > z; printf b > sub/y; ln -s /etc/passwd l")
    found = [(each.path, each.kind, each.data, each.target) for each in await bench.sandbox.read_tree("/app/t")]
    wanted = [
        ("l", "link", None, "/etc/passwd"),
        ("sub", "folder", None, None),
        ("sub/y", "file", b"b", None),
        ("z", "file", b"a", None),
    ]
    expect(found == wanted, repr(found))


async def _hard_links(bench: ConformanceHarness) -> None:
    await bench.output("printf same > /app/one && ln /app/one /app/two")
    found = [(each.path, each.data) for each in await bench.sandbox.read_tree("/app")]
    expect(found == [("one", b"same"), ("two", b"same")], repr(found))


FILE_CHECKS: Final[tuple[Entry, ...]] = (
    ("odd file names survive", None, _odd_names),
    ("binary files survive", None, _binary),
    ("an empty file is a file", None, _empty),
    ("a large file survives", None, _large),
    ("writing replaces and makes folders", None, _replaced),
    ("what is missing is refused", None, _missing),
    ("what is no file, or no folder, is refused", None, _wrong_kind),
    ("what is too large is refused", None, _too_large),
    ("put_dir keeps modes and links", None, _put_dir),
    ("read_tree tells kinds and follows no link", None, _tree),
    ("both names of a file have its content", None, _hard_links),
)
