"""Answers by files: a person or a program is the model, the run waits for it, and the exit code says so."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio

from engine.core.gathering import ActorsHeldBack
from engine.core.ports import EffectAddress
from engine.effects.answer_files import AnswerFolder
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.providers.gate import wide_open
from tests.cli.terminal import type_in
from tests.engine.programs.evaluate.test_evaluate import questions
from tests.support.runs import make_base
from tests.support.training import jars

ASKED = (
    "--set",
    "evaluate.items.folder=quiz",
    "--skill",
    "skills",
    "-m",
    "files:post",
    "--set",
    "models.teacher.timeout_s=0.2",
)
PLACE = EffectAddress("r1", "cell/1", 3)
REQUEST = ChatRequest(model="files", messages=(b'{"role":"user","content":"Which code? The key is hunter2-hunter2."}',))


def waiting(folder: Path) -> list[dict[str, Any]]:
    """Read the requests that wait, by id."""
    return [json.loads(path.read_text()) for path in sorted((folder / "requests").glob("*.json"))]


def reply_to(asked: Mapping[str, Any]) -> str:
    """Answer as somebody who knows one lamp."""
    return "<answer>K7</answer>" if "amber lamp" in json.dumps(asked["request"]) else "I do not know."


async def asked(folder: Path, wait_s: float = 30.0) -> ChatReply:
    """Ask once, at one place."""
    opened = AnswerFolder(folder, wait_s, lambda data: data.replace(b"hunter2-hunter2", b"[secret]"))
    return await opened.at(PLACE).complete(REQUEST, wide_open)


async def write_once_asked(folder: Path, answers: Mapping[str, str]) -> None:
    """Wait for the request, and write files whose names end so."""
    requests = folder / "requests"
    while not (requests.exists() and waiting(folder)):
        await anyio.lowlevel.checkpoint()
    (found,) = waiting(folder)
    for end, text in answers.items():
        (folder / "answers" / f"{found['id']}{end}").write_text(text)


def test_a_run_ends_as_waiting_and_a_resume_goes_on_with_what_was_answered(tmp_path: Path) -> None:
    """Given nobody answers, exit code 8, nothing lost; once all is answered it is scored, and its cost is unknown."""
    questions(tmp_path)
    first = type_in(tmp_path, "evaluate", *ASKED)
    assert first.code == 8, first.err
    assert "waiting for answers by files" in first.err + first.out
    run = type_in(tmp_path, "runs", "--json").rows[0]["run"]
    codes, seen = [8], set()
    while codes[-1] == 8 and len(codes) < 6:
        for each in waiting(tmp_path / "post"):
            seen.add(each["id"])
            assert each["request"]["messages"]
            (tmp_path / "post" / "answers" / f"{each['id']}.md").write_text(reply_to(each))
        codes.append(type_in(tmp_path, "resume", run).code)
    assert codes[-1] == 0
    assert not waiting(tmp_path / "post")
    (row,) = [each for each in type_in(tmp_path, "show", run, "--json").rows if each.get("kind") == "run"]
    assert (row["solved"], row["unsolved"]) == (2, 2)
    # A wait that the end of a process cut short counts as a call, whose cost nobody knows either.
    assert row["unknown_cost_calls"] == 2 * len(seen)
    for path in sorted((tmp_path / "post").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert type_in(tmp_path, "replay", run).code == 0


TRAINING = """
program = "train"
models.target = {model = "target", base_url = "files:post", timeout_s = 0.2}
models.optimizer = {model = "optimizer", base_url = "files:post", timeout_s = 0.2}
[train]
name = "jar-labels"
epochs = 1
batch = 2
slow.on = false
sets.train = {folder = "items", split = "train", limit = 2}
sets.selection = {folder = "items", split = "val", limit = 2}
sets.test = {folder = "items", split = "test", limit = 1}
"""


def resumed(folder: Path, run: str, answer: str) -> list[int]:
    """Answer all that waits with one text and resume, until the run waits no more; give the exit codes."""
    codes = [8]
    while codes[-1] == 8 and len(codes) < 10:
        for each in waiting(folder / "post"):
            (folder / "post" / "answers" / f"{each['id']}.md").write_text(answer)
        codes.append(type_in(folder, "resume", run).code)
    return codes


def test_a_training_is_answered_by_files(tmp_path: Path) -> None:
    """Both models are the same folder: target and optimizer are answered, resume by resume, to the end."""
    (jars(tmp_path) / "files.toml").write_text(TRAINING)
    assert type_in(tmp_path, "train", "files.toml").code == 8
    run = type_in(tmp_path, "runs", "--json").rows[0]["run"]
    nothing = '<answer>x</answer>\n```json\n{"findings": [], "edits": []}\n```'
    assert resumed(tmp_path, run, nothing)[-1] == 0
    assert type_in(tmp_path, "replay", run).code == 0


def test_a_trial_is_answered_by_files(tmp_path: Path) -> None:
    """The attempt that asked goes on behind every answer, and its work is verified: its sandbox is built again."""
    make_base(tmp_path)
    options = ("models.teacher.timeout_s=0.2", "models.teacher.tools=false", "method.attempts=1")
    given = [word for option in options for word in ("--set", option)]
    first = type_in(tmp_path, "run", "explore", "--tasks", "tasks", "-m", "files:post", *given)
    assert first.code == 8, first.err
    run = type_in(tmp_path, "runs", "--json").rows[0]["run"]
    said = []
    for text in ("```sh\ncat words.txt | tee answer.txt\n```", "DONE"):
        (told,) = waiting(tmp_path / "post")
        (tmp_path / "post" / "answers" / f"{told['id']}.md").write_text(text)
        resumed_run = type_in(tmp_path, "resume", run)
        assert resumed_run.code == 8, "the next turn is asked for, and then what was learnt"
        said.append(resumed_run.err)
    assert "attempt 1 solved" in said[-1]


def test_an_answer_that_would_go_unused_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    """Abandoned attempts take no answer with them: whoever wants both is told, and nobody is asked."""
    make_base(tmp_path)
    outcome = type_in(tmp_path, "run", "explore", "--tasks", "tasks", "-m", "files:post", "--set", "on_loss=abandon")
    assert (outcome.code, "would go unused" in " ".join(outcome.err.split())) == (2, True)
    assert not (tmp_path / "post").exists()


async def test_an_answer_comes_while_the_run_waits(tmp_path: Path) -> None:
    """Text is what the model says; of what it cost nothing is known; a secret is not written into the request."""
    got: list[ChatReply] = []

    async def ask() -> None:
        got.append(await asked(tmp_path))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await write_once_asked(tmp_path, {".md": "K7\n"})
        (told,) = (tmp_path / "requests").glob("*.md")
        assert "[secret]" in told.read_text()
        assert "hunter2" not in told.read_text()
    assert (got[0].text, got[0].usage.output_tokens, got[0].cost_usd) == ("K7", None, None)
    assert not waiting(tmp_path)


async def test_an_answer_that_cannot_be_read_is_named_and_may_be_written_again(tmp_path: Path) -> None:
    """A JSON that is cut is not taken, what is wrong stands beside it, and the one put right is taken."""
    got: list[ChatReply] = []

    async def ask() -> None:
        got.append(await asked(tmp_path))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await write_once_asked(tmp_path, {".json": '{"content": "K'})
        while not list((tmp_path / "problems").glob("*.json.txt")):
            await anyio.lowlevel.checkpoint()
        (problem,) = (tmp_path / "problems").glob("*.json.txt")
        assert "cannot be read" in problem.read_text()
        assert len(waiting(tmp_path)) == 1
        call = {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": "{}"}}
        await write_once_asked(tmp_path, {".json": json.dumps({"tool_calls": [call]})})
    assert [each.name for each in got[0].tool_calls] == ["shell"]
    assert not problem.exists()


async def test_many_that_wait_may_say_the_same_of_a_stranger_at_once(tmp_path: Path) -> None:
    """Two models of a run may be one folder: whoever lets go first does not take the other's file away."""
    (tmp_path / "answers").mkdir()
    (tmp_path / "problems").mkdir()
    for number in range(20):
        (tmp_path / "answers" / f"stranger{number}.md").write_text("x")
    folders = [AnswerFolder(tmp_path, 0.0, bytes) for _ in range(8)]
    failed: list[BaseException] = []

    async def wait(folder: AnswerFolder, place: EffectAddress) -> None:
        try:
            await folder.at(place).complete(REQUEST, wide_open)
        except ActorsHeldBack:
            return
        except OSError as error:
            failed.append(error)

    for _ in range(5):
        async with anyio.create_task_group() as group:
            for version, folder in enumerate(folders):
                group.start_soon(wait, folder, EffectAddress("r1", "cell/1", version))
    assert failed == []
    assert len(list((tmp_path / "problems").iterdir())) == 20
