"""The peer of `turn_cpu`: inspect_ai with its mock model. Run by an interpreter that has it; prints one JSON line."""

import json
import resource
import sys
import tempfile
import time
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.solver import solver

samples, turns = int(sys.argv[1]), int(sys.argv[2])


@solver  # type: ignore[untyped-decorator,unused-ignore]
def talk() -> Any:
    """Ask and go on, so many times."""

    async def solve(state: Any, generate: Any) -> Any:
        for _ in range(turns):
            state = await generate(state)
            state.messages.append(ChatMessageUser(content="ok\n" * 20))
        return state

    return solve


def answer() -> Any:
    """Make an answer that brings its token counts, so that no tokeniser has to be fetched: in the peer's favour."""
    made = ModelOutput.from_content("mockllm/model", "I go on.\n" * 20)
    made.usage = ModelUsage(input_tokens=100, output_tokens=50, total_tokens=150)
    return made


model = get_model("mockllm/model", custom_outputs=[answer() for _ in range(samples * turns)])
task = Task(dataset=[Sample(input=f"sample {i}", target="x") for i in range(samples)], solver=talk())
with tempfile.TemporaryDirectory() as folder:
    wall, cpu = time.perf_counter(), time.process_time()
    logs = evaluate(task, model=model, log_dir=folder, max_samples=samples, display="none")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
assert logs[0].status == "success", str(logs[0].error)[:500]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu_s": cpu, "wall_s": wall, "peak_mib": peak}))
