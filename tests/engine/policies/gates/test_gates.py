"""Gates: what makes a candidate pass, and what is believed afterwards."""

from fractions import Fraction
from typing import Any

import pytest

from engine.policies.gates.adaptive import AdaptiveGate, AdaptiveRule, behind_border
from engine.policies.gates.base import CandidateRows, Gate, Row
from engine.policies.gates.evidence import EvidenceGate, PairOdds, items_wanted, sign_test
from engine.policies.gates.hypotheses import ItemHistory, fit
from engine.policies.gates.items import ItemsGate, ItemsRule, odds_of
from engine.policies.gates.level import LevelGate, LevelRule, lead, margin, started
from engine.policies.gates.paired import PairedGate, PairedRule
from engine.policies.gates.probe import ProbeGate, ProbeRule
from engine.policies.gates.strict import ForceGate, StrictGate

ONE, ZERO = Fraction(1), Fraction(0)


def row(solved: int, failed: int) -> Row:
    """Make a pass: items that are solved stand first."""
    return (ONE,) * solved + (ZERO,) * failed


def seen(first: Row, again: dict[int, tuple[int, ...]] | None = None, rounds: int | None = None) -> CandidateRows:
    """Make what was seen of a candidate: its first pass, and what came of items that were run again."""
    more = again or {}
    outcomes = tuple((each, *map(Fraction, more.get(index, ()))) for index, each in enumerate(first))
    return CandidateRows(outcomes, max(map(len, more.values()), default=0) if rounds is None else rounds)


def settled(gate: Gate, state: Any, rows: CandidateRows) -> Any:
    """Have a gate rule, and take the candidate in."""
    return gate.settle(state, rows, accepted=gate.rule(state, rows).outcome == "accept")


class TestStrict:
    """SkillOpt's gate."""

    def test_a_tie_is_refused(self) -> None:
        """Only what scores higher is taken."""
        gate = StrictGate()
        state = gate.start(row(10, 10))
        assert gate.rule(state, seen(row(10, 10))).outcome == "reject"
        assert gate.rule(state, seen(row(11, 9))).outcome == "accept"

    def test_it_believes_the_row_that_got_a_candidate_accepted(self) -> None:
        """This is the ratchet: a lucky row stays the baseline."""
        gate = StrictGate()
        rows = seen(row(14, 6))
        state = gate.start(row(10, 10))
        state = settled(gate, state, rows)
        assert gate.belief(state).score == Fraction(14, 20)
        assert gate.rule(state, seen(row(13, 7))).outcome == "reject"


