"""Actors that are gathered: in which order they begin, and go on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from engine.core.gathering import BEGUN_TOGETHER, Begin, Gathered, gather


@asynccontextmanager
async def _place() -> AsyncIterator[bool]:
    yield True


def _begin() -> Begin:
    async def begin(group: TaskGroup, actor: object) -> None:
        group.start_soon(actor)  # type: ignore[arg-type]

    return begin


async def test_the_first_of_many_goes_on_before_the_last_begins() -> None:
    """All at once would take each step together, and wait for a model at the same time."""
    story: list[tuple[str, int]] = []

    async def act(number: int) -> int:
        story.append(("begins", number))
        await checkpoint()
        story.append(("goes on", number))
        return number

    many = 4 * BEGUN_TOGETHER
    results = await gather([Gathered(str(number), _place, partial(act, number)) for number in range(many)], _begin())
    assert results == list(range(many))
    assert story.index(("goes on", 0)) < story.index(("begins", many - 1))
    assert [number for what, number in story if what == "begins"] == list(range(many))
    assert [what for what, _ in story[:BEGUN_TOGETHER]] == ["begins"] * BEGUN_TOGETHER
