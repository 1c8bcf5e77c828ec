"""Task folders: what is read, what is refused and how it is said."""

import hashlib
from pathlib import Path

import pytest

from sandbox.errors import TaskInvalid
from sandbox.harbor.task import find_tasks, load_task
from sandbox.harbor.templates import resolve, wanted
from tests.sandbox.conftest import MINIMAL, WriteTask

EVERYTHING = """
schema_version = "1.4"
source = "here"
artifacts = ["/app/out.txt", { source = "/app/dir", destination = "d", exclude = ["*.o"], service = "db" }]
multi_step_reward_strategy = "final"
[task]
name = "org/name-1"
version = "2"
description = "d"
authors = [{ name = "A", email = "a@b" }]
keywords = ["k"]
[metadata]
anything = { goes = [1, nan] }
untrusted = true
[agent]
timeout_sec = 900
user = "root"
network_mode = "allowlist"
allowed_hosts = ["*.example.org", "10.0.0.0/8", "::1"]
[verifier]
timeout_sec = 30.5
env = { A = "${B:-c}" }
user = 0
environment_mode = "separate"
collect = [{ command = "true", service = "db", timeout_sec = 5, user = "x" }]
[verifier.environment]
memory_mb = 100
[solution]
env = { S = "1" }
[environment]
build_timeout_sec = 60
docker_image = "image"
os = "linux"
cpus = 2
memory_mb = 2048
storage_mb = 10240
gpus = 1
gpu_types = ["H100"]
tpu = { type = "v5", topology = "2x4" }
network_mode = "no-network"
env = { E = "e" }
workdir = "/w"
skills_dir = "/skills"
mcp_servers = [{ name = "m", transport = "stdio", command = "c", args = ["a"] }, { name = "n", url = "http://x" }]
healthcheck = { command = "true", retries = 5 }
"""

MALFORMED: dict[str, tuple[dict[str, str | bytes | None], str, str | None]] = {
    "no task.toml": ({"task.toml": None}, "task.toml", None),
    "no instruction": ({"instruction.md": None}, "instruction.md", None),
    "an empty instruction": ({"instruction.md": " \n"}, "instruction.md", None),
    "an instruction that is no text": ({"instruction.md": b"\xff\xfe"}, "instruction.md", None),
    "no tests": ({"tests/test.sh": None}, "tests/test.sh", None),
    "no Dockerfile": (
        {"environment/Dockerfile": None, "environment/docker-compose.yml": ""},
        "environment/Dockerfile",
        None,
    ),
    "no TOML": ({"task.toml": "source = \n"}, "task.toml", None),
    "an integer of 5,000 digits": ({"task.toml": f"x = {'9' * 5_000}\n"}, "task.toml", None),
    "as many in quotes": (
        {"task.toml": f"[environment]\ncpus = '{'9' * 5_000}'\n"},
        "task.toml",
        "environment.cpus",
    ),
    "lists in lists": ({"task.toml": f"x = {'[' * 3_000}{']' * 3_000}\n"}, "task.toml", None),
    "more memory than there are numbers for": (
        {"task.toml": f"[environment]\nmemory = '{'9' * 400}G'\n"},
        "task.toml",
        "environment.memory",
    ),
    "half a CPU": ({"task.toml": "[environment]\ncpus = 1.5\n"}, "task.toml", "environment.cpus"),
    "a number as variable": ({"task.toml": "[environment.env]\nPORT = 80\n"}, "task.toml", "environment.env[...]"),
    "2Gi": ({"task.toml": "[environment]\nmemory = '2Gi'\n"}, "task.toml", "environment.memory"),
    "memory without a unit": ({"task.toml": "[environment]\nmemory = '2048'\n"}, "task.toml", "environment.memory"),
    "an unknown network": (
        {"task.toml": "[environment]\nnetwork_mode = 'lan'\n"},
        "task.toml",
        "environment.network_mode",
    ),
    "a URL as host": (
        {"task.toml": "[environment]\nnetwork_mode = 'allowlist'\nallowed_hosts = ['https://x.org/']\n"},
        "task.toml",
        "environment.allowed_hosts",
    ),
    "shared and separate": (
        {"task.toml": "[verifier]\nenvironment_mode = 'shared'\n[verifier.environment]\n"},
        "task.toml",
        "verifier.environment_mode",
    ),
    "no end of time": ({"task.toml": "[agent]\ntimeout_sec = nan\n"}, "task.toml", "agent.timeout_sec"),
    "an artifact outside": (
        {"task.toml": "artifacts = [{ source = '/a', destination = '../b' }]\n"},
        "task.toml",
        "artifacts[0].destination",
    ),
    "the same step twice": (
        {"task.toml": "steps = [{ name = 'One' }, { name = 'one' }]\n"},
        "task.toml",
        "steps[1].name",
    ),
    "a step without instruction": ({"task.toml": "steps = [{ name = 'one' }]\n"}, "steps/one/instruction.md", None),
    "no FROM": ({"environment/Dockerfile": "RUN true\n"}, "environment/Dockerfile", None),
    "a typo in the Dockerfile": ({"environment/Dockerfile": "FROM x\nRNU true\n"}, "environment/Dockerfile", "line 2"),
    "a here-document without end": (
        {"environment/Dockerfile": "FROM x\nRUN <<EOF\ntrue\n"},
        "environment/Dockerfile",
        "line 2",
    ),
}


