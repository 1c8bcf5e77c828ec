"""Sides of a comparison: an arm of an evaluation, or the trials of a run, as the log tells them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from engine.core.fold import fold_run
from engine.core.lineage import pages_of
from events.digest import Digest, Fingerprint
from events.errors import BlobErased
from events.store.base import EventLog, Selection
from events.streams import cell_name, cell_stream, trial_stream
from events.types.condition import Condition, parts_that_differ, read_condition
from events.types.run import RunOpened
from events.types.session import FoundImageSkills, GivenSkill
from projections.cells import Cells, EvaluatedCell
from projections.comparison.rows import ArmCell, ComparisonRow, RowOutcome, soft_score
from projections.cost import Cost, RunCost
from projections.exposure import AttemptExposure, Exposure, Exposures, read_of
from projections.trials.state import Run, Trial
from projections.trials.view import Trials
from views.runs.spending import total_of
from views.terminal.format import plural

_OUTCOMES: Final[Mapping[str, RowOutcome | None]] = {
    "solved": "solved",
    "unsolved": "unsolved",
    "infrastructure": "infrastructure",
    "budget": "stopped",
    "stopped": "stopped",
    "no_information": "stopped",
    "running": None,
}
ENDINGS: Final = frozenset({"cell.unscored", "evaluation.found", "evaluation.scored", "trial.closed"})
"""Tags of the events that say how a cell or a trial ended."""


class CellEnding(NamedTuple):
    """An event that says how a cell or a trial ended."""

    version: int
    digest: Digest


class SideCell(NamedTuple):
    """One run of an item on one side."""

    item: str
    unit: str
    """What is independent of all else: the item's family, or the item."""
    repeat: int
    """From 1."""
    outcome: RowOutcome | None
    """None: it has not ended."""
    reward: float | None
    """In the verifier's own unit. None: there is none."""
    cost: int | None
    """In units of 10^-9 US dollars. None: nobody knows."""
    tokens: int | None
    """Input and output. None: nobody knows."""
    trial: Trial | None
    """What its attempts came to. None: it is a question, which has none, or has not ended."""
    exposure: Mapping[str, Exposure]
    """Whether each skill was read, by its name. Empty: none was given, or its text was told."""
    run: str
    """Which rolled it out; another where the score was found. Empty: it has not ended."""
    stream: str
    """Of the cell or trial, in the run that is compared."""
    key: Digest | None
    """Blob: what its score is stored under. None: under nothing, as scores of other programs."""
    ending: CellEnding | None
    """Event that gives its score, or says why it has none. None: it has not ended."""
    rolled: str = ""
    """Stream of the cell or trial, in the run that rolled it out. Empty: it has not ended."""

    @property
    def attempts(self) -> int | None:
        """Count its attempts. None: it is a question, which has none."""
        return None if self.trial is None else len(self.trial.attempts)


class ComparedSide(NamedTuple):
    """One side."""

    run: str
    arm: str
    """Name of the arm, or label of the trials' condition."""
    items: frozenset[str]
    """Planned ones."""
    cells: Sequence[SideCell]
    condition: Condition | None
    """None: nothing says, or its trials have several."""
    given: Sequence[GivenSkill]
    """Skills of all arms of the run, with where each came from."""
    images: tuple[FoundImageSkills, ...] = ()
    """Skills that images of the run's tasks bring."""
    erased: frozenset[Digest] = frozenset()
    """Conditions of its cells that were erased on purpose, so that nothing says which skills were given."""

    @property
    def repeats(self) -> int:
        """Runs of each item, as far as they were begun."""
        return max((each.repeat for each in self.cells), default=1)

    def rows(self, name: str, units: Mapping[str, str]) -> list[ComparisonRow]:
        """Give what a comparison reads of it: of the items that are compared, the runs that have ended.

        Args:
            name: Of the side, in the comparison.
            units: Of each item that is compared, its unit.
        """
        return [
            ComparisonRow(
                arm=name,
                item=each.item,
                unit=units[each.item],
                repeat=each.repeat,
                outcome=each.outcome,
                soft=soft_score(each.reward),
                cost=each.cost,
                tokens=each.tokens,
            )
            for each in self.cells
            if each.outcome is not None and each.item in units
        ]

    def by_item(self) -> dict[str, list[SideCell]]:
        """Sort its cells by item, and those of an item by repeat."""
        found: dict[str, list[SideCell]] = {}
        for each in sorted(self.cells, key=lambda each: each.repeat):
            found.setdefault(each.item, []).append(each)
        return found

    def same_as(self, other: "ComparedSide") -> frozenset[ArmCell]:
        """Name the cells that are one and the same evaluation as one of another side: rolled out once, and found."""
        theirs = {(each.run, each.rolled) for each in other.cells if each.run and each.rolled}
        return frozenset(ArmCell(each.item, each.repeat) for each in self.cells if (each.run, each.rolled) in theirs)

    def place(self, cell: SideCell) -> str:
        """Say where a cell's ending is, as `show` takes it; of one that has not ended, where the cell is."""
        at = "" if cell.ending is None else f"@{cell.ending.version}"
        return f"{self.run}:{cell.stream}{at}"

    def differs_from(self, other: "ComparedSide") -> tuple[str, ...] | None:
        """Name the parts of the condition that are not the other's. None: nothing says."""
        if self.condition is None or other.condition is None:
            return None
        return parts_that_differ(other.condition, self.condition)


