"""Models in one word, keys by their variables, and secrets that are kept out of the log."""

from pathlib import Path

import pytest

from engine.config.amend import amend
from engine.config.errors import ConfigRefused
from engine.config.resolve import Flag, Inputs, completed, model_settings, resolve
from engine.config.spec import ModelSpec, RunSpec
from engine.config.tree import ConfigValue
from engine.runtime.secrets import key_names, secrets_of
from events.errors import SecretUnusable
from events.redaction.redactor import Redactor


def _said(text: str, environment: dict[str, str] | None = None) -> dict[str, object]:
    given = {each.path: each for each in model_settings(text)}
    for each in completed(given, environment or {}):
        assert isinstance(each, ConfigValue), each
        given[each.path] = each
    return {path[-1]: each.value for path, each in given.items()}


def test_a_known_provider_brings_its_address_and_its_variable() -> None:
    """``-m openai/gpt-5`` and an exported key are enough."""
    assert _said("openai/gpt-5") == {
        "model": "gpt-5", "provider": "openai", "protocol": "chat",
        "base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY",
    }  # fmt: skip


def test_another_address_for_a_known_provider_is_honoured() -> None:
    """People keep ``OPENAI_BASE_URL`` for their own gateway."""
    assert _said("openai/gpt-5", {"OPENAI_BASE_URL": "http://gate/v1"})["base_url"] == "http://gate/v1"


def test_a_script_is_named_like_a_model() -> None:
    """And needs no key."""
    assert _said("script:answers.toml") == {"model": "script", "base_url": "script:answers.toml"}


@pytest.mark.parametrize("text", ["llama3", "mistralai/mixtral", "a/b/c"])
def test_any_other_name_goes_into_the_request_as_it_is(text: str) -> None:
    """Nobody guesses an address: that is said elsewhere."""
    assert _said(text) == {"model": text}


def test_what_is_named_like_a_secret_is_kept_out_of_the_log() -> None:
    """Whether or not the run uses it: a command of the agent might print it."""
    environment = {
        "OPENAI_API_KEY": "sk-0123456789",
        "GITHUB_TOKEN": "ghp-0123456789",
        "DB_PASSWORD": "hunter2-hunter2",
        "PATH": "/usr/bin:/bin",
        "KEYBOARD": "qwerty-layout",
        "TOKEN": "1",
        "EMPTY_SECRET": "",
    }
    assert set(secrets_of(environment)) == {"OPENAI_API_KEY", "GITHUB_TOKEN", "DB_PASSWORD"}


def test_a_key_the_spec_names_must_be_one_that_can_be_looked_for() -> None:
    """A guess may be left out; a key that is known to be one may not."""
    teacher = ModelSpec(model="m", base_url="http://h", api_key_env="MY_LLM")
    spec = RunSpec(tasks="t", models={"teacher": teacher})
    assert key_names(spec) == ("MY_LLM",)
    secrets = secrets_of({"MY_LLM": "abc"}, key_names(spec))
    with pytest.raises(SecretUnusable, match="MY_LLM"):
        Redactor(secrets)


def _resolved(text: str, base: Path, environment: dict[str, str] | None = None) -> ModelSpec:
    file = base / "run.toml"
    file.write_text('tasks = "t"\n[models.teacher]\nmodel = "m"\n' + text, encoding="utf-8")
    return resolve(Inputs(base, run_file=file, environment=environment or {})).spec.models["teacher"]


def _refused(text: str, base: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigRefused) as refused:
        _resolved(text, base, environment)
    return f"{refused.value.problem} {refused.value.remedy} {refused.value.complaints}"


def test_a_provider_completes_what_a_file_leaves_out(tmp_path: Path) -> None:
    """And what the file says stays as it is."""
    model = _resolved('provider = "gemini"\napi_key_env = "MINE"\nparameters = { max_tokens = 5 }', tmp_path)
    assert (model.base_url, model.protocol, model.api_key_env) == (
        "https://generativelanguage.googleapis.com/v1beta", "gemini", "MINE",
    )  # fmt: skip


