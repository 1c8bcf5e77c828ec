"""Orders that a seed decides are the same on every machine, and streams of draws do not meet."""

from engine.core.seeded_order import shuffled, stream_seed


def test_an_order_is_that_of_pythons_own_shuffle() -> None:
    """Which splits and batches of published runs rest on."""
    assert shuffled("abcdef", 42) == ["d", "b", "c", "e", "a", "f"]


def test_streams_of_one_seed_are_strangers() -> None:
    """Whatever their names are made of; and a seed does not change between versions."""
    assert stream_seed(42, "epoch", "1") != stream_seed(42, "epoch1") != stream_seed(42, "epoch", "11")
    assert stream_seed(1, "a") != stream_seed(2, "a")
    assert 0 <= stream_seed(-1, "a") < 2**63
    assert stream_seed(42, "epoch", "1") == 7447719930548614896
