"""SPARK's PDI by its published formulas, written down a second time: nothing of ``projections`` is used.

Source: the specification's sections 1.3 to 1.6. Slow and plain on purpose: words are told letter by letter, sections
line by line, and mean and spread are numpy's, as SPARK's are.
"""

from collections.abc import Sequence
from math import log
from typing import Any, Final, NamedTuple

import numpy as np

ALPHA: Final = 0.002
WARMUP: Final = 2
THRESHOLD: Final = -0.5


class PublishedStep(NamedTuple):
    """What one reflect step gives to read."""

    memo: str
    commands: str
    tests: str
    """The attempt's ``test_summary``."""


class PublishedReading(NamedTuple):
    """What SPARK logs of a step, unrounded."""

    proxy_exec: float
    proxy_plan: float
    proxy_oss: float
    raw_pdi: float
    weight: float
    weighted_pdi: float
    triggered: bool
    level: str | None

    def logged(self, attempt: int, step: int) -> dict[str, Any]:
        """Write the line of ``trajectory.jsonl``: four decimals."""
        values = {name: round(getattr(self, name), 4) for name in self._fields[:6]}
        said = {"triggered": self.triggered, "level": self.level}
        return {"type": "pdi_snapshot", "attempt": attempt, "step": step, **values, **said}


def snapshots(trial: Sequence[PublishedStep], method: str) -> list[PublishedReading]:
    """Compute a trial whose every attempt failed and was reflected upon."""
    made: list[PublishedReading] = []
    lists: tuple[list[float], list[float], list[float]] = ([], [], [])
    for step, now in enumerate(trial):
        before = trial[step - 1] if step else PublishedStep("", "", "")
        values = _proxies(now, before, method)
        for kept, value in zip(lists, values, strict=True):
            kept.append(value)
        scores = values if step == 0 else tuple(_z(kept) for kept in lists)
        raw = scores[0] - scores[1] - scores[2]
        weight = min(1.0, step / WARMUP)
        triggered = step >= 1 and weight > 0 and weight * raw < THRESHOLD
        strong = bool(made) and made[-1].triggered
        level = ("strong" if strong else "soft") if triggered else None
        made.append(PublishedReading(*values, raw, weight, weight * raw, triggered, level))
    return made


def _proxies(now: PublishedStep, before: PublishedStep, method: str) -> tuple[float, float, float]:
    facts, old_facts = section(now.memo, "Verified Facts"), section(before.memo, "Verified Facts")
    plan, old_plan = section(now.memo, "Next Strategy"), section(before.memo, "Next Strategy")
    compare = jaccard if method == "token_overlap" else likeness
    ground = covered if method == "token_overlap" else likeness
    grounded = ground(now.commands, facts) if facts else 0.0
    if before.memo == "":
        return grounded, 0.0, 0.0
    return grounded, compare(old_plan, plan), compare(old_facts, facts) / 2 + _failed_alike(now, before, method) / 2


def _failed_alike(now: PublishedStep, before: PublishedStep, method: str) -> float:
    rows, old = failed(now.tests), failed(before.tests)
    if not rows and not old:
        return 0.0
    if method == "token_overlap":
        return len(rows & old) / len(rows | old)
    return likeness(" ".join(old), " ".join(rows))


def _z(values: Sequence[float]) -> float:
    spread = float(np.std(values))
    return 0.0 if spread == 0.0 else (values[-1] - float(np.mean(values))) / spread


def words(text: str) -> list[str]:
    """Split lower-case text into maximal runs of letters, digits and underscores."""
    found = [""]
    for letter in text.lower():
        if letter.isalnum() or letter == "_":
            found[-1] += letter
        else:
            found.append("")
    return [word for word in found if word]


def section(memo: str, title: str) -> str:
    """Read the lines behind a header until the next one; the line just behind it is read whatever it says."""
    lines = memo.split("\n")
    header = f"### {title}"
    # The last line has no LF behind it, and a header needs one.
    start = next((at for at, line in enumerate(lines[:-1]) if line.endswith(header)), None)
    if start is None:
        return ""
    body = lines[start + 1 : start + 2]
    for line in lines[start + 2 :]:
        if line.startswith("### "):
            break
        body.append(line)
    return "\n".join(body).strip()


def failed(summary: str) -> set[str]:
    """Give the rows of failed tests, with what they said."""
    return {line.strip()[1:].strip() for line in summary.splitlines() if line.strip()[:1] == "✗"}


def jaccard(a: str, b: str) -> float:
    """The words of both among the words of either."""
    either = {*words(a), *words(b)}
    return sum(word in words(a) and word in words(b) for word in either) / len(either) if either else 0.0


def covered(source: str, target: str) -> float:
    """The words of the target that the source has."""
    wanted = {*words(target)}
    return sum(word in words(source) for word in wanted) / len(wanted) if wanted else 0.0


def likeness(a: str, b: str, alpha: float = ALPHA) -> float:
    """1 - JS, natural logarithm, each word of either text smoothed by alpha."""
    vocabulary = sorted({*words(a), *words(b)})
    if len(vocabulary) < 2:
        return 0.0
    p, q = ([words(text).count(word) + alpha for word in vocabulary] for text in (a, b))
    p, q = [each / sum(p) for each in p], [each / sum(q) for each in q]
    middle = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    return 1 - _kl(p, middle) / 2 - _kl(q, middle) / 2


def _kl(p: Sequence[float], q: Sequence[float]) -> float:
    return sum(x * log(x / y) for x, y in zip(p, q, strict=True))
