# What the scripted solver does at the shell. It knows the forms of the tasks, and of this house only what it has read.
# Before this stand STEPS (what to do, in order), READ (files with rules), NOTED (rules it was told besides) and FIRST
# (the first page). A rule is a line such as "- A page without entries: go on."; of two about the same, the last counts.

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


def weighings():
    if Path("scales.sqlite").exists():
        found = sqlite3.connect("scales.sqlite").execute("select number, herb, weight from weighings order by number")
        return [{"number": str(number), "herb": herb, "weight": weight} for number, herb, weight in found]
    return table("weights.csv")


def average():
    weights, left = {}, []
    for row in weighings():
        name = MADE["name"](row["code"]) if "name" in MADE else row.get("herb", row.get("code"))
        missing = row["weight"] in ("", None)
        struck = row.get("mark") == "void" and says("A row that is marked void", "leave it out")
        if name is None or struck or (missing and says("A weight that is missing", "leave its row out")):
            left.append(row["number"])
        else:
            weights.setdefault(name, []).append(0 if missing else float(row["weight"]))
    unit = 16 if says("Weights are noted in drams", "by 16") else 1
    MADE["averages"] = {name: f"{sum(some) / len(some) / unit:.2f}" for name, some in weights.items()}
    if not Path("prices.csv").exists():
        write("averages.csv", ["herb,average", *(f"{name},{each}" for name, each in sorted(MADE["averages"].items()))])
        write("left_out.txt", left)


def alike(code):
    if says("Codes of two lists", "in capitals"):
        code = code.upper().replace(" ", "").replace(".", "")
    if says("Zeros before the number of a code", "leave them out"):
        code = re.sub(r"(?<!\d)0+(?=\d)", "", code)
    return code


def looked_up(pairs):
    known = {alike(code): value for code, value in pairs}
    return lambda code: known.get(alike(code))


def match():
    if Path("names.csv").exists():
        MADE["name"] = looked_up((row["code"], row["herb"]) for row in table("names.csv"))
    elif Path("shelf.json").exists():
        pence = looked_up((row["article"], row["pence"]) for row in json.loads(Path("tariff.json").read_text()))
        labels = [jar["label"] for jar in json.loads(Path("shelf.json").read_text())["jars"]]
        Path("priced.json").write_text(json.dumps({each: pence(each) for each in labels if pence(each) is not None}))
        write("left_out.txt", [each for each in labels if pence(each) is None])
    else:
        price_list()


def price_list():
    price = looked_up((row["code"], row["price"]) for row in table("prices.csv"))
    averages = MADE.get("averages")
    lines, left = ["code,price" if averages is None else "code,average,price"], []
    for code in averages or [row["code"] for row in table("stock.csv")]:
        found = price(code)
        if found is None and says("An item without a price", "write ask"):
            found = "ask"
        if found is None:
            left.append(code)
        else:
            lines.append(",".join([code, *([averages[code]] if averages else []), found]))
    write("priced.csv", lines)
    write("left_out.txt", left)


def page(name):
    if Path("letters").exists():
        read = json.loads(Path("letters", f"{name}.json").read_text())
        return read["entries"], read.get("more")
    lines = subprocess.run(["sh", "ask.sh", name], capture_output=True, text=True).stdout.splitlines()
    more = [line.removeprefix("more ") for line in lines if line.startswith("more ")]
    return [line.removeprefix("entry ") for line in lines if line.startswith("entry ")], more[0] if more else None


def pages():
    entries, asked = [], []
    for first in MADE.get("pages", [FIRST]):
        name = first
        while name is not None:
            some, more = page(name)
            asked.append(name)
            entries += some
            goes_on = bool(some) or says("A page without entries", "go on")
            name = more if goes_on and says("A page that names another", "ask for that one") else None
    MADE["entries"] = list(dict.fromkeys(entries)) if says("An entry that comes twice", "keep it once") else entries
    write("entries.txt", MADE["entries"])
    if Path("letters").exists():
        write("asked.txt", asked)


def answer_to(order):
    desk = "press.sh" if Path("press.sh").exists() else "send.sh"
    said = subprocess.run(["sh", desk, order], capture_output=True, text=True).stdout.strip()
    return json.loads(said)["state"] if desk == "press.sh" else said


def again(word):
    if word == "busy":
        return says("An order that is answered busy", "send it again")
    return word == "late" and not says("An order that is answered late", "never send it again")


def orders():
    if "entries" in MADE:
        return MADE["entries"]
    queue = Path("queue.json")
    return json.loads(queue.read_text())["orders"] if queue.exists() else Path("orders.txt").read_text().splitlines()


def send():
    taken, refused, MADE["pages"] = [], [], []
    for order in orders():
        word, *more = answer_to(order).split()
        sent = 1
        while again(word) and sent < 5:
            word, *more = answer_to(order).split()
            sent += 1
        MADE["pages"] += more
        if word in ("ok", "late"):
            taken.append(order)
        elif word == "bad" and says("An order that is answered bad", "refused"):
            refused.append(order)
    write("taken.txt", taken)
    write("refused.txt", refused)


for step in STEPS:
    {"average": average, "match": match, "pages": pages, "send": send}[step]()
