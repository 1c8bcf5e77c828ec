"""CPU per turn beside inspect_ai with its mock model: 200 samples of 20 turns, no HTTP on either side.

    python -m benchmarks.turn_cpu --peer-python /path/to/python/with/inspect_ai [--rounds 5] [--quick]

Ours: the log in a file with everything on, scopes, actors, the shell agent, every turn with a model call and a command
(four durable appends); the model answers in the process and the sandbox does nothing. Theirs: a solver that generates
and appends a user message; evals write their log once, at the end. Each side runs in a process of its own, in turns.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import anyio
import msgspec

from benchmarks.idle_sandbox import IdleBackend
from benchmarks.trials import SECRETS, make_task
from engine.concurrency.pools import Pools, room_of
from engine.concurrency.run_controls import RunControls
from engine.config.spec import CallsSpec, PoolsSpec, RunSpec
from engine.core.prompts import load_prompts
from engine.core.scope import Scope
from engine.core.system import clock, collect_rarely, machine
from engine.core.world import ReplayContext
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.models import ModelClient, ModelPort
from engine.effects.refusals import PastCalls, RefusalWatch
from engine.effects.sandboxes import SandboxPort
from engine.effects.tasks import TaskPort
from engine.programs.run import run
from engine.protocols.reply import ChatReply, ReplyCall
from engine.protocols.request import ChatRequest
from engine.protocols.usage import ReportedUsage
from engine.providers.base import Gate
from engine.providers.credentials import StaticKey
from engine.providers.upstream import Upstream
from engine.runtime.admission import Admission
from engine.runtime.context import RunContext, chosen_tasks
from engine.runtime.live_ports import LivePorts, door_table
from engine.runtime.plan import opening, plan_of
from engine.runtime.recovery import Recovery
from events.base import Event
from events.redaction.redactor import Redactor
from events.store.sqlite.store import SqliteLog
from events.streams import RUN, TRIAL

_CALL = ReplyCall(id="c", name="run", arguments='{"command": "make progress"}')
_USAGE = ReportedUsage(input_tokens=100, output_tokens=50)


class Ready:
    """A model that answers at once: so many commands, then DONE."""

    def __init__(self, turns: int) -> None:
        self._turns = turns

    async def complete(self, request: ChatRequest, gate: Gate) -> ChatReply:
        """Answer by the length of the conversation."""
        async with gate():
            return self._answer(request)

    def _answer(self, request: ChatRequest) -> ChatReply:
        last = len(request.messages) >= 2 * self._turns
        said = "DONE" if last else "I go on.\n" * 20
        calls = () if last else (_CALL,)
        raw = msgspec.json.encode({"choices": [{"message": {"role": "assistant", "content": said}}]})
        message = msgspec.json.encode({"role": "assistant", "content": said, "tool_calls": [_wire(c) for c in calls]})
        return ChatReply(
            raw=raw,
            status=200,
            message=message,
            text=said,
            tool_calls=calls,
            finish="stop",
            model="ready",
            usage=_USAGE,
            cost_usd=None,
            request_id=None,
        )


def _wire(call: ReplyCall) -> dict[str, object]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


async def _unheard(event: Event) -> None:
    """Note nothing: no process dies here."""
    del event


async def ours(samples: int, turns: int) -> dict[str, float]:
    """Run all trials once."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        make_task(base)
        log = await SqliteLog.open(base / "log.db", clock=clock, redactor=Redactor(SECRETS))
        async with log:
            setting = RunContext(log, IdleBackend(), load_prompts(), "bench", {}, base)
            spec = msgspec.convert(
                {
                    "tasks": "tasks",
                    "repeats": samples,
                    "concurrency": samples,
                    "models": {"teacher": {"model": "m", "base_url": "http://in.process"}},
                    "method": {"attempts": 1},
                    "agent": {"max_turns": turns + 1},
                },
                RunSpec,
            )
            tasks = await chosen_tasks(setting, spec)
            budget = BudgetKeeper(Caps(None, None))
            by_name = {task.name: task for task in tasks}
            pools = Pools(PoolsSpec(calls=CallsSpec(start=samples)), machine())
            nowhere = Upstream("http://in.process", StaticKey(None), None, 1.0)
            sandboxes = SandboxPort(log, setting.backend, by_name, {})
            reading = TaskPort(log, by_name, setting.backend)
            line = ModelClient(Ready(turns), None, pools.calls("in.process", "m"), nowhere)
            models = ModelPort(log, lambda *_: line, budget)
            ports = LivePorts(
                reading,
                sandboxes,
                models,
                budget,
                None,
                Admission("bench", pools, {TRIAL: room_of(samples)}, RunControls()),
                Recovery(sandboxes, _unheard, rebuilds=False, noted=()),
                door_table(reading, sandboxes, models, budget, None),
                RefusalWatch(lambda: PastCalls((), ()), note=_unheard, halt=RunControls().halt),
            )
            plan = plan_of(opening(setting, spec, tasks), [spec], setting.prompts)
            wall, cpu = time.perf_counter(), time.process_time()
            world = ReplayContext(log, log, "bench", {}, (), ports, None, set(), deciding=plan.deciding())
            await run(Scope(world, RUN), plan)
            spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return {**spent, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def one(command: list[str]) -> dict[str, float]:
    """Run one side in a process of its own."""
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure both in turns, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default="/tmp/peers/bin/python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--ours", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    collect_rarely()
    if given.ours:
        print(json.dumps(anyio.run(ours, *given.ours)))
        return
    samples, turns, rounds = (20, 5, 2) if given.quick else (200, 20, given.rounds)
    mine = [sys.executable, "-m", "benchmarks.turn_cpu", "--ours", str(samples), str(turns)]
    theirs = [given.peer_python, str(Path(__file__).with_name("peer_inspect.py")), str(samples), str(turns)]
    if not Path(given.peer_python).exists():
        print(f"no inspect_ai at {given.peer_python}: ours alone (`python3 -m venv X; X/bin/pip install inspect_ai`)")
        theirs = []
    pairs = [(one(mine), one(theirs) if theirs else None) for _ in range(rounds)]
    print(f"{samples} trials x {turns} turns, {rounds} rounds in turns")
    show("ours", [a for a, _ in pairs], samples * turns)
    if theirs:
        show("inspect_ai", [b for _, b in pairs if b], samples * turns)
        ratios = [b["cpu_s"] / a["cpu_s"] for a, b in pairs if b]
        print(f"  ratio       {median(ratios):>8.1f} [{min(ratios):.1f} to {max(ratios):.1f}]   goal 4, reach for 10")


def show(name: str, sides: list[dict[str, float]], turns: int) -> None:
    """Print what one side took."""
    cpu = [side["cpu_s"] / turns * 1e6 for side in sides]
    peak = median([side["peak_mib"] for side in sides])
    spread = f"[{min(cpu):.0f} to {max(cpu):.0f}]"
    print(f"  {name:<11} {median(cpu):>8.0f} us CPU a turn {spread}, peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
