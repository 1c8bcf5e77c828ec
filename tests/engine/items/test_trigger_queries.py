"""Trigger queries of Agent Skills: right is a skill that was read when it should be, and left alone when not."""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest

from engine.items.base import ItemAnswer
from engine.items.errors import ItemsInvalid
from engine.items.formats.skill_evals import SKILL_EVALS
from engine.items.formats.trigger_queries import TRIGGER_QUERIES, belongs
from engine.items.item_set import ItemSelection, load_items
from engine.items.rows import ItemRow
from events.digest import digest_of
from events.store.memory import MemoryLog
from projections.exposure import Exposure
from replay.redecide import decisions
from replay.rerun import rerun
from tests.cli.terminal import isolated, type_in
from tests.engine.agents.installed.test_agents import backend_named
from tests.engine.items.test_agent_way import MOUNT, base_of, worked
from tests.engine.items.test_skill_evals import scores, skill
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.runs import ASIDE
from views.evaluations.comparison import arm_rows, read_comparison
from views.evaluations.triggers import TriggerRate

QUERIES: Final[list[dict[str, Any]]] = [
    {"query": "Which code has the amber lamp?", "should_trigger": True},
    {"query": "The amber one, please", "should_trigger": True, "id": "short"},
    {"query": "Which colour has a lamp?", "should_trigger": False},
    {"query": "Who made the lamps?", "should_trigger": False, "id": "maker"},
]
NAMES: Final = [
    f"{start}-{digest_of(str(row['query']).encode())[:6]}"
    for start, row in zip(
        (
            "trigger-which-code-has-the-amber-lamp",
            "trigger-the-amber-one-please",
            "no-trigger-which-colour-has-a-lamp",
            "no-trigger-who-made-the-lamps",
        ),
        QUERIES,
        strict=True,
    )
]
WORKER: Final = f"""\
name = "worker"

{ASIDE}
[[rule]]
name = "looks into its skills"
contains = ["amber lamp?"]
[[rule.turn]]
command = "cat {MOUNT}/told/SKILL.md > answer.txt"
[[rule.turn]]
text = "DONE"

[[rule]]
name = "looks where it need not"
contains = ["Who made"]
[[rule.turn]]
command = "cat {MOUNT}/told/SKILL.md"
[[rule.turn]]
text = "DONE"

[[rule]]
name = "asks nobody"
[[rule.turn]]
command = "echo any > answer.txt"
[[rule.turn]]
text = "DONE"
"""


def with_queries(folder: Path, rows: Any = QUERIES) -> Path:
    """Make a skill whose queries lie beside its cases."""
    base = skill(folder)
    (base / "told" / "evals" / "trigger_evals.json").write_text(json.dumps(rows, indent=2))
    return base


@pytest.mark.slow
async def test_a_query_is_right_where_the_skill_was_read_exactly_when_it_should_be(tmp_path: Path) -> None:
    """By the kernel's word: read and missed, left alone and read for nothing; rates follow, and a replay agrees."""
    log, base = MemoryLog(clock=CountingClock()), base_of(tmp_path, WORKER)
    with_queries(tmp_path / "other")
    (tmp_path / "other" / "told" / "evals").rename(base / "evals")
    own = {"items": {"folder": "evals", "format": "agentskills_triggers"}}
    async with backend_named("local", tmp_path) as backend:
        run, _ = await worked(log, base, backend, own=own)
    found = {name: each for name, each in (await scores(log, run)).items() if name.startswith("skill/")}
    assert {name.split(".")[1]: (each.outcome, each.answer) for name, each in found.items()} == {
        NAMES[0]: ("solved", "read"),
        "trigger-short": ("unsolved", "not read"),
        NAMES[2]: ("solved", "not read"),
        "no-trigger-maker": ("unsolved", "read"),
    }
    (row,) = [each for each in arm_rows(await read_comparison(log, run)) if each.arm == "skill"]
    assert (row.trigger, row.false_trigger) == (TriggerRate(1, 2, 0, 0.5), TriggerRate(1, 2, 0, 0.5))
    assert (await rerun(log, run)).complete
    assert all(each.agrees for each in await decisions(log, run))
    assert (await mutate(log, run)).found == ()


