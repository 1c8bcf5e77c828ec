"""Two epochs over a dozen short questions with a small real model as target: what the gates did, and what was believed.

    python -m benchmarks.small_training URL [--optimizer URL] [--gate level] [--log FILE]

URL is that of an OpenAI-compatible API, such as one of llama.cpp; this knows an endpoint, no weights. Half of the
questions ask for what the model may know, the others for a mark that only a rule of the house tells. The optimizer is
a script that proposes one edit a step, three useless ones and a good one (the third); with ``--optimizer`` it is a
model, too. The gate decides; strict, items and adaptive look on. At the end the final skill is scored once more on the
selection questions, and the best and the initial one on others: what training believed stands beside it.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import msgspec
from aiohttp import web

from benchmarks.idle_sandbox import IdleBackend
from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Recorded, Ref
from events.store.base import EventLog, Selection
from events.store.sqlite.store import SqliteLog
from events.types.training import CandidateMade, GateDecided, SkillAccepted, StepSkipped, TrainingClosed
from events.values import Ratio

EDITS: Final = (
    "- Be friendly, and take your time with every question.",
    "- Some questions are long and others are short. Read both kinds.",
    "- The shelf mark of a colour is the colour and -7. Example: the shelf mark of grey is <answer>grey-7</answer>",
    "- It is good to know many things about the world.",
)
"""What the script proposes, step by step."""
_COLOURS: Final = (
    *("blue", "red", "green", "yellow", "brown", "white", "black", "pink", "purple"),
    *("orange", "silver", "golden", "violet", "crimson", "scarlet", "ivory"),
)
_FACTS: Final = (
    ("What is the capital of France? One word.", "Paris"),
    ("What is the capital of Italy? One word.", "Rome"),
    ("What is the capital of Japan? One word.", "Tokyo"),
    ("What is the capital of Egypt? One word.", "Cairo"),
    ("How many legs does a spider have? Give a number.", "8"),
    ("How many days are in a week? Give a number.", "7"),
    ("How many minutes are in an hour? Give a number.", "60"),
    ("What is 3 plus 4? Give a number.", "7"),
    ("Which planet is closest to the Sun? One word.", "Mercury"),
    ("Which animal says meow? One word.", "cat"),
    ("What is frozen water called? One word.", "ice"),
    ("What is the opposite of hot? One word.", "cold"),
    ("What is the first month of the year? One word.", "January"),
    ("What colour is a ripe banana? One word.", "yellow"),
    ("Which metal has the symbol Fe? One word.", "iron"),
    ("How many sides does a triangle have? Give a number.", "3"),
)
SHADOWS: Final = ("strict", "level", "items", "adaptive")


def write_items(folder: Path) -> None:
    """Write a dozen questions to learn from, a dozen to select by, and eight to test with."""
    asked = [({"question": text, "answers": [answer]}, "fact") for text, answer in _FACTS]
    marks = [({"question": f"What is the shelf mark of {c}?", "answers": [f"{c}-7"]}, "mark") for c in _COLOURS]
    pairs = [each for pair in zip(asked, marks, strict=True) for each in pair]
    rows = [{"id": f"q{n:02d}", "context": None, "task_type": kind, **row} for n, (row, kind) in enumerate(pairs, 1)]
    for split, part in (("train", rows[:12]), ("val", rows[12:24]), ("test", rows[24:])):
        (folder / split).mkdir(parents=True)
        (folder / split / "items.json").write_text(json.dumps(part), encoding="utf-8")


class ScriptedOptimizer:
    """An endpoint whose k-th reflection proposes the k-th edit."""

    def __init__(self) -> None:
        self._asked = 0

    async def complete(self, request: web.Request) -> web.Response:
        """Answer one call."""
        body = msgspec.json.decode(await request.read())
        said: dict[str, Any] = {"edits": []}
        if "Stage: reflect failures" in body["messages"][0]["content"]:
            said = {"edits": [{"op": "append", "content": EDITS[self._asked % len(EDITS)]}]}
            self._asked += 1
        message = {"role": "assistant", "content": json.dumps(said)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]}
        return web.json_response({**whole, "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})


async def scripted(stack: AsyncExitStack) -> str:
    """Serve the script until the stack is closed, and give its address."""
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/v1/chat/completions", ScriptedOptimizer().complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/v1"


async def model_at(url: str, most: int, temperature: float) -> dict[str, Any]:
    """Describe the model that an endpoint serves."""
    base = url.rstrip("/").removesuffix("/v1") + "/v1"
    async with httpx.AsyncClient(timeout=60.0) as client:
        served = (await client.get(f"{base}/models")).raise_for_status().json()["data"][0]["id"]
    parameters = {"max_tokens": most, "temperature": temperature}
    return {"model": served, "base_url": base, "tools": False, "parameters": parameters}


def training(models: dict[str, Any], gate: str, *, read: bool) -> RunSpec:
    """Say what is trained: four steps of six questions, each with one edit.

    Args:
        models: The target, and the optimizer.
        gate: Name of the gate that decides; the others look on.
        read: Whether the optimizer reads what it is shown, which then is kept short.
    """
    own = {
        "name": "house",
        "description": "What to know in this house. Use it for every question.",
        "epochs": 2,
        "batch": 6,
        "minibatch": 6,
        "failure_only": True,
        "slow": {"on": False},
        "meta": False,
        "gate": {"name": gate},
        "shadows": {name: {"name": name} for name in SHADOWS if name != gate},
        "optimizer": {"show_chars": 1200} if read else {},
        "reference": read,
        "sets": {name: {"folder": "items"} for name in ("train", "selection", "test")},
    }
    spec = {"program": "train", "tasks": "", "concurrency": 1, "own": own, "models": models}
    return msgspec.convert({**spec, "pools": {"calls": {"start": 1}}}, RunSpec)


async def run(given: argparse.Namespace) -> None:
    """Train once, and print what came of it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_items(folder / "items")
        path = given.log or folder / "log.db"
        log = await stack.enter_async_context(await SqliteLog.open(path, clock=clock))
        models = {"target": await model_at(given.url, 48, given.temperature)}
        if given.optimizer:
            models["optimizer"] = await model_at(given.optimizer, 400, 0.2)
        else:
            models["optimizer"] = {"model": "script", "base_url": await scripted(stack)}
        setting = RunContext(log, IdleBackend(), load_prompts(), "benchmark", {}, folder)
        spec = training(models, given.gate, read=bool(given.optimizer))
        report = await start_run(setting, spec)
        for line in [each async for each in told(log, report.run, given.gate)]:
            print(line, flush=True)


