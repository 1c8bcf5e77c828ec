"""Stories of what a streamed call used: it is asked for, unless the user or an older run did not."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.spec import canonical, read_spec
from engine.effects.callers import callers_of
from engine.programs.explore.program import ROLES
from engine.protocols.request import INCLUDE_USAGE
from engine.runtime.run import start_run
from events.store.memory import MemoryLog
from events.types.model import ModelAnswered, ModelAsked
from replay.rerun import rerun
from tests.engine.programs.explore.test_loop import events_of, log_of, of_type
from tests.support.runs import make_base, setting, spec


def streaming(**more: Any) -> dict[str, Any]:
    """Say that the teacher streams."""
    return {"teacher": {"model": "teacher", "base_url": "script:script.toml", "stream": True, **more}}


async def played(log: MemoryLog, base: Path, **more: Any) -> tuple[str, ModelAsked, ModelAnswered]:
    """Run the tasks; give the run, the first request and its answer."""
    report = await start_run(await setting(log, make_base(base)), spec(models=streaming(**more)))
    assert report.outcomes == {"word": "solved"}
    attempt = await events_of(log, report.run, "attempt/word/1")
    asked, answered = of_type(attempt, ModelAsked)[0], of_type(attempt, ModelAnswered)[0]
    assert isinstance(asked, ModelAsked)
    assert isinstance(answered, ModelAnswered)
    return report.run, asked, answered


async def test_a_streamed_call_says_what_it_used(tmp_path: Path) -> None:
    """Most servers count nothing in a stream unless they are asked to; what was sent is on record, and comes again."""
    log = log_of()
    run, asked, answered = await played(log, tmp_path)
    assert asked.parameters == {INCLUDE_USAGE: True}
    assert answered.usage.input_tokens
    assert answered.usage.output_tokens
    assert (await rerun(log, run)).complete


async def test_usage_is_not_asked_for_where_a_server_refuses_it(tmp_path: Path) -> None:
    """By one key; then nothing is sent that was not asked for, and nothing is counted."""
    _, asked, answered = await played(log_of(), tmp_path, stream_usage=False)
    assert asked.parameters == {}
    assert answered.usage.input_tokens is None


@pytest.mark.parametrize(("key", "asked"), [(None, {}), (True, {INCLUDE_USAGE: True}), (False, {})])
def test_a_run_from_before_there_was_the_key_asks_as_it_did(*, key: bool | None, asked: dict[str, Any]) -> None:
    """Resumed or forked, it builds the requests it recorded."""
    tree = msgspec.json.decode(canonical(spec(models=streaming())))
    del tree["models"]["teacher"]["stream_usage"]
    if key is not None:
        tree["models"]["teacher"]["stream_usage"] = key
    read = read_spec(msgspec.json.encode(tree))
    assert callers_of(read, ROLES, "word")["teacher"].parameters == asked
    assert read_spec(canonical(read)) == read


def test_what_the_user_sets_of_it_is_what_is_sent() -> None:
    """A parameter of the same name wins."""
    wanted = spec(models=streaming(parameters={INCLUDE_USAGE: False, "temperature": 0.5}))
    assert callers_of(wanted, ROLES, "word")["teacher"].parameters == {INCLUDE_USAGE: False, "temperature": 0.5}
    silent = spec(models=streaming(stream=False))
    assert callers_of(silent, ROLES, "word")["teacher"].parameters == {}