@pytest.mark.parametrize(
    ("files", "file", "key"), MALFORMED.values(), ids=[each.replace(" ", "-") for each in MALFORMED]
)
def test_a_malformed_task_names_file_key_and_remedy(
    files: dict[str, str | bytes | None], file: str, key: str | None, write_task: WriteTask
) -> None:
    """Whoever wrote the task reads one sentence that says where, and one that says what to do."""
    with pytest.raises(TaskInvalid) as caught:
        load_task(write_task(files))
    assert (caught.value.task, caught.value.file, caught.value.key) == ("answer", file, key)
    assert caught.value.problem.startswith(f"task answer: {file}")
    assert caught.value.remedy


def test_every_key_is_read_and_none_is_unknown(write_task: WriteTask) -> None:
    """All of schema 1.4."""
    task = load_task(write_task({"task.toml": EVERYTHING}))
    config = task.config
    assert task.unknown_keys == ()
    assert task.untrusted
    assert config.package is not None
    assert (config.package.name, config.package.authors[0].email) == ("org/name-1", "a@b")
    assert [each.source for each in config.artifacts] == ["/app/out.txt", "/app/dir"]
    assert (config.agent.timeout_sec, config.agent.user, config.verifier.user) == (900.0, "root", 0)
    assert config.verifier.separate
    assert config.environment.tpu is not None
    assert config.environment.healthcheck is not None
    assert (config.environment.healthcheck.retries, config.environment.healthcheck.timeout_sec) == (5, 30.0)
    assert [each.transport for each in config.environment.mcp_servers] == ["stdio", "sse"]


def test_what_is_not_written_is_none(write_task: WriteTask) -> None:
    """An empty file is valid, and its limits are no limits: the older documents' defaults are gone."""
    task = load_task(write_task())
    table = task.config.environment
    assert (table.cpus, table.memory_mb, table.storage_mb, table.network_mode) == (None, None, None, None)
    assert (task.config.agent.timeout_sec, task.config.verifier.timeout_sec) == (None, 600.0)
    assert task.has_solution
    assert not task.untrusted


def test_legacy_spellings_mean_the_same(write_task: WriteTask) -> None:
    """Tasks of schema 1.0 are in the corpora; nothing of theirs is unknown."""
    old = (
        "version = '1.0'\nmulti_step_reward_mode = 'mean'\n"
        "[environment]\nmemory = '1.5G'\nstorage = '10g'\nallow_internet = false\ncpus = '2'\n"
    )
    task = load_task(write_task({"task.toml": old}))
    table = task.config.environment
    assert task.config.schema_version == "1.0"
    assert (table.memory_mb, table.storage_mb, table.cpus) == (1536, 10240, 2)
    assert table.network_mode == "no-network"
    assert task.unknown_keys == ()


NUMBERS: list[tuple[str, object]] = [
    ("2.0", 2), ("'2'", 2), ("' 2 '", 2), ("'2.0'", 2), ("'1_000'", 1000), ("'+2'", 2), ("true", 1), ("-0.0", 0),
    ("2.5", None), ("'2.5'", None), ("'1e3'", None), ("'two'", None), ("''", None), ("1e30", None), ("[]", None),
]  # fmt: skip
"""What Harbor 0.24 makes of them, each asked of it; None: it rejects the file."""


