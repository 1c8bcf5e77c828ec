"""Noise is made of recorded steps: what it keeps and what it breaks is what its rates mean."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.pdi.audit import count, foresights
from projections.pdi.calibrate import CalibrationOptions, calibrated, measuring, noise, rate, samples
from projections.pdi.index import PdiSettings
from projections.pdi.null_model import DrawKey, in_order_drawn, of_other_tasks, of_values_drawn, show
from tests.support.reflected import trial, trials

SPARK = PdiSettings()
places = st.builds(DrawKey, st.integers(0, 1_000), st.integers(0, 50))


@given(places)
def test_a_drawn_order_keeps_every_text_of_the_trial(place: DrawKey) -> None:
    """Each memo, each attempt's commands and rows come once, and the memo before is the one that was drawn before."""
    made = trial("word")
    drawn = in_order_drawn(made, place)
    for name in ("memo", "commands", "summary"):
        assert Counter(getattr(each, name) for each in drawn) == Counter(getattr(s.given, name) for s in made.steps)
    assert [each.previous_memo for each in drawn] == ["", *(each.memo for each in drawn[:-1])]
    assert [each.previous_summary for each in drawn] == ["", *(each.summary for each in drawn[:-1])]
    assert [each.step for each in drawn] == [0, 1, 2, 3, 4]


def test_an_order_is_drawn_anew_in_each_round_and_under_each_seed() -> None:
    """Else twenty rounds would be one."""
    orders = {
        tuple(each.memo for each in in_order_drawn(trial("word"), DrawKey(s, r))) for s in (0, 1) for r in range(5)
    }
    assert len(orders) > 5


@given(places)
def test_commands_of_another_task_stand_beside_memos_in_their_order(place: DrawKey) -> None:
    """Nothing the memos say was run."""
    mine, *others = trials(4)
    drawn = of_other_tasks(mine, [mine, *others], place)
    assert [each.memo for each in drawn] == [step.given.memo for step in mine.steps]
    foreign = [{step.given.commands for step in other.steps} for other in others]
    assert any({each.commands for each in drawn} <= ran for ran in foreign)


def test_without_another_task_there_is_no_such_noise() -> None:
    """A second trial of the same task ran for the same memos."""
    assert of_other_tasks(trial("word"), [trial("word"), trial("word", 3)], DrawKey(0, 0)) == []


@given(places)
def test_drawn_values_are_those_recorded_and_zeros_by_construction_stay(place: DrawKey) -> None:
    """Each component keeps its values over all trials; at a first step plan and oss are 0 for want of a memo before."""
    recorded = [show([step.given for step in each.steps], SPARK) for each in trials(3)]
    drawn = of_values_drawn(recorded, SPARK, place)
    assert [len(steps) for steps in drawn] == [5, 5, 5]
    for name in ("proxy_exec", "proxy_plan", "proxy_oss"):
        before, after = ([getattr(s.found, name) for steps in made for s in steps] for made in (recorded, drawn))
        assert Counter(before) == Counter(after)
    assert all((steps[0].found.proxy_plan, steps[0].found.proxy_oss) == (0.0, 0.0) for steps in drawn)


@given(places)
def test_a_step_without_one_value_gives_none_away_and_gets_none(place: DrawKey) -> None:
    """At a first step there is no memo before, so that plan is not measured: what was run stays beside it, too."""
    settings = measuring("token_overlap")
    recorded = [show([step.given for step in each.steps], settings) for each in trials(3)]
    drawn = of_values_drawn(recorded, settings, place)
    for before, after in zip(recorded, drawn, strict=True):
        assert after[0].found == before[0].found


def test_each_rate_counts_every_eligible_step_of_every_round() -> None:
    """Four of five steps may trigger under SPARK's rule: of three trials 12, and in ten rounds 120."""
    counts = count(trials(3), {"spark": SPARK}, 0, 10)
    sums = Counter[str]()
    for each in counts:
        sums[each.made] += each.eligible
        assert 0 <= each.triggered <= each.eligible
    assert sums == {"recorded": 12, "values": 120, "order": 120, "tasks": 120}
    assert {each.step for each in counts} == {1, 2, 3, 4}


def test_a_step_that_could_not_be_measured_is_not_eligible() -> None:
    """It never triggers, so to count it would flatter the rate: of steps 0 to 4, the first and those of the outage."""
    broken = trial("word")
    broken.steps[2].given = replace(broken.steps[2].given, memo="[LLM ERROR] 502", healthy=False)
    broken.steps[3].given = replace(broken.steps[3].given, previous_memo="[LLM ERROR] 502")
    counts = count([broken], {"calibrated": PdiSettings(method="calibrated")}, 0, 1)
    assert [each.step for each in counts if each.made == "recorded"] == [1, 4]


def test_the_quick_rates_of_a_fit_are_those_of_the_full_reading() -> None:
    """Splits are tried on components alone; both ways must tell the same."""
    made, wish = trials(5), CalibrationOptions(rounds=4)
    found = samples(made, wish)
    reference = replace(calibrated(found, wish, "here"), threshold=-1.0)
    counts = count(made, {"c": PdiSettings(method="calibrated", reference=reference)}, wish.seed, wish.rounds)
    for kind, values in (
        ("recorded", [each for sample in found for each in sample.real]),
        ("order", [each for sample in found for each in sample.order]),
    ):
        mine = [each for each in counts if each.made == kind]
        assert rate(values, reference) == sum(e.triggered for e in mine) / sum(e.eligible for e in mine)
        assert 0 < rate(values, reference) < 1
    assert 0 < rate(noise(found, wish), reference) < 1


def test_what_a_reading_foretold_stands_beside_what_came() -> None:
    """The first step has no say; the last one came before the solution."""
    said = foresights([trial("word")], "spark", SPARK)
    assert [(each.attempt, each.next, each.came) for each in said] == [
        (1, "failed", "solved"),
        (2, "failed", "solved"),
        (3, "failed", "solved"),
        (4, "solved", "solved"),
    ]
