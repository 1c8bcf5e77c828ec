"""A gate as it is used: what is missing, what tells nothing, and what is believed beside it."""

from fractions import Fraction
from typing import Any

import pytest

from engine.policies.gates.base import CandidateRows, GatePlan, Row, corrected, next_part
from engine.policies.gates.flips import FlipCount, count_flips
from engine.policies.gates.fold import GateFold, GateGuard
from engine.policies.gates.level import LevelGate
from engine.policies.gates.registry import GateSettingsRefused, gate_named, gate_names, gate_settings

ONE, ZERO = Fraction(1), Fraction(0)
BUILT_IN = ("adaptive", "evidence", "force", "items", "level", "paired", "probe", "strict")


def row(solved: int, failed: int, missing: int = 0) -> Row:
    """Make a pass: items that are solved stand first, those without a score last."""
    return (ONE,) * solved + (ZERO,) * failed + (None,) * missing


def seen(first: Row, baseline: Row = ()) -> CandidateRows:
    """Make what was seen of a candidate that was run once."""
    return CandidateRows(tuple((score,) for score in first), baseline=baseline)


def fold(name: str, guard: GateGuard | None = None, **settings: Any) -> GateFold:
    """Make a gate by its name, for twenty items and four candidates."""
    return GateFold(gate_named(name, settings, GatePlan(20, 4)), guard)


class TestMissingScores:
    """The infrastructure failed: that is no score."""

    @pytest.mark.parametrize("name", [each for each in BUILT_IN if each != "force"])
    def test_too_few_scores_decide_nothing(self, name: str) -> None:
        """Sixteen of twenty are enough where four fifths are asked for, fifteen are not."""
        gate = fold(name)
        state = gate.start(row(10, 10))
        assert gate.rule(state, seen(row(15, 1, 4), row(10, 10))).outcome != "undecided"
        ruling = gate.rule(state, seen(row(15, 0, 5), row(10, 10)))
        assert ruling.outcome == "undecided"
        assert "15 of 20" in ruling.reason

    def test_a_floor_of_zero_still_needs_a_score(self) -> None:
        """From no row at all nothing follows."""
        gate = fold("level", GateGuard(floor=0.0))
        state = gate.start(row(10, 10))
        assert gate.rule(state, seen(row(0, 0, 20))).outcome == "undecided"
        assert gate.rule(state, seen(row(1, 0, 19))).outcome != "undecided"

    @pytest.mark.parametrize("name", ["evidence", "paired"])
    def test_the_side_in_force_needs_scores_as_well(self, name: str) -> None:
        """A pair without its other half is no pair."""
        gate = fold(name)
        ruling = gate.rule(gate.start(row(10, 10)), seen(row(15, 5), row(10, 5, 5)))
        assert ruling.outcome == "undecided"
        assert "revision in force" in ruling.reason

    @pytest.mark.parametrize("name", [each for each in BUILT_IN if each not in {"evidence", "force", "paired"}])
    def test_so_does_the_pass_that_training_began_with(self, name: str) -> None:
        """What is believed of a skill by a few rows is nothing that a candidate could beat, or fall behind."""
        gate = fold(name)
        ruling = gate.rule(gate.start(row(15, 0, 5)), seen(row(15, 5)))
        assert (ruling.outcome, "15 of 20 items have a score under the revision in force" in ruling.reason) == (
            "undecided",
            True,
        )
        assert gate.rule(gate.start(row(10, 6, 4)), seen(row(15, 5))).outcome != "undecided"

    def test_the_control_arm_accepts_all_the_same(self) -> None:
        """It judges nothing, so nothing is missing."""
        gate = fold("force")
        state = gate.start(row(10, 10))
        rows = seen(row(0, 0, 20))
        assert gate.rule(state, rows).outcome == "accept"
        assert gate.report(gate.settle(state, rows, accepted=True)).own.score == Fraction(1, 2)

    def test_a_mean_is_corrected_for_hard_items_that_are_missing(self) -> None:
        """Four failing items drop out: the mean of what is left rises, and the corrected one does not."""
        last = row(10, 10)
        assert corrected(row(10, 6, 4), last) == Fraction(1, 2)
        assert corrected(row(12, 4, 4), last) == Fraction(1, 2) + Fraction(2, 16)
        assert corrected(row(12, 8), last) == Fraction(12, 20)
        assert corrected(row(3, 1), (None,) * 4) == Fraction(3, 4)

    @pytest.mark.parametrize("name", ["strict", "level", "paired"])
    def test_nobody_is_accepted_for_what_it_lacks(self, name: str) -> None:
        """Ten of sixteen is a higher mean than ten of twenty."""
        gate = fold(name)
        assert gate.rule(gate.start(row(10, 10)), seen(row(10, 6, 4), row(10, 10))).outcome == "reject"

    def test_what_an_accepted_pass_lacks_is_kept_from_the_one_before(self) -> None:
        """So that the next candidate is set beside all items again."""
        gate = fold("strict")
        rows = seen(row(12, 4, 4))
        state = gate.settle(gate.start(row(10, 10)), rows, accepted=True)
        assert gate.report(state).own.score == Fraction(12, 20)
        assert gate.report(state).raw.score == Fraction(12, 16)
        assert gate.report(state).raw.rows == 16
        assert gate.rule(state, seen(row(12, 8))).outcome == "reject"
        assert gate.rule(state, seen(row(13, 7))).outcome == "accept"

    def test_a_run_cannot_begin_without_any_score(self) -> None:
        """The first pass is what all else is set beside."""
        for name in BUILT_IN:
            with pytest.raises(ValueError, match="no item has a score"):
                fold(name).start(row(0, 0, 20))

    def test_an_item_that_has_a_score_later_counts_with_it(self) -> None:
        """It was run again, and this time the infrastructure held."""
        rows = CandidateRows(((None, ONE), (ZERO, ONE), (None,)))
        assert rows.first == (ONE, ZERO, None)
        assert rows.scores == 3


