"""Stories of `stillroom demo train`: a skill is learnt from nothing, from failures alone, past a gate one can ask.

The target answers by rules of its skill, and the optimizer from failures that it is sent: if either path is cut, the
first stories here are red.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import msgspec
import pytest

from benchmarks.jar_family import family
from engine.config.resolve import Inputs, resolve
from engine.config.spec import RunSpec
from engine.core.system import clock
from engine.scripted.jar_rules import rules_in, sentences_in
from events.base import Event
from events.digest import Digest
from events.store.base import EventLog, Selection
from events.store.sqlite.store import SqliteLog
from events.streams import TRAIN
from events.types.model import ConversationNode, ModelAnswered, ModelAsked
from events.types.run import RunClosed
from events.types.training import GateDecided, SkillAccepted, TrainingClosed
from replay.crash.child import Life
from replay.rerun import rerun
from tests.architecture.source import ROOT
from tests.cli.terminal import CommandOutcome, machine, type_in
from views.commands.training import TrainOptions, resolve_training
from views.terminal.options import RunOverrides

DEMO: Final = ROOT / "engine" / "demo" / "train"
SPEC: Final = DEMO / "train.toml"
GUIDE: Final = (ROOT / "docs" / "train.md").read_text(encoding="utf-8")
QUICK: Final = ("--epochs", "1", "--limit", "8", "--set", "train.batch=8")


class Trained(NamedTuple):
    """The demo, trained once."""

    folder: Path
    outcome: CommandOutcome


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train as a newcomer does."""
    folder = tmp_path_factory.mktemp("trained")
    return Trained(folder, type_in(folder, "demo", "train", "--plain"))


async def opened(folder: Path) -> SqliteLog:
    """Open the log of a folder."""
    return await SqliteLog.open(folder / ".stillroom" / "log.db", clock=clock, create=False)


async def events_of(log: EventLog, run: str, *kinds: type[Event]) -> list[Any]:
    """Give the events of some classes on the straight line of a training."""
    found = log.read(Selection(run=run, streams=(TRAIN,)))
    return [each.event async for each in found if isinstance(each.event, kinds)]


async def closed(log: EventLog, run: str) -> TrainingClosed:
    """Say how a training ended."""
    (found,) = await events_of(log, run, TrainingClosed)
    assert isinstance(found, TrainingClosed)
    return found


async def document(log: EventLog, run: str) -> str:
    """Give the text of the skill that was accepted last."""
    accepted = (await events_of(log, run, SkillAccepted))[-1]
    return (await log.get(accepted.files[0].digest)).decode()


def last_table(text: str) -> str:
    """Give what is printed of a training's end, without spaces at the ends of lines."""
    told = text[text.index("completed: ") :].partition("\n\nnext")[0]
    return "\n".join(line.rstrip() for line in told.splitlines())


@pytest.mark.slow
def test_the_guide_shows_what_the_command_prints(trained: Trained) -> None:
    """What a newcomer types first, to the last figure."""
    assert trained.outcome.code == 0, trained.outcome.err
    assert last_table(trained.outcome.out) in GUIDE, last_table(trained.outcome.out)
    assert "stillroom skills log jar-labels ·" in trained.outcome.out


async def test_a_skill_is_learnt_from_nothing(trained: Trained) -> None:
    """Its rules are the house's, and items that nobody learnt from are labelled right by them."""
    async with await opened(trained.folder) as log:
        run = (await log.runs())[0]
        ended = await closed(log, run)
        initial, _, final = ended.skills
        assert (initial.digest, initial.revision) == (None, 0)
        assert initial.test_hard is not None
        assert final.test_hard is not None
        assert final.test_hard.exact - initial.test_hard.exact > 0.6
        learnt = rules_in(await document(log, run))
        assert {each for each in learnt if each in family(1).rules} >= set(family(1).rules[3:])