@pytest.mark.parametrize(
    ("triggers", "exposure", "marked"),
    [
        (True, {"told": "yes"}, ("solved", Fraction(1))),
        (True, {"told": "no"}, ("unsolved", Fraction(0))),
        (False, {"told": "no", "other": "yes"}, ("solved", Fraction(1))),
        (False, {"other": "no"}, ("solved", Fraction(1))),
        (False, {"told": "yes"}, ("unsolved", Fraction(0))),
        (True, {"told": "unknown", "other": "yes"}, ("infrastructure", None)),
        (False, None, ("infrastructure", None)),
    ],
)
def test_what_nobody_can_know_is_no_score(
    triggers: bool,  # noqa: FBT001
    exposure: Mapping[str, Exposure] | None,
    marked: tuple[str, Fraction | None],
) -> None:
    """A row that names a skill asks for that one alone."""
    row = ItemRow({"query": "x", "should_trigger": triggers, "skill": "told"}, Path(), digest_of)
    said = ItemAnswer("", lambda digest: digest.encode(), exposure=exposure)
    mark = TRIGGER_QUERIES.score(TRIGGER_QUERIES.read(row).item, said)
    assert (mark.outcome, mark.soft) == marked


def test_a_row_that_names_no_skill_asks_for_any() -> None:
    """A skill that was read outweighs others of which nobody can know."""
    row = ItemRow({"query": "x", "should_trigger": True}, Path(), digest_of)
    item = TRIGGER_QUERIES.read(row).item
    said = ItemAnswer("", lambda digest: digest.encode(), exposure={"one": "unknown", "two": "yes"})
    assert TRIGGER_QUERIES.score(item, said).hard


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"query": "x"}], "`should_trigger` must be true or false"),
        ([{"query": "x", "should_trigger": "yes"}], "`should_trigger` must be true or false"),
        ([{"should_trigger": True}], "`query` must be a text"),
        ([QUERIES[0], QUERIES[0]], "stands in"),
    ],
)
def test_what_is_no_query_is_told_by_its_line(rows: Any, said: str, tmp_path: Path) -> None:
    """A query without a label is none."""
    folder = with_queries(tmp_path, rows) / "told" / "evals"
    with pytest.raises(ItemsInvalid, match=said):
        load_items("evals", TRIGGER_QUERIES, folder, ItemSelection(), digest_of)


def test_cases_and_queries_lie_in_one_folder_and_each_is_read_by_its_own_format(tmp_path: Path) -> None:
    """Neither is a wrong row of the other."""
    folder = with_queries(tmp_path) / "told" / "evals"
    cases, queries = (
        load_items("evals", form, folder, ItemSelection(), digest_of) for form in (SKILL_EVALS, TRIGGER_QUERIES)
    )
    assert [each.name for each in cases.items] == ["1", "2"]
    assert [each.name for each in queries.items] == [NAMES[0], "trigger-short", NAMES[2], "no-trigger-maker"]
    assert [belongs(each.name) for each in queries.items] == [True, True, False, False]


def test_the_short_way_takes_the_queries_of_a_skill_without_cases(tmp_path: Path) -> None:
    """Its cases come first; where it has neither, nothing says what to evaluate it on."""
    folder = with_queries(tmp_path) / "told" / "evals"
    words = ("--skill", "told", "-m", "script:script.toml", "--dry-run", "--json")

    def cells() -> list[tuple[str, int]]:
        return [(row["arm"], row["cells"]) for row in isolated(type_in(tmp_path, "evaluate", *words)).rows]

    assert cells() == [("none", 2), ("skill", 2)]
    (folder / "evals.json").unlink()
    assert cells() == [("none", 4), ("skill", 4)]
    (folder / "trigger_evals.json").unlink()
    assert type_in(tmp_path, "evaluate", *words).code == 2
