"""A blueprint written down as a Harbor task: the same files from the same blueprint, byte for byte; pure."""

import json
from collections.abc import Iterator
from typing import Final

from engine.programs.construct.blueprint import Blueprint
from engine.programs.construct.briefs import Original

_RUNNER: Final = '''\
"""Runs the functions test_... beside it, and leaves what they found; needs nothing but Python."""

import importlib.util
import json
import pathlib
import sys
import time
import traceback

LOGS = pathlib.Path("/logs/verifier")


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    here = pathlib.Path(__file__).parent
    sys.path.insert(0, str(here))
    sys.dont_write_bytecode = True
    started, rows = time.time(), []
    try:
        spec = importlib.util.spec_from_file_location("task_tests", here / "test_outputs.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = [(name, value) for name, value in vars(module).items() if name.startswith("test") and callable(value)]
    except Exception:
        found = [("loading the tests", None)]
        rows.append({"name": "loading the tests", "status": "failed", "duration": 0, "message": traceback.format_exc()})
        found = []
    for name, test in found:
        begun = time.time()
        try:
            test()
            row = {"name": name, "status": "passed"}
        except BaseException as error:
            row = {"name": name, "status": "failed", "message": "%s: %s" % (type(error).__name__, error)}
            traceback.print_exc()
        row["duration"] = int((time.time() - begun) * 1000)
        print(("PASSED " if row["status"] == "passed" else "FAILED ") + name)
        rows.append(row)
    passed = sum(row["status"] == "passed" for row in rows)
    summary = {"tests": len(rows), "passed": passed, "failed": len(rows) - passed}
    summary.update(pending=0, skipped=0, other=0, start=int(started * 1000), stop=int(time.time() * 1000))
    report = {"results": {"tool": {"name": "task tests"}, "summary": summary, "tests": rows}}
    (LOGS / "ctrf.json").write_text(json.dumps(report))
    (LOGS / "reward.txt").write_text("1" if rows and passed == len(rows) else "0")


main()
'''
_PRISTINE: Final = '''\
"""The input data as it was made at first, whatever became of it since."""

import os
import pathlib
import tempfile

BUILDER = {builder}
FILES = {files}


def fresh_data():
    """Make all input data anew; give the folder that it is in."""
    folder = pathlib.Path(tempfile.mkdtemp())
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    before = os.getcwd()
    os.chdir(folder)
    try:
        exec(compile(BUILDER, "build_data.py", "exec"), {{"__name__": "__main__"}})
    finally:
        os.chdir(before)
    return folder
'''
_END: Final = "STILLROOM_END_OF_FILE"


def rendered(blueprint: Blueprint, original: Original | None = None) -> dict[str, tuple[bytes, bool]]:
    """Give the files of a task by their paths, and whether each is executable.

    Args:
        blueprint: What it is made of.
        original: What it is a variant of. None: of nothing.
    """
    files: dict[str, tuple[str, bool]] = {
        "instruction.md": (_ended(blueprint.instruction_md), False),
        "task.toml": ("\n".join(_settings(blueprint, original)) + "\n", False),
        "environment/Dockerfile": ("\n".join(_dockerfile(blueprint)) + "\n", False),
        "solution/solve.sh": (_solution(blueprint), True),
        "tests/test.sh": ("#!/bin/sh\nexec python3 /tests/run_tests.py\n", True),
        "tests/run_tests.py": (_RUNNER, False),
        "tests/test_outputs.py": (_ended(blueprint.verifier.test_code), False),
        "tests/pristine.py": (_pristine(blueprint), False),
    }
    if blueprint.data_builder_python.strip():
        files["environment/scripts/build_data.py"] = (_ended(blueprint.data_builder_python), False)
    for each in blueprint.support_files:
        files[f"environment/files/{each.relative_path}"] = (each.content, False)
    return {path: (text.encode(), runs) for path, (text, runs) in sorted(files.items())}


def _ended(text: str) -> str:
    return text.rstrip() + "\n"


def _settings(blueprint: Blueprint, original: Original | None) -> Iterator[str]:
    """Write ``task.toml``; JSON texts are TOML texts, but for the characters that only TOML takes escaped."""
    place, verifier = blueprint.environment, blueprint.verifier
    yield 'schema_version = "1.4"'
    yield "\n[metadata]"
    yield f"title = {_toml(blueprint.title)}"
    yield 'author_name = "stillroom construct"'
    yield f"difficulty = {_toml(blueprint.difficulty)}"
    yield f"category = {_toml(blueprint.category)}"
    yield f"tags = [{', '.join(map(_toml, blueprint.tags))}]"
    yield "untrusted = true"
    if original is not None:
        yield f"variant_of = {_toml(original.name)}"
        yield f"variant_of_digest = {_toml(original.digest)}"
    yield "\n[agent]"
    yield f"timeout_sec = {float(blueprint.agent_timeout_sec or 900.0)}"
    yield "\n[verifier]"
    yield f"timeout_sec = {float(verifier.timeout_sec)}"
    yield "\n[environment]"
    yield f"build_timeout_sec = {float(place.build_timeout_sec)}"
    yield f"cpus = {place.cpus}"
    yield f"memory_mb = {place.memory_mb}"
    yield f"storage_mb = {place.storage_mb}"
    yield f"allow_internet = {'true' if place.allow_internet else 'false'}"
    yield f"workdir = {_toml(place.workdir)}"


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _dockerfile(blueprint: Blueprint) -> Iterator[str]:
    place = blueprint.environment
    yield f"FROM {place.base_image}"
    if place.apt_packages:
        names = " ".join(sorted(place.apt_packages))
        yield f"RUN apt-get update && apt-get install -y --no-install-recommends {names} && rm -rf /var/lib/apt/lists/*"
    pips = sorted({*place.pip_packages, *blueprint.verifier.pip_packages})
    if pips:
        yield f"RUN pip install --no-cache-dir --break-system-packages {' '.join(pips)}"
    yield f"WORKDIR {place.workdir}"
    if blueprint.support_files:
        yield "COPY files/ ./"
    if blueprint.data_builder_python.strip():
        yield "COPY scripts/build_data.py /var/tmp/build_data.py"
        yield "RUN python3 /var/tmp/build_data.py && rm /var/tmp/build_data.py"


def _solution(blueprint: Blueprint) -> str:
    """Write the solution; a line of it that ends the here-document gets another mark to end by."""
    end = _END
    while end in blueprint.oracle_python:
        end += "_"
    return f"#!/bin/sh\nset -e\npython3 - <<'{end}'\n{_ended(blueprint.oracle_python)}{end}\n"


def _pristine(blueprint: Blueprint) -> str:
    files = {each.relative_path: each.content for each in blueprint.support_files}
    return _PRISTINE.format(builder=repr(blueprint.data_builder_python), files=repr(files))
