"""What a candidate may have done to items, and what its rows say of that; pure, in a stated order.

A candidate turns a share of all items up (a rate near 1) and a share down (a rate near 0); nobody knows which shares
or which items. Each pair of shares is a hypothesis with a prior. Items of one history and one set of outcomes are one
class: what holds of one holds of all.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import exp, fsum, lgamma, log
from typing import Final, NamedTuple

from engine.policies.gates.base import rounded

SHARES: Final = (0.0, 0.06, 0.15, 0.35)
SLIPS: Final = (0.05, 0.35, 0.7)
"""How far a turned item stays from 1, or 0, of the way that it had: it may be turned in part."""
_SLIP: Final = fsum(SLIPS) / len(SLIPS)
_STRENGTHS: Final = (0.3, 0.6, 1.0, 1.8, 3.5, 8.0, 20.0, 80.0)


class ItemHistory(NamedTuple):
    """Effective counts of an item under the revision in force; not whole numbers once candidates were taken in."""

    solved: float
    failed: float


class ItemsPrior(NamedTuple):
    """How rates of items are spread: Beta(strength * mean, strength * (1 - mean))."""

    mean: float
    strength: float


class ItemOdds(NamedTuple):
    """Likelihoods of an item's outcomes under the candidate."""

    same: float
    up: float
    down: float


class CandidateOdds(NamedTuple):
    """What the rows of a candidate say of it."""

    gain: float
    """Expected change of the mean over the items."""
    harm: float
    """Probability that it lowers the mean."""
    up: tuple[float, ...]
    """Of each item, the probability that it was turned up."""
    down: tuple[float, ...]


ItemSeen = tuple[ItemHistory, float, float]
"""An item's history, and how often it was solved and failed under the candidate; a partial score counts in part."""


ItemClasses = tuple[tuple[ItemSeen, int], ...]
"""Items of one history and one set of outcomes, and how many they are; sorted."""


@lru_cache(maxsize=64)
def fit(histories: tuple[ItemHistory, ...]) -> ItemsPrior:
    """Fit the spread of rates: the mean of items of which enough is known, and the likeliest strength."""
    known = [each.solved / (each.solved + each.failed) for each in histories if each.solved + each.failed > 0.3]
    mean = rounded((fsum(known) + 0.5) / (len(known) + 1))
    classes = tuple(sorted(Counter(histories).items()))
    best = max(_STRENGTHS, key=lambda strength: rounded(_marginal(classes, mean, strength)))
    return ItemsPrior(mean, best)


def _marginal(classes: Sequence[tuple[ItemHistory, int]], mean: float, strength: float) -> float:
    a, b = strength * mean, strength * (1 - mean)
    alone = _log_beta(a, b)
    told = fsum(count * (_log_beta(a + each.solved, b + each.failed) - alone) for each, count in classes)
    return told - 0.125 * log(strength) ** 2


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def posterior_mean(prior: ItemsPrior, history: ItemHistory) -> float:
    """Give the expected rate of an item under the revision in force."""
    a, b = beta_of(prior, history)
    return a / (a + b)


def beta_of(prior: ItemsPrior, history: ItemHistory) -> tuple[float, float]:
    """Give the parameters of an item's rate under the revision in force."""
    return prior.strength * prior.mean + history.solved, prior.strength * (1 - prior.mean) + history.failed


def odds_of_item(prior: ItemsPrior, seen: ItemSeen) -> ItemOdds:
    """Give the likelihoods of an item's outcomes if the candidate left it, turned it up, or turned it down."""
    history, solved, failed = seen
    a, b = beta_of(prior, history)
    rate = a / (a + b)
    same = rising(a, solved) * rising(b, failed) / rising(a + b, solved + failed)
    up = fsum((1 - slip * (1 - rate)) ** solved * (slip * (1 - rate)) ** failed for slip in SLIPS) / len(SLIPS)
    down = fsum((slip * rate) ** solved * (1 - slip * rate) ** failed for slip in SLIPS) / len(SLIPS)
    return ItemOdds(same, up, down)


