"""Sixteen tiny shell tasks of our own making, for models that can do no more: eight to tune on, eight to judge on.

They are written as Harbor task folders when they are needed, each with a solution, so that `python -m
benchmarks.small_model --oracle` can show that each of them can be done, and is not done at the start.
"""

from pathlib import Path
from typing import Final, Literal, NamedTuple

Split = Literal["tune", "judge"]

_TOML: Final = 'version = "1.0"\n[agent]\ntimeout_sec = 1800.0\n[verifier]\ntimeout_sec = 60.0\n'
_DOCKERFILE: Final = "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY app/ /app/\n"
_TEST: Final = """\
#!/bin/bash
cd /app
if {check}; then echo "PASSED tests::{name}"; echo 1 > /logs/verifier/reward.txt
else echo "FAILED tests::{name} - it is not so"; echo 0 > /logs/verifier/reward.txt
fi
"""


class SmallTask(NamedTuple):
    """One task."""

    split: Split
    name: str
    instruction: str
    files: dict[str, str]
    """What is in ``/app`` at first."""
    check: str
    """A condition of bash that holds in ``/app`` when it is done."""
    solution: str
    """A command that does it."""


TASKS: Final = (
    SmallTask(
        "tune",
        "count-lines",
        "Write the number of lines of /app/log.txt into /app/lines.txt.",
        {"log.txt": "boot\nmount\nlogin\nlogout\nhalt\nboot\nhalt\n"},
        '[ "$(tr -dc 0-9 < lines.txt)" = 7 ] && [ "$(wc -l < log.txt)" = 7 ]',
        "wc -l < log.txt > lines.txt",
    ),
    SmallTask(
        "tune",
        "make-folder",
        "Create the folder /app/out/2024 and an empty file named keep in it.",
        {"readme.txt": "Results go to out.\n"},
        "[ -d out/2024 ] && [ -f out/2024/keep ] && [ ! -s out/2024/keep ]",
        "mkdir -p out/2024 && touch out/2024/keep",
    ),
    SmallTask(
        "tune",
        "sort-names",
        "Sort the lines of /app/names.txt alphabetically and write them into /app/sorted.txt.",
        {"names.txt": "mia\nbob\nzoe\nana\n"},
        "[ \"$(cat sorted.txt)\" = $'ana\\nbob\\nmia\\nzoe' ]",
        "sort names.txt > sorted.txt",
    ),
    SmallTask(
        "tune",
        "find-errors",
        "Write every line of /app/server.log that contains ERROR into /app/errors.txt.",
        {"server.log": "INFO up\nERROR disk\nWARN slow\nERROR net\nINFO down\n"},
        "[ \"$(cat errors.txt)\" = $'ERROR disk\\nERROR net' ]",
        "grep ERROR server.log > errors.txt",
    ),
    SmallTask(
        "tune",
        "rename",
        "Rename the file /app/draft.txt to /app/final.txt.",
        {"draft.txt": "A letter.\n"},
        '[ ! -e draft.txt ] && [ "$(cat final.txt)" = "A letter." ]',
        "mv draft.txt final.txt",
    ),
    SmallTask(
        "tune",
        "replace-word",
        "In the file /app/page.txt replace every word cat by dog.",
        {"page.txt": "The cat saw a cat.\nNo bird.\n"},
        "[ \"$(cat page.txt)\" = $'The dog saw a dog.\\nNo bird.' ]",
        "sed -i s/cat/dog/g page.txt",
    ),
    SmallTask(
        "tune",
        "largest-file",
        "Write the name of the largest file in the folder /app/data into /app/largest.txt.",
        {"data/a.txt": "12345\n", "data/b.txt": "1\n" * 40, "data/c.txt": "1234567890\n"},
        "grep -q 'b\\.txt' largest.txt && ! grep -q '[ac]\\.txt' largest.txt",
        "ls -S data | head -n 1 > largest.txt",
    ),
    SmallTask(
        "tune",
        "sum",
        "Add up the numbers in /app/numbers.txt, one on each line, and write the sum into /app/sum.txt.",
        {"numbers.txt": "12\n30\n7\n51\n"},
        '[ "$(tr -d "[:space:]" < sum.txt)" = 100 ]',
        "awk '{s += $1} END {print s}' numbers.txt > sum.txt",
    ),
    SmallTask(
        "judge",
        "first-lines",
        "Write the first 3 lines of /app/poem.txt into /app/head.txt.",
        {"poem.txt": "one\ntwo\nthree\nfour\nfive\n"},
        "[ \"$(cat head.txt)\" = $'one\\ntwo\\nthree' ]",
        "head -n 3 poem.txt > head.txt",
    ),
    SmallTask(
        "judge",
        "distinct",
        "Write every different line of /app/colors.txt once into /app/distinct.txt.",
        {"colors.txt": "red\nblue\nred\ngreen\nblue\nred\n"},
        "[ \"$(sort distinct.txt)\" = $'blue\\ngreen\\nred' ]",
        "sort -u colors.txt > distinct.txt",
    ),
    SmallTask(
        "judge",
        "write-text",
        "Create the file /app/greeting.txt with the text: good morning",
        {"readme.txt": "A greeting is missing.\n"},
        '[ "$(cat greeting.txt)" = "good morning" ]',
        "echo good morning > greeting.txt",
    ),
    SmallTask(
        "judge",
        "executable",
        "Make the script /app/start.sh executable.",
        {"start.sh": "echo started\n"},
        '[ -x start.sh ] && [ "$(cat start.sh)" = "echo started" ]',
        "chmod +x start.sh",
    ),
    SmallTask(
        "judge",
        "count-files",
        "Count the files ending in .csv in the folder /app/data and write the number into /app/count.txt.",
        {"data/a.csv": "1\n", "data/b.csv": "2\n", "data/c.txt": "3\n", "data/d.csv": "4\n", "data/csv.md": "5\n"},
        '[ "$(tr -d "[:space:]" < count.txt)" = 3 ]',
        "ls data/*.csv | wc -l > count.txt",
    ),
    SmallTask(
        "judge",
        "upper-case",
        "Write the content of /app/name.txt in upper case into /app/upper.txt.",
        {"name.txt": "river stone\n"},
        '[ "$(cat upper.txt)" = "RIVER STONE" ]',
        "tr a-z A-Z < name.txt > upper.txt",
    ),
    SmallTask(
        "judge",
        "second-column",
        "Write the second column of the comma-separated file /app/people.csv into /app/cities.txt, one value a line.",
        {"people.csv": "ana,Rome\nbob,Oslo\nmia,Lima\n"},
        "[ \"$(cat cities.txt)\" = $'Rome\\nOslo\\nLima' ]",
        "cut -d , -f 2 people.csv > cities.txt",
    ),
    SmallTask(
        "judge",
        "remove-some",
        "Delete all files ending in .tmp in the folder /app/work and keep the other files.",
        {"work/a.tmp": "1\n", "work/b.tmp": "2\n", "work/notes.txt": "keep\n"},
        '[ "$(ls work)" = notes.txt ]',
        "rm work/*.tmp",
    ),
)


def write_task(task: SmallTask, folder: Path) -> Path:
    """Write a task as Harbor has it, below a folder; give its own."""
    own = folder / task.name
    files = {
        "task.toml": _TOML,
        "instruction.md": task.instruction + "\n",
        "environment/Dockerfile": _DOCKERFILE,
        "tests/test.sh": _TEST.format(check=task.check, name=task.name),
        "solution/solve.sh": f"#!/bin/bash\ncd /app\n{task.solution}\n",
        **{f"environment/app/{name}": text for name, text in task.files.items()},
    }
    for name, text in files.items():
        path = own / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if name.endswith(("test.sh", "solve.sh")):
            path.chmod(0o755)
    return own
