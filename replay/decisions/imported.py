"""Decisions of a system whose runs were imported: made again as far as its files and our rule go."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from engine.actors.monitor import ACTIVE, settings_of
from engine.importers import atif_tell
from engine.importers.atif import status_of
from engine.importers.atif_read import read_atif
from engine.importers.harbor_events import judged_of
from engine.importers.harbor_files import checks_in, results_in
from engine.importers.harbor_model import RESULT
from engine.importers.harbor_story import places
from engine.importers.spark_events import outcome_of
from engine.importers.spark_files import ATTEMPTS, TRAJECTORY, TaskFiles
from engine.importers.spark_read import Warnings
from engine.importers.spark_tell import tell
from events.base import Recorded
from events.digest import Digest
from events.log import BlobStore
from events.memo import MemoImported
from events.pdi import PdiImported
from events.run import RunImported
from events.trajectory import TrajectoryImported
from events.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import Outcome
from projections import pdi
from projections.pdi_steps import TrialSteps, concluded, given_to_read
from replay.decisions.base import (
    Chain,
    Decision,
    Input,
    MissingStep,
    Step,
    Under,
    decision,
    fields_of,
    method_rule,
    monitor_rule,
)
from replay.decisions.measured import Measured

DECIMALS: Final = 4
"""To which the source rounds."""
_VALUES: Final = ("proxy_exec", "proxy_plan", "proxy_oss", "raw_pdi", "weight", "weighted_pdi")


class ImportedPdiStep(NamedTuple):
    """One reading, as the source recorded it."""

    recorded: Recorded
    event: PdiImported
    given: pdi.PdiInput
    measured: Measured
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Read PDI again, to the decimals that the source kept."""
        settings = settings_of(under.spec.method.pdi.active)
        state = chain.pdi.get(ACTIVE, pdi.PdiState())
        after, reading = pdi.judge(state, self.given, settings, self.measured.under(self.given, settings))
        rounded = self._by_rounding(reading, settings)
        if rounded:
            after = msgspec.structs.replace(after, triggered=self.event.triggered)
        chain.pdi[ACTIVE] = after
        rule = {**method_rule(under.spec), **monitor_rule(under.spec, ACTIVE)}
        made = decision("pdi", self.recorded, rule=rule, inputs=self.inputs, decided=self._decided(reading, rounded))
        note = "the value is at the threshold: rounding decided, as the source has it" if rounded else ""
        return made._replace(note=note)

    def _by_rounding(self, reading: pdi.Reading, settings: pdi.PdiSettings) -> bool:
        """Say whether the source's own rule put the value so near the threshold that its last bit decided (W2)."""
        weighted = reading.weighted_pdi
        default = pdi.PdiSettings()
        same = (settings.method, settings.limit) == (default.method, default.limit)
        return same and weighted is not None and abs(weighted - settings.limit) < pdi.AT_THRESHOLD

    def _decided(self, reading: pdi.Reading, rounded: bool) -> dict[str, Any]:  # noqa: FBT001 - a fact, not a behaviour
        fields = fields_of(self.event)
        for name in _VALUES:
            value = getattr(reading, name)
            same = value is not None and abs(round(value, DECIMALS) - fields[name]) < pdi.AT_THRESHOLD
            fields[name] = fields[name] if same else value
        if not rounded:
            fields["triggered"], fields["level"] = reading.triggered, reading.level
        return fields


class Judged(NamedTuple):
    """What a source's files say of an attempt's end."""

    outcome: Outcome
    status: str
    passed: int
    total: int


