"""Read an optimizer's answers: each policy from the inputs of its point to a ruling; pure.

What cannot be read is asked for again as often as the settings say, with what is wrong with it; then it is unreadable,
which is never the same as an empty list of proposals.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.core.decision import Policy, PolicyContext
from engine.effects.answer_points import ReadAnswer
from engine.effects.answer_reading import AnswerUnread, TakenAnswer, object_in, read_answer
from engine.policies.edits.apply import apply_edits
from engine.policies.edits.edit import Edit, EditRule
from engine.policies.edits.modes import SkillCandidate, UpdateItem
from engine.policies.edits.rewriting import rewritten
from engine.policies.training.errors import SupportUnreadable
from engine.policies.training.merging import claimed_support, sources_of, support_of
from engine.policies.training.rate import read_rate
from engine.policies.training.selection import read_ranking
from engine.programs.train.optimizer import points
from engine.programs.train.optimizer.proposals import (
    KEYS,
    Mode,
    ReadProposals,
    decode_proposals,
    encode_proposals,
    proposals_in,
)


class FailureKind(msgspec.Struct, frozen=True):
    """A kind of failure, or of success, that a reflection names."""

    type: str
    count: int | None
    """Trajectories that show it, as the model says. None: it does not say."""
    description: str


class PatchAside(msgspec.Struct, frozen=True):
    """What a reflection says besides its proposals."""

    failures: tuple[FailureKind, ...]
    notes: tuple[str, ...]
    """Reminders of rules that the document has and that were not followed."""


def _proposed(said: str, mode: Mode) -> tuple[Mapping[str, Any], ReadProposals]:
    """Read an answer and the proposals in it.

    Raises:
        AnswerUnread: There is no list of them, or not one of them can be read.
    """
    answer = object_in(said)
    read = proposals_in(answer, mode)
    if read is None:
        raise AnswerUnread(f"the answer has no list `{KEYS[mode]}`; an empty list says that nothing is to be changed")
    if read.faults and not read.found:
        raise AnswerUnread(*read.faults)
    return answer, read


# -- reflection -------------------------------------------------------------------------------------------------------


def read_patch(saw: points.PatchSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read what a reflection proposes. What it rests on is counted, not taken from what it says (W17)."""

    def take(said: str) -> TakenAnswer:
        answer, read = _proposed(said, saw.mode)
        items = [_of_reflection(each.item, _support(each.said, saw.shown), saw) for each in read.found]
        kept = items if saw.budget is None else items[: saw.budget]
        dropped = () if len(kept) == len(items) else (f"of {len(items)} proposals only {len(kept)} are taken",)
        doubts = (*read.faults, *_unusable(kept, desk.read(saw.document), _edit_rule(rule)))
        aside = msgspec.json.encode(_aside(answer, saw))
        return TakenAnswer(encode_proposals(kept), len(kept), aside, dropped, doubts)

    return read_answer(saw, rule.repairs, desk, take)


