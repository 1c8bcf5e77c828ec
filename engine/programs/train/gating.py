"""A candidate before the gate: it is scanned, run as far as the gate asks, and accepted or rejected."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from engine.core.decision import Made
from engine.programs.skill_scan import SKILL_SCAN, ScannedFile, SkillScanSaw
from engine.programs.train.course import Course, EndedBatch, SkillState
from engine.programs.train.edit_points import (
    CANDIDATE,
    PLACEBO,
    CandidateSaw,
    CandidateSkill,
    NamedText,
    PlaceboSaw,
)
from engine.programs.train.gate_points import GATE, CandidateRuling, GateSaw, MadeSeen, RuledSeen, ScanSeen
from events.base import Ref
from events.types.decision import Held, Seen, Text
from events.types.skill import SkillRejected
from events.types.training import CandidateMade, CandidateOrigin, ChangeOrigin, GateDecided, SkillAccepted


class MadeCandidate(NamedTuple):
    """A candidate that was made."""

    state: SkillState
    origin: CandidateOrigin
    made: Seen[MadeSeen]
    report: Text


async def propose(course: Course, saw: CandidateSaw) -> MadeCandidate:
    """Make a candidate of what was proposed."""
    ruled = await course.scope.decide(CANDIDATE, saw, partial(_made, course, saw.origin))
    return await _read(course, saw.origin, ruled)


async def try_placebo(course: Course, before: tuple[NamedText, ...], candidate: MadeCandidate, label: str) -> None:
    """Have the gate rule on a placebo of a candidate that it decided on.

    Args:
        course: Of the training.
        before: Files of the revision that the candidate was made from.
        candidate: Which.
        label: Of the cells that the gate asks for.

    Raises:
        TrainingEnds: There is no money left, or an operator ended it.
    """
    saw = PlaceboSaw(course.now.named, before, candidate.state.named)
    ruled = await course.scope.decide(PLACEBO, saw, partial(_made, course, "placebo"))
    await gate(course, await _read(course, "placebo", ruled), label)


def _made(course: Course, origin: CandidateOrigin, ruling: CandidateSkill, made: Made) -> CandidateMade:
    del made
    return CandidateMade(
        skill=course.name,
        origin=origin,
        step=course.step,
        epoch=course.epoch,
        files=ruling.files,
        parent=course.now.digest,
        report=ruling.report,
        applied=ruling.applied,
        refused=ruling.refused,
        changed=ruling.changed,
    )


async def _read(course: Course, origin: CandidateOrigin, ruled: Seen[CandidateSkill]) -> MadeCandidate:
    await course.scope.flush()
    made = Seen(ruled.seen, MadeSeen(ruled.value.changed))
    state = await course.read(ruled.value.files, ruled.seen)
    return MadeCandidate(state, origin, made, Text(ruled.value.report, ruled.seen))


async def gate(course: Course, candidate: MadeCandidate, label: str) -> Seen[CandidateRuling]:
    """Have the gate rule on a candidate, and put it in force if it is accepted and no placebo.

    Args:
        course: Of the training.
        candidate: Which.
        label: Of the cells that the gate asks for.

    Raises:
        TrainingEnds: There is no money left, or an operator ended it.
    """
    scan = await _scan(course, candidate)
    parts: list[EndedBatch] = []
    beside: list[EndedBatch] = []
    while True:
        ruled = await _decide(course, candidate, scan, (_tables(parts), _tables(beside)))
        if ruled.value.outcome != "more":
            break
        course.believe(ruled.value.believed)
        part = label if not parts else f"{label}.{len(parts) + 1}"
        seen = {item for each in parts for item in each.results}
        new = [item for item in ruled.value.run if item not in seen]
        parts.append(await course.batch(part, "selection", ruled.value.run, candidate.state))
        if ruled.value.paired and new:
            beside.append(await course.batch(f"{part}.beside", "selection", new, course.now))
    course.candidates += 1
    await _settle(course, candidate, ruled)
    return ruled


def _tables(parts: Sequence[EndedBatch]) -> tuple[Held, ...]:
    return tuple(each.rows for each in parts)


async def _scan(course: Course, candidate: MadeCandidate) -> Seen[ScanSeen] | None:
    """Scan a whole candidate, against what the items expect. None: there is nothing to scan."""
    state = candidate.state
    if not state.files:
        return None
    files = tuple(ScannedFile(f"{course.name}/{each.name}", Text(each.digest, state.at)) for each in state.files)
    items = tuple(item.read for of in course.inputs.items.values() for item in of.values() if item.read is not None)
    found = await course.scope.decide(SKILL_SCAN, SkillScanSaw(None, files, course.inputs.tasks, items))
    return Seen(found.seen, ScanSeen(found.value.verdict))


async def _decide(
    course: Course,
    candidate: MadeCandidate,
    scan: Seen[ScanSeen] | None,
    tables: tuple[tuple[Held, ...], tuple[Held, ...]],
) -> Seen[CandidateRuling]:
    sets = tuple(course.inputs.sets[each] for each in ("selection",))
    saw = GateSaw(
        start=course.start.rows,
        idle=course.idle,
        origin=candidate.origin,
        made=candidate.made,
        scan=scan,
        parts=tables[0],
        beside=tables[1],
        number=course.candidates,
        learning=len(course.inputs.items["train"]),
        sets=sets,
        before=course.ruled,
        earlier=course.gated,
    )

    def says(ruling: CandidateRuling, made: Made) -> GateDecided:
        return GateDecided(
            candidate=candidate.made.seen,
            gate=ruling.gate,
            outcome=ruling.outcome,
            reason=ruling.reason,
            run=ruling.run,
            figures=ruling.figures,
            score=ruling.score,
            believed=ruling.believed,
            variance=ruling.variance,
            rows=ruling.rows,
            beside=ruling.beside,
            best=ruling.best,
            paired=ruling.paired,
            shadow=made.shadow,
            sets=tuple(each.value.digest for each in sets),
        )

    ruled = await course.scope.decide(GATE, saw, says)
    course.gated = course.scope.decided
    course.ruled = Seen(ruled.seen, RuledSeen(ruled.value.outcome, ruled.value.best))
    return ruled


async def _settle(course: Course, candidate: MadeCandidate, ruled: Seen[CandidateRuling]) -> None:
    """Put a candidate in force, or say that it was rejected; of one that is left undecided nothing is said.

    Nor is anything of a placebo, which is no change of the skill.
    """
    ruling = ruled.value
    if ruling.outcome == "undecided" or candidate.origin == "placebo":
        course.believe(ruling.believed)
        return
    if ruling.outcome != "accept":
        course.rejected += 1
        await course.scope.record(SkillRejected(course.name, candidate.made.seen, (ruling.reason,)))
        course.believe(ruling.believed)
        return
    at: Ref = await course.scope.record(_accepted(course, candidate, ruled, candidate.origin))
    revision = course.now.revision + 1
    course.now = candidate.state._replace(at=at, revision=revision, believed=ruling.believed)
    if ruling.best:
        course.best = course.now


def _accepted(
    course: Course, candidate: MadeCandidate, ruled: Seen[CandidateRuling], origin: ChangeOrigin
) -> SkillAccepted:
    return SkillAccepted(
        skill=course.name,
        revision=course.now.revision + 1,
        files=candidate.state.files,
        parent=course.now.digest,
        candidate=candidate.made.seen,
        gate=ruled.seen,
        origin=origin,
        step=course.step,
        epoch=course.epoch,
        best=ruled.value.best,
    )
