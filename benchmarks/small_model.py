"""A small real model on tiny shell tasks: our shell agent beside a bare loop of thirty lines, and what a memo does.

    python -m benchmarks.small_model URL [--split judge|tune] [--attempts 5] [--label 0.5b] [--out rows.jsonl]
    python -m benchmarks.small_model --report rows.jsonl ...
    python -m benchmarks.small_model --oracle

Run by hand, once for each endpoint; never in CI. URL is an OpenAI-compatible API whose model is asked as it is served:
no setting is sent but ``max_tokens`` and ``seed``. Prompts are tuned on eight tasks (``tune``) and judged on eight
others (``judge``). Each attempt has at most 6 turns of 220 tokens, no tools, and a sandbox of its own; attempt k has
seed k, in ours and in the bare loop alike. Rows are written as they come, so that a run that is cut leaves its
figures: ``--report`` prints them.

A turn has exactly one command where the loop that read it found one and no more. An attempt acted if it ran a command,
and is solved if the task's own test says so. The interval of a difference is a bootstrap over tasks, since attempts at
one task are alike; with few tasks it is narrow. The power is of a t test over tasks, with the spread that was seen.
"""

import argparse
import json
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import anyio
import httpx
import msgspec

from benchmarks.small_tasks import TASKS, SmallTask, Split, write_task
from engine.config.spec import RunSpec
from engine.core.history import load_histories
from engine.core.prompts import load_prompts
from engine.core.system import clock
from engine.policies.turn import Command, read_text
from engine.runtime.context import RunContext
from engine.runtime.run import start_run
from events.base import Recorded
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.memo import MemoRewritten
from events.types.model import ModelAnswered
from events.types.sandbox import ActionAsked
from sandbox.base import Sandbox, SandboxSpec
from sandbox.harbor.task import Task, load_task
from sandbox.local.backend import LocalBackend, local_backend
from sandbox.verification.verifier import Rewarded, verify

stats: Any = import_module("scipy.stats")  # it has no types
MOST_TURNS: Final = 6
MOST_TOKENS: Final = 220
MEMO_TOKENS: Final = 500
"""Of a reflector's answer: five sections do not fit into a turn's."""
Arm = Literal["ours", "bare", "memo"]
"""``memo``: our second attempt, after a first that failed and a memo of it."""

BARE_PROMPT: Final = (
    "You solve a task at a shell. In each answer give one command in a ```sh block; you are then shown what it prints. "
    "When the task is done, answer DONE."
)
_NO_DISTILLER: Final = 'name = "none"\n[[rule]]\nname = "all"\n[[rule.turn]]\nerror = "authentication"\nrepeat = true\n'


class SmallModelRow(msgspec.Struct, frozen=True):
    """What came of one attempt."""

    label: str
    split: Split
    arm: Arm
    task: str
    seed: int
    turns: int
    single: int
    """Turns with exactly one command."""
    acted: bool
    solved: bool
    tokens: int
    """In and out, as the endpoint counts them."""
    memo: bool = False
    """Whether there was a memo before it. Only of the arm ``memo``: the reflector may have failed to write one."""


class SmallModelBench(NamedTuple):
    """What all attempts share."""

    url: str
    model: str
    label: str
    split: Split
    folder: Path
    backend: LocalBackend
    client: httpx.AsyncClient


# ---------------------------------------------------------------------------------------------------------------------
@asynccontextmanager
async def opened(backend: LocalBackend, task: Task, name: str) -> AsyncIterator[Sandbox]:
    """Give a fresh sandbox of a task."""
    sandbox = await backend.open(SandboxSpec(id=f"{name}-{task.name}", task=task))
    try:
        yield sandbox
    finally:
        await sandbox.close()


