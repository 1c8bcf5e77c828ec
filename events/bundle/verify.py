"""Looking through a bundle for anything that is not as it was written. It needs no log and no database."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256

import msgspec
from typing_extensions import override

from events.base import StreamId
from events.bundle.errors import BundleBroken
from events.bundle.format import (
    BLOBS,
    EVENTS,
    MANIFEST,
    PROOF,
    BundledEvent,
    digest_of_blobs,
    is_digest,
    write_manifest,
)
from events.bundle.seals import Sealing, compare, not_proved, proved
from events.bundle.source import BundleSource
from events.digest import Digest, digest_of
from events.errors import LogCorrupt, LogError
from events.findings import (
    AnyFinding,
    BytesLoose,
    EntryStrange,
    ErasedBlob,
    Findings,
    ManifestWrong,
    PositionsMissing,
    StreamCut,
    Unreadable,
    told,
)
from events.integrity.blobs import BlobCheck, NamedBlob, names_in
from events.integrity.seals import AnySeal, extent, findings_on, of_seal, usable
from events.integrity.signing import PublicKey
from events.integrity.verify import EventCheck
from events.store.base import Row
from events.store.chain import Seal
from events.types.session import RunForked


class BundleReport(msgspec.Struct, frozen=True):
    """What was looked at, what was found, and what that proves."""

    run: str
    runs: tuple[str, ...]
    package: str
    events: int
    streams: int
    blobs: int
    """Blobs whose bytes were read and compared with their digests."""
    size: int
    """Bytes of blobs that events name, as the manifest says."""
    erasures: tuple[ErasedBlob, ...]
    digest: Digest
    """Of the manifest, and so of everything: what `bundle write` said."""
    findings: tuple[AnyFinding, ...]
    more: int
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]
    sealed: int | None
    """Events that a seal was shown to cover. None: no seal was given that is worth anything, or something was found."""

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


async def verify_bundle(
    bundle: BundleSource,
    *,
    expected: str | None = None,
    seal: AnySeal | None = None,
    trusted: Collection[PublicKey] = (),
) -> BundleReport:
    """Read everything once and say what is wrong with it.

    Args:
        bundle: What to look through.
        expected: Beginning of the digest that was said when it was written. None: a bundle that somebody made up
            looks like any other.
        seal: Of the log that the run is from.
        trusted: Keys of which one must have signed the seal. Empty: it is taken at its word, and the report says so.
    """
    findings = Findings()
    manifest, digest = bundle.manifest, digest_of(write_manifest(bundle.manifest))
    if expected is not None and not digest.startswith(expected):
        findings.add(ManifestWrong("digest", expected, digest))
    for each in _strange(bundle):
        findings.add(each)
    if loose := bundle.loose_bytes():
        findings.add(BytesLoose(loose))
    looking = _Looking(bundle)
    await looking.look()
    looking.compare(findings)
    sealing = looking.compare_seal(usable(seal, trusted), findings)
    kept = (
        *findings_on(seal, trusted),
        *findings.kept,
        *looking.events.findings.kept,
        *looking.blobs.findings.kept,
    )
    shown, open_ = _claims(looking, sound=not kept, expected=expected)
    by_seal = _sealed(sealing, seal, trusted, sound=not kept)
    return BundleReport(
        run=manifest.run,
        runs=manifest.runs,
        package=manifest.package,
        events=looking.events.events,
        streams=looking.events.streams,
        blobs=looking.blobs.checked,
        size=manifest.blobs.size,
        erasures=tuple(looking.blobs.erased.values()),
        digest=digest,
        findings=kept,
        more=findings.more + looking.events.findings.more + looking.blobs.findings.more,
        proved=shown + by_seal[0],
        not_proved=by_seal[1] + open_,
        sealed=None if sealing is None or kept else sealing.proved,
    )


async def require_sound(bundle: BundleSource) -> BundleReport:
    """Look through a bundle before it is used.

    Raises:
        BundleBroken: It was changed; it names the first thing that was found.
    """
    report = await verify_bundle(bundle)
    if not report.sound:
        raise BundleBroken(str(bundle.path), told(report.findings[0]), len(report.findings) + report.more - 1)
    return report


def _strange(bundle: BundleSource) -> Iterator[EntryStrange]:
    names = {MANIFEST, EVENTS, PROOF} if bundle.manifest.format > 1 else {MANIFEST, EVENTS}
    for name, often in Counter(bundle.names).items():
        known = name in names or (name.startswith(BLOBS) and is_digest(name.removeprefix(BLOBS)))
        if often > 1 or not known:
            yield EntryStrange(name)


class _Events(EventCheck):
    """Events of which others, of other runs, stood in between."""

    def __init__(self) -> None:
        super().__init__(None)
        self.before: bytes | None = None

    @override
    def _check_position(self, row: Row) -> None:
        """See that they are in the order of their log; what is missing in between must be accounted for."""
        onward = row.position == self.position + 1
        if row.position <= self.position or onward != (self.before is None):
            self.findings.add(PositionsMissing(self.position + 1, row.position - 1))

    @override
    def _before(self, row: Row) -> bytes:
        return super()._before(row) if self.before is None else self.before


class _Looking:
    """A look through a bundle."""

    def __init__(self, bundle: BundleSource) -> None:
        self.events = _Events()
        self.blobs = BlobCheck(bundle, Findings())
        self._digests: dict[int, bytes] = {}
        self._linked: set[int] = set()
        self._bundle = bundle
        self._summed = sha256()

    async def look(self) -> None:
        """Read events and what they name."""
        try:
            async for text, page in self._bundle.lines():
                self._summed.update(text)
                await self.blobs.look([named for line in page for named in await self._look_at(line)])
        except LogCorrupt as error:
            self.events.findings.add(Unreadable(self.events.position, error.problem))

    async def _look_at(self, line: BundledEvent) -> Sequence[NamedBlob]:
        self.events.before = line.before
        self._digests[line.row.position] = line.row.digest
        if line.before is None:
            self._linked.add(line.row.position)
        event = self.events.row(line.row)
        if isinstance(event, RunForked):
            # Cuts that are damaged are found to be when the blobs are looked at.
            with suppress(LogError, msgspec.MsgspecError):
                cuts = msgspec.json.decode(await self._bundle.get(event.cuts), type=dict[str, int])
                self.events.shared[line.row.run] = cuts
        return [] if event is None else names_in(line.row.position, event)

    def compare_seal(self, seal: Seal | None, findings: Findings) -> Sealing | None:
        """Compare what was read with a seal of the log it is from."""
        if seal is None:
            return None
        try:
            sealing = compare(self._digests, self._linked, self._bundle.proof(), seal)
        except LogCorrupt as error:
            findings.add(Unreadable(self.events.position, error.problem))
            return None
        for each in sealing.findings:
            findings.add(each)
        return sealing

    def compare(self, findings: Findings) -> None:
        """Compare what was read with what the manifest says."""
        manifest = self._bundle.manifest
        said = {
            StreamId(run, name): last for run, streams in manifest.streams.items() for name, last in streams.items()
        }
        for stream in sorted(said.keys() | self.events.versions.keys()):
            expected, found = said.get(stream, 0), self.events.versions.get(stream, 0)
            if expected != found:
                findings.add(StreamCut(*stream, expected, found))
        blobs = [Digest(name.removeprefix(BLOBS)) for name in self._bundle.names if name.startswith(BLOBS)]
        runs = [run for run in manifest.runs if run in manifest.streams]
        for what, expected_, found_ in (
            ("run", manifest.run, runs[-1] if runs else ""),
            ("events", str(manifest.events.count), str(self.events.events)),
            ("events' digest", manifest.events.sha256, self._summed.hexdigest()),
            ("blobs", str(manifest.blobs.count), str(len(blobs))),
            ("blobs' digest", manifest.blobs.sha256, digest_of_blobs(blobs)),
        ):
            if expected_ != found_:
                findings.add(ManifestWrong(what, expected_, found_))


def _sealed(
    sealing: Sealing | None, seal: AnySeal | None, trusted: Collection[PublicKey], *, sound: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say what a seal proves, and what not, in that order."""
    if seal is None:
        return (), ("that these events come from a log: pass a seal of it with --seal",)
    open_ = tuple(of_seal(seal, trusted))
    if sealing is None:
        return (), ("that these are events of the log that was sealed: the seal given is worth nothing", *open_)
    return tuple(proved(sealing, extent(seal))) if sound else (), (*not_proved(sealing, extent(seal)), *open_)


def _claims(looking: _Looking, *, sound: bool, expected: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    shown, open_ = [], []
    if sound:
        shown.append("every event fits its digest and the one before it in the bundle, every stream is whole")
        erased = f", but for {len(looking.blobs.erased)} erased on purpose" if looking.blobs.erased else ""
        shown.append(f"every blob that an event references is present and unchanged{erased}")
    if sound and expected is not None:
        shown.append("it is the bundle whose digest was given")
    if expected is None:
        open_.append("that it was not made up as a whole: compare its digest with the one `bundle write` said")
    open_.append("that these are all runs of the log, or that nothing was added to the run afterwards")
    open_.append("that what was recorded was true when it was recorded")
    return tuple(shown), tuple(open_)
