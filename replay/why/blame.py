"""Blame: which lines of evidence each section of a skill rests on, and what it was shown to; the measuring is pure.

A skill is written by a model, which does not say what it had in view. What can be said for certain is which words of a
section stand in which lines of the evidence that it was written from. Words are weighed by how few places have them
(inverse document frequency: Sparck Jones, 1972), so that a file's name counts and `the` does not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from math import log
from typing import Final, NamedTuple

from engine.policies.fences import fenced_lines
from engine.policies.skill.split import SplitFault, normal_lines, split_skill
from events.base import Ref
from projections.pdi.similarity import tokens

LEAST_SHARE: Final = 0.05
"""Of a section's weight that lines of evidence must have to be named."""


class BlamedLines(NamedTuple):
    """Some lines of a block of evidence, and the events they tell of."""

    block: str
    first_line: int
    last_line: int
    events: tuple[Ref, ...]
    text: str


class Section(NamedTuple):
    """A part of a skill under one heading, without those under lower ones."""

    title: str
    first_line: int
    text: str


class Rest(NamedTuple):
    """What a section has in common with some lines of evidence."""

    span: BlamedLines
    share: float
    """Of the section's weight that its words in these lines have, in [0, 1]."""
    words: tuple[str, ...]
    """The words, those that weigh most first."""


class SectionBlame(NamedTuple):
    """What a section rests on."""

    section: Section
    share: float
    """Of the section's weight that stands anywhere in the evidence, in [0, 1]; 0 if it has no words."""
    rests: tuple[Rest, ...]
    """Those that have most first; none has less than `LEAST_SHARE`."""


def sections_of(skill_md: str) -> list[Section]:
    """Take a skill apart at its headings; the front matter comes first."""
    parts = split_skill(skill_md)
    if isinstance(parts, SplitFault):
        return [Section("(whole file)", 1, normal_lines(skill_md))]
    found = [Section("front matter", 1, parts.front)]
    title, first, kept = "(before any heading)", parts.body_line, list[str]()
    for line in fenced_lines(parts.body):
        if not line.fenced and line.text.startswith("#"):
            found.append(Section(title, first, "\n".join(kept)))
            title, first, kept = line.text.strip("# "), parts.body_line + line.number - 1, []
        else:
            kept.append(line.text)
    found.append(Section(title, first, "\n".join(kept)))
    return [each for each in found if each.text.strip()]


def blame(sections: Sequence[Section], spans: Sequence[BlamedLines], *, most: int = 5) -> list[SectionBlame]:
    """Say which lines of evidence each section shares most with.

    Args:
        sections: Of the skill.
        spans: Of the evidence it was written from.
        most: Spans that are named of each section, at most.
    """
    texts = [*(each.text for each in sections), *(each.text for each in spans)]
    places = [frozenset(tokens(text)) for text in texts]
    seen = Counter(word for place in places for word in place)
    weights = {word: log(len(places) / count) for word, count in seen.items()}
    told = [(span, frozenset(tokens(span.text))) for span in spans]
    return [_blame(section, told, weights, most) for section in sections]


def _blame(
    section: Section, told: Sequence[tuple[BlamedLines, frozenset[str]]], weights: Mapping[str, float], most: int
) -> SectionBlame:
    own = frozenset(tokens(f"{section.title}\n{section.text}")) & weights.keys()
    # Sorted, since sums of fractions depend on their order, and sets have another one in each process.
    whole = sum(weights[word] for word in sorted(own))
    if not whole:
        return SectionBlame(section, 0.0, ())

    def share(words: frozenset[str]) -> float:
        return sum(weights[word] for word in sorted(words)) / whole

    rests = [
        Rest(span, share(common), tuple(sorted(common, key=lambda word: (-weights[word], word))[:8]))
        for span, words in told
        if (common := own & words)
    ]
    best = sorted(rests, key=lambda rest: (-rest.share, rest.span.block, rest.span.first_line))
    anywhere = own & frozenset[str]().union(*(words for _, words in told))
    return SectionBlame(section, share(anywhere), tuple(rest for rest in best[:most] if rest.share >= LEAST_SHARE))


def spans_of(block: str, text: str, claims: Sequence[tuple[int, int, tuple[Ref, ...]]]) -> list[BlamedLines]:
    """Divide a block of evidence into the lines that rest on the same events; the others stand for themselves.

    Args:
        block: Its name.
        text: Of the block.
        claims: First and last line, from 1, with the events they tell of. Lines may be claimed more than once.
    """
    lines = text.split("\n")
    owners: list[tuple[Ref, ...]] = [() for _ in lines]
    for first, last, events in claims:
        for number in range(max(first, 1), min(last, len(lines)) + 1):
            owners[number - 1] = tuple(dict.fromkeys((*owners[number - 1], *events)))
    spans: list[BlamedLines] = []
    for events, group in groupby(enumerate(lines, start=1), key=lambda numbered: owners[numbered[0] - 1]):
        numbered = list(group)
        part = "\n".join(line for _, line in numbered)
        if part.strip():
            spans.append(BlamedLines(block, numbered[0][0], numbered[-1][0], events, part))
    return spans
