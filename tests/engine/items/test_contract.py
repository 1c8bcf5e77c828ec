"""What holds for every way of rolling an item out, and for every format: one suite, asked of each in turn."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import pytest

from engine.core.prompts import load_prompts
from engine.effects.conversation import ConversationReader
from engine.items.base import ItemAnswer, Way
from engine.items.formats.spreadsheet import SPREADSHEET
from engine.items.item_set import ItemSelection, decode_item, encode_item, load_items
from engine.items.registry import item_format, item_format_names
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.bundle.copy import copy
from events.digest import digest_of
from events.integrity.verify import verify
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.item import ItemScored
from events.types.model import ModelAsked
from replay.redecide import decisions
from replay.rerun import rerun
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.items.test_images import AMBER
from tests.engine.programs.evaluate.test_evaluate import evaluation
from tests.support.causes import walked
from tests.support.orders import CountingClock

SECRET: Final = "nobody-guesses-this"
"""Stands in what is expected, wherever a text may."""


class FormatSample(NamedTuple):
    """One row of a format, and answers to it."""

    row: dict[str, Any]
    right: str
    wrong: str = "something else"
    array: str | None = None


FORMATS: Final[dict[str, FormatSample]] = {
    "question": FormatSample({"id": "a", "question": "Q?", "answers": [SECRET]}, SECRET),
    "officeqa": FormatSample({"uid": "a", "question": "Q?", "answer": "1940"}, "<answer>1,940</answer>"),
    "officeqa_corpus": FormatSample({"uid": "a", "question": "Q?", "answer": "1940"}, "<answer>1,940</answer>"),
    "docvqa": FormatSample({"id": "a", "question": "Q?", "answers": [SECRET], "image": "a.png"}, SECRET),
    "livemathematicianbench": FormatSample(
        {"no": 1, "month": "m", "mcq": {"question": "Q?", "choices": [{"label": "A", "text": "x"}],
         "correct_choice": {"label": "B", "text": "y"}}}, "B",
    ),
    "agentskills": FormatSample(
        {"id": 1, "prompt": "Q?", "assertions": [f'The output includes "{SECRET}"']}, f"It is {SECRET}.", array="evals"
    ),
}  # fmt: skip
WITHOUT_TEXT: Final = {"agentskills_triggers", "spreadsheetbench", "household", "alfworld", "calls_only"}
"""Their answers are files, worlds or what was read; they have test files of their own."""


def written(folder: Path, name: str) -> Path:
    """Write a set with one item of a format."""
    sample = FORMATS[name]
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(AMBER)
    (folder / "documents").mkdir()
    (folder / "documents" / "a.txt").write_text("A page.")
    rows: Any = [sample.row]
    (folder / "test.json").write_text(json.dumps(rows if sample.array is None else {sample.array: rows}))
    return folder


def test_every_format_that_is_shipped_is_asked() -> None:
    """One that is added without a sample is found here."""
    assert {*FORMATS, *WITHOUT_TEXT} >= {*item_format_names()}
    assert {way for name in item_format_names() for way in item_format(name).ways} == {*get_args(Way)}
    assert SPREADSHEET.ways == ("agent", "code")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_reads_and_scores_the_same_each_time(name: str, tmp_path: Path) -> None:
    """Its items are the same bytes, right and wrong are told apart, and no reason says what is expected."""
    kept: dict[str, bytes] = {}

    def put(data: bytes) -> Any:
        kept[digest_of(data)] = data
        return digest_of(data)

    form, folder = item_format(name), written(tmp_path / "set", name)
    (ref,), (again,) = [load_items("s", form, folder, ItemSelection(), put).items for _ in range(2)]
    assert ref == again
    item = decode_item(kept[ref.digest])
    assert encode_item(item) == kept[ref.digest]
    for text, outcome in ((FORMATS[name].right, "solved"), (FORMATS[name].wrong, "unsolved"), ("", "unsolved")):
        marks = [form.score(item, ItemAnswer(text, kept.__getitem__)) for _ in range(2)]
        assert marks[0] == marks[1]
        assert marks[0].outcome == outcome
        assert marks[0].soft is not None
        assert 0 <= marks[0].soft <= 1
        assert SECRET not in "".join(marks[0].reasons)


WAYS: Final[dict[str, dict[str, Any]]] = {
    "call": {"format": "question"},
    "tools": {"format": "question"},
    "agent": {"format": "question"},
    "code": {"format": "question"},
    "steps": {"format": "household"},
}
ERRAND: Final = {"id": "a", "seed": 3, "object": "apple", "receptacle": "fridge"}
SAYS: Final = 'name = "x"\n[[rule]]\nname = "x"\n[[rule.turn]]\ntext = "DONE <action>look</action>"\nrepeat = true\n'
GONE: Final = 'name = "x"\n[[rule]]\nname = "x"\n[[rule.turn]]\nerror = "bad_request"\nrepeat = true\n'


async def rolled(log: EventLog, base: Path, way: str, script: str) -> tuple[str, dict[str, str]]:
    """Roll one item out in a way, under two arms."""
    name = WAYS[way]["format"]
    if name == "household":
        (base / "set").mkdir()
        (base / "set" / "test.json").write_text(json.dumps([ERRAND]))
    else:
        written(base / "set", name)
    (base / "script.toml").write_text(script)
    own = {"items": {"folder": "set", "format": name}, "rollout": {"way": way, "turns": 3}}
    async with backend_named("local", base) as backend:
        asked = evaluation({"none": {}, "more": {"note": "Take care."}}, tasks="", own=own)
        report = await start_run(RunContext(log, backend, load_prompts(), "test", {}, base), asked)
    return report.run, report.outcomes


def test_every_way_is_asked() -> None:
    """One that is added is found here."""
    assert {*WAYS} == {*get_args(Way)}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
async def test_a_way_is_whole_on_record(way: str, tmp_path: Path) -> None:
    """It is replayed without a call, redecided, explained, copied; what is expected reaches no model."""
    log = MemoryLog(clock=CountingClock())
    run, outcomes = await rolled(log, tmp_path, way, SAYS)
    assert outcomes == {"more/set.a.1": "unsolved", "none/set.a.1": "unsolved"}
    other = MemoryLog(clock=CountingClock())
    await copy(log, other)
    assert (await verify(other)).sound
    assert (await rerun(other, run)).complete
    assert all(each.agrees for each in await decisions(other, run))
    found = await walked(other, run)
    assert (found.broken, found.differ) == ([], [])
    reader, asked = ConversationReader(log), Selection(tags={"model.asked"})
    told = [await reader.messages(each.event.conversation) async for each in log.read(asked)
            if isinstance(each.event, ModelAsked)]  # fmt: skip
    assert told
    assert all(SECRET.encode() not in message for each in told for message in each)
    plain = {b"\n".join(each).replace(b"\\n\\nTake care.", b"").replace(b"Take care.", b"") for each in told}
    assert len(plain) <= len(told) / 2, "the arms differ in their note alone"


@pytest.mark.parametrize("way", WAYS)
async def test_a_model_that_is_gone_is_no_score_in_any_way(way: str, tmp_path: Path) -> None:
    """Never 0, and a replay says the same."""
    log = MemoryLog(clock=CountingClock())
    run, outcomes = await rolled(log, tmp_path, way, GONE)
    assert set(outcomes.values()) == {"infrastructure"}
    scored = [each.event async for each in log.read(Selection(tags={"item.scored"}))]
    assert [(each.hard, each.soft) for each in scored if isinstance(each, ItemScored)] == [(None, None)] * 2
    assert (await rerun(log, run)).complete
