"""Commands that hold the mark of a secret: what the model meant is not on record, and the mark is another command."""

import re
from typing import Final

from events.redaction.redactor import MARK

_MARK: Final = re.compile(MARK)


def hidden_in(command: str) -> str | None:
    """Word for the model why a command is not run. None: it holds no mark.

    A command is kept before it is run, and what is kept is run, so that a replay runs the same. With a secret in it
    that is another command than the model gave, and its effect would be taken for the agent's.
    """
    found = _MARK.search(command)
    if found is None:
        return None
    return (
        f"the command holds {found[0]}, which stands for a secret value that is neither recorded nor passed on, so "
        "nothing was run; give a command without it, such as one that reads the value from the file that holds it"
    )
