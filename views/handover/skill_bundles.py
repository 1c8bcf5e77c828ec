"""Bundles of skills as a person handles them: written from a log, and looked through without one."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from anyio import Path as AsyncPath
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import pages_of
from events.base import Ref, StreamId
from events.digest import Digest, digest_of
from events.errors import ExitCode
from events.findings import AnyFinding
from events.integrity.receipts import ReceiptError, SealSignature, proved_event, row_at
from events.integrity.seals import AnySeal, SignedSeal, extent
from events.integrity.signing import PublicKey
from events.store.base import EventLog, Selection
from events.store.chain import GENESIS
from events.store.merkle import needed, root_of
from replay.skill_bundle import (
    FORMAT,
    BlobLine,
    EvidenceLine,
    SealEntry,
    SkillBundle,
    SkillBundleReport,
    SkillManifest,
    listed,
    pack,
    verify,
    write_manifest,
)
from replay.why.graph import Chain
from views.handover.adoptable import FoundRevision
from views.log.verification import found_lines, proof_lines
from views.terminal.errors import UsageWrong
from views.terminal.format import plural, size
from views.terminal.log_access import OpenedLog
from views.terminal.screen import Screen
from views.terminal.tables import RecordView, word
from views.terminal.versions import package_version

SUFFIX: Final = ".skill.bundle"
_RULINGS: Final = frozenset({"candidate.made", "gate.decided", "revision.ruled", "patch.checked", "decision.made"})
_NEAR: Final = 2
"""Steps from the event that put a skill in force within which decisions are put in whole."""


class SkillBundleRow(msgspec.Struct, frozen=True, tag_field="kind", tag="skill_bundle"):
    """A bundle of a skill that was written."""

    path: str
    bytes: int
    skill: str
    run: str
    revision: int | None
    pinned: str
    """Digest of its folder, as `skills list` prints it."""
    events: int
    """Events that are in it whole: the one that put the skill in force, and decisions that it rests on."""
    evidence: int
    """Events of which only digests are in it."""
    blobs: int
    """Blobs of which only digests are in it."""
    count: int
    """Events that the seal covers."""
    root: str
    digest: str
    """Names everything in it but proof and seal; keep it elsewhere, and give it to `bundle verify --digest`."""


class SkillBundleVerifyRow(msgspec.Struct, frozen=True, tag_field="kind", tag="skill_bundle_verified"):
    """What a look through a bundle of a skill showed."""

    sound: bool
    skill: str
    run: str
    revision: int | None
    standing: str
    """What the log said of it when the bundle was written."""
    pinned: str
    package: str
    """Version of stillroom that wrote it, as it says."""
    count: int
    """Events that its seal covers."""
    digest: str
    findings: tuple[AnyFinding, ...]
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]


class _Evidence(NamedTuple):
    """What a revision rests on."""

    whole: tuple[int, ...]
    """Positions of events that are put in whole, in order."""
    events: tuple[EvidenceLine, ...]
    blobs: tuple[BlobLine, ...]


async def write(desk: OpenedLog, found: FoundRevision, target: Path | None, seal: AnySeal) -> SkillBundleRow:
    """Write a skill into a file, with what put it in force.

    Raises:
        UsageWrong: A file is there already.
        ReceiptError: The seal does not cover what it rests on.
        BlobErased: A file of the skill was removed on purpose.
    """
    path = desk.machine.folder / (target or f"{found.skill}{SUFFIX}")
    if await AsyncPath(path).exists():
        raise UsageWrong(f"{path} already exists", remedy="name another file with -o")
    bundle = await _bundle(desk, found, seal)
    data = pack(bundle)
    await AsyncPath(path).write_bytes(data)
    manifest = bundle.manifest
    return SkillBundleRow(
        path=str(path),
        bytes=len(data),
        skill=manifest.skill,
        run=manifest.run,
        revision=manifest.revision,
        pinned=manifest.pinned,
        events=manifest.events.count,
        evidence=manifest.evidence.count,
        blobs=manifest.blobs.count,
        count=bundle.seal.seal.count,
        root=bundle.seal.seal.root or "",
        digest=digest_of(write_manifest(manifest)),
    )


async def _bundle(desk: OpenedLog, found: FoundRevision, seal: AnySeal) -> SkillBundle:
    log, sealed, source = desk.log, extent(seal), found.adoptable.source
    digests = [digest async for page in log.chain() for digest in page]
    evidence = await _evidence(log, source.run, Ref(source.stream, source.version), digests)
    positions = sorted({*evidence.whole, *(each.position for each in evidence.events)})
    if sealed.root is None or positions[-1] > sealed.count or sealed.count > len(digests):
        raise ReceiptError(
            f"the seal does not cover event {positions[-1]}, or has no root", remedy="take a new one with `log seal`"
        )
    nodes = needed(digests, positions, [sealed.count])
    if root_of({each: digests[each - 1] for each in positions}, nodes, sealed.count) != sealed.root:
        raise ReceiptError("the seal is not one of this log", remedy="pass the output of `stillroom log seal` on it")
    events = tuple(
        [proved_event(await row_at(log, each), digests[each - 2] if each > 1 else GENESIS) for each in evidence.whole]
    )
    accepted = next(each for each in events if (each.stream, each.version) == (source.stream, source.version))
    signed = SealSignature(seal.at, seal.key, seal.signature) if isinstance(seal, SignedSeal) else None
    manifest = SkillManifest(
        format=FORMAT,
        kind="skill",
        package=package_version(),
        skill=found.skill,
        run=accepted.run,
        library=source.library,
        revision=source.revision,
        standing=found.standing,
        pinned=found.adoptable.pinned,
        files=found.adoptable.files,
        accepted=accepted.position,
        events=listed(events)[0],
        evidence=listed(evidence.events)[0],
        blobs=listed(evidence.blobs)[0],
    )
    files = {each.name: await log.get(each.digest) for each in found.adoptable.files}
    return SkillBundle(manifest, files, events, evidence.events, evidence.blobs, nodes, SealEntry(sealed, signed))


async def _evidence(log: EventLog, run: str, start: Ref, digests: Sequence[bytes]) -> _Evidence:
    """List what an event rests on."""
    named, blobs = await _walked(log, run, start)
    positions: dict[int, EvidenceLine] = {}
    inside: list[int] = []
    for stream, versions in named.items():
        async for page in pages_of(log, Selection(stream=StreamId(run, stream))):
            for each in page:
                tag = str(each.event.__struct_config__.tag)
                ruled = tag == "revision.ruled" and (stream, each.version + 1) == (start.stream, start.version)
                if ruled or versions.get(each.version):
                    inside.append(each.position)
                elif each.version in versions:
                    digest = Digest(digests[each.position - 1].hex())
                    positions[each.position] = EvidenceLine(each.position, stream, each.version, tag, digest)
    ordered = tuple(positions[each] for each in sorted(positions))
    return _Evidence(tuple(sorted(inside)), ordered, tuple(blobs[each] for each in sorted(blobs)))


async def _walked(log: EventLog, run: str, start: Ref) -> tuple[dict[str, dict[int, bool]], dict[Digest, BlobLine]]:
    """Walk the chain of causes of an event: versions by stream, and whether each is put in whole; and blobs."""
    named: dict[str, dict[int, bool]] = defaultdict(dict)
    named[start.stream][start.version] = True
    blobs: dict[Digest, BlobLine] = {}
    async for node in Chain(log, run).walk(start):
        if node.kind == "blob" and node.digest:
            blobs[Digest(node.digest)] = BlobLine(Digest(node.digest), node.size, node.verified)
        if node.kind != "event" or not node.id:
            continue
        stream, _, version = node.id.partition(":")[2].rpartition("@")
        whole = node.depth <= _NEAR and node.tag in _RULINGS and node.again is not None
        named[stream][int(version)] = named[stream].get(int(version), False) or whole
    return named, blobs


async def verify_file(
    path: Path, data: bytes, expected: str | None, seal: AnySeal | None, trusted: tuple[PublicKey, ...]
) -> SkillBundleVerifyRow:
    """Look through a bundle of a skill.

    Raises:
        BundleUnreadable: It is of a later version.
        BundleDamaged: It cannot be read.
    """
    report: SkillBundleReport = verify(str(path), data, expected=expected, given=seal, trusted=trusted)
    manifest = report.manifest
    return SkillBundleVerifyRow(
        sound=report.sound,
        skill=manifest.skill,
        run=manifest.run,
        revision=manifest.revision,
        standing=manifest.standing,
        pinned=manifest.pinned,
        package=manifest.package,
        count=report.seal.count,
        digest=report.digest,
        findings=report.findings,
        proved=report.proved,
        not_proved=report.not_proved,
    )


def show_verified(screen: Screen, row: SkillBundleVerifyRow) -> ExitCode:
    """Show it, and say with which code a command ends that did."""
    screen.draw(row, render_verified)
    return ExitCode.DONE if row.sound else ExitCode.INTEGRITY


def render_verified(row: SkillBundleVerifyRow) -> RenderableType:
    """Draw what was proved and, just as plainly, what was not."""
    revision = "a candidate" if row.revision is None else f"revision {row.revision}"
    what = f"skill {row.skill}, {revision} of run {row.run}, {row.standing}, written by stillroom {row.package}"
    parts: list[RenderableType] = [
        Text.assemble(word("sound" if row.sound else "broken"), f"  {what}"),
        Text(f"digest {row.digest}"),
    ]
    parts += found_lines(row.findings)
    parts += proof_lines(row.proved, row.not_proved)
    return Group(*parts)


WRITTEN: Final = RecordView(
    SkillBundleRow,
    ("bundle", lambda row: f"{row.path}, {size(row.bytes)}"),
    ("skill", lambda row: f"{row.run}:{row.skill}" + ("" if row.revision is None else f"@{row.revision}")),
    ("whole", lambda row: plural(row.events, "event")),
    ("by digest", lambda row: f"{plural(row.evidence, 'event')}, {plural(row.blobs, 'blob')}"),
    ("seal", lambda row: f"{row.count:,} events, root {row.root}"),
    "digest",
)
