"""Stories of whole runs by each protocol: the shell agent, the reflector and the distiller ask by all of them alike."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.effects.conversation import ConversationReader
from engine.effects.models import build_request
from engine.providers.base import body_of
from engine.runtime.run import start_run
from events.base import Event
from events.digest import Fingerprint, digest_of
from events.store.memory import MemoryLog
from events.types.model import ModelAnswered, ModelAsked
from replay.rerun import rerun
from tests.engine.programs.explore.test_loop import events_of, log_of, of_type
from tests.support.runs import make_base, setting, spec

PRICES = {"teacher": {"input": 1, "output": 2, "cached_input": "0.1", "cache_write": "1.25"}}
OWN_FIELDS = {"chat": "messages", "responses": "input", "messages": "messages", "gemini": "contents"}


def by(protocol: str, *, stream: bool = False) -> dict[str, Any]:
    """Say that all roles are asked by one protocol."""
    model = {
        "model": "teacher",
        "base_url": "script:script.toml",
        "protocol": protocol,
        "stream": stream,
        "parameters": {"max_tokens": 900},
    }
    return {"models": {"teacher": model}, "prices": PRICES, "budget": {"run_usd": 5}}


async def played(base: Path, protocol: str, *, stream: bool = False) -> tuple[MemoryLog, str]:
    """Run the task to its end: a guess, a memo, a solution, a skill."""
    log = log_of()
    report = await start_run(await setting(log, make_base(base)), spec(**by(protocol, stream=stream)))
    assert report.outcomes == {"word": "solved"}
    return log, report.run


async def model_events(log: MemoryLog, run: str) -> list[Event]:
    """Give what was asked of models and answered, by stream."""
    streams = ("attempt/word/1", "attempt/word/2", "trial/word")
    events = [each for stream in streams for each in await events_of(log, run, stream)]
    return [each for each in events if isinstance(each, ModelAsked | ModelAnswered)]


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("protocol", list(OWN_FIELDS))
async def test_a_run_learns_by_any_protocol(protocol: str, tmp_path: Path, *, stream: bool) -> None:
    """It is solved, distilled, paid for to the last token, built again from the log, and replayed."""
    log, run = await played(tmp_path, protocol, stream=stream)
    events = await model_events(log, run)
    asked, answered = of_type(events, ModelAsked), of_type(events, ModelAnswered)
    assert {each.role for each in asked if isinstance(each, ModelAsked)} == {"teacher", "reflector", "distiller"}
    reader = ConversationReader(log)
    for question, answer in zip(asked, answered, strict=True):
        assert isinstance(question, ModelAsked)
        assert isinstance(answer, ModelAnswered)
        body = body_of(await build_request(question, reader, log))
        assert Fingerprint(digest_of(body)) == answer.request
        assert OWN_FIELDS[protocol] in msgspec.json.decode(body)
        assert (b"stream_options" in body) == (stream and protocol == "chat")
        assert answer.usage.input_tokens
        assert answer.cost
    assert (await rerun(log, run)).complete


@pytest.mark.slow
async def test_what_a_model_does_hangs_on_no_protocol(tmp_path: Path) -> None:
    """The same script leads to the same commands, memo and skill; only requests and bytes are the protocol's own."""
    told = []
    for protocol in OWN_FIELDS:
        folder = tmp_path / protocol
        folder.mkdir()
        log, run = await played(folder, protocol)
        answered = of_type(await model_events(log, run), ModelAnswered)
        texts = [await log.get(each.text) for each in answered if isinstance(each, ModelAnswered) and each.text]
        calls = [
            (call.name, await log.get(call.arguments))
            for each in answered
            if isinstance(each, ModelAnswered)
            for call in each.tool_calls
        ]
        told.append((texts, calls))
    assert all(each == told[0] for each in told)
    assert told[0][1], "the shell agent's commands came as calls of its tool"


async def test_a_run_without_a_protocol_writes_no_word_of_it(tmp_path: Path) -> None:
    """The bytes of its log are those of versions that knew but one."""
    log = log_of()
    report = await start_run(await setting(log, make_base(tmp_path)), spec())
    asked = of_type(await events_of(log, report.run, "attempt/word/1"), ModelAsked)[0]
    assert b"protocol" not in msgspec.json.encode(asked)
