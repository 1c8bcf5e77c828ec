"""Facts in shapes that were outgrown: they stay as they were written, and read as if they had been written today."""

import json
from pathlib import Path
from typing import Final, get_args

import pytest
from msgspec.structs import replace

from events import codec
from events.base import Draft, Event, StreamId
from events.errors import EventRefused
from events.integrity.verify import verify
from events.store.base import EventLog, Row, Selection
from events.types.model import ModelAnswered, ModelFailed, TryMade
from events.types.trial import NextChosen
from events.upcast import LIFTS, TODAY, ModelAnsweredInTries, ModelFailedInTries, NextDecided, Outgrown, lift
from tests.events.samples import CLASSES, drafts, everything, sample

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "events.json"
OUTGROWN: Final[tuple[type[Event], ...]] = get_args(Outgrown) or (NextDecided,)
TRIAL: Final = StreamId("run-1", "trial/greet")
OLD: Final = (
    b'{"tag":"trial.next_decided","after":0,"decision":"continue","counted":1,"reason":"first"}',
    b'{"tag":"trial.next_decided","after":1,"decision":"solved","counted":0,"reason":"judged"}',
)
"""What an earlier version wrote of a trial."""
NEW: Final = (NextChosen(0, "continue", 1, "first"), NextChosen(1, "solved", None, "judged"))


NOT_RECORDED: Final[dict[str, dict[str, object]]] = {
    "model.answered": {"reasoning": None, "earlier": []},
    "model.failed": {
        "usage": dict.fromkeys(("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")),
        "cost": None,
        "sent": None,
        "retryable": False,
        "retry_after_s": None,
        "earlier": [],
    },
    "agent.run_ended": {"unanswered": None, "cut": None},
}
"""Fields that the shape of today has and the old one had not, by the old tag: what they read as."""


async def given_old(log: EventLog) -> None:
    """A log that an earlier version began and this one went on with."""
    rows = [
        Row(0, *TRIAL, version, "trial.next_decided", None, 1_000 * version, payload, b"")
        for version, payload in enumerate(OLD, 1)
    ]
    await log.adopt(rows)
    await log.append(TRIAL, [Draft(NEW[0], None), *drafts("other")], expected_version=2)


async def test_what_was_written_earlier_reads_as_today(log: EventLog) -> None:
    """The bytes stay; the fact is the one of today; the log is sound."""
    await given_old(log)
    events = await everything(log)
    assert [each.event for each in events[:3]] == [*NEW, NEW[0]]
    assert [each.payload for each in events[:2]] == list(OLD)
    assert [codec.as_today(each) for each in events[:2]] == [codec.encode(each) for each in NEW]
    report = await verify(log)
    assert (report.sound, report.events) == (True, 4)


async def test_a_filter_by_the_tag_of_today_finds_what_was_written_earlier(log: EventLog) -> None:
    """Who asks for a kind of fact means all of them; who asks for the old tag gets what carries it."""
    await given_old(log)
    found = [each.position async for each in log.read(Selection(tags={"trial.next_chosen"}))]
    assert found == [1, 2, 3]
    assert [row.position async for page in log.rows(Selection(tags={"trial.next_chosen"})) for row in page] == found
    assert [each.position async for each in log.read(Selection(tags={"trial.next_decided"}))] == [1, 2]


async def test_nothing_is_written_in_a_shape_that_was_outgrown(log: EventLog) -> None:
    """Refused when it is written, not when it is read."""
    with pytest.raises(EventRefused):
        await log.append(TRIAL, [Draft(NextDecided(0, "continue", 1, "first"), None)], expected_version=0)
    assert (await log.head()).position == 0


@pytest.mark.parametrize("kind", OUTGROWN, ids=lambda kind: kind.__name__)
def test_every_outgrown_shape_has_a_golden_payload_and_reads_as_an_event_of_today(kind: type[Event]) -> None:
    """Its bytes never change, its tag names one of today, and the event that it reads as can be written."""
    golden: dict[str, object] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    old = sample(kind)
    tag = str(kind.__struct_config__.tag)
    payload = json.dumps(golden[tag], ensure_ascii=False, separators=(",", ":")).encode()
    assert codec.decode_as_written(payload) == old
    today = codec.decode(payload)
    assert type(today) in CLASSES
    assert codec.tag_of(today) == TODAY[tag]
    assert codec.decode(codec.encode(today)) == today == lift(old)
    expected = {**_object(golden[TODAY[tag]]), **NOT_RECORDED.get(tag, {})}
    assert codec.encode(today).decode() == json.dumps(expected, ensure_ascii=False, separators=(",", ":"))


def test_a_call_that_was_tried_several_times_keeps_them_and_its_failure_is_final() -> None:
    """The last try is the call; those before stand with it, so that they are counted. Nobody asks for it again."""
    tries = (TryMade(None, "timeout", 0.5), TryMade(503, "server", 1.5), TryMade(502, "server", 0.0))
    failed = lift(ModelFailedInTries("server", 502, "it broke", None, tries))
    assert isinstance(failed, ModelFailed)
    assert (failed.earlier, failed.retryable, failed.sent) == (tries[:2], False, None)
    answered = lift(replace(sample(ModelAnsweredInTries), tries=()))
    assert isinstance(answered, ModelAnswered)
    assert (answered.earlier, answered.status) == ((), None)


def _object(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def test_every_outgrown_shape_is_listed_once() -> None:
    """In the union that is read, among the lifts, and by its tag."""
    assert set(OUTGROWN) == set(LIFTS)
    assert {str(kind.__struct_config__.tag) for kind in OUTGROWN} == set(TODAY)
    assert not set(OUTGROWN) & set(CLASSES)
    assert {codec.tag_of(sample(kind)) for kind in CLASSES} >= set(TODAY.values())
