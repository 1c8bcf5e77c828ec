"""What a run is asked to do: one frozen value, resolved before anything starts, whose bytes are in the log.

`engine.config.resolve` reads it from TOML, environment and flags; unknown keys are refused there. Secrets are not
part of it: a spec names the variable that holds a key, never the key.
"""

from decimal import Decimal
from typing import Any, ClassVar, Final, Literal

import msgspec

from engine.core.methods import SPARK, default_method_settings, method_named
from engine.protocols.request import RequestProtocol
from events.values import Role

Parameters = dict[str, str | int | float | bool]

SCRIPT: Final = "script:"
"""A base URL of this scheme names a script file; the scripted endpoint is started for it."""


FILES: Final = "files:"
"""A base URL of this scheme names a folder in which a person or a program answers by files."""


class ModelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which model speaks for a role, and how it is reached."""

    model: str
    """Model name as the provider expects it in requests."""
    base_url: str
    """URL of an OpenAI-compatible API, or of an API of another ``protocol``, with or without its version, such as
    ``/v1``; ``script:PATH`` starts the scripted endpoint, ``files:FOLDER`` has a person or a
    program answer by files in a folder. A ``provider`` sets its own."""
    provider: str | None = None
    """A provider listed in docs/models.md, or registered by an installed package: it sets the address, the key's
    variable, the header and the protocol. None: only ``base_url`` is used."""
    protocol: RequestProtocol | None = None
    """API protocol: chat completions (``chat``), OpenAI's ``responses``, Anthropic's ``messages``, Google's ``gemini``,
    or ``embeddings``, for a role that ranks by vectors. A ``provider`` sets its own; a model that is to embed says so
    beside it. None: chat completions."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the API key. None: no key is sent."""
    api_key_command: str | None = None
    """Command that prints a token, alone or in JSON. It runs without a shell, and again when the token expires or is
    refused; the token is never recorded. None: no command."""
    api_key_header: str | None = None
    """Header that carries the key or token; in ``Authorization`` it follows ``Bearer``. None: the header of the
    provider or the protocol."""
    api_version: str | None = None
    """API version, sent as the query parameter ``api-version``, as ``azure`` requires. None: the provider's default."""
    thinking: bool | None = None
    """Whether the model thinks before it answers; adds the provider's parameters for it. None: no parameter is
    sent."""
    parameters: Parameters = msgspec.field(default_factory=dict)
    """Request parameters, such as ``temperature``, sent unchanged; no others are sent, except those of ``stream``,
    ``stream_usage`` and ``thinking``. With a ``provider`` or ``protocol``, a dot in a name addresses a nested table."""
    tools: bool = True
    """Whether the model supports tool calls; otherwise commands are read from fenced blocks."""
    stream: bool = False
    """Whether to stream answers."""
    stream_usage: bool = True
    """With ``stream``: whether to send ``stream_options.include_usage``, without which most servers report no usage.
    Set it to false for a server that rejects it."""
    timeout_s: float = 600.0
    """Timeout of one request, in seconds; with ``files:FOLDER``, time without any answer after which the run ends with
    exit code 8, for `resume` to go on."""
    tries: int = 5
    """Maximum number of requests per call, including the first. From 2 on, rate-limit refusals (429) are not counted;
    they are retried until ``retry_timeout_s``."""
    retry_wait_initial_s: float = 0.5
    """Wait before the first retry, in seconds, from 0 to 86400. Each further wait is twice as long; up to half of
    each is left out, so that calls that failed together do not come back together. A wait that the provider asks for
    takes its place."""
    retry_wait_max_s: float = 60.0
    """Upper bound of these waits, in seconds, from 0 to 86400."""
    retry_timeout_s: float | None = 900.0
    """Time from the first request of a call after which it is not retried, in seconds, 60 or more. A wait that would
    exceed it is not started. None: no limit; rate-limit refusals are then counted in ``tries``."""


PriceTable = Literal["own", "shipped"]
"""Whether prices that are not set may come from the shipped table."""


class PriceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model costs, in US dollars per million tokens."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    """Price of input read from the provider's cache. None: the price of other input."""
    cache_write: Decimal | None = None
    """Price of input written to the provider's cache, such as Anthropic's; the highest, if there are several.
    None: the price of other input."""


class BudgetSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hard caps in US dollars. None: no cap. A cap needs a price for every model."""

    run_usd: Decimal | None = None
    trial_usd: Decimal | None = None
    answer_tokens: int = 16_384
    """Tokens that a cap sets aside for an answer where the model's parameters do not bound it (``max_tokens``,
    ``max_completion_tokens``). It is not sent, so a longer answer costs more than was set aside: it counts in full, and
    calls in flight may pass a cap."""


class AgentSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who acts in the sandbox, and the limits of one attempt. Each limit ends it with its own outcome."""

    path_keys: ClassVar = frozenset({"skills"})

    name: str = "shell"
    """``shell`` asks the teacher model; ``oracle`` runs the task's solution; ``nop`` does nothing. ``codex``,
    ``qwen-code``, ``opencode``, ``claude-code`` and ``gemini-cli`` are installed in the sandbox."""
    skills: str | None = None
    """Folder of skills for the shell agent or an installed one, each a folder with a ``SKILL.md``. Empty: the
    agent is told of skills, and finds none. None: nothing is said of skills."""
    max_turns: int = 50
    """Maximum number of model answers per attempt."""
    max_tokens: int | None = None
    """Maximum number of input and output tokens per attempt. None: no limit."""
    timeout_s: float | None = None
    """Timeout of an attempt, in seconds. None: the limit of the task, if it has one."""
    command_timeout_s: float = 120.0
    """Timeout of a command, in seconds."""
    max_cost_usd: Decimal | None = None
    """Spending limit per attempt, in US dollars. None: no limit."""
    observation_chars: int = 16_000
    """Maximum number of characters of a command's output that the model sees; the log keeps all of it."""


class CallsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Calls at a time, for each model at each address. Their number grows while all is well, and falls on refusals."""

    start: int = 200
    """Initial limit. With 200, a thousand calls are in flight after half a second, unless one is refused."""
    least: int = 1
    """Lower bound of the limit."""
    most: int = 2000
    """Upper bound of the limit."""


class PoolsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Concurrency limits of each kind of work. `stillroom tune` changes them in a running run."""

    builds: int | None = None
    """Concurrent image builds. None: chosen for the machine."""
    sandboxes: int | None = None
    """Open sandboxes. None: chosen for the machine."""
    verifiers: int | None = None
    """Concurrent verifiers. None: chosen for the machine."""
    calls: CallsSpec = CallsSpec()


OnLoss = Literal["abandon", "rebuild"]
VerifierNetwork = Literal["task", "off", "on"]


class RunSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a run is asked to do."""

    path_keys: ClassVar = frozenset({"tasks"})
    """Keys that name a file or a folder. Where a relative one is read, it is made absolute from there."""

    tasks: str
    """A Harbor task folder, a folder of them, or ``registry.json#NAME@VERSION``: a dataset of a local registry."""
    only: tuple[str, ...] = ()
    """Names of the tasks to run. Empty: all tasks."""
    exclude: tuple[str, ...] = ()
    """Names of tasks that are left out."""
    shuffle: int | None = None
    """Seed of the order of tasks, from 0. None: as ``only`` names them, or by name."""
    limit: int | None = None
    """Number of tasks, the first in that order after ``exclude``. None: all."""
    concurrency: int = 4
    """Maximum number of concurrent trials."""
    repeats: int = 1
    """Trials per task."""
    sandbox: str = "local"
    """Sandbox backend of attempts: this machine under bubblewrap (``local``) or without isolation (``none``),
    containers of ``docker`` or ``podman``, or a backend that an installed package registers."""
    verifier_network: VerifierNetwork = "task"
    """Network access of the tests: as the task says, never (``off``), or always (``on``), for tests that download
    dependencies although the agent has no network. The local sandbox has one network for all phases."""
    on_loss: OnLoss = "rebuild"
    """What to do with an attempt whose sandbox was lost in a crash, or cannot be trusted. ``rebuild``: rerun its
    recorded commands in a new sandbox, and continue if each exits as recorded. ``abandon``: abandon the attempt, and
    begin another. An abandoned attempt has no score."""
    program: str = "explore"
    """Program of the run."""
    own: dict[str, Any] = msgspec.field(default_factory=dict)
    """The program's own settings: in a file, the table that has its name."""
    method: Any = msgspec.field(default_factory=default_method_settings)
    """Settings of the method, by its own class; ``name`` says which method."""
    agent: AgentSpec = AgentSpec()
    models: dict[Role, ModelSpec] = msgspec.field(default_factory=dict)
    """By role. The reflector and the distiller default to the teacher."""
    prices: dict[str, PriceSpec] = msgspec.field(default_factory=dict)
    """By model name."""
    price_table: PriceTable = "own"
    """Where prices come from that ``prices`` does not have: nowhere (``own``), or from the table that ships with
    stillroom, each with its source and date (``shipped``). What is taken from it is recorded under ``prices``."""
    budget: BudgetSpec = BudgetSpec()
    pools: PoolsSpec = PoolsSpec()

    def __post_init__(self) -> None:
        """Check the method's settings by its own class.

        Raises:
            NameUnknown: No installed package registers the method.
        """
        if isinstance(self.method, dict):
            settings = method_named(str(self.method.get("name", SPARK))).settings
            msgspec.structs.force_setattr(self, "method", msgspec.convert(self.method, settings))


def model_for(spec: RunSpec, role: str, other: str | None = "teacher") -> ModelSpec | None:
    """Say which model speaks for a role: its own, else that of another one. None: the spec names neither."""
    return spec.models.get(role) or (None if other is None else spec.models.get(other))


def model_key(spec: RunSpec, role: Role, model: str) -> str:
    """Give the key of `models` that says how a role's model is reached: its own, or that of one that stands for it."""
    others = (key for key, each in spec.models.items() if each.model == model)
    return role if role in spec.models else next(others, role)


def read_spec(recorded: bytes) -> RunSpec:
    """Read a recorded spec back: what a key meant where it was not there yet is what it means.

    Raises:
        msgspec.MsgspecError: It is no spec.
    """
    tree = msgspec.json.decode(recorded)
    if isinstance(tree, dict):
        tree.setdefault("on_loss", "abandon")  # before there was the key, nothing was rebuilt
    models = tree.get("models") if isinstance(tree, dict) else None
    for model in models.values() if isinstance(models, dict) else ():
        if isinstance(model, dict):
            model.setdefault("stream_usage", False)  # before there was the key, usage was not asked for
    return msgspec.convert(tree, RunSpec)


def canonical(spec: RunSpec) -> bytes:
    """Write a spec the same way everywhere."""
    return msgspec.json.encode(spec, order="deterministic")
