"""How far a real model's answers to the optimizer's prompts can be used: what parses, and what anchors hold.

    python -m benchmarks.optimizer_prompts --base-url http://127.0.0.1:18500/v1 --model NAME [--only reflect] [--json]

A scripted student answers a dozen short questions and gets most of them wrong, since a rule of its document says so.
Then the model under test is the optimizer: it reflects on minibatches with an empty document and with one of five
rules, merges, ranks, chooses a rate, rewrites, draws advice from an epoch, and notes something for itself, one call
after the other, with one repair at most. Any endpoint of chat completions will do; no figure here is a goal.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import msgspec

from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.policies.edits.apply import apply_edits
from engine.policies.edits.edit import Edit, EditRule
from engine.policies.edits.modes import RevisionSuggestion
from engine.policies.json_answers import read_object
from engine.programs.train.optimizer.choice import choose_rate, rank
from engine.programs.train.optimizer.proposals import encode_proposals, proposals_in
from engine.programs.train.optimizer.reflection import merge, reflect
from engine.programs.train.optimizer.rewriting import meta_skill, rewrite, slow_update
from engine.programs.train.optimizer.terms import (
    MergeBrief,
    MetaBrief,
    Proposals,
    RankBrief,
    RateBrief,
    ReflectBrief,
    RewriteBrief,
    ShownPair,
    SlowBrief,
)
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.types.decision import Held
from events.types.model import ModelAnswered, ModelAsked
from events.types.optimizing import OptimizerClosed
from tests.support.optimizing import PROGRAM, RolledItems, installed
from tests.support.pretend import PretendBackend
from tests.support.quiz_runs import make_items
from tests.support.runs import make_base, spec

FACTS: Final = (
    ("bridge", "When was the Alder bridge opened?", "The Alder bridge was opened on 3 May 1932.", "3 May 1932"),
    ("mill", "Who built the mill at Orrin?", "The mill at Orrin was built by Tomas Gell.", "Tomas Gell"),
    ("lake", "How deep is Lake Senn?", "Lake Senn is 41 metres deep.", "41 metres"),
    ("song", "Which song opens the record?", "The record opens with the song Harrow Light.", "Harrow Light"),
    ("ship", "What was the ship called?", "The ship was called Marigold.", "Marigold"),
    ("town", "Which river runs through Feldon?", "The river Isk runs through Feldon.", "Isk"),
    ("prize", "Who won the prize in 1971?", "The prize of 1971 was won by Ada Quill.", "Ada Quill"),
    ("tower", "How many steps has the tower?", "The tower has 212 steps.", "212"),
    ("tree", "What kind of tree stands at the gate?", "A copper beech stands at the gate.", "copper beech"),
    ("clock", "Where does the clock hang?", "The clock hangs in the north hall.", "north hall"),
    ("coin", "Which metal is the coin made of?", "The coin is made of bronze.", "bronze"),
    ("road", "What year was the road paved?", "The road was paved in 1958.", "1958"),
)
RULES: Final = """\
# Answering questions

- Read the context before you answer.
- If the context names several candidates, take the one that fits the question best.
- Write numbers as the context writes them.
- Answer in a full sentence, so that the reader need not look at the question again.
- Put the answer between <answer> and </answer>.
"""
EDITS: Final = (
    Edit("replace", "Answer with the value alone.", RULES.split("\n")[5]),
    Edit("append", "- Leave out the words of the question."),
    Edit("append", "- Say only what was asked for, in as few words as the context has it."),
    Edit("append", "- Thank the reader."),
)
SOLVED: Final = frozenset({"coin", "road", "ship"})
"""Items that the student gets right."""


def student() -> str:
    """Write the student's script: whole sentences, but for a few."""
    rules = [
        f'[[rule]]\nname = "{name}"\ncontains = ["Role: student", "{asked}"]\n'
        f'[[rule.turn]]\ntext = "<answer>{right if name in SOLVED else told}</answer>"\n'
        for name, asked, told, right in FACTS
    ]
    return 'name = "student"\n\n' + "\n".join(rules)


class AskedStage(NamedTuple):
    """One question to the optimizer."""

    stream: str
    actor: Any
    brief: Any
    document: str


def _reflections(rolled: RolledItems) -> list[AskedStage]:
    """Reflect on two minibatches with an empty document, and on five with one of rules."""
    failed = [row for row in rolled.rows if not row.hard]
    solved = [row for row in rolled.rows if row.hard]
    minibatches = (
        ("1.0.fail.0", "failure", failed[:2], ""),
        ("1.0.fail.1", "failure", failed[2:4], ""),
        ("2.0.fail.0", "failure", failed[4:6], RULES),
        ("2.0.fail.1", "failure", failed[6:8], RULES),
        ("2.0.fail.2", "failure", failed[8:9], RULES),
        ("2.0.succ.0", "success", solved[:2], RULES),
        ("3.0.fail.0", "failure", failed[:2], RULES),
    )
    return [
        AskedStage(
            f"reflect/{name}",
            reflect,
            ReflectBrief(rolled.terms, rolled.document(text), name, kind, rows, 3),
            text,
        )
        for name, kind, rows, text in minibatches
    ]


