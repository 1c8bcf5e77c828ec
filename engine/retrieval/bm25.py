"""Ranking by words in common: BM25, as the full-text search of SQLite has it, over an index in memory.

The index holds the skills of one library, a few dozen at most, and is made anew for each question: so that a score
depends on these skills and on nothing before.
"""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from engine.policies.retrieval.ranking import ScoredSkill, rounded
from engine.policies.retrieval.searched import SearchedSkill
from events.errors import StillroomError

WEIGHTS: Final = (4.0, 2.0, 1.0)
"""Of words in name, description and body."""
_COMMON: Final = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "before",
        "been",
        "but",
        "by",
        "can",
        "did",
        "do",
        "does",
        "each",
        "else",
        "every",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "must",
        "no",
        "not",
        "of",
        "off",
        "on",
        "one",
        "only",
        "or",
        "other",
        "out",
        "over",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "up",
        "use",
        "used",
        "using",
        "was",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
"""Words of English that stand in any text, and say nothing of what it is about."""
_WORD: Final = re.compile(r"[^\W_]+")
_INDEX: Final = "CREATE VIRTUAL TABLE skills USING fts5(name, description, body, tokenize = 'porter unicode61')"
_SEARCH: Final = "SELECT rowid, bm25(skills, ?, ?, ?) FROM skills WHERE skills MATCH ? ORDER BY rowid"


class FullTextMissing(StillroomError):
    """Raised where SQLite was built without full-text search."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the SQLite of this Python cannot rank: {reason}",
            remedy="use a Python whose SQLite has FTS5, as those of python.org and of Linux distributions have",
        )


def engine_name() -> str:
    """Say what ranks, with its version."""
    return f"sqlite-fts5 {sqlite3.sqlite_version}"


def rank_by_words(query: str, skills: Sequence[SearchedSkill]) -> tuple[ScoredSkill, ...]:
    """Score every skill by the words that it has in common with a query; 0 for none.

    Args:
        query: Any text, such as a task's instruction.
        skills: What is searched.

    Returns:
        By score, the best first, then by name.

    Raises:
        FullTextMissing: SQLite was built without it.
    """
    ordered = sorted(skills, key=lambda each: each.skill)
    found = _scores(_question(query), ordered)
    scored = [
        ScoredSkill(each.skill, each.family, each.environment, rounded(found.get(place, 0.0)))
        for place, each in enumerate(ordered, start=1)
    ]
    return tuple(sorted(scored, key=lambda each: (-each.score, each.skill)))


def _question(query: str) -> str:
    """Write a query that any telling word of a text answers: each quoted, so that none is taken for an operator."""
    words = sorted(set(_WORD.findall(query.casefold())) - _COMMON)
    return " OR ".join(f'"{word}"' for word in words)


def _scores(question: str, skills: Sequence[SearchedSkill]) -> dict[int, float]:
    """Give the score of each skill that has a word in common, by its place from 1; more is better."""
    if not question or not skills:
        return {}
    with closing(sqlite3.connect(":memory:")) as index:
        try:
            index.execute(_INDEX)
        except sqlite3.OperationalError as error:
            raise FullTextMissing(str(error)) from error
        rows = [(each.skill.replace("-", " "), each.description, each.body) for each in skills]
        index.executemany("INSERT INTO skills VALUES (?, ?, ?)", rows)
        return {place: -score for place, score in index.execute(_SEARCH, (*WEIGHTS, question))}
