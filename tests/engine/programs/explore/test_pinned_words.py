"""Stories of the words that a model is told: they are those that its run pins, and none of today's code."""

from pathlib import Path

import pytest

from engine.core.prompts import make_prompts
from engine.effects.conversation import ConversationReader
from engine.runtime.run import start_run
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.model import ModelAsked
from replay.rerun import rerun
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

TOLD = ["1 of 3", "1 of 3", "2 of 3"]
"""Of the teacher, the reflector, the teacher again."""


async def _attempts(log: EventLog) -> list[str]:
    """List what each conversation calls the attempt when it begins."""
    reader, told = ConversationReader(log), []
    async for each in log.read(Selection(tags={"model.asked"})):
        assert isinstance(each.event, ModelAsked)
        messages = b"".join(await reader.messages(each.event.conversation)).decode()
        if each.event.role in {"teacher", "reflector"} and '"role":"assistant"' not in messages:
            told.append(messages.split("Attempt: ")[1].split("\\n")[0])
    return told


@pytest.mark.parametrize(
    ("template", "told"),
    [
        pytest.param("{{number}} of {{limit}}\n", TOLD, id="as shipped"),
        pytest.param("{{number}} of {{limit}} tries\n", [f"{each} tries" for each in TOLD], id="other words"),
        pytest.param(None, TOLD, id="of an earlier version, which pins none"),
    ],
)
async def test_an_attempt_is_called_what_the_run_pins(tmp_path: Path, template: str | None, told: list[str]) -> None:
    """A later version may word it otherwise: a run that goes on, or is run again, keeps the words it began with."""
    log = MemoryLog(clock=Ticking())
    here = await setting(log, make_base(tmp_path))
    texts = {each.name: each.text for each in here.prompts.prompts if each.name != "attempt_label"}
    texts |= {} if template is None else {"attempt_label": template}
    report = await start_run(here._replace(prompts=make_prompts(texts)), spec(method={"attempts": 3}))
    assert report.outcomes == {"word": "solved"}
    assert await _attempts(log) == told
    assert (await rerun(log, report.run)).complete
