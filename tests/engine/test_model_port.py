"""Stories of failed calls as they are recorded: what mends them is said where it is known."""

import pytest

from engine.model_port import Terms, failed
from engine.protocols.errors import BadRequest, ProviderError, RateLimited, Seen
from tests.support.worlds import memory_log

UNKNOWN = Terms(price=None, bound=None)


@pytest.mark.parametrize(
    ("error", "role", "detail"),
    [
        (
            BadRequest("no tools", setting="set models.ROLE.tools=false"),
            "teacher",
            "no tools (set models.teacher.tools=false)",
        ),
        (
            BadRequest("no tools", setting="set models.ROLE.tools=false"),
            "reflector",
            "no tools (set models.reflector.tools=false)",
        ),
        (
            BadRequest("no tools", remedy="another model", setting="set models.ROLE.tools=false"),
            None,
            "no tools (another model)",
        ),
        (BadRequest("no tools", setting="set models.ROLE.tools=false"), None, "no tools"),
        (RateLimited("spent", remedy="add credit"), "teacher", "spent (add credit)"),
        (RateLimited("slow down"), "teacher", "slow down"),
    ],
)
def test_a_failed_call_says_what_mends_it(error: ProviderError, role: str | None, detail: str) -> None:
    """A setting of the role that asked; for agents of other makes, which have their own, what helps anyone."""
    assert failed(memory_log(), error, UNKNOWN, role).detail == detail  # type: ignore[arg-type]


def test_what_the_provider_said_is_kept_whole_beside_it() -> None:
    """The detail is for people."""
    log = memory_log()
    event = failed(log, BadRequest("no", seen=Seen(status=400, raw=b"no, because")), UNKNOWN)
    assert event.reply is not None
    assert (event.kind, event.status) == ("bad_request", 400)