class TestLevel:
    """The filtered score."""

    @pytest.mark.parametrize(
        ("items", "errors"), [(5, "1.25"), (20, "1.25"), (50, "1.048416039"), (200, "0.75"), (1000, "0.75")]
    )
    def test_more_items_need_less_of_a_lead(self, items: int, errors: str) -> None:
        """From 1.25 standard errors at 20 items down to 0.75."""
        assert round(margin(LevelRule(), items), 9) == Fraction(errors)

    def test_a_lead_of_exactly_so_many_errors_is_enough(self) -> None:
        """The comparison is exact, without a root."""
        state = started(row(10, 10))
        found = lead(state, row(14, 6))
        assert found.difference == Fraction(1, 5)
        at = found.difference**2 / found.variance  # the lead in errors, squared
        below = Fraction(int(1000 * float(at) ** 0.5), 1000)
        assert found.reaches(below)
        assert not found.reaches(below + Fraction(1, 1000))

    def test_who_falls_behind_reaches_nothing(self) -> None:
        """A difference below 0 has a square above 0."""
        assert not lead(started(row(10, 10)), row(2, 18)).reaches(ZERO)
        assert lead(started(row(10, 10)), row(10, 10)).reaches(ZERO)

    def test_a_lucky_row_is_shrunk_when_it_is_accepted(self) -> None:
        """What is believed lies between what was known and what was seen."""
        gate = LevelGate()
        state, rows = gate.start(row(10, 10)), seen(row(15, 5))
        ruling = gate.rule(state, rows)
        assert ruling.outcome == "accept"
        report = gate.belief(gate.settle(state, rows, accepted=ruling.outcome == "accept"))
        assert Fraction(1, 2) < report.score < Fraction(3, 4)

    def test_rows_of_rejected_candidates_are_pooled(self) -> None:
        """Most of them change nothing, so they tell of the revision in force, and make it surer."""
        gate = LevelGate()
        state = before = gate.start(row(12, 8))
        for _ in range(5):
            rows = seen(row(10, 10))
            state = settled(gate, state, rows)
        assert Fraction(10, 20) < state.level < Fraction(11, 20)
        assert state.variance < before.variance
        assert gate.belief(state).rows == gate.belief(before).rows + 100

    def test_a_part_of_a_pass_decides_nothing(self) -> None:
        """It asks for the rest."""
        gate = LevelGate()
        part = CandidateRows(((ONE,),) * 19 + ((),))
        assert gate.rule(gate.start(row(10, 10)), part).outcome == "more"

    def test_after_a_jump_it_takes_nothing_that_is_plainly_worse(self) -> None:
        """The level lags behind a jump from 0 to all: what loses three items then leads it, and is worse."""
        gate = LevelGate()
        state = settled(gate, gate.start(row(0, 20)), seen(row(20, 0)))
        assert gate.belief(state).score < Fraction(1, 2)
        worse = gate.rule(state, seen(row(17, 3)))
        assert worse.outcome == "reject"
        assert "0.9 behind the last pass of the revision in force" in worse.reason
        assert gate.rule(state, seen(row(20, 0))).outcome == "accept"
        assert LevelGate(LevelRule(behind=2)).rule(state, seen(row(17, 3))).outcome == "accept"

    def test_a_loss_that_others_make_up_for_may_be_chance(self) -> None:
        """Four lost and three won: that is half a standard error. One lost alone is more than the border of 0.9."""
        last = started((*row(7, 0), *row(0, 13)))
        swapped = lead(last, (*row(3, 4), *row(3, 10)))
        assert (swapped.won, swapped.moved) == (-ONE, 7 * ONE)
        assert not swapped.falls(Fraction(9, 10))
        alone = lead(last, (*row(6, 1), *row(0, 13)))
        assert alone.falls(Fraction(9, 10))
        assert not alone.falls(ONE), "a loss of just as much is none"
        assert not lead(last, (*row(7, 0), *row(1, 12))).falls(ZERO), "one is won"