def rising(base: float, count: float) -> float:
    """Give base (base + 1) … of so many factors; of a count that is not whole, what the gamma function gives."""
    if count != int(count):
        return exp(lgamma(base + count) - lgamma(base))
    value = 1.0
    for index in range(int(count)):
        value *= base + index
    return value


class _Hypothesis(NamedTuple):
    up: float
    down: float
    prior: float


@lru_cache(maxsize=8)
def _hypotheses(nothing: float) -> tuple[_Hypothesis, ...]:
    """List all pairs of shares with their prior."""
    found = []
    for up in SHARES:
        for down in SHARES:
            if not up and not down:
                prior = nothing
            elif not up or not down:
                prior = (1 - nothing) * 0.8 / 6
            else:
                prior = (1 - nothing) * 0.2 / 9
            found.append(_Hypothesis(up, down, prior))
    return tuple(found)


@lru_cache(maxsize=64)
def odds_of_candidate(prior: ItemsPrior, items: tuple[ItemSeen, ...], nothing: float) -> CandidateOdds:
    """Say what the rows of a candidate tell of it.

    Args:
        prior: The spread of rates.
        items: Of each item, its history and outcomes. One that was not run says nothing.
        nothing: Prior probability that it changes nothing.
    """
    classes = sorted(Counter(items).items())
    odds = {seen: odds_of_item(prior, seen) for seen, _ in classes}
    hypotheses = _hypotheses(nothing)
    mixed = {seen: _mixed(item, hypotheses) for seen, item in odds.items()}
    logs = _logs([(mixed[seen], count) for seen, count in classes if seen[1] or seen[2]], hypotheses)
    top = max(logs)
    raw = [exp(value - top) for value in logs]
    total = fsum(raw)
    weights = [value / total for value in raw]
    gains = [(each.up * (1 - prior.mean) - each.down * prior.mean) * (1 - _SLIP) for each in hypotheses]
    up, down = {}, {}
    for seen, item in odds.items():
        shares = [weight / likelihood for weight, likelihood in zip(weights, mixed[seen], strict=True)]
        pairs = list(zip(shares, hypotheses, strict=True))
        up[seen] = rounded(item.up * fsum([share * up_share for share, (up_share, _, _) in pairs]))
        down[seen] = rounded(item.down * fsum([share * down_share for share, (_, down_share, _) in pairs]))
    return CandidateOdds(
        rounded(fsum([weight * gain for weight, gain in zip(weights, gains, strict=True)])),
        rounded(fsum([weight for weight, gain in zip(weights, gains, strict=True) if gain < 0])),
        tuple(up[each] for each in items),
        tuple(down[each] for each in items),
    )


@lru_cache(maxsize=64)
def log_marginal(prior: ItemsPrior, counted: ItemClasses, nothing: float) -> float:
    """Give the logarithm of the likelihood of all outcomes, whatever the candidate did."""
    hypotheses = _hypotheses(nothing)
    logs = _logs([(_mixed(odds_of_item(prior, each), hypotheses), count) for each, count in counted], hypotheses)
    top = max(logs)
    return top + log(fsum([exp(value - top) for value in logs]))


def _logs(run: Sequence[tuple[list[float], int]], hypotheses: Sequence[_Hypothesis]) -> list[float]:
    """Give the logarithm of each hypothesis' prior times the likelihood of all outcomes under it.

    Args:
        run: Of each class of items that were run, the likelihoods under each hypothesis, and how many it has; in a
            stated order.
        hypotheses: In their order.
    """
    terms = [[count * log(likelihood) for likelihood in likelihoods] for likelihoods, count in run]
    columns = zip(*terms, strict=True) if terms else [()] * len(hypotheses)
    return [log(each.prior) + fsum(column) for each, column in zip(hypotheses, columns, strict=True)]


def _mixed(item: ItemOdds, hypotheses: Sequence[_Hypothesis]) -> list[float]:
    """Give the likelihood of an item's outcomes under each hypothesis."""
    same, raised, lowered = item
    return [(1 - up - down) * same + up * raised + down * lowered for up, down, _ in hypotheses]
