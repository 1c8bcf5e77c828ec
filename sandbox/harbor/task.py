"""Harbor task folders: instruction, environment, verifier, and perhaps an oracle solution."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct, structs
from pathspec import GitIgnoreSpec

from events.digest import Digest, digest_of
from sandbox.errors import TaskInvalid
from sandbox.harbor.dockerfile.parser import Dockerfile, parse_dockerfile
from sandbox.harbor.reader import FILE, read_config
from sandbox.harbor.schema import Environment, NetworkMode, TaskConfig, TaskStep

ROOT_FILES: Final = ("task.toml", "instruction.md", "README.md")
ROOT_FOLDERS: Final = ("environment", "tests", "solution", "steps")
_IGNORED: Final = ("__pycache__/", "*.pyc", ".DS_Store", "*.swp", "*.swo", "*~")
"""Left out where the task has no ``.gitignore`` of its own; one of its own replaces these."""


def package_files(folder: Path) -> tuple[str, ...]:
    """What belongs to the task, as sorted POSIX paths. Other entries of its root do not count.

    Raises:
        TaskInvalid: A link leads out of the task folder: what it points at would not travel with the task.
    """
    own = folder / ".gitignore"
    patterns = own.read_text(encoding="utf-8").splitlines() if own.is_file() else list(_IGNORED)
    ignored = GitIgnoreSpec.from_lines(patterns)
    found = (path.relative_to(folder).as_posix() for path in _candidates(folder))
    return tuple(sorted(path for path in found if not ignored.match_file(path)))


def package_digest(folder: Path) -> Digest:
    """SHA-256 over ``<path> NUL <hex digest of content> LF`` of every file. Modes and times do not count.

    Raises:
        TaskInvalid: As ``package_files``.
    """
    lines = (f"{path}\0{digest_of((folder / path).read_bytes())}\n" for path in package_files(folder))
    return digest_of("".join(lines).encode("utf-8", "surrogateescape"))


def _candidates(folder: Path) -> Iterator[Path]:
    for name in ROOT_FILES:
        if (folder / name).is_file():
            yield folder / name
    for name in ROOT_FOLDERS:
        for path in (folder / name).rglob("*"):
            if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
                raise TaskInvalid(
                    folder.name,
                    path.relative_to(folder).as_posix(),
                    "is a link that leads out of the task folder",
                    remedy="replace it with a copy of the file",
                )
            if path.is_file():
                yield path


_FOLDER = "tests"
"""Build context of the verifier's image; its Dockerfile has to place ``/tests``."""


INSTRUCTION: Final = "instruction.md"
DOCKERFILE: Final = "environment/Dockerfile"
COMPOSE: Final = "docker-compose.yaml"
TEST_SCRIPT: Final = "tests/test.sh"
SOLUTION_SCRIPT: Final = "solution/solve.sh"
DATASET: Final = "dataset.toml"
_PARTS: Final = (FILE, INSTRUCTION, "environment", "solution", "steps", "tests")
"""A folder with none of these is no task, and was not meant to be one."""
_REFERENCE: Final = "a task folder holds task.toml, instruction.md, environment/Dockerfile and tests/test.sh"


Phase = Literal["begin", "agent", "verify"]
"""begin: the sandbox starts. agent: somebody acts. verify: the tests judge."""
PHASES: Final[tuple[Phase, ...]] = ("begin", "agent", "verify")


class Task(Struct, frozen=True):
    """A task folder as it was read; the files below ``path`` are not watched."""

    name: str
    """Name of its folder. The published name, if any, is ``config.package.name``."""
    path: Path
    instruction: str
    """Given to the agent word for word; empty for a task of several steps, which has one for each."""
    config: TaskConfig
    digest: Digest
    """Harbor's package digest: what has to be equal for two runs to be of the same task."""
    unknown_keys: tuple[str, ...]
    """Dotted keys of ``task.toml`` that mean nothing to Harbor; most are typos."""
    forgiven: tuple[str, ...]
    """What Harbor would reject ``task.toml`` for, and we do not."""
    has_solution: bool
    """Whether there is a ``solution/solve.sh`` for the oracle, or one for each step."""
    dockerfile: Dockerfile | None
    """How the image is built; None when a prebuilt image or a compose file says."""
    has_compose: bool
    """Whether the environment has services beside the main one."""
    context: str = "environment"
    """Sub-folder that the image is built from."""
    hidden: tuple[str, ...] = ()
    """Folders of it that no build sees."""

    @property
    def steps(self) -> tuple[TaskStep, ...]:
        """Parts of a multi-step task; empty for the usual kind."""
        return self.config.steps

    @property
    def untrusted(self) -> bool:
        """``[metadata] untrusted = true``: never to be run without isolation. Harbor ignores the key."""
        return self.config.metadata.get("untrusted", False) is True

    def network_in(self, phase: Phase) -> NetworkMode:
        """Give the network of a phase: its own, or else that of the environment, which is public unless it says so."""
        table = self.config.environment
        own = {"begin": None, "agent": self.config.agent.network_mode, "verify": self.config.verifier.network_mode}
        return own[phase] or table.network_mode or "public"

    @property
    def networks(self) -> frozenset[NetworkMode]:
        """Networks of its sandbox over all phases. A verifier apart has a sandbox of its own, and a network with it."""
        return frozenset(
            self.network_in(each) for each in PHASES if each != "verify" or not self.config.verifier.separate
        )

    @property
    def environment(self) -> Path:
        """The build context."""
        return self.path / self.context

    @property
    def tests(self) -> Path:
        """What is copied to ``/tests`` for verification, and not before."""
        return self.path / "tests"

    def instruction_of(self, step: TaskStep) -> Path:
        """Give the file that tells an agent what to do in a step."""
        return self.path / "steps" / step.name / INSTRUCTION

    @property
    def solution(self) -> Path:
        """What is copied to ``/solution`` for the oracle, and never for an agent."""
        return self.path / "solution"


