"""Stories of who is next."""

import pytest

from engine.concurrency.fair_queue import FairQueue


def order(queue: FairQueue[str]) -> list[str]:
    """Take everything out, as if nothing that went in ever ended."""
    taken = []
    while len(queue):
        ticket, thing = queue.pop()
        queue.running[ticket.run] += 1
        taken.append(thing)
    return taken


def push(queue: FairQueue[str], run: str, who: str, thing: str) -> None:
    """Let one wait."""
    queue.push(queue.ticket(run, who), thing)


def test_trials_are_served_in_the_order_of_asking() -> None:
    """Each has one call at a time; none may be overtaken."""
    queue: FairQueue[str] = FairQueue()
    for name in "abc":
        push(queue, "r", name, name)
    assert order(queue) == ["a", "b", "c"]


def test_one_with_many_calls_lets_others_in_between() -> None:
    """An agent that asks for five at once does not keep a trial with one waiting for all of them."""
    queue: FairQueue[str] = FairQueue()
    for number in range(5):
        push(queue, "r", "greedy", f"greedy {number}")
    push(queue, "r", "modest", "modest")
    assert order(queue)[:2] == ["greedy 0", "modest"]


def test_a_run_that_came_late_gets_its_half() -> None:
    """A thousand waiting calls of one run do not starve another."""
    queue: FairQueue[str] = FairQueue()
    for number in range(1000):
        push(queue, "large", f"t{number}", "large")
    for number in range(3):
        push(queue, "small", f"t{number}", "small")
    assert order(queue)[:6].count("small") == 3


def test_a_call_that_is_repeated_goes_before_those_that_came_later() -> None:
    """It was refused through no fault of its own."""
    queue: FairQueue[str] = FairQueue()
    early = queue.ticket("r", "early")
    queue.push(early, "early")
    for number in range(10):
        push(queue, "r", f"late {number}", "late")
    assert queue.pop()[1] == "early"
    assert queue.pop()[1] == "late"
    queue.push(early, "early again")
    assert queue.pop()[1] == "early again"


def test_nothing_is_kept_of_those_that_have_been_served() -> None:
    """A run of a million trials must not end in a million entries."""
    queue: FairQueue[str] = FairQueue()
    for number in range(100):
        push(queue, "r", f"t{number}", "x")
    order(queue)
    queue.forget("r")
    assert (len(queue), queue.running) == (0, {})
    with pytest.raises(IndexError):
        queue.pop()


def test_who_gives_up_is_not_served_and_costs_the_others_nothing() -> None:
    """A ticket keeps its number, so that whoever asks again with it goes before those that came later."""
    queue: FairQueue[str] = FairQueue()
    early = queue.ticket("r", "early")
    queue.push(early, "early")
    push(queue, "r", "late", "late")
    assert (queue.newest, early in queue) == ("late", True)
    queue.discard(early)
    queue.discard(early)
    assert (len(queue), early in queue) == (1, False)
    queue.push(early, "early again")
    assert (queue.newest, order(queue)) == ("early again", ["early again", "late"])
    assert queue.newest is None


def test_a_run_of_which_all_gave_up_has_no_turn() -> None:
    """What it left in the order must not be taken for something that waits."""
    queue: FairQueue[str] = FairQueue()
    ticket = queue.ticket("gone", "x")
    queue.push(ticket, "x")
    queue.discard(ticket)
    with pytest.raises(IndexError):
        queue.pop()
    push(queue, "there", "y", "y")
    assert queue.pop()[1] == "y"
