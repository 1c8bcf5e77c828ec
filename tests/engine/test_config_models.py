"""Models in one word, keys by their variables, and secrets that are kept out of the log."""

import pytest

from engine.config_models import named_model
from engine.config_secrets import key_names, secrets_of
from engine.spec import ModelSpec, RunSpec
from events.log_errors import SecretUnusable
from events.redact import Redactor


def _said(text: str, environment: dict[str, str] | None = None) -> dict[str, object]:
    return {flag.key[-1]: flag.value for flag in named_model(text, environment or {})}


def test_a_known_provider_brings_its_address_and_its_variable() -> None:
    """``-m openai/gpt-5`` and an exported key are enough."""
    assert _said("openai/gpt-5") == {
        "model": "gpt-5", "base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY",
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
