"""``stillroom import skillevolbench RUN_DIR``: runs of SkillEvolBench, read into the log so that our views show them.

A run is named after what its files hold, so that importing it again finds it there. Its records say how each trial
ended; what they say of libraries, retrievals and revisions has no place in the log, and is counted.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from anyio import to_thread

from engine.importers.assumed import OPENING, Assumed, assumed_spec
from engine.importers.atif.assumptions import nano_usd
from engine.importers.atif.importer import status_of
from engine.importers.left_out import ImportOmission, Imports, NothingImported, folders_in, of_error, why_no_folder
from engine.importers.loose_json import JsonUnreadable, read_json
from engine.importers.secrets import redactor_of, secrets_by_look, secrets_within
from engine.importers.skillevolbench.files import CONFIG, RECORDS, RunFiles, read_run
from engine.importers.skillevolbench.losses import ended_skills, losses_of, missing_of, skill_files
from engine.importers.skillevolbench.records import ReadRecord, outcome_of, read_record, usage_of
from engine.importers.streams import ALREADY, StreamBuilder, append, run_id
from events.base import Ref
from events.errors import EventRefused, VersionConflict
from events.redaction.redactor import Redactor
from events.store.base import EventLog
from events.streams import attempt_stream, trial_stream
from events.types.attempt import AttemptJudged, ImportedAttempt, UsageImported
from events.types.decision import Text
from events.types.run import RunImported
from events.types.skill import SkillImported
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import NamedDigest
from projections.checks import Checks, JudgedCheck

_WANTED: Final = f"a run's folder with {RECORDS}, or a folder of such folders"
_ENDINGS: Final[Mapping[str, Literal["solved", "unsolved", "infrastructure"]]] = {
    "solved": "solved",
    "failed": "unsolved",
    "no_verdict": "infrastructure",
    "infrastructure": "infrastructure",
}
_SHOWN: Final = 5
"""Doubts about records that a warning lists."""


class ImportedSkillEvolRun(NamedTuple):
    """What came of a run."""

    name: str
    run: str
    trials: int
    skills: int
    """That its libraries ended with."""
    losses: Mapping[str, int]
    """What has no place in the log, and how much of it there was; its files are kept as they were."""
    warnings: tuple[str, ...]
    """What was missing, and what stands for it; `ALREADY` alone if the log holds the run."""


class _Surveyed(NamedTuple):
    """A run that was read."""

    files: RunFiles
    records: tuple[ReadRecord, ...]
    """In the order in which they were written."""
    redactor: Redactor
    warnings: tuple[str, ...]
    left_out: tuple[ImportOmission, ...]


async def import_skillevolbench(log: EventLog, path: Path) -> Imports[ImportedSkillEvolRun]:
    """Read runs into the log, each whole or not at all; a record that cannot be read is left out by name.

    Args:
        log: Where the runs go.
        path: A run's folder, or a folder of such folders.

    Raises:
        NothingImported: Not one record can be read.
    """
    runs, left_out = await to_thread.run_sync(_runs, path)
    found: list[ImportedSkillEvolRun] = []
    for folder in runs:
        surveyed = await to_thread.run_sync(_survey, folder)
        left_out += surveyed.left_out
        try:
            if surveyed.records:
                found.append(await _import(log, surveyed))
            else:
                left_out.append(ImportOmission(folder.name, "it holds no record that can be read", "look into it"))
        except (EventRefused, VersionConflict) as error:
            left_out.append(of_error(folder.name, error))
    if not found:
        nothing = ImportOmission(path.name, f"it holds no {RECORDS}", "look into it")
        raise NothingImported(path, tuple(left_out) or (nothing,), _WANTED)
    return Imports(tuple(found), tuple(left_out))


def _runs(path: Path) -> tuple[list[Path], list[ImportOmission]]:
    """List the folders of runs.

    Raises:
        NothingImported: The path is no folder.
    """
    left_out: list[ImportOmission] = []
    if not path.is_dir():
        raise NothingImported(path, (ImportOmission(path.name, *why_no_folder(path)),), _WANTED)
    if (path / RECORDS).is_dir():
        return [path], left_out
    return [each for each in folders_in(path, left_out) if (each / RECORDS).is_dir()], left_out


def _survey(folder: Path) -> _Surveyed:
    files = read_run(folder)
    records: list[ReadRecord] = []
    left_out = list(files.left_out)
    secrets: list[tuple[str, str]] = []
    warnings: list[str] = []
    for name, data in files.files.items():
        secrets += _secrets(data) if name.endswith(".json") else secrets_by_look(data)
        if name in files.records:
            try:
                records.append(read_record(name, data))
            except JsonUnreadable as error:
                left_out.append(ImportOmission(name, str(error), "restore it as SkillEvolBench wrote it"))
    redactor = redactor_of(secrets, lambda what, done: warnings.append(f"{what}: {done}"))
    ordered = tuple(sorted(records, key=lambda each: (each.said.timestamp, each.trial)))
    doubts = [f"{each.file}: {doubt}" for each in ordered for doubt in each.doubts]
    more = [f"and {len(doubts) - _SHOWN} more doubts about records"] if len(doubts) > _SHOWN else []
    said = (*warnings, *missing_of(files, ordered), *doubts[:_SHOWN], *more)
    return _Surveyed(files, ordered, redactor, said, tuple(left_out))


def _secrets(data: bytes) -> Iterator[tuple[str, str]]:
    try:
        value, _ = read_json(data)
    except JsonUnreadable:
        yield from secrets_by_look(data)
    else:
        yield from secrets_within(value)


async def _import(log: EventLog, surveyed: _Surveyed) -> ImportedSkillEvolRun:
    run = surveyed.files
    kept = {
        name: NamedDigest(name, log.put(surveyed.redactor.replace(data))) for name, data in sorted(run.files.items())
    }
    skills, doubts = ended_skills(run)
    losses = losses_of(run, surveyed.records)
    assumed = Assumed(log.put, log.redactor, assumed_spec())
    config = _config(run)
    lost = [f"lost: {what} ({count})" for what, count in losses.items()]
    warnings = (*surveyed.warnings, *doubts)
    layout = StreamBuilder()
    layout.add(
        "run",
        RunImported(
            "skillevolbench",
            str(config.get("run_id") or run.name),
            tuple(kept.values()),
            _text(config, "model_name"),
            _text(config, "harbor_agent_name"),
            None,
            (*warnings, *lost),
            assumed.opening(),
        ),
    )
    for each in skills:
        layout.add("run", SkillImported(each.name, skill_files(each, kept), ()), OPENING)
    for record in surveyed.records:
        _trial(layout, record, kept[record.file], _Into(log, assumed, _text(config, "model_name")))
    id_ = run_id("skillevolbench", run.name, tuple(kept.values()))
    new = await append(log, id_, layout.chunks)
    said = warnings if new else (ALREADY,)
    return ImportedSkillEvolRun(run.name, id_, len(surveyed.records), len(skills), losses, said)


class _Into(NamedTuple):
    log: EventLog
    assumed: Assumed
    model: str | None


def _trial(layout: StreamBuilder, record: ReadRecord, file: NamedDigest, into: _Into) -> None:
    """Lay out a trial of one attempt: what it cost, what its tests said, and how it ended."""
    put = into.log.put
    trial, stream = trial_stream(record.trial), attempt_stream(record.trial, 1)
    layout.add(trial, TrialOpened(record.task, record.passing, 1), OPENING)
    layout.add(stream, ImportedAttempt(record.trial, 1, None, None, ""))
    used = usage_of(record.said)
    if used is not None:
        usage, dollars = used
        layout.add(stream, UsageImported(into.model, usage, None if dollars is None else nano_usd(dollars)))
    outcome, summary = outcome_of(record.said), put(_summary(record).encode())
    verdict = into.assumed.verdict(AttemptJudged(outcome, 0, 0, summary), (Text(file.digest, OPENING),))
    judged: Ref = into.assumed.add(layout, stream, verdict)
    ended = AttemptConcluded(1, outcome, status_of(outcome), 0, 0, put(b""), summary)
    layout.add(trial, ended, judged)
    layout.add(trial, TrialClosed(_ENDINGS[outcome.kind], 1, outcome.reward))


def _summary(record: ReadRecord) -> str:
    """Give the tests that failed; which passed is not on record."""
    failed = record.said.outcome.failed_tests
    rows = tuple(JudgedCheck(f"[{each.group}] {each.name}", passed=False, message=each.message) for each in failed)
    return Checks(rows, 0, len(rows)).summary


def _config(run: RunFiles) -> Mapping[str, Any]:
    """Read the run's settings, with those of its baseline."""
    try:
        value, _ = read_json(run.files.get(CONFIG, b"{}"))
    except JsonUnreadable:
        return {}
    baseline = value.get("baseline")
    return {**(baseline if isinstance(baseline, dict) else {}), **value}


def _text(config: Mapping[str, Any], key: str) -> str | None:
    found = config.get(key)
    return found if isinstance(found, str) and found else None
