"""What `doctor --crash-test` shows of kills that went well, and of one that did not."""

from events.errors import ExitCode
from tests.views.drawing import drawn
from views.replay.crashes import CRASHES, CrashRow, code_of

FINE = CrashRow("after effect model.asked", killed=True, resumed=True, lost=1, differences=(), seconds=2.5)
BAD = CrashRow(
    "before append x", killed=True, resumed=True, lost=0, differences=("trial a has other events",), seconds=1
)


def test_what_went_wrong_is_named_below_the_table() -> None:
    """A person has to know which place, and what differed."""
    text = drawn(CRASHES([FINE, BAD]))
    assert "before append x: trial a has other events" in text
    assert "2 kills, 2 resumes, 1 differences" in text


def test_the_shell_is_told_that_all_is_well_only_if_it_is() -> None:
    """And a test that tried nothing shows nothing."""
    assert code_of([FINE]) == ExitCode.DONE
    assert code_of([FINE, BAD]) == ExitCode.NEGATIVE
    assert code_of([]) == ExitCode.NEGATIVE
