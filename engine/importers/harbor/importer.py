"""``stillroom import harbor DIR``: job folders of Harbor's, read into the log so that every view of ours shows them.

One run per job, named after what its files hold, so that importing it again finds it there. All of it is read before
anything is written: a trial that cannot be read is left out by name, and the others are told.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from anyio import to_thread

from engine.importers.assumed import Assumed, assumed_spec
from engine.importers.harbor.files import HarborWrong, JobFiles, TrialFiles, read_job, read_trial, secrets_of
from engine.importers.harbor.folders import JobFolder, find_jobs
from engine.importers.harbor.outcomes import ImportedTrialKey, model_of, outcome_of, places, was_cancelled
from engine.importers.harbor.schema import CONFIG, RESULT, TRAJECTORY, TrialResult
from engine.importers.harbor.to_events import Into, lay_out_attempt, usage_of
from engine.importers.left_out import ImportOmission, Imports, NothingImported, of_error
from engine.importers.secrets import redactor_of
from engine.importers.streams import ALREADY, AppendBatch, StreamBuilder, append, run_id
from events.base import Ref
from events.digest import Digest
from events.errors import EventRefused, VersionConflict
from events.redaction.redactor import Redactor
from events.store.base import EventLog, Selection
from events.streams import trial_stream
from events.types.agent import AgentActed, AgentSaid
from events.types.run import RunImported
from events.types.trajectory import StepImported
from events.types.trial import TrialClosed, TrialOpened
from events.values import NamedDigest

_SHOWN: Final = 5
"""Trials that a warning lists by name."""


class ImportedHarborJob(NamedTuple):
    """What came of a job."""

    job: str
    run: str
    trials: int
    """As Harbor counts them: attempts of ours."""
    steps: int
    losses: Mapping[str, int]
    """What has no place in the log, and how much of it there was."""
    warnings: tuple[str, ...]
    """What was missing, and what stands for it; `ALREADY` alone if the log holds the job."""
    left_out: tuple[ImportOmission, ...]
    """What may have been meant for its trials and cannot be read."""


class _Surveyed(NamedTuple):
    """A job that was read from end to end once."""

    job: JobFiles
    results: Mapping[str, TrialResult]
    redactor: Redactor
    losses: Mapping[str, int]
    warnings: tuple[str, ...]


class _Told(NamedTuple):
    """Its trials as events."""

    chunks: tuple[AppendBatch, ...]
    files: tuple[NamedDigest, ...]
    steps: int


async def import_harbor(log: EventLog, path: Path) -> Imports[ImportedHarborJob]:
    """Read jobs into the log, each whole or not at all; what is odd costs no more than itself.

    Args:
        log: Where the runs go.
        path: Of a job's folder, of one in which or below which jobs lie, or of a single trial's.

    Raises:
        NothingImported: Not one trial can be read.
    """
    found = await to_thread.run_sync(find_jobs, path)
    imported: list[ImportedHarborJob] = []
    left_out: list[ImportOmission] = []
    for folder in found.jobs:
        try:
            each = await _import(log, folder)
        except (HarborWrong, EventRefused, VersionConflict, OSError) as error:
            left_out += [*folder.left_out, of_error(_below(path, folder), error)]
        else:
            imported.append(each)
            left_out += each.left_out
    left_out += found.left_out
    if not imported:
        nothing = ImportOmission(path.name, f"it holds no trial with a {RESULT}", "look into it")
        wanted = "a job folder, such as jobs/2026-01-31__12-00-00, or the folder of one trial"
        raise NothingImported(path, tuple(left_out) or (nothing,), wanted)
    return Imports(tuple(imported), tuple(left_out))


async def _import(log: EventLog, folder: JobFolder) -> ImportedHarborJob:
    """Read a job into the log.

    Raises:
        HarborWrong: Not one of its trials can be read.
    """
    surveyed = await to_thread.run_sync(_survey, folder)
    job = surveyed.job
    assumed = Assumed(log.put, log.redactor, assumed_spec())
    told = await _tell(surveyed, lambda data: log.put(surveyed.redactor.replace(data)), assumed)
    run = run_id("harbor", job.name, told.files)
    again = [each async for each in _told_before(log, run, told.files)]
    opening = StreamBuilder()
    opening.add("run", msgspec.structs.replace(_opening(surveyed, told.files), assumed=assumed.opening()))
    new = await append(log, run, [*opening.chunks, *told.chunks])
    warnings = (*surveyed.warnings, *again) if new else (ALREADY,)
    return ImportedHarborJob(job.name, run, len(surveyed.results), told.steps, surveyed.losses, warnings, job.left_out)


def _below(path: Path, folder: JobFolder) -> str:
    """Name a job by its way from the path that was given."""
    return path.name if folder.alone or folder.folder == path else folder.folder.relative_to(path).as_posix()


async def _told_before(log: EventLog, run: str, files: Sequence[NamedDigest]) -> AsyncIterator[str]:
    """Say which other runs hold results that stand in this one too: they would be counted twice."""
    own = {each.digest for each in files if each.name.endswith(f"/{RESULT}")}
    async for recorded in log.read(Selection(tags=("run.imported",))):
        event = recorded.event
        if not isinstance(event, RunImported) or event.source != "harbor" or recorded.stream.run == run:
            continue
        both = len(own & {each.digest for each in event.files})
        if both:
            yield f"{both} of its {len(own)} trials stand in run {recorded.stream.run} too: do not add the two up"


async def _tell(surveyed: _Surveyed, put: Callable[[bytes], Digest], assumed: Assumed) -> _Told:
    """Lay the trials out, one at a time, since all of their files may not fit into memory."""
    job, found = surveyed.job, places(surveyed.results)
    kept = {name: put(data) for name, data in job.files.items()}
    layout = StreamBuilder()
    for trial, folders in _by_trial(found).items():
        place = found[folders[0]]
        layout.add(trial_stream(trial), TrialOpened(place.task, place.condition, len(folders)), Ref("run", 1))
        for name in folders:
            files = await to_thread.run_sync(read_trial, job, name, surveyed.redactor)
            kept |= {path: put(data) for path, data in files.files.items()}
            concluded = lay_out_attempt(layout, found[name], files, Into(put, assumed))
            layout.add(trial_stream(trial), concluded.event, concluded.judged)
        results = [surveyed.results[name] for name in folders]
        layout.add(trial_stream(trial), _closed(results))
    told = (StepImported, AgentActed, AgentSaid)
    steps = sum(isinstance(draft.event, told) for chunk in layout.chunks for draft in chunk.drafts)
    return _Told(tuple(layout.chunks), tuple(NamedDigest(*each) for each in sorted(kept.items())), steps)


def _by_trial(found: Mapping[str, ImportedTrialKey]) -> dict[str, list[str]]:
    trials: dict[str, list[str]] = {}
    for name, place in found.items():
        trials.setdefault(place.trial, []).append(name)
    return trials


def _closed(results: Sequence[TrialResult]) -> TrialClosed:
    """Say how a trial ended. Without any reward it counts among those without a verdict, never as unsolved."""
    outcomes = [outcome_of(each) for each in results]
    rewards = [each.reward for each in outcomes if each.reward is not None]
    if any(each.kind == "solved" for each in outcomes):
        return TrialClosed("solved", len(results), max(rewards))
    if rewards:
        return TrialClosed("unsolved", len(results), max(rewards))
    cancelled = any(was_cancelled(each) for each in results)
    return TrialClosed("stopped" if cancelled else "infrastructure", len(results), None)


def _opening(surveyed: _Surveyed, files: tuple[NamedDigest, ...]) -> RunImported:
    agents = {each.agent_info.name for each in surveyed.results.values()}
    models = {model_of(each) for each in surveyed.results.values()}
    lost = [f"lost: {what} ({count})" for what, count in surveyed.losses.items()]
    return RunImported(
        source="harbor",
        name=surveyed.job.name,
        files=files,
        model=next(iter(models)) if len(models) == 1 else None,
        agent=next(iter(agents)) if len(agents) == 1 else None,
        max_attempts=None,
        warnings=(*surveyed.warnings, *lost),
    )


def _survey(folder: JobFolder) -> _Surveyed:
    """Read all of a job once, so that what is wrong with it is known before anything is written.

    Raises:
        HarborWrong: Not one of its trials can be read.
    """
    job = read_job(folder)
    results: dict[str, TrialResult] = {}
    losses: Counter[str] = Counter()
    secrets: dict[tuple[str, str], None] = {}
    doubts = _Doubts()
    odd: list[ImportOmission] = []
    for name in job.trials:
        try:
            trial = read_trial(job, name, Redactor())
        except HarborWrong as error:
            odd.append(of_error(name, error))
            continue
        results[name] = trial.result
        secrets |= dict.fromkeys(secrets_of(job, trial))
        losses.update(_losses(trial))
        doubts.add(trial)
    if not results:
        first, more = odd[0], len(odd) - 1
        others = f"; {more} more cannot be read either" if more else ""
        raise HarborWrong(str(job.folder / first.name), f"{first.problem}{others}", remedy=first.remedy)
    job = job._replace(trials=tuple(results), left_out=(*odd, *job.left_out))
    said = [*_of_job(job), *doubts.said()]
    redactor = redactor_of(secrets, lambda problem, instead: said.append(f"{problem}: {instead}"))
    if secrets:  # what is made of the files must not hold them either
        results = {name: read_trial(job, name, redactor).result for name in job.trials}
    return _Surveyed(job, results, redactor, dict(sorted(losses.items())), tuple(said))


def _of_job(job: JobFiles) -> Iterator[str]:
    """Say what of the job is not there."""
    yield from job.doubts
    if not job.named:
        yield f"there is no {CONFIG} of the job: it is called {job.name} after its folder"
    yield from (f"left out: {each.said}" for each in job.left_out)
    known = len(job.trials) + len(job.left_out)
    if job.expected is not None and job.expected > known:
        yield f"the job says it has {job.expected} trials: {job.expected - known} of them are not there"


class _Doubts:
    """What is missing or odd, each said once, with the trials that it holds for."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}
        self._ids: dict[str, str] = {}

    def add(self, trial: TrialFiles) -> None:
        """Look at a trial."""
        documents = [document for part in trial.parts for document in part.documents]
        for each in (*trial.doubts, *(said for document in documents for said in document.inferences)):
            self._say(each, trial.name)
        self._same(trial)
        if not documents and not any(part.transcripts for part in trial.parts):
            silent = [each for part in trial.parts for each in part.silent]
            own = f", and {', '.join(silent[:_SHOWN])}" if silent else ", nor any record of its own"
            self._say(f"no {TRAJECTORY} that can be read{own}: what the agent did is not known", trial.name)
        if trial.stdout is None and trial.ctrf is None:
            self._say("nothing the verifier printed: which checks passed is not known", trial.name)
        stated = usage_of(trial.result)
        totals = [each.trajectory.final_metrics for each in documents]
        read = [None if each is None else each.total_prompt_tokens for each in totals]
        if stated is not None and len(read) == 1 and read[0] not in {None, stated.usage.input_tokens}:
            self._say("trial and trajectory state other numbers of tokens: those of the steps count", trial.name)

    def _same(self, trial: TrialFiles) -> None:
        """Name trials that are one by their ids: a folder that was copied counts twice."""
        other = self._ids.setdefault(trial.result.id or trial.name, trial.name)
        if other != trial.name:
            self._say(f"its id is that of {other}: both count", trial.name)

    def said(self) -> Iterator[str]:
        """Say it."""
        for what, names in self._names.items():
            yield f"{_listed(names)}: {what}"

    def _say(self, what: str, name: str) -> None:
        names = self._names.setdefault(what, [])
        if name not in names:
            names.append(name)


def _losses(trial: TrialFiles) -> dict[str, int]:
    """Count what of a trial has no place in the log; its documents are kept as they were all the same."""
    lost: Counter[str] = Counter({f"files of {kind}": count for kind, count in trial.left.items()})
    for part in trial.parts:
        for document in part.documents:
            lost.update({f"trajectory: {path}": count for path, count in document.losses.items()})
    result = trial.result
    phases = (result.environment_setup, result.agent_setup, result.agent_execution, result.verifier)
    lost["times of trials and their phases"] += sum(each is not None for each in (result.started_at, *phases))
    rewards = {} if result.verifier_result is None else result.verifier_result.rewards or {}
    lost["further rewards"] += max(0, len(rewards) - 1)
    return +lost


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
