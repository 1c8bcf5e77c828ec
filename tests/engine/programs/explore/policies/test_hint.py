"""What an agent may see of a verifier."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policies.skill.literals import VerifierLiterals, significant_digits, verifier_literals
from engine.programs.explore.policies.hint import HintReport, NoHint, verifier_hint

INSTRUCTION = "Write the key `mean` of /root/in.csv to /root/out.json."

SOURCE = '''
"""The answer is 0.68885."""
import json
from pathlib import Path

EXPECTED_RATE = 0.68885
OUT = "/root/out.json"
ANSWER_FILE = "/root/in.csv"

def _compute_reference(rows):
    return sum(rows) * 17

def test_mean_is_68885(limit=12345):
    # the answer is 23
    data = json.loads(Path("/root/out.json").read_text())
    assert abs(data["mean"] - 0.68885) < 1e-6, "should be 0.68885"
    assert data["secret_key"] == "violet"
    assert data["best"] == "/root/in.csv"
'''


def _shown(source: str, instruction: str = INSTRUCTION) -> HintReport:
    report = verifier_hint(source, instruction)
    assert isinstance(report, HintReport)
    return report


def test_w5_no_scalar_survives() -> None:
    """SPARK keeps scalars, inline asserts and floats (W5); three released hints show the final answer."""
    text = _shown(SOURCE).text
    for secret in ("68885", "12345", "violet", "23", "17", "secret_key"):
        assert secret not in text


def test_what_the_instruction_says_may_stay_where_it_names_something() -> None:
    """A path that is opened, a key that is read; but not a path which is compared with, nor an ANSWER."""
    report = _shown(SOURCE)
    assert "OUT = '/root/out.json'" in report.text
    assert "data['mean']" in report.text
    assert "in.csv" not in report.text
    assert {kept.text for kept in report.kept} == {"/root/out.json", "mean"}


def test_structure_stays() -> None:
    """Imports, names and the way of checking are what a hint is for."""
    text = _shown(SOURCE).text
    assert "import json" in text
    assert "def _compute_reference(rows):\n    ..." in text
    assert "def test_mean_is_hidden(limit=hidden_number)" in text


def test_the_report_says_what_is_hidden_and_not_its_value() -> None:
    """Not even a digest: that of a small number can be guessed."""
    report = _shown(SOURCE)
    assert {each.kind for each in report.hidden} == {"number", "text", "docstring", "body"}
    assert not any("68885" in each.where for each in report.hidden)


@pytest.mark.parametrize(
    "line",
    [
        "x = [{SECRET}, {SECRET}]",
        "x = dict(a={SECRET})",
        "x = {{'a': {SECRET}, **y}}",
        "def f(a={SECRET}, *, b={SECRET}): pass",
        "@mark.parametrize('a', [{SECRET}])\ndef f(): pass",
        "x = f'{{y}} is {SECRET}'",
        "x: Literal[{SECRET}] = 1",
        "x = lambda a={SECRET}: a",
        "if x: {SECRET}",
        "match x:\n    case {SECRET}: pass",
        "x = y if z == {SECRET} else -{SECRET}",
        "def expected_values(): return {SECRET}",
        "x = {SECRET} * 2",
        "global_{SECRET} = {SECRET}",
    ],
)
def test_nowhere_a_literal_survives(line: str) -> None:
    """Every place Python has for one."""
    source = line.replace("{{", "{").replace("}}", "}").replace("{SECRET}", "98765")
    text = _shown(source).text
    assert "98765" not in text
    ast.parse(text)


@pytest.mark.parametrize(
    ("call", "stays"),
    [
        ("open({SAID})", True),
        ("pathlib.Path({SAID})", True),
        ("read_csv({SAID})", True),
        ("pd.read_csv({SAID})", True),
        ("loadtxt({SAID})", True),
        ("json.load({SAID})", True),
        ("os.path.join({SAID}, x)", True),
        ("os.path.join(x, {SAID})", True),
        ("digest({SAID})", False),
        ("unread_({SAID})", False),
        ("download({SAID})", False),
        ("row.get({SAID})", True),
        ("row.get(x, {SAID})", False),
        ("row[{SAID}]", True),
        ("x / {SAID}", True),
        ("x + {SAID}", False),
        ("{SAID} / x", False),
    ],
)
def test_a_file_that_the_instruction_names_stays_where_files_are_opened(call: str, *, stays: bool) -> None:
    """And a key where something is looked up; elsewhere nobody knows what it is."""
    report = _shown(f"x = {call}".replace("{SAID}", "'/root/in.csv'"))
    assert ("in.csv" in report.text) == stays
    assert [kept.text for kept in report.kept] == ["/root/in.csv"] * stays


@pytest.mark.parametrize(
    ("target", "stays"),
    [
        ("x", True),
        ("x[i]", True),
        ("x.y", True),
        ("expected", False),
        ("x.expected", False),
        ("self.answerFile", False),
    ],
)
@pytest.mark.parametrize("written", ["{target} = {value}", "{target}: T = {value}"])
def test_a_name_that_says_it_is_the_answer_seals_what_it_is_given(target: str, written: str, *, stays: bool) -> None:
    """Of a variable or an attribute, with a type or without."""
    report = _shown(written.format(target=target, value="'/root/in.csv'"))
    assert ("in.csv" in report.text) == stays


@pytest.mark.parametrize(
    "line",
    [
        "assert {SAID} == x",
        "assert x == {SAID}",
        "assert y < {SAID} <= x",
        "assert open({SAID}) == x",
        "assert ROOT / {SAID} == x",
        "self.assertEqual(x, Path({SAID}))",
        "self.assertEqual(first=Path({SAID}), second=x)",
        "EXPECTED = {SAID}",
        "expected: str = {SAID}",
        "@mark.parametrize('a', [Path({SAID})])\ndef f(): pass",
        "@mark(Path({SAID}))\nclass C: pass",
        "def f(a=Path({SAID})): pass",
        "def f(a: Path({SAID})): pass",
        "def f() -> Path({SAID}): pass",
        "a: Path({SAID}) = b",
        "x = [Path({SAID}), y]",
        "x = {{'a': Path({SAID}), **y}}",
    ],
)
def test_what_the_instruction_says_is_hidden_where_it_may_be_the_answer(line: str) -> None:
    """On either side of a comparison, and wherever else a file that the task names may be what a test expects."""
    source = line.replace("{{", "{").replace("}}", "}").replace("{SAID}", "'/root/in.csv'")
    report = _shown(source)
    assert "in.csv" not in report.text
    assert report.kept == ()


_names = st.from_regex(r"[qwz]{6,9}", fullmatch=True)
_values = st.one_of(
    st.integers(10101, 10**9).filter(lambda n: significant_digits(str(n)) >= 5).map(repr),
    st.floats(0.12345, 0.98765).filter(lambda x: len(repr(x)) > 6).map(repr),
    _names.map(repr),
)
_expressions = st.recursive(
    _values,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda e: f"[{', '.join(e)}, y]"),
        st.tuples(inner, inner).map(lambda e: f"{{{e[0]}: {e[1]}, **y}}"),
        inner.map(lambda e: f"approx({e}, rel=y)"),
        inner.map(lambda e: f"(y == {e})"),
        inner.map(lambda e: f"data[{e}]"),
        inner.map(lambda e: f"(lambda k={e}: k)"),
        inner.map(lambda e: f"(-y + {e})"),
    ),
    max_leaves=6,
)


@given(_expressions, st.sampled_from(["assert {}", "x = {}", "EXPECTED = {}", "def f(a={}): pass", "return_({})"]))
def test_a_hint_never_holds_a_hidden_value(expression: str, frame: str) -> None:
    """The law the whole policy stands for."""
    source = frame.format(expression)
    constants = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]
    text = _shown(source).text
    assert not any(str(value) in text for value in constants)
    assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)]


@pytest.mark.parametrize("source", [None, "  \n", "#!/bin/sh\nset -e\npytest /tests\n", "def f(:", "\x00"])
def test_without_a_python_verifier_there_is_no_hint(source: str | None) -> None:
    """And the reason is said."""
    assert isinstance(verifier_hint(source, INSTRUCTION), NoHint)


def test_a_long_hint_is_cut_at_a_line_and_says_so() -> None:
    """34 of 66 hints are cut in the middle of a line in SPARK."""
    report = verifier_hint("def f():\n    call(a)\n" * 50, INSTRUCTION, max_chars=100)
    assert isinstance(report, HintReport)
    assert report.total_chars > 100
    assert report.text.splitlines()[-1].startswith("# ... cut here")


def test_a_hint_that_fits_is_whole_and_one_character_more_cuts_a_line() -> None:
    """What is shown ends with a line, never within one; and how much is missing is said to the character."""
    line = "call(a)\n"
    whole = _shown(line * 750)
    assert whole.total_chars == len(whole.text) == len(line) * 750 - 1
    exact = verifier_hint(line * 4, "", max_chars=31)
    assert isinstance(exact, HintReport)
    assert exact.text == "\n".join(["call(a)"] * 4)
    cut = verifier_hint(line * 4, "", max_chars=30)
    assert isinstance(cut, HintReport)
    assert (cut.text, cut.total_chars) == (
        "\n".join([*["call(a)"] * 3, "# ... cut here: 8 more characters"]),
        31,
    )
    at_an_end = verifier_hint(line * 4, "", max_chars=23)
    assert isinstance(at_an_end, HintReport)
    assert at_an_end.text.startswith("\n".join([*["call(a)"] * 3, "#"]))


def test_six_thousand_characters_are_shown_unless_another_number_is_asked_for() -> None:
    """As in SPARK."""
    name = "a" * 5994
    assert _shown(f"call({name})").text == f"call({name})"
    assert "cut here" in _shown(f"call()\ncall({name})").text


@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [
        ("255", "test_255", "test_hidden"),
        ("25", "test_25", "test_25"),
        ("0.0255", "test_255", "test_hidden"),
        ("2500", "test_25", "test_25"),
        ("'violet'", "test_violet", "test_hidden"),
        ("'VIOLET'", "test_violet", "test_hidden"),
        ("'blue!'", "test_blue", "test_blue"),
        ("'violet'", "test_violets", "test_violets"),
        ("'a b c d'", "test_a_b_c_d", "test_hidden"),
        (repr("v" * 80), "test_" + "v" * 80, "test_hidden"),
        (repr("v" * 81), "test_" + "v" * 81, "test_" + "v" * 81),
        ("True", "test_true", "test_true"),
    ],
)
def test_a_name_that_spells_a_hidden_value_is_shown_as_another(value: str, name: str, shown: str) -> None:
    """Where the value can be told from chance: three digits that matter, or six to eighty characters."""
    report = _shown(f"def {name}():\n    assert x == {value}\n")
    assert f"def {shown}()" in report.text
    assert {each.where for each in report.hidden} == {shown}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("test_expected", True),
        ("_check_expected", True),
        ("__verifyAnswer", True),
        ("_expected", False),
        ("refSolver", False),
    ],
)
def test_a_function_that_checks_an_answer_is_shown_and_one_that_computes_it_is_not(name: str, *, shown: bool) -> None:
    """By the first word of its name, whatever stands before it."""
    assert ("call(x)" in _shown(f"def {name}():\n    return call(x)\n").text) == shown


def test_what_the_instruction_says_may_stay_in_a_name() -> None:
    """It is no secret."""
    assert "test_violet" in _shown("def test_violet():\n    assert x == 'violet'\n", "Paint it violet.").text


def test_telling_constants_are_collected_and_talk_is_not() -> None:
    """Messages to people are not answers."""
    source = (
        '"""Docstring."""\nX = 0.68885\nY = 1000\nassert a == "violet!", "message to people"\npytest.fail("no file")\n'
    )
    assert verifier_literals(source) == VerifierLiterals(numbers=("0.68885",), texts=("violet!",))


@pytest.mark.parametrize(
    ("source", "numbers", "texts"),
    [
        ("x = 25", (), ()),
        ("x = 255", ("255",), ()),
        ("x = True", (), ()),
        ("x = 'blue!'", (), ()),
        ("x = ' violet '", (), ("violet",)),
        ("x = 'violet', 255, 'indigo', 123", ("123", "255"), ("indigo", "violet")),
        ("raise E('violet')", (), ()),
        ("x = f'{y} violet'", (), ()),
        ("print('violet')", (), ()),
        ("log.warning('violet')", (), ()),
        ("same('violet')", (), ("violet",)),
        ("assert same('violet'), 'indigo'", (), ("violet",)),
    ],
)
def test_which_constants_are_telling(source: str, numbers: tuple[str, ...], texts: tuple[str, ...]) -> None:
    """Three digits that matter, six characters; and nothing that is only said to people."""
    assert verifier_literals(source) == VerifierLiterals(numbers, texts)


@pytest.mark.parametrize(("number", "digits"), [("1000", 1), ("0.010", 1), ("3.14", 3), ("-1e-06", 1), ("nan", 0)])
def test_digits_that_matter(number: str, digits: int) -> None:
    """A round number says little."""
    assert significant_digits(number) == digits