class TestItems:
    """What a candidate did to each item."""

    def test_items_that_were_won_are_run_again_and_accepted_if_it_lasts(self) -> None:
        """Two items turn from failed to solved; each time they are run again they are solved."""
        gate = ItemsGate()
        state, first = gate.start(row(10, 10)), row(12, 8)
        asked = gate.rule(state, seen(first))
        assert asked.outcome == "more"
        assert asked.run == (10, 11)
        assert gate.rule(state, seen(first, dict.fromkeys(asked.run, (1, 1, 1)))).outcome == "accept"

    def test_items_that_fall_back_are_no_gain(self) -> None:
        """Won once and lost ever after, while one that was solved fails: nothing is left to hope for."""
        gate = ItemsGate()
        state, first = gate.start(row(10, 10)), (*row(9, 1), *row(2, 8))
        ruling = gate.rule(state, seen(first, {9: (0, 0, 0), 10: (0, 0, 0), 11: (0, 0, 0)}))
        assert ruling.outcome == "reject"

    def test_without_money_or_rounds_doubt_is_a_rejection(self) -> None:
        """No further look is begun."""
        gate = ItemsGate()
        state, rows = gate.start(row(10, 10)), seen(row(12, 8))
        poor = CandidateRows(rows.outcomes, 0, affordable=False)
        assert gate.rule(state, poor).outcome == "reject"
        assert gate.rule(state, CandidateRows(rows.outcomes, 7)).outcome == "reject"
        assert gate.rule(state, CandidateRows(rows.outcomes, 6)).outcome == "more"

    def test_a_first_part_that_loses_is_the_last(self) -> None:
        """A candidate that breaks what was solved is rejected before the rest is paid for."""
        gate = ItemsGate(ItemsRule(parts=2))
        state = gate.start(row(10, 10))
        assert gate.rule(state, CandidateRows(((),) * 20)).run == tuple(range(10))
        lost = CandidateRows(((ZERO,),) * 8 + ((),) * 12)
        assert gate.rule(state, lost).outcome == "reject"
        kept = CandidateRows(((ONE,),) * 8 + ((),) * 2 + ((ONE,),) * 3 + ((),) * 7)
        ruling = gate.rule(state, kept)
        assert (ruling.outcome, ruling.run) == ("more", (8, 9))

    def test_an_item_is_run_again_until_it_is_all_but_sure(self) -> None:
        """From one less half of the doubt on it is taken for turned, and not from one less the doubt."""
        state, rows = ItemsGate().start(row(10, 10)), seen(row(16, 4), dict.fromkeys(range(10, 16), (1,) * 6), rounds=0)
        odds = odds_of(ItemsRule(), state, rows)
        sure = odds.up[10] + odds.down[10]
        for part, asked in ((1.5, True), (2.5, False)):
            ruling = ItemsGate(ItemsRule(doubt=part * (1 - sure), harm=0.0)).rule(state, rows)
            assert (10 in ruling.run) is asked, part

    def test_an_expected_gain_of_just_what_is_hopeless_is_rejected(self) -> None:
        """And of a little more is not."""
        state, rows = ItemsGate().start(row(10, 10)), seen(row(12, 8))
        gain = odds_of(ItemsRule(), state, rows).gain
        assert ItemsGate(ItemsRule(hopeless=gain)).rule(state, rows).outcome == "reject"
        assert ItemsGate(ItemsRule(hopeless=gain - 1e-9)).rule(state, rows).outcome == "more"

    def test_items_of_which_hardly_anything_is_known_do_not_move_the_mean(self) -> None:
        """A history of three tenths of an outcome or less says nothing of the spread of rates."""
        assert fit((ItemHistory(0.3, 0.0),)).mean == 0.5
        assert fit((ItemHistory(0.4, 0.0),)).mean == 0.75

    def test_counts_of_items_are_kept_short(self) -> None:
        """What was seen of older revisions fades: at most 3 outcomes after an acceptance, 6 after a rejection."""
        gate = ItemsGate()
        state = gate.start(row(10, 10))
        for _ in range(9):
            rows = seen(row(10, 10), rounds=7)
            state = settled(gate, state, rows)
        assert max(each.solved + each.failed for each in state.histories) == pytest.approx(6)
        rows = seen(row(16, 4), dict.fromkeys(range(10, 16), (1, 1, 1)))
        ruling = gate.rule(state, rows)
        assert ruling.outcome == "accept"
        state = gate.settle(state, rows, accepted=ruling.outcome == "accept")
        assert max(each.solved + each.failed for each in state.histories) == pytest.approx(3)