class ImportedVerdictStep(NamedTuple):
    """How an attempt ended, as the source's own files tell it."""

    recorded: Recorded
    event: AttemptConcluded
    judged: Judged
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Judge again what the files say."""
        del chain
        decided = {**fields_of(self.event), **msgspec.to_builtins(self.judged._asdict())}
        return decision("judging", self.recorded, rule=method_rule(under.spec), inputs=self.inputs, decided=decided)


async def read_imported(
    blobs: BlobStore, opened: RunImported, streams: Mapping[str, Sequence[Recorded]]
) -> dict[str, list[Step]]:
    """Read an imported run's decisions by trial.

    Raises:
        BlobMissing: A file of the source, or a text that PDI rests on, is gone; the error says which.
    """
    files = {each.name: await blobs.get(each.digest) for each in opened.files}
    told, wanted = _told(opened, files, streams)
    sources = tuple(Input(each.name, None, each.digest, "") for each in opened.files if each.name in wanted)
    steps: dict[str, list[Step]] = {}
    for name, stream in streams.items():
        if name.startswith("trial/"):
            trial = name.removeprefix("trial/")
            steps[trial] = await _trial(blobs, stream, told.get(trial, {}), sources)
    return steps


def _told(
    opened: RunImported, files: Mapping[str, bytes], streams: Mapping[str, Sequence[Recorded]]
) -> tuple[dict[str, dict[int, Judged]], Collection[str]]:
    """Read how the attempts ended, by trial and number, and from which files."""
    match opened.source:
        case "spark":
            return {opened.name: _told_by_spark(TaskFiles(opened.name, files))}, {ATTEMPTS, TRAJECTORY}
        case "atif":
            return {opened.name: _told_by_atif(files, streams)}, files
        case "harbor":
            return _told_by_harbor(files), {name for name in files if name.endswith(f"/{RESULT}")}


def _told_by_spark(files: TaskFiles) -> dict[int, Judged]:
    story = tell(files, Warnings())
    attempts = story.attempts if story else ()
    return {each.number: Judged(outcome_of(each), each.status, each.passed, each.total) for each in attempts}


def _told_by_atif(files: Mapping[str, bytes], streams: Mapping[str, Sequence[Recorded]]) -> dict[int, Judged]:
    """Read each attempt's verdict from the document that its stream names first."""
    told: dict[int, Judged] = {}
    for name, stream in streams.items():
        opened = next((each.event for each in stream if isinstance(each.event, TrajectoryImported)), None)
        if name.startswith("attempt/") and opened is not None and opened.file in files:
            outcome = atif_tell.outcome_of(read_atif(files[opened.file], opened.file).trajectory)
            told[int(name.rpartition("/")[2])] = Judged(outcome, status_of(outcome), 0, 0)
    return told


def _told_by_harbor(files: Mapping[str, bytes]) -> dict[str, dict[int, Judged]]:
    """Read each trial's verdict from its result and what its verifier left."""
    told: dict[str, dict[int, Judged]] = {}
    results = results_in(files)
    for folder, place in places(results).items():
        judged = judged_of(results[folder], *checks_in(files, folder, results[folder]))
        counts = (judged.checks.passed, judged.checks.total)
        told.setdefault(place.trial, {})[place.attempt] = Judged(judged.outcome, status_of(judged.outcome), *counts)
    return told


async def _trial(
    blobs: BlobStore, stream: Sequence[Recorded], told: Mapping[int, Judged], sources: tuple[Input, ...]
) -> list[Step]:
    steps: list[Step] = []
    followed = TrialSteps("")
    waiting: Recorded | None = None
    for recorded in stream:
        match recorded.event:
            case TrialOpened() as event:
                followed = TrialSteps(event.task)
            case AttemptConcluded() as event:
                concluded(followed, event, await _fetched(blobs, event.commands, event.test_summary))
                steps.append(_verdict(recorded, event, told, sources))
            case PdiImported() as event:
                followed.imported_step = (event.attempt, event.step)
                waiting = recorded
            case MemoImported() as event:
                texts = await _fetched(blobs, event.memo, *([event.previous] if event.previous else []))
                given = given_to_read(followed, event, texts)
                if waiting is not None:
                    steps.append(_reading(waiting, recorded, event, given))
                waiting = None
            case TrialClosed() if waiting is not None:
                steps.append(MissingStep("pdi", waiting, "the memo that was read is not in the source"))
            case _:
                pass
    return steps


def _verdict(
    recorded: Recorded, event: AttemptConcluded, told: Mapping[int, Judged], sources: tuple[Input, ...]
) -> Step:
    if event.attempt not in told:
        return MissingStep("judging", recorded, f"the source's files tell nothing of attempt {event.attempt}")
    return ImportedVerdictStep(recorded, event, told[event.attempt], sources)


def _reading(recorded: Recorded, memo_at: Recorded, memo: MemoImported, given: pdi.PdiInput | None) -> Step:
    event = recorded.event
    assert isinstance(event, PdiImported)
    if given is None:
        return MissingStep("pdi", recorded, "no model wrote the memo that stands behind it")
    inputs = (
        Input("memo", memo_at.ref, memo.memo, given.memo),
        Input("memo before", memo_at.ref, memo.previous, given.previous_memo),
        Input("commands", None, None, given.commands),
        Input("rows of tests", None, None, given.summary),
        Input("rows of tests before", None, None, given.previous_summary),
        Input("step", recorded.ref, None, given.step),
    )
    return ImportedPdiStep(recorded, event, given, Measured(), inputs)


async def _fetched(blobs: BlobStore, *digests: Digest) -> dict[Digest, bytes]:
    return {digest: await blobs.get(digest) for digest in digests}
