"""A skill in one file with what put it in force: its decisions, the digests of its evidence, and a seal.

A zip file, whose entries are stored as they are. Another team verifies it without a log and without a database.
``docs/handover.md`` describes the format; it is a promise.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from engine.adoption.tree import is_safe_path, path_faults
from events.bundle.errors import BundleDamaged, BundleUnreadable
from events.bundle.format import read_proof, write_proof
from events.bundle.source import UNPACKING
from events.digest import Digest, Fingerprint, digest_of
from events.doubled_keys import doubled_key
from events.findings import AnyFinding, BytesLoose, EntryStrange, ManifestWrong, SealDiffers, SealRefuted
from events.integrity.receipts import Place, ProvedEvent, SealSignature, WholeDigest, event_findings
from events.integrity.seals import AnySeal, SignedSeal, extent, findings_on, of_seal, usable
from events.integrity.signing import PublicKey
from events.store.chain import Seal
from events.store.merkle import MerkleNode, root_of
from events.values import NamedDigest
from projections.library import folder_digest

FORMAT: Final = 1
MANIFEST, EVENTS, EVIDENCE, BLOBS, PROOF, SEAL = (
    *("manifest.json", "events.jsonl", "evidence.jsonl", "blobs.jsonl", "proof.json", "seal.json"),
)
SKILL: Final = "skill/"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MOST_BYTES: Final = 1 << 30


class ListedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry that lists things, one a line."""

    count: int
    sha256: Digest


class EvidenceLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that a decision rests on, which is withheld."""

    position: Place
    stream: str
    version: Place
    tag: str
    digest: WholeDigest


class BlobLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that a decision rests on, which are withheld."""

    digest: Digest
    bytes: int
    verified: str
    """``kept``: they were there when the bundle was written, and had this digest. ``erased``: removed on purpose."""


class SkillManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle of a skill says of itself."""

    format: int
    kind: Literal["skill"]
    package: str
    """Version of stillroom that wrote it."""
    skill: str
    run: str
    library: str | None
    revision: int | None
    """None: a candidate, which was not accepted."""
    standing: str
    """What the log said of it when the bundle was written."""
    pinned: Fingerprint
    """Digest of its folder, as `skills list` prints it."""
    files: tuple[NamedDigest, ...]
    accepted: int
    """Position of the event that put it in force."""
    events: ListedPart
    """That event and the decisions that it rests on, whole."""
    evidence: ListedPart
    """Digests of all other events that they rest on."""
    blobs: ListedPart
    """Digests of the bytes that they rest on."""


class SealEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The seal."""

    seal: Seal
    signed: SealSignature | None

    @property
    def sealed(self) -> AnySeal:
        """As it was given."""
        return self.seal if self.signed is None else SignedSeal(self.seal, *msgspec.structs.astuple(self.signed))


class SkillBundle(NamedTuple):
    """All that is in a bundle of a skill."""

    manifest: SkillManifest
    files: Mapping[str, bytes]
    """Of the skill, by path below its folder."""
    events: tuple[ProvedEvent, ...]
    evidence: tuple[EvidenceLine, ...]
    blobs: tuple[BlobLine, ...]
    nodes: Mapping[MerkleNode, bytes]
    seal: SealEntry


class SkillBundleReport(NamedTuple):
    """What a look through a bundle of a skill showed."""

    manifest: SkillManifest
    digest: Digest
    """Of the manifest, and so of all but proof and seal."""
    seal: Seal
    findings: tuple[AnyFinding, ...]
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def listed(lines: Iterable[msgspec.Struct]) -> tuple[ListedPart, bytes]:
    """Write a list, and what the manifest says of it."""
    parts = [msgspec.json.encode(each) + b"\n" for each in lines]
    return ListedPart(len(parts), digest_of(b"".join(parts))), b"".join(parts)


def write_manifest(manifest: SkillManifest) -> bytes:
    """Write a manifest, for programs and people."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"


def pack(bundle: SkillBundle) -> bytes:
    """Write a bundle; equal ones make equal bytes."""
    manifest, count = bundle.manifest, bundle.seal.seal.count
    entries = {
        MANIFEST: write_manifest(manifest),
        EVENTS: listed(bundle.events)[1],
        EVIDENCE: listed(bundle.evidence)[1],
        BLOBS: listed(bundle.blobs)[1],
        PROOF: write_proof([count], bundle.nodes),
        SEAL: msgspec.json.encode(bundle.seal) + b"\n",
    }
    return _zip(entries | {f"{SKILL}{manifest.skill}/{path}": data for path, data in sorted(bundle.files.items())})


def _zip(entries: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            file.writestr(entry, data)
    return out.getvalue()


def read_skill_bundle(path: Path) -> bytes | None:
    """Read a file that is a bundle of a skill. None: it is none, but perhaps one of a run. Blocking.

    Raises:
        BundleDamaged: It is too large for one.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if SEAL not in file.namelist():
                return None
    except UNPACKING:
        return None
    if path.stat().st_size > _MOST_BYTES:
        raise BundleDamaged(str(path), "it is too large for a skill")
    return path.read_bytes()


