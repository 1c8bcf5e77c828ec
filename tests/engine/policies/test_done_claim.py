"""Stories of an agent that says it is done."""

from engine.policies.done_claim import question_done


def test_a_claim_before_any_command_is_questioned_once() -> None:
    """The first costs a turn; who insists is judged, since a task may leave nothing to do."""
    assert "no command" in (question_done(commands=0, questioned=0) or "")
    assert question_done(commands=0, questioned=1) is None


def test_who_ran_a_command_is_taken_at_its_word() -> None:
    """The verifier says whether it was right."""
    assert question_done(commands=1, questioned=0) is None
