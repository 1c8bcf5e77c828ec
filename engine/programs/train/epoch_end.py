"""The end of an epoch: its skill beside that of the epoch before, guidance from both, and the optimizer's own notes."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from engine.core.scope import Child
from engine.policies.edits.edit import EditRule
from engine.policies.edits.regions import regions_for
from engine.programs.train.course import Course, EndedBatch, SkillState, WantedBatch
from engine.programs.train.document import HEAD
from engine.programs.train.edit_points import CandidateSaw
from engine.programs.train.epoch_points import (
    META_NOTES,
    PAIRS,
    SAMPLE,
    TOP_UP,
    EpochPair,
    MetaSaw,
    MetaSeen,
    PairsSaw,
    SampleSaw,
    TopUpSaw,
)
from engine.programs.train.gating import gate, propose
from engine.programs.train.optimizer.rewriting import meta_skill, slow_update
from engine.programs.train.optimizer.terms import Came, MetaBrief, ShownPair, SlowBrief
from engine.programs.train.step import ended, shown_row
from events.base import Ref
from events.streams import META, SLOW, epoch_label, of_step
from events.types.decision import Held, Seen
from events.types.training import MetaWritten, SlowProposed

_encoder: Final = msgspec.json.Encoder(order="sorted")
_pairs: Final = msgspec.json.Decoder(tuple[EpochPair, ...])


async def end_epoch(course: Course, before: SkillState | None) -> None:
    """Compare what two epochs came to, as far as the settings ask for it.

    Args:
        course: Of the training.
        before: The skill in force when the epoch before had ended. None: there was none.

    Raises:
        TrainingEnds: There is no money left, or an operator ended it.
    """
    sample = (await course.scope.decide(SAMPLE, SampleSaw(course.planned, course.epoch))).value
    if sample.placeholder:
        await _guide(course, Held(course.scope.put(_encoder.encode("")), course.scope.at))
    if not sample.items or before is None:
        return
    compared = [await _compare(course, before, sample.items, "")]
    while sample.top_up and (more := await _more(course, compared)):
        compared.append(await _compare(course, before, more, f".{len(compared) + 1}"))
    pairs = await _paired(course, compared)
    asked = []
    if sample.slow:
        asked.append(_advice(course, before, pairs))
    if sample.meta:
        asked.append(_lesson(course, before, pairs))
    came = await course.scope.gather(asked)
    if sample.slow:
        await _advise(course, ended(came[0]))
    if sample.meta:
        await _remember(course, ended(came[-1]))


async def _more(course: Course, compared: Sequence[tuple[EndedBatch, EndedBatch]]) -> tuple[str, ...]:
    """Draw further items. Empty: enough of them changed, or none are left."""
    saw = TopUpSaw(course.planned, course.epoch, *_tables(compared))
    return (await course.scope.decide(TOP_UP, saw)).value.items


async def _compare(
    course: Course, before: SkillState, items: Sequence[str], part: str
) -> tuple[EndedBatch, EndedBatch]:
    """Roll items out under the skill of the epoch before, and under that of now."""
    label = partial(epoch_label, course.epoch)
    wanted = [(f"slow.before{part}", before), (f"slow.after{part}", course.now)]
    then, now = await course.batches(
        [WantedBatch(label(name), "train", items, skill, fresh=True) for name, skill in wanted]
    )
    return then, now


def _tables(compared: Sequence[tuple[EndedBatch, EndedBatch]]) -> tuple[tuple[Held, ...], tuple[Held, ...]]:
    return tuple(then.rows for then, _ in compared), tuple(now.rows for _, now in compared)


async def _paired(course: Course, compared: Sequence[tuple[EndedBatch, EndedBatch]]) -> tuple[ShownPair, ...]:
    epoch = course.epoch
    ruled = await course.scope.decide(
        PAIRS,
        PairsSaw(*_tables(compared)),
        lambda ruling, _: SlowProposed(
            epoch, ruling.pairs, ruling.improved, ruling.regressed, ruling.failing, ruling.passing
        ),
    )
    await course.scope.flush()
    shown = _pairs.decode(await course.scope.get(ruled.value.pairs))
    return tuple(
        ShownPair(each.category, shown_row(course, then, each.item), shown_row(course, now, each.item))
        for each in shown
        for then, now in compared
        if each.item in then.results
    )


def _advice(course: Course, before: SkillState, pairs: tuple[ShownPair, ...]) -> Child[Came[str]]:
    """Have guidance written."""
    guidance = regions_for(EditRule()).slow_update(course.now.document.files[HEAD])
    brief = SlowBrief(course.terms(), before.document, course.now.document, guidance, pairs)
    return Child(of_step(SLOW, course.epoch), partial(slow_update, brief=brief))


async def _advise(course: Course, came: Came[str]) -> None:
    """Have the gate decide on guidance that was written."""
    if came.value is not None and came.value.strip():
        await _guide(course, _text(course, came.value, came.at))


def _text(course: Course, text: str, at: Ref) -> Held:
    return Held(course.scope.put_json(_encoder.encode(text)), at)


async def _guide(course: Course, guidance: Held) -> None:
    candidate = await propose(course, CandidateSaw("slow", course.now.named, guidance=guidance))
    await gate(course, candidate, epoch_label(course.epoch, "slow.gate"))


def _lesson(course: Course, before: SkillState, pairs: tuple[ShownPair, ...]) -> Child[Came[str]]:
    """Have the optimizer note for itself what the epoch taught it."""
    brief = MetaBrief(course.terms(), before.document, course.now.document, pairs)
    return Child(of_step(META, course.epoch), partial(meta_skill, brief=brief))


async def _remember(course: Course, came: Came[str]) -> None:
    """Keep what the optimizer noted for itself."""
    written = None if came.value is None else _text(course, came.value, came.at)
    saw = MetaSaw(course.meta_at, written)
    epoch = course.epoch
    ruled = await course.scope.decide(META_NOTES, saw, lambda ruling, _: MetaWritten(epoch, ruling.text, ruling.kept))
    await course.scope.flush()
    course.meta_at = Seen(ruled.seen, MetaSeen(ruled.value.text))
    course.meta = "" if ruled.value.text is None else (await course.scope.get(ruled.value.text)).decode()
