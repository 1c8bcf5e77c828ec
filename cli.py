"""The command line: the one place that reads the environment, and the list of all commands."""

import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from engine.core.system import allow_many_files, clock, collect_rarely
from views.terminal.dispatch import call, finish
from views.terminal.host import Host
from views.terminal.shutdown import Shutdown

app: Final = App(
    name="stillroom",
    help="Distil what agents verifiably did into skills. One append-only log holds everything.",
    version_flags=(),
    default_parameter=Parameter(negative=(), show_default=False),
    result_action="return_value",
)


COMMANDS: Final[Sequence[tuple[str, str, str]]] = (
    (
        "demo",
        "demo:app",
        "Explore four small tasks, evaluate a skill, train one, evolve many, construct tasks, with a scripted model.",
    ),
    ("run", "run:app", "Start a run from a spec, or from flags alone."),
    (
        "evaluate",
        "evaluations:evaluate",
        "Score the arms of an evaluation on the same items, and compare them; stored scores are reused.",
    ),
    ("train", "training:train", "Train a skill on the items of one set, past a gate on those of another."),
    (
        "evolve",
        "evolving:evolve",
        "Learn libraries of skills over a suite, freeze them, and measure them on tasks that were held out.",
    ),
    (
        "construct",
        "constructing:construct",
        "Construct tasks, or variants of tasks: proposed, put right, looked through, proved in a sandbox, published.",
    ),
    (
        "compare",
        "evaluations:compare",
        "Compare the arms of an evaluation, or any two runs: scores with coverage, differences, costs, verdicts.",
    ),
    (
        "report",
        "evaluations:report",
        "Write a run, or a comparison of two, as one page of HTML, down to its events.",
    ),
    (
        "check",
        "check:check_spec",
        "Check what a spec needs before anything is paid: keys, models, sandbox, agents, items, skills, prices, disk.",
    ),
    ("evaluations", "evaluations:app", "List and explain stored evaluations."),
    (
        "sets",
        "item_sets:app",
        "Cut and check sets of items, list what each is for, and how many decisions rested on it.",
    ),
    ("data", "item_manifests:app", "Make sets of items of the manifests that benchmarks publish."),
    (
        "resume",
        "run:resume",
        "Resume a run that was interrupted, drained or paused; recorded answers are never asked for again.",
    ),
    ("fork", "run:fork", "Fork a past run: share its beginning by reference, then continue live under other settings."),
    ("pause", "control:pause", "Pause a run: finish in-flight calls, start no new ones."),
    ("unpause", "control:unpause", "Continue a paused run."),
    ("drain", "control:drain", "Let running trials finish, start no new ones, then exit; `resume` runs the rest."),
    ("cancel", "control:cancel", "Cancel a run or one of its trials; recorded verdicts are kept."),
    ("tune", "control:tune", "Change the concurrency and the pools of a running run."),
    ("runs", "look:list_runs", "List the runs of a log, oldest first."),
    ("show", "look:show_it", "Show a run, a trial, an attempt, an event or a blob."),
    (
        "pdi",
        "pdi:app",
        "Show how far each memo of a run is grounded in executed evidence, as recorded or under other settings.",
    ),
    (
        "figure",
        "figures:app",
        "Draw runs from the log alone, as SVG, PNG or PDF.",
    ),
    ("replay", "replay:replay", "Replay past runs from the log alone, at up to three levels of strictness."),
    (
        "decisions",
        "decisions:list_decisions",
        "List the decisions of a run, each with its inputs, rule, ruling and position.",
    ),
    ("project", "project:show", "Fold a registered projection and show its state."),
    (
        "what-if",
        "what_if:ask",
        "Show which recorded decisions would change under other settings, without any model call.",
    ),
    ("why", "why:why", "Show the chain of causes of a decision, down to bytes, and verify every digest."),
    ("why-not", "why:why_not", "Show why an attempt was never judged solved, or why a trial has no accepted skill."),
    ("blame", "why:blame", "Show the evidence behind each section of a skill, and which attempts saw its text."),
    ("edits", "edits:app", "List and explain the edits of a training run."),
    ("tasks", "tasks:app", "Check and run datasets of tasks."),
    ("suite", "suites:app", "Check suites of environments, families and roles, and list their tasks."),
    ("agents", "agents:app", "List, install and replay agents."),
    ("providers", "providers:app", "List and check model providers."),
    ("skills", "skills:app", "List, show, compare, scan, audit, export and adopt skills."),
    ("export", "exports:app", "Export runs to other formats."),
    ("import", "imports:app", "Import past runs of other systems."),
    ("log", "log:app", "Inspect, verify, seal and copy the log."),
    ("bundle", "bundle:app", "Write, verify and read runs as single files."),
    ("receipt", "receipts:app", "Prove one decision of a log by a seal, with all else withheld."),
    ("sandbox", "sandboxes:app", "Manage sandboxes."),
    (
        "doctor",
        "doctor:look_around",
        "Check what this machine offers: isolation, container engines, disk space, keys by name, SQLite.",
    ),
    ("config", "prepare:app", "Show the resolved configuration."),
    ("init", "prepare:init", "Write a commented spec to start from; never overwrites an existing file."),
    ("--version", "prepare:version", "Print component versions."),
)
"""Each command: its name, where it is below `views.commands`, and what `--help` says of it.

A command is imported when it is typed, so that one which only looks loads no HTTP client and no container engine.
"""

for _name, _path, _help in COMMANDS:
    app.command(f"views.commands.{_path}", name=_name, help=_help)


@app.command(help="Print the script by which a shell completes commands and options (bash, fish, zsh).")
def completion(shell: Literal["bash", "fish", "zsh"], /, *, machine: Annotated[Host, Parameter(parse=False)]) -> None:
    """Print a completion script.

    Args:
        shell: Which shell. Its manual says where scripts are read from, such as
            ~/.local/share/bash-completion/completions/stillroom.
        machine: Where it is printed.
    """
    machine.stdout.write(app.generate_completion(prog_name="stillroom", shell=shell))


def main() -> int:
    """Run the command that was typed."""
    allow_many_files()
    with Shutdown(sys.stderr) as shutdown:
        streams = sys.stdout, sys.stderr
        machine = Host(dict(os.environ), Path.cwd(), *streams, clock, sqlite3.sqlite_version, shutdown, sys.stdin)
        code = finish(machine, call(app, sys.argv[1:], machine, loaded=collect_rarely))
        if shutdown.received:
            os._exit(code)  # a thread that hangs would keep the process for ever
    return code


if __name__ == "__main__":
    sys.exit(main())
