"""Blame: stories of sections, the lines they rest on, and the questions that were shown a text."""

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.effects.conversation import message
from events.base import Draft, Ref, StreamId
from events.digest import Digest
from events.store.memory import MemoryLog
from events.types.model import ConversationNode, ModelAsked
from replay.why.blame import BlamedLines, Section, blame, sections_of, spans_of
from replay.why.shown import ShownText, shown_to
from tests.support.worlds import memory_log

SKILL = """\
---
name: hours
description: Counts events per hour.
---

Opening words.

## Workflow

1. List the offsets.

```sh
# not a heading
cut -d: -f1 service.log
```

## Pitfalls

- Daylight saving.
"""
RAN = Ref("attempt/hours/1", 9)


def evidence() -> list[BlamedLines]:
    """Two blocks: what was asked, and what was run."""
    asked = spans_of("task_pattern", "Count the events of each hour.", [])
    return asked + spans_of("execution_chain", "Notes\ncut -d: -f1 service.log\nok", [(2, 3, (RAN,))])


def test_a_skill_is_taken_apart_at_its_headings_and_not_within_code() -> None:
    """Line numbers are those of the file, so that an editor finds them."""
    told = [(each.title, each.first_line) for each in sections_of(SKILL)]
    assert told == [("front matter", 1), ("(before any heading)", 5), ("Workflow", 8), ("Pitfalls", 17)]
    assert [each.title for each in sections_of("no front matter")] == ["(whole file)"]


def test_a_section_rests_on_the_lines_that_have_its_rare_words() -> None:
    """And says from which events these lines come."""
    told = {each.section.title: each for each in blame(sections_of(SKILL), evidence())}
    best = told["Workflow"].rests[0]
    assert (best.span.block, best.span.first_line, best.span.events) == ("execution_chain", 2, (RAN,))
    assert {"cut", "service"} <= set(best.words)
    assert told["Pitfalls"].rests == ()
    assert told["Pitfalls"].share == 0.0


def test_lines_with_the_same_events_are_one_span_and_the_rest_stands_for_itself() -> None:
    """Claims may overlap; blank lines between are no span."""
    other = Ref("trial/hours", 3)
    spans = spans_of("block", "a\nb\n\nc\nd", [(1, 2, (RAN,)), (2, 2, (other,)), (9, 12, (other,))])
    assert [(each.first_line, each.last_line, each.events) for each in spans] == [
        (1, 1, (RAN,)),
        (2, 2, (RAN, other)),
        (3, 5, ()),
    ]


WORDS = st.lists(st.sampled_from(["cut", "log", "hour", "the", "a", "of", "day"]), max_size=8).map(" ".join)


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4))
def test_shares_are_shares_and_the_whole_is_no_less_than_a_part(texts: Sequence[str], known: Sequence[str]) -> None:
    """Whatever the words are."""
    sections = [Section(str(number), 1, text) for number, text in enumerate(texts)]
    spans = [BlamedLines("block", number + 1, number + 1, (), text) for number, text in enumerate(known)]
    for each in blame(sections, spans):
        assert 0.0 <= each.share <= 1.0 + 1e-12
        assert all(0.05 <= rest.share <= each.share + 1e-12 for rest in each.rests)


async def say(log: MemoryLog, stream: str, *talk: str) -> None:
    """Ask a model once after each message, going on from the one before."""
    before: Digest | None = None
    for version, text in enumerate(talk):
        before = log.put(msgspec.json.encode(ConversationNode(before, (log.put(message("user", text)),))))
        asked = ModelAsked("teacher", "teacher", before, None, {}, stream=False, timeout_s=None)
        await log.append(StreamId("run-1", stream), [Draft(asked, None)], expected_version=version)


async def test_a_text_is_found_in_the_questions_that_were_shown_it() -> None:
    """However far back in the conversation; and not in others."""
    log = memory_log()
    await say(log, "attempt/a/1", "Hello.", 'Use this:\n\n## Workflow\n\n"Cut" the log.\n', "And now?")
    await say(log, "attempt/b/1", "Nothing of it.")
    assert await shown_to(log, '## Workflow\n\n"Cut" the log.\n') == [ShownText("run-1", "attempt/a/1", 2, 2)]
    assert await shown_to(log, "Cut the log") == []
