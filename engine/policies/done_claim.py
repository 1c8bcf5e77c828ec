"""What becomes of an agent's word that its work is done, where it has run no command yet; pure.

Small models answer ``DONE``, or the result itself, at once. The first such claim is told to be one, at the cost of a
turn. The second one ends the attempt, and the verifier judges: a task may truly leave nothing to do, the verdict is
true either way, and a model that insists would spend all of its turns.
"""

_MOST_QUESTIONED = 1


def question_done(*, commands: int, questioned: int) -> str | None:
    """What to tell an agent that says it is done. None: it is taken at its word.

    Args:
        commands: Commands it has run, however they ended.
        questioned: Claims of it that were questioned before.
    """
    if commands or questioned >= _MOST_QUESTIONED:
        return None
    return (
        "no command was run yet, so nothing is done: only commands change anything. "
        "Answer with one command for the task, in a block like this:\n```sh\nls -l\n```"
    )
