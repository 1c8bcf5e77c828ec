"""A family of question items whose best skill is known: what the training demo learns from, and others like it.

``python -m benchmarks.jar_family --seed 1 FOLDER [--tasks FOLDER]`` writes ``train``, ``val`` and ``test`` in
SearchQA's format, and ``best.md``, the body of the best skill; and some of its jars as Harbor tasks. Of each seed the
letters, the jars and what the pages say are others.

The kinds of items, by ``task_type``: jars that one rule labels right; ``plain`` ones that get no letter, which a guess
labels right and a rule for all jars labels wrong; ``shelf``, which need no skill; ``smudged``, which the scripted
target misreads about every second time; ``unknown``, which nobody can answer. One of ``val`` and of ``test``
(``idle``) is right without an answer, since the scorer takes articles out of what is expected.

The pages of training items say what is so, what is not so, what is so of some jars only, and what is beside the point.
"""

import argparse
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.core.seeded_order import shuffled
from engine.scripted.jar_rules import GENERAL, PLAIN, SUBJECTS, LabelRule


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES: Final = _words("""
agrimony angelica anise arnica balm basil bay bergamot betony borage burdock burnet calamus calendula
caraway catmint celandine chamomile chervil chicory chives cicely clary coltsfoot comfrey coriander cowslip
cumin dill dock elder fennel feverfew figwort flax foxglove galangal gentian ginger hawthorn heather hemlock
hops horehound hyssop jasmine juniper lavender liquorice lovage mallow marjoram meadowsweet melilot mint
mugwort mullein mustard myrtle nettle oregano orris parsley pennyroyal peony pimpernel plantain poppy
primrose rampion rosemary rue saffron sage salsify savory selfheal sorrel speedwell spikenard tansy tarragon
teasel thyme valerian verbena vervain violet woodruff wormwood yarrow
""")
"""One for each item, so that no two of them say anything about each other."""
MINERALS: Final = _words("""
alum amber antimony borax brimstone calomel chalk cinnabar copperas gypsum iodine jet lime litharge marble
nitre ochre potash pumice realgar salt soda talc vitriol
""")
_LETTERS: Final = "BCDEFGHJKLMNOPQRSTUVWXYZ"
"""Without A and I: a scorer that takes articles out of an answer takes A for one, and I is read as 1."""
_NATURAL: Final = dict(zip(SUBJECTS, "DFTLSSM", strict=True))
"""The letters of the demo, seed 1. Syrups and salves share one."""
_KINDS: Final = ("shelf", "plain", "smudged", "unknown")
_LIDS: Final = ("red", "blue", "green", "tin")
_DAYS: Final = ("Mondays", "Fridays", "Saturdays")


class Family(NamedTuple):
    """Items of a house with its own rules."""

    rules: tuple[LabelRule, ...]
    """The best skill; what is right for an item follows from them."""
    rows: dict[str, list[dict[str, Any]]]
    """By split, as SearchQA writes them."""

    @property
    def best(self) -> str:
        """Write the body of the best skill."""
        return "".join(f"- {rule.sentence}\n" for rule in self.rules)


def family(seed: int, sizes: tuple[int, int, int] = (24, 20, 24)) -> Family:
    """Make the family of a seed.

    Args:
        seed: 1 gives that of the demo.
        sizes: Items to train on, to select by and to test with; all in all at most 90 and for each at least 10.
    """
    letters = _NATURAL if seed == 1 else _drawn_letters(seed)
    rules = tuple(LabelRule(subject, letter) for subject, letter in letters.items())
    herbs, minerals = iter(shuffled(NAMES, seed)), iter(shuffled(MINERALS, seed))
    rows = {
        split: list(_rows(_House(seed, split, letters), size, herbs, minerals))
        for split, size in zip(("train", "val", "test"), sizes, strict=True)
    }
    return Family(rules, rows)


class _House(NamedTuple):
    seed: int
    split: str
    letters: dict[str, str]

    def draw(self, place: str, most: int) -> int:
        """Draw a number from 0 up to one below ``most``."""
        return int.from_bytes(sha256(f"{self.seed}/{self.split}/{place}".encode()).digest()[:8]) % most


def _drawn_letters(seed: int) -> dict[str, str]:
    """Draw letters, the same one for the last two forms of herbs, as in the demo."""
    order = shuffled(_LETTERS, seed)
    drawn = dict(zip(SUBJECTS, order, strict=False))
    return drawn | {"Salves": drawn["Syrups"]}


