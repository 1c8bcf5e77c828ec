"""Scores of a pass over items: means, and the one number that a gate compares; pure."""

import re
from collections.abc import Iterable, Sequence
from math import fsum
from typing import Final, Literal, NamedTuple, get_args

from engine.policies.edits.markers import KINDS, strip_markers
from engine.policies.training.errors import SettingUnknown
from events.digest import digest_of

GateMetric = Literal["hard", "soft", "mixed"]
"""What a gate compares: the share of solved items, the mean of their soft scores, or a mean of both."""
METRICS: Final[tuple[GateMetric, ...]] = get_args(GateMetric)
LEADING_WORDS: Final = (
    "MUST", "ALWAYS", "NEVER", "ONLY", "CRITICAL", "IMPORTANT", "RESOLVE", "PREFER", "ENSURE", "STRICT", "VERIFY",
)  # fmt: skip
"""Words whose density SkillOpt may add to a score."""
_WORD: Final = re.compile(r"\w+")


class Means(NamedTuple):
    """Means over the rows of a pass, each from 0 to 1."""

    hard: float
    soft: float


def means_of(rows: Sequence[tuple[float, float]], *, compatible: bool = False) -> Means | None:
    """Mean the hard and soft scores of rows.

    Args:
        rows: Hard and soft score of each. One without a score, since infrastructure broke it, is no row.
        compatible: Whether sums are rounded at each addition, in order, as SkillOpt's are, and no rows at all are a
            score of 0. False: the sum is rounded once.

    Returns:
        None: there are no rows, and so there is no mean.
    """
    if not rows:
        return Means(0.0, 0.0) if compatible else None
    add = _add_up if compatible else fsum
    return Means(*(add(row[at] for row in rows) / len(rows) for at in (0, 1)))


def pooled(parts: Sequence[tuple[Means, int]]) -> Means:
    """Mean the means of accumulated batches, each with how many rows it rests on; 0 if none rests on any."""
    count = sum(rows for _, rows in parts)
    if not count:
        return Means(0.0, 0.0)
    return Means(*(_add_up(means[at] * rows for means, rows in parts) / count for at in (0, 1)))


def gate_score(hard: float, soft: float, metric: GateMetric = "hard", weight: float = 0.5) -> float:
    """Give the number that a gate compares.

    Args:
        hard: Mean hard score.
        soft: Mean soft score.
        metric: Which of them counts.
        weight: Of the soft score where the metric is ``mixed``, from 0 to 1; beyond, it counts as the nearer of these.

    Raises:
        SettingUnknown: There is no such metric.
    """
    match metric:
        case "hard":
            return float(hard)
        case "soft":
            return float(soft)
        case "mixed":
            share = max(0.0, min(1.0, float(weight)))
            return (1.0 - share) * float(hard) + share * float(soft)
        case _:
            raise SettingUnknown("train.metric", metric, METRICS)


def leading_word_density(text: str, words: Iterable[str] = LEADING_WORDS) -> float:
    """Give the share of words that are leading words, whatever their case; SkillOpt's option, which a skill can win by.

    Args:
        text: Of the skill; what stands in its protected blocks does not count.
        words: Leading words.
    """
    for kind in KINDS:
        block = f"{re.escape(kind.start)}.*?{re.escape(kind.end)}"
        text = re.sub(block, " ", text, flags=re.DOTALL)
    found = _WORD.findall(strip_markers(text))
    leading = {each.upper() for each in words}
    return sum(each.upper() in leading for each in found) / len(found) if found else 0.0


def short_digest(text: str) -> str:
    """Name a text as SkillOpt does: the first 16 hexadecimal characters of its SHA-256."""
    return digest_of(text.encode())[:16]


def _add_up(values: Iterable[float]) -> float:
    # Not sum(): from Python 3.12 on it carries what additions lose.
    total = 0.0
    for each in values:
        total += each
    return total