class Incomplete(Struct, frozen=True):
    """A folder of a dataset that is no task, and why. Harbor skips these in silence."""

    name: str
    place: str
    """File at fault, with the key if there is one."""
    detail: str
    remedy: str

    @property
    def reason(self) -> str:
        """All of it in one sentence."""
        return f"task {self.name}: {self.place}: {self.detail}"


def incomplete(name: str, error: TaskInvalid) -> Incomplete:
    """Write down why a folder is no task.

    Args:
        name: Of the folder.
        error: What was said of it.
    """
    return Incomplete(name, error.place, error.detail, error.remedy)


class TaskFolders(Struct, frozen=True):
    """What a folder of tasks holds, each sorted by name."""

    tasks: tuple[Task, ...]
    incomplete: tuple[Incomplete, ...]
    others: tuple[Incomplete, ...] = ()
    """Folders beside them that hold nothing of a task."""


def load_task(folder: Path) -> Task:
    """Read one task folder.

    Raises:
        TaskInvalid: Something is missing or malformed; names the file, the key and a remedy.
    """
    name = folder.resolve().name
    if not folder.is_dir():
        raise _no_folder(folder, "give the path of a task folder")
    try:
        return _loaded(name, folder)
    except OSError as error:
        place = str(Path(str(error.filename)).name if error.filename else folder)
        raise TaskInvalid(name, place, f"cannot be read: {error.strerror}", remedy="make it readable") from error


def _loaded(name: str, folder: Path) -> Task:
    config, unknown_keys, forgiven = read_config(
        name, _read(name, folder, FILE, "add a task.toml; an empty one will do")
    )
    dockerfile = _dockerfile(name, folder, config)
    if config.steps:
        _check_steps(name, folder, config.steps)
    else:
        _need(name, folder, TEST_SCRIPT, "add tests/test.sh, which leaves a reward in /logs/verifier")
    return Task(
        name=name,
        path=folder.resolve(),
        instruction="" if config.steps else _instruction(name, folder, INSTRUCTION),
        config=config,
        digest=package_digest(folder),
        unknown_keys=unknown_keys,
        forgiven=forgiven,
        has_solution=all((each / SOLUTION_SCRIPT).is_file() for each in _solved(folder, config)),
        dockerfile=dockerfile,
        has_compose=(folder / "environment" / COMPOSE).is_file(),
    )


def find_tasks(folder: Path) -> TaskFolders:
    """The task in this folder, or the tasks in its immediate children.

    A child that is no task is reported by name with the reason, hidden ones apart.

    Raises:
        TaskInvalid: The folder is a task and malformed, or holds no task at all.
    """
    if (folder / FILE).is_file():
        return TaskFolders(tasks=(load_task(folder),), incomplete=())
    if not folder.is_dir():
        raise _no_folder(folder, "give the path of a folder of tasks")
    children = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    folders = [each for each in children if each.is_dir()]
    meant = [each for each in folders if any((each / part).exists() for part in _PARTS)]
    what = "holds nothing of a task"
    others = [Incomplete(each.name, each.name, what, _REFERENCE) for each in folders if each not in meant]
    unread = [_dangling(each) for each in children if each.is_symlink() and not each.exists()]
    found: dict[str, Task] = {}
    for child in meant:
        try:
            task = load_task(child)
        except TaskInvalid as error:
            unread.append(incomplete(child.name, error))
            continue
        unread += [_twice(child, found[task.name])] if task.name in found else []
        found.setdefault(task.name, task)
    unread += _absent(folder, found, {each.name for each in unread})
    if not found:
        reasons = "; ".join(each.reason for each in (*unread, *others)) or "it has no sub-folders"
        raise TaskInvalid(folder.name, str(folder), f"holds no tasks: {reasons}", remedy=_REFERENCE)
    tasks = tuple(found[name] for name in sorted(found))
    return TaskFolders(tasks=tasks, incomplete=tuple(unread), others=tuple(others))


