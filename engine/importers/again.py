"""Importing a run again in memory, from the files that the log keeps: for what an earlier version did not record.

Earlier versions recorded no inputs. What they recorded stands; read again are only the inputs, and those interventions
that no event of theirs records.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.config.spec import RunSpec
from engine.core.decision import FIRST_REVISION, Observed
from engine.core.errors import EngineError
from engine.importers.assumed import OPENING, Assumed, Noted, assumed_spec, texts_of
from engine.importers.atif.reader import read_atif
from engine.importers.atif.to_events import holds_verdict
from engine.importers.atif.to_events import outcome_of as outcome_by_atif
from engine.importers.harbor.files import results_in
from engine.importers.harbor.outcomes import outcome_of as outcome_by_harbor
from engine.importers.harbor.outcomes import places
from engine.importers.harbor.schema import RESULT
from engine.importers.skillevolbench.files import RECORDS
from engine.importers.skillevolbench.records import outcome_of as outcome_by_skillevolbench
from engine.importers.skillevolbench.records import read_record
from engine.importers.spark.assemble import tell
from engine.importers.spark.decisions import Reflecting, spec_of
from engine.importers.spark.files import TaskFiles
from engine.importers.spark.injections import injections
from engine.importers.spark.reader import Warnings
from engine.importers.spark.records import EMPTY, Story
from engine.importers.spark.to_events import SOURCES
from engine.importers.spark.to_events import outcome_of as outcome_by_spark
from engine.programs.train.method import CompatibleSpec
from events.base import Recorded, Ref
from events.digest import Digest, digest_of
from events.redaction.redactor import NOTHING_SECRET
from events.store.base import BlobStore
from events.streams import attempt_stream, trial_stream
from events.types.attempt import AttemptJudged
from events.types.memo import MemoImported
from events.types.pdi import PdiImported
from events.types.run import RunImported
from events.types.trajectory import TrajectoryImported
from events.types.trial import AttemptConcluded

Streams = Mapping[str, Sequence[Recorded]]
"""What an imported run recorded, by stream."""


class ToldOtherwise(EngineError):
    """Raised when the files of an imported run tell another story than an earlier version read in them."""

    def __init__(self, name: str, at: Ref) -> None:
        super().__init__(
            f"the files of {name} do not tell of {at.stream}@{at.version}, which an earlier version read in them",
            remedy="import its folder into a new log",
        )


class ImportedAgain(NamedTuple):
    """The decisions of an imported run, with their inputs."""

    spec: RunSpec
    """The settings that they are taken to rest on."""
    decisions: tuple[Observed, ...]
    """In the order of the log."""
    blobs: Mapping[Digest, bytes]
    """Bytes of inputs and rules, and all else that the log may lack."""


async def import_again(blobs: BlobStore, opened: RunImported, streams: Streams) -> ImportedAgain:
    """Read an imported run's decisions from its files.

    Args:
        blobs: Of the log that holds it.
        opened: Its first event.
        streams: All it recorded.

    Raises:
        BlobErased: A file was removed on purpose.
        ToldOtherwise: The files tell of other events than are recorded.
        AtifWrong, HarborWrong: A file cannot be read any more.
    """
    files = {each.name: await blobs.get(each.digest) for each in opened.files}
    laid: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        digest = digest_of(data)
        laid[digest] = data
        return digest

    assumed = Assumed(put, NOTHING_SECRET, assumed_spec())
    match opened.source:
        case "spark":
            _by_spark(assumed, opened, files, streams)
        case "atif":
            _by_atif(assumed, opened, files, streams)
        case "harbor":
            _by_harbor(assumed, opened, files, streams)
        case "skillevolbench":
            _by_skillevolbench(assumed, opened, files, streams)
        case "skillopt":  # its folder says what was ruled, and not what a ruling rested on
            assumed.spec = RunSpec(tasks="", program="train", method=CompatibleSpec())
    found = [_observed(each, streams) for each in assumed.noted]
    return ImportedAgain(assumed.spec, tuple(sorted(found, key=lambda each: each.position)), laid)


def _by_spark(assumed: Assumed, opened: RunImported, files: Mapping[str, bytes], streams: Streams) -> None:
    story = tell(TaskFiles(opened.name, files), Warnings()) or EMPTY._replace(task=opened.name)
    assumed.spec = spec_of(story)
    outcomes = {attempt_stream(story.task, each.number): outcome_by_spark(each) for each in story.attempts}
    sources = texts_of(opened.files, SOURCES)
    for recorded in _verdicts(streams):
        outcome = outcomes.get(recorded.stream.name)
        if outcome is None:
            raise ToldOtherwise(opened.name, recorded.ref)
        assumed.note(assumed.verdict(AttemptJudged(outcome, 0, 0, digest_of(b"")), sources), recorded.ref)
    _by_reflection(assumed, story, streams.get(trial_stream(story.task), ()))


def _by_reflection(assumed: Assumed, story: Story, stream: Sequence[Recorded]) -> None:
    """Go through a trial's own stream: a reading stands before its memo, and an intervention before its attempt."""
    reflecting = Reflecting(assumed)
    injected = {each.attempt: each for each in injections(story)}
    waiting: Recorded | None = None
    last = stream[0].ref if stream else OPENING
    for recorded in stream:
        event = recorded.event
        if isinstance(event, AttemptConcluded):
            spoken = reflecting.spoken(injected[event.attempt]) if event.attempt in injected else None
            if spoken is not None:
                assumed.note(spoken, last, silent=True)
            reflecting.concluded(event, recorded.ref)
        elif isinstance(event, PdiImported):
            waiting = recorded
        elif isinstance(event, MemoImported) and event.reflected and waiting is not None:
            read = waiting.event
            assert isinstance(read, PdiImported)
            assumed.note(reflecting.reading(read, event, recorded.ref), waiting.ref)
            reflecting.read(read, waiting.ref)
            waiting = None
        last = recorded.ref


