"""What PDI reads from a memo and what was run, when it triggers, and when it says that it should not be believed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.commands import joined_commands
from projections.pdi.compare import read_all, shadows
from projections.pdi.index import PdiInput, PdiSettings, PdiState, Reading, measure, read_step
from projections.pdi.online import OnlinePdi, RunningCommands
from projections.pdi.scores import numpy_sum, score
from projections.pdi.similarity import tokens

BOTH = [PdiSettings(), PdiSettings(method="js_divergence")]
WORDS = st.text(alphabet="ab cé", max_size=20)


def memo(facts: str, plan: str) -> str:
    """A memo with the two sections that PDI reads."""
    return f"## Memo\n\n### Verified Facts\n{facts}\n\n### Next Strategy\n{plan}\n"


def step_of(number: int, now: str, before: str = "", commands: str = "ls a b", **more: Any) -> PdiInput:
    """What a reflect step gives to read."""
    summaries = {"summary": "  ✗ t1 - boom", "previous_summary": "  ✗ t1 - boom" if before else ""}
    return PdiInput(memo=now, previous_memo=before, commands=commands, step=number, **{**summaries, **more})


def story(*memos: str, **more: Any) -> list[PdiInput]:
    """The steps of a trial that wrote these memos."""
    return [step_of(number, now, memos[number - 1] if number else "", **more) for number, now in enumerate(memos)]


def test_exec_is_the_share_of_facts_that_were_run() -> None:
    """A fact that names nothing that was run rests on nothing."""
    assert measure(step_of(0, memo("a b c d", "x")), PdiSettings()).proxy_exec == 0.5


def test_plan_and_ossification_are_0_at_the_first_step() -> None:
    """There is nothing before it to repeat; the zeros stay in the means (W1)."""
    found = measure(step_of(0, memo("a", "x")), PdiSettings())
    assert (found.proxy_plan, found.proxy_oss, found.failed_similarity) == (0.0, 0.0, 0.0)


def test_a_repeated_plan_and_standing_facts_count_in_full() -> None:
    """Words and failed rows of both are the same."""
    same = memo("a b", "try x")
    assert measure(step_of(1, same, same), PdiSettings()).proxy_plan == 1.0
    assert measure(step_of(1, same, same), PdiSettings()).proxy_oss == 1.0


def test_another_message_of_the_same_test_is_another_row() -> None:
    """The identity of a failure includes what it said (SPARK, 1.3)."""
    same = memo("a", "x")
    moved = step_of(1, same, same, previous_summary="  ✗ t1 - bang")
    assert measure(moved, PdiSettings()).proxy_oss == 0.5
    assert measure(moved, PdiSettings(facts_share=1.0)).proxy_oss == 1.0


@pytest.mark.parametrize("settings", BOTH, ids=lambda settings: settings.method)
def test_the_first_step_is_raw_and_never_triggers(settings: PdiSettings) -> None:
    """One value has no spread."""
    (reading,) = read_all(story(memo("q", "x")), replace(settings, threshold=10.0))
    assert reading.raw_pdi == reading.proxy_exec
    assert (reading.weight, reading.triggered, reading.exec_score.of) == (0.0, False, 0)


def test_soft_comes_before_strong_and_one_quiet_step_starts_again() -> None:
    """Escalation knows only the step before."""
    stale, fresh = memo("q r", "try x"), memo("run ls a b", "y")
    moving = [
        *story(memo("ls", "try w"), stale, stale),
        step_of(3, fresh, stale, summary="", commands="run ls a b"),
        step_of(4, stale, stale, commands=""),
    ]
    assert [reading.level for reading in read_all(moving, PdiSettings())] == [None, "soft", "strong", None, "soft"]


def test_warming_up_can_be_left_out() -> None:
    """A warm-up of 0 weighs every step alike; step 0 still cannot trigger."""
    readings = read_all(story(memo("a", "x"), memo("q", "x")), PdiSettings(warmup=0))
    assert [reading.weight for reading in readings] == [1.0, 1.0]
    assert [reading.triggered for reading in readings] == [False, True]


def test_an_older_step_rule_is_taken_as_recorded() -> None:
    """Three recordings begin at step -1, with a weight of -0.5 (SPARK, 11.1)."""
    _, reading = read_step(PdiState(), step_of(-1, memo("a", "x")), PdiSettings())
    assert (reading.step, reading.weight, reading.triggered) == (-1, -0.5, False)


def test_a_tolerance_takes_the_decision_from_rounding() -> None:
    """At the threshold SPARK decides by the last bit (W2); with a tolerance nothing at the threshold triggers."""
    before, now = memo("a b c", "x"), memo("a b c", "x y")
    steps = [step_of(0, before, commands="a"), step_of(1, now, before, commands="a b")]
    tolerant = read_all(steps, PdiSettings(tolerance=1e-9))[1]
    assert tolerant.weighted_pdi == pytest.approx(-0.5, abs=1e-9)
    assert not tolerant.triggered
    assert "the value is at the threshold: rounding decides" in tolerant.reasons


def test_weights_weigh_the_scores() -> None:
    """An ablation is one changed number."""
    steps = story(memo("a b", "x"), memo("a q", "x y"), memo("a q r", "x y z"))
    last = read_all(steps, PdiSettings(plan_weight=0.0, oss_weight=0.0))[-1]
    assert last.raw_pdi == last.exec_score.z


def test_a_reading_says_why() -> None:
    """Means, spreads and scores are those the decision used; PDI can be added up from them by hand."""
    reading = read_all(story(memo("a b", "x"), memo("a q", "x y"), memo("a q r", "x y z")), PdiSettings())[-1]
    for value, part in (
        (reading.proxy_exec, reading.exec_score),
        (reading.proxy_plan, reading.plan_score),
        (reading.proxy_oss, reading.oss_score),
    ):
        assert part.of == 3
        assert value is not None
        assert part.z == (value - part.mean) / part.std
    assert reading.raw_pdi == reading.exec_score.z - reading.plan_score.z - reading.oss_score.z


def test_few_steps_and_missing_sections_are_said() -> None:
    """The value is given all the same; who acts on it knows what it is worth."""
    (reading,) = read_all([step_of(0, "### Next Strategy\nx\n")], PdiSettings())
    assert reading.reasons == (
        "the memo has no section 'Verified Facts'",
        "fewer than three steps: a z-score says no more than a sign",
    )


def test_three_steps_are_enough_and_an_outage_is_one_of_them_by_default() -> None:
    """SPARK counts what is no memo as it counts any other (W3); it is doubted, and it may trigger."""
    steps = story(memo("a b", "x"), memo("a q", "x y"), memo("a q r", "x y z"))
    few = "fewer than three steps: a z-score says no more than a sign"
    assert [few in each.reasons for each in read_all(steps, PdiSettings())] == [True, True, False]
    broken = replace(steps[1], memo="[LLM ERROR] 502", healthy=False)
    second = read_all([steps[0], broken, steps[2]], PdiSettings(threshold=10.0))[1]
    assert (second.triggered, second.valid, second.exec_score.of) == (True, False, 2)
    assert "the memo is no memo" in second.reasons


def test_an_outage_is_left_out_where_settings_say_so() -> None:
    """A wiped memo raises SPARK's PDI (W3). Left out, it neither triggers nor moves a mean."""
    good = [memo("a b", "x"), memo("a q", "x y"), memo("a q r", "x y z")]
    steps = story(*good)
    broken = replace(steps[1], memo="[LLM ERROR] 502", healthy=False)
    settings = PdiSettings(unhealthy="left_out", threshold=10.0)
    readings = read_all([steps[0], broken, *steps[1:]], settings)
    assert not readings[1].triggered
    assert [each.raw_pdi for each in readings[2:]] == [each.raw_pdi for each in read_all(steps, settings)[1:]]


