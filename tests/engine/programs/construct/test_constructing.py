"""Tasks made of prompt specs: proposed, put right, looked through, proved, and published or kept with the reason."""

import json
from collections.abc import Sequence
from os import mkfifo
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.errors import ConfigRefused
from engine.config.spec import RunSpec
from engine.core.fold import fold
from engine.core.ports import EffectAddress
from engine.core.system import clock
from engine.programs.construct.briefs import BriefInvalid, read_briefs
from engine.programs.construct.points import POINTS
from engine.proving.points import PROOF
from engine.runtime.run import RunReport, start_run
from engine.testing.faulty_ports import Fault, FaultyPorts
from events.base import Event
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.construction import ConstructionClosed
from events.types.control import CancelOrdered
from events.types.model import ModelAsked, ModelFailed
from events.types.sandbox import SandboxAsked, SandboxFailed
from events.values import Usage
from projections.constructions import ConstructionRecord, Constructions
from replay.redecide import decisions
from replay.rerun import rerun
from sandbox.harbor.task import load_task
from tests.engine.runtime.test_control import Stage
from tests.support.constructing import (
    AUTHOR,
    BRIEF,
    CRITIC,
    SUM,
    PretendProofs,
    blueprint,
    constructing,
    fixed,
    make_briefs,
    mortal,
)
from tests.support.crashes import ended, in_memory, wrong_with_cap
from tests.support.mutation import mutate
from tests.support.proving import needs_isolation
from tests.support.runs import setting


async def constructed(
    base: Path, log: EventLog, spec: RunSpec, *, pretend: bool = True, fault: Fault | None = None
) -> tuple[RunReport, dict[str, ConstructionRecord]]:
    """Construct; give what came of each task."""
    means = await setting(log, base)
    if pretend:
        means = means._replace(backend=PretendProofs())
    if fault is not None:
        means = means._replace(between=lambda ports: FaultyPorts(ports, fault))
    report = await start_run(means, spec)
    return report, (await fold(log, Constructions(), Selection(run=report.run))).runs.get(report.run, {})


async def one(
    base: Path,
    *answers: dict[str, Any] | str,
    revised: dict[str, Any] | None = None,
    fault: Fault | None = None,
    **own: Any,
) -> tuple[RunReport, ConstructionRecord]:
    """Construct one task with an author that gives these answers."""
    make_briefs(base, BRIEF)
    (base / "script.toml").write_text(fixed(*answers, revised=revised))
    spec = constructing(base, {"author": {"model": "author", "base_url": "script:script.toml"}}, critique=False, **own)
    report, found = await constructed(base, MemoryLog(clock=clock), spec, fault=fault)
    return report, found["add-them"]


def issues(record: ConstructionRecord, number: int = 1) -> Sequence[str]:
    """Give what was found in the blueprint of a round."""
    return [f"{each.area}: {each.message}" for each in record.rounds[number - 1].issues]


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
async def test_three_prompt_specs_become_tasks_through_repairs_and_revisions(tmp_path: Path) -> None:
    """With the scripted author of the demo, in real sandboxes; and a replay makes no call and publishes nothing."""
    make_briefs(tmp_path)
    (tmp_path / "script.toml").write_text(AUTHOR + CRITIC)
    log = MemoryLog(clock=clock)
    report, found = await constructed(tmp_path, log, constructing(tmp_path), pretend=False)
    assert set(report.outcomes.values()) == {"solved"}
    assert {name: len(each.rounds) for name, each in found.items()} == {
        "3d-scan-calc": 2,
        "wav-amplitude-analysis": 2,
        "weather-anomaly-detection": 2,
    }
    # Each was put right by rule, and revised for what was found: by a rule, or by its proof.
    assert all(each.rounds[0].repairs for each in found.values())
    assert {name: each.rounds[0].verdict for name, each in found.items()} == {
        "3d-scan-calc": "unsound",
        "wav-amplitude-analysis": "unsound",
        "weather-anomaly-detection": None,
    }
    assert found["weather-anomaly-detection"].rounds[0].blocking == 1
    failed = {
        name: {finding.step for finding in each.rounds[0].findings if finding.state == "failed"}
        for name, each in found.items()
    }
    assert "nop" in failed["3d-scan-calc"]
    assert failed["wav-amplitude-analysis"] == {"oracle"}
    # What stands in the folder is what was proved.
    for name, each in found.items():
        task = load_task(tmp_path / "out" / name)
        assert str(task.digest) == each.published == each.rounds[-1].task
        assert task.network_in("agent") == "no-network"
    # A replay goes through it without a call, and publishes nothing.
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    assert (await rerun(log, report.run)).complete
    assert all(each.agrees for each in await decisions(log, report.run))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(300)
