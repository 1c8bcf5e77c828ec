"""The page for those who come from SkillOpt names every flag and key of it, and only what exists."""

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

import cli
from engine.config.schema import keys
from tests.architecture.source import ROOT
from tests.architecture.test_from_skillevolbench import NAMED_TEST, holds

PAGE: Final = ROOT / "docs" / "from-skillopt.md"
PEER: Final = shutil.which("skillopt-train")
"""SkillOpt's command, beside the interpreter that has it. None: it is not on the path."""
ANSWERS: Final = {"works", "otherwise", "on purpose not", "not built"}
FLAGS: Final = {
    "`skillopt-train`": """--config --cfg-options --env --backend --optimizer_model --target_model
        --optimizer_backend --target_backend --reasoning_effort --rewrite_reasoning_effort
        --rewrite_max_completion_tokens --azure_endpoint
        --azure_api_version --azure_api_key --azure_openai_endpoint --azure_openai_api_version
        --azure_openai_api_key --azure_openai_auth_mode --azure_openai_ad_scope
        --azure_openai_managed_identity_client_id --optimizer_azure_openai_endpoint
        --optimizer_azure_openai_api_version --optimizer_azure_openai_api_key
        --optimizer_azure_openai_auth_mode --optimizer_azure_openai_ad_scope
        --optimizer_azure_openai_managed_identity_client_id --target_azure_openai_endpoint
        --target_azure_openai_api_version --target_azure_openai_api_key --target_azure_openai_auth_mode
        --target_azure_openai_ad_scope --target_azure_openai_managed_identity_client_id --qwen_chat_base_url
        --qwen_chat_api_key --qwen_chat_temperature --qwen_chat_timeout_seconds --qwen_chat_max_tokens
        --qwen_chat_enable_thinking --optimizer_qwen_chat_base_url --optimizer_qwen_chat_api_key
        --optimizer_qwen_chat_temperature --optimizer_qwen_chat_timeout_seconds
        --optimizer_qwen_chat_max_tokens --optimizer_qwen_chat_enable_thinking --target_qwen_chat_base_url
        --target_qwen_chat_api_key --target_qwen_chat_temperature --target_qwen_chat_timeout_seconds
        --target_qwen_chat_max_tokens --target_qwen_chat_enable_thinking --minimax_base_url
        --minimax_api_key --minimax_model --minimax_temperature --minimax_max_tokens
        --minimax_enable_thinking --codex_exec_path --codex_exec_sandbox --codex_exec_profile
        --codex_exec_full_auto --codex_exec_reasoning_effort --codex_exec_use_sdk
        --codex_exec_network_access --codex_exec_web_search --codex_exec_approval_policy
        --claude_code_exec_path --claude_code_exec_profile --claude_code_exec_use_sdk
        --claude_code_exec_effort --claude_code_exec_max_thinking_tokens --codex_trace_to_optimizer
        --skill_init --num_epochs --train_size --steps_per_epoch --batch_size --accumulation --seed
        --edit_budget --min_edit_budget --lr_scheduler --lr_control_mode --merge_batch_size
        --max_analyst_rounds --sel_env_num --test_env_num --eval_test --use_gate --max_steps
        --max_api_workers --analyst_workers --failure_only --minibatch_size --skill_update_mode
        --use_slow_update --slow_update_samples --longitudinal_pair_policy --use_meta_skill
        --use_skill_aware_reflection --skill_aware_appendix_source --skill_aware_consolidate_threshold
        --data_path --split_mode --split_ratio --split_seed --split_dir --split_output_dir --data_root
        --max_turns --workers --limit --shuffle_choices --use_theorem --use_sketch --image_detail
        --judge_model --judge_max_completion_tokens --judge_retries --out_root --mode""",
    "`skillopt-eval`": "--skill --split",
    "`skillopt-sleep`": """--project --scope --backend --model --codex-path --claude-home --codex-home --source
        --lookback-hours --edit-budget --max-sessions --max-tasks --target-skill-path --tasks-file --progress
        --auto-adopt --json --staging --output --hour --minute --all""",
    "WebUI": "--port --host --share",
}
"""What its command lines take (0.2.0); of the second one, what the first does not."""
KEYS: Final = """model.backend model.optimizer model.target optimizer.learning_rate optimizer.min_learning_rate
    optimizer.meta_learning_rate optimizer.slow_update_gate_with_selection evaluation.gate_metric
    evaluation.gate_mixed_weight env.name env.skill_init env.out_root env.exec_timeout env.max_completion_tokens
    env.data_dirs env.docs_dirs env.max_tool_turns env.max_queries_per_turn env.use_local_tools env.search_mode
    env.search_provider env.search_api_url env.search_auth_env env.search_max_num_results env.search_timeout_seconds"""
