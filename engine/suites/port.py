"""The port that reads suites: what is taken of a folder goes into the log, and is read from there."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from anyio import to_thread

from engine.core.errors import EngineError
from engine.core.ports import EffectAddress
from engine.suites.read import read_suite
from events.base import Event
from events.store.base import BlobStore
from events.types.suite import Suite, SuiteAsked, SuiteMissing, SuiteRead
from sandbox.harbor.task import Task


class SuitePort:
    """Answers `SuiteAsked`."""

    def __init__(self, blobs: BlobStore, base: Path, tasks: Iterable[Task]) -> None:
        """Say where from, and where to.

        Args:
            blobs: Where suites and curated skills are kept.
            base: Against which relative folders are read.
            tasks: As the run pins them.
        """
        self._blobs = blobs
        self._base = base
        self._tasks = tuple(tasks)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Read a suite; one that cannot be read whole is an outcome of its own."""
        del place
        assert isinstance(asked, SuiteAsked)
        folder = self._base / asked.folder
        try:
            suite = await to_thread.run_sync(partial(read_suite, folder, self._blobs.put, self._tasks))
        except EngineError as error:
            return SuiteMissing(error.problem, error.remedy)
        return read_event(suite, self._blobs)


def read_event(suite: Suite, blobs: BlobStore) -> SuiteRead:
    """Record a suite as it was read."""
    files = (file.digest for family in suite.families for file in family.curated)
    return SuiteRead(
        suite.name, suite.release, suite.digest, blobs.put_json(suite.canonical), tuple(dict.fromkeys(files))
    )
