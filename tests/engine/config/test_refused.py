"""What is wrong with a specification is named, with its place and a remedy, before anything is started or spent."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.config.errors import ConfigError, ConfigProblem, ConfigRefused
from engine.config.files import read_dotenv
from engine.config.resolve import Flag, Inputs, flag_settings, resolve
from events.errors import ExitCode
from tests.sandbox.harbor.test_yaml_tree import bomb

_TEACHER = '[models.teacher]\nmodel = "m"\nbase_url = "http://h"\n'


@pytest.mark.parametrize(
    ("name", "text", "problem", "remedy"),
    [
        pytest.param(
            "a.toml", 'tasks = "t"\nconcurency = 3', "unknown key concurency", "did you mean concurrency?", id="typo"
        ),
        pytest.param(
            "a.toml", 'tasks = "t"\nmax_turns = 3', "unknown key max_turns", "did you mean agent.max_turns?", id="level"
        ),
        pytest.param(
            "a.toml",
            'tasks = "t"\n[agent]\nmax_turns = "four"',
            'agent.max_turns must be a whole number, found the text "four"',
            "without quotes",
            id="kind",
        ),
        pytest.param(
            "a.toml", 'tasks = "t"\nconcurrency = 0', "concurrency must be 1 or more", "1 or more", id="range"
        ),
        pytest.param(
            "a.toml", 'tasks = "t"\nrepeats = true', "repeats must be a whole number, found true", "whole", id="bool"
        ),
        pytest.param(
            "a.toml",
            'tasks = "t"\nmethod.pdi.mode = "observ"',
            "method.pdi.mode must be one of",
            '"observe"',
            id="choice",
        ),
        pytest.param("a.toml", "concurrency = 2", "tasks is missing", "A Harbor task folder", id="missing"),
        pytest.param(
            "a.toml",
            'tasks = "t"\n[models.teacher]\nmodel = "m"',
            "models.teacher.base_url is missing",
            "OpenAI-compatible",
            id="half a model",
        ),
        pytest.param(
            "a.toml",
            'tasks = "t"\n[models.teacher]\nmodel = "opnai/gpt-4.1"',
            "unknown provider 'opnai'",
            "did you mean openai?",
            id="misspelt provider",
        ),
        pytest.param("a.toml", 'tasks = "t"\nagent = "oracle"', "agent must be a table", "[agent]", id="no table"),
        pytest.param(
            "a.toml", 'tasks = "t"\nagent.timeout_s = nan', "agent.timeout_s must be a number", "number", id="nan"
        ),
        pytest.param("a.toml", 'tasks = "t', "not TOML", "quotes", id="broken toml"),
        pytest.param("a.toml", f"tasks = {'9' * 5_000}", "not TOML", "quotes", id="an integer of 5,000 digits"),
        pytest.param("a.toml", 'tasks = "t"\ntasks = "u"', "not TOML", "line", id="toml twice"),
        pytest.param("a.yaml", "tasks: t\ntasks: u", "given twice", "line", id="yaml twice"),
        pytest.param("a.yaml", "tasks: [t", "not YAML", "line", id="broken yaml"),
        pytest.param("a.yaml", "- tasks", "holds no keys", "KEY: VALUE", id="yaml list"),
        pytest.param("a.yaml", "tasks: no", "tasks must be a text, found false", "text", id="yaml's no"),
        pytest.param("a.json", "{}", "neither TOML nor YAML", "*.toml", id="suffix"),
        pytest.param(
            "a.toml",
            f'tasks = "t"\n{_TEACHER}parameters = 3',
            "parameters must be a table",
            "keys below",
            id="parameters",
        ),
        pytest.param("a.toml", 'tasks = ""', "tasks must be a text that is not empty", "empty", id="empty"),
        pytest.param(
            "a.toml", 'tasks = "t"\n[models.jury]\nmodel = "m"', "unknown key models.jury", "teacher", id="role"
        ),
    ],
)
def test_a_malformed_spec_is_named_and_remedied(
    name: str, text: str, problem: str, remedy: str, tmp_path: Path
) -> None:
    """A person can mend it from the message alone; a script sees wrong usage."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        resolve(Inputs(tmp_path, run_file=file))
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy
    assert str(file) in refused.value.problem
    assert refused.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("name", ["nowhere", "nowhere.toml"])
def test_a_spec_that_is_not_there_is_said_to_be_missing(name: str, tmp_path: Path) -> None:
    """Whatever its suffix is: renaming what does not exist helps nobody."""
    with pytest.raises(ConfigError) as refused:
        resolve(Inputs(tmp_path, run_file=tmp_path / name))
    assert "does not exist" in refused.value.problem


def test_a_name_with_a_slash_needs_no_provider_where_an_address_is_given(tmp_path: Path) -> None:
    """Servers of open weights are asked for such names as they are."""
    file = tmp_path / "a.toml"
    file.write_text('tasks = "t"\n[models.teacher]\nmodel = "opnai/gpt-4.1"\nbase_url = "http://127.0.0.1:1/v1"\n')
    assert resolve(Inputs(tmp_path, run_file=file)).spec.models["teacher"].model == "opnai/gpt-4.1"