"""Of its configuration, beside those that are named as a flag is."""
FILES: Final = """config.json history.json step_record.json runtime_state.json summary.json best_skill.md
    skills/skill_vNNNN.md merged_patch.json ranked_edits.json edit_apply_report.json candidate_skill.md results.jsonl
    slow_update/epoch_NN/slow_result.json meta_skill/epoch_NN/meta_skill_result.json comparison_pairs.json
    lr_history.jsonl trajectory_digest.json patches/ predictions/"""
FLAT: Final = """
from skillopt.config import _FLATTEN_MAP as flat
print(*(each for each in flat if flat[each] != each.partition(".")[2]))
"""


def _rows(title: str) -> list[list[str]]:
    """Give the cells of the rows of a section's table, without its head."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"## {title}\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines[2:]]


def _named(title: str) -> list[str]:
    return re.findall(r"`([^`]+)`", " ".join(row[0] for row in _rows(title)))


@pytest.mark.parametrize("program", FLAGS)
def test_every_flag_stands_in_one_row(program: str) -> None:
    """None is passed over, and none is made up."""
    assert sorted(_named(program)) == sorted(FLAGS[program].split())


def test_every_key_and_file_stands_in_one_row() -> None:
    """Keys that are flags, too, are not told twice."""
    assert sorted(set(_named("Keys")) - {"_base_"}) == sorted(KEYS.split())
    assert set(FILES.split()) <= set(_named("Files"))


@pytest.mark.parametrize("title", ["Commands", *FLAGS, "Keys"])
def test_every_row_says_whether_it_works_and_what_does(title: str) -> None:
    """A gap is called one."""
    rows = _rows(title)
    assert rows
    assert [row for row in rows if len(row) != 3 or row[1] not in ANSWERS or not row[2]] == []


@pytest.mark.skipif(PEER is None, reason="no skillopt-train on the path")
@pytest.mark.slow
def test_the_lists_are_those_of_the_package() -> None:
    """Where it is installed: what its commands say they take, and what its configuration calls otherwise."""
    assert PEER is not None
    python = str(Path(PEER).with_name("python"))

    def said(*words: str) -> str:
        return subprocess.run([python, *words], capture_output=True, text=True, check=True).stdout

    def flags(*words: str) -> set[str]:
        return set(re.findall(r"(?<![\w-])--[a-z][a-z_-]*", said("-m", *words, "--help"))) - {"--help"}

    train = flags("scripts.train")
    assert train == set(FLAGS["`skillopt-train`"].split())
    assert flags("scripts.eval_only") - train == set(FLAGS["`skillopt-eval`"].split())
    parts = ("run", "dry-run", "status", "adopt", "harvest", "schedule", "unschedule")
    assert set(chain(*(flags("skillopt_sleep", each) for each in parts))) == set(FLAGS["`skillopt-sleep`"].split())
    others = set(said("-c", FLAT).split())
    known = {f"--{each.partition('.')[2]}" for each in others}
    assert {each for each in others if f"--{each.partition('.')[2]}" not in train or each in KEYS} <= set(
        KEYS.split()
    ), known


def test_every_test_that_it_names_exists() -> None:
    """A page that names a test which was renamed would prove nothing."""
    named = NAMED_TEST.findall(PAGE.read_text(encoding="utf-8"))
    assert named
    assert [f"{file}::{name}" for file, name in named if not holds(ROOT / file, name)] == []


def test_every_setting_and_command_that_it_names_exists() -> None:
    """A key in full, and those behind it that begin with a dot and differ in their last part."""
    known, named, commands = {key.name for key in keys()}, list[str](), set[str]()
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for row in chain(*(_rows(title) for title in ("Commands", *FLAGS, "Keys"))):
        for word in re.findall(r"`((?:train|models|agent|concurrency)?(?:\.[a-z_<>.]+)?)`", row[2]):
            named.append(named[-1].rpartition(".")[0] + word if word.startswith(".") else word)
        commands |= set(re.findall(r"`stillroom ([a-z]+(?: [a-z]+)?)", row[2]))
    assert len(named) > 40
    assert sorted({each for each in named if each} - known) == []
    groups = {name for name in cli.app if f"### stillroom {name} " in reference}
    typed = {each if each.partition(" ")[0] in groups else each.partition(" ")[0] for each in commands}
    assert len(typed) > 8
    assert [each for each in sorted(typed) if not re.search(rf"^#+ stillroom {each}$", reference, re.MULTILINE)] == []