class TestAdaptive:
    """Between the two, by whether flips persist."""

    def test_looks_that_hold_speak_for_lasting_flips(self) -> None:
        """And looks that do not, against them."""
        gate = AdaptiveGate()
        state, first = gate.start(row(10, 10)), row(12, 8)
        held = gate.rule(state, seen(first, dict.fromkeys((10, 11), (1, 1))))
        fell = gate.rule(state, seen(first, dict.fromkeys((10, 11), (0, 0))))
        assert held.figures["evidence_of_persistence"] > 0 > fell.figures["evidence_of_persistence"]

    def test_where_flips_fade_the_level_decides_at_once(self) -> None:
        """No look is paid for that would tell nothing."""
        gate = AdaptiveGate(AdaptiveRule(fades=0.0))
        state = gate.start(row(10, 10))
        assert gate.rule(state, seen(row(15, 5))).outcome == "accept"
        assert gate.rule(state, seen(row(11, 9))).outcome == "reject"

    def test_where_flips_persist_a_lead_alone_is_not_enough(self) -> None:
        """It is that of `items` then: what is in doubt when nothing more can be paid for is rejected."""
        rows = CandidateRows(seen(row(13, 7)).outcomes, affordable=False)
        unsure, sure = AdaptiveGate(), AdaptiveGate(AdaptiveRule(persists=0.0))
        assert unsure.rule(unsure.start(row(10, 10)), rows).outcome == "accept"
        assert sure.rule(sure.start(row(10, 10)), rows).outcome == "reject"

    def test_who_lies_behind_after_a_part_is_rejected_before_the_rest_is_paid_for(self) -> None:
        """Two of the first ten items are solved where five of ten were: more than half a standard error behind."""
        first = row(2, 8)
        rows = CandidateRows((*((each,) for each in first), *((),) * 10))
        for behind, outcome in ((0.7, "reject"), (3.0, "more")):
            gate = AdaptiveGate(AdaptiveRule(parts=2, behind=behind))
            state = gate.start((*row(5, 5), *row(5, 5)))
            assert gate.rule(state, CandidateRows(((),) * 20)).run == tuple(range(10))
            assert gate.rule(state, rows).outcome == outcome

    def test_a_part_moves_the_level_by_what_it_differs(self) -> None:
        """Ten easy items of twenty are no higher score: each is set beside itself."""
        gate = AdaptiveGate()
        state = gate.start(row(10, 10))
        same = CandidateRows((*((each,) for each in row(10, 0)), *((),) * 10))
        worse = CandidateRows((*((each,) for each in row(6, 4)), *((),) * 10))
        assert gate.belief(gate.settle(state, same, accepted=False)).score == Fraction(1, 2)
        assert gate.belief(gate.settle(state, worse, accepted=False)).score < Fraction(1, 2)

    def test_more_items_end_fewer_candidates_early(self) -> None:
        """With them further looks cost a smaller part of a pass; with under 20 the border is that of 20."""
        borders = [float(behind_border(AdaptiveRule(), items)) for items in (10, 20, 50, 200)]
        assert borders == pytest.approx([0.7, 0.7, 1.0207, 1.5059], abs=1e-4)

    def test_who_lies_just_at_the_level_is_not_behind_it(self) -> None:
        """What its items say counts then."""
        gate = AdaptiveGate()
        state = gate.start(row(10, 10))
        assert gate.rule(state, seen((*row(9, 1), *row(1, 9)))).reason != "it lies behind the level"

    def test_harm_of_just_what_is_borne_does_not_stop_a_lead(self) -> None:
        """And of a little more does."""
        rows = CandidateRows(seen(row(13, 7)).outcomes, affordable=False)
        harm = ItemsGate().rule(ItemsGate().start(row(10, 10)), rows).figures["probability_of_harm"]
        for borne, outcome in ((harm, "accept"), (harm - 1e-9, "reject")):
            gate = AdaptiveGate(AdaptiveRule(harm=borne))
            assert gate.rule(gate.start(row(10, 10)), rows).outcome == outcome

    def test_no_further_look_is_paid_for_behind_the_level(self) -> None:
        """It could not be accepted whatever came of it."""
        gate = AdaptiveGate()
        state = gate.start(row(10, 10))
        first = (*row(7, 3), *row(2, 8))
        assert gate.rule(state, seen(first)).reason == "it lies behind the level"


