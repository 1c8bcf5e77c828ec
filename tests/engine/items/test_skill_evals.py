"""A skill's own evals/evals.json: read as it stands, checked by rule where one can, else by a judge or not at all."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest

from engine.items.base import ItemAnswer
from engine.items.errors import ItemsInvalid
from engine.items.formats.skill_evals import SKILL_EVALS
from engine.items.item_set import ItemSelection, decode_item, load_items
from engine.items.scorers.assertions import check, judged_verdicts
from events.digest import digest_of
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.item import ItemScored
from events.types.model import ModelAsked
from replay.redecide import decisions
from replay.rerun import rerun
from tests.cli.terminal import isolated, type_in
from tests.engine.programs.evaluate.test_evaluate import LAMPS, calls, evaluated, evaluation
from tests.support.mutation import mutate
from tests.support.orders import CountingClock

CASES: Final = {
    "skill_name": "told",
    "evals": [
        {
            "id": 1,
            "prompt": "Which code has the amber lamp?",
            "expected_output": "Its code, K7",
            "assertions": ['The output includes "K7"', "The response is polite"],
        },
        {
            "id": 2,
            "prompt": "Which code has the blue lamp?",
            "expected_output": "B2",
            "files": ["evals/files/lamps.txt"],
            "expectations": ['The output mentions "B2"', 'The answer does not mention "K7"'],
        },
    ],
}
STUDENT: Final = """\
name = "student"

[[rule]]
name = "judge"
contains = ["Role: judge", "1. The response is polite", "<given_answer>\\nIt is K7."]
[[rule.turn]]
text = "<think>1: no</think>1: yes"

[[rule]]
name = "strict judge"
contains = ["Role: judge"]
[[rule.turn]]
text = "1: no"

[[rule]]
name = "knows amber from its skill"
contains = ["amber lamp?", "amber lamp is K7"]
[[rule.turn]]
text = "It is K7."

[[rule]]
name = "knows blue"
contains = ["blue lamp?"]
[[rule.turn]]
text = "B2"

[[rule]]
name = "knows nothing"
[[rule.turn]]
text = "No idea"
"""


def skill(folder: Path, cases: Any = CASES) -> Path:
    """Make a skill with its own cases, and a student."""
    (folder / "told" / "evals" / "files").mkdir(parents=True)
    (folder / "told" / "SKILL.md").write_text(LAMPS)
    (folder / "told" / "evals" / "files" / "lamps.txt").write_text("Blue is B2.\n")
    (folder / "told" / "evals" / "evals.json").write_text(json.dumps(cases, indent=2))
    (folder / "script.toml").write_text(STUDENT)
    return folder


ARMS: Final = {"none": {"skills": ""}, "skill": {"skills": "told"}}
OWN: Final = {"items": {"folder": "told/evals", "format": "agentskills"}}
TEACHER: Final = {"model": "teacher", "base_url": "script:script.toml"}


async def scores(log: EventLog, run: str) -> dict[str, ItemScored]:
    """Give how each item was scored."""
    found = [each async for each in log.read(Selection(run=run, tags={"item.scored"}))]
    return {each.stream.name.removeprefix("item/"): each.event for each in found if isinstance(each.event, ItemScored)}


async def test_a_judge_checks_what_no_rule_can_and_is_on_record(tmp_path: Path) -> None:
    """Given a judge, each case is scored by the share of its assertions; a replay asks nobody again."""
    log, base = MemoryLog(clock=CountingClock()), skill(tmp_path)
    models = {"teacher": TEACHER, "judge": {**TEACHER, "model": "judge"}}
    report = await evaluated(log, base, evaluation(ARMS, tasks="", own=OWN, models=models))
    found = await scores(log, report.run)
    assert {name: (each.hard, each.soft and each.soft.exact) for name, each in found.items()} == {
        "none/evals.1.1": (False, Fraction(0)),
        "none/evals.2.1": (True, Fraction(1)),
        "skill/evals.1.1": (True, Fraction(1)),
        "skill/evals.2.1": (True, Fraction(1)),
    }
    asked = [each.event async for each in log.read(Selection(run=report.run, tags={"model.asked"}))]
    assert [each.model for each in asked if isinstance(each, ModelAsked) and each.role == "judge"] == ["judge"] * 2
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))
    assert (await mutate(log, report.run)).found == ()


async def test_without_a_judge_there_is_no_score_where_no_rule_can_check(tmp_path: Path) -> None:
    """An assertion that nobody checked is not one that failed; what rules check alone is scored all the same."""
    log, base = MemoryLog(clock=CountingClock()), skill(tmp_path)
    report = await evaluated(log, base, evaluation(ARMS, tasks="", own=OWN, models={"teacher": TEACHER}))
    assert report.outcomes == {
        "none/evals.1.1": "infrastructure",
        "none/evals.2.1": "solved",
        "skill/evals.1.1": "infrastructure",
        "skill/evals.2.1": "solved",
    }
    one = (await scores(log, report.run))["skill/evals.1.1"]
    assert (one.hard, one.soft) == (None, None)
    assert one.reasons == ("no judge has checked: The response is polite; name one as models.judge",)
    assert await calls(log, report.run) == 4


async def test_a_judge_that_fails_or_says_nothing_gives_no_score(tmp_path: Path) -> None:
    """Its failure is none of the answer's."""
    for number, turn in enumerate(('error = "bad_request"\nrepeat = true', 'text = "I cannot say."')):
        folder = tmp_path / str(number)
        base = skill(folder)
        script = STUDENT.replace('text = "<think>1: no</think>1: yes"', turn).replace('text = "1: no"', turn)
        (base / "script.toml").write_text(script)
        log = MemoryLog(clock=CountingClock())
        models = {"teacher": TEACHER, "judge": {**TEACHER, "model": "judge", "tries": 1}}
        report = await evaluated(log, base, evaluation(ARMS, tasks="", own=OWN, models=models))
        assert report.outcomes["skill/evals.1.1"] == "infrastructure"
        assert (await rerun(log, report.run)).complete


