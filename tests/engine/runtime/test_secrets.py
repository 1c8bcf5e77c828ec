"""Stories of secrets: a key that goes everywhere is found nowhere."""

import base64
from pathlib import Path
from urllib.parse import quote

from engine.core.system import clock
from engine.runtime.run import start_run
from events.digest import Digest
from events.redaction.redactor import Redactor
from events.store.sqlite.store import SqliteLog
from events.types.sandbox import ActionObserved
from replay.rerun import rerun
from tests.support.runs import MEMO, make_base, setting, spec

CANARY = "canary/Key+0123456789=with?odd&signs"
"""Made up; odd signs make its encoded forms differ from it."""

LEAKING = f"""
name = "leaking"
[[rule]]
name = "reflect"
contains = ["Role: reflector"]
[[rule.turn]]
text = '''{MEMO}'''
[[rule]]
name = "teach"
[[rule.turn]]
text = "I was told {CANARY}."
command = "cat '{CANARY}'"
[[rule.turn]]
text = "So I make it myself."
command = "printf '%s%s' '{CANARY[:12]}' '{CANARY[12:]}' | tee answer.txt | base64 -w0; cat answer.txt"
[[rule.turn]]
text = "DONE"
"""


async def test_a_key_in_the_environment_a_header_and_an_output_is_nowhere_in_the_log(tmp_path: Path) -> None:
    """Plain or encoded, in events or blobs, in the file or its journal."""
    base = make_base(tmp_path / "work", LEAKING)
    path = tmp_path / "log" / "log.db"
    path.parent.mkdir()
    teacher = {"model": "teacher", "base_url": "script:script.toml", "api_key_env": "MY_KEY"}
    log = await SqliteLog.open(path, clock=clock, redactor=Redactor({"MY_KEY": CANARY}))
    async with log:
        given = await setting(log, base, {"MY_KEY": CANARY})
        report = await start_run(given, spec(models={"teacher": teacher}, method={"attempts": 2}))
        assert report.outcomes == {"word": "unsolved"}
        assert (await rerun(log, report.run)).complete
        texts = [await log.get(name) for name in await _outputs(log)]
    assert any(b"[secret:MY_KEY]" in text for text in texts)
    forms = [CANARY, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode()]
    for file in path.parent.iterdir():
        data = file.read_bytes()
        assert not [form for form in forms if form.encode() in data], file.name
    assert not [text for text in texts for form in forms if form.encode() in text]


async def _outputs(log: SqliteLog) -> list[Digest]:
    """List what commands printed."""
    return [each.event.stdout async for each in log.read() if isinstance(each.event, ActionObserved)]
