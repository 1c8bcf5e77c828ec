"""Measures of likeness: their laws, and the same value however the counts were gathered."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from math import fsum, log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.pdi.similarity import (
    LARGEST_JS,
    RunningCoverage,
    RunningWords,
    coverage,
    jaccard,
    js_similarity,
    lenient_section,
    section,
    tokens,
)

ROOT = Path(__file__).parents[3]
WORDS = st.text(alphabet="abcd é", max_size=40)
SETS = st.frozensets(st.sampled_from("abcdef"))
COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9))


@given(st.text())
def test_tokens_are_lower_case_runs_of_word_characters(text: str) -> None:
    """The table for ASCII is a short cut, not another rule."""
    assert tokens(text) == re.findall(r"\w+", text.lower())


@given(st.lists(st.text(alphabet="aB_9 -é\u0130\u03a3\u03c3.", max_size=900), max_size=12))
def test_long_texts_are_split_like_short_ones(lines: Sequence[str]) -> None:
    """A long text is split in pieces of whole lines, and no word spans two of them."""
    text = "\n".join(lines)
    assert tokens(text) == [word for line in lines for word in tokens(line)]


def test_a_section_is_found_only_under_an_exact_header() -> None:
    """SPARK gives nothing for a trailing space, CRLF or bold type; the measure is then 0 without a word."""
    assert section("### Verified Facts\n- a\n\n### Next Strategy\nb", "Verified Facts") == "- a"
    for header in ("### Verified Facts ", "### Verified Facts\r", "### **Verified Facts**", "## Verified Facts"):
        assert section(f"{header}\nbody", "Verified Facts") == ""


def test_an_empty_section_gives_the_next_one_header_and_all() -> None:
    """A quirk that published numbers may rest on; the lenient reading has it not."""
    memo = "### Verified Facts\n### Next Strategy\nbody\n### End\n"
    assert section(memo, "Verified Facts") == "### Next Strategy\nbody"
    assert lenient_section(memo, "Verified Facts") == ""


@pytest.mark.parametrize(
    "header",
    [
        "### Verified Facts",
        "### Verified Facts  ",
        "### Verified Facts\r",
        "### **Verified Facts**",
        "### **Verified facts:**",
        "## VERIFIED FACTS:",
    ],
)
def test_a_lenient_section_is_found_under_what_models_write(header: str) -> None:
    """Four spaces of difference should not turn a measure into 0."""
    memo = f"## Memo\n{header}\n- a\n#### finer\n- b\n\n## Next\n- c"
    assert lenient_section(memo, "Verified Facts") == "- a\n#### finer\n- b"


@given(SETS, SETS)
def test_jaccard_is_symmetric_and_a_share(a: frozenset[str], b: frozenset[str]) -> None:
    """1 exactly for equal sets that are not empty."""
    assert jaccard(a, b) == jaccard(b, a)
    assert 0.0 <= jaccard(a, b) <= 1.0
    assert (jaccard(a, b) == 1.0) == (a == b and bool(a))


@given(SETS, SETS)
def test_coverage_is_a_share_that_grows_with_the_source(source: frozenset[str], target: frozenset[str]) -> None:
    """More commands never cover less."""
    assert 0.0 <= coverage(source, target) <= coverage(source | {"a"}, target) <= 1.0


def test_coverage_has_a_direction() -> None:
    """Facts covered by commands, and not the other way round."""
    assert coverage({"a", "b"}, {"a"}) == 1.0
    assert coverage({"a"}, {"a", "b"}) == 0.5


@given(COUNTS, COUNTS)
def test_js_similarity_is_symmetric_to_the_last_bit_and_in_its_range(a: dict[str, int], b: dict[str, int]) -> None:
    """The range begins at 1 - ln 2, not at 0 (W4); 0 stands for too few words."""
    value = js_similarity(a, b)
    assert value == js_similarity(b, a)
    assert value == 0.0 if len({*a, *b}) < 2 else 1.0 - LARGEST_JS <= value <= 1.0


@given(COUNTS)
def test_a_text_is_fully_like_itself(a: dict[str, int]) -> None:
    """Exactly 1: each logarithm is of 1."""
    assert js_similarity(a, a) == (1.0 if len(a) >= 2 else 0.0)


def test_nothing_is_fully_like_words_that_each_occur_once() -> None:
    """The smoothed distribution of nothing is uniform: a wiped memo looks stagnant (W4)."""
    assert js_similarity({}, {"a": 1, "b": 1}) == 1.0


@given(COUNTS, COUNTS, st.sampled_from([0.002, 0.5, 1.0]))
def test_js_similarity_is_its_formula(a: dict[str, int], b: dict[str, int], alpha: float) -> None:
    """Groups of equal terms are a short cut, not another formula."""
    words = sorted({*a, *b})
    if len(words) < 2:
        return
    p, q = ([(counts.get(word, 0) + alpha) for word in words] for counts in (a, b))
    p, q = [each / sum(p) for each in p], [each / sum(q) for each in q]
    middle = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    divergence = sum(fsum(x * log(x / m) for x, m in zip(side, middle, strict=True)) / 2 for side in (p, q))
    assert js_similarity(a, b, alpha=alpha) == pytest.approx(1.0 - divergence, abs=1e-12)


@given(st.lists(WORDS, max_size=6), WORDS)
def test_counting_chunk_by_chunk_gives_the_same_bits(chunks: list[str], fixed: str) -> None:
    """A report counts at once what a run counted turn by turn; both must show the same value."""
    whole = "\n".join(chunks)
    running, covered = RunningWords(tokens(fixed)), RunningCoverage(tokens(fixed))
    for chunk in chunks:
        running.add(chunk)
        covered.add(chunk)
    assert running.counts == Counter(tokens(whole))
    assert running.js_similarity() == js_similarity(Counter(tokens(whole)), Counter(tokens(fixed)))
    expected = coverage(set(tokens(whole)), set(tokens(fixed)))
    assert running.coverage() == covered.coverage() == expected


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6), WORDS)
def test_what_is_taken_off_again_leaves_no_trace(kept: list[str], taken: list[str], fixed: str) -> None:
    """A window that moves on must equal one that began later."""
    moved, fresh = RunningWords(tokens(fixed)), RunningWords(tokens(fixed))
    for chunk in taken:
        moved.add(chunk)
    for chunk in kept:
        moved.add(chunk)
        fresh.add(chunk)
    for chunk in taken:
        moved.remove(chunk)
    assert (moved.counts, moved.total) == (fresh.counts, fresh.total)
    assert moved.js_similarity() == fresh.js_similarity()


def test_values_do_not_depend_on_the_order_of_sets() -> None:
    """Sets of words are in another order in each process, unless the seed of hashing is fixed."""
    script = (
        "from collections import Counter\n"
        "from projections.pdi.similarity import coverage, jaccard, js_similarity, tokens\n"
        "a = tokens(' '.join(f'w{n % 97}' for n in range(1000)))\n"
        "b = tokens(' '.join(f'w{n * n % 89}' for n in range(700)))\n"
        "print([each.hex() for each in (js_similarity(Counter(a), Counter(b)), jaccard(set(a), set(b)),"
        " coverage(set(a), set(b)), js_similarity(Counter(set(a)), Counter(set(b))))])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(printed) == 1