def _by_atif(assumed: Assumed, opened: RunImported, files: Mapping[str, bytes], streams: Streams) -> None:
    """Read each attempt's verdict from the document that its stream names first."""
    for recorded in _verdicts(streams):
        stream = streams[recorded.stream.name]
        named = next((each.event for each in stream if isinstance(each.event, TrajectoryImported)), None)
        if named is None or named.file not in files:
            raise ToldOtherwise(opened.name, recorded.ref)
        trajectory = read_atif(files[named.file], named.file).trajectory
        event = AttemptJudged(outcome_by_atif(trajectory), 0, 0, digest_of(b""))
        sources = texts_of(opened.files, {named.file})
        assumed.note(assumed.verdict(event, sources, told=holds_verdict(trajectory)), recorded.ref)


def _by_harbor(assumed: Assumed, opened: RunImported, files: Mapping[str, bytes], streams: Streams) -> None:
    """Read each trial's verdict from its result."""
    results = results_in(files)
    folders = {attempt_stream(place.trial, place.attempt): folder for folder, place in places(results).items()}
    for recorded in _verdicts(streams):
        folder = folders.get(recorded.stream.name)
        if folder is None:
            raise ToldOtherwise(opened.name, recorded.ref)
        event = AttemptJudged(outcome_by_harbor(results[folder]), 0, 0, digest_of(b""))
        assumed.note(assumed.verdict(event, texts_of(opened.files, {f"{folder}/{RESULT}"})), recorded.ref)


def _by_skillevolbench(assumed: Assumed, opened: RunImported, files: Mapping[str, bytes], streams: Streams) -> None:
    """Read each trial's verdict from its record."""
    records = [read_record(name, data) for name, data in files.items() if name.startswith(f"{RECORDS}/")]
    by_stream = {attempt_stream(each.trial, 1): each for each in records}
    for recorded in _verdicts(streams):
        record = by_stream.get(recorded.stream.name)
        if record is None:
            raise ToldOtherwise(opened.name, recorded.ref)
        event = AttemptJudged(outcome_by_skillevolbench(record.said), 0, 0, digest_of(b""))
        assumed.note(assumed.verdict(event, texts_of(opened.files, {record.file})), recorded.ref)


def _verdicts(streams: Streams) -> list[Recorded]:
    found = [each for stream in streams.values() for each in stream if isinstance(each.event, AttemptJudged)]
    return sorted(found, key=lambda each: each.position)


def _observed(noted: Noted, streams: Streams) -> Observed:
    """Put a decision at its place in the log, with the ruling that is on record."""
    recorded = streams[noted.at.stream][noted.at.version - 1]
    return Observed(
        point=noted.point,
        shadow=None,
        at=noted.at,
        silent=noted.silent,
        position=recorded.position,
        era=0,
        revision=getattr(recorded.event, "point_revision", None) or FIRST_REVISION,
        saw=noted.saw,
        inputs=noted.inputs,
        rule=noted.rule,
        ruling=noted.ruling if noted.silent else noted.point.ruling_in(recorded.event),
        computed=None,
        steers=noted.steers,
    )