@needs_isolation
async def test_a_task_that_never_becomes_sound_is_kept_with_the_reason_and_not_published(tmp_path: Path) -> None:
    """Rejected tasks stay out of the folder of accepted ones (SPARK, W27): they are in the log, blueprint and all."""
    lax = blueprint(verifier={"test_code": "def test_nothing():\n    assert '/root/sum.txt'\n"})
    log = MemoryLog(clock=clock)
    make_briefs(tmp_path, BRIEF)
    (tmp_path / "script.toml").write_text(fixed(lax))
    models = {"author": {"model": "author", "base_url": "script:script.toml"}}
    spec = constructing(tmp_path, models, critique=False, rounds=2)
    report, found = await constructed(tmp_path, log, spec, pretend=False)
    record = found["add-them"]
    assert (record.ending, len(record.rounds), report.outcomes) == ("rejected", 2, {"add-them": "unsolved"})
    assert record.reasons[0] == "it is unsound, and no round is left"
    assert "nop: doing nothing earns the full reward: 1, 1" in record.reasons
    assert not (tmp_path / "out").exists()
    kept = msgspec.json.decode(await log.get(record.rounds[-1].blueprint))
    assert kept["verifier"]["test_code"] == lax["verifier"]["test_code"]


async def test_a_name_of_the_authors_leaves_no_other_folder_behind(tmp_path: Path) -> None:
    """A task is called as its prompt spec is, whatever each revision calls it (SPARK, W27)."""
    broken = blueprint(task_id="first", oracle_python="open('/root/sum.txt'")
    _, record = await one(tmp_path, broken, revised=blueprint(task_id="second"))
    assert record.ending == "published"
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["add-them"]
    assert [each.repairs[0].field for each in record.rounds] == ["task_id", "task_id"]


async def test_tests_that_are_no_python_are_found_before_anything_is_run(tmp_path: Path) -> None:
    """SPARK compiles builder and oracle, and not the verifier."""
    _, record = await one(
        tmp_path, blueprint(verifier={"test_code": "def test_sum(:\n    # /root/sum.txt\n"}), revised=SUM
    )
    assert issues(record) == ["verifier.test_code: it is no Python: invalid syntax (line 1)"]
    assert (record.rounds[0].task, record.rounds[1].verdict, record.ending) == (None, "sound", "published")


async def test_an_expected_result_in_the_agents_image_is_an_error(tmp_path: Path) -> None:
    """SPARK's own prompt asks for a hidden file of expected results there, which the agent can read and write."""
    baked = "def test_sum():\n    assert open('/root/sum.txt').read() == open('/root/.expected.json').read()\n"
    _, record = await one(tmp_path, blueprint(verifier={"test_code": baked}), revised=SUM)
    assert issues(record)[0].startswith("verifier.test_code: it reads /root/.expected.json")
    lying = blueprint(support_files=[{"relative_path": "expected_sum.txt", "content": "42"}])
    (tmp_path / "two").mkdir()
    _, other = await one(tmp_path / "two", lying, revised=SUM)
    assert issues(other)[0].startswith("support_files: expected_sum.txt looks like an expected result")


async def test_a_task_says_that_it_has_no_network(tmp_path: Path) -> None:
    """SPARK leaves the key out where it is false, and Harbor's default is true (W26)."""
    _, record = await one(tmp_path, blueprint(environment={"allow_internet": True}))
    assert record.ending == "published"
    assert "allow_internet = false" in (tmp_path / "out/add-them/task.toml").read_text()
    assert "environment.allow_internet" in [each.field for each in record.rounds[0].repairs]


async def test_an_answer_that_is_no_json_is_asked_for_again_as_one_of_another_form_is(tmp_path: Path) -> None:
    """SPARK's ``schema_retries`` do not cover what is no JSON at all (W25)."""
    _, record = await one(tmp_path, "I would rather not.", {"title": "no task"}, SUM)
    assert (record.ending, len(record.rounds)) == ("published", 1)
    (tmp_path / "never").mkdir()
    report, given_up = await one(tmp_path / "never", "I would rather not.", answer_repairs=1)
    assert (given_up.ending, given_up.rounds) == ("unreadable", [])
    assert "no JSON object can be read" in given_up.reasons[0]
    assert report.outcomes == {"add-them": "unsolved"}


