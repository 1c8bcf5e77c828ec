"""Stories of events that have no line in the table of causes, as those of a program of one's own."""

from pathlib import Path

import pytest

from engine.runtime.run import start_run
from events.base import Event, Recorded, Ref
from events.store.memory import MemoryLog
from replay.why.causes import links_of
from replay.why.loader import Past
from replay.why.nodes import EventLink
from replay.why.rules import RESTS
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

BEFORE, SAMPLES = Ref("trial/word", 3), (Ref("attempt/word/1", 2), Ref("attempt/word/2", 4))


class SampleWeighed(Event, frozen=True, tag="scale.weighed"):
    """An event of a package that knows nothing of the table."""

    grams: int
    taken_before: Ref | None = None
    samples: tuple[Ref, ...] = ()


NAMING = SampleWeighed(3, BEFORE, SAMPLES)
NAMED = [EventLink("taken before", BEFORE), *[EventLink("samples", each) for each in SAMPLES]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "cause", "version", "links"),
    [
        pytest.param(NAMING, None, 2, NAMED, id="it names them"),
        pytest.param(NAMING, BEFORE, 2, [EventLink("answers", BEFORE), *NAMED], id="it answers one, too"),
        pytest.param(SampleWeighed(3), BEFORE, 2, [EventLink("answers", BEFORE)], id="it answers one alone"),
        pytest.param(SampleWeighed(3), None, 2, [EventLink("opening", Ref("scale/1", 1), quiet=True)], id="neither"),
        pytest.param(
            SampleWeighed(3), None, 1, [EventLink("opening", Ref("run", 1), quiet=True)], id="it opens its stream"
        ),
    ],
)
async def test_an_event_without_a_line_rests_on_what_its_fields_name(
    tmp_path: Path, event: Event, cause: Ref | None, version: int, links: list[EventLink]
) -> None:
    """Its causes are never left out unseen, and nothing of ours has to know it."""
    log = MemoryLog(clock=Ticking())
    report = await start_run(await setting(log, make_base(tmp_path)), spec())
    template = [each async for each in log.read()][-1]
    stream = template.stream._replace(name="scale/1")
    placed: Recorded = template._replace(event=event, cause=cause, stream=stream, version=version)
    assert type(event) not in RESTS
    assert await links_of(Past(log, report.run), placed) == links


async def test_the_first_event_of_a_run_rests_on_nothing(tmp_path: Path) -> None:
    """A chain of causes has an end."""
    log = MemoryLog(clock=Ticking())
    report = await start_run(await setting(log, make_base(tmp_path)), spec())
    history = [each async for each in log.read()]
    assert [each for each in await links_of(Past(log, report.run), history[0]) if isinstance(each, EventLink)] == []
