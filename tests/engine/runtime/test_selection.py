"""Which tasks a run is of: an order that a seed decides, then what is left out, then the limit."""

from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import TasksUnusable, TaskUnknown
from engine.core.seeded_order import shuffled
from engine.runtime.selection import select
from events.store.memory import MemoryLog
from tests.support.orders import CountingClock
from tests.support.runs import SCRIPT, make_base, setting, spec

NAMES = ("a", "b", "c", "d", "e")


async def chosen(folder: Path, **changes: Any) -> list[str]:
    """Name the tasks that a spec asks for, in their order."""
    base = folder if (folder / "tasks").exists() else make_base(folder, SCRIPT, *NAMES)
    means = await setting(MemoryLog(clock=CountingClock()), base)
    return [task.name for task in (await select(means, spec(**changes), skip_invalid=False)).tasks]


async def test_a_seed_decides_the_order_and_the_limit_comes_last(tmp_path: Path) -> None:
    """The same seed gives the same order anywhere; what is left out makes room for the next."""
    order = shuffled(NAMES, 7)
    assert order != list(NAMES)
    assert await chosen(tmp_path) == list(NAMES)
    assert await chosen(tmp_path, shuffle=7) == order
    assert await chosen(tmp_path, shuffle=7, limit=2) == order[:2]
    assert await chosen(tmp_path, shuffle=7, limit=2, exclude=[order[0]]) == order[1:3]
    assert await chosen(tmp_path, limit=5) == list(NAMES)
    assert await chosen(tmp_path, only=["d", "a", "c"], exclude=["a"], limit=1) == ["d"]
    assert await chosen(tmp_path, only=["d", "a", "c"], shuffle=0) == shuffled(["d", "a", "c"], 0)


async def test_what_is_left_out_has_to_be_there(tmp_path: Path) -> None:
    """A slip in a name would let a task run that nobody wanted; a list that leaves nothing is refused, too."""
    with pytest.raises(TaskUnknown, match="unknown task 'f'"):
        await chosen(tmp_path, exclude=["f"])
    with pytest.raises(TasksUnusable, match="`exclude` leaves it out"):
        await chosen(tmp_path, exclude=NAMES)


async def test_a_task_that_cannot_be_read_may_be_left_out(tmp_path: Path) -> None:
    """Whoever leaves it out has said so; otherwise it is refused."""
    base = make_base(tmp_path, SCRIPT, *NAMES)
    (base / "tasks" / "c" / "instruction.md").unlink()
    with pytest.raises(TasksUnusable):
        await chosen(base)
    assert await chosen(base, exclude=["c"]) == ["a", "b", "d", "e"]
    assert await chosen(base, only=["a", "b"]) == ["a", "b"]