async def told(log: EventLog, run: str, gate: str) -> Any:
    """Tell each candidate with what every gate said, and what was believed at the end."""
    course = [each async for each in log.read(Selection(run=run, streams=("train",)))]
    for each in course:
        match each.event:
            case StepSkipped(step=step, reason=reason):
                yield f"step {step}: skipped, {reason}"
            case CandidateMade():
                text = (await log.get(each.event.files[0].digest)).decode()
                yield f"step {each.event.step}: {_body(text)[-1:] or ['nothing']}"
                for line in _rulings(course, Ref(each.stream.name, each.version), gate):
                    yield f"  {line}"
            case SkillAccepted(step=step, revision=revision):
                yield f"  in force as revision {revision} from step {step} on"
            case TrainingClosed(skills=skills):
                for one in skills:
                    tested = f"test {_points(one.test_hard)}"
                    yield f"{one.which}: believed {_points(one.believed)}, again {_points(one.measured)}, {tested}"
            case _:
                pass


def _rulings(course: Sequence[Recorded], candidate: Ref, active: str) -> Iterator[str]:
    """Word the last ruling of each gate on a candidate."""
    last: dict[str, GateDecided] = {}
    for event in (each.event for each in course):
        if isinstance(event, GateDecided) and event.candidate == candidate:
            last[event.shadow or active] = event
    for name, event in last.items():
        by = "" if event.shadow is None else " (shadow)"
        seen = f"raw {_points(event.score)} on {event.rows}, believes {_points(event.believed)} on {event.beside}"
        yield f"{name}{by}: {event.outcome}, {seen}; {event.reason}"


def _body(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("- ")]


def _points(score: Ratio | None) -> str:
    return "none" if score is None else f"{float(score.exact) * 100:.0f}"


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="of the target: an OpenAI-compatible API, with or without /v1")
    parser.add_argument("--optimizer", default="", help="of a model that proposes edits; without, the script does")
    parser.add_argument("--gate", default="level", choices=SHADOWS, help="which decides")
    parser.add_argument("--temperature", type=float, default=0.8, help="of the target")
    parser.add_argument("--log", type=Path, help="a log to train in; without, one that is thrown away")
    anyio.run(run, parser.parse_args())


if __name__ == "__main__":
    main()