def read_patch_as_claimed(saw: points.PatchSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read it as SkillOpt does: its support is what it says of its batch, and anchors are not looked at."""

    def take(said: str) -> TakenAnswer:
        answer, read = _proposed(said, saw.mode)
        try:
            claimed = claimed_support(answer.get("batch_size"))
        except SupportUnreadable as error:
            raise AnswerUnread(str(error)) from None
        items = [_of_reflection(each.item, each.item.support_count or claimed, saw) for each in read.found]
        kept = items if saw.budget is None else items[: saw.budget]
        return TakenAnswer(encode_proposals(kept), len(kept), msgspec.json.encode(_aside(answer, saw)), read.faults)

    return read_answer(saw, rule.repairs, desk, take)


def _support(said: Mapping[str, Any], shown: int) -> int:
    """Count the trajectories that a proposal names; one that names none rests on all that were shown."""
    named = said.get("from")
    listed = named if isinstance(named, list) else []
    numbers = {each for each in listed if isinstance(each, int) and not isinstance(each, bool) and 1 <= each <= shown}
    return len(numbers) or shown


def _of_reflection(item: UpdateItem, support: int, saw: points.PatchSaw) -> UpdateItem:
    return msgspec.structs.replace(
        item, support_count=support, source_type=saw.kind, merge_level=None, sources=(saw.name,)
    )


def _edit_rule(rule: points.ReadingRule, *, compatible: bool = False) -> EditRule:
    return EditRule(compatible=compatible, max_chars=rule.max_chars, max_files=rule.max_files)


def _unusable(items: Sequence[UpdateItem], document: bytes, rule: EditRule) -> tuple[str, ...]:
    """Say which edits could not be applied to the document, one after the other, and which drafts could not stand.

    What would change nothing is none of them: it is not worth a further call.
    """
    files = msgspec.json.decode(document, type=dict[str, str])
    edits = [each for each in items if isinstance(each, Edit)]
    report = apply_edits(files, edits, rule).report
    lost = [each for each in report if not each.applied and each.status not in _IDLE]
    drafts = [each.new_skill for each in items if isinstance(each, SkillCandidate)]
    taken = [rewritten(files.get(points.DOCUMENT, ""), each, rule) for each in drafts]
    return (
        *(f"edit {each.index} ({each.edit.op}): {each.hint or each.status}" for each in lost),
        *(each.hint for each in taken if each.text is None and each.status not in _IDLE),
    )


_IDLE: Final = frozenset({"refused_duplicate", "refused_no_change"})
"""What becomes of edits and drafts that say what stands there already."""


def _aside(answer: Mapping[str, Any], saw: points.PatchSaw) -> PatchAside:
    listed: list[Any] = next((answer[key] for key in _KINDS_OF if isinstance(answer.get(key), list)), [])
    kinds = tuple(kind for each in listed if (kind := _kind(each)) is not None)
    return PatchAside(kinds, _notes(answer.get("appendix_notes")) if saw.appendix else ())


_KINDS_OF: Final = ("findings", "failure_summary", "success_patterns")
"""Under which name an answer lists kinds of failures or successes; the first is the one that is asked for."""


def _kind(value: Any) -> FailureKind | None:
    match value:
        case str() if value.strip():
            return FailureKind(value.strip(), None, "")
        case dict():
            name = next(
                (value[key] for key in ("type", "failure_type", "pattern") if isinstance(value.get(key), str)), ""
            )
            count, told = value.get("count"), value.get("description")
            whole = count if isinstance(count, int) and not isinstance(count, bool) else None
            return FailureKind(name, whole, told if isinstance(told, str) else "") if name else None
        case _:
            return None


def _notes(value: Any) -> tuple[str, ...]:
    """Read notes: a list of texts, or of objects that hold one, or one text."""
    listed = value if isinstance(value, list) else [value]
    texts = [each.get("note") or each.get("content") if isinstance(each, dict) else each for each in listed]
    return tuple(each.strip() for each in texts if isinstance(each, str) and each.strip())


# -- merge ------------------------------------------------------------------------------------------------------------


def read_merge(saw: points.MergeSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read what became of several lists of proposals; what each rests on is counted from those that it came from."""

    def take(said: str) -> TakenAnswer:
        _, read = _proposed(said, saw.mode)
        group = [_items(desk.read(each), saw.mode) for each in saw.group]
        merged = [_of_merge(each.item, each.said, group, saw) for each in read.found]
        doubts = (*read.faults, *_unusable(merged, desk.read(saw.document), _edit_rule(rule)))
        return TakenAnswer(encode_proposals(merged), len(merged), doubts=doubts)

    return read_answer(saw, rule.repairs, desk, take)


def _items(data: bytes, mode: Mode) -> list[Mapping[str, Any]]:
    return [msgspec.to_builtins(each) for each in decode_proposals(data, mode)]


def _of_merge(
    item: UpdateItem, said: Mapping[str, Any], group: Sequence[Sequence[Mapping[str, Any]]], saw: points.MergeSaw
) -> UpdateItem:
    named = said.get("sources")
    claimed = [each for each in named if isinstance(each, str)] if isinstance(named, list) else []
    bare = msgspec.structs.replace(item, support_count=None, source_type=None, merge_level=None, sources=())
    sources = sources_of(msgspec.to_builtins(bare), claimed, group)
    kinds = {each.get("source_type") for part in group for each in part if set(each.get("sources", ())) & set(sources)}
    return msgspec.structs.replace(
        item,
        support_count=support_of(sources, dict(saw.rows)),
        source_type=kinds.pop() if len(kinds) == 1 else None,
        merge_level=item.merge_level if saw.level is None else saw.level,
        sources=sources,
    )


def read_merge_as_claimed(saw: points.MergeSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read a merge as SkillOpt does: support and kind are what the model says, and one bad item spoils the list."""

    def take(said: str) -> TakenAnswer:
        _, read = _proposed(said, saw.mode)
        if read.faults:
            raise AnswerUnread(*read.faults)
        group = [_items(desk.read(each), saw.mode) for each in saw.group]
        merged = [
            msgspec.structs.replace(
                _of_merge(each.item, each.said, group, saw),
                support_count=each.item.support_count,
                source_type=each.item.source_type,
            )
            for each in read.found
        ]
        return TakenAnswer(encode_proposals(merged), len(merged))

    return read_answer(saw, rule.repairs, desk, take)


# -- choice -----------------------------------------------------------------------------------------------------------


def read_choice(
    saw: points.RankingSaw, rule: points.ReadingRule, desk: PolicyContext, *, compatible: bool = False
) -> ReadAnswer:
    """Read which proposals are applied first."""

    def take(said: str) -> TakenAnswer:
        chosen = read_ranking(object_in(said), saw.available, saw.budget, compatible=compatible)
        if chosen is None:
            raise AnswerUnread(
                f"`selected_indices` must be a list of numbers from 0 to {saw.available - 1}, the best first"
            )
        return TakenAnswer(msgspec.json.encode(chosen), len(chosen))

    return read_answer(saw, rule.repairs, desk, take)


def read_choice_as_skillopt(saw: points.RankingSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read which proposals are applied first, one at least (W15)."""
    return read_choice(saw, rule, desk, compatible=True)


def read_chosen_rate(saw: points.RateSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read how many proposals are applied."""

    def take(said: str) -> TakenAnswer:
        answer = object_in(said)
        rate = read_rate(answer, saw.available)
        if not rate.readable:
            raise AnswerUnread("`learning_rate` must be a whole number, 0 or more")
        why = answer.get("reasoning")
        beside = msgspec.json.encode(why) if isinstance(why, str) else None
        return TakenAnswer(msgspec.json.encode(rate.rate), rate.rate, beside)

    return read_answer(saw, rule.repairs, desk, take)


# -- texts ------------------------------------------------------------------------------------------------------------


def read_rewrite(
    saw: points.RewriteSaw, rule: points.ReadingRule, desk: PolicyContext, *, compatible: bool = False
) -> ReadAnswer:
    """Read a document that was written anew. What others keep in it is put back."""

    def take(said: str) -> TakenAnswer:
        answer = object_in(said)
        text = answer.get("new_skill")
        files = msgspec.json.decode(desk.read(saw.document), type=dict[str, str])
        before = files.get(points.DOCUMENT, "")
        taken = rewritten(before, text if isinstance(text, str) else "", _edit_rule(rule, compatible=compatible))
        if taken.text is None:
            raise AnswerUnread(f"`new_skill` must be the whole document: {taken.hint}")
        files[points.DOCUMENT] = taken.text
        summary = answer.get("change_summary")
        lines = summary if isinstance(summary, list) else [summary]
        told = "\n".join(line for line in lines if isinstance(line, str))
        return TakenAnswer(msgspec.json.encode(files), 1, msgspec.json.encode(told))

    return read_answer(saw, rule.repairs, desk, take)


def read_rewrite_as_skillopt(saw: points.RewriteSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read it as it is, protected blocks included (W18)."""
    return read_rewrite(saw, rule, desk, compatible=True)


def read_slow(saw: points.GuidanceSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read advice that was drawn from an epoch."""
    return read_answer(saw, rule.repairs, desk, lambda said: _one_text(said, ("guidance", "slow_update_content")))


def read_meta(saw: points.GuidanceSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read what an optimizer notes for itself."""
    return read_answer(saw, rule.repairs, desk, lambda said: _one_text(said, ("notes", "meta_skill_content")))


def _one_text(said: str, keys: Sequence[str]) -> TakenAnswer:
    answer = object_in(said)
    found = next((answer[key] for key in keys if isinstance(answer.get(key), str)), None)
    if found is None:
        raise AnswerUnread(f"`{keys[0]}` must be a text; an empty one says that there is nothing to note")
    return TakenAnswer(msgspec.json.encode(found.strip()), int(bool(found.strip())))


def read_notes(saw: points.NotesSaw, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
    """Read fewer notes."""

    def take(said: str) -> TakenAnswer:
        before = msgspec.json.decode(desk.read(saw.notes), type=list[str])
        answer = object_in(said)
        fewer = _notes(answer.get("notes", answer.get("appendix_notes")))
        if not fewer or len(fewer) >= len(before):
            raise AnswerUnread(f"`notes` must be a list of texts, fewer than {len(before)} and at least one")
        return TakenAnswer(msgspec.json.encode(fewer), len(fewer))

    return read_answer(saw, rule.repairs, desk, take)


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        points.PATCH_READ.name: read_patch,
        points.MERGE_READ.name: read_merge,
        points.RANKING_READ.name: read_choice,
        points.RATE_READ.name: read_chosen_rate,
        points.REWRITE_READ.name: read_rewrite,
        points.SLOW_READ.name: read_slow,
        points.META_READ.name: read_meta,
        points.NOTES_READ.name: read_notes,
    }
)
"""By point; those of the default value."""


def _asked_once(policy: Policy) -> Policy:
    """Give a policy that asks for no answer again, as SkillOpt does not."""

    def once(saw: Any, rule: points.ReadingRule, desk: PolicyContext) -> ReadAnswer:
        ruling: ReadAnswer = policy(saw, msgspec.structs.replace(rule, repairs=0), desk)
        return ruling

    return once


_AS_SKILLOPT: Final[Mapping[str, Policy]] = {
    **POLICIES,
    points.PATCH_READ.name: read_patch_as_claimed,
    points.MERGE_READ.name: read_merge_as_claimed,
    points.RANKING_READ.name: read_choice_as_skillopt,
    points.REWRITE_READ.name: read_rewrite_as_skillopt,
}
COMPATIBLE: Final[Mapping[str, Policy]] = MappingProxyType(
    {name: _asked_once(policy) for name, policy in _AS_SKILLOPT.items()}
)
"""The same as SkillOpt reads them: nothing is asked again, support is what a model claims, blocks are not kept."""
