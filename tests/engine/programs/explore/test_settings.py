"""Stories of settings: each key reaches the rule it names, changes what it says, and an old rule stays what it was."""

from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from engine.config.changes import change_spec, read_changes
from engine.config.spec import RunSpec
from engine.core.decision import NoSettings, PolicyContext, encode_value
from engine.effects.points import CALL_RETRY, CallRetrySaw, FailureSeen
from engine.programs.explore import points
from engine.programs.explore.learning_points import EVIDENCE
from engine.programs.explore.policies.evidence.facts import EvidenceCaps
from engine.programs.explore.policies.provenance import BlockOrigin
from engine.programs.explore.rulings import decide_whether_to_go_on
from engine.programs.explore.spec import EvidenceSpec, MonitorSpec
from events.base import Ref
from events.digest import digest_of
from events.types.decision import Seen
from events.values import Outcome
from projections.pdi.index import PdiSettings
from replay.ledger import read_ledger
from replay.what_if.ask import WhatIf, ask, prepare
from tests.engine.importers.recorded import write_task
from tests.replay.test_imported import imported, what_if
from tests.replay.what_if.test_ask import lived
from tests.support.rulings import POINTS, read
from tests.support.runs import spec
from tests.support.worlds import memory_log

OTHERWISE: Final[dict[str, Any]] = {
    "method": "js_divergence",
    "threshold": -2.5,
    "warmup": 4,
    "exec_weight": 2.5,
    "plan_weight": 0.0,
    "oss_weight": 1000.0,
    "facts_share": 0.25,
    "alpha": 0.000001,
    "tolerance": 1e-9,
    "sections": "lenient",
    "unhealthy": "left_out",
}
"""A value that is not the default for each key of a monitor, but for its reference."""
ANY: Final[Any] = None
"""Inputs of a point whose rule does not look at them."""
FIRST_TRIGGER: Final = 9
"""Version of the event that records the first trigger of the imported trial: at the threshold, as the source says."""


def changed(key: str, value: object) -> RunSpec:
    """Set one key as a person types it."""
    return change_spec(spec(), read_changes([(key, str(value))]))


def test_every_setting_of_the_measure_is_a_key() -> None:
    """What only tests can set is no setting."""
    assert set(PdiSettings.__struct_fields__) == set(MonitorSpec.__struct_fields__) == {*OTHERWISE, "reference"}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_key_of_a_monitor_is_a_setting_of_its_rule(name: str) -> None:
    """Of the active one, in short or in full, and of a shadow; and of nothing else."""
    value = OTHERWISE[name]
    wanted = msgspec.structs.replace(PdiSettings(), **{name: value})
    assert wanted != PdiSettings()
    for key in (f"pdi.{name}", f"method.pdi.active.{name}"):
        under = changed(key, value)
        assert points.PDI.rule(under, ANY) == wanted
        assert points.PDI.shadows(under, ANY) == {}
    under = changed(f"method.pdi.shadows.other.{name}", value)
    assert points.PDI.rule(under, ANY) == PdiSettings()
    assert points.PDI.shadows(under, ANY) == {"other": wanted}


@pytest.mark.parametrize("key", ["plan_weight", "oss_weight"])
async def test_a_run_is_asked_what_another_weight_would_have_done(key: str, tmp_path: Path) -> None:
    """The memo came back as it was: without that in the sum PDI is at the threshold, and the agent is told nothing."""
    log, run = await lived(tmp_path)
    prepared = await prepare(log, run)

    async def asked(weight: str) -> WhatIf:
        return await ask([prepared], read_changes([(f"pdi.{key}", weight)]))

    assert (await asked("1")).flips == ()
    found = await asked("0")
    assert [(flip.point, flip.recorded, flip.decided) for flip in found.flips] == [
        ("pdi", True, False), ("intervention", "soft", "none"), ("retry", "soft", "none")
    ]  # fmt: skip
    assert [left.flip.point for left in found.left] == ["retry"]


async def test_a_shadow_with_other_weights_is_recorded_beside_the_active_monitor(tmp_path: Path) -> None:
    """Over the same inputs, under a rule of its own; it acts on nothing."""
    log, run = await lived(tmp_path, method={"pdi": {"shadows": {"grounded": {"plan_weight": 0, "oss_weight": 0}}}})
    entries = [each for each in (await read_ledger(log, run)).entries if each.name == "pdi"]
    assert [(each.shadow, each.ruling.raw_pdi, each.ruling.level) for each in entries[2:]] == [
        (None, -2.0, "soft"), ("grounded", 0.0, None)
    ]  # fmt: skip
    assert (entries[3].rule.plan_weight, entries[3].rule.exec_weight) == (0.0, 1.0)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tolerance": "1e-9"}, id="rounding shall not decide"),
        pytest.param({"exec_weight": "0", "oss_weight": "0"}, id="another sum"),
    ],
)
async def test_what_the_source_ruled_at_the_threshold_is_no_ruling_under_other_settings(
    changes: dict[str, str], tmp_path: Path
) -> None:
    """Its last bit decided of its own value. Here the value is at the threshold again, and not below it."""
    log = memory_log()
    run = await imported(log, write_task(tmp_path))
    assert (await what_if(log, run, exec_weight="1")).flips == ()
    flip = (await what_if(log, run, **changes)).flips[0]
    assert (flip.point, flip.at.version, flip.recorded, flip.decided) == ("pdi", FIRST_TRIGGER, True, False)