def test_lenient_sections_are_read_where_settings_say_so() -> None:
    """A trailing space turns SPARK's measure into 0 without a word."""
    loose = step_of(0, "### Verified Facts \na b\n")
    assert measure(loose, PdiSettings()).proxy_exec == 0.0
    assert measure(loose, PdiSettings(sections="lenient")).proxy_exec == 1.0


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=10), st.sampled_from(BOTH))
def test_values_keep_their_ranges(rows: list[tuple[str, str, str]], settings: PdiSettings) -> None:
    """Components are shares, and a score of n values is at most sqrt(n - 1) from 0, unless they differ by rounding."""
    memos = [memo(facts, plan) for facts, plan, _ in rows]
    steps = [replace(each, commands=row[2]) for each, row in zip(story(*memos), rows, strict=True)]
    for number, reading in enumerate(read_all(steps, settings), start=1):
        assert all(
            each is not None and 0.0 <= each <= 1.0
            for each in (reading.proxy_exec, reading.proxy_plan, reading.proxy_oss)
        )
        assert 0.0 <= reading.weight <= 1.0
        within = abs(reading.exec_score.z) <= max(number - 1, 0) ** 0.5 + 1e-6
        assert within or reading.exec_score.std < 1e-12
        assert (reading.level is not None) == reading.triggered


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_numpys_order_gives_the_sum(values: list[float]) -> None:
    """Another order, the same sum but for rounding."""
    assert numpy_sum(values) == pytest.approx(sum(values), rel=1e-12)
    assert score([0.5] * len(values)).z == 0.0


def test_shadows_read_the_same_steps_under_other_settings() -> None:
    """One threshold decides and others look on: whether they would have differed is a fact, not a guess."""
    stale = memo("q r", "try x")
    table = shadows(
        story(memo("ls", "try w"), stale, stale), {"active": PdiSettings(), "deaf": PdiSettings(threshold=-99)}
    )
    assert (table["active"].decidable, table["active"].triggered, table["active"].changed) == (2, 2, ())
    assert (table["deaf"].triggered, table["deaf"].changed) == (0, (1, 2))


@given(st.lists(st.text(alphabet="ab\nc ", max_size=12), max_size=12), st.integers(1, 20), WORDS)
def test_commands_that_still_run_are_counted_as_the_joined_text_would_be(
    commands: list[str], window: int, facts: str
) -> None:
    """Repeats are dropped, and the window moves, to the character where SPARK's does."""
    running = RunningCommands(tokens(facts), window=window)
    for place, command in enumerate(commands, start=1):
        running.add(command)
        text = joined_commands(commands[:place], window=window)
        assert sorted(running.words.counts.items()) == sorted(
            (word, tokens(text).count(word)) for word in {*tokens(text)}
        )


@pytest.mark.parametrize("settings", BOTH, ids=lambda settings: settings.method)
@given(turns=st.lists(WORDS, max_size=5), facts=WORDS)
def test_reading_after_each_turn_equals_reading_at_once(settings: PdiSettings, turns: list[str], facts: str) -> None:
    """To the last bit: a page that shows the running attempt must end at what the reflect step reads."""
    earlier, now = memo("a b", "x"), memo(facts, "x y")
    state, _ = read_step(PdiState(), step_of(0, earlier), settings)
    online = OnlinePdi(state, step_of(1, now, earlier), settings)
    readings: list[Reading] = []
    for turn in turns:
        online.add(turn)
        readings.append(online.reading())
    for place, reading in enumerate(readings, start=1):
        at_once = step_of(1, now, earlier, commands="\n".join(turns[:place]))
        assert reading == read_step(state, at_once, settings)[1]
