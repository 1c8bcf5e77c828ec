"""Bundles as a person handles them: written, looked through, brought into a log."""

from pathlib import Path
from typing import Final

import msgspec
from anyio import Path as AsyncPath
from rich.console import Group, RenderableType
from rich.text import Text

from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import BundleReport, require_sound, verify_bundle
from events.bundle.write import write_bundle
from events.errors import ExitCode
from events.findings import AnyFinding, ErasedBlob
from events.integrity.seals import AnySeal, extent
from events.integrity.signing import PublicKey
from events.store.sqlite.store import SqliteLog
from views.log.copy_erase import CopyRow, copy_row
from views.log.verification import found_lines, proof_lines
from views.terminal.errors import UsageWrong
from views.terminal.format import plural, short, size, when
from views.terminal.host import Host
from views.terminal.ids import find_run
from views.terminal.log_access import SUFFIX, OpenedLog
from views.terminal.screen import Screen
from views.terminal.tables import RecordView, heading, word
from views.terminal.versions import package_version


class BundleRow(msgspec.Struct, frozen=True, tag_field="kind", tag="bundle"):
    """A bundle that was written."""

    path: str
    bytes: int
    run: str
    runs: tuple[str, ...]
    """The run and those that it was forked from, oldest first."""
    events: int
    blobs: int
    blob_bytes: int
    """Unpacked."""
    erased: int
    """Blobs of which only when and why they were erased is in it."""
    digest: str
    """Names everything in it; keep it elsewhere, and give it to `bundle verify --digest`."""


class BundleVerifyRow(msgspec.Struct, frozen=True, tag_field="kind", tag="bundle_verified"):
    """What a look through a bundle showed."""

    sound: bool
    run: str
    runs: tuple[str, ...]
    package: str
    """Version of stillroom that wrote it, as it says."""
    events: int
    streams: int
    blobs: int
    erasures: tuple[ErasedBlob, ...]
    digest: str
    findings: tuple[AnyFinding, ...]
    more: int
    """Findings beyond those listed."""
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]
    sealed: int | None
    """Events that a seal was shown to cover. None: no seal was given that is worth anything, or something was found."""


async def write(desk: OpenedLog, text: str, target: Path | None, seal: AnySeal | None = None) -> BundleRow:
    """Write a run of a log into a file.

    Args:
        desk: Where it is.
        text: The run's id, as a person types it.
        target: The file. None: named after the run, in the folder where the command was given.
        seal: That it shall be checked against.

    Raises:
        UsageWrong: The seal covers events that the log does not have.
    """
    sizes = () if seal is None else (extent(seal).count,)
    if sizes and sizes[0] > (await desk.log.head()).position:
        raise UsageWrong(
            f"the seal covers {sizes[0]} events, but {desk.path} has fewer", remedy="pass a seal of this log"
        )
    run = await find_run(desk.log, text)
    path = desk.machine.folder / (target or f"{short(run)}{SUFFIX}")
    bundled = await write_bundle(desk.log, run, path, package=package_version(), sizes=sizes)
    made = bundled.manifest
    return BundleRow(
        path=str(path),
        bytes=bundled.size,
        run=run,
        runs=made.runs,
        events=made.events.count,
        blobs=made.blobs.count,
        blob_bytes=made.blobs.size,
        erased=len(made.erased),
        digest=bundled.digest,
    )


def _forked(row: BundleRow) -> str:
    return f", forked from {', '.join(map(short, row.runs[:-1]))}" if len(row.runs) > 1 else ""


def _held(row: BundleRow) -> str:
    erased = f", {row.erased} erased" if row.erased else ""
    return f"{row.events:,} events, {plural(row.blobs, 'blob')} of {size(row.blob_bytes)}{erased}"


WRITTEN: Final = RecordView(
    BundleRow,
    ("bundle", lambda row: f"{row.path}, {size(row.bytes)}"),
    ("run", lambda row: f"{short(row.run)}{_forked(row)}"),
    ("holds", _held),
    "digest",
)


async def verify(
    path: Path, expected: str | None, seal: AnySeal | None = None, trusted: tuple[PublicKey, ...] = ()
) -> BundleVerifyRow:
    """Look through a bundle."""
    async with await BundleSource.open(path) as bundle:
        return _verify_row(await verify_bundle(bundle, expected=expected, seal=seal, trusted=trusted))


def _verify_row(report: BundleReport) -> BundleVerifyRow:
    fields = {name: getattr(report, name) for name in BundleVerifyRow.__struct_fields__}
    return BundleVerifyRow(**fields)


def render_verified(row: BundleVerifyRow) -> RenderableType:
    """Draw what was proved and, just as plainly, what was not."""
    looked = (
        f"run {short(row.run)}, {row.events:,} events, {plural(row.streams, 'stream')}, {plural(row.blobs, 'blob')}"
    )
    parts: list[RenderableType] = [
        Text.assemble(word("sound" if row.sound else "broken"), f"  {looked}, written by stillroom {row.package}"),
        Text(f"digest {row.digest}"),
    ]
    parts += found_lines(row.findings, row.more)
    parts += proof_lines(row.proved, row.not_proved)
    if row.erasures:
        parts += ["", heading(f"{plural(len(row.erasures), 'blob')} erased on purpose")]
        parts += [Text(f"  {each.digest}  {when(each.at)}  {each.reason}") for each in row.erasures]
    return Group(*parts)


def show_verified(screen: Screen, row: BundleVerifyRow) -> ExitCode:
    """Show it, and say with which code a command ends that did."""
    screen.draw(row, render_verified)
    return ExitCode.DONE if row.sound else ExitCode.INTEGRITY


async def read(machine: Host, path: Path, target: Path) -> CopyRow:
    """Bring a bundle into a log; make the log if it is not there.

    Raises:
        BundleBroken: It was changed. Nothing was written.
        RunDiffers: A run is there already, and is not the same. Nothing was written.
    """
    async with await BundleSource.open(path) as bundle:
        runs = (await require_sound(bundle)).runs
        await AsyncPath(target.parent).mkdir(parents=True, exist_ok=True)
        async with await SqliteLog.open(target, clock=machine.clock) as log:
            return copy_row(await copy(bundle, log, runs), list(runs))
