"""Parts of ``benchmarks.comparison_study``, and a study small enough for the suite."""

import msgspec
import numpy as np
import pytest

from benchmarks.comparison_study import StudyWorld, broken, crossing, crossings, simulate, stream, worlds
from projections.comparison.intervals import share_of_look
from projections.scipy_functions import scipy_stats


def test_two_looks_miss_as_two_correlated_normals_do() -> None:
    """The grid against scipy's bivariate normal, whose correlation is the root of 1/2."""
    normal = {1: 0.0455002639, 2: 0.0124193307}  # two-sided, of 2 and 2.5
    inside = (
        scipy_stats()
        .multivariate_normal([0, 0], [[1, 0.5**0.5], [0.5**0.5, 1]])
        .cdf([2.0, 2.5], lower_limit=[-2.0, -2.5])
    )
    assert crossing(1.0, 2, normal.__getitem__) == pytest.approx(1 - inside, abs=2e-5)


def test_all_looks_together_miss_as_seldom_as_one_may() -> None:
    """At every alpha that Holm's rule can ask for; and a twentieth more for each look would be too much."""
    assert all(0.75 < used <= 1 for used in crossings(40).values())
    assert crossing(0.0005, 40, lambda look: 1.05 * float(share_of_look(look))) > 0.0005


def test_worlds_are_those_that_were_asked_for() -> None:
    """Every size, repeat, effect, number of families and spread, where there are items enough; none twice."""
    asked = list(worlds(quick=False))
    assert len(asked) == len(set(asked))
    for kind in ("smooth", "sparse"):
        for items in (12, 50, 200):
            for families in (4, 6, 12, 30):
                for spread in (0.0, 0.15):
                    found = [
                        each
                        for each in asked
                        if (each.kind, each.items, each.families, each.spread) == (kind, items, families, spread)
                    ]
                    assert len(found) == (6 if families <= items else 0)


def test_a_small_study_holds_its_bounds() -> None:
    """Forty simulations tell little; that rows and differences agree is asked of each row all the same."""
    random = np.random.default_rng(1)
    few = simulate(StudyWorld("smooth", 50, 1, 0.15, 6, 0.15), 40, random)
    assert (few.given, few.covered, few.helps, few.note) == (0.0, None, 0.0, "no interval")
    enough = simulate(StudyWorld("sparse", 50, 3, 0.15, 30, 0.0), 40, random)
    assert enough.covered is not None
    assert enough.covered > 80
    assert enough.helps > 20
    added = stream(StudyWorld("smooth", 12, 1, 0.0, 12, 0.0), 20, random)
    assert list(added.widths) == sorted(added.widths, reverse=True)
    assert broken([few, enough], [added], 0.0, 40) == []


def test_a_bound_that_does_not_hold_is_named() -> None:
    """Each of the four."""
    world = StudyWorld("smooth", 12, 1, 0.0, 12, 0.0)
    found, added = simulate(world, 20, np.random.default_rng(1)), stream(world, 20, np.random.default_rng(1))
    bad = [msgspec.structs.replace(found, covered=at, helps=most) for at, most in ((91.9, 6.2), (92.0, 6.1))]
    late = msgspec.structs.replace(added, covered=91.9, helps=6.2)
    assert len(broken(bad, [late], 6.2, 1000)) == 5
    assert broken(bad[1:], [], 6.1, 1000) == []
    assert broken([msgspec.structs.replace(found, covered=None, helps=0.0)], [], 0.0, 1000) == []