async def test_each_sentence_of_the_skill_was_read_in_a_failure(trained: Trained) -> None:
    """Whatever the optimizer proposes stands in the trajectories of the very request that it answers."""
    async with await opened(trained.folder) as log:
        run = (await log.runs())[0]
        asked: dict[str, str] = {}
        proposed: set[str] = set()
        async for each in log.read(Selection(run=run)):
            if not each.stream.name.startswith("reflect/"):
                continue
            if isinstance(each.event, ModelAsked):
                asked[each.stream.name] = await said_in(log, each.event.conversation)
            if isinstance(each.event, ModelAnswered) and each.event.text is not None:
                answer = (await log.get(each.event.text)).decode()
                shown = asked[each.stream.name].partition("# Trajectories")[2]
                contents = set(sentences_in(answer.partition('"edits"')[2].replace("target", "")))
                told = {one for one in contents if one in shown}
                deleted = {one for one in contents if f'"- {one}"' in answer and '"delete"' in answer}
                replaced = {one for one in contents if '"replace"' in answer}
                assert contents == told | deleted | replaced, each.stream.name
                proposed |= told
        assert set(sentences_in(await document(log, run))) <= proposed
        pages = {row["context"] for split in ("val", "test") for row in family(1).rows[split]}
        assert not any(sentence in (page or "") for sentence in proposed for page in pages)


async def said_in(log: EventLog, node: Digest | None) -> str:
    """Give all that a conversation holds."""
    parts: list[str] = []
    while node is not None:
        read = msgspec.json.decode(await log.get(node), type=ConversationNode)
        parts = [*[str(msgspec.json.decode(await log.get(each))["content"]) for each in read.messages], *parts]
        node = read.before
    return "\n".join(parts)


async def test_candidates_are_accepted_and_rejected_and_rejected_edits_are_not_forgotten(trained: Trained) -> None:
    """The gate asks for rows first; where it accepts, the skill is another revision; shadows decide nothing."""
    async with await opened(trained.folder) as log:
        run = (await log.runs())[0]
        gates = await events_of(log, run, GateDecided)
        active = [each for each in gates if each.shadow is None]
        assert {each.outcome for each in active} == {"more", "accept", "reject"}
        assert {(each.shadow, each.gate) for each in gates} == {
            (None, "level"),
            ("strict", "strict"),
            ("veto", "probe"),
        }
        accepted, ended = await events_of(log, run, SkillAccepted), await closed(log, run)
        counts = {outcome: sum(each.outcome == outcome for each in active) for outcome in ("accept", "reject")}
        assert (len(accepted), ended.rejected) == (counts["accept"], counts["reject"])
        assert [each.revision for each in accepted] == list(range(1, len(accepted) + 1))
        assert any(each.gate == "probe" and "veto" in each.reason for each in gates)
        assert {each.origin for each in accepted} >= {"step"}


async def test_a_training_that_was_completed_lacks_no_verdict(trained: Trained) -> None:
    """It is one part of its run, and nothing of it was to be verified; its cells are counted by `runs`."""
    async with await opened(trained.folder) as log:
        run = (await log.runs())[0]
        found = [each.event async for each in log.read(Selection(run=run, tags={"run.closed"}))]
        assert found == [RunClosed(solved=0, unsolved=0, no_verdict=0)]


@pytest.mark.slow
def test_it_replays_with_no_call(trained: Trained) -> None:
    """Views rebuilt, decisions made again, actors rerun with closed ports."""
    replayed = type_in(trained.folder, "replay")
    assert replayed.code == 0, replayed.out
    assert "reproduced as recorded, 0 model calls" in replayed.out


@pytest.mark.slow
def test_another_gate_is_asked_over_the_run(trained: Trained) -> None:
    """SkillOpt's gate rules as the one in force did, in other words that no optimizer reads; a probe does not."""
    flips: dict[str, dict[str, int]] = {}
    for name in ("strict", "probe"):
        outcome = type_in(trained.folder, "what-if", "@latest", "--set", f"train.gate.name={name}", "--json")
        assert outcome.code == 0, outcome.err
        summary = outcome.rows[0]
        assert (summary["settings"], summary["runs"], summary["missing"]) == ({"train.gate.name": name}, 1, 0)
        flips[name] = summary["flips_by_point"]
    assert flips["strict"] == {}
    assert flips["probe"]["gate"] > 0
    rows = [row for row in type_in(trained.folder, "edits", "list", "--json").rows if row["shadows"]]
    said = {"accepted": "accept", "rejected": "reject"}
    assert all(row["shadows"]["strict"] == said[row["standing"]] for row in rows)