@pytest.mark.parametrize(("written", "read"), NUMBERS)
def test_whole_numbers_are_those_that_harbor_reads(write_task: WriteTask, written: str, read: object) -> None:
    """Its parser is lenient with any key; a fraction is no whole number."""
    folder = write_task({"task.toml": f"[environment]\ncpus = {written}\n"})
    if read is None:
        with pytest.raises(TaskInvalid, match=r"environment\.cpus"):
            load_task(folder)
    else:
        assert load_task(folder).config.environment.cpus == read


def test_other_numbers_are_those_that_harbor_reads(write_task: WriteTask) -> None:
    """Times, retries, rewards and users; texts stay texts where a text may stand."""
    text = (
        "[agent]\ntimeout_sec = '1e3'\nuser = '1000'\n[verifier]\nuser = 7.0\n"
        "[environment]\nmemory = 2048\nallow_internet = 'no'\nos = 'Linux'\n"
        "healthcheck = { command = 'x', retries = '3', interval_sec = '1.5' }\n"
        "[environment.env]\nN = '2'\n"
    )
    task = load_task(write_task({"task.toml": text}))
    config, check = task.config, task.config.environment.healthcheck
    assert (config.agent.timeout_sec, config.agent.user, config.verifier.user) == (1000.0, "1000", 7)
    assert check is not None
    assert (check.retries, check.interval_sec, config.environment.env) == (3, 1.5, {"N": "2"})
    assert (config.environment.memory_mb, config.environment.network_mode) == (None, "no-network")
    assert len(task.forgiven) == 1


def test_the_network_mode_wins_over_its_older_spelling(write_task: WriteTask) -> None:
    """As Harbor does when both are written."""
    text = "[environment]\nallow_internet = false\nnetwork_mode = 'public'\n"
    assert load_task(write_task({"task.toml": text})).config.environment.network_mode == "public"


def test_unknown_keys_are_named(write_task: WriteTask) -> None:
    """Harbor ignores them in silence; most are typos that change what the task means."""
    text = (
        "tiemout = 1\n[agent]\ntimeout = 5\n[metadata]\nfree = 1\n"
        "[environment]\nhealthcheck = { command = 'x', retry = 1 }\n"
    )
    task = load_task(write_task({"task.toml": text}))
    assert task.unknown_keys == ("agent.timeout", "environment.healthcheck.retry", "tiemout")


def test_windows_line_ends_in_the_settings_are_fine(write_task: WriteTask) -> None:
    """TOML allows them."""
    assert load_task(write_task({"task.toml": "source = 'x'\r\n[agent]\r\ntimeout_sec = 5\r\n"})).config.source == "x"


def test_templates_are_whole_values_from_what_is_given() -> None:
    """``pre-${X}`` passes through; an empty value given is a value."""
    env = {"A": "${X}", "B": "${Y:-d}", "C": "pre-${X}", "D": "${Z:-}", "E": "$X"}
    assert resolve(env, {"X": "x", "Y": ""}) == {"A": "x", "B": "", "C": "pre-${X}", "D": "", "E": "$X"}
    assert wanted(env) == ("X", "Y", "Z")


def test_the_digest_is_harbors(write_task: WriteTask) -> None:
    """Sorted paths with their content's digests; modes, other root entries and ignored files do not count."""
    folder = write_task({"notes.txt": "not part", "tests/__pycache__/x.pyc": "no", "tests/.hidden": "counts"})
    files = sorted([*MINIMAL, "tests/.hidden"])
    lines = "".join(f"{each}\0{hashlib.sha256((folder / each).read_bytes()).hexdigest()}\n" for each in files)
    assert load_task(folder).digest == hashlib.sha256(lines.encode()).hexdigest()
    (folder / "tests/test.sh").chmod(0o755)
    assert load_task(folder).digest == hashlib.sha256(lines.encode()).hexdigest()


def test_a_tasks_own_ignore_file_replaces_the_usual_patterns(write_task: WriteTask) -> None:
    """As Harbor packs them."""
    plain = load_task(write_task({}, "one"))
    ignoring = load_task(write_task({".gitignore": "*.log\n", "tests/a.log": "x"}, "two"))
    counting = load_task(write_task({".gitignore": "*.log\n", "tests/a.pyc": "x"}, "three"))
    assert plain.digest == ignoring.digest != counting.digest


