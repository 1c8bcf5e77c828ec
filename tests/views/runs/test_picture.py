"""What is drawn of a run that goes on has all its parts at any width, and what is cut has a sign."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.store.base import EventLog
from tests.views.drawing import drawn
from tests.views.histories import opened, record, trial_opened
from views.runs.picture import LEAST, AlignedRows, PackedParts
from views.runs.progress import Progress
from views.terminal.format import shortened

PARTS = ("14 libraries: 8 learning, 6 measured, 0 done", "8 of 180 cells done", "$0.0504", "3 failed calls")
LONG = "raw_trajectory_rag.E2-LS1.replay/read-all-pages-enriched/1"


@pytest.mark.parametrize("width", [55, 60, 80, 120, 200])
def test_no_part_of_the_totals_is_lost_at_any_width(width: int) -> None:
    """Of 80 columns "$0.00, an…" was the end: what it costs and what failed were never seen."""
    lines = drawn(PackedParts(PARTS), width=width).splitlines()
    assert [part for line in lines for part in line.strip().split(" · ")] == list(PARTS)
    assert all(len(line.rstrip()) <= width for line in lines)


def test_parts_fill_a_line_to_its_end() -> None:
    """And not a letter more."""
    assert drawn(PackedParts(("aaa", "bb")), width=8).split("\n")[0].rstrip() == "aaa · bb"
    assert drawn(PackedParts(("aaa", "bb")), width=7).split("\n")[0].rstrip() == "aaa"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_name_takes_no_column_from_the_others(width: int) -> None:
    """Beside trials of a suite neither tokens nor what they wait for had a place."""
    lines = drawn(AlignedRows(("trial", "does", "tokens"), [(LONG, "waits for the model", "12.5k")]), width=width)
    head, row = lines.splitlines()
    assert head.split() == ["trial", "does", "tokens"]
    assert row.rstrip().endswith("waits for the model  12.5k")
    assert ("…" in row) is (width < len(LONG) + 2 + 19 + 2 + 6)


def test_a_column_without_words_is_left_out() -> None:
    """Cells of an evaluation have no interventions, and one attempt of one says nothing."""
    lines = drawn(AlignedRows(("trial", "at", "does"), [("aye", "", "is verified"), ("bee", "", "")])).splitlines()
    assert lines[0].split() == ["trial", "does"]


@given(st.text("abcdefgh/", min_size=1), st.integers(LEAST, 60))
def test_a_name_is_cut_in_its_middle(name: str, room: int) -> None:
    """Its beginning and its end stay; one that fits is left alone."""
    found = shortened(name, room)
    assert len(found) == min(len(name), room)
    if len(name) > room:
        before, sign, after = found.partition("…")
        assert sign
        assert name.startswith(before)
        assert name.endswith(after)
        assert before
        assert after


async def test_a_trial_between_two_steps_is_told_of(log: EventLog) -> None:
    """An empty place looked like a fault of the picture."""
    await record(log, "r1", [*opened(log, "aye"), trial_opened("aye")])
    progress = Progress("r1")
    async for recorded in log.read():
        progress.see(recorded)
    assert "waits its turn" in drawn(progress.picture(), width=60)