async def test_where_no_money_is_left_for_the_judge_nothing_is_scored(tmp_path: Path) -> None:
    """It ends as `budget`, so that it is asked again where there is some; what rules check needs none."""
    log, base = MemoryLog(clock=CountingClock()), skill(tmp_path)
    bounded = {**TEACHER, "parameters": {"max_tokens": 100}}
    models = {"teacher": bounded, "judge": {**bounded, "model": "judge"}}
    priced: dict[str, Any] = {
        "models": models,
        "prices": {"teacher": {"input": "0", "output": "0"}, "judge": {"input": "1", "output": "1"}},
        "budget": {"run_usd": "0.000001"},
    }
    report = await evaluated(log, base, evaluation(ARMS, tasks="", own=OWN, **priced))
    assert report.outcomes == {
        "none/evals.1.1": "budget",
        "none/evals.2.1": "solved",
        "skill/evals.1.1": "budget",
        "skill/evals.2.1": "solved",
    }
    assert sorted(await scores(log, report.run)) == ["none/evals.2.1", "skill/evals.2.1"]
    assert (await rerun(log, report.run)).complete


def test_files_of_a_case_reach_whoever_works_on_it(tmp_path: Path) -> None:
    """By the paths that the case names; what is expected does not."""
    kept: dict[str, bytes] = {}

    def put(data: bytes) -> Any:
        kept[digest_of(data)] = data
        return digest_of(data)

    found = load_items("evals", SKILL_EVALS, skill(tmp_path) / "told" / "evals", ItemSelection(), put)
    assert [each.name for each in found.items] == ["1", "2"]
    item = decode_item(kept[found.items[1].digest])
    assert [(each.name, kept[each.digest]) for each in SKILL_EVALS.files(item).given] == [
        ("evals/files/lamps.txt", b"Blue is B2.\n")
    ]
    assert item.folder is not None
    assert b"Blue is B2." in kept[item.folder]
    said = ItemAnswer("B2, and K7.", kept.__getitem__)
    mark = SKILL_EVALS.score(item, said)
    assert (mark.hard, mark.soft, mark.reasons) == (False, Fraction(1, 2), ("assertion 2 of 2 does not hold",))


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([{"id": 1}], "an array `evals` is expected"),
        ({"evals": [{"id": 1, "prompt": "x"}]}, "evals.json:3: neither `assertions` nor `expected_output`"),
        ({"evals": [{"id": 1, "prompt": "x", "expected_output": "y"}, 5]}, "a JSON object is expected"),
        ({"evals": [{"id": 1, "prompt": "x", "expected_output": "y", "files": ["evals/a.txt"]}]}, "does not exist"),
    ],
)
def test_what_is_no_case_is_told_by_its_line(cases: Any, said: str, tmp_path: Path) -> None:
    """No case is left out in silence."""
    with pytest.raises(ItemsInvalid, match=said):
        load_items("evals", SKILL_EVALS, skill(tmp_path, cases) / "told" / "evals", ItemSelection(), digest_of)


@pytest.mark.parametrize(
    ("assertion", "text", "holds"),
    [
        ('The output includes "K7"', "it is k7.", True),
        ("The output includes 'K7'.", "it is B2", False),
        ("The response must contain the phrase `done`", "all Done", True),
        ('The answer does not contain "K7"', "K7", False),
        ('The answer does not contain "K7"', "B2", True),
        ('The text starts with "Dear"', "Dear Ann", True),
        ('The output ends with "."', "yes", False),
        ('The answer is "yes"', " yes\n", True),
        ('The answer is "yes"', "yes, it is", False),
        ("The output is valid JSON", '{"a": 1}', True),
        ("The output is valid JSON", "{a}", False),
        ('The output includes "a" and "b"', "a", None),
        ("The output is polite", "please", None),
        ("The skill used a script", "", None),
    ],
)
def test_a_rule_checks_only_what_it_says(assertion: str, text: str, holds: bool | None) -> None:  # noqa: FBT001
    """What is worded otherwise is left to a judge, and not guessed."""
    assert check(assertion, text) is holds


def test_a_judge_is_read_line_by_line() -> None:
    """One who says both, or nothing, has not said; a number that was not asked counts for none."""
    asked = ("a", "b", "c", "d")
    said = "1: yes\n2. No, since it lacks it\n3: yes\n3: no\n9: yes"
    assert judged_verdicts(asked, said) == {"a": True, "b": False}
    assert judged_verdicts(asked, None) == {}


def test_the_short_way_takes_the_cases_that_a_skill_brings(tmp_path: Path) -> None:
    """Where neither tasks nor items are named; they are worked on by the agent."""
    skill(tmp_path)
    words = ("--skill", "told", "-m", "script:script.toml", "--dry-run", "--json")
    rows = isolated(type_in(tmp_path, "evaluate", *words)).rows
    assert [(row["arm"], row["cells"]) for row in rows] == [("none", 2), ("skill", 2)]
    (tmp_path / "told" / "evals" / "evals.json").unlink()
    outcome = type_in(tmp_path, "evaluate", *words)
    assert outcome.code == 2
