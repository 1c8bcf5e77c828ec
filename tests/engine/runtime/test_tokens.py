"""Stories of runs whose model is reached with a token of a command: used, renewed, and never recorded."""

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.core.errors import KeyMissing
from engine.providers.credentials import KeyCommandFailed
from engine.runtime.run import start_run
from engine.scripted.forms import FORMS
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint
from events.redaction.redactor import Redactor
from events.store.blob_refs import named_blobs
from events.store.sqlite.store import SqliteLog
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, RetryAsked
from replay.rerun import rerun
from tests.engine.programs.explore.test_loop import events_of
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

COUNTING = """
import pathlib
count = pathlib.Path("count")
n = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(n))
print(f"bearer-of-this-day-{n}")
"""
SAYS = """
name = "leaky"
[[rule]]
name = "any"
[[rule.turn]]
error = "authentication"
times = 1
text = "I was given bearer-of-this-day-3, I think."
command = "cp words.txt answer.txt; echo bearer-of-this-'day'-3"
[[rule.turn]]
text = "DONE"
repeat = true
"""


def by_command(endpoint: ScriptedEndpoint, command: str) -> dict[str, Any]:
    """Say that the teacher is reached with what a command prints, and that nothing is learned."""
    model = {"model": "m", "base_url": endpoint.host_url, "provider": "azure", "protocol": "chat"}
    return {"models": {"teacher": {**model, "api_key_command": command}}, "method": {"attempts": 1}}


async def test_a_token_is_renewed_when_it_is_refused_and_stands_nowhere_in_the_log(tmp_path: Path) -> None:
    """Azure takes it as a bearer; the call that was refused is on record, and the one that was made again."""
    base = make_base(tmp_path)
    (base / "print.py").write_text(COUNTING, encoding="utf-8")
    form = FORMS["azure"].__class__(
        path=FORMS["azure"].path, version=FORMS["azure"].version, carrier="authorization", before="Bearer "
    )
    async with (
        await SqliteLog.open(tmp_path / "log.db", clock=Ticking(), redactor=Redactor()) as log,
        ScriptedEndpoint(parse_script(SAYS, "here"), form=form) as endpoint,
    ):
        wanted = spec(**by_command(endpoint, f"{sys.executable} print.py"))
        report = await start_run(await setting(log, base), wanted)
        assert report.outcomes == {"word": "solved"}
        events = await events_of(log, report.run, "attempt/word/1")
        calls = ModelAsked | ModelAnswered | ModelFailed | RetryAsked
        kinds = [type(each) for each in events if isinstance(each, calls)]
        assert kinds[:5] == [ModelAsked, ModelFailed, RetryAsked, ModelAsked, ModelAnswered]
        assert (await rerun(log, report.run)).complete
        sent = [each.headers["authorization"] for each in endpoint.came]
        # The first was tried before the run began, to see that the command works.
        assert sent[:2] == ["Bearer bearer-of-this-day-2", "Bearer bearer-of-this-day-3"]
        # Tried before the run, used, and renewed at the first request of teacher and distiller, which share it.
        assert await anyio.Path(base / "count").read_text(encoding="utf-8") == "4"
        blobs = [await log.get(each.text) for each in events if isinstance(each, ModelAnswered) and each.text]
        assert b"I was given [secret:api_key_command.2], I think." in blobs
        named = {digest async for each in log.read() for digest in named_blobs(each.event)}
        kept = [await log.get(digest) for digest in sorted(named)]
        assert any(b"[secret:api_key_command.2]" in data for data in kept)
        assert not any(b"bearer-of-this-day" in data for data in kept)
    files = [each async for each in anyio.Path(tmp_path).glob("log.db*")]
    assert files
    for file in files:
        assert b"bearer-of-this-day" not in await file.read_bytes()


async def test_a_command_that_fails_ends_a_run_before_it_begins(tmp_path: Path) -> None:
    """Nothing is recorded, and the command is named."""
    base = make_base(tmp_path)
    async with (
        await SqliteLog.open(tmp_path / "log.db", clock=Ticking(), redactor=Redactor()) as log,
        ScriptedEndpoint(parse_script(SAYS, "here")) as endpoint,
    ):
        wanted = spec(**by_command(endpoint, "false"))
        with pytest.raises(KeyCommandFailed, match="`false` failed with exit code 1"):
            await start_run(await setting(log, base), wanted)
        assert [each async for each in log.read()] == []


async def test_a_variable_that_is_not_set_ends_a_run_before_it_begins(tmp_path: Path) -> None:
    """As before there were commands."""
    base = make_base(tmp_path)
    async with await SqliteLog.open(tmp_path / "log.db", clock=Ticking(), redactor=Redactor()) as log:
        model = {"model": "m", "base_url": "http://127.0.0.1:9", "provider": "azure", "protocol": "chat"}
        wanted = spec(models={"teacher": {**model, "api_key_env": "AZURE_OPENAI_API_KEY"}})
        with pytest.raises(KeyMissing, match="AZURE_OPENAI_API_KEY"):
            await start_run(await setting(log, base), wanted)
