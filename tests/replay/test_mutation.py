"""No ruling is passed on in disguise: each is answered otherwise once, and what later decisions see must follow.

A rerun cannot see it: it feeds actors the recorded rulings, whatever they make of them.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from engine.core.decision import Deciding, Era, Observer, Point, PolicyContext, Tolerates
from engine.core.history import load_histories
from engine.core.scope import Scope
from engine.runtime.run import start_run
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.types.decision import Seen
from events.types.sandbox import ActionAsked
from tests.support.mutation import Mutated, mutate, mutate_lives, unfailing
from tests.support.runs import BABBLING, REFUSING, SCRIPT, SHADOWED, SKILL, TWICE_WRONG, make_base, setting, spec
from tests.support.worlds import Echo, Ticking, closed_world, live_world, memory_log

BROKEN_MEMO = "[[rule.turn]]\ntext = \"no memo at all\"\n[[rule.turn]]\ntext = '''## Exploration Memo"
BROKEN_SKILL = f"[[rule.turn]]\ntext = '''{SKILL.replace('name: word', 'name: other')}'''\n[[rule.turn]]\ntext = '''---"

CUT_TWICE = SCRIPT.replace('text = "I guess."', 'text = "I guess."\nerror = "half"\ntimes = 2', 1)
"""A model whose first answer is cut off twice."""
IMPATIENT = {"teacher": {"model": "teacher", "base_url": "script:script.toml", "tries": 1}}
PAID = {
    "models": {"teacher": {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 100}}},
    "prices": {"teacher": {"input": "1", "output": "1"}},
    "budget": {"run_usd": "1"},
}
"""What each call may cost is asked for by the size of what is said."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "asked", "least"),
    [
        pytest.param(SCRIPT, {"method": SHADOWED}, 30, id="shadows"),
        pytest.param(TWICE_WRONG, {"method": {"hint": True}}, 50, id="interventions"),
        pytest.param(TWICE_WRONG, {"method": {"reflect": False}}, 35, id="nothing learnt"),
        pytest.param(TWICE_WRONG, {"method": {"counting": "spark", "attempts": 4}}, 50, id="another count"),
        pytest.param(REFUSING, {}, 15, id="no model"),
        pytest.param(BABBLING, {"method": {"attempts": 2}}, 15, id="no memo"),
        pytest.param(SCRIPT.replace("[[rule.turn]]\ntext = '''## Exploration Memo", BROKEN_MEMO), {}, 28, id="repair"),
        pytest.param(SCRIPT.replace("[[rule.turn]]\ntext = '''---", BROKEN_SKILL), {}, 28, id="repaired skill"),
        pytest.param(SCRIPT.replace("name: word", "name: other"), {}, 25, id="no skill"),
        pytest.param(SCRIPT, {"models": {}, "agent": {"name": "oracle"}}, 5, id="oracle"),
        pytest.param(SCRIPT, {"agent": {"max_turns": 1}, "method": {"attempts": 2}}, 10, id="a limit"),
        pytest.param(SCRIPT, PAID, 25, id="money"),
        pytest.param(CUT_TWICE, {}, 30, id="calls made again"),
        pytest.param(CUT_TWICE, {"models": IMPATIENT, "method": {"attempts": 2}}, 10, id="calls given up"),
    ],
)
async def test_no_actor_of_ours_passes_a_ruling_on_in_disguise(
    tmp_path: Path, script: str, asked: dict[str, object], least: int
) -> None:
    """However the run went: every ruling that a later decision sees, it sees as a value with its event."""
    log = MemoryLog(clock=Ticking())
    run = (await start_run(await setting(log, make_base(tmp_path, script)), spec(**asked))).run
    came = await mutate(log, run)
    assert came.found == ()
    assert came.compared >= least


class Nothing(msgspec.Struct, frozen=True):
    """No setting."""


class WeighedLoad(msgspec.Struct, frozen=True):
    """What is weighed."""

    kilos: int


class Heaviness(msgspec.Struct, frozen=True):
    """What came of weighing."""

    heavy: bool
    words: str


class HeavySeen(msgspec.Struct, frozen=True):
    """Of a weighing."""

    heavy: bool


class Lift(msgspec.Struct, frozen=True):
    """What is lifted."""

    load: Seen[HeavySeen] | None
    helpers: int


class Lifted(msgspec.Struct, frozen=True):
    """Whether it is."""

    go: bool


def weigh(saw: WeighedLoad, rule: Nothing, desk: PolicyContext) -> Heaviness:
    """Weigh it."""
    del rule, desk
    return Heaviness(saw.kilos > 10, f"{saw.kilos} kg")


