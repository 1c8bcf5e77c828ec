"""Whole runs for tests: a small task, a script for its model, and a setting of real parts."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import msgspec

from engine.prompting import load_prompts
from engine.setting import Setting
from engine.spec import RunSpec
from events.log import EventLog
from sandbox.local import local_backend


def make_task(folder: Path, *, wanted: str = "hello") -> Path:
    """Make a task: write a word into a file."""
    files = {
        "task.toml": 'version = "1.0"\n[agent]\ntimeout_sec = 600.0\n[verifier]\ntimeout_sec = 30.0\n',
        "instruction.md": "Write the word that words.txt names into /app/answer.txt.\n",
        "environment/Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY words.txt /app/words.txt\n",
        "environment/words.txt": wanted + "\n",
        "tests/test.sh": dedent(f"""\
            #!/bin/sh
            if [ "$(cat /app/answer.txt 2>/dev/null)" = "{wanted}" ]; then
              echo "PASSED tests::word"; echo 1 > /logs/verifier/reward.txt
            else
              echo "FAILED tests::word - another word"; echo 0 > /logs/verifier/reward.txt
            fi
            """),
        "solution/solve.sh": "#!/bin/sh\ncp /app/words.txt /app/answer.txt\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.suffix == ".sh":
            path.chmod(0o755)
    return folder


def spec(**changes: object) -> RunSpec:
    """Say what to run: the tasks below ``tasks``, with the script beside them, one attempt at a time."""
    teacher = {"model": "teacher", "base_url": "script:script.toml"}
    base: dict[str, object] = {"tasks": "tasks", "models": {"teacher": teacher}}
    return msgspec.convert({**base, **changes}, RunSpec)


async def setting(log: EventLog, base: Path, variables: Mapping[str, str] | None = None) -> Setting:
    """Make a setting with the best sandbox this machine has."""
    backend = await local_backend(base / "sandboxes")
    return Setting(log, backend, load_prompts(), "test", variables or {}, base)
