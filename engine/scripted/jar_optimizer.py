"""The optimizer of the training demo: a script function that proposes what it reads in failures, and nothing else.

It knows no rule of the house. What it proposes are sentences out of the trajectories of failed items, whether they are
true or not; it leaves out what stands in the document, and what was tried before and rejected. A rule for all jars is
proposed to be deleted once a jar fails that gets no letter.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from engine.protocols.server_side import ServerRequest
from engine.scripted.jar_rules import GENERAL, PLAIN, rules_in, sentences_in
from engine.scripted.script import ScriptedTurn

_STAGE: Final = re.compile(r"^Role: optimizer\nStage: ([a-z ]+)$", re.MULTILINE)
_HEADINGS: Final = re.compile(
    r"^# (The document(?: now| at the beginning(?: of the epoch)?| at its end)?|How much to change"
    r"|What was tried before|What you noted for yourself|Your notes so far|The advice that stands in it now"
    r"|Trajectories|The lists|The proposals|The suggestions|The items, with both|This step)$",
    re.MULTILINE,
)
_MOST: Final = re.compile(r"\b[Aa]t most (\d+) ")
_FENCED: Final = re.compile(r"^(`{3,})text\n(.*?)\n\1$", re.MULTILINE | re.DOTALL)
_LISTED: Final = re.compile(r"^\d+\. (\{.*\})$", re.MULTILINE)
_PLAIN: Final = PLAIN.removeprefix("{name}")
"""By this a jar is known that a rule for all jars labels wrong."""
_NOTE: Final = re.compile(r"^- (.+)$", re.MULTILINE)

Parts = Mapping[str, str]
Proposal = dict[str, Any]


def propose(asked: ServerRequest) -> ScriptedTurn | None:
    """Answer a request of the optimizer; requests of other roles have no answer."""
    stage = _STAGE.search(asked.opening)
    answer = None if stage is None else _STAGES.get(stage[1])
    if answer is None:
        return None
    return ScriptedTurn(text=f"```json\n{json.dumps(answer(_parts(asked.opening)), indent=1)}\n```")


def _parts(text: str) -> Parts:
    """Cut a request at its headings; what stands before them is under the empty one."""
    cut = _HEADINGS.split(text)
    return {"": cut[0], **dict(zip(cut[1::2], cut[2::2], strict=True))}


# -- reflection --------------------------------------------------------------------------------------------------------


def _failures(parts: Parts) -> dict[str, Any]:
    """Propose what the pages of failed items say."""
    shown = [found[2] for found in _FENCED.finditer(parts["Trajectories"])]
    document = parts["The document"]
    edits = list(_edits(document, parts["What was tried before"], shown))
    budget = _MOST.search(parts["How much to change"])
    kept = edits if budget is None else edits[: int(budget[1])]
    kinds = [{"type": "wrong label", "count": len(shown), "description": "the label is not that of this house"}]
    return {"findings": kinds, **_in_mode(parts[""], document, kept)}


def _edits(document: str, tried: str, failed: Sequence[str]) -> Iterator[Proposal]:
    """Word what is told most often first: one sentence for each subject."""
    told: Counter[str] = Counter()
    where: dict[str, list[int]] = {}
    for number, one in enumerate(failed, 1):
        for each in dict.fromkeys(sentences_in(one)):
            told[each] += 1
            where.setdefault(each, []).append(number)
    standing = {each.subject: each.sentence for each in rules_in(document)}
    plain = [number for number, one in enumerate(failed, 1) if _PLAIN in one]
    if GENERAL in standing and plain:
        yield {"op": "delete", "target": f"- {standing[GENERAL]}", "from": plain}
    subjects: set[str] = set()
    for sentence, _ in told.most_common():
        subject = next((each.subject for each in rules_in(sentence)), sentence)
        if sentence in document or sentence in tried or subject in subjects:
            continue
        subjects.add(subject)
        edit = {"content": f"- {sentence}", "from": where[sentence]}
        if subject in standing:
            yield {"op": "replace", "target": f"- {standing[subject]}", **edit}
        else:
            yield {"op": "append", **edit}


def _in_mode(form: str, document: str, edits: Sequence[Proposal]) -> dict[str, Any]:
    """Word edits as the form asks for them: as such, as suggestions, or as a draft of the whole document."""
    if '"drafts"' in form:
        text = _rewritten(document, [each.get("content", "") for each in edits])
        drafts = [{"title": "rules of the house", "change_summary": "what the pages say", "new_skill": text}]
        return {"drafts": drafts if edits else []}
    if '"suggestions"' in form:
        return {"suggestions": [_suggestion(each) for each in edits]}
    return {"edits": list(edits)}


def _suggestion(edit: Proposal) -> Proposal:
    said = edit.get("content", f"Leave out: {edit.get('target')}")
    return {"title": "a rule", "motivation": "a page says so", "instruction": said, "from": edit["from"]}


def _successes(parts: Parts) -> dict[str, Any]:
    """Propose nothing: what is labelled right needs no further rule."""
    return {"findings": [], **_in_mode(parts[""], "", ())}


# -- what follows ------------------------------------------------------------------------------------------------------


def _merge(parts: Parts) -> dict[str, Any]:
    """Keep each proposal once, those of most readers first."""
    merged: dict[str, Proposal] = {}
    for each in _listed(parts["The lists"]):
        bare = {key: value for key, value in each.items() if key not in {"support_count", "source_type", "sources"}}
        known = merged.setdefault(json.dumps(bare, sort_keys=True), {**bare, "sources": []})
        known["sources"] += [name for name in each.get("sources", ()) if name not in known["sources"]]
    key = "drafts" if '"drafts"' in parts[""] else "suggestions" if '"suggestions"' in parts[""] else "edits"
    return {key: sorted(merged.values(), key=lambda each: -len(each["sources"]))}


def _rank(parts: Parts) -> dict[str, Any]:
    """Put proposals of most support first."""
    listed = _listed(parts["The proposals"])
    order = sorted(range(len(listed)), key=lambda index: -(listed[index].get("support_count") or 0))
    found = _MOST.search(parts["The proposals"])
    return {"selected_indices": order if found is None else order[: int(found[1])]}


def _rate(parts: Parts) -> dict[str, Any]:
    """Make half of what is proposed, rounded up."""
    return {"learning_rate": (len(_listed(parts["The proposals"])) + 1) // 2, "reasoning": "One half at a time."}


def _rewrite(parts: Parts) -> dict[str, Any]:
    """Write what is suggested below the document; what is to be left out stays."""
    told = [each["instruction"] for each in _listed(parts["The suggestions"]) if each["instruction"].startswith("- ")]
    return {"new_skill": _rewritten(parts["The document"], told), "change_summary": "what was suggested"}


def _rewritten(document: str, lines: Sequence[str]) -> str:
    """Give the text of a document, with further lines at its end."""
    found = _FENCED.search(document)
    text = "" if found is None else found[2]
    return "\n".join([*text.splitlines(), *(each for each in lines if each and each not in text)])


# -- over an epoch -----------------------------------------------------------------------------------------------------


def _slow(parts: Parts) -> dict[str, Any]:
    """Advise what the pages of compared items tell most often and the document does not; a rule for all jars last."""
    document = parts["The document now"]
    told = Counter(sentences_in(parts["The items, with both"]))
    new = sorted((each for each, _ in told.most_common() if each not in document), key=_is_general)
    return {"reasoning": "The pages say so.", "guidance": "".join(f"- {each}" for each in new[:1])}


def _is_general(sentence: str) -> bool:
    return sentence.startswith(GENERAL)


def _meta(parts: Parts) -> dict[str, Any]:
    """Note which rules the epoch brought."""
    before = parts["The document at the beginning of the epoch"]
    new = [each.sentence for each in rules_in(parts["The document at its end"]) if each.sentence not in before]
    notes = [f"- It was worth proposing: {each}" for each in dict.fromkeys(new)]
    return {"reasoning": "Both documents say so.", "notes": "\n".join(notes)}


def _consolidate(parts: Parts) -> dict[str, Any]:
    """Keep each reminder once, and one fewer at least."""
    notes = list(dict.fromkeys(_NOTE.findall(parts[""])))
    return {"notes": notes[: max(1, len(notes) - 1)]}


_STAGES: Final[Mapping[str, Callable[[Parts], dict[str, Any]]]] = MappingProxyType(
    {
        "reflect failures": _failures,
        "reflect successes": _successes,
        "merge": _merge,
        "rank": _rank,
        "rate": _rate,
        "rewrite": _rewrite,
        "slow update": _slow,
        "meta skill": _meta,
        "appendix": _consolidate,
    }
)


def _listed(text: str) -> list[Proposal]:
    """Read proposals from a list of them."""
    return [json.loads(each) for each in _LISTED.findall(text)]