async def bare(bench: SmallModelBench, task: SmallTask, seed: int) -> SmallModelRow:
    """Try a task in a loop of thirty lines."""
    loaded = load_task(bench.folder / "tasks" / task.name)
    turns = single = ran = tokens = 0
    async with opened(bench.backend, loaded, f"bare-{seed}") as sandbox:
        talk = [{"role": "system", "content": BARE_PROMPT}, {"role": "user", "content": task.instruction}]
        while turns < MOST_TURNS:
            body = {"model": bench.model, "messages": talk, "max_tokens": MOST_TOKENS, "seed": seed}
            answer = (await bench.client.post(f"{bench.url}/chat/completions", json=body)).raise_for_status().json()
            text = answer["choices"][0]["message"]["content"] or ""
            turns, tokens = turns + 1, tokens + answer["usage"]["total_tokens"]
            commands = re.findall(r"```(?:sh|bash|shell)?[ \t]*\n(.*?)```", text, re.DOTALL)
            single += len(commands) == 1
            if commands:
                result = await sandbox.exec(commands[0], timeout_s=60.0)
                ran += 1
                told = (
                    f"exit code {result.exit_code}\n{(result.stdout + result.stderr).decode(errors='replace')[:2000]}"
                )
            elif "DONE" in text:
                break
            else:
                told = "Give one command in a ```sh block, or answer DONE."
            talk += [{"role": "assistant", "content": text}, {"role": "user", "content": told}]
        verdict = await verify(sandbox, loaded)
    solved = isinstance(verdict, Rewarded) and verdict.reward == 1.0
    return SmallModelRow(
        bench.label, bench.split, "bare", task.name, seed, turns, single, acted=ran > 0, solved=solved, tokens=tokens
    )


# ---------------------------------------------------------------------------------------------------------------------
async def ours(bench: SmallModelBench, task: SmallTask, seed: int, attempts: int) -> list[SmallModelRow]:
    """Try a task with our shell agent, and after a failure and its memo once more, where two attempts are asked for."""
    log = MemoryLog(clock=clock)
    setting = RunContext(log, bench.backend, load_prompts(), "benchmark", {}, bench.folder)
    report = await start_run(setting, _spec(bench, task, seed, attempts))
    streams = (await load_histories(log, report.run)).by_stream
    memo = any(isinstance(each.event, MemoRewritten) for each in streams[f"trial/{task.name}"])
    rows = []
    arms: tuple[Arm, ...] = ("ours", "memo")
    for number, arm in enumerate(arms, start=1):
        history = streams.get(f"attempt/{task.name}/{number}", ())
        if any(isinstance(each.event, AttemptJudged) for each in history):
            blank = SmallModelRow(
                bench.label, bench.split, arm, task.name, seed, 0, 0, acted=False, solved=False, tokens=0
            )
            rows.append(await _row(log, history, blank))
    return [msgspec.structs.replace(row, memo=memo) if row.arm == "memo" else row for row in rows]


def _spec(bench: SmallModelBench, task: SmallTask, seed: int, attempts: int) -> RunSpec:
    def model(most: int) -> dict[str, Any]:
        parameters = {"max_tokens": most, "seed": seed}
        return {"model": bench.model, "base_url": bench.url, "tools": False, "parameters": parameters}

    return msgspec.convert(
        {
            "tasks": "tasks",
            "only": [task.name],
            "method": {"attempts": attempts},
            "agent": {"max_turns": MOST_TURNS, "command_timeout_s": 60.0, "observation_chars": 2000},
            "models": {
                "teacher": model(MOST_TOKENS),
                "reflector": model(MEMO_TOKENS),
                "distiller": {"model": "none", "base_url": "script:none.toml", "tries": 1},
            },
        },
        RunSpec,
    )


async def _row(log: MemoryLog, history: Sequence[Recorded], row: SmallModelRow) -> SmallModelRow:
    """Fold an attempt's events into its row."""
    for event in (each.event for each in history):
        match event:
            case ModelAnswered():
                text = "" if event.text is None else (await log.get(event.text)).decode(errors="replace")
                read = read_text(text, event.finish)
                used = (event.usage.input_tokens or 0) + (event.usage.output_tokens or 0)
                one = isinstance(read, Command) and not read.note.startswith("only the first")
                row = msgspec.structs.replace(
                    row, turns=row.turns + 1, single=row.single + one, tokens=row.tokens + used
                )
            case ActionAsked():
                row = msgspec.structs.replace(row, acted=True)
            case AttemptJudged():
                row = msgspec.structs.replace(row, solved=event.outcome.kind == "solved")
            case _:
                pass
    return row


