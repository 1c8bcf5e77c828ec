"""Stories of scripts that cannot be played, and of the one in the documentation."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from engine.scripted.errors import ScriptInvalid
from engine.scripted.reader import load_script, parse_script
from events.errors import ExitCode

_RULE = 'name = "s"\n[[rule]]\nname = "greet"\n'
_TURN = _RULE + "[[rule.turn]]\n"
_DOCS = Path(__file__).parents[3] / "docs" / "scripts.md"

_REFUSED = {
    "not TOML": ("name = ", "s.toml", None, "is not TOML", "syntax"),
    "an integer of 5,000 digits": (f"name = {'9' * 5_000}", "s.toml", None, "is not TOML", "syntax"),
    "no name": ("[[rule]]\nname='a'\n[[rule.turn]]\ntext='b'", "s.toml", "name", "is missing", "add `name"),
    "no rules": ('name = "s"', "s.toml", "rule", "is missing", "[[rule]]"),
    "a rule that is one table": ('name="s"\n[rule]\nname="a"', "s.toml", "rule", "not a list", "two brackets"),
    "a rule that is no table": ('name="s"\nrule=["a"]', "rule 1", None, "is not a table", "keys and values"),
    "an unknown key above": ('naem = "s"\n' + _TURN + 'text="a"', "s.toml", "naem", "not a key", "`name`"),
    "a key of no rule": (_RULE + 'contain=["a"]\n[[rule.turn]]\ntext="a"', "rule 1", "contain", "", "`contain"),
    "an unknown key of a turn": (_TURN + 'comand="ls"', "turn 0", "comand", "not a key", "mean `command`"),
    "an unknown key like nothing": (_TURN + 'zzz="ls"', "turn 0", "zzz", "not a key", "use one of text"),
    "an unknown key of usage": (_TURN + 'text="a"\nusage={inptu=1}', "usage", "inptu", "not a key", "`input`"),
    "a derived key": ('fingerprint="a"\n' + _TURN + 'text="a"', "s.toml", "fingerprint", "not a key", "use one of"),
    "a rule without name": ('name="s"\n[[rule]]\n[[rule.turn]]\ntext="a"', "rule 1", "name", "is missing", "add"),
    "a rule without turns": (_RULE, 'rule 1 "greet"', "turn", "is missing", "[[rule.turn]]"),
    "two rules of one name": (
        _TURN + 'text="a"\n[[rule]]\nname="greet"\n[[rule.turn]]\ntext="b"', "rule 2", "name", "is taken", "own",
    ),
    "a text in place of a list": (_RULE + 'contains="a"\n[[rule.turn]]\ntext="a"', "rule 1", "contains", "`array`", ""),
    "a number in place of a text": (_TURN + "text=1", "turn 0", "text", "got `int`", "of that kind"),
    "an empty text": (_TURN + 'text=""', "turn 0", "text", "length", ""),
    "a turn that says nothing": (_TURN + "delay_s=1", "turn 0", None, "says nothing", "`error`"),
    "an unknown error": (_TURN + 'error="rate_limits"', "turn 0", "error", "rate_limits", "`rate_limit`"),
    "an answer never reached": (_TURN + 'error="server"\ntext="a"', "turn 0", "error", "always", "`times`"),
    "times without an error": (_TURN + 'text="a"\ntimes=2', "turn 0", "times", "missing", "take `times` out"),
    "times without an answer": (_TURN + 'error="server"\ntimes=2', "turn 0", "times", "missing", ""),
    "status of an answer": (_TURN + 'text="a"\nstatus=503', "turn 0", "status", "`error` is missing", "take it out"),
    "wait after a hang": (_TURN + 'error="hang"\nretry_after_s=1', "turn 0", "retry_after_s", "not an HTTP", ""),
    "a status that is no error": (_TURN + 'error="server"\nstatus=200', "turn 0", "status", ">= 400", ""),
    "repeat before the end": (
        _TURN + 'text="a"\nrepeat=true\n[[rule.turn]]\ntext="b"', "turn 0", "repeat", "before the last", "last turn",
    ),
    "an endless delay": (_TURN + 'text="a"\ndelay_s=inf', "turn 0", "delay_s", "<=", ""),
    "a delay that is no number": (_TURN + 'text="a"\ndelay_s=nan', "turn 0", "delay_s", ">=", ""),
    "a negative cost": (_TURN + 'text="a"\ncost_usd="-1"', "turn 0", "cost_usd", "is -1", "USD"),
    "more cached than sent": (
        _TURN + 'text="a"\nusage={input=1, output=1, cached=2}', "usage", "cached", "more than", "within",
    ),
    "an unsendable name": ('name = "a\\nb"\n[[rule]]\nname="a"\n[[rule.turn]]\ntext="b"', "s.toml", "name", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", _REFUSED)
def test_a_malformed_script_is_refused_with_its_place_and_a_remedy(case: str) -> None:
    """Whoever mistypes a key learns which one, in which rule, and what was probably meant."""
    text, place, key, problem, remedy = _REFUSED[case]
    with pytest.raises(ScriptInvalid) as caught:
        parse_script(text, "s.toml")
    assert caught.value.place.startswith("s.toml")
    assert place in caught.value.place
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    """The message names the file, not a line of our code."""
    for path, content in ((tmp_path / "none.toml", None), (tmp_path / "latin.toml", b"# caf\xe9")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ScriptInvalid, match=re.escape(str(path))):
            load_script(path)
    with pytest.raises(ScriptInvalid, match="cannot be read"):
        load_script(tmp_path)


def test_the_script_in_the_documentation_is_one() -> None:
    """A sample that does not work is worse than none."""
    script = parse_script(sample(), "docs/scripts.md")
    assert [rule.name for rule in script.rules] == ["greet, first attempt", "reflect on greet", "greet, later attempts"]
    assert script.rules[0].turns[0].cost_usd == Decimal("0.0001")


def sample() -> str:
    """Give the script that stands in the documentation."""
    found = re.search(r"^```toml\n(.*?)^```$", _DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)
