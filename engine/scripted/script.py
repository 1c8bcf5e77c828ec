"""A script: which request is answered how. Values only; ``reading.py`` makes them from TOML."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

ErrorName = Literal[
    "authentication",
    "bad_request",
    "context_length",
    "empty",
    "garbage",
    "half",
    "hang",
    "images_unsupported",
    "not_found",
    "overloaded",
    "permission",
    "quota",
    "rate_limit",
    "refusal",
    "server",
    "unknown_model",
]
"""The ways in which an endpoint can fail to answer, as scripts name them."""

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Text = Annotated[str, Meta(min_length=1)]
Tokens = Annotated[int, Meta(ge=0)]


class TokenCount(Struct, frozen=True, kw_only=True):
    """What a turn claims to have used, in tokens.

    Attributes:
        input: Tokens of the request.
        output: Tokens of the answer.
        cached: How many of the input tokens came from a cache.
        written: How many of them were put into a cache; with ``cached`` at most ``input``. Only Anthropic's messages
            say so.
    """

    input: Tokens
    output: Tokens
    cached: Tokens = 0
    written: Tokens = 0


class ScriptedTurn(Struct, frozen=True, kw_only=True):
    """One answer: a text, a command, a call of a tool, or a failure that may be followed by one of these.

    Attributes:
        text: What the model says. None: it only gives a command, or never answers.
        command: What the model wants run: a call of the tool `run` where it is offered, else a fenced block.
        tool: Name of another tool that is called with `arguments`. None: there is none.
        arguments: Of that call.
        error: How answering fails. None: it does not.
        status: HTTP status of the failure, 400 to 599. None: the usual one of its kind.
        retry_after_s: Seconds the client is asked to wait, 0 or more. None: it is not asked.
        delay_s: Seconds before the first byte of the answer or failure. None: the script's default.
        times: How often one request gets the failure before it is answered. None: always.
        usage: Tokens to report. None: a quarter of the bytes of request and answer.
        cost_usd: Cost to report, in USD. None: none is reported, as most providers do.
        repeat: This turn, the last of its rule, also answers every later turn.
    """

    text: Text | None = None
    command: Text | None = None
    tool: Text | None = None
    arguments: dict[str, Any] = {}
    error: ErrorName | None = None
    status: Annotated[int, Meta(ge=400, le=599)] | None = None
    retry_after_s: Seconds | None = None
    delay_s: Seconds | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    usage: TokenCount | None = None
    cost_usd: Decimal | None = None
    repeat: bool = False

    @property
    def answers(self) -> bool:
        """Whether there is anything to say besides the failure."""
        return self.text is not None or self.command is not None or self.tool is not None


class Rule(Struct, frozen=True, kw_only=True):
    """Which conversations are meant, and their answers.

    Attributes:
        name: For messages, counts and people; no two rules share one.
        model: The model that must be asked for. None: any.
        contains: Texts that must all stand in the opening: what comes before the first assistant message.
        absent: Texts none of which may stand there.
        images: Images that it must all show, each by its media type, or by the first 8 digits or more of the SHA-256 of
            its bytes.
        shell: Whether a shell must be on offer, or must not be. None: either. Agents ask small things on the side, such
            as a title for the conversation, and then offer no tools.
        turns: Turn k answers a request that holds k assistant messages; at least one, or a function in their place.
        function: Name of the function that answers in place of turns, from what it reads in the request. None: the
            turns do.
    """

    name: Text
    model: Text | None = None
    contains: tuple[Text, ...] = ()
    absent: tuple[Text, ...] = ()
    images: tuple[Annotated[str, Meta(pattern=r"\A([a-z]+/[a-z0-9.+-]+|[0-9a-f]{8,64})\Z")], ...] = ()
    shell: bool | None = None
    turns: tuple[ScriptedTurn, ...] = field(name="turn", default=())
    function: Text | None = None


class Script(Struct, frozen=True, kw_only=True):
    """A whole script.

    Attributes:
        name: Sent with every answer, so that nobody takes it for a model's.
        delay_s: Seconds before each answer whose turn does not say otherwise.
        rules: The first that matches answers; at least one.
        fingerprint: The first 16 characters of the digest of the file.
    """

    name: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]+\Z")]
    delay_s: Seconds = 0.0
    rules: tuple[Rule, ...] = field(name="rule")
    fingerprint: str