def verify(
    path: str,
    data: bytes,
    *,
    expected: str | None = None,
    given: AnySeal | None = None,
    trusted: Collection[PublicKey] = (),
) -> SkillBundleReport:
    """Look through a bundle of a skill.

    Args:
        path: Where it is, for people.
        data: All of its bytes.
        expected: Beginning of the digest that was said when it was written. None: nobody said.
        given: Seal that the verifier holds. None: the bundle's own is all there is.
        trusted: Keys of which one must have signed the seal.

    Raises:
        BundleUnreadable: It is of a later version.
        BundleDamaged: It cannot be read.
    """
    entries, findings = _entries(path, data)
    bundle = _read(path, entries)
    digest = digest_of(entries[MANIFEST])
    if expected is not None and not digest.startswith(expected):
        findings.append(ManifestWrong("digest", expected, digest))
    findings += [
        *_doubled(entries),
        *_paths(bundle.manifest),
        *_skill(bundle, entries),
        *_lists(bundle, entries),
        *_accepted(bundle),
    ]
    findings += [found for event in bundle.events for found in event_findings(event)]
    if not findings and _zip(entries) != data:
        findings.append(BytesLoose(abs(len(_zip(entries)) - len(data)) or 1))
    own = bundle.seal.sealed
    seal = own if given is None else given
    findings += [*findings_on(seal, trusted), *(() if given is None else findings_on(own, ()))]
    compared = usable(seal, trusted)
    findings += [] if compared is None else _sealing(bundle, compared)
    proved = () if findings else tuple(_proved(bundle, extent(seal)))
    not_proved = tuple(_not_proved(bundle, seal, trusted, held=given is not None))
    return SkillBundleReport(bundle.manifest, digest, bundle.seal.seal, tuple(findings), proved, not_proved)


def _entries(path: str, data: bytes) -> tuple[dict[str, bytes], list[AnyFinding]]:
    entries: dict[str, bytes] = {}
    findings: list[AnyFinding] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if sum(each.file_size for each in file.infolist()) > _MOST_BYTES:
                raise BundleDamaged(path, "it is too large for a skill")
            for each in file.infolist():
                if each.filename in entries:
                    findings.append(EntryStrange(each.filename))
                entries[each.filename] = file.read(each)
    except UNPACKING as error:
        raise BundleDamaged(path, str(error)) from error
    return entries, findings


def _read(path: str, entries: Mapping[str, bytes]) -> SkillBundle:
    """Read the parts.

    Raises:
        BundleDamaged: One is missing, or is none.
        BundleUnreadable: It is of a later version.
    """
    try:
        manifest = msgspec.json.decode(entries[MANIFEST], type=SkillManifest)
        if manifest.format != FORMAT:
            raise BundleUnreadable(path, f"it has format {manifest.format}, and this version reads {FORMAT}")
        lines = {name: entries[name].splitlines() for name in (EVENTS, EVIDENCE, BLOBS)}
        below = f"{SKILL}{manifest.skill}/"
        return SkillBundle(
            manifest,
            {name.removeprefix(below): data for name, data in entries.items() if name.startswith(below)},
            tuple(msgspec.json.decode(line, type=ProvedEvent) for line in lines[EVENTS]),
            tuple(msgspec.json.decode(line, type=EvidenceLine) for line in lines[EVIDENCE]),
            tuple(msgspec.json.decode(line, type=BlobLine) for line in lines[BLOBS]),
            read_proof(entries[PROOF]),
            msgspec.json.decode(entries[SEAL], type=SealEntry),
        )
    except KeyError as error:
        raise BundleDamaged(path, f"it has no {error.args[0]}") from error
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise BundleDamaged(path, str(error)) from error


def _doubled(entries: Mapping[str, bytes]) -> Iterator[AnyFinding]:
    """Find keys that stand twice: the verifier would take the last value, and another reader the first one."""
    lines = [(name, line) for name in (EVENTS, EVIDENCE, BLOBS) for line in entries[name].splitlines()]
    for name, data in (*((each, entries[each]) for each in (MANIFEST, PROOF, SEAL)), *lines):
        key = doubled_key(data)
        if key is not None:
            yield ManifestWrong(f"key of {name}", "once", f"{key} twice")


def _paths(manifest: SkillManifest) -> Iterator[AnyFinding]:
    """Find names that lead elsewhere, or to one file, when the bundle is unpacked, on some system or other."""
    if not is_safe_path(manifest.skill) or "/" in manifest.skill:
        yield ManifestWrong("name of the skill", "a folder", manifest.skill)
    for fault in path_faults(manifest.files):
        yield ManifestWrong("path", "one file below the skill's folder, on any system", fault)