_MONITOR = "method.pdi.active."


@pytest.mark.parametrize(
    ("key", "fitting", "beyond", "limits"),
    [
        *(
            (f"{_MONITOR}{name}_weight", (0, 1000), (-0.1, 1000.1), "from 0 to 1000")
            for name in ("exec", "plan", "oss")
        ),
        (f"{_MONITOR}facts_share", (0, 0.5, 1), (-0.01, 1.01), "from 0 to 1"),
        (f"{_MONITOR}alpha", (0.000001, 1000), (0, 0.0000009, 1001), "from 0.000001 to 1000"),
        (f"{_MONITOR}tolerance", (0, 1e-9, 1000), (-1e-9, 1001), "from 0 to 1000"),
        ("method.pdi.shadows.one.facts_share", (0, 1), (-1, 2), "from 0 to 1"),
        ("method.evidence.lessons", (0, 1_000_000), (-1, 1_000_001), "from 0 to 1000000"),
        ("method.evidence.scale", (0.0001, 2), (0, -1), "above 0"),
        ("models.teacher.retry_wait_initial_s", (0, 86400), (-1, 86401), "from 0 to 86400"),
        ("models.teacher.retry_wait_max_s", (0, 86400), (-1, 86401), "from 0 to 86400"),
        ("models.teacher.retry_timeout_s", (60, 1e6), (0, 59.9), "60 or more"),
        ("method.scoreless_attempts", (1, 50), (0, -1), "1 or more"),
        ("method.infrastructure_retries", (1, 50), (0, -1), "1 or more"),
        ("evaluate.alpha", (0.0000001,), (0,), "above 0"),
    ],
)
def test_a_number_out_of_range_is_refused_and_the_range_named(
    key: str, fitting: Sequence[float], beyond: Sequence[float], limits: str, tmp_path: Path
) -> None:
    """Beyond it a run would break off in the middle, or give up before it has tried anything."""
    for each in fitting:
        assert not _complaints(key, each, tmp_path)
    for each in beyond:
        (complaint,) = _complaints(key, each, tmp_path)
        assert complaint.problem.startswith(f"{key} must be ")
        assert limits in complaint.problem
        assert complaint.remedy == f"write {key} as {complaint.problem.split(' must be ')[1].split(',')[0]}"


def _complaints(key: str, value: float, folder: Path) -> Sequence[ConfigProblem]:
    try:
        flag_settings([Flag("--set", tuple(key.split(".")), value)], folder)
    except ConfigRefused as refused:
        return refused.complaints
    return ()


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    """Nobody should find five mistakes in five runs."""
    file = tmp_path / "run.toml"
    file.write_text('concurency = 3\nrepeats = "x"\n', encoding="utf-8")
    with pytest.raises(ConfigRefused) as refused:
        resolve(Inputs(tmp_path, run_file=file, flags=[Flag("--set", ("agent", "nme"), "x")]))
    assert [complaint.key for complaint in refused.value.complaints] == ["concurency", "repeats", "agent.nme", "tasks"]


def test_a_variable_that_sets_nothing_is_refused(tmp_path: Path) -> None:
    """A misspelt variable would otherwise be ignored in silence."""
    with pytest.raises(ConfigRefused, match=r"STILLROOM_AGENT__MAXTURNS: unknown key agent\.maxturns"):
        resolve(Inputs(tmp_path, environment={"STILLROOM_AGENT__MAXTURNS": "3", "STILLROOM_TASKS": "t"}))


def test_a_variable_cannot_smuggle_in_a_second_key(tmp_path: Path) -> None:
    """A value is one value, whatever it contains."""
    with pytest.raises(ConfigRefused, match="concurrency must be a whole number"):
        resolve(Inputs(tmp_path, environment={"STILLROOM_TASKS": "t", "STILLROOM_CONCURRENCY": "3\nrepeats = 9"}))


def test_a_spec_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The run's file was named by a person, so it has to be there; the others may be missing."""
    with pytest.raises(ConfigError, match="does not exist"):
        resolve(Inputs(tmp_path, user_file=tmp_path / "no.toml", run_file=tmp_path / "gone.toml"))


def test_a_dotenv_file_is_read_when_it_is_named(tmp_path: Path) -> None:
    """Quotes go, nothing is expanded, and a line that is none is refused without showing it."""
    file = tmp_path / ".env"
    file.write_text("# keys\nexport A='one two'\nB = $HOME\n\n", encoding="utf-8")
    assert read_dotenv(file) == {"A": "one two", "B": "$HOME"}
    file.write_text("made-up-key\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_dotenv(file)
    assert "line 1" in refused.value.problem
    assert "verysecret" not in refused.value.problem


@pytest.mark.parametrize("text", [bomb(), "a: &a [*a]\n", "? [a, b]\n: 1\n"], ids=["bomb", "itself", "a list as key"])
def test_a_spec_whose_yaml_has_no_end_is_refused_by_name(text: str, tmp_path: Path) -> None:
    """A file of less than 1 KB cannot hold up a start."""
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"run\.yaml"):
        resolve(Inputs(tmp_path, run_file=file))