class TestDeadSignal:
    """A score that is always the same."""

    @pytest.mark.parametrize(
        ("name", "solved"),
        [("strict", 0), ("strict", 20), ("level", 0), ("paired", 0), ("evidence", 20)],
    )
    def test_one_score_on_both_sides_decides_nothing(self, name: str, solved: int) -> None:
        """They cannot be told apart."""
        gate, same = fold(name), row(solved, 20 - solved)
        ruling = gate.rule(gate.start(same), seen(same, same))
        assert ruling.outcome == "undecided"

    def test_a_single_item_that_differs_is_a_signal(self) -> None:
        """On either side."""
        gate = fold("strict")
        assert gate.rule(gate.start(row(1, 19)), seen(row(0, 20))).outcome == "reject"
        assert gate.rule(gate.start(row(0, 20)), seen(row(1, 19))).outcome == "accept"

    def test_nine_items_are_too_few_to_say_so(self) -> None:
        """From ten on a score counts as constant, as in evaluations."""
        for items, outcome in ((9, "reject"), (10, "undecided")):
            gate = fold("strict")
            assert gate.rule(gate.start(row(0, items)), seen(row(0, items))).outcome == outcome

    def test_it_can_be_left_out(self) -> None:
        """SkillOpt has no such thing: a tie is a rejection."""
        gate = fold("strict", GateGuard(dead=False))
        assert gate.rule(gate.start(row(0, 20)), seen(row(0, 20))).outcome == "reject"


class TestReport:
    """What is believed, read in three ways."""

    def test_the_level_stands_beside_the_stored_score_of_any_gate(self) -> None:
        """The strict gate believes its lucky row; the level beside it does not."""
        gate, level = fold("strict"), LevelGate()
        rows = seen(row(15, 5))
        state = gate.settle(gate.start(row(10, 10)), rows, accepted=True)
        found = gate.report(state)
        assert found.own.score == found.raw.score == Fraction(15, 20)
        beside = level.belief(level.settle(level.start(row(10, 10)), rows, accepted=True))
        assert found.level == beside
        assert Fraction(1, 2) < beside.score < Fraction(15, 20)

    def test_a_rejected_candidate_leaves_the_stored_score(self) -> None:
        """And its rows are pooled into the level."""
        gate = fold("strict")
        state = before = gate.start(row(10, 10))
        state = gate.settle(state, seen(row(6, 14)), accepted=False)
        assert gate.report(state).raw == gate.report(before).raw
        assert gate.report(state).level.score < Fraction(1, 2)
        assert gate.report(state).level.rows == 40

    def test_a_part_of_a_pass_leaves_the_level_beside_alone(self) -> None:
        """Which items a gate runs first is no accident everywhere: a probe takes as many that failed as passed."""
        gate = fold("probe")
        state = gate.start(row(10, 10))
        rows = CandidateRows((*((ONE,),) * 5, *((),) * 10, *((ONE,),) * 5))
        after = gate.settle(state, rows, accepted=True)
        assert gate.report(after).level == gate.report(state).level
        assert gate.report(after).own.score == Fraction(15, 20)

    def test_a_placebo_is_never_in_force(self) -> None:
        """It changes nothing: its rows are more rows of the revision in force, even where a gate accepted it."""
        gate = fold("strict")
        state, rows = gate.start(row(10, 10)), seen(row(15, 5))
        assert gate.rule(state, rows).outcome == "accept"
        after = gate.settle(state, rows, accepted=True, placebo=True)
        assert gate.report(after).own == gate.report(state).own
        assert gate.report(after).raw == gate.report(state).raw
        assert gate.report(after).level.rows == 40

    def test_a_ruling_says_on_how_many_scores_each_side_rests(self) -> None:
        """Fresh pairs beside a fresh pass, the level on all that it was filtered from, the strict gate on one pass."""
        rows = seen(row(10, 8, 2), row(10, 10))
        for name, baseline in (("evidence", 20), ("paired", 20), ("strict", 20), ("level", 40)):
            gate = fold(name)
            state = gate.settle(gate.start(row(10, 10)), seen(row(10, 10), row(10, 10)), accepted=False)
            ruling = gate.rule(state, rows)
            assert (ruling.candidate_rows, ruling.baseline_rows) == (18, baseline), name


