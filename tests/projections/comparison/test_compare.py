"""Arms beside their baseline: rows in, scores and verdicts out."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.comparison.compare import (
    SAME,
    Comparison,
    ComparisonPlan,
    PairedDifference,
    PlannedArm,
    compare,
    sign_test,
)
from projections.comparison.intervals import ItemValue, estimate
from projections.comparison.rows import ArmCell, ComparisonRow, RowsUnusable
from tests.projections.comparison.sheets import HALF, plan, row, sheet

SHEETS = st.integers(1, 3).flatmap(
    lambda repeats: st.lists(st.text("011i", min_size=repeats, max_size=repeats), min_size=1, max_size=16)
)


def only(found: Comparison) -> PairedDifference:
    """The one pair of a plan with one arm."""
    (pair,) = found.pairs
    return pair


def both(before: list[str], after: list[str]) -> list[ComparisonRow]:
    """Rows of the baseline and of the skill."""
    return sheet("none", before) + sheet("skill", after)


def test_a_skill_that_solves_what_was_not_solved_helps() -> None:
    """Of twenty items fourteen are won: each number by hand."""
    found = compare(plan(20), both(["0"] * 14 + ["1"] * 3 + ["0"] * 3, ["1"] * 17 + ["0"] * 3))
    none, skill = found.scores
    assert (none.arm, none.mean, none.coverage) == ("none", Fraction(3, 20), Fraction(1))
    assert (skill.arm, skill.mean, skill.scored, skill.planned) == ("skill", Fraction(17, 20), 20, 20)
    scored = estimate([ItemValue(str(at), Fraction(14 <= at < 17)) for at in range(20)], (0, 1))
    assert scored is not None
    assert none.interval == scored.interval(Fraction(3, 100))
    pair = only(found)
    assert (pair.difference, pair.units, pair.look) == (Fraction(14, 20), 20, 1)
    assert (pair.count("won"), pair.count("lost"), pair.count("kept")) == (14, 0, 6)
    assert pair.flips[0].item == "i0"
    assert (pair.flips[0].before, pair.flips[0].after, pair.flips[0].change) == (Fraction(0), Fraction(1), "won")
    assert pair.sign_test == Fraction(1, 2**13)
    assert pair.interval is not None
    assert 0.3 < pair.interval.low < 0.7 < pair.interval.high <= 1.0
    assert pair.plain is not None
    assert pair.plain.low < 0.7 < pair.plain.high
    assert pair.plain.high - pair.plain.low < pair.interval.high - pair.interval.low
    assert pair.plain.alpha == Fraction(1, 20)
    assert pair.verdict.kind == "helps"
    assert (skill.costs.cost, skill.costs.solved) == (200, 17)


def test_the_exact_sign_test_is_the_binomials() -> None:
    """McNemar's exact test of 10 against 2: 2 * (66 + 12 + 1)/4096; one flip says nothing, none nothing either."""
    assert sign_test(10, 2) == Fraction(2 * 79, 4096)
    assert sign_test(2, 10) == sign_test(10, 2)
    assert sign_test(1, 0) == 1
    assert sign_test(0, 0) == 1
    assert sign_test(1, 1) == 1


def test_what_broke_lowers_coverage_and_nothing_else() -> None:
    """Two of twenty runs: the items that remain decide; at five the floor of 80 % is not reached."""
    before, after = ["0"] * 20, ["1"] * 20
    whole = only(compare(plan(20), both(before, after)))
    storm = compare(plan(20), both(before, ["i", "s", *after[2:]]))
    assert storm.scores[1].coverage == Fraction(18, 20)
    assert storm.scores[1].mean == 1
    assert only(storm).difference == whole.difference
    assert (only(storm).units, only(storm).verdict.kind) == (18, "helps")
    assert only(compare(plan(20), both(before, ["i"] * 4 + after[4:]))).verdict.kind == "helps"
    assert only(compare(plan(20), both(before, ["i"] * 5 + after[5:]))).verdict.kind == "indecisive"


