"""How a call to a model can fail.

```
StillroomError
└── ProviderError               carries kind, retryable, status, raw and what was counted
    ├── EndpointInvalid         the settings cannot work; nothing was sent
    ├── BadRequest              the endpoint does not accept what was asked
    │   └── ImagesUnsupported   the model takes no images
    ├── Authentication          the key is wrong, missing, or not allowed this
    ├── RateLimited             too many calls (again later), or the credit is used up (not again)
    ├── ContextLength           the conversation does not fit the model
    ├── Refused                 a filter or the model itself declined
    ├── ServerFault             the endpoint broke
    │   └── Overloaded          it has too much load for now
    ├── NetworkFault            no answer began
    ├── TimedOut                no complete answer in time
    └── MalformedReply          an answer that is cut, empty, or not the protocol
```

``retryable`` says whether the same bytes may be answered at another time. A failure is never an empty text.
"""

from decimal import Decimal
from typing import ClassVar, Final, Literal

from msgspec import MsgspecError, Struct

from engine.protocols.allowance import SILENT, RateLimitHeaders
from engine.protocols.usage import NOT_SAID, ReportedUsage
from events.errors import ExitCode, StillroomError

UNREADABLE: Final = (MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises over a provider's bytes: bad JSON, bad UTF-8 inside a string, a thousand brackets."""

ErrorKind = Literal[
    "authentication",
    "bad_request",
    "context_length",
    "endpoint",
    "images_unsupported",
    "malformed",
    "network",
    "rate_limit",
    "refusal",
    "server",
    "timeout",
]
"""Names for the log; each stays what it is for life."""


class FailedCallFacts(Struct, frozen=True, kw_only=True):
    """What there is to know of a failed call.

    Attributes:
        status: The HTTP status; None when no answer began.
        raw: The body's bytes, as many as came; None when none did.
        retry_after_s: Seconds the provider asked to wait, 0 or more; None when it did not ask.
        request_id: The provider's name for this call; None when it gave none.
        left: What the provider says is left of its limits.
        usage: The tokens that the refused or broken answer states all the same.
        cost_usd: What it says that the call cost, in USD; None when it does not say.
        sent: Whether the request may have reached the provider; False only where no connection was made.
    """

    status: int | None = None
    raw: bytes | None = None
    retry_after_s: float | None = None
    request_id: str | None = None
    left: RateLimitHeaders = SILENT
    usage: ReportedUsage = NOT_SAID
    cost_usd: Decimal | None = None
    sent: bool = True


NOTHING_SEEN = FailedCallFacts()


class ProviderError(StillroomError):
    """A call that was not answered.

    Attributes:
        kind: The name of this failure in the log.
        retryable: Whether asking again with the same bytes may help.
        status: The HTTP status; None when no answer began.
        raw: The body's bytes, as many as came; None when none did.
        retry_after_s: Seconds the provider asked to wait; None when it did not ask.
        request_id: The provider's name for this call; None when it gave none.
        left: What the provider says is left of its limits.
        setting: Which setting of the run mends it, told to a person, with ``ROLE`` for the name of the role; None where
            none does, or it is not known which.
        usage: The tokens that the refused or broken answer states all the same; they are paid for.
        cost_usd: What it says that the call cost, in USD; None when it does not say.
        sent: Whether the request may have reached the provider; False only where no connection was made.
    """

    kind: ClassVar[ErrorKind]
    usually_retryable: ClassVar[bool] = False
    usual_remedy: ClassVar[str]

    def __init__(
        self,
        problem: str,
        *,
        remedy: str | None = None,
        setting: str | None = None,
        seen: FailedCallFacts = NOTHING_SEEN,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(problem, remedy=remedy or self.usual_remedy)
        self.retryable = self.usually_retryable if retryable is None else retryable
        self.status = seen.status
        self.raw = seen.raw
        self.retry_after_s = seen.retry_after_s
        self.request_id = seen.request_id
        self.left = seen.left
        self.setting = setting
        self.usage = seen.usage
        self.cost_usd = seen.cost_usd
        self.sent = seen.sent


class EndpointInvalid(ProviderError):
    """The settings cannot work; nothing was sent."""

    exit_code = ExitCode.USAGE
    kind = "endpoint"
    usual_remedy = "correct the provider's settings"


class BadRequest(ProviderError):
    """The endpoint does not accept what was asked."""

    exit_code = ExitCode.USAGE
    kind: ClassVar[ErrorKind] = "bad_request"
    usual_remedy = "check the model's name, the base URL and the parameters; only what you set is sent"


class ImagesUnsupported(BadRequest):
    """The request shows an image, and the model takes none. Without it, it would be another question."""

    kind = "images_unsupported"
    usual_remedy = "use a model that takes images, or leave out what shows them"


class Authentication(ProviderError):
    """The key is wrong, missing, or not allowed this."""

    exit_code = ExitCode.USAGE
    kind = "authentication"
    usual_remedy = "check the API key, and that it may use this model at this base URL"


class RateLimited(ProviderError):
    """Too many calls or tokens for now; not retryable when the credit itself is used up."""

    kind = "rate_limit"
    usually_retryable = True
    usual_remedy = "run fewer trials at once, or raise the provider's limit"


class ContextLength(ProviderError):
    """The conversation does not fit the model's window."""

    kind = "context_length"
    usual_remedy = "use a model with a larger window, or fewer turns per attempt"


class Refused(ProviderError):
    """A filter or the model itself declined to answer."""

    kind = "refusal"
    usual_remedy = "read the refusal in the recorded reply; another wording or model may be needed"


class ServerFault(ProviderError):
    """The endpoint broke, or is overloaded."""

    kind = "server"
    usually_retryable = True
    usual_remedy = "try again later; the provider's status page may say more"


class Overloaded(ServerFault):
    """The endpoint has too much load for now: fewer calls at a time help."""


class NetworkFault(ProviderError):
    """No answer began: the connection was refused, lost, or could not be secured."""

    kind = "network"
    usually_retryable = True
    usual_remedy = "check that the base URL is right and reachable from this machine"


class TimedOut(ProviderError):
    """No complete answer in the time allowed."""

    kind = "timeout"
    usually_retryable = True
    usual_remedy = "allow more time per call, or ask for fewer tokens"


class MalformedReply(ProviderError):
    """An answer that is cut, empty, or not the protocol."""

    kind = "malformed"
    usually_retryable = True
    usual_remedy = "read the recorded bytes; the endpoint may not speak chat completions"
