"""Whether flips persist: do edits turn few items for good, or move every item a little?

In a single pass the two cannot be told apart. When items are run again they can: an item that was turned stays
turned, one that was lucky is as likely to fall back as ever. The outcomes of further looks, given the first pass, are
weighed under both kinds of edit. A candidate that changes nothing is foreseen alike by both and so says nothing.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import comb, exp, floor, fsum, log
from typing import Final

from engine.policies.gates.base import rounded
from engine.policies.gates.hypotheses import ItemClasses, ItemSeen, ItemsPrior, beta_of, log_marginal, rising

SHIFTS: Final = (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)
"""Part of its way to 1, or to 0, by which a diffuse edit moves every rate."""


def evidence_of_persistence(
    prior: ItemsPrior, first: Sequence[ItemSeen], all_looks: Sequence[ItemSeen], nothing: float
) -> float:
    """Give the logarithm of how much likelier the further looks are if edits turn items for good.

    Args:
        prior: The spread of rates.
        first: Of each item, its history and the outcome of the first pass.
        all_looks: The same with the outcomes of all further looks.
        nothing: Prior probability that a candidate changes nothing.
    """
    before, after = _classes(first), _classes(all_looks)
    turned = log_marginal(prior, after, nothing) - log_marginal(prior, before, nothing)
    moved = _log_diffuse(prior, after, nothing) - _log_diffuse(prior, before, nothing)
    return rounded(turned - moved)


def _classes(items: Sequence[ItemSeen]) -> ItemClasses:
    """Count the items of one history and one set of outcomes, those that were not run left out; in a stated order."""
    return tuple(sorted(Counter(each for each in items if each[1] or each[2]).items()))


@lru_cache(maxsize=64)
def _log_diffuse(prior: ItemsPrior, counted: ItemClasses, nothing: float) -> float:
    """Give the logarithm of the likelihood of all outcomes if a candidate moves every rate alike, or none."""
    each_prior = [(0.0, nothing), *((shift, (1 - nothing) / len(SHIFTS)) for shift in SHIFTS)]
    logs = [
        log(weight) + fsum(count * log(_likelihood(prior, item, shift)) for item, count in counted)
        for shift, weight in each_prior
    ]
    top = max(logs)
    return top + log(fsum(exp(value - top) for value in logs))


def _likelihood(prior: ItemsPrior, item: ItemSeen, shift: float) -> float:
    """Give the likelihood of a sequence of outcomes of an item whose rate, Beta before, was moved."""
    history = item[0]
    solved, failed = (floor(count + 0.5) for count in item[1:])  # partial scores: the nearest whole number
    a, b = beta_of(prior, history)
    if shift < 0:  # the mirror image
        a, b, solved, failed = b, a, failed, solved
    part = abs(shift)
    terms = (
        comb(solved, kept) * part ** (solved - kept) * _moment(a, b, kept, solved - kept + failed)
        for kept in range(solved + 1)
    )
    return (1 - part) ** failed * fsum(terms)


def _moment(a: float, b: float, solved: int, failed: int) -> float:
    """Give the mean of rate^solved (1 - rate)^failed under Beta(a, b)."""
    return rising(a, solved) * rising(b, failed) / rising(a + b, solved + failed)