class TestEvidence:
    """The paired test."""

    def test_the_sign_test_is_exact(self) -> None:
        """By hand: 5 of 5 is 1/32, 4 of 5 is 6/32, 0 of 0 is 1."""
        assert [sign_test(5, 5), sign_test(4, 5), sign_test(0, 0)] == [Fraction(1, 32), Fraction(6, 32), Fraction(1)]

    def test_the_level_is_divided_by_the_candidates_that_are_planned(self) -> None:
        """Five items won and none lost is enough for one candidate, and not for two."""
        rows = CandidateRows(seen(row(15, 5)).outcomes, baseline=row(10, 10))
        for candidates, outcome in ((1, "accept"), (2, "reject")):
            gate = EvidenceGate(Fraction(1, 20), candidates)
            assert gate.rule(gate.start(row(10, 10)), rows).outcome == outcome

    def test_a_p_of_just_the_level_is_enough(self) -> None:
        """Five of five is 1/32."""
        rows = CandidateRows(seen(row(15, 5)).outcomes, baseline=row(10, 10))
        for alpha, outcome in ((Fraction(1, 32), "accept"), (Fraction(1, 33), "reject")):
            gate = EvidenceGate(alpha, 1)
            assert gate.rule(gate.start(row(10, 10)), rows).outcome == outcome

    def test_rows_that_got_a_revision_accepted_never_count_for_it(self) -> None:
        """What is reported of it begins with its next pass."""
        gate = EvidenceGate(Fraction(1, 20), 1)
        state = gate.start(row(10, 10))
        rows = CandidateRows(seen(row(16, 4)).outcomes, baseline=row(10, 10))
        state = settled(gate, state, rows)
        assert gate.belief(state).rows == 0
        rows = CandidateRows(seen(row(10, 10)).outcomes, baseline=row(13, 7))
        state = settled(gate, state, rows)
        assert (gate.belief(state).score, gate.belief(state).rows) == (Fraction(13, 20), 20)

    @pytest.mark.parametrize(
        ("odds", "candidates", "items"),
        [
            (PairOdds(0.2, 0.1), 1, 183),
            (PairOdds(0.3, 0.2), 1, 308),
            (PairOdds(0.2, 0.1), 16, 380),
            (PairOdds(0.3, 0.2), 16, 637),
        ],
    )
    def test_items_for_a_power_of_80_percent(self, odds: PairOdds, candidates: int, items: int) -> None:
        """An effect of ten points, with rates Beta(1/2, 1/2) and with coins."""
        assert items_wanted(odds, 0.05 / candidates) == pytest.approx(items, rel=0.01)


class TestForce:
    """The control arm."""

    def test_everything_is_accepted_once_it_was_run(self) -> None:
        """A candidate that solves nothing, too."""
        gate = ForceGate()
        state = gate.start(row(10, 10))
        asked = gate.rule(state, CandidateRows(((),) * 20))
        assert (asked.outcome, asked.run) == ("more", tuple(range(20)))
        assert gate.rule(state, seen(row(0, 20))).outcome == "accept"


class TestPaired:
    """Both sides beside each other, and a veto."""

    def test_who_wins_as_much_as_it_loses_is_rejected(self) -> None:
        """It has to be ahead."""
        gate = PairedGate()
        rows = CandidateRows(seen((*row(9, 1), *row(1, 9))).outcomes, baseline=row(10, 10))
        assert gate.rule(gate.start(row(10, 10)), rows).outcome == "reject"

    def test_an_item_that_was_lost_is_run_again_and_vetoes_if_it_loses_every_time(self) -> None:
        """One that is solved in a later look is not broken."""
        gate, first = PairedGate(), (*row(9, 1), *row(5, 5))
        state = gate.start(row(10, 10))
        asked = gate.rule(state, CandidateRows(seen(first).outcomes, baseline=row(10, 10)))
        assert (asked.outcome, asked.run) == ("more", (9,))
        for looks, outcome in (((0,), "more"), ((0, 0), "reject"), ((1,), "accept"), ((0, 1), "accept")):
            rows = seen(first, {9: looks})
            rows = CandidateRows(rows.outcomes, len(looks), baseline=row(10, 10))
            assert gate.rule(state, rows).outcome == outcome, looks

    def test_an_item_that_failed_before_is_not_broken(self) -> None:
        """It was solved by luck in the pass beside the candidate, and not in the one before."""
        gate = PairedGate(PairedRule(looks=0))
        rows = CandidateRows(seen((*row(9, 1), *row(5, 5))).outcomes, baseline=row(10, 10))
        assert gate.rule(gate.start(row(10, 10)), rows).outcome == "reject"
        assert gate.rule(gate.start(row(9, 11)), rows).outcome == "accept"
        state = gate.settle(gate.start(row(10, 10)), CandidateRows(rows.outcomes, baseline=row(9, 11)), accepted=False)
        assert gate.rule(state, rows).outcome == "accept"

    def test_as_many_may_break_as_the_rule_says(self) -> None:
        """And not one more."""
        first = (*row(8, 2), *row(5, 5))
        rows = CandidateRows(seen(first).outcomes, baseline=row(10, 10))
        for broken, outcome in ((1, "reject"), (2, "accept")):
            gate = PairedGate(PairedRule(broken=broken, looks=0))
            assert gate.rule(gate.start(row(10, 10)), rows).outcome == outcome

    def test_a_pass_that_a_candidate_was_chosen_by_is_replaced_by_the_next_one_beside_it(self) -> None:
        """What it believes is too high only until the next candidate."""
        gate = PairedGate()
        rows = CandidateRows(seen(row(16, 4)).outcomes, baseline=row(10, 10))
        state = gate.settle(gate.start(row(10, 10)), rows, accepted=True)
        assert gate.belief(state).score == Fraction(16, 20)
        rows = CandidateRows(seen(row(10, 10)).outcomes, baseline=row(13, 7))
        assert gate.belief(gate.settle(state, rows, accepted=False)).score == Fraction(13, 20)


