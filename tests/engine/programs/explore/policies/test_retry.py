"""What a further attempt is told, and how prompts are filled."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.prompts import TemplateMismatchError, UnknownPromptError, fill, load_prompts, placeholders
from engine.programs.explore.policies.intervention import Level
from engine.programs.explore.policies.memo import MemoSections
from engine.programs.explore.policies.retry import RetryPlace, retry_text

MEMO = MemoSections(1, "- #1: guessed", "ls", "- it is binary", "mass is off", "PLAN-A")
PROMPTS = load_prompts()
WORDING = PROMPTS.retry_wording()


def test_an_ordinary_retry_shows_the_memo_whole() -> None:
    """And which attempt it is."""
    text = retry_text(MEMO, RetryPlace(2, 5), Level.NONE, WORDING)
    assert "PLAN-A" in text
    assert "try 2 of 5" in text
    assert "Start over" not in text


def test_soft_adds_a_question_and_keeps_the_plan() -> None:
    """The agent is asked to doubt, not told to forget."""
    text = retry_text(MEMO, RetryPlace(2, 5), Level.SOFT, WORDING)
    assert "PLAN-A" in text
    assert "Step back" in text


def test_strong_withholds_the_plan() -> None:
    """The footer says so, or the agent would look for it."""
    text = retry_text(MEMO, RetryPlace(2, 5), Level.STRONG, WORDING)
    assert "PLAN-A" not in text
    assert "held back on purpose" in text


@pytest.mark.parametrize("level", list(Level))
def test_the_metric_is_never_named(level: Level) -> None:
    """An agent that knows the measure plays it."""
    text = retry_text(MEMO, RetryPlace(2, 5), level, WORDING)
    assert not re.search(r"\bPDI\b|posterior|divergence|threshold|intervention", text, re.IGNORECASE)


def test_fewer_attempts_sound_more_urgent() -> None:
    """Two words of emphasis: when two are left and when one is."""
    texts = [retry_text(MEMO, RetryPlace(i, 4), Level.NONE, WORDING) for i in (2, 3, 4)]
    assert "3 are left" in texts[0]
    assert "Only 2 are left" in texts[1]
    assert "the last one" in texts[2]


def test_without_a_memo_the_agent_still_learns_where_it_is() -> None:
    """SPARK then says nothing at all."""
    text = retry_text(None, RetryPlace(2, 3), Level.STRONG, WORDING)
    assert "No memo could be kept" in text
    assert "try 2 of 3" in text


@pytest.mark.slow
@given(st.text())
def test_a_value_is_never_expanded(value: str) -> None:
    """A memo may quote a template."""
    assert fill("<{{a}}|{{b}}>", a=value + "{{b}}", b=1) == f"<{value}{{{{b}}}}|1>"


def test_names_too_few_or_too_many_are_refused() -> None:
    """A prompt with a hole in it costs a call to notice."""
    with pytest.raises(TemplateMismatchError) as raised:
        fill("{{a}} {{b}}", a=1, c=2)
    assert (raised.value.missing, raised.value.unknown) == (("b",), ("c",))


def test_prompts_carry_the_marks_that_scripts_look_for() -> None:
    """Scripted demos tell conversations apart by these lines."""
    teacher = PROMPTS.fill("teacher_user", task="t", attempt=2, instruction="i").splitlines()
    assert {"Task: t", "Attempt: 2"} <= set(teacher)
    for name in ("reflect_user", "reflect_repair"):
        values = dict.fromkeys(placeholders(PROMPTS.text(name)), "x") | {"task": "t", "attempt": "2"}
        assert {"Role: reflector", "Task: t", "Attempt: 2"} <= set(PROMPTS.fill(name, **values).splitlines())
    for name in ("distil_user", "distil_repair"):
        values = dict.fromkeys(placeholders(PROMPTS.text(name)), "x") | {"task": "t"}
        assert {"Role: distiller", "Task: t"} <= set(PROMPTS.fill(name, **values).splitlines())


def test_digests_tell_prompts_apart() -> None:
    """They go into the log; the same text has the same digest everywhere."""
    assert load_prompts() == PROMPTS
    assert len(set(PROMPTS.digests.values())) == len(PROMPTS.prompts)


def test_an_unknown_prompt_is_named() -> None:
    """With those that exist."""
    with pytest.raises(UnknownPromptError) as raised:
        PROMPTS.text("nope")
    assert "teacher_system" in raised.value.remedy
