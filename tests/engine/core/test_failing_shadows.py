"""Shadows that fail: they only look on, so their failure is a fact of the run and ends nothing."""

from functools import partial

import pytest

from engine.core.decision import PolicyContext
from engine.core.errors import PolicyFailed, ReplayDiverged
from events.types.decision import DecisionMade, ShadowFailed
from tests.engine.core.test_decide import again, history, live
from tests.support.weighing import Parcel, Scale, Shop, Weighed, deciding, post, weigh
from tests.support.worlds import memory_log

BREAKS = 0.125
"""Scale that raises, where a policy is asked that does."""


def weigh_or_break(saw: Parcel, rule: Scale, desk: PolicyContext) -> Weighed:
    """Weigh, on a scale that breaks under the least load it cannot show."""
    if rule.most == BREAKS:
        raise ZeroDivisionError("the scale broke")
    return weigh(saw, rule, desk)


async def test_a_shadow_that_fails_is_recorded_and_ends_nothing() -> None:
    """Given a shadow that raises, what counts and the other shadows are ruled, and every life over it is the same."""
    log = memory_log()
    shop = Shop(5.0, {"broken": BREAKS, "strict": 3.0})
    breaking = partial(deciding, shop, policy=weigh_or_break)
    scope = await live(log, breaking())
    seen = await post(scope, 5.0, 4.0)
    assert [each.value.may for each in seen] == [True, True]
    events = [each.event for each in await history(log)]
    failed = [each for each in events if isinstance(each, ShadowFailed)]
    assert [(each.point, each.shadow, each.error) for each in failed] == [("weigh", "broken", failed[0].error)] * 2
    assert "ZeroDivisionError: the scale broke" in failed[0].error
    made = [each for each in events if isinstance(each, DecisionMade)]
    assert [each.shadow for each in made] == [None, "strict"] * 2
    assert failed[0].rule not in {each.rule for each in made}
    for how in (breaking(), deciding(shop)):  # what failed once is on record, though it would not fail now
        scope = await again(log, how)
        assert await post(scope, 5.0, 4.0) == seen
        await scope.finish()
    resumed = await live(log, breaking())
    assert await post(resumed, 5.0, 4.0) == seen
    await post(resumed, 2.0)
    assert len(await history(log)) == len(events) // 2 * 3
    with pytest.raises(ReplayDiverged):
        await post(await again(log, deciding(Shop(5.0, {"other": BREAKS, "strict": 3.0}))), 5.0)


async def test_a_shadow_that_fails_only_now_is_a_difference() -> None:
    """Given a shadow that ruled, when this version's raises on the same inputs, then the record is not what it says."""
    log = memory_log()
    shop = Shop(5.0, {"broken": BREAKS})
    await post(await live(log, deciding(shop)), 5.0)
    with pytest.raises(ReplayDiverged, match="shadow_failed"):
        await post(await again(log, deciding(shop, policy=weigh_or_break)), 5.0)


async def test_what_counts_still_ends_the_run_when_it_fails() -> None:
    """Given a policy that raises where its ruling counts, nothing stands in for it."""
    log = memory_log()
    with pytest.raises(PolicyFailed, match="the scale broke"):
        await post(await live(log, deciding(Shop(BREAKS), policy=weigh_or_break)), 5.0)
    assert await history(log) == ()
