"""Which streams hang below which, found without a look at all of them each time."""

from collections.abc import Iterator

from engine.core.world import StreamIndex


class NamesOnce:
    """Names that count how often they are gone through."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self.looks = 0

    def __iter__(self) -> Iterator[str]:
        """Go through them."""
        self.looks += 1
        return iter(self._names)


def test_streams_are_found_in_the_order_of_their_numbers() -> None:
    """Ten comes behind two. A gap is a call that left nothing on record."""
    names = NamesOnce("run", "call/a/1/10", "call/a/1/2", "call/a/1/1", "call/a/2/1", "attempt/a/1")
    index = StreamIndex(names)
    assert index.below("call/a/1/") == ["call/a/1/1", "call/a/1/2", "call/a/1/10"]
    assert list(index.below("call/a/3/")) == []
    assert names.looks == 1


def test_calls_of_a_trial_whose_name_goes_on_are_not_taken_along() -> None:
    """`a` and `a/1/2` are two trials, and `call/a/1/2/1/7` is a call of the second."""
    index = StreamIndex(["call/a/1/1", "call/a/1/2/1/7"])
    assert index.below("call/a/1/") == ["call/a/1/1"]
    assert index.below("call/a/1/2/1/") == ["call/a/1/2/1/7"]
