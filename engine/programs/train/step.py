"""One step: rollouts, reflection, merging, selection, a candidate, the gate, and a note of what became of it."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from engine.core.decision import Made
from engine.core.scope import Child
from engine.policies.edits.edit import EditRule
from engine.policies.training.buffer import NamedFailure
from engine.policies.training.merging import groups
from engine.policies.training.selection import needs_ranking
from engine.programs.train import points
from engine.programs.train.appendix import note_reminders
from engine.programs.train.course import Course, EndedBatch, SkillState, TrainingEnds
from engine.programs.train.edit_points import (
    RANKED,
    RATE_ASKED,
    RATE_TAKEN,
    UNRANKED,
    CandidateSaw,
    EditSelection,
    RankedSaw,
    RateAskedSaw,
    RateSeen,
    RateTaken,
    RateTakenSaw,
    SelectedSeen,
    UnrankedSaw,
)
from engine.programs.train.gate_points import CandidateRuling
from engine.programs.train.gating import MadeCandidate, gate, propose, try_placebo
from engine.programs.train.optimizer.choice import choose_rate, rank
from engine.programs.train.optimizer.proposals import encode_proposals
from engine.programs.train.optimizer.reflection import merge, reflect
from engine.programs.train.optimizer.rewriting import first_draft, rewrite
from engine.programs.train.optimizer.terms import (
    Came,
    MergeBrief,
    Proposals,
    RankBrief,
    RateBrief,
    ReflectBrief,
    ReflectionOutcome,
    RewriteBrief,
    ShownRollout,
)
from engine.programs.train.spec import train_spec
from events.streams import RANK, RATE, REWRITE, again_label, merge_stream, of_step, reflect_stream, train_label
from events.types.decision import Held, Seen, Text
from events.types.training import (
    BatchBroken,
    BufferNoted,
    EditsMerged,
    EditsSelected,
    GatheredPatch,
    PatchesGathered,
    PlannedBatch,
    PlannedStep,
    RateChosen,
    StepOpened,
    StepSkipped,
)

T = TypeVar("T")
_SIDES: Final = {"failure": "fail", "success": "succ"}
"""As streams are called."""
_encoder: Final = msgspec.json.Encoder(order="sorted")


class Reflections(NamedTuple):
    """What was learnt from the rollouts of a step."""

    came: tuple[Came[ReflectionOutcome], ...]
    patches: tuple[GatheredPatch, ...]
    findings: tuple[NamedFailure, ...]

    def side(self, kind: str) -> list[Proposals]:
        """Give the proposals from failures, or from successes."""
        found = [each.value.proposals for each in self.came if each.value is not None]
        return [each for each in found if each.kind == kind and each.items]

    @property
    def appendix(self) -> tuple[str, ...]:
        """Reminders, in the order of the reflections."""
        return tuple(note for each in self.came if each.value is not None for note in each.value.appendix)


class _Outcome(NamedTuple):
    """What became of a step."""

    skipped: str = ""
    candidate: MadeCandidate | None = None
    gate: Seen[CandidateRuling] | None = None


class Step:
    """A step in progress."""

    def __init__(self, course: Course, planned: PlannedStep, number: int) -> None:
        self._course = course
        self._planned = planned
        self._number = number
        self._step = course.step + 1
        self._terms: points.StepTerms
        self._notes = ""
        self._rolled: list[EndedBatch] = []
        self._asked: list[tuple[str, ReflectBrief]] = []
        """Reflections, each with its stream."""
        self._came: list[Came[ReflectionOutcome]] = []
        self._patches: list[GatheredPatch] = []
        self._findings: list[NamedFailure] = []
        self._merges: list[str] = []
        """Their streams."""

    async def run(self) -> None:
        """Go through it.

        Raises:
            TrainingEnds: There is no money left, or an operator ended it.
            Stopped: An operator ended it before it began.
        """
        course = self._course
        await course.scope.checkpoint()
        course.step = self._step
        await course.scope.record(StepOpened(self._step, course.epoch, self._number, course.now.digest))
        saw = points.StepTermsSaw(course.rates, len(course.inputs.items["train"]))
        self._terms = (await course.scope.decide(points.STEP_TERMS, saw)).value
        self._notes = await self._told()
        for part, batch in enumerate(self._planned.batches):
            await self._learn(part, batch)
        await self._until_reached()
        await course.scope.record(PatchesGathered(self._step, tuple(self._patches)))
        learnt = Reflections(tuple(self._came), tuple(self._patches), tuple(self._findings))
        parent = course.now
        outcome = await self._change(learnt)
        if outcome.skipped:
            course.skipped += 1
            await course.scope.record(StepSkipped(self._step, outcome.skipped))
        await self._note(outcome)
        await self._try_placebo(parent, outcome)
        if self._terms.appendix and learnt.appendix:
            await note_reminders(course, learnt.appendix, self._came[-1].at)

    # -- rollouts and reflection ---------------------------------------------------------------------------------------

    async def _told(self) -> str:
        """Word what became of the steps before, in this epoch."""
        course = self._course
        if not course.notes:
            return ""
        ruled = await course.scope.decide(points.NOTES, points.StepNotesSaw(tuple(course.notes)))
        await course.scope.flush()
        return (await course.scope.get(ruled.value.text)).decode()

    async def _learn(self, part: int, batch: PlannedBatch) -> None:
        """Roll a batch out, and reflect on what came of it."""
        course = self._course
        several = len(self._planned.batches) > 1
        label = train_label(self._step, "rollout", part if several else None)
        rolled = await course.batch(label, "train", batch.items, course.now, fresh=True)
        self._rolled.append(rolled)
        plan = (await course.scope.decide(points.MINIBATCHES, points.MinibatchesSaw(rolled.rows, batch.seed))).value
        briefs = [
            (reflect_stream(self._step, part, _SIDES[kind], number), self._brief(rolled, part, (kind, number), items))
            for kind, minibatches in (("failure", plan.failures), ("success", plan.successes))
            for number, items in enumerate(minibatches)
        ]
        self._asked += briefs
        await self._reflect(briefs)

    async def _reflect(self, briefs: Sequence[tuple[str, ReflectBrief]]) -> None:
        children = [Child(stream, partial(reflect, brief=brief)) for stream, brief in briefs]
        for (stream, brief), came in zip(briefs, await self._course.scope.gather(children), strict=True):
            self._gather(stream, brief, ended(came))

    async def _until_reached(self) -> None:
        """Where the calls of all reflections failed, pause, and ask all of them again once resumed."""
        label, time = train_label(self._step, "reflect"), 1
        while self._terms.pause and self._came and all(each.ending == "unanswered" for each in self._came):
            said = "; ".join(sorted({each.reason for each in self._came}))
            reason = f"the optimizer answered none of {len(self._came)} reflections: {said}"
            broken = BatchBroken(again_label(label, time), len(self._came), reason)
            time += 1
            await self._course.pause(broken, again_label(label, time))
            self._came, self._patches = [], []
            await self._reflect(
                [
                    (again_label(stream, time), brief._replace(name=again_label(brief.name, time)))
                    for stream, brief in self._asked
                ]
            )

    def _brief(self, rolled: EndedBatch, part: int, place: tuple[str, int], items: Sequence[str]) -> ReflectBrief:
        kind, number = place
        return ReflectBrief(
            terms=self._course.terms(self._terms.update),
            document=self._course.now.document,
            name=f"{self._step}.{part}.{_SIDES[kind]}.{number}",
            kind=kind,
            rows=[shown_row(self._course, rolled, item) for item in items],
            budget=self._terms.budget,
            notes=self._notes,
            appendix=self._terms.appendix,
        )

    def _gather(self, stream: str, brief: ReflectBrief, came: Came[ReflectionOutcome]) -> None:
        count = 0 if came.value is None else len(came.value.proposals.items)
        kind: Literal["failure", "success"] = "failure" if brief.kind == "failure" else "success"
        self._came.append(came)
        reason = "" if came.ending == "read" else came.reason
        self._patches.append(GatheredPatch(stream, kind, len(brief.rows), count, came.ending, reason))
        if came.value is not None and kind == "failure":
            items = tuple(row.item for row in brief.rows)
            found = came.value.findings
            self._findings += [NamedFailure(each.type, each.description, items) for each in found]

    # -- merging, selection, candidate ---------------------------------------------------------------------------------

    async def _change(self, learnt: Reflections) -> _Outcome:
        """Make a candidate of what was proposed, and ask the gate."""
        found = await self._merged({kind: learnt.side(kind) for kind in ("failure", "success")})
        if not found:
            return _Outcome(_why_nothing(learnt))
        merged = found[0] if len(found) == 1 else await self._final(found)
        course = self._course
        await course.scope.record(EditsMerged(self._step, merged.held.held, len(merged.items), tuple(self._merges)))
        if not merged.items:
            return _Outcome("the merge left nothing")
        saw = await self._proposed(merged, learnt)
        if isinstance(saw, str):
            return _Outcome(saw)
        candidate = await propose(course, saw)
        ruled = await gate(course, candidate, train_label(self._step, "gate"))
        return _Outcome("", candidate, ruled)

    async def _try_placebo(self, parent: SkillState, outcome: _Outcome) -> None:
        """Have the gate rule on a placebo of the step's candidate, at every so many-th step that changed anything."""
        course, candidate = self._course, outcome.candidate
        every = train_spec(course.plan.own[course.scope.era]).placebo
        if every is None or self._step % every or candidate is None or not candidate.made.value.changed:
            return
        await try_placebo(course, parent.named, candidate, train_label(self._step, "placebo"))

    async def _merged(self, sides: dict[str, list[Proposals]]) -> list[Proposals]:
        """Merge the proposals of each side, level by level, the sides at once; a side without any is left out."""
        streams: dict[str, list[str]] = {kind: [] for kind in sides}
        level = 1
        while any(len(proposals) > 1 for proposals in sides.values()):
            parts = {kind: groups(each, self._terms.merge_batch) if each else [] for kind, each in sides.items()}
            asked = {
                (kind, number): self._merge(kind, level, number, part)
                for kind, each in parts.items()
                for number, part in enumerate(each)
                if len(part) > 1
            }
            came = await self._course.scope.gather([*asked.values()])
            found = {place: _value(ended(each)) for place, each in zip(asked, came, strict=True)}
            for (kind, _), child in asked.items():
                streams[kind].append(child.name)
            sides = {
                kind: [found.get((kind, number), part[0]) for number, part in enumerate(each)]
                for kind, each in parts.items()
            }
            level += 1
        self._merges += [stream for each in streams.values() for stream in each]
        return [proposals[0] for proposals in sides.values() if proposals]

    def _merge(self, kind: str, level: int, number: int, part: Sequence[Proposals]) -> Child[Came[Proposals]]:
        side = _SIDES[kind]
        brief = self._merge_brief(f"{self._step}.{side}.{level}.{number}", kind, part, level)
        return Child(merge_stream(self._step, side, level, number), partial(merge, brief=brief))

    async def _final(self, sides: Sequence[Proposals]) -> Proposals:
        """Merge what failures and what successes led to."""
        brief = self._merge_brief(f"{self._step}.final.1.0", "merged", sides, None)
        child = Child(merge_stream(self._step, "final", 1, 0), partial(merge, brief=brief))
        self._merges.append(child.name)
        return _value(ended((await self._course.scope.gather([child]))[0]))

    def _merge_brief(self, name: str, kind: str, group: Sequence[Proposals], level: int | None) -> MergeBrief:
        return MergeBrief(self._course.terms(self._terms.update), self._course.now.document, name, kind, group, level)

    async def _proposed(self, merged: Proposals, learnt: Reflections) -> CandidateSaw | str:
        """Select what is proposed, and say what the candidate is made of; or why there is none."""
        now, scope = self._course.now, self._course.scope
        if self._terms.update == "full_rewrite":
            draft = first_draft(merged, now.document, EditRule())
            if draft is None:
                return "no document could be read"
            held = Held(scope.put_json(_encoder.encode(dict(draft.files))), merged.held.at)
            return CandidateSaw("rewrite", now.named, rewritten=held)
        rate = await self._rate(merged, learnt)
        selected = await self._select(merged, rate)
        if not selected.value.selected and not (self._terms.rank_none and self._terms.update == "patch"):
            return rate.value.reason or "no edit is to be applied at this rate"
        if self._terms.update == "patch":
            chosen = Seen(selected.seen, SelectedSeen(selected.value.selected))
            return CandidateSaw("step", now.named, edits=merged.held, selected=chosen)
        written = await self._rewritten(merged, selected.value.selected)
        return written if isinstance(written, str) else CandidateSaw("rewrite", now.named, rewritten=written)

    async def _rate(self, merged: Proposals, learnt: Reflections) -> Seen[RateTaken]:
        course = self._course
        course.rates += 1
        says = partial(self._rated, course.rates)
        if not self._terms.ask_rate:
            saw = RateTakenSaw(course.rates - 1, len(course.inputs.items["train"]))
            return await course.scope.decide(RATE_TAKEN, saw, says)
        hard, soft = self._means()
        rows = sum(each.rows for each in learnt.patches)
        brief = RateBrief(course.terms(), course.now.document, merged, rows, hard, soft, self._notes)
        child = Child(of_step(RATE, self._step), partial(choose_rate, brief=brief))
        asked = ended((await course.scope.gather([child]))[0]).value
        return await course.scope.decide(RATE_ASKED, RateAskedSaw(len(merged.items), asked), says)

    def _rated(self, number: int, ruling: RateTaken, made: Made) -> RateChosen:
        del made
        return RateChosen(self._step, number, ruling.rate, ruling.reason)

    def _means(self) -> tuple[float, float]:
        """Mean the batches of the step, each by how many rows it has."""
        rows = sum(len(each.results) for each in self._rolled)
        hard, soft = (
            sum(float(each.means[at] or 0) * len(each.results) for each in self._rolled) / rows for at in (0, 1)
        )
        return hard, soft

    async def _select(self, merged: Proposals, rate: Seen[RateTaken]) -> Seen[EditSelection]:
        course, available, most = self._course, len(merged.items), rate.value.rate
        seen = Seen(rate.seen, RateSeen(most))
        if not needs_ranking(available, most) or (most == 0 and not self._terms.rank_none):
            return await course.scope.decide(UNRANKED, UnrankedSaw(available, seen), self._selected)
        brief = RankBrief(course.terms(), course.now.document, merged, most or 0)
        child = Child(of_step(RANK, self._step), partial(rank, brief=brief))
        came = ended((await course.scope.gather([child]))[0])
        saw = RankedSaw(available, seen, came.value, came.ending == "read")
        return await course.scope.decide(RANKED, saw, self._selected)

    def _selected(self, ruling: EditSelection, made: Made) -> EditsSelected:
        del made
        return EditsSelected(self._step, ruling.selected, ruling.available, ruling.how)

    async def _rewritten(self, merged: Proposals, selected: Sequence[int]) -> Held | str:
        """Have the document rewritten by the suggestions that were selected; or say why it was not."""
        course = self._course
        items = tuple(merged.items[index] for index in selected)
        held = Held(course.scope.put_json(encode_proposals(items)), merged.held.at)
        brief = RewriteBrief(
            course.terms("rewrite"), course.now.document, merged._replace(items=items, held=held), self._notes
        )
        child = Child(of_step(REWRITE, self._step), partial(rewrite, brief=brief))
        came = ended((await course.scope.gather([child]))[0])
        return f"no document could be read: {came.reason}" if came.value is None else came.value.held

    # -- the note ------------------------------------------------------------------------------------------------------

    async def _note(self, outcome: _Outcome) -> None:
        """Note what became of the step, for those after it in this epoch."""
        course, candidate = self._course, outcome.candidate
        findings = self._held(self._findings, self._came[-1].at) if self._findings else None
        gated = None if outcome.gate is None else Seen(outcome.gate.seen, _gate_seen(outcome.gate.value))
        saw = points.BufferSaw(
            step=self._step,
            rows=tuple(each.rows for each in self._rolled),
            reasons=tuple(self._held(_reasons(each), each.rows.at) for each in self._rolled),
            findings=findings,
            report=None if candidate is None else candidate.report,
            gate=gated,
            skipped=outcome.skipped,
        )
        ruled = await course.scope.decide(points.BUFFER, saw, lambda ruling, _: BufferNoted(self._step, ruling.note))
        course.notes.append(Text(ruled.value.note, ruled.seen))

    def _held(self, values: Sequence[Any], at: Any) -> Held:
        return Held(self._course.scope.put(_encoder.encode(values)), at)


