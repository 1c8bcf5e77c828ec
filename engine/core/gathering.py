"""Running actors below another: side by side, each once there is a place for it, until all of them have ended."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from engine.core.errors import HistoryEnded, first_of

T = TypeVar("T")

Place = AbstractAsyncContextManager[bool]
"""Is entered once an actor may begin, and left when it has ended. False: it must not begin."""

Begin = Callable[[TaskGroup, Callable[[], Coroutine[Any, Any, None]]], Awaitable[None]]
"""Starts an actor in a group, or runs it."""


BEGUN_TOGETHER: Final = 8
"""Actors that begin before those begun earlier go on. A thousand at once would take each step together: none would have
asked a model before all had taken the last step to it, and all would then wait for their answers at the same time."""


class ActorsHeldBack(Exception):
    """Some actors were not to begin in this process; a later one may take them up."""

    def __init__(self, names: Sequence[str], ended: Mapping[str, Any]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(sorted(names))
        self.ended = ended
        """Results of the others, by name."""


class Gathered(NamedTuple, Generic[T]):
    """One of the actors that are gathered."""

    name: str
    place: Callable[[], Place]
    run: Callable[[], Coroutine[Any, Any, T]]


async def gather(actors: Sequence[Gathered[T]], begin: Begin) -> list[T]:
    """Run actors; give their results in the order given. One that waits for its place has no task yet.

    Raises:
        ActorsHeldBack: Some were not to begin in this process; the others have ended.
    """
    return [await _alone(actors[0])] if len(actors) == 1 else await _side_by_side(actors, begin)


async def _alone(actor: Gathered[T]) -> T:
    """Run the only actor in the task of whoever waits for it: a task group costs more than its commits."""
    async with actor.place() as may:
        if not may:
            raise ActorsHeldBack([actor.name], {})
        return await actor.run()


async def _side_by_side(actors: Sequence[Gathered[T]], begin: Begin) -> list[T]:
    results: dict[int, T] = {}
    ended: list[HistoryEnded] = []
    held: list[str] = []

    async def run(index: int, actor: Gathered[T], place: Place) -> None:
        try:
            results[index] = await actor.run()
        except HistoryEnded as error:  # the others still have history to read
            ended.append(error)
        finally:
            await place.__aexit__(None, None, None)

    try:
        async with anyio.create_task_group() as group:
            for index, actor in enumerate(actors):
                await _let_others_go_on(index)
                place = actor.place()
                if await place.__aenter__():
                    await begin(group, partial(run, index, actor, place))
                else:
                    held.append(actor.name)
                    await place.__aexit__(None, None, None)
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    if ended:
        raise ended[0]
    if held:
        raise ActorsHeldBack(held, {actors[index].name: result for index, result in results.items()})
    return [results[index] for index in range(len(actors))]


async def _let_others_go_on(begun: int) -> None:
    """Have those that have begun take a step, each time so many more have."""
    if begun and begun % BEGUN_TOGETHER == 0:
        await checkpoint()