def lift(saw: Lift, rule: Nothing, desk: PolicyContext) -> Lifted:
    """Lift it with enough hands."""
    del rule, desk
    return Lifted(saw.helpers > 0 or saw.load is None or not saw.load.value.heavy)


def nothing(spec: object, saw: object) -> Nothing:
    """There are no settings."""
    del spec, saw
    return Nothing()


WEIGHING = Point(
    name="weighing", revision=1, saw=WeighedLoad, settings=Nothing, ruling=Heaviness, decisive=("heavy",), steers=False,
    rule=nothing,
)  # fmt: skip
LIFTING = Point(
    name="lifting", revision=1, saw=Lift, settings=Nothing, ruling=Lifted, decisive=("go",), steers=True, rule=nothing
)
ERA = Era(None, {"weighing": weigh, "lifting": lift}, "own")
Mover = Callable[[Scope], Awaitable[None]]


async def ask(scope: Scope, command: str) -> None:
    """Have the world do something."""
    await scope.effect(ActionAsked(command=scope.put(command.encode()), timeout_s=None))


async def open_mover(scope: Scope) -> None:
    """Hand on what was ruled, with its event."""
    weighed = await scope.decide(WEIGHING, WeighedLoad(20))
    lifted = await scope.decide(LIFTING, Lift(Seen(weighed.seen, HeavySeen(weighed.value.heavy)), helpers=1))
    if lifted.value.go:
        await ask(scope, "lift")


async def counting_mover(scope: Scope) -> None:
    """Work out how many are needed: that is a function of a ruling, and no value of the path."""
    weighed = await scope.decide(WEIGHING, WeighedLoad(20))
    lifted = await scope.decide(LIFTING, Lift(None, helpers=2 if weighed.value.heavy else 0))
    if lifted.value.go:
        await ask(scope, "lift")


async def telling_mover(scope: Scope) -> None:
    """Make words of a ruling, which no decision that steers has seen."""
    weighed = await scope.decide(WEIGHING, WeighedLoad(20))
    await ask(scope, f"say {weighed.value.words}")


async def hasty_mover(scope: Scope) -> None:
    """Act on a ruling that is not there to be acted upon."""
    weighed = await scope.decide(WEIGHING, WeighedLoad(20))
    if not weighed.value.heavy:
        return
    await ask(scope, "lift")


async def moved(mover: Mover) -> Mutated:
    """Live once, and answer each of its decisions otherwise."""
    log = memory_log()
    scope = Scope(live_world(log, Echo(log))._replace(deciding=Deciding((ERA,))), "mover")
    await mover(scope)
    await scope.finish()

    async def live(observer: Observer, tolerates: Tolerates | None) -> None:
        deciding = Deciding((unfailing(ERA),), observer=observer, tolerates=tolerates)
        again = Scope((await closed_world(log))._replace(deciding=deciding), "mover")
        await mover(again)
        await again.finish()

    return await mutate_lives(log, await load_histories(log, "r1"), live)


async def test_an_actor_that_hands_rulings_on_openly_is_clean() -> None:
    """Each of three fields is changed; the one that is handed on arrives."""
    came = await moved(open_mover)
    assert (came.mutations, came.compared, came.found) == (3, 1, ())


async def test_a_ruling_that_is_handed_on_as_a_number_is_found() -> None:
    """The rerun of this run is equal, and a what-if would answer as if nobody had counted."""
    (found,) = (await moved(counting_mover)).found
    assert (found.changed.point, found.field) == ("weighing", "heavy")
    assert found.seen_by is not None
    assert (found.seen_by.point, found.what) == ("lifting", "helpers: 0, not 2")


@pytest.mark.parametrize(
    ("mover", "field", "what"),
    [(telling_mover, "words", "asks for something else at mover@2"), (hasty_mover, "heavy", "HistoryUnread")],
)
async def test_an_actor_that_acts_on_a_ruling_that_does_not_steer_is_found(mover: Mover, field: str, what: str) -> None:
    """Whether it words a request by it, or goes another way."""
    (found,) = (await moved(mover)).found
    assert (found.changed.point, found.field, found.seen_by) == ("weighing", field, None)
    assert what in found.what


@pytest.mark.slow
async def test_a_run_that_is_not_touched_stays_as_it_was(tmp_path: Path) -> None:
    """The check writes no event."""
    log: EventLog = MemoryLog(clock=Ticking())
    run = (await start_run(await setting(log, make_base(tmp_path, SCRIPT)), spec())).run
    head = await log.head()
    await mutate(log, run)
    assert await log.head() == head
