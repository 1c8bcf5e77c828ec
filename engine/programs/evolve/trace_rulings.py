"""How earlier trials are told; pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from engine.core.decision import Policy, PolicyContext
from engine.programs.evolve.compaction import TracedParts, compact
from engine.programs.evolve.feedback import JudgedTrial, diagnosis, word_feedback
from engine.programs.evolve.trace_points import TRACES, ToldTrial, TraceRule, TracesSaw, WordedTraces
from engine.programs.train.optimizer.wording import WordedPart


def word_traces(saw: TracesSaw, rule: TraceRule, desk: PolicyContext) -> WordedTraces:
    """Word trials within the budget, and what verifiers found of them as far as the arm's feedback tells it.

    Feedback is at most half of the budget, and what it takes is not there for the trajectories.
    """
    titles = [_title(number, each) for number, each in enumerate(saw.trials, start=1)]
    judged = [
        JudgedTrial(each.trial.cell, title, each.trace.value) for title, each in zip(titles, saw.trials, strict=True)
    ]
    feedback = word_feedback(judged, rule.feedback, rule.budget_chars // 2)
    traced = [_parts(title, each, desk) for title, each in zip(titles, saw.trials, strict=True)]
    told = compact(traced, max(0, rule.budget_chars - len(feedback.text)), rule.part_chars)
    dropped = (*told.dropped, *feedback.dropped)
    last = judged[-1:] if rule.feedback == "process" else []
    return WordedTraces(
        trajectories=desk.put(told.text.encode()),
        feedback=desk.put(feedback.text.encode()),
        diagnosis=diagnosis(last[0].trace) if last else "",
        dropped=desk.put(msgspec.json.encode(dropped)),
        parts=sum(len(each.parts) for each in traced),
        dropped_parts=len(dropped),
        dropped_chars=sum(each.chars for each in dropped),
    )


def _title(number: int, told: ToldTrial) -> str:
    return f"Trial {number}: {told.trial.task} ({told.trial.role})"


def _parts(title: str, told: ToldTrial, desk: PolicyContext) -> TracedParts:
    parts = [WordedPart(each.kind, each.label, desk.named(each.text)) for each in told.trace.value.parts]
    return TracedParts(told.trial.cell, title, parts)


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType({TRACES.name: word_traces})
