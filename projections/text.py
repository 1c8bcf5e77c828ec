"""Measures of likeness between texts, defined to the last bit; pure.

Sums are taken over groups of equal terms in sorted order with `math.fsum`, so a value depends neither on
PYTHONHASHSEED nor on whether counts were gathered at once or turn by turn.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from math import fsum, log

_WORD = re.compile(r"\w+")

ALPHA = 0.002
"""Smoothing count of each word of the joint vocabulary (SPARK, 1.3)."""


def tokens(text: str) -> list[str]:
    """Split into lower-case runs of Unicode word characters (SPARK, 1.3): no stop-words, no stemming."""
    return _WORD.findall(text.lower())


def section(text: str, title: str) -> str:
    """Give the body of a level-3 section, stripped; empty if it is missing (SPARK, 1.3).

    As SPARK reads it: the header must be exact (no trailing space, no CRLF), and a header directly followed by
    another gives the next section, header and all.
    """
    found = re.search(rf"### {re.escape(title)}\n(.*?)(?=\n### |\Z)", text, re.DOTALL)
    return found.group(1).strip() if found else ""


def failed_rows(summary: str) -> frozenset[str]:
    """Give the rows of failed tests, message included (SPARK, 1.3)."""
    lines = (line.strip() for line in summary.splitlines())
    return frozenset(line[1:].strip() for line in lines if line.startswith("✗"))


def jaccard(a: AbstractSet[str], b: AbstractSet[str]) -> float:
    """The share of words common to both among the words of either, in [0, 1]; 0 if both are empty. Symmetric."""
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def coverage(source: AbstractSet[str], target: AbstractSet[str]) -> float:
    """The share of the target that the source has, in [0, 1]; 0 if the target is empty. Directed."""
    return len(source & target) / len(target) if target else 0.0


def js_similarity(a: Mapping[str, int], b: Mapping[str, int], *, alpha: float = ALPHA) -> float:
    """1 - JS(P, Q) of two smoothed word distributions, natural logarithm (SPARK, 1.3). Symmetric.

    In [1 - ln 2, 1] = [0.3069, 1], and not in [0, 1]; 0 if the joint vocabulary has fewer than two words. An empty
    text against one whose words each occur once gives 1: the smoothed empty distribution is uniform.

    Args:
        a: Occurrences of each word.
        b: The same for the other text.
        alpha: Added to each count.
    """
    groups = Counter((count, b.get(word, 0)) for word, count in a.items())
    groups.update((0, count) for word, count in b.items() if word not in a)
    return js_of_groups(groups, sum(a.values()), sum(b.values()), alpha=alpha)


def js_of_groups(groups: Mapping[tuple[int, int], int], total_a: int, total_b: int, *, alpha: float = ALPHA) -> float:
    """Do what `js_similarity` does, from how many words have which pair of counts.

    Words with equal counts contribute equal terms, so a text of 100 KB needs a few dozen logarithms.
    """
    vocabulary = sum(groups.values())
    if vocabulary < 2:
        return 0.0
    mass_a, mass_b = total_a + alpha * vocabulary, total_b + alpha * vocabulary
    terms = []
    for (count_a, count_b), words in sorted(groups.items()):
        p, q = (count_a + alpha) / mass_a, (count_b + alpha) / mass_b
        middle = (p + q) / 2
        terms += [words * p * log(p / middle), words * q * log(q / middle)]
    return 1.0 - fsum(terms) / 2


class RunningWords:
    """The words of a text that only grows, counted chunk by chunk.

    Chunks are whole lines: no word spans two of them.
    """

    def __init__(self, against: Iterable[str] = ()) -> None:
        """Begin an empty text.

        Args:
            against: Words of a fixed text that the growing one is compared with.
        """
        self.counts: Counter[str] = Counter()
        self.total = 0
        self._against = Counter(against)
        self._groups: Counter[tuple[int, int]] = Counter((0, count) for count in self._against.values())
        self._against_total = sum(self._against.values())
        self._shared = 0

    def add(self, chunk: str) -> None:
        """Add a chunk; takes time in proportion to the chunk."""
        for word, count in Counter(tokens(chunk)).items():
            before = self.counts[word]
            other = self._against.get(word, 0)
            if before or other:
                self._groups[before, other] -= 1
                if not self._groups[before, other]:
                    del self._groups[before, other]
            if other and not before:
                self._shared += 1
            self._groups[before + count, other] += 1
            self.counts[word] = before + count
            self.total += count

    def coverage(self) -> float:
        """Give `coverage` of the fixed text by this one."""
        return self._shared / len(self._against) if self._against else 0.0

    def js_similarity(self, *, alpha: float = ALPHA) -> float:
        """Give `js_similarity` of both, to the last bit as if counted at once."""
        return js_of_groups(self._groups, self.total, self._against_total, alpha=alpha)
