"""Stories of YAML that somebody hands over: aliases that would grow without end are refused before they do."""

import pytest
import yaml

from sandbox.errors import TaskInvalid
from sandbox.harbor.compose.file import compose_of
from sandbox.harbor.task import load_task
from sandbox.harbor.yaml_tree import DEEPEST, MOST_REPEATED, YamlUnfit, compose_yaml, read_yaml
from tests.sandbox.conftest import WriteTask


def bomb(levels: int = 8, many: int = 9) -> str:
    """Write a few lines that stand for `many` to the power of `levels` values."""
    lines = [f"x-a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * many)}]\n" for level in range(1, levels + 1)]
    return "".join(["x-a0: &a0 [lol]\n", *lines, "services: {main: {}}\n"])


MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 9)
)
UNFIT = {
    "lists": (bomb(), "repeat more than"),
    "merges": (MERGES, "repeat more than"),
    "one long text": (f"a: &a {'x' * 64 * 1000}\nb: [{', '.join(['*a'] * 200)}]\n", "repeat more than"),
    "itself": ("a: &a [*a]\n", "line 1 holds an alias of itself"),
    "deep": ("a: " + "[" * 100_000, "too deeply"),
    "deeper than is read": ("a: " + "[" * DEEPEST + "]" * DEEPEST, f"more than {DEEPEST} deep"),
    "a month 13": ("a: 2026-13-01\n", "not of its kind"),
    "no number": ("a: !!int x\n", "not of its kind"),
    "no truth": ("a: !!bool x\n", "not of its kind"),
    "no time": ("a: !!timestamp x\n", "not of its kind"),
}


@pytest.mark.slow
@pytest.mark.parametrize("story", UNFIT)
def test_what_no_value_is_made_of_is_refused_by_its_reason(story: str) -> None:
    """Under 1 KB may stand for billions of values; whoever hands it over is told so at once."""
    text, said = UNFIT[story]
    with pytest.raises(YamlUnfit, match=said):
        read_yaml(text)


def test_aliases_as_people_use_them_are_read() -> None:
    """A block that several services share is what aliases are for."""
    text = "base: &base {image: x}\none: {<<: *base, command: a}\ntwo: *base\n"
    assert read_yaml(text) == {
        "base": {"image": "x"}, "one": {"image": "x", "command": "a"}, "two": {"image": "x"}
    }  # fmt: skip
    assert read_yaml("") is None
    assert read_yaml(b"\xff\xfea\x00:\x00 \x001\x00") == {"a": 1}


def test_the_bound_is_what_aliases_repeat_and_no_bound_on_a_file() -> None:
    """A long file without an alias says as much as it holds."""
    many = 100
    value = f"a: &a [{', '.join(['x'] * (many - 1))}]\n"
    just = MOST_REPEATED // many
    assert compose_yaml(f"{value}b: [{', '.join(['*a'] * just)}]") is not None
    with pytest.raises(YamlUnfit):
        compose_yaml(f"{value}b: [{', '.join(['*a'] * (just + 1))}]")


def test_nesting_as_deep_as_is_allowed_is_read() -> None:
    """The deepest list that is read, and none more."""
    assert compose_yaml("[" * (DEEPEST - 1) + "x" + "]" * (DEEPEST - 1)) is not None
    with pytest.raises(YamlUnfit, match="deep"):
        compose_yaml("[" * DEEPEST + "x" + "]" * DEEPEST)


@pytest.mark.parametrize("text", [bomb(), "services: {main: {environment: {A: 2026-13-01}}}\n", "a: &a {b: *a}\n"])
def test_a_task_with_such_a_file_is_refused_by_the_name_of_the_file(text: str, write_task: WriteTask) -> None:
    """`tasks check` goes on to the next task."""
    task = load_task(write_task({"environment/docker-compose.yaml": text}))
    with pytest.raises(TaskInvalid, match=r"docker-compose\.yaml: ") as caught:
        compose_of(task, {})
    assert isinstance(caught.value.__cause__, yaml.YAMLError)
