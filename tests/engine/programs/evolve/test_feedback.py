"""What is told of a verifier, line by line, and what is left out of it where it is too much."""

from typing import Any, Final

import pytest

from engine.core.decision import PolicyContext
from engine.programs.evolve.feedback import MOST_CHECKS, MOST_MESSAGE, JudgedTrial, diagnosis, word_feedback
from engine.programs.evolve.trace_points import ToldTrial, TraceRule, TraceSeen, TracesSaw
from engine.programs.evolve.trace_rulings import word_traces
from events.base import Ref
from events.digest import Digest, digest_of
from events.types.authoring import FailedCheck, RubricShare, TracedTrial
from events.types.decision import Seen
from events.types.optimizing import TrajectoryPart

LONG: Final = 100_000


def seen(*failed: FailedCheck, **changes: Any) -> TraceSeen:
    """Give a trace."""
    told: dict[str, Any] = {"solved": False, "reward": 0.5, "turns": 2, "parts": (), "outcome": None, "process": None}
    return TraceSeen(**{**told, "failed": failed, "rubric": (), **changes})


def judged(number: int, *failed: FailedCheck, **changes: Any) -> JudgedTrial:
    """Give a trial."""
    return JudgedTrial(f"cell/arm/{number}/1", f"Trial {number}: t (variant)", seen(*failed, **changes))


def checks(number: int, message: str = "no") -> list[FailedCheck]:
    """Give failed checks."""
    return [FailedCheck("", f"check {place}", message) for place in range(1, number + 1)]


@pytest.mark.parametrize(
    ("outcome", "process", "name"),
    [
        (True, True, "clean"),
        (True, False, "shortcut"),
        (False, True, "procedural"),
        (False, False, "failure"),
        (None, True, ""),
        (True, None, ""),
        (None, None, ""),
    ],
)
def test_a_diagnosis_rests_on_both_groups(outcome: bool | None, process: bool | None, name: str) -> None:  # noqa: FBT001
    """Without one of them, nothing is diagnosed."""
    assert diagnosis(seen(outcome=outcome, process=process)) == name


def test_a_solved_trial_is_told_by_its_dimensions() -> None:
    """Of one that is not, only where the process is told; a verdict alone has none of it."""
    rubric = (RubricShare("sums", 0.25), RubricShare("order\nof rows", 1.0))
    lines = "Score by dimension:\n- sums: 25%\n- order of rows: 100%"
    assert lines in word_feedback([judged(1, solved=True, rubric=rubric)], "rich", LONG).text
    assert lines in word_feedback([judged(1, rubric=rubric)], "process", LONG).text
    assert "sums" not in word_feedback([judged(1, rubric=rubric)], "rich", LONG).text
    assert "sums" not in word_feedback([judged(1, solved=True, rubric=rubric)], "binary", LONG).text


def test_checks_are_told_up_to_a_number_and_messages_up_to_a_length() -> None:
    """The rest is counted, and listed as left out."""
    whole = word_feedback([judged(1, *checks(MOST_CHECKS, "m" * MOST_MESSAGE))], "rich", LONG)
    assert whole.dropped == ()
    assert f"- check {MOST_CHECKS}: mmm" in whole.text
    cut = word_feedback([judged(1, *checks(MOST_CHECKS + 2, "m" * (MOST_MESSAGE + 3)))], "rich", LONG)
    assert f"check {MOST_CHECKS + 1}" not in cut.text
    assert "- 2 more" in cut.text
    assert [(each.part, each.chars, each.whole) for each in cut.dropped] == [
        *((place, 3, False) for place in range(1, MOST_CHECKS + 1)),
        *((place, MOST_MESSAGE + 3, True) for place in (MOST_CHECKS + 1, MOST_CHECKS + 2)),
    ]


def test_where_checks_do_not_fit_those_of_the_oldest_trial_go_first() -> None:
    """What is told of a trial as a whole stays, and a text that just fits is told whole."""
    trials = [judged(1, *checks(2)), judged(2, *checks(2))]
    whole = word_feedback(trials, "rich", LONG)
    assert word_feedback(trials, "rich", len(whole.text)) == whole
    cut = word_feedback(trials, "rich", len(whole.text) - 1)
    assert [(each.cell, each.part) for each in cut.dropped] == [("cell/arm/1/1", 2)]
    bare = word_feedback(trials, "rich", 0)
    assert len(bare.dropped) == 4
    assert bare.text.count("Not solved.") == 2


def test_a_hint_tells_checks_and_no_reward() -> None:
    """As the level has it elsewhere."""
    told = word_feedback([judged(1, *checks(1))], "hint", LONG).text
    assert "check 1" in told
    assert "Reward" not in told


def test_feedback_has_half_of_the_budget_at_most() -> None:
    """However much a verifier says, what was done is told, too."""
    texts: dict[Digest, bytes] = {}

    def put(data: bytes) -> Digest:
        digest = digest_of(data)
        texts[digest] = data
        return digest

    parts = tuple(TrajectoryPart("output", "", put(b"done " * 60)) for _ in range(4))
    trace = seen(*checks(MOST_CHECKS, "m" * 200), parts=parts, outcome=False, process=True)
    saw = TracesSaw((ToldTrial(TracedTrial("cell/arm/1/1", "t", "variant"), Seen(Ref("run", 1), trace)),))
    desk = PolicyContext(texts, put, {}, ("traces_worded", digest_of(b""), digest_of(b"")))
    worded = word_traces(saw, TraceRule("rich", 2_000, None), desk)
    assert 700 < len(texts[worded.feedback]) <= 1_000
    assert 900 < len(texts[worded.trajectories]) <= 2_000 - len(texts[worded.feedback])
    assert worded.diagnosis == ""