def test_items_that_only_one_arm_has_are_not_covered() -> None:
    """Either arm has 90 %, and the pairs only 80 %, then less."""
    at_floor = both(["i"] * 2 + ["0"] * 18, ["1"] * 18 + ["i"] * 2)
    assert only(compare(plan(20), at_floor)).units == 16
    assert only(compare(plan(20), at_floor)).verdict.kind == "helps"
    under = both(["i"] * 2 + ["0"] * 18, ["1"] * 17 + ["i"] * 3)
    assert only(compare(plan(20), under)).verdict.kind == "indecisive"


def test_until_all_has_ended_nothing_is_decided() -> None:
    """A look before would be one that nobody counts."""
    waiting = only(compare(plan(20), both(["0"] * 20, ["1"] * 19 + [" "])))
    assert waiting.verdict.kind == "indecisive"
    assert waiting.verdict.reason == "1 planned runs have not ended"
    assert waiting.interval is not None
    nothing = compare(plan(20), [])
    assert only(nothing).verdict.kind == "indecisive"
    assert (nothing.scores[0].mean, nothing.scores[0].coverage, only(nothing).difference) == (None, Fraction(0), None)


def test_a_score_that_never_moves_is_no_information() -> None:
    """All unsolved under both arms; were it only under each of them, it would be the greatest effect there is."""
    assert only(compare(plan(20), both(["0"] * 20, ["0"] * 20))).verdict.kind == "no information"
    worse = only(compare(plan(20), both(["1"] * 20, ["0"] * 20)))
    assert (worse.verdict.kind, worse.count("lost"), worse.count("kept")) == ("hurts", 20, 0)
    assert only(compare(plan(20), both(["0"] * 19 + ["1"], ["0"] * 20))).verdict.kind == "too few runs"


def test_families_are_the_unit() -> None:
    """Forty items won in eight families show nothing; in twenty they do."""
    for families, kind in ((8, "too few families"), (20, "helps")):
        units = [f"f{place % families}" for place in range(40)]
        rows = sheet("none", ["0"] * 40, units) + sheet("skill", ["1"] * 40, units)
        pair = only(compare(plan(40, units=units), rows))
        assert pair.verdict.kind == kind
        assert (pair.units, pair.sign_test) == (families, None)
        assert (pair.interval is None) == (families < 10)


def test_each_added_repeat_is_a_look() -> None:
    """The same scores, planned as two repeats or added to one: what is added pays for the look that was had."""
    rows = both(["01"] * 8 + ["00"] * 4 + ["11"] * 4, ["10"] * 8 + ["11"] * 8)
    planned, added = only(compare(plan(16, repeats=2), rows)), only(compare(plan(16), rows))
    assert (planned.look, added.look) == (1, 2)
    assert planned.difference == added.difference == Fraction(1, 4)
    assert planned.interval is not None
    assert added.interval is not None
    assert (planned.interval.alpha, added.interval.alpha) == (Fraction(3, 100), Fraction(1, 100))
    assert added.interval.high > planned.interval.high
    told = only(compare(plan(16, repeats=2, looks=1), rows))
    assert told.look == 2
    assert told.p == pytest.approx(3 * (planned.p or 0))
    assert told.interval is not None
    assert told.interval.high == added.interval.high


def test_a_further_look_never_widens_an_interval() -> None:
    """Twelve won at the first look, and the repeat that is added says the same: the first look's interval stands."""
    before, after = ["0"] * 12 + ["1"] * 4, ["1"] * 16
    once = only(compare(plan(16), both(before, after)))
    twice = only(compare(plan(16), both([2 * each for each in before], [2 * each for each in after])))
    assert once.interval is not None
    assert twice.interval is not None
    assert (twice.interval.low, twice.interval.high) == (once.interval.low, once.interval.high)
    assert (twice.p, twice.verdict.kind, twice.look) == (once.p, "helps", 2)


