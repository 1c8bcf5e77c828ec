"""Stories of orders to a run: whom a cancellation reaches."""

import pytest

from engine.concurrency.run_controls import RunControls


@pytest.mark.parametrize("trial", ["task", "org/task"])
def test_a_cancelled_trial_asks_nothing_more_whatever_its_name(trial: str) -> None:
    """A name may hold slashes. Others go on, and calls of an installed agent end with its attempt."""
    controls = RunControls()
    controls.cancel(trial, "it hangs")
    for stream, stopped in (
        (f"trial/{trial}", True),
        (f"attempt/{trial}/1", True),
        (f"call/{trial}/1/1", False),
        (f"attempt/{trial}.2/1", False),
        ("attempt/org/1", False),
        ("run", False),
    ):
        with controls.asking(stream) as permit:
            assert (permit.stop is not None) == stopped, stream
