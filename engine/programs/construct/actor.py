"""The construction of one task: proposed, put right, looked through, rendered, proved, published or not."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Made, Point
from engine.core.gathering import ActorsHeldBack
from engine.core.prompts import Prompts
from engine.core.scope import Scope, Stopped
from engine.effects.answer_asking import ReadingSteps, ask_until_read
from engine.effects.answer_points import ReadAnswer, ReplySeen
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.model_calls import Caller, CapReached, NoAnswer, problem_of
from engine.programs.construct import points
from engine.programs.construct.briefs import PromptSpec
from engine.programs.construct.spec import construct_spec, output_of
from engine.programs.construct.variants import told_of
from engine.programs.prove.proof import ProofTerms, Proved, prove_task
from engine.programs.train.optimizer.wording import fenced
from events.digest import Digest
from events.streams import ProofTrial
from events.types.budget import BudgetRefused
from events.types.construction import (
    BlueprintCritiqued,
    BlueprintProposed,
    BlueprintRepaired,
    ConstructionClosed,
    ConstructionEnding,
    ConstructionOpened,
    PublishAsked,
    PublishRefused,
    RenderAsked,
    RenderedFile,
    RenderRefused,
    TaskRendered,
)
from events.types.decision import Held, Seen

HELD: Final = "held"
"""What a construction comes to in a process that lets go of it before its end."""
_MOST_ISSUES: Final = 24_000
_MOST_PROVED: Final = 16_000
MOST_FOUND: Final = _MOST_ISSUES + _MOST_PROVED + 2
"""Characters of what was found in a blueprint that its author is told: the beginnings of issues, and of a proof."""
_TAIL: Final = 3000
"""Characters of an output that an author is shown: its end."""


class ConstructionTerms(NamedTuple):
    """What all constructions of a run go by."""

    specs: tuple[RunSpec, ...]
    """By era, oldest first."""
    prompts: Prompts
    callers: Mapping[str, tuple[Mapping[str, Caller], ...]]
    """By construction, then by era, then by role."""
    proof: ProofTerms


class _Ended(Exception):
    """A construction ends here."""

    def __init__(self, ending: ConstructionEnding, *reasons: str) -> None:
        super().__init__(ending)
        self.ending = ending
        self.reasons = reasons


class _Round(NamedTuple):
    """A blueprint, as far as it has come."""

    number: int
    blueprint: Held
    """After what can be put right was."""
    critiqued: Seen[points.Critiqued]
    files: tuple[RenderedFile, ...] = ()
    proved: Proved | None = None
    refused: Seen[points.RenderRefusalSeen] | None = None


async def construct(scope: Scope, name: str, brief: Held, terms: ConstructionTerms) -> str:
    """Construct a task; give how it ended, as in `ConstructionClosed`.

    Args:
        scope: Of its own stream.
        name: Of the task, for good.
        brief: Its prompt spec.
        terms: What it goes by.
    """
    await scope.note(ConstructionOpened(name, brief.held))
    making = _Construction(scope, name, brief, terms)
    try:
        await making.run()
    except _Ended as end:
        await scope.record(ConstructionClosed(end.ending, making.rounds, end.reasons))
        return end.ending
    except Stopped as stop:
        await scope.record(ConstructionClosed("stopped", making.rounds, (stop.event.detail,)))
        return "stopped"
    except ActorsHeldBack:
        return HELD
    await scope.record(ConstructionClosed("published", making.rounds, ()))
    return "published"


class _Construction:
    """One construction; all that it knows comes from events of its own stream."""

    def __init__(self, scope: Scope, name: str, brief: Held, terms: ConstructionTerms) -> None:
        self._scope = scope
        self._name = name
        self._brief = brief
        self._terms = terms
        self.rounds = 0
        self._revised = 0
        """Revisions that no proof was made before."""

    async def run(self) -> None:
        """Go on until it is published.

        Raises:
            _Ended: It is not.
            Stopped: It is stopped.
        """
        found: str | None = None
        before: Held | None = None
        while True:
            current = await self._drawn(before, found)
            course = await self._course(current)
            if course.then == "render":
                current = await self._tried(current)
                course = await self._course(current)
            match course.then:
                case "publish":
                    return await self._publish(current)
                case "reject":
                    raise _Ended("rejected", course.reason, *_reasons(current))
                case "give_up":
                    raise _Ended("not_proved", course.reason, *_reasons(current))
                case "revise" | "render":
                    self._revised += current.proved is None and current.refused is None
                    before, found = current.blueprint, await self._found(current)

    async def _drawn(self, before: Held | None, found: str | None) -> _Round:
        """Have a blueprint proposed, put right and looked through."""
        scope = self._scope
        reading = await self._asked("author", await self._told(before, found), points.BLUEPRINT)
        assert reading.value.value is not None, "it was read"
        self.rounds += 1
        at = await scope.record(BlueprintProposed(self.rounds, reading.value.value))
        saw = points.RepairSaw(self._name, Held(reading.value.value, at))
        repaired = await scope.decide(points.REPAIRS, saw, _repaired)
        held = Held(repaired.value.blueprint, repaired.seen)
        criticism = await self._criticised(held)
        critique = points.CritiqueSaw(held, self._brief, criticism)
        return _Round(self.rounds, held, await scope.decide(points.CRITIQUE, critique, _critiqued))

    async def _told(self, before: Held | None, found: str | None) -> tuple[str, str]:
        """Word what the author is told."""
        prompts = self._terms.prompts
        image = construct_spec(self._terms.specs[self._scope.era]).base_image
        layout = prompts.fill("construct_layout", image=image).rstrip()
        brief = await self._described()
        system = prompts.text("construct_system")
        if before is None or found is None:
            return system, prompts.fill("construct_user", brief=brief, layout=layout)
        blueprint = fenced((await self._scope.get(before.held)).decode())
        told = prompts.fill("construct_revise_user", brief=brief, blueprint=blueprint, found=found, layout=layout)
        return system, told

    async def _read_brief(self) -> PromptSpec:
        return msgspec.json.decode(await self._scope.get(self._brief.held), type=PromptSpec)

    async def _described(self) -> str:
        """Word what the task is to be about: the prompt spec, or the task that is varied."""
        brief = await self._read_brief()
        if brief.original is None:
            return fenced((await self._scope.get(self._brief.held)).decode())
        return self._terms.prompts.fill("construct_variant", **told_of(brief, brief.original)).rstrip()

    async def _criticised(self, blueprint: Held) -> Held | None:
        """Have a model look through it. Where nothing can be read of what it says, the rules alone count."""
        scope, prompts = self._scope, self._terms.prompts
        asked = await scope.decide(points.ASK_CRITIC, points.AskCriticSaw(self.rounds))
        if not asked.value.asked:
            return None
        brief = await self._described()
        task = fenced((await scope.get(blueprint.held)).decode())
        told = prompts.fill("construct_critique_user", brief=brief, blueprint=task)
        try:
            reading = await self._asked("critic", (prompts.text("construct_critique_system"), told), points.CRITICISM)
        except _Ended as end:
            if end.ending == "budget":
                raise
            return None
        assert reading.value.value is not None, "it was read"
        return Held(reading.value.value, reading.seen)

    async def _asked(self, role: str, told: tuple[str, str], point: Point[Any, Any, ReadAnswer]) -> Seen[ReadAnswer]:
        """Ask a model until its answer is read.

        Raises:
            _Ended: It cannot be, or there is none.
        """
        scope = self._scope
        talk = extend(scope, EMPTY, [message("system", told[0]), message("user", told[1])])
        again = partial(self._terms.prompts.fill, "construct_repair")
        steps = ReadingSteps(point, _saw, lambda problems: again(problems=problems))
        came = await ask_until_read(scope, lambda: self._caller(role), talk, steps)
        if not isinstance(came, Seen):
            raise _unanswered(came)
        if came.value.verdict != "read":
            raise _Ended("unreadable", *came.value.problems)
        return came

    def _caller(self, role: str) -> Caller:
        return self._terms.callers[self._name][self._scope.era][role]

    async def _course(self, current: _Round) -> points.NextStep:
        proof = None if current.proved is None else current.proved.ruling
        saw = points.CourseSaw(
            round=current.number,
            revised=self._revised,
            critiqued=Seen(current.critiqued.seen, points.BlockingSeen(current.critiqued.value.blocking)),
            proof=None if proof is None else Seen(proof.seen, points.ProofSeen(proof.value.verdict)),
            refused=current.refused,
        )
        return (await self._scope.decide(points.COURSE, saw)).value

    async def _tried(self, current: _Round) -> _Round:
        """Make a task of a blueprint, and prove it."""
        scope, task = self._scope, f"{self._name}.{current.number}"
        original = None if (await self._read_brief()).original is None else self._brief
        files = (await scope.decide(points.RENDERING, points.RenderingSaw(current.blueprint, original))).value.files
        rendered = await scope.effect(RenderAsked(task, files))
        if isinstance(rendered, RenderRefused):
            return current._replace(refused=Seen(scope.at, points.RenderRefusalSeen(rendered.reason)))
        assert isinstance(rendered, TaskRendered)
        return current._replace(files=files, proved=await prove_task(scope, task, self._terms.proof))

    async def _found(self, current: _Round) -> str:
        """Word what was found in a blueprint, for its author."""
        issues = [f"* {each.severity}, {each.area}: {each.message}" for each in current.critiqued.value.issues]
        if current.refused is not None:
            issues.append(f"* error: no task can be made of it: {current.refused.value.reason}")
        parts = ["\n".join(issues)[:_MOST_ISSUES]] if issues else []
        if current.proved is not None:
            parts.append((await self._proof_told(current.number, current.proved))[:_MOST_PROVED])
        return "\n\n".join(parts)

    async def _proof_told(self, number: int, proved: Proved) -> str:
        oracle = proved.trials.get(ProofTrial(f"{self._name}.{number}", "oracle", 1).name)
        last = None if oracle is None else oracle.last
        ran = [] if last is None else [each.seen for each in last.actions]
        printed = [text for each in ran for text in (each.stdout, each.stderr)]
        tests = [] if last is None or last.verdict is None else [last.verdict.printed.text]
        states = {"held": "ok", "failed": "FAILED", "not_proved": "not proved", "skipped": "skipped"}
        findings = [f"* {each.step}: {states[each.state]}: {each.detail}" for each in proved.ruling.value.findings]
        return self._terms.prompts.fill(
            "construct_found_proof",
            findings="\n".join(findings),
            solution=fenced(await self._end_of(printed)),
            tests=fenced(await self._end_of(tests)),
        ).rstrip()

    async def _end_of(self, printed: Sequence[Digest]) -> str:
        texts = [(await self._scope.get(each)).decode("utf-8", "replace") for each in printed]
        return "\n".join(text for text in texts if text.strip())[-_TAIL:]

    async def _publish(self, current: _Round) -> None:
        """Put the task where people find it.

        Raises:
            _Ended: It cannot be put there.
        """
        folder = output_of(construct_spec(self._terms.specs[self._scope.era]))
        outcome = await self._scope.effect(PublishAsked(folder, self._name, current.files))
        if isinstance(outcome, PublishRefused):
            raise _Ended("refused", outcome.reason)


def _saw(answer: Seen[ReplySeen], repairs: int) -> points.ConstructionAnswerSaw:
    return points.ConstructionAnswerSaw(answer, repairs)


def _unanswered(why: NoAnswer) -> _Ended:
    ending: ConstructionEnding = "budget" if isinstance(why, BudgetRefused | CapReached) else "unanswered"
    return _Ended(ending, problem_of(why))


def _repaired(ruling: points.RepairedBlueprint, made: Made) -> BlueprintRepaired:
    del made
    return BlueprintRepaired(ruling.blueprint, ruling.repairs)


def _critiqued(ruling: points.Critiqued, made: Made) -> BlueprintCritiqued:
    del made
    return BlueprintCritiqued(ruling.issues, ruling.blocking)


def _reasons(current: _Round) -> tuple[str, ...]:
    """Say what is wrong with the last blueprint."""
    errors = [each for each in current.critiqued.value.issues if each.severity == "error"]
    told = [f"{each.area}: {each.message}" for each in errors]
    if current.proved is not None:
        states = {"failed", "not_proved"}
        told += [f"{each.step}: {each.detail}" for each in current.proved.ruling.value.findings if each.state in states]
    return tuple(told)
