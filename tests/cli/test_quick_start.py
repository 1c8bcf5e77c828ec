"""The quick start of the README, run as it is printed, against an endpoint of ours."""

import json
import re
import sys
from pathlib import Path

import anyio
import pytest

from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint
from tests.architecture.source import ROOT
from tests.cli.processes import ENVIRONMENT
from tests.support.runs import make_base


def printed() -> list[str]:
    """Read its lines, each without its remark; what continues on the next line is one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"## Quick start with your own model\n\n```\w*\n(.*?)```", text, re.DOTALL)
    assert found is not None
    lines = found[1].replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines]


@pytest.mark.slow
async def test_the_quick_start_works_as_it_is_printed(tmp_path: Path) -> None:
    """Nothing is filled in but the three things that stand for one's own: tasks, key and name."""
    base = make_base(tmp_path)
    shim = base / ".venv/bin/stillroom"
    shim.parent.mkdir(parents=True)
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m cli "$@"\n')
    shim.chmod(0o755)
    own = {"DIR": "tasks", "=...": "=nobodys-key-of-a-test-1234", "NAME": "word"}
    lines = printed()
    assert any("-m openai/gpt-4.1" in line and "--budget" in line for line in lines)
    said: dict[str, tuple[int, str]] = {}
    async with ScriptedEndpoint(load_script(base / "script.toml")) as endpoint:
        environment = {**ENVIRONMENT, "HOME": str(base), "OPENAI_BASE_URL": endpoint.base_url}
        for line in lines:
            for mark, mine in own.items():
                line = line.replace(mark, mine)  # noqa: PLW2901 - each line is filled in
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                environment[name] = value
                continue
            done = await anyio.run_process(["/bin/sh", "-c", line], cwd=base, env=environment, check=False)
            said[line.split()[1]] = done.returncode, done.stderr.decode()
        runs = await anyio.run_process([str(shim), "runs", "--json"], cwd=base, env=environment)
    assert said["init"] == (0, said["init"][1])
    assert said["run"][0] == 0, said["run"][1]
    code, trouble = said["resume"]
    assert (code, "is complete" in trouble) == (2, True), trouble
    assert said["skills"][0] == 0, said["skills"][1]
    assert (base / "skills/word/SKILL.md").is_file()
    (run,) = map(json.loads, runs.stdout.splitlines())
    assert run["cost_nano_usd"] > 0, "by the accepted prices"
    sent = [body for body in endpoint.requests if b"max_tokens" in bytes(str(body), "utf-8")]
    assert not sent, "no parameter is sent that nobody set"