def test_a_provider_is_found_where_its_users_keep_its_address(tmp_path: Path) -> None:
    """Azure's has a host of each customer's own, Bedrock's one of each region."""
    azure = {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/"}
    assert _resolved('provider = "azure"', tmp_path, azure).base_url == "https://mine.openai.azure.com"
    assert _resolved('provider = "azure-v1"', tmp_path, azure).base_url == "https://mine.openai.azure.com/openai/v1"
    region = {"AWS_REGION": "eu-west-1"}
    assert _resolved('provider = "bedrock"', tmp_path, region).base_url == "https://bedrock-mantle.eu-west-1.api.aws/v1"
    assert "AZURE_OPENAI_ENDPOINT" in _refused('provider = "azure"', tmp_path)
    assert "AWS_REGION" in _refused('provider = "bedrock"', tmp_path)


def test_a_server_of_ones_own_has_a_key_only_where_one_is_set(tmp_path: Path) -> None:
    """A variable that is not there would be missed."""
    assert _resolved('provider = "vllm"', tmp_path).api_key_env is None
    assert _resolved('provider = "vllm"', tmp_path, {"VLLM_API_KEY": "k"}).api_key_env == "VLLM_API_KEY"


def test_thinking_becomes_the_providers_own_parameter(tmp_path: Path) -> None:
    """On and off; a parameter that the user gave himself stands."""
    for word, value in (("true", True), ("false", False)):
        model = _resolved(f'provider = "dashscope"\nthinking = {word}', tmp_path)
        assert model.parameters == {"enable_thinking": value}
    own = _resolved('provider = "zhipu"\nthinking = false\nparameters.thinking.type = "enabled"', tmp_path)
    assert own.parameters == {"thinking.type": "enabled"}
    assert "openai has no such switch" in _refused('provider = "openai"\nthinking = true', tmp_path)
    assert "no provider is named" in _refused('base_url = "http://h"\nthinking = true', tmp_path)


def test_a_provider_nobody_registers_is_refused_with_those_there_are(tmp_path: Path) -> None:
    """The error lists them."""
    told = _refused('provider = "antropic"', tmp_path)
    assert "antropic" in told
    assert "anthropic" in told.replace("antropic", "")


def test_anthropic_is_not_asked_without_a_bound(tmp_path: Path) -> None:
    """It refuses such requests; nothing is sent that was not asked for, so the user says how long an answer may be."""
    assert "parameters.max_tokens" in _refused('provider = "anthropic"', tmp_path)
    assert "parameters.max_tokens" in _refused('base_url = "http://h"\nprotocol = "messages"', tmp_path)
    assert _resolved('provider = "anthropic"\nparameters.max_completion_tokens = 9', tmp_path).protocol == "messages"


def test_a_key_comes_from_one_place(tmp_path: Path) -> None:
    """A command takes the place of the provider's variable; both at once are a mistake."""
    model = _resolved('provider = "openai"\napi_key_command = "print-token"', tmp_path)
    assert (model.api_key_env, model.api_key_command) == (None, "print-token")
    assert "one of them" in _refused('provider = "openai"\napi_key_env = "A"\napi_key_command = "b"', tmp_path)


def _amended(before: RunSpec, *said: tuple[str, str]) -> ModelSpec:
    flags = [Flag("--set", ("models", "teacher", *key.split(".")), value) for key, value in said]
    return amend(before, flags, Path("/")).spec.models["teacher"]


def test_a_fork_takes_all_of_another_provider(tmp_path: Path) -> None:
    """Its address and key would otherwise go to the wrong one; a switch of the one before goes too."""
    before = RunSpec(tasks="t", models={"teacher": _resolved('provider = "deepseek"\nthinking = false', tmp_path)})
    after = _amended(before, ("provider", "anthropic"), ("parameters.max_tokens", "9"), ("model", "claude"))
    assert (after.base_url, after.api_key_env, after.protocol, after.parameters) == (
        "https://api.anthropic.com", "ANTHROPIC_API_KEY", "messages",
        {"max_tokens": 9, "thinking.type": "disabled"},
    )  # fmt: skip
    assert _amended(before, ("thinking", "true")).parameters == {"thinking.type": "enabled"}
    with pytest.raises(ConfigRefused, match="max_tokens"):
        _amended(before, ("provider", "anthropic"))


def test_a_provider_that_is_named_on_the_command_line_takes_the_place_of_an_address_in_a_file(tmp_path: Path) -> None:
    """Otherwise one provider's key would go to the other; what stands in the same place goes with it."""
    file = tmp_path / "run.toml"
    file.write_text(
        'tasks = "t"\n[models.teacher]\nmodel = "m"\nbase_url = "http://mine/v1"\napi_key_env = "MINE"\n'
        "parameters = { max_tokens = 7 }\n",
        encoding="utf-8",
    )
    flags = [Flag(each.origin, each.path, each.value) for each in model_settings("openai/gpt-5")]
    model = resolve(Inputs(tmp_path, run_file=file, flags=flags)).spec.models["teacher"]
    assert (model.model, model.base_url, model.api_key_env, model.parameters) == (
        "gpt-5", "https://api.openai.com/v1", "OPENAI_API_KEY", {"max_tokens": 7},
    )  # fmt: skip
    both = [*flags, Flag("--base-url", ("models", "teacher", "base_url"), "http://gate/v1")]
    assert resolve(Inputs(tmp_path, run_file=file, flags=both)).spec.models["teacher"].base_url == "http://gate/v1"
    named = 'provider = "deepseek"\nbase_url = "http://mine/v1"'
    assert _resolved(named, tmp_path).base_url == "http://mine/v1"
