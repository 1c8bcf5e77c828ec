"""What a process mints: ids of runs."""

from engine.core.system import mint_run_id


def test_no_beginning_of_a_run_id_is_a_number() -> None:
    """Given as `show 123456`, it would name an event, and what a command says comes next would be something else."""
    ids = {mint_run_id() for _ in range(1000)}
    assert not [each for each in ids if each[0].isdigit()]
    assert {len(each) for each in ids} == {10}
    assert len(ids) == 1000
