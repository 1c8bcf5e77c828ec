"""Measures of likeness between texts, defined to the last bit; pure.

Sums are taken over groups of equal terms with `math.fsum`, which rounds once and so knows no order: a value depends
neither on PYTHONHASHSEED nor on whether counts were gathered at once or turn by turn. What is left to the machine is
`math.log`: between C libraries a value may differ in its last bits, far below the four decimals that are compared.

| measure | symmetric | range | smallest text that means something |
| --- | --- | --- | --- |
| `jaccard` | yes | [0, 1] | one word on either side; 0 of nothing |
| `coverage` | no | [0, 1] | one word in the target; 0 of nothing |
| `js_similarity` | yes, to the last bit | 0, or [1 - ln 2, 1] | two words in both together |
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from math import fsum, log

_WORD = re.compile(r"\w+")
_ASCII = str.maketrans({code: chr(code).lower() if re.match(r"\w", chr(code)) else " " for code in range(128)})
_PIECE = 2_048
"""Characters that are split at once, to the end of their line, so that one dash does not slow a whole text down."""

ALPHA = 0.002
"""Smoothing count of each word of the joint vocabulary (SPARK, 1.3)."""

LARGEST_JS = log(2)
"""The divergence of texts with no word in common, without smoothing. Rounding never carries a value beyond it."""


def tokens(text: str) -> list[str]:
    """Split into lower-case runs of Unicode word characters (SPARK, 1.3): no stop-words, no stemming."""
    found: list[str] = []
    start = 0
    while start < len(text):
        end = text.find("\n", start + _PIECE)
        end = len(text) if end < 0 else end
        found += _piece(text[start:end])
        start = end
    return found


def _piece(text: str) -> list[str]:
    """Split whole lines. ASCII, as most of what agents run, takes a fifth of the time by way of a table."""
    return text.translate(_ASCII).split() if text.isascii() else _WORD.findall(text.lower())


def section(text: str, title: str) -> str:
    """Give the body of a level-3 section, stripped; empty if it is missing (SPARK, 1.3).

    As SPARK reads it: the header must be exact (no trailing space, no CRLF), and a header directly followed by
    another gives the next section, header and all.
    """
    found = re.search(rf"### {re.escape(title)}\n(.*?)(?=\n### |\Z)", text, re.DOTALL)
    return found.group(1).strip() if found else ""


def lenient_section(text: str, title: str) -> str:
    """Give the body of a section of any level, stripped; empty if it is missing.

    Unlike `section` it takes a title in any case, in bold, with a colon, with white space or CRLF after it, and an
    empty section for empty. The body ends at the next header of the same level or above.
    """
    found = re.search(rf"^(#{{1,6}})[ \t]+\**{re.escape(title)}\**:?\**[ \t]*\r?$", text, re.IGNORECASE | re.MULTILINE)
    if found is None:
        return ""
    rest = text[found.end() :]
    following = re.search(rf"^#{{1,{len(found.group(1))}}}[ \t]", rest, re.MULTILINE)
    return (rest[: following.start()] if following else rest).strip()


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
    for (count_a, count_b), words in groups.items():
        p, q = (count_a + alpha) / mass_a, (count_b + alpha) / mass_b
        middle = (p + q) / 2
        terms.append(words * (p * log(p / middle) + q * log(q / middle)))
    return 1.0 - min(max(fsum(terms) / 2, 0.0), LARGEST_JS)


class RunningCoverage:
    """How much of a fixed set of words a text has that only grows. No word may span two chunks."""

    def __init__(self, target: Iterable[str]) -> None:
        """Begin an empty text.

        Args:
            target: Words of the fixed text.
        """
        self._missing = set(target)
        self._size = len(self._missing)

    def add(self, chunk: str) -> None:
        """Add a chunk; takes time in proportion to the chunk."""
        self._missing.difference_update(tokens(chunk))

    def coverage(self) -> float:
        """Give `coverage` of the fixed text by this one."""
        return (self._size - len(self._missing)) / self._size if self._size else 0.0


class RunningWords:
    """The words of a text that changes by whole chunks, counted chunk by chunk, beside a fixed text.

    No word may span two chunks: commands are joined by LF. Kept is how many words have which pair of counts, so that a
    reading takes time in proportion to the distinct pairs, and not to either text.
    """

    def __init__(self, against: Iterable[str] = ()) -> None:
        """Begin an empty text.

        Args:
            against: Words of a fixed text that this one is compared with.
        """
        self.counts: dict[str, int] = {}
        self.total = 0
        self._against = dict(Counter(against))
        self._against_total = sum(self._against.values())
        self._groups: dict[tuple[int, int], int] = dict(Counter((0, count) for count in self._against.values()))

    def add(self, chunk: str) -> None:
        """Add a chunk; takes time in proportion to the chunk."""
        found = tokens(chunk)
        counts, against, groups = self.counts, self._against, self._groups
        for word, count in Counter(found).items():
            before, other = counts.get(word, 0), against.get(word, 0)
            counts[word] = after = before + count
            groups[after, other] = groups.get((after, other), 0) + 1
            if before or other:
                self._one_less((before, other))
        self.total += len(found)

    def remove(self, chunk: str) -> None:
        """Take a chunk off again that was added; takes time in proportion to the chunk."""
        found = tokens(chunk)
        counts, groups = self.counts, self._groups
        for word, count in Counter(found).items():
            before, other = counts.pop(word), self._against.get(word, 0)
            if after := before - count:
                counts[word] = after
            if after or other:
                groups[after, other] = groups.get((after, other), 0) + 1
            self._one_less((before, other))
        self.total -= len(found)

    def _one_less(self, group: tuple[int, int]) -> None:
        """Forget a group that no word is in any more, so that a reading stays short."""
        words = self._groups[group] - 1
        if words:
            self._groups[group] = words
        else:
            del self._groups[group]

    def coverage(self) -> float:
        """Give `coverage` of the fixed text by this one."""
        missing = sum(words for (count, other), words in self._groups.items() if other and not count)
        return (len(self._against) - missing) / len(self._against) if self._against else 0.0

    def js_similarity(self, *, alpha: float = ALPHA) -> float:
        """Give `js_similarity` of both, to the last bit as if counted at once."""
        return js_of_groups(self._groups, self.total, self._against_total, alpha=alpha)