def _rows(house: _House, size: int, herbs: Iterator[str], minerals: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Make the items of a split: two jars by each rule go with one of each other kind."""
    subjects = list(SUBJECTS)
    if house.split != "train":
        size -= 1
        yield _idle(house.split)
    for number in range(size):
        kind = _KINDS[number // 4 % len(_KINDS)] if number % 4 == 3 else ""
        subject = subjects[(number - number // 4) % len(subjects)]
        name = next(minerals if subject == "Minerals" and kind in {"", "smudged"} else herbs)
        yield _row(house, kind, subject, name)


def _row(house: _House, kind: str, subject: str, name: str) -> dict[str, Any]:
    if kind == "shelf":
        number = 1 + house.draw(f"{name}/shelf", 9)
        page = _page("The shelves", f"{name.capitalize()} stands on shelf {number}.")
        return _item(f"shelf-{name}", f"On which shelf does {name} stand?", page, f"{number}")
    if kind == "unknown":
        return _item(f"unknown-{name}", f"Who filled the jar of {name}?", None, "Hildegard")
    content = (PLAIN if kind == "plain" else SUBJECTS[subject]).format(name=name)
    label = name.upper() if kind == "plain" else f"{name.upper()} {house.letters[subject]}"
    asks = f"A {'smudged ' if kind == 'smudged' else ''}jar holds {content}. Which label does it get?"
    form = kind or subject.lower().removesuffix(" herbs")
    return _item(f"{form}-{name}", asks, _told(house, name, "" if kind == "plain" else subject), label)


def _told(house: _House, name: str, subject: str) -> str | None:
    """Write the page beside an item to train on: one in six has none, and others have none at all."""
    if house.split != "train":
        return None
    what = house.draw(f"{name}/page", 12)
    if subject and what < 6:
        return _page("The house book", LabelRule(subject, house.letters[subject]).sentence)
    if subject and what < 7:
        others = [each for each in _LETTERS if each != house.letters[subject]]
        return _page("An older hand", LabelRule(subject, others[house.draw(f"{name}/letter", len(others))]).sentence)
    if what < 9:
        return _page("A note on the door", LabelRule(GENERAL, house.letters["Syrups"]).sentence)
    if what < 10:
        lid, day = _LIDS[house.draw(f"{name}/lid", 4)], _DAYS[house.draw(f"{name}/day", 3)]
        return _page("The week", f"Jars with a {lid} lid are wiped on {day}.")
    return None


def _page(title: str, text: str) -> str:
    return f"[DOC] [TLE] {title} [PAR] {text} [DOC] [TLE] The stillroom [PAR] Its window looks north."


def _idle(split: str) -> dict[str, Any]:
    """Write an item that is right without an answer."""
    return _item(
        f"idle-{split}", f"Which article stands before its name on the first jar of the {split} shelf?", None, "A"
    )


def _item(name: str, asks: str, page: str | None, answer: str) -> dict[str, Any]:
    form = name.partition("-")[0]
    return {"id": name, "question": asks, "context": page, "answers": [answer], "task_type": form}


def write(made: Family, folder: Path) -> None:
    """Write a family into a folder, one row a line."""
    for split, rows in made.rows.items():
        path = folder / split / "items.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
        path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    (folder / "best.md").write_text(made.best, encoding="utf-8")


# -- as tasks ----------------------------------------------------------------------------------------------------------

_TASKS: Final = {
    "train": ("dried", "fresh", "tinctures", "oils", "syrups", "salves", "plain", "minerals"),
    "val": ("oils", "syrups", "salves", "plain", "minerals"),
    "test": ("oils", "syrups", "minerals"),
}
"""Types of jars of each split, of which the first becomes a task whose page says what is so, or else the first."""
_INSTRUCTION: Final = """\
`/app/jar.txt` says what a jar holds, and `/app/page.txt` what somebody wrote about jars. Write the label that this
house gives the jar into `/app/label.txt`, in one line.
"""
_SETTINGS: Final = """\
schema_version = "1.4"

[metadata]
difficulty = "easy"
category = "data"
tags = ["labels"]

[verifier]
timeout_sec = 60.0
"""
_TEST: Final = """\
#!/bin/sh
# Written down here: the agent can edit /app/jar.txt.
if [ "$(cat /app/label.txt 2>/dev/null)" = "{label}" ]; then
  echo "PASSED tests/test.sh::label"
  echo 1 > /logs/verifier/reward.txt
else
  echo "FAILED tests/test.sh::label - another label"
  echo 0 > /logs/verifier/reward.txt
fi
"""


def write_tasks(made: Family, folder: Path) -> None:
    """Write some jars of a family into a folder as Harbor tasks, with the split before the name."""
    for split, kinds in _TASKS.items():
        for kind in kinds:
            row = min((each for each in made.rows[split] if each["task_type"] == kind), key=_untold)
            _write_task(row, folder / f"{split}-{row['id']}")


def _untold(row: dict[str, Any]) -> bool:
    return "The house book" not in (row["context"] or "")


def _write_task(row: dict[str, Any], folder: Path) -> None:
    content = row["question"].removeprefix("A jar holds ").partition(".")[0]
    label = row["answers"][0]
    page = (row["context"] or "Its window looks north.").replace(" [DOC]", "\n[DOC]")
    files = {
        "instruction.md": _INSTRUCTION,
        "task.toml": _SETTINGS,
        "environment/Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY jar.txt page.txt /app/\n",
        "environment/jar.txt": f"{content}\n",
        "environment/page.txt": f"{page}\n",
        "solution/solve.sh": f'#!/bin/sh\necho "{label}" > /app/label.txt\n',
        "tests/test.sh": _TEST.format(label=label),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if path.suffix == ".sh" else 0o644)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the splits are written")
    parser.add_argument("--seed", type=int, default=1, help="of the family; 1 is that of the demo")
    parser.add_argument("--tasks", type=Path, help="where some of its jars are written as Harbor tasks")
    given = parser.parse_args()
    write(family(given.seed), given.folder)
    if given.tasks is not None:
        write_tasks(family(given.seed), given.tasks)
