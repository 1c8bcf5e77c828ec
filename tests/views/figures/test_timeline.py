"""The figure of a run: each trial in words and in marks, nothing unknown drawn as a zero, the same bytes again."""

import xml.etree.ElementTree as ET

import pytest

from projections.timeline import RunTimeline, SpentBy, TimedAttempt, TimedScore, TimedTrial
from tests.views.figures.test_dynamics import SVG, texts
from views.figures.charts import FigureFormat
from views.figures.timeline import MOST_NAMED, RunFigure, run_caption, run_figure

SECOND = 1_000_000


def trial(name: str, *attempts: TimedAttempt, outcome: str | None = None, ended: int | None = None) -> TimedTrial:
    """Make a trial."""
    by_number = {str(each.number): each for each in attempts}
    return TimedTrial(name=name, began=0, ended=ended, outcome=outcome, attempts=by_number)  # type: ignore[arg-type]


GREET = trial(
    "greet",
    TimedAttempt(number=1, began=0, ended=2 * SECOND, outcome="failed", reward=0.25, intervention="none"),
    TimedAttempt(number=2, began=2 * SECOND, ended=3 * SECOND, outcome="infrastructure", intervention="soft"),
    TimedAttempt(number=3, began=3 * SECOND, ended=5 * SECOND, outcome="solved", reward=1.0, intervention="strong"),
    outcome="solved",
    ended=6 * SECOND,
)
STUCK = trial("a $name$ that is no formula\x1b", TimedAttempt(number=1, began=SECOND))


def figure(*trials: TimedTrial, spent: tuple[SpentBy, ...] = (), **more: object) -> RunFigure:
    """Make a run of eight seconds."""
    named = {each.name: each for each in trials}
    line = RunTimeline(began=0, last=8 * SECOND, now=8 * SECOND, trials=named, spent=[*spent], **more)  # type: ignore[arg-type]
    return RunFigure("r1", line)


def test_each_mark_that_is_used_is_named_once() -> None:
    """Names as they are, be there a dollar or an escape in them."""
    said = texts(run_figure(figure(GREET, STUCK, spent=(SpentBy(SECOND, 5 * 10**8, 2),))))
    assert {"greet", "a $name$ that is no formula\ufffd", "attempts of 2 trials"} <= {*said}
    assert {"solved", "failed", "no verdict", "not ended", "told: soft", "told: strong", "share solved"} <= {*said}
    assert "abandoned" not in said
    assert "known cost, $0.5000 in all; 2 calls of unknown cost not included" in said
    assert "seconds of work" in said


def test_who_cannot_see_it_reads_the_same() -> None:
    """The description is in the file; a missing reward is none, and no zero."""
    told = figure(GREET, STUCK, spent=(SpentBy(SECOND, 5 * 10**8, 1),), resumed=[4 * SECOND], idle=90 * SECOND)
    assert run_caption(told).description == (
        "greet: 3 attempts, rewards 0.25, none, 1; told: soft at attempt 2, strong at attempt 3; solved. "
        "a $name$ that is no formula\ufffd: 1 attempt, rewards none; not ended. "
        "Spent: $0.5000, and 1 call of unknown cost. Took 8.0 s. "
        "Resumed 1 time; 1 min 30 s in between are left out."
    )
    root = ET.fromstring(run_figure(told))
    assert [each.text for each in root.iter(f"{SVG}desc")] == [run_caption(told).description]


def test_a_cost_that_nobody_knows_is_no_zero() -> None:
    """Neither in words nor as a line."""
    told = figure(GREET, spent=(SpentBy(SECOND, 0, 3),))
    assert "The cost of 3 calls is not known." in run_caption(told).description
    assert "cost: that of 3 calls is not known" in texts(run_figure(told))
    assert "No cost is on record." in run_caption(figure(GREET)).description


def test_items_without_trials_are_drawn_by_their_scores() -> None:
    """Then there are two panels, and no bars."""
    told = figure(scores=[TimedScore(SECOND, solved=True), TimedScore(2 * SECOND, solved=False)])
    assert "2 items scored, 1 solved." in run_caption(told).description
    said = texts(run_figure(told))
    assert "share solved" in said
    assert not any(each.startswith("attempts of") for each in said)


def test_an_imported_run_says_that_its_places_are_no_times() -> None:
    """What was spent has no place then."""
    told = figure(GREET, spent=(SpentBy(SECOND, 5 * 10**8, 0),), imported=True)
    said = texts(run_figure(told))
    assert "attempts in order: the times of the source are not on record" in said
    assert "known cost, $0.5000 in all; when it was spent is not on record" in said
    assert "Took" not in run_caption(told).description


def test_many_trials_lose_their_names_and_not_their_bars() -> None:
    """The description tells the first, and counts the others."""
    many = [trial(f"t{index}", *GREET.attempts.values(), outcome="solved", ended=SECOND) for index in range(MOST_NAMED)]
    assert "t0" in texts(run_figure(figure(*many)))
    more = figure(*many, trial("one-more", *GREET.attempts.values(), outcome="solved", ended=SECOND))
    assert "t0" not in texts(run_figure(more))
    assert f"attempts of {MOST_NAMED + 1} trials" in texts(run_figure(more))
    assert "1 more trial, 1 of them solved." in run_caption(more).description


@pytest.mark.parametrize(("form", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_equal_runs_give_equal_bytes(form: FigureFormat, magic: bytes) -> None:
    """No date and no random id, in any format."""
    first = run_figure(figure(GREET), form)
    assert first.startswith(magic)
    assert run_figure(figure(GREET), form) == first
    assert run_figure(figure(GREET, STUCK), form) != first
