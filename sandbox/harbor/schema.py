"""Harbor's ``task.toml``, schema 1.4, as frozen values. Read by ``sandbox/harbor/reader.py``.

None always means: not written in the file. What applies then is said at the field. Legacy spellings
(``version``, ``memory``, ``storage``, ``allow_internet``, ``multi_step_reward_mode``) are brought to the
present ones before these structs are filled.
"""

from typing import Any, Literal

from msgspec import Struct, field

NetworkMode = Literal["public", "no-network", "allowlist"]


class Author(Struct, frozen=True):
    """Who wrote a task."""

    name: str
    email: str | None = None


class Package(Struct, frozen=True):
    """``[task]``: the task as a published package."""

    name: str
    """``org/name``; letters, digits, ``-``, ``_``, ``.``; no leading dot, no ``..``."""
    version: str | None = None
    description: str = ""
    authors: tuple[Author, ...] = ()
    keywords: tuple[str, ...] = ()


class Artifact(Struct, frozen=True):
    """A path to be kept after the agent has run. A plain string in the file is its ``source``."""

    source: str
    destination: str | None = None
    """Relative, without ``..``; None mirrors the source path."""
    exclude: tuple[str, ...] = ()
    """Globs left out."""
    service: str | None = None
    """Compose sidecar to take it from; None for the main container."""


class TaskAgent(Struct, frozen=True):
    """``[agent]``."""

    timeout_sec: float | None = None
    """Seconds; None is no limit. Zero and below are accepted by Harbor and mean: no time at all."""
    user: str | int | None = None
    """OS user; None is the image's default."""
    network_mode: NetworkMode | None = None
    """Replaces the environment's while the agent runs; None keeps it."""
    allowed_hosts: tuple[str, ...] | None = None


class Healthcheck(Struct, frozen=True):
    """When an environment counts as ready."""

    command: str
    interval_sec: float = 5.0
    timeout_sec: float = 30.0
    start_period_sec: float = 0.0
    start_interval_sec: float = 5.0
    retries: int = 3


class McpServer(Struct, frozen=True):
    """A tool server offered to the agent."""

    name: str
    transport: Literal["sse", "streamable-http", "http", "stdio"] = "sse"
    """``http`` is an alias of ``streamable-http``."""
    url: str | None = None
    """Needed by the network transports."""
    command: str | None = None
    """Needed by ``stdio``."""
    args: tuple[str, ...] = ()


class Tpu(Struct, frozen=True):
    """Accelerators by topology."""

    type: str
    topology: str
    """Positive integers joined by ``x``: ``2x4``."""


class Environment(Struct, frozen=True):
    """``[environment]``: what the task runs in."""

    build_timeout_sec: float = 600.0
    """Seconds for build and start together."""
    docker_image: str | None = None
    """Prebuilt image; None builds ``environment/Dockerfile``."""
    os: Literal["linux", "windows"] = "linux"
    cpus: int | None = None
    """Whole CPUs; None is no limit."""
    memory_mb: int | None = None
    """MiB; None is no limit."""
    storage_mb: int | None = None
    """MiB; None is no limit. Harbor's own Docker provider does not enforce it."""
    gpus: int | None = None
    """None is none."""
    gpu_types: tuple[str, ...] | None = None
    """Any of these will do."""
    tpu: Tpu | None = None
    network_mode: NetworkMode | None = None
    """None is ``public``, which Harbor takes when nothing is said."""
    allowed_hosts: tuple[str, ...] | None = None
    """Host names (a leading ``*.`` is fine), addresses, CIDR blocks; with ``allowlist`` only."""
    env: dict[str, str] = {}
    """A value that is wholly ``${NAME}`` or ``${NAME:-default}`` is a template."""
    workdir: str | None = None
    """Where every command runs; None is the image's. It is not created."""
    skills_dir: str | None = None
    """Folder in the sandbox whose sub-folders are skills for the agent."""
    mcp_servers: tuple[McpServer, ...] = ()
    healthcheck: Healthcheck | None = None


class Collect(Struct, frozen=True):
    """A command to run after the agent and before artifacts are taken."""

    command: str
    service: str = "main"
    timeout_sec: float = 60.0
    user: str | int | None = None


class Verifier(Struct, frozen=True):
    """``[verifier]``."""

    timeout_sec: float = 600.0
    """Seconds."""
    env: dict[str, str] = {}
    """As ``environment.env``, and stronger, for ``test.sh`` only."""
    user: str | int | None = None
    network_mode: NetworkMode | None = None
    allowed_hosts: tuple[str, ...] | None = None
    environment_mode: Literal["shared", "separate"] | None = None
    """None is ``shared``, unless ``[verifier.environment]`` is there."""
    environment: Environment | None = None
    """The separate verifier's own environment; None shares the agent's."""
    collect: tuple[Collect, ...] = ()

    @property
    def separate(self) -> bool:
        """Whether verification happens in an environment of its own."""
        return self.environment_mode == "separate" or self.environment is not None


class Solution(Struct, frozen=True):
    """``[solution]``."""

    env: dict[str, str] = {}
    """As ``environment.env``, for ``solve.sh`` only."""


class StepAgent(Struct, frozen=True):
    """``[steps.agent]``: None is what the task says."""

    timeout_sec: float | None = None
    user: str | int | None = None
    network_mode: NetworkMode | None = None
    allowed_hosts: tuple[str, ...] | None = None


class StepVerifier(Struct, frozen=True):
    """``[steps.verifier]``: None is what the task says."""

    timeout_sec: float | None = None
    env: dict[str, str] | None = None
    user: str | int | None = None
    network_mode: NetworkMode | None = None
    allowed_hosts: tuple[str, ...] | None = None
    environment_mode: Literal["shared", "separate"] | None = None
    environment: Environment | None = None
    collect: tuple[Collect, ...] | None = None


class TaskStep(Struct, frozen=True):
    """``[[steps]]``: one part of a task done in several, in one environment."""

    name: str
    """A folder below ``steps/``; unique also for those who do not see case or accents' spelling."""
    agent: StepAgent = StepAgent()
    verifier: StepVerifier = StepVerifier()
    min_reward: float | dict[str, float] | None = None
    """Below this the steps after it are not done; None goes on in any case."""
    healthcheck: Healthcheck | None = None
    artifacts: tuple[Artifact, ...] = ()
    """Added to the task's."""


class TaskConfig(Struct, frozen=True):
    """All of ``task.toml``."""

    schema_version: str = "1.4"
    """Not checked: Harbor accepts any."""
    source: str | None = None
    """Where the task came from; a label."""
    artifacts: tuple[Artifact, ...] = ()
    multi_step_reward_strategy: Literal["mean", "final"] | None = None
    """None is ``mean``."""
    package: Package | None = field(name="task", default=None)
    metadata: dict[str, Any] = {}
    """Free, but for one key of ours: ``untrusted = true`` (see ``Task.untrusted``)."""
    agent: TaskAgent = TaskAgent()
    verifier: Verifier = Verifier()
    solution: Solution = Solution()
    environment: Environment = Environment()
    steps: tuple[TaskStep, ...] = ()
    """Empty for the usual task of one step."""