def test_a_link_out_of_the_task_is_refused(write_task: WriteTask) -> None:
    """What it points at would not travel with the task, and could be anything of the host's."""
    folder = write_task()
    (folder / "tests/secret").symlink_to("/etc/passwd")
    with pytest.raises(TaskInvalid, match="tests/secret: is a link that leads out"):
        load_task(folder)


def test_a_dataset_reports_what_is_no_task(write_task: WriteTask) -> None:
    """Harbor skips such children in silence, and the numbers are then of fewer tasks than one thinks."""
    folder = write_task({}, "good").parent
    write_task({"instruction.md": None}, "bad")
    (folder / ".git").mkdir()
    found = find_tasks(folder)
    assert [task.name for task in found.tasks] == ["good"]
    assert [(each.name, each.reason) for each in found.incomplete] == [("bad", "task bad: instruction.md: is missing")]
    assert found.incomplete[0].remedy


def test_what_a_folder_of_tasks_is_missing_is_named(write_task: WriteTask, tmp_path: Path) -> None:
    """A link to nothing, two tasks of one name, one that a dataset lists: none of them goes without a word."""
    folder = write_task({}, "good").parent
    other = tmp_path / "other" / "good"
    other.parent.mkdir()
    other.symlink_to(folder / "good")
    (folder / "again").symlink_to(other)
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    (folder / "docs").mkdir()
    (folder / "README.md").touch()
    (folder / "dataset.toml").write_text("tasks = [{ name = 'org/good' }, { name = 'org/lost' }]\n")
    found = find_tasks(folder)
    assert [task.name for task in found.tasks] == ["good"]
    assert [(each.name, each.place) for each in found.incomplete] == [
        ("gone", "gone"), ("good", "good"), ("lost", "dataset.toml"),
    ]  # fmt: skip
    assert [each.name for each in found.others] == ["docs"]
    (folder / "dataset.toml").write_text("tasks = 3")
    assert find_tasks(folder).incomplete[-1].place == "dataset.toml"


def test_a_task_given_directly_is_found(write_task: WriteTask) -> None:
    """And when it is malformed, the reason is its own."""
    assert [task.name for task in find_tasks(write_task()).tasks] == ["answer"]
    with pytest.raises(TaskInvalid, match=r"instruction\.md: is missing"):
        find_tasks(write_task({"instruction.md": None}, "bad"))


def test_a_folder_without_tasks_is_an_error(tmp_path: Path) -> None:
    """Running nothing must not look like running well."""
    with pytest.raises(TaskInvalid, match="holds no tasks"):
        find_tasks(tmp_path)
    with pytest.raises(TaskInvalid, match="nowhere: is not there"):
        find_tasks(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(TaskInvalid, match="is not a folder"):
        find_tasks(tmp_path / "file")


def test_steps_are_read(write_task: WriteTask) -> None:
    """Running them is for later; backends refuse by name."""
    task = load_task(
        write_task(
            {
                "task.toml": (
                    "steps = [{ name = 'one', min_reward = 0.5 }, { name = 'two', agent = { timeout_sec = 5 } }]\n"
                ),
                "instruction.md": None,
                "steps/one/instruction.md": "First.\n",
                "steps/two/instruction.md": "Then.\n",
            }
        )
    )
    assert [(step.name, step.min_reward, step.agent.timeout_sec) for step in task.steps] == [
        ("one", 0.5, None),
        ("two", None, 5.0),
    ]
    assert task.instruction == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cpus = 2.5", "environment.cpus: expected a whole number, got a number (2.5)"),
        ("cpus = 1e30", "environment.cpus: expected a whole number, got a number (1e+30)"),
        ("cpus = nan", "environment.cpus: expected a whole number, got a number (nan)"),
        ("memory_mb = 'x'", "environment.memory_mb: expected a whole number, got a text (x)"),
        ("env = 3", "environment.env: expected a table, got a whole number (3)"),
    ],
)
def test_a_value_of_another_type_is_said_in_words_of_the_file(line: str, said: str, write_task: WriteTask) -> None:
    """Whoever writes TOML knows no `int | null`."""
    with pytest.raises(TaskInvalid) as caught:
        load_task(write_task({"task.toml": f"[environment]\n{line}\n"}))
    assert said in caught.value.problem
