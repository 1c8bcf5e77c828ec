"""SPARK's policies for the shell agent: each from the inputs of its point to a ruling; pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.agents import points
from engine.core.decision import NoSettings, PolicyContext
from engine.effects.conversation import message, tool_message
from engine.policies.assistant_message import sendable
from engine.policies.done_claim import question_done
from engine.policies.ending import CallFailure, RunFacts, ending_of, has_verdict, unanswered
from engine.policies.ending import Ending as HowEnded
from engine.policies.limits import AttemptUsage, limit_reached
from engine.policies.secret_marks import hidden_in
from engine.policies.turn import Command, CommandObservation, Unclear, WorkDone, observation_text, read_calls, read_text

_NOT_RUN: Final = "not run: one command a turn"


def read_turn(saw: points.TurnSaw, rule: NoSettings, desk: PolicyContext) -> points.Turn:
    """Decide what is done about an answer."""
    del rule
    answer = saw.answer.value
    said = desk.named(answer.message).encode()
    own = sendable(said, calls=True)
    kept = answer.message if own == said else None if own is None else desk.put(own)
    turn = _acted_upon(saw, desk)
    return msgspec.structs.replace(turn, own=kept, size=turn.size + len(own or b""))


def _acted_upon(saw: points.TurnSaw, desk: PolicyContext) -> points.Turn:
    answer = saw.answer.value
    match _read(answer, desk):
        case WorkDone():
            doubt = question_done(commands=saw.commands, questioned=saw.questioned)
            told = () if doubt is None else (message("user", doubt),)
            return _telling("done" if doubt is None else "question", told, desk)
        case Unclear() as unclear:
            return _telling("tell", _replies(_answered(answer, unclear.call), unclear.problem), desk)
        case Command() as command:
            calls, hidden = _answered(answer, command.call), hidden_in(command.text)
            if hidden is not None:
                return _telling("tell", _replies(calls, hidden), desk)
            return points.Turn("run", desk.put(command.text.encode()), calls, command.note, None, (), 0)


def _read(answer: points.AnswerSeen, desk: PolicyContext) -> Command | WorkDone | Unclear:
    """Read what the model wants done."""
    if not answer.tool_calls:
        return read_text("" if answer.text is None else desk.named(answer.text), answer.finish)
    calls = [(call.id, call.name, desk.named(call.arguments)) for call in answer.tool_calls]
    return read_calls(tuple(calls), answer.finish)


def _telling(act: points.Act, messages: Sequence[bytes], desk: PolicyContext) -> points.Turn:
    told = tuple(desk.put(each) for each in messages)
    return points.Turn(act, None, (), "", None, told, sum(map(len, messages)))


def _answered(answer: points.AnswerSeen, call: str | None) -> tuple[str, ...]:
    """Say which calls have to be answered: providers refuse a conversation that leaves one open."""
    return () if call is None else tuple(dict.fromkeys(each.id for each in answer.tool_calls))


def _replies(calls: Sequence[str], reply: str) -> Sequence[bytes]:
    """Answer the first call, and say of the others that they were not run."""
    if not calls:
        return (message("user", reply),)
    return (tool_message(calls[0], reply), *(tool_message(call, _NOT_RUN) for call in calls[1:]))


def word_observation(
    saw: points.ObservationSaw, rule: points.ObservationRule, desk: PolicyContext
) -> points.Observation:
    """Word what came of a command."""
    outcome, turn = saw.outcome.value, saw.turn.value
    stdout, stderr = desk.named(outcome.stdout), desk.named(outcome.stderr)
    seen = CommandObservation(outcome.ended, outcome.exit_code, stdout, stderr)
    text = observation_text(seen, most=rule.observation_chars)
    messages = _replies(turn.calls, f"{text}\n({turn.note})" if turn.note else text)
    return points.Observation(tuple(desk.put(each) for each in messages), sum(map(len, messages)))


def rule_on_limits(saw: points.LimitSaw, rule: points.LimitRule, desk: PolicyContext) -> points.Enough:
    """Say whether an attempt has had enough before its next turn."""
    del desk
    if saw.last is not None and saw.last.value.ended == "disk":
        return points.Enough("disk_limit", "it wrote more than its sandbox may hold")
    allowed_s = saw.allowed_s if rule.timeout_s is None else rule.timeout_s
    until_s = None if allowed_s is None or saw.busy_s is None else saw.began_s + allowed_s
    limit = limit_reached(AttemptUsage(saw.turns, saw.tokens, saw.cost), saw.busy_s or 0.0, rule, until_s)
    return points.Enough(None, "") if limit is None else points.Enough(limit.reason, limit.detail)


def rule_on_ending(saw: points.EndingSaw, rule: NoSettings, desk: PolicyContext) -> points.AttemptEnding:
    """Say how an attempt's agent ended, and whether what it left is judged."""
    del rule
    ended = _ended(saw, desk)
    verified = has_verdict(ended.reason, acted=saw.actions + saw.before > 0)
    return points.AttemptEnding(ended.reason, ended.detail, verified)


def _ended(saw: points.EndingSaw, desk: PolicyContext) -> HowEnded:
    if saw.failed is not None or saw.refused is not None:
        return _without_answer(saw)
    if saw.broken is not None:
        where = "" if saw.step is None else f"step {saw.step}: "
        return HowEnded("failed", f"{where}{saw.broken.value.detail}")
    if saw.run is not None:
        return ending_of(_run_facts(saw, saw.run.value, desk))
    return _by_itself(saw) if saw.solution is None else _solution_ended(saw.solution.value)


def _by_itself(saw: points.EndingSaw) -> HowEnded:
    """Say how an agent ends that nothing of ours or of a provider's broke."""
    if saw.done is not None:
        return HowEnded("done", "the agent said so")
    if saw.limit is not None and saw.limit.value.reason is not None:
        return HowEnded(saw.limit.value.reason, saw.limit.value.detail)
    said = saw.said if saw.last is None else saw.last.value
    return HowEnded("done", "the task has no step") if said is None else HowEnded(said.reason, said.detail)


def _without_answer(saw: points.EndingSaw) -> HowEnded:
    """Say how an attempt ends whose model did not answer, or could not be asked."""
    spent = "" if saw.refused is None else f"the budget of the {saw.refused.value.cap} is used up"
    if saw.failed is None:
        return HowEnded("budget", spent)
    if saw.refused is None:
        return unanswered(saw.failed.value, acted=saw.actions > 0)
    return HowEnded("failed", f"{saw.failed.value.kind}: {saw.failed.value.detail} (not asked again: {spent})")


def _solution_ended(solution: points.SolutionSeen) -> HowEnded:
    match solution.ended:
        case "timed_out":
            return HowEnded("time_limit", "the solution ran out of time")
        case "disk":
            return HowEnded("disk_limit", "the solution wrote more than its sandbox may hold")
        case _:
            return HowEnded("done", f"the solution exited with {solution.exit_code}")


def _run_facts(saw: points.EndingSaw, run: points.AgentRunSeen, desk: PolicyContext) -> RunFacts:
    """Put together what is known of an installed agent's run. What earlier versions did not record counts as none."""
    return RunFacts(
        stopped=run.stopped,
        ended=run.ended,
        exit_code=run.exit_code,
        calls=run.calls,
        answered=run.answered,
        unanswered=tuple(CallFailure(each.kind, each.detail) for each in run.unanswered or ()),
        cut=run.cut or 0,
        acted=saw.actions > 0,
        stderr=desk.text(saw.stderr).strip(),
    )
