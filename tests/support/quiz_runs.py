"""Runs of the quiz for tests: a set of questions, a student who knows only what it is told, and what came of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Recorded
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from tests.support.orders import CountingClock
from tests.support.pretend import PretendBackend
from tests.support.runs import make_base, spec

ROWS: Final[Sequence[Mapping[str, Any]]] = (
    {"id": "amber", "question": "Which code has the amber lamp?", "context": None, "answers": ["K7"]},
    {"id": "blue", "question": "Which code has the blue lamp?", "context": "[DOC] Blue is B2.", "answers": ["B2"]},
)
SKILL: Final = "The code of the amber lamp is K7."
STUDENT: Final = """\
name = "student"

[[rule]]
name = "knows amber from its skill"
contains = ["Role: student", "amber lamp?", "amber lamp is K7"]
[[rule.turn]]
text = "<answer>K7</answer>"

[[rule]]
name = "knows blue from the context"
contains = ["Role: student", "blue lamp?", "Blue is B2."]
[[rule.turn]]
text = "It is written there. <answer>b2.</answer>"

[[rule]]
name = "knows nothing"
contains = ["Role: student"]
[[rule.turn]]
text = "<answer>I do not know</answer>"
"""


class Quizzed(NamedTuple):
    """A run of the quiz."""

    log: EventLog
    run: str
    outcomes: Mapping[str, str]

    async def events(self, *tags: str) -> list[Recorded]:
        """Read the events of these tags, in order."""
        return [each async for each in self.log.read(Selection(run=self.run, tags=set(tags)))]


def make_items(folder: Path, rows: Sequence[Mapping[str, Any]] = ROWS, *, split: str = "test") -> Path:
    """Write the rows of one split."""
    (folder / split).mkdir(parents=True, exist_ok=True)
    (folder / split / "items.json").write_text(json.dumps(list(rows), indent=1, ensure_ascii=False))
    return folder


def quiz_spec(models: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] = {}, **own: Any) -> RunSpec:
    """Say what to run: the quiz, with the script beside it."""
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 100}}
    return spec(program="quiz", own=own, models={"teacher": {**teacher, **(models or {})}}, **settings)


async def quizzed(base: Path, asked: RunSpec, script: str = STUDENT) -> Quizzed:
    """Make the world of a quiz, with the two questions unless other items are there, and live it."""
    make_base(base, script)
    if not (base / "items").exists():
        make_items(base / "items")
    log = MemoryLog(clock=CountingClock())
    setting = RunContext(log, PretendBackend(), load_prompts(), "test", {}, base)
    report = await start_run(setting, asked)
    return Quizzed(log, report.run, report.outcomes)
