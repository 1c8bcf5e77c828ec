"""A task is read from its folder once, however many trials ask for it at the same time."""

from pathlib import Path

import anyio
from typing_extensions import override

from benchmarks.trials import make_task
from engine.core.ports import EffectAddress
from engine.effects.tasks import TaskPort
from events.store.memory import MemoryLog
from events.types.trial import TaskAsked, TaskRead
from sandbox.harbor.task import Task, load_task
from tests.support.pretend import PretendBackend
from tests.support.worlds import Ticking


class Noting(PretendBackend):
    """Says when a task was read: the backend is asked for its notes each time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    @override
    def notes(self, task: Task) -> list[str]:
        """Count."""
        self.asked += 1
        return super().notes(task)


async def test_a_task_is_read_once_for_all_its_trials(tmp_path: Path) -> None:
    """A thousand trials that begin together once read the same four files a thousand times."""
    make_task(tmp_path)
    backend = Noting()
    port = TaskPort(MemoryLog(clock=Ticking()), {"bench": load_task(tmp_path / "tasks/bench")}, backend)
    read: list[object] = []

    async def ask(number: int) -> None:
        read.append(await port(TaskAsked("bench"), EffectAddress("r", f"trial/bench.{number}", 1)))

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(ask, number)
    assert backend.asked == 1
    assert len(read) == 50
    assert all(isinstance(each, TaskRead) and each == read[0] for each in read)
