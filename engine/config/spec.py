"""What a run is asked to do: one frozen value, resolved before anything starts, whose bytes are in the log.

`engine.config.resolve` reads it from TOML, environment and flags; unknown keys are refused there. Secrets are not
part of it: a spec names the variable that holds a key, never the key.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from engine.core.methods import SPARK, default_method_settings, method_named
from engine.protocols.request import RequestProtocol
from events.values import Role

Parameters = dict[str, str | int | float | bool]


class ModelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which model speaks for a role, and how it is reached."""

    model: str
    """As the provider knows it; what goes into the request."""
    base_url: str
    """Of an OpenAI-compatible API, or of another ``protocol``, with or without its version, such as ``/v1``;
    ``script:PATH`` starts the scripted endpoint. A ``provider`` brings its own."""
    provider: str | None = None
    """One that docs/models.md lists, or that an installed package registers: it brings address, variable of the key,
    header and protocol. None: whatever answers at ``base_url``."""
    protocol: RequestProtocol | None = None
    """How requests and answers are written: chat completions (``chat``), Anthropic's ``messages`` or Google's
    ``gemini``. A ``provider`` brings its own. None: chat completions."""
    api_key_env: str | None = None
    """Name of the variable that holds the key. None: no key is sent."""
    api_key_command: str | None = None
    """A command that prints a token, alone or in JSON. It is run without a shell, again when the token runs out or is
    refused; the token is never recorded. None: there is none."""
    api_key_header: str | None = None
    """The header that carries the key or token; in ``Authorization`` it stands behind ``Bearer``. None: as the
    provider or the protocol has it."""
    api_version: str | None = None
    """Of the API, sent as ``api-version`` in the address, as ``azure`` wants it. None: the provider's own choice."""
    thinking: bool | None = None
    """Whether the model thinks before it answers: adds the parameters of the provider that say so. None: nothing is
    said."""
    parameters: Parameters = msgspec.field(default_factory=dict)
    """Sent as they are, such as ``temperature``; nothing else is sent but what ``stream``, ``stream_usage`` and
    ``thinking`` say. With a ``provider`` or ``protocol``, a dot in a name leads into a table."""
    tools: bool = True
    """Whether the model takes tool calls; otherwise commands are read from fenced blocks."""
    stream: bool = False
    """Whether answers are asked for in pieces."""
    stream_usage: bool = True
    """With ``stream``: whether ``stream_options.include_usage`` is sent, without which most servers count nothing in a
    stream. Set it to false for a server that refuses it."""
    timeout_s: float = 600.0
    """Seconds for one request."""
    tries: int = 5
    """Requests at most per call, the first included; from 2 on, refusals because of too many (429) are not counted, and
    end after 15 minutes."""


class PriceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model costs, in US dollars per million tokens."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    """None: cached input costs as much as other input."""
    cache_write: Decimal | None = None
    """What a provider asks for input that it puts into its cache, as Anthropic does: the dearest, where it has several.
    None: as much as for other input."""


class BudgetSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hard caps in US dollars. None: no cap. A cap needs a price for every model and a bound on its output."""

    run_usd: Decimal | None = None
    trial_usd: Decimal | None = None


class AgentSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who acts in the sandbox, and the limits of one attempt. Each limit ends it with its own outcome."""

    name: str = "shell"
    """``shell`` asks the teacher model; ``oracle`` runs the task's solution; ``nop`` does nothing. ``codex``,
    ``qwen-code``, ``opencode``, ``claude-code`` and ``gemini-cli`` are installed in the sandbox."""
    skills: str | None = None
    """A folder of skills, each a folder with a ``SKILL.md``, that an installed agent is given. None: none are."""
    max_turns: int = 50
    """Model answers per attempt."""
    max_tokens: int | None = None
    """Input and output tokens per attempt. None: no limit."""
    timeout_s: float | None = None
    """Seconds per attempt. None: the task's own limit, if it has one."""
    command_timeout_s: float = 120.0
    """Seconds per command."""
    max_cost_usd: Decimal | None = None
    """Money per attempt. None: no limit."""
    observation_chars: int = 16_000
    """How much of a command's output the model is shown; the log keeps all of it."""


class CallsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Calls at a time, for each model at each address. Their number grows while all is well, and halves on refusals."""

    start: int = 200
    """At first. A thousand trials at once are then under way within three rounds of answers."""
    least: int = 1
    """Never fewer."""
    most: int = 2000
    """Never more."""


class PoolsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of each kind of work goes on at a time. `stillroom tune` changes it while a run is alive."""

    builds: int | None = None
    """Images. None: as suits the machine."""
    sandboxes: int | None = None
    """None: as suits the machine."""
    verifiers: int | None = None
    """None: as suits the machine."""
    calls: CallsSpec = CallsSpec()


OnLoss = Literal["abandon", "rebuild"]
VerifierNetwork = Literal["task", "off", "on"]


class RunSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a run is asked to do."""

    tasks: str
    """A Harbor task folder, a folder of them, or ``registry.json#NAME@VERSION``: a dataset of a local registry."""
    only: tuple[str, ...] = ()
    """Names of the tasks to run. Empty: all."""
    concurrency: int = 4
    """Trials at a time."""
    repeats: int = 1
    """Trials per task."""
    sandbox: str = "local"
    """Where attempts take place: on this machine under bubblewrap (``local``) or without isolation (``none``), in
    containers of ``docker`` or ``podman``, or in sandboxes that an installed package registers."""
    verifier_network: VerifierNetwork = "task"
    """Whether the tests reach the network: as the task has it, never (``off``), or always (``on``), such as tests that
    download what they need, in a task whose agent must not. The local sandbox has one network for all phases."""
    on_loss: OnLoss = "abandon"
    """What becomes of an attempt whose sandbox is gone after a crash, or cannot be trusted. ``rebuild``: its recorded
    commands are run again in a new one, and it goes on if each ends as recorded. ``abandon``: that is not tried.
    Neither gives a score."""
    program: str = "explore"
    """What the run does."""
    own: dict[str, Any] = msgspec.field(default_factory=dict)
    """The program's own settings: in a file, the table that has its name."""
    method: Any = msgspec.field(default_factory=default_method_settings)
    """Settings of the method, by its own class; ``name`` says which method."""
    agent: AgentSpec = AgentSpec()
    models: dict[Role, ModelSpec] = msgspec.field(default_factory=dict)
    """By role. The reflector and the distiller default to the teacher."""
    prices: dict[str, PriceSpec] = msgspec.field(default_factory=dict)
    """By model name."""
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


def read_spec(recorded: bytes) -> RunSpec:
    """Read a recorded spec back: what a key meant where it was not there yet is what it means.

    Raises:
        msgspec.MsgspecError: It is no spec.
    """
    tree = msgspec.json.decode(recorded)
    models = tree.get("models") if isinstance(tree, dict) else None
    for model in models.values() if isinstance(models, dict) else ():
        if isinstance(model, dict):
            model.setdefault("stream_usage", False)  # before there was the key, usage was not asked for
    return msgspec.convert(tree, RunSpec)


def canonical(spec: RunSpec) -> bytes:
    """Write a spec the same way everywhere."""
    return msgspec.json.encode(spec, order="deterministic")
