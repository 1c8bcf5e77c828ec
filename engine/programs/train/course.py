"""The course of a training: what is in force, and cells that are begun together. All of it follows from its stream."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.agents.installed.skill_set import skill_refs
from engine.config.program import RunPlan
from engine.core.scope import Child, Scope
from engine.evaluating.item_sets import SetSeen
from engine.programs.evaluate.cell import CellPlan, CellResult, cell
from engine.programs.evaluate.points import CellSaw
from engine.programs.skill_scan import ScannedTask
from engine.programs.train import points
from engine.programs.train.document import HEAD, digest_of_skill, texts_of
from engine.programs.train.edit_points import NamedText
from engine.programs.train.epoch_points import MetaSeen
from engine.programs.train.gate_points import IdleSeen, RuledSeen
from engine.programs.train.optimizer.terms import OptimizerTerms, SkillDocument
from engine.programs.train.plan import IDLE, TARGET, TrainItem, TrainPlan
from engine.programs.train.spec import train_spec
from events.base import Ref
from events.digest import Fingerprint
from events.streams import again_label, cell_stream
from events.types.condition import Condition
from events.types.decision import Earlier, Held, Seen, Text
from events.types.item_set import SetPurpose
from events.types.training import BatchBroken, PauseAsked, RolloutsScored, TrainingEnding, TrainingResumed
from events.values import NamedDigest, Ratio
from projections.comparison.rows import exact, mean_of

_encoder: Final = msgspec.json.Encoder(order="sorted")
"""As a table is written that holds other rulings: what follows from one is compared by its bytes."""
_DIGITS: Final = 12
"""To which a mean of rewards, which are no exact fractions, is rounded."""


class TrainingEnds(Exception):
    """Training ends before its time: there is no money left, or an operator stopped it."""

    def __init__(self, ending: TrainingEnding) -> None:
        super().__init__(ending)
        self.ending: Final = ending


class SkillState(NamedTuple):
    """A state of the skill."""

    files: tuple[NamedDigest, ...]
    """Empty: there is no skill."""
    at: Ref
    """The event that names them."""
    revision: int
    """0: the initial one."""
    data: Mapping[str, bytes]
    """Their bytes by path."""
    believed: Ratio | None
    """What is believed of it. None: nothing so far."""

    @property
    def digest(self) -> Fingerprint | None:
        """Digest of its folder. None: there is none."""
        return digest_of_skill(self.files)

    @property
    def document(self) -> SkillDocument:
        """What the optimizer sees of it."""
        return SkillDocument({HEAD: "", **texts_of(self.data)}, self.at)

    @property
    def named(self) -> tuple[NamedText, ...]:
        """Its files, for a decision."""
        return tuple(NamedText(each.name, Text(each.digest, self.at)) for each in self.files)


class TrainInputs(NamedTuple):
    """What training is given by its run."""

    items: Mapping[SetPurpose, Mapping[str, TrainItem]]
    """By name, in order."""
    sets: Mapping[SetPurpose, Seen[SetSeen]]
    tasks: tuple[ScannedTask, ...]
    """What the tasks expect, for the scan of candidates."""
    shown: tuple[Text, ...]
    """Files that questions name."""


class WantedBatch(NamedTuple):
    """Cells that are to be begun together."""

    label: str
    purpose: SetPurpose
    """Of the set that they are of."""
    names: Sequence[str]
    """Of their items, in the order in which their rows stand."""
    skill: SkillState
    """That the target has."""
    fresh: bool
    """Whether no stored score counts."""


class EndedBatch(NamedTuple):
    """Cells that were begun together, and have ended."""

    label: str
    rows: Held
    """JSON list of `CellSaw`, in the order in which the items were given."""
    results: Mapping[str, CellResult]
    """By item."""
    streams: Mapping[str, str]
    """Of their cells, by item."""
    means: tuple[Fraction | None, Fraction | None]
    """Share of solved items, and mean reward. None: nothing was scored."""


class Course:
    """A training in progress."""

    def __init__(self, scope: Scope, plan: RunPlan, inputs: TrainInputs) -> None:
        self.scope: Final = scope
        self.plan: Final[TrainPlan] = plan.own
        self.inputs: Final = inputs
        self._run: Final = plan
        self._begun: Final[Counter[tuple[Fingerprint | None, str]]] = Counter()
        """How often an item was begun with a skill."""
        self.planned: Seen[points.SetsSeen]
        self.now: SkillState
        """In force."""
        self.initial: SkillState
        self.best: SkillState
        self.start: EndedBatch
        """The first pass of the initial skill."""
        self.idle: Seen[IdleSeen] | None = None
        self.step = 0
        """The last that was begun."""
        self.epoch = 0
        self.rates = 0
        """How many were taken."""
        self.notes: list[Text] = []
        """Of the steps of this epoch."""
        self.meta = ""
        self.meta_at: Seen[MetaSeen] | None = None
        self.candidates = 0
        """That came to the gate."""
        self.ruled: Seen[RuledSeen] | None = None
        """The last decision of the gate."""
        self.gated: Earlier | None = None
        """Its inputs."""
        self.rejected = 0
        self.skipped = 0

    @property
    def name(self) -> str:
        """Of the skill."""
        refs = self.base.skills or ()
        return refs[0].name if refs else train_spec(self._run.eras[self.scope.era].spec).name

    @property
    def base(self) -> Condition:
        """The condition that the run has without any change of its skill."""
        era = self._run.eras[self.scope.era]
        condition = era.arms[TARGET].condition
        assert condition is not None, "runs of this program pin what their conditions are made of"
        return condition

    def condition(self, skill: SkillState) -> Condition:
        """Give the condition of a skill: the run's own, with this skill in place of its first one."""
        named = {f"{self.name}/{path}": data for path, data in skill.data.items()}
        return replace(self.base, skills=skill_refs(named, self.scope.put))

    def terms(self, mode: points.UpdateMode = "patch") -> OptimizerTerms:
        """Say how the optimizer is asked."""
        settings = [train_spec(each) for each in self.plan.own]
        return OptimizerTerms(
            callers=self.plan.optimizers(),
            prompts=self.plan.prompts,
            settings=tuple(each.optimizer for each in settings),
            mode=mode,
            reference=settings[self.scope.era].reference,
            meta=self.meta,
        )

    def believe(self, mean: Ratio | None) -> None:
        """Take in what the gate believes of the revision in force, by whichever name it goes."""
        now = self.now._replace(believed=mean)
        if self.initial.revision == now.revision:
            self.initial = now
        if self.best.revision == now.revision:
            self.best = now
        self.now = now

    async def read(self, files: Sequence[NamedDigest], at: Ref, revision: int = 0) -> SkillState:
        """Read the files of a state of the skill."""
        data = {each.name: await self.scope.get(each.digest) for each in files}
        return SkillState(tuple(files), at, revision, data, None)

    async def batch(
        self, label: str, purpose: SetPurpose, names: Sequence[str], skill: SkillState, *, fresh: bool = False
    ) -> EndedBatch:
        """Score items side by side; where the infrastructure breaks all of them, pause, and begin again once resumed.

        Args:
            label: Of their cells.
            purpose: Of the set that they are of.
            names: In the order in which their rows stand.
            skill: That the target has.
            fresh: Whether no stored score counts.

        Raises:
            TrainingEnds: There is no money left, or an operator ended it.
        """
        (ended,) = await self.batches([WantedBatch(label, purpose, names, skill, fresh)])
        return ended

    async def batches(self, wanted: Sequence[WantedBatch]) -> list[EndedBatch]:
        """Score several batches at once, as `batch` does; all that is recorded of them stands in the order given.

        Raises:
            TrainingEnds: There is no money left, or an operator ended it.
        """
        before: Counter[tuple[Fingerprint | None, str]] = Counter()
        planned: list[list[CellPlan]] = []
        for each in wanted:
            planned.append(self._cells(each, each.label, before))
            before.update((each.skill.digest, name) for name in each.names)
        found = await self._run_cells([one for cells in planned for one in cells])
        ended = []
        for each, cells in zip(wanted, planned, strict=True):
            results, found = found[: len(cells)], found[len(cells) :]
            ended.append(await self._used(each, cells, results))
        return ended

    async def _used(self, wanted: WantedBatch, cells: Sequence[CellPlan], results: Sequence[CellResult]) -> EndedBatch:
        """Record a batch; where all of it is broken, pause, and begin it again once resumed."""
        label, time = wanted.label, 1
        while True:
            ended = await self._ended(again_label(label, time), wanted, cells, results)
            if await self._usable(ended.rows, (label, time), len(wanted.names)):
                self._begun.update((wanted.skill.digest, name) for name in wanted.names)
                return ended
            time += 1
            cells = self._cells(wanted, again_label(label, time), Counter())
            results = await self._run_cells(cells)

    async def _run_cells(self, cells: Sequence[CellPlan]) -> list[CellResult]:
        return await self.scope.gather([Child(cell_stream(each.name), partial(cell, plan=each)) for each in cells])

    async def _usable(self, rows: Held, label: tuple[str, int], cells: int) -> bool:
        """Say whether cells that have ended are used; where all of them are broken, pause first.

        Raises:
            TrainingEnds: There is no money left, or an operator ended it.
        """
        ruled = (await self.scope.decide(points.BATCH, points.BatchSaw(rows))).value
        match ruled.then:
            case "use":
                return True
            case "pause":
                name, time = label
                await self.pause(BatchBroken(again_label(name, time), cells, ruled.reason), again_label(name, time + 1))
                return False
            case "budget" | "stopped":
                raise TrainingEnds(ruled.then)

    async def untouched(self) -> Held | None:
        """Try the selection tasks without doing anything, and give the cells. None: none is to be tried.

        Raises:
            TrainingEnds: There is no money left, or an operator ended it.
        """
        arm = self._run.eras[self.scope.era].arms.get(IDLE)
        items = [each for each in self.inputs.items["selection"].values() if each.read is None]
        # Runs from before this baseline pin no condition of it.
        if arm is None or arm.condition is None or not self.plan.idle or not items:
            return None
        reuse = train_spec(self.plan.own[self.scope.era]).reuse
        time = 1
        while True:
            cells = [self.plan.idle_cell(each, again_label(IDLE, time), arm.condition, reuse) for each in items]
            found = await self._run_cells(cells)
            rows = Held(self.scope.put(_encoder.encode([each.saw for each in found])), found[-1].at)
            if await self._usable(rows, (IDLE, time), len(cells)):
                return rows
            time += 1

    async def pause(self, broken: BatchBroken, again: str) -> None:
        """Pause until a person resumes the run.

        Args:
            broken: What broke as a whole.
            again: Label under which it begins again.
        """
        await self.scope.record(broken)
        resumed = await self.scope.effect(PauseAsked(again))
        assert isinstance(resumed, TrainingResumed)

    def _cells(
        self, wanted: WantedBatch, label: str, before: Mapping[tuple[Fingerprint | None, str], int]
    ) -> list[CellPlan]:
        """Plan the cells of a batch; `before` counts those that are begun with it, in batches before this one."""
        given, items = self.condition(wanted.skill), self.inputs.items[wanted.purpose]
        reuse = "never" if wanted.fresh else train_spec(self.plan.own[self.scope.era]).reuse
        digest = wanted.skill.digest
        return [
            self.plan.cell(
                items[name], label, self._begun[digest, name] + before.get((digest, name), 0) + 1, given, reuse
            )
            for name in wanted.names
        ]

    async def _ended(
        self, label: str, wanted: WantedBatch, cells: Sequence[CellPlan], found: Sequence[CellResult]
    ) -> EndedBatch:
        at = found[-1].at if found else self.scope.at
        rows = Held(self.scope.put(_encoder.encode([each.saw for each in found])), at)
        results = dict(zip(wanted.names, found, strict=True))
        streams = {name: cell_stream(each.name) for name, each in zip(wanted.names, cells, strict=True)}
        ended = EndedBatch(label, rows, results, streams, _means([each.saw for each in found]))
        await self.scope.record(self._scored_event(ended, wanted.purpose, wanted.skill))
        return ended

    def _scored_event(self, ended: EndedBatch, purpose: SetPurpose, skill: SkillState) -> RolloutsScored:
        items = self.inputs.items[purpose]
        rows = [_row(items[name], ended.results[name], ended.streams[name]) for name in sorted(ended.results)]
        hard, soft = ended.means
        return RolloutsScored(
            label=ended.label,
            purpose=purpose,
            skill=skill.digest,
            rows=self.scope.put(_encoder.encode(rows)),
            planned=len(rows),
            scored=sum(each.solved is not None for each in rows),
            hard=None if hard is None else Ratio.of(hard),
            soft=None if soft is None else Ratio.of(soft),
        )


def _row(item: TrainItem, result: CellResult, stream: str) -> points.RolloutRow:
    seen, score = result.saw.score or result.saw.found, result.saw.score
    return points.RolloutRow(
        item=item.name,
        unit=item.unit,
        repeat=result.saw.repeat,
        task_type=item.task_type,
        stream=stream,
        solved=None if seen is None else seen.value.solved,
        reward=None if seen is None else seen.value.reward,
        reason=None if score is None else score.value.reason,
        why=() if result.why is None else result.why.value.reasons,
    )


def _means(cells: Sequence[CellSaw]) -> tuple[Fraction | None, Fraction | None]:
    """Mean what has a score; an item whose verifier gives no reward counts with its hard score."""
    seen = [each.score or each.found for each in cells]
    scored = [each.value for each in seen if each is not None and each.value.solved is not None]
    if not scored:
        return None, None
    hard = [Fraction(int(bool(each.solved))) for each in scored]
    soft = [solved if each.reward is None else exact(each.reward) for each, solved in zip(scored, hard, strict=True)]
    return mean_of(hard), round(mean_of(soft), _DIGITS)