def test_a_setting_of_the_gate_is_swept(trained: Trained) -> None:
    """From a gate that takes what comes to one that takes next to nothing; what was recorded lies between."""
    outcome = type_in(trained.folder, "what-if", "@latest", "--sweep", "train.gate.settings.caution=0:9:4", "--json")
    assert outcome.code == 0, outcome.err
    assert [row["settings"]["train.gate.settings.caution"] for row in outcome.rows] == [0.0, 3.0, 6.0, 9.0]
    assert len({str(row["flips_by_point"]) for row in outcome.rows}) > 1


def test_a_run_whose_gate_has_settings_can_be_asked_for_another(tmp_path: Path) -> None:
    """Those settings are taken away first: no other gate has them, which is said where they are left."""
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    gate = ("--set", "train.gate.name=items", "--set", "train.gate.settings.rounds=1")
    assert type_in(tmp_path, "train", str(folder / "train.toml"), *QUICK, *gate).code == 0
    other = ("what-if", "@latest", "--set", "train.gate.name=strict")
    left = type_in(tmp_path, *other)
    assert (left.code, "rounds" in left.err) == (2, True), left.err
    asked = type_in(tmp_path, *other, "--set", "train.gate.settings={}", "--json")
    assert asked.code == 0, asked.err
    assert asked.rows[0]["settings"] == {"train.gate.name": "strict", "train.gate.settings": {}}


def test_a_training_without_a_candidate_says_so(tmp_path: Path) -> None:
    """Given answers that came and cannot be read, each step is skipped as it says, and the end says what it means."""
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    script = (folder / "script.toml").read_text()
    mute = '[[rule.turn]]\ntext = "No edit comes to mind."\nrepeat = true'
    (folder / "script.toml").write_text(script.replace('function = "jar-optimizer"', mute))
    outcome = type_in(tmp_path, "train", "demo/train.toml", *QUICK)
    assert "no step made a candidate, so that the skill is as it was: no reflection could be read" in outcome.out


@pytest.mark.slow
def test_a_slow_update_that_failed_is_seen(tmp_path: Path) -> None:
    """It leaves no candidate: the end says so, and why, and so do the run and the list of edits."""
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    script = (folder / "script.toml").read_text()
    for stage in ("slow", "meta"):
        rule = f'[[rule]]\nname = "{stage}"\nmodel = "optimizer"\ncontains = ["Stage: {stage}"]\n'
        broken = f'{rule}[[rule.turn]]\nerror = "bad_request"\nrepeat = true\n\n[[rule]]'
        script = script.replace("[[rule]]", broken, 1)
    (folder / "script.toml").write_text(script)
    outcome = type_in(tmp_path, "train", "demo/train.toml", *QUICK, "--set", "train.epochs=2")
    ends = ["slow update of epoch 2: bad_request: ", "meta skill of epoch 2: bad_request: "]
    assert all(f"failed: {each}" in outcome.out for each in ends), outcome.out
    (row,) = [row for row in type_in(tmp_path, "show", "@latest", "--json").rows if row["kind"] == "training"]
    assert [told.startswith(each) for told, each in zip(sorted(row["failed"]), sorted(ends), strict=True)] == [True] * 2
    *_, last = type_in(tmp_path, "edits", "list", "--json").rows
    assert (last["edit"], last["standing"], last["revision"]) == ("e2.slow", "failed", None)
    assert last["reason"].startswith("bad_request: ")