def test_looks_go_by_the_arm_that_got_more_repeats() -> None:
    """The baseline alone is run twice more, and solves what it did not: each time it is a look, at all rows so far."""
    after = ["1"] * 14 + ["0"] * 2
    once, twice, thrice = (only(compare(plan(16), both([each] * 16, after))) for each in ("0", "01", "011"))
    assert [pair.look for pair in (once, twice, thrice)] == [1, 2, 3]
    assert [pair.difference for pair in (once, twice, thrice)] == [Fraction(7, 8), Fraction(3, 8), Fraction(5, 24)]
    assert once.interval is not None
    assert twice.interval is not None
    assert thrice.interval is not None
    assert thrice.interval.alpha == Fraction(1, 20) * Fraction(1, 10)
    assert twice.interval.high < once.interval.high
    assert thrice.interval.high < twice.interval.high
    assert (twice.p, thrice.p) == (once.p, once.p)


def test_an_added_repeat_counts_when_it_is_whole() -> None:
    """Rows of half a repeat wait: they neither move the score nor count as a look."""
    once = compare(plan(12), both(["0"] * 12, ["1"] * 12))
    half = compare(plan(12), both(["00"] * 6 + ["0"] * 6, ["10"] * 11 + ["1"]))
    assert only(half).difference == only(once).difference
    assert only(half).look == 1
    assert (half.scores[1].mean, half.scores[1].planned) == (Fraction(1), 12)
    assert only(half).verdict == only(once).verdict
    whole = compare(plan(12), both(["00"] * 6 + ["0"] * 6, ["10"] * 12))
    assert (whole.scores[1].mean, whole.scores[1].planned, only(whole).look) == (HALF, 24, 2)


def test_a_baseline_that_was_stored_is_no_look() -> None:
    """Five repeats of it were known when the plan was made."""
    asked = ComparisonPlan(PlannedArm("none", 5), (PlannedArm("skill", 1),), {f"i{at}": f"i{at}" for at in range(12)})
    pair = only(compare(asked, both(["00000"] * 12, ["1"] * 12)))
    assert (pair.look, pair.verdict.kind) == (1, "helps")


def test_arms_of_one_plan_share_one_error() -> None:
    """Seven items won and none lost: enough alone, not as one of eight arms, as Holm counts."""
    before, after = ["0"] * 13 + ["1"] * 3, ["1"] * 7 + ["0"] * 6 + ["1"] * 3
    alone = only(compare(plan(16), both(before, after)))
    arms = ["skill", *(f"other {number}" for number in range(7))]
    rows = both(before, after) + [each for arm in arms[1:] for each in sheet(arm, before)]
    first, *others = compare(plan(16, arms=arms), rows).pairs
    assert alone.verdict.kind == "helps"
    assert first.p == alone.p
    assert first.p is not None
    assert first.p_holm == pytest.approx(8 * first.p)
    assert first.verdict.kind == "too few runs"
    assert {each.p_holm for each in others} == {1.0}


def test_arms_may_have_baselines_of_their_own() -> None:
    """Given two students with and without a skill, each skill is beside its student, as if alone but for Holm."""
    weak, strong = ["0"] * 16, ["1"] * 16
    arms = (PlannedArm("told", 1), PlannedArm("strong", 1, ""), PlannedArm("strong told", 1, "strong"))
    units = {f"i{at}": f"i{at}" for at in range(16)}
    rows = [*sheet("none", weak), *sheet("told", ["1"] * 9 + ["0"] * 7)]
    rows += [*sheet("strong", strong), *sheet("strong told", ["0"] * 9 + ["1"] * 7)]
    found = compare(ComparisonPlan(PlannedArm("none", 1), arms, units), rows)
    assert [(each.arm, each.baseline, each.difference) for each in found.pairs] == [
        ("told", "none", Fraction(9, 16)),
        ("strong told", "strong", Fraction(-9, 16)),
    ]
    assert [each.verdict.kind for each in found.pairs] == ["helps", "hurts"]
    assert [each.arm for each in found.scores] == ["none", "told", "strong", "strong told"]
    alone = only(compare(plan(16, arms=["told"]), rows[:32]))
    assert found.pairs[0].interval == alone.interval
    assert alone.p is not None
    assert found.pairs[0].p_holm == pytest.approx(2 * alone.p)