def _skill(bundle: SkillBundle, entries: Mapping[str, bytes]) -> Iterator[AnyFinding]:
    """Compare the skill's files with the manifest."""
    manifest = bundle.manifest
    named = {each.name: each.digest for each in manifest.files}
    for path, digest in named.items():
        found = bundle.files.get(path)
        if found is None or digest_of(found) != digest:
            yield ManifestWrong(f"file {path}", digest, "nothing" if found is None else digest_of(found))
    known = {MANIFEST, EVENTS, EVIDENCE, BLOBS, PROOF, SEAL}
    known |= {f"{SKILL}{manifest.skill}/{path}" for path in named}
    yield from (EntryStrange(name) for name in entries if name not in known)
    if folder_digest(manifest.files) != manifest.pinned:
        yield ManifestWrong("digest of the folder", manifest.pinned, folder_digest(manifest.files))


def _lists(bundle: SkillBundle, entries: Mapping[str, bytes]) -> Iterator[AnyFinding]:
    """Compare the lists with the manifest, and with each other."""
    manifest = bundle.manifest
    for name, part in ((EVENTS, manifest.events), (EVIDENCE, manifest.evidence), (BLOBS, manifest.blobs)):
        found = ListedPart(entries[name].count(b"\n"), digest_of(entries[name]))
        if found != part:
            yield ManifestWrong(name, f"{part.count} lines, {part.sha256}", f"{found.count} lines, {found.sha256}")
    # Of two events in one place the seal knows one, and the other could say anything.
    positions = [*(each.position for each in bundle.events), *(each.position for each in bundle.evidence)]
    twice = {position for position, times in Counter(positions).items() if times > 1}
    yield from (ManifestWrong("event listed twice", "once", str(position)) for position in sorted(twice))


class _Acceptance(msgspec.Struct):
    """What an event that makes a revision, or a candidate, says of it."""

    skill: str
    files: tuple[NamedDigest, ...]
    revision: int | None = None


def _accepted(bundle: SkillBundle) -> Iterator[AnyFinding]:
    """Compare the skill with the event that put it in force."""
    manifest = bundle.manifest
    event = next((each for each in bundle.events if each.position == manifest.accepted), None)
    if event is None:
        yield ManifestWrong("event that put it in force", str(manifest.accepted), "nothing")
        return
    try:
        told = msgspec.json.decode(event.payload, type=_Acceptance)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        yield ManifestWrong("event that put it in force", "a revision of a skill", str(error))
        return
    if set(told.files) != set(manifest.files):
        yield ManifestWrong("files", folder_digest(told.files), folder_digest(manifest.files))
    for name, expected, found in (
        ("skill", told.skill, manifest.skill),
        ("run", event.run, manifest.run),
        ("revision", str(told.revision), str(manifest.revision)),
    ):
        if expected != found:
            yield ManifestWrong(name, expected, found)


def _sealing(bundle: SkillBundle, seal: Seal) -> Iterator[AnyFinding]:
    made_for = bundle.seal.seal
    if made_for.count != seal.count:
        yield SealDiffers(made_for.count, seal.count)
        return
    known = {each.position: bytes.fromhex(each.digest) for each in bundle.evidence}
    known |= {each.position: bytes.fromhex(each.digest) for each in bundle.events}
    placed = all(1 <= position <= seal.count for position in known)
    if not placed or root_of(known, bundle.nodes, seal.count) != seal.root:
        yield SealRefuted(seal.count)


def _proved(bundle: SkillBundle, seal: Seal) -> Iterator[str]:
    manifest, revision = bundle.manifest, bundle.manifest.revision
    state = "a candidate" if revision is None else f"revision {revision}"
    yield f"these files are {state} of {manifest.skill}, as event {manifest.accepted} of the log says"
    yield f"that event and decisions that it rests on, {len(bundle.events)} in all, are here as they were recorded"
    yield (
        f"they, and {len(bundle.evidence)} events of evidence of which only digests are here, stand at their positions "
        f"in the log whose first {seal.count} events were sealed"
    )


def _not_proved(bundle: SkillBundle, seal: AnySeal, trusted: Collection[PublicKey], *, held: bool) -> Iterator[str]:
    if not held:
        yield "that the seal is one that was taken: it came with the bundle; pass the one that you hold with --seal"
    yield from of_seal(seal, trusted)
    yield "that the decisions rest on the evidence that is listed, and on no other: the log can show it, with `why`"
    yield f"of which stream and kind the {len(bundle.evidence)} withheld events are: only their digests are sealed"
    yield f"that the {len(bundle.blobs)} listed blobs are theirs, and what they hold: no seal covers that list"
    yield f"that the skill stood so ({bundle.manifest.standing}): that is the word of whoever wrote the bundle"
    yield "whether the skill was retired, or replaced, after the seal"
    yield "that what was recorded was true when it was recorded"