def _others(rolled: RolledItems) -> list[AskedStage]:
    """Merge, choose, rewrite, and look back on an epoch."""
    rows = {row.item: row for row in rolled.rows}
    terms, document = rolled.terms, rolled.document(RULES)
    lists = (_proposed(rolled, "2.0.fail.0", EDITS[:2]), _proposed(rolled, "2.0.fail.1", EDITS[2:]))
    whole = _proposed(rolled, "2.final", EDITS)
    asked = _proposed(rolled, "2.final", [RevisionSuggestion(instruction=each.content) for each in EDITS[:2]])
    pairs = [
        ShownPair("regressed", rows["mill"], rows["mill"]),
        ShownPair("stable_success", rows["ship"], rows["ship"]),
    ]
    return [
        AskedStage("merge/2", merge, MergeBrief(terms, document, "2.fail.1.0", "failure", lists, 1), RULES),
        AskedStage("rank/2", rank, RankBrief(terms, document, whole, 2), RULES),
        AskedStage("rate/2", choose_rate, RateBrief(terms, document, whole, 12, 0.25, 0.5), RULES),
        AskedStage("rewrite/2", rewrite, RewriteBrief(terms, document, asked), RULES),
        AskedStage("slow/2", slow_update, SlowBrief(terms, document, document, "", pairs), RULES),
        AskedStage("meta/2", meta_skill, MetaBrief(terms, document, document, pairs), RULES),
    ]


def _proposed(rolled: RolledItems, name: str, items: Sequence[Any]) -> Proposals:
    held = Held(rolled.scope.put(encode_proposals(items)), rolled.scope.at)
    return Proposals(name, "failure", tuple(items), held, {name: 2})


class Answer(msgspec.Struct):
    """One answer of the model."""

    stream: str
    number: int
    """From 1; 2 is the one after a repair."""
    parsed: bool
    """Whether it holds one JSON object."""
    edits: int
    held: int
    """Edits that could be applied to the document, one after the other."""
    input_tokens: int | None
    output_tokens: int | None
    text: str
    ending: str = ""
    """Of the question; of its last answer only."""


async def measured(base_url: str, model: str, only: str, repairs: int) -> list[Answer]:
    """Put the questions, and read what came of them."""
    documents: dict[str, str] = {}

    async def course(rolled: RolledItems) -> Mapping[str, str]:
        for stage in (*_reflections(rolled), *_others(rolled)):
            if stage.stream.startswith(only):
                documents[stage.stream] = stage.document
                came = await rolled.run(stage.stream, stage.actor, stage.brief)
                print(f"{stage.stream}: {came.ending} {came.reason} {came.value}", file=sys.stderr, flush=True)
        return {"course": "done"}

    with tempfile.TemporaryDirectory() as folder, installed(Path(folder) / "installed"):
        base = make_base(Path(folder) / "base", student())
        rows = [
            {"id": name, "question": asked, "context": told, "answers": [right]} for name, asked, told, right in FACTS
        ]
        make_items(base / "items", rows)
        PROGRAM.course = course
        models = {
            "teacher": {"model": "student", "base_url": "script:script.toml"},
            "optimizer": {
                "model": model,
                "base_url": base_url,
                "timeout_s": 1800.0,
                "parameters": {"max_tokens": 320, "temperature": 0.3, "seed": 7},
            },
        }
        log = MemoryLog(clock=clock)
        setting = RunContext(log, PretendBackend(), load_prompts(), "measure", {}, base)
        report = await start_run(
            setting, spec(program="optimizing", tasks="", models=models, own={"optimizer": {"repairs": repairs}})
        )
        return await _answers(log, report.run, documents)


async def _answers(log: MemoryLog, run: str, documents: Mapping[str, str]) -> list[Answer]:
    found: list[Answer] = []
    asked: dict[str, int] = {}
    async for each in log.read(Selection(run=run)):
        name, event = each.stream.name, each.event
        if name not in documents:
            continue
        if isinstance(event, ModelAsked):
            asked[name] = asked.get(name, 0) + 1
        elif isinstance(event, ModelAnswered):
            text = "" if event.text is None else (await log.get(event.text)).decode()
            answer = read_object(text)
            read = None if answer is None else proposals_in(answer, "patch")
            edits = [] if read is None else [item.item for item in read.found if isinstance(item.item, Edit)]
            report = apply_edits({"SKILL.md": documents[name]}, edits, EditRule()).report
            held = sum(outcome.applied for outcome in report)
            usage = event.usage
            found.append(
                Answer(
                    name,
                    asked[name],
                    answer is not None,
                    len(edits),
                    held,
                    usage.input_tokens,
                    usage.output_tokens,
                    text,
                )
            )
        elif isinstance(event, OptimizerClosed) and found and found[-1].stream == name:
            found[-1].ending = event.ending
    return found


def _print(answers: Sequence[Answer]) -> None:
    first = [each for each in answers if each.number == 1]
    ended = [each for each in answers if each.ending]
    edits = [each for each in first if each.stream.startswith(("reflect", "merge"))]
    print(f"{'question':22} answer parsed edits hold  in/out tokens  ending")
    for each in answers:
        print(
            f"{each.stream:22} {each.number:6} {each.parsed!s:6} {each.edits:5} {each.held:4}  "
            f"{each.input_tokens}/{each.output_tokens}  {each.ending}"
        )
    print(f"first answers that parse: {sum(each.parsed for each in first)} of {len(first)}")
    print(f"edits of first answers whose anchors hold: {sum(e.held for e in edits)} of {sum(e.edits for e in edits)}")
    print(f"questions read at the end: {sum(each.ending == 'read' for each in ended)} of {len(ended)}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", required=True, help="of an endpoint of chat completions")
    parser.add_argument("--model", default="local", help="as the endpoint names it")
    parser.add_argument("--only", default="", help="questions whose stream begins so, such as reflect/2")
    parser.add_argument("--repairs", type=int, default=1, help="how often an answer is asked for again")
    parser.add_argument("--json", action="store_true", help="one object for each answer, with its text")
    given = parser.parse_args()
    answers = anyio.run(measured, given.base_url, given.model, given.only, given.repairs)
    if given.json:
        for each in answers:
            print(json.dumps(msgspec.to_builtins(each)))
    else:
        _print(answers)


if __name__ == "__main__":
    main()
