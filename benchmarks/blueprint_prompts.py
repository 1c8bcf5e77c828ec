"""How far a real model's blueprints can be used, and whether another wording of what is asked for changes that.

    python -m benchmarks.blueprint_prompts --base-url http://127.0.0.1:18500/v1 --model NAME \
        [--wording NAME=FILE ...] [--repairs 1] [--rounds 1] [--max-tokens 1200] [--json]

The model under test is the author of `construct`: of a few prompt specs as small as they can be, it proposes a task of
each, one after the other, at temperature 0. A wording is a file that stands for the prompt `construct_layout`; the
shipped one is always among them. A blueprint without errors is made into a task and proved in a real sandbox. Any
endpoint of chat completions will do; no figure here is a goal.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec

from engine.config.spec import RunSpec
from engine.core.fold import fold_run
from engine.core.prompts import Prompts, make_prompts
from engine.core.system import clock
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.decision import DecisionMade, InlineDecisionMade
from events.types.model import ModelAnswered
from projections.constructions import ConstructionRecord, Constructions
from tests.support.runs import setting

LAYOUT: Final = "construct_layout"
SHIPPED: Final = "shipped"
SPECS: Final[Sequence[Mapping[str, Any]]] = (
    {"task_name_hint": "sum", "prompt": "Add the numbers in /root/numbers.txt and write the sum to /root/sum.txt."},
    {"task_name_hint": "lines", "prompt": "Count the lines of /root/log.txt and write the count to /root/count.txt."},
    {"task_name_hint": "upper", "prompt": "Write /root/text.txt in upper case to /root/upper.txt."},
)


class BlueprintAnswers(msgspec.Struct):
    """What became of one prompt spec under one wording."""

    wording: str
    task: str
    answers: int = 0
    """Of the model, repairs of answers among them."""
    parsed: bool = False
    """Whether a blueprint was read, in the end."""
    problems: list[str] = []
    """Why answers were not read, as the model is told."""
    put_right: int = 0
    """Repairs by rule of the first blueprint."""
    errors: list[str] = []
    """What rules find in the last one."""
    verdict: str = ""
    """Of its proof. Empty: nothing was proved."""
    ending: str = ""
    output_tokens: int = 0


async def measured(
    model: Mapping[str, Any], wordings: Mapping[str, Prompts], own: Mapping[str, Any]
) -> list[BlueprintAnswers]:
    """Have every spec written under every wording."""
    found: list[BlueprintAnswers] = []
    for spec in SPECS:
        for wording, prompts in wordings.items():
            with tempfile.TemporaryDirectory() as folder:
                row = await _one(Path(folder), model, prompts, {**own, "spec": spec})
            row.wording = wording
            found.append(row)
            print(json.dumps(msgspec.to_builtins(row)), file=sys.stderr, flush=True)
    return found


async def _one(base: Path, model: Mapping[str, Any], prompts: Prompts, own: Mapping[str, Any]) -> BlueprintAnswers:
    spec = own["spec"]
    (base / "spec.json").write_text(json.dumps(spec))
    settings = {key: value for key, value in own.items() if key != "spec"}
    asked = {
        "tasks": "",
        "program": "construct",
        "agent": {"name": "nop"},
        "models": {"author": model},
        "own": {"specs": str(base / "spec.json"), "output": str(base / "out"), "critique": False, **settings},
    }
    log = MemoryLog(clock=clock)
    means = (await setting(log, base))._replace(prompts=prompts)
    report = await start_run(means, msgspec.convert(asked, RunSpec))
    (state,) = await fold_run(log, [Constructions()], report.run)
    (record,) = state.runs[report.run].values()
    row = _row(record)
    async for each in log.read(Selection(run=report.run)):
        event = each.event
        if isinstance(event, ModelAnswered):
            row.answers += 1
            row.output_tokens += event.usage.output_tokens or 0
        elif isinstance(event, DecisionMade | InlineDecisionMade) and event.point == "blueprint_read":
            row.problems += event.ruling["problems"]
    return row


def _row(record: ConstructionRecord) -> BlueprintAnswers:
    row = BlueprintAnswers("", record.name, ending=record.ending or "")
    if record.rounds:
        row.parsed = True
        row.put_right = len(record.rounds[0].repairs)
        row.errors = [f"{each.area}: {each.message}" for each in record.rounds[-1].issues if each.severity == "error"]
        row.verdict = record.rounds[-1].verdict or ""
    return row


def _print(rows: Sequence[BlueprintAnswers]) -> None:
    print(f"{'wording':12} {'task':8} answers parsed put right errors proof        tokens ending")
    for each in rows:
        print(
            f"{each.wording:12} {each.task:8} {each.answers:7} {each.parsed!s:6} {each.put_right:9} "
            f"{len(each.errors):6} {each.verdict:12} {each.output_tokens:6} {each.ending}"
        )
        for told in (*each.problems, *each.errors):
            print(f"    {told[:160]}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True, help="of an endpoint of chat completions")
    parser.add_argument("--model", default="local", help="as the endpoint names it")
    parser.add_argument("--wording", action="append", default=[], help="NAME=FILE; may be repeated")
    parser.add_argument("--only", default="", help="wordings whose name holds this")
    parser.add_argument("--repairs", type=int, default=1, help="how often an answer is asked for again")
    parser.add_argument("--rounds", type=int, default=1, help="blueprints of a task")
    parser.add_argument("--max-tokens", type=int, default=1200, help="of an answer")
    parser.add_argument("--json", action="store_true", help="one object for each task")
    given = parser.parse_args()
    asked = {"max_tokens": given.max_tokens, "temperature": 0.0}
    model = {"model": given.model, "base_url": given.base_url, "timeout_s": 3600.0, "parameters": asked}
    rows = anyio.run(_measured, model, given)
    if given.json:
        for each in rows:
            print(json.dumps(msgspec.to_builtins(each)))
    else:
        _print(rows)


async def _measured(model: Mapping[str, Any], given: argparse.Namespace) -> list[BlueprintAnswers]:
    with tempfile.TemporaryDirectory() as folder:
        shipped = (await setting(MemoryLog(clock=clock), Path(folder))).prompts
    texts = {each.name: each.text for each in shipped.prompts}
    wordings = {SHIPPED: shipped}
    for each in given.wording:
        name, _, file = each.partition("=")
        wordings[name] = make_prompts({**texts, LAYOUT: await anyio.Path(file).read_text()})
    chosen = {name: each for name, each in wordings.items() if given.only in name}
    return await measured(model, chosen, {"answer_repairs": given.repairs, "rounds": given.rounds})


if __name__ == "__main__":
    main()