# ---------------------------------------------------------------------------------------------------------------------
async def measure(
    given: argparse.Namespace, rows: Sequence[SmallModelRow], keep: Callable[[SmallModelRow], None]
) -> None:
    """Try every task of a split in both loops, seed by seed, but for what is among the rows."""
    there = {(row.arm, row.task, row.seed) for row in rows if (row.label, row.split) == (given.label, given.split)}
    tasks = [task for task in TASKS if task.split == given.split][: given.tasks]
    limits = httpx.Timeout(900.0)
    with tempfile.TemporaryDirectory() as name:
        async with httpx.AsyncClient(timeout=limits) as client:
            folder = Path(name)
            for task in tasks:
                write_task(task, folder / "tasks")
            (folder / "none.toml").write_text(_NO_DISTILLER, encoding="utf-8")
            backend = await local_backend(folder / "sandboxes")
            url = given.url.rstrip("/").removesuffix("/v1") + "/v1"
            served = (await client.get(f"{url}/models")).raise_for_status().json()["data"][0]["id"]
            bench = SmallModelBench(url, served, given.label, given.split, folder, backend, client)
            for seed in range(given.first, given.first + given.attempts):
                followed = 2 if seed < given.first + given.memo else 1
                for task in tasks:
                    for row in () if ("ours", task.name, seed) in there else await ours(bench, task, seed, followed):
                        keep(row)
                for task in tasks if given.bare else ():
                    if ("bare", task.name, seed) not in there:
                        keep(await bare(bench, task, seed))


async def oracle() -> None:
    """Say of every task whether its solution earns its reward, and doing nothing does not."""
    with tempfile.TemporaryDirectory() as name:
        backend = await local_backend(Path(name) / "sandboxes")
        for task in TASKS:
            loaded = load_task(write_task(task, Path(name) / "tasks"))
            rewards: list[float | None] = []
            for command in ("true", task.solution):
                async with opened(backend, loaded, f"oracle-{len(rewards)}") as sandbox:
                    await sandbox.exec(command)
                    verdict = await verify(sandbox, loaded)
                    rewards.append(verdict.reward if isinstance(verdict, Rewarded) else None)
            print(f"{task.split:5}  {task.name:14}  nothing {rewards[0]}  solution {rewards[1]}", flush=True)
            assert rewards == [0.0, 1.0], task.name


# ---------------------------------------------------------------------------------------------------------------------
def report(rows: Sequence[SmallModelRow]) -> None:
    """Print the figures of each label and split."""
    for label, split in dict.fromkeys((row.label, row.split) for row in rows):
        mine = [row for row in rows if (row.label, row.split) == (label, split)]
        print(f"\n{label}, {split}: a real model's figures")
        print("  loop   attempts  one command a turn  acted      solved     tokens an attempt")
        for arm in ("ours", "bare"):
            _line(arm, [row for row in mine if row.arm == arm])
        _difference(mine)
        _memo(mine)


def _line(name: str, rows: Sequence[SmallModelRow]) -> None:
    if rows:
        turns = sum(row.turns for row in rows)
        single = f"{sum(row.single for row in rows)} of {turns} ({sum(row.single for row in rows) / turns:.0%})"
        acted, solved = _share(row.acted for row in rows), _share(row.solved for row in rows)
        tokens = sum(row.tokens for row in rows) / len(rows)
        print(f"  {name:5}  {len(rows):8}  {single:18}  {acted:9}  {solved:9}  {tokens:.0f}")


def _share(each: Iterable[bool]) -> str:
    known = list(each)
    return f"{sum(known)}/{len(known)} {sum(known) / len(known):.0%}" if known else "none"


def _difference(rows: Sequence[SmallModelRow]) -> None:
    """Print ours less bare, over the pairs of one task and one seed."""
    theirs = {(row.task, row.seed): row for row in rows if row.arm == "bare"}
    mine = [row for row in rows if row.arm == "ours"]
    pairs = [(row, theirs[row.task, row.seed]) for row in mine if (row.task, row.seed) in theirs]
    for what in ("acted", "solved"):
        tasks: dict[str, list[int]] = {}
        for one, other in pairs:
            tasks.setdefault(one.task, []).append(getattr(one, what) - getattr(other, what))
        means = [sum(each) / len(each) for each in tasks.values()]
        if len(means) > 1:
            low, high = _interval(means)
            mean = sum(means) / len(means)
            print(
                f"  ours - bare, {what}: {mean:+.2f} [{low:+.2f} to {high:+.2f}] of {len(pairs)} pairs; {_power(means)}"
            )


