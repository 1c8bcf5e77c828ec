"""What SkillOpt does with answers of its optimizer, by our policies: merging, choosing edits, choosing a rate."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.policies.edits.modes import FULL_REWRITE, UpdateMode
from engine.policies.json_answers import read_object
from engine.policies.training.merging import LEAST_OF_GROUP, at_level, concatenated, groups, read_merged
from engine.policies.training.rate import RateRead, read_rate
from engine.policies.training.selection import first_items, needs_ranking, read_ranking
from tests.vectors.modes import items_of
from tests.vectors.values import StubFails, answer_of

Proposal = Mapping[str, Any]
Ask = Callable[[], Mapping[str, Any] | None]
"""Asks the optimizer. None: the call failed, or what it answered is no object."""
_MOST_TOKENS: Final = 16384
_MOST_OF_DOCUMENTS: Final = 64000


def answering(stub: str | None) -> Ask:
    """Make an optimizer that answers so to every call."""

    def ask() -> Mapping[str, Any] | None:
        try:
            return read_object(answer_of(stub))
        except StubFails:
            return None

    return ask


class Merging:
    """Merges proposals into one, and counts the calls that it takes."""

    def __init__(self, ask: Ask, mode: UpdateMode, size: int) -> None:
        self._ask = ask
        self._mode = mode
        self._payload = mode.key
        self._size = size
        self.calls: list[dict[str, Any]] = []
        """As SkillOpt makes them."""

    def merged(self, failures: Sequence[Proposal], successes: Sequence[Proposal]) -> Proposal:
        """Merge each side, then both."""
        left, right = self._side(failures), self._side(successes)
        first, second = items_of(left, self._mode), items_of(right, self._mode)
        if not first and not second:
            return {self._payload: []}
        if not first or not second:
            return left if first else right
        answer = self._asked()
        items = read_merged(answer, self._payload)
        return {self._payload: [*first, *second]} if items is None or answer is None else answer

    def _side(self, proposals: Sequence[Proposal]) -> Proposal:
        level = 0
        while len(proposals) > 1:
            level += 1
            proposals = [
                group[0] if len(group) < LEAST_OF_GROUP else self._group(group, level)
                for group in groups(proposals, self._size)
            ]
        return proposals[0] if proposals else {}

    def _group(self, group: Sequence[Proposal], level: int) -> Proposal:
        answer = self._asked()
        items = read_merged(answer, self._payload)
        if items is None or answer is None:
            joined = concatenated([items_of(each, self._mode) for each in group])
            return {self._payload: list(at_level(joined, level, merged=False))}
        return {**answer, self._payload: list(at_level(items, level, merged=True))}

    def _asked(self) -> Mapping[str, Any] | None:
        most = _MOST_OF_DOCUMENTS if self._mode == FULL_REWRITE else _MOST_TOKENS
        self.calls.append({"max_completion_tokens": most, "retries": 3, "stage": "merge"})
        return self._ask()


class ChosenItems(NamedTuple):
    """Items that are applied, in order."""

    items: list[Any]
    ranking: Mapping[str, Any] | None
    """What the optimizer answered, where it chose them."""


def choose(items: Sequence[Any], budget: int, ask: Ask) -> ChosenItems:
    """Choose what is applied, in the compatible value."""
    if not needs_ranking(len(items), budget):
        return ChosenItems(list(items), None)
    answer = ask()
    indices = read_ranking(answer, len(items), budget, compatible=True)
    if indices is None:
        return ChosenItems([items[at] for at in first_items(len(items), budget)], None)
    return ChosenItems([items[at] for at in indices], answer)


def decided_rate(ask: Ask, available: int) -> dict[str, Any]:
    """Ask for the rate of a step, and write down what came of it as SkillOpt does."""
    read: RateRead = read_rate(ask(), available)
    return {
        "learning_rate": read.rate,
        "raw_learning_rate": read.claimed,
        "available_update_items": available,
        "clamped": read.rate != read.claimed,
        "fallback": not read.readable,
        "reasoning": "",
        "confidence": "",
        "risk_notes": [],
        "raw_response": "",
    }
