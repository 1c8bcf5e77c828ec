"""Distillation: from a solved trial to a skill that keeps the rules, or to a recorded reason why there is none."""

from collections.abc import Callable
from typing import NamedTuple, assert_never

import msgspec

from engine.core.decision import Made, Says
from engine.core.open_decision import made_event
from engine.core.prompts import Prompts
from engine.core.scope import Scope
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.model_calls import Caller, ask_model, problem_of, quoting, text_of
from engine.policies.skill.split import skill_name_for
from engine.programs.explore.learning_points import (
    EVIDENCE,
    SKILL,
    Evidence,
    EvidenceSaw,
    SkillRuling,
    SkillSaw,
    WordsSeen,
)
from engine.programs.explore.policies.provenance import BlockOrigin, Provenance
from engine.programs.skill_scan import SKILL_SCAN, ScannedFile, ScannedTask, SkillScanSaw
from events.base import Ref
from events.digest import Digest
from events.types.decision import Decided, Seen, Text
from events.types.model import ModelAnswered
from events.types.skill import EvidenceGathered, SkillRefused, SkillRevised
from events.values import NamedDigest

Put = Callable[[bytes], Digest]
"""Takes bytes in, or only names them."""


class Distiller(NamedTuple):
    """Who distils, and what the skill is checked against."""

    task: str
    caller: Callable[[], Caller]
    """Says whom to ask now: a fork may have changed it."""
    prompts: Prompts
    tests: Text | None
    """The verifier's Python tests, whose constants must not turn up in the skill. None: it has none."""


async def distil(scope: Scope, by: Distiller, attempt: int, solved: EvidenceSaw) -> None:
    """Gather evidence, ask for a skill, have it repaired where it breaks rules, and record what came of it."""
    skill = skill_name_for(by.task)
    gathered = (
        await scope.decide(
            EVIDENCE, solved, lambda ruling, _: EvidenceGathered(attempt, ruling.blocks, ruling.references)
        )
    ).value
    origins = msgspec.json.decode(await scope.get(gathered.references), type=tuple[BlockOrigin, ...])
    talk = extend(scope, EMPTY, await _opening(scope, by, skill, gathered))
    repairs = 0
    while True:
        answer = (await ask_model(scope, by.caller, talk)).outcome
        if not isinstance(answer, ModelAnswered):
            await scope.record(SkillRefused(skill, None, (problem_of(answer),)))
            return
        came = scope.at
        seen = Seen(came, WordsSeen(answer.message, answer.text))
        saw = SkillSaw(seen, by.task, solved.instruction, by.tests, repairs)
        ruled = (await scope.decide(SKILL, saw, _says(Origin(skill, by.task, came, origins), answer, scope.put))).value
        match ruled.verdict:
            case "save":
                await _scan(scope, by, ruled, solved.instruction)
                return
            case "refuse":
                return
            case "repair":
                repairs += 1
                talk = await quoting(scope, talk, ruled.quoted)
                talk = extend(scope, talk, [_again(by, ruled)])
            case _:
                assert_never(ruled.verdict)


async def _scan(scope: Scope, by: Distiller, ruled: SkillRuling, instruction: Text) -> None:
    """Scan a skill that was accepted: it came from outputs and files that anybody may have written."""
    assert ruled.skill_md is not None, "a skill is saved"
    file = ScannedFile("SKILL.md", Text(ruled.skill_md, scope.at))
    await scope.decide(SKILL_SCAN, SkillScanSaw(None, (file,), (ScannedTask(by.task, instruction, by.tests),)))


class Origin(NamedTuple):
    """Where a skill comes from."""

    skill: str
    task: str
    answered: Ref
    """The model's answer."""
    blocks: tuple[BlockOrigin, ...]


async def _opening(scope: Scope, by: Distiller, skill: str, gathered: Evidence) -> list[bytes]:
    blocks = {block.name: await text_of(scope, block.digest) for block in gathered.blocks}
    told = by.prompts.fill("distil_user", task=by.task, **blocks)
    return [message("system", by.prompts.fill("distil_system", name=skill)), message("user", told)]


def _again(by: Distiller, ruling: SkillRuling) -> bytes:
    """Name the findings."""
    findings = "\n".join(f"- {problem}" for problem in ruling.problems)
    return message("user", by.prompts.fill("distil_repair", task=by.task, findings=findings))


def _says(origin: Origin, answer: ModelAnswered, put: Put) -> Says:
    """Say which event records a ruling."""

    def says(ruling: SkillRuling, made: Made) -> Decided:
        match ruling.verdict:
            case "save":
                return _revised(origin, ruling, put)
            case "refuse":
                return SkillRefused(origin.skill, answer.text, ruling.problems)
            case "repair":
                return made_event(SKILL, ruling, made)
            case _:
                assert_never(ruling.verdict)

    return says


def _revised(origin: Origin, ruling: SkillRuling, put: Put) -> SkillRevised:
    """Record a skill as a revision, with its provenance beside it."""
    assert ruling.skill_md is not None, "a skill is saved"
    provenance = Provenance(origin.skill, 1, origin.task, origin.answered, ruling.skill_md, origin.blocks)
    return SkillRevised(
        skill=origin.skill,
        revision=1,
        files=(NamedDigest("SKILL.md", ruling.skill_md),),
        provenance=put(msgspec.json.encode(provenance)),
        warnings=ruling.warnings,
    )
