"""SPARK's policies after an attempt: each from the inputs of its point to a ruling; pure."""

from typing import assert_never

import msgspec

from engine.agents.oracle import SOLUTION
from engine.core.decision import NoSettings, PolicyContext
from engine.policies.assistant_message import sendable
from engine.policies.inline_reasoning import split_reasoning
from engine.policies.python_source import PythonFault
from engine.policies.skill.finding import SkillContext
from engine.policies.skill.literals import VerifierLiterals, verifier_literals
from engine.policies.skill.split import skill_name_for
from engine.programs.explore import learning_points as points
from engine.programs.explore.points import VerdictSaw
from engine.programs.explore.policies.evidence import facts
from engine.programs.explore.policies.evidence.gather import gather_evidence
from engine.programs.explore.policies.memo import render_memo
from engine.programs.explore.policies.provenance import origins_of
from engine.programs.explore.policies.redistill import NoSkill, RepairSkill, SaveSkill, judge_skill_answer, name_finding
from engine.programs.explore.policies.reflection import Accept, KeepOld, Repair, judge_reflection
from engine.programs.explore.rulings import checks_in, facts_of, memo_in
from events.base import Ref
from events.digest import Digest
from events.types.decision import Text
from events.values import NamedDigest


def _text(answer: points.WordsSeen, desk: PolicyContext) -> str:
    return "" if answer.text is None else desk.named(answer.text)


def _quoted(answer: points.WordsSeen, desk: PolicyContext, *, quotable: bool) -> Digest | None:
    """Give an answer as it is shown to its model again: an error text is not, which is no word of the model."""
    if not quotable:
        return None
    said = desk.named(answer.message).encode()
    shown = sendable(said, calls=False)
    return answer.message if shown == said else None if shown is None else desk.put(shown)


# -- reflection -------------------------------------------------------------------------------------------------------


def rule_on_memo(saw: points.ReflectionSaw, rule: NoSettings, desk: PolicyContext) -> points.Reflection:
    """Decide what becomes of a reflector's answer."""
    del rule
    answer = saw.answer.value
    ruling = judge_reflection(_text(answer, desk), repairs_made=saw.repairs)
    match ruling:
        case Accept():
            return points.Reflection("accept", desk.put(render_memo(ruling.memo).encode()), (), None)
        case Repair():
            quoted = _quoted(answer, desk, quotable=ruling.quotable)
            return points.Reflection("repair", None, ruling.problems, quoted)
        case KeepOld():
            return points.Reflection("keep", None, ruling.problems, None)
        case _:
            assert_never(ruling)


# -- evidence ---------------------------------------------------------------------------------------------------------


def gather_blocks(saw: points.EvidenceSaw, rule: facts.EvidenceCaps, desk: PolicyContext) -> points.Evidence:
    """Gather what the distiller is shown."""
    origins = origins_of(gather_evidence(solved_trial(saw, desk), rule), desk.put)
    named = tuple(NamedDigest(origin.block, origin.digest) for origin in origins)
    return points.Evidence(named, desk.put(msgspec.json.encode(origins)))


def solved_trial(saw: points.EvidenceSaw, desk: PolicyContext) -> facts.SolvedTrial:
    """Put together what is recorded of a solved trial, each fact with the events it rests on."""
    judged, verdict = (saw.solved.seen,), facts_of(saw.judging)
    actions = tuple(_action(each, desk) for each in saw.actions)
    said = [(split_reasoning(desk.text(note)).said, note.at) for note in saw.notes]
    return facts.SolvedTrial(
        trial=saw.trial,
        instruction=desk.text(saw.instruction),
        actions=actions,
        notes=tuple(facts.EvidenceNote(text, (at,)) for text, at in said if text.strip()),
        rows=_rows(saw.verdict, judged, desk),
        reward=verdict.reward or 0.0,
        exception=verdict.exception,
        verdict_references=judged,
        failed=tuple(_failed(each, desk) for each in saw.before if each.outcome.value.outcome.kind == "failed"),
        dockerfile=None if saw.dockerfile is None else desk.text(saw.dockerfile),
        raw_output="\n".join(action.stdout for action in actions),
        raw_references=tuple(each.exit.seen for each in saw.actions),
    )


def _command(command: Text | None, desk: PolicyContext) -> str:
    return SOLUTION if command is None else desk.text(command)


def _action(saw: points.ActionSaw, desk: PolicyContext) -> facts.EvidenceAction:
    return facts.EvidenceAction(
        _command(saw.command, desk),
        saw.exit.value.exit_code,
        desk.text(saw.stdout),
        desk.text(saw.stderr),
        (saw.exit.seen,),
    )


def _rows(verdict: VerdictSaw | None, rest_on: tuple[Ref, ...], desk: PolicyContext) -> tuple[facts.CheckRow, ...]:
    return tuple(facts.CheckRow(row.name, row.passed, row.message, rest_on) for row in checks_in(verdict, desk).rows)


def _failed(tried: points.TriedSaw, desk: PolicyContext) -> facts.FailedAttempt:
    return facts.FailedAttempt(
        attempt=tried.attempt,
        status=f"failed with reward {tried.outcome.value.outcome.reward:g}",
        first_command=_command(tried.first_command, desk) if tried.ran else None,
        rows=_rows(tried.verdict, (tried.concluded,), desk),
        memo=None if tried.memo is None else memo_in(desk.text(tried.memo)),
        references=(tried.concluded,),
        memo_references=() if tried.memo is None else (tried.memo.at,),
    )


# -- the skill --------------------------------------------------------------------------------------------------------


def rule_on_skill(saw: points.SkillSaw, rule: NoSettings, desk: PolicyContext) -> points.SkillRuling:
    """Decide what becomes of a distiller's answer."""
    del rule
    answer = saw.answer.value
    tests = None if saw.tests is None else desk.text(saw.tests)
    context = context_of(saw.task, desk.text(saw.instruction), tests)
    ruling = judge_skill_answer(_text(answer, desk), context, repairs_made=saw.repairs)
    match ruling:
        case SaveSkill():
            warnings = tuple(finding.problem for finding in ruling.warnings)
            return points.SkillRuling("save", desk.put(ruling.text.encode()), (), warnings, None)
        case RepairSkill():
            quoted = _quoted(answer, desk, quotable=ruling.quotable)
            return points.SkillRuling(
                "repair", None, tuple(name_finding(finding) for finding in ruling.findings), (), quoted
            )
        case NoSkill():
            problems = (ruling.reason, *[finding.problem for finding in ruling.findings])
            return points.SkillRuling("refuse", None, problems, (), None)
        case _:
            assert_never(ruling)


def context_of(task: str, instruction: str, test_source: str | None) -> SkillContext:
    """Say what a task's skill is checked against."""
    return SkillContext(folder=skill_name_for(task), instruction=instruction, literals=_literals(test_source))


def _literals(test_source: str | None) -> VerifierLiterals:
    """Collect what must not leak. A verifier that does not parse has no constants to find."""
    found = VerifierLiterals() if test_source is None else verifier_literals(test_source)
    return VerifierLiterals() if isinstance(found, PythonFault) else found