class TestFlips:
    """Whether edits turn items for good, read from rows."""

    def test_a_flip_is_held_if_a_further_score_lies_on_its_side(self) -> None:
        """Won and solved again, lost and failed again; what did not flip, or was not run again, says nothing."""
        found = count_flips(
            (ZERO, ZERO, ONE, ONE, ZERO, None),
            (ONE, ONE, ZERO, ONE, ONE, ONE),
            ((ONE, ONE), (ZERO,), (ZERO, None), (ZERO,), (), (ONE,)),
        )
        assert found == FlipCount(flips=3, looks=4, held=3)
        assert found.share == 0.75
        assert FlipCount().share is None

    def test_a_partial_score_holds_on_the_side_of_the_flip(self) -> None:
        """Beyond what was there before, though not as far as at first."""
        half = Fraction(1, 2)
        assert count_flips((half,), (ONE,), ((Fraction(3, 4), half),)) == FlipCount(1, 2, 1)
        assert count_flips((half,), (ZERO,), ((Fraction(1, 4), half),)) == FlipCount(1, 2, 1)

    def test_they_are_counted_over_all_candidates_of_a_run_and_stand_in_each_ruling(self) -> None:
        """Further looks at a rejected one, and the pass beside the next one at what was accepted."""
        gate = fold("paired", looks=1)
        state = gate.start(row(10, 10))
        again = CandidateRows((*((each,) for each in row(9, 0)), (ZERO, ZERO), *((each,) for each in row(5, 5))))
        rows = CandidateRows(again.outcomes, 1, baseline=row(10, 10))
        ruling = gate.rule(state, rows)
        assert (ruling.figures["flips_looked_at"], ruling.figures["flips_held"]) == (1, 1)
        state = gate.settle(state, rows, accepted=True)
        beside = (*row(9, 1), *row(3, 7))
        state = gate.settle(state, seen(row(10, 10), beside), accepted=False)
        assert gate.report(state).flips == FlipCount(flips=7, looks=7, held=5)
        assert "flips_looked_at" not in fold("level").rule(fold("level").start(row(10, 10)), seen(row(9, 11))).figures


class TestParts:
    """A first pass that is not run all at once."""

    def test_parts_follow_the_drawn_order_and_the_first_are_longer(self) -> None:
        """Seven items in three parts: three, two, two."""
        order = (6, 5, 4, 3, 2, 1, 0)
        outcomes: list[Row] = [()] * 7
        parts = []
        while part := next_part(CandidateRows(tuple(outcomes), order=order), 3):
            parts.append(part)
            for index in part:
                outcomes[index] = (ONE,)
        assert parts == [(4, 5, 6), (2, 3), (0, 1)]

    @pytest.mark.parametrize("name", ["items", "level", "strict", "force", "paired", "evidence"])
    def test_gates_that_run_a_whole_pass_ask_for_the_same(self, name: str) -> None:
        """Whatever order was drawn: else asking another gate over a recorded run would leave its path at once."""
        gate = fold(name)
        rows = CandidateRows(((),) * 4, order=(2, 0, 3, 1))
        assert gate.rule(gate.start(row(2, 2)), rows).run == (0, 1, 2, 3)

    def test_an_item_without_a_score_was_run(self) -> None:
        """It is not asked for again before the others had their turn."""
        assert next_part(CandidateRows(((None,), (), (), ())), 2) == (1,)


class TestRegistry:
    """Gates by name."""

    def test_all_gates_are_registered(self) -> None:
        """Each under the name that its class says."""
        assert gate_names() == BUILT_IN
        assert {gate_named(name, {}, GatePlan(20, 4)).name for name in BUILT_IN} == set(BUILT_IN)

    def test_settings_reach_the_gate(self) -> None:
        """Four planned tests divide the level by four; a number of its own goes before that."""
        rows = seen(row(16, 4), row(10, 10))
        for settings, outcome in (({}, "reject"), ({"candidates": 1}, "accept"), ({"alpha": 0.2}, "accept")):
            gate = fold("evidence", **settings)
            assert gate.rule(gate.start(row(10, 10)), rows).outcome == outcome

    @pytest.mark.parametrize(
        ("name", "table"),
        [
            ("level", {"causion": 1.0}),
            ("strict", {"lead": 1}),
            ("items", {"level": {"x": 1}}),
            ("probe", {"items": 0}),
        ],
    )
    def test_what_is_no_setting_is_refused(self, name: str, table: dict[str, Any]) -> None:
        """A typing error would else be a default."""
        with pytest.raises(GateSettingsRefused):
            gate_settings(name, table)
