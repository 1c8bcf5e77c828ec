"""A script function of its own: what answers in place of a model, from what it reads in the request."""

import stillroom as st


def echo(asked: st.ServerRequest) -> st.ScriptedTurn | None:
    """Give the last line back; nothing in return for nothing."""
    lines = asked.opening.split("\n")
    return st.ScriptedTurn(text=lines[-1]) if lines[-1] else None