def test_looks_and_coverage_go_by_an_arms_own_baseline() -> None:
    """Given an own baseline that broke, its arm is indecisive; one with an added repeat makes a look for its arm."""
    units = {f"i{at}": f"i{at}" for at in range(12)}
    arms = (PlannedArm("told", 1), PlannedArm("other", 1, ""), PlannedArm("other told", 1, "other"))
    rows = [*sheet("none", ["0"] * 12), *sheet("told", ["1"] * 12), *sheet("other told", ["1"] * 12)]
    asked = ComparisonPlan(PlannedArm("none", 1), arms, units)
    first, second = compare(asked, [*rows, *sheet("other", ["i"] * 12)]).pairs
    assert (first.verdict.kind, second.verdict.kind) == ("helps", "indecisive")
    first, second = compare(asked, [*rows, *sheet("other", ["00"] * 12)]).pairs
    assert (first.look, second.look) == (1, 2)
    first, second = compare(asked, rows).pairs
    assert second.verdict.reason == "12 planned runs have not ended"


@pytest.mark.parametrize("baseline", ["skill", "nine"])
def test_an_arm_is_not_compared_with_itself_or_a_stranger(baseline: str) -> None:
    """A plan that says so is a mistake of whoever made it."""
    asked = ComparisonPlan(PlannedArm("none", 1), (PlannedArm("skill", 1, baseline),), {})
    with pytest.raises(RowsUnusable, match=f"skill cannot be compared with {baseline}"):
        compare(asked, [])


def test_partial_scores_decide_if_the_plan_says_so() -> None:
    """Nothing is solved under either arm, and half of each item is gained."""
    rows = [row("unsolved", arm=arm, item=f"i{at}", soft=soft) for at in range(12)
            for arm, soft in (("none", Fraction(at, 24)), ("skill", HALF + Fraction(at, 24)))]  # fmt: skip
    assert only(compare(plan(12), rows)).verdict.kind == "no information"
    soft = compare(plan(12, measure="soft"), rows)
    assert (only(soft).difference, only(soft).verdict.kind) == (HALF, "helps")


def test_what_a_plan_takes_for_granted() -> None:
    """What is settled when nothing is said, and so stands in every report."""
    usual = ComparisonPlan(PlannedArm("none", 1), (), {})
    assert (usual.measure, usual.looks) == ("hard", 0)
    assert [usual.floor, usual.effect, usual.alpha] == [Fraction(4, 5), Fraction(1, 10), Fraction(1, 20)]
    nothing = compare(usual, [])
    assert nothing.pairs == ()
    assert nothing.scores[0].coverage == 0


def test_rows_of_another_plan_are_refused() -> None:
    """An arm, an item or a unit that the plan does not have; two arms of one name."""
    for stranger in (row(item="i0", arm="else"), row(item="i9"), row(item="i0", unit="other")):
        with pytest.raises(RowsUnusable, match="the plan has no item"):
            compare(plan(2), [stranger])
    with pytest.raises(RowsUnusable, match="two arms have the same name"):
        compare(plan(2, arms=["skill", "skill"]), [])


@given(
    st.integers(1, 2).flatmap(
        lambda n: st.lists(st.tuples(*[st.text("01i", min_size=n, max_size=n)] * 2), min_size=1, max_size=24)
    )
)
def test_swapped_arms_turn_the_sign(items: list[tuple[str, str]]) -> None:
    """Nothing prefers the baseline."""
    before, after = [first for first, _ in items], [second for _, second in items]
    asked = plan(len(items), len(before[0]))
    one, two = only(compare(asked, both(before, after))), only(compare(asked, both(after, before)))
    turned = {"helps": "hurts", "hurts": "helps"}
    assert two.verdict.kind == turned.get(one.verdict.kind, one.verdict.kind)
    assert two.difference == (None if one.difference is None else -one.difference)
    assert (two.count("won"), two.count("lost")) == (one.count("lost"), one.count("won"))
    assert (two.p, two.sign_test) == (one.p, one.sign_test)
    if one.interval is None:
        assert two.interval is None
    else:
        assert two.interval is not None
        assert (two.interval.low, two.interval.high) == (-one.interval.high, -one.interval.low)