async def test_a_call_that_fails_is_no_answer_and_what_there_was_is_kept(tmp_path: Path) -> None:
    """In SPARK an error of the provider in a repair takes the trace with it (W25); here the first round stands."""
    asked: list[int] = []
    nothing = Usage(None, None, None, None)
    refused = ModelFailed("authentication", 401, "wrong key", None, nothing, None, True, False, None, ())

    def fault(event: Event, place: EffectAddress) -> Event | None:
        del place
        if not isinstance(event, ModelAsked):
            return None
        asked.append(1)
        return refused if len(asked) > 1 else None

    report, record = await one(tmp_path, blueprint(oracle_python="("), fault=fault)
    assert (record.ending, len(record.rounds)) == ("unanswered", 1)
    assert "wrong key" in record.reasons[0]
    assert report.outcomes == {"add-them": "infrastructure"}


async def test_what_could_not_be_proved_is_given_up_and_says_so(tmp_path: Path) -> None:
    """No sandbox opens for the cheats: no author is blamed, and nothing is published."""

    def fault(event: Event, place: EffectAddress) -> Event | None:
        broken = isinstance(event, SandboxAsked) and ".cheat." in place.stream
        return SandboxFailed("unavailable", "no room") if broken else None

    report, record = await one(tmp_path, SUM, fault=fault)
    assert (record.ending, len(record.rounds)) == ("not_proved", 1)
    assert "cheat_reward: no room" in " ".join(record.reasons)
    assert report.outcomes == {"add-them": "infrastructure"}
    assert not (tmp_path / "out").exists()


async def test_nothing_is_written_over_what_stands_there(tmp_path: Path) -> None:
    """Another task of that name is left as it is; the same task again is what was asked for."""
    (tmp_path / "out/add-them").mkdir(parents=True)
    (tmp_path / "out/add-them/instruction.md").write_text("Mine.")
    _, record = await one(tmp_path, SUM)
    assert (record.ending, record.reasons) == ("refused", ("add-them stands there, and is another task",))
    assert [each.name for each in (tmp_path / "out/add-them").iterdir()] == ["instruction.md"]
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["add-them"]


async def test_a_budget_ends_it(tmp_path: Path) -> None:
    """The first call fits, and the next does not: the run says so, and keeps what there was."""
    async with mortal(tmp_path) as here:
        text = {**msgspec.to_builtins(here.spec), "budget": {"run_usd": "0.004"}}
        log = MemoryLog(clock=clock)
        _, found = await constructed(tmp_path, log, msgspec.convert(text, RunSpec))
    assert {each.ending for each in found.values()} == {"budget"}


