"""Distillation: from a solved trial to a skill that keeps the rules, or to a recorded reason why there is none."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, assert_never

import msgspec

from engine.calls import Caller, answered, ask_model, problem_of, text_of
from engine.conversation import EMPTY, Conversation, extend, message
from engine.policies.evidence import gather_evidence, prompt_values
from engine.policies.evidence_block import EvidenceBlock
from engine.policies.evidence_facts import SolvedTrial
from engine.policies.python_source import PythonFault
from engine.policies.redistil import NoSkill, RepairSkill, SaveSkill, judge_skill_answer, name_findings
from engine.policies.skill_finding import SkillContext
from engine.policies.skill_split import skill_name_for
from engine.policies.verifier_literals import VerifierLiterals, verifier_literals
from engine.prompting import Prompts
from engine.scope import Scope
from events.base import Ref
from events.digest import Digest
from events.model import ModelAnswered
from events.skill import EvidenceGathered, SkillRefused, SkillRevised
from events.values import NamedDigest

Put = Callable[[bytes], Digest]
"""Takes bytes in, or only names them."""


class Distiller(NamedTuple):
    """Who distils, and what the skill is checked against."""

    task: str
    caller: Callable[[], Caller]
    """Says whom to ask now: a fork may have changed it."""
    prompts: Prompts
    test_source: str | None
    """The verifier's Python tests, whose constants must not turn up in the skill. None: it has none."""


class Provenance(msgspec.Struct, frozen=True):
    """The side file of a skill revision: what it rests on. Kept beside the skill, never in it."""

    skill: str
    revision: int
    task: str
    answered: Ref
    """The model's answer that became the skill."""
    skill_md: Digest
    evidence: tuple["BlockOrigin", ...]


class BlockOrigin(msgspec.Struct, frozen=True):
    """One block of evidence, and which events each claim of it rests on."""

    block: str
    digest: Digest
    kept_chars: int
    total_chars: int
    claims: tuple["ClaimOrigin", ...]


class ClaimOrigin(msgspec.Struct, frozen=True):
    """Some lines of a block, and the events they rest on."""

    first_line: int
    last_line: int
    events: tuple[Ref, ...]


async def distil(scope: Scope, by: Distiller, attempt: int, solved: SolvedTrial) -> None:
    """Gather evidence, ask for a skill, have it repaired where it breaks rules, and record what came of it."""
    skill = skill_name_for(by.task)
    blocks = gather_evidence(solved)
    origins, gathered = gathered_event(attempt, blocks, scope.put)
    await scope.record(gathered)
    context = context_of(by.task, solved.instruction, by.test_source)
    talk = extend(scope, EMPTY, _opening(by, skill, blocks))
    repairs = 0
    while True:
        answer = (await ask_model(scope, by.caller, talk)).outcome
        if not isinstance(answer, ModelAnswered):
            await scope.record(SkillRefused(skill, None, (problem_of(answer),)))
            return
        came = scope.at
        ruling = judge_skill_answer(await text_of(scope, answer.text), context, repairs_made=repairs)
        match ruling:
            case SaveSkill():
                await scope.record(saved_event(Origin(skill, by.task, came, origins), ruling, scope.put))
                return
            case NoSkill():
                await scope.record(refused_event(skill, answer.text, ruling))
                return
            case RepairSkill():
                repairs += 1
                talk = await _again(scope, by, (talk, answer), ruling)
            case _:
                assert_never(ruling)


class Origin(NamedTuple):
    """Where a skill comes from."""

    skill: str
    task: str
    answered: Ref
    """The model's answer."""
    blocks: tuple[BlockOrigin, ...]


def context_of(task: str, instruction: str, test_source: str | None) -> SkillContext:
    """Say what a task's skill is checked against."""
    return SkillContext(folder=skill_name_for(task), instruction=instruction, literals=_literals(test_source))


def _literals(test_source: str | None) -> VerifierLiterals:
    """Collect what must not leak. A verifier that does not parse has no constants to find."""
    found = VerifierLiterals() if test_source is None else verifier_literals(test_source)
    return VerifierLiterals() if isinstance(found, PythonFault) else found


def _opening(by: Distiller, skill: str, blocks: tuple[EvidenceBlock, ...]) -> list[bytes]:
    told = by.prompts.fill("distil_user", task=by.task, **prompt_values(blocks))
    return [message("system", by.prompts.fill("distil_system", name=skill)), message("user", told)]


def gathered_event(
    attempt: int, blocks: Sequence[EvidenceBlock], put: Put
) -> tuple[tuple[BlockOrigin, ...], EvidenceGathered]:
    """Record evidence, with what each block rests on."""
    origins = tuple(
        BlockOrigin(
            block.name,
            put(block.text.encode()),
            block.kept_chars,
            block.total_chars,
            tuple(ClaimOrigin(claim.first_line, claim.last_line, claim.references) for claim in block.claims),
        )
        for block in blocks
    )
    named = tuple(NamedDigest(origin.block, origin.digest) for origin in origins)
    return origins, EvidenceGathered(attempt, named, put(msgspec.json.encode(origins)))


async def _again(
    scope: Scope, by: Distiller, said: tuple[Conversation, ModelAnswered], ruling: RepairSkill
) -> Conversation:
    """Name the findings; an answer that looks like an error dump is not quoted back."""
    talk, answer = said
    told = by.prompts.fill("distil_repair", task=by.task, findings=name_findings(ruling.findings))
    before = await answered(scope, talk, answer) if ruling.quotable else talk
    return extend(scope, before, [message("user", told)])


def saved_event(origin: Origin, ruling: SaveSkill, put: Put) -> SkillRevised:
    """Record a skill as a revision, with its provenance beside it."""
    text = put(ruling.text.encode())
    provenance = Provenance(origin.skill, 1, origin.task, origin.answered, text, origin.blocks)
    return SkillRevised(
        skill=origin.skill,
        revision=1,
        files=(NamedDigest("SKILL.md", text),),
        provenance=put(msgspec.json.encode(provenance)),
        warnings=tuple(finding.problem for finding in ruling.warnings),
    )


def refused_event(skill: str, answer: Digest | None, ruling: NoSkill) -> SkillRefused:
    """Record that no usable skill came of it."""
    return SkillRefused(skill, answer, (ruling.reason, *[finding.problem for finding in ruling.findings]))
