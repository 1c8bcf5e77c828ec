# Before this stand READ (files with rules), NOTED (rules that were told besides) and FIRST (the first page).
# A rule is a line that names what it is about and what to do; of two about the same, the last counts.
import csv
import json
import re
import sqlite3
import subprocess
from pathlib import Path

RULE = re.compile(r"^(?:- |House rule[:] )(.+?): (.+)\.$", re.MULTILINE)
TEXTS = [*NOTED, *(Path(name).read_text() for name in READ if Path(name).is_file())]
TOLD = {about: do for text in TEXTS for about, do in RULE.findall(text)}
MADE = {}


def says(about, words):
    return words in TOLD.get(about, "")


def table(name):
    with Path(name).open() as file:
        return list(csv.DictReader(file))


def write(name, lines):
    Path(name).write_text("".join(f"{line}\n" for line in lines))
    print(f"{name}: {', '.join(lines) or 'nothing'}")