@pytest.mark.parametrize(
    ("method", "word", "decision"),
    [
        ({}, "nfnfnfnfn", "continue"),  # attempts left: 5 - 4, and five without a score
        ({}, "nfnfnfnfnn", "give_up_infrastructure"),
        ({"scoreless_attempts": 3}, "nfnf", "continue"),
        ({"scoreless_attempts": 3}, "nfnfi", "give_up_infrastructure"),
        ({"scoreless_attempts": 9}, "nfnfnfnfn", "continue"),
        ({"infrastructure_retries": 3}, "nnfnnfnn", "continue"),
        ({"infrastructure_retries": 3}, "nnfnnfnnfnnfn", "give_up_infrastructure"),
        ({"scoreless_attempts": 3, "counting": "spark"}, "nfnn", "continue"),
    ],
)
def test_a_trial_is_given_up_after_so_many_attempts_without_a_score(
    method: dict[str, Any], word: str, decision: str
) -> None:
    """In all, in a row or not: three times as many as in a row, unless the key says how many."""
    outcomes = {
        "n": Outcome("no_verdict", None, "no file"),
        "i": Outcome("infrastructure", None, "it died"),
        "f": Outcome("failed", 0.0, ""),
    }
    seen = tuple(Seen(Ref(f"attempt/a/{n}", 9), points.Judged(outcomes[each])) for n, each in enumerate(word, 1))
    saw = points.StoppingSaw(seen, len(word), last_counts=True, money=None, cancelled=None)
    rule = points.STOPPING.rule(spec(method=method), saw)
    assert rule is not None
    desk = PolicyContext({}, digest_of, {}, ("stopping", digest_of(b""), digest_of(b"")))
    assert decide_whether_to_go_on(saw, rule, desk).decision == decision


def test_a_rule_of_a_recorded_ruling_reads_back_and_is_written_as_it_was() -> None:
    """So a new setting at the value that counted before parts no run from its record."""
    kept = {(each.point, bytes(each.rule)) for each in read().rulings}
    assert {"stopping", "pdi", CALL_RETRY.name} <= {point for point, _ in kept}
    for point, rule in kept:
        assert msgspec.json.decode(encode_value(msgspec.json.decode(rule, type=POINTS[point].settings))) == (
            msgspec.json.decode(rule)
        )


def test_the_defaults_are_written_as_before_there_were_keys() -> None:
    """Byte for byte: a rule is named by its digest."""
    rules = {(each.point, bytes(each.rule)) for each in read().rulings}
    assert ("pdi", encode_value(points.monitor_settings(MonitorSpec()))) in rules
    teacher = {"model": "m", "base_url": "script:script.toml"}
    saw = CallRetrySaw("teacher", Seen(Ref("attempt/a/1", 3), FailureSeen("server", True, None)), 1, 0, 0.0)
    retrying = CALL_RETRY.rule(spec(models={"teacher": teacher}), saw)
    assert retrying is not None
    assert (CALL_RETRY.name, encode_value(retrying)) in rules
    stopping = points.STOPPING.rule(spec(), ANY)
    assert stopping is not None
    assert b"scoreless" not in encode_value(stopping)


BLOCKS: Final = {name for name in EvidenceSpec.__struct_fields__ if name != "scale"}


def test_the_size_of_the_evidence_is_as_before_unless_it_is_set() -> None:
    """The rule of a run that sets nothing is written as it was before there were settings: it was an empty object."""
    rule = EVIDENCE.rule(spec(), ANY)
    assert rule == EvidenceCaps()
    assert msgspec.json.encode(rule) == msgspec.json.encode(NoSettings())
    assert set(EvidenceCaps.__struct_fields__) > BLOCKS


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_a_key_of_a_block_is_its_size_and_that_of_no_other(block: str) -> None:
    """In characters; 0 leaves it out."""
    for size in (0, 777):
        wanted = msgspec.structs.replace(EvidenceCaps(), **{block: size})
        assert EVIDENCE.rule(changed(f"evidence.{block}", size), ANY) == wanted


def test_one_key_scales_all_blocks_and_nothing_else() -> None:
    """Half of each; how many rows or notes there are at the most does not change."""
    half, whole = EVIDENCE.rule(changed("evidence.scale", 0.5), ANY), EvidenceCaps()
    assert half is not None
    for name in EvidenceCaps.__struct_fields__:
        factor = 0.5 if name in BLOCKS else 1
        assert getattr(half, name) == getattr(whole, name) * factor


async def test_a_run_is_asked_what_less_evidence_would_have_shown(tmp_path: Path) -> None:
    """No call: the distiller's blocks are made again from what is recorded, and its answer would be another's."""
    log, run = await lived(tmp_path)
    prepared = await prepare(log, run)
    assert (await ask([prepared], read_changes([("evidence.scale", "1")]))).flips == ()
    found = await ask([prepared], read_changes([("evidence.scale", "0.001")]))
    assert [(flip.point, flip.field) for flip in found.flips] == [("evidence", "blocks")]
    assert [left.flip.point for left in found.left] == ["evidence"]


async def test_a_run_with_less_evidence_says_how_much_was_kept(tmp_path: Path) -> None:
    """In the log, block by block."""
    log, run = await lived(tmp_path, method={"evidence": {"scale": 0.01, "lessons": 0}})
    (entry,) = [each for each in (await read_ledger(log, run)).entries if each.name == "evidence"]
    assert (entry.rule.execution_chain, entry.rule.lessons) == (240, 0)
    origins = msgspec.json.decode(await log.get(entry.ruling.references), type=tuple[BlockOrigin, ...])
    kept = {each.block: (each.kept_chars, each.total_chars) for each in origins}
    assert kept["lessons"][0] == 0 < kept["lessons"][1]
    assert b"(cut: 0 of " in await log.get(next(each.digest for each in origins if each.block == "lessons"))
    assert all(not each.claims for each in origins if each.kept_chars == 0)
