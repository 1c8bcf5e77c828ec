"""A run as one of Harbor's job folders, with a report of what it does not hold."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from anyio import Path as AsyncPath
from anyio import to_thread
from rich.console import Group, RenderableType

from engine.core.history import load_histories
from engine.importers.harbor.schema import CONFIG, RESULT, TrialResult, written
from replay.export.harbor.job import Ended, facts_of, job_of, trials_of
from replay.export.harbor.trial import HarborTrial
from views.terminal.errors import UsageWrong
from views.terminal.format import plural
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView


class HarborTrialRow(msgspec.Struct, frozen=True, tag_field="kind", tag="harbor_trial"):
    """An attempt that was written as a trial."""

    trial: str
    """As Harbor names it: its folder."""
    task: str
    attempt: str
    """Ours, as ``TRIAL/2``."""
    reward: float | None
    """None: there is none named ``reward``."""
    exception: str | None
    """None: nothing broke."""
    ended: bool
    """False: the attempt is running or was interrupted, so there is no ``result.json``."""
    losses: dict[str, int]
    """What of the attempt has no place in its trajectory, by kind."""


class HarborJobRow(msgspec.Struct, frozen=True, tag_field="kind", tag="harbor_job"):
    """The job as a whole."""

    path: str
    trials: int
    losses: dict[str, int]
    """What of the run has no place in a job folder, by kind of event."""


HarborRow = HarborTrialRow | HarborJobRow


async def write(desk: OpenedLog, text: str, folder: Path) -> list[HarborRow]:
    """Write a run as a job folder, whole or not at all.

    Args:
        desk: With the log.
        text: Which run.
        folder: In which the job's folder is made, named after the run.

    Raises:
        IdUnknown, IdAmbiguous: There is no such run, or there are several.
        UsageWrong: The job's folder is there already, or cannot be made.
        BlobMissing, BlobErased: Bytes of the run are gone.
    """
    run = await find_run(desk.log, text)
    job = folder / run
    if await AsyncPath(job).exists():
        raise UsageWrong(f"{job} already exists", remedy="remove it, or choose another folder with --to")
    try:
        await AsyncPath(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{run}.", dir=folder) as unfinished:
            rows = await _write(desk, run, job, Path(unfinished) / run)
            await AsyncPath(unfinished, run).rename(job)
    except OSError as error:
        raise UsageWrong(f"{job} cannot be written: {error.strerror}", remedy="choose a writable folder") from error
    return rows


async def _write(desk: OpenedLog, run: str, job: Path, unfinished: Path) -> list[HarborRow]:
    histories = await load_histories(desk.log, run)
    facts = await facts_of(desk.log, histories, run, job.as_uri())
    rows: list[HarborRow] = []
    ended: list[Ended] = []
    async for trial in trials_of(desk.log, histories, facts):
        await to_thread.run_sync(_save, unfinished / trial.name, trial.files)
        ended.append(Ended(trial.config, trial.result))
        rows.append(_row(trial))
    told = job_of(histories, facts, ended)
    await to_thread.run_sync(_save, unfinished, {CONFIG: written(told.config), RESULT: written(told.result)})
    return [*rows, HarborJobRow(str(job), len(ended), dict(told.losses))]


def _save(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _row(trial: HarborTrial) -> HarborTrialRow:
    result = trial.result
    problem = None if result is None or result.exception_info is None else result.exception_info.exception_type
    return HarborTrialRow(
        trial=trial.name,
        task=trial.task,
        attempt=trial.attempt,
        reward=None if result is None else _reward(result),
        exception=problem,
        ended=result is not None,
        losses=dict(trial.losses),
    )


def _reward(result: TrialResult) -> float | None:
    rewards = None if result.verifier_result is None else result.verifier_result.rewards
    return None if rewards is None else rewards.get("reward")


def _lost(losses: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in losses.items()) or "-"


_TRIALS: Final = TableView(
    HarborTrialRow,
    "trial attempt",
    (">reward", lambda row: None if row.reward is None else f"{row.reward:g}"),
    ("exception", lambda row: row.exception or (None if row.ended else "not finished")),
    ("not representable…", lambda row: _lost(row.losses)),
)


def render(rows: Sequence[HarborRow]) -> RenderableType:
    """Draw what was written, and what it lacks."""
    jobs = [row for row in rows if isinstance(row, HarborJobRow)]
    return Group(
        _TRIALS([row for row in rows if isinstance(row, HarborTrialRow)]),
        *[f"{job.path}: {plural(job.trials, 'trial')}; without {_lost(job.losses)}" for job in jobs],
    )