class TestProbe:
    """Some items that passed and some that failed."""

    def test_as_many_of_each_kind_are_run_in_the_drawn_order(self) -> None:
        """All of a kind that has fewer."""
        gate = ProbeGate(ProbeRule(items=3))
        order = (11, 2, 0, 9, 10, 1, 3, 4, 5, 6, 7, 8)
        asked = gate.rule(gate.start(row(10, 2)), CandidateRows(((),) * 12, order=order))
        assert (asked.outcome, asked.run) == ("more", (2, 0, 9, 11, 10))

    def test_a_score_of_one_half_passes(self) -> None:
        """So that a partial score belongs to one of the two kinds."""
        gate = ProbeGate(ProbeRule(items=1))
        state = gate.start((Fraction(1, 4), Fraction(1, 2)))
        assert gate.rule(state, CandidateRows(((), ()))).run == (1, 0)

    def test_the_budget_of_regressions_is_hard(self) -> None:
        """Whatever else is gained."""
        gate = ProbeGate(ProbeRule(items=5))
        state = gate.start(row(5, 5))
        for first, outcome in (
            ((*row(4, 1), *row(2, 3)), "accept"),
            ((*row(4, 1), *row(1, 4)), "reject"),  # as much is lost
            ((*row(3, 2), *row(5, 0)), "reject"),  # over the budget
        ):
            assert gate.rule(state, seen(first)).outcome == outcome

    def test_beside_another_gate_it_rules_by_the_items_that_it_would_have_run(self) -> None:
        """All were run, since the gate in force asked for that; a regression that was not drawn counts for nothing."""
        gate = ProbeGate(ProbeRule(items=2, regressions=0))
        state = gate.start(row(4, 4))
        for order, outcome in (((0, 1, 2, 3, 4, 5, 6, 7), "accept"), ((3, 2, 1, 0, 4, 5, 6, 7), "reject")):
            rows = CandidateRows(seen((*row(3, 1), *row(2, 2))).outcomes, order=order)
            assert gate.rule(state, rows).outcome == outcome

    def test_items_that_were_not_probed_keep_the_score_they_had(self) -> None:
        """So the next candidate meets what is known of the accepted one."""
        gate = ProbeGate(ProbeRule(items=1))
        state = gate.start(row(2, 2))
        rows = CandidateRows(((ONE,), (), (ONE,), ()))
        assert gate.rule(state, rows).outcome == "accept"
        state = gate.settle(state, rows, accepted=True)
        assert (gate.belief(state).score, gate.belief(state).rows) == (Fraction(3, 4), 2)
