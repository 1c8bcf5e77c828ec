"""Facts about the ranking of skills for a task. In the stream of the library's actor.

Vectors come from a model (`ModelAsked` in the protocol ``embeddings``), so that they are paid for, retried and counted
as every call is.
"""

from typing import Literal

from events.base import Event
from events.digest import Digest


class RankingAsked(Event, frozen=True, tag="ranking.asked"):
    """The skills of a library are scored by the words that they have in common with a query: an effect."""

    query: Digest
    """Blob: the task's instruction."""
    skills: Digest
    """Blob: JSON list of the texts that are searched, with name, family and environment of each skill."""
    method: Literal["bm25"]


class RankingFound(Event, frozen=True, tag="ranking.found"):
    """Every skill has a score."""

    scores: Digest
    """Blob: JSON list; each skill with its score, rounded to 12 digits, by score and name."""
    engine: str
    """What computed them, such as ``sqlite-fts5 3.46.1``."""


class RankingFailed(Event, frozen=True, tag="ranking.failed"):
    """No skill has a score: this installation cannot rank."""

    problem: str
    remedy: str