class _Known(NamedTuple):
    """What is known of runs that rolled something out."""

    costs: dict[str, RunCost]
    trials: dict[str, Run]
    exposure: dict[tuple[str, str], Mapping[str, Exposure]]
    """By run and stream of a cell, of those whose agent was given skills, and by skill."""
    given: dict[str, Sequence[GivenSkill]]
    """By run: skills of its arms, with where each came from."""
    images: dict[str, tuple[FoundImageSkills, ...]]
    """By run: skills that images of its tasks bring."""
    endings: Mapping[str, CellEnding]
    """Of the run that is compared, by stream."""
    erased: set[Digest]
    """Bytes that would have been read, and were erased on purpose."""


class _Group(NamedTuple):
    cells: list[SideCell]
    conditions: set[Digest | None]


def shared_said(cells: int, planned: int, items: int) -> str:
    """Say how many runs of a side, and of how many items, are one and the same evaluation in both runs."""
    runs = f"{cells} of its {planned} runs"
    return f"{runs} are one and the same evaluation in both runs, and not paired ({plural(items, 'item')})"


async def sides_of(log: EventLog, run: str) -> list[ComparedSide]:
    """Read the sides of a run: its arms if it is an evaluation, else its trials by the label of their condition.

    Args:
        log: Which holds it.
        run: Its id.
    """
    known = _Known({}, {}, {}, {}, {}, await _endings(log, run), set())
    cells = await _read(log, run, known)
    own = known.trials.get(run)
    groups: dict[str, _Group] = {}
    if cells:
        for other in sorted({each.run for each in cells.values() if each.run} - {run}):
            await _read(log, other, known)
        for stream, cell in cells.items():
            _add(groups, cell.arm, _of_cell(known, stream, cell), cell.condition)
    elif own is not None:
        for trial in own.trials.values():
            group = groups.get(trial.condition)
            before = 0 if group is None else sum(each.item == trial.task for each in group.cells)
            _add(groups, trial.condition, _of_trial(known, own, trial, before + 1), trial.condition_digest)
    named = {each for group in groups.values() for each in group.conditions if each}
    conditions = await _conditions(log, named, known.erased)
    given = known.given.get(run, ())
    planned = frozenset(() if own is None or cells else own.tasks)
    return [
        ComparedSide(
            run=run,
            arm=arm,
            items=planned | {each.item for each in some},
            cells=some,
            condition=_only(digests, conditions),
            given=given,
            images=known.images.get(run, ()),
            erased=frozenset(each for each in digests if each in known.erased),
        )
        for arm, (some, digests) in sorted(groups.items())
    ]


async def contents_of(log: EventLog, side: ComparedSide) -> dict[str, Fingerprint]:
    """Give the digest of each item of a side, as far as it is on record: of a task's folder, or of a question."""
    keys = {each.key: each.item for each in side.cells if each.key is not None}
    found: dict[str, Fingerprint] = {}
    async for page in log.many(sorted(keys)):
        for digest, data in page:
            if isinstance(data, bytes):
                found[keys[digest]] = msgspec.json.decode(data, type=_StoredItem).item_digest
    if not keys:
        async for events in pages_of(log, Selection(run=side.run, tags={"run.opened"})):
            for each in events:
                if isinstance(each.event, RunOpened):
                    found.update({task.name: task.digest for task in each.event.tasks})
    return found


class _StoredItem(msgspec.Struct, frozen=True):
    """What a stored score was stored under, as far as the item goes."""

    item_digest: Fingerprint


def _add(groups: dict[str, _Group], arm: str, cell: SideCell, condition: Digest | None) -> None:
    group = groups.setdefault(arm, _Group([], set()))
    group.cells.append(cell)
    group.conditions.add(condition)