def ended(came: Came[T]) -> Came[T]:
    """Give what came of a question, unless it says that training ends.

    Raises:
        TrainingEnds: There is no money left, or an operator ended it.
    """
    if came.ending == "budget" or came.ending == "stopped":  # noqa: PLR1714 - narrows the type
        raise TrainingEnds(came.ending)
    return came


def _value(came: Came[T]) -> T:
    assert came.value is not None, "a merge that cannot be read joins what it was given"
    return came.value


def shown_row(course: Course, rolled: EndedBatch, item: str) -> ShownRollout:
    """Say of a rollout what the optimizer is shown."""
    seen = rolled.results[item].saw.score or rolled.results[item].saw.found
    assert seen is not None, "what has no score is not shown"
    soft = seen.value.reward
    of_item = course.inputs.items["train"][item]
    return ShownRollout(item, rolled.streams[item], of_item.task_type, hard=bool(seen.value.solved), soft=soft)


def _why_nothing(learnt: Reflections) -> str:
    """Say why nothing is proposed."""
    unread = [each.ending for each in learnt.came if each.value is None]
    if unread and len(unread) == len(learnt.came):
        return f"no reflection could be read: {', '.join(sorted(set(unread)))}"
    return "nothing was proposed"


def _reasons(rolled: EndedBatch) -> list[points.FailedItem]:
    return [points.FailedItem(item, each.why) for item, each in rolled.results.items() if each.why is not None]


def _gate_seen(ruling: CandidateRuling) -> points.StepGateSeen:
    return points.StepGateSeen(ruling.outcome, ruling.score, ruling.figures)