def _no_folder(folder: Path, remedy: str) -> TaskInvalid:
    what = "is not a folder" if folder.exists() else "is not there"
    return TaskInvalid(folder.name, str(folder), what, remedy=remedy)


def _dangling(child: Path) -> Incomplete:
    return Incomplete(child.name, child.name, "is a link to nothing", "fix the link, or remove it")


def _twice(child: Path, task: Task) -> Incomplete:
    """Two links to folders of the same name: a run knows tasks by their names."""
    what = f"is called {task.name}, as {task.path} is, which is in the same folder of tasks"
    return Incomplete(child.name, child.name, what, "rename the folder that one of the links leads to")


def _absent(folder: Path, found: Mapping[str, Task], unread: Collection[str]) -> Iterator[Incomplete]:
    """Name the tasks that a ``dataset.toml`` lists and that are not there."""
    file = folder / DATASET
    if not file.is_file():
        return
    try:
        listed = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("tasks", [])
        names = [str(each["name"]) for each in listed]
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        yield Incomplete(DATASET, DATASET, f"cannot be read: {error!r}", "fix it, or remove it")
        return
    packages = {task.config.package.name for task in found.values() if task.config.package is not None}
    for name in names:
        short = name.rpartition("/")[2]
        if name not in packages and short not in found and short not in unread:
            yield Incomplete(short, DATASET, f"lists {name}, which is not in this folder", "fetch it, or take it off")


def _need(task: str, folder: Path, file: str, remedy: str) -> None:
    if not (folder / file).is_file():
        raise TaskInvalid(task, file, "is missing", remedy=remedy)


def _read(task: str, folder: Path, file: str, remedy: str) -> bytes:
    _need(task, folder, file, remedy)
    return (folder / file).read_bytes()


def _text(task: str, folder: Path, file: str, remedy: str) -> str:
    try:
        return _read(task, folder, file, remedy).decode()
    except UnicodeDecodeError as error:
        raise TaskInvalid(task, file, f"byte {error.start} is not UTF-8", remedy="save it as UTF-8") from error


def _instruction(task: str, folder: Path, file: str) -> str:
    text = _text(task, folder, file, "write down what the agent shall do")
    if not text.strip():
        raise TaskInvalid(task, file, "is empty", remedy="write down what the agent shall do")
    return text


def _dockerfile(task: str, folder: Path, config: TaskConfig) -> Dockerfile | None:
    if (folder / DOCKERFILE).is_file():
        return parse_dockerfile(task, _text(task, folder, DOCKERFILE, "add a Dockerfile"))
    if (folder / "environment" / COMPOSE).is_file() or config.environment.docker_image is not None:
        return None
    raise TaskInvalid(
        task,
        DOCKERFILE,
        "is missing, and neither docker-compose.yaml nor environment.docker_image stands in for it",
        remedy="add environment/Dockerfile (note that docker-compose.yml, without the a, is not looked at)",
    )


def _solved(folder: Path, config: TaskConfig) -> Iterator[Path]:
    """Folders that need a solution, for the oracle to solve the task."""
    if (folder / SOLUTION_SCRIPT).is_file() or not config.steps:
        yield folder
    else:
        yield from (folder / "steps" / each.name for each in config.steps)


def _check_steps(task: str, folder: Path, steps: tuple[TaskStep, ...]) -> None:
    """Each step has its folder and its instruction, and a test of its own or the task's."""
    for step in steps:
        _instruction(task, folder, f"steps/{step.name}/{INSTRUCTION}")
        if not (folder / f"steps/{step.name}/{TEST_SCRIPT}").is_file():
            _need(task, folder, TEST_SCRIPT, f"add it, or steps/{step.name}/{TEST_SCRIPT}")


def verifier_of(task: Task) -> Task:
    """Give the environment of a task's verifier, as if it were a task.

    Raises:
        TaskInvalid: Its Dockerfile cannot be read.
    """
    config = task.config
    table = config.verifier.environment or Environment()
    if config.verifier.network_mode is not None:
        table = structs.replace(table, network_mode=config.verifier.network_mode)
    agent = structs.replace(config.agent, network_mode=None)  # nobody acts there
    file = task.path / _FOLDER / "Dockerfile"
    return structs.replace(
        task,
        context=_FOLDER,
        config=structs.replace(config, environment=table, agent=agent),
        dockerfile=parse_dockerfile(task.name, file.read_text(encoding="utf-8")) if file.is_file() else None,
        has_compose=(task.path / _FOLDER / "docker-compose.yaml").is_file(),
    )