@given(SHEETS, st.data())
def test_a_run_that_broke_never_changes_a_score(items: list[str], data: st.DataObject) -> None:
    """Wherever it is added, and however often; only coverage may fall."""
    asked = plan(len(items), len(items[0]))
    rows = both(items, items[::-1])
    arms, places = st.sampled_from(["none", "skill"]), st.integers(0, len(items) - 1)
    more = data.draw(st.lists(st.tuples(arms, places, st.integers(1, len(items[0]) + 1)), min_size=1, max_size=8))
    broken = [row("infrastructure", arm=arm, item=f"i{at}", repeat=repeat) for arm, at, repeat in more]
    first, second = compare(asked, rows), compare(asked, rows + broken)
    assert only(second).flips == only(first).flips
    assert only(second).difference == only(first).difference
    for one, two in zip(first.scores, second.scores, strict=True):
        assert (two.mean, two.scored) == (one.mean, one.scored)
        assert two.coverage <= one.coverage
        assert two.costs.solved == one.costs.solved


@given(SHEETS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(items: list[str], random: object) -> None:
    """Runs end in whatever order they end."""
    asked, rows = plan(len(items), len(items[0])), both(items, items[::-1])
    drawn = list(rows)
    random.shuffle(drawn)  # type: ignore[attr-defined]
    assert compare(asked, drawn) == compare(asked, rows)


def test_a_reason_names_over_how_many_comparisons_p_is_adjusted() -> None:
    """Of twelve items seven are won: beside one baseline that shows something, as one arm of four it does not."""
    won, lost = ["1"] * 7 + ["0"] * 5, ["1"] + ["0"] * 11
    alone = compare(plan(12), both(["0"] * 12, won))
    assert only(alone).verdict.kind == "helps"
    arms = ("skill", "b", "c", "d")
    rows = both(["0"] * 12, won) + [each for arm in arms[1:] for each in sheet(arm, lost)]
    skill, *_ = compare(plan(12, arms=arms), rows).pairs
    assert skill.verdict.kind == "too few runs"
    assert skill.verdict.reason.startswith("the interval lies above 0, but p adjusted over 4 comparisons is 0.1, above")


def shared(items: int, repeats: int, *cells: ArmCell, arms: int = 1) -> ComparisonPlan:
    """A plan whose first arm shares some cells with the baseline."""
    made = plan(items, repeats, ["skill", *(f"other{number}" for number in range(1, arms))])
    skill = msgspec.structs.replace(made.arms[0], shared=frozenset(cells), theirs=frozenset(cells))
    return msgspec.structs.replace(made, arms=(skill, *made.arms[1:]))


def test_one_and_the_same_evaluation_is_paired_with_nothing() -> None:
    """Given a second repeat that both sides share, the first alone is paired; scores of the sides hold both."""
    second = [ArmCell(f"i{place}", 2) for place in range(12)]
    found = compare(shared(12, 2, *second), both(["01"] * 12, ["11"] * 12))
    pair = only(found)
    assert (pair.difference, pair.units, pair.same, pair.shared) == (Fraction(1), 12, False, frozenset())
    assert [(score.mean, score.scored) for score in found.scores] == [(HALF, 24), (Fraction(1), 24)]
    both_repeats = [ArmCell(f"i{place}", repeat) for place in range(2) for repeat in (1, 2)]
    some = only(compare(shared(12, 2, *both_repeats), both(["01"] * 12, ["11"] * 12)))
    assert (some.units, len(some.flips), some.verdict.kind) == (10, 10, "helps")
    assert some.shared == {"i0", "i1"}


def test_of_what_is_the_same_on_both_sides_nothing_is_tested() -> None:
    """It is no comparison that Holm's rule would count: the p of another arm is its own."""
    cells = [ArmCell(f"i{place}", 1) for place in range(12)]
    rows = [*both(["0"] * 12, ["0"] * 12), *sheet("other1", ["1"] * 7 + ["0"] * 5)]
    same, other = compare(shared(12, 1, *cells, arms=2), rows).pairs
    assert (same.same, same.flips, same.p_holm, same.verdict.reason) == (True, (), None, SAME)
    assert other.p_holm == other.p
    partly, _ = compare(shared(12, 1, *cells[1:], arms=2), rows).pairs
    assert (partly.same, len(partly.flips)) == (False, 1)
