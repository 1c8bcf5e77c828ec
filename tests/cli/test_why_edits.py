"""Why an edit was accepted, rejected or vetoed: the page of the docs, executed on a training of the demo's jars."""

from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from events.store.sqlite.store import SqliteLog
from tests.cli.terminal import ticking, type_in
from tests.docs.snippets import snippets, spaced, typed, unprinted
from tests.support.training import jars, trained, training

PAGE: Final = "docs/trained-edits.md"
WHOLE: Final = {
    name: {"folder": "items", "split": split}
    for name, split in (("train", "train"), ("selection", "val"), ("test", "test"))
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a skill was trained under a gate that vetoes, beside SkillOpt's, which looks on."""
    base = tmp_path_factory.mktemp("trained")

    async def train() -> None:
        path = base / ".stillroom" / "log.db"
        path.parent.mkdir()
        spec = training(
            sets=WHOLE,
            batch=12,
            minibatch=4,
            slow={"on": False},
            test=False,
            gate={"name": "paired"},
            shadows={"strict": {"name": "strict"}},
        )
        async with await SqliteLog.open(path, clock=ticking()) as log:
            await trained(log, jars(base), spec)

    anyio.run(train)
    return base


def test_what_the_page_shows_is_what_the_commands_print(folder: Path) -> None:
    """Every line of it, in its order; … stands for lines that are left out."""
    examples = [command for snippet in snippets(PAGE) for command in typed(snippet)]
    assert len(examples) >= 5
    for command in examples:
        outcome = type_in(folder, *command.words)
        assert outcome.code == 0, outcome.err
        assert unprinted(command.shown, outcome.out, spaced) is None, (command, outcome.out)


@pytest.mark.parametrize(
    ("edit", "tag", "reason"),
    [
        ("s1.1", "skill.rejected", "veto: "),
        ("s2.1", "skill.accepted", ""),
        ("s3.1", "skill.rejected", "it is not ahead"),
    ],
    ids=["vetoed", "accepted", "rejected"],
)
def test_a_ruling_is_explained_down_to_the_answer_of_each_item(folder: Path, edit: str, tag: str, reason: str) -> None:
    """Rows of the candidate and of the revision in force, each with what the model wrote; and every ruling stands."""
    rows = type_in(folder, "why", edit, "--json").rows
    nodes, checked = rows[:-1], rows[-1]
    assert (nodes[0]["tag"], checked["broken"], checked["differ"]) == (tag, [], [])
    gates = [node for node in nodes if node["tag"] == "gate.decided" and node["parent"] == 0]
    assert [node["decision"]["agrees"] for node in gates] == [True]
    assert reason in gates[0]["text"]
    below = _below(nodes, gates[0]["node"])
    cells = [node["id"].partition(":")[2] for node in below if ":cell/" in node["id"]]
    sides = {f"cell/s{edit[1]}.gate/", f"cell/s{edit[1]}.gate.beside/"}
    assert {side for side in sides if any(each.startswith(side) for each in cells)} == sides, set(cells)
    assert {"item.scored", "model.call_answered"} <= {node["tag"] for node in nodes}
    assert {"optimizer.closed", "optimizer.opened"} & {node["tag"] for node in nodes}


def _below(nodes: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """List a node and all that it rests on."""
    inside = {number}
    for node in nodes:
        if node["parent"] in inside:
            inside.add(node["node"])
    return [node for node in nodes if node["node"] in inside]


def test_an_edit_that_is_not_there_is_refused_with_those_that_are(folder: Path) -> None:
    """As everywhere."""
    refused = type_in(folder, "why", "s9.1")
    assert refused.code == 2
    assert "known: s1, s2, s3, s4" in refused.err
