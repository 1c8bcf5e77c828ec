"""What each policy rules from recorded inputs stays the same, or its point has another revision."""

from collections import Counter

import msgspec
import pytest

from engine.programs.explore.method import SPARK
from tests.support.rulings import POINTS, KeptRuling, decided, read

GOLDEN = read()


@pytest.mark.parametrize("name", SPARK.policies)
def test_a_policy_rules_as_it_did_under_the_revision_of_its_point(name: str) -> None:
    """Older runs rest on it: who changes a ruling counts the revision up, and adds its rulings to the file."""
    point = POINTS[name]
    kept = [each for each in GOLDEN.rulings if (each.point, each.revision) == (name, point.revision)]
    assert kept, f"run python -m tests.support.rulings to add what revision {point.revision} of {name} rules"
    blobs = {digest: text.encode() for digest, text in GOLDEN.blobs.items()}
    for each in kept:
        now = decided(point, bytes(each.inputs), bytes(each.rule), blobs)
        assert msgspec.json.decode(now) == msgspec.json.decode(each.ruling), each.inputs


def test_each_kind_of_ruling_is_kept() -> None:
    """A file that lacked one would hold nothing to it."""
    assert {word for (point, _), words in _words().items() if point == "turn" for word in words} == {
        "run", "done", "question", "tell"
    }  # fmt: skip
    assert set(_words()["reflection", 2]) == {"accept", "repair", "keep"}
    assert set(_words()["skill", 2]) == {"save", "repair", "refuse"}
    assert len(_words()["stopping", 1]) == 6


def _words() -> dict[tuple[str, int], Counter[str]]:
    found: dict[tuple[str, int], Counter[str]] = {}
    for each in GOLDEN.rulings:
        found.setdefault((each.point, each.revision), Counter())[_first(each)] += 1
    return found


def _first(kept: KeptRuling) -> str:
    return str(next(iter(msgspec.json.decode(kept.ruling).values())))
