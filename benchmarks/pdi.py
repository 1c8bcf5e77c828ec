"""PDI after a new turn: read again from all text, or from what is counted already.

An attempt has run 100 KB of commands, the memo has 5 KB, and ten turns add 2 KB each. All text is made up from a
fixed list of words and has a letter beyond ASCII every hundred lines, as recordings have. Each way takes its ten
turns in every round, the first one in turn, and what counts is the ratio within a round.

    .venv/bin/python -m benchmarks.pdi [--quick]
"""

import sys
from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import NamedTuple

from msgspec.structs import replace

from projections.pdi.index import Method, PdiInput, PdiSettings, PdiState, Reading, read_step
from projections.pdi.online import OnlinePdi

COMMANDS, MEMO, TURN, TURNS = 100_000, 5_000, 2_000, 10
FLOOR, REACH = 30, 100
METHODS: tuple[Method, ...] = ("token_overlap", "js_divergence")


class PdiRound(NamedTuple):
    """One round, in microseconds a turn."""

    full: float
    incremental: float


def words(seed: int) -> Iterator[str]:
    """Draw from 3,000 words, common ones more often, the same ones in every run."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        common = (state >> 33) % 3000 * ((state >> 11) % 3000) // 3000
        yield f"word_{common}" if common % 3 else f"path/{common}.py --n {common % 7}"


def text(size: int, seed: int) -> str:
    """Make lines of eight words."""
    lines: list[str] = []
    length, drawn = 0, words(seed)
    while length < size:
        line = " ".join(next(drawn) for _ in range(8)) + (" é" if len(lines) % 100 == 99 else "")
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines)[:size]


def memo(seed: int) -> str:
    """Make a memo, half of it facts."""
    half = MEMO // 2
    return f"## Memo\n\n### Verified Facts\n{text(half, seed)}\n\n### Next Strategy\n{text(half, seed + 1)}\n"


def once(settings: PdiSettings, number: int) -> PdiRound:
    """Read both ways after each of ten turns; the readings must be equal to the last bit."""
    before = text(COMMANDS, 7)
    turns = [text(TURN, 100 * number + turn) for turn in range(TURNS)]
    given = PdiInput(memo=memo(3), previous_memo=memo(5), commands="", summary="", previous_summary="", step=1)
    state, _ = read_step(PdiState(), replace(given, step=0), settings)
    online = OnlinePdi(state, given, settings)
    online.add(before)
    wholes = [replace(given, commands="\n".join([before, *turns[: count + 1]])) for count in range(TURNS)]

    def full() -> list[Reading]:
        return [read_step(state, whole, settings)[1] for whole in wholes]

    def incremental() -> list[Reading]:
        return [after(online, turn) for turn in turns]

    ways = (full, incremental) if number % 2 else (incremental, full)
    readings, spent = {}, {}
    for way in ways:
        start = perf_counter()
        readings[way.__name__] = way()
        spent[way.__name__] = (perf_counter() - start) * 1e6 / TURNS
    if readings["full"] != readings["incremental"]:
        raise AssertionError(readings)
    return PdiRound(**spent)


def after(online: OnlinePdi, turn: str) -> Reading:
    """Add a turn and read."""
    online.add(turn)
    return online.reading()


def main() -> None:
    """Print medians with their spread."""
    rounds = 10 if "--quick" in sys.argv else 50
    print(f"{COMMANDS // 1000} KB of commands, memo of {MEMO // 1000} KB, turns of {TURN // 1000} KB, {rounds} rounds")
    for method in METHODS:
        done = [once(PdiSettings(method=method), number) for number in range(rounds)]
        print(f"{method}")
        for name in PdiRound._fields:
            spent = [getattr(each, name) for each in done]
            print(f"  {name:<12} {median(spent):>9,.1f} us  [{min(spent):,.1f} to {max(spent):,.1f}]")
        ratios = [each.full / each.incremental for each in done]
        verdict = "reached" if median(ratios) >= REACH else "met" if median(ratios) >= FLOOR else "MISSED"
        spread = f"[{min(ratios):.0f} to {max(ratios):.0f}]"
        print(f"  {'ratio':<12} {median(ratios):>9.0f}     {spread}  floor {FLOOR}, reach {REACH}: {verdict}")
        # A busy machine slows the long way more than the short one; the fastest rounds are the least disturbed.
        quiet = min(each.full for each in done) / min(each.incremental for each in done)
        print(f"  {'of fastest':<12} {quiet:>9.0f}")


if __name__ == "__main__":
    main()
