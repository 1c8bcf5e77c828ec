"""What a gate can see: computed from the shipped gate before anything is paid for."""

from fractions import Fraction

import pytest

from engine.policies.gates.base import GatePlan
from engine.policies.gates.evidence import EvidenceGate, items_wanted
from engine.policies.gates.level import LevelGate
from engine.policies.gates.power import GatePower, _Exact, _Simulated, gate_power, pair_odds, too_weak
from engine.policies.gates.strict import StrictGate


def seen(found: GatePower) -> dict[float, float]:
    """Give the rates of all effects."""
    return {
        0.0: found.useless,
        found.harmful.effect: found.harmful.accepted,
        **{each.effect: each.accepted for each in found.seen},
    }


@pytest.mark.parametrize(("items", "useless", "five", "ten"), [(20, 42, 58, 74), (50, 44, 70, 88), (200, 47, 89, 99)])
def test_the_strict_gate_is_as_blind_as_it_was_measured(items: int, useless: int, five: int, ten: int) -> None:
    """Percent accepted against a fresh baseline, from a simulation of others; exact here."""
    found = gate_power("strict", {}, GatePlan(items, 16))
    assert found.how == "exact"
    rates = seen(found)
    assert [100 * rates[effect] for effect in (0.0, 0.05, 0.1)] == pytest.approx([useless, five, ten], abs=1.2)


def test_exact_and_simulated_rates_agree() -> None:
    """Two ways to the same number, within four standard errors of 200 draws."""
    exact, simulated = _Exact(StrictGate(), 30, 0.4), _Simulated(StrictGate(), 30, 0.4)
    for effect in (-0.1, 0.0, 0.1, 0.3):
        rate = exact.rate(effect)
        error = (rate * (1 - rate) / 200) ** 0.5
        assert simulated.rate(effect) == pytest.approx(rate, abs=4 * error)


def test_the_paired_test_has_the_power_that_was_planned() -> None:
    """With a tenth more items than the normal approximation asks for, as that of the exact test is lower."""
    for candidates in (1, 16):
        wanted = items_wanted(pair_odds(0.1, 0.5), 0.05 / candidates)
        rates = _Exact(EvidenceGate(Fraction(1, 20), candidates), round(1.1 * wanted), 0.5)
        assert 0.79 <= rates.rate(0.1) <= 0.86
        assert rates.rate(0.0) <= 0.05 / candidates


def test_a_run_of_useless_candidates_is_accepted_at_most_as_often_as_was_said() -> None:
    """All planned tests together stay under alpha, at every size."""
    for items in (20, 50, 200):
        assert gate_power("evidence", {}, GatePlan(items, 16)).useless_run <= 0.05


@pytest.mark.parametrize("name", ["level", "strict", "evidence"])
def test_a_greater_effect_is_accepted_more_often(name: str) -> None:
    """And a harmful one less often than one that changes nothing."""
    found = gate_power(name, {}, GatePlan(40, 4))
    rates = [rate for _, rate in sorted(seen(found).items())]
    assert rates == sorted(rates)
    assert len(set(rates)) == 5


def test_the_smallest_effect_is_the_first_that_is_seen_often_enough() -> None:
    """One step less is accepted in under 80 % of cases."""
    found = gate_power("level", {}, GatePlan(50, 4))
    assert found.smallest is not None
    rates = _Exact(LevelGate(), 50, 0.5)
    assert rates.rate(found.smallest) >= 0.8 > rates.rate(found.smallest - 0.5 / 64)


def test_a_gate_that_cannot_see_any_effect_says_so() -> None:
    """Five items cannot make one of sixteen tests significant: the best p is 1/32."""
    found = gate_power("evidence", {}, GatePlan(5, 16))
    assert found.smallest is None
    assert found.useless == 0


@pytest.mark.slow
def test_gates_that_look_again_are_simulated() -> None:
    """Their ruling depends on what the further looks bring; the same settings give the same figures."""
    found = gate_power("items", {}, GatePlan(10, 4))
    assert found.how == "simulated"
    assert gate_power("paired", {}, GatePlan(6, 4)) == gate_power("paired", {}, GatePlan(6, 4))
    assert seen(found)[0.2] > seen(found)[0.0] > seen(found)[-0.05]


def test_the_control_arm_sees_everything_and_refuses_nothing() -> None:
    """Its power is one, and so is its rate of false acceptance."""
    found = gate_power("force", {}, GatePlan(20, 3))
    assert (found.useless, found.useless_run, found.harmful.accepted) == pytest.approx((1, 1, 1))


def test_evidence_refuses_to_start_where_it_would_see_too_little() -> None:
    """And starts if it is told to, or asked for less."""
    plan = GatePlan(200, 16)
    weak = too_weak("evidence", {}, plan)
    assert weak is not None
    assert weak.reason == "an improvement of 10 points is accepted with a probability of 40 %, and 50 % are asked for"
    assert too_weak("evidence", {"anyway": True}, plan) is None
    assert too_weak("evidence", {"power": weak.power}, plan) is None
    assert too_weak("evidence", {"effect": 0.2}, plan) is None
    assert too_weak("evidence", {}, GatePlan(200, 1)) is None
    assert too_weak("level", {}, GatePlan(5, 16)) is None