def test_what_the_gate_cannot_decide_on_is_not_rejected(tmp_path: Path) -> None:
    """Given a target most of whose calls fail once it has a skill, infrastructure is no verdict on the skill."""
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    script = (folder / "script.toml").read_text()
    rule = '[[rule]]\nname = "down"\nmodel = "target"\ncontains = ["How the jars of this house", "Which label"]\n'
    broken = f'{rule}[[rule.turn]]\nerror = "bad_request"\nrepeat = true\n\n[[rule]]'
    (folder / "script.toml").write_text(script.replace("[[rule]]", broken, 1))
    outcome = type_in(tmp_path, "train", "demo/train.toml", *QUICK, "--json")
    (end,) = [row for row in outcome.rows if row["kind"] == "training_end"]
    assert (end["accepted"], end["rejected"], end["undecided"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("train.sets.train.limit", "-1", "the limit is -1"),
        ("train.edits.max_chars", "0", "write a number of 1 or more"),
        ("train.edits.max_files", "-3", "write a number of 1 or more"),
        ("train.optimizer.show_chars", "-1", "write a number of 1 or more"),
        ("train.optimizer.part_chars", "0", "write a number of 1 or more"),
        ("train.optimizer.repairs", "-1", "write a number of 0 or more"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(tmp_path: Path, key: str, value: str, said: str) -> None:
    """A negative limit would take all items but the last, and a negative length shows texts from their middle."""
    told = type_in(tmp_path, "train", str(SPEC), "--dry-run", "--set", f"{key}={value}")
    assert (told.code, said in told.err) == (2, True), told.err


def test_a_missing_target_is_named_by_its_role(tmp_path: Path) -> None:
    """The remedy names the table that the page on training names."""
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    spec = (folder / "train.toml").read_text()
    (folder / "train.toml").write_text(spec.replace("[models.target]", "[models.judge]"))
    told = type_in(tmp_path, "train", "demo/train.toml", "--dry-run")
    assert (told.code, "add [models.target]" in told.err) == (2, True), told.err


def test_a_target_that_is_deaf_to_its_skill_learns_nothing(tmp_path: Path) -> None:
    """Given the same failures and the same edits, where the skill does not reach the target, none is accepted."""
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    script = (folder / "script.toml").read_text()
    deaf = '[[rule.turn]]\ntext = "<answer>I do not know.</answer>"\nrepeat = true'
    (folder / "script.toml").write_text(script.replace('function = "jar-target"', deaf))
    outcome = type_in(tmp_path, "train", "demo/train.toml", *QUICK, "--json")
    (end,) = [row for row in outcome.rows if row["kind"] == "training_end"]
    assert (end["accepted"], end["rejected"]) == (0, 1)
    assert {row["test_hard"] for row in end["skills"]} == {0}


def test_the_dry_run_says_what_it_takes_and_records_nothing(tmp_path: Path) -> None:
    """Nothing is asked and nothing recorded; what the gate can see is printed beside what it lets through."""
    told = type_in(tmp_path, "train", str(SPEC), "--dry-run").out
    for line in GUIDE.split("For the demo:\n\n```text\n")[1].split("```")[0].splitlines():
        assert line in told, line
    rows = type_in(tmp_path, "train", str(SPEC), "--dry-run", "--json").rows
    (planned,) = [row for row in rows if row["kind"] == "planned_training"]
    assert (planned["steps"], planned["candidates"], planned["do_nothing"]) == (8, 11, 1)
    stages = {row["stage"]: row for row in rows if row["kind"] == "planned_stage"}
    assert stages["rollouts"]["rollouts_least"] == stages["rollouts"]["rollouts_most"] == 4 * 24
    assert stages["first pass"]["calls_most"] == 20
    assert not (tmp_path / ".stillroom" / "log.db").exists() or type_in(tmp_path, "runs", "--json").rows == []


@pytest.mark.slow
def test_costs_have_bounds_without_a_log_and_what_unsets_one_is_named(trained: Trained, tmp_path: Path) -> None:
    """Sizes of requests and answers bound a call above what it came to; without a limit its key is said."""
    rows = type_in(tmp_path, "train", str(SPEC), "--dry-run", "--json").rows
    limits = {row["stage"]: row for row in rows if row["kind"] == "planned_stage"}
    again = type_in(trained.folder, "train", str(SPEC), "--dry-run", "--json").rows
    measured = {row["stage"]: row for row in again if row["kind"] == "planned_stage"}
    for stage, row in limits.items():
        assert (row["basis"], row["unbounded"], row["cost_least_nano_usd"]) == ("limits", "", 0)
        assert row["cost_most_nano_usd"] > measured[stage]["cost_most_nano_usd"] or stage == "first pass"
    assert sum(row["cost_most_nano_usd"] for row in limits.values()) < 50 * 10**9
    folder = shutil.copytree(DEMO, tmp_path / "demo")
    whole = (folder / "train.toml").read_text()
    for gone, key in (
        ("parameters = { max_tokens = 500 }", "models.target.parameters.max_tokens"),
        ("parameters = { max_tokens = 4000 }", "models.optimizer.parameters.max_tokens"),
        ("target = { input = 0.50, output = 2.00 }", "prices.target"),
        ("optimizer = { input = 2.00, output = 8.00 }", "prices.optimizer"),
    ):
        (folder / "train.toml").write_text(whole.replace(gone, ""))
        told = type_in(tmp_path, "train", "demo/train.toml", "--dry-run").out
        assert f"an upper bound of the cost needs {key}\n" in told, told
    tasks = type_in(tmp_path, "train", str(DEMO / "tasks.toml"), "--dry-run").out
    assert "an upper bound of the cost needs agent.max_tokens\n" in tasks


def test_what_was_planned_is_what_is_done(trained: Trained) -> None:
    """Rollouts and calls lie within the ranges; what is stored is not paid for again."""
    rows = type_in(trained.folder, "train", str(SPEC), "--dry-run", "--json").rows
    stages = [row for row in rows if row["kind"] == "planned_stage"]
    assert sum(row["stored"] for row in stages) == 20
    (run,) = [row for row in type_in(trained.folder, "runs", "--json").rows if row["kind"] == "run"]
    least, most = (sum(row[f"calls_{side}"] for row in stages) + 20 for side in ("least", "most"))
    assert least <= run["calls"] <= most
    assert all(row["cost_most_nano_usd"] is not None for row in stages)


def lived(life: Life, file: Path) -> int:
    """Live one life in a process of its own; give its exit code."""
    file.write_bytes(msgspec.json.encode(life))
    words = [sys.executable, "-m", "replay.crash.child", str(file)]
    return subprocess.run(words, check=False, capture_output=True).returncode


def life(folder: Path, spec: RunSpec, at: int | None) -> Life:
    """Say how a process lives that trains in a folder, and when it dies."""
    (folder / ".stillroom").mkdir(parents=True, exist_ok=True)
    variables = {"PATH": os.environ["PATH"]}  # noqa: TID251 - a process needs its search path
    return Life(spec, str(folder / ".stillroom" / "log.db"), str(folder / "sandboxes"), "test", variables, at)


@pytest.mark.slow
def test_an_unfinished_run_of_the_same_settings_is_named_and_gone_on_with(tmp_path: Path) -> None:
    """So nobody pays twice by typing the same again; with other settings it is another training."""
    words = ("train", str(SPEC), *QUICK)
    spec = resolved(tmp_path)
    assert type_in(tmp_path, *words, "--resume").code == 2
    assert lived(life(tmp_path, spec, 120), tmp_path / "life.json") == -9
    refused = type_in(tmp_path, *words)
    assert (refused.code, "is not finished" in refused.err, "--resume" in refused.err) == (2, True, True)
    resumed = type_in(tmp_path, *words, "--resume", "--json")
    assert resumed.code == 0, resumed.err
    (end,) = [row for row in resumed.rows if row["kind"] == "training_end"]
    assert end["ending"] == "completed"
    assert type_in(tmp_path, *words, "--resume").code == 2, "it is finished now"
    again = type_in(tmp_path, *words, "--json")
    assert again.code == 0, again.err
    assert len(type_in(tmp_path, "runs", "--json").rows) == 2


def resolved(base: Path) -> RunSpec:
    """Resolve the demo's spec as the command does with `QUICK`."""
    options = TrainOptions(epochs=1, limit=8)
    return resolve_training(machine(base), SPEC, options, RunOverrides(set_=("train.batch=8",)))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_at_ten_moments_and_resumed_it_ends_with_the_same_skill(tmp_path: Path, trained: Trained) -> None:
    """SIGKILL all over the run, in the middle of whatever is done: every acceptance, and every row, is the same."""
    spec = resolve(Inputs(tmp_path, run_file=SPEC)).spec
    moments = [311, 97, 523, 208, 641, 55, 402, 777, 149, 350]
    deaths = [lived(life(tmp_path, spec, at), tmp_path / "life.json") for at in moments]
    assert deaths == [-9] * 10
    assert lived(life(tmp_path, spec, None), tmp_path / "life.json") == 0
    async with await opened(tmp_path) as killed, await opened(trained.folder) as plain:
        other, run = (await killed.runs())[0], (await plain.runs())[0]
        assert await course_of(killed, other) == await course_of(plain, run)
        assert (await rerun(killed, other)).complete


async def course_of(log: EventLog, run: str) -> list[Any]:
    """Give what a training decided, in order: acceptances, rulings and its end."""
    found = await events_of(log, run, SkillAccepted, GateDecided, TrainingClosed)
    return [_placeless(each) for each in found]


def _placeless(event: Any) -> Any:
    """Leave out what names places in the log."""
    kept = msgspec.to_builtins(event)
    return {name: value for name, value in kept.items() if name not in {"inputs", "candidate", "gate_at"}}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_other_gates_decide_otherwise_over_the_same_jars(trained: Trained) -> None:
    """A veto where an item is broken, further rows where an effect is in doubt, and everything for the control arm."""
    for gate, outcome, reason in (
        ("probe", "reject", "veto"),
        ("items", "more", "in doubt"),
        ("force", "accept", "every"),
    ):
        ended = type_in(trained.folder, "train", str(SPEC), "--gate", gate, "--name", f"by-{gate}", "--json")
        assert ended.code == 0, ended.err
        rulings = anyio.run(_rulings, trained.folder, gate)
        assert any(each.outcome == outcome and reason in each.reason for each in rulings), gate


async def _rulings(folder: Path, gate: str) -> list[GateDecided]:
    async with await opened(folder) as log:
        found = await events_of(log, (await log.runs())[-1], GateDecided)
        return [each for each in found if each.gate == gate]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_training_is_forked_at_an_acceptance_under_another_gate(trained: Trained) -> None:
    """What stands before is shared, and not asked again; what comes after is ruled on by the other gate."""
    run, at = anyio.run(_first_acceptance, trained.folder)
    forked = type_in(trained.folder, "fork", run, "--at", str(at), "--set", "train.gate.name=strict", "--json")
    assert forked.code == 0, forked.err
    (row,) = [row for row in forked.rows if row["kind"] == "run"]
    assert row["shared"] > 0
    (end,) = [row for row in forked.rows if row["kind"] == "training_end"]
    shared = {"parent": run, "steps": 1, "accepted": 1, "rejected": 0, "undecided": 0}
    assert (end["shared"], end["skill"], end["selection"], end["counted"]) == (shared, "jar-labels", 20, 19)
    assert end["questions"] > 30, "those of the part that is shared are counted, too"
    rulings = anyio.run(_rulings, trained.folder, "strict")
    assert rulings


async def _first_acceptance(folder: Path) -> tuple[str, int]:
    async with await opened(folder) as log:
        run = (await log.runs())[0]
        found = [each async for each in log.read(Selection(run=run, tags={"skill.accepted"}))]
        return run, found[0].position


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_tasks_are_trained_on_with_an_agent_in_a_sandbox(tmp_path: Path) -> None:
    """The shell agent reads its skill through the mount; the optimizer proposes what its commands printed.

    Four edits of the first epoch leave rules out; what still fails without them brings them in the second.
    """
    outcome = type_in(tmp_path, "demo", "train", "--tasks", "--json")
    assert outcome.code == 0, outcome.err
    (end,) = [row for row in outcome.rows if row["kind"] == "training_end"]
    initial, final = (next(row for row in end["skills"] if row["which"] == which) for which in ("initial", "final"))
    assert (end["steps"], end["accepted"]) == (2, 2)
    assert (initial["test_hard"], final["test_hard"], final["measured"]) == (0, 1, 1)
    (run,) = [row["run"] for row in outcome.rows if row["kind"] == "run"]
    learnt = anyio.run(_documents, tmp_path, run)
    assert [bool(rules_in(each)) for each in learnt] == [True, True]
    assert set(rules_in(learnt[0])) < set(rules_in(learnt[1]))
    assert type_in(tmp_path, "replay").code == 0


async def _documents(folder: Path, run: str) -> list[str]:
    """Give the text of the skill at each acceptance."""
    async with await opened(folder) as log:
        accepted = await events_of(log, run, SkillAccepted)
        return [(await log.get(each.files[0].digest)).decode() for each in accepted]