def _interval(means: Sequence[float]) -> tuple[float, float]:
    """Where the mean lies with 95 % confidence: a percentile bootstrap over tasks."""
    if len(set(means)) == 1:
        return means[0], means[0]
    found = stats.bootstrap((means,), _mean, n_resamples=5000, method="percentile", rng=1, vectorized=False)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _power(means: Sequence[float]) -> str:
    """Say how likely a true difference of a quarter would be seen, and which one in four of five cases."""
    count = len(means)
    error = stats.sem(means)
    if error == 0:
        return "no spread was seen, so no power can be said"
    critical = stats.t.ppf(0.975, count - 1)
    seen = [step / 100 for step in range(1, 101) if stats.nct.sf(critical, count - 1, step / 100 / error) >= 0.8]
    quarter = stats.nct.sf(critical, count - 1, 0.25 / error)
    least = f"{seen[0]:.2f}" if seen else "none"
    return f"power {quarter:.0%} for a difference of 0.25, 80 % for {least}"


def _memo(rows: Sequence[SmallModelRow]) -> None:
    """Print second attempts after a failed first: with a memo of it, and without, which is a fresh first attempt."""
    second = [row for row in rows if row.arm == "memo"]
    first = {(row.task, row.seed): row for row in rows if row.arm == "ours"}
    seeds = sorted({seed for _, seed in first})
    after = dict(pairwise([*seeds, seeds[0]])) if len(seeds) > 1 else {}
    fresh = [first.get((row.task, after.get(row.seed, -1))) for row in second]
    without = [row for row in fresh if row is not None]
    if second:
        written = [row for row in second if row.memo]
        print(f"  second attempts after a failed first: {len(second)}; {len(written)} had a memo that could be read")
        for name, group in (("with a memo", written), ("all of them", second), ("without: the next seed", without)):
            acted, solved = _share(row.acted for row in group), _share(row.solved for row in group)
            print(f"    {name:22}  acted {acted:9}  solved {solved}")


def _read(path: Path) -> list[SmallModelRow]:
    return [msgspec.json.decode(line, type=SmallModelRow) for line in path.read_bytes().splitlines()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", help="of an OpenAI-compatible API, with or without /v1")
    parser.add_argument("--split", choices=["tune", "judge"], default="judge")
    parser.add_argument("--attempts", type=int, default=5, help="at each task, in each loop; attempt k has seed k")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--tasks", type=int, default=8, help="only the first ones of the split")
    parser.add_argument("--memo", type=int, default=1, help="seeds whose failed attempts are followed by a second")
    parser.add_argument("--no-bare", dest="bare", action="store_false", help="leave the bare loop out, while tuning")
    parser.add_argument("--label", default="model", help="a name for the model in the report")
    parser.add_argument("--out", type=Path, help="a file that rows are added to; those in it stand")
    parser.add_argument("--report", type=Path, nargs="+", help="print the figures of such files, and measure nothing")
    parser.add_argument("--oracle", action="store_true", help="show that every task can be done, and measure nothing")
    given = parser.parse_args()
    rows: list[SmallModelRow] = []

    def keep(row: SmallModelRow) -> None:
        rows.append(row)
        print(json.dumps(msgspec.to_builtins(row)), flush=True)
        if given.out is not None:
            with given.out.open("ab") as file:
                file.write(msgspec.json.encode(row) + b"\n")

    if given.oracle:
        anyio.run(oracle)
    elif given.report:
        report([row for path in given.report for row in _read(path)])
    elif given.url:
        rows += _read(given.out) if given.out is not None and given.out.exists() else []
        anyio.run(measure, given, tuple(rows), keep)
        report(rows)
    else:
        parser.error("name an endpoint, or --report, or --oracle")


if __name__ == "__main__":
    main()
