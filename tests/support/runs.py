"""Whole runs for tests: a small task, a script for its model, and a setting of real parts."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import msgspec

from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.runtime.context import RunContext
from events.store.base import EventLog
from tests.support.isolation import backend_here


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


async def setting(log: EventLog, base: Path, variables: Mapping[str, str] | None = None) -> RunContext:
    """Make a setting with the best sandbox this machine has."""
    backend = await backend_here(base / "sandboxes")
    return RunContext(log, backend, load_prompts(), "test", variables or {}, base)


MEMO = """\
## Exploration Memo (1 failed attempt)

### Attempts Log
- Attempt 1: wrote a guess, and it was wrong

### Commands From Last Attempt
echo nope > answer.txt

### Verified Facts
- answer.txt can be written

### Current Error Pattern
- the word is another one

### Next Strategy
- read words.txt first
"""

SKILL = """\
---
name: word
description: Copies a word that a file names into an answer file. Use it when a task names its answer in a file.
---

# Copying a word

## Workflow

1. Read the file that names the word, because a guess is worth nothing.
2. Write it into the answer file and read it back.

## Step 1: read

```sh
cat words.txt
```

## Step 2: write

```sh
cp words.txt answer.txt && cat answer.txt
```

## Reference Implementation

```sh
set -eu
cp words.txt answer.txt
cat answer.txt
```
"""

LEARNING = f"""\
[[rule]]
name = "reflect"
contains = ["Role: reflector"]
[[rule.turn]]
text = '''{MEMO}'''

[[rule]]
name = "distil"
contains = ["Role: distiller"]
[[rule.turn]]
text = '''{SKILL}'''
"""
"""Rules of a model that reflects and distils."""

ASIDE = """\
[[rule]]
name = "aside"
shell = false
[[rule.turn]]
text = "A title"
repeat = true
"""
"""Rule for questions that installed agents ask beside their work."""

SCRIPT = f"""
name = "word"

{LEARNING}
[[rule]]
name = "first attempt: a guess"
contains = ["Attempt: 1 of"]
[[rule.turn]]
text = "I guess."
command = "echo nope > answer.txt"
[[rule.turn]]
text = "DONE"

[[rule]]
name = "second attempt: read first"
contains = ["Attempt: 2 of"]
[[rule.turn]]
command = "cat words.txt | tee answer.txt"
[[rule.turn]]
text = "DONE"
"""
"""A model that fails once, learns, and succeeds."""

TWICE_WRONG = SCRIPT.replace('contains = ["Attempt: 2 of"]', 'contains = ["Attempt: 3 of"]').replace(
    '[[rule]]\nname = "first attempt: a guess"\ncontains = ["Attempt: 1 of"]',
    '[[rule]]\nname = "second attempt: a guess too"\ncontains = ["Attempt: 2 of"]\n[[rule.turn]]\n'
    'command = "echo no > answer.txt"\n[[rule.turn]]\ntext = "DONE"\n\n'
    '[[rule]]\nname = "first attempt: a guess"\ncontains = ["Attempt: 1 of"]',
)
"""A model that fails twice with the same memo, so that PDI has a step at which it may trigger."""

BABBLING = SCRIPT.replace(MEMO, "no memo at all")
"""A model that fails once, and writes no memo."""

SHADOWED = {"pdi": {"shadows": {"careful": {"method": "calibrated"}, "js": {"method": "js_divergence"}}}}
"""Settings of a method with two monitors that look on."""

REFUSING = """
name = "refusing"
[[rule]]
name = "everything"
[[rule.turn]]
error = "bad_request"
repeat = true
"""
"""A model whose endpoint takes none of the requests."""


def make_base(folder: Path, script: str = SCRIPT, *names: str) -> Path:
    """Make a folder with tasks and a script."""
    for name in names or ("word",):
        make_task(folder / "tasks" / name)
    (folder / "script.toml").write_text(script)
    return folder