async def test_a_construction_that_dies_comes_to_what_it_would_have_come_to(tmp_path: Path) -> None:
    """Killed at some moments, and resumed: the same tasks stand there, no answer is paid for twice, nothing is left."""
    async with mortal(tmp_path) as here:
        plain = await ended(here, (), in_memory())
        published = _digests(tmp_path)
        assert set(published) == {"add-them", "add-more"}
        moments = plain.moments[0]
        for moment in (3, moments // 4, moments // 2, moments - 9, moments - 5, moments - 3):
            (tmp_path / "out").rename(tmp_path / f"out{moment}")
            seen = await ended(here, (moment,), in_memory())
            assert wrong_with_cap(seen) == []
            assert _digests(tmp_path) == published, moment


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_construction_that_dies_at_any_moment_comes_to_the_same(tmp_path: Path) -> None:
    """Every fifth moment: each write and each effect.

    Killed while every final state of a proof is verified again, none is left that was verified twice: one more trial
    makes up for it.
    """
    async with mortal(tmp_path) as here:
        plain = await ended(here, (), in_memory())
        published = _digests(tmp_path)
        for moment in range(1, plain.moments[0], 5):
            (tmp_path / "out").rename(tmp_path / f"out{moment}")
            opened = in_memory()
            seen = await ended(here, (moment,), opened)
            assert wrong_with_cap(seen) == []
            async with opened() as log:
                state = await fold(log, Constructions(), Selection(run=(await log.runs())[-1]))
            (found,) = state.runs.values()
            assert {each.ending for each in found.values()} == {"published"}, moment
            assert _digests(tmp_path) == published, moment


def _digests(folder: Path) -> dict[str, str]:
    """Name what is published; a folder that is being written would be among it."""
    return {each.name: str(load_task(each).digest) for each in (folder / "out").iterdir()}


async def test_a_construction_that_is_cancelled_says_so(tmp_path: Path) -> None:
    """Its author hangs; the order ends it, with who gave it and why, and the run is gone through again."""
    stage = Stage(make_briefs(tmp_path, BRIEF))
    (tmp_path / "script.toml").write_text(fixed(SUM).replace("text = ", 'error = "hang"\n# text = '))

    async def story() -> None:
        await stage.until("construct/add-them", ModelAsked)
        assert (await stage.order(CancelOrdered("ada", "it hangs", None))).done

    models = {"author": {"model": "author", "base_url": "script:script.toml"}}
    report = await stage.play(constructing(tmp_path, models), story)
    assert report.outcomes == {"add-them": "stopped"}
    assert await stage.told("construct/add-them", ConstructionClosed) == [
        ConstructionClosed("stopped", 0, ("cancelled by ada: it hangs",))
    ]
    assert await stage.same_again()


async def test_no_ruling_is_passed_on_in_disguise(tmp_path: Path) -> None:
    """Each decision of a construction is answered otherwise once; what is seen later is what substitution gives."""
    log = MemoryLog(clock=clock)
    make_briefs(tmp_path, BRIEF)
    (tmp_path / "script.toml").write_text(fixed(blueprint(oracle_python="("), revised=SUM))
    models = {"author": {"model": "author", "base_url": "script:script.toml"}}
    report, _ = await constructed(tmp_path, log, constructing(tmp_path, models, times=1))
    found = await mutate(log, report.run, [*(point.name for point in POINTS), PROOF.name])
    assert found.mutations > 20
    assert found.found == ()
    assert found.compared > 0


async def test_prompt_specs_are_read_whole_or_refused_by_name(tmp_path: Path) -> None:
    """Keys that mean nothing here are refused with what does instead, templates among them (SPARK's layered mode)."""
    for number, (brief, told) in enumerate(
        [
            ({"prompt": "x", "structure_template": "family"}, "structure_template is not supported"),
            ({"prompt": "x", "output_dir": "there"}, "output_dir is not supported"),
            ({"prompt": "x", "promt": "y"}, "unknown field"),
            ({"prompt": "  "}, "says nothing"),
            ({"task_name_hint": "x"}, "prompt"),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        make_briefs(tmp_path / str(number), brief)
        with pytest.raises(BriefInvalid, match=told):
            read_briefs(tmp_path / str(number) / "specs")
    (tmp_path / "odd").mkdir()
    mkfifo(tmp_path / "odd" / "pipe.json")
    with pytest.raises(BriefInvalid, match="it is no file"):
        read_briefs(tmp_path / "odd")
    (tmp_path / "digits.toml").write_text(f"prompt = 'x'\ny = {'9' * 5_000}\n")
    with pytest.raises(BriefInvalid, match="cannot be read"):
        read_briefs(tmp_path / "digits.toml")
    (tmp_path / "large.json").write_text(json.dumps({"prompt": "x" * 200_000}))
    with pytest.raises(BriefInvalid, match="200014 bytes"):
        read_briefs(tmp_path / "large.json")
    make_briefs(tmp_path, BRIEF, BRIEF)
    with pytest.raises(BriefInvalid, match="another one is called add-them"):
        read_briefs(tmp_path / "specs")
    with pytest.raises(BriefInvalid, match="is not there"):
        read_briefs(tmp_path / "nowhere")


async def test_forms_of_sparks_own_prompt_specs_are_read(tmp_path: Path) -> None:
    """Its loader takes null for what was not said; its examples have lists with numbers, quoted keys, slashes."""
    prompt = (
        "Weigh a part.\n\nRequirements:\n1. Parse the file.\n2. Write `/root/mass.json` with `mass` (2-byte field)."
    )
    spec = {
        "prompt": prompt,
        "task_name_hint": None,
        "available_tools": ["python3", "docker/harbor task environment"],
        "environment_hints": None,
        "constraints": ["A result within 0.1% is right."],
        "output_dir": None,
        "structure_template": None,
    }
    make_briefs(tmp_path, spec)
    ((name, brief),) = read_briefs(tmp_path / "specs").items()
    assert (name, brief.prompt, brief.environment_hints) == ("weigh-a-part", prompt, ())


async def test_settings_that_cannot_work_are_refused_before_anything_is_paid(tmp_path: Path) -> None:
    """Together, by name; and a sandbox that isolates nothing runs no code of a model's."""
    make_briefs(tmp_path, BRIEF)
    (tmp_path / "script.toml").write_text(fixed(SUM))
    models = {"author": {"model": "author", "base_url": "script:script.toml"}}
    with pytest.raises(ConfigRefused, match="2 settings are invalid"):
        await constructed(tmp_path, MemoryLog(clock=clock), constructing(tmp_path, models, rounds=0, times=0))
    with pytest.raises(ConfigRefused, match="1001 is too many"):
        await constructed(tmp_path, MemoryLog(clock=clock), constructing(tmp_path, models, count=1001, times=100))
    unsafe = msgspec.structs.replace(constructing(tmp_path, models), sandbox="none")
    with pytest.raises(ConfigRefused, match="isolates nothing"):
        await constructed(tmp_path, MemoryLog(clock=clock), unsafe)