async def _endings(log: EventLog, run: str) -> dict[str, CellEnding]:
    found: dict[str, CellEnding] = {}
    async for page in pages_of(log, Selection(run=run, tags=ENDINGS)):
        found.update({each.stream.name: CellEnding(each.version, each.digest) for each in page})
    return found


async def _conditions(log: EventLog, digests: Iterable[Digest], erased: set[Digest]) -> dict[Digest, Condition]:
    """Read conditions; what was erased or is damaged is left out, and the former added to what was."""
    found: dict[Digest, Condition] = {}
    async for page in log.many(sorted(digests)):
        for digest, data in page:
            if isinstance(data, bytes):
                with suppress(msgspec.MsgspecError):
                    found[digest] = read_condition(data)
            elif isinstance(data, BlobErased):
                erased.add(digest)
    return found


def _only(digests: Iterable[Digest | None], conditions: Mapping[Digest, Condition]) -> Condition | None:
    several = set(digests)
    digest = several.pop() if len(several) == 1 else None
    return None if digest is None else conditions.get(digest)


async def _read(log: EventLog, run: str, known: _Known) -> dict[str, EvaluatedCell]:
    """Read a run: what it spent, what its agents did and read, and its cells, which are given back by stream."""
    state, spent, trials, read = await fold_run(log, [Cells(), Cost(), Trials(), Exposures()], run, erased=known.erased)
    known.costs.update(spent.runs)
    known.trials.update(trials.runs)
    known.exposure.update(exposures_by_cell(run, read.runs.get(run, {}).values()))
    known.given.update(state.given)
    known.images.update(state.images)
    found: dict[str, EvaluatedCell] = state.runs.get(run, {})
    return found


def exposures_by_cell(
    run: str, attempts: Iterable[AttemptExposure]
) -> Mapping[tuple[str, str], Mapping[str, Exposure]]:
    """Say what each cell of a run read, by run, stream and skill: what was read in one attempt was read."""
    said: dict[tuple[str, str], dict[str, list[Exposure]]] = {}
    for attempt in attempts:
        for name, each in attempt.skills.items():
            said.setdefault((run, cell_stream(attempt.trial)), {}).setdefault(name, []).append(each)
    return {cell: {name: read_of(each) or "no" for name, each in skills.items()} for cell, skills in said.items()}


def _of_cell(known: _Known, stream: str, cell: EvaluatedCell) -> SideCell:
    name = cell.rolled.partition("/")[2] or cell_name(cell.arm, cell.item, cell.repeat)
    run = known.trials.get(cell.run)
    trial = None if run is None else run.trials.get(name)
    cost, tokens = _paid(known.costs.get(cell.run), name)
    scored = None if cell.solved is None else "solved" if cell.solved else "unsolved"
    return SideCell(
        item=cell.item,
        unit=cell.unit,
        repeat=cell.repeat,
        outcome=_OUTCOMES[cell.unscored or scored or "running"],
        reward=cell.reward,
        cost=cost,
        tokens=tokens,
        trial=trial,
        exposure=known.exposure.get((cell.run, cell.rolled), {}),
        run=cell.run,
        stream=stream,
        rolled=cell.rolled,
        key=cell.key,
        ending=known.endings.get(stream),
    )


def _of_trial(known: _Known, run: Run, trial: Trial, repeat: int) -> SideCell:
    cost, tokens = _paid(known.costs.get(run.id), trial.name)
    # Sums of an imported trial lack what its agents used, unless its source counts that.
    unpriced = any(each.cost is None for each in trial.attempts.values())
    uncounted = any(each.tokens is None for each in trial.attempts.values())
    return SideCell(
        item=trial.task,
        unit=trial.task,
        repeat=repeat,
        outcome=_OUTCOMES[trial.state],
        reward=trial.reward,
        cost=None if unpriced else cost,
        tokens=None if uncounted else tokens,
        trial=trial,
        exposure=known.exposure.get((run.id, cell_stream(trial.name)), {}),
        run=run.id,
        stream=trial_stream(trial.name),
        rolled=trial_stream(trial.name),
        key=None,
        ending=known.endings.get(trial_stream(trial.name)),
    )


def _paid(costs: RunCost | None, account: str) -> tuple[int | None, int | None]:
    """Say what was paid on an account, and how many tokens it took. None: nobody knows."""
    spent = total_of(costs, account)
    roles = {} if costs is None else costs.lines.get(account, {})
    calls = [line for models in roles.values() for line in models.values()]
    unknown = any(line.unknown_usage for line in calls)
    tokens = sum(line.input_tokens + line.output_tokens for line in calls)
    return None if spent.unknown else spent.cost, None if unknown else tokens
